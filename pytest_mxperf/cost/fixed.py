"""Operators whose attributes fix a size that should follow the inputs, such as a reshape to a certain batch."""

from typing import Dict, List, Mapping, NamedTuple, Sequence, Set, Tuple

from pytest_mxperf import traits
from pytest_mxperf.cost.registry import Call
from pytest_mxperf.cost.result import Shape
from pytest_mxperf.errors import GraphError
from pytest_mxperf.graph import Graph, Node

__all__ = ["Fixed", "first_sizes", "fixed_nodes", "written_nodes", "written_sizes"]

_ATTRIBUTES = ("shape", "newshape")


class Fixed(NamedTuple):
    """An operator whose output has a fixed size in this dimension, independent of its input."""

    node: Node
    position: int
    size: int

    def __str__(self) -> str:
        return f"{self.node.op} {self.node.name!r} with {self.text} always makes dimension {self.position} {self.size}"

    @property
    def text(self) -> str:
        """The attribute with the size, as the graph has it."""
        return next(f"{name}={self.node.attrs[name]}" for name in _ATTRIBUTES if name in self.node.attrs)

    @property
    def remedy(self) -> str:
        """How to write the size so that it follows the operator's input."""
        if self.node.op not in (*traits.RESHAPES, "broadcast_to"):
            return ""
        keep = -2 if self.node.op == "_npx_reshape" else -1 if self.node.op == "_np_reshape" else 0
        return f"; with {keep} there it follows its input"


def written_sizes(node: Node) -> Dict[int, int]:
    """The sizes in the operator's ``shape``, by dimension of its output. They end at a code for several dimensions."""
    if node.is_variable or node.attrs.get("reverse", "").lower() in ("true", "1"):
        return {}
    sizes: Dict[int, int] = {}
    for position, size in enumerate(_target(node)):
        if size < -1:
            break
        if size > 0:
            sizes[position] = size
    return sizes


def _target(node: Node) -> Tuple[int, ...]:
    call = Call(node.op, node.attrs, (), ())
    try:
        return next(filter(None, map(call.integers, _ATTRIBUTES)), ())
    except GraphError:  # a user's own operator may use the attribute for something else
        return ()


def written_nodes(graph: Graph) -> List[Fixed]:
    """Every operator with a size in its ``shape``, and the first of these sizes."""
    found = ((node, written_sizes(node)) for node in graph.nodes)
    return [Fixed(node, *next(iter(sizes.items()))) for node, sizes in found if sizes]


def first_sizes(graph: Graph) -> Dict[int, Fixed]:
    """The first operator for each size that attributes give to the first dimension, which may be a batch."""
    found: Dict[int, Fixed] = {}
    for each in written_nodes(graph):
        if each.position == 0:
            found.setdefault(each.size, each)
    return found


def fixed_nodes(graph: Graph, shapes: Mapping[int, Sequence[Tuple[Shape, ...]]]) -> List[Fixed]:
    """Operators whose input follows the axis and whose output has a fixed size instead.

    ``shapes`` are those of all nodes, by size of the axis.
    """
    found = []
    for index, node in enumerate(graph.nodes):
        sizes = written_sizes(node) if node.inputs else {}
        if not sizes:
            continue
        source, output = node.inputs[0]
        read = {size: known[source][output] for size, known in shapes.items()}
        put_out = {size: known[index][0] for size, known in shapes.items()}
        lost = set() if _equal(put_out) else _following(read)
        found += [Fixed(node, position, sizes[position]) for position in sorted(lost & sizes.keys())]
    return found


def _equal(shapes: Mapping[int, Shape]) -> Set[int]:
    """The dimensions that have the size of the axis, for all its sizes."""
    rank = min(map(len, shapes.values()))
    return {place for place in range(rank) if all(shape[place] == size for size, shape in shapes.items())}


def _following(shapes: Mapping[int, Shape]) -> Set[int]:
    """The dimensions that follow the axis. The first one may be a multiple: the batch and another dimension in one."""
    found = _equal(shapes)
    if all(shape and shape[0] % size == 0 for size, shape in shapes.items()):
        multiples = {shape[0] // size for size, shape in shapes.items()}
        found |= {0} if len(multiples) == 1 else set()
    return found
