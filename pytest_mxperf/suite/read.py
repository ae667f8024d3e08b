"""Reads ``mxperf.toml``: each model with its gates and its line."""

import os
import re
import shlex
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Sequence, Tuple

import msgspec

from pytest_mxperf.baseline.store import is_safe
from pytest_mxperf.checkpoints import matching
from pytest_mxperf.errors import UsageError, did_you_mean, listed
from pytest_mxperf.gate.limits import parse_budget, parse_growth
from pytest_mxperf.gate.metrics import LATENCIES, WALL_TIMES
from pytest_mxperf.gate.policy import parse_policies
from pytest_mxperf.spec import ModelSpec
from pytest_mxperf.suite.document import BLANK, Defaults, Input, Model
from pytest_mxperf.suite.lines import Lines

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["FILE_NAME", "Entry", "is_suite", "read_suite"]

FILE_NAME = "mxperf.toml"
_UNKNOWN = {"data": ((1,), "float32")}
"""In place of inputs that are to be filled in, to check the rest of the model."""
_SYMBOL = "-symbol.json"
_VARIABLE = re.compile(r"\$\{(\w+)\}|\$(\w+)|\$\$")
_MERGED = ("budget", "baseline", "policy")
"""A model's own keys in these tables are added to the defaults."""


_TAG = re.compile(r"(?!(?:and|or|not|True|False|None)\Z)[^\W\d_][\w.-]*\Z", re.ASCII)
_NOT_TAGS = ("filterwarnings", "parametrize", "skip", "skipif", "tryfirst", "trylast", "usefixtures", "xfail")


class Entry(NamedTuple):
    """One model of the file."""

    name: str
    """The name of the test: ``resnet18``, or ``faces[arcface_r50]`` for a model that a pattern found."""
    model: Dict[str, Any]
    """The arguments of ``ModelSpec.parse``. Paths are absolute."""
    budget: Dict[str, Any]
    baselines: Tuple[Dict[str, Any], ...]
    """The arguments of each ``mxperf_baseline``: for the stored baseline, for another model, or for both."""
    policy: Dict[str, str]
    tags: Tuple[str, ...]
    is_timed: bool
    """Whether a gate, or ``benchmark = true``, needs the wall time of forward passes."""
    where: str
    """The place for messages: ``mxperf.toml:7``."""
    line: int
    problem: str = ""
    """Which inputs or sizes are still to be filled in. The other models of the file can be judged."""

    def spec(self) -> ModelSpec:
        """The model's ``ModelSpec``. Raises ``UsageError``."""
        return ModelSpec.parse(**self.model, where=self.where)


def is_suite(path: Path) -> bool:
    """Whether a file of this name holds models."""
    return path.name == FILE_NAME or path.name.endswith(f".{FILE_NAME}")


def read_suite(path: Path, environ: Mapping[str, str] = os.environ) -> List[Entry]:
    """All models of the file, in its order. Raises ``UsageError`` with file and line for every fault."""
    try:
        text = path.read_text(encoding="utf-8-sig")  # some editors begin a file with a byte order mark
        raw = tomllib.loads(text)
    except OSError as error:
        hint = "; mxperf init FOLDER writes a first one" if isinstance(error, FileNotFoundError) else ""
        raise UsageError(f"{path}: cannot be read: {error.strerror}{hint}") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not a TOML file: {error}") from None
    return _Suite(path, raw, Lines(text, tomllib.loads), environ).entries()


