"""What a test asks to be measured: a model, and the shape and dtype of each of its inputs."""

import os
import re
from dataclasses import dataclass, field, replace
from operator import index
from pathlib import Path
from typing import (
    Any,
    Callable,
    Dict,
    List,
    Literal,
    Mapping,
    NamedTuple,
    Optional,
    Protocol,
    Sequence,
    SupportsIndex,
    Tuple,
    Union,
    cast,
    get_args,
)

from pytest_mxperf.encoding import printable
from pytest_mxperf.errors import UsageError, either, shown
from pytest_mxperf.neighbours import about_folder
from pytest_mxperf.quantities import LARGEST

__all__ = [
    "LATEST",
    "Checkpoint",
    "DtypeName",
    "Epoch",
    "ExampleLike",
    "InputLike",
    "InputSpec",
    "Inputs",
    "LoadedCheckpoint",
    "ModelLike",
    "ModelSource",
    "ModelSpec",
    "NamedDtype",
    "RunAs",
    "RunAsName",
    "ShapeLike",
]

Epoch = Union[int, Literal["latest"]]
"""The epoch of a checkpoint: its number, or ``"latest"`` for the highest one."""
LATEST: Literal["latest"] = "latest"

ModelSource = Union[str, Path, Callable[..., object], Tuple[int]]
"""What a model is read from or built by: a checkpoint's prefix, the path of a symbol JSON, or an object of MXNet.

MXNet has no types. ``Callable[..., object]`` stands for a Gluon block, a ``Symbol``, and a function that returns one of
the two: all of them can be called. ``Tuple[int]`` is what pyright takes the symbol of ``mx.sym.Convolution(...)`` for,
because such functions end with ``return (0,)`` in MXNet's source.
"""
ModelLike = Union[ModelSource, "ModelSpec"]
"""What the functions take as a model: a source, or a ``ModelSpec`` that has everything else too."""

DtypeName = Literal["float16", "float32", "float64", "int8", "uint8", "int32", "int64", "bool"]
"""The dtype of an input, as numpy calls it."""
_DTYPES: Tuple[DtypeName, ...] = get_args(DtypeName)


class NamedDtype(Protocol):
    """A dtype that knows its name: ``numpy.dtype("int32")``."""

    @property
    def name(self) -> str: ...


ShapeLike = Union[Tuple[SupportsIndex, ...], List[int]]
"""Elements per dimension, batch included: ``(1, 3, 224, 224)``."""
InputLike = Union["InputSpec", ShapeLike, Tuple[ShapeLike, Union[DtypeName, type, NamedDtype]]]
"""An input: its shape, or a pair of shape and dtype, as in ``((1, 16), "int32")``."""
Inputs = Mapping[str, InputLike]
"""The inputs of a model by name: ``{"data": (1, 3, 224, 224), "tokens": ((1, 16), "int32")}``."""

ExampleLike = Union[str, Path, Mapping[str, object], Callable[[], Mapping[str, object]]]
"""Real inputs: the path of an ``.npz``, arrays by input, or a function that returns these."""

RunAsName = Literal["module", "gluon", "gluon_static"]
"""How a model is run when it is timed. ``gluon_static`` is a block hybridized with static memory and shapes."""


@dataclass(frozen=True)
class InputSpec:
    """Shape (elements per dimension, batch included) and dtype of one input."""

    shape: Tuple[int, ...]
    dtype: DtypeName = "float32"

    @classmethod
    def parse(cls, value: InputLike, *, where: str) -> "InputSpec":
        """``(1, 3, 224, 224)``, ``((1, 16), "int32")`` or an ``InputSpec``. Raises ``UsageError``."""
        if isinstance(value, InputSpec):
            return value
        shape: object = value
        given: object = "float32"
        if isinstance(value, (tuple, list)) and len(value) == 2 and isinstance(value[0], (tuple, list)):
            shape, given = value[0], value[1]
        sizes = shape if isinstance(shape, (tuple, list)) else None
        fault = next(filter(None, map(_fault, sizes or ())), "")
        if sizes is None or fault:
            raise UsageError(
                f"{where}: expected a shape like (1, 3, 224, 224) or a pair (shape, dtype), got {shown(value)}{fault}"
            )
        return cls(tuple(int(size) for size in sizes), _dtype(given, where))


