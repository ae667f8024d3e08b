"""What the commands take to name a model: a source, its inputs, and which of its files and operators are meant."""

import argparse
import json
import re
import shlex
from dataclasses import replace
from functools import partial
from typing import Dict, List, Mapping, Optional, Sequence, Tuple, cast

from pytest_mxperf.errors import MxperfError, UsageError, about
from pytest_mxperf.sides import SIDES, advice
from pytest_mxperf.spec import LATEST, DtypeName, Epoch, InputSpec, ModelSpec

__all__ = ["add_model_options", "in_keys", "in_options", "model_of", "told_in_options"]


def add_model_options(command: argparse.ArgumentParser, *, of_two: bool) -> None:
    """``--input``, ``--epoch`` and so on; where there are two models, for both of them and for either."""
    _add_options(command, "", "of both models" if of_two else "")
    command.add_argument(
        "--import",
        action="append",
        default=[],
        dest="imports",
        metavar="MODULE",
        help="a module to import first, which registers operators of your own; repeatable",
    )
    for side, which in zip(SIDES if of_two else (), ("of OLD only", "of NEW only")):
        _add_options(command, side, which)


def _add_options(command: argparse.ArgumentParser, side: str, which: str) -> None:
    end, of = side.replace("_", "-"), f" {which}" if which else ""
    only = f"; {which}{', in place of --input of the same name' if side else ''}" if which else ""
    command.add_argument(
        f"--input{end}",
        action="append",
        default=[],
        metavar="NAME=SHAPE[:DTYPE]",
        help=f"an input's shape and dtype, for example data=1,3,224,224 or tokens=1,16:int32; once for each{only}",
    )
    command.add_argument(
        f"--epoch{end}", type=_epoch, metavar="N|latest", help=f"epoch of the .params file{of} (default: 0)"
    )
    command.add_argument(
        f"--params{end}", metavar="FILE", help=f"the weights{of}, if the file is not called PREFIX-0000.params"
    )
    command.add_argument(
        f"--shape{end}",
        action="append",
        default=[],
        metavar="NAME=SHAPE",
        help=f"the shape of a parameter{of} that MXNet cannot infer; repeatable",
    )
    command.add_argument(
        f"--output{end}",
        action="append",
        default=[],
        metavar="NODE",
        help=f"end the graph{of} at this operator, for example before a loss; repeatable",
    )


def _epoch(text: str) -> Epoch:
    if text == LATEST:
        return text
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number nor {LATEST!r}") from None


def model_of(options: argparse.Namespace, source: str, side: str = "") -> ModelSpec:
    """The model, without inputs if none are given. What is given for its side goes before what is for both models.

    Raises ``UsageError``.
    """
    given = vars(options)
    inputs, shapes = _merged(given, "input", side), _merged(given, "shape", side)
    has_own_weights = given[f"epoch{side}"] is not None or given[f"params{side}"] is not None
    epoch, params = (given[f"{name}{side if has_own_weights else ''}"] for name in ("epoch", "params"))
    with about(side if has_own_weights else ""):
        spec = ModelSpec.parse(
            source,
            inputs or _NO_INPUTS,
            epoch=0 if epoch is None else epoch,
            params=params,
            shapes={name: spec.shape for name, spec in shapes.items()},
            output=given[f"output{side}"] or given["output"],
            where=options.command,
        )
    return spec if inputs else replace(spec, inputs={})


_NO_INPUTS = {"": InputSpec((1,))}


def _merged(given: Mapping[str, Sequence[str]], name: str, side: str) -> Dict[str, InputSpec]:
    """The shapes given with ``--input`` or ``--shape``: those for both models, and in their place those for a side."""
    common = _by_name(given[name], f"--{name}")
    return {**common, **_by_name(given[f"{name}{side}"], f"--{name}{side.replace('_', '-')}")} if side else common


_IN_WORDS = (
    (r"\b(give (?:its|their) shapes?|give a smaller batch) in inputs\b", r"\1 with --input{}"),
    (r"\b(give (?:its|their) shapes?|, or) in shapes\b", r"\1 with --shape{}"),
    (r"\b(goes|own) in inputs_(old|new)\b", r"\1 with --input-\2"),
    (r"\bis not in inputs\b", "is not given with --input"),
    (
        r"\bis in inputs and in shapes; a parameter goes in shapes only",
        "is given with --input and with --shape; a parameter goes with --shape only",
    ),
    (r"\bname one with params(?=\Z|\. )", "name one with --params{}"),
    (r"\bgive one as the epoch, or 'latest'", "give one with --epoch{0}, or --epoch{0} latest"),
    (r"\Avary: axis=['\"](.*?)['\"]:", r"--vary \1:"),
    (r"\Avary: sizes=", "--vary: sizes "),
    (
        r"\bimport the module that registers it, or name it with mxperf_imports in pytest's ini file",
        "name the module that registers it with --import",
    ),
    (r"\bwith mxperf_imports in pytest's ini file", "with --import"),
)
_NAMED = re.compile(r"(?<![\w.-])(epoch|output|params|seconds)=('[^']*'|\"[^\"]*\"|[\w.]+)")


def told_in_options(problem: MxperfError) -> str:
    """What is wrong, in the options of a command: of one model's own if it is about one of two."""
    return in_options(f"{problem}{advice(problem)}", problem.side)


def in_options(message: str, side: str = "") -> str:
    """A message with advice for callers of functions, in the options of a command: ``--epoch 7``.

    A message about a line of a TOML file gets the keys of the file. With a ``side``, the options are of one model of
    two: ``--epoch-new 7``.
    """
    if _IN_FILE.match(message):
        return in_keys(message)
    end = side.replace("_", "-")
    for pattern, words in _IN_WORDS:
        message = re.sub(pattern, words.format(end), message)
    return _NAMED.sub(partial(_option, end), message)


_IN_FILE = re.compile(r"[^\n]*?\.toml:\d+: ")


def in_keys(message: str) -> str:
    """A message with advice for callers of functions, in the keys of ``mxperf.toml``: ``epoch = 7``."""
    return _NAMED.sub(_key, message)


def _key(found: "re.Match[str]") -> str:
    value = found.group(2).strip(_QUOTES)
    is_number = re.fullmatch(r"\d+", found.group(2)) is not None
    return f"{found.group(1)} = {value if is_number else json.dumps(value, ensure_ascii=False)}"


def _option(end: str, found: "re.Match[str]") -> str:
    return f"--{found.group(1)}{end} {shlex.quote(found.group(2).strip(_QUOTES))}"


_QUOTES = "'\""


def _by_name(given: Sequence[str], option: str) -> Dict[str, InputSpec]:
    found: Dict[str, InputSpec] = {}
    texts: Dict[str, str] = {}
    for text in given:
        name, spec = _parsed(text, option)
        if name in found:
            raise UsageError(f"{option} {text}: {name!r} is given twice, here and as {texts[name]}")
        found[name], texts[name] = spec, text
    return found


def _parsed(text: str, option: str) -> Tuple[str, InputSpec]:
    name, _, value = text.rpartition("=")
    sizes, _, dtype = value.partition(":")
    shape = _sizes(sizes)
    if not name or shape is None:
        raise UsageError(f"{option} {text}: write it like data=1,3,224,224 or tokens=1,16:int32")
    return name, InputSpec.parse((shape, cast(DtypeName, dtype or "float32")), where=f"{option} {text}")


def _sizes(text: str) -> Optional[Tuple[int, ...]]:
    try:
        sizes: List[int] = [int(size) for size in text.split(",")]
    except ValueError:
        return None
    return tuple(sizes)
