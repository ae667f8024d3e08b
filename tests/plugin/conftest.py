"""Tests below this folder run whole pytest sessions, most of them in this process: MXNet is then imported only once."""

import importlib.util
import json
import re
import sys
import tempfile
from textwrap import dedent
from xml.etree import ElementTree

import pytest

from pytest_mxperf.errors import WorkerError
from pytest_mxperf.judge import latency_gate
from pytest_mxperf.latency.comparison import Comparison, Sample
from pytest_mxperf.latency.conditions import Conditions
from pytest_mxperf.latency.decide import Outcome
from pytest_mxperf.profile.values import Peaks
from pytest_mxperf.worker.protocol import Inspected, Prepared

DIGITS_HEADER = """
import pytest

PREFIX = {prefix!r}
INPUTS = {{"data": (1, 1, 8, 8)}}
digits = pytest.mark.mxperf_model(PREFIX, inputs=INPUTS)
"""


@pytest.fixture(scope="session", autouse=True)
def _imported_once():
    """A pytester run in this process forgets what it imported, and MXNet does not survive a second import."""
    if importlib.util.find_spec("mxnet") is not None:
        import pytest_mxperf.mx.alike
        import pytest_mxperf.mx.analysis
        import pytest_mxperf.mx.bind
        import pytest_mxperf.mx.sync
        import pytest_mxperf.mx.weights
        import pytest_mxperf.report.terminal  # noqa: F401


@pytest.fixture(autouse=True)
def _needs_mxnet():
    pytest.importorskip("mxnet")