def _refuse_list(name: str, value: object, *, where: str) -> None:
    """Raises ``UsageError`` for a list of shapes: a list of arrays has a name for each of them."""
    if isinstance(value, (tuple, list)) and value and all(isinstance(each, (tuple, list)) for each in value):
        places = ", ".join(f"'{name}[{place}]': {shape}" for place, shape in enumerate(value[:_MOST_PLACES]))
        raise UsageError(f"{where}: is a list of shapes; if it is a list of arrays, give each by its place: {places}")


_MOST_PLACES = 4
"""How many places a message shows. More are given alike."""


def _fault(size: object) -> str:
    """Why it is no size of a dimension, behind the shape; empty if it is one."""
    try:
        number = None if isinstance(size, bool) else index(size)  # type: ignore[arg-type]  # numpy's integers too
    except TypeError:
        number = None
    if number is None:
        return f"; {shown(size)} is not a whole number"
    return "" if 0 < number < 2**31 else f"; {shown(size)} is not a size: sizes are from 1 to {2**31 - 1:,}"


def _dtype(given: object, where: str) -> DtypeName:
    """``"int32"``, ``numpy.int32`` and ``numpy.dtype("int32")`` all name int32."""
    named = str(getattr(given, "name", None) or getattr(given, "__name__", None) or given).rstrip("_")  # numpy.bool_
    for name in _DTYPES:
        if name == named:
            return name
    raise UsageError(f"{where}: unknown dtype {shown(named)}; MXNet has {', '.join(_DTYPES)}")


@dataclass(frozen=True)
class RunAs:
    """How MXNet runs a graph. MXNet fuses it in a ``Module``, and does not fuse it in a hybridized Gluon block.

    ``static_alloc`` and ``static_shape`` are the arguments of ``hybridize``; a ``Module`` has neither.
    """

    kind: Literal["module", "gluon"] = "module"
    """``module`` (an executor, which MXNet fuses) or ``gluon`` (a ``CachedOp`` of a hybridized block, not fused)."""
    static_alloc: bool = False
    static_shape: bool = False

    def __str__(self) -> str:
        if self.kind == "module":
            return "Module"
        flags = ", ".join(name for name in ("static_alloc", "static_shape") if getattr(self, name))
        return f"hybridized block ({flags})" if flags else "hybridized block"

    @classmethod
    def parse(cls, value: "Union[RunAsName, RunAs, None]", *, where: str) -> "Optional[RunAs]":
        """``"module"``, ``"gluon"`` or ``"gluon_static"``. None lets the model decide. Raises ``UsageError``."""
        if value is None or isinstance(value, RunAs):
            return value
        if not isinstance(value, str) or value not in _RUN_AS:
            names = either([f'"{name}"' for name in _RUN_AS])
            raise UsageError(f"{where}: run_as={shown(value)} is not a way to run a model; use {names}")
        return _RUN_AS[value]


_RUN_AS: Mapping[RunAsName, RunAs] = {
    "module": RunAs(),
    "gluon": RunAs("gluon"),
    "gluon_static": RunAs("gluon", True, True),
}


@dataclass(frozen=True)
class Checkpoint:
    """The files of one saved model: the graph, and the weights of one epoch."""

    symbol_path: Path
    epoch: Epoch = 0
    """A number, or ``latest``: the highest that there is when the file is looked for."""
    params: Optional[Path] = None
    """The file of the weights where it is not called ``PREFIX-0000.params``, after the epoch."""

    @classmethod
    def at(cls, source: Path, epoch: Epoch) -> "Checkpoint":
        """From a prefix (``models/resnet18``) or the path of a symbol JSON (``models/resnet18-symbol.json``)."""
        if source.suffix == ".json":
            return cls(source, epoch)
        return cls(source.with_name(source.name + "-symbol.json"), epoch)

    @property
    def prefix(self) -> Path:
        """What MXNet calls the prefix: the symbol's path without ``-symbol.json``."""
        return self.symbol_path.with_name(re.sub(r"(-symbol)?\.json\Z", "", self.symbol_path.name))

    @property
    def params_path(self) -> Path:
        if self.params is not None:
            return self.params
        epoch = max(self.epochs(), default=0) if isinstance(self.epoch, str) else self.epoch
        return self.prefix.with_name(f"{self.prefix.name}-{epoch:04d}.params")

    @property
    def wanted_params(self) -> str:
        """The name of the file of weights, for messages. ``latest`` of no epochs is ``net-*.params``."""
        is_any = self.params is None and self.epoch == LATEST and not self.epochs()
        return f"{self.prefix.name}-*.params" if is_any else self.params_path.name

    def epochs(self) -> Tuple[int, ...]:
        """The epochs whose ``.params`` files exist beside the symbol, in order."""
        prefix = self.prefix
        pattern = re.compile(re.escape(prefix.name) + r"-(\d{4,})\.params\Z")
        try:
            matches = [pattern.match(name) for name in os.listdir(prefix.parent)]
        except (OSError, ValueError):  # ValueError: a path with a null character
            return ()
        return tuple(sorted(int(match.group(1)) for match in matches if match))


