"""Axes of inputs, and the sizes that a law is found from."""

import pytest

from pytest_mxperf.cost.scaling import Axis, checked_sizes, exponent
from pytest_mxperf.errors import UsageError
from pytest_mxperf.spec import InputSpec

INPUTS = {"data": InputSpec((1, 3, 224, 224)), "a:b": InputSpec((4, 9), "int32")}


@pytest.mark.parametrize(
    ("text", "places", "written"),
    [
        ("data:0", [("data", 0)], "data:0"),
        ("data:2,3", [("data", 2), ("data", 3)], "data:2,3"),
        ("data:2,data:3", [("data", 2), ("data", 3)], "data:2,3"),
        ("data:0,a:b:0", [("data", 0), ("a:b", 0)], "data:0,a:b:0"),
        ("a:b:0,1,data:0", [("a:b", 0), ("a:b", 1), ("data", 0)], "a:b:0,1,data:0"),
    ],
)
def test_an_axis_is_one_or_more_dimensions(text, places, written):
    axis = Axis.parse(text, where="here")
    assert (list(axis.places), str(axis)) == (places, written)


@pytest.mark.parametrize("text", ["", "data", "0", "data:", ":0", "data:x", "data:-1", "data:0,", "data:0,x", "data:½"])
def test_what_is_no_axis_is_an_error(text):
    with pytest.raises(UsageError, match=r"^here: .* names no dimension; write it like data:0"):
        Axis.parse(text, where="here")


def test_no_dimension_is_named_twice():
    with pytest.raises(UsageError, match=r"^here: 'data:0,0' names data:0 twice$"):
        Axis.parse("data:0,0", where="here")


def test_a_resized_axis_leaves_the_rest_as_it_was():
    resized = Axis.parse("data:2,3,a:b:1", where="here").resized(INPUTS, 32)
    assert resized == {"data": InputSpec((1, 3, 32, 32)), "a:b": InputSpec((4, 32), "int32")}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("image:0", "no shape is given for 'image', only for data, a:b"),
        ("data:4", "data of (1, 3, 224, 224) has no dimension 4; the first one is 0, the last one 3"),
    ],
)
def test_a_dimension_that_is_not_there_is_an_error(text, problem):
    with pytest.raises(UsageError) as caught:
        Axis.parse(text, where="here").check(INPUTS, where="here")
    assert str(caught.value) == f"here: {problem}"


@pytest.mark.parametrize(("text", "size"), [("data:2,3", 224), ("data:0,2", None), ("a:b:0", 4)])
def test_the_given_size_is_known_where_it_is_one(text, size):
    assert Axis.parse(text, where="here").given(INPUTS) == size


@pytest.mark.parametrize(
    ("asked", "checked"),
    [
        ([160, 224, 320], [160, 224, 320, 192, 256, 288, 352, 384]),  # multiples of 32, as far as they go
        ([1, 2, 4, 8, 16], [1, 2, 4, 8, 16, 3, 5, 6]),
        ([64, 32], [64, 32, 96, 128, 160, 192, 224, 256]),
        ([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ([5, 15], [5, 15, 25, 35, 45, 55, 65, 75]),
    ],
)
def test_laws_are_checked_on_the_grid_of_what_is_asked(asked, checked):
    assert checked_sizes(asked) == checked


def test_without_a_law_the_power_is_told():
    """8 times as much for twice the size, whatever lies between."""
    assert exponent({2: 10, 3: 11, 4: 80}) == pytest.approx(3)
    assert exponent({2: 0, 4: 80}) is None
    assert exponent({2: 10}) is None
