"""The Jinja2 environment of our HTML pages. It escapes every text. Each page is one file that needs no other."""

import re

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

__all__ = ["environment"]


def environment() -> Environment:
    """The environment. In templates, ``{{ source("report.css") }}`` inserts one of the project's own files."""
    made = Environment(
        loader=PackageLoader("pytest_mxperf.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["breakable"] = _breakable
    made.globals["source"] = lambda name: Markup(_source(made, name))
    return made


def _breakable(text: str) -> Markup:
    """Text that may break behind the parts of a layer's name, but not elsewhere in a word or in ``1 -> 16``."""
    parts = _BREAK.sub(lambda match: match.group() + "<wbr>", str(escape(text)))
    return Markup(_CHANGE.sub(lambda match: f'<span class="whole">{match.group()}</span>', parts))


_BREAK = re.compile(r"[_/]+(?=\w)|(?<=[a-z])\.(?=[a-z])", re.IGNORECASE)
_CHANGE = re.compile(r"(?:(?<!\S)\S{1,16} )?-&gt;(?: \S{1,16}(?!\S))?")


def _source(made: Environment, name: str) -> str:
    assert made.loader is not None
    return made.loader.get_source(made, name)[0]
