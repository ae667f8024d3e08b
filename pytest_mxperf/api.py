"""The plugin's functions for programs: what a model costs, how two models differ, and which is faster."""

import math
import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

from pytest_mxperf.baseline.diff import Counted, Difference, difference_between
from pytest_mxperf.baseline.record import Baseline
from pytest_mxperf.cost.inputs import GraphInput
from pytest_mxperf.cost.result import CostReport
from pytest_mxperf.cost.scaling import Axis, Scaling
from pytest_mxperf.errors import MxperfError, UsageError, shown
from pytest_mxperf.graph import Graph, without_garbage_collection
from pytest_mxperf.imports import import_all
from pytest_mxperf.latency.allowance import DEFAULT_SECONDS
from pytest_mxperf.latency.comparison import Comparison
from pytest_mxperf.profile.attribution import Pairing
from pytest_mxperf.profile.layers import ModelProfile, model_profile
from pytest_mxperf.profile.slowdown import Timed, paired, slowdown
from pytest_mxperf.profile.story import lines
from pytest_mxperf.profile.values import NetworkProfile, Peaks
from pytest_mxperf.sides import in_own, of_each
from pytest_mxperf.spec import Checkpoint, Epoch, Inputs, ModelLike, ModelSpec, RunAs, RunAsName, ShapeLike
from pytest_mxperf.worker.paired_timer import PairedTimer
from pytest_mxperf.worker.protocol import Network

if TYPE_CHECKING:  # it imports MXNet
    from pytest_mxperf.mx.analysis import Analysis

__all__ = [
    "LayerComparison",
    "analysis_of",
    "compare_latency",
    "compare_layers",
    "count",
    "diff",
    "inputs_of",
    "operators_of",
    "profile_layers",
    "vary",
]


def count(
    model: ModelLike,
    inputs: Optional[Inputs] = None,
    *,
    epoch: Epoch = 0,
    params: Union[str, Path, None] = None,
    shapes: Optional[Mapping[str, ShapeLike]] = None,
    output: Union[str, Sequence[str]] = (),
) -> CostReport:
    """The cost of one forward pass of ``model``; no weights are loaded.

    ``model`` is a checkpoint prefix (``"models/resnet18"``), the path of a symbol JSON, a ``Symbol``, a Gluon
    block (initialized or not), a callable that returns one of the last two, or a ``ModelSpec``, which already
    has all other arguments. ``inputs`` maps each input to its shape, or to a pair of shape and dtype:
    ``{"data": (1, 3, 224, 224), "tokens": ((1, 16), "int32")}``. ``epoch`` is a number or ``"latest"``. ``params`` is
    the path of a file of weights that is not named after an epoch. ``shapes`` gives the shapes of parameters that MXNet
    cannot infer. ``output`` names the operators to count up to.

    Raises ``MxperfError``, or one of its kinds, if the model cannot be read or its shapes cannot be inferred.
    """
    spec = _spec(model, inputs, where="count", epoch=epoch, params=params, shapes=shapes, output=output)
    from pytest_mxperf.mx.analysis import analyse
    from pytest_mxperf.mx.model import open_model

    opened = open_model(spec)  # a user's function may build it, and leave garbage
    with without_garbage_collection():  # until the graph is gone: only its costs are kept
        return analyse(opened).cost()


def _spec(model: ModelLike, inputs: Any, *, where: str, **options: Any) -> ModelSpec:
    if not isinstance(model, ModelSpec):
        return ModelSpec.parse(model, inputs, where=where, **options)
    if inputs is not None or any(options.values()):
        raise UsageError(f"{where}: a ModelSpec has inputs and options of its own; give it alone")
    return model


def _merged(common: Optional[Inputs], own: Optional[Inputs]) -> Any:
    """The inputs of both models, and in their place those of one; what is no mapping is for ``ModelSpec`` to refuse."""
    if not isinstance(common, Mapping) or not isinstance(own, Mapping):
        return common if own is None else own
    return {**common, **own}


@contextmanager
def _told_of_own(*models: ModelLike) -> Iterator[None]:
    """An error about one of two models names the arguments of that one, unless a ``ModelSpec`` has these."""
    try:
        yield
    except MxperfError as error:
        if error.side and not any(isinstance(model, ModelSpec) for model in models):
            error.args, error.side = (in_own(error),), ""
        raise


