"""The inputs that a graph needs, and what the graph says about their shapes and dtypes."""

import re
from math import prod
from typing import Collection, Dict, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from pytest_mxperf import traits
from pytest_mxperf.cost.params import INPUT_ROLES, Role, assign_roles
from pytest_mxperf.cost.result import Shape
from pytest_mxperf.graph import Consumer, Graph, Node, consumers

__all__ = ["GraphInput", "Partial", "contradictions", "data_of_layers", "find_inputs", "format_partial", "table"]

Partial = Tuple[Optional[int], ...]
"""A shape with some unknown sizes (None)."""

_DTYPES = ("float32", "float64", "float16", "uint8", "int32", "int8", "int64", "bool")
_CHANNELS_LAST = ("NWC", "NHWC", "NDHWC")
_UNKNOWN = None
_FLATTENED = ", or as many numbers in more dimensions"
_LAST = ", behind any dimensions"


class GraphInput(NamedTuple):
    """A variable that is an input, or may be one."""

    name: str
    role: Role
    shape: Optional[Partial]
    """None if even the number of dimensions is unknown."""
    dtype: str
    about: str
    """Which operator reads it, and as what, in words."""
    needed: Optional[Partial] = None
    """The shape that the operator takes. ``shape`` may be another that its variable declares: MXNet ignores that."""
    allowed: str = ""
    """Which other shapes the operator takes, in words."""
    is_inferred: Optional[bool] = None
    """Whether MXNet infers a label's shape from the other inputs. None if it may, and for other inputs."""

    @property
    def is_wanted(self) -> bool:
        """Whether the user has to give it: a label seldom, because MXNet infers most of them."""
        return self.role is not Role.LABEL or self.is_inferred is False

    def __str__(self) -> str:
        return self.name if self.shape is None else f"{self.name} {format_partial(self.shape)}"


def format_partial(shape: Partial) -> str:
    """The shape as text: ``(?, 3, ?, ?)``."""
    sizes = ", ".join("?" if size is None else str(size) for size in shape)
    return f"({sizes},)" if len(shape) == 1 else f"({sizes})"


def find_inputs(
    graph: Graph,
    *,
    auxiliary: Collection[str],
    stored: Optional[Mapping[str, Shape]] = None,
    given: Collection[str] = (),
) -> List[GraphInput]:
    """The variables that are not in the weights, and that no operator is known to read as a weight.

    ``stored`` are the shapes in the ``.params`` file, by name. Without a file, the result may contain parameters that
    neither their operator nor their declaration shows. ``given`` are the inputs that the user gives.
    """
    # Without a file, assume one without arrays: then every variable that is not read as a weight is an input.
    roles = assign_roles(graph, inputs=given, auxiliary=auxiliary, stored=() if stored is None else stored)
    shapes = {**_declared_shapes(graph), **(stored or {})}
    readers = consumers(graph)
    found = []
    for index, role in roles.items():
        node = graph.nodes[index]
        if role in INPUT_ROLES and not (stored is None and _is_parameter(node) and node.name not in given):
            found.append(_input(graph, index, role, readers, shapes))
    return found


def _is_parameter(node: Node) -> bool:
    """Whether the variable is declared as Gluon declares its parameters."""
    return "__init__" in node.attrs or {"__lr_mult__", "__wd_mult__"} <= node.attrs.keys()


def _declared_shapes(graph: Graph) -> Dict[str, Shape]:
    shapes = {node.name: _sizes(node.attrs.get("__shape__", "")) for node in graph.nodes if node.is_variable}
    return {name: shape for name, shape in shapes.items() if shape and min(shape) > 0}


def _sizes(text: str) -> Shape:
    return tuple(map(int, re.findall(r"-?\d+", text)))


