"""A computation graph as MXNet's symbol JSON describes it, parsed and validated without MXNet.

The format (nnvm ``saveload_json.cc``) is a list of nodes in execution order. A node has an operator ("null" for a
variable), a name, string attributes and inputs ``[node, output, version]``. Files of 2015 to 2017 keep the attributes
under ``param`` or ``attr``, or both; later ones under ``attrs``.
"""

from itertools import accumulate
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import msgspec

from pytest_mxperf.errors import GraphError

__all__ = ["Consumer", "Entry", "Graph", "Node", "consumers"]

Entry = Tuple[int, int]
"""One output of one node: the node's index in the graph, and which of its outputs."""


class Node(msgspec.Struct, frozen=True, gc=False):
    """One operator or variable; ``output_count`` includes outputs that MXNet hides, such as BatchNorm's mean."""

    op: str
    name: str
    attrs: Mapping[str, str]
    inputs: Tuple[Entry, ...]
    output_count: int = 1
    subgraphs: Tuple["Graph", ...] = ()

    @property
    def is_variable(self) -> bool:
        return self.op == "null"


class Graph(msgspec.Struct, frozen=True):
    """Nodes in execution order (inputs before their users), and the entries that are the graph's outputs."""

    nodes: Tuple[Node, ...]
    heads: Tuple[Entry, ...]
    numpy_shapes: bool = False
    """Whether 0 is a real dimension and () a scalar's shape (``mx.npx.set_np``), rather than "unknown"."""

    @classmethod
    def parse(cls, text: "str | bytes", *, where: str) -> "Graph":
        """The graph of a symbol JSON. Raises ``GraphError`` that begins with ``where`` if it is not one."""
        return _build(_decode(text, where), where)

    @classmethod
    def parse_untrusted(cls, text: "str | bytes", *, where: str) -> Tuple["Graph", str]:
        """The graph of a symbol JSON, and a JSON of the same for MXNet, with nothing in it that was not checked.

        MXNet's own reader trusts the types, indices and control dependencies that it finds.
        Raises ``GraphError`` that begins with ``where``.
        """
        raw = _decode(text, where)
        graph = _build(raw, where)
        return graph, msgspec.json.encode({**_checked(raw), "attrs": _checked_attrs(raw, where)}).decode()

    def to_json(self, *, like: Optional[str] = None) -> str:
        """The symbol JSON of the graph, as MXNet 1.9 writes it; or as the MXNet did that wrote another, ``like``."""
        shape_semantics = {"is_np_shape": ["int", 1]} if self.numpy_shapes else {}
        # Without a version MXNet would take the file for one of 2015 and rewrite it.
        attrs = {"mxnet_version": ["int", 10901], **shape_semantics} if like is None else _decode(like, "").attrs
        return msgspec.json.encode({**_raw(self), "attrs": attrs}).decode()


class Consumer(NamedTuple):
    """The first operator that reads a node, and at which of its inputs."""

    place: int
    """The operator's index in the graph."""
    node: Node
    position: int


def consumers(graph: Graph) -> Dict[int, Consumer]:
    """By node index, the first operator that reads each node; one that no node reads is missing."""
    found: Dict[int, Consumer] = {}
    for index, node in enumerate(graph.nodes):
        for position, (source, _) in enumerate(node.inputs):
            found.setdefault(source, Consumer(index, node, position))
    return found


class _RawNode(msgspec.Struct):
    op: str
    name: str
    inputs: List[List[int]] = []
    attrs: Optional[Dict[str, str]] = None
    attr: Optional[Dict[str, str]] = None
    param: Optional[Dict[str, str]] = None
    subgraphs: List["_RawGraph"] = []


class _RawGraph(msgspec.Struct):
    nodes: List[_RawNode]
    heads: List[List[int]]
    node_row_ptr: List[int] = []
    attrs: Dict[str, Any] = {}


def _decode(text: "str | bytes", where: str) -> _RawGraph:
    try:
        return msgspec.json.decode(text, type=_RawGraph)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise GraphError(f"{where}: not an MXNet symbol JSON: {_foreign(text) or error}") from None


_FOREIGN = (  # how such a file begins, what it is, what to do
    (b"version https://git-lfs", "it is a Git LFS pointer; run: git lfs pull"),
    (b"\x00\x05\x16\x07", "it is metadata of macOS (AppleDouble); use its namesake without '._'"),
    (b"<", "it is a web page or XML; download the file itself"),
    (b"\x12\x01\0\0\0\0\0\0", "it is a .params file; give the symbol, or the prefix of both"),
)


def _foreign(text: "str | bytes") -> str:
    head = text[:64].encode() if isinstance(text, str) else text[:64]
    if not head.strip():
        return "it is empty; copy or download it again"
    return next((what for prefix, what in _FOREIGN if head.startswith(prefix)), "")


_DEEPEST_SUBGRAPH = 10


