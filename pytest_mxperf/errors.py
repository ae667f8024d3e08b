"""The exceptions of pytest-mxperf.

    MxperfError            base of all; its text is the whole message a user needs
    ├── UsageError         a marker, option or argument that cannot be understood
    ├── ModelError         the model cannot be read, traced or bound
    │   ├── GraphError     the symbol JSON is broken
    │   ├── ParamsError    the .params file is missing, broken or does not fit the graph
    │   └── ShapeError     shapes cannot be inferred from the inputs that were given
    ├── BaselineError      a stored baseline cannot be read or written
    ├── WorkerError        the measuring process cannot do what it is asked, or crashed on it
    └── MxnetMissingError  no MXNet is installed

    MxperfWarning          the model works, but something about it is wrong

Every message says what is wrong, where, and what to do next.
"""

from contextlib import contextmanager
from contextvars import ContextVar
from typing import Iterable, Iterator, Sequence

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
    "about",
    "did_you_mean",
    "either",
    "listed",
    "shown",
    "told",
]


_side: ContextVar[str] = ContextVar("side", default="")


@contextmanager
def about(side: str) -> Iterator[None]:
    """What is raised and warned of in the block is about one of two models: ``_old`` or ``_new``."""
    token = _side.set(side)
    try:
        yield
    finally:
        _side.reset(token)


class MxperfError(Exception):
    """Base of every error that pytest-mxperf raises on purpose."""

    def __init__(self, *message: object) -> None:
        super().__init__(*message)
        self.side = _side.get()
        """Which of two models it is about, ``_old`` or ``_new``: empty if it may be both, or if there is only one."""


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
    """The measuring process cannot do what it is asked, or crashed on it."""


class MxnetMissingError(MxperfError):
    """No MXNet is installed."""


class MxperfWarning(MxperfError, UserWarning):  # noqa: N818  it is raised only by a filter of warnings
    """The model can be counted and run, but something about it is wrong.

    An error too, for those who turn warnings into errors (``filterwarnings = error``).
    """


def listed(items: Sequence[str], limit: int = 5) -> str:
    """The first few items, and how many more there are.

    Items longer than a line are cut, and what a terminal would act on is escaped: files have names of any characters.
    """
    more = f" and {len(items) - limit} more" if len(items) > limit else ""
    return ", ".join(map(_shown, items[:limit])) + more


def did_you_mean(name: str, names: Iterable[str], form: str = "did you mean {!r}? ", *, alike: float = 0.6) -> str:
    """A hint with the name that is most like a misspelt one, the first of several; empty if none is like it.

    ``alike`` is the least ``SequenceMatcher.ratio``: 1 for the same name.
    """
    from difflib import SequenceMatcher

    likeness = {each: SequenceMatcher(None, each, name).ratio() for each in names}
    best = max(likeness, key=likeness.__getitem__, default="")
    return form.format(best) if likeness.get(best, 0.0) >= alike else ""


def _shown(item: str) -> str:
    if not item.isprintable():
        item = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in item[:_LONGEST])
    return item if len(item) <= _LONGEST else f"{item[:_LONGEST]}..."


def either(choices: Sequence[str]) -> str:
    """The choices in a sentence: ``fail, warn or ignore``."""
    return " or ".join(filter(None, [", ".join(choices[:-1]), *choices[-1:]]))


def shown(value: object) -> str:
    """What a user has written or returned, cut like an item of a list; also what has no ``repr``."""
    try:
        text = repr(value)
    except Exception:
        text = f"an unprintable {type(value).__name__}"
    return listed([text])


def told(error: BaseException) -> str:
    """What somebody else's code has raised: its type, and the beginning of what it says if it can be printed."""
    try:
        text = str(error)
    except Exception:
        text = "it cannot be printed"
    cut = text if len(text) <= _LONGEST_ERROR else f"{text[:_LONGEST_ERROR]}..."
    return f"{type(error).__name__}: {cut}" if cut else type(error).__name__


_LONGEST = 150
_LONGEST_ERROR = 2000
