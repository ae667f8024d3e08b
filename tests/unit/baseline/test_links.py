"""Nothing is read or written outside of the folder of baselines."""

import pytest

from pytest_mxperf.baseline.record import Baseline
from pytest_mxperf.baseline.store import BaselineStore
from pytest_mxperf.cost.result import CostReport, Params
from pytest_mxperf.errors import BaselineError
from tests.words import WORDS

BASELINE = Baseline.of(CostReport((), Params(), {}), {})


def load(store):
    store.load("net")


def save(store):
    store.save("net", BASELINE, "{}")


@pytest.mark.parametrize("act", [load, save])
@pytest.mark.parametrize("name", ["net.json", "net-symbol.json"])
@pytest.mark.parametrize("exists", [True, False])
def test_a_file_that_is_a_link_is_refused_and_its_target_left_alone(tmp_path, act, name, exists):
    folder, target = tmp_path / "baselines", tmp_path / "precious"
    folder.mkdir()
    if exists:
        target.write_text("precious")
    (folder / name).symlink_to(target)
    with pytest.raises(BaselineError) as caught:
        act(BaselineStore(folder, WORDS))
    assert str(caught.value) == (
        f"{folder / name}: is a symbolic link, a baseline is a file of its own; put a copy in its place"
    )
    assert target.exists() == exists
    assert not exists or target.read_text() == "precious"


@pytest.mark.parametrize("act", [load, save])
def test_a_folder_that_is_a_link_is_refused_with_the_remedy(tmp_path, act):
    target = tmp_path / "elsewhere"
    target.mkdir()
    (tmp_path / "baselines").symlink_to(target)
    with pytest.raises(BaselineError) as caught:
        act(BaselineStore(tmp_path / "baselines", WORDS))
    assert str(caught.value) == (
        f"{tmp_path / 'baselines'}: is a symbolic link; give its target with --folder {target}"
    )
    assert list(target.iterdir()) == []
    save(BaselineStore(target, WORDS))


def test_a_read_only_folder_is_one_clear_error(tmp_path, monkeypatch):
    """Root may write everywhere, so the error is made up."""

    def refuse(self, **options):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("pathlib.Path.mkdir", refuse)
    with pytest.raises(BaselineError, match=r"net\.json: cannot write the baseline: Read-only file system\Z"):
        save(BaselineStore(tmp_path / "baselines", WORDS))


@pytest.mark.parametrize("linked", [".", "net.json"])
def test_a_baseline_behind_a_link_is_listed_and_not_removed(tmp_path, linked):
    """So that it is told if no test uses it."""
    real, folder = tmp_path / "real", tmp_path / "baselines"
    save(BaselineStore(real, WORDS))
    if linked == ".":
        folder.symlink_to(real)
    else:
        folder.mkdir()
        (folder / linked).symlink_to(real / linked)
    store = BaselineStore(folder, WORDS)
    assert store.names() == ("net",)
    assert store.marks() == BaselineStore(real, WORDS).marks()
    assert store.twin(BASELINE) is None  # it cannot be used
    with pytest.raises(BaselineError, match="is a symbolic link"):
        store.remove("net", mark=store.marks()["net"])
    assert (real / "net.json").exists()


def test_a_link_to_what_has_no_end_is_no_baseline(tmp_path):
    (tmp_path / "net.json").symlink_to("/dev/zero")
    assert BaselineStore(tmp_path, WORDS).names() == ()
