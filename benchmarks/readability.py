"""How hard the docs are to read, at two revisions: python benchmarks/readability.py [BEFORE [AFTER]].

For each page it counts words, words per sentence, and Flesch's reading ease:
206.835 - 1.015 x words per sentence - 84.6 x syllables per word. 60 and more is plain English; papers are below 30.
Only running text counts. Code blocks, tables, headings and pictures are left out. An inline `name` and a number are one
word of one syllable each. A sentence ends at its punctuation, or with its paragraph or list item.

BEFORE is by default the last revision of the nine flat pages (9,900 words), AFTER the working tree.
Syllables are counted by a rule of thumb: textstat has a dictionary, but fetches it from the network.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "readability.md"
FLAT_PAGES = "33a9e4d"
LEFT_OUT = re.compile(
    r"^```.*?^```|^\|.*?$|^#.*?$|^ {4}.*?$|<!--.*?-->|!\[[^]]*\]\([^)]*\)",  # code, tables, headings, comments, images
    re.M | re.S,
)
UNSPOKEN = re.compile(r"(?<=[^aeiouyl])e$|(?<=[aeiouy]l)e[sd]?$|(?<=[^aeiouydlt])ed$|(?<=[^aeiouycghlsxz])es$")


def paragraphs(markdown):
    """The running text, one paragraph or list item each."""
    text = re.sub(r"^( {2,})(?=\S)(?<!    )", "", markdown, flags=re.M)  # what goes on in a list item is no code
    text = LEFT_OUT.sub("\n", text)
    text = re.sub(r"`[^`]+`", "it", text)
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"[*_>]", "", text)
    return [" ".join(part.split()) for part in re.split(r"\n\s*\n|\n\s*(?:[-+]|\d+\.)\s", text) if part.strip()]


def sentences(markdown):
    """Lists of words."""
    parts = (part for paragraph in paragraphs(markdown) for part in re.split(r"(?<=[.!?])\s+(?=\S)", paragraph))
    found = (re.findall(r"[A-Za-z0-9][\w.,%'/-]*", part) for part in parts)
    return [words for words in found if len(words) > 1]


def syllables(word):
    """Groups of vowels, without an e that is not spoken."""
    word = re.sub(r"[^a-z]", "", word.lower())
    word = UNSPOKEN.sub("", word) if len(word) > 3 else word
    return max(1, len(re.findall(r"[aeiouy]+", word)))


def figures(texts):
    """Words, words per sentence and Flesch's reading ease of some pages together, or None of none."""
    found = [words for text in texts for words in sentences(text)]
    words = [word for each in found for word in each]
    if not words:
        return None
    per_sentence = len(words) / len(found)
    ease = 206.835 - 1.015 * per_sentence - 84.6 * sum(map(syllables, words)) / len(words)
    return len(words), per_sentence, ease


def git(*arguments):
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def pages(revision):
    """The text of each page at a revision, or as it lies in the working tree."""
    if revision is None:
        listed = [*sorted((ROOT / "docs").rglob("*.md")), *(ROOT / name for name in OTHERS)]
        return {str(path.relative_to(ROOT)): path.read_text() for path in listed if "reference" not in path.parts}
    names = git("ls-tree", "-r", "--name-only", revision, "docs", *OTHERS).split()
    return {name: git("show", f"{revision}:{name}") for name in names if name.endswith(".md")}


OTHERS = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")


def row(name, *found):
    cells = ("- | - | -" if each is None else f"{each[0]:,} | {each[1]:.1f} | {each[2]:.0f}" for each in found)
    return f"| {name} | {' | '.join(cells)} |"


def main(before=FLAT_PAGES, after=None):
    old, new = pages(before), pages(after)
    lines = [
        *("# Readability of the docs", ""),
        "Written by `benchmarks/readability.py`, which says what counts: words, words per sentence, and Flesch's",
        f"reading ease (higher is easier). Before is {before}, after is {after or 'the tree with this file'}.",
        *("", "| page | words before | per sentence | ease | words after | per sentence | ease |"),
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for name in sorted({*old, *new}):
        lines.append(row(name, *(figures([side[name]]) if name in side else None for side in (old, new))))
    lines.append(row("**all pages of docs/**", *(figures(docs(side)) for side in (old, new))))
    lines.append(row("**those that are in both**", *(figures(docs(side, {*old} & {*new})) for side in (old, new))))
    RESULT.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


def docs(side, names=None):
    return [text for name, text in side.items() if name.startswith("docs/") and (names is None or name in names)]


if __name__ == "__main__":
    main(*sys.argv[1:])
