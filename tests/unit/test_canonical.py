"""When two graphs run alike."""

from pytest_mxperf.canonical import fingerprint
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


def same(one, other, inputs=INPUTS, other_inputs=None):
    return fingerprint(one, inputs) == fingerprint(other, other_inputs or inputs)


def test_names_do_not_matter():
    assert same(two_convolutions(), two_convolutions("net0_"))


def test_attributes_do():
    assert not same(two_convolutions(), two_convolutions(num_filter="5"))
    assert not same(two_convolutions(), two_convolutions(no_bias="True"))


def test_spaces_in_shapes_and_hidden_attributes_do_not():
    assert same(two_convolutions(kernel="(3,3)"), two_convolutions(kernel="(3, 3)", __profiler_scope__="b:"))


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


def test_which_outputs_are_heads_matters():
    graph = two_convolutions()
    assert not same(graph, Graph(graph.nodes, ((4, 0), (2, 0))))


def test_declared_shapes_and_dtypes_of_parameters_matter_unless_they_are_open():
    def of(**attrs):
        return Graph(
            (variable("data"), variable("scale", **attrs), Node("broadcast_mul", "m", {}, ((0, 0), (1, 0)))), ((2, 0),)
        )

    assert not same(of(__shape__="(1, 3, 1, 1)"), of(__shape__="(1, 1, 1, 1)"))
    assert not same(of(__dtype__="2"), of(__dtype__="0"))
    assert same(of(__shape__="(1, 0, 1, 1)"), of())
    assert same(of(__init__="zeros", __lr_mult__="0"), of())


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


def test_a_deep_graph_is_no_recursion():
    nodes = [variable("data"), *(Node("sin", f"s{at}", {}, ((at, 0),)) for at in range(20_000))]
    assert len(fingerprint(Graph(tuple(nodes), ((20_000, 0),)), INPUTS)) == 64
