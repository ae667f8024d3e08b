"""A baseline over the commits of a real git repository."""

import subprocess

import msgspec
import pytest

from pytest_mxperf.baseline.past import is_shallow, past
from pytest_mxperf.baseline.record import Baseline, WallTime
from pytest_mxperf.baseline.store import BaselineStore
from pytest_mxperf.cost.result import CostReport, LayerCost, OpCost, Params
from pytest_mxperf.errors import BaselineError
from pytest_mxperf.report import history
from tests.words import WORDS

GRAPH = '{"nodes": [], "arg_nodes": [], "heads": []}'


@pytest.fixture
def git(tmp_path, monkeypatch):
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "somebody")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "somebody@example.org")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")

    def git(*arguments, day=1):
        monkeypatch.setenv("GIT_AUTHOR_DATE", f"2024-01-{day:02}T12:00:00+00:00")
        monkeypatch.setenv("GIT_COMMITTER_DATE", f"2024-01-{day:02}T12:00:00+00:00")
        subprocess.run(["git", "-C", str(tmp_path), *arguments], check=True, capture_output=True)

    git("init")
    return git


@pytest.fixture
def store(tmp_path):
    return BaselineStore(tmp_path / "deep" / "baselines", WORDS)


def baseline(macs, **changes):
    layer = LayerCost("fc", "FullyConnected", ((1, 4),), OpCost(macs=macs), Params(trainable=macs, bytes=4 * macs))
    report = CostReport((layer,), Params(trainable=macs, bytes=4 * macs), {}, peak_activation_bytes=2048)
    return msgspec.structs.replace(Baseline.of(report, {}), **changes)


@pytest.fixture
def commit(git, store):
    """Commits a baseline, or bytes in its place."""

    def commit(content, day, name="net", subject=None):
        if isinstance(content, bytes):
            store.path(name).write_bytes(content)
        else:
            store.save(name, content, GRAPH)
        git("add", "-A")
        git("commit", "-m", subject or f"Day {day}", day=day)

    return commit


def test_each_commit_has_its_numbers_oldest_first(store, commit):
    wall = WallTime(0.02, 0.03, 0.04, 0.02, {})
    commit(baseline(100), 1)
    commit(baseline(150, wall_times={"x86": wall}), 2, subject="Widen it\x41")
    first, second = past(store, "net")
    assert (first.date[:10], first.subject, first.macs, first.params) == ("2024-01-01", "Day 1", 100, 100)
    assert (second.flops, second.peak_activation_bytes, second.wall_p50) == (300, 2048, {"x86": 0.02})
    assert (first.gap, second.gap) == ("", "")


def test_a_subject_and_a_folder_may_hold_anything_that_git_takes(git, tmp_path):
    odd = BaselineStore(tmp_path / 'a "quoted"\tfolder' / "b\\s", WORDS)
    odd.save("net", baseline(100), GRAPH)
    git("add", "-A")
    git("commit", "-m", "\x01\x02 :100644 100644 0 0 D\tnet.json")
    (found,) = past(odd, "net")
    assert (found.subject, found.macs) == ("\x01\x02 :100644 100644 0 0 D\tnet.json", 100)


def test_a_merge_counts_once_with_what_it_left(store, commit, git):
    """Two branches change the baseline, and the merge makes it a third."""
    commit(baseline(100), 1)
    git("checkout", "-q", "-b", "side")
    commit(baseline(110), 2)
    git("checkout", "-q", "-")
    commit(baseline(120), 3)
    git("merge", "-q", "-s", "ours", "--no-commit", "side")
    commit(baseline(130), 4, subject="Merge them")
    assert [(each.subject, each.macs) for each in past(store, "net")] == [
        *(("Day 1", 100), ("Day 2", 110), ("Day 3", 120), ("Merge them", 130))
    ]


def test_a_shallow_clone_is_known_as_one(store, commit, tmp_path):
    for day in (1, 2):
        commit(baseline(day), day)
    assert not is_shallow(store.folder)
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "--depth=1", f"file://{tmp_path}", str(clone)], check=True)
    assert is_shallow(clone / "deep" / "baselines")
    assert [each.macs for each in past(BaselineStore(clone / "deep" / "baselines", WORDS), "net")] == [2]


def test_commits_that_leave_it_alone_are_left_out(store, commit):
    commit(baseline(100), 1)
    commit(baseline(100), 2, name="other")
    assert [each.subject for each in past(store, "net")] == ["Day 1"]


