"""Layers as a tree of the parts of their names: ``stage1_unit2_conv1`` is in ``stage1``, and there in ``unit2``."""

import re
from typing import Dict, List, Optional, Sequence, Tuple

from pytest_mxperf.cost.result import LayerCost

__all__ = ["Branch", "tree_of"]

_SEPARATORS = re.compile(r"[_/.]")


class Branch:
    """One part of layers' names, the branches below it, and its layer if a name ends with it."""

    def __init__(self, name: str, layer: Optional[LayerCost] = None) -> None:
        self.name = name
        self.layer = layer
        self.children: List[Branch] = []

    @property
    def flops(self) -> int:
        """The FLOPs of its layer and of all layers below."""
        return (self.layer.flops if self.layer else 0) + sum(child.flops for child in self.children)


def tree_of(layers: Sequence[LayerCost]) -> Branch:
    """The layers in the graph's order. A branch with one child is joined with it."""
    return _grown("", [(_SEPARATORS.split(layer.name), layer) for layer in layers])


def _grown(name: str, layers: "Sequence[Tuple[List[str], LayerCost]]") -> Branch:
    branch = Branch(name)
    groups: Dict[str, List[Tuple[List[str], LayerCost]]] = {}
    for parts, layer in layers:
        groups.setdefault(parts[0], []).append((parts[1:], layer))
    for head, members in groups.items():
        whole = [Branch(head, layer) for rest, layer in members if not rest]
        longer = [(rest, layer) for rest, layer in members if rest]
        branch.children += whole
        if longer:
            branch.children.append(_joined(_grown(head, longer)))
    return branch


def _joined(branch: Branch) -> Branch:
    if len(branch.children) > 1:
        return branch
    (child,) = branch.children
    child.name = f"{branch.name}_{child.name}"
    return child
