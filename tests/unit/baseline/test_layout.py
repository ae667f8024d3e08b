"""How baselines and graphs are laid out: a layer and a node a line, what only training reads left out."""

import difflib
import json

import pytest

from pytest_mxperf.baseline.layout import graph_text, lined
from pytest_mxperf.errors import BaselineError


def variable(name, **attrs):
    return {"op": "null", "name": name, "attrs": {f"__{key}__": value for key, value in attrs.items()}, "inputs": []}


def symbol(*nodes, **more):
    return json.dumps({"nodes": nodes, "arg_nodes": [0], "node_row_ptr": [0, 1, 2], "heads": [[1, 0, 0]], **more})


def dense(units):
    return {
        "op": "FullyConnected",
        "name": "fc",
        "attrs": {"num_hidden": str(units), "no_bias": "True"},
        "inputs": [[0, 0, 0], [1, 0, 0]],
    }


def test_a_document_has_a_line_for_each_item_at_the_top():
    document = {
        "macs": 5,
        "shape": [1, 2],
        "of": {"b": 1, "a": [2]},
        "layers": [{"name": "x"}, {"name": "ü"}],
        "no": {},
    }
    assert lined(document).decode() == (
        "{\n"
        '  "macs": 5,\n'
        '  "shape": [1, 2],\n'
        '  "of": {\n'
        '    "b": 1,\n'
        '    "a": [2]\n'
        "  },\n"
        '  "layers": [\n'
        '    {"name": "x"},\n'
        '    {"name": "ü"}\n'
        "  ],\n"
        '  "no": {}\n'
        "}\n"
    )


def test_a_graph_has_a_line_for_each_node_and_loses_nothing_that_counts():
    text = graph_text(symbol(variable("data", dtype="0"), dense(3), attrs={"mxnet_version": ["int", 10901]}))
    assert text == (
        "{\n"
        '  "nodes": [\n'
        '    {"op": "null", "name": "data", "attrs": {"__dtype__": "0"}, "inputs": []},\n'
        '    {"op": "FullyConnected", "name": "fc", "attrs": {"no_bias": "True", "num_hidden": "3"}, '
        '"inputs": [[0, 0, 0], [1, 0, 0]]}\n'
        "  ],\n"
        '  "arg_nodes": [0],\n'
        '  "node_row_ptr": [0, 1, 2],\n'
        '  "heads": [\n'
        "    [1, 0, 0]\n"
        "  ],\n"
        '  "attrs": {\n'
        '    "mxnet_version": ["int", 10901]\n'
        "  }\n"
        "}\n"
    )
    assert graph_text(text) == text


def test_a_wider_layer_is_one_line_of_a_diff():
    before, after = [graph_text(symbol(variable("data"), dense(units))).splitlines() for units in (256, 384)]
    changed = [
        line for line in difflib.unified_diff(before, after, n=0) if line[:1] in "+-" and line[:3] not in "+++---"
    ]
    assert len(changed) == 2


@pytest.mark.parametrize(
    ("attrs", "kept"),
    [
        ({"init": "zeros", "lr_mult": "1.0", "wd_mult": "1.0", "shape": "(3,)"}, {"__shape__": "(3,)"}),
        # Frozen: it does not train.
        ({"lr_mult": "0.0", "shape": "(3,)"}, {"__lr_mult__": "0.0", "__shape__": "(3,)"}),
        ({"init": "Constant_anchors", "shape": "(3,)"}, {"__init__": "Constant_", "__shape__": "(3,)"}),
        # Nothing else says that these are parameters.
        ({"lr_mult": "1.0"}, {"__lr_mult__": "1.0"}),
        ({"init": "zeros"}, {"__init__": "zeros"}),
        # Numbers by the megabyte.
        ({"init": "[" + "1, " * 10_000 + "1]"}, {"__init__": "[" + "1, " * 19 + "1,"}),
    ],
)
def test_of_variables_only_what_their_role_depends_on_is_kept(attrs, kept):
    node = json.loads(graph_text(symbol(variable("w", **attrs), dense(3))))["nodes"][0]
    assert node.get("attrs", {}) == kept


def test_attributes_of_operators_are_all_kept():
    node = {**dense(3), "attrs": {"num_hidden": "3", "__init__": "zeros", "__ctx_group__": "a"}}
    assert json.loads(graph_text(symbol(variable("data"), node)))["nodes"][1]["attrs"] == node["attrs"]


def test_subgraphs_are_kept():
    inner = json.loads(symbol(variable("x", init="zeros", shape="(1,)"), dense(2)))
    node = {"op": "_foreach", "name": "loop", "attrs": {}, "inputs": [[0, 0, 0]], "subgraphs": [inner]}
    kept = json.loads(graph_text(symbol(variable("data"), node)))["nodes"][1]["subgraphs"][0]
    assert kept["nodes"][0]["attrs"] == {"__shape__": "(1,)"}
    assert kept["nodes"][1] == {**dense(2), "attrs": {"no_bias": "True", "num_hidden": "2"}}
    assert kept["heads"] == inner["heads"]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"nodes": [3]}', '{"nodes": [{"op": "null"}]}'])
def test_what_is_no_graph_is_one_clear_error(text):
    with pytest.raises(BaselineError, match="the graph cannot be stored, it is not a symbol JSON"):
        graph_text(text)
