"""One pass over a graph."""

import msgspec
import pytest

from pytest_mxperf.cost.params import Role
from pytest_mxperf.cost.result import CostReport, LayerCost, OpCost, Params
from pytest_mxperf.cost.walk import Inference, walk
from pytest_mxperf.errors import GraphError, ShapeError
from pytest_mxperf.graph import Graph, Node


def variable(name):
    return Node(op="null", name=name, attrs={}, inputs=())


def operator(op, name, *inputs, **attrs):
    entries = tuple(entry if isinstance(entry, tuple) else (entry, 0) for entry in inputs)
    return Node(op=op, name=name, attrs=attrs, inputs=entries)


def count(nodes, shapes, roles):
    """``shapes`` are the outputs of each node."""
    graph = Graph(tuple(nodes), ((len(nodes) - 1, 0),))
    dtypes = [("float32",) * len(outputs) for outputs in shapes]
    return walk(graph, Inference(shapes, dtypes), roles)


def test_a_small_network_by_hand():
    """fc: 4 outputs of 3 multiply-accumulates each, 4 biases; act: 4 evaluations; 4x3 + 4 parameters."""
    report = count(
        [
            variable("data"),
            variable("w"),
            variable("b"),
            operator("FullyConnected", "fc", 0, 1, 2, num_hidden="4"),
            operator("Activation", "act", 3, act_type="relu"),
            operator("Flatten", "flat", 4),
        ],
        [[(1, 3)], [(4, 3)], [(4,)], [(1, 4)], [(1, 4)], [(1, 4)]],
        {0: Role.INPUT, 1: Role.TRAINABLE, 2: Role.TRAINABLE},
    )
    # The dense layer reads 3 + 12 + 4 numbers of 4 bytes; the activation writes over its input; Flatten is a view.
    fc = LayerCost("fc", "FullyConnected", [(1, 4)], OpCost(macs=12, bias=4), Params(trainable=16, bytes=64))
    act = LayerCost("act", "Activation", [(1, 4)], OpCost(activation=4), Params())
    assert report == CostReport(
        layers=(
            msgspec.structs.replace(fc, bytes_read=76, bytes_written=16, live_bytes=16),
            msgspec.structs.replace(act, bytes_read=16, bytes_written=16, live_bytes=16),
            LayerCost("flat", "Flatten", [(1, 4)], OpCost(), Params(), live_bytes=16),
        ),
        params=Params(trainable=16, bytes=64),
        uncounted={},
        peak_activation_bytes=16,
        param_bytes_by_dtype={"float32": 64},
    )
    assert (report.macs, report.flops) == (12, 2 * 12 + 4 + 4)


def test_an_operator_reads_the_very_output_it_is_wired_to():
    """The split's outputs have 2 and 6 elements; the mean reads the second, one FLOP per element."""
    report = count(
        [variable("data"), operator("SliceChannel", "split", 0), operator("mean", "m", (1, 1))],
        [[(8,)], [(2,), (6,)], [(1,)]],
        {0: Role.INPUT},
    )
    assert report.flops == 6


def test_a_shared_layer_runs_twice_but_is_stored_once():
    """Two executions of a 6x6 product on one row; 36 parameters."""
    report = count(
        [
            variable("data"),
            variable("w"),
            operator("FullyConnected", "first", 0, 1),
            operator("FullyConnected", "second", 2, 1),
        ],
        [[(1, 6)], [(6, 6)], [(1, 6)], [(1, 6)]],
        {0: Role.INPUT, 1: Role.TRAINABLE},
    )
    assert report.macs == 72
    assert [layer.params.trainable for layer in report.layers] == [36, 0]
    assert report.params.trainable == 36


def test_operators_without_a_rule_are_named_and_counted():
    report = count(
        [
            variable("data"),
            operator("NoSuchOperator", "a", 0),
            operator("NoSuchOperator", "b", 1),
            operator("_another", "c", 2),
            operator("relu", "d", 3),
        ],
        [[(5,)]] * 5,
        {0: Role.INPUT},
    )
    assert report.uncounted == {"NoSuchOperator": 2, "_another": 1}
    assert report.flops == 5
    assert [layer.name for layer in report.layers] == ["a", "b", "c", "d"]


def test_an_error_names_the_node():
    with pytest.raises(GraphError) as caught:
        count([variable("data"), operator("softmax", "prob", 0, axis="7")], [[(1, 3)], [(1, 3)]], {0: Role.INPUT})
    assert str(caught.value) == "node 1 ('prob'): softmax: axis=7 does not exist in shape (1, 3)"


def test_shapes_that_a_rule_is_not_made_for_are_an_error_of_their_node():
    """A dense layer without a weight, which MXNet would not have let pass."""
    nodes = [variable("data"), operator("FullyConnected", "fc", 0)]
    with pytest.raises(GraphError, match=r"node 1 \('fc'\): FullyConnected cannot be counted for inputs of shapes \["):
        count(nodes, [[(1, 3)], [(1, 4)]], {0: Role.INPUT})


@pytest.mark.parametrize(("width", "fits"), [(2**21, True), (2**22, False)])
def test_totals_beyond_64_bits_are_refused(width, fits):
    """2^20 rows of so many outputs of 2^20 multiply-accumulates: 2^62 FLOPs, or 2^63; at most 2^63 - 1 can be held."""
    nodes = [variable("data"), variable("weight"), operator("FullyConnected", "fc", 0, 1, num_hidden="1", no_bias="1")]
    shapes = [[(2**20, 2**20)], [(width, 2**20)], [(2**20, width)]]
    roles = {0: Role.INPUT, 1: Role.TRAINABLE}
    if fits:
        assert count(nodes, shapes, roles).flops == 2**62
    else:
        with pytest.raises(ShapeError, match=r"^the model takes more than 9\.2e\+18 FLOPs or bytes; give the shapes"):
            count(nodes, shapes, roles)
