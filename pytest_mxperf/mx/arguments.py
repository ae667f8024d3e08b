"""The arguments that a Gluon net is called with: the place of each input, and lists of states."""

import inspect
import re
from typing import Any, Callable, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Union

from pytest_mxperf.errors import UsageError
from pytest_mxperf.mx.runtime import mx

__all__ = ["Argument", "arguments", "continued", "filled", "left_out", "miscounted", "surplus"]

Argument = Union[None, str, List[Any]]
"""An input's name; None if the argument is left out; a list of arguments if the net takes a list of arrays."""


_GENERIC_CALLS = (mx.gluon.Block.__call__, mx.gluon.HybridBlock.__call__)
"""A net with another ``__call__`` says there what it takes."""


class _Signature(NamedTuple):
    names: Tuple[str, ...]
    required: int = 0
    """How many of ``names`` have no default."""
    rest: Optional[str] = None
    """The name of ``*args``, if the net takes any number of arguments."""
    states: Optional[int] = None
    """How many states follow the first argument as a list. None if the net does not say."""


def arguments(net: Any, names: Sequence[str], where: str) -> "List[Argument]":
    """The given names in the order of the net's arguments. Raises ``UsageError`` for names that it does not take.

    ``data0``, ``data1`` and so on go by place, as in an export. ``states[0]``, ``states[1]`` make a list. The states of
    a recurrent layer or cell may have any names: they follow its first input.
    """
    signature = _signature(net)
    exported = ["data"] if len(names) == 1 else [f"data{index}" for index in range(len(names))]
    own = signature.names + ((signature.rest,) if signature.rest else ())
    unknown = [name for name in names if _split(name)[0] not in own]
    if unknown and signature.states and len(names) == 1 + signature.states and set(names) != set(exported):
        return [names[0], list(names[1:])]
    if unknown and set(names) != set(exported):
        besides = f"; its {signature.states} states follow, by any names" if signature.states else ""
        raise UsageError(
            f"{where}: {type(net).__name__} has no input {unknown[0]!r}; name its inputs {', '.join(own)} or "
            f"{', '.join(exported)}{besides or _as_list(unknown[0], own, len(names))}"
        )
    about = f"{where}: {type(net).__name__}"
    found = _by_place(signature, exported) if unknown else _by_name(signature, own, names, about)
    _check_states(signature, found, about)
    return [*found, *[None] * (signature.required - len(found))]


def _as_list(unknown: str, own: Sequence[str], count: int) -> str:
    """How to name the arrays of a list: ``states0`` seems to mean ``states[0]``, as do more names than arguments."""
    head = re.sub(r"_?\d+$", "", unknown)
    if head not in own and count > len(own) > 0:
        head = own[-1]
    return f"; if {head} is a list of arrays, name them {head}[0], {head}[1]" if head in own else ""


def continued(given: "Sequence[Argument]") -> "Iterator[str]":
    """The name that would come next in each list of ``given``: ``states[1]`` after ``states[0]``."""
    for argument in given:
        if isinstance(argument, list):
            yield from continued(argument)
            last = re.fullmatch(r"(.*?)(\d+)(\]?)", argument[-1]) if isinstance(argument[-1], str) else None
            yield from [f"{last[1]}{int(last[2]) + 1}{last[3]}"] if last else []


def surplus(net: Any, given: "Sequence[Argument]") -> str:
    """That the net takes fewer inputs than were given, if their names by place made a list of the last ones."""
    names, lists = _signature(net).names, [each for each in given if isinstance(each, list)]
    count = sum(len(each) if isinstance(each, list) else 1 for each in given)
    return f"takes {len(names)} input{'s' * (len(names) != 1)} ({', '.join(names)}), got {count}" if lists else ""


def miscounted(model: Any, count: int) -> "Optional[Sequence[str]]":
    """The names of all that a block or a function takes, if it cannot be called with so many arguments, or None."""
    if isinstance(model, mx.gluon.Block) and type(model).__call__ in _GENERIC_CALLS:
        signature = _signature(model)
    else:
        try:
            signature = _of_parameters(list(inspect.signature(model).parameters.values()))
        except (TypeError, ValueError):  # a function of C
            return None
    fits = signature.required <= count and (signature.rest or count <= len(signature.names))
    return None if fits else signature.names


def left_out(net: Any, given: "Sequence[Argument]") -> "List[str]":
    """The names of the net's arguments for which ``given`` has None."""
    return [name for name, argument in zip(_signature(net).names, given) if argument is None]


