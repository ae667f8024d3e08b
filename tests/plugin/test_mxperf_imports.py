"""The ini key ``mxperf_imports``: operators of the user's own, here and in the measuring process."""

import pytest

OPERATOR = """
import mxnet as mx

class Doubled(mx.operator.CustomOp):
    def forward(self, is_train, req, in_data, out_data, aux):
        self.assign(out_data[0], req[0], in_data[0] * 2)

@mx.operator.register("doubled_{name}")
class DoubledProp(mx.operator.CustomOpProp):
    def create_operator(self, ctx, in_shapes, in_dtypes):
        return Doubled()
"""
NET = """
def model():
    import mxnet as mx

    net = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden={units}, no_bias=True, name="fc")
    return mx.sym.Custom(net, op_type="doubled_{name}", name="twice")

@pytest.mark.mxperf_model(model, inputs={{"data": (4, 8)}}, name="net")
@pytest.mark.mxperf_baseline(macs="100%", params="100%", latency="900%", weights=False)
@pytest.mark.mxperf_policy(uncounted="warn")
def test_it():
    pass
"""


@pytest.fixture
def module(pytester):
    """A module that registers an operator. MXNet never forgets one, so each test has its own."""

    def module(name):
        pytester.makepyfile(**{f"ops_{name}": OPERATOR.format(name=name)})
        pytester.syspathinsert()
        pytester.makeini(f"[pytest]\nmxperf_imports = ops_{name}\nmxperf_policy = uncounted=warn\n")

    return module


@pytest.mark.slow
@pytest.mark.parametrize("workers", [[], ["-n", "1"]], ids=["here", "xdist"])
def test_a_models_own_operator_is_counted_and_timed(write, run, module, workers):
    name = f"timed{len(workers)}"
    module(name)
    write(NET.format(units=4, name=name))
    run("--mxperf-update", *workers).assert_outcomes(passed=1)
    write(NET.format(units=5, name=name))
    result = run("--mxperf-report", "-v", *workers)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["  latency   PASSED     latency *% (*"])


@pytest.mark.slow
def test_one_that_nobody_imports_says_how(write, run, module, pytester):
    module("unknown")
    pytester.makeconftest("import ops_unknown")
    pytester.makeini("[pytest]\nmxperf_policy = uncounted=warn\n")
    write(NET.format(units=4, name="unknown"))
    result = run("--mxperf-update")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*: name the module with mxperf_imports in pytest's ini file; *"])


@pytest.mark.parametrize(
    ("content", "problem"),
    [(None, "ModuleNotFoundError: No module named 'ops_broken'"), ("1 / 0", "ZeroDivisionError: *")],
)
def test_a_module_that_cannot_be_imported_is_one_clear_error(write, run, pytester, no_traceback, content, problem):
    if content is not None:
        pytester.makepyfile(ops_broken=content)
    pytester.syspathinsert()
    pytester.makeini("[pytest]\nmxperf_imports = ops_broken\n")
    write("@digits\n@pytest.mark.mxperf_budget(macs='1 G')\ndef test_it():\n    pass\n\ndef test_other():\n    pass\n")
    result = run()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines([f"mxperf_imports: cannot import ops_broken: {problem}"])
    no_traceback(result)
