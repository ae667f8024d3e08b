"""Spelling is no change: MXNet's registry knows the types and defaults of attributes, and its inference the shapes."""

import json

import pytest

import pytest_mxperf
from pytest_mxperf.spec import InputSpec

INPUTS = {"data": InputSpec((1, 3, 8, 8))}


def alike(one, other, inputs=INPUTS, other_inputs=None):
    from pytest_mxperf.mx.alike import Written, run_alike

    texts = [each if isinstance(each, str) else each.tojson() for each in (one, other)]
    return run_alike(Written("one", texts[0], inputs), Written("other", texts[1], other_inputs or inputs))


def rewritten(symbol, op, **attrs):
    """The symbol's JSON with attributes of all nodes of an operator written otherwise; None takes one away."""
    graph = json.loads(symbol.tojson())
    for node in graph["nodes"]:
        if node["op"] == op:
            node["attrs"] = {
                name: text for name, text in {**node.get("attrs", {}), **attrs}.items() if text is not None
            }
    return json.dumps(graph)


def convolution(prefix="", **attrs):
    import mxnet as mx

    return mx.sym.Convolution(mx.sym.var("data"), name=f"{prefix}conv", kernel=(3, 3), num_filter=4, **attrs)


SAME = [
    {"kernel": "[3,3]"},
    {"kernel": "(3L, 3L)"},
    {"kernel": "(3,3,)", "num_filter": " 4"},
    {"no_bias": "False", "num_group": "1"},
    {"no_bias": "0"},
    {"no_bias": "false"},
    {"stride": "(1, 1)", "dilate": "[1,1]", "pad": "(0, 0)", "layout": "NCHW"},
    {"stride": "()", "layout": "None"},
    {"workspace": "64", "cudnn_tune": "off", "cudnn_off": "True"},
]
OTHERS = [{"no_bias": "1"}, {"stride": "(2, 2)"}, {"pad": "(1, 1)"}, {"dilate": "(1, 2)"}, {"num_group": "2"}]


@pytest.mark.parametrize("attrs", SAME)
def test_spelling_is_no_change(attrs):
    assert alike(convolution(), rewritten(convolution("x_"), "Convolution", **attrs))


@pytest.mark.parametrize("attrs", OTHERS)
def test_other_values_are(attrs):
    assert not alike(convolution(), rewritten(convolution("x_"), "Convolution", **attrs))


@pytest.mark.parametrize(
    ("op", "written", "means"),
    [
        ("BatchNorm", {"eps": "0.001", "momentum": "0.9", "fix_gamma": "1", "axis": "1"}, True),
        ("BatchNorm", {"eps": "1e-3"}, True),
        ("BatchNorm", {"momentum": "0.5"}, True),
        ("BatchNorm", {"eps": "1e-05"}, False),
        ("BatchNorm", {"fix_gamma": "false"}, False),
        ("Pooling", {"pool_type": "max", "stride": "(1, 1)", "count_include_pad": "1"}, True),
        ("Pooling", {"pool_type": "avg"}, False),
        ("Dropout", {"p": "0.1"}, True),
        ("Dropout", {"p": "0.1", "mode": "always"}, False),
        ("FullyConnected", {"no_bias": "0", "flatten": "true"}, True),
        ("FullyConnected", {"flatten": "0"}, False),
        ("_plus_scalar", {"scalar": "2.0", "is_int": "1"}, True),
        ("_plus_scalar", {"scalar": "3"}, False),
        ("softmax", {"axis": "-1", "temperature": "None"}, True),
        ("softmax", {"axis": "1"}, False),
    ],
)
def test_defaults_of_other_operators(op, written, means):
    import mxnet as mx

    data = mx.sym.var("data")
    symbol = {
        "BatchNorm": lambda: mx.sym.BatchNorm(data, name="n"),
        "Pooling": lambda: mx.sym.Pooling(data, name="n", kernel=(2, 2)),
        "Dropout": lambda: mx.sym.Dropout(data, name="n"),
        "FullyConnected": lambda: mx.sym.FullyConnected(data, name="n", num_hidden=4),
        "_plus_scalar": lambda: data + 2,
        "softmax": lambda: mx.sym.softmax(data, name="n"),
    }[op]()
    if "is_int" in written and "is_int" not in mx.sym._internal._plus_scalar.__doc__:
        pytest.skip("this MXNet has no _plus_scalar(is_int)")
    assert alike(symbol, rewritten(symbol, op, **written)) is means


def test_an_alias_is_its_operator():
    import mxnet as mx

    data = mx.sym.var("data")
    text = (data + mx.sym.sin(data)).tojson()
    assert '"elemwise_add"' in text
    assert alike(text, text.replace('"elemwise_add"', '"_Plus"'))
    assert not alike(text, text.replace('"elemwise_add"', '"_minus"'))


def test_every_operator_has_its_own_name_and_defaults_are_spelled_once_and_for_all():
    """A default that is written as it is spelled is the default."""
    import mxnet as mx

    from pytest_mxperf.attributes import Normalizer
    from pytest_mxperf.graph import Node
    from pytest_mxperf.mx.operators import operator

    names = [name for name in dir(mx.sym.op) if operator(name) is not None]
    assert len(names) > 150
    for name in names:
        known = operator(name)
        plain, written = (Node(op, "n", attrs, ()) for op, attrs in ((known.name, {}), (name, known.defaults)))
        assert Normalizer(operator).spelled(plain) == Normalizer(operator).spelled(written), name


