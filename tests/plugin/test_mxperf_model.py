"""The mxperf_model marker and fixture: which model a test is about, however it says so."""

import json

import pytest

# Every usage error is one clear error on its own test; the others go on.


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ('PREFIX, "other", inputs=INPUTS', "takes one positional argument, the model; got 2"),
        ("PREFIX", "missing a required argument: 'inputs'; it takes source, inputs, epoch, name"),
        ("inputs=INPUTS", "missing a required argument: 'source'; it takes source, inputs, epoch, name"),
        ("PREFIX, input=INPUTS", "*argument*; it takes source, inputs, epoch, name"),
        ("PREFIX, inputs=INPUTS, epok=1", "*'epok'; it takes source, inputs, epoch, name"),
        ("PREFIX, inputs={}", "inputs={} must map each input to its shape, as in {*}"),
        ("PREFIX, inputs=(1, 1, 8, 8)", "inputs=(1, 1, 8, 8) must map each input to its shape, as in {*}"),
        ('PREFIX, inputs={"data": "1x1x8x8"}', "inputs?'data'?: expected a shape like *, got '1x1x8x8'"),
        ('PREFIX, inputs={"data": (1, -1, 8, 8)}', "inputs?'data'?: expected a shape like *, got (1, -1, 8, 8)"),
        ('PREFIX, inputs={"data": (1, True, 8, 8)}', "inputs?'data'?: expected a shape like *, got (1, True, 8, 8)"),
        ('PREFIX, inputs={"data": (1, 1, 8.0, 8)}', "inputs?'data'?: expected a shape like *, got (1, 1, 8.0, 8)"),
        (
            'PREFIX, inputs={"data": ((1, 1, 8, 8), "float23")}',
            "inputs?'data'?: unknown dtype 'float23'; MXNet has *float32*",
        ),
        ("PREFIX, inputs=INPUTS, epoch=True", "epoch=True is not a whole number from 0 up"),
        ("PREFIX, inputs=INPUTS, epoch=-1", "epoch=-1 is not a whole number from 0 up"),
        ("PREFIX, inputs=INPUTS, name=7", "name=7 is not text"),
    ],
)
def test_a_marker_that_cannot_be_understood_is_an_error_of_its_test(write, run, no_traceback, marker, message):
    write(
        f"""
        @pytest.mark.mxperf_model({marker})
        def test_wrong():
            pass

        @digits
        def test_right(mxperf_module):
            pass
        """
    )
    result = run()
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        ["*ERROR at setup of test_wrong*", f"mxperf_model of test_it.py::test_wrong: {message}"]
    )
    no_traceback(result)


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ('"nowhere/net", inputs=INPUTS', "*nowhere/net-symbol.json: cannot read the symbol: No such file or directory"),
        ('PREFIX, inputs={"date": (1, 1, 8, 8)}', "digits: the graph has no input 'date'; did you mean 'data'?"),
        (
            'PREFIX, inputs={"data": (1, 3, 8, 8)}',
            "digits: with data=(1, 3, 8, 8) the graph does not fit *",
        ),
        ('PREFIX, inputs={"data": (1, 64)}', "digits: *shapes* do not fit together for data=(1, 64)*: *"),
        ("42, inputs=INPUTS", "int: a model is a checkpoint prefix, *; got int"),
    ],
)
def test_a_model_that_cannot_be_counted_fails_its_test(write, run, no_traceback, marker, message):
    write(
        f"""
        @pytest.mark.mxperf_model({marker})
        def test_wrong():
            pass

        @pytest.mark.mxperf_model({marker})
        def test_wrong_setup(mxperf_cost):
            pass

        @digits
        def test_right(mxperf_module):
            pass
        """
    )
    result = run()
    result.assert_outcomes(passed=1, failed=1, errors=1)
    result.stdout.fnmatch_lines(["*ERROR at setup of test_wrong_setup*", message], consecutive=True)
    result.stdout.fnmatch_lines(["*_ test_wrong _*", message], consecutive=True)
    no_traceback(result)


