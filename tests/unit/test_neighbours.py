"""What is offered instead of a file that does not exist."""

from pathlib import Path

import pytest

from pytest_mxperf.neighbours import parameter_files, what_else


@pytest.fixture
def models(tmp_path, monkeypatch):
    """``models/resnet`` and ``models/old/resnet``."""
    (tmp_path / "models" / "old").mkdir(parents=True)
    for folder in ("models", "models/old"):
        (tmp_path / folder / "resnet-symbol.json").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path / "models"


@pytest.mark.parametrize(
    ("typed", "advice"),
    [
        ("model/resnet", "the folder 'model' does not exist; did you mean 'models/resnet'?"),
        ("model/resnt", "the folder 'model' does not exist; did you mean 'models/resnet'?"),
        ("model/vgg", "the folder 'model' does not exist; did you mean 'models'?"),
        ("model/old/resnet", "the folder 'model' does not exist; did you mean 'models/old/resnet'?"),
        ("model/new/resnet", "the folder 'model' does not exist; did you mean 'models'?"),
        ("models/ald/resnet", "the folder 'models/ald' does not exist; did you mean 'models/old/resnet'?"),
        ("models/2018/resnet", "the folder 'models' has no folder '2018'"),
        ("modls", "did you mean 'models'?"),
        ("models/resnt.params", "the folder has resnet-symbol.json; did you mean 'models/resnet'?"),
        ("models/resnt", "the folder has resnet-symbol.json; did you mean 'models/resnet'?"),
        ("models/vgg", "the folder has resnet-symbol.json"),
        ("nowhere", "a model is given by the prefix PREFIX of PREFIX-symbol.json"),
        ("nowhere/resnet", "the folder 'nowhere' does not exist"),
        ("/nowhere/at/all/resnet", "the folder '/nowhere' does not exist"),
    ],
)
def test_a_folder_that_does_not_exist_is_told_with_what_does(models, typed, advice):
    assert what_else(Path(f"{typed}-symbol.json")) == f"; {advice}"


def test_a_path_that_no_file_can_have_gets_no_advice(models):
    assert what_else(Path("a\0b/net-symbol.json")) == ""


def test_weights_without_a_graph_are_told(tmp_path):
    for name in ("net-0000.params", "net-0001.params"):
        (tmp_path / name).touch()
    expected = "; the folder has net-0000.params, net-0001.params, and no graph"
    assert what_else(tmp_path / "net-symbol.json") == expected


def test_a_file_is_no_folder(models):
    assert what_else(models / "resnet-symbol.json" / "net-symbol.json") == ""


def test_a_checkpoint_may_be_in_a_folder_of_its_own(models):
    (models.parent / "vgg16").mkdir()
    (models.parent / "vgg16" / "vgg16-symbol.json").touch()
    assert what_else(Path("vgg-symbol.json")) == "; did you mean 'vgg16/vgg16'?"


@pytest.mark.parametrize(
    ("graph", "others", "offered"),
    [
        ("net-symbol.json", ["net.params"], ["net.params"]),
        ("net.json", ["mod-100.params"], ["mod-100.params"]),
        ("net.json", ["config.json", "mod-100.params"], ["mod-100.params"]),  # which nearly every folder has
        ("net-symbol.json", ["other-symbol.json", "model.params"], ["model.params"]),
        ("net-symbol.json", ["other-symbol.json", "other-0000.params"], []),
        ("net.json", ["other.json", "other.params", "x.param"], ["x.param"]),
        ("net-symbol.json", ["net-best.params", "net-0010.params", "model.params"], ["net-0010.params"]),
        ("net-symbol.json", ["meta.json"], []),
    ],
)
def test_weights_that_may_be_a_graphs_own_are_offered(tmp_path, graph, others, offered):
    for name in (graph, *others):
        (tmp_path / name).touch()
    assert parameter_files(tmp_path / graph) == offered