def vary(
    model: ModelLike,
    inputs: Optional[Inputs] = None,
    *,
    axis: str,
    sizes: Sequence[int],
    epoch: Epoch = 0,
    params: Union[str, Path, None] = None,
    shapes: Optional[Mapping[str, ShapeLike]] = None,
    output: Union[str, Sequence[str]] = (),
) -> Scaling:
    """The costs of ``model`` at several ``sizes`` of one ``axis`` of its inputs, and the polynomials that they follow.

    The axis is ``"data:0"`` for the first dimension of ``data``, ``"data:2,3"`` for two dimensions of one size, or
    ``"tokens:1,types:1"`` for two inputs. The other arguments are as in ``count``. The model is also counted at some
    more sizes of the same step, so that a law is confirmed by sizes that it was not found from.

    Raises ``MxperfError`` if the model can be counted at none of the sizes.
    """
    spec = _spec(model, inputs, where="vary", epoch=epoch, params=params, shapes=shapes, output=output)
    where = f"vary: axis={shown(axis)}"
    parsed = Axis.parse(axis, where=where)
    parsed.check(spec.inputs, where=where)
    if len(sizes) < 2 or len(set(sizes)) < len(sizes):
        raise UsageError(f"vary: sizes={shown(sizes)}: give two sizes or more, each once")
    if not all(_is_size(size) for size in sizes):
        raise UsageError(f"vary: sizes={shown(sizes)}: a size is a whole number from 1 up")
    from pytest_mxperf.mx.varied import scaling_of

    return scaling_of(spec, parsed, list(sizes))


def _is_size(size: object) -> bool:
    return isinstance(size, int) and not isinstance(size, bool) and 0 < size < 2**31


def diff(
    old: ModelLike,
    new: ModelLike,
    inputs: Optional[Inputs] = None,
    *,
    epoch: Epoch = 0,
    inputs_old: Optional[Inputs] = None,
    inputs_new: Optional[Inputs] = None,
    epoch_old: Optional[Epoch] = None,
    epoch_new: Optional[Epoch] = None,
) -> Difference:
    """How two models differ: layers added, removed and changed. They are matched by structure, not by name.

    Models, ``inputs`` and errors are as in ``count``. Both models take ``inputs`` and ``epoch``. ``inputs_new`` adds
    inputs for ``new`` alone, or replaces those of the same name; ``epoch_new`` replaces ``epoch``. ``inputs_old`` and
    ``epoch_old`` do so for ``old``. A ``ModelSpec`` always has its own. It is how a model here has ``params``,
    ``shapes`` or ``output``: ``ModelSpec.parse("models/net", inputs, output="fc")``. If there are no ``changes``, the
    models are equal up to names.
    """
    before, now = specs = [
        _spec(model, _merged(inputs, given), where="diff", epoch=epoch if own is None else own)
        for model, given, own in ((old, inputs_old, epoch_old), (new, inputs_new, epoch_new))
    ]
    with _told_of_own(old, new):
        counted, counted_now = map(_counted, of_each(analysis_of, specs), specs)
    from pytest_mxperf.mx.operators import operator  # imported already, to analyse them

    return difference_between(counted, counted_now, {**before.inputs, **now.inputs}, operators=operator)


def compare_latency(
    old: ModelLike,
    new: ModelLike,
    inputs: Optional[Inputs] = None,
    *,
    tolerance: float,
    seconds: float = DEFAULT_SECONDS,
    run_as: Union[RunAsName, RunAs, None] = None,
    imports: Sequence[str] = (),
    epoch: Epoch = 0,
    inputs_old: Optional[Inputs] = None,
    inputs_new: Optional[Inputs] = None,
    epoch_old: Optional[Epoch] = None,
    epoch_new: Optional[Epoch] = None,
) -> Comparison:
    """Whether ``new`` is slower than ``old`` by more than ``tolerance``, a fraction. Both are timed side by side.

    Models, ``inputs`` and epochs are as in ``diff``: also here a ``ModelSpec`` carries ``params``, ``shapes`` and
    ``output``. Both are timed with synthetic weights, in one thread of a separate process, for up to ``seconds`` of its
    CPU time. Both are run in the same way as ``new``: a Gluon block as it was hybridized, other models in a ``Module``.
    ``run_as`` changes that: ``"module"``, ``"gluon"`` or ``"gluon_static"``. ``imports`` are the full names of modules
    that register operators; the process imports them too. Raises ``WorkerError`` if one of the models cannot run, and
    ``UsageError`` for a tolerance of -1 or below: no model takes that little time.
    """
    if not -1 < tolerance < math.inf:
        raise UsageError(f"compare_latency: tolerance={shown(tolerance)} is not a finite number above -1")
    specs = [
        _spec(model, _merged(inputs, given), where="compare_latency", epoch=epoch if own is None else own)
        for model, given, own in ((old, inputs_old, epoch_old), (new, inputs_new, epoch_new))
    ]
    with _told_of_own(old, new):
        _, (reference, candidate) = _networks(specs, run_as, imports, where="compare_latency")
    with PairedTimer(seconds=seconds) as timer:
        return timer.compare(reference, candidate, tolerance)


def profile_layers(
    model: ModelLike,
    inputs: Optional[Inputs] = None,
    *,
    seconds: float = DEFAULT_SECONDS,
    run_as: Union[RunAsName, RunAs, None] = None,
    imports: Sequence[str] = (),
    epoch: Epoch = 0,
) -> ModelProfile:
    """How long each layer of ``model`` takes, and how near that is to what the processor can do.

    ``model``, ``inputs`` and ``epoch`` are as in ``count``, ``run_as`` and ``imports`` as in ``compare_latency``. A
    ``ModelSpec`` carries ``params``, ``shapes`` and ``output``. The model runs with the weights of its checkpoint, or
    with synthetic ones, in one thread of a separate process. That takes about two seconds of its CPU time, or up to
    ``seconds`` for a slow model. Raises ``WorkerError`` if that is not enough, or if the model cannot run.
    """
    spec = _spec(model, inputs, where="profile_layers", epoch=epoch)
    (analysis,), networks = _networks([spec], run_as, imports, where="profile_layers", own_weights=True)
    with PairedTimer(seconds=seconds) as timer:
        (profile,), peaks = timer.profile(*networks), timer.peaks()
    return _profile_of(analysis, networks[0], profile, peaks)


