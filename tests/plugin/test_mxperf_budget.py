"""The mxperf_budget marker: ceilings. The digits net has 607,552 MACs, 31,962 parameters and 128,744 bytes of them."""

import pytest


@pytest.mark.parametrize(
    ("metric", "enough", "too_low", "message"),
    [
        ("macs", "607552", "607551", "macs 607,552 is over the budget of 607,551 (less than +0.01%)"),
        ("macs", '"607.552 k"', '"607.5 k"', "macs 607.6 k is over the budget of 607.5 k (+0.01%)"),
        ("macs", '"0.0006076 G"', '"0.5 M"', "macs 0.6076 M is over the budget of 0.5 M (+21.51%)"),
        ("flops", "1_229_770", '"1.2 M"', "flops 1.230 M is over the budget of 1.2 M (+2.48%)"),
        ("params", "31962.0", '"31.9 k"', "params 31.97 k is over the budget of 31.9 k (+0.19%)"),
        # 31,962 trainable and 224 auxiliary, 4 bytes each
        ("param_bytes", "128744", '"125 KiB"', "param_bytes 125.8 KiB is over the budget of 125 KiB (+0.58%)"),
        ("param_bytes", '"128.744 kB"', "0", "param_bytes 128,744 is over the budget of 0 (from 0)"),
    ],
)
def test_a_ceiling_is_exact(write, run, no_traceback, metric, enough, too_low, message):
    write(
        f"""
        @digits
        @pytest.mark.mxperf_budget({metric}={enough})
        def test_enough(): pass

        @digits
        @pytest.mark.mxperf_budget({metric}={too_low})
        def test_too_low(): pass
        """
    )
    result = run()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*_ test_too_low _*", f"digits: {message}"], consecutive=True)
    no_traceback(result)


def test_every_latency_is_judged(write, run, verdicts):
    metrics = ("latency_p50", "latency_p90", "latency_p99", "latency_mean")
    write(
        f"""
        @digits
        @pytest.mark.mxperf_budget({", ".join(f'{metric}="1000 s"' for metric in metrics)})
        def test_enough(mxperf_module, mxperf_benchmark):
            mxperf_benchmark(mxperf_module)

        @digits
        @pytest.mark.mxperf_budget({", ".join(f'{metric}="1 ns"' for metric in metrics)})
        def test_too_low(mxperf_module, mxperf_benchmark):
            mxperf_benchmark(mxperf_module)
        """
    )
    result = run()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [f"digits: {metric} * is over the budget of 1 ns (* times as much)" for metric in metrics]
    )
    assert verdicts() == {
        "test_enough": dict.fromkeys(metrics, "PASSED"),
        "test_too_low": dict.fromkeys(metrics, "OVER_BUDGET"),
    }


@pytest.mark.parametrize("unit", ["1000 s", "1e6 ms", "1e9 us", "1e9 µs", "1e12 ns"])
def test_a_duration_can_be_written_in_any_unit(write, run, unit):
    write(
        f"""
        @digits
        @pytest.mark.mxperf_budget(latency_p50={unit!r})
        def test_enough(mxperf_module, mxperf_benchmark):
            mxperf_benchmark(mxperf_module)
        """
    )
    result = run("--mxperf-report", "-v")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["  budget  PASSED  latency_p50 * is within the budget of 1*"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ('macs="1.82 Q"', "macs: unknown unit 'Q' in '1.82 Q'; known units: k, K, M, G, T"),
        ('macs="40 ms"', "macs: unknown unit 'ms' in '40 ms'; known units: k, K, M, G, T"),
        ('latency_p50="64 MiB"', "latency_p50: unknown unit 'MiB' in '64 MiB'; known units: s, ms, us, *, ns"),
        ('param_bytes="1 M"', "param_bytes: unknown unit 'M' in '1 M'; known units: B, kB, *MiB*"),
        ("macs=True", "macs: expected a number or text like '1.82 G', got True"),
        ("params=None", "params: expected a number or text like '1.82 G', got None"),
        ('macs="many"', "macs: expected a number or text like '1.82 G', got 'many'"),
        ('macs=float("nan")', "macs: expected a number or text like '1.82 G', got nan"),
        ("macs=-1", "macs: -1 is negative"),
        ("macs=2**63", "macs: 9223372036854775808 limits nothing; write at most 9.2e+18"),
        ("macs=1e308", "macs: 1e+308 limits nothing; write at most 9.2e+18"),
        ('params="1e99 T"', "params: '1e99 T' limits nothing; write at most 9.2e+18"),
        ('latency_p50="1e400 s"', "latency_p50: '1e400 s' limits nothing; write at most 9.2e+18"),
        (
            "mac=1",
            "unknown argument 'mac'; did you mean 'macs'? known: macs, flops, params, *",
        ),
        ("latency=1", "unknown argument 'latency'; did you mean 'latency_p*'? known: macs, *"),
        ("xyz=1", "unknown argument 'xyz'; known: macs, *"),
        ('"1.82 G"', "takes keyword arguments only, got '1.82 G'"),
    ],
)
def test_an_argument_that_cannot_be_understood_is_an_error_of_its_test(write, run, no_traceback, arguments, message):
    write(
        f"""
        @digits
        @pytest.mark.mxperf_budget({arguments})
        def test_wrong(): pass

        @digits
        @pytest.mark.mxperf_budget(macs="608 k")
        def test_right(): pass
        """
    )
    result = run()
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*ERROR at setup of test_wrong*", f"mxperf_budget: {message}"], consecutive=True)
    no_traceback(result)


