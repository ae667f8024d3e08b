"""What MXNet may see of a graph. Each attribute here was seen to kill or hang MXNet."""

import pytest

from pytest_mxperf.errors import GraphError
from pytest_mxperf.graph import Graph, Node
from pytest_mxperf.validate import check_attributes, suspects

DATA = Node("null", "data", {}, ())


def graph_of(op, attrs=None, inputs=1, name="it"):
    return Graph((DATA, Node(op, name, attrs or {}, ((0, 0),) * inputs)), heads=((1, 0),))


def refusal(graph):
    with pytest.raises(GraphError) as caught:
        check_attributes(graph, where="here")
    return str(caught.value)


@pytest.mark.parametrize(
    ("op", "name", "value"),
    [
        ("Convolution", "num_group", "0"),
        ("Deconvolution", "num_group", "-1"),
        ("_contrib_DeformableConvolution", "num_deformable_group", "0"),
        ("Convolution", "stride", "(1, 0)"),
        ("Pooling", "stride", "(0, 0)"),
        ("Pooling", "stride", "(2, -2)"),
        ("Pooling", "stride", "0.5"),
    ],
)
def test_what_mxnet_divides_by_must_be_positive(op, name, value):
    assert refusal(graph_of(op, {name: value})) == f"here: node 1 ({op} 'it'): {name}={value!r} must be at least 1"


@pytest.mark.parametrize("value", ["1", "(2, 2)", "()", "None", "(1, 1, 1)", "abc"])
def test_other_strides_are_left_to_mxnet(value):
    check_attributes(graph_of("Pooling", {"stride": value}), where="here")


@pytest.mark.parametrize("name", ["num_args", "num_outputs"])
def test_numbers_of_inputs_and_outputs_are_bounded(name):
    """MXNet makes that many names: 2**31 - 1 of them hang it."""
    check_attributes(graph_of("SliceChannel", {name: "10000"}), where="here")
    message = refusal(graph_of("SliceChannel", {name: "2147483647"}))
    assert message == f"here: node 1 (SliceChannel 'it'): {name}='2147483647' is more than 10,000"


def test_a_subgraph_is_looked_into():
    loop = Node("_foreach", "loop", {}, ((0, 0),), 1, (graph_of("Convolution", {"num_group": "0"}),))
    message = refusal(Graph((DATA, loop), heads=((1, 0),)))
    assert message == (
        "here: node 1 (_foreach 'loop'): subgraph: node 1 (Convolution 'it'): num_group='0' must be at least 1"
    )


@pytest.mark.parametrize("name", ["a\nb", "\x1b[31mred", "a\0", "\u202e", "n" * 1001])
def test_a_name_that_would_spoil_a_terminal_is_refused(name):
    assert refusal(graph_of("relu", name=name)).endswith("a name has at most 1,000 printable characters")


def test_an_operator_that_cannot_be_printed_is_shown_escaped():
    """Found by the fuzzer: a terminal would obey what it is called."""
    shown = refusal(graph_of("_contrib\x7fROIAlign"))
    assert shown == "here: node 1 (_contrib\\x7fROIAlign 'it'): a name has at most 1,000 printable characters"
    check_attributes(graph_of("relu", name="Zürich 2/conv:0 <b>"), where="here")


def declared(name, value):
    return Graph((Node("null", "w", {name: value}, ()),), ((0, 0),))


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("__dtype__", "float32", "the number of a dtype"),
        ("__dtype__", "", "the number of a dtype"),
        ("__dtype__", "-9223372036854775808", "the number of a dtype"),
        ("__shape__", "abc", "a shape"),
        ("__shape__", "(2, a)", "a shape"),
        ("__shape__", "(1,", "a shape"),
        ("__shape__", "99999999999999999999", "a shape"),
    ],
)
def test_what_a_variable_declares_must_be_readable(name, value, kind):
    """MXNet 1.6 and 1.7 end the process otherwise."""
    assert refusal(declared(name, value)) == f"here: node 0 (null 'w'): {name}={value!r} is not {kind}"


@pytest.mark.parametrize("dtype", ["0", "-1", "99", " 12"])
def test_a_dtype_that_is_a_number_is_left_to_mxnet(dtype):
    check_attributes(declared("__dtype__", dtype), where="here")


@pytest.mark.parametrize("shape", ["()", "(3,)", "(-1, 0, 3)", "[2,3]", "(2L, 3L)", "( 1 , 2 , )", "5", "None"])
def test_a_shape_as_mxnet_has_written_it_is_left_to_mxnet(shape):
    check_attributes(declared("__shape__", shape), where="here")


def test_a_variable_may_have_any_other_attributes():
    """Older versions of MXNet copy those of the operator that reads it."""
    check_attributes(Graph((Node("null", "w", {"num_group": "0"}, ()),), ((0, 0),)), where="here")


def test_an_absurdly_long_attribute_takes_no_time():
    check_attributes(graph_of("Pooling", {"stride": "1" * 10_000_000}), where="here")
    for value in ("1" * 10_000_000, "(" + " " * 10_000_000, "(1" + ",1" * 5_000_000):
        assert refusal(declared("__shape__", value)).endswith("is not a shape")
    assert suspects(graph_of("Pooling", {"kernel": "9" * 10_000_000})) == ("Pooling 'it'",)


