"""The folder of baselines: what is written, read, replaced and refused."""

import itertools
import json
import os
import stat
import time

import pytest

from pytest_mxperf.baseline.record import Baseline
from pytest_mxperf.baseline.store import BaselineStore
from pytest_mxperf.cost.result import CostReport, LayerCost, OpCost, Params
from pytest_mxperf.errors import BaselineError
from tests.words import WORDS


def baseline(macs=12):
    layer = LayerCost("fc", "FullyConnected", ((1, 4),), OpCost(macs=macs), Params())
    return Baseline.of(CostReport((layer,), Params(), {}), {})


@pytest.fixture
def store(tmp_path):
    return BaselineStore(tmp_path / "some" / "baselines", WORDS)


def files(store):
    return sorted(path.name for path in store.folder.iterdir())


class TestNames:
    @pytest.mark.parametrize(
        "name", ["resnet18", "a", "_x", "9", "v1.2", "a+b", "resnet18-v1_b", "x-symbols", "n" * 128]
    )
    def test_ordinary_names_are_file_names(self, store, name):
        assert store.path(name) == store.folder / f"{name}.json"
        assert store.symbol_path(name) == store.folder / f"{name}-symbol.json"

    @pytest.mark.parametrize(
        "name",
        [
            *(
                "",
                ".",
                "..",
                "../x",
                "a/b",
                "/etc/x",
                "a\\b",
                "C:x",
                ".hidden",
                "-rf",
                "a b",
                "a\n",
                "a\0b",
                "na\u00efve",
            ),
            *("test[a]", "*", "x-symbol", "-symbol", "n" * 129, "n" * 5000),
        ],
    )
    @pytest.mark.parametrize("action", ["path", "symbol_path", "load"])
    def test_other_names_are_refused_with_the_remedy(self, store, name, action):
        with pytest.raises(BaselineError) as caught:
            getattr(store, action)(name)
        message = str(caught.value)
        assert message.startswith(f"{name!r} cannot name a baseline: use letters, digits and ._+-")
        assert message.endswith("give the model another name, with name=")

    def test_an_unsafe_name_writes_nothing(self, store, tmp_path):
        with pytest.raises(BaselineError):
            store.save("../x", baseline(), "{}")
        assert list(tmp_path.iterdir()) == []


class TestSave:
    def test_what_is_saved_can_be_loaded(self, store):
        store.save("net", baseline(), '{"nodes": []}')
        assert store.load("net").baseline.macs == baseline().macs == 12
        assert store.load("net").baseline.costs_digest() == baseline().costs_digest()
        assert store.load("net").symbol_json == '{"nodes": []}\n'
        assert files(store) == ["net-symbol.json", "net.json"]

    @pytest.mark.parametrize("end", ["", "\n", "\n\n"])
    def test_the_graph_is_kept_as_it_is_with_one_newline_at_the_end(self, store, end):
        store.save("net", baseline(), '{"nodes": ["\u00e4"]}' + end)
        assert store.symbol_path("net").read_bytes() == '{"nodes": ["\u00e4"]}\n'.encode()

    def test_it_says_what_happened(self, store):
        assert store.save("net", baseline(), "{}") == "recorded"
        assert store.save("net", baseline(), "{}") == "unchanged"
        assert store.save("net", baseline(macs=13), "{}") == "updated"
        assert store.load("net").baseline.macs == 13

    def test_another_graph_of_the_same_cost_is_an_update(self, store):
        store.save("net", baseline(), "{}")
        assert store.save("net", baseline(), '{"nodes": []}') == "updated"

    def test_a_graph_that_lost_its_baseline_is_recorded_anew(self, store):
        store.save("net", baseline(), "{}")
        store.path("net").unlink()
        assert store.save("net", baseline(), "{}") == "recorded"

    def test_unchanged_files_are_not_touched(self, store):
        store.save("net", baseline(), "{}")
        before = [(path.stat().st_ino, path.stat().st_mtime_ns) for path in sorted(store.folder.iterdir())]
        store.save("net", baseline(), "{}")
        assert [(path.stat().st_ino, path.stat().st_mtime_ns) for path in sorted(store.folder.iterdir())] == before

    def test_models_do_not_disturb_each_other(self, store):
        store.save("a", baseline(macs=1), "{}")
        store.save("b", baseline(macs=2), "{}")
        assert [store.load(name).baseline.macs for name in "ab"] == [1, 2]

    def test_everyone_may_read_the_files(self, store):
        """Temporary files are made for their owner alone."""
        store.save("net", baseline(), "{}")
        assert [stat.S_IMODE(path.stat().st_mode) for path in sorted(store.folder.iterdir())] == [0o644, 0o644]


