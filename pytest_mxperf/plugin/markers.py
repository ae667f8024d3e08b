"""Reads the markers of a test."""

import inspect
import os
from functools import partial
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Tuple

import pytest

from pytest_mxperf.errors import UsageError, did_you_mean, shown
from pytest_mxperf.gate.finding import Verdict
from pytest_mxperf.gate.limits import Ceiling, Growth, parse_budget, parse_growth
from pytest_mxperf.gate.own_metrics import Metric, quantities
from pytest_mxperf.gate.policy import PolicyAction, parse_policies
from pytest_mxperf.neighbours import is_file
from pytest_mxperf.plugin import MARKERS, is_registered
from pytest_mxperf.spec import Checkpoint, ModelSpec

__all__ = [
    "budget_of",
    "check_names",
    "growths_of",
    "is_gated",
    "model_of",
    "policy_of",
]


def is_gated(node: "pytest.Item | pytest.Collector") -> bool:
    """Whether a marker gives the test a gate."""
    return any(node.get_closest_marker(name) for name in ("mxperf_budget", "mxperf_baseline"))


def _closest_first(item: pytest.Item, name: str) -> List[pytest.Mark]:
    """The test's markers of this name in pytest's order, except that a class's own come before those that it inherits.

    pytest lists a base class's markers first, so a subclass could not overrule them.
    """
    markers: List[pytest.Mark] = []
    for node in reversed(item.listchain()):
        own = (mark for mark in node.own_markers if mark.name == name)
        markers += sorted(own, key=partial(_generation, node))
    return markers


def _generation(node: object, mark: pytest.Mark) -> int:
    """From how many steps up a class inherits the marker; 0 if it is the class's own."""
    ancestry = node.obj.__mro__ if isinstance(node, pytest.Class) else ()
    for generation, cls in enumerate(ancestry):
        marks = vars(cls).get("pytestmark", [])
        if any(getattr(own, "mark", own) is mark for own in (marks if isinstance(marks, list) else [marks])):
            return generation
    return 0


def model_of(item: pytest.Item, given: object = None) -> ModelSpec:
    """The test's model, from a parametrized ``mxperf_model`` or else from the marker.

    ``given`` is the parameter: a ``ModelSpec``, a mapping of the marker's arguments, or a source for the marker's other
    arguments. Raises ``UsageError``, which names the test.
    """
    check_names(item)
    if isinstance(given, ModelSpec):
        return given.under(item.config.rootpath)
    where = "mxperf_model"
    marker = next(iter(_closest_first(item, "mxperf_model")), None)
    arguments: Dict[str, Any] = {} if marker is None else _bind(marker, where)
    if isinstance(given, Mapping):
        arguments.update(given)
    elif given is not None:
        if marker is None:
            raise UsageError(
                f"{where}: the fixture gives {shown(given)}, without inputs; let it return ModelSpec.parse(...)"
            )
        arguments["source"] = given
    elif marker is None:
        raise UsageError(
            f"{where}: no model; mark the test with "
            '@pytest.mark.mxperf_model("PREFIX", inputs={"data": (1, 3, 224, 224)}) or override the fixture'
        )
    spec = _spec(arguments, root=item.config.rootpath, where=where)
    _check_root(item, arguments["source"], spec, where)
    return spec


def _check_root(item: pytest.Item, source: object, spec: ModelSpec, where: str) -> None:
    """Refuses a path that starts at the test's folder, or above pytest's root directory."""
    if not isinstance(spec.source, Checkpoint) or not isinstance(source, (str, Path)):
        return
    root = item.config.rootpath
    if is_file(spec.source.symbol_path):
        return
    for folder in (item.path.parent, *root.parents):
        if is_file(Checkpoint.at(folder / source, 0).symbol_path):
            raise UsageError(
                f"{where}: no model {str(source)!r} in pytest's root directory, {root}, where paths start; write "
                f"{os.path.relpath(folder / source, root)!r}, or put a pytest.ini into {folder}"
            )


def check_names(item: pytest.Item) -> None:
    """Refuses a misspelt marker. pytest only warns of it, and the test would pass without its gate."""
    for name in {mark.name for mark in item.iter_markers()}.difference(MARKERS):
        is_like_ours = name.startswith("mx") and did_you_mean(name, MARKERS, alike=_SURELY)
        if (is_like_ours or name.startswith("mxperf_")) and not is_registered(name, item.config):
            hint = did_you_mean(name, MARKERS)
            known = f"{hint}known: {', '.join(MARKERS)}; a marker of your own must be registered"
            raise UsageError(f"unknown marker {name!r}; {known}")


