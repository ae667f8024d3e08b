"""``mxperf profile``: how long each layer of a model takes, or how two models differ in these times."""

import argparse
from typing import Any, List, Tuple

from pytest_mxperf.api import compare_layers, profile_layers
from pytest_mxperf.arguments import add_model_options
from pytest_mxperf.commands.shared import (
    MODEL,
    SAME,
    add,
    add_json,
    add_run_as,
    both,
    color,
    model_with_inputs,
    wanted,
    width,
)
from pytest_mxperf.errors import UsageError
from pytest_mxperf.latency.allowance import DEFAULT_SECONDS
from pytest_mxperf.sides import SIDES
from pytest_mxperf.spec import ModelSpec

__all__ = ["add_commands"]

_SORTS = ("time", "macs", "bytes")


def add_commands(commands: Any) -> None:
    command = add(
        commands,
        "profile",
        _profile,
        "how long each layer of a model takes, and what the processor could do; of two models, which layers differ",
    )
    command.add_argument("models", nargs="+", metavar="PREFIX", help=f"{MODEL}; two models (OLD NEW) are compared")
    command.add_argument("--sort", choices=_SORTS, default="time", help="what the layers are sorted by (default: time)")
    command.add_argument("--top", type=int, metavar="N", help="show N layers (default: all)")
    command.add_argument(
        "--seconds",
        type=float,
        default=DEFAULT_SECONDS,
        help="limit for timing a slow model, in seconds of CPU time (default: 30)",
    )
    add_run_as(command)
    add_model_options(command, of_two=True)
    add_json(command)


def _profile(options: argparse.Namespace) -> Tuple[str, int]:
    specs = _specs(options)
    if not all(spec.inputs for spec in specs):
        return wanted(*specs)
    timing = {"seconds": options.seconds, "run_as": options.run_as, "imports": options.imports}
    return (_two if len(specs) > 1 else _one)(options, specs, timing), SAME


def _specs(options: argparse.Namespace) -> List[ModelSpec]:
    if len(options.models) == 1:
        sided = next(
            (name for name, value in vars(options).items() if name.endswith(SIDES) and value not in (None, [])), None
        )
        if sided is not None:
            raise UsageError(f"profile: --{sided.replace('_', '-')} is for one of two models; there is one model only")
        return [model_with_inputs(options, options.models[0])]
    if len(options.models) > 2:
        raise UsageError(f"profile: takes one model or two, not {len(options.models)}")
    return both(options, options.models)


def _one(options: argparse.Namespace, specs: List[ModelSpec], timing: Any) -> str:
    found = profile_layers(specs[0], **timing)
    if options.json:
        from pytest_mxperf.report.json import render_profile

        return render_profile(found)
    from pytest_mxperf.report.profile import render

    shown = {"width": width(), "color": color(), "sort": options.sort, "top": options.top}
    return render(options.models[0], found, **shown)


def _two(options: argparse.Namespace, specs: List[ModelSpec], timing: Any) -> str:
    found = compare_layers(*specs, **timing)
    profiles = found.before, found.now
    if options.json:
        from pytest_mxperf.report.json import render_profiles

        return render_profiles(profiles, found.pairings, found.reasons)
    from pytest_mxperf.report.profile import render_two

    old, new = options.models
    shown = {"width": width(), "color": color(), "top": options.top}
    return render_two((old, new), profiles, found.pairings, found.reasons, **shown)
