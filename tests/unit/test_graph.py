"""Symbol JSON, parsed and written."""

import json

import pytest

from pytest_mxperf.errors import GraphError
from pytest_mxperf.graph import Graph, Node


def variable(name, **fields):
    return {"op": "null", "name": name, "inputs": [], **fields}


def operator(op, name, *inputs, **fields):
    return {"op": op, "name": name, "inputs": [list(entry) for entry in inputs], **fields}


def document(*nodes, heads=None, **fields):
    return {"nodes": list(nodes), "heads": heads or [[len(nodes) - 1, 0, 0]], **fields}


def parse(raw):
    return Graph.parse(json.dumps(raw), where="net-symbol.json")


def refusal(text):
    with pytest.raises(GraphError) as caught:
        Graph.parse(text if isinstance(text, (str, bytes)) else json.dumps(text), where="net-symbol.json")
    message = str(caught.value)
    assert message.startswith("net-symbol.json: ")
    return message[len("net-symbol.json: ") :]


def test_a_graph_keeps_operators_attributes_and_inputs():
    graph = parse(
        document(
            variable("data"),
            operator("Activation", "relu0", (0, 0, 0), attrs={"act_type": "relu"}),
            arg_nodes=[0],
            node_row_ptr=[0, 1, 2],
            attrs={"mxnet_version": ["int", 10901]},
        )
    )
    assert graph == Graph(
        nodes=(
            Node(op="null", name="data", attrs={}, inputs=()),
            Node(op="Activation", name="relu0", attrs={"act_type": "relu"}, inputs=((0, 0),)),
        ),
        heads=((1, 0),),
    )
    assert [node.is_variable for node in graph.nodes] == [True, False]


def test_bytes_are_read_as_well_as_text():
    text = json.dumps(document(variable("d\u00e4ta")), ensure_ascii=False)
    assert Graph.parse(text.encode(), where="here") == Graph.parse(text, where="here")


@pytest.mark.parametrize("key", ["param", "attr", "attrs"])
def test_attributes_are_read_from_the_keys_of_all_versions(key):
    graph = parse(document(variable("data", **{key: {"__shape__": "(1, 3)"}})))
    assert graph.nodes[0].attrs == {"__shape__": "(1, 3)"}


def test_attributes_of_two_keys_are_joined_and_the_newer_wins():
    """2016's files keep operator parameters under ``param`` and the user's own under ``attr``."""
    node = variable("data", param={"a": "param", "b": "param"}, attr={"b": "attr", "c": "attr"}, attrs={"c": "attrs"})
    assert parse(document(node)).nodes[0].attrs == {"a": "param", "b": "attr", "c": "attrs"}


def test_inputs_without_a_version_are_read():
    """Files of 2015 write [node, output]; later ones [node, output, version]."""
    graph = parse(document(variable("data"), operator("relu", "r", (0, 0)), heads=[[1, 0]]))
    assert graph.nodes[1].inputs == ((0, 0),)
    assert graph.heads == ((1, 0),)


def test_row_pointers_tell_how_many_outputs_each_node_has():
    """Node 0 owns entry 0, node 1 the entries 1 to 3: BatchNorm's output, mean and variance."""
    graph = parse(document(variable("data"), operator("BatchNorm", "bn", (0, 0, 0)), node_row_ptr=[0, 1, 4]))
    assert [node.output_count for node in graph.nodes] == [1, 3]


def test_without_row_pointers_any_output_may_be_read():
    """Before 2017 files did not tell how many outputs a node has."""
    graph = parse(document(variable("data"), operator("SliceChannel", "split", (0, 0)), operator("relu", "r", (1, 2))))
    assert graph.nodes[2].inputs == ((1, 2),)


@pytest.mark.parametrize(
    ("attrs", "numpy_shapes"),
    [
        ({}, False),
        ({"is_np_shape": ["int", 0]}, False),
        ({"is_np_shape": ["int", 1]}, True),
        ({"mxnet_version": ["int", 10901], "is_np_shape": ["int", 1]}, True),
    ],
)
def test_numpy_shapes_are_a_property_of_the_file(attrs, numpy_shapes):
    assert parse(document(variable("data"), attrs=attrs)).numpy_shapes is numpy_shapes


