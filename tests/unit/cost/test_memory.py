"""Bytes per layer, the peak of live activations and the bytes of a checkpoint, by hand."""

import pytest

from pytest_mxperf.cost.params import Role
from pytest_mxperf.cost.result import ITEM_BYTES, LayerCost, OpCost, Params
from pytest_mxperf.cost.walk import Inference, walk
from pytest_mxperf.graph import Graph, Node


def variable(name):
    return Node(op="null", name=name, attrs={}, inputs=())


def operator(op, name, *inputs, **attrs):
    entries = tuple(entry if isinstance(entry, tuple) else (entry, 0) for entry in inputs)
    return Node(op=op, name=name, attrs=attrs, inputs=entries)


def count(nodes, shapes, dtypes=None, roles=None, heads=None):
    """``shapes`` are the outputs of each node; dtypes are one per node. Variables are inputs unless ``roles`` tells."""
    graph = Graph(tuple(nodes), tuple(heads or ((len(nodes) - 1, 0),)))
    dtypes = dtypes or ["float32"] * len(nodes)
    known = Inference(shapes, [(dtype,) * len(outputs) for dtype, outputs in zip(dtypes, shapes)])
    return walk(graph, known, {0: Role.INPUT, **(roles or {})})


def moved(report):
    """What each layer reads and writes."""
    return {layer.name: (layer.bytes_read, layer.bytes_written) for layer in report.layers}


def chain(*operators, shape=(10,)):
    """The peak where each operator reads the one before it; all have the shape of the input."""
    nodes = [variable("data"), *(operator(op, f"{op}{index}", index) for index, op in enumerate(operators))]
    return count(nodes, [[shape]] * len(nodes)).peak_activation_bytes


# Bytes that are read and written


def test_a_dense_layer_reads_its_data_and_parameters_and_writes_its_output():
    """2 x 3 numbers, a 4 x 3 weight and 4 biases of 4 bytes: 24 + 48 + 16 = 88; 2 x 4 x 4 = 32 written.

    2 x 24 MACs and 8 biases are 56 FLOPs on 120 bytes.
    """
    report = count(
        [variable("data"), variable("w"), variable("b"), operator("FullyConnected", "fc", 0, 1, 2, num_hidden="4")],
        [[(2, 3)], [(4, 3)], [(4,)], [(2, 4)]],
        roles={1: Role.TRAINABLE, 2: Role.TRAINABLE},
    )
    assert moved(report) == {"fc": (88, 32)}
    assert report.layers[0].arithmetic_intensity == 56 / 120
    assert (report.bytes_read, report.bytes_written) == (88, 32)


def test_a_tensor_that_is_read_twice_counts_once():
    report = count([variable("data"), operator("elemwise_mul", "square", 0, 0)], [[(10,)], [(10,)]])
    assert moved(report) == {"square": (40, 40)}


def test_every_output_is_written():
    """12 numbers are split into 4 and 8."""
    report = count([variable("data"), operator("SliceChannel", "split", 0)], [[(12,)], [(4,), (8,)]])
    assert moved(report) == {"split": (48, 16 + 32)}


@pytest.mark.parametrize("op", ["Reshape", "Flatten", "expand_dims", "_copy", "BlockGrad", "Cast", "_npx_reshape"])
def test_what_only_looks_at_an_activation_moves_nothing(op):
    """Whether or not somebody else reads it too."""
    nodes = [variable("data"), operator("exp", "e", 0), operator(op, "view", 1), operator("sin", "s", 1)]
    report = count(nodes, [[(2, 3)], [(2, 3)], [(6,)], [(2, 3)]], heads=[(2, 0), (3, 0)])
    assert moved(report)["view"] == (0, 0)
    assert report.layers[1].arithmetic_intensity == 0.0
    # e, which the view shares, and s
    assert report.peak_activation_bytes == 48


@pytest.mark.parametrize("op", ["Reshape", "_copy", "Dropout"])
def test_an_input_is_copied_where_an_activation_would_be_shared(op):
    """MXNet never hands out the arrays that were bound."""
    report = count([variable("data"), operator(op, "copy", 0)], [[(6,)], [(6,)]])
    assert moved(report) == {"copy": (24, 24)}
    assert report.peak_activation_bytes == 24


