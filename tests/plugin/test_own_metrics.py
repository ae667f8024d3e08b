"""The hook ``pytest_mxperf_metrics``: metrics of other plugins in gates, baselines and reports; the sample plugin."""

import json
import re
import sys

import pytest

CONFTEST = """
from fractions import Fraction
from sys import exit
from pytest_mxperf import Metric

class Unprintable(Exception):
    def __str__(self):
        raise ValueError
    __repr__ = __str__

def raise_(error):
    raise error

def pytest_mxperf_metrics(config):
    return [
        Metric("accuracy", lambda model: {accuracy}, more_is_better=True),
        Metric("weight_bytes", lambda model: model.cost().params.bytes, unit="bytes"),
        Metric("unasked", lambda model: 1 / 0),
    ]
"""


@pytest.fixture
def plugged(pytester):
    """Writes a conftest.py that adds metrics."""

    def plugged(accuracy="0.9", folder="."):
        path = pytester.path / folder / "conftest.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(CONFTEST.format(accuracy=accuracy))

    return plugged


BUDGET = """
    @digits
    @pytest.mark.mxperf_budget(accuracy={least}, weight_bytes="1 MiB")
    def test_it():
        pass
    """

BASELINE = """
    @digits
    @pytest.mark.mxperf_baseline(accuracy="1%")
    def test_it():
        pass
    """


def test_budgets(write, run, plugged, verdicts):
    plugged()
    write(BUDGET.format(least=0.9))
    assert verdicts() == {"test_it": {"accuracy": "PASSED", "weight_bytes": "PASSED"}}
    write(BUDGET.format(least=0.95))
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["digits: accuracy 0.9 is below the minimum of 0.95 (-5.26%)"])  # 0.9 / 0.95 = 0.94737


def test_a_lifetime_of_a_baseline(pytester, write, run, plugged, verdicts):
    """Recorded without it, with it, lost more than is allowed, accepted, improved."""
    costs = dict.fromkeys(("macs", "flops", "params", "param_bytes"), "PASSED")
    stored = pytester.path / "baselines" / "digits.json"
    write(BASELINE.replace('accuracy="1%"', ""))
    run("--mxperf-update").assert_outcomes(passed=1)
    assert "own_metrics" not in json.loads(stored.read_text())
    plugged("0.9")
    write(BASELINE)
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["digits: accuracy cannot be compared: the baseline has none; record it again *"])
    run("--mxperf-update").assert_outcomes(passed=1)
    assert json.loads(stored.read_text())["own_metrics"] == {"accuracy": 0.9}
    assert verdicts() == {"test_it": {**costs, "accuracy": "PASSED"}}
    plugged("0.88")
    result = run()
    result.stdout.fnmatch_lines(
        [
            "digits: accuracy 0.9 -> 0.88 (-2.22%, allowed -1%)",  # 0.88 / 0.9 = 0.97778
            "if that is meant, store the new baseline: pytest --mxperf-update test_it.py::test_it",
        ]
    )
    run("--mxperf-update").assert_outcomes(passed=1)
    plugged("0.89")
    assert verdicts() == {"test_it": {**costs, "accuracy": "IMPROVED"}}


def test_another_model(write, plugged, run):
    plugged("0.9 if model.spec.name == 'digits' else 0.99")
    write(
        """
        from pytest_mxperf import ModelSpec

        @digits
        @pytest.mark.mxperf_baseline(against=ModelSpec.parse(PREFIX, INPUTS, name="teacher"), accuracy="5%")
        def test_it():
            pass
        """
    )
    run().stdout.fnmatch_lines(["digits: accuracy 0.9, against 0.99 of teacher (-9.09%, allowed -5%)"])


def test_they_are_in_every_report(pytester, write, run, plugged):
    plugged()
    write(BUDGET.format(least=0.95))
    targets = ["report.json", "report.csv", "report.md", "report.html"]
    result = run("-v", "--mxperf-report", *(f"--mxperf-report={target}" for target in targets))
    result.stdout.fnmatch_lines(["  accuracy 0.9", "  weight_bytes 126 KiB"])  # 32,186 parameters of 4 bytes
    document, csv, markdown, page = ((pytester.path / target).read_text() for target in targets)
    assert json.loads(document)["models"][0]["own_metrics"] == [
        {"name": "accuracy", "value": 0.9, "unit": "number"},
        {"name": "weight_bytes", "value": 128_744, "unit": "bytes"},
    ]
    heading, row = csv.splitlines()
    assert heading.endswith(",wall_mean_seconds,accuracy,weight_bytes")
    assert row.endswith(",0.9,128744")
    assert r"| digits | accuracy | budget 0.95 | 0.9 | -5.26% | OVER_BUDGET |" in markdown
    assert "<dt>accuracy<dd>0.9</div>" in page
    old, now, difference = re.search(r'"compared with">(.*?)<.*?"now">(.*?)<.*?"difference">(.*?)<', page).groups()
    assert (old, now, difference) == ("0.95", "0.9", "5.26% below")


