"""What MXNet infers without complaint, and dies of when it runs."""

import pytest

from pytest_mxperf.errors import ShapeError
from pytest_mxperf.graph import Graph, Node
from pytest_mxperf.hazards import check_shapes

DATA = Node("null", "data", {}, ())


def graph_of(op, attrs=None):
    return Graph((DATA, Node(op, "it", attrs or {}, ((0, 0),))), heads=((1, 0),))


def test_the_windows_of_a_pooling_must_be_exact():
    """4096 x 4096 is 2^24, up to which every whole number is one of float32."""
    graph = graph_of("_contrib_AdaptiveAvgPooling2D", {"output_size": "(1, 4096)"})
    check_shapes(graph, [((1, 4, 8, 4096),), ((1, 4, 1, 4096),)], where="here")
    with pytest.raises(ShapeError, match=r"AdaptiveAvgPooling2D 'it' cannot make .* over 16,777,216"):
        check_shapes(graph, [((1, 4, 8, 4097),), ((1, 4, 1, 4096),)], where="here")


def test_reshaping_keeps_the_number_of_elements():
    """256 elements do not become 4; MXNet infers that without complaint, and dies when it runs."""
    graph = graph_of("Reshape")
    check_shapes(graph, [((1, 4, 8, 8),), ((4, 64),)], where="here")
    with pytest.raises(ShapeError, match=r"here: Reshape 'it' cannot make \(2, 2\) of \(1, 4, 8, 8\); .*batch size"):
        check_shapes(graph, [((1, 4, 8, 8),), ((2, 2),)], where="here")
