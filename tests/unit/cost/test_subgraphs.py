"""Which inputs of a node its subgraphs read, and how often they run. Attributes are as MXNet 1.9.1 writes them."""

import pytest

from pytest_mxperf.cost.registry import Call
from pytest_mxperf.cost.subgraphs import Feed, feeds, runs_of
from pytest_mxperf.errors import GraphError
from pytest_mxperf.graph import Graph, Node


def graph(variables):
    nodes = tuple(Node("null", f"v{index}", {}, ()) for index in range(variables))
    return Graph(nodes, ((0, 0),))


def inputs(count):
    return tuple((index, 0) for index in range(count))


def test_foreach_lists_which_variable_each_input_feeds():
    """Inputs: one of data for variable 0, one state for variable 3, and the rest for 1, 2 and 4."""
    attrs = {"in_data_locs": "[0]", "in_state_locs": "[3]", "remain_locs": "[1, 2, 4]"}
    node = Node("_foreach", "loop", attrs, inputs(5), subgraphs=(graph(5),))
    assert feeds(node) == [[Feed(0, sliced=True), Feed(2), Feed(3), Feed(1), Feed(4)]]


def test_while_loop_lists_which_input_feeds_each_variable():
    attrs = {"cond_input_locs": "[0]", "func_input_locs": "[1, 2, 0, 3]"}
    node = Node("_while_loop", "loop", attrs, inputs(4), subgraphs=(graph(1), graph(4)))
    assert feeds(node) == [[Feed(0)], [Feed(1), Feed(2), Feed(0), Feed(3)]]


def test_a_fused_operator_takes_the_ranges_behind_what_its_graph_takes():
    node = Node("_sg_mkldnn_conv", "conv", {}, inputs(4), subgraphs=(graph(2),))
    assert feeds(node) == [[Feed(0), Feed(1)]]


def test_a_foreach_that_leaves_a_variable_out_is_an_error():
    attrs = {"in_data_locs": "[0]", "in_state_locs": "[2]", "remain_locs": "[]"}
    with pytest.raises(GraphError, match="_foreach 'loop': its locations"):
        feeds(Node("_foreach", "loop", attrs, (), subgraphs=(graph(3),)))


@pytest.mark.parametrize(
    ("op", "attrs", "subgraphs", "position"),
    [
        ("_foreach", {"in_data_locs": "[0]", "in_state_locs": "[2]", "remain_locs": "[1]"}, (graph(3),), 2),
        ("_while_loop", {"cond_input_locs": "[0]", "func_input_locs": "[7]"}, (graph(1), graph(1)), 7),
        ("_cond", {"cond_input_locs": "[-1]", "then_input_locs": "[]", "else_input_locs": "[]"}, (graph(1),) * 3, -1),
        ("_sg_mkldnn_conv", {}, (graph(3),), 2),
    ],
)
def test_a_graph_that_reads_an_input_which_its_node_does_not_have_is_an_error(op, attrs, subgraphs, position):
    with pytest.raises(GraphError, match=f"^{op} 'it': its graph reads input {position} of 2"):
        feeds(Node(op, "it", attrs, inputs(2), subgraphs=subgraphs))


@pytest.mark.parametrize(
    ("op", "attrs", "flops", "times", "note"),
    [
        ("_foreach", {}, [7], (5,), ""),
        ("_while_loop", {"max_iterations": "9"}, [1, 7], (9, 9), "counted at its maximum of 9 iterations"),
        ("_cond", {}, [1, 7, 6], (1, 1, 0), "counted with its heavier branch, 'then'"),
        ("_cond", {}, [1, 6, 7], (1, 0, 1), "counted with its heavier branch, 'else'"),
        ("_sg_mkldnn_conv", {}, [7], (1,), ""),
    ],
)
def test_how_often_subgraphs_run(op, attrs, flops, times, note):
    assert runs_of(Call(op, attrs, ((5, 2), (3,)), ()), flops) == (times, note)
