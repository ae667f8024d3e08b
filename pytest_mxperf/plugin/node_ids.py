"""A test's node id as it is typed, and the command that stores the baseline of this test alone."""

import os
import shlex

import pytest

__all__ = ["id_of", "update_command"]


def id_of(item: pytest.Item) -> str:
    """The test's node id for the command line: without the group that xdist's ``--dist=loadgroup`` adds at the end."""
    written = f"{item.parent.nodeid}::{item.name}" if item.parent else item.nodeid
    return written if item.nodeid.startswith(f"{written}@") else item.nodeid


def update_command(item: pytest.Item) -> str:
    """The command that stores the baseline of only this test. A node id, unlike ``-k``, deselects no test."""
    config = item.config
    path, colons, rest = id_of(item).partition("::")
    here = os.path.relpath(config.rootpath / path, config.invocation_params.dir)
    folder, ini = config.getoption("mxperf_baselines"), config.getoption("inifilename", None)
    options = [*(["-c", ini] if ini else []), "--mxperf-update", *([f"--mxperf-baselines={folder}"] if folder else [])]
    return " ".join(map(shlex.quote, ["pytest", *options, f"{here}{colons}{rest}"]))
