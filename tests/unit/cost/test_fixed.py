"""Operators that hold on to a size of the inputs."""

import json

import pytest

from pytest_mxperf.cost.fixed import first_sizes, fixed_nodes, written_nodes, written_sizes
from pytest_mxperf.graph import Graph


def graph_of(op, **attrs):
    """``data`` and one operator that reads it."""
    nodes = [
        {"op": "null", "name": "data", "inputs": []},
        {"op": op, "name": "it", "attrs": attrs, "inputs": [[0, 0, 0]]},
    ]
    text = {"nodes": nodes, "arg_nodes": [0], "heads": [[1, 0, 0]], "attrs": {"mxnet_version": ["int", 10901]}}
    return Graph.parse(json.dumps(text), where="test")


def found(op, shapes, **attrs):
    """``shapes`` are the operator's input and output, by size of the axis."""
    known = {size: [(read,), (put_out,)] for size, (read, put_out) in shapes.items()}
    return [str(each) + each.remedy for each in fixed_nodes(graph_of(op, **attrs), known)]


@pytest.mark.parametrize(
    ("attrs", "sizes"),
    [
        ({"shape": "(1, -1)"}, {0: 1}),
        ({"shape": "[4,0,-1,8]"}, {0: 4, 3: 8}),
        ({"newshape": "(-1, 512)"}, {1: 512}),
        ({"shape": "(0, -4, 2, 3)"}, {}),  # 2 and 3 split one dimension
        ({"shape": "(4, -2)"}, {0: 4}),
        ({"shape": "(1, -1)", "reverse": "True"}, {}),
        ({"shape": "what I mean"}, {}),
        ({}, {}),
    ],
)
def test_sizes_are_read_as_far_as_their_place_is_sure(attrs, sizes):
    graph = graph_of("Reshape", **attrs)
    assert written_sizes(graph.nodes[1]) == sizes
    assert len(written_nodes(graph)) == bool(sizes)


def test_a_batch_that_is_folded_into_another_dimension_is_told():
    assert found("Reshape", {1: ((1, 8), (1, 8)), 2: ((2, 8), (1, 16))}, shape="(1, -1)") == [
        "Reshape 'it' with shape=(1, -1) always makes dimension 0 1; with 0 there it follows its input"
    ]


def test_a_batch_that_came_multiplied_is_told_too():
    """30 rows an item: (30 x, 8) becomes (4, 60 x)."""
    assert found("_npx_reshape", {4: ((120, 8), (4, 240)), 8: ((240, 8), (4, 480))}, newshape="(4, -1)") == [
        "_npx_reshape 'it' with newshape=(4, -1) always makes dimension 0 4; with -2 there it follows its input"
    ]


def test_a_batch_in_the_second_dimension_is_told():
    assert len(found("Reshape", {4: ((7, 4, 8), (7, 4, 8)), 8: ((7, 8, 8), (14, 4, 8))}, shape="(-1, 4, 8)")) == 1


@pytest.mark.parametrize(
    ("shapes", "shape"),
    [
        ({1: ((1, 8), (1, 8)), 2: ((2, 8), (2, 8))}, "(-1, 8)"),  # the batch is followed
        ({2: ((2, 6, 8), (12, 8)), 3: ((3, 6, 8), (18, 8))}, "(-1, 8)"),  # and multiplied
        ({5: ((3, 5, 8), (3, 5, 8)), 7: ((3, 7, 8), (3, 7, 8))}, "(3, -1, 8)"),  # the axis is another dimension
        ({5: ((3, 5), (3, 5)), 7: ((3, 7), (3, 7))}, "(3, -1)"),
        ({5: ((15, 8), (3, 5, 8)), 7: ((21, 8), (3, 7, 8))}, "(3, -1, 8)"),  # it is split from the batch again
        ({2: ((4, 8), (1, 32)), 3: ((9, 8), (1, 72))}, "(1, -1)"),  # the pixels of x times x, no batch
        ({5: ((9, 9), (81,)), 7: ((9, 9), (81,))}, "(81,)"),  # it is not here at all
    ],
)
def test_what_follows_the_axis_is_not_blamed(shapes, shape):
    assert found("Reshape", shapes, shape=shape) == []


@pytest.mark.parametrize(
    ("attrs", "sizes"),
    [
        ({"shape": "(4, -1)"}, {4: "shape=(4, -1)"}),
        ({"newshape": "(7,)"}, {7: "newshape=(7,)"}),
        ({"shape": "(-1, 4)"}, {}),
    ],
)
def test_what_may_be_a_batch_is_the_first_size(attrs, sizes):
    assert {size: fixed.text for size, fixed in first_sizes(graph_of("Reshape", **attrs)).items()} == sizes
