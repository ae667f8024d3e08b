"""One spelling for attributes. The documentation strings are MXNet 1.9's own."""

import pytest

from pytest_mxperf.attributes import Normalizer, Operator, ineffective, is_annotation, shape
from pytest_mxperf.graph import Graph, Node

CONVOLUTION = [
    ("data", "NDArray-or-Symbol"),
    ("kernel", "Shape(tuple), required"),
    ("stride", "Shape(tuple), optional, default=[]"),
    ("dilate", "Shape(tuple), optional, default=[]"),
    ("pad", "Shape(tuple), optional, default=[]"),
    ("num_filter", "int (non-negative), required"),
    ("num_group", "int (non-negative), optional, default=1"),
    ("workspace", "long (non-negative), optional, default=1024"),
    ("no_bias", "boolean, optional, default=0"),
    ("cudnn_tune", "{None, 'fastest', 'limited_workspace', 'off'},optional, default='None'"),
    ("cudnn_off", "boolean, optional, default=0"),
    ("layout", "{None, 'NCDHW', 'NCHW', 'NCW', 'NDHWC', 'NHWC'},optional, default='None'"),
]
DECONVOLUTION = [*CONVOLUTION, ("adj", "Shape(tuple), optional, default=[]")]
POOLING = [
    ("kernel", "Shape(tuple), optional, default=[]"),
    ("pool_type", "{'avg', 'lp', 'max', 'sum'},optional, default='max'"),
    ("stride", "Shape(tuple), optional, default=[]"),
    ("pad", "Shape(tuple), optional, default=[]"),
    ("p_value", "int or None, optional, default='None'"),
    ("count_include_pad", "boolean or None, optional, default=None"),
    ("layout", "{None, 'NCDHW', 'NCHW', 'NCW', 'NDHWC', 'NHWC', 'NWC'},optional, default='None'"),
]
MANY = [
    ("flag", "boolean, optional, default=1"),
    ("maybe_flag", "boolean or None, optional, default=None"),
    ("count", "int, optional, default='-1'"),
    ("maybe_count", "int or None, optional, default='None'"),
    ("large", "long, required"),
    ("single", "float, optional, default=0.899999976"),
    ("maybe_single", "float or None, required"),
    ("double", "double, optional, default=0.0010000000474974513"),
    ("axes", "Shape or None, optional, default=None"),
    ("sizes", "tuple of <float>, optional, default=[0.1,0.1,0.2,0.2]"),
    ("precise", "tuple of <double>, optional, default=[]"),
    ("places", "tuple of <long>, required"),
    ("nested", "tuple of <Shape(tuple)>, required"),
    ("choice", "{'clip', 'wrap'},optional, default='clip'"),
    ("text", "string, optional, default='Constraint violated.'"),
    ("strange", ", optional, default=None"),
    ("empty", "string, optional, default=''"),
    ("bare", "float"),
]
DOCUMENTED = {
    "Convolution": CONVOLUTION,
    "Deconvolution": DECONVOLUTION,
    "Pooling": POOLING,
    "Many": MANY,
    "Custom": [("data", "NDArray-or-Symbol[]"), ("op_type", "string")],
    "_npi_Custom": [("data", "NDArray-or-Symbol[]"), ("op_type", "string")],
    "Concat": [("data", "NDArray-or-Symbol[]"), ("num_args", "int, required"), ("dim", "int, optional, default='1'")],
}
ALIASES = {"concat": "Concat", "Convolution_alias": "Convolution"}


def operators(name):
    name = ALIASES.get(name, name)
    if name not in DOCUMENTED:
        return None
    return Operator.documented(name, DOCUMENTED[name], "num_args" if name == "Concat" else "")


def told(op, *, known=True, inputs=1, **attrs):
    """What an operator with these attributes is told, by name."""
    node = Node(op, "n", attrs, ((0, 0),) * inputs)
    return dict((Normalizer(operators) if known else Normalizer()).node(node).attrs)


