"""Which checkpoints a pattern or a folder stands for."""

from pathlib import Path

import pytest

from pytest_mxperf.checkpoints import below, matching, named
from pytest_mxperf.errors import UsageError


@pytest.fixture
def folder(tmp_path):
    """A folder whose own name is a pattern, with two checkpoints and a stored baseline."""
    folder = tmp_path / "v[1]"
    for name in ("b", "a", "deeper/c", "baselines/a", "noise/"):
        path = folder / f"{name}-symbol.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    (folder / "baselines" / "a.json").write_text('{\n  "schema": 1,\n  "convention": "mxperf-1",\n')
    return folder


def test_a_folder_stands_for_all_in_it_but_baselines(folder):
    assert below(folder) == [str(folder / name) for name in ("a", "b", "deeper/c")]


def test_a_folder_that_links_lead_to_again_is_looked_at_once(folder, tmp_path):
    """Two links to the folder itself make more paths than anybody can visit."""
    for name in ("again", "once-more"):
        (folder / "deeper" / name).symlink_to(folder)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "d-symbol.json").write_text("{}")
    (folder / "linked").symlink_to(outside)
    assert below(folder) == [str(folder / name) for name in ("a", "b", "deeper/c", "linked/d")]


def test_a_folder_that_has_baselines_only_says_so(folder):
    with pytest.raises(UsageError, match=r"baselines: only graphs of baselines there; give one of them, as in .*/a$"):
        named(str(folder / "baselines"))
    with pytest.raises(UsageError, match=r"noise: no -symbol.json file there$"):
        named(str(folder / "noise"))


def test_a_json_beside_a_checkpoint_makes_it_no_baseline(folder):
    (folder / "a.json").write_text('{"classes": []}')
    assert str(folder / "a") in below(folder)


def test_a_pattern_stands_for_what_it_matches(folder, monkeypatch):
    assert matching("*", folder) == [str(folder / name) for name in ("a", "b")]
    assert matching("**/c", folder) == [str(folder / "deeper" / "c")]
    assert matching(str(folder.parent / "v*" / "a"), Path("/elsewhere")) == [str(folder / "a")]
    monkeypatch.chdir(folder)
    assert matching("deeper/*") == ["deeper/c"]
