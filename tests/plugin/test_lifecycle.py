"""A baseline's life, from the first run without one to a model that has grown and is accepted."""

import json
import shutil

import pytest

WIDENED = (16, 48, 64)  # the second of three convolutions: 32 -> 48 channels

# conv2: 8 x 8 x 32 x (16 x 9), now 48 wide. conv3: 4 x 4 x 64 x (32 x 9), now reads 48. The rest is 17,728.
GROWTH = [
    "digits: macs 607,552 -> 902,464 (+48.54%, allowed +0%)",
    "    conv2_fwd (Convolution): num_filter 32 -> 48, +147,456 MACs",
    "    conv3_fwd (Convolution): input channels 32 -> 48, +147,456 MACs",
]


def test_a_baseline_is_missing_stored_met_broken_and_stored_again(
    pytester, write, run, put_model, digits, export, no_traceback
):
    write(
        """
        @pytest.mark.mxperf_model("models/digits", inputs=INPUTS)
        @pytest.mark.mxperf_baseline
        def test_digits(mxperf_module, mxperf_benchmark):
            mxperf_benchmark(mxperf_module)
        """
    )
    put_model(digits)
    folder = pytester.path / "baselines"

    missing = run()
    missing.assert_outcomes(failed=1)
    missing.stdout.fnmatch_lines(
        ["digits: no baseline for 'digits' in baselines/; record it with --mxperf-update=new"], consecutive=True
    )
    no_traceback(missing)
    assert not folder.exists()

    recorded = run("--mxperf-update")
    recorded.assert_outcomes(passed=1)
    recorded.stdout.fnmatch_lines(["baseline recorded: digits"])
    assert sorted(path.name for path in folder.iterdir()) == ["digits-symbol.json", "digits.json"]
    assert json.loads((folder / "digits.json").read_text())["macs"] == 607_552

    passes = run()
    passes.assert_outcomes(passed=1)
    passes.stdout.no_fnmatch_line("*mxperf =*")

    put_model(export(*WIDENED))
    broken = run()
    broken.assert_outcomes(failed=1)
    broken.stdout.fnmatch_lines(GROWTH, consecutive=True)
    no_traceback(broken)

    updated = run("--mxperf-update")
    updated.assert_outcomes(passed=1)
    updated.stdout.fnmatch_lines(["baseline updated: digits"])
    assert json.loads((folder / "digits.json").read_text())["macs"] == 902_464

    run().assert_outcomes(passed=1)


@pytest.mark.slow
def test_widening_the_example_fails_one_test_of_its_file(pytester, junit, put_model, export, digits, request):
    """The file as it is committed, beside the committed baseline."""
    put_model(export(*WIDENED))
    shutil.copy(digits.with_name("test_digits.py"), pytester.path / "models")
    (pytester.path / "baselines").mkdir()
    shutil.copy(request.config.rootpath / "baselines" / "digits.json", pytester.path / "baselines")
    shutil.copy(request.config.rootpath / "baselines" / "digits-symbol.json", pytester.path / "baselines")
    suite = junit("--benchmark-disable", "--mxperf-policy=unmeasured=ignore")
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "1", "0")
    (failed,) = suite.iter("failure")
    assert "\n".join(GROWTH) in failed.text


FAMILY = """
from train import digits_net

@pytest.fixture(params=[{first}, (16, 32, 32), (8, 8, 8)], ids=["first", "second", "third"])
def mxperf_model(request):
    from pytest_mxperf import ModelSpec

    name = request.node.callspec.id
    return ModelSpec.parse(lambda: digits_net(channels=request.param), INPUTS, name=name)

@pytest.mark.mxperf_baseline
def test_family():
    pass
"""

OTHER = """
@digits
@pytest.mark.mxperf_budget(macs="608 k")
def test_budget():
    pass
"""


@pytest.fixture
def family_with_one_widened(pytester, write, run, request):
    """Four tests with their baselines, and then one of the models is widened."""
    pytester.syspathinsert(request.config.rootpath / "examples" / "digits")
    write(OTHER, "test_other.py")
    write(FAMILY.format(first=(16, 32, 64)))
    run("--mxperf-update").assert_outcomes(passed=4)
    write(FAMILY.format(first=WIDENED))


def test_widening_one_layer_fails_its_own_test_alone(family_with_one_widened, run, no_traceback):
    result = run("-rA")
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines([line.replace("digits:", "first:") for line in GROWTH], consecutive=True)
    result.stdout.fnmatch_lines(["FAILED test_it.py::test_family?first? - *"])
    no_traceback(result)


def test_junit_xml_shows_one_failure_and_every_verdict(family_with_one_widened, junit):
    suite = junit()
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("4", "1", "0")
    properties = {
        case.get("name"): {each.get("name"): each.get("value") for each in case.iter("property")}
        for case in suite.iter("testcase")
    }
    numbers = {name: value for name, value in properties["test_family[first]"].items() if " macs " in name}
    assert numbers == {
        "mxperf baseline macs value": "902464",
        "mxperf baseline macs reference": "607552",
        "mxperf baseline macs allowed_growth": "0.0",
        "mxperf baseline macs ratio": str(902464 / 607552),
    }
    properties = {
        test: {name: value for name, value in found.items() if value.isupper()} for test, found in properties.items()
    }
    same = {f"mxperf baseline {metric}": "PASSED" for metric in ("macs", "flops", "params", "param_bytes")}
    assert properties == {
        "test_family[first]": dict.fromkeys(same, "REGRESSED"),
        "test_family[second]": same,
        "test_family[third]": same,
        "test_budget": {"mxperf budget macs": "PASSED"},
    }
    (failed,) = (case for case in suite.iter("testcase") if case.find("failure") is not None)
    assert failed.get("name") == "test_family[first]"
    assert "macs 607,552 -> 902,464 (+48.54%, allowed +0%)" in failed.find("failure").text


# What is kept until the end


def test_results_are_not_kept_with_the_reports_of_the_tests(write, run, pytester):
    pytester.makeconftest(
        """
        import pytest

        KEPT = []

        @pytest.hookimpl(trylast=True)
        def pytest_runtest_logreport(report):
            KEPT.append(report)

        def pytest_unconfigure(config):
            print("KEPT", sorted({name for report in KEPT for name in vars(report) if "mxperf" in name}))
        """
    )
    write("@digits\n@pytest.mark.mxperf_budget(macs='1 G')\ndef test_it():\n    pass\n")
    assert "KEPT []" in run("-s").outlines


def test_without_a_report_only_verdicts_are_kept():
    from pytest_mxperf.cost.result import CostReport, Params
    from pytest_mxperf.gate.finding import Finding, Verdict
    from pytest_mxperf.plugin.case_data import CaseData, packed, unpacked, without_costs
    from pytest_mxperf.report.run import ModelResult

    finding = Finding("budget", "macs", Verdict.PASSED, "fine")
    data = CaseData(ModelResult("test_it", "net", {}, cost=CostReport((), Params(3), {}), findings=(finding,)))
    assert unpacked(packed(data)) == data
    kept = unpacked(packed(without_costs(data)))
    assert kept.result.cost is None
    assert kept.result.findings == (finding,)
