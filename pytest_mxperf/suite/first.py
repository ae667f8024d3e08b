"""A first ``mxperf.toml``, with the inputs that graphs and weights show, and a blank for each unknown size."""

import json
import re
from typing import Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from pytest_mxperf.cost.inputs import GraphInput
from pytest_mxperf.cost.params import Role
from pytest_mxperf.spec import Epoch
from pytest_mxperf.suite.document import BLANK

__all__ = ["Guess", "first_suite"]

_SIDES = (
    224,
    112,
    299,
    32,
    28,
    128,
    256,
    300,
    320,
    416,
    512,
    64,
    48,
    96,
    16,
    8,
    24,
    12,
    40,
    80,
    100,
    120,
    160,
    192,
    227,
    384,
)
"""Sides of images to try if the graph does not fit all of them, the usual ones first."""
_LENGTH = 16
"""The length of a sequence."""
_LONGEST_NAME = 100
_IMAGE = 4
"""The number of dimensions of a batch of images."""
Shapes = Dict[str, Tuple[Tuple[int, ...], str]]
Open = Tuple[Optional[int], ...]
"""A shape with None for each unknown size."""
_INDICES = "indices below"
"""How ``cost/inputs.py`` describes the input of an embedding."""


class GuessedInput(NamedTuple):
    """An input's shape, with None for unknown sizes. ``(None,)`` stands for any number of dimensions."""

    name: str
    shape: Open
    dtype: str
    remark: str
    """How the sizes were found, or why some are missing."""


class Guess(NamedTuple):
    """The guessed inputs of one checkpoint."""

    source: str
    inputs: Tuple[GuessedInput, ...]
    problem: str = ""
    """Why the checkpoint cannot be read."""
    epoch: Epoch = 0
    output: str = ""
    """The operator to end the graph at, because this MXNet lacks a later one."""

    @property
    def is_complete(self) -> bool:
        return bool(self.inputs) and all(None not in each.shape for each in self.inputs)

    @classmethod
    def of(
        cls,
        source: str,
        inputs: Sequence[GraphInput],
        fits: Callable[[Shapes], bool],
        *,
        epoch: Epoch = 0,
        output: str = "",
    ) -> "Guess":
        """``fits`` says whether the model can be counted with such shapes."""
        if not inputs:
            remark = "the graph names no input: give its name and all its dimensions"
            unknown = GuessedInput("data", (None,), "float32", remark)
            return cls(source, (unknown,), epoch=epoch, output=output)
        # MXNet infers most labels. They are given only if the model cannot be counted without them.
        for given in ([each for each in inputs if each.role is not Role.LABEL], list(inputs)):
            shapes = {each.name: _one_batch(each) for each in given}
            found = None if None in shapes.values() else _fitting(given, shapes, fits)
            if found is not None:
                known = tuple(_known(each, found[each.name][0]) for each in given)
                return cls(source, known, epoch=epoch, output=output)
        needed = [each for each in inputs if each.is_wanted]
        return cls(source, tuple(map(_blank, needed or inputs)), epoch=epoch, output=output)


def _fitting(
    inputs: Sequence[GraphInput], shapes: Dict[str, Optional[Open]], fits: Callable[[Shapes], bool]
) -> Optional[Shapes]:
    """The shapes with the first usual size with which the model can be counted."""
    is_open = any(None in (shape or ()) for shape in shapes.values())
    for side in _sides(shapes) if is_open else (0,):
        found = {
            each.name: (tuple(side if size is None else size for size in shapes[each.name] or ()), each.dtype)
            for each in inputs
        }
        if fits(found):
            return found
    return None


def _one_batch(given: GraphInput) -> Optional[Open]:
    """The shape, with a batch of 1 if its first size is unknown. None if even the number of dimensions is unknown.

    Indices into a table always get a shape, because they are nearly always a batch of sequences.
    """
    shape = given.shape
    if shape is None:
        return (1, None) if given.about.startswith(_INDICES) else None
    if len(shape) >= _IMAGE and shape[1] is None:
        return None  # unknown channels: without weights a convolution takes any number of them
    return _first_of_1(shape)


