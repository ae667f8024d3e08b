"""When two graphs run alike."""

import pytest

from pytest_mxperf.attributes import Operator, nothing_known
from pytest_mxperf.canonical import _in_order_of_use, fingerprint
from pytest_mxperf.graph import Graph, Node
from pytest_mxperf.spec import InputSpec

INPUTS = {"data": InputSpec((1, 3, 8, 8))}


def variable(name, **attrs):
    return Node("null", name, attrs, ())


def convolution(name, *inputs, **attrs):
    return Node("Convolution", name, {"kernel": "(3, 3)", "num_filter": "4", **attrs}, tuple((at, 0) for at in inputs))


def two_convolutions(prefix="", **attrs):
    """data -> a -> b, each with a weight of its own."""
    nodes = (
        variable("data"),
        variable(f"{prefix}a_weight"),
        convolution(f"{prefix}a", 0, 1),
        variable(f"{prefix}b_weight"),
        convolution(f"{prefix}b", 2, 3, **attrs),
    )
    return Graph(nodes, ((4, 0),))


def same(one, other, inputs=INPUTS, other_inputs=None, operators=nothing_known):
    digests = [
        fingerprint(graph, given, operators=operators)
        for graph, given in ((one, inputs), (other, other_inputs or inputs))
    ]
    return digests[0] == digests[1]


def test_names_do_not_matter():
    assert same(two_convolutions(), two_convolutions("net0_"))


def test_attributes_do():
    assert not same(two_convolutions(), two_convolutions(num_filter="5"))
    assert not same(two_convolutions(), two_convolutions(no_bias="True"))


def test_spelling_and_hidden_attributes_do_not():
    assert same(two_convolutions(kernel="[3,3]"), two_convolutions(kernel="(3L, 3L)", __profiler_scope__="b:"))


def operators(name):
    """As MXNet documents them."""
    arguments = [
        ("dilate", "Shape(tuple), optional, default=[]"),
        ("no_bias", "boolean, optional, default=0"),
        ("workspace", "long (non-negative), optional, default=1024"),
    ]
    return Operator.documented("Convolution", arguments) if name in ("Convolution", "conv") else None


def test_defaults_that_are_written_out_do_not_where_they_are_known():
    written = two_convolutions(dilate="(1, 1)", no_bias="0")
    assert same(two_convolutions(), written, operators=operators)
    assert not same(two_convolutions(), written)
    assert not same(two_convolutions(), two_convolutions(dilate="(2, 2)"), operators=operators)
    assert not same(two_convolutions(), two_convolutions(no_bias="1"), operators=operators)


def test_an_alias_is_its_operator_where_that_is_known():
    def of(op):
        return Graph((variable("data"), Node(op, "a", {}, ((0, 0),))), ((1, 0),))

    assert same(of("conv"), of("Convolution"), operators=operators)
    assert not same(of("conv"), of("Convolution"))


def test_what_reaches_no_inference_on_a_cpu_does_not():
    assert same(two_convolutions(workspace="1"), two_convolutions(workspace="2", cudnn_tune="off"))
    assert not same(two_convolutions(stride="1"), two_convolutions(stride="2"))


def test_the_inputs_shape_and_dtype_do():
    graph = two_convolutions()
    assert not same(graph, graph, INPUTS, {"data": InputSpec((2, 3, 8, 8))})
    assert not same(graph, graph, INPUTS, {"data": InputSpec((1, 3, 8, 8), "float16")})


def test_the_name_of_an_input_does_since_it_says_which_is_which():
    def of(name):
        return Graph((variable("data"), variable(name), convolution("a", 0, 1)), ((2, 0),))

    inputs = {"data": InputSpec((1, 3, 8, 8)), "kernel": InputSpec((4, 3, 3, 3))}
    assert not same(of("kernel"), of("weight"), inputs)


def test_an_order_of_nodes_that_changes_no_wiring_does_not_matter():
    graph = two_convolutions()
    data, a_weight, a, b_weight, b = graph.nodes
    moved = Graph(
        (b_weight, a_weight, data, convolution("a", 2, 1), convolution("b", 3, 0)),
        ((4, 0),),
    )
    assert (a.inputs, b.inputs) == (((0, 0), (1, 0)), ((2, 0), (3, 0)))
    assert same(graph, moved)


def test_a_shared_weight_is_not_two():
    shared = Graph(
        (variable("data"), variable("weight"), convolution("a", 0, 1), convolution("b", 2, 1)),
        ((3, 0),),
    )
    assert not same(two_convolutions(), shared)