def test_subgraphs_are_graphs():
    body = document(variable("state"), operator("relu", "inner", (0, 0, 0)))
    graph = parse(document(variable("data"), operator("_foreach", "loop", (0, 0, 0), subgraphs=[body])))
    (subgraph,) = graph.nodes[1].subgraphs
    assert [node.name for node in subgraph.nodes] == ["state", "inner"]


def test_a_broken_subgraph_names_the_node_that_holds_it():
    body = document(operator("relu", "inner", (0, 0, 0)))
    message = refusal(document(variable("data"), operator("_foreach", "loop", (0, 0, 0), subgraphs=[body])))
    assert message.startswith("node 1 (_foreach 'loop'): subgraph: node 0 (relu 'inner'): reads a node that does not")


def test_a_graph_is_written_as_mxnet_writes_it():
    """Row pointers: node 0 owns entry 0, BatchNorm the entries 1 to 3."""
    graph = Graph(
        nodes=(
            Node(op="null", name="data", attrs={"__shape__": "(1, 3)"}, inputs=()),
            Node(op="BatchNorm", name="bn", attrs={}, inputs=((0, 0),), output_count=3),
        ),
        heads=((1, 0),),
    )
    assert json.loads(graph.to_json()) == {
        "nodes": [
            {"op": "null", "name": "data", "attrs": {"__shape__": "(1, 3)"}, "inputs": []},
            {"op": "BatchNorm", "name": "bn", "attrs": {}, "inputs": [[0, 0, 0]]},
        ],
        "arg_nodes": [0],
        "node_row_ptr": [0, 1, 4],
        "heads": [[1, 0, 0]],
        "attrs": {"mxnet_version": ["int", 10901]},
    }


@pytest.mark.parametrize("numpy_shapes", [False, True])
def test_what_is_written_reads_back_the_same(numpy_shapes):
    body = Graph(
        (Node(op="null", name="state", attrs={}, inputs=()), Node(op="relu", name="r", attrs={}, inputs=((0, 0),))),
        heads=((1, 0), (0, 0)),
    )
    graph = Graph(
        (
            Node(op="null", name='d\u00e4ta "x"', attrs={"k": "v"}, inputs=()),
            Node(op="_foreach", name="loop", attrs={}, inputs=((0, 0),), output_count=2, subgraphs=(body,)),
        ),
        heads=((1, 1),),
        numpy_shapes=numpy_shapes,
    )
    assert Graph.parse(graph.to_json(), where="here") == graph


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (b"", "it is empty; copy or download it again"),
        (b" \n", "it is empty"),
        (b"{", "Input data was truncated"),
        (b"{}", "missing required field `nodes`"),
        (b'{"nodes": []}', "missing required field `heads`"),
        (b"[]", "Expected `object`, got `array`"),
        (b"null", "Expected `object`, got `null`"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 4\n",
            "it is a Git LFS pointer; run: git lfs pull",
        ),
        (
            b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        ",
            "it is metadata of macOS (AppleDouble); use the file",
        ),  # an AppleDouble header
        (b"<!DOCTYPE html>\n<html>", "it is a web page or XML; download the file itself"),
        (b"\x12\x01\x00\x00\x00\x00\x00\x00", "it is a .params file"),  # a .params file
        (b'{"nodes": [{"op": "null", "name": "\xff\xfe"}], "heads": [[0, 0]]}', "codec can't decode byte 0xff"),
        (
            b'{"nodes": [{"op": "null", "name": 5}], "heads": [[0, 0]]}',
            "Expected `str`, got `int` - at `$.nodes[0].name`",
        ),
        (
            b'{"nodes": [{"op": "null", "name": "a", "attrs": {"k": 3}}], "heads": [[0, 0]]}',
            "Expected `str`, got `int` - at `$.nodes[0].attrs",
        ),
        (b'{"nodes": [{"op": "null", "name": "a"}], "heads": [[0.5, 0]]}', "Expected `int`, got `float`"),
    ],
)
def test_what_is_no_symbol_json_is_refused_with_the_reason(text, complaint):
    message = refusal(text)
    assert message.startswith("not an MXNet symbol JSON: ")
    assert complaint in message


