"""The command ``mxperf``: what a model costs, what distinguishes two, and which is faster, without pytest."""

import argparse
import os
import sys
import warnings
from contextlib import contextmanager
from importlib import metadata
from typing import Any, Iterator, List, NoReturn, Optional, Sequence, Tuple, Type, Union

import msgspec

from pytest_mxperf.api import compare_latency, count, diff, inputs_of
from pytest_mxperf.arguments import add_model_options, in_options, model_of
from pytest_mxperf.commands import history, kept
from pytest_mxperf.commands.shared import DIFFERENT, SAME, TROUBLE, add, color, width
from pytest_mxperf.cost.inputs import table
from pytest_mxperf.errors import MxperfError, MxperfWarning
from pytest_mxperf.gate.latency import judge_latency
from pytest_mxperf.gate.limits import parse_difference
from pytest_mxperf.imports import import_all
from pytest_mxperf.latency.decide import Outcome
from pytest_mxperf.spec import ModelSpec

__all__ = ["main"]


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Runs the command and returns its exit code. An error of whatever kind is one line on stderr and exit code 2."""
    options = _parser().parse_args(arguments)
    try:
        _import(getattr(options, "imports", ()))
        with _warnings_in_a_line():
            text, code = options.run(options)
        _print(text.rstrip("\n"))
    except BrokenPipeError:
        _abandon_stdout()
        return TROUBLE
    except Exception as error:
        print("mxperf:", " ".join(_message(error).split()), file=sys.stderr)
        return TROUBLE
    return int(code)


def _import(names: Sequence[str]) -> None:
    """Also from the current folder, as python -m does."""
    if names:
        sys.path.insert(0, os.getcwd())
        import_all(names, where="--import")


def _print(text: str) -> None:
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"  # a terminal of Latin letters has no arrows
    try:
        print(text.encode(encoding, "backslashreplace").decode(encoding), flush=True)
    except OSError:
        _abandon_stdout()
        raise


def _abandon_stdout() -> None:
    """What it cannot take it would be offered again at exit, where Python complains."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _message(error: Exception) -> str:
    if isinstance(error, MxperfError):
        return in_options(str(error))
    if isinstance(error, OSError):
        return str(error)
    problem = f"{type(error).__name__}: {error}"
    return f"{problem}; this is a bug of pytest-mxperf: please report it to its issue tracker, with the command"


@contextmanager
def _warnings_in_a_line() -> Iterator[None]:
    """What is wrong with a model that can be counted all the same, on stderr."""

    def show(message: Union[Warning, str], category: Type[Warning], *where: object, **more: object) -> None:
        if issubclass(category, MxperfWarning):
            print("mxperf: warning:", " ".join(in_options(str(message)).split()), file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("always", MxperfWarning)
        warnings.showwarning = show
        yield


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """In one line, as all errors."""
        self.exit(TROUBLE, f"{self.prog}: {message}; see {self.prog} --help\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="mxperf", description="What MXNet models cost, what distinguishes two, and which is faster.")
    parser.add_argument("--version", action="version", version=f"mxperf {metadata.version('pytest-mxperf')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    model = "prefix of a checkpoint (models/resnet18), or a symbol JSON"
    cost = _add(commands, "cost", _cost, "FLOPs, MACs, parameters and memory of a model; its inputs if none is given")
    cost.add_argument("model", metavar="PREFIX", help=model)
    cost.add_argument("--layers", action="store_true", help="show every layer, in the order of the graph")
    cost.add_argument("--top", type=int, default=5, metavar="N", help="show the N heaviest layers (default: 5)")
    add_model_options(cost, of_two=False)
    both = _add(
        commands, "diff", _diff, "which layers distinguish two models; exit code 0 if none do, 1 if some, 2 on error"
    )
    race = _add(
        commands,
        "latency",
        _latency,
        "whether a model is slower than another; exit code 0 if not, 1 if it is, 2 on error or if that stays unclear",
    )
    race.add_argument(
        "--allow",
        default="2.5%",
        metavar="GROWTH",
        help="such as 5%% (default: 2.5%%); --allow=-30%% (with =) wants NEW at least 30%% faster",
    )
    race.add_argument("--seconds", type=float, default=15.0, help="of CPU time that it may take (default: 15)")
    race.add_argument(
        "--run-as",
        choices=("module", "gluon", "gluon_static"),
        help="time both as a Module (which MXNet fuses), or as a hybridized Gluon block (with static_alloc and "
        "static_shape, with gluon_static); default: module, as checkpoints are",
    )
    for command in (both, race):
        add_model_options(command, of_two=True)
        command.add_argument("old", metavar="OLD", help=model)
        command.add_argument("new", metavar="NEW", help="likewise")
    for others in (kept, history):
        others.add_commands(commands)
    return parser


def _add(commands: Any, name: str, run: object, summary: str) -> argparse.ArgumentParser:
    command = add(commands, name, run, summary)
    command.add_argument("--json", action="store_true", help="print JSON (docs/report-json.md)")
    return command


def _cost(options: argparse.Namespace) -> Tuple[str, int]:
    spec = model_of(options, options.model)
    if not spec.inputs:
        return _wanted(spec)
    report = count(spec)
    if options.json:
        from pytest_mxperf.report import json

        return json.render_cost(report), SAME
    from pytest_mxperf.report.terminal import render_cost

    shown = {"heaviest": options.top, "layers": options.layers}
    return render_cost(options.model, report, width=width(), color=color(), **shown), SAME


def _both(options: argparse.Namespace) -> List[ModelSpec]:
    return [model_of(options, source, side) for source, side in ((options.old, "_old"), (options.new, "_new"))]


def _wanted(*specs: ModelSpec) -> Tuple[str, int]:
    """The inputs of those that have been given none."""
    lines = []
    for spec in (spec for spec in specs if not spec.inputs):
        inputs = inputs_of(spec)
        lines += [f"{spec.name} takes", *(f"  {line}" for line in table(inputs))]
        if not inputs:
            lines[-1] += " no inputs, as far as its graph tells"
    print("mxperf: give the shape of each input, as in --input data=1,3,224,224", file=sys.stderr)
    return "\n".join(lines), TROUBLE


def _diff(options: argparse.Namespace) -> Tuple[str, int]:
    old, new = _both(options)
    if not (old.inputs and new.inputs):
        return _wanted(old, new)
    difference = diff(old, new)
    code = DIFFERENT if difference.changes else SAME
    if options.json:
        from pytest_mxperf.report import json

        return json.render_difference(difference), code
    from pytest_mxperf.report.difference import render

    return render(difference, width=width(), color=color()), code


def _latency(options: argparse.Namespace) -> Tuple[str, int]:
    old, new = _both(options)
    if not (old.inputs and new.inputs):
        return _wanted(old, new)
    allowed = parse_difference(options.allow, where="--allow")
    compared = compare_latency(
        old, new, tolerance=float(allowed), seconds=options.seconds, run_as=options.run_as, imports=options.imports
    )
    codes = {Outcome.PASSED: SAME, Outcome.REGRESSED: DIFFERENT, Outcome.INCONCLUSIVE: TROUBLE}
    decision = compared.decision
    code = codes[decision.outcome]
    decision = msgspec.structs.replace(decision, reason=in_options(decision.reason))
    compared = msgspec.structs.replace(compared, decision=decision)
    if options.json:
        from pytest_mxperf.report import json

        return json.render_comparison(compared), code
    return judge_latency(allowed, compared, over=options.old).message, code


if __name__ == "__main__":
    sys.exit(main())
