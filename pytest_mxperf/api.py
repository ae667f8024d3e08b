"""What the plugin does, for programs: what a model costs, what distinguishes two, and which is faster."""

import math
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, List, Mapping, Optional, Sequence, Union

from pytest_mxperf.baseline.diff import Counted, Difference, compare
from pytest_mxperf.baseline.record import Baseline
from pytest_mxperf.cost.inputs import GraphInput
from pytest_mxperf.cost.result import CostReport
from pytest_mxperf.errors import UsageError
from pytest_mxperf.graph import without_garbage_collection
from pytest_mxperf.imports import import_all
from pytest_mxperf.latency.comparison import Comparison
from pytest_mxperf.spec import Checkpoint, ModelSpec, RunAs
from pytest_mxperf.worker.paired_timer import PairedTimer
from pytest_mxperf.worker.protocol import Network

if TYPE_CHECKING:  # it imports MXNet
    from pytest_mxperf.mx.analysis import Analysis

__all__ = ["analysis_of", "compare_latency", "count", "diff", "inputs_of"]


def count(
    model: object,
    inputs: object = None,
    *,
    epoch: Union[int, str] = 0,
    params: Union[str, Path, None] = None,
    shapes: Optional[Mapping[str, object]] = None,
    output: Union[str, Sequence[str]] = (),
) -> CostReport:
    """The cost of one forward pass of ``model``; no weights are loaded.

    ``model`` is a checkpoint prefix (``"models/resnet18"``), the path of a symbol JSON, a ``Symbol``, a Gluon
    ``HybridBlock`` (initialized or not), a callable that returns one of the last two, or a ``ModelSpec``, which has all
    the rest. ``inputs`` maps each input to its shape, or to a pair of shape and dtype:
    ``{"data": (1, 3, 224, 224), "tokens": ((1, 16), "int32")}``. ``epoch`` is a number or ``"latest"``, ``params`` the
    path of a file of weights that is not called after an epoch, ``shapes`` states the shapes of parameters that nothing
    else tells, and ``output`` names the operators to count up to.

    Raises ``MxperfError``, or one of its kinds, if the model cannot be read or its shapes cannot be inferred.
    """
    spec = _spec(model, inputs, where="count", epoch=epoch, params=params, shapes=shapes, output=output)
    # Until the graph is gone, of which only its costs are kept. What a user's function builds is not ours to keep.
    is_file = isinstance(spec.source, Checkpoint)
    with without_garbage_collection() if is_file else nullcontext():
        return analysis_of(spec).cost()


def _spec(model: object, inputs: object, *, where: str, **options: Any) -> ModelSpec:
    if not isinstance(model, ModelSpec):
        return ModelSpec.parse(model, inputs, where=where, **options)
    if inputs is not None or any(options.values()):
        raise UsageError(f"{where}: a ModelSpec has inputs and options of its own; give it alone")
    return model


def diff(
    old: object,
    new: object,
    inputs: object = None,
    *,
    epoch: Union[int, str] = 0,
    inputs_old: object = None,
    inputs_new: object = None,
    epoch_old: Union[int, str, None] = None,
    epoch_new: Union[int, str, None] = None,
) -> Difference:
    """What distinguishes two models: layers added, removed and changed, found by structure, whatever their names.

    Models and ``inputs`` are as in ``count``, and so are the errors. Both models take ``inputs`` and ``epoch``, unless
    one is given its own; a ``ModelSpec`` has its own, always. Without ``changes`` the models are equal up to names.
    """
    before, now = [
        _spec(model, inputs if given is None else given, where="diff", epoch=epoch if own is None else own)
        for model, given, own in ((old, inputs_old, epoch_old), (new, inputs_new, epoch_new))
    ]
    counted, counted_now = _counted(before), _counted(now)
    from pytest_mxperf.mx.operators import operator  # imported already, to analyse them

    return compare(counted, counted_now, {**before.inputs, **now.inputs}, operators=operator)


def compare_latency(
    old: object,
    new: object,
    inputs: object = None,
    *,
    tolerance: float,
    seconds: float = 15.0,
    run_as: object = None,
    imports: Sequence[str] = (),
    epoch: Union[int, str] = 0,
    inputs_old: object = None,
    inputs_new: object = None,
    epoch_old: Union[int, str, None] = None,
    epoch_new: Union[int, str, None] = None,
) -> Comparison:
    """Whether ``new`` is slower than ``old`` by more than ``tolerance``, a fraction: both are timed side by side.

    Models, ``inputs`` and epochs are as in ``diff``. They are timed with synthetic weights, in one thread of a process
    of its own, for up to so many ``seconds`` of its CPU time. Both are run as ``new`` is: a Gluon block as it was
    hybridized, all else in a ``Module``, or what ``run_as`` says, ``"module"``, ``"gluon"`` or ``"gluon_static"``.
    ``imports`` are the full names of modules that register operators of their own, imported there as well.
    Raises ``WorkerError`` if one of them cannot run, and ``UsageError`` for a tolerance of -1 and below: no model takes
    that little time.
    """
    if not -1 < tolerance < math.inf:
        raise UsageError(f"compare_latency: tolerance={tolerance!r} is not a finite number above -1")
    specs = [
        _spec(model, inputs if given is None else given, where="compare_latency", epoch=epoch if own is None else own)
        for model, given, own in ((old, inputs_old, epoch_old), (new, inputs_new, epoch_new))
    ]
    import_all(imports, where="compare_latency: imports")
    analyses = [analysis_of(spec) for spec in specs]
    path = tuple(filter(None, sys.path)) if imports else ()
    both_run_as = RunAs.parse(run_as, where="compare_latency") or specs[1].run_as or analyses[1].model.run_as
    reference, candidate = [
        Network(
            spec.name,
            analysis.symbol_json,
            dict(spec.inputs),
            run_as=both_run_as,
            imports=tuple(imports),
            import_path=path,
        )
        for spec, analysis in zip(specs, analyses)
    ]
    with PairedTimer(seconds=seconds, option="seconds") as timer:
        return timer.compare(reference, candidate, tolerance)


def inputs_of(model: ModelSpec) -> List[GraphInput]:
    """What a model's graph wants to be given, whatever inputs the ``ModelSpec`` has, and what is known of each."""
    from pytest_mxperf.mx import unknown
    from pytest_mxperf.mx.model import open_model

    return unknown.inputs_of(open_model(model))


def _counted(spec: ModelSpec) -> Counted:
    analysis = analysis_of(spec)
    return Counted.of(analysis.graph, analysis.inference.shapes, Baseline.of(analysis.cost(), spec.inputs))


def analysis_of(spec: ModelSpec) -> "Analysis":
    """The ``mx.analysis.Analysis`` of a model: what is known before it runs. Raises ``MxperfError``."""
    # MXNet takes a second to import; importing this package should not cost that.
    from pytest_mxperf.mx.analysis import analyse
    from pytest_mxperf.mx.model import open_model

    return analyse(open_model(spec))
