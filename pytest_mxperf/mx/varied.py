"""Counts a model at several sizes of its inputs, and finds the operators that fix a size."""

import warnings
from dataclasses import replace
from typing import List, Mapping, Sequence, Union

from pytest_mxperf.cost.fixed import Fixed, fixed_nodes, written_nodes
from pytest_mxperf.cost.scaling import Axis, Scaling, checked_sizes, laws
from pytest_mxperf.errors import ModelError, MxperfError, listed
from pytest_mxperf.mx.analysis import Analysis, analyse
from pytest_mxperf.mx.model import open_model
from pytest_mxperf.spec import ModelSpec

__all__ = ["scaling_of"]

_MOST_SUSPECTS = 20
"""How many operators are tried one by one. Each trial counts the graph up to the operator."""


def scaling_of(spec: ModelSpec, axis: Axis, asked: Sequence[int]) -> Scaling:
    """How the model's counts depend on the axis. Raises the first ``MxperfError`` if no size can be counted."""
    sizes = Sizes(spec, axis)
    tried = {size: sizes.at(size) for size in checked_sizes(asked)}
    found = {size: each for size, each in tried.items() if isinstance(each, Analysis)}
    problems = {size: each for size, each in tried.items() if isinstance(each, MxperfError) and size in asked}
    notes = _notes(sizes, found, problems)
    if not found.keys() & set(asked):
        first = problems[asked[0]]
        raise type(first)("; ".join([str(first), *notes]))
    reports = {size: analysis.cost() for size, analysis in found.items()}
    return Scaling(
        str(axis),
        spec.inputs,
        {size: reports[size] for size in asked if size in reports},
        {size: str(error) for size, error in problems.items()},
        laws(reports),
        tuple(sorted(reports)),
        tuple(notes),
    )


class Sizes:
    """A model at any size of the axis. Warnings about its files come once, not for every size."""

    def __init__(self, spec: ModelSpec, axis: Axis) -> None:
        self.spec = spec
        self.axis = axis
        self._is_opened = False

    def at(self, size: int, *, end: str = "") -> Union[Analysis, MxperfError]:
        """The analysis of the model, or of its graph up to the operator ``end``; or the error."""
        outputs = (end,) if end else self.spec.outputs
        spec = replace(self.spec, inputs=self.axis.resized(self.spec.inputs, size), outputs=outputs)
        with warnings.catch_warnings():
            if self._is_opened:
                warnings.simplefilter("ignore")
            self._is_opened = True
            try:
                return analyse(open_model(spec))
            except MxperfError as error:
                return error


def _notes(sizes: Sizes, found: Mapping[int, Analysis], problems: Mapping[int, MxperfError]) -> List[str]:
    """Notes that name the operators that fix the axis, also if the model cannot be counted."""
    fixed = _fixed_in(list(found.values()), list(found))
    failed = [size for size, error in problems.items() if isinstance(error, ModelError)]
    if not failed:
        return _told(fixed, sizes.axis)
    return _told(fixed or _culprits(sizes, found, failed[0]), sizes.axis) + _left_out(sizes)


def _left_out(sizes: Sizes) -> List[str]:
    others = [name for name in sizes.spec.inputs if name not in dict(sizes.axis.places)]
    if not others:
        return []
    return [f"{listed(others)} kept the given shape; to vary it too, name it as in {sizes.axis},{others[0]}:0"]


def _told(fixed: Sequence[Fixed], axis: Axis) -> List[str]:
    return [f"{axis} is fixed: {each}{each.remedy}" for each in fixed]


def _fixed_in(analyses: Sequence[Analysis], sizes: Sequence[int]) -> List[Fixed]:
    if len(sizes) < 2 or len({len(each.graph.nodes) for each in analyses}) > 1:  # a callable may build anything
        return []
    return fixed_nodes(analyses[0].graph, {size: each.inference.shapes for size, each in zip(sizes, analyses)})


def _culprits(sizes: Sizes, found: Mapping[int, Analysis], failed: int) -> List[Fixed]:
    """The first operator whose attributes hold a size, and at which the model does not follow the axis to
    ``failed``."""
    good = next(iter(found), sizes.axis.given(sizes.spec.inputs))
    if good is None:
        return []
    whole = found[good] if good in found else sizes.at(good)
    if not isinstance(whole, Analysis):
        return []
    suspects = written_nodes(whole.graph)
    for suspect in [each for each in suspects if each.node.inputs][:_MOST_SUSPECTS]:
        now, before = sizes.at(failed, end=suspect.node.name), sizes.at(good, end=suspect.node.name)
        if not isinstance(now, Analysis):
            return [suspect] if _can_be_read(sizes, whole, suspect, failed) else []
        lost = _fixed_in([before, now], [good, failed]) if isinstance(before, Analysis) else []
        if lost:
            return lost
    return [each for each in suspects if not each.node.inputs and each.size == good]


def _can_be_read(sizes: Sizes, whole: Analysis, suspect: Fixed, size: int) -> bool:
    """Whether the model can be counted up to the operator's input. If not, the operator is not to blame."""
    source = whole.graph.nodes[suspect.node.inputs[0][0]]
    return source.is_variable or isinstance(sizes.at(size, end=source.name), Analysis)