@pytest.mark.parametrize("option", ["--mxperf-update", "--mxperf-update=new"])
def test_a_model_that_cannot_be_counted_has_no_baseline(pytester, write, run, no_traceback, option):
    write(
        """
        pytestmark = pytest.mark.mxperf_baseline

        @pytest.mark.mxperf_model(PREFIX, inputs={"data": (1, 64)}, name="other")
        def test_wrong():
            pass

        @digits
        def test_right():
            pass
        """
    )
    result = run(option)
    no_traceback(result)
    result.assert_outcomes(passed=1, failed=1)
    assert sorted(path.name for path in pytester.path.rglob("*.json")) == ["digits-symbol.json", "digits.json"]


def test_a_broken_checkpoint_fails_its_test(pytester, write, run, no_traceback, put_model, digits):
    put_model(digits)
    (pytester.path / "models" / "digits-symbol.json").write_text("version https://git-lfs.github.com/spec/v1\n")
    write(
        """
        @pytest.mark.mxperf_model("models/digits", inputs=INPUTS)
        def test_wrong():
            pass

        @digits
        def test_right():
            pass
        """
    )
    result = run()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*models/digits-symbol.json: not an MXNet symbol JSON: *"])
    no_traceback(result)


@pytest.mark.parametrize("marker", ["mxperf_budget(macs=1)", "mxperf_baseline"])
def test_a_gate_without_a_model_says_how_to_give_one(write, run, no_traceback, marker):
    write(
        f"""
        @pytest.mark.{marker}
        def test_without_model():
            pass
        """
    )
    result = run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["mxperf_model of test_it.py::test_without_model: no model; mark the test with *"])
    no_traceback(result)


def test_a_fixture_without_a_model_says_how_to_give_one(write, run, no_traceback):
    write(
        """
        def test_without_model(mxperf_cost):
            pass
        """
    )
    result = run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["mxperf_model of test_it.py::test_without_model: no model; mark the test with *"])
    no_traceback(result)


# What a source can be.


def test_every_kind_of_source_is_counted(write, report):
    """digits, 8 x 8 x 1 inputs; dense: 64 x 10 MACs, 64 x 10 + 10 parameters."""
    write(
        """
        import mxnet as mx
        from pathlib import Path

        net = mx.gluon.nn.Dense(10)

        def net_factory():
            return mx.gluon.nn.Dense(10)

        def symbol_factory():
            return symbol

        symbol = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=10, name="fc")

        @pytest.mark.mxperf_model(PREFIX, inputs=INPUTS)
        def test_prefix(): pass

        @pytest.mark.mxperf_model(Path(PREFIX), inputs=INPUTS)
        def test_path(): pass

        @pytest.mark.mxperf_model(PREFIX + "-symbol.json", inputs=INPUTS)
        def test_symbol_file(): pass

        @pytest.mark.mxperf_model(net, inputs=INPUTS)
        def test_net(): pass

        @pytest.mark.mxperf_model(symbol, inputs=INPUTS)
        def test_symbol(): pass

        @pytest.mark.mxperf_model(net_factory, inputs=INPUTS)
        def test_net_factory(): pass

        @pytest.mark.mxperf_model(symbol_factory, inputs=INPUTS)
        def test_symbol_factory(): pass

        @pytest.mark.mxperf_model(source=net_factory, inputs=INPUTS, name="mine")
        def test_named(): pass
        """
    )
    models = report()
    found = {
        test: (model["name"], model["outcome"], model["cost"]["macs"], model["cost"]["params"]["trainable"])
        for test, model in models.items()
    }
    assert found == {
        "test_prefix": ("digits", "passed", 607_552, 31_962),
        "test_path": ("digits", "passed", 607_552, 31_962),
        "test_symbol_file": ("digits", "passed", 607_552, 31_962),
        "test_net": ("Dense", "passed", 640, 650),
        "test_symbol": ("Symbol", "passed", 640, 650),
        "test_net_factory": ("net_factory", "passed", 640, 650),
        "test_symbol_factory": ("symbol_factory", "passed", 640, 650),
        "test_named": ("mine", "passed", 640, 650),
    }


