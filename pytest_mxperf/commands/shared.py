"""What the commands of ``mxperf`` share: exit codes, the terminal, and arguments that name models."""

import argparse
import os
import shlex
import shutil
import sys
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, cast, get_args

from pytest_mxperf.api import inputs_of
from pytest_mxperf.arguments import add_model_options, in_options, model_of
from pytest_mxperf.baseline.record import Baseline
from pytest_mxperf.baseline.store import BaselineStore
from pytest_mxperf.cost.inputs import GraphInput, table
from pytest_mxperf.errors import MxperfError, about, listed
from pytest_mxperf.sides import SIDES, of_each
from pytest_mxperf.spec import Checkpoint, DtypeName, InputSpec, ModelSpec, RunAs, RunAsName
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
    def told(self, name: str = "", *, words: Callable[[str], str] = in_options) -> Iterator[None]:
        """Catches errors and reports them. ``name`` stands before each: a prefix or the name of an entry.

        A message that begins with the model's own name, which is the end of the prefix, says it once.
        ``words`` puts advice in words that the user can type.
        """
        try:
            yield
        except (MxperfError, OSError) as error:
            message = words(" ".join(str(error).split()))
            own = f"{os.path.basename(name)}: "
            message = message[len(own) :] if message.startswith(own) else message
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


def both(options: argparse.Namespace, sources: Sequence[str]) -> List[ModelSpec]:
    """Both models. If only one has inputs, the other takes the same, unless it needs others.

    If only one has a baseline that records how it is run, both are run like that.
    """
    specs = [model_with_inputs(options, source, side) for source, side in zip(sources, SIDES)]
    run_as = next((spec.run_as for spec in reversed(specs) if spec.run_as), None)
    if bool(specs[0].inputs) != bool(specs[1].inputs):
        having, lacking = (0, 1) if specs[0].inputs else (1, 0)
        with about(SIDES[lacking]):
            inputs = _as_of(specs[having], specs[lacking])
        if inputs:
            print(f"mxperf: {sources[lacking]} takes the inputs of {sources[having]}", file=sys.stderr)
            specs[lacking] = replace(specs[lacking], inputs=inputs)
    return [replace(spec, run_as=run_as) for spec in specs]


def _as_of(having: ModelSpec, lacking: ModelSpec) -> Mapping[str, InputSpec]:
    """The inputs of the one model that are inputs of the other; empty if the other needs more."""
    inputs = inputs_of(lacking)
    needed = {each.name for each in inputs if each.is_wanted}
    if not needed or not needed <= having.inputs.keys():
        return {}
    names = {each.name for each in inputs}
    return {name: spec for name, spec in having.inputs.items() if name in names}


def model_with_inputs(options: argparse.Namespace, source: str, side: str = "") -> ModelSpec:
    """The model. If no ``--input`` is given, the graph of a stored baseline has the inputs of its baseline.

    If it is to be run, it is run as its baseline records. A line on stderr shows both. Other models have no inputs
    then.
    """
    spec = model_of(options, source, side)
    if spec.inputs or not isinstance(spec.source, Checkpoint):
        return spec
    symbol_path, name = spec.source.symbol_path, spec.source.prefix.name
    baseline_path = symbol_path.with_name(f"{name}.json")
    baseline = None if baseline_path == symbol_path else _stored(BaselineStore(symbol_path.parent, WORDS), name)
    inputs = {} if baseline is None else _inputs_of(baseline)
    if baseline is None or not inputs or not inputs.keys().isdisjoint(spec.shapes):
        return spec
    given = [f"--input {shlex.quote(f'{each}={_typed(inputs[each])}')}" for each in inputs]
    run_as = _run_as_of(baseline) if vars(options).get("run_as", "") is None else None
    given += [f"--run-as {run_as}"] if run_as else []
    print(f"mxperf: with the inputs of {baseline_path}: {' '.join(given)}", file=sys.stderr)
    return replace(spec, inputs=inputs, run_as=RunAs.parse(run_as, where=name))


def _stored(store: BaselineStore, name: str) -> Optional[Baseline]:
    """None if there is no such baseline, or if it cannot be read."""
    with suppress(MxperfError, OSError):
        stored = store.load(name) if store.path(name).is_file() else None
        return None if stored is None else stored.baseline
    return None


def _inputs_of(baseline: Baseline) -> Dict[str, InputSpec]:
    """Empty if an input is none that a user could give, or has a name that a terminal would act on."""
    if not all(name.isprintable() for name in baseline.inputs):
        return {}
    with suppress(MxperfError):
        return {
            name: InputSpec.parse((record.shape, cast(DtypeName, record.dtype)), where=name)
            for name, record in baseline.inputs.items()
        }
    return {}


def _run_as_of(baseline: Baseline) -> Optional[RunAsName]:
    """How the model is run, as ``--run-as`` takes it. None if it is not known, or if the option has no word for it."""
    recorded = "" if baseline.recorded is None else baseline.recorded.run_as
    return next((name for name in get_args(RunAsName) if str(RunAs.parse(name, where="")) == recorded), None)


def _typed(spec: InputSpec) -> str:
    """As ``--input`` takes it."""
    return ",".join(map(str, spec.shape)) + ("" if spec.dtype == "float32" else f":{spec.dtype}")


def wanted(*specs: ModelSpec) -> Tuple[str, int]:
    """The inputs of models that the user gave no inputs for, and how to give them."""
    lines = []
    options: List[str] = []
    open_ranks: List[str] = []
    found = of_each(lambda spec: None if spec.inputs else inputs_of(spec), specs)
    for spec, side, inputs in zip(specs, SIDES, found):
        if inputs is None:
            continue
        lines += [f"{spec.name} takes", *(f"  {line}" for line in table(inputs))]
        if not inputs:
            lines[-1] += " no inputs, as far as its graph tells"
        open_ranks += [each.name for each in inputs if each.is_wanted and each.shape is None]
        options += [f"--input{side.replace('_', '-')} {_unknown(each)}" for each in inputs if each.is_wanted]
    if options and any(spec.inputs for spec in specs):
        command = shlex.join(["mxperf", *sys.argv[1:]])
        whole = f", for {listed(open_ranks)} all dimensions (such as 1,3,224,224)" if open_ranks else ""
        print(f"mxperf: fill in each ?{whole}: {command} {' '.join(options)}", file=sys.stderr)
    else:
        print("mxperf: give the shape of each input, as in --input data=1,3,224,224", file=sys.stderr)
    return "\n".join(lines), TROUBLE


def _unknown(needed: GraphInput) -> str:
    """An input as ``--input`` takes it, with a ? for each size that is not known."""
    sizes = (None,) if needed.shape is None else needed.shape
    shape = ",".join("?" if size is None else str(size) for size in sizes)
    return f"{shlex.quote(needed.name)}={shape}" + ("" if needed.dtype == "float32" else f":{needed.dtype}")


def width() -> int:
    return shutil.get_terminal_size().columns


def color() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ
