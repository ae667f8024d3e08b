"""Writes the reference pages from the code: options, markers, verdicts, commands, API.

They are in git too, for readers of the repository. A test of the built site fails if they differ from the code.
"""

import argparse
import ast
import inspect
import os
import re
from importlib import import_module
from pathlib import Path
from textwrap import indent
from unittest import mock

import pytest

import pytest_mxperf
from pytest_mxperf import plugin
from pytest_mxperf.cli import _parser
from pytest_mxperf.gate.finding import Verdict
from pytest_mxperf.gate.policy import OCCASIONS, Policy
from pytest_mxperf.plugin import options
from pytest_mxperf.suite.document import Defaults, Model


class Taken:
    """Records the options and ini keys that the plugin gives to pytest's parser."""

    def __init__(self):
        self.options, self.inis = [], []

    def getgroup(self, *_):
        return self

    def addoption(self, *names, **given):
        self.options.append((names, given))

    def addini(self, name, text, **given):
        self.inis.append((name, text, given["type"] or "string", given["default"]))


def cell(text):
    text = re.sub(r"Verdicts and their defaults: .*", "[All verdicts](verdicts.md)", str(text))  # too long for a cell
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;").replace("%%", "%")


def table(headings, rows):
    lines = [f"| {' | '.join(headings)} |", f"|{'---|' * len(headings)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def options_page():
    taken = Taken()
    options.add_options(taken)
    given = [(f"`{names[0]}{value(more)}`", cell(more.get("help", ""))) for names, more in taken.options]
    inis = [(f"`{name}`", cell(kind), f"`{default!r}`", cell(text)) for name, text, kind, default in taken.inis]
    return (
        f"# Options and ini keys\n\n{table(('Option', ''), given)}\n\n"
        f"{table(('Ini key', 'type', 'default', ''), inis)}\n"
    )


def value(more):
    """``=DIR``, or ``[=REPORT]`` if the option may have none. After a space, pytest would take that for a path."""
    shown = cell(more.get("metavar") or "|".join(more.get("choices", ())))
    return f"[={shown}]" if more.get("nargs") == "?" else f"={shown}" if shown else ""


def markers_page():
    markers = [(f"`{text.partition(': ')[0]}`", cell(text.partition(": ")[2])) for text in plugin.MARKERS.values()]
    fixtures = [(f"`{name}`", cell(inspect.getdoc(fixture(name)))) for name in FIXTURES]
    return f"# Markers and fixtures\n\n{table(('Marker', ''), markers)}\n\n{table(('Fixture', ''), fixtures)}\n"


FIXTURES = ("mxperf_model", "mxperf_cost", "mxperf_checkpoint", "mxperf_module", "mxperf_benchmark")


def fixture(name):
    found = getattr(plugin, name, None) or getattr(plugin._WithBenchmark, name)
    return getattr(found, "_get_wrapped_function", lambda: found)()


def verdicts_page():
    policy = Policy()
    rows = [
        (f"`{verdict.value}`", policy.action(verdict), cell(OCCASIONS.get(verdict, ALWAYS.get(verdict, ""))))
        for verdict in Verdict
    ]
    intro = "What each does, unless a [policy](../never-silently-green.md) says otherwise."
    return f"# Verdicts\n\n{intro}\n\n{table(('Verdict', 'Default', 'When'), rows)}\n"


ALWAYS = {
    Verdict.PASSED: "the value is within its limit",
    Verdict.REGRESSED: "a value has grown by more than its baseline allows",
    Verdict.OVER_BUDGET: "a value is over its budget",
    Verdict.ADVICE: "a hint, which is no gate",
    Verdict.CONFLICT: "two tests use one baseline for different models",
}


def commands_page():
    parser = _parser()
    (commands,) = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
    parts = ["# The command mxperf\n"]
    for name, command in commands.choices.items():
        with mock.patch.dict(os.environ, COLUMNS="80"):
            text = re.sub(r"\x1b\[[0-9;]*m", "", command.format_help())
        parts.append(f"## mxperf {name}\n\n```text\n{text}```\n")
    return "\n".join(parts)


def suite_page():
    source = inspect.getsource(Defaults) + inspect.getsource(Model)
    rows = [
        (f"`{name}`", f"`{kind}`", cell(text))
        for name, kind, text in re.findall(r'^    (\w+): (.+?)(?: = [^\n]*)?\n    """(.*?)"""', source, re.M | re.S)
    ]
    return f"# Keys of mxperf.toml\n\n{table(('Key', 'type', ''), rows)}\n"


API = """# Python API

NAMES

## In full

```{eval-rst}
.. automodule:: pytest_mxperf
   :members:
   :undoc-members:
   :imported-members:
   :special-members: __call__
```

## Aliases

What arguments and attributes can be, for annotations of your own.

```{eval-rst}
ALIASES
```
"""


def api_page():
    found = [entry for module, names in pytest_mxperf._NAMES.items() for entry in aliases(module, names)]
    full = API.replace("ALIASES\n", "\n".join(text for _, text in sorted(found)))
    rows = [(f"`{name}{parameters(name)}`", cell(summary(name))) for name in sorted(pytest_mxperf.__all__)]
    return full.replace("NAMES", table(("Name", ""), [row for row in rows if row[1]]))


def parameters(name):
    """``(model, inputs)`` of a function; nothing of a class."""
    thing = getattr(pytest_mxperf, name)
    return f"({', '.join(inspect.signature(thing).parameters)})" if inspect.isfunction(thing) else ""


def summary(name):
    """The first sentences of a docstring. Aliases of types have none, and are listed below."""
    thing = getattr(pytest_mxperf, name)
    return inspect.getdoc(thing).split("\n\n")[0] if inspect.isfunction(thing) or inspect.isclass(thing) else ""


def aliases(module, names):
    """Those of the names that a module assigns, each with its value and the text below it: autodoc leaves them out."""
    body = ast.parse(inspect.getsource(import_module(module))).body
    for each, below in zip(body, body[1:]):
        if isinstance(each, ast.Assign) and each.targets[0].id in names:
            name, text = each.targets[0].id, inspect.cleandoc(below.value.value)
            heading = f".. py:data:: {name}\n   :module: pytest_mxperf\n   :value: {ast.unparse(each.value)}"
            yield name, f"{heading}\n\n{indent(text, '   ')}\n"


def write(app):
    folder = Path(app.srcdir) / "reference"
    folder.mkdir(exist_ok=True)
    pages = {
        "options": options_page(),
        "markers": markers_page(),
        "verdicts": verdicts_page(),
        "commands": commands_page(),
        "mxperf-toml": suite_page(),
        "api": api_page(),
    }
    for name, text in pages.items():
        path = folder / f"{name}.md"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def without_aliases(app, what, name, thing, options, lines):
    """Python itself says of a named tuple's fields only that they are its fields."""
    lines[:] = [line for line in lines if not line.startswith("Alias for field number")]


def setup(app):
    assert pytest.__version__
    app.connect("builder-inited", write)
    app.connect("autodoc-process-docstring", without_aliases)
    return {"parallel_read_safe": True}
