"""The mxperf_benchmark fixture: forward passes timed by pytest-benchmark."""

import glob
import json

import pytest

TAKES = (
    "mxperf_benchmark: takes a bound mx.mod.Module (the fixture mxperf_module), a Gluon block, or a callable that "
    "returns NDArrays"
)
UNMEASURED = "digits: latency_p50 was not measured: {}"


@pytest.fixture
def gated(write):
    """Writes a test with a latency budget and this body."""

    def gated(body):
        write(
            f"""
            @digits
            @pytest.mark.mxperf_budget(latency_p50="1000 s")
            def test_digits(mxperf_module, mxperf_benchmark):
                {body}
            """
        )

    return gated


@pytest.fixture
def benchmarks(run, pytester):
    """Runs the tests and gives pytest-benchmark's own JSON by the name of the test."""

    def benchmarks(*arguments):
        run("--benchmark-json=benchmark.json", *arguments).assert_outcomes(passed=1)
        document = json.loads((pytester.path / "benchmark.json").read_text())
        return {benchmark["name"]: benchmark for benchmark in document["benchmarks"]}

    return benchmarks


def test_it_is_in_the_table_of_pytest_benchmark(gated, run):
    gated("mxperf_benchmark(mxperf_module)")
    result = run()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*- benchmark: 1 tests -*", "Name (time in *", "test_digits *"])


def test_it_returns_the_timing_that_pytest_benchmark_has(gated, benchmarks, pytester):
    gated(
        "timing = mxperf_benchmark(mxperf_module); "
        "open('timing.json', 'w').write(__import__('msgspec').json.encode(timing).decode())"
    )
    stats = benchmarks()["test_digits"]["stats"]
    timing = json.loads((pytester.path / "timing.json").read_text())
    assert (timing["samples"], timing["queued_forwards"]) == (stats["rounds"], 1)
    assert (timing["min"], timing["mean"], timing["p50"]) == pytest.approx(
        (stats["min"], stats["mean"], stats["median"]), rel=1e-9
    )
    assert 0 < timing["min"] <= timing["p50"] <= timing["p90"] <= timing["p99"] <= stats["max"]


def test_a_throughput_is_per_forward_and_the_table_per_queue(gated, benchmarks, pytester, write):
    write(
        """
        @digits
        def test_digits(mxperf_module, mxperf_benchmark):
            timing = mxperf_benchmark.throughput(mxperf_module, forwards=8)
            open('timing.json', 'w').write(__import__('msgspec').json.encode(timing).decode())
        """
    )
    benchmark = benchmarks()["test_digits"]
    timing = json.loads((pytester.path / "timing.json").read_text())
    assert benchmark["extra_info"] == {"forwards_per_round": 8}
    assert (timing["samples"], timing["queued_forwards"]) == (benchmark["stats"]["rounds"], 8)
    assert timing["min"] * 8 == pytest.approx(benchmark["stats"]["min"], rel=1e-9)


COUNTING_MODULE = """
class Module:
    data_shapes = []
    forwards = fetches = 0

    def forward(self, batch, is_train):
        assert is_train is False
        self.batch = batch
        self.forwards += 1

    def get_outputs(self):
        return [self, self]

    def asnumpy(self):
        self.fetches += 1
"""


def test_a_latency_fetches_every_output_of_every_forward(write, run):
    write(
        COUNTING_MODULE.replace("\n", "\n        ")
        + """
        def test_latency(mxperf_benchmark):
            module = Module()
            timing = mxperf_benchmark(module)
            assert module.fetches == 2 * module.forwards
            assert module.forwards > timing.samples >= 3  # there are warm-up forwards
            assert timing.is_latency
        """
    )
    run().assert_outcomes(passed=1)


def test_a_throughput_fetches_once_per_queue(write, run):
    write(
        COUNTING_MODULE.replace("\n", "\n        ")
        + """
        def test_throughput(mxperf_benchmark):
            module = Module()
            timing = mxperf_benchmark.throughput(module, forwards=8)
            assert 8 * module.fetches == 2 * module.forwards
            assert module.forwards > 8 * timing.samples
            assert not timing.is_latency
        """
    )
    run().assert_outcomes(passed=1)


@pytest.mark.parametrize("method", ["", ".throughput"])
def test_an_own_batch_is_what_runs(write, run, method):
    write(
        COUNTING_MODULE.replace("\n", "\n        ")
        + f"""
        def test_batch(mxperf_benchmark):
            module, batch = Module(), object()
            mxperf_benchmark{method}(module, batch=batch)
            assert module.batch is batch
        """
    )
    run().assert_outcomes(passed=1)


def test_an_own_module_needs_no_model(write, run, report):
    write(
        """
        import mxnet as mx

        def bound():
            module = mx.mod.Module(mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=2, name="fc"), label_names=[])
            module.bind([("data", (1, 3))], for_training=False)
            module.init_params(mx.init.One())
            return module

        def test_own(mxperf_benchmark):
            module = bound()
            timing = mxperf_benchmark(module, batch=mx.io.DataBatch([mx.nd.array([[1, 2, 3]])]))
            assert timing.samples >= 3
            assert module.get_outputs()[0].asnumpy().tolist() == [[6, 6]]
        """
    )
    result = run()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*- benchmark: 1 tests -*"])
    assert report() == {}


@pytest.mark.parametrize(
    ("body", "arguments", "because"),
    [
        (
            "mxperf_benchmark(mxperf_module)",
            ["--benchmark-disable"],
            "pytest-benchmark is disabled (--benchmark-disable, or xdist's -n); --mxperf-policy=unmeasured=warn *",
        ),
        ("pass", [], "the test did not call mxperf_benchmark; call mxperf_benchmark(mxperf_module) in it"),
        ("mxperf_benchmark.throughput(mxperf_module)", [], "the test measured a throughput, not a latency"),
        (
            "mxperf_benchmark.throughput(mxperf_module)",
            ["--benchmark-disable"],
            "pytest-benchmark is disabled (--benchmark-disable, or xdist's -n); --mxperf-policy=unmeasured=warn *",
        ),
    ],
    ids=["disabled", "not called", "throughput", "disabled throughput"],
)
def test_a_budget_without_a_latency_is_never_silent(gated, run, verdicts, no_traceback, body, arguments, because):
    gated(body)
    fails = run(*arguments)
    fails.assert_outcomes(failed=1)
    fails.stdout.fnmatch_lines([UNMEASURED.format(because)])
    no_traceback(fails)
    assert verdicts(*arguments) == {"test_digits": {"latency_p50": "UNMEASURED"}}

    warns = run("--mxperf-policy=unmeasured=warn", *arguments)
    warns.assert_outcomes(passed=1)
    warns.stdout.fnmatch_lines(
        [
            "*= mxperf =*",
            f"WARNING test_it.py::test_digits: {UNMEASURED.format(because)[len('digits: ') :]} [[]UNMEASURED]",
        ]
    )


def test_a_disabled_benchmark_still_runs_the_model_once(write, run):
    write(
        COUNTING_MODULE.replace("\n", "\n        ")
        + """
        def test_latency(mxperf_benchmark):
            module = Module()
            assert mxperf_benchmark(module).samples == 1
            assert module.forwards > 0
        """
    )
    result = run("--benchmark-disable")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*- benchmark: *")


def test_a_disabled_benchmark_is_no_matter_without_a_latency_budget(write, run):
    write(
        """
        @digits
        @pytest.mark.mxperf_budget(macs="608 k")
        def test_digits(mxperf_module, mxperf_benchmark):
            mxperf_benchmark(mxperf_module)
        """
    )
    run("--benchmark-disable").assert_outcomes(passed=1)


def test_the_options_of_pytest_benchmark_go_on_working(write, run):
    write(
        """
        @digits
        @pytest.mark.mxperf_budget(macs="608 k")
        def test_counts():
            pass

        @digits
        def test_times(mxperf_module, mxperf_benchmark):
            mxperf_benchmark(mxperf_module)
        """
    )
    run("--benchmark-skip").assert_outcomes(passed=1, skipped=1)
    run("--benchmark-only").assert_outcomes(passed=1, skipped=1)


def test_the_benchmark_marker_sets_the_rounds(write, run):
    write(
        """
        @digits
        @pytest.mark.benchmark(min_rounds=7, max_time=0, group="mine")
        def test_digits(mxperf_module, mxperf_benchmark):
            assert mxperf_benchmark(mxperf_module).samples == 7
        """
    )
    result = run()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*- benchmark 'mine': 1 tests -*"])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            "mxperf_benchmark.throughput(mxperf_module, forwards=0)",
            "mxperf_benchmark.throughput: forwards=0 is not a whole number from 1 up",
        ),
        (
            "mxperf_benchmark.throughput(mxperf_module, forwards='8')",
            "mxperf_benchmark.throughput: forwards='8' is not a whole number from 1 up",
        ),
        (
            "mxperf_benchmark(mx.mod.Module)",
            f"{TAKES}; got type",
        ),
        (
            "mxperf_benchmark(mx.mod.Module(mx.sym.var('data'), label_names=None))",
            f"{TAKES}; got Module that is not bound",
        ),
        (
            "mxperf_benchmark.throughput(None)",
            f"{TAKES}; got NoneType",
        ),
        (
            "mxperf_benchmark(lambda: (mx.nd.ones(2), 3))",
            "mxperf_benchmark: the callable returns int; return its NDArrays, so that they can be waited for",
        ),
        (
            "mxperf_benchmark(lambda: None)",
            "mxperf_benchmark: the callable returns NoneType; return its NDArrays, so that they can be waited for",
        ),
        (
            "mxperf_benchmark(lambda: [])",
            "mxperf_benchmark: the callable returns nothing; return its NDArrays, so that they can be waited for",
        ),
        (
            "mxperf_benchmark(mxperf_module); mxperf_benchmark(mxperf_module)",
            "mxperf_benchmark: a test can measure once; write another test for the second measurement",
        ),
    ],
)
def test_a_wrong_call_shows_itself_and_none_of_our_code(write, run, no_traceback, call, message):
    write(
        f"""
        import mxnet as mx

        @digits
        def test_digits(mxperf_module, mxperf_benchmark):
            {call}
        """
    )
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f">  *{call}", f"E *UsageError: {message}"])
    no_traceback(result)


