"""The options, markers, hooks and fixtures that pytest sees. Each imports its implementation when it is called.

Most runs have no test with a model. They load this module and the options, and nothing else
(``benchmarks/startup.py``).
"""

import re
import sys
from importlib import metadata, util
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generator, Iterable, List, Optional

import pytest

from pytest_mxperf.plugin import options

if TYPE_CHECKING:
    from pytest_mxperf.cost.result import CostReport
    from pytest_mxperf.gate.own_metrics import Metric
    from pytest_mxperf.plugin.benchmark import Benchmark
    from pytest_mxperf.plugin.case import Case
    from pytest_mxperf.plugin.reporter import Reporter
    from pytest_mxperf.report.run import RunReport, Section
    from pytest_mxperf.spec import LoadedCheckpoint, ModelSpec

__all__ = [
    "MARKERS",
    "Hooks",
    "Watch",
    "is_marked",
    "is_registered",
    "mxperf_checkpoint",
    "mxperf_cost",
    "mxperf_model",
    "mxperf_module",
    "pytest_addhooks",
    "pytest_addoption",
    "pytest_configure",
    "pytest_load_initial_conftests",
    "pytest_report_header",
    "watch_of",
]

MARKERS = {
    "mxperf_model": "mxperf_model(source, *, inputs, epoch=0, name=None, run_as=None, example=None, params=None, "
    "shapes=None, output=()): the MXNet model that the test is about",
    "mxperf_budget": 'mxperf_budget(macs="1.82 G", latency_p50="40 ms", ...): ceilings. It takes macs, flops, params, '
    "param_bytes, checkpoint_bytes, peak_activation_bytes, rss, latency_p50, latency_p90, latency_p99, latency_mean. "
    "For one item of the batch it takes macs_per_item, flops_per_item, peak_activation_bytes_per_item, "
    "latency_p50_per_item and so on",
    "mxperf_baseline": 'mxperf_baseline(macs="0%", latency="5%", weights="25%", against=None, ...): allowed growth '
    "since the stored baseline, or over another model. It takes macs, flops, params, param_bytes, checkpoint_bytes, "
    "rss, latency, weights, wall_p50, wall_p90, wall_p99, wall_mean. With against=MODEL it takes no weights and no "
    "wall times",
    "mxperf_policy": 'mxperf_policy(uncounted="warn", ...): what verdicts do in this test: fail, warn or ignore',
}
_SUBJECTS = frozenset(("mxperf_model", "mxperf_budget", "mxperf_baseline"))
"""The markers of a test with a model."""

_MXNETS = ("mxnet", "mxnet-mkl", "mxnet-native", *(f"mxnet-cu{cuda}" for cuda in (90, 92, 100, 101, 102, 110, 112)))

_HAS_CASE: "pytest.StashKey[bool]" = pytest.StashKey()
_WATCH: "pytest.StashKey[Watch]" = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    options.add_options(parser)


class Hooks:
    """Hooks that another plugin or a conftest.py can implement. docs/extending.md has an example of each."""

    def pytest_mxperf_metrics(self, config: pytest.Config) -> "Iterable[Metric]":  # type: ignore[empty-body]
        """Returns the ``pytest_mxperf.Metric``s that budgets and baselines may name beside those of pytest-mxperf.

        Called for each test with a model. A conftest.py adds metrics to the tests of its own folder.
        """

    def pytest_mxperf_report_section(self, config: pytest.Config, run: "RunReport") -> "Optional[Section]":
        """Returns a ``pytest_mxperf.Section`` that is added to each report, or None.

        Called once, after all tests, in the process that reports, and only if the user asked for a report. ``run`` has
        the results of all tests.
        """
        return None


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    pluginmanager.add_hookspecs(Hooks)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: Any, parser: Any, args: List[str]) -> None:
    options.with_values(early_config, parser, args)


def pytest_configure(config: pytest.Config) -> None:
    options.check_ini(config)
    for line in MARKERS.values():
        config.addinivalue_line("markers", line)
    watch = config.stash[_WATCH] = Watch(config)
    config.pluginmanager.register(watch, "mxperf-watch")
    # Under the name of its entry point, or of -p pytest_benchmark.plugin.
    has_benchmark = any(map(config.pluginmanager.hasplugin, ("benchmark", "pytest_benchmark.plugin")))
    config.pluginmanager.register(_WithBenchmark() if has_benchmark else _WithoutBenchmark(), "mxperf-benchmark")
    # Under xdist one process collects and another reports. Neither sees everything, so both have to record.
    is_distributed = hasattr(config, "workerinput") or config.getoption("dist", "no") != "no"
    if is_distributed or options.are_given(config):
        watch.start()