def test_squeeze_and_transpose_copy():
    nodes = [variable("data"), operator("exp", "e", 0), operator("squeeze", "s", 1), operator("transpose", "t", 2)]
    report = count(nodes, [[(1, 2, 3)], [(1, 2, 3)], [(2, 3)], [(3, 2)]])
    assert moved(report) == {"e": (24, 24), "s": (24, 24), "t": (24, 24)}


def test_a_cast_moves_what_it_converts():
    """6 numbers from float32 to float16; to int32, which has as many bytes, it may write over them."""
    nodes = [variable("data"), operator("exp", "e", 0), operator("Cast", "c", 1)]
    shapes = [[(6,)]] * 3
    half = count(nodes, shapes, ["float32", "float32", "float16"])
    assert (moved(half)["c"], half.peak_activation_bytes) == ((24, 12), 36)
    whole = count(nodes, shapes, ["float32", "float32", "int32"])
    assert (moved(whole)["c"], whole.peak_activation_bytes) == ((24, 24), 24)


def test_dropout_moves_nothing_unless_its_input_is_read_again():
    nodes = [variable("data"), operator("exp", "e", 0), operator("Dropout", "drop", 1)]
    alone = count(nodes, [[(6,)]] * 3)
    assert (moved(alone)["drop"], alone.peak_activation_bytes) == ((0, 0), 24)
    shared = count(nodes, [[(6,)]] * 3, heads=[(1, 0), (2, 0)])
    assert (moved(shared)["drop"], shared.peak_activation_bytes) == ((24, 24), 48)


def test_dropout_that_is_always_on_moves_data():
    nodes = [variable("data"), operator("exp", "e", 0), operator("Dropout", "drop", 1, mode="always")]
    assert moved(count(nodes, [[(6,)]] * 3))["drop"] == (24, 24)


@pytest.mark.parametrize("op", ["Embedding", "_contrib_SparseEmbedding", "_contrib_quantized_embedding"])
def test_an_embedding_reads_the_rows_that_it_looks_up(op):
    """10 int32 indices (40 bytes) and 10 rows of 8 float32 (320 bytes) of the 1,000 (32,000 bytes)."""
    report = count(
        [variable("tokens"), variable("table"), operator(op, "emb", 0, 1)],
        [[(2, 5)], [(1000, 8)], [(2, 5, 8)]],
        ["int32", "float32", "float32"],
        {1: Role.TRAINABLE},
    )
    assert moved(report) == {"emb": (40 + 320, 320)}
    assert report.param_bytes_by_dtype == {"float32": 32000}


def test_an_embedding_reads_no_more_than_there_is():
    """10 indices into a table of 3 rows of 8: 96 bytes."""
    report = count(
        [variable("tokens"), variable("table"), operator("Embedding", "emb", 0, 1)],
        [[(10,)], [(3, 8)], [(10, 8)]],
        roles={1: Role.TRAINABLE},
    )
    assert moved(report) == {"emb": (40 + 96, 320)}


def test_take_and_slices_read_what_they_write():
    """Of 100 x 8 numbers 3 rows are taken by 3 indices, then 2 columns of these."""
    nodes = [variable("data"), variable("rows"), operator("take", "t", 0, 1), operator("slice_axis", "s", 2)]
    report = count(nodes, [[(100, 8)], [(3,)], [(3, 8)], [(3, 2)]], roles={1: Role.INPUT})
    assert moved(report) == {"t": (12 + 96, 96), "s": (24, 24)}


def test_what_is_only_measured_is_neither_read_nor_kept():
    """``e`` gives the zeros their shape and is gone when they are made; a label is read by training only."""
    nodes = [variable("data"), operator("exp", "e", 0), operator("zeros_like", "z", 1)]
    report = count(nodes, [[(10,)]] * 3)
    assert (moved(report)["z"], report.peak_activation_bytes) == ((0, 40), 40)
    nodes = [variable("data"), variable("label"), operator("SoftmaxOutput", "prob", 0, 1)]
    report = count(nodes, [[(5, 7)], [(5,)], [(5, 7)]], roles={1: Role.LABEL})
    assert moved(report) == {"prob": (140, 140)}