def test_there_is_no_operator_of_any_name():
    from pytest_mxperf.mx.operators import operator

    assert operator("no such operator") is None
    assert operator("_Plus").name == "elemwise_add"
    assert operator("Concat").counter == "num_args"
    assert operator("Convolution").defaults["workspace"] == "1024"
    assert operator("Convolution").types["kernel"] == "Shape(tuple)"


# What variables declare.


def scaled(**declared):
    """The data, of which each channel has a factor."""
    import mxnet as mx

    return mx.sym.broadcast_mul(mx.sym.var("data"), mx.sym.var("scale", **declared))


def test_a_shape_that_is_partly_known_counts_for_what_is_inferred_from_it():
    import mxnet as mx

    def dense(**declared):
        weight = mx.sym.var("weight", **declared)
        return mx.sym.FullyConnected(mx.sym.var("data"), weight, num_hidden=5, no_bias=True)

    # 3 x 8 x 8 = 192 features: inference needs no declaration.
    shapes = [{}, {"shape": (5, 0)}, {"shape": (0, 192)}, {"shape": (5, 192)}]
    assert all(alike(dense(), dense(**shape)) for shape in shapes)
    assert alike(dense(), dense(dtype="float32"))


def test_where_shapes_cannot_be_inferred_different_declarations_are_different_graphs():
    assert not alike(scaled(shape=(0, 3, 1, 1)), scaled(shape=(0, 1, 1, 1)))
    assert not alike(scaled(shape=(1, 3, 1, 1)), scaled(shape=(1, 1, 1, 1)))
    assert not alike(scaled(), scaled(shape=(0, 3, 1, 1)))
    assert alike(scaled(shape=(0, 3, 1, 1)), rewritten(scaled(shape=(0, 3, 1, 1)), "null"))


def test_a_dtype_that_is_inferred_counts_as_if_declared():
    half = {"data": InputSpec((1, 3, 8, 8), "float16")}
    assert not alike(convolution(), convolution(), INPUTS, half)
    import mxnet as mx

    def of(**declared):
        return mx.sym.Convolution(
            mx.sym.var("data"), mx.sym.var("w", **declared), kernel=(1, 1), num_filter=2, no_bias=True
        )

    assert alike(of(), of(dtype="float16"), half)


@pytest.mark.parametrize("stype", ["csr", "row_sparse"])
def test_a_sparse_input_or_parameter_is_another_graph(stype):
    import mxnet as mx

    def product(data=None, weight=None):
        stypes = [{"stype": each} if each else {} for each in (data, weight)]
        return mx.sym.dot(mx.sym.var("data", **stypes[0]), mx.sym.var("weight", shape=(10, 4), **stypes[1]))

    inputs = {"data": InputSpec((2, 10))}
    assert not alike(product(data=stype), product(), inputs)
    assert not alike(product(weight=stype), product(), inputs)
    assert alike(product(data=stype), product(data=stype), inputs)
    assert alike(product(data="default"), product(), inputs)


def test_a_dense_product_is_not_one_of_sparse_data():
    import mxnet as mx

    assert not alike(
        mx.sym.dot(mx.sym.var("data", stype="csr"), mx.sym.var("weight", stype="row_sparse", shape=(10, 4))),
        mx.sym.dot(mx.sym.var("data"), mx.sym.var("weight", shape=(10, 4))),
        {"data": InputSpec((2, 10))},
    )


# Several outputs.


def test_which_output_of_a_split_is_read_and_which_are_heads():
    import mxnet as mx

    def of(*reads, heads=()):
        parts = mx.sym.SliceChannel(mx.sym.var("data"), name="split", num_outputs=2, axis=2)
        one, other = (parts[read] for read in reads)
        return mx.sym.Group([one - other, *(parts[head] for head in heads)])

    assert alike(of(0, 1), of(0, 1))
    assert not alike(of(0, 1), of(1, 0))
    assert not alike(of(0, 1), of(0, 0))
    assert not alike(of(0, 1), of(0, 1, heads=(0,)))
    assert not alike(of(0, 1, heads=(0,)), of(0, 1, heads=(1,)))
    assert not alike(of(0, 1, heads=(0, 1)), of(0, 1, heads=(1, 0)))


# mxperf diff.


def test_spelling_shows_in_no_difference_and_hides_none(tmp_path):
    def saved(name, text):
        (tmp_path / f"{name}-symbol.json").write_text(text)
        return str(tmp_path / f"{name}-symbol.json")

    old = saved("old", convolution().tojson())
    inputs = {"data": (1, 3, 8, 8)}
    for number, attrs in enumerate(SAME[:-1]):
        new = saved(f"same{number}", rewritten(convolution("x_"), "Convolution", **attrs))
        assert pytest_mxperf.diff(old, new, inputs).changes == (), attrs
    tuned = saved("tuned", rewritten(convolution(), "Convolution", workspace="64", kernel="[3,3]", dilate="(1,1)"))
    assert [change.summary for change in pytest_mxperf.diff(old, tuned, inputs).changes] == [
        "workspace 1024 -> 64 (GPU only)"
    ]
    wider = saved("wider", rewritten(convolution(), "Convolution", num_filter="5", dilate="(1,1)", no_bias="0"))
    assert [change.summary for change in pytest_mxperf.diff(old, wider, inputs).changes] == ["num_filter 4 -> 5"]
    strided = saved("strided", rewritten(convolution(), "Convolution", stride="[2,2]"))
    assert [change.summary for change in pytest_mxperf.diff(old, strided, inputs).changes] == [
        "stride (1, 1) -> (2, 2)"
    ]