class TestCrash:
    @pytest.mark.parametrize(
        ("crash", "raised"),
        [(OSError(28, "No space left on device"), BaselineError), (KeyboardInterrupt(), KeyboardInterrupt)],
    )
    @pytest.mark.parametrize("function", ["replace", "fsync"])
    def test_a_crash_leaves_the_old_files_and_nothing_else(self, store, monkeypatch, function, crash, raised):
        store.save("net", baseline(), "{}")
        before = {path: path.read_bytes() for path in store.folder.iterdir()}

        def fail(*args):
            raise crash

        monkeypatch.setattr(os, function, fail)
        with pytest.raises(raised):
            store.save("net", baseline(macs=13), '{"nodes": []}')
        assert {path: path.read_bytes() for path in store.folder.iterdir()} == before

    def test_the_error_names_the_file_and_the_reason(self, store, monkeypatch):
        def fail(*args):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "replace", fail)
        with pytest.raises(BaselineError) as caught:
            store.save("net", baseline(), "{}")
        assert str(caught.value) == f"{store.path('net')}: cannot write the baseline: No space left on device"

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
    def test_a_folder_that_must_not_be_written_is_one_clear_error(self, store):
        store.folder.mkdir(parents=True)
        store.folder.chmod(0o555)
        with pytest.raises(BaselineError, match=r"net\.json: cannot write the baseline: Permission denied$"):
            store.save("net", baseline(), "{}")

    def test_a_file_in_the_place_of_the_folder_is_one_clear_error(self, tmp_path):
        (tmp_path / "baselines").write_text("")
        with pytest.raises(BaselineError, match=r"net\.json: cannot write the baseline: File exists$"):
            BaselineStore(tmp_path / "baselines", WORDS).save("net", baseline(), "{}")


class TestLoad:
    def test_a_missing_baseline_is_none(self, store):
        assert store.load("net") is None
        store.folder.mkdir(parents=True)
        assert store.load("net") is None

    def test_an_unreadable_file_is_named(self, store):
        store.folder.mkdir(parents=True)
        store.path("net").write_text("{not json")
        with pytest.raises(BaselineError) as caught:
            store.load("net")
        assert str(caught.value).startswith(f"{store.path('net')}: not a baseline: ")
        assert str(caught.value).endswith("; record it again with --update net")

    def test_another_schema_is_named(self, store):
        store.save("net", baseline(), "{}")
        raw = json.loads(store.path("net").read_text())
        store.path("net").write_text(json.dumps({**raw, "schema": 7}))
        with pytest.raises(BaselineError) as caught:
            store.load("net")
        assert str(caught.value) == (
            f"{store.path('net')}: written in schema 7, this version reads 1; record it again with --update net"
        )

    @pytest.mark.parametrize(
        ("break_it", "wrong"),
        [
            (lambda path: path.write_text("{}"), "is not the graph"),
            (lambda path: path.write_bytes(path.read_bytes()[:-1]), "is not the graph"),
            (lambda path: path.unlink(), "is missing: the graph"),
        ],
        ids=["another", "truncated", "missing"],
    )
    def test_a_graph_that_is_not_its_own_is_an_error(self, store, break_it, wrong):
        store.save("net", baseline(), '{"nodes": []}')
        break_it(store.symbol_path("net"))
        with pytest.raises(BaselineError) as caught:
            store.load("net")
        assert str(caught.value) == (
            f"{store.symbol_path('net')}: {wrong} that net.json was counted from; "
            "restore the two together, or record them again with --update net"
        )
        assert store.save("net", baseline(), '{"nodes": []}') == "updated"
        assert store.load("net").symbol_json == '{"nodes": []}\n'

    def test_a_folder_in_the_place_of_the_file_is_one_clear_error(self, store):
        store.path("net").mkdir(parents=True)
        with pytest.raises(BaselineError) as caught:
            store.load("net")
        assert str(caught.value) == f"{store.path('net')}: cannot read the baseline: Is a directory"