def pytest_report_header(config: pytest.Config) -> str:
    """Versions, baselines, and deviations from the default policy. Does not import MXNet, which takes a second."""
    parts = [f"mxperf {metadata.version('pytest-mxperf')}", _mxnet()]
    if not config.stash[_WATCH].is_on:
        return ", ".join([*parts, "baselines: baselines"])
    from pytest_mxperf.plugin.settings import as_header

    return ", ".join([*parts, *as_header(config)])


def _mxnet() -> str:
    try:
        spec = util.find_spec("mxnet")
    except (ImportError, ValueError):  # a user's finder blocks it, or it is a module without a spec
        spec = None
    if spec is None and "mxnet" not in sys.modules:
        from pytest_mxperf.versions import command_to_install

        return f"mxnet is not installed ({command_to_install(sys.version_info[:3])})"
    for name in _MXNETS:
        for distribution in (name, f"{name}mkl"):
            try:
                return f"{distribution} {metadata.version(distribution)}"
            except metadata.PackageNotFoundError:
                continue
    return "mxnet of unknown version"


def watch_of(config: pytest.Config) -> "Watch":
    return config.stash[_WATCH]


def is_marked(node: "pytest.Item | pytest.Collector") -> bool:
    """Whether one of our markers, or one that is misspelt, is on the test, its class or its module."""
    while node is not None:
        if node.own_markers and any(_is_subject(mark.name, node.config) for mark in node.own_markers):
            return True
        node = node.parent  # type: ignore[assignment]
    return False


def _is_subject(name: str, config: pytest.Config) -> bool:
    return name in _SUBJECTS or (name.startswith("mxperf_") and not is_registered(name, config))


def is_registered(name: str, config: pytest.Config) -> bool:
    """Whether somebody has told pytest of the marker: this plugin, another one, or the user's ini file."""
    lines = config.getini("markers")
    return any(re.split(r"[:(]", line, maxsplit=1)[0].strip() == name for line in lines)


def _is_ours(item: pytest.Item) -> bool:
    return _HAS_CASE in item.stash or "mxperf_model" in getattr(item, "fixturenames", ()) or is_marked(item)


