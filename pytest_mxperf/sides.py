"""Two models that are compared, old and new: which of them an error is about, and how to give that one its own."""

import re
from typing import Callable, List, Sequence, TypeVar

from pytest_mxperf.errors import MxperfError, ShapeError, about

__all__ = ["SIDES", "advice", "behind", "in_own", "of_each"]

SIDES = ("_old", "_new")
"""Endings of the names of what is given for either model: ``inputs_new``, ``--input-new``."""

_T = TypeVar("_T")
_S = TypeVar("_S")


def of_each(function: Callable[[_S], _T], models: Sequence[_S]) -> List[_T]:
    """The function's value for each model. If it fails for one of two only, the error says for which."""
    found: List[_T] = []
    errors: List[MxperfError] = []
    for model, side in zip(models, SIDES if len(models) > 1 else ("",)):
        try:
            with about(side):
                found.append(function(model))
        except MxperfError as error:
            errors.append(error)
    if len(errors) > 1:
        errors[0].side = ""
    if errors:
        raise errors[0]
    return found


_ADVISED = re.compile(r"\bin (?:inputs|shapes)\b|\boutput=")


def advice(error: MxperfError) -> str:
    """How to give inputs to one model alone, if that is what the error is about and it does not say so itself."""
    if not error.side:
        return ""
    if "the graph has no input " in str(error):
        (other,) = set(SIDES) - {error.side}
        return f"{behind(error)} what only the other model takes goes in inputs{other}"
    if isinstance(error, ShapeError) and not _ADVISED.search(str(error)):
        return f"{behind(error)} give this model inputs of its own in inputs{error.side}"
    return ""


def behind(error: MxperfError) -> str:
    """What separates the error from advice: a question needs nothing."""
    return "" if str(error).endswith("?") else ";"


def in_own(error: MxperfError) -> str:
    """The message with the arguments of functions that are for this side alone: ``inputs_new``, ``epoch_new``."""
    message = re.sub(r"\b(give (?:its|their) shapes?|batch) in inputs\b", rf"\1 in inputs{error.side}", str(error))
    return re.sub(r"\bgive one as the epoch\b", f"give one as epoch{error.side}", message) + advice(error)