def _input(
    graph: Graph, index: int, role: Role, readers: Mapping[int, Consumer], shapes: Mapping[str, Shape]
) -> GraphInput:
    node, reader = graph.nodes[index], readers.get(index)
    shape: Optional[Partial] = tuple(size if size > 0 else None for size in _sizes(node.attrs.get("__shape__", "")))
    dtype, about = _dtype(node), "" if reader is None else f"read by {reader.node.op} {reader.node.name!r}"
    telling = _telling_reader(index, readers)
    known = _Known() if telling is None else _TOLD_BY[telling.node.op](graph, telling, shapes)
    if telling is not None:
        shape, dtype, about = shape or known.shape, dtype or known.dtype, known.about or about
    is_inferred = None
    if role is Role.LABEL and reader is not None:
        is_inferred = _is_inferred(index, readers)
        about = f"label of {reader.node.op} {reader.node.name!r}; {_INFERRED[is_inferred]}"
    return GraphInput(
        *(node.name, role, shape or None, dtype or "float32", about, known.shape, known.allowed, is_inferred)
    )


_INFERRED = {True: "inferred", False: "not inferred, give its shape", None: "often inferred"}


def _is_inferred(index: int, readers: Mapping[int, Consumer]) -> Optional[bool]:
    """Whether MXNet infers a label's shape. Output layers tell it, but not through an operator that changes it."""
    reader = readers.get(index)
    while reader is not None and reader.node.op in traits.CASTS:
        reader = readers.get(reader.place)
    if reader is None:
        return None
    if reader.node.op in traits.LABELLED and reader.position == 1:
        return True
    hides = reader.node.op in traits.MOVING or reader.node.op in (*traits.EMBEDDINGS, "one_hot", "take")
    return False if hides else None


def _dtype(node: Node) -> str:
    flag = node.attrs.get("__dtype__", "")
    return _DTYPES[int(flag)] if flag.isdigit() and int(flag) < len(_DTYPES) else ""


_KEEPING = {
    *(*traits.ACTIVATIONS, *traits.CASTS, *traits.IDENTITIES, *traits.NORMS, *traits.POOLING, "LRN", "Pad"),
    *(f"_{name}_scalar" for name in ("plus", "minus", "rminus", "mul", "div", "rdiv", "power")),
}
"""Operators whose output has as many dimensions and channels as their input."""


def data_of_layers(graph: Graph) -> Set[str]:
    """Names of the variables that layers read as their data, or RNNs as their states: they are inputs for sure."""
    readers = consumers(graph)
    return {
        node.name
        for index, node in enumerate(graph.nodes)
        if node.is_variable and _telling_reader(index, readers) is not None
    }


def _telling_reader(index: int, readers: Mapping[int, Consumer]) -> Optional[Consumer]:
    """The first operator that tells the shape or dtype of the variable. Operators that keep its channels may be before
    it."""
    reader = readers.get(index)
    while reader is not None and reader.position == 0:
        if reader.node.op in _TOLD_BY:
            return reader
        reader = readers.get(reader.place) if reader.node.op in _KEEPING else None
    return reader if reader is not None and reader.node.op == "RNN" else None


class _Known(NamedTuple):
    shape: Optional[Partial] = None
    dtype: str = ""
    about: str = ""
    allowed: str = ""


def _weight(graph: Graph, reader: Consumer, shapes: Mapping[str, Shape]) -> Optional[Shape]:
    if len(reader.node.inputs) < 2:
        return None
    return shapes.get(graph.nodes[reader.node.inputs[1][0]].name)


def _convolved(graph: Graph, reader: Consumer, shapes: Mapping[str, Shape]) -> _Known:
    attrs, weight = reader.node.attrs, _weight(graph, reader, shapes)
    image: Partial = (_UNKNOWN,) * len(_sizes(attrs.get("kernel", "")))
    is_last = attrs.get("layout") in _CHANNELS_LAST
    channels = None
    if weight and len(weight) == len(image) + 2:
        groups = int(attrs.get("num_group", "1"))
        per_group = weight[-1] if is_last else weight[1]
        channels = weight[0] if reader.node.op == "Deconvolution" else per_group * groups
    return _Known((None, *image, channels) if is_last else (None, channels, *image))


def _multiplied(graph: Graph, reader: Consumer, shapes: Mapping[str, Shape]) -> _Known:
    weight = _weight(graph, reader, shapes)
    if not weight or len(weight) != 2:
        return _Known()
    flattens = reader.node.attrs.get("flatten", "True").lower() in ("true", "1")
    more = _FLATTENED if flattens else _LAST
    return _Known((None, weight[1]), "", f"read by {reader.node.op} {reader.node.name!r}{more}", more)