class Watch:
    """A plugin object that waits for a test with a model. It also records what the verdict on the whole run needs."""

    def __init__(self, config: pytest.Config) -> None:
        self.is_on = False
        self.items: Optional[List[pytest.Item]] = None
        """All collected tests, before any are deselected; None if this process collects nothing."""
        self.doubt = ""
        """Why some tests may not have been collected."""
        self.body_of: Optional[pytest.Item] = None
        """The test whose own body is running. A report that pytest makes meanwhile is that of a subtest."""
        self._config = config
        self._reporter: Optional[Reporter] = None

    def start(self) -> None:
        """Registers the other parts of the plugin. Raises ``pytest.UsageError`` for an invalid option."""
        if not self.is_on:
            from pytest_mxperf.plugin.hooks import start

            self.is_on = True
            self._reporter = start(self._config, self)

    @pytest.hookimpl(tryfirst=True)
    def pytest_pycollect_makeitem(self, collector: Any, name: str, obj: Any) -> None:
        """Lets a marked test be parametrized over ``mxperf_model`` without an argument of that name."""
        is_in_marked = is_marked(collector)
        if not (is_in_marked or _marks_function(obj, self._config)) or not collector.istestfunction(obj, name):
            return
        self.start()
        uses_case = pytest.mark.usefixtures("_mxperf_case")
        if not is_in_marked:
            uses_case(getattr(obj, "__func__", obj))  # a bound method takes no marks
        elif uses_case.mark not in collector.iter_markers("usefixtures"):
            collector.add_marker(uses_case)  # not to the function: an unmarked class may inherit it too

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> Optional[pytest.Collector]:
        """Collects an ``mxperf.toml``, whose models are tests."""
        if not file_path.name.endswith("mxperf.toml"):
            return None
        self.start()
        from pytest_mxperf.plugin.suite import SuiteFile
        from pytest_mxperf.suite.read import is_suite

        return SuiteFile.from_parent(parent, path=file_path) if is_suite(file_path) else None

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: List[pytest.Item]) -> None:
        self.items = list(items)

    @pytest.hookimpl(wrapper=True)
    def pytest_ignore_collect(self, collection_path: Path, config: pytest.Config) -> "Generator[None, object, object]":
        """Doubts a run in which a conftest.py leaves out a file of tests, for example on a machine without a GPU."""
        result = yield
        if result and not self.doubt and _has_tests(collection_path, config):
            self.doubt = f"{collection_path.name} was left out"
        return result

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if not report.passed:
            self.doubt = self.doubt or f"{report.nodeid} was not collected"

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> None:
        """Starts the plugin before pytest-forked runs the test in a child, because this process gets the report."""
        if _is_ours(item):
            self.start()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Adds the case's fixture to tests that are marked by other means than their function or class."""
        if _is_ours(item):
            self.start()
            names: List[str] = getattr(item, "fixturenames", [])
            if "_mxperf_case" not in names and hasattr(item, "fixturenames"):
                item.fixturenames = [*names, "_mxperf_case"]

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> "Generator[None, object, object]":
        """Runs the test's own body, and then judges its gates.

        This wrapper is inside all others (``trylast``). So plugins that capture, time, excuse or stop a failing body do
        the same with a gate.
        """
        __tracebackhide__ = True
        self.body_of = item  # not in the stash, which takes four times as long, for each test
        try:
            result = yield
        finally:
            self.body_of = None
        if _is_ours(item):
            self.start()
            from pytest_mxperf.plugin.judging import judge

            judge(item)
        return result

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Reports baselines that no test uses, even if no test has a model."""
        if not self.is_on and (self._has_baselines() or any(map(_is_ours, self.items or ()))):
            self.start()
            if self._reporter is not None:  # registered too late for pytest to call its hook
                self._reporter.pytest_sessionfinish(session)

    def _has_baselines(self) -> bool:
        folder = self._config.rootpath / "baselines"
        return folder.is_dir() and any(folder.glob("*.json"))


def _has_tests(path: Path, config: pytest.Config) -> bool:
    """Whether a path that pytest leaves out is a file of tests, or a folder with some that is not always left out."""
    patterns = [*config.getini("python_files"), "*mxperf.toml"]
    if not path.is_dir():
        return any(path.match(pattern) for pattern in patterns)
    if any((path / sign).exists() for sign in _ENVIRONMENT) or any(
        path.match(pattern) for pattern in config.getini("norecursedirs")
    ):
        return False
    depths = ("", "*/", "*/*/")  # not all of it, which may be large
    return any(next(path.glob(depth + pattern), None) is not None for depth in depths for pattern in patterns)


_ENVIRONMENT = ("pyvenv.cfg", "conda-meta/history")
"""Which pytest always leaves out, too."""


def _marks_function(function: object, config: pytest.Config) -> bool:
    # Not getattr(function, "pytestmark"): objects such as pytest.mark make up every attribute.
    marks = getattr(function, "__dict__", {}).get("pytestmark")
    return isinstance(marks, list) and any(_is_subject(getattr(mark, "name", ""), config) for mark in marks)


@pytest.fixture
def mxperf_model(request: pytest.FixtureRequest) -> "ModelSpec":
    """The model of the test, from its ``mxperf_model`` marker. Override or parametrize it like any fixture."""
    from pytest_mxperf.plugin.fixtures import model

    return model(request)


@pytest.fixture
def _mxperf_case(request: pytest.FixtureRequest, mxperf_model: object) -> "Case":
    from pytest_mxperf.plugin.fixtures import case

    request.config.stash[_WATCH].start()
    request.node.stash[_HAS_CASE] = True
    return case(request, mxperf_model)


@pytest.fixture
def mxperf_cost(_mxperf_case: "Case") -> "CostReport":
    """The ``CostReport`` of one forward pass: totals, layers, parameters, uncounted operators."""
    from pytest_mxperf.plugin.fixtures import cost

    return cost(_mxperf_case)


@pytest.fixture
def mxperf_checkpoint(_mxperf_case: "Case") -> "LoadedCheckpoint":
    """``(symbol, arg_params, aux_params)`` as ``mx.model.load_checkpoint`` returns them, checked against each other."""
    from pytest_mxperf.plugin.fixtures import checkpoint

    return checkpoint(_mxperf_case)


@pytest.fixture
def mxperf_module(_mxperf_case: "Case") -> Any:
    """An ``mx.mod.Module`` with its parameters set, bound with ``for_training=False``."""
    from pytest_mxperf.plugin.fixtures import module

    return module(_mxperf_case)


class _WithBenchmark:
    """Names pytest-benchmark's fixture, by which ``--benchmark-skip`` and ``--benchmark-only`` know a test."""

    @pytest.fixture
    def mxperf_benchmark(self, request: pytest.FixtureRequest, benchmark: Any) -> "Benchmark":
        """Times forward passes through pytest-benchmark: ``mxperf_benchmark(module)`` returns the ``Timing``."""
        from pytest_mxperf.plugin.benchmark import with_benchmark

        return with_benchmark(request, benchmark)


class _WithoutBenchmark:
    @pytest.fixture
    def mxperf_benchmark(self, request: pytest.FixtureRequest) -> "Benchmark":
        """Runs only one forward pass, because pytest-benchmark is missing."""
        from pytest_mxperf.plugin.benchmark import without_benchmark

        return without_benchmark(request)