def test_two_variables_of_one_name_are_one():
    graph = two_convolutions()
    twice = Graph(
        tuple(variable("weight") if node.name.endswith("weight") else node for node in graph.nodes), graph.heads
    )
    shared = Graph(
        (variable("data"), variable("weight"), convolution("a", 0, 1), convolution("b", 2, 1)),
        ((3, 0),),
    )
    assert same(twice, shared)


def test_what_no_output_depends_on_does_not_matter():
    graph = two_convolutions()
    more = Graph((*graph.nodes, convolution("unread", 4, 3)), graph.heads)
    assert same(graph, more)


def test_which_outputs_are_heads_matters_and_in_which_order():
    graph = two_convolutions()
    assert not same(graph, Graph(graph.nodes, ((4, 0), (2, 0))))
    assert not same(Graph(graph.nodes, ((2, 0), (4, 0))), Graph(graph.nodes, ((4, 0), (2, 0))))
    assert not same(graph, Graph(graph.nodes, ((4, 0), (4, 0))))


def split(*reads, outputs=2, heads=None, numpy_shapes=False, **attrs):
    """data -> SliceChannel, whose outputs are added up; a head is a node, and which of its outputs."""
    nodes = (
        variable("data"),
        Node("SliceChannel", "split", attrs, ((0, 0),), outputs),
        Node("elemwise_sub", "difference", {}, tuple((1, read) for read in reads)),
    )
    return Graph(nodes, heads or ((2, 0),), numpy_shapes)


def test_which_output_of_an_operator_is_read_matters():
    graphs = [split(0, 1), split(1, 0), split(0, 0), split(1, 1)]
    assert len({fingerprint(graph, INPUTS) for graph in graphs}) == 4


def test_how_many_outputs_an_operator_hides_does_not_matter():
    """That of a Pooling says 1 in a file of MXNet 1.2, and 2 in one of 1.9."""
    assert same(split(0, 1, outputs=2), split(0, 1, outputs=3))


def test_which_output_of_an_operator_is_a_head_matters():
    heads = [((1, 0),), ((1, 1),), ((1, 0), (1, 1)), ((1, 1), (1, 0)), ((2, 0),), ((2, 0), (1, 0)), ((2, 0), (1, 1))]
    assert len({fingerprint(split(0, 1, heads=each), INPUTS) for each in heads}) == len(heads)


def test_the_order_of_what_is_read_matters_even_for_a_sum():
    """MXNet fuses a convolution with the sum behind it, and may not care for both places alike."""

    def of(*reads):
        nodes = (variable("data"), Node("sin", "s", {}, ((0, 0),)), Node("cos", "c", {}, ((0, 0),)))
        return Graph((*nodes, Node("elemwise_add", "sum", {}, tuple((at, 0) for at in reads))), ((3, 0),))

    # Not told apart by the order in which nodes are met: both are heads in front of the sum.
    one, other = [Graph(of(*reads).nodes, ((1, 0), (2, 0), (3, 0))) for reads in ((1, 2), (2, 1))]
    assert not same(one, other)


def test_how_shapes_are_meant_matters():
    assert not same(split(0, 1), split(0, 1, numpy_shapes=True))


def test_the_operator_matters():
    def of(op):
        return Graph((variable("data"), Node(op, "a", {}, ((0, 0),))), ((1, 0),))

    assert not same(of("sin"), of("cos"))


def scaled(**attrs):
    """The data times a parameter that declares this of itself."""
    product = Node("broadcast_mul", "m", {}, ((0, 0), (1, 0)))
    return Graph((variable("data"), variable("scale", **attrs), product), ((2, 0),))


def test_declared_shapes_of_parameters_matter():
    assert not same(scaled(__shape__="(1, 3, 1, 1)"), scaled(__shape__="(1, 1, 1, 1)"))
    assert not same(scaled(__shape__="(1, 3, 1, 1)"), scaled())
    assert same(scaled(__shape__="(1, 3, 1, 1)"), scaled(__shape__="[1L,3,1,1]"))


def test_a_shape_that_is_partly_known_says_something():
    assert not same(scaled(__shape__="(0, 10)"), scaled(__shape__="(0, 2000)"))
    assert not same(scaled(__shape__="(0, 10)"), scaled(__shape__="(10, 0)"))
    assert not same(scaled(__shape__="(0, 10)"), scaled())
    assert same(scaled(__shape__="(0, 10)"), scaled(__shape__="(0,10)"))


