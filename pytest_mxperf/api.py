"""What the plugin does, for programs: what a model costs, what distinguishes two, and which is faster."""

from contextlib import nullcontext
from typing import Any

from pytest_mxperf.baseline.diff import Counted, Difference, compare
from pytest_mxperf.baseline.record import Baseline
from pytest_mxperf.cost.result import CostReport
from pytest_mxperf.graph import without_garbage_collection
from pytest_mxperf.latency.comparison import Comparison
from pytest_mxperf.spec import Checkpoint, ModelSpec
from pytest_mxperf.worker.compare import Laboratory
from pytest_mxperf.worker.protocol import Network

__all__ = ["analysis_of", "compare_latency", "count", "diff"]


def count(model: object, inputs: object, *, epoch: int = 0) -> CostReport:
    """The cost of one forward pass of ``model``; no weights are loaded.

    ``model`` is a checkpoint prefix (``"models/resnet18"``), the path of a symbol JSON, a ``Symbol``, a Gluon
    ``HybridBlock`` (initialized or not), or a callable that returns one of the last two. ``inputs`` maps each input to
    its shape, or to a pair of shape and dtype: ``{"data": (1, 3, 224, 224), "tokens": ((1, 16), "int32")}``.

    Raises ``MxperfError``, or one of its kinds, if the model cannot be read or its shapes cannot be inferred.
    """
    spec = ModelSpec.parse(model, inputs, epoch=epoch, where="count")
    # Until the graph is gone, of which only its costs are kept. What a user's function builds is not ours to keep.
    is_file = isinstance(spec.source, Checkpoint)
    with without_garbage_collection() if is_file else nullcontext():
        report: CostReport = analysis_of(spec).cost()
    return report


def diff(old: object, new: object, inputs: object) -> Difference:
    """What distinguishes two models: layers added, removed and changed, found by structure, whatever their names.

    Models and ``inputs``, which both take, are as in ``count``, and so are the errors. Without ``changes`` the models
    are equal up to names.
    """
    specs = [ModelSpec.parse(model, inputs, where="diff") for model in (old, new)]
    before, now = [_counted(spec) for spec in specs]
    return compare(before, now, specs[0].inputs)


def compare_latency(old: object, new: object, inputs: object, *, tolerance: float, seconds: float = 15.0) -> Comparison:
    """Whether ``new`` is slower than ``old`` by more than ``tolerance``, a fraction: both are timed side by side.

    Models and ``inputs`` are as in ``count``. They are timed with synthetic weights, in one thread of a process of its
    own, for up to so many ``seconds`` of its CPU time. Raises ``WorkerError`` if one of them cannot run.
    """
    specs = [ModelSpec.parse(model, inputs, where="compare_latency") for model in (old, new)]
    reference, candidate = [Network(spec.name, analysis_of(spec).symbol_json, dict(spec.inputs)) for spec in specs]
    with Laboratory(seconds=seconds, option="seconds") as laboratory:
        return laboratory.compare(reference, candidate, tolerance)


def _counted(spec: ModelSpec) -> Counted:
    analysis = analysis_of(spec)
    return Counted.of(analysis.graph, analysis.inference.shapes, Baseline.of(analysis.cost(), spec.inputs))


def analysis_of(spec: ModelSpec) -> Any:
    """The ``mx.analysis.Analysis`` of a model: what is known before it runs. Raises ``MxperfError``."""
    # MXNet takes a second to import, which whoever imports this package should not pay.
    from pytest_mxperf.mx.analysis import analyse
    from pytest_mxperf.mx.model import open_model

    return analyse(open_model(spec))