@pytest.mark.slow
def test_xdists_workers_measure_them(pytester, write, run, plugged):
    pytest.importorskip("xdist")
    plugged()
    write(BASELINE)
    run("-n2", "--mxperf-update").assert_outcomes(passed=1)
    stored = json.loads((pytester.path / "baselines" / "digits.json").read_text())
    assert stored["own_metrics"] == {"accuracy": 0.9}


def test_a_conftest_adds_them_to_the_tests_of_its_folder(write, run, plugged):
    plugged(folder="inner")
    write(BUDGET.format(least=0.9), "inner/test_inner.py")
    write(BUDGET.format(least=0.9), "test_outer.py")
    result = run()
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*mxperf_budget: unknown argument 'accuracy'; known: *"])


@pytest.mark.parametrize(
    ("measured", "message"),
    [
        ("1 / 0", "the metric accuracy failed: ZeroDivisionError: division by zero"),
        ("exit(3)", "the metric accuracy failed: SystemExit: 3"),
        ("raise_(Unprintable())", "the metric accuracy failed: Unprintable: it cannot be printed"),
        ("raise_(ValueError('x' * 2001))", f"the metric accuracy failed: ValueError: {'x' * 2000}..."),
        ("'good'", "the metric accuracy returned 'good'; return an int or a float"),
        ("'x' * 1000", f"the metric accuracy returned '{'x' * 149}...; return an int or a float"),
        ("Unprintable()", "the metric accuracy returned an unprintable Unprintable; return an int or a float"),
        (
            "Fraction(10**400)",
            "the metric accuracy returned Fraction(1000*..., which is not a number from 0 to *",
        ),
        ("-1", "the metric accuracy returned -1, which is not a number from 0 to 9.2e+18"),
        ("10**19", "the metric accuracy returned 10000000000000000000, which is not a number from 0 to 9.2e+18"),
        ("float('nan')", "the metric accuracy returned nan, which is not a number from 0 to 9.2e+18"),
        ("None", "digits: accuracy was not measured: the plugin that adds it has no value for this model"),
    ],
)
def test_a_metric_that_fails_fails_the_test(write, run, plugged, measured, message):
    plugged(measured)
    write(BUDGET.format(least=0.9))
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"*{message}"])
    result.stdout.no_fnmatch_line("*bug of pytest-mxperf*")


def test_a_metric_may_skip(write, run, plugged):
    plugged("__import__('pytest').skip('no data here')")
    write(BUDGET.format(least=0.9))
    run().assert_outcomes(skipped=1)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise OSError('no labels')", "pytest_mxperf_metrics failed: OSError: no labels"),
        (
            "return ['accuracy']",
            "pytest_mxperf_metrics: 'accuracy' is not a pytest_mxperf.Metric; return a list *",
        ),
        ("return 5", "pytest_mxperf_metrics failed: TypeError: 'int' object is not iterable"),
        (
            "from pytest_mxperf import Metric; return Metric('accuracy', len)",
            "pytest_mxperf_metrics failed: TypeError: 'Metric' object is not iterable",
        ),
    ],
)
def test_a_hook_that_fails_fails_the_test(pytester, write, run, body, message):
    (pytester.path / "conftest.py").write_text(f"def pytest_mxperf_metrics():\n    {body}\n")
    write(BUDGET.format(least=0.9))
    result = run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*{message}"])
    result.stdout.no_fnmatch_line("*bug of pytest-mxperf*")


# The sample


@pytest.fixture
def sample(request, monkeypatch):
    """The plugin of examples/plugin, as if it were installed."""
    folder = request.config.rootpath / "examples" / "plugin"
    monkeypatch.syspath_prepend(str(folder))
    yield ("-p", "pytest_mxperf_shipping")
    sys.modules.pop("pytest_mxperf_shipping", None)


@pytest.fixture
def half_pruned(tmp_path):
    """A layer of six weights, three of which are zero."""
    import mxnet as mx

    symbol = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=2, no_bias=True, name="dense")
    symbol.save(str(tmp_path / "dense-symbol.json"))
    mx.nd.save(str(tmp_path / "dense-0000.params"), {"arg:dense_weight": mx.nd.array([[1, 0, 2], [0, 3, 0]])})
    return tmp_path / "dense"


def test_the_sample_plugin(pytester, write, run, sample, half_pruned):
    write(
        f"""
        @pytest.mark.mxperf_model({str(half_pruned)!r}, inputs={{"data": (1, 3)}})
        @pytest.mark.mxperf_budget(zero_share=0.5, zipped_bytes="64 KiB")
        @pytest.mark.mxperf_baseline(zero_share="0%", zipped_bytes="0%")
        def test_it():
            pass
        """
    )
    run(*sample, "--mxperf-update").assert_outcomes(passed=1)
    stored = json.loads((pytester.path / "baselines" / "dense.json").read_text())["own_metrics"]
    assert stored["zero_share"] == 0.5
    assert 0 < stored["zipped_bytes"] < 2**16
    run(*sample).assert_outcomes(passed=1)