def _first_of_1(shape: Open) -> Open:
    return shape if not shape else (1 if shape[0] is None else shape[0], *shape[1:])


def _sides(shapes: Mapping[str, Optional[Open]]) -> Sequence[int]:
    """The values to try for an unknown size: an image's side, or a sequence's length."""
    open_sizes = [len(shape or ()) for shape in shapes.values() if shape and None in shape]
    return _SIDES if any(size >= 4 for size in open_sizes) else (_LENGTH, *_SIDES)


def _known(given: GraphInput, shape: Tuple[int, ...]) -> GuessedInput:
    is_open = given.shape is not None and None in given.shape[1:]
    remark = "unknown sizes are set to a usual size that fits" if is_open else ""
    return GuessedInput(given.name, shape, given.dtype, remark)


def _blank(given: GraphInput) -> GuessedInput:
    if given.shape is None:
        remark = f"nothing in the graph tells how many dimensions it has: give all, such as {_such_as(given)}"
        return GuessedInput(given.name, (None,), given.dtype, f"{remark}; {given.about}")
    shape = _first_of_1(given.shape)
    if None not in shape:
        return GuessedInput(given.name, shape, given.dtype, "")
    why = "its channels are unknown" if len(shape) >= _IMAGE and shape[1] is None else "no usual size fits"
    return GuessedInput(given.name, shape, given.dtype, f"{why}; {given.about}")


def _such_as(given: GraphInput) -> str:
    """A usual shape, as the file has it."""
    if given.role is Role.LABEL:
        return "[1]"
    return f"[1, {_LENGTH}]" if given.about.startswith(_INDICES) else "[1, 3, 224, 224]"


def first_suite(guesses: Sequence[Guess], *, recorded_by: str) -> str:
    """The text of the file. ``recorded_by`` is the command that records the baselines."""
    head = (
        "# Models and their gates: pytest collects each as a test, mxperf check judges them without pytest.\n"
        f'# Written by mxperf init. Fill in each "{BLANK}", then record the baselines: {recorded_by}\n\n'
        "[defaults]\nbaseline = true    # no cost may grow\n"
    )
    names: Dict[str, int] = {}
    return head + "".join(_table(guess, _name(guess, names)) for guess in guesses)


def _name(guess: Guess, taken: Dict[str, int]) -> str:
    """A name that a baseline can have too, with room for a number behind it."""
    letters = re.sub(r"[^\w.-]+", "_", guess.source.rpartition("/")[2], flags=re.ASCII)[:_LONGEST_NAME]
    name = letters.lstrip(".-") or "model"
    taken[name] = taken.get(name, 0) + 1
    return name if taken[name] == 1 else f"{name}-{taken[name]}"


def _table(guess: Guess, name: str) -> str:
    lines = ["", f"[models.{_key(name)}]", f"source = {_text(guess.source.replace('$', '$$'))}"]
    if guess.epoch:
        lines.append(f"epoch = {_text(str(guess.epoch))}")
    if guess.output:
        lines.append(f"output = {_text(guess.output)}    # this MXNet lacks the operator behind it")
    if guess.problem:
        lines.append(_comment(guess.problem))
    else:
        lines += [_comment(f"{each.name}: {each.remark}") for each in guess.inputs if each.remark]
        lines.append(f"inputs = {{ {', '.join(map(_input, guess.inputs))} }}")
    return "\n".join(lines) + "\n"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[\w-]+", name, re.ASCII) else _text(name)


def _input(guessed: GuessedInput) -> str:
    sizes: List[str] = [f'"{BLANK}"' if size is None else str(size) for size in guessed.shape]
    shape, key = f"[{', '.join(sizes)}]", _key(guessed.name)
    if guessed.dtype == "float32":
        return f"{key} = {shape}"
    return f"{key} = {{ shape = {shape}, dtype = {_text(guessed.dtype)} }}"


def _comment(text: str) -> str:
    """A comment on one line, even if a name or a path has line breaks."""
    return "# " + "".join(char if char.isprintable() else "?" for char in text)


def _text(text: str) -> str:
    """A TOML string. It is a JSON string, but without surrogates, and with DEL escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