@pytest.mark.parametrize("open_shape", ["()", "None", ""])
def test_a_shape_of_which_nothing_is_known_does_not_matter(open_shape):
    assert same(scaled(__shape__=open_shape), scaled())


def test_by_numpys_rules_0_is_a_size():
    def of(shape):
        return Graph(scaled(__shape__=shape).nodes, ((2, 0),), numpy_shapes=True)

    assert not same(of("(0, 10)"), of("(-1, 10)"))
    assert not same(of("()"), Graph(scaled().nodes, ((2, 0),), numpy_shapes=True))


def test_what_an_input_declares_of_its_shape_and_dtype_does_not_matter_for_it_is_given():
    def of(**attrs):
        return Graph((variable("data", **attrs), Node("sin", "s", {}, ((0, 0),))), ((1, 0),))

    assert same(of(__shape__="(0, 3, 8, 8)", __dtype__="2"), of())


def test_declared_dtypes_of_parameters_matter():
    assert not same(scaled(__dtype__="2"), scaled(__dtype__="0"))
    assert not same(scaled(__dtype__="0"), scaled())  # which becomes what it is multiplied with
    assert same(scaled(__dtype__="-1"), scaled())


def test_how_a_parameter_is_trained_does_not_matter():
    assert same(scaled(__init__="zeros", __lr_mult__="0"), scaled())


def test_storage_types_of_parameters_and_inputs_matter():
    def of(**attrs):
        return Graph((variable("data", **attrs), Node("sin", "s", {}, ((0, 0),))), ((1, 0),))

    for graph in (scaled, of):
        stored = [graph(), graph(__storage_type__="1"), graph(__storage_type__="2")]
        assert len({fingerprint(each, INPUTS) for each in stored}) == 3
        assert same(graph(__storage_type__="0"), graph())
        assert same(graph(__storage_type__="-1"), graph())


def test_what_is_inferred_of_parameters_stands_for_what_they_declare():
    def digest(graph, declared):
        return fingerprint(graph, INPUTS, declared=declared)

    known = {1: ((1, 3, 1, 1), "float32")}
    one, other = scaled(__shape__="(1, 0, 1, 1)", __dtype__="0"), scaled()
    assert digest(one, known) == digest(other, known)
    assert digest(one, known) != digest(one, {1: ((1, 1, 1, 1), "float32")})
    assert digest(scaled(__storage_type__="1"), known) != digest(other, known)
    # What is given stays as it is given.
    assert digest(one, {**known, 0: "more"}) == digest(one, known)


def twins(first, second, third=None):
    """Two operators that do the same with the same, as if copied, and one that reads both."""
    nodes = (
        variable("data"),
        Node("sin", "a", first, ((0, 0),)),
        Node("sin", "b", second, ((0, 0),)),
        Node("cos", "c", {}, ((1, 0),)),
        Node("cos", "d", third or {}, ((2, 0),)),
        Node("elemwise_add", "sum", {}, ((3, 0), (4, 0))),
    )
    return Graph(nodes, ((5, 0),))


def test_equal_nodes_that_are_spelled_alike_are_computed_once_by_mxnet():
    alike, unlike = twins({"v": "(1,1)"}, {"v": "(1,1)"}), twins({"v": "(1,1)"}, {"v": "(1, 1)"})
    assert not same(alike, unlike)
    assert same(unlike, twins({"v": "[1,1]"}, {"v": "(1, 1)"}))
    assert same(alike, twins({"v": "[1,1]"}, {"v": "[1,1]"}))


def test_so_are_those_that_read_them():
    alike = {"v": "1"}
    assert not same(twins(alike, alike), twins(alike, alike, {"__note__": "another"}))
    # But behind two that are not merged nothing is, however it is spelled.
    assert same(twins(alike, {"v": " 1"}), twins(alike, {"v": " 1"}, {"__note__": "another"}))


def test_nodes_that_do_something_else_with_the_same_are_no_twins():
    def of(**attrs):
        nodes = (variable("data"), Node("sin", "a", attrs, ((0, 0),)), Node("cos", "b", {}, ((0, 0),)))
        return Graph(nodes, ((1, 0), (2, 0)))

    assert same(of(), of(__note__="1"))


def test_nodes_that_read_operators_of_one_spelling_that_do_something_else_are_no_twins():
    """data -> sin and cos, and a tanh behind each of the two."""

    def of(**attrs):
        readers = (Node("tanh", "c", {}, ((1, 0),)), Node("tanh", "d", attrs, ((2, 0),)))
        read = (Node("sin", "a", {}, ((0, 0),)), Node("cos", "b", {}, ((0, 0),)))
        return Graph((variable("data"), *read, *readers), ((3, 0), (4, 0)))

    assert same(of(), of(__note__="1"))