def test_a_relative_prefix_starts_at_the_root_directory(pytester, write, run, put_model, digits, monkeypatch):
    put_model(digits)
    pytester.makeini("[pytest]")
    write(
        """
        @pytest.mark.mxperf_model("models/digits", inputs=INPUTS)
        def test_digits(mxperf_cost):
            assert mxperf_cost.macs == 607_552
        """,
        "deep/below/test_it.py",
    )
    monkeypatch.chdir(pytester.path / "deep")
    run().assert_outcomes(passed=1)


def test_a_factory_is_called_once_per_test_and_only_when_its_test_runs(pytester, write, run):
    write(
        """
        import mxnet as mx

        def factory():
            with open("calls.txt", "a") as stream:
                stream.write("called\\n")
            return mx.gluon.nn.Dense(10)

        @pytest.mark.mxperf_model(factory, inputs=INPUTS)
        @pytest.mark.mxperf_budget(macs=640, params=650)
        @pytest.mark.mxperf_baseline
        def test_dense(mxperf_model, mxperf_cost, mxperf_checkpoint, mxperf_module):
            pass

        @pytest.mark.skip
        @pytest.mark.mxperf_model(factory, inputs=INPUTS)
        def test_skipped():
            pass

        @pytest.mark.mxperf_model(factory, inputs=INPUTS)
        def test_deselected():
            pass
        """
    )
    run("--mxperf-update", "-k", "not deselected").assert_outcomes(passed=1, skipped=1, deselected=1)
    assert (pytester.path / "calls.txt").read_text().split() == ["called"]


# Where the marker can stand. A budget that is too low shows that it was seen.

TOO_LOW = "digits: macs 607,552 is over the budget of 1 (+60755100.00%)"


@pytest.mark.parametrize(
    "source",
    [
        """
        @digits
        @pytest.mark.mxperf_budget(macs=1)
        def test_function():
            pass
        """,
        """
        @digits
        @pytest.mark.mxperf_budget(macs=1)
        class TestClass:
            def test_method(self):
                pass
        """,
        """
        pytestmark = [digits, pytest.mark.mxperf_budget(macs=1)]

        def test_function():
            pass
        """,
        """
        pytestmark = digits

        @pytest.mark.mxperf_budget(macs=1)
        class TestClass:
            def test_method(self):
                pass
        """,
        """
        @digits
        @pytest.mark.mxperf_budget(macs=1)
        class TestClass:
            @staticmethod
            def test_static_method():
                pass
        """,
        """
        @digits
        @pytest.mark.mxperf_budget(macs=1)
        class TestClass:
            @classmethod
            def test_class_method(cls):
                pass
        """,
        """
        @pytest.mark.parametrize("model", [pytest.param(1, marks=[digits, pytest.mark.mxperf_budget(macs=1)])])
        def test_parametrized(model):
            pass
        """,
        """
        @digits
        @pytest.mark.parametrize("value", [pytest.param(1, marks=pytest.mark.mxperf_budget(macs=1))])
        def test_parametrized(value):
            pass
        """,
        """
        import unittest

        @digits
        @pytest.mark.mxperf_budget(macs=1)
        class TestClass(unittest.TestCase):
            def test_method(self):
                self.assertEqual(1, 1)
        """,
        """
        import unittest

        class TestClass(unittest.TestCase):
            @digits
            @pytest.mark.mxperf_budget(macs=1)
            def test_method(self):
                self.assertEqual(1, 1)
        """,
    ],
    ids=[
        "function",
        "class",
        "module",
        "module and class",
        "static method",
        "class method",
        "parameter",
        "function and parameter",
        "unittest class",
        "unittest method",
    ],
)
def test_markers_can_stand_anywhere(write, run, source):
    write(source)
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([TOO_LOW])