def test_a_model_that_mxnet_cannot_run_is_one_clear_error(write, run, no_traceback):
    """It binds float16, and finds out when it runs that its CPU build has no dense layer for it."""
    write(
        """
        import mxnet as mx

        def half():
            net = mx.gluon.nn.Dense(3)
            net.cast("float16")
            return net

        @pytest.mark.mxperf_model(half, inputs={"data": ((2, 4), "float16")})
        @pytest.mark.mxperf_budget(latency_p50="1 s")
        def test_half(mxperf_module, mxperf_benchmark):
            mxperf_benchmark(mxperf_module)
        """
    )
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E *ModelError: MXNet cannot run the model: float16 fully connected layer*"])
    no_traceback(result)


def test_warnings_of_mxnet_itself_are_no_errors(gated, run):
    """``mx.nd.array`` reads ``scipy.sparse.csr``, which warns; without scipy this cannot fail."""
    gated("mxperf_benchmark(mxperf_module)")
    run("-W", "error").assert_outcomes(passed=1)


def test_a_body_that_fails_after_timing_is_not_judged(gated, run, report):
    gated("mxperf_benchmark(mxperf_module); assert False, 'mine'")
    result = run("--mxperf-report")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*AssertionError: mine", "digits * failed"])
    assert report()["test_digits"]["findings"] == []


