"""Which rule counts which operator. Each operator that MXNet registers has one rule or is uncounted.

To add an operator, write a function in ``formulas/`` and decorate it::

    @formula("Convolution", "Convolution_v1")
    def convolution(op: Call) -> OpCost: ...

If it computes nothing that counts, name it in a ``free("why", "Reshape", ...)``.
"""

import math
from typing import Callable, Dict, Mapping, NamedTuple, Optional, Tuple

from pytest_mxperf.cost.result import OpCost, Shape
from pytest_mxperf.errors import GraphError

__all__ = ["UNCOUNTABLE", "Call", "Formula", "Rule", "formula", "free", "rule_for", "size"]

UNCOUNTABLE: Dict[str, str] = {
    "Custom": "computes in Python",
    "_CustomFunction": "computes in Python",
    "_NDArray": "computes in Python",
    "_Native": "computes in Python",
    "_CachedOp": "hides a graph that the symbol does not contain",
    "_CachedOpThreadSafe": "hides a graph that the symbol does not contain",
}
"""Operators that no rule can count because their computation is not in the graph. They are always reported."""


class Call(NamedTuple):
    """One operator node as a formula sees it: its attributes, and the shapes of its inputs and outputs."""

    op: str
    attrs: Mapping[str, str]
    inputs: Tuple[Shape, ...]
    outputs: Tuple[Shape, ...]

    @property
    def output_size(self) -> int:
        """Elements of the first output."""
        return size(self.outputs[0])

    @property
    def input_size(self) -> int:
        """Elements of the first input."""
        return size(self.inputs[0])

    def text(self, name: str, default: str) -> str:
        return self.attrs.get(name, default)

    def flag(self, name: str, default: bool = False) -> bool:
        """A boolean attribute. MXNet writes it as ``True``, ``true`` or ``1``."""
        return self.attrs[name].lower() in ("true", "1") if name in self.attrs else default

    def integer(self, name: str, default: int) -> int:
        return self._number(name, self.attrs[name]) if name in self.attrs else default

    def integers(self, name: str) -> Tuple[int, ...]:
        """A tuple attribute: ``(3, 3)``, ``[3,3]`` or ``3``. Empty if it is absent or ``None``."""
        text = self.attrs.get(name, "").strip("()[] ")
        if text in ("", "None"):
            return ()
        return tuple(self._number(name, part) for part in text.split(",") if part.strip())

    def axis(self, default: int) -> int:
        """The ``axis`` attribute as an index into the first input's shape, counted from the front."""
        rank = len(self.inputs[0])
        axis = self.integer("axis", default)
        if not -rank <= axis < rank:
            raise GraphError(f"{self.op}: axis={axis} does not exist in shape {self.inputs[0]}")
        return axis % rank

    def rows(self, default: Optional[int] = -1) -> Tuple[int, int]:
        """The number of vectors along ``axis`` in the first input, and their length. Without an axis it is one vector.

        >>> Call("softmax", {"axis": "0"}, ((2, 5),), ((2, 5),)).rows()
        (5, 2)
        """
        if self.attrs.get("axis", str(default)) == "None":
            return 1, self.input_size
        length = self.inputs[0][self.axis(-1 if default is None else default)]
        return self.input_size // length if length else 0, length

    def _number(self, name: str, text: str) -> int:
        try:
            return int(text.strip().rstrip("L"))  # Python 2 wrote longs as 3L
        except ValueError:
            raise GraphError(f"{self.op}: attribute {name}={self.attrs[name]!r} is not a whole number") from None


Formula = Callable[[Call], OpCost]
"""A rule: what one execution of an operator costs."""


class Rule(NamedTuple):
    """How an operator is counted. ``free_because`` says why an operator costs nothing."""

    formula: Formula
    free_because: Optional[str] = None


_RULES: Dict[str, Rule] = {}


def formula(*operators: str) -> Callable[[Formula], Formula]:
    """Registers the decorated function for these operators."""

    def register(function: Formula) -> Formula:
        for operator in operators:
            _add(operator, Rule(function))
        return function

    return register


def free(because: str, *operators: str) -> None:
    """Registers operators that cost nothing, with the reason."""
    for operator in operators:
        _add(operator, Rule(lambda op: OpCost(), because))


def _add(operator: str, rule: Rule) -> None:
    if operator in _RULES:
        raise ValueError(f"operator {operator!r} already has a rule")
    _RULES[operator] = rule


def rule_for(operator: str) -> Optional[Rule]:
    return _RULES.get(operator)


def size(shape: Shape) -> int:
    """The number of elements of a tensor."""
    return math.prod(shape)