def test_stacked_markers_merge_and_the_closest_wins(write, verdicts):
    write(
        """
        pytestmark = [digits, pytest.mark.mxperf_budget(macs=1, flops=1, params=1, param_bytes=1)]

        @pytest.mark.mxperf_budget(flops="2 M", params=2, param_bytes=2)
        class TestClass:
            @pytest.mark.mxperf_budget(param_bytes=3)
            @pytest.mark.mxperf_budget(params="1 M", param_bytes="1 MiB")
            def test_method(self):
                pass

            @pytest.mark.parametrize("value", [pytest.param(1, marks=pytest.mark.mxperf_budget(macs="1 M"))])
            def test_parametrized(self, value):
                pass

        def test_function():
            pass
        """
    )
    assert verdicts() == {
        "TestClass::test_method": {
            "macs": "OVER_BUDGET",  # of the module
            "flops": "PASSED",  # of the class
            "params": "PASSED",  # of the method
            "param_bytes": "PASSED",  # of the lower decorator
        },
        "TestClass::test_parametrized[1]": {
            "macs": "PASSED",  # of the parameter
            "flops": "PASSED",
            "params": "OVER_BUDGET",
            "param_bytes": "OVER_BUDGET",
        },
        "test_function": {
            "macs": "OVER_BUDGET",
            "flops": "OVER_BUDGET",
            "params": "OVER_BUDGET",
            "param_bytes": "OVER_BUDGET",
        },
    }


def test_a_ceiling_of_a_subclass_replaces_its_base_s(write, verdicts):
    write(
        """
        @digits
        @pytest.mark.mxperf_budget(macs="1 M", params="1 M")
        class TestBase:
            def test_it(self):
                pass

        @pytest.mark.mxperf_budget(macs=1)
        class TestLower(TestBase):
            pass
        """
    )
    assert verdicts() == {
        "TestBase::test_it": {"macs": "PASSED", "params": "PASSED"},
        "TestLower::test_it": {"macs": "OVER_BUDGET", "params": "PASSED"},
    }


def test_a_wrong_marker_on_a_class_is_an_error_of_each_test(write, run):
    write(
        """
        @digits
        @pytest.mark.mxperf_budget(mac=1)
        class TestClass:
            def test_a(self): pass
            def test_b(self): pass
        """
    )
    result = run()
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["mxperf_budget: unknown argument*"] * 2)


def test_a_budget_without_a_ceiling_is_an_error(write, run):
    write(
        """
        @digits
        @pytest.mark.mxperf_budget
        def test_empty():
            pass
        """
    )
    result = run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["mxperf_budget: sets no ceiling; write it like *"])


def test_a_budget_per_item_wants_inputs_that_agree_on_the_batch(write, run, no_traceback):
    """Other budgets do not."""
    write(
        """
        import mxnet as mx

        def net():
            return mx.sym.broadcast_add(mx.sym.var("a"), mx.sym.var("b"))

        two = pytest.mark.mxperf_model(net, inputs={"a": (4, 8), "b": (1, 8)})

        @two
        @pytest.mark.mxperf_budget(flops=32)
        def test_whole(): pass

        @two
        @pytest.mark.mxperf_budget(flops_per_item=8)
        def test_item(): pass
        """
    )
    result = run()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*net: a budget per item needs inputs that all begin with the batch, *: a 4, b 1; *"])
    no_traceback(result)


@pytest.mark.parametrize(("load", "said"), [(9.5, True), (0.5, False)])
def test_a_latency_over_its_budget_comes_with_the_load_of_a_busy_machine(write, run, monkeypatch, load, said):
    monkeypatch.setattr("os.getloadavg", lambda: (load, 0.0, 0.0))
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    write(
        """
        @digits
        @pytest.mark.mxperf_budget(latency_p50="1 ns", macs="1 G")
        def test_digits(mxperf_module, mxperf_benchmark):
            mxperf_benchmark(mxperf_module)
        """
    )
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["digits: latency_p50 * is over the budget of 1 ns (*"])
    assert ("    meanwhile: the load was 9.5 on 2 cores" in result.outlines) == said
