"""Opens a model for counting, in every form that a user may give. Checks files before MXNet reads them."""

import re
import stat
from copy import copy
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Any, Callable, Mapping, Sequence, Set, Tuple

from pytest_mxperf.ending import choose, ending_at
from pytest_mxperf.errors import GraphError, ModelError, listed, told
from pytest_mxperf.graph import Graph, without_garbage_collection
from pytest_mxperf.mx import gluon
from pytest_mxperf.mx.infer import infer
from pytest_mxperf.mx.opened import Model
from pytest_mxperf.mx.pointers import take_out
from pytest_mxperf.mx.runtime import array_semantics, mx, reason
from pytest_mxperf.mx.trials import try_in_session_child
from pytest_mxperf.neighbours import what_else
from pytest_mxperf.spec import Checkpoint, InputSpec, ModelSpec
from pytest_mxperf.stored import Stored, read_stored
from pytest_mxperf.validate import check_attributes, suspects

__all__ = ["Model", "model_from_json", "open_model"]

_LARGEST_SYMBOL_BYTES = 256 * 1024**2


def open_model(spec: ModelSpec) -> Model:
    """Reads or traces the model's symbol. Raises ``ModelError`` if this fails."""
    source = spec.source
    if isinstance(source, Checkpoint):
        return _open_checkpoint(spec, source)
    if callable(source) and not isinstance(source, (mx.gluon.Block, mx.sym.Symbol)):
        source = _call(source, spec.name)
    if isinstance(source, mx.gluon.Block):
        with mx.name.NameManager():
            symbol, numpy_shapes = gluon.trace(source, spec.inputs, where=spec.name)
        symbol = _ending_at(symbol, spec)
        return Model(spec.name, symbol, spec.inputs, numpy_shapes, net=source, shapes=spec.shapes)
    if isinstance(source, mx.sym.Symbol):
        symbol = copy(_ending_at(source, spec)) if spec.shapes else _ending_at(source, spec)  # shapes are written to it
        return Model(spec.name, symbol, spec.inputs, bool(mx.util.is_np_shape()), shapes=spec.shapes)
    raise ModelError(
        f"{spec.name}: a model is a checkpoint prefix, a Gluon block, a Symbol, or a callable that returns one of the "
        f"last two; got {type(source).__name__}"
    )


def _ending_at(symbol: Any, spec: ModelSpec) -> Any:
    if not spec.outputs:
        return symbol
    internals = symbol.get_internals()
    names = internals.list_outputs()
    wanted = dict.fromkeys(name for output in spec.outputs for name in choose(names, output, where=spec.name))
    places = [place for name in wanted for place, each in enumerate(names) if each == name]  # two may have one name
    chosen = [internals[place] for place in places]
    return chosen[0] if len(chosen) == 1 else mx.sym.Group(chosen)


def _call(factory: Callable[[], Any], name: str) -> Any:
    """What the factory builds, with layer names that restart at 0, whatever the session has built before.

    If the factory uses a layer that was built before, names would occur twice. Then the names do not restart.
    """
    try:
        with mx.name.NameManager():
            built = factory()
        return factory() if _has_namesakes(built) else built
    except (Exception, SystemExit) as error:
        raise ModelError(f"{name}: the callable does not build a model: {told(error)}") from error


def _has_namesakes(built: Any) -> bool:
    if isinstance(built, mx.sym.Symbol):
        names = built.list_inputs()
        return len(set(names)) < len(names)
    return isinstance(built, mx.gluon.Block) and gluon.has_namesakes(built)


def _open_checkpoint(spec: ModelSpec, checkpoint: Checkpoint) -> Model:
    where = str(checkpoint.symbol_path)
    with without_garbage_collection():
        model, checked = _parse(spec.name, _read_symbol(checkpoint), spec.inputs, where=where, outputs=spec.outputs)
        weights = read_stored(checkpoint)
        model = replace(
            model,
            checkpoint=checkpoint,
            stored=weights.arrays,
            weights_problem=weights.problem,
            warning=_warning(spec.name, checkpoint, weights),
            shapes=spec.shapes,
        )
        return _load(model, checked, where=where)


def _warning(name: str, checkpoint: Checkpoint, weights: Stored) -> str:
    """What to warn of if the model can be counted without its weights."""
    if weights.problem:
        return f"{name}: {weights.problem}{_FROM_GRAPH_ALONE}"
    is_asked_for = checkpoint.epoch != 0 and weights.arrays is None
    if weights.beside or is_asked_for:
        return f"{name}: counted without weights, {checkpoint.wanted_params} is missing{weights.beside}"
    return ""