def test_a_bucketing_module_is_timed_with_its_default_bucket(write, run):
    write(
        """
        import mxnet as mx

        def bucket(length):
            net = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=2, name="fc", flatten=False)
            return net, ("data",), None

        def test_it(mxperf_benchmark):
            module = mx.mod.BucketingModule(bucket, default_bucket_key=7)
            module.bind([("data", (1, 7, 3))], for_training=False)
            module.init_params()
            assert mxperf_benchmark(module).samples >= 3
        """
    )
    run().assert_outcomes(passed=1)


def test_a_timing_says_which_batch_was_timed(write, run):
    """In the order that MXNet wants of it: a label that nobody gives has another shape for another batch."""
    write(
        """
        import mxnet as mx

        fc = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=5, name="fc")
        net = mx.sym.Group(
            [mx.sym.SoftmaxOutput(fc, name="softmax"), mx.sym.LinearRegressionOutput(fc, mx.sym.var("twice") * 2)]
        )

        @pytest.fixture
        def module():
            module = mx.mod.Module(net, label_names=None)
            module.bind([("data", (2, 3))], for_training=False)
            arrays = {"fc_weight": mx.nd.ones((5, 3)), "fc_bias": mx.nd.arange(5)}
            module.set_params(arrays, {}, allow_missing=True)
            return module

        def test_bound(module, mxperf_benchmark):
            assert mxperf_benchmark(module).batch == 2

        def test_another(module, mxperf_benchmark):
            assert mxperf_benchmark(module, mx.nd.ones((4, 3))).batch == 4
            assert module.get_outputs()[0].shape == (4, 5)
            assert module.get_outputs()[0][3].asnumpy().argmax() == 4  # the weights are still there

        def test_block(mxperf_benchmark):
            net = mx.gluon.nn.Dense(3)
            net.initialize()
            assert mxperf_benchmark(net, batch=mx.nd.ones((6, 2))).batch == 6

        def test_unknown(mxperf_benchmark):
            assert mxperf_benchmark(lambda: mx.nd.ones(3)).batch is None

        def test_unlike(mxperf_benchmark):
            assert mxperf_benchmark(lambda a, b: a + b, batch=(mx.nd.ones((1, 3)), mx.nd.ones((2, 3)))).batch is None
        """
    )
    run("--benchmark-max-time=0.01", "--benchmark-min-rounds=2").assert_outcomes(passed=5)


