"""Every operator that MXNet registers is counted, entered, free, or uncountable for a reason; no other has a rule."""

import ctypes

import pytest

import pytest_mxperf.cost.walk  # noqa: F401  registers the rules
from pytest_mxperf.cost.registry import _RULES, UNCOUNTABLE
from pytest_mxperf.cost.subgraphs import FUSED_PREFIX

LOOPS_AND_BRANCHES = ("_foreach", "_while_loop", "_cond")


@pytest.fixture(scope="module")
def operators():
    """Canonical names: MXNet lists each operator once, however many aliases it has."""
    import mxnet as mx

    library, check = mx.base._LIB, mx.base.check_call
    count, creators, name = ctypes.c_uint(), ctypes.POINTER(ctypes.c_void_p)(), ctypes.c_char_p()
    check(library.MXSymbolListAtomicSymbolCreators(ctypes.byref(count), ctypes.byref(creators)))
    names = set()
    for creator in creators[: count.value]:
        check(library.MXSymbolGetAtomicSymbolName(ctypes.c_void_p(creator), ctypes.byref(name)))
        names.add(name.value.decode())
    return names


def is_backward(name):
    """Gradients, which a forward pass does not have. MXNet marks them by name only."""
    return "_backward" in name or name.startswith("_grad")


def test_every_operator_is_classified(operators):
    forward = {name for name in operators if not is_backward(name)}
    entered = {name for name in forward if name in LOOPS_AND_BRANCHES or name.startswith(FUSED_PREFIX)}
    unclassified = sorted(forward - entered - set(_RULES) - set(UNCOUNTABLE))
    assert not unclassified, f"no formula, no reason to be free: {', '.join(unclassified)}"


def test_every_rule_is_for_an_operator_that_exists(operators):
    assert sorted(set(_RULES) - operators) == []


def test_every_uncountable_operator_exists_and_has_no_rule(operators):
    assert sorted(set(UNCOUNTABLE) - operators) == []
    assert sorted(set(UNCOUNTABLE) & set(_RULES)) == []