def test_a_renamed_baseline_is_followed(store, commit, git, tmp_path):
    commit(baseline(100), 1, name="old")
    git("mv", "deep/baselines/old.json", "deep/baselines/net.json")
    git("mv", "deep/baselines/old-symbol.json", "deep/baselines/net-symbol.json")
    git("commit", "-m", "Rename", day=2)
    assert [(each.subject, each.macs) for each in past(store, "net")] == [("Day 1", 100), ("Rename", 100)]


def test_what_cannot_be_compared_is_a_gap_with_its_reason(store, commit, git):
    commit(baseline(100), 1)
    commit(b'{"schema": 7, "convention": "mxperf-9"}\n', 2)
    commit(baseline(100, convention="mxperf-0"), 3)
    commit(b"<<<<<<< HEAD\n", 4)
    git("rm", "-q", "deep/baselines/net.json")
    git("commit", "-m", "Remove it", day=5)
    commit(baseline(120), 6)
    found = past(store, "net")
    assert [each.macs for each in found] == [100, None, None, None, None, 120]
    assert found[1].gap == "net.json: written in schema 7, this version reads 1"
    assert found[2].gap == "counted under convention mxperf-0, not mxperf-1"
    assert found[3].gap == "net.json: has git conflict markers; resolve them"
    assert found[4].gap == "removed"


def test_since_leaves_out_what_is_older(store, commit):
    for day in (1, 10, 20):
        commit(baseline(day), day)
    assert [each.macs for each in past(store, "net", since="2024-01-05")] == [10, 20]
    with pytest.raises(BaselineError, match=r"no commit since 2025-01-01 has changed .*net\.json$"):
        past(store, "net", since="2025-01-01")


def test_a_name_that_does_not_exist_is_answered_with_those_that_do(store, commit):
    commit(baseline(1), 1, name="resnet18")
    with pytest.raises(BaselineError, match=r"no commit has a baseline .*resnet81\.json; there are resnet18"):
        past(store, "resnet81")
    with pytest.raises(BaselineError, match="cannot name a baseline"):
        past(store, "../net")


def test_without_a_repository_or_git_or_folder_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(BaselineError, match="there is no such folder; give the one of the baselines with --folder"):
        past(BaselineStore(tmp_path / "gone", WORDS), "net")
    with pytest.raises(BaselineError, match="git says: fatal: not a git repository"):
        past(BaselineStore(tmp_path, WORDS), "net")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BaselineError, match="git is not installed"):
        past(BaselineStore(tmp_path, WORDS), "net")


def test_it_is_a_table_with_sparklines(store, commit):
    commit(baseline(1_000_000), 1)
    commit(b"{}", 2)
    commit(baseline(1_500_000), 3, subject="Widen the last stage")
    lines = history.render("net", past(store, "net"), width=80, color=False).splitlines()
    assert lines[:4] == ["net", "  MACs    ▁ █  +50.00%", "  params  ▁ █  +50.00%", "  peak    ▁ ▁  +0.00%"]
    assert lines[5].split() == ["date", "commit", "MACs", "params", "peak", "subject"]
    assert lines[6].split()[2:] == ["1.00", "M", "1.00", "M", "2.00", "KiB", "Day", "1"]
    assert lines[7].split()[2:5] == ["-", "-", "-"]
    assert lines[8].endswith("2.00 KiB  Widen the last stage")
    assert max(map(len, lines)) <= 80


def test_a_small_change_is_one_step_of_seven(store, commit):
    """A fall of 0.1%, and then one of 10% of the first value, which is the full height."""
    commit(baseline(1_000_000), 1)
    commit(baseline(999_000), 2)
    assert history.render("net", past(store, "net"), width=80, color=False).splitlines()[1].split()[1] == "▂▁"
    commit(baseline(900_000), 3)
    assert history.render("net", past(store, "net"), width=80, color=False).splitlines()[1].split()[1] == "██▁"


def test_the_page_escapes_what_commits_say(store, commit):
    commit(baseline(100), 1, subject="<script>alert(1)</script>")
    commit(baseline(200), 2)
    text = history.page("net", past(store, "net"))
    assert "<script>" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert text.count("<polyline") == 3
    assert 'points="25.0,54.55 75.0,9.09"' in text  # of 220: 100 is half of 200