def test_a_graph_without_nodes_is_refused():
    assert refusal({"nodes": [], "heads": [[0, 0, 0]]}) == "a symbol without nodes"


def test_a_graph_without_outputs_is_refused():
    assert refusal({"nodes": [variable("data")], "heads": []}) == "a symbol without outputs"


@pytest.mark.parametrize("source", [1, 2], ids=["itself", "a later node"])
def test_a_cycle_is_refused(source):
    """MXNet would follow it without end."""
    raw = document(variable("data"), operator("relu", "a", (source, 0, 0)), operator("relu", "b", (1, 0, 0)))
    assert refusal(raw) == (
        "node 1 (relu 'a'): reads a node that does not come before it; the graph has a cycle or is unordered"
    )


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ([170, 0, 0], "reads output 0 of node 170, which does not exist"),
        ([-1, 0, 0], "reads output 0 of node -1, which does not exist"),
        ([0, -1, 0], "reads output -1 of node 0, which does not exist"),
        ([10**30, 0, 0], f"reads output 0 of node {10**30}, which does not exist"),
        ([0], "[0] is not a [node, output] pair"),
        ([], "[] is not a [node, output] pair"),
    ],
)
@pytest.mark.parametrize("row_pointers", [[], [0, 1, 2]], ids=["old", "new"])
def test_a_reference_into_nothing_is_refused_wherever_it_stands(entry, complaint, row_pointers):
    as_input = document(variable("data"), operator("relu", "r", entry), node_row_ptr=row_pointers)
    assert refusal(as_input) == f"node 1 (relu 'r'): {complaint}"
    as_output = document(
        variable("data"), operator("relu", "r", (0, 0, 0)), heads=[[1, 0, 0], entry], node_row_ptr=row_pointers
    )
    assert refusal(as_output) == f"the graph's outputs: {complaint}"


def test_an_output_that_the_row_pointers_do_not_have_is_refused():
    raw = document(variable("data"), operator("relu", "r", (0, 1, 0)), node_row_ptr=[0, 1, 2])
    assert refusal(raw) == "node 1 (relu 'r'): reads output 1 of node 0, which does not exist"


@pytest.mark.parametrize(
    "row_pointers",
    [[0], [0, 1], [0, 1, 2, 3], [0, 2, 1], [0, 0, 1]],
    ids=["one", "too few", "too many", "falling", "node without outputs"],
)
def test_row_pointers_that_do_not_fit_are_refused(row_pointers):
    raw = document(variable("data"), operator("relu", "r", (0, 0, 0)), node_row_ptr=row_pointers)
    assert refusal(raw) == "node_row_ptr does not fit the 2 nodes"


def untrusted(raw):
    graph, checked, _ = Graph.parse_untrusted(json.dumps(raw), where="here")
    assert Graph.parse(checked, where="here") == graph
    return json.loads(checked)


def test_mxnet_sees_only_what_was_checked():
    """Attributes come together in one place, as MXNet merges them; what nobody has looked at is gone."""
    assert untrusted(
        {
            "nodes": [
                {"op": "null", "name": "data", "inputs": [], "control_deps": [99], "backward_source_id": -1},
                {
                    "op": "relu",
                    "name": "r",
                    "param": {"a": "1", "b": "1"},
                    "attr": {"b": "2"},
                    "inputs": [[0, 0, 1, 99]],
                },
            ],
            "arg_nodes": ["nonsense"],
            "heads": [[1, 0]],
            "attrs": {"mxnet_version": ["int", 903], "more": {"deep": []}},
            "more": 1,
        }
    ) == {
        "nodes": [
            {"op": "null", "name": "data", "attrs": {}, "inputs": []},
            {"op": "relu", "name": "r", "attrs": {"a": "1", "b": "2"}, "inputs": [[0, 0, 1]]},
        ],
        "arg_nodes": [0],
        "heads": [[1, 0, 0]],
        "attrs": {"mxnet_version": ["int", 903]},
    }