def test_nodes_that_read_different_outputs_are_no_twins():
    def of(first, second):
        nodes = (
            variable("data"),
            Node("SliceChannel", "split", {}, ((0, 0),), 2),
            Node("sin", "a", first, ((1, 0),)),
            Node("sin", "b", second, ((1, 1),)),
        )
        return Graph(nodes, ((2, 0), (3, 0)))

    assert same(of({"v": "1"}, {"v": "1"}), of({"v": "1"}, {"v": " 1"}))


def test_two_variables_of_one_name_make_twins_too():
    def of(name, **attrs):
        nodes = (variable("w"), variable(name), Node("sin", "a", {}, ((0, 0),)), Node("sin", "b", attrs, ((1, 0),)))
        return Graph(nodes, ((2, 0), (3, 0)))

    assert not same(of("w"), of("w", __note__="1"))
    assert same(of("other"), of("other", __note__="1"))


def test_what_a_loop_does_inside_matters():
    def of(op):
        body = Graph((variable("x"), Node(op, "inner", {}, ((0, 0),))), ((1, 0),))
        return Graph((variable("data"), Node("_foreach", "loop", {}, ((0, 0),), 1, (body,))), ((1, 0),))

    assert not same(of("sin"), of("cos"))
    assert same(of("sin"), of("sin"))


def test_which_input_feeds_which_variable_of_a_subgraph_matters():
    def of(first, second):
        nodes = (variable("x"), variable("y"), Node("elemwise_sub", "inner", {}, ((first, 0), (second, 0))))
        loop = Node("_foreach", "loop", {}, ((0, 0), (1, 0)), 1, (Graph(nodes, ((2, 0),)),))
        return Graph((variable("data"), variable("w"), loop), ((2, 0),))

    assert not same(of(0, 1), of(1, 0))


def test_which_output_of_a_subgraph_is_its_head_matters():
    def of(*heads):
        body = Graph((variable("x"), Node("SliceChannel", "inner", {}, ((0, 0),), 2)), heads)
        return Graph((variable("data"), Node("_foreach", "loop", {}, ((0, 0),), 2, (body,))), ((1, 0),))

    assert len({fingerprint(of(*heads), INPUTS) for heads in [((1, 0),), ((1, 1),), ((1, 0), (1, 1)), ((0, 0),)]}) == 4


def test_the_storage_type_within_a_subgraph_matters_and_its_names_do_not():
    def of(name, **attrs):
        body = Graph((variable(name, **attrs), Node("sin", f"{name}_inner", {}, ((0, 0),))), ((1, 0),))
        return Graph((variable("data"), Node("_foreach", "loop", {}, ((0, 0),), 1, (body,))), ((1, 0),))

    assert same(of("x"), of("y"))
    assert same(of("x"), of("data"))
    assert not same(of("x"), of("x", __storage_type__="2"))


def test_the_order_of_subgraphs_matters():
    def of(*ops):
        bodies = tuple(Graph((variable("x"), Node(op, op, {}, ((0, 0),))), ((1, 0),)) for op in ops)
        return Graph((variable("data"), Node("_cond", "branch", {}, ((0, 0),), 1, bodies)), ((1, 0),))

    assert not same(of("sin", "cos"), of("cos", "sin"))


def test_which_of_two_auxiliary_states_is_which_matters():
    def of(*order):
        names = ("data", "gamma", "beta", "mean", "var")
        norm = Node("BatchNorm", "norm", {}, tuple((at, 0) for at in (0, 1, 2, *order)), 3)
        return Graph((*(variable(name) for name in names), norm), ((5, 0), (3, 0)))

    assert not same(of(3, 4), of(4, 3))


def test_a_deep_graph_is_no_recursion():
    nodes = [variable("data"), *(Node("sin", f"s{at}", {}, ((at, 0),)) for at in range(20_000))]
    assert len(fingerprint(Graph(tuple(nodes), ((20_000, 0),)), INPUTS)) == 64


def test_what_is_read_twice_is_described_once():
    """Each of 30 sums adds what is below it to itself: 2 ** 30 ways lead down."""
    nodes = [variable("data"), *(Node("elemwise_add", f"s{at}", {}, ((at, 0), (at, 0))) for at in range(30))]
    graph = Graph(tuple(nodes), ((30, 0), (15, 0)))
    assert _in_order_of_use(graph) == list(range(31))
