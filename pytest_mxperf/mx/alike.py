"""Whether two networks run alike, so that timing them could only show noise."""

from typing import Dict, Mapping, NamedTuple, Tuple

from pytest_mxperf.canonical import fingerprint
from pytest_mxperf.errors import MxperfError
from pytest_mxperf.graph import Graph
from pytest_mxperf.mx.analysis import analyse
from pytest_mxperf.mx.model import model_from_json
from pytest_mxperf.mx.operators import operator
from pytest_mxperf.spec import InputSpec

__all__ = ["Written", "run_alike"]


class Written(NamedTuple):
    """A network as text: the JSON of its symbol, and the shapes and dtypes of its inputs."""

    name: str
    symbol_json: str
    inputs: Mapping[str, InputSpec]


def run_alike(one: Written, other: Written) -> bool:
    """Whether the two graphs are equal, except for names and spelling. Raises ``GraphError`` if one is no graph.

    Shapes and dtypes that variables declare may differ if MXNet infers the same. It infers them only if nothing else
    differs. So an unchanged network costs a comparison of bytes, and a changed one little more.
    """
    if one[1:] == other[1:]:
        return True
    graphs = [Graph.parse(each.symbol_json, where=each.name) for each in (one, other)]
    pairs = list(zip(graphs, (one.inputs, other.inputs)))
    if _are_equal([fingerprint(graph, inputs, operators=operator) for graph, inputs in pairs]):
        return True
    undeclared = [fingerprint(graph, inputs, operators=operator, declared={}) for graph, inputs in pairs]
    return _are_equal(undeclared) and _are_inferred_alike(one, other)


def _are_equal(digests: "list[str]") -> bool:
    return digests[0] == digests[1]


def _are_inferred_alike(one: Written, other: Written) -> bool:
    try:
        return _are_equal([_inferred(each) for each in (one, other)])
    except MxperfError:
        return False  # the error comes again when the network is timed


def _inferred(network: Written) -> str:
    analysis = analyse(model_from_json(*network))
    declared: Dict[int, Tuple[object, ...]] = {
        index: (analysis.inference.shapes[index], analysis.inference.dtypes[index])
        for index, node in enumerate(analysis.graph.nodes)
        if node.is_variable
    }
    return fingerprint(analysis.graph, network.inputs, operators=operator, declared=declared)
