"""Tests below this folder need MXNet, and some of them an operator that not every MXNet has."""

import re

import pytest

_PREFIXES = {
    "symbol": [""],
    "symbol.contrib": ["_contrib_"],
    "symbol.numpy": ["_np_", "_npi_"],
    "symbol.numpy.linalg": ["_npi_"],
    "symbol.numpy_extension": ["_npx_"],
}
"""What the operators are called in the registry that Python finds in these modules."""

_SPELLED = {
    "symbol.numpy.insert": "_npi_insert_scalar",
    "symbol.numpy.linalg.inv": "_npi_inv",
    "symbol.numpy.linalg.det": "_npi_det",
}
"""Functions with another operator's name or an alias of one."""


@pytest.fixture(autouse=True)
def _needs_mxnet(request):
    pytest.importorskip("mxnet")
    for mark in request.node.iter_markers("needs_operator"):
        if not _has(*mark.args, **mark.kwargs):
            _skip(*mark.args)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Skips a test that asks MXNet for an operator which has a rule here and which this MXNet does not have.

    ``test_every_rule_is_for_an_operator_that_exists`` lists all of them; MXNet 1.9.1 lacks but what 1.6 had instead.
    """
    try:
        return (yield)
    except AttributeError as error:
        found = re.fullmatch(r"module 'mxnet\.([\w.]+)' has no attribute '(\w+)'", str(error))
        for name in _operators_of(*found.groups()) if found else ():
            if not _has(name):
                _skip(name)
        raise


def _operators_of(module, function):
    spelled = _SPELLED.get(f"{module}.{function}")
    return [spelled] if spelled else list(filter(_has_rule, [name + function for name in _PREFIXES.get(module, ())]))


def _has_rule(name):
    from pytest_mxperf.cost.registry import rule_for

    return rule_for(name) is not None


def _has(name, tried=None):
    """In the registry; or where the operator is there and cannot do all that a later one can, whether it did it.

    MXNet 1.9 can do all: there a failure is the test's.
    """
    import mxnet as mx

    from pytest_mxperf.mx.operators import operator

    if tried is None:
        return operator(name) is not None
    if mx.__version__.startswith("1.9."):
        return True
    try:
        tried(mx)
    except (mx.MXNetError, TypeError):  # of an attribute, of a dtype that Python does not know
        return False
    return True


def _skip(name):
    import mxnet as mx

    pytest.skip(f"MXNet {mx.__version__} has no operator {name}")


@pytest.fixture
def from_the_file_and_from_mxnet():
    """A file's graph as it is counted if MXNet keeps it, or None; and as MXNet writes it.

    How many outputs MXNet hides, an older one said in another way: it is left out.
    """
    import msgspec

    from pytest_mxperf.mx.infer import _kept, _written
    from pytest_mxperf.mx.model import open_model

    def shown(text, graph, counts):
        nodes = [msgspec.structs.replace(node, output_count=count) for node, count in zip(graph.nodes, counts)]
        return msgspec.structs.replace(graph, nodes=tuple(nodes)), counts

    def both(spec):
        model = open_model(spec)
        kept = _kept(model, model.symbol.get_internals())
        return None if kept is None else shown(*kept), shown(*_written(model))

    return both