def test_markers_can_be_added_by_a_conftest(pytester, write, run, digits):
    pytester.makeconftest(
        f"""
        import pytest

        def pytest_collection_modifyitems(items):
            for item in items:
                if item.name == "test_gated":
                    item.add_marker(pytest.mark.mxperf_model({str(digits)!r}, inputs={{"data": (1, 1, 8, 8)}}))
                    item.add_marker(pytest.mark.mxperf_budget(macs=1))
        """
    )
    write(
        """
        def test_gated():
            pass

        def test_other():
            pass
        """
    )
    result = run()
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines([TOO_LOW])


def test_a_marker_can_be_applied_by_a_fixture(write, run):
    write(
        """
        @pytest.fixture(autouse=True)
        def mark(request):
            request.applymarker(pytest.mark.mxperf_budget(macs=1))

        @digits
        def test_function():
            pass
        """
    )
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([TOO_LOW])


def test_all_markers_can_be_applied_when_it_is_late(write, run, no_traceback):
    write(
        """
        GATE = pytest.mark.mxperf_budget(macs=1)

        @pytest.fixture
        def gate(request):
            request.applymarker(digits)
            request.applymarker(GATE)

        def test_by_fixture(gate):
            pass

        def test_by_body(request):
            request.applymarker(digits)
            request.applymarker(GATE)

        def test_without_a_model(request):
            request.applymarker(GATE)

        def test_unmarked():
            pass
        """
    )
    result = run()
    result.assert_outcomes(failed=3, passed=1)
    result.stdout.fnmatch_lines(["*_ test_by_fixture _*", TOO_LOW], consecutive=True)
    result.stdout.fnmatch_lines(["*_ test_by_body _*", TOO_LOW], consecutive=True)
    result.stdout.fnmatch_lines(["mxperf_model of test_it.py::test_without_a_model: no model; mark the test with *"])
    no_traceback(result)


def test_a_marker_applied_by_the_body_that_cannot_be_understood_fails_its_test(write, run, no_traceback):
    write(
        """
        @digits
        def test_wrong(request):
            request.applymarker(pytest.mark.mxperf_budget(mac=1))
        """
    )
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["mxperf_budget of test_it.py::test_wrong: unknown argument 'mac'; *"])
    no_traceback(result)


@pytest.mark.parametrize("body", ["def test_model(exported): pass", "def test_model(exported, mxperf_cost): pass"])
def test_a_fixture_of_the_test_can_make_the_checkpoint(write, run, body):
    write(
        f"""
        import shutil

        @pytest.fixture
        def exported():
            shutil.copy(PREFIX + "-symbol.json", "made-symbol.json")

        @pytest.mark.mxperf_model("made", inputs=INPUTS)
        @pytest.mark.mxperf_budget(macs="608 k")
        {body}
        """
    )
    run().assert_outcomes(passed=1)


def test_the_closest_model_wins(write, report):
    write(
        """
        import mxnet as mx

        pytestmark = pytest.mark.mxperf_model("nowhere/net", inputs=INPUTS)

        @pytest.mark.mxperf_model(lambda: mx.gluon.nn.Dense(10), inputs=INPUTS, name="of_the_class")
        class TestClass:
            def test_far(self):
                pass

            @digits
            def test_near(self):
                pass
        """
    )
    assert {test: model["name"] for test, model in report().items()} == {
        "TestClass::test_far": "of_the_class",
        "TestClass::test_near": "digits",
    }