BATCHES = """
import mxnet as mx
import numpy as np
import pytest

ones, Batch = mx.nd.ones, mx.io.DataBatch


def plain():
    module = mx.mod.Module(mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=2, name="fc"), label_names=None)
    module.bind([("data", (2, 8))], for_training=False)
    module.init_params(mx.init.One())
    return module


def two():
    module = mx.mod.Module(mx.sym.var("a") + mx.sym.var("b"), data_names=["a", "b"], label_names=None)
    module.bind([("a", (2, 3)), ("b", (2, 3))], for_training=False)
    module.init_params()
    return module


def labelled(key):
    dense = mx.sym.FullyConnected(mx.sym.sum(mx.sym.var("data"), axis=1, keepdims=True), num_hidden=2, name="fc")
    return mx.sym.SoftmaxOutput(dense, name="softmax"), ("data",), ("softmax_label",)


def bucketing():
    module = mx.mod.BucketingModule(labelled, default_bucket_key=5)
    module.bind([("data", (2, 5))], [("softmax_label", (2,))], for_training=False)
    module.init_params()
    return module


class Two(mx.gluon.HybridBlock):
    def hybrid_forward(self, F, a, b):
        return a + b


class Fails(mx.gluon.HybridBlock):
    def hybrid_forward(self, F, x):
        raise KeyError("mine")


def dense(**sizes):
    net = mx.gluon.nn.Dense(3, **sizes)
    net.initialize()
    return net


def without_parameters():
    module = mx.mod.Module(mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=2), label_names=None)
    module.bind([("data", (2, 8))], for_training=False)
    return module
"""


