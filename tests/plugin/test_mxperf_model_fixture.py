"""The mxperf_model fixture: asked for, parametrized and overridden."""

import pytest


def test_the_fixture_tells_the_model(write, run):
    write(
        """
        from pathlib import Path
        from pytest_mxperf import ModelSpec

        @pytest.mark.mxperf_model(PREFIX, inputs=INPUTS, epoch=0, name="mine")
        def test_checkpoint(mxperf_model):
            assert isinstance(mxperf_model, ModelSpec)
            assert mxperf_model.name == "mine"
            assert (mxperf_model.inputs["data"].shape, mxperf_model.inputs["data"].dtype) == ((1, 1, 8, 8), "float32")
            assert mxperf_model.source.symbol_path == Path(PREFIX + "-symbol.json")
            assert mxperf_model.source.epoch == 0

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
    result.stdout.fnmatch_lines(["mxperf_model: missing a required argument: 'inputs'*"])
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
    result.stdout.fnmatch_lines(["digits: macs 607,552 is over the budget of 1 (607,552 times as much)"])


def test_a_fixture_without_inputs_is_told_what_to_return(write, run, no_traceback):
    write(
        """
        @pytest.fixture
        def mxperf_model():
            return PREFIX

        @pytest.mark.mxperf_budget(macs="1 G")
        def test_it(mxperf_cost):
            pass
        """
    )
    result = run()
    result.assert_outcomes(errors=1)
    message = "mxperf_model: the fixture gives '*digits', without inputs; let it return ModelSpec.parse(...)"
    result.stdout.fnmatch_lines([message])
    no_traceback(result)


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
