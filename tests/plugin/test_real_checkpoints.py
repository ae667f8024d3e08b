"""Real public checkpoints through the whole plugin: loaded, bound, forwarded, counted, timed and gated."""

import json

import pytest

from pytest_mxperf.cli import main
from tests.checkpoints import INPUTS, OPERATORS

SOURCE = """
import pytest

@pytest.mark.mxperf_model({prefix!r}, inputs={inputs})
@pytest.mark.mxperf_budget(macs={macs}, params={params}, latency_p50="1000 s")
@pytest.mark.mxperf_baseline
def test_model(mxperf_module, mxperf_benchmark, mxperf_cost):
    timing = mxperf_benchmark(mxperf_module)
    assert timing.samples >= 3
    assert len(mxperf_module.get_outputs()) == {outputs}
    assert mxperf_cost.uncounted == {{}}
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "inputs", "macs", "params", "outputs"),
    [
        ("mobileface_ident_v3", {"data": (1, 3, 112, 112)}, 9_037_376, 545_664, 1),
        ("lffd_head_17L", {"data": (1, 3, 480, 640)}, 6_797_380_544, 1_027_544, 8),
    ],
)
def test_a_real_checkpoint_passes_its_gates_and_breaks_a_lower_budget(
    checkpoints, pytester, run, name, inputs, macs, params, outputs
):
    """The budgets are what the model costs, to the last MAC and parameter; one less is broken."""
    prefix = str(checkpoints / name / name)

    def write(ceiling):
        source = SOURCE.format(prefix=prefix, inputs=inputs, macs=ceiling, params=params, outputs=outputs)
        (pytester.path / "test_real.py").write_text(source)

    write(macs)
    run("--mxperf-update").assert_outcomes(passed=1)
    result = run("--mxperf-report", "-v")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"*{macs:,} MACs, *", f"*{params:,} trainable, *", "*baseline*PASSED*macs*unchanged"])
    write(macs - 1)
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"{name}: macs {macs:,} is over the budget of {macs - 1:,} *"])


@pytest.mark.slow
def test_a_generated_file_of_all_models_is_judged_alike_everywhere(checkpoints, pytester, run, monkeypatch, capsys):
    """mxperf init, its blanks filled in; recorded and compared with -n0, with -n2 and by mxperf check."""
    (pytester.path / "models").symlink_to(checkpoints)
    assert main(["init", "models"]) == 2  # some inputs are unknown
    text, count = filled(pytester.path / "mxperf.toml")
    found = {}
    for workers in ("-n0", "-n2"):
        (pytester.path / "mxperf.toml").write_text(text)
        run(workers, f"--mxperf-baselines={workers[1:]}", "--mxperf-update").assert_outcomes(passed=count)
        report = f"{workers[1:]}.json"
        run(workers, f"--mxperf-baselines={workers[1:]}", f"--mxperf-report={report}").assert_outcomes(passed=count)
        baselines = {path.name: path.read_bytes() for path in (pytester.path / workers[1:]).iterdir()}
        models = json.loads((pytester.path / report).read_text())["models"]
        for model in models:
            assert f"--mxperf-baselines={workers[1:]} " in model.pop("update_command")
        found[workers] = baselines, models
    assert found["-n0"] == found["-n2"]
    assert main(["check", "--baselines=n0", "-o", "check.json"]) == 0
    checked = json.loads((pytester.path / "check.json").read_text())["models"]
    verdicts = [[(each["metric"], each["verdict"]) for each in model["findings"]] for model in checked]
    assert verdicts == [[(each["metric"], each["verdict"]) for each in model["findings"]] for model in found["-n0"][1]]


def filled(path):
    """The generated file with the inputs of every model that MXNet loads, and how many; others are taken out."""
    from pytest_mxperf.mx.operators import operator

    loaded = {name for name in INPUTS if name not in OPERATORS or operator(OPERATORS[name]) is not None}
    head, *tables = path.read_text().split("\n[models.")
    kept = []
    for table in tables:
        name = table.split("]")[0].strip('"')
        if name in loaded:
            shapes = ", ".join(f"{key} = {list(shape)}" for key, shape in INPUTS[name].items())
            lines = [line for line in table.splitlines() if not line.startswith(("inputs", "#"))]
            kept.append("\n".join([*lines, f"inputs = {{ {shapes} }}", ""]))
    return "\n[models.".join([head, *kept]), len(loaded)