def test_a_module_takes_arrays_and_incomplete_batches(write, run):
    """A batch of another size binds the module again, as MXNet's forward does. (4, 8) times ones gives rows of 8."""
    write(
        BATCHES
        + """
class Like:
    data = [ones((2, 5))]


@pytest.mark.parametrize(
    "batch", [ones((4, 8)), mx.np.ones((4, 8)), [ones((4, 8))], (ones((4, 8)),), Batch([ones((4, 8))])]
)
def test_plain(mxperf_benchmark, batch):
    module = plain()
    mxperf_benchmark(module, batch=batch)
    assert module.get_outputs()[0].asnumpy().tolist() == [[8, 8]] * 4


def test_two(mxperf_benchmark):
    module = two()
    mxperf_benchmark(module, batch=(ones((2, 3)), 2 * ones((2, 3))))
    assert module.get_outputs()[0].asnumpy().tolist() == [[3] * 3] * 2


@pytest.mark.parametrize("batch", [ones((2, 5)), [ones((2, 5))], Like(), Batch([ones((2, 5))], [ones(2)])])
def test_bucketing(mxperf_benchmark, batch):
    module = bucketing()
    mxperf_benchmark(module, batch=batch)
    assert module._curr_bucket_key == 5


def test_another_bucket(mxperf_benchmark):
    module = bucketing()
    mxperf_benchmark(module, batch=Batch([ones((2, 6))], [ones(2)], bucket_key=6))
    assert (module._curr_bucket_key, module.data_shapes[0].shape) == (6, (2, 6))


def test_without_a_batch_it_is_the_default_bucket(mxperf_benchmark):
    module = bucketing()
    module.switch_bucket(6, [("data", (2, 6))], [("softmax_label", (2,))])
    mxperf_benchmark(module)
    assert (module._curr_bucket_key, module.data_shapes[0].shape) == (5, (2, 5))
"""
    )
    run("--benchmark-max-time=0.01", "--benchmark-min-rounds=2").assert_outcomes(passed=12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            "mxperf_benchmark(plain(), batch=(2, 10))",
            "UsageError: mxperf_benchmark: batch has a value of type int; the module takes data (2, 8): give an "
            "mx.nd.array for each",
        ),
        (
            "mxperf_benchmark(plain(), batch=np.ones((2, 8)))",
            "UsageError: mxperf_benchmark: batch has a value of type numpy.ndarray; the module takes data (2, 8): give "
            "an mx.nd.array for each",
        ),
        (
            "mxperf_benchmark(plain(), batch=Batch([ones((2, 8)), ones(2)]))",
            "UsageError: mxperf_benchmark: batch has 2 arrays; the module takes data (2, 8): give an mx.nd.array for "
            "each",
        ),
        (
            "mxperf_benchmark.throughput(plain(), batch=ones((2, 9)))",
            "UsageError: mxperf_benchmark: batch has data (2, 9), and cannot be run: it does not fit fc_weight; the "
            "module is bound for data (2, 8)",
        ),
        (
            "mxperf_benchmark(two(), batch=ones((2, 3)))",
            "UsageError: mxperf_benchmark: batch has 1 array; the module takes a (2, 3), b (2, 3): give an mx.nd.array "
            "for each",
        ),
        (
            "mxperf_benchmark(bucketing(), batch=[])",
            "UsageError: mxperf_benchmark: batch has 0 arrays; the module takes data (2, 5): give an mx.nd.array for "
            "each",
        ),
        (
            "mxperf_benchmark(plain().forward)",
            "UsageError: mxperf_benchmark: got a method of a module, which returns no arrays; give the module itself",
        ),
        (
            "mxperf_benchmark(without_parameters())",
            f"UsageError: {TAKES}; got Module without parameters: call its set_params first",
        ),
        (
            "mxperf_benchmark(dense(), batch=(2, 10))",
            "UsageError: mxperf_benchmark: batch has a value of type int; Dense takes NDArrays: give an mx.nd.array "
            "for each",
        ),
        (
            "mxperf_benchmark(Two(), batch=ones(3))",
            "UsageError: mxperf_benchmark: Two takes (a, b), got 1 argument; give them as batch=(a, b)",
        ),
        (
            "mxperf_benchmark(dense(), batch=[ones(3), ones(3)])",
            "UsageError: mxperf_benchmark: Dense takes (x), got 2 arguments; give them as batch=(x,)",
        ),
        (
            "mxperf_benchmark(dense(in_units=4), batch=ones((2, 5)))",
            "ModelError: MXNet cannot run the model: *",
        ),
        (
            "mxperf_benchmark(mx.gluon.nn.Dense(3), batch=ones((2, 5)))",
            "UsageError: mxperf_benchmark: Dense is not initialized; call its initialize() first",
        ),
        (
            "mxperf_benchmark(lambda x, y: x + y)",
            "UsageError: mxperf_benchmark: <lambda> takes (x, y), got no arguments; give them as batch=(x, y)",
        ),
        (
            "mxperf_benchmark(lambda: ones(3), batch=ones(3))",
            "UsageError: mxperf_benchmark: <lambda> takes (), got 1 argument; leave out batch=",
        ),
    ],
)
def test_a_batch_that_does_not_fit_is_one_clear_error(write, run, no_traceback, call, message):
    write(BATCHES + f"\n\ndef test_it(mxperf_benchmark):\n    {call}\n")
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f">  *{glob.escape(call)}", f"E *{message}"])
    result.stdout.no_fnmatch_line("*mxnet/*")
    no_traceback(result)


