"""Plain words: phrases that had to be read twice, and what says the same. docs/style.md has examples, bad ones too."""

import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(path for path in (ROOT / "docs").glob("*.md") if path.name != "style.md")])
SOURCES = sorted((ROOT / "pytest_mxperf").rglob("*.py"))

PLAIN = {
    r", say[,.)|]": "for example",
    r"\balso where\b": "even when",
    r"\b(?:is|are) told\b(?! (?:to|what|not|how|whether|that|which|the|apart|in))": "is reported",
    r"\bwhich no \w+ tears\b": "say it in the active voice",
    r"\bunbeknownst\b|\bwhilst\b|\bthereof\b|\bwherein\b|\bherein\b": "shorter words",
    r"\butili[sz]e": "use",
    r"\bin order to\b": "to",
    r"\bdue to the fact\b": "because",
    r", of which (?!the|it|a |MXNet)": "whose, or two sentences",
    r"\bheld against\b": "compared with, or checked against",
    r"\b(?:all|everything|nothing) but for\b|, but for\b": "except",
    r"\banew\b": "again, or make a new one",
    r"\btold from\b": "derived from",
    r", be it\b|, for there (?:is|are)\b": "because, or two sentences",
    r"\b(?:die|dies|died) of\b": "crashes on, is killed by",
    r"\bas ever\b": "as always",
    r"\ball the same\b": "still, or but",
    r"\bthose included\b": "also, or even",
    r"\bwhat (?:comes|became|becomes) of\b": "what it does, what happens to it",
    r"\bat the (?:most|least)\b": "at most, at least",
    r"\bputs? out\b": "output",
    r"\bis known no more\b|\b(?:shares?|trains?|reads?)\b.{,20} no more\b": "no longer",
}

LONGEST_CELL = 170
"""Characters of a table's cell, in the pages that are written by hand: what is longer is a paragraph."""


def strange(text):
    found = (
        f"line {text.count(chr(10), 0, match.start()) + 1}: {match.group(0)!r}: {instead}"
        for pattern, instead in PLAIN.items()
        for match in re.finditer(pattern, text)
    )
    return sorted(found)


def words_of(source):
    """Comments and texts of a program, at their lines."""
    lines = [""] * (source.count("\n") + 2)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in (tokenize.COMMENT, tokenize.STRING):
            for offset, line in enumerate(token.string.split("\n")):
                lines[token.start[0] - 1 + offset] += line
    return "\n".join(lines)


def test_strange_words_are_found():
    assert strange("fine\nit is late, say.") == ["line 2: ', say.': for example"]
    assert strange(words_of('x = 1  # also where\n"""in order to"""\n')) == [
        "line 1: 'also where': even when",
        "line 2: 'in order to': to",
    ]
    assert strange("It is told what to do, and told apart; each of which counts.") == []
    assert strange("held against it, it dies of that as ever") == [
        "line 1: 'as ever': as always",
        "line 1: 'dies of': crashes on, is killed by",
        "line 1: 'held against': compared with, or checked against",
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_use_plain_words(page):
    assert strange(page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent != ROOT], ids=lambda page: page.name)
def test_cells_are_short(page):
    rows = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    cells = [cell.strip() for row in rows for cell in row.replace("\\|", " ").split("|")]
    assert [cell for cell in cells if len(cell) > LONGEST_CELL] == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_messages_docstrings_and_comments_use_plain_words(path):
    assert strange(words_of(path.read_text(encoding="utf-8"))) == []