class LayerComparison(NamedTuple):
    """The layers of two models, timed in turns."""

    before: ModelProfile
    now: ModelProfile
    pairings: List[Pairing]
    """All layers of both, each with its counterpart if it has one."""
    reasons: List[str]
    """Why the second model is slower, in words; empty if it is not."""


def compare_layers(
    old: ModelSpec,
    new: ModelSpec,
    *,
    seconds: float = DEFAULT_SECONDS,
    run_as: Union[RunAsName, RunAs, None] = None,
    imports: Sequence[str] = (),
) -> LayerComparison:
    """How two models differ in time, layer by layer. Other arguments are as in ``profile_layers``."""
    analyses, networks = _networks([old, new], run_as, imports, where="compare_layers", own_weights=True)
    with PairedTimer(seconds=seconds) as timer:
        profiles, peaks = timer.profile(*networks), timer.peaks()
    from pytest_mxperf.mx.operators import operator

    old_timed, new_timed = (
        Timed(analysis.graph, analysis.inference, analysis.cost().layers, profile)
        for analysis, profile in zip(analyses, profiles)
    )
    inputs = {**old.inputs, **new.inputs}
    is_slower = profiles[1].forward_cpu_seconds > profiles[0].forward_cpu_seconds
    found = slowdown(old_timed, new_timed, inputs, operators=operator) if is_slower else None
    before, now = (_profile_of(*each, peaks) for each in zip(analyses, networks, profiles))
    return LayerComparison(
        before, now, paired(old_timed, new_timed, inputs, operators=operator), lines(found) if found else []
    )


def _networks(
    specs: Sequence[ModelSpec],
    run_as: Union[RunAsName, RunAs, None],
    imports: Sequence[str],
    *,
    where: str,
    own_weights: bool = False,
) -> "Tuple[List[Analysis], List[Network]]":
    """All models are run in the same way as the last one, or as ``run_as`` says."""
    import_all(imports, where=f"{where}: imports")
    analyses = of_each(analysis_of, specs)
    path = tuple(filter(None, sys.path)) if imports else ()
    all_run_as = RunAs.parse(run_as, where=where) or specs[-1].run_as or analyses[-1].model.run_as
    networks = [
        Network(
            spec.name,
            analysis.symbol_json,
            dict(spec.inputs),
            params_path=_params_path(spec, analysis) if own_weights else None,
            run_as=all_run_as,
            imports=tuple(imports),
            import_path=path,
        )
        for spec, analysis in zip(specs, analyses)
    ]
    return analyses, networks


def _params_path(spec: ModelSpec, analysis: "Analysis") -> Optional[str]:
    has_weights = isinstance(spec.source, Checkpoint) and analysis.model.stored is not None
    return str(spec.source.params_path) if isinstance(spec.source, Checkpoint) and has_weights else None


def _profile_of(analysis: "Analysis", network: Network, profile: NetworkProfile, peaks: Peaks) -> ModelProfile:
    return model_profile(
        analysis.graph,
        analysis.inference,
        analysis.cost().layers,
        profile,
        run_as=str(network.run_as),
        own_weights=network.params_path is not None,
        peaks=peaks,
    )


def inputs_of(model: ModelSpec) -> List[GraphInput]:
    """The inputs that a model's graph needs, and what is known about each. The inputs of ``model`` do not matter."""
    from pytest_mxperf.mx import unknown
    from pytest_mxperf.mx.model import open_model

    return unknown.inputs_of(open_model(model))


def operators_of(model: ModelSpec) -> Dict[str, int]:
    """How many operators of each type a model's graph has, without those inside loops and branches."""
    from pytest_mxperf.mx.model import open_model
    from pytest_mxperf.mx.runtime import json_of

    graph = Graph.parse(json_of(open_model(model).symbol), where=model.name)
    return dict(Counter(node.op for node in graph.nodes if not node.is_variable))


def _counted(analysis: "Analysis", spec: ModelSpec) -> Counted:
    return Counted.of(analysis.graph, analysis.inference.shapes, Baseline.of(analysis.cost(), spec.inputs))


def analysis_of(spec: ModelSpec) -> "Analysis":
    """The ``mx.analysis.Analysis`` of a model: what is known before it runs. Raises ``MxperfError``."""
    # MXNet takes a second to import; importing this package should not cost that.
    from pytest_mxperf.mx.analysis import analyse
    from pytest_mxperf.mx.model import open_model

    return analyse(open_model(spec))
