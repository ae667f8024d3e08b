"""``mxperf cost``, ``mxperf diff`` and ``mxperf latency``: count one model, or compare two."""

import argparse
from typing import Any, Tuple

import msgspec

from pytest_mxperf.api import compare_latency, count, diff
from pytest_mxperf.arguments import add_model_options, in_options
from pytest_mxperf.commands import vary
from pytest_mxperf.commands.many import FORMATS, SORTS, costs, is_table
from pytest_mxperf.commands.shared import (
    DIFFERENT,
    MODEL,
    SAME,
    TROUBLE,
    add,
    add_both,
    add_json,
    add_run_as,
    both,
    color,
    model_with_inputs,
    wanted,
    width,
)
from pytest_mxperf.errors import UsageError
from pytest_mxperf.gate.latency import judge_latency
from pytest_mxperf.gate.limits import parse_difference
from pytest_mxperf.latency.allowance import DEFAULT_SECONDS
from pytest_mxperf.latency.decide import Outcome

__all__ = ["add_commands"]


def add_commands(commands: Any) -> None:
    cost = add(commands, "cost", _cost, "FLOPs, MACs, parameters and memory of a model, or a table of many")
    cost.add_argument(
        "model",
        nargs="+",
        metavar="PREFIX",
        help=f"{MODEL}; several models, a pattern, a folder or an mxperf.toml make a table",
    )
    cost.add_argument("--sort", choices=SORTS, help="what the table is sorted by, largest first")
    cost.add_argument(
        "--format", choices=tuple(FORMATS), help="format of the table, also for one model (default: table)"
    )
    which = cost.add_mutually_exclusive_group()
    which.add_argument("--layers", action="store_true", help="show every layer, in the order of the graph")
    which.add_argument("--top", type=int, metavar="N", help="show the N heaviest layers (default: 5)")
    vary.add_option(cost)
    add_model_options(cost, of_two=False)
    difference = add(
        commands,
        "diff",
        _diff,
        "which layers differ between two models; exit code 0 if none does, 1 if some do, 2 on error",
    )
    race = add(
        commands,
        "latency",
        _latency,
        "whether a model is slower than another; exit code 0 if not, 1 if it is, 2 on error or if that stays unclear",
    )
    race.add_argument(
        "--allow",
        default="2.5%",
        metavar="GROWTH",
        help="for example 5%% (default: 2.5%%); --allow=-30%% (with =) demands that NEW is at least 30%% faster",
    )
    race.add_argument(
        "--seconds",
        type=float,
        default=DEFAULT_SECONDS,
        help="limit for the measurement, in seconds of CPU time (default: 30)",
    )
    add_run_as(race)
    for command in (difference, race):
        add_both(command)
    for command in (cost, difference, race):
        add_json(command)


def _cost(options: argparse.Namespace) -> Tuple[str, int]:
    if is_table(options):
        if options.vary:
            raise UsageError("--vary takes a single prefix, and neither --format nor --sort")
        return costs(options)
    if options.json and options.top is not None:
        raise UsageError("--json has every layer; leave out --top")
    (source,) = options.model
    spec = model_with_inputs(options, source)
    if not spec.inputs:
        return wanted(spec)
    if options.vary:
        return vary.run(options, spec)
    report = count(spec)
    if options.json:
        from pytest_mxperf.report import json

        return json.render_cost(report), SAME
    from pytest_mxperf.report.terminal import render_cost

    shown = {"heaviest": 5 if options.top is None else options.top, "layers": options.layers}
    return render_cost(source, report, width=width(), color=color(), **shown), SAME


def _diff(options: argparse.Namespace) -> Tuple[str, int]:
    old, new = both(options, (options.old, options.new))
    if not (old.inputs and new.inputs):
        return wanted(old, new)
    difference = diff(old, new)
    code = DIFFERENT if difference.changes else SAME
    if options.json:
        from pytest_mxperf.report import json

        return json.render_difference(difference), code
    from pytest_mxperf.report.difference import render

    return render(difference, width=width(), color=color()), code


def _latency(options: argparse.Namespace) -> Tuple[str, int]:
    old, new = both(options, (options.old, options.new))
    if not (old.inputs and new.inputs):
        return wanted(old, new)
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
    return judge_latency(allowed, compared, over=options.old).message_and_verdict, code