class _Suite:
    def __init__(self, path: Path, raw: Dict[str, Any], lines: Lines, environ: Mapping[str, str]) -> None:
        self._path = path
        self._raw = raw
        self._lines = lines
        self._environ = environ

    def entries(self) -> List[Entry]:
        for key in self._raw:
            if key not in ("models", "defaults"):
                raise self._error((key,), f"unknown table {key!r}; known: defaults, models.NAME")
        defaults = self._table(("defaults",), self._raw.get("defaults", {}))
        self._converted(("defaults",), defaults, Defaults)
        models = self._table(("models",), self._raw.get("models", {}))
        if not models:
            raise UsageError(f"{self._path}: no models; a table [models.NAME] describes one")
        entries = [entry for name in models for entry in self._entries(name, models[name], defaults)]
        names = [entry.name for entry in entries]
        for entry in entries:
            if names.count(entry.name) > 1:
                raise UsageError(f"{entry.where}: two models are called {entry.name!r}")
        return entries

    def _entries(self, name: str, raw: Any, defaults: Dict[str, Any]) -> Iterator[Entry]:
        path = ("models", name)
        model = self._converted(path, _merged(defaults, self._table(path, raw)), Model)
        for source, title in self._sources(path, name, model):
            yield self._entry(path, source, title, model)

    def _sources(self, path: Tuple[str, ...], name: str, model: Model) -> List[Tuple[Path, str]]:
        """The path, without an ending, and the name of each model that the source or pattern stands for."""
        if (model.source is None) == (model.glob is None):
            raise self._error(path, 'needs source = "PREFIX" or glob = "PATTERN", one of the two')
        if model.source is not None:
            if not model.source:
                raise self._error((*path, "source"), "source is empty; give the prefix of a checkpoint")
            return [(self._place(path, "source", model.source), name)]
        found = matching(self._filled(path, "glob", str(model.glob)), self._path.parent.absolute())
        if not found:
            raise self._error((*path, "glob"), f"{model.glob!r} finds no {_SYMBOL} file")
        return [(Path(each), f"{name}[{Path(each).name}]") for each in found]

    def _entry(self, path: Tuple[str, ...], source: Path, title: str, model: Model) -> Entry:
        line = self._lines.of(*path)
        where = f"{self._path}:{line}"
        name = source.name if model.glob else path[-1]
        arguments: Dict[str, Any] = {
            "source": str(source),
            "inputs": {key: self._input(path, key, value) for key, value in model.inputs.items()} or _UNKNOWN,
            "epoch": model.epoch,
            "name": re.sub(r"(-symbol)?\.json\Z", "", name),
            "params": None if model.params is None else str(self._place(path, "params", model.params)),
            "shapes": {key: tuple(shape) for key, shape in model.shapes.items()} or None,
            "output": tuple(model.output) if isinstance(model.output, list) else model.output,
            "run_as": model.run_as,
            "example": None if model.example is None else str(self._place(path, "example", model.example)),
        }
        baselines = tuple(self._baselines(path))
        timed = {*LATENCIES, *WALL_TIMES} & {*model.budget, *(metric for each in baselines for metric in each)}
        entry = Entry(
            title,
            arguments,
            dict(model.budget),
            baselines,
            model.policy,
            tuple(dict.fromkeys(model.tags)),
            bool(timed) or model.benchmark,
            where,
            line,
            self._blank(path, model, f"{title} has no inputs: mxperf inputs {shlex.quote(str(source))} shows them"),
        )
        self._check(path, entry)
        return entry

    def _baselines(self, path: Tuple[str, ...]) -> Iterator[Dict[str, Any]]:
        """The defaults' table and the model's own: merged, unless one is about another model and the other is not."""
        own, usual = self._raw["models"][path[-1]].get("baseline"), self._raw.get("defaults", {}).get("baseline")
        if own is False:
            return
        tables = [dict(each) if isinstance(each, dict) else {} for each in (usual, own) if each not in (None, False)]
        if not tables:
            return
        if len({"against" in each for each in tables}) == 1:
            tables = [{key: value for each in tables for key, value in each.items()}]
        for table in sorted(tables, key=lambda each: "against" in each):
            if "against" in table:
                if not isinstance(table["against"], str):
                    raise self._error((*path, "baseline"), f"against = {table['against']!r}: expected a path")
                table["against"] = str(self._place((*path, "baseline"), "against", table["against"]))
            yield table

    def _blank(self, path: Tuple[str, ...], model: Model, without_inputs: str) -> str:
        """What is to be filled in, with its place; empty if nothing is."""
        if not model.inputs:
            return str(self._error(path, without_inputs))
        shapes = {name: each.shape if isinstance(each, Input) else each for name, each in model.inputs.items()}
        blank = [name for name, shape in shapes.items() if BLANK in shape]
        if not blank:
            return ""
        message = f'{path[-1]}: fill in the "{BLANK}" of {listed(blank)}'
        return str(self._error((*path, "inputs", blank[0]), message))

    def _check(self, path: Tuple[str, ...], entry: Entry) -> None:
        """Raises ``UsageError`` for values that a marker would refuse, already when the file is read."""
        for metric, ceiling in entry.budget.items():
            parse_budget({metric: ceiling}, where=self._at(entry, path, "budget", metric))
        for verdict, action in entry.policy.items():
            parse_policies({verdict: action}, where=self._at(entry, path, "policy", verdict))
        for baseline in entry.baselines:
            parse_growth(baseline, where=self._at(entry, path, "baseline", *list(baseline)[:1]))
        for key in ("inputs", "epoch", "shapes", "output", "run_as"):
            given = {"inputs": entry.model["inputs"], key: entry.model[key]}
            ModelSpec.parse(entry.model["source"], **given, where=self._at(entry, path, key, of=False))
        self._check_names(path, entry, entry.spec().name)

    def _check_names(self, path: Tuple[str, ...], entry: Entry, name: str) -> None:
        """Raises ``UsageError`` for a name that no test, baseline or marker can have."""
        if not entry.name or not entry.name.isprintable() or "::" in entry.name:
            raise self._error(path, f"{entry.name!r} cannot name a test: pytest could not select it")
        is_stored = any("against" not in baseline for baseline in entry.baselines)
        if is_stored and entry.name == path[-1] and not is_safe(name):  # a name from a pattern fails alone
            raise self._error(path, f"{name!r} cannot name a baseline: use letters, digits and ._+- for a model's name")
        for tag in entry.tags:
            if not _TAG.match(tag) or tag in _NOT_TAGS or tag.startswith("mxperf_"):
                problem = "is a marker that does something" if _TAG.match(tag) else "is not a name for pytest -m"
                raise self._error((*path, "tags"), f"tags: {tag!r} {problem}; use another word")

    def _at(self, entry: Entry, path: Tuple[str, ...], key: str, *more: str, of: bool = True) -> str:
        where = f"{self._path}:{self._line((*path, key, *more))}"
        return f"{where}: {key} of {entry.name}" if of else f"{where}: {entry.name}"

    def _line(self, path: Tuple[str, ...]) -> int:
        """The line of the key. If a model has the key from the defaults, the line there."""
        inherited = ("defaults", *path[2:])
        is_own = path[:1] != ("models",) or _has(self._raw, path) or not _has(self._raw, inherited)
        return self._lines.of(*(path if is_own else inherited))

    def _input(self, path: Tuple[str, ...], name: str, value: Any) -> Any:
        shape, dtype = (value.shape, value.dtype) if isinstance(value, Input) else (value, "float32")
        for size in shape:
            if isinstance(size, str) and size != BLANK:
                raise self._error((*path, "inputs", name), f"{name}: {size!r} in {shape}; a size is a whole number")
        return tuple(1 if size == BLANK else size for size in shape), dtype  # to check the rest of the model

    def _place(self, path: Tuple[str, ...], key: str, written: str) -> Path:
        """The path that a key gives, relative to the file."""
        return self._path.parent.absolute() / self._filled(path, key, written)

    def _filled(self, path: Tuple[str, ...], key: str, written: str) -> str:
        """The text with environment variables filled in. ``$$`` is a dollar sign."""

        def value(found: "re.Match[str]") -> str:
            name = found.group(1) or found.group(2)
            if name is None:
                return "$"
            if name not in self._environ:
                raise self._error((*path, key), f"{written!r}: the environment variable {name} is not set")
            return self._environ[name]

        return _VARIABLE.sub(value, written)

    def _table(self, path: Tuple[str, ...], value: Any) -> Dict[str, Any]:
        if not isinstance(value, dict):
            raise self._error(path, f"expected a table, got {value!r}")
        return value

    def _converted(self, path: Tuple[str, ...], table: Dict[str, Any], kind: Any) -> Any:
        for key in table:
            if key not in kind.__struct_fields__:
                hint = did_you_mean(key, kind.__struct_fields__)
                known = f"known: {', '.join(kind.__struct_fields__)}"
                raise self._error((*path, key), f"unknown key {key!r}; {hint}{known}")
        for key, value in table.items():
            try:
                msgspec.convert({key: value}, kind)
            except msgspec.ValidationError as error:
                raise self._error((*path, key), f"{key} = {value!r}: {_in_toml(str(error))}") from None
        return msgspec.convert(table, kind)

    def _error(self, path: Sequence[str], message: str) -> UsageError:
        return UsageError(f"{self._path}:{self._line(tuple(path))}: {message}")


