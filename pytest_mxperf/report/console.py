"""Text for a terminal of a given width."""

import io

from rich.console import Console
from rich.text import Text

__all__ = ["new_console", "plain", "printed"]


def new_console(*, width: int, color: bool) -> Console:
    """A console that keeps what is printed to it."""
    return Console(
        file=io.StringIO(),
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        highlight=False,
        markup=False,
        emoji=False,
    )


def printed(console: Console) -> str:
    """All that was printed, without blanks at the ends of lines."""
    output = console.file
    assert isinstance(output, io.StringIO)
    return "\n".join(line.rstrip() for line in output.getvalue().splitlines())


def plain(content: str, style: str = "") -> Text:
    """Text that stays text: names come from models, and may hold what a terminal would obey."""
    return Text(
        "".join(char if char.isprintable() or char == "\n" else "\N{REPLACEMENT CHARACTER}" for char in content), style
    )
