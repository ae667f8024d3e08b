"""What budgets and baselines allow, parsed from the arguments of their markers."""

from fractions import Fraction
from types import MappingProxyType
from typing import Dict, Iterable, Mapping, NamedTuple

from pytest_mxperf.errors import UsageError, did_you_mean, shown
from pytest_mxperf.gate.metrics import BUDGETS, IF_ASKED, TOLERANCE_FROM, WALL_TIMES
from pytest_mxperf.quantities import LARGEST, Quantity, is_in_bytes, parse_fraction, parse_quantity, unit_of

__all__ = [
    "KNOWN_METRICS",
    "Ceiling",
    "Growth",
    "parse_budget",
    "parse_difference",
    "parse_differences",
    "parse_growth",
    "parse_tolerances",
]

# What a baseline compares only if it is asked for, since it has to be measured.
_MEASURED = (*IF_ASKED, "rss", "latency", *WALL_TIMES)
_OTHER_ARGUMENTS = ("weights", "against")
KNOWN_METRICS = frozenset((*BUDGETS, *TOLERANCE_FROM, *_MEASURED, *_OTHER_ARGUMENTS))
"""The arguments of the markers, without those of other plugins."""
_OF_BASELINES = {metric.replace("wall_", "latency_"): metric for metric in WALL_TIMES}
"""What a budget calls ``latency_p50`` is ``wall_p50`` in a baseline, where ``latency`` is timed side by side."""
_NO_OWN: Mapping[str, Quantity] = MappingProxyType({})
_USUAL_WEIGHTS = Fraction(1, 4)
"""How much slower than synthetic weights real ones may be. Subnormal numbers cost 150 to 400%."""
_BYTES_OF = {"params": "param_bytes"}
_LARGEST_DIFFERENCE = 10**12  # which every float has room for


class Ceiling(NamedTuple):
    """A count, bytes or seconds, and the unit that it is written in."""

    limit: Fraction
    unit: str = ""


class Growth(NamedTuple):
    """What ``mxperf_baseline`` asks for: allowed growth by metric, over the stored baseline or another model."""

    allowed: Dict[str, Fraction]
    against: object = None
    """The source of the other model."""


def parse_growth(arguments: Mapping[str, object], *, where: str, own: Iterable[str] = ()) -> Growth:
    """``macs="5%"`` and the like, and perhaps ``against``. Raises ``UsageError`` that begins with ``where``.

    ``own`` are the metrics that other plugins add.
    """
    keywords = dict(arguments)
    against = keywords.pop("against", None)
    if against is None:
        return Growth(parse_tolerances(keywords, where=where, own=own))
    if not keywords:
        raise UsageError(f'{where}: names the other model, but no limit; add latency="-30%" or macs="0%", for example')
    return Growth(parse_differences(keywords, where=where, own=own), against)


def parse_budget(
    arguments: Mapping[str, object], *, where: str, own: Mapping[str, Quantity] = _NO_OWN
) -> Dict[str, Ceiling]:
    """Ceilings by metric, from ``macs="1.82 G"`` and the like. Raises ``UsageError`` that begins with ``where``.

    ``own`` are the metrics that other plugins add.
    """
    known = {**BUDGETS, **own}
    _reject_unknown(arguments, known, where)
    return {
        name: Ceiling(_parse_limit(value, known[name], f"{where}: {name}"), unit_of(value))
        for name, value in arguments.items()
    }


def _parse_limit(value: object, unit: Quantity, where: str) -> Fraction:
    name = where.rpartition(" ")[2]
    if unit is Quantity.COUNT and is_in_bytes(value) and unit_of(value) != "B":  # which may mean billions
        instead = _BYTES_OF.get(name)
        hint = f"for bytes give {instead}" if instead else f"write it like {unit.value!r}"
        raise UsageError(f"{where}: {shown(value)} is in bytes, but {name} is a count; {hint}")
    limit = parse_quantity(value, unit, where=where)
    if limit > LARGEST:
        raise UsageError(f"{where}: {shown(value)} limits nothing; write at most {LARGEST:.1e}")
    return limit


def parse_tolerances(arguments: Mapping[str, object], *, where: str, own: Iterable[str] = ()) -> Dict[str, Fraction]:
    """Allowed growth by metric, from ``macs="5%"`` and the like. Raises ``UsageError`` that begins with ``where``.

    Every cost metric is compared: ``macs`` and ``params`` exactly unless given, ``flops`` as ``macs`` and
    ``param_bytes`` as ``params`` unless given. Latency is compared only if it is given, and with it how fast the
    model's own weights are, unless ``weights`` says otherwise: True, False or a tolerance.
    """
    others = {name: value for name, value in arguments.items() if name != "weights"}
    given = {**_differences(others, where, own), **_weights(arguments, where)}
    for name, tolerance in given.items():
        if tolerance < 0:
            raise UsageError(
                f"{where}: {name}: {shown(arguments[name])} is negative; a baseline allows growth from 0% up"
            )
    zero = Fraction(0)
    costs = {
        name: given.get(name, given.get(leader, zero) if leader else zero) for name, leader in TOLERANCE_FROM.items()
    }
    return {**costs, **given}


def _weights(arguments: Mapping[str, object], where: str) -> Dict[str, Fraction]:
    asked = arguments.get("weights", "latency" in arguments)
    if isinstance(asked, bool):
        return {"weights": _USUAL_WEIGHTS} if asked else {}
    return {"weights": parse_difference(asked, where=f"{where}: weights")}


def parse_differences(arguments: Mapping[str, object], *, where: str, own: Iterable[str] = ()) -> Dict[str, Fraction]:
    """Allowed differences from another model, of those metrics only that are given: "-30%" asks for that much less.

    Raises ``UsageError`` that begins with ``where``.
    """
    if "weights" in arguments:
        raise UsageError(f"{where}: weights= is for a stored baseline; with against= it has no meaning")
    differences = _differences(arguments, where, own)
    for name in WALL_TIMES:
        if name in differences:
            raise UsageError(f"{where}: {name}= is for a stored baseline; with against=, give latency=")
    return differences


def _differences(arguments: Mapping[str, object], where: str, own: Iterable[str]) -> Dict[str, Fraction]:
    _reject_unknown(arguments, (*TOLERANCE_FROM, *_MEASURED, *_OTHER_ARGUMENTS, *own), where)
    return {name: parse_difference(value, where=f"{where}: {name}") for name, value in arguments.items()}


def parse_difference(value: object, *, where: str) -> Fraction:
    """How much more may be than there was, from "5%" and the like; "-30%" asks for that much less.

    Raises ``UsageError`` that begins with ``where``, also for what no model can be: less than nothing, or nothing.
    """
    difference = parse_fraction(value, where=where)
    if difference <= -1:
        raise UsageError(f"{where}: {shown(value)} would leave nothing; write a difference above -100%")
    if difference > _LARGEST_DIFFERENCE:
        raise UsageError(
            f"{where}: {shown(value)} limits nothing; write a difference up to {_LARGEST_DIFFERENCE:.0e} times"
        )
    return difference


def _reject_unknown(arguments: Mapping[str, object], known: Iterable[str], where: str) -> None:
    known = list(known)
    for name in arguments:
        if name not in known:
            hint = did_you_mean(_OF_BASELINES.get(name, name), known)
            raise UsageError(f"{where}: unknown argument {name!r}; {hint}known: {', '.join(known)}")