class LoadedCheckpoint(NamedTuple):
    """The three things that ``mx.model.load_checkpoint`` returns, in its order. MXNet has no types for them."""

    symbol: Any
    """A ``Symbol``."""
    arg_params: Dict[str, Any]
    """Each an ``NDArray``, by name."""
    aux_params: Dict[str, Any]


@dataclass(frozen=True)
class ModelSpec:
    """A model and its inputs.

    ``source`` is a ``Checkpoint``; or a Gluon block, a ``Symbol``, or a callable that returns one of the two.
    """

    source: Union[Checkpoint, Callable[..., object]]
    inputs: Mapping[str, InputSpec]
    name: str
    run_as: Optional[RunAs] = None
    """How the model is timed. None is the default: a Gluon block as a block, other models in a ``Module``."""
    example: Optional[ExampleLike] = field(default=None, compare=False)
    """Real inputs: the path of an ``.npz``, a mapping from names to arrays, or a callable that returns one."""
    shapes: Mapping[str, Tuple[int, ...]] = field(default_factory=dict)
    """Shapes by name, of parameters whose shape neither the weights nor MXNet's inference give."""
    outputs: Tuple[str, ...] = ()
    """Names of the operators at which the graph ends; empty for the whole graph."""

    @property
    def batch(self) -> int:
        """The size of the batch, which is the first size of every input; 1 if all inputs are scalars.

        Raises ``UsageError`` if the first sizes differ: nobody knows which input has the batch elsewhere.
        """
        firsts = {name: spec.shape[0] for name, spec in self.inputs.items() if spec.shape}
        if len(set(firsts.values())) > 1:
            found = ", ".join(f"{name} {size}" for name, size in firsts.items())
            raise UsageError(
                f"{self.name}: a budget per item needs inputs that all begin with the batch, these begin with: "
                f"{found}; set it for the whole batch"
            )
        return next(iter(firsts.values()), 1)

    def symbol_path(self, root: Path) -> str:
        """The path of a checkpoint's graph, relative to ``root``; empty if the source is not a file."""
        if not isinstance(self.source, Checkpoint):
            return ""
        return os.path.relpath(root / self.source.symbol_path, root)

    @classmethod
    def parse(
        cls,
        source: ModelSource,
        inputs: Inputs,
        *,
        epoch: Epoch = 0,
        name: Optional[str] = None,
        run_as: Union[RunAsName, RunAs, None] = None,
        example: Optional[ExampleLike] = None,
        params: Union[str, Path, None] = None,
        shapes: Optional[Mapping[str, ShapeLike]] = None,
        output: Union[str, Sequence[str]] = (),
        root: Optional[Path] = None,
        where: str = "ModelSpec",
    ) -> "ModelSpec":
        """The model that a user describes. Relative paths start at ``root``.

        Raises ``UsageError`` that begins with ``where``.
        """
        if epoch != LATEST and (isinstance(epoch, bool) or not isinstance(epoch, int) or not 0 <= epoch <= LARGEST):
            raise UsageError(
                f"{where}: epoch={shown(epoch)} is not a whole number from 0 up; {LATEST!r} is the last one"
            )
        if isinstance(source, (str, Path)):
            origin: Union[Checkpoint, Callable[..., object]] = replace(
                _parse_source(source, epoch, root or Path(), where),
                params=_parse_params(params, epoch, root or Path(), where),
            )
        elif params is None:
            origin = cast(Callable[..., object], source)
        else:
            raise UsageError(
                f"{where}: params={str(params)!r} goes with a checkpoint's graph, not with a {_kind(source)}"
            )
        if name is None:
            name = origin.prefix.name if isinstance(origin, Checkpoint) else _object_name(origin)
        elif not isinstance(name, str):
            raise UsageError(f"{where}: name={shown(name)} is not text")
        given = _parse_inputs(inputs, where)
        return cls(
            origin,
            given,
            name,
            RunAs.parse(run_as, where=where),
            _parse_example(example, root or Path(), where),
            _parse_shapes(shapes, given, where),
            _parse_output(output, where),
        )

    def under(self, root: Path) -> "ModelSpec":
        """The same model, with relative paths of its files below ``root``."""
        source, example = self.source, self.example
        if isinstance(source, Checkpoint):
            params = None if source.params is None else root / source.params
            source = replace(source, symbol_path=root / source.symbol_path, params=params)
        return replace(self, source=source, example=root / example if isinstance(example, Path) else example)