# Without types: what is one value, whatever its type.


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("(3, 3)", "(3, 3)"),
        ("(3,3)", "(3, 3)"),
        ("[3,3]", "(3, 3)"),
        ("(3L, 3L)", "(3, 3)"),
        (" ( 3 , 3 , ) ", "(3, 3)"),
        ("(3,)", "(3)"),
        ("()", "()"),
        ("[]", "()"),
        ("((0, 1), [2,-3])", "((0, 1), (2, -3))"),
        ("(None, 2)", "(None, 2)"),
        ("(0.10, 1e-05)", "(0.1, 1e-05)"),
        ("true", "True"),
        ("FALSE", "False"),
        ("64L", "64"),
        ("+7", "7"),
        ("-07", "-7"),
        ("0.00001", "1e-05"),
        ("1e-5", "1e-05"),
        (".5", "0.5"),
        ("1.", "1.0"),
        ("0.0010000000474974513", "0.001"),
        ("0.30000000000000004", "0.30000000000000004"),
        ("relu", "relu"),
        ("None", "None"),
        ("nan", "nan"),
        ("", ""),
        (" x y ", "x y"),
        ("(a b)", "(a b)"),
        ("1_000", "1_000"),
        ("1" * 30, "1" * 30),
        ("1" * 300_000 + "x", "1" * 300_000 + "x"),  # read in linear time, or this does not end
        ("1" * 5000, "inf"),  # int() refuses so many digits
    ],
)
def test_values_of_unknown_types(written, meant):
    assert told("Whatever", known=False, value=written) == {"value": meant}


@pytest.mark.parametrize(
    ("one", "other"), [("1", "True"), ("0", "False"), ("3", "3.0"), ("1", "1.0"), ("(3)", "3"), ("None", "()")]
)
def test_what_may_be_two_values_stays_two(one, other):
    assert told("Whatever", known=False, value=one) != told("Whatever", known=False, value=other)


# With types.


@pytest.mark.parametrize(
    ("name", "written", "meant"),
    [
        ("flag", "1", "True"),
        ("flag", "true", "True"),
        ("flag", "True", "True"),
        ("flag", "0", "False"),
        ("flag", "false", "False"),
        ("flag", "maybe", "maybe"),
        ("maybe_flag", "None", "None"),
        ("maybe_flag", "0", "False"),
        ("count", "3", "3"),
        ("count", "03", "3"),
        ("count", "3.0", "3.0"),  # MXNet refuses it
        ("count", "1", "1"),
        ("maybe_count", "None", "None"),
        ("maybe_count", "2L", "2"),
        ("large", "12345678901", "12345678901"),
        ("single", "3", "3.0"),
        ("single", "3.0", "3.0"),
        ("single", "0.9", "0.9"),
        ("single", "0.899999976", "0.9"),
        ("single", "1e-05", "1e-05"),
        ("single", "0.333999991", "0.334"),
        ("single", "1e-46", "0.0"),
        ("single", "much", "much"),
        ("double", "much", "much"),
        ("single", "0.00001", "1e-05"),
        ("single", "16777217", "16777216.0"),  # which is the nearest of 32 bits
        ("single", "1e39", "inf"),
        ("single", "-1e39", "-inf"),
        ("maybe_single", "None", "None"),
        ("maybe_single", "1", "1.0"),
        ("double", "0.001", "0.001"),
        ("double", "1", "1.0"),
        ("double", "16777217", "16777217.0"),
        ("double", "1e-50", "1e-50"),
        ("double", "1e39", "1e+39"),
        ("axes", "None", "None"),
        ("axes", "()", "()"),
        ("axes", "1", "(1)"),
        ("axes", "-1", "(-1)"),
        ("axes", "2L", "(2)"),
        ("axes", "all", "all"),
        ("axes", "[1L,2]", "(1, 2)"),
        ("sizes", "(1, 2.0)", "(1.0, 2.0)"),
        ("sizes", "0.5", "(0.5)"),
        ("precise", "(1)", "(1.0)"),
        ("places", "[0, 1]", "(0, 1)"),
        ("nested", "[(1,1),(2,)]", "((1, 1), (2))"),
        ("choice", " wrap", "wrap"),
        ("text", " (1,1) ", " (1,1) "),
        ("text", "1", "1"),
        ("strange", "(1,1)", "(1, 1)"),
        ("bare", "1.50", "1.5"),
        ("unknown", "1.50", "1.5"),
    ],
)
def test_values_of_known_types(name, written, meant):
    assert told("Many", **{name: written})[name] == meant


def test_defaults_are_written_out():
    assert told("Many") == {
        "flag": "True",
        "maybe_flag": "None",
        "count": "-1",
        "maybe_count": "None",
        "single": "0.9",
        "double": "0.001",
        "axes": "None",
        "sizes": "(0.1, 0.1, 0.2, 0.2)",
        "precise": "()",
        "choice": "clip",
        "text": "Constraint violated.",
        "strange": "None",
        "empty": "",
    }