def filled(argument: Argument, value: Callable[[str], Any]) -> Any:
    """The argument with a value in place of each name."""
    if isinstance(argument, list):
        return [filled(each, value) for each in argument]
    return None if argument is None else value(argument)


def _by_place(signature: _Signature, names: "List[str]") -> "List[Argument]":
    """The names in order, as Gluon flattens the arguments of a call. Surplus names form a list at the end."""
    if signature.states is not None and len(names) == 1 + signature.states:
        return [names[0], names[1:]] if signature.states else [names[0]]
    count = len(signature.names)
    if signature.rest or len(names) <= count or not count:
        return list(names)
    return [*names[: count - 1], names[count - 1 :]]


def _by_name(signature: _Signature, own: Sequence[str], names: Sequence[str], where: str) -> "List[Argument]":
    places = [(*_split(name), name) for name in names]
    last = max(own.index(head) for head, _, _ in places)
    found: List[Argument] = []
    for argument in own[: last + 1]:
        here = [(indices, name) for head, indices, name in places if head == argument]
        value = _nested(argument, here, where)
        found.extend(value if argument == signature.rest and isinstance(value, list) else [value])
    return found


def _check_states(signature: _Signature, found: "List[Argument]", where: str) -> None:
    """Raises ``UsageError`` for a wrong number of states. MXNet would make parameters of missing states."""
    states = found[1] if len(found) > 1 else None
    given = len(states) if isinstance(states, list) else 1
    if signature.states is not None and states is not None and given != signature.states:
        listed = ", ".join(f"{signature.names[1]}[{index}]" for index in range(signature.states))
        raise UsageError(f"{where} takes {signature.states} states and got {given}; give {listed}")


def _nested(argument: str, places: "List[Tuple[Tuple[int, ...], str]]", where: str) -> Argument:
    """One argument as nested lists of names: ``x``, ``x[0]`` and ``x[1][0]`` say where a name goes."""
    if not places:
        return None
    if len(places) == 1 and not places[0][0]:
        return places[0][1]
    firsts = sorted({indices[0] for indices, _ in places if indices})
    if any(not indices for indices, _ in places):
        raise UsageError(f"{where}: {argument} is given both as one array and as a list of arrays")
    missing = sorted(set(range(firsts[-1])) - set(firsts))
    if missing:
        raise UsageError(f"{where}: {argument}[{missing[0]}] is missing; {argument} is a list of arrays")
    return [
        _nested(f"{argument}[{first}]", [(rest[1:], name) for rest, name in places if rest[0] == first], where)
        for first in firsts
    ]


def _split(name: str) -> "Tuple[str, Tuple[int, ...]]":
    """``states[0][1]`` as ``states`` and its indices."""
    found = re.fullmatch(r"(\w+)((?:\[\d{1,4}\])+)", name)
    return (found.group(1), tuple(int(index) for index in re.findall(r"\d+", found.group(2)))) if found else (name, ())


def _signature(net: Any) -> _Signature:
    if isinstance(net, mx.gluon.SymbolBlock):
        names = tuple(symbol.name for symbol in net._cached_graph[0])
        return _Signature(names, len(names))
    is_hybrid = isinstance(net, mx.gluon.HybridBlock)
    hybrid = is_hybrid and type(net).hybrid_forward is not mx.gluon.HybridBlock.hybrid_forward
    parameters = list(inspect.signature(net.hybrid_forward if hybrid else net.forward).parameters.values())
    # hybrid_forward takes F first, and the block's own parameters by keyword.
    taken = [p for p in parameters[1 if hybrid else 0 :] if p.name not in net._reg_params]
    return _of_parameters(taken)._replace(states=_number_of_states(net))


def _of_parameters(taken: Sequence[inspect.Parameter]) -> _Signature:
    names = tuple(p.name for p in taken if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD))
    required = sum(p.default is p.empty for p in taken if p.name in names)
    return _Signature(names, required, next((p.name for p in taken if p.kind is p.VAR_POSITIONAL), None))


def _number_of_states(net: Any) -> "Optional[int]":
    """Of Gluon's own recurrent layers and cells. None for other nets."""
    if not isinstance(net, (mx.gluon.rnn.RecurrentCell, mx.gluon.rnn.rnn_layer._RNNLayer)):
        return None
    try:
        return len(net.state_info(1))
    except Exception:  # a cell of the user's own, or one without children yet
        return None
