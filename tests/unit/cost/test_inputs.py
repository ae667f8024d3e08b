"""What the graph knows of its inputs, compared with the shapes that a user gives."""

import pytest

from pytest_mxperf.cost.inputs import GraphInput, contradictions, find_inputs
from pytest_mxperf.cost.params import Role
from pytest_mxperf.graph import Graph

IMAGE = (None, 3, None, None)


def told(known, given, declared=None):
    each = GraphInput("data", Role.INPUT, declared or known, "float32", "read by Convolution 'conv'", known)
    return contradictions([each], {"data": given})


@pytest.mark.parametrize(
    ("known", "given", "guess"),
    [
        (IMAGE, (3, 112, 112), ": is the batch missing?"),
        (IMAGE, (1, 112, 112, 3), ": is the layout NHWC?"),
        (IMAGE, (1, 112, 3, 112), ""),
        (IMAGE, (1, 1, 112, 112), ""),
        (IMAGE, (112, 112, 3), ""),
        (IMAGE, (1, 64), ""),
        ((None, None, None, 3), (1, 3, 112, 112), ": is the layout NCHW?"),
        ((None, 3, None, None, None), (1, 8, 112, 112, 3), ": is the layout NDHWC?"),
        ((2, None, 128), (2, 128, 1), ""),
        ((2, None, 128), (1, 128), ""),
    ],
)
def test_a_contradiction_names_both_shapes_and_guesses_only_what_fits(known, given, guess):
    (text,) = told(known, given)
    shown = str(known).replace("None", "?")
    assert text == f"data is {given}, the graph needs {shown}{guess}"


@pytest.mark.parametrize(
    ("known", "given"), [(IMAGE, (4, 3, 8, 8)), (None, (1, 2)), ((None, None, None), (5, 1, 7)), ((2, 3), (2, 3))]
)
def test_what_fits_is_no_contradiction(known, given):
    assert told(known, given) == []


def test_a_declared_shape_is_no_need():
    """MXNet takes another batch than the variable's."""
    declared = (16, 3, 48, 48)
    assert told(IMAGE, declared, declared) == []
    assert told(IMAGE, (1, 3, 48, 48), declared) == ["data is (1, 3, 48, 48), the graph declares (16, 3, 48, 48)"]
    assert told(None, (3, 48, 48), declared) == [
        "data is (3, 48, 48), the graph declares (16, 3, 48, 48): is the batch missing?"
    ]
    assert told(IMAGE, (1, 48, 48, 3), declared) == [
        "data is (1, 48, 48, 3), the graph needs (?, 3, ?, ?): is the layout NHWC?"
    ]


def dense(flatten):
    """A dense layer with weights for 64 features."""
    text = (
        '{"nodes": [{"op": "null", "name": "data", "inputs": []}, {"op": "null", "name": "fc_weight", "inputs": []},'
        ' {"op": "FullyConnected", "name": "fc", "attrs": {"num_hidden": "2", "no_bias": "True", "flatten": "FLATTEN"},'
        ' "inputs": [[0, 0, 0], [1, 0, 0]]}], "arg_nodes": [0, 1], "heads": [[2, 0, 0]]}'
    )
    graph = Graph.parse(text.replace("FLATTEN", flatten), where="net")
    return find_inputs(graph, auxiliary=(), stored={"fc_weight": (2, 64)})


@pytest.mark.parametrize(
    ("flatten", "given", "expected"),
    [
        ("True", (1, 4, 4, 4), []),
        ("True", (1, 63), ["data is (1, 63), the graph needs (?, 64), or as many numbers in more dimensions"]),
        (
            "True",
            (64,),
            [
                "data is (64,), the graph needs (?, 64), or as many numbers in more dimensions: is the batch missing?",
            ],
        ),
        ("False", (5, 7, 64), []),
        ("False", (1, 64, 1), ["data is (1, 64, 1), the graph needs (?, 64), behind any dimensions"]),
    ],
)
def test_a_dense_layer_takes_more_dimensions(flatten, given, expected):
    assert contradictions(dense(flatten), {"data": given}) == expected


def labelled(*between):
    """A label that reaches an output layer through other operators."""
    nodes = ['{"op": "null", "name": "data", "inputs": []}', '{"op": "null", "name": "label", "inputs": []}']
    for op in between:
        nodes.append(f'{{"op": "{op}", "name": "{op}", "inputs": [[{len(nodes) - 1}, 0, 0]]}}')
    nodes.append(f'{{"op": "SoftmaxOutput", "name": "softmax", "inputs": [[0, 0, 0], [{len(nodes) - 1}, 0, 0]]}}')
    text = f'{{"nodes": [{", ".join(nodes)}], "arg_nodes": [0, 1], "heads": [[{len(nodes) - 1}, 0, 0]]}}'
    return {each.name: each for each in find_inputs(Graph.parse(text, where="net"), auxiliary=())}["label"]


@pytest.mark.parametrize(
    ("between", "is_inferred", "about"),
    [
        ((), True, "label of SoftmaxOutput 'softmax'; inferred"),
        (("Cast",), True, "label of Cast 'Cast'; inferred"),
        (("Reshape",), False, "label of Reshape 'Reshape'; not inferred, give its shape"),
        (("Cast", "Reshape"), False, "label of Cast 'Cast'; not inferred, give its shape"),
        (("abs",), None, "label of abs 'abs'; often inferred"),
    ],
)
def test_a_label_is_inferred_unless_an_operator_hides_its_shape(between, is_inferred, about):
    found = labelled(*between)
    assert (found.is_inferred, found.about) == (is_inferred, about)
