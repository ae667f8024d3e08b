"""Whoever writes a baseline may be killed at any moment: what is stored then is the old pair or the new one.

Here a process of its own is killed before each of the system calls that change something on the disk, one after the
other; ``benchmarks/kill_update.py`` kills whole pytest runs at random moments.
"""

import os
import random
import signal
import time

import pytest

from pytest_mxperf.baseline.record import Baseline
from pytest_mxperf.baseline.store import BaselineStore
from pytest_mxperf.cost.result import CostReport, LayerCost, OpCost, Params
from tests.words import WORDS

CALLS = ("open", "fsync", "chmod", "replace", "unlink", "mkdir")
KILLS = 20


def baseline(macs):
    layer = LayerCost("fc", "FullyConnected", ((1, 4),), OpCost(macs=macs), Params())
    return Baseline.of(CostReport((layer,), Params(), {}), {})


def symbol(macs):
    return '{"nodes": ["' + str(macs) * 1000 + '"]}'


def save(store, macs):
    return store.save("net", baseline(macs), symbol(macs))


def version(store):
    """Which pair is stored, both of its files; None if there is none. Fails if the two do not belong together."""
    stored = store.load("net")
    if stored is None:
        return None
    assert stored.symbol_json == symbol(stored.baseline.macs) + "\n"
    return stored.baseline.macs


@pytest.fixture
def store(tmp_path):
    return BaselineStore(tmp_path / "baselines", WORDS)


def forked(action):
    """The process id of a child that does this and nothing else."""
    child = os.fork()
    if child:
        return child
    try:
        action()
        os._exit(0)
    finally:
        os._exit(1)  # an exception must not go on as a second test session


def dies_before(count, action):
    """Runs the action in a child that is killed before its count-th call; whether it came that far."""
    left = [count]

    def deadly(call):
        def wrapped(*args, **kwargs):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **kwargs)

        return wrapped

    def child():
        for name in CALLS:
            setattr(os, name, deadly(getattr(os, name)))
        action()

    status = os.waitpid(forked(child), 0)[1]
    assert status == 0 or os.WTERMSIG(status) == signal.SIGKILL
    return status != 0


def outcomes(prepare, action, look):
    """What ``look`` finds after the action was killed before its first, second, ... call, each time prepared anew."""
    found = []
    for count in range(1, 100):
        prepare()
        was_killed = dies_before(count, action)
        found.append(look())
        if not was_killed:
            return found
    raise AssertionError("the action never ends")


class TestKilledBeforeEachCall:
    def test_the_first_recording(self, store):
        def prepare():
            for path in store.folder.glob("*") if store.folder.exists() else ():
                path.unlink()
            for path in store.folder.glob(".*"):
                path.unlink()

        found = outcomes(prepare, lambda: save(store, 1), lambda: version(store))
        assert found == sorted(found, key=lambda macs: macs or 0)  # None, None, ..., 1, 1
        assert set(found) == {None, 1}
        assert len(found) > 5

    def test_an_update(self, store):
        found = outcomes(lambda: save(store, 1), lambda: save(store, 2), lambda: version(store))
        assert found == sorted(found)
        assert set(found) == {1, 2}
        assert len(found) > 5

    @pytest.mark.slow
    def test_an_update_after_a_killed_update(self, store):
        """The second finds whatever the first has left, and must not lose it."""
        first = 0
        while True:
            first += 1
            finished = False

            def prepare(first=first):
                nonlocal finished
                save(store, 1)
                finished = not dies_before(first, lambda: save(store, 2))
                assert version(store) in (1, 2)

            found = outcomes(prepare, lambda: save(store, 3), lambda: version(store))
            assert set(found) <= {1, 2, 3}
            assert found[-1] == 3
            if finished:
                break
        assert first > 5

    def test_a_removal(self, store):
        def remove():
            store.remove("net", mark=store.marks()["net"])

        found = outcomes(lambda: save(store, 1), remove, lambda: version(store))
        assert found[0] == 1
        assert found[-1] is None
        assert set(found) == {1, None}

    def test_what_is_left_lying_about_is_gone_after_the_next_update(self, store):
        for count in range(1, 12):
            save(store, 1)
            dies_before(count, lambda: save(store, 2))
            save(store, 3)
            assert sorted(path.name for path in store.folder.iterdir()) == ["net-symbol.json", "net.json"]


def writer(store, macs):
    """A process that writes these versions in turns until it is killed."""

    def write():
        while True:
            for each in macs:
                save(store, each)

    return forked(write)


@pytest.mark.slow
def test_killed_at_random_moments(store):
    """Two processes write all the time and are killed; meanwhile and afterwards a reader sees whole pairs only."""
    moments = random.Random(1)
    save(store, 1)
    for _ in range(KILLS):
        writers = [writer(store, (1, 2)), writer(store, (3, 4))]
        try:
            end = time.monotonic() + moments.uniform(0, 0.02)
            while time.monotonic() < end:
                store.load("net")
        finally:
            for each in writers:
                os.kill(each, signal.SIGKILL)
                os.waitpid(each, 0)
        assert version(store) in (1, 2, 3, 4)


def test_two_processes_lose_nothing_of_each_other(store):
    """Each records baselines of its own and one that both have."""

    def record(who, macs):
        for index in range(20):
            store.save(f"{who}{index}", baseline(index), symbol(index))
            save(store, macs)

    child = forked(lambda: record("child", 1))
    record("parent", 2)
    assert os.waitpid(child, 0)[1] == 0
    assert len(store.names()) == 41
    for name in store.names():
        assert store.load(name) is not None
    assert version(store) in (1, 2)


def test_new_never_overwrites_what_another_process_has_just_recorded(store):
    save(store, 1)
    assert store.save("net", baseline(2), symbol(2), overwrite=False) == "unchanged"
    assert version(store) == 1
