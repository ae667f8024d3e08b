"""How errors are told apart, and long lists cut."""

import pytest

from pytest_mxperf import errors
from pytest_mxperf.errors import listed


def test_short_lists_are_shown_whole():
    assert listed(["a", "b", "c", "d", "e"]) == "a, b, c, d, e"


def test_long_lists_end_with_how_many_more_there_are():
    assert listed(["a", "b", "c", "d", "e", "f", "g"]) == "a, b, c, d, e and 2 more"


def test_the_limit_of_a_list_can_be_chosen():
    assert listed(["a", "b", "c"], limit=1) == "a and 2 more"


@pytest.mark.parametrize("name", [name for name in errors.__all__ if name.endswith("Error")])
def test_one_except_clause_catches_every_error(name):
    assert issubclass(getattr(errors, name), errors.MxperfError)


@pytest.mark.parametrize("kind", [errors.GraphError, errors.ParamsError, errors.ShapeError])
def test_what_is_wrong_with_a_model_is_a_model_error(kind):
    assert issubclass(kind, errors.ModelError)


def test_a_list_escapes_what_a_terminal_would_act_on():
    """Found by the fuzzer: the names in a .params file may have any characters."""
    assert listed(["arg\x1afc_weight", "\x1b[31m", "größe"]) == "arg\\x1afc_weight, \\x1b[31m, größe"
