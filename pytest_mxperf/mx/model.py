"""Opens a model for counting, from whatever a user may write for one. Files are checked before MXNet reads them."""

import os
import stat
from dataclasses import replace
from typing import Any, Callable, Dict, Mapping, Optional, Tuple

from pytest_mxperf.errors import GraphError, ModelError, ParamsError
from pytest_mxperf.graph import Graph, without_garbage_collection
from pytest_mxperf.mx import gluon
from pytest_mxperf.mx.guard import survive
from pytest_mxperf.mx.infer import infer
from pytest_mxperf.mx.opened import Model
from pytest_mxperf.mx.pointers import take_out
from pytest_mxperf.mx.runtime import mx, reason
from pytest_mxperf.params_file import StoredArray, read_header
from pytest_mxperf.spec import Checkpoint, InputSpec, ModelSpec
from pytest_mxperf.validate import check_attributes, suspects

__all__ = ["Model", "model_from_json", "open_model"]

_LARGEST_SYMBOL_BYTES = 256 * 1024**2


def open_model(spec: ModelSpec) -> Model:
    """Reads or traces the model's symbol. Raises ``ModelError`` if that cannot be done."""
    source = spec.source
    if isinstance(source, Checkpoint):
        return _open_checkpoint(spec, source)
    if callable(source) and not isinstance(source, (mx.gluon.Block, mx.sym.Symbol)):
        source = _call(source, spec.name)
    if isinstance(source, mx.gluon.HybridBlock):
        with mx.name.NameManager():
            symbol = gluon.trace(source, spec.inputs, where=spec.name)
        return Model(spec.name, symbol, spec.inputs, bool(mx.util.is_np_shape()), net=source)
    if isinstance(source, mx.gluon.Block):
        raise ModelError(f"{spec.name}: {type(source).__name__} is a Block without a graph; make it a HybridBlock")
    if isinstance(source, mx.sym.Symbol):
        return Model(spec.name, source, spec.inputs, bool(mx.util.is_np_shape()))
    raise ModelError(
        f"{spec.name}: a model is a checkpoint prefix, a HybridBlock, a Symbol, or a callable that returns one of the "
        f"last two; got {type(source).__name__}"
    )


def _call(factory: Callable[[], Any], name: str) -> Any:
    """What the factory builds, with names that restart at 0: its layers are called the same whatever was built before.

    Unless it builds upon such things, whose names would then be taken twice.
    """
    try:
        with mx.name.NameManager():
            built = factory()
        return factory() if _has_namesakes(built) else built
    except Exception as error:
        raise ModelError(f"{name}: the callable does not build a model: {type(error).__name__}: {error}") from error


def _has_namesakes(built: Any) -> bool:
    if isinstance(built, mx.sym.Symbol):
        names = built.list_inputs()
        return len(set(names)) < len(names)
    return isinstance(built, mx.gluon.Block) and gluon.has_namesakes(built)


def _open_checkpoint(spec: ModelSpec, checkpoint: Checkpoint) -> Model:
    with without_garbage_collection():
        text = _read_symbol(checkpoint)
        model, checked = _parse(spec.name, text, spec.inputs, where=str(checkpoint.symbol_path))
        model = replace(model, checkpoint=checkpoint, stored=_read_stored(checkpoint))
        return _load(model, checked, where=str(checkpoint.symbol_path))


def _parse(name: str, text: bytes, inputs: Mapping[str, InputSpec], *, where: str) -> Tuple[Model, str]:
    """The model, still without its symbol, and the JSON to load that from: MXNet can die of a broken file."""
    graph, checked = Graph.parse_untrusted(text, where=where)
    check_attributes(graph, where=where)
    graph, pointers = take_out(graph)
    if pointers:
        checked = graph.to_json(like=checked)
    model = Model(name, None, inputs, graph.numpy_shapes, suspects=suspects(graph), pointers=pointers)
    return (model if pointers else replace(model, parsed=(text, graph))), checked


def _load(model: Model, checked: str, *, where: str) -> Model:
    """The model with its symbol. If the graph has suspects, what counting does with it is tried in a child first."""
    if model.suspects:
        survive(
            lambda: infer(replace(model, symbol=mx.sym.load_json(checked))),
            f"{where}: MXNet",
            "loading the symbol and inferring its shapes",
            model.suspects,
        )
    try:
        return replace(model, symbol=mx.sym.load_json(checked))
    except mx.MXNetError as error:
        problem = reason(error)
        hint = "; import the module that registers it, in conftest.py say" if "custom operator" in problem else ""
        raise GraphError(f"{where}: MXNet cannot load the symbol: {problem}{hint}") from None


def _read_symbol(checkpoint: Checkpoint) -> bytes:
    path = checkpoint.symbol_path
    try:
        status = path.stat()
        if stat.S_ISREG(status.st_mode) and status.st_size <= _LARGEST_SYMBOL_BYTES:
            return path.read_bytes()
        problem = f"has {status.st_size:,} bytes" if stat.S_ISREG(status.st_mode) else "is not a regular file"
        raise GraphError(f"{path}: cannot be a symbol JSON, it {problem}{_neighbours(checkpoint)}")
    except (OSError, ValueError) as error:  # ValueError: a path with a null character
        problem = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise GraphError(f"{path}: cannot read the symbol: {problem}{_neighbours(checkpoint)}") from None


def _read_stored(checkpoint: Checkpoint) -> Optional[Mapping[str, StoredArray]]:
    """What the ``.params`` file has, by name without kind; None if there is none."""
    path = checkpoint.params_path
    if not os.path.lexists(path):
        return None
    stored: Dict[str, StoredArray] = {}
    for array in read_header(path):
        name = array.name.split(":", 1)[-1]
        if name and name in stored:
            raise ParamsError(f"{path}: has {name[:60]!r} twice, as 'arg:' and as 'aux:'; save the checkpoint again")
        stored[name] = array
    return stored


def model_from_json(name: str, text: str, inputs: Mapping[str, InputSpec]) -> Model:
    """The model of a symbol JSON without weights. Raises ``GraphError`` that begins with the name."""
    model, checked = _parse(name, text.encode(), inputs, where=name)
    return _load(model, checked, where=name)


def _neighbours(checkpoint: Checkpoint) -> str:
    try:
        found = sorted(path.name for path in checkpoint.symbol_path.parent.glob("*-symbol.json"))[:5]
    except (OSError, ValueError):
        return ""
    return f"; the folder has {', '.join(found)}" if found else ""