def test_what_the_code_of_a_block_raises_is_shown_as_it_is(write, run):
    write(BATCHES + "\n\ndef test_it(mxperf_benchmark):\n    mxperf_benchmark(Fails(), batch=ones(3))\n")
    run().stdout.fnmatch_lines(["E *KeyError: 'mine'"])


SYNCHRONIZED = """
import mxnet as mx
import pytest

fetched = []
asnumpy = mx.nd.NDArray.asnumpy


@pytest.fixture(autouse=True)
def watch(monkeypatch):
    def watched(array):
        fetched.append(array.shape)
        return asnumpy(array)

    fetched.clear()
    monkeypatch.setattr(mx.nd.NDArray, "asnumpy", watched)


class TwoHeads(mx.gluon.HybridBlock):
    def hybrid_forward(self, F, second, first):
        return F.sum(first, axis=1), [second * 2]


def two_heads():
    net = TwoHeads()
    net.hybridize()
    return net


@pytest.mark.mxperf_model(two_heads, inputs={"first": (4, 3), "second": (2, 5)})
def test_block(mxperf_benchmark):
    # By name, whatever their order in the marker.
    mxperf_benchmark(two_heads())
    assert set(fetched) == {(4,), (2, 5)}


@pytest.mark.mxperf_model(two_heads, inputs={"first": (4, 3), "second": (2, 5)})
def test_batch(mxperf_benchmark):
    mxperf_benchmark(two_heads(), batch=(mx.nd.ones((6, 1)), mx.nd.ones((7, 1))))
    assert set(fetched) == {(7,), (6, 1)}


def test_symbol_block(mxperf_benchmark):
    data = mx.sym.var("data")
    net = mx.gluon.SymbolBlock(mx.sym.Group([data + 1, data.sum(axis=0)]), [data])
    mxperf_benchmark(net, batch=mx.nd.ones((2, 9)))
    assert set(fetched) == {(2, 9), (9,)}


def test_states(mxperf_benchmark):
    # A list of states is one argument.
    cell = mx.gluon.rnn.LSTMCell(4, input_size=3)
    cell.initialize()
    cell.hybridize()
    mxperf_benchmark(cell, batch=(mx.nd.ones((2, 3)), cell.begin_state(2)))
    assert set(fetched) == {(2, 4)}
    assert len(fetched) % 3 == 0  # the output, and two states


def test_function(mxperf_benchmark):
    timing = mxperf_benchmark.throughput(lambda: {"a": mx.nd.ones(8), "b": (mx.nd.ones(9), None)}, forwards=2)
    assert set(fetched) == {(8,), (9,)}
    assert timing.queued_forwards == 2


def test_no_inputs(mxperf_benchmark):
    with pytest.raises(Exception, match="give the inputs of TwoHeads: mxperf_benchmark.net, batch=x."):
        mxperf_benchmark(two_heads())
"""


def test_blocks_and_callables_are_timed_until_their_last_output(write, run):
    write(SYNCHRONIZED)
    run("--benchmark-max-time=0.01", "--benchmark-min-rounds=2").assert_outcomes(passed=6)
