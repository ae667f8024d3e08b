"""What in a graph ends the process, or corrupts its memory, when MXNet runs it. It infers shapes without complaint.

``validate.py`` has what it must not even load. ``mx/overruns.py`` has what depends on the numbers.
"""

from math import prod
from typing import Sequence, Tuple

from pytest_mxperf import traits
from pytest_mxperf.errors import ShapeError
from pytest_mxperf.graph import Entry, Graph, Node

__all__ = [
    "UNCHECKED_NORMS",
    "check_shapes",
    "computes_parameters",
    "divided_integers",
    "norm_parameters",
    "norm_size",
    "overrunning",
]

UNCHECKED_NORMS = traits.BATCH_NORMS - {"_contrib_quantized_batch_norm"} | {"InstanceNorm", "GroupNorm"}
"""What overwrites the shapes of its parameters with the number of channels or groups, and does not check what they were
(``BatchNormShape``, ``InstanceNormShape``, ``GroupNormShape``). More numbers are written beyond its memory, fewer read.
"""


def norm_parameters(node: Node) -> Tuple[Entry, ...]:
    """Gamma, beta and the running statistics of a norm that does not check how many numbers they have."""
    return node.inputs[1:] if node.op in UNCHECKED_NORMS else ()


def norm_size(node: Node, data: Sequence[int]) -> int:
    """How many numbers each parameter of the norm must have, for data of this shape."""
    if node.op == "GroupNorm":
        return int(node.attrs.get("num_groups", "1"))
    axis = int(node.attrs.get("axis", "1"))
    return data[axis] if -len(data) <= axis < len(data) else 0


def computes_parameters(graph: Graph, node: Node) -> bool:
    """Whether an operator computes a parameter of such a norm."""
    return any(not _is_handed_on(graph, entry) for entry in norm_parameters(node))


_PASSES_ON = ("Cast", "amp_cast", "_copy", "BlockGrad")


def _is_handed_on(graph: Graph, entry: Entry) -> bool:
    """Whether it is a variable, or a cast or copy of one."""
    source = graph.nodes[entry[0]]
    while source.op in _PASSES_ON and source.inputs:
        source = graph.nodes[source.inputs[0][0]]
    return source.is_variable


_DIVISIONS = {
    "mean",  # by the number of elements, which is 0 in 8 bits if it is a multiple of 256
    *traits.DIVIDING,
    *("_div", "_Div", "_div_scalar", "_DivScalar", "_rdiv_scalar", "_RDivScalar"),
}


def divided_integers(graph: Graph, dtypes: Sequence[Tuple[str, ...]]) -> Tuple[str, ...]:
    """The nodes that divide integers, each as ``_div_scalar 'half'``: division by 0 ends the process when it runs."""
    return tuple(
        f"{node.op} {node.name[:60]!r}"
        for node, (dtype, *_) in zip(graph.nodes, dtypes)
        if node.op in _DIVISIONS and dtype.startswith(("int", "uint"))
    )


def overrunning(graph: Graph, dtypes: Sequence[Tuple[str, ...]]) -> Tuple[str, ...]:
    """The nodes that write beyond their memory when they run. A trial need not show it."""
    return tuple(
        f"{node.op} {node.name[:60]!r} of {dtype}"
        for node, (dtype, *_) in zip(graph.nodes, dtypes)
        if (node.op, dtype) == ("transpose", "bfloat16")
    )


_KEEP_SIZE = traits.RESHAPES | {"reshape_like"}
_EXACT_IN_FLOAT = 2**24


def check_shapes(graph: Graph, shapes: Sequence[Tuple[Tuple[int, ...], ...]], *, where: str) -> None:
    """Raises ``ShapeError`` where an operator would read or write beyond its memory when it runs.

    One that keeps its elements would have to lose or invent some, or the windows of a pooling be rounded to outside of
    its input. MXNet infers such shapes without complaint.
    """
    for index, node in enumerate(graph.nodes):
        if node.op in _KEEP_SIZE and node.inputs:
            source, output = node.inputs[0]
            before, after = shapes[source][output], shapes[index][0]
            if prod(before) != prod(after):
                raise ShapeError(
                    f"{where}: {node.op} {node.name[:60]!r} cannot make {after} of {before}; "
                    "does the graph hold a batch size other than that of the inputs?"
                )
        elif node.op == "_contrib_AdaptiveAvgPooling2D":
            source, output = node.inputs[0]
            before, after = shapes[source][output], shapes[index][0]
            if max((size * other for size, other in zip(before[2:], after[2:])), default=0) > _EXACT_IN_FLOAT:
                raise ShapeError(
                    f"{where}: {node.op} {node.name[:60]!r} cannot make {after} of {before}: MXNet computes its windows"
                    f" in float32, which is not exact where input size x output size is over {_EXACT_IN_FLOAT:,}"
                )