@pytest.mark.parametrize(
    ("dtype", "size"),
    [
        *(("bool", 1), ("int8", 1), ("uint8", 1), ("float16", 2), ("bfloat16", 2), ("int16", 2), ("uint16", 2)),
        *(("float32", 4), ("int32", 4), ("uint32", 4), ("float64", 8), ("int64", 8), ("uint64", 8)),
    ],
)
def test_every_dtype_has_its_size(dtype, size):
    report = count([variable("data"), operator("exp", "e", 0)], [[(10,)]] * 2, [dtype] * 2)
    assert (moved(report), report.peak_activation_bytes) == ({"e": (10 * size, 10 * size)}, 10 * size)
    assert ITEM_BYTES[dtype] == size


def test_a_layer_inside_a_loop_moves_its_bytes_every_time():
    """5 slices of 2 x 3 numbers into a running sum of 2 x 3: 48 bytes read and 24 written each time."""
    body = Graph((variable("slice"), variable("sum"), operator("elemwise_add", "add", 0, 1)), ((2, 0), (2, 0)))
    loop = Node(
        op="_foreach",
        name="loop",
        attrs={"in_data_locs": "(0,)", "in_state_locs": "(1,)", "remain_locs": "()"},
        inputs=((0, 0), (1, 0)),
        output_count=2,
        subgraphs=(body,),
    )
    graph = Graph((variable("data"), variable("start"), loop), ((2, 0), (2, 1)))
    inner = Inference([[(2, 3)]] * 3, [["float32"]] * 3)
    shapes = [[(5, 2, 3)], [(2, 3)], [(5, 2, 3), (2, 3)]]
    dtypes = [["float32"], ["float32"], ["float32", "float32"]]
    report = walk(graph, Inference(shapes, dtypes, {2: [inner]}), {0: Role.INPUT, 1: Role.INPUT})
    assert moved(report) == {"loop": (0, 0), "loop/add": (5 * 48, 5 * 24)}
    # what the loop puts out, 120 + 24, and what its body does while it runs, 24
    assert report.peak_activation_bytes == 120 + 24 + 24


def test_a_layer_that_is_multiplied_multiplies_its_bytes():
    layer = LayerCost("a", "op", ((1,),), OpCost(other=3), Params(), bytes_read=4, bytes_written=2)
    inside = layer.times(5, inside="loop")
    assert (inside.bytes_read, inside.bytes_written, inside.arithmetic_intensity) == (20, 10, 0.5)


# The peak of live activations


def test_a_chain_holds_the_two_ends_of_each_operator():
    """Of 400, 1,200 and 40 bytes the first two, then the last two are alive; the input is not counted."""
    report = count(
        [variable("data"), *(operator("Pooling", f"p{index}", index, kernel="(1,1)") for index in range(3))],
        [[(1, 1, 100, 100)], [(1, 1, 10, 10)], [(1, 3, 10, 10)], [(1, 1, 10, 1)]],
    )
    assert report.peak_activation_bytes == 400 + 1200


def test_elementwise_operators_write_over_an_input_that_is_not_read_again():
    """``exp`` gets 40 bytes, since the net's input is not to be touched; everything behind it reuses them."""
    assert chain("exp", "sin", "Activation", "softmax") == 40


@pytest.mark.parametrize("op", ["clip", "_random_pdf_dirichlet", "transpose", "BatchNorm"])
def test_other_operators_write_beside_their_input(op):
    """Of ``clip`` and of densities MXNet does not know that they could."""
    assert chain("exp", op, "exp", shape=(2, 5)) == 80


def test_an_input_that_is_read_twice_by_one_operator_is_not_overwritten():
    nodes = [variable("data"), operator("exp", "e", 0), operator("elemwise_mul", "m", 1, 1)]
    assert count(nodes, [[(10,)]] * 3).peak_activation_bytes == 80


