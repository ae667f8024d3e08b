"""A computation graph as MXNet's symbol JSON describes it, parsed and validated without MXNet.

The format (nnvm ``saveload_json.cc``) is a list of nodes in execution order. A node has an operator ("null" for a
variable), a name, string attributes and inputs ``[node, output, version]``. Files of 2015 to 2017 keep the attributes
under ``param`` or ``attr``, or both; later ones under ``attrs``.
"""

import gc
import re
from contextlib import contextmanager
from itertools import accumulate
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple, Union

import msgspec

from pytest_mxperf.errors import GraphError

__all__ = [
    "VARIABLE",
    "Checked",
    "Consumer",
    "Entry",
    "Graph",
    "Node",
    "consumers",
    "operators_by_name",
    "place",
    "without_garbage_collection",
]

Entry = Tuple[int, int]
"""One output of one node: the node's index in the graph, and which of its outputs."""


VARIABLE = "null"
"""The operator of a variable. Passes over all nodes compare with it: a call for each takes three times as long."""


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
        return self.op == VARIABLE


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
    def parse_untrusted(cls, text: "str | bytes", *, where: str) -> "Checked":
        """The graph of a symbol JSON, and a JSON of the same for MXNet.

        MXNet's own reader trusts the types, indices and control dependencies that it finds.
        Raises ``GraphError`` that begins with ``where``.
        """
        raw = _decode(text, where)
        graph, attrs = _build(raw, where), _checked_attrs(raw, where)
        is_kept = bool(raw.node_row_ptr) and _is_kept(graph, attrs)
        return Checked(graph, msgspec.json.encode({**_checked(raw), "attrs": attrs}).decode(), is_kept)

    def to_json(self, *, like: Optional[str] = None) -> str:
        """The symbol JSON of the graph, as MXNet 1.9 writes it; or as the MXNet did that wrote another, ``like``."""
        shape_semantics = {"is_np_shape": ["int", 1]} if self.numpy_shapes else {}
        # Without a version MXNet would take the file for one of 2015 and rewrite it.
        attrs = {"mxnet_version": ["int", 10901], **shape_semantics} if like is None else _decode(like, "").attrs
        return msgspec.json.encode({**_raw(self), "attrs": attrs}).decode()


class Checked(NamedTuple):
    """What a file holds."""

    graph: Graph
    json: str
    """For MXNet, with nothing in it that was not checked."""
    is_kept: bool
    """Whether MXNet holds these nodes as they are, if it holds all of them in this order. It upgrades some files."""


_KEPT_SINCE = 905
_UPGRADED = re.compile(r"ctx_group|lr_mult|wd_mult|force_mirroring|mirror_stage|profiler_scope")
"""MXNet renames attributes that begin or end so, or gives them to a variable; not those like ``__lr_mult__``."""


_ESCAPED = re.compile(r'["\\\x00-\x1f]')


def _is_kept(graph: Graph, attrs: Mapping[str, Any]) -> bool:
    """By the upgrades of MXNet 1.6 to 1.9 (``legacy_json_util.cc``). Nobody has looked at those inside a subgraph.

    MXNet also loses what it would have to escape in an attribute's name.
    """
    _, version = attrs.get("mxnet_version", ("int", 0))
    names: Set[str] = set().union(*[node.attrs for node in graph.nodes])
    return (
        version >= _KEPT_SINCE
        and not any(_UPGRADED.search(name) and not re.fullmatch("__.*__", name) for name in names)
        and not any(_ESCAPED.search(name) for name in names)
        and not any(node.subgraphs for node in graph.nodes)
    )


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """A graph is many small objects that all live on: collecting meanwhile finds nothing, and the longer it takes."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class Consumer(NamedTuple):
    """The first operator that reads a node, and at which of its inputs."""

    place: int
    """The operator's index in the graph."""
    node: Node
    position: int


def operators_by_name(nodes: Sequence[Node]) -> Dict[str, List[int]]:
    """Indices of the operators of each name, in order: of a Gluon block that is called twice there are two."""
    found: Dict[str, List[int]] = {}
    for index, node in enumerate(nodes):
        if not node.is_variable:
            found.setdefault(node.name, []).append(index)
    return found