def test_attributes_come_in_the_order_of_their_names():
    assert list(told("Many", large="1")) == sorted(told("Many", large="1"))
    assert list(told("Whatever", known=False, b="1", a="2")) == ["a", "b"]


@pytest.mark.parametrize(
    ("kernel", "ones", "zeros", "layout"),
    [
        ("(3,)", "(1)", "(0)", "NCW"),
        ("[3,3]", "(1, 1)", "(0, 0)", "NCHW"),
        ("(3,3,3)", "(1, 1, 1)", "(0, 0, 0)", "NCDHW"),
    ],
)
def test_defaults_of_a_window_have_its_rank(kernel, ones, zeros, layout):
    found = told("Deconvolution", kernel=kernel, num_filter="4")
    assert (found["stride"], found["dilate"], found["pad"], found["adj"]) == (ones, ones, zeros, zeros)
    assert found["layout"] == layout
    assert found == told(
        "Deconvolution", kernel=kernel, num_filter="4", stride=ones, dilate=ones, pad=zeros, adj=zeros, layout=layout
    )


def test_what_is_no_default_stays():
    found = told("Convolution", kernel="(3, 3)", num_filter="4", stride="(2,2)", pad="(1,1)", layout="NHWC")
    assert (found["stride"], found["pad"], found["layout"]) == ("(2, 2)", "(1, 1)", "NHWC")


def test_without_a_window_its_defaults_stay_open():
    found = told("Pooling")
    assert (found["kernel"], found["stride"], found["pad"], found["layout"]) == ("()", "()", "()", "None")
    assert told("Pooling", kernel="(1,1,1,1)")["stride"] == "()"
    assert told("Pooling", known=False, stride="()") == {"stride": "()"}


def test_pooling_counts_the_padding_unless_told_otherwise():
    assert told("Pooling")["count_include_pad"] == "True"
    assert told("Pooling", count_include_pad="None") == told("Pooling", count_include_pad="1")
    assert told("Pooling", count_include_pad="0")["count_include_pad"] == "False"


def test_only_windows_have_such_defaults():
    assert told("Whatever", known=False, kernel="(3, 3)", stride="()", layout="None") == {
        "kernel": "(3, 3)",
        "layout": "None",
        "stride": "()",
    }


def test_an_alias_goes_by_the_operators_own_name():
    node = Node("Convolution_alias", "c", {"kernel": "(1,)", "num_filter": "1"}, ())
    assert Normalizer(operators).node(node).op == "Convolution"
    assert Normalizer().node(node).op == "Convolution_alias"


def test_a_counter_of_inputs_says_nothing_that_the_inputs_do_not():
    assert told("concat", inputs=2, num_args="2") == told("concat", inputs=2) == {"dim": "1"}
    assert told("concat", inputs=3, num_args="2") == {"dim": "1", "num_args": "2"}


@pytest.mark.parametrize("op", ["Custom", "_npi_Custom"])
def test_attributes_of_a_users_own_operator_are_for_python_to_read(op):
    assert told(op, op_type="mine", kernel="[3,3]", flag="true") == {
        "flag": "true",
        "kernel": "[3,3]",
        "op_type": "mine",
    }


@pytest.mark.parametrize(
    "name",
    [
        *("__lr_mult__", "__profiler_scope__", "lr_mult", "wd_mult", "ctx_group", "force_mirroring", "mirror_stage"),
        "weight_lr_mult",
    ],
)
def test_annotations(name):
    assert is_annotation(name)
    assert told("Whatever", known=False, **{name: "1"}) == {}


@pytest.mark.parametrize("name", ["mult", "_lr_mul", "lr_mult_2", "_dtype__", "stage"])
def test_no_annotations(name):
    assert not is_annotation(name)


def test_nodes_of_subgraphs_are_spelled_alike_too():
    def of(value):
        body = Graph(
            (Node("null", "x", {"__shape__": value}, ()), Node("f", "f", {"v": value}, ((0, 0),), 2)), ((1, 1),)
        )
        return Graph((Node("null", "x", {}, ()), Node("_foreach", "l", {}, ((0, 0),), 3, (body,))), ((1, 2),), True)

    graph = Normalizer().graph(of("[1,2]"))
    body = graph.nodes[1].subgraphs[0]
    assert (graph.heads, graph.numpy_shapes, graph.nodes[1].output_count) == (((1, 2),), True, 3)
    assert body.nodes[1] == Node("f", "f", {"v": "(1, 2)"}, ((0, 0),), 2)
    assert body.nodes[0].attrs == {"__shape__": "[1,2]"}


