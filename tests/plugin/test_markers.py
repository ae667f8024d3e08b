"""Where the markers can stand, and which of several wins. A budget that is too low shows that it was seen."""

import pytest

TOO_LOW = "digits: macs 607,552 is over the budget of 1 (607,552 times as much)"


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
    result.stdout.fnmatch_lines(["mxperf_model: no model; mark the test with *"])
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
    result.stdout.fnmatch_lines(["mxperf_budget: unknown argument 'mac'; *"])
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


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("mxperf_budgets", "did you mean 'mxperf_budget'? "),
        ("mxpref_budget", "did you mean 'mxperf_budget'? "),
        ("mxperf_unlike_any_of_all_these", ""),
    ],
)
def test_a_misspelt_marker_is_an_error_of_its_test(write, run, no_traceback, name, hint):
    """pytest warns of it, and a test that uses our fixture would pass without a gate."""
    write(
        f"""
        @digits
        @pytest.mark.{name}(macs=1)
        def test_digits(mxperf_cost):
            pass

        @digits
        @pytest.mark.budget
        @pytest.mark.perf_budget
        def test_other(mxperf_cost):
            pass
        """
    )
    result = run()
    result.assert_outcomes(errors=1, passed=1)
    known = (
        "known: mxperf_model, mxperf_budget, mxperf_baseline, mxperf_policy; a marker of your own must be registered"
    )
    result.stdout.fnmatch_lines([f"unknown marker '{name}'; {hint}{known}"])
    no_traceback(result)


@pytest.mark.parametrize("where", ["function", "class"])
def test_a_misspelt_marker_is_an_error_where_nothing_else_is_ours(write, run, where):
    body = "def test_it(): pass" if where == "function" else "class TestIt:\n            def test_it(self): pass"
    write(
        f"""
        @pytest.mark.mxperf_baselines(macs="0%")
        {body}
        """
    )
    result = run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*unknown marker 'mxperf_baselines'; did you mean 'mxperf_baseline'? *"])


@pytest.mark.parametrize("where", ["fixture", "body"])
def test_a_misspelt_marker_that_is_added_late_is_an_error_too(write, run, where):
    add = "request.node.add_marker(pytest.mark.mxperf_budgt(macs=1))"
    write(
        f"""
        @pytest.fixture
        def late(request):
            {add if where == "fixture" else "pass"}

        @digits
        @pytest.mark.mxperf_budget(params="1 M")
        def test_it(late, request):
            {add if where == "body" else "pass"}
        """
    )
    result = run()
    assert result.parseoutcomes().keys() & {"failed", "errors", "error"}
    result.stdout.fnmatch_lines(["*unknown marker 'mxperf_budgt'; did you mean 'mxperf_budget'? *"])


def test_a_marker_that_somebody_has_registered_is_theirs(pytester, write, run):
    pytester.makeini("[pytest]\nmarkers =\n    mxperf_night(hour): runs at night")
    write(
        """
        @pytest.mark.mxperf_night(3)
        def test_it():
            pass

        @digits
        @pytest.mark.mxperf_night(3)
        def test_digits(mxperf_cost):
            pass
        """
    )
    run().assert_outcomes(passed=2)


STORED_AND_OTHER = """
    @digits
    @pytest.mark.mxperf_baseline(macs="0%")
    @pytest.mark.mxperf_baseline(against=PREFIX, macs="0%")
    def test_both():
        pass
"""
OF_THE_MODULE = """
    pytestmark = pytest.mark.mxperf_baseline(macs="0%")

    @digits
    @pytest.mark.mxperf_baseline(against=PREFIX, macs="0%")
    def test_both():
        pass
"""


@pytest.mark.parametrize("source", [STORED_AND_OTHER, OF_THE_MODULE])
def test_a_comparison_with_another_model_takes_no_gate_away(pytester, write, run, source):
    """The marker with against= once took the place of the one without, and the stored baseline was not judged."""
    write(source)
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["digits: no baseline for 'digits' in baselines/; record it with *"])
    run("--mxperf-update").assert_outcomes(passed=1)
    run().assert_outcomes(passed=1)
    path = pytester.path / "baselines" / "digits.json"
    path.write_text(path.read_text().replace("607552", "600000", 1))
    result = run("--mxperf-report", "-v")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["digits: macs 600,000 -> 607,552 (+1.26%, allowed +0%)", "*PASSED *macs 607,552, the same as*"]
    )


def test_a_limit_of_the_test_completes_the_other_model_of_its_class_if_both_name_it(write, run):
    write(
        """
        @digits
        @pytest.mark.mxperf_baseline(against=PREFIX, macs="0%")
        class TestIt:
            @pytest.mark.mxperf_baseline(against=PREFIX, macs="-1%")
            def test_it(self):
                pass
        """
    )
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["digits: macs 607,552, the same as */digits (allowed -1%)"])


def test_only_a_stored_baseline_that_was_exceeded_can_be_accepted(write, run, verdicts):
    """Storing the baseline again does not make the model lighter than the other one."""
    write(
        """
        @digits
        @pytest.mark.mxperf_baseline
        @pytest.mark.mxperf_baseline(against=PREFIX, macs="-1%")
        def test_it():
            pass
        """
    )
    run("--mxperf-update").assert_outcomes(failed=1)
    run("--mxperf-update", "--mxperf-policy=missing=ignore")
    result = run("--junit-xml=junit.xml")
    result.stdout.fnmatch_lines(["digits: macs 607,552, the same as */digits (allowed -1%)"])
    result.stdout.no_fnmatch_line("*--mxperf-update test_it.py*")