def test_what_makes_too_many_numbers_together_is_suspect():
    """MXNet multiplies their sizes in 32 bits when they are broadcast, and divides by that."""
    ranges = [Node("_arange", f"a{index}", {"start": "-32768", "stop": "32768"}, ()) for index in range(2)]
    assert suspects(Graph(tuple(ranges), ((1, 0),))) == ("_arange 'a0'", "_arange 'a1'")
    begin = [Node("_zeros", f"z{index}", {"shape": "(0, 200)"}, ()) for index in range(20)]
    assert suspects(Graph(tuple(begin), ((1, 0),))) == ()  # of which the batch decides


@pytest.mark.parametrize(
    ("graph", "is_harmless"),
    [
        (graph_of("Pooling", {"kernel": "(2, 2)", "stride": "(2, 2)", "pool_type": "max"}), True),
        (graph_of("clip", {"a_min": "-1e3", "a_max": "6.0"}), True),
        (graph_of("Convolution", {"kernel": "(3, 3)"}, inputs=3), True),
        (graph_of("Convolution", {"kernel": "(3, 3)"}, inputs=1), False),
        (graph_of("Convolution", {"kernel": "(3, 3)"}, inputs=4), False),
        (graph_of("Pooling", {"kernel": "(2, 2147483647)"}), False),
        (graph_of("Pooling", {"kernel": "(4294967296, 4294967296)"}), False),
        (graph_of("Pooling", {"kernel": f"({'1, ' * 17})"}), False),
        (graph_of("Pooling", {"kernel": "(3, 3)", "pad": "(1025, 0)"}), False),
        (graph_of("Convolution", {"num_filter": "65536"}, inputs=3), True),
        (graph_of("Convolution", {"num_filter": "65537"}, inputs=3), False),
        (graph_of("FullyConnected", {"num_hidden": "1000000"}, inputs=3), True),
        (graph_of("Reshape", {"shape": "(-1, 16777216)"}), True),
        (graph_of("Reshape", {"shape": "(-1, 16777216, 16777216, 65536)"}), False),  # 2^64, which is 0
        (graph_of("tile", {"reps": "(1, 1024, 1024)"}), True),
        (graph_of("tile", {"reps": "(2, 1024, 1024)"}), False),
        (Graph((DATA, *[Node("repeat", "r", {"repeats": "1000"}, ((0, 0),))] * 2), ((1, 0),)), True),
        (graph_of("Pad", {"mode": "reflect", "pad_width": "(0, 0, 0, 0, 1, 1, 2, 2)"}), True),
        (graph_of("Pad", {"mode": "reflect", "pad_width": "(0, 0, 0, 0, 1, 1, 2, 2, 3, 3)"}), False),  # 5 dimensions
        (graph_of("Pad", {"mode": "edge", "pad_width": "(0, 0, 0, 0, -1, 1, 2, 2)"}), False),
        (graph_of("Pad", {"mode": "edge", "pad_width": "(0, 0, 0, 0, 1, 1, 2, 1025)"}), False),
        (graph_of("Pad", {"mode": "edge"}), False),
        (graph_of("Crop", {"num_args": "2", "offset": "(19, 19)"}, inputs=2), True),
        (graph_of("Crop", {"num_args": "1", "h_w": "(6, 6)"}), True),
        (graph_of("Crop", {"num_args": "2"}, inputs=1), False),
        (graph_of("Crop", {"num_args": "1"}, inputs=2), False),
        (graph_of("Crop", {"num_args": "3"}, inputs=3), False),
        (graph_of("Crop", inputs=2), False),
        (graph_of("_contrib_AdaptiveAvgPooling2D"), True),
        (graph_of("_contrib_AdaptiveAvgPooling2D", {"output_size": "(7, 7)"}), True),
        (graph_of("_contrib_AdaptiveAvgPooling2D", {"output_size": "1"}), True),
        (graph_of("_contrib_AdaptiveAvgPooling2D", {"output_size": "0"}), False),
        (graph_of("_contrib_AdaptiveAvgPooling2D", {"output_size": "(7, -1)"}), False),
        (graph_of("_contrib_AdaptiveAvgPooling2D", {"output_size": "(7, 7, 7)"}), False),
        (graph_of("_contrib_AdaptiveAvgPooling2D", {"output_size": "1025"}), False),
        (graph_of("_contrib_AdaptiveAvgPooling2D", {"output_size": "()"}), False),
        (graph_of("depth_to_space", {"block_size": "2"}), True),
        (graph_of("depth_to_space", {"block_size": "1024"}), True),
        (graph_of("depth_to_space", {"block_size": "65536"}), False),  # its square is 2^32
        (graph_of("depth_to_space", {"block_size": "0"}), False),
        (graph_of("depth_to_space", {"block_size": "-2"}), False),
        (graph_of("depth_to_space", {"block_size": "(2, 2)"}), False),
        (graph_of("depth_to_space"), False),
        (graph_of("UpSampling", {"scale": "2", "sample_type": "nearest", "num_args": "1"}), True),
        (graph_of("UpSampling", {"scale": "2", "sample_type": "nearest", "num_args": "3"}, inputs=3), True),
        (graph_of("UpSampling", {"scale": "2", "sample_type": "nearest", "num_args": "3"}, inputs=2), False),
        (graph_of("UpSampling", {"scale": "2", "sample_type": "bilinear", "num_args": "2"}, inputs=2), False),
        (graph_of("UpSampling", {"scale": "0", "sample_type": "nearest", "num_args": "1"}), False),
        (graph_of("UpSampling", {"scale": "1025", "sample_type": "nearest", "num_args": "1"}), False),
        (graph_of("_Plus", inputs=2), True),
        (graph_of("_Plus", inputs=1), False),
        (graph_of("_MulScalar", {"scalar": "0.5"}), True),
        (graph_of("_zeros", {"shape": "(0, 200)", "dtype": "float32"}, inputs=0), True),
        (graph_of("_ones", {"shape": "(3,)"}, inputs=0), True),
        (graph_of("_zeros", {"shape": "(3,)"}), False),
        (graph_of("_zeros", {"shape": "(-1, 200)"}, inputs=0), False),
        (graph_of("_zeros", {"shape": "(65536, 65536)"}, inputs=0), False),
        (graph_of("_zeros", inputs=0), False),
        (graph_of("_arange", {"start": "0", "stop": "13", "step": "1.0", "repeat": "1"}, inputs=0), True),
        (graph_of("_arange", {"start": "5", "stop": "None", "step": "-1", "repeat": "64"}, inputs=0), True),
        (graph_of("_arange", {"start": "0", "stop": "13", "step": "1e-30"}, inputs=0), False),
        (graph_of("_arange", {"start": "0", "stop": "13", "step": "0.5"}, inputs=0), False),
        (graph_of("_arange", {"start": "0", "stop": "13", "repeat": "65"}, inputs=0), False),
        (graph_of("_arange", {"start": "0", "stop": "13", "repeat": "+2147483647"}, inputs=0), False),
        (graph_of("_arange", {"start": "0", "stop": "inf"}, inputs=0), False),
        (graph_of("_arange", {"start": "0", "stop": "33554432"}, inputs=0), False),
        (graph_of("_arange", {"start": "0", "stop": "13"}), False),
        (
            Graph(
                (Node("_arange", "a", {"stop": "65535"}, ()), Node("_ones", "o", {"shape": "(32768,)"}, ())), ((1, 0),)
            ),
            True,
        ),
        (graph_of("_contrib_box_nms", {"topk": "400", "id_index": "0", "coord_start": "2"}), True),
        (graph_of("_contrib_box_nms", inputs=2), False),
        (graph_of("Correlation", inputs=2), False),
        (graph_of("nonsense"), False),
        (graph_of("null"), False),
        (Graph((Node("null", "w", {"__storage_type__": "1"}, ()),), ((0, 0),)), False),
        (Graph((Node("null", "w", {"__shape__": "(9999999999, 3)"}, ()),), ((0, 0),)), False),
        (Graph((Node("null", "w", {"__shape__": "(3, 3)", "__init__": "[0.5" + ", 9e99" * 99}, ()),), ((0, 0),)), True),
    ],
)
def test_what_is_not_known_to_be_harmless_is_suspect(graph, is_harmless):
    assert suspects(graph) == (() if is_harmless else (f"{graph.nodes[-1].op} {graph.nodes[-1].name!r}",))


