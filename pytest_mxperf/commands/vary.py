"""``mxperf cost PREFIX --vary AXIS=SIZES``: how a model's costs scale with the size of its inputs."""

import argparse
from typing import List, Tuple

from pytest_mxperf.api import vary
from pytest_mxperf.arguments import in_options
from pytest_mxperf.commands.shared import SAME, TROUBLE, color, width
from pytest_mxperf.cost.scaling import Axis, Scaling
from pytest_mxperf.errors import UsageError
from pytest_mxperf.spec import ModelSpec

__all__ = ["add_option", "run"]


def add_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--vary",
        action="append",
        default=[],
        metavar="INPUT:DIM=SIZES",
        help="count at several sizes of an axis, and find the law that the costs follow: data:0=1,2,4,8 for the batch, "
        "data:2,3=160,224,320 for height and width together, tokens:1,types:1=16,32 for two inputs; repeatable; the "
        "exit code is 2 if the model cannot be counted at one of the sizes",
    )


def run(options: argparse.Namespace, spec: ModelSpec) -> Tuple[str, int]:
    if options.layers or options.top is not None:
        raise UsageError(f"--vary shows the totals at each size; leave out {'--layers' if options.layers else '--top'}")
    found = [_told_here(vary(spec, axis=axis, sizes=sizes)) for axis, sizes in map(_parsed, options.vary)]
    code = TROUBLE if any(scaling.problems for scaling in found) else SAME
    if options.json:
        from pytest_mxperf.report.json import render_scalings

        return render_scalings(found), code
    from pytest_mxperf.report.scaling import render

    return "\n\n".join(render(scaling, width=width(), color=color()) for scaling in found), code


def _told_here(scaling: Scaling) -> Scaling:
    return scaling._replace(problems={size: in_options(problem) for size, problem in scaling.problems.items()})


def _parsed(text: str) -> Tuple[str, List[int]]:
    axis, _, sizes = text.rpartition("=")
    try:
        found = [int(size) for size in sizes.split(",")]
    except ValueError:
        raise UsageError(f"--vary {text}: write it like data:0=1,2,4,8 or data:2,3=160,224,320") from None
    return str(Axis.parse(axis, where=f"--vary {text}")), found
