"""``mxperf.toml`` in a run of pytest: each of its models is a test with the same markers as a test in Python."""

import os
from pathlib import Path
from typing import Any, Iterator, Tuple

import pytest

from pytest_mxperf.errors import MxperfError
from pytest_mxperf.plugin import watch_of
from pytest_mxperf.suite.read import Entry, read_suite

__all__ = ["SuiteFile"]


class SuiteFile(pytest.File):
    """One file of models."""

    def collect(self) -> "Iterator[pytest.Item]":
        try:
            entries = read_suite(self.path)
        except MxperfError as error:
            raise self.CollectError(str(error)) from None
        for entry in entries:
            if entry.problem:  # what is wrong with it is its own, but it may use any baseline
                watch = watch_of(self.config)
                watch.doubt = watch.doubt or entry.problem
            test = _timed if entry.is_timed else _untimed
            item: SuiteItem = SuiteItem.from_parent(self, name=entry.name, callobj=test)
            item.mark(entry)
            yield item


class SuiteItem(pytest.Function):
    """The test of one model: a test function without a module."""

    _line = 0
    _entry: Entry

    def mark(self, entry: Entry) -> None:
        self._line = entry.line
        self._entry = entry
        for tag in entry.tags:
            self.config.addinivalue_line("markers", f"{tag}: a tag in {self.path.name}")  # for --strict-markers
            self.add_marker(getattr(pytest.mark, tag))
        if not entry.problem:
            self._add_gates(entry)

    def setup(self) -> None:
        if self._entry.problem:
            from pytest_mxperf.judge.entry import problem_of

            pytest.fail(problem_of(self._entry), pytrace=False)
        super().setup()

    def _add_gates(self, entry: Entry) -> None:
        root = self.config.rootpath
        model = {name: _under(root, value) if name in _PATHS else value for name, value in entry.model.items()}
        self.add_marker(pytest.mark.mxperf_model(**model))
        if entry.budget:
            self.add_marker(pytest.mark.mxperf_budget(**entry.budget))
        for baseline in entry.baselines:
            other = {name: _under(root, value) for name, value in baseline.items() if name == "against"}
            self.add_marker(pytest.mark.mxperf_baseline(**{**baseline, **other}))
        if entry.policy:
            self.add_marker(pytest.mark.mxperf_policy(**entry.policy))

    def reportinfo(self) -> "Tuple[os.PathLike[str], int, str]":
        return self.path, self._line - 1, self.name


_PATHS = ("source", "params", "example")


def _under(root: Path, path: Any) -> Any:
    """The path for messages: relative to pytest's root directory if it is below it."""
    return path if path is None or root not in Path(path).parents else os.path.relpath(path, root)


def _untimed() -> None:
    """Empty, because the markers have all gates."""


def _timed(mxperf_module: Any, mxperf_benchmark: Any) -> None:
    mxperf_benchmark(mxperf_module)