_SURELY = 0.85
"""How like one of ours a name must be that begins with mx: mxpref_budget is, the user's own mxnet_model is not."""


def _bind(marker: pytest.Mark, where: str) -> Dict[str, Any]:
    if len(marker.args) > 1:
        raise UsageError(f"{where}: takes one positional argument, the model; got {len(marker.args)}")
    return {**({"source": marker.args[0]} if marker.args else {}), **marker.kwargs}


def _spec(arguments: Dict[str, Any], *, root: Path, where: str) -> ModelSpec:
    unknown = next((name for name in arguments if name not in _TAKEN.parameters), None)
    if unknown is not None:
        hint = did_you_mean(unknown, _TAKEN.parameters)
        raise UsageError(f"{where}: unknown argument {unknown!r}; {hint}known: {', '.join(_TAKEN.parameters)}")
    try:
        _TAKEN.bind(**arguments)
    except TypeError as error:
        raise UsageError(f"{where}: {error}; it takes {', '.join(_TAKEN.parameters)}") from None
    return ModelSpec.parse(**arguments, root=root, where=where)


def _spec_arguments(
    source: object,
    inputs: object,
    epoch: object = 0,
    name: Optional[str] = None,
    run_as: object = None,
    example: object = None,
    params: object = None,
    shapes: object = None,
    output: object = (),
) -> None:
    """Its signature is that of the marker ``mxperf_model``."""


_TAKEN = inspect.signature(_spec_arguments)


def budget_of(item: pytest.Item, own: Mapping[str, Metric]) -> Dict[str, Ceiling]:
    """The ceilings by metric. Raises ``UsageError``, which names the test and the argument."""
    where = "mxperf_budget"
    budget = parse_budget(_keywords(item, "mxperf_budget"), where=where, own=quantities(own))
    if not budget and item.get_closest_marker("mxperf_budget") is not None:
        raise UsageError(f'{where}: sets no ceiling; write it like mxperf_budget(macs="1.82 G")')
    return budget


def growths_of(item: pytest.Item, own: Iterable[str]) -> Tuple[Growth, ...]:
    """The allowed growth over the stored baseline, and over each other model. Empty without the marker.

    A marker with ``against`` does not take the place of one without. Raises ``UsageError``, which names the test and
    the argument.
    """
    where = "mxperf_baseline"
    found: List[Dict[str, object]] = []
    for keywords in _each_keywords(item, "mxperf_baseline"):
        other = keywords.get("against")
        same = next((each for each in found if _is_same(each.get("against"), other)), None)
        if same is None:
            found.append(dict(keywords))
        else:
            same.update({**keywords, **same})
    found.sort(key=lambda each: each.get("against") is not None)
    return tuple(parse_growth(keywords, where=where, own=own) for keywords in found)


def _is_same(source: object, other: object) -> bool:
    """Whether both are one path, or one object. Symbols cannot be compared."""
    return source is other or (isinstance(source, (str, Path)) and isinstance(other, (str, Path)) and source == other)


def _keywords(item: pytest.Item, name: str) -> Dict[str, object]:
    """The keyword arguments of all markers of this name. The marker closest to the test wins."""
    keywords: Dict[str, object] = {}
    for each in _each_keywords(item, name):
        keywords = {**each, **keywords}
    return keywords


def _each_keywords(item: pytest.Item, name: str) -> Iterator[Mapping[str, object]]:
    """Those of each marker, the closest first. Raises ``UsageError`` for others than keywords."""
    for marker in _closest_first(item, name):
        if marker.args:
            raise UsageError(f"{name}: takes keyword arguments only, got {shown(marker.args[0])}")
        yield marker.kwargs


def policy_of(item: pytest.Item) -> Dict[Verdict, PolicyAction]:
    """The policy in the test's markers. The marker closest to the test wins. Raises ``UsageError``."""
    where = "mxperf_policy"
    actions: Dict[Verdict, PolicyAction] = {}
    for marker in reversed(_closest_first(item, "mxperf_policy")):
        if marker.args:
            raise UsageError(f"{where}: takes keyword arguments only, as in uncounted='warn'")
        actions.update(parse_policies(marker.kwargs, where=where))
    return actions
