"""The user's own rules: for operators of a library, and for operators written in Python.

A model that uses such a rule has a convention of its own, so its baseline is never compared with other rules' numbers.
"""

from typing import Callable, Dict, Mapping, Optional, Sequence, TypeVar

from pytest_mxperf.cost.registry import UNCOUNTABLE, Call, Formula, rule_for
from pytest_mxperf.cost.result import CONVENTION, OpCost
from pytest_mxperf.errors import GraphError, UsageError, shown, told

__all__ = ["convention_with", "formula", "own_cost", "own_name"]

_CUSTOM = "Custom"
_RULES: Dict[str, Formula] = {}
_Formula = TypeVar("_Formula", bound=Formula)
"""The decorated function stays what it is."""


def formula(*operators: str, override: bool = False) -> Callable[[_Formula], _Formula]:
    """Registers the decorated function as the cost of these operators, in a conftest.py or a module of mxperf_imports.

    The function takes a ``Call`` (attributes and shapes) and returns the ``OpCost`` of one execution. Name an operator
    written in Python by its registered ``op_type``. ``override`` replaces an existing rule.

    Raises ``UsageError`` for an operator that has a rule already, unless ``override`` is given.
    """

    def register(function: _Formula) -> _Formula:
        for name in operators:
            if not override and not _is_again(name, function) and (name in _RULES or rule_for(name) is not None):
                raise UsageError(f"formula: {name} has a rule already; formula({name!r}, override=True) replaces it")
            if name in UNCOUNTABLE:
                raise UsageError(f"formula: {name} {UNCOUNTABLE[name]}; name the op_type that it is registered under")
            _RULES[name] = function
        return function

    return register


def _is_again(name: str, function: Formula) -> bool:
    """Whether this is the operator's present rule, from a module that was imported again."""
    known = _RULES.get(name)
    return known is not None and (known.__module__, known.__qualname__) == (function.__module__, function.__qualname__)


def own_name(op: str, attrs: Mapping[str, str]) -> Optional[str]:
    """The name under which the user has registered a rule for the operator. None without a rule."""
    name = attrs.get("op_type", "") if op == _CUSTOM else op
    return name if name in _RULES else None


def own_cost(name: str, call: Call) -> OpCost:
    """The cost by the user's rule. Raises ``GraphError`` if the rule raises, or returns no cost."""
    try:
        cost = _RULES[name](call)
    except (Exception, SystemExit) as error:
        raise GraphError(f"the formula of {name} failed: {told(error)}") from error
    if not isinstance(cost, OpCost):
        raise GraphError(f"the formula of {name} returned {shown(cost)}, which is not an OpCost")
    return cost


def convention_with(names: Sequence[str]) -> str:
    """The convention of a model that is counted with these rules of the user's own too."""
    return "+".join([CONVENTION, *sorted(set(names))])