def _looked_up(graph: Graph, reader: Consumer, shapes: Mapping[str, Shape]) -> _Known:
    rows = reader.node.attrs.get("input_dim") or reader.node.attrs.get("depth", "?")
    return _Known(None, "int32", f"indices below {rows}, read by {reader.node.op} {reader.node.name!r}")


def _unrolled(graph: Graph, reader: Consumer, shapes: Mapping[str, Shape]) -> _Known:
    name, attrs = reader.node.name, reader.node.attrs
    if reader.position == 0:
        return _Known((None, None, None), "", f"time, batch and features, read by RNN {name!r}")
    directions = 2 if attrs.get("bidirectional", "False").lower() in ("true", "1") else 1
    layers, size = attrs.get("num_layers", ""), attrs.get("state_size", "")
    if reader.position not in (2, 3) or not (layers.isdigit() and size.isdigit()):
        return _Known()
    return _Known((int(layers) * directions, None, int(size)), "", f"a begin state of RNN {name!r}")


_TOLD_BY = {
    **dict.fromkeys(("Convolution", "Convolution_v1", "Deconvolution"), _convolved),
    "FullyConnected": _multiplied,
    **dict.fromkeys((*traits.EMBEDDINGS, "one_hot"), _looked_up),
    "RNN": _unrolled,
}


def contradictions(inputs: Sequence[GraphInput], given: Mapping[str, Shape]) -> List[str]:
    """Each given shape that contradicts what is known of its input, with a guess at the mistake if one fits."""
    found = [_contradiction(each, given[each.name]) for each in inputs if each.name in given]
    return [text for text in found if text]


def _contradiction(known: GraphInput, given: Shape) -> str:
    if known.needed is not None and not _takes(known.needed, given, known.allowed):
        return f"{known.name} is {given}, the graph needs {format_partial(known.needed)}{known.allowed}" + _guess(
            known.needed, given, known.allowed
        )
    if known.shape is not None and known.shape != known.needed and not _takes(known.shape, given):
        return f"{known.name} is {given}, the graph declares {format_partial(known.shape)}{_guess(known.shape, given)}"
    return ""


def _takes(known: Partial, given: Shape, allowed: str = "") -> bool:
    if allowed == _LAST:
        return given[-1:] == known[-1:]
    if allowed == _FLATTENED:
        return prod(given[1:]) == known[1]
    return len(known) == len(given) and all(size in (None, found) for size, found in zip(known, given))


def _guess(known: Partial, given: Shape, allowed: str = "") -> str:
    """The mistake that makes the given shape of one that fits; empty if none does."""
    begins_with_batch = known[0] is None or len(known) in _LAYOUTS
    batch = 1 if known[0] is None else known[0]
    if begins_with_batch and len(given) == len(known) - 1 and _takes(known, (batch, *given), allowed):
        return ": is the batch missing?"
    layout = _other_layout(known, given)
    return f": is the layout {layout}?" if layout else ""


def _other_layout(known: Partial, given: Shape) -> str:
    """The layout of the given shape, if it fits the graph in the other layout. Only channels tell one from another."""
    if len(known) not in _LAYOUTS or len(given) != len(known):
        return ""
    first, last = _LAYOUTS[len(known)]
    if known[1] is not None and _takes(known, (given[0], given[-1], *given[1:-1])):
        return last
    return first if known[-1] is not None and _takes(known, (given[0], *given[2:], given[1])) else ""


_LAYOUTS = {4: ("NCHW", "NHWC"), 5: ("NCDHW", "NDHWC")}
"""By the number of dimensions: with the channels first, and with the channels last."""


def table(inputs: Sequence[GraphInput]) -> List[str]:
    """A line for each input: name, shape, dtype and which operator reads it."""
    cells = [(each.name, "?" if each.shape is None else format_partial(each.shape), each.dtype) for each in inputs]
    widths = [max(map(len, column)) for column in zip(*cells)]
    return [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), each.about]).rstrip()
        for row, each in zip(cells, inputs)
    ]