def test_a_subclass_overrules_its_bases(write, report):
    """pytest lists the markers of a base in front of the subclass's own."""
    write(
        """
        def model(name):
            return pytest.mark.mxperf_model(PREFIX, inputs=INPUTS, name=name)

        @model("base")
        class TestBase:
            def test_it(self):
                pass

        class Mixin:
            pytestmark = model("mixin")

        class TestInherited(TestBase):
            pass

        @model("own")
        class TestOverruled(TestBase):
            pass

        class TestMixed(Mixin, TestBase):
            pass

        @model("outer")
        @model("inner")
        class TestStacked(TestOverruled):
            @model("function")
            def test_near(self):
                pass
        """
    )
    assert {test: model["name"] for test, model in report().items()} == {
        "TestBase::test_it": "base",
        "TestInherited::test_it": "base",
        "TestOverruled::test_it": "own",
        "TestMixed::test_it": "mixin",
        "TestStacked::test_it": "inner",
        "TestStacked::test_near": "function",
    }


# The fixture.


def test_the_fixture_tells_the_model(write, run):
    write(
        """
        from pathlib import Path
        from pytest_mxperf import ModelSpec

        @pytest.mark.mxperf_model(PREFIX, inputs=INPUTS, epoch=3, name="mine")
        def test_checkpoint(mxperf_model):
            assert isinstance(mxperf_model, ModelSpec)
            assert mxperf_model.name == "mine"
            assert (mxperf_model.inputs["data"].shape, mxperf_model.inputs["data"].dtype) == ((1, 1, 8, 8), "float32")
            assert mxperf_model.source.symbol_path == Path(PREFIX + "-symbol.json")
            assert mxperf_model.source.epoch == 3

        def factory():
            import mxnet as mx

            return mx.sym.Embedding(mx.sym.var("tokens"), input_dim=10, output_dim=4)

        @pytest.mark.mxperf_model(factory, inputs={"tokens": ((1, 5), "int32")})
        def test_factory(mxperf_model):
            assert (mxperf_model.name, mxperf_model.source) == ("factory", factory)
            assert (mxperf_model.inputs["tokens"].shape, mxperf_model.inputs["tokens"].dtype) == ((1, 5), "int32")
        """
    )
    run().assert_outcomes(passed=2)