class TestNamesAndTwins:
    def test_only_baselines_are_listed(self, store):
        assert store.names() == ()
        store.save("b", baseline(), "{}")
        store.save("a", baseline(macs=13), "{}")
        for name in ("package.json", "x-symbol.json", ".c.json"):
            (store.folder / name).write_text('{"name": "x"}')
        (store.folder / "d.json").write_text("{")
        (store.folder / "e.json").mkdir()
        assert store.names() == ("a", "b")

    def test_a_baseline_of_another_schema_is_listed_too(self, store):
        store.save("net", baseline(), "{}")
        raw = json.loads(store.path("net").read_text())
        store.path("net").write_text(json.dumps({**raw, "schema": 7, "colour": "red"}))
        assert store.names() == ("net",)
        assert store.twin(baseline()) is None

    def test_a_twin_has_the_same_costs_whatever_its_layers_are_called(self, store):
        store.save("heavier", baseline(macs=13), "{}")
        assert store.twin(baseline()) is None
        store.save("old", baseline(), "{}")
        layer = LayerCost("renamed", "FullyConnected", ((1, 4),), OpCost(macs=12), Params())
        assert store.twin(Baseline.of(CostReport((layer,), Params(), {}), {})) == "old"
        other = LayerCost("fc", "Convolution", ((1, 4),), OpCost(macs=12), Params())
        assert store.twin(Baseline.of(CostReport((other,), Params(), {}), {})) is None

    def test_each_baseline_is_read_once_however_many_twins_are_asked_for(self, store, monkeypatch):
        for number in range(30):
            store.save(f"net{number}", baseline(macs=number + 1), "{}")
        age(store.folder)
        reads = []
        read = Baseline.from_json.__func__

        def note(cls, text, *, where):
            reads.append(where)
            return read(cls, text, where=where)

        monkeypatch.setattr(Baseline, "from_json", classmethod(note))
        assert [store.twin(baseline(macs=number + 1)) for number in range(40)] == [
            *(f"net{number}" for number in range(30)),
            *[None] * 10,
        ]
        assert len(reads) == 60  # 30 for the index, and each twin once more when it is found

    @pytest.mark.parametrize("is_settled", [True, False])
    def test_a_twin_is_that_of_the_moment(self, store, is_settled):
        """Whatever was written, replaced, edited in place or removed since the last question."""
        tick = time.time() + 3600

        def twin(macs):
            if is_settled:
                age(store.folder)
            else:  # all of this at one tick of a coarse clock
                os.utime(store.folder, (tick, tick))
            return BaselineStore(store.folder, WORDS).twin(baseline(macs=macs))

        store.save("a", baseline(macs=1), "{}")
        assert (twin(1), twin(2)) == ("a", None)
        store.save("b", baseline(macs=2), "{}")
        assert (twin(1), twin(2)) == ("a", "b")
        store.save("b", baseline(macs=3), "{}")
        assert (twin(2), twin(3)) == (None, "b")
        store.path("a").write_bytes(baseline(macs=9).to_json())  # as an editor may: no new file in the folder
        assert twin(1) is None
        store.save("c", baseline(macs=3), "{}")
        assert twin(3) == "b"
        store.remove("b", mark=store.marks()["b"])
        assert twin(3) == "c"
        store.path("c").unlink()
        store.path("c").mkdir()
        assert twin(3) is None


MOMENTS = itertools.count(1)


def age(folder):
    """As if a change of just now had happened a while ago, at a moment of its own."""
    if time.time() - folder.stat().st_mtime < 5:
        os.utime(folder, (0, 1_000_000_000 + next(MOMENTS)))


class TestRemove:
    def test_both_files_go(self, store):
        store.save("net", baseline(), "{}")
        assert store.remove("net", mark=store.marks()["net"])
        assert files(store) == []

    @pytest.mark.parametrize("change", ["written again", "made since"])
    def test_what_was_written_since_stays(self, store, change):
        store.save("net", baseline(), "{}")
        mark = store.marks()["net"] if change == "written again" else None
        if mark:
            store.save("net", baseline(macs=13), "{}")
        assert not store.remove("net", mark=mark)
        assert store.load("net") is not None

    def test_what_is_gone_already_is_no_error(self, store):
        store.save("net", baseline(), "{}")
        mark = store.marks()["net"]
        store.path("net").unlink()
        assert not store.remove("net", mark=mark)

    def test_what_cannot_be_removed_is_one_clear_error(self, store, monkeypatch):
        store.save("net", baseline(), "{}")

        def fail(*args, **kwargs):
            raise OSError(30, "Read-only file system")

        monkeypatch.setattr(os, "unlink", fail)
        with pytest.raises(BaselineError) as caught:
            store.remove("net", mark=store.marks()["net"])
        assert str(caught.value) == f"{store.path('net')}: cannot remove the baseline: Read-only file system"