def consumers(graph: Graph) -> Dict[int, Consumer]:
    """By node index, the first operator that reads each node; one that no node reads is missing."""
    found: Dict[int, Consumer] = {}
    for index, node in enumerate(graph.nodes):
        for position, (source, _) in enumerate(node.inputs):
            found.setdefault(source, Consumer(index, node, position))
    return found


class _RawNode(msgspec.Struct, gc=False):
    """What ``attr`` and ``param`` have is moved to ``attrs`` when the node is built; nothing UNSET is written."""

    op: str
    name: str
    inputs: List[List[int]] = []
    attrs: Optional[Dict[str, str]] = None
    attr: Union[Dict[str, str], msgspec.UnsetType, None] = msgspec.UNSET
    param: Union[Dict[str, str], msgspec.UnsetType, None] = msgspec.UNSET
    subgraphs: Union[List["_RawGraph"], msgspec.UnsetType] = msgspec.UNSET


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
    (b"\x00\x05\x16\x07", "it is metadata of macOS (AppleDouble); use the file of the same name without '._'"),
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
    nodes = tuple([_build_node(node, index, counts, where, depth) for index, node in enumerate(raw.nodes)])
    try:
        heads = _entries(raw.heads, counts, len(nodes))
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


def _build_node(node: _RawNode, index: int, counts: "Sequence[Optional[int]]", where: str, depth: int) -> Node:
    try:
        inputs = _entries(node.inputs, counts, index)
    except GraphError as error:
        raise GraphError(f"{place(where, index, node)}: {error}") from None
    if node.attrs is None or node.attr is not msgspec.UNSET or node.param is not msgspec.UNSET:
        node.attrs = {**(node.param or {}), **(node.attr or {}), **(node.attrs or {})}
        node.attr = node.param = msgspec.UNSET
    if not node.subgraphs:
        return Node(node.op, node.name, node.attrs, inputs, counts[index] or 1)
    inside = f"{place(where, index, node)}: subgraph"
    subgraphs = tuple([_build(subgraph, inside, depth + 1) for subgraph in node.subgraphs])
    return Node(node.op, node.name, node.attrs, inputs, counts[index] or 1, subgraphs)


def place(where: str, index: int, node: "Node | _RawNode") -> str:
    """``m-symbol.json: node 3 (Convolution 'conv0')``, as the beginning of a message."""
    op = node.op[:60]
    return f"{where}: node {index} ({op if op.isprintable() else ascii(op)[1:-1]} {node.name[:60]!r})"


def _entries(raw: List[List[int]], counts: "Sequence[Optional[int]]", before: int) -> Tuple[Entry, ...]:
    """The entries, which must be of nodes before the node ``before``. In ``raw`` each gets a version."""
    entries = []
    for entry in raw:
        if len(entry) != 3 or entry[2]:
            _check_version(entry)
        source, output = entry[0], entry[1]
        limit = counts[source] if 0 <= source < len(counts) else 0
        if output < 0 or (limit is not None and output >= limit):
            raise GraphError(f"reads output {output} of node {source}, which does not exist")
        if source >= before:
            raise GraphError("reads a node that does not come before it; the graph has a cycle or is unordered")
        entries.append((source, output))
    return tuple(entries)


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


def _check_version(entry: List[int]) -> None:
    """Adds the version if there is none. It counts how often an auxiliary state was written before."""
    if len(entry) < 2:
        raise GraphError(f"{entry} is not a [node, output] pair")
    version = entry[2] if len(entry) > 2 else 0
    entry[2:] = [version if 0 <= version < 2**31 else 0]


def _checked(raw: _RawGraph) -> Dict[str, Any]:
    """What has been built of the graph, with all that MXNet needs to read."""
    for node in raw.nodes:
        if node.subgraphs:
            node.subgraphs = [_checked(subgraph) for subgraph in node.subgraphs]  # type: ignore[misc]  # to be written
    arg_nodes = [index for index, node in enumerate(raw.nodes) if node.op == VARIABLE]
    return {"nodes": raw.nodes, "arg_nodes": arg_nodes, "heads": raw.heads}


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