BODIES = {
    "takes it": "def test_model(mxperf_model):",
    "takes nothing": "def test_model():",
    "takes the cost": "def test_model(mxperf_cost):",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize(
    "values",
    [
        '[dict(source=PREFIX, inputs=INPUTS, name="a"), dict(source=PREFIX, inputs={"data": (2, 1, 8, 8)}, name="b")]',
        '[ModelSpec.parse(PREFIX, INPUTS, name="a"), ModelSpec.parse(PREFIX, {"data": (2, 1, 8, 8)}, name="b")]',
    ],
    ids=["arguments", "specs"],
)
def test_the_fixture_can_be_parametrized(write, report, body, values):
    write(
        f"""
        from pytest_mxperf import ModelSpec

        @pytest.mark.parametrize("mxperf_model", {values}, indirect=True, ids=["a", "b"])
        @pytest.mark.mxperf_budget(macs=607_552)
        {body}
            pass
        """
    )
    found = {test: (model["name"], model["outcome"], model["cost"]["macs"]) for test, model in report().items()}
    assert found == {"test_model[a]": ("a", "passed", 607_552), "test_model[b]": ("b", "failed", 2 * 607_552)}


def test_a_parameter_completes_the_marker(write, report):
    write(
        """
        import mxnet as mx

        @pytest.mark.mxperf_model(inputs=INPUTS)
        @pytest.mark.parametrize("mxperf_model", [PREFIX, lambda: mx.gluon.nn.Dense(10)], indirect=True, ids="ab")
        def test_source():
            pass

        @pytest.mark.mxperf_model(PREFIX, inputs={"data": (4, 1, 8, 8)})
        @pytest.mark.parametrize("mxperf_model", [{"inputs": INPUTS}, {"name": "mine"}], indirect=True, ids="ab")
        def test_arguments():
            pass
        """
    )
    assert {test: (model["name"], model["cost"]["macs"]) for test, model in report().items()} == {
        "test_source[a]": ("digits", 607_552),
        "test_source[b]": ("<lambda>", 640),
        "test_arguments[a]": ("digits", 607_552),
        "test_arguments[b]": ("mine", 4 * 607_552),
    }


def test_a_class_and_a_module_can_be_parametrized_without_an_argument(write, report):
    write(
        """
        @pytest.mark.parametrize("mxperf_model", [dict(source=PREFIX, inputs=INPUTS)], indirect=True, ids=["a"])
        @pytest.mark.mxperf_budget(macs=1)
        class TestClass:
            def test_method(self):
                pass
        """,
        "test_class.py",
    )
    write(
        """
        pytestmark = [
            pytest.mark.parametrize("mxperf_model", [dict(source=PREFIX, inputs=INPUTS)], indirect=True, ids=["a"]),
            pytest.mark.mxperf_budget(macs=1),
        ]

        def test_function():
            pass
        """,
        "test_module.py",
    )
    assert {test: model["outcome"] for test, model in report().items()} == {
        "TestClass::test_method[a]": "failed",
        "test_function[a]": "failed",
    }


def test_a_bad_parameter_is_an_error_of_its_test(write, run, no_traceback):
    write(
        """
        @pytest.mark.parametrize(
            "mxperf_model", [{"source": PREFIX, "inputs": INPUTS}, {"source": PREFIX}], indirect=True, ids=["ok", "bad"]
        )
        @pytest.mark.mxperf_budget(macs="1 M")
        def test_model():
            pass
        """
    )
    result = run()
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["mxperf_model of test_it.py::test_model?bad?: missing a required argument: 'inputs'*"])
    no_traceback(result)


@pytest.mark.parametrize("scope", ["function", "class", "module", "session"])
@pytest.mark.parametrize(
    "value", ["ModelSpec.parse(PREFIX, INPUTS)", "dict(source=PREFIX, inputs=INPUTS)"], ids=["spec", "arguments"]
)
def test_the_fixture_can_be_overridden_from_any_scope(write, run, scope, value):
    write(
        f"""
        from pytest_mxperf import ModelSpec

        @pytest.fixture(scope={scope!r})
        def mxperf_model():
            return {value}

        @pytest.mark.mxperf_budget(macs=607_552)
        def test_passes():
            pass

        @pytest.mark.mxperf_budget(macs=1)
        def test_fails():
            pass

        def test_fixtures(mxperf_cost, mxperf_module):
            assert mxperf_cost.macs == 607_552

        def test_unmarked():
            pass
        """
    )
    result = run()
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines([TOO_LOW])


def test_an_overriding_fixture_can_have_parameters(write, report):
    write(
        """
        from pytest_mxperf import ModelSpec

        @pytest.fixture(scope="module", params=[1, 2])
        def mxperf_model(request):
            return ModelSpec.parse(PREFIX, {"data": (request.param, 1, 8, 8)}, name=f"batch{request.param}")

        @pytest.mark.mxperf_budget(macs=607_552)
        def test_model():
            pass

        def test_cost(mxperf_cost, mxperf_model):
            assert mxperf_cost.macs == 607_552 * mxperf_model.inputs["data"].shape[0]

        def test_unmarked():
            pass
        """
    )
    assert {test: (model["name"], model["outcome"]) for test, model in report().items()} == {
        "test_model[1]": ("batch1", "passed"),
        "test_model[2]": ("batch2", "failed"),
        "test_cost[1]": ("batch1", "passed"),
        "test_cost[2]": ("batch2", "passed"),
    }