@pytest.fixture(scope="session")
def custom_operator(_imported_once):
    """The type of an operator written in Python, which no rule can count. MXNet never forgets one: it is made once."""
    import mxnet as mx

    @mx.operator.register("anything")
    class Anything(mx.operator.CustomOpProp):
        pass

    return "anything"


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch, pytester):
    """80 columns, as on a plain terminal; no .pyc, which a test file rewritten within a second would not outdate.

    Of other plugins only those that most tests need, whatever is installed. pytest-rerunfailures is not one of them: in
    each session with xdist it starts threads that never end, and that spin once a worker has gone.
    """
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p benchmark -p xdist -p mxperf")
    # In CI pytest's summary shows whole messages, and in a worker of xdist's pytest-benchmark does not measure.
    for name in ("CI", "BUILD_NUMBER", "PYTEST_XDIST_WORKER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)


@pytest.fixture
def write(pytester, digits):
    """Writes a test file that knows the digits checkpoint: ``PREFIX``, ``INPUTS`` and the marker ``digits``."""

    def write(source, name="test_it.py"):
        path = pytester.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(DIGITS_HEADER.format(prefix=str(digits)) + dedent(source), encoding="utf-8")
        return path

    return write


@pytest.fixture
def models(write):
    """Writes a test that passes, one over its budget, one without baseline, a skipped one, one without gates."""
    write(
        """
        @digits
        @pytest.mark.mxperf_budget(macs="608 k", latency_p99="1000 s")
        def test_passes(mxperf_module, mxperf_benchmark):
            mxperf_benchmark(mxperf_module)

        @digits
        @pytest.mark.mxperf_budget(macs=1)
        @pytest.mark.mxperf_baseline
        def test_fails():
            pass

        @pytest.mark.mxperf_model(PREFIX, inputs={"data": (64, 1, 8, 8)}, name="batches")
        def test_throughput(mxperf_module, mxperf_benchmark):
            mxperf_benchmark.throughput(mxperf_module, forwards=4)

        @digits
        @pytest.mark.mxperf_budget(macs=1)
        def test_skips_itself():
            pytest.skip()

        def test_unmarked():
            pass
        """
    )


@pytest.fixture
def run(pytester):
    """Runs the tests that were written, in this process. Benchmarks take a moment only."""
    # Hypothesis would be imported anew in each run, which takes longer than the run.
    always = "-p no:cacheprovider -p no:hypothesispytest --benchmark-max-time=0.05 --benchmark-min-rounds=3"

    def run(*arguments):
        return pytester.runpytest(*always.split(), *arguments)

    return run


@pytest.fixture
def report(run, pytester):
    """Runs the tests and gives the JSON report's models by the name of their test function."""

    def report(*arguments):
        run("--mxperf-report=report.json", *arguments)
        models = json.loads((pytester.path / "report.json").read_text())["models"]
        return {model["test"].split("::", 1)[1]: model for model in models}

    return report


@pytest.fixture
def verdicts(report):
    """Runs the tests and gives, for each test function, its findings as a dictionary from metric to verdict."""

    def verdicts(*arguments):
        models = report(*arguments)
        return {
            test: {finding["metric"]: finding["verdict"] for finding in model["findings"]}
            for test, model in models.items()
        }

    return verdicts


@pytest.fixture
def junit(run, pytester):
    """Runs the tests and gives the JUnit XML's test suite."""

    def junit(*arguments):
        run("--junit-xml=junit.xml", *arguments)
        return ElementTree.parse(pytester.path / "junit.xml").getroot().find("testsuite")

    return junit


@pytest.fixture
def no_traceback():
    """Asserts that a run's output says what is wrong without a way through our code."""

    def no_traceback(result):
        text = result.stdout.str() + result.stderr.str()
        assert "Traceback" not in text
        assert "pytest_mxperf/" not in text
        assert "INTERNALERROR" not in text

    return no_traceback


@pytest.fixture
def section():
    """The lines that a run printed under the heading "mxperf"."""

    def section(result):
        lines = result.outlines
        starts = [index for index, line in enumerate(lines) if re.fullmatch(r"=+ mxperf =+", plain(line))]
        if not starts:
            return []
        assert len(starts) == 1
        rest = lines[starts[0] + 1 :]
        ends = (index for index, line in enumerate(rest) if re.match(r"(=|-){10,}", plain(line)))
        return rest[: next(ends)]

    return section


def plain(line):
    return re.sub(r"\x1b\[[0-9;]*m", "", line)


@pytest.fixture(scope="session")
def train(request):
    """The example's module, for its ``digits_net(channels=...)``."""
    path = request.config.rootpath / "examples" / "digits" / "train.py"
    spec = importlib.util.spec_from_file_location("digits_train", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def export(train, tmp_path_factory):
    """Exports a digits net with other channels, and gives its prefix."""

    def export(*channels):
        import mxnet as mx

        net = train.digits_net(channels=channels)
        net.initialize()
        net.hybridize()
        net(mx.nd.zeros((1, 1, 8, 8)))
        prefix = tmp_path_factory.mktemp("exported") / "digits"
        net.export(str(prefix))
        return prefix

    return export


@pytest.fixture
def put_model(pytester):
    """Makes ``models/digits`` of the project a copy of a checkpoint."""

    def put_model(prefix):
        folder = pytester.path / "models"
        folder.mkdir(exist_ok=True)
        for name in ("digits-symbol.json", "digits-0000.params"):
            (folder / name).write_bytes(prefix.with_name(name).read_bytes())

    return put_model


class FakeTimer:
    """Decides as it is told, and remembers what it was asked."""

    def __init__(self):
        self.decisions = []
        self.conditions = Conditions(wall_seconds=1.0, cpu_seconds=1.0)
        self.asked = []
        self.prepared = []
        self.examples = []
        self.shortages = []
        self.notes = ()
        self.cannot_prepare = None
        self.made_with = []
        self.layer = None
        self.explained = []
        self.profiled = WorkerError("layers were not timed")
        self.meanwhile = lambda progress: None

    def __call__(self, **options):
        self.progress = options["progress"]
        self.made_with.append({name: value for name, value in options.items() if name != "progress"})
        return self

    def compare(self, reference, candidate, tolerance):
        self.asked.append((reference, candidate, tolerance))
        self.examples.append((_example(reference), _example(candidate)))
        self.meanwhile(self.progress)
        decision = self.decisions.pop(0)
        if isinstance(decision, Exception):
            raise decision
        processes = 2 if decision.outcome is Outcome.REGRESSED else 1
        samples = (Sample(0.0, 1e-3, 1e-3),) * decision.samples
        return Comparison(
            decision, 3.2, self.conditions, samples, 1, processes, run_as=candidate.run_as, notes=self.notes
        )

    def prepare(self, network):
        self.prepared.append(network)
        self.examples.append((_example(network),))
        if self.cannot_prepare is not None:
            raise self.cannot_prepare
        return Prepared(0.001, self.notes)

    def shortage(self, prepared):
        return self.shortages.pop(0) if self.shortages else ""

    def subnormal(self, network):
        return Inspected(self.layer, None if self.layer is None else 1e-15)

    def peaks(self):
        return Peaks({"float32": 1e11}, 2e10)

    def profile(self, *networks):
        self.explained.append(networks)
        if isinstance(self.profiled, Exception):
            raise self.profiled
        return self.profiled

    def close(self):
        pass


def _example(network):
    """What the measuring process would read: plain lists by input."""
    if network.example_path is None:
        return None
    import numpy as np

    with np.load(network.example_path) as arrays:
        return {name: arrays[name].tolist() for name in arrays.files}


@pytest.fixture
def timer(monkeypatch, tmp_path_factory):
    """Stands in for what times models, and waits for nobody who really does."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("lock")))
    timer = FakeTimer()
    monkeypatch.setattr(latency_gate, "PairedTimer", timer)
    return timer