def test_what_one_node_is_told_is_not_told_another():
    normalizer = Normalizer(operators)
    nodes = [
        Node("concat", "c", {"num_args": "2", "dim": dim}, ((0, 0),) * count) for dim, count in (("1", 2), ("2", 3))
    ]
    assert [dict(normalizer.node(node).attrs) for node in nodes] == [{"dim": "1"}, {"dim": "2", "num_args": "2"}]
    same = Node("concat", "c", {"num_args": "2", "dim": "1"}, ((0, 0),) * 3)
    assert dict(normalizer.node(same).attrs) == {"dim": "1", "num_args": "2"}


# Declared shapes.


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("(0, 10)", "(?, 10)"),
        ("[10,0L]", "(10, ?)"),
        ("(100, 20)", "(100, 20)"),
        ("(0)", "(?)"),
        ("()", None),
        ("None", None),
        ("", None),
        (" ", None),
        ("(-1, 3)", "(-1, 3)"),
    ],
)
def test_declared_shapes(text, meant):
    assert shape(text, numpy_shapes=False) == meant


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("(0, 10)", "(0, 10)"),
        ("(-1,10)", "(?, 10)"),
        ("(-1)", "(?)"),
        ("(-11, 3)", "(-11, 3)"),
        ("()", "()"),
        ("None", None),
    ],
)
def test_declared_shapes_by_numpys_rules(text, meant):
    assert shape(text, numpy_shapes=True) == meant


# Attributes that reach no inference on a CPU.


@pytest.mark.parametrize(
    ("op", "attrs", "idle"),
    [
        ("Convolution", {"workspace": "1", "num_filter": "1"}, {"workspace": "GPU only"}),
        (
            "Convolution",
            {"cudnn_tune": "off", "cudnn_off": "1"},
            dict.fromkeys(("cudnn_tune", "cudnn_off"), "GPU only"),
        ),
        ("Deconvolution", {"workspace": "1"}, {}),
        ("Convolution_v1", {"workspace": "1"}, {}),
        ("UpSampling", {"workspace": "1"}, {}),
        ("_contrib_DeformableConvolution", {"workspace": "1"}, {"workspace": "GPU only"}),
        ("_zeros", {"ctx": "cpu", "shape": "(1)"}, {"ctx": "GPU only"}),
        ("Custom", {"ctx": "cpu", "cudnn_off": "1"}, {}),
        ("_npi_Custom", {"ctx": "cpu", "cudnn_off": "1"}, {}),
        ("BatchNorm", {"momentum": "0.9", "eps": "1"}, {"momentum": "training only"}),
        ("_contrib_quantized_batch_norm", {"momentum": "0.9"}, {"momentum": "training only"}),
        ("sgd_mom_update", {"momentum": "0.9"}, {}),
        ("Dropout", {"p": "0.5", "axes": "()", "mode": "training"}, dict.fromkeys(("p", "axes"), "training only")),
        ("Dropout", {"p": "0.5"}, {"p": "training only"}),
        ("Dropout", {"p": "0.5", "mode": "always"}, {}),
        ("Other", {"p": "0.5"}, {}),
        ("RNN", {"p": "0.5", "mode": "lstm"}, {"p": "training only"}),
        ("SoftmaxOutput", {"grad_scale": "1", "multi_output": "1"}, {"grad_scale": "training only"}),
        ("LinearRegressionOutput", {"grad_scale": "1"}, {"grad_scale": "training only"}),
        ("LogisticRegressionOutput", {"grad_scale": "1"}, {"grad_scale": "training only"}),
        ("SVMOutput", {"margin": "1"}, {"margin": "training only"}),
        ("MakeLoss", {"grad_scale": "1"}, {"grad_scale": "training only"}),
        ("_contrib_gradientmultiplier", {"scalar": "-1"}, {"scalar": "training only"}),
        ("_mul_scalar", {"scalar": "-1"}, {}),
    ],
)
def test_what_has_no_effect(op, attrs, idle):
    assert ineffective(op, attrs) == idle
    node = Node(op, "n", attrs, ())
    effect = Normalizer().spelled(node).effect
    assert [name for name in attrs if f"'{name}'" not in effect] == list(idle)
    assert dict(Normalizer().node(node).attrs).keys() == attrs.keys()
