"""The exceptions of pytest-mxperf.

    MxperfError            base of all; its text is the whole message a user needs
    ├── UsageError         a marker, option or argument that cannot be understood
    ├── ModelError         the model cannot be read, traced or bound
    │   ├── GraphError     the symbol JSON is broken
    │   ├── ParamsError    the .params file is missing, broken or does not fit the graph
    │   └── ShapeError     shapes cannot be inferred from the inputs that were given
    ├── BaselineError      a stored baseline cannot be read or written
    ├── WorkerError        the measuring process cannot do what it is asked, or died of it
    └── MxnetMissingError  no MXNet is installed

    MxperfWarning          the model works, and something about it is wrong all the same

Every message says what is wrong, where, and what to do next.
"""

from typing import Sequence

__all__ = [
    "BaselineError",
    "GraphError",
    "ModelError",
    "MxnetMissingError",
    "MxperfError",
    "MxperfWarning",
    "ParamsError",
    "ShapeError",
    "UsageError",
    "WorkerError",
    "listed",
]


class MxperfError(Exception):
    """Base of every error that pytest-mxperf raises on purpose."""


class UsageError(MxperfError):
    """A marker, option or argument cannot be understood."""


class ModelError(MxperfError):
    """A model cannot be read, traced or bound."""


class GraphError(ModelError):
    """A symbol JSON is broken."""


class ParamsError(ModelError):
    """A ``.params`` file is missing, broken, or does not fit its graph."""


class ShapeError(ModelError):
    """Shapes cannot be inferred from the inputs that were given."""


class BaselineError(MxperfError):
    """A stored baseline cannot be read or written."""


class WorkerError(MxperfError):
    """The measuring process cannot do what it is asked, or died of it."""


class MxnetMissingError(MxperfError):
    """No MXNet is installed."""


class MxperfWarning(UserWarning):
    """The model can be counted and run, and something about it is wrong all the same."""


def listed(items: Sequence[str], limit: int = 5) -> str:
    """The first few items, and how many more there are.

    Items longer than a line are cut, and what a terminal would act on is escaped: files have names of any characters.
    """
    more = f" and {len(items) - limit} more" if len(items) > limit else ""
    return ", ".join(map(_shown, items[:limit])) + more


def _shown(item: str) -> str:
    if not item.isprintable():
        item = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in item[:_LONGEST])
    return item if len(item) <= _LONGEST else f"{item[:_LONGEST]}..."


_LONGEST = 150
