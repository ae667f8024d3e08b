"""How baselines and their graphs are laid out as text: for the person who reviews a change of one.

One layer and one node take a line each, so that a layer that was widened is a line in a diff.
"""

import json
from typing import Any, Dict, List

import msgspec

from pytest_mxperf.errors import BaselineError

__all__ = ["graph_text", "lined"]

_CONSTANT = "Constant_"
"""How the initializer of a Gluon ``Constant`` begins, which is what tells that it does not train."""
_SHORT = 60
"""Characters of an initializer. Longer ones hold the numbers themselves."""


def lined(document: Dict[str, Any]) -> bytes:
    """JSON with its keys in the order given, and a line for each item of what stands at the top.

    Lists of plain values stay on one line.
    """
    entries = [f"  {_inline(name)}: {_expanded(value)}" for name, value in document.items()]
    return "{{\n{}\n}}\n".format(",\n".join(entries)).encode()


def _expanded(value: Any) -> str:
    if isinstance(value, dict) and value:
        return _block("{}", [f"{_inline(name)}: {_inline(item)}" for name, item in value.items()])
    if isinstance(value, (list, tuple)) and any(isinstance(item, (dict, list)) for item in value):
        return _block("[]", [_inline(item) for item in value])
    return _inline(value)


def _block(brackets: str, lines: List[str]) -> str:
    body = ",\n".join(f"    {line}" for line in lines)
    return f"{brackets[0]}\n{body}\n  {brackets[1]}"


def _inline(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def graph_text(symbol_json: str) -> str:
    """A symbol JSON, one node a line, without what only training reads. MXNet loads it as it loads the original.

    Laying out what is laid out already changes nothing. Raises ``BaselineError`` for what is not a symbol JSON.
    """
    try:
        symbol = msgspec.json.decode(symbol_json, type=Dict[str, Any])
        return lined({**_reviewable(symbol), "attrs": symbol.get("attrs", {})}).decode()
    except (msgspec.DecodeError, KeyError, AttributeError, TypeError) as error:
        raise BaselineError(f"the graph cannot be stored, it is not a symbol JSON: {error}") from None


def _reviewable(graph: Dict[str, Any]) -> Dict[str, Any]:
    """The graph, or a subgraph, in MXNet's order of keys."""
    kept: Dict[str, Any] = {name: graph[name] for name in ("arg_nodes", "node_row_ptr", "heads") if name in graph}
    return {"nodes": [_node(node) for node in graph["nodes"]], **kept}


def _node(node: Dict[str, Any]) -> Dict[str, Any]:
    attrs = node.get("attrs") or {}
    if node["op"] == "null":
        attrs = _of_variable(attrs)
    return {
        "op": node["op"],
        "name": node["name"],
        **({"attrs": dict(sorted(attrs.items()))} if attrs else {}),
        "inputs": node["inputs"],
        **({"subgraphs": [_reviewable(subgraph) for subgraph in node["subgraphs"]]} if node.get("subgraphs") else {}),
    }


def _of_variable(attrs: Dict[str, str]) -> Dict[str, str]:
    """Without its initializer and its learning rate, if only training depends on them.

    Such attributes decide whether it is a parameter, and whether it trains (``cost.params``).
    """
    kept = dict(attrs)
    initializer = kept.pop("__init__", None)
    if initializer is not None and initializer.startswith(_CONSTANT):
        kept["__init__"] = _CONSTANT
    elif initializer is not None and "__shape__" not in attrs:
        kept["__init__"] = initializer[:_SHORT]
    if "__shape__" in attrs:
        for name in ("__lr_mult__", "__wd_mult__"):
            if _is_one(kept.get(name, "")):
                del kept[name]
    return kept


def _is_one(value: str) -> bool:
    try:
        return float(value) == 1
    except ValueError:
        return False
