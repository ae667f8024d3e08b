"""What keeps a model of an ``mxperf.toml`` from being judged."""

from pytest_mxperf.api import inputs_of
from pytest_mxperf.errors import MxperfError
from pytest_mxperf.suite.read import Entry

__all__ = ["problem_of"]


def problem_of(entry: Entry) -> str:
    """What is to be filled in, or what has to be mended first: a file that cannot be read. Empty if nothing is."""
    if entry.problem:
        try:
            inputs_of(entry.spec())
        except MxperfError as error:
            return f"{entry.where}: {error}"
    return entry.problem