def _parse_source(source: Union[str, Path], epoch: Epoch, root: Path, where: str) -> Checkpoint:
    if str(source) and not Path(source).name and Path(source).is_dir():
        raise UsageError(f"{where}: {about_folder(root / source)}")
    if re.fullmatch(r"(-symbol\.json)?", Path(source).name):
        raise UsageError(f"{where}: {str(source)!r} names no checkpoint; give its prefix, as in 'models/resnet18'")
    return Checkpoint.at(root / source, epoch)


def _parse_inputs(inputs: object, where: str) -> Dict[str, InputSpec]:
    if not isinstance(inputs, Mapping) or not inputs:
        raise UsageError(
            f'{where}: inputs={shown(inputs)} must map each input to its shape, as in {{"data": (1, 3, 224, 224)}}'
        )
    return _parse_each(inputs, f"{where}: inputs")


def _parse_each(given: Mapping[Any, Any], where: str) -> Dict[str, InputSpec]:
    for name, value in given.items():
        _refuse_list(str(name), value, where=f"{where}[{shown(name)}]")
    parsed = {str(name): InputSpec.parse(value, where=f"{where}[{shown(name)}]") for name, value in given.items()}
    for name in parsed:
        if printable(name) != name or "\0" in name:
            raise UsageError(f"{where}[{shown(name)}]: MXNet takes names in UTF-8, without NUL")
    return parsed


def _parse_example(example: Optional[ExampleLike], root: Path, where: str) -> Optional[ExampleLike]:
    """Its arrays are looked at when they are needed: that takes numpy."""
    if isinstance(example, (str, Path)):
        return root / example
    if example is None or isinstance(example, Mapping) or callable(example):
        return example
    raise UsageError(
        f"{where}: example is a {type(example).__name__}; give the path of an .npz file, a mapping from inputs to "
        "arrays, or a callable that returns such a mapping"
    )


def _parse_params(params: object, epoch: object, root: Path, where: str) -> Optional[Path]:
    if params is None:
        return None
    if not isinstance(params, (str, Path)):
        raise UsageError(f"{where}: params={shown(params)} is not the path of a file")
    if epoch != 0:
        raise UsageError(f"{where}: params={str(params)!r} names the file; leave out epoch={shown(epoch)}")
    return root / params


def _parse_shapes(shapes: object, inputs: Mapping[str, InputSpec], where: str) -> Dict[str, Tuple[int, ...]]:
    if shapes is None:
        return {}
    if not isinstance(shapes, Mapping):
        raise UsageError(
            f'{where}: shapes={shown(shapes)} must map parameters to their shapes, as in {{"anchors": (9, 4)}}'
        )
    for name in shapes:
        if name in inputs:
            raise UsageError(f"{where}: {name!r} is in inputs and in shapes; a parameter goes in shapes only")
    return {name: spec.shape for name, spec in _parse_each(shapes, f"{where}: shapes").items()}


def _parse_output(output: object, where: str) -> Tuple[str, ...]:
    names = (output,) if isinstance(output, str) else output
    if not isinstance(names, (tuple, list)) or not all(isinstance(name, str) and name for name in names):
        raise UsageError(f"{where}: output={shown(output)} is neither the name of an operator nor a list of names")
    return tuple(names)


def _kind(source: object) -> str:
    return type(source).__name__


def _object_name(source: object) -> str:
    source = getattr(source, "func", source)  # functools.partial
    return str(getattr(source, "__name__", None) or type(source).__name__)
