"""A model opened for counting: its symbol and what is known of its parameters, without their values."""

import re
import stat
from copy import copy
from dataclasses import dataclass, field
from typing import Any, Callable, Collection, FrozenSet, Mapping, NamedTuple, Optional, Sequence, Tuple

from pytest_mxperf.ending import choose, ending_at
from pytest_mxperf.errors import GraphError, ModelError
from pytest_mxperf.graph import Graph
from pytest_mxperf.mx import gluon
from pytest_mxperf.mx.guard import survive
from pytest_mxperf.mx.pointers import Pointer, take_out
from pytest_mxperf.mx.runtime import mx, reason
from pytest_mxperf.neighbours import what_else
from pytest_mxperf.params_file import StoredArray
from pytest_mxperf.spec import Checkpoint, InputSpec, ModelSpec
from pytest_mxperf.stored import read_stored, warn_of
from pytest_mxperf.validate import check_attributes, suspects

__all__ = ["Model", "model_from_json", "open_model"]

_LARGEST_SYMBOL_BYTES = 256 * 1024**2


@dataclass(frozen=True)
class Model:
    """``stored`` describes the ``.params`` file where there is one; ``net`` is the Gluon net where it came from one."""

    name: str
    symbol: Any
    inputs: Mapping[str, InputSpec]
    numpy_shapes: bool
    checkpoint: Optional[Checkpoint] = None
    stored: Optional[Mapping[str, StoredArray]] = None
    weights_problem: str = ""
    """Why nothing is ``stored`` though there is a file: what of it cannot be read, and what that means."""
    net: Any = None
    shapes: Mapping[str, Tuple[int, ...]] = field(default_factory=dict)
    """Of parameters, as the user states them."""
    suspects: Tuple[str, ...] = ()
    """The nodes of a file's graph that are not known to be harmless to MXNet (``validate.suspects``)."""
    pointers: Tuple[Pointer, ...] = ()
    """Nodes of a file's graph that the symbol has stand-ins for, since MXNet would die of them."""

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
        symbol = _ending_at(symbol, spec)
        return Model(spec.name, symbol, spec.inputs, bool(mx.util.is_np_shape()), net=source, shapes=spec.shapes)
    if isinstance(source, mx.gluon.Block):
        raise ModelError(f"{spec.name}: {type(source).__name__} is a Block without a graph; make it a HybridBlock")
    if isinstance(source, mx.sym.Symbol):
        symbol = copy(_ending_at(source, spec)) if spec.shapes else _ending_at(source, spec)  # shapes are written to it
        return Model(spec.name, symbol, spec.inputs, bool(mx.util.is_np_shape()), shapes=spec.shapes)
    raise ModelError(
        f"{spec.name}: a model is a checkpoint prefix, a HybridBlock, a Symbol, or a callable that returns one of the "
        f"last two; got {type(source).__name__}"
    )


def _ending_at(symbol: Any, spec: ModelSpec) -> Any:
    if not spec.outputs:
        return symbol
    internals = symbol.get_internals()
    names = internals.list_outputs()
    wanted = [name for output in spec.outputs for name in choose(names, output, where=spec.name)]
    chosen = [internals[name] for name in dict.fromkeys(wanted)]
    return chosen[0] if len(chosen) == 1 else mx.sym.Group(chosen)


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
    loaded = _load(_read_symbol(checkpoint), str(checkpoint.symbol_path), spec.outputs)
    weights = read_stored(checkpoint)
    if weights.problem:
        warn_of(checkpoint, f"{spec.name}: {weights.problem}")
    if weights.beside:
        missing = checkpoint.params_path.name
        warn_of(checkpoint, f"{spec.name}: counted without weights, {missing} is missing{weights.beside}")
    return Model(
        spec.name,
        loaded.symbol,
        spec.inputs,
        loaded.graph.numpy_shapes,
        checkpoint,
        weights.arrays,
        weights_problem=weights.problem,
        shapes=spec.shapes,
        suspects=loaded.suspects,
        pointers=loaded.pointers,
    )


class _Loaded(NamedTuple):
    symbol: Any
    graph: Graph
    suspects: Tuple[str, ...]
    pointers: Tuple[Pointer, ...]


def _load(text: bytes, where: str, outputs: Sequence[str] = ()) -> _Loaded:
    # Parsed here first: MXNet can die of a broken file.
    graph, checked = Graph.parse_untrusted(text, where=where)
    if outputs:  # before MXNet loads it: of what is cut off it may have no operator
        graph = ending_at(graph, outputs, where=where)
        checked = graph.to_json(like=checked)
    check_attributes(graph, where=where)
    graph, pointers = take_out(graph)
    if pointers:
        checked = graph.to_json(like=checked)
    unsure = suspects(graph)
    if unsure:
        survive(lambda: mx.sym.load_json(checked), f"{where}: MXNet", "loading the symbol", unsure)
    try:
        return _Loaded(mx.sym.load_json(checked), graph, unsure, pointers)
    except mx.MXNetError as error:
        problem = reason(error)
        raise GraphError(f"{where}: MXNet cannot load the symbol: {problem}{_hint(problem, graph)}") from None


def _hint(problem: str, graph: Graph) -> str:
    """What to do about an operator that is not there."""
    if "custom operator" in problem:
        return "; import the module that registers it, for example in conftest.py"
    found = re.search(r"Failed loading Op (\S+) of type", problem)
    node = next((node for node in graph.nodes if found and node.name == found.group(1)), None)
    sources = [] if node is None else [graph.nodes[index] for index, _ in node.inputs]
    before = [source.name for source in sources if not source.is_variable]
    return f"; to end the graph in front of it, give output={before[0]!r}" if before else ""


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
    """The model of a symbol JSON without weights. Raises ``GraphError`` that begins with the name."""
    loaded = _load(text.encode(), name)
    return Model(
        name,
        loaded.symbol,
        inputs,
        loaded.graph.numpy_shapes,
        suspects=loaded.suspects,
        pointers=loaded.pointers,
    )
