"""Real public checkpoints through the whole plugin: loaded, bound, forwarded, counted, timed and gated."""

import pytest

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
