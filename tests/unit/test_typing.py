"""What type checkers make of a user's own files: ``tests/typing/``, right ones and wrong ones."""

import re
import subprocess
import sys
from pathlib import Path
from types import FunctionType
from typing import get_args, get_type_hints

import pytest

import pytest_mxperf
from pytest_mxperf import errors

ROOT = Path(pytest_mxperf.__file__).parents[1]
FILES = ROOT / "tests" / "typing"

CHECKERS = {
    # Silent about the package's own files: an old mypy has more to say of them, and no user sees it.
    "mypy": ["--strict", "--follow-imports=silent"],
    "pyright": ["--pythonpath", sys.executable],
}


@pytest.fixture
def check(tmp_path_factory):
    caches = {"mypy": [f"--cache-dir={tmp_path_factory.getbasetemp() / 'mypy'}"], "pyright": []}

    def check(checker, path):
        pytest.importorskip(checker)
        command = [sys.executable, "-m", checker, *CHECKERS[checker], *caches[checker], str(path)]
        return subprocess.run(command, cwd=str(ROOT), capture_output=True, text=True, timeout=300)

    return check


@pytest.mark.slow
@pytest.mark.parametrize("checker", CHECKERS)
def test_a_users_files_are_checked_strictly(check, checker):
    """Each wrong line says what is reported for it. A report that is missing is reported, like one too many."""
    found = check(checker, FILES)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.slow
@pytest.mark.parametrize("checker", CHECKERS)
def test_what_is_wrong_is_found(check, checker, tmp_path):
    """Guards the test above against a checker that looks at nothing."""
    lines = (FILES / "wrong.py").read_text(encoding="utf-8").split("\n")
    bare = tmp_path / "bare.py"
    bare.write_text("\n".join(line.partition("  # type: ignore")[0] for line in lines), encoding="utf-8")
    found = check(checker, bare)
    reported = {int(number) for number in re.findall(r"bare\.py:(\d+):(?:\d+ -)? error", found.stdout)}
    expected = {number for number, line in enumerate(lines, 1) if "  # type: ignore" in line}
    assert len(expected) > 30
    assert reported >= expected, found.stdout + found.stderr


def test_every_type_that_a_user_can_get_hold_of_can_be_named():
    exported = {name: getattr(pytest_mxperf, name) for name in pytest_mxperf.__all__}
    unnamed = {
        found.__qualname__
        for value in exported.values()
        for found in types_of(value)
        if found.__module__.startswith("pytest_mxperf") and found not in exported.values()
    }
    assert unnamed == {"NamedDtype"}  # a dtype of numpy, which has a name there


def types_of(value):
    """All classes in the hints of a function, of a class's attributes and methods, or in an alias."""
    if not isinstance(value, (type, FunctionType)):
        return classes_in(value)
    parts = [value]
    if isinstance(value, type):
        public = [each for name, each in vars(value).items() if not name.startswith("_") or name == "__call__"]
        parts += [each.fget if isinstance(each, property) else getattr(each, "__func__", each) for each in public]
        parts = [value, *(each for each in parts if isinstance(each, FunctionType))]
    return {found for part in parts for hint in get_type_hints(part).values() for found in classes_in(hint)}


def classes_in(hint):
    if isinstance(hint, list):  # the arguments of a callable
        return {found for each in hint for found in classes_in(each)}
    if get_args(hint):
        return {found for each in get_args(hint) for found in classes_in(each)}
    return {hint} if isinstance(hint, type) else set()


def test_every_error_can_be_named():
    named = {name for name in errors.__all__ if isinstance(getattr(errors, name), type)}
    assert "ShapeError" in named <= set(pytest_mxperf.__all__)