def test_an_overriding_fixture_can_refine_the_marker(write, run):
    write(
        """
        import dataclasses

        @pytest.fixture
        def mxperf_model(mxperf_model):
            return dataclasses.replace(mxperf_model, name="refined")

        @digits
        @pytest.mark.mxperf_baseline
        def test_model():
            pass
        """
    )
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["refined: no baseline for 'refined' in baselines/; *"])


def test_an_overriding_fixture_that_skips_or_fails_is_seen_as_such(write, run):
    write(
        """
        @pytest.fixture
        def mxperf_model(request):
            if "skipped" in request.node.name:
                pytest.skip("no GPU")
            raise RuntimeError("no model today")

        @pytest.mark.mxperf_budget(macs=1)
        def test_skipped():
            pass

        @pytest.mark.mxperf_budget(macs=1)
        def test_error():
            pass
        """
    )
    result = run()
    result.assert_outcomes(skipped=1, errors=1)
    result.stdout.fnmatch_lines(["E       RuntimeError: no model today"])


# Which tests are judged.


def test_an_outcome_that_the_user_expects_is_kept(write, run):
    write(
        """
        pytestmark = digits
        too_low, enough = pytest.mark.mxperf_budget(macs=1), pytest.mark.mxperf_budget(macs="608 k")

        @too_low
        @pytest.mark.skip
        def test_skipped(): pass

        @too_low
        def test_skips_itself():
            pytest.skip("not today")

        @too_low
        @pytest.mark.xfail
        def test_xfails(): pass

        @too_low
        @pytest.mark.xfail(strict=True)
        def test_xfails_strictly(): pass

        @enough
        @pytest.mark.xfail(strict=False)
        def test_xpasses(): pass

        @enough
        @pytest.mark.xfail(strict=True)
        def test_must_not_pass(): pass
        """
    )
    result = run()
    result.assert_outcomes(skipped=2, xfailed=2, xpassed=1, failed=1)
    result.stdout.fnmatch_lines(["?XPASS(strict)?*"])


def test_a_failing_body_is_not_judged(write, run, report):
    write(
        """
        @digits
        @pytest.mark.mxperf_budget(macs=1)
        def test_body(mxperf_cost):
            assert mxperf_cost.macs == 7
        """
    )
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*assert 607552 == 7"])
    result.stdout.no_fnmatch_line("*over the budget*")
    model = report()["test_body"]
    assert (model["outcome"], model["findings"], model["cost"]["macs"]) == ("failed", [], 607_552)


def test_a_failing_body_of_a_unittest_is_not_judged(write, run, report):
    """It keeps what went wrong to itself until the report is made."""
    write(
        """
        import unittest

        @digits
        @pytest.mark.mxperf_budget(macs=1)
        class TestCase(unittest.TestCase):
            def test_body(self):
                self.assertEqual(1, 2)
        """
    )
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*AssertionError: 1 != 2"])
    model = report()["TestCase::test_body"]
    assert (model["outcome"], model["findings"]) == ("failed", [])


@pytest.mark.skipif(not hasattr(pytest, "Subtests"), reason="pytest has subtests since version 9")
@pytest.mark.parametrize(
    "source",
    [
        """
        @digits
        @pytest.mark.mxperf_budget(macs={macs}, latency_p50="1000 s")
        def test_body(subtests, mxperf_module, mxperf_benchmark):
            for value in range(3):
                with subtests.test("inner", value=value):
                    pass
            mxperf_benchmark(mxperf_module)
        """,
        """
        import unittest

        @digits
        @pytest.mark.mxperf_budget(macs={macs}, latency_p50="1000 s")
        class TestCase(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def take(self, mxperf_module, mxperf_benchmark):
                self.module, self.benchmark = mxperf_module, mxperf_benchmark

            def test_body(self):
                for value in range(3):
                    with self.subTest("inner", value=value):
                        pass
                self.benchmark(self.module)
        """,
    ],
    ids=["pytest", "unittest"],
)
def test_gates_are_judged_once_and_not_by_subtest(write, run, junit, source):
    write(source.format(macs='"608 k"'))
    run().assert_outcomes(passed=1)
    write(source.format(macs=1))
    suite = junit()
    assert suite.get("failures") == "1"
    properties = [(each.get("name"), each.get("value")) for each in suite.iter("property")]
    assert properties == [("mxperf budget macs", "OVER_BUDGET"), ("mxperf budget latency_p50", "PASSED")]