def test_a_file_of_2015_stays_one():
    """It has no version, by which MXNet knows that it must upgrade it."""
    raw = {**document(variable("data")), "heads": [[0, 0, 0]]}
    assert untrusted({**raw, "attrs": {}})["attrs"] == {}


@pytest.mark.parametrize("version", [-1, 2**31, 10**30])
def test_a_version_of_an_input_that_mxnet_cannot_read_is_dropped(version):
    raw = document(variable("data"), operator("relu", "r", (0, 0, version)))
    assert untrusted(raw)["nodes"][1]["inputs"] == [[0, 0, 0]]


@pytest.mark.parametrize("name", ["mxnet_version", "is_np_shape"])
@pytest.mark.parametrize("value", [3, "3", [], ["int"], ["int", "3"], ["str", 1], ["int", 10**7], ["int", -1], None])
def test_a_malformed_attribute_of_the_graph_is_refused(name, value):
    with pytest.raises(GraphError, match=f"^here: the graph's attribute {name} is .*, not like"):
        untrusted({**document(variable("data")), "heads": [[0, 0, 0]], "attrs": {name: value}})


def test_a_graph_is_written_like_another_of_the_same_mxnet():
    graph, checked, _ = Graph.parse_untrusted(
        json.dumps({**document(variable("data")), "heads": [[0, 0, 0]], "attrs": {"mxnet_version": ["int", 903]}}),
        where="here",
    )
    assert json.loads(graph.to_json(like=checked))["attrs"] == {"mxnet_version": ["int", 903]}


def test_graphs_nested_without_end_are_refused():
    raw = document(variable("data"))
    for _ in range(10):
        raw = document(variable("data"), operator("_foreach", "loop", (0, 0, 0), subgraphs=[raw]))
    parse(raw)
    message = refusal(document(variable("data"), operator("_foreach", "loop", (0, 0, 0), subgraphs=[raw])))
    assert message.endswith("graphs are nested more than 10 deep")
    assert len(message) < 500


KEPT = {
    **document(variable("data"), operator("relu", "r", (0, 0, 0)), heads=[[1, 0, 0]], node_row_ptr=[0, 1, 2]),
    "attrs": {"mxnet_version": ["int", 10901]},
}


@pytest.mark.parametrize(
    ("changed", "is_kept"),
    [
        ({}, True),
        ({"attrs": {"mxnet_version": ["int", 905]}}, True),
        ({"attrs": {"mxnet_version": ["int", 904]}}, False),  # MXNet upgrades it
        ({"attrs": {}}, False),
        ({"node_row_ptr": []}, False),  # nobody has said how many outputs there are
    ],
)
def test_what_mxnet_upgrades_is_not_kept(changed, is_kept):
    assert Graph.parse_untrusted(json.dumps({**KEPT, **changed}), where="here").is_kept is is_kept


@pytest.mark.parametrize(
    ("name", "is_kept"),
    [
        ("__lr_mult__", True),
        ("__wd_mult__", True),
        ("kernel", True),
        ("lr_mult", False),
        ("weight_lr_mult", False),
        ("ctx_group", False),
        ("__lr_mult", False),
        ("mirror_stage", False),
        ("profiler_scope", False),
    ],
)
def test_attributes_that_mxnet_moves_or_renames_are_not_kept(name, is_kept):
    node = {"op": "relu", "name": "r", "attrs": {name: "0"}, "inputs": [[0, 0, 0]]}
    raw = json.dumps({**KEPT, "nodes": [KEPT["nodes"][0], node]})
    assert Graph.parse_untrusted(raw, where="here").is_kept is is_kept


def test_what_is_inside_a_subgraph_is_not_looked_at():
    loop = operator("_foreach", "loop", (0, 0, 0), subgraphs=[document(variable("x"), heads=[[0, 0, 0]])])
    raw = json.dumps({**KEPT, "nodes": [KEPT["nodes"][0], loop]})
    assert not Graph.parse_untrusted(raw, where="here").is_kept
