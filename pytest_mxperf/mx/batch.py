"""The batch that a bound module runs, made of what the user gives."""

import re
import warnings
from typing import Any, List, Sequence, Tuple

from pytest_mxperf.cost.params import Role, assign_roles
from pytest_mxperf.errors import UsageError
from pytest_mxperf.graph import Graph
from pytest_mxperf.mx.call import type_of
from pytest_mxperf.mx.overruns import wrong_place
from pytest_mxperf.mx.runtime import json_of, mx, reason

__all__ = ["batch_of", "check_places", "completed", "data_of", "default_bucket"]


def batch_of(module: Any, given: Any) -> Any:
    """The ``mx.io.DataBatch`` of an array, of a list of arrays, or of a batch. The module has run it once.

    For shapes other than those that it is bound for, MXNet binds it again. Raises ``UsageError`` for what it
    cannot run. A list of batches, one for each device, stays what it is.
    """
    __tracebackhide__ = True
    takes = _named(module, [tuple(desc[1]) for desc in default_bucket(module).data_shapes])
    is_list = isinstance(given, list) and bool(given) and all(isinstance(each, mx.io.DataBatch) for each in given)
    batch = given if is_list else completed(module, _arrays(module, given, takes), given)
    check_places(module, batch)
    try:
        _run_once(module, batch)
    except Exception as error:  # MXNet raises half a dozen kinds, and says what it is about in the text
        has = "" if is_list else f"has {_named(module, [array.shape for array in batch.data])}, and "
        raise UsageError(
            f"mxperf_benchmark: batch {has}cannot be run: {_first_sentence(error)}; the module is bound for {takes}"
        ) from None
    return batch


def _run_once(module: Any, batch: Any) -> None:
    """Runs the batch. MXNet does not bind a module again if a label that nobody gave changes its shape; this does."""
    try:
        module.forward(batch, is_train=False)
    except Exception:
        labels = _labels(module) if isinstance(module, mx.mod.Module) and not isinstance(batch, list) else []
        if not labels:
            raise
        data = _described(module.data_shapes, batch.data)
        shapes, _, _ = module.symbol.infer_shape_partial(**{desc.name: desc.shape for desc in data})
        inferred = dict(zip(module.symbol.list_arguments(), shapes))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # MXNet knows of no label
            module.reshape(data, [(name, inferred[name]) for name in labels if inferred[name]])
        module.forward(batch, is_train=False)


def _labels(module: Any) -> List[str]:
    graph = Graph.parse(json_of(module.symbol), where="the module")
    roles = assign_roles(graph, inputs=module.data_names, auxiliary=module.symbol.list_auxiliary_states(), stored=())
    return [graph.nodes[index].name for index, role in roles.items() if role is Role.LABEL]


def check_places(module: Any, batch: Any) -> None:
    """Raises ``UsageError`` for lengths and indices in the batch, or in a list of them, that make MXNet write anywhere.

    Looks only into a ``mx.mod.Module``, or the bucket that a ``BucketingModule`` was bound with.
    """
    __tracebackhide__ = True
    for each in batch if isinstance(batch, list) else [batch]:
        chosen = default_bucket(module)
        is_chosen = chosen is module or getattr(each, "bucket_key", None) == module._default_bucket_key
        problem = wrong_place(chosen, each) if is_chosen and isinstance(chosen, mx.mod.Module) else ""
        if problem:
            raise UsageError(f"mxperf_benchmark: with this batch {problem}, so MXNet would corrupt its memory")


def data_of(given: Any) -> Any:
    """The data of an ``mx.io.DataBatch``, or of anything like it. Other values are the data themselves."""
    data = getattr(given, "data", None)
    return data if isinstance(data, (list, tuple)) else given


def completed(module: Any, arrays: List[Any], given: Any = None) -> Any:
    """A batch with these arrays, the labels of the given batch, and all that a ``BucketingModule`` chooses by."""
    is_bucketing, bound = isinstance(module, mx.mod.BucketingModule), default_bucket(module)
    data, labels = (bound.data_shapes, bound.label_shapes) if is_bucketing else ((), ())
    key, label = getattr(given, "bucket_key", None), getattr(given, "label", None)
    return mx.io.DataBatch(
        arrays,
        label,
        bucket_key=module._default_bucket_key if is_bucketing and key is None else key,
        provide_data=getattr(given, "provide_data", None) or _described(data, arrays),
        provide_label=getattr(given, "provide_label", None) or _described(labels, label),
    )


def default_bucket(module: Any) -> Any:
    """The module of a ``BucketingModule`` that it was bound with. Any other module is its own."""
    is_bucketing = isinstance(module, mx.mod.BucketingModule)
    return module._buckets[module._default_bucket_key] if is_bucketing else module


def _described(descriptions: Any, arrays: Any) -> Any:
    """The descriptions with the shapes of the arrays; None without arrays."""
    if not descriptions or not arrays:
        return None
    return [
        mx.io.DataDesc(desc.name, array.shape, desc.dtype, desc.layout) for desc, array in zip(descriptions, arrays)
    ]


def _arrays(module: Any, given: Any, takes: str) -> List[Any]:
    """The arrays in what is given, one for each input of the module."""
    __tracebackhide__ = True
    data = data_of(given)
    arrays = list(data) if isinstance(data, (list, tuple)) else [data]
    strange = [each for each in arrays if not isinstance(each, mx.nd.NDArray)]
    if strange:
        raise _misfit(f"has a value of type {type_of(strange[0])}", takes)
    if len(arrays) != len(default_bucket(module).data_shapes):
        raise _misfit(f"has {len(arrays)} array{'s' * (len(arrays) != 1)}", takes)
    return [each.as_nd_ndarray() for each in arrays]  # a module copies none of mx.np


def _named(module: Any, shapes: Sequence[Tuple[int, ...]]) -> str:
    """The module's inputs with these shapes."""
    return ", ".join(f"{desc[0]} {shape}" for desc, shape in zip(default_bucket(module).data_shapes, shapes))


def _misfit(problem: str, takes: str) -> UsageError:
    return UsageError(f"mxperf_benchmark: batch {problem}; the module takes {takes}: give an mx.nd.array for each")


def _first_sentence(error: Exception) -> str:
    sentence = re.split(r"\.(?=[A-Z ])", reason(error))[0]
    return re.sub(r"Shape of unspecifie arg: (\S+) changed", r"it does not fit \1", sentence)