def test_stopping_at_the_first_failure_stops_at_a_broken_gate(write, run):
    write(
        """
        pytestmark = digits

        @pytest.mark.mxperf_budget(macs=1)
        def test_a(): pass

        @pytest.mark.mxperf_budget(macs="1 M")
        def test_b(): pass
        """
    )
    result = run("-x")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*stopping after 1 failures*"])


def test_a_rerun_of_the_last_failures_runs_the_broken_gates(pytester, write):
    write(
        """
        pytestmark = digits

        @pytest.mark.mxperf_budget(macs=1)
        def test_a(): pass

        @pytest.mark.mxperf_budget(macs="1 M")
        def test_b(): pass
        """
    )
    pytester.runpytest("-p", "no:hypothesispytest").assert_outcomes(failed=1, passed=1)
    pytester.runpytest("-p", "no:hypothesispytest", "--last-failed").assert_outcomes(failed=1)


def test_several_bad_gates_are_told_together(write, run):
    write(
        """
        @digits
        @pytest.mark.mxperf_budget(macs=1, params=31_962, flops=2)
        @pytest.mark.mxperf_baseline
        def test_digits():
            pass
        """
    )
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            TOO_LOW,
            "digits: flops 1,229,770 is over the budget of 2 (*%)",
            "digits: no baseline for 'digits' in baselines/; record it with --mxperf-update",
        ],
        consecutive=True,
    )
    result.stdout.no_fnmatch_line("*params 31,962*")


def test_junit_tells_a_usage_error_as_an_error(write, junit):
    write(
        """
        @pytest.mark.mxperf_model(PREFIX)
        def test_wrong():
            pass
        """
    )
    suite = junit()
    assert (suite.get("failures"), suite.get("errors")) == ("0", "1")
    assert "missing a required argument: 'inputs'" in suite.find("testcase/error").text


def test_an_interrupted_session_keeps_what_has_finished(pytester, write):
    write(
        """
        @digits
        @pytest.mark.mxperf_baseline
        def test_a():
            pass

        @pytest.mark.mxperf_model(PREFIX, inputs=INPUTS, name="other")
        @pytest.mark.mxperf_baseline
        def test_b():
            raise KeyboardInterrupt
        """
    )
    result = pytester.runpytest_subprocess(
        "-p", "no:hypothesispytest", "--mxperf-update", "--mxperf-report=report.json"
    )
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert [model["test"] for model in json.loads((pytester.path / "report.json").read_text())["models"]] == [
        "test_it.py::test_a"
    ]
    assert sorted(path.name for path in (pytester.path / "baselines").iterdir()) == [
        "digits-symbol.json",
        "digits.json",
    ]


def test_a_spec_with_a_relative_path_starts_at_the_root_too(write, run, pytester, digits, monkeypatch):
    """As the marker's does, wherever pytest was started."""
    (pytester.path / "pytest.ini").write_text("[pytest]\n")
    for suffix in ("-symbol.json", "-0000.params"):
        (pytester.path / f"net{suffix}").write_bytes(digits.with_name(f"digits{suffix}").read_bytes())
    test = write(
        """
        from pytest_mxperf import ModelSpec

        @pytest.fixture
        def mxperf_model():
            return ModelSpec.parse("net", INPUTS)

        def test_net(mxperf_cost):
            assert mxperf_cost.macs == 607_552
        """
    )
    below = pytester.mkdir("below")
    monkeypatch.chdir(below)
    run(str(test)).assert_outcomes(passed=1)