def test_a_label_that_is_not_read_is_not_overwritten():
    """x and y are alive behind the loss, which has 40 bytes of its own: y is its label, and a head. So is x."""
    nodes = [
        *(variable("data"), operator("exp", "x", 0), operator("sin", "y", 0)),
        operator("LogisticRegressionOutput", "loss", 1, 2),
    ]
    assert count(nodes, [[(10,)]] * 4, heads=[(1, 0), (2, 0), (3, 0)]).peak_activation_bytes == 120


def test_the_heads_stay_alive_to_the_end():
    """a (40) is a head, so neither b nor c can write over it; c writes over b."""
    nodes = [variable("data"), operator("exp", "a", 0), operator("sin", "b", 1), operator("cos", "c", 2)]
    assert count(nodes, [[(10,)]] * 4, heads=[(3, 0), (1, 0)]).peak_activation_bytes == 80


def test_a_residual_block_keeps_its_shortcut_alive():
    """x, and the transposes t and u behind it, of 40 bytes each: all three are alive when u is made from t.

    The sum writes over one of its dead inputs.
    """
    nodes = [
        variable("data"),
        operator("exp", "x", 0),
        operator("transpose", "t", 1),
        operator("transpose", "u", 2),
        operator("elemwise_add", "sum", 1, 3),
    ]
    assert count(nodes, [[(2, 5)], [(2, 5)], [(5, 2)], [(2, 5)], [(2, 5)]]).peak_activation_bytes == 120


def test_outputs_that_nobody_reads_are_alive_while_their_operator_runs():
    """The split's 16 and 32 bytes behind the 48 of x; then the 16 of the first output are overwritten."""
    nodes = [variable("data"), operator("exp", "x", 0), operator("SliceChannel", "split", 1), operator("sin", "s", 2)]
    report = count(nodes, [[(12,)], [(12,)], [(4,), (8,)], [(4,)]])
    assert report.peak_activation_bytes == 48 + 16 + 32


@pytest.mark.parametrize(("with_sum", "peak"), [("true", 80), ("false", 120)])
def test_a_fused_convolution_writes_over_what_it_adds_to(with_sum, peak):
    """x, a head, and y have 40 bytes each. If the convolution of x adds y, its result takes the place of y."""
    convolution = operator("Convolution", "inner", 0, 1, kernel="(1,1)", num_filter="1", no_bias="True")
    body = Graph((variable("x"), variable("w"), convolution), ((2, 0),))
    image = [(1, 1, 2, 5)]
    nodes = (
        *(variable("data"), variable("w"), operator("transpose", "x", 0), operator("transpose", "y", 0)),
        Node("_sg_mkldnn_conv", "conv", {"with_sum": with_sum}, ((2, 0), (1, 0), (3, 0)), subgraphs=(body,)),
    )
    inner = Inference([image, [(1, 1, 1, 1)], image], [["float32"]] * 3)
    known = Inference([image, [(1, 1, 1, 1)], image, image, image], [["float32"]] * 5, {4: [inner]})
    report = walk(Graph(nodes, ((2, 0), (4, 0))), known, {0: Role.INPUT, 1: Role.TRAINABLE})
    assert report.peak_activation_bytes == peak
    assert moved(report)["conv"] == (40 + 4 + 40, 40)


# The bytes of a checkpoint


def test_a_checkpoint_has_its_bytes_by_dtype():
    """12 int8 weights, 4 float32 biases, 4 float16 statistics. Inputs are not stored, and two of one name are one."""
    report = count(
        [
            *(variable("data"), variable("w"), variable("b"), variable("mean"), variable("w")),
            operator("NoSuchOperator", "op", 0, 1, 2, 3, 4),
        ],
        [[(2, 3)], [(4, 3)], [(4,)], [(4,)], [(4, 3)], [(2, 4)]],
        ["float32", "int8", "float32", "float16", "int8", "float32"],
        {1: Role.TRAINABLE, 2: Role.FROZEN, 3: Role.AUXILIARY, 4: Role.TRAINABLE},
    )
    assert report.param_bytes_by_dtype == {"int8": 12, "float32": 16, "float16": 8}
    assert report.params.bytes == 36