def test_factors_of_a_graph_are_multiplied():
    up = Node("Deconvolution", "up", {"stride": "(32, 32)"}, ((0, 0), (0, 0)))
    assert suspects(Graph((DATA, up, up), ((1, 0),))) == ()
    assert suspects(Graph((DATA, up, up, up), ((1, 0),))) == ("Deconvolution 'up'",) * 3


def test_upsampling_grows_in_two_dimensions():
    """32 x 32 twice is 2^20; once more is too much."""
    up = Node("UpSampling", "up", {"scale": "32", "sample_type": "nearest", "num_args": "1"}, ((0, 0),))
    assert suspects(Graph((DATA, up, up), ((1, 0),))) == ()
    assert suspects(Graph((DATA, up, up, up), ((1, 0),))) == ("UpSampling 'up'",) * 3


def test_upsampling_divides_by_sizes_that_may_be_0_where_that_is_a_size():
    up = Node("UpSampling", "up", {"scale": "2", "sample_type": "nearest", "num_args": "1"}, ((0, 0),))
    assert suspects(Graph((DATA, up), ((1, 0),), numpy_shapes=True)) == ("UpSampling 'up'",)


def test_an_embedding_of_results_is_suspect():
    first = Node("Embedding", "first", {"input_dim": "10", "output_dim": "65536"}, ((0, 0), (0, 0)))
    second = Node("Embedding", "second", {"input_dim": "10", "output_dim": "65536"}, ((1, 0), (0, 0)))
    assert suspects(Graph((DATA, first, second), ((2, 0),))) == ("Embedding 'second'",)