_KINDS = {
    "array": "a list",
    "bool": "true or false",
    "float": "a number",
    "int": "a whole number",
    "object": "a table",
    "str": "text",
}


def _in_toml(message: str) -> str:
    """msgspec's "Expected `bool | object`, got `str` - at `$.baseline`" in the words of a TOML file."""
    text, _, place = message.partition(" - at ")
    text = re.sub(
        r"`([\w| ]+)`", lambda found: " or ".join(_KINDS.get(each, each) for each in found[1].split(" | ")), text
    )
    inside = re.sub(r"^\$\.\w+|\[\.\.\.\]", "", place.strip("`")).strip(".")
    return f"{text[:1].lower()}{text[1:]}{f' at {inside}' if inside else ''}"


def _has(table: Any, path: Sequence[str]) -> bool:
    """Whether the file has this key."""
    for key in path:
        if not isinstance(table, dict) or key not in table:
            return False
        table = table[key]
    return True


def _merged(defaults: Dict[str, Any], own: Dict[str, Any]) -> Dict[str, Any]:
    merged = {**defaults, **own}
    for key in _MERGED:
        both = defaults.get(key), own.get(key)
        if isinstance(both[0], dict) and isinstance(both[1], dict):
            merged[key] = {**both[0], **both[1]}
        elif isinstance(both[0], dict) and both[1] is True:
            merged[key] = both[0]
    if isinstance(defaults.get("tags"), list) and isinstance(own.get("tags"), list):
        merged["tags"] = defaults["tags"] + own["tags"]
    return merged
