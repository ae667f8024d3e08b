"""``mxperf inputs`` and ``mxperf init``: the inputs that checkpoints need, and a first ``mxperf.toml``."""

import argparse
import os
import re
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, List, Tuple

from pytest_mxperf.api import inputs_of, operators_of
from pytest_mxperf.arguments import add_model_options, in_options, model_of
from pytest_mxperf.checkpoints import is_any, named
from pytest_mxperf.commands.shared import MODEL, SAME, TROUBLE, Troubles, add
from pytest_mxperf.cost.inputs import table
from pytest_mxperf.encoding import printable
from pytest_mxperf.errors import MxperfError, UsageError
from pytest_mxperf.neighbours import parameter_files
from pytest_mxperf.spec import LATEST, Checkpoint, Epoch, ModelSpec
from pytest_mxperf.suite.first import Guess, first_suite
from pytest_mxperf.suite.read import FILE_NAME

__all__ = ["add_commands"]


def add_commands(commands: Any) -> None:
    inputs = add(commands, "inputs", _inputs, "a checkpoint's inputs, what is known of each, its epochs and operators")
    inputs.add_argument(
        "models", nargs="+", metavar="PREFIX", help=f"{MODEL}; a pattern or a folder stands for all models in it"
    )
    add_model_options(inputs, of_two=False)
    init = add(
        commands,
        "init",
        _init,
        f"write a first {FILE_NAME} for the checkpoints in a folder; exit code 0 if it is complete, 2 on error or if "
        "something is to be filled in",
    )
    init.add_argument("folder", metavar="FOLDER", help="all checkpoints in it; a pattern, or one of them, is taken too")
    init.add_argument("-o", "--output", default=FILE_NAME, metavar="FILE", help=f"(default: {FILE_NAME})")
    init.add_argument("--force", action="store_true", help="replace an existing file")


def _inputs(options: argparse.Namespace) -> Tuple[str, int]:
    found: List[str] = []
    troubles = Troubles()
    for given in options.models:
        with troubles.told():
            sources = named(given)
            for source in sources:
                with troubles.told(source if len(options.models) > 1 or sources != [given] else ""):
                    found.append(_about(_with_weights(options, model_of(options, source))))
    return "\n\n".join(found), troubles.code


def _with_weights(options: argparse.Namespace, spec: ModelSpec) -> ModelSpec:
    """The model at its latest epoch, if it has no epoch 0 and the user names none. A line on stderr says so."""
    is_chosen = options.epoch is not None or options.params is not None
    if is_chosen or not isinstance(spec.source, Checkpoint) or _epoch(spec.source) == 0:
        return spec
    latest = max(spec.source.epochs())
    print(f"mxperf: {spec.name}: with the weights of epoch {latest}, there are none of epoch 0", file=sys.stderr)
    return replace(spec, source=replace(spec.source, epoch=latest))


def _epoch(checkpoint: Checkpoint) -> Epoch:
    """The usual epoch, or the latest if there are weights of others only."""
    epochs = checkpoint.epochs()
    return LATEST if epochs and 0 not in epochs else 0


def _about(spec: ModelSpec) -> str:
    found = inputs_of(spec)
    lines = [spec.name, *(f"  {line}" for line in table(found))]
    if not found:
        lines.append("  no inputs, as far as its graph tells")
    if isinstance(spec.source, Checkpoint) and spec.source.params is None:
        lines.append(f"  epochs: {_epochs(spec.source)}")
    operators = sorted(operators_of(spec).items(), key=lambda item: (-item[1], item[0]))
    lines.append(f"  operators: {', '.join(f'{name} {count}' for name, count in operators)}")
    return "\n".join(lines)


def _epochs(checkpoint: Checkpoint) -> str:
    found = ", ".join(map(str, checkpoint.epochs()))
    return found or ("none" if parameter_files(checkpoint.symbol_path) else "none, it has no weights")


def _init(options: argparse.Namespace) -> Tuple[str, int]:
    output = Path(options.output)
    if not is_any(options.folder):
        raise UsageError(f"{options.folder}: there is no such folder")
    found = named(options.folder)
    if output.exists() and not options.force:
        raise UsageError(f"{output}: the file exists; name another with --output, or replace it with --force")
    for prefix in found:
        if printable(prefix) != prefix:
            raise UsageError(f"{printable(prefix)}: the name is not UTF-8, and {FILE_NAME} has to be; rename the file")
    guesses = [_guess(prefix, output.parent) for prefix in found]
    output.write_text(first_suite(guesses, recorded_by="pytest --mxperf-update"), encoding="utf-8")
    for guess in guesses:
        if guess.problem:
            print(f"mxperf: {in_options(guess.problem)}", file=sys.stderr)
    broken = sum(bool(guess.problem) for guess in guesses)
    blank = sum(not guess.is_complete for guess in guesses) - broken
    models = f"{len(guesses)} model{'' if len(guesses) == 1 else 's'}"
    models += f"; {broken} of them cannot be read" if broken else ""
    models += f"; {blank} of them need{'s' if blank == 1 else ''} something filled in: look for ?" if blank else ""
    return f"{output}: {models}", TROUBLE if broken or blank else SAME


def _guess(prefix: str, folder: Path, output: str = "") -> Guess:
    source = os.path.relpath(prefix, folder)
    epoch = _epoch(Checkpoint.at(Path(prefix), 0))
    try:
        spec = ModelSpec.parse(prefix, {"": (1,)}, where="init", epoch=epoch, output=output or ())
        fits = partial(_fits, prefix, epoch=epoch, output=output)
        return Guess.of(source, inputs_of(spec), fits, epoch=epoch, output=output)
    except MxperfError as error:
        message = " ".join(str(error).split())
        before = _ADVISED.search(message)
        if before is not None and before[1] != output:
            return _guess(prefix, folder, before[1])
        return Guess(source, (), message, epoch, output)


_ADVISED = re.compile(r"; to end the graph before it, give output='([^'\\]+)'\Z")
"""What the error advises if MXNet lacks an operator."""


def _fits(prefix: str, inputs: Any, *, epoch: Epoch, output: str) -> bool:
    """Whether the model can be counted with these inputs."""
    from pytest_mxperf.api import count

    try:
        count(prefix, inputs, epoch=epoch, output=output or ())
    except MxperfError:
        return False
    return True
