"""Text for a terminal of a given width."""

import io
import textwrap

from rich.console import Console
from rich.text import Text

__all__ = ["new_console", "plain", "printed", "shortened", "whole_words", "wrapped"]


def new_console(*, width: int, color: bool) -> Console:
    """A console that keeps its output in memory."""
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
    """The console's output, without blanks at the ends of lines."""
    output = console.file
    assert isinstance(output, io.StringIO)
    return "\n".join(line.rstrip() for line in output.getvalue().splitlines())


def plain(content: str, style: str = "") -> Text:
    """Text without control characters, which a terminal would obey. Names come from models."""
    return Text(
        "".join(char if char.isprintable() or char == "\n" else "\N{REPLACEMENT CHARACTER}" for char in content), style
    )


def wrapped(console: Console, text: str, *, indent: int = 0, hang: int = 0, style: str = "") -> None:
    """Prints text in as many lines as it needs. ``indent`` is for the first line, ``hang`` for the others if given."""
    lines = textwrap.wrap(
        text,
        max(20, console.width),
        initial_indent=" " * indent,
        subsequent_indent=" " * min(hang or indent, console.width // 2),
        drop_whitespace=True,
        break_on_hyphens=False,
    )
    for line in lines:
        console.print(plain(line, style), no_wrap=True, overflow="crop")


def whole_words(text: str, width: int) -> str:
    """The words that fit, and "…" for the others: half a number would be another number."""
    if len(text) <= width:
        return text
    fits = text[:width].rpartition(" ")[0] or text[: width - 1]
    return fits.rstrip(",") + "…"


def shortened(name: str, width: int) -> str:
    """Cuts the middle of a long name, because names of similar layers begin alike and differ at the end."""
    if len(name) <= width:
        return name
    kept = max(0, width - 1)
    head = kept // 2
    return name[:head] + "…" + name[len(name) - (kept - head) :]