def _build(raw: _RawGraph, where: str, depth: int = 0) -> Graph:
    if depth > _DEEPEST_SUBGRAPH:
        raise GraphError(f"{where}: graphs are nested more than {_DEEPEST_SUBGRAPH} deep")
    if not raw.nodes or not raw.heads:
        raise GraphError(f"{where}: a symbol without {'nodes' if not raw.nodes else 'outputs'}")
    counts = _output_counts(raw, where)
    nodes = tuple([_build_node(raw, index, counts, where, depth) for index in range(len(raw.nodes))])
    try:
        heads = tuple([_entry(head, counts, len(nodes)) for head in raw.heads])
    except GraphError as error:
        raise GraphError(f"{where}: the graph's outputs: {error}") from None
    numpy_shapes = raw.attrs.get("is_np_shape") == ["int", 1]
    return Graph(nodes, heads, numpy_shapes)


def _output_counts(raw: _RawGraph, where: str) -> "Sequence[Optional[int]]":
    """Outputs per node; None where a file of before 2017 does not tell, which MXNet rewrites when it loads it."""
    pointers = raw.node_row_ptr
    if not pointers:
        return [None] * len(raw.nodes)
    counts = [after - before for before, after in zip(pointers, pointers[1:])]
    if len(counts) != len(raw.nodes) or min(counts) < 1:
        raise GraphError(f"{where}: node_row_ptr does not fit the {len(raw.nodes)} nodes")
    return counts


def _build_node(raw: _RawGraph, index: int, counts: "Sequence[Optional[int]]", where: str, depth: int) -> Node:
    node = raw.nodes[index]
    try:
        inputs = tuple([_entry(entry, counts, index) for entry in node.inputs])
    except GraphError as error:
        raise GraphError(f"{_place(where, index, node)}: {error}") from None
    return Node(
        node.op,
        node.name,
        _merged_attrs(node),
        inputs,
        counts[index] or 1,
        tuple([_build(subgraph, f"{_place(where, index, node)}: subgraph", depth + 1) for subgraph in node.subgraphs]),
    )


def _merged_attrs(node: _RawNode) -> Dict[str, str]:
    attrs = node.attrs or {}
    if node.param:
        return {**node.param, **(node.attr or {}), **attrs}
    return {**node.attr, **attrs} if node.attr else attrs


def _place(where: str, index: int, node: _RawNode) -> str:
    return f"{where}: node {index} ({node.op[:60]} {node.name[:60]!r})"


def _entry(entry: List[int], counts: "Sequence[Optional[int]]", before: int) -> Entry:
    """The entry, which must be of a node in front of the node ``before``."""
    if len(entry) < 2:
        raise GraphError(f"{entry} is not a [node, output] pair")
    source, output = entry[0], entry[1]
    limit = counts[source] if 0 <= source < len(counts) else 0
    if output < 0 or (limit is not None and output >= limit):
        raise GraphError(f"reads output {output} of node {source}, which does not exist")
    if source >= before:
        raise GraphError("reads a node that does not come before it; the graph has a cycle or is unordered")
    return source, output


def _raw(graph: Graph) -> Dict[str, Any]:
    return {
        "nodes": [
            {
                "op": node.op,
                "name": node.name,
                "attrs": node.attrs,
                "inputs": [[source, output, 0] for source, output in node.inputs],
                **({"subgraphs": [_raw(subgraph) for subgraph in node.subgraphs]} if node.subgraphs else {}),
            }
            for node in graph.nodes
        ],
        "arg_nodes": [index for index, node in enumerate(graph.nodes) if node.is_variable],
        "node_row_ptr": list(accumulate((node.output_count for node in graph.nodes), initial=0)),
        "heads": [[source, output, 0] for source, output in graph.heads],
    }


def _checked(raw: _RawGraph) -> Dict[str, Any]:
    return {
        "nodes": [
            {
                "op": node.op,
                "name": node.name,
                "attrs": _merged_attrs(node),
                "inputs": [_checked_entry(entry) for entry in node.inputs],
                **({"subgraphs": [_checked(subgraph) for subgraph in node.subgraphs]} if node.subgraphs else {}),
            }
            for node in raw.nodes
        ],
        "arg_nodes": [index for index, node in enumerate(raw.nodes) if node.op == "null"],
        "heads": [_checked_entry(entry) for entry in raw.heads],
    }


def _checked_entry(entry: List[int]) -> List[int]:
    """With its version, which counts how often an auxiliary state was written before."""
    version = entry[2] if len(entry) > 2 else 0
    return [entry[0], entry[1], version if 0 <= version < 2**31 else 0]


def _checked_attrs(raw: _RawGraph, where: str) -> Dict[str, Any]:
    """What MXNet reads of the graph's attributes; without a version the file is one of 2015, to be upgraded."""
    attrs: Dict[str, Any] = {}
    for name, largest in (("mxnet_version", 999_999), ("is_np_shape", 1)):
        if name not in raw.attrs:
            continue
        value = raw.attrs[name]
        is_integer = isinstance(value, list) and len(value) == 2 and value[0] == "int" and type(value[1]) is int
        if not is_integer or not 0 <= value[1] <= largest:
            raise GraphError(f"{where}: the graph's attribute {name} is {str(value)[:60]}, not like ['int', 1]")
        attrs[name] = value
    return attrs
