"""Errors about one of two models."""

import warnings

import pytest

from pytest_mxperf.arguments import told_in_options
from pytest_mxperf.errors import MxperfError, MxperfWarning, ParamsError, ShapeError, UsageError, about
from pytest_mxperf.sides import in_own, of_each


def refuse(*bad):
    def function(model):
        if model in bad:
            raise ShapeError(f"{model}: too wide")
        return model.upper()

    return function


def test_of_each_gives_the_value_of_each():
    assert of_each(refuse(), ["a", "b"]) == ["A", "B"]


@pytest.mark.parametrize(
    ("models", "bad", "text", "side"),
    [
        ("ab", "a", "a: too wide", "_old"),
        ("ab", "b", "b: too wide", "_new"),
        ("ab", "ab", "a: too wide", ""),
        ("a", "a", "a: too wide", ""),
    ],
)
def test_an_error_has_a_side_if_only_one_of_two_models_is_at_fault(models, bad, text, side):
    with pytest.raises(ShapeError, match=text) as caught:
        of_each(refuse(*bad), list(models))
    assert caught.value.side == side


def test_nothing_has_a_side_behind_the_block():
    with about("_new"):
        assert MxperfError("x").side == "_new"
    assert (MxperfError("x").side, MxperfWarning("x").side) == ("", "")


def test_a_warning_has_the_side_of_its_block():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with about("_old"):
            warnings.warn_explicit("the folder has net.params: name one with params", MxperfWarning, "net", 0)
    assert told_in_options(caught[0].message) == "the folder has net.params: name one with --params-old"


@pytest.mark.parametrize(
    ("kind", "message", "in_arguments", "in_options"),
    [
        (
            ShapeError,
            "net: state is (1, 2, 32)",
            "net: state is (1, 2, 32); give this model inputs of its own in inputs_new",
            "net: state is (1, 2, 32); give this model inputs of its own with --input-new",
        ),
        (
            ShapeError,
            "net: give its shape in inputs, or in shapes if it is a parameter",
            "net: give its shape in inputs_new, or in shapes if it is a parameter",
            "net: give its shape with --input-new, or with --shape-new if it is a parameter",
        ),
        (
            ShapeError,
            "net: to end the graph before it, give output='fc'",
            "net: to end the graph before it, give output='fc'",
            "net: to end the graph before it, give --output-new fc",
        ),
        (
            UsageError,
            "net: the graph has no input 'state'; it has data",
            "net: the graph has no input 'state'; it has data; what only the other model takes goes in inputs_old",
            "net: the graph has no input 'state'; it has data; what only the other model takes goes with --input-old",
        ),
        (
            UsageError,
            "net: the graph has no input 'state'; did you mean 'data'?",
            "net: the graph has no input 'state'; did you mean 'data'? what only the other model takes goes in "
            "inputs_old",
            "net: the graph has no input 'state'; did you mean 'data'? what only the other model takes goes with "
            "--input-old",
        ),
        (
            ParamsError,
            "epochs that exist: 9; give one as the epoch, or 'latest'",
            "epochs that exist: 9; give one as epoch_new, or 'latest'",
            "epochs that exist: 9; give one with --epoch-new, or --epoch-new latest",
        ),
    ],
)
def test_advice_names_what_the_side_has_of_its_own(kind, message, in_arguments, in_options):
    with about("_new"):
        error = kind(message)
    assert (in_own(error), told_in_options(error)) == (in_arguments, in_options)