_FROM_GRAPH_ALONE = (
    " Counted from the graph alone: dtypes are those of the graph, and whatever is not in inputs counts as a parameter."
)


def _parse(
    name: str, text: bytes, inputs: Mapping[str, InputSpec], *, where: str, outputs: Sequence[str] = ()
) -> Tuple[Model, str]:
    """The model without its symbol, and the JSON to load the symbol from. A broken file can crash MXNet."""
    graph, checked, is_kept = Graph.parse_untrusted(text, where=where)
    beyond: Tuple[str, ...] = ()
    if outputs:  # cut before MXNet loads it, because MXNet may lack operators of the rest
        whole, graph = graph, ending_at(graph, outputs, where=where)
        beyond = tuple(sorted(_variables(whole) - _variables(graph)))
        checked = graph.to_json(like=checked)
    check_attributes(graph, where=where)
    graph, pointers = take_out(graph)
    if pointers:
        checked = graph.to_json(like=checked)
    model = Model(name, None, inputs, graph.numpy_shapes, suspects=suspects(graph), pointers=pointers, beyond=beyond)
    return (model if pointers or outputs else replace(model, parsed=graph, is_kept=is_kept)), checked


def _variables(graph: Graph) -> Set[str]:
    return {node.name for node in graph.nodes if node.is_variable}


def _load(model: Model, checked: str, *, where: str) -> Model:
    """The model with its symbol. A graph with suspects is loaded and inferred in a child first."""
    if model.suspects:
        _try_first(model, checked, where)
    try:
        return replace(model, symbol=_symbol(model, checked))
    except mx.MXNetError as error:
        problem = reason(error)
        raise GraphError(
            f"{where}: MXNet cannot load the symbol: {problem}{_hint(problem, Graph.parse(checked, where=where))}"
        ) from None


_survived: Set[bytes] = set()
"""Digests of the trials that this process need not repeat: several tests may be about one file."""


def _try_first(model: Model, checked: str, where: str) -> None:
    model = replace(model, parsed=None)
    calls_python = '"Custom"' in checked  # which may have changed since
    digest = sha256(f"{model!r}{checked}".encode()).digest()
    if digest in _survived and not calls_python:
        return
    is_done = try_in_session_child(
        partial(_try, model, checked),
        f"{where}: MXNet",
        "loading the symbol and inferring its shapes",
        model.suspects,
        in_new_child=calls_python,
    )
    if is_done:  # what raises may do otherwise once the session has registered an operator
        _survived.add(digest)


def _try(model: Model, checked: str) -> None:
    infer(replace(model, symbol=_symbol(model, checked)))


def _symbol(model: Model, checked: str) -> Any:
    with array_semantics(numpy_shapes=model.numpy_shapes):  # under those of the session, shapes in it would change
        return mx.sym.load_json(checked)


def _hint(problem: str, graph: Graph) -> str:
    """What to do about an operator that MXNet does not have."""
    if "custom operator" in problem:
        return "; import the module that registers it, or name it with mxperf_imports in pytest's ini file"
    argument = re.search(r"Cannot find argument '(\w+)'", problem)
    names = [f"{node.op} {node.name!r}" for node in graph.nodes if argument and argument[1] in node.attrs]
    if names:
        return f", which {listed(names, 3)} has: another MXNet saved the graph; remove the attribute from the file"
    found = re.search(r"Failed loading Op (\S+) of type", problem)
    node = next((node for node in graph.nodes if found and node.name == found.group(1)), None)
    sources = [] if node is None else [graph.nodes[index] for index, _ in node.inputs]
    before = [source.name for source in sources if not source.is_variable]
    return f"; to end the graph before it, give output={before[0]!r}" if before else ""


def _read_symbol(checkpoint: Checkpoint) -> bytes:
    path = checkpoint.symbol_path
    try:
        status = path.stat()
        if stat.S_ISREG(status.st_mode) and status.st_size <= _LARGEST_SYMBOL_BYTES:
            return path.read_bytes()
        problem = f"has {status.st_size:,} bytes" if stat.S_ISREG(status.st_mode) else "is not a regular file"
        raise GraphError(f"{path}: cannot be a symbol JSON, it {problem}{what_else(checkpoint.symbol_path)}")
    except (OSError, ValueError) as error:  # ValueError: a path with a null character
        problem = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise GraphError(f"{path}: cannot read the symbol: {problem}{what_else(checkpoint.symbol_path)}") from None


def model_from_json(name: str, text: str, inputs: Mapping[str, InputSpec]) -> Model:
    """The model of a symbol JSON, without weights. A ``GraphError`` begins with the name."""
    model, checked = _parse(name, text.encode(), inputs, where=name)
    return _load(model, checked, where=name)
