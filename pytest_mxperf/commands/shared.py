"""What the commands of ``mxperf`` share: exit codes, the terminal, and arguments that name models."""

import argparse
import os
import shutil
import sys
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, Dict, Iterator, List, Tuple, cast

from pytest_mxperf.api import inputs_of
from pytest_mxperf.arguments import SIDES, add_model_options, in_options, model_of
from pytest_mxperf.baseline.store import BaselineStore
from pytest_mxperf.cost.inputs import table
from pytest_mxperf.errors import MxperfError
from pytest_mxperf.spec import Checkpoint, DtypeName, InputSpec, ModelSpec
from pytest_mxperf.words import Words

__all__ = [
    "DIFFERENT",
    "MODEL",
    "SAME",
    "TROUBLE",
    "WORDS",
    "Troubles",
    "add",
    "add_both",
    "add_json",
    "add_run_as",
    "both",
    "color",
    "model_with_inputs",
    "wanted",
    "width",
]

MODEL = "prefix of a checkpoint (models/resnet18), or a symbol JSON"

SAME, DIFFERENT, TROUBLE = 0, 1, 2  # exit codes, as of diff(1)
WORDS = Words(
    record="--update",
    record_missing="--update=new",
    record_this="--update",
    prune="pytest --mxperf-update=prune",
    baselines="--baselines",
    policy="--policy",
    latency="--latency",
    latency_seconds="--latency-seconds",
    latency_wait="--latency-wait",
)


class Troubles:
    """Reports an error of one of many models on stderr and in the exit code. The other models go on."""

    def __init__(self) -> None:
        self.code = SAME

    @contextmanager
    def told(self, name: str = "") -> Iterator[None]:
        """Catches errors and reports them. ``name`` is for messages that lack the model's name."""
        try:
            yield
        except (MxperfError, OSError) as error:
            message = in_options(" ".join(str(error).split()))
            print(f"mxperf: {name}: {message}" if name else f"mxperf: {message}", file=sys.stderr)
            self.code = TROUBLE


def add(commands: Any, name: str, run: object, summary: str) -> argparse.ArgumentParser:
    """Adds a command with its summary. ``run(options)`` returns the text to print, and the exit code."""
    command: argparse.ArgumentParser = commands.add_parser(
        name, help=summary, description=summary[0].upper() + summary[1:] + "."
    )
    command.set_defaults(run=run)
    return command


def add_json(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="print JSON (docs/report-json.md)")


def add_both(command: argparse.ArgumentParser) -> None:
    """Adds the arguments ``OLD NEW``, and the options of both models."""
    add_model_options(command, of_two=True)
    command.add_argument("old", metavar="OLD", help=MODEL)
    command.add_argument("new", metavar="NEW", help="the other model")


def add_run_as(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--run-as",
        choices=("module", "gluon", "gluon_static"),
        help="how to run it: as a Module (MXNet fuses its operators), as a hybridized Gluon block, or as one with "
        "static_alloc and static_shape (default: module)",
    )


def both(options: argparse.Namespace) -> List[ModelSpec]:
    return [model_with_inputs(options, source, side) for source, side in zip((options.old, options.new), SIDES)]


def model_with_inputs(options: argparse.Namespace, source: str, side: str = "") -> ModelSpec:
    """The model. If no ``--input`` is given, the graph of a stored baseline has the inputs of its baseline.

    A line on stderr shows them. Other models have no inputs then.
    """
    spec = model_of(options, source, side)
    if spec.inputs or not isinstance(spec.source, Checkpoint):
        return spec
    symbol_path, name = spec.source.symbol_path, spec.source.prefix.name
    baseline_path = symbol_path.with_name(f"{name}.json")
    inputs = _stored_inputs(BaselineStore(symbol_path.parent, WORDS), name) if baseline_path != symbol_path else {}
    if not inputs or not inputs.keys().isdisjoint(spec.shapes):
        return spec
    given = " ".join(f"--input {input_name}={_typed(each)}" for input_name, each in inputs.items())
    print(f"mxperf: with the inputs of {baseline_path}: {given}", file=sys.stderr)
    return replace(spec, inputs=inputs)


def _stored_inputs(store: BaselineStore, name: str) -> Dict[str, InputSpec]:
    """Empty if there is no such baseline, or if it cannot be read."""
    with suppress(MxperfError, OSError):
        stored = store.load(name) if store.path(name).is_file() else None
        if stored is not None:
            return {
                input_name: InputSpec.parse((record.shape, cast(DtypeName, record.dtype)), where=name)
                for input_name, record in stored.baseline.inputs.items()
            }
    return {}


def _typed(spec: InputSpec) -> str:
    """As ``--input`` takes it."""
    return ",".join(map(str, spec.shape)) + ("" if spec.dtype == "float32" else f":{spec.dtype}")


def wanted(*specs: ModelSpec) -> Tuple[str, int]:
    """The inputs of models that the user gave no inputs for."""
    lines = []
    for spec in (spec for spec in specs if not spec.inputs):
        inputs = inputs_of(spec)
        lines += [f"{spec.name} takes", *(f"  {line}" for line in table(inputs))]
        if not inputs:
            lines[-1] += " no inputs, as far as its graph tells"
    print("mxperf: give the shape of each input, as in --input data=1,3,224,224", file=sys.stderr)
    return "\n".join(lines), TROUBLE


def width() -> int:
    return shutil.get_terminal_size().columns


def color() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ
