"""A model opened for counting: its symbol and what is known of its parameters, without their values."""

from dataclasses import dataclass
from typing import Any, Callable, Collection, Dict, FrozenSet, Mapping, Optional, Tuple

from pytest_mxperf.errors import GraphError, ModelError
from pytest_mxperf.graph import Graph
from pytest_mxperf.mx import gluon
from pytest_mxperf.mx.runtime import mx, reason
from pytest_mxperf.params_file import StoredArray, read_header
from pytest_mxperf.spec import Checkpoint, InputSpec, ModelSpec

__all__ = ["Model", "open_model"]


@dataclass(frozen=True)
class Model:
    """``stored`` describes the ``.params`` file where there is one; ``net`` is the Gluon net where it came from one."""

    name: str
    symbol: Any
    inputs: Mapping[str, InputSpec]
    numpy_shapes: bool
    checkpoint: Optional[Checkpoint] = None
    stored: Optional[Mapping[str, StoredArray]] = None
    net: Any = None

    @property
    def parameter_names(self) -> "Optional[Collection[str]]":
        """Names of the parameters, where a file or a Gluon net tells."""
        return self.stored if self.net is None else gluon.parameter_names(self.net)

    @property
    def frozen(self) -> Optional[FrozenSet[str]]:
        """Names of the parameters that do not train, where a Gluon net tells; None where the graph has to."""
        return None if self.net is None else gluon.frozen_parameters(self.net)


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
    path = checkpoint.symbol_path
    try:
        text = path.read_bytes()
    except OSError as error:
        raise GraphError(f"{path}: cannot read the symbol: {error.strerror}{_neighbours(checkpoint)}") from None
    # Parsed here first: MXNet can die of a broken file.
    graph = Graph.parse(text, where=str(path))
    try:
        symbol = mx.sym.load_json(text.decode())
    except mx.MXNetError as error:
        problem = reason(error)
        hint = (
            "; import the module that registers it, in conftest.py for instance" if "custom operator" in problem else ""
        )
        raise GraphError(f"{path}: MXNet cannot load the symbol: {problem}{hint}") from None
    stored = _strip_kinds(read_header(checkpoint.params_path)) if checkpoint.params_path.exists() else None
    return Model(spec.name, symbol, spec.inputs, graph.numpy_shapes, checkpoint, stored)


def _neighbours(checkpoint: Checkpoint) -> str:
    found = sorted(path.name for path in checkpoint.symbol_path.parent.glob("*-symbol.json"))[:5]
    return f"; the folder has {', '.join(found)}" if found else ""


def _strip_kinds(arrays: Tuple[StoredArray, ...]) -> Dict[str, StoredArray]:
    return {array.name.split(":", 1)[-1]: array for array in arrays}
