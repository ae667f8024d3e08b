"""What an ``MXNetError`` means for the network, if MXNet's own message does not say it."""

import re
from typing import Callable, Optional, Tuple

from pytest_mxperf.graph import Node
from pytest_mxperf.mx.analysis import Analysis
from pytest_mxperf.mx.runtime import reason

__all__ = ["explained", "is_out_of_memory"]

_MULTIPLIED_ON_A_CPU = ("float32", "float64")
_TYPES = {"2": "float16", "3": "uint8", "4": "int32", "5": "int8", "6": "int64", "7": "bool", "12": "bfloat16"}
_TYPES["half"] = "float16"


def explained(error: Exception, analysis: Analysis) -> str:
    """Why MXNet could not bind or run the network, in one line."""
    said = reason(error)
    for pattern, explain in _EXPLANATIONS:
        found = re.search(pattern, said)
        text = explain(found, analysis) if found else None
        if text is not None:
            return text
    return said


def is_out_of_memory(error: BaseException) -> bool:
    """Whether MXNet, or Python itself, got no memory from the system."""
    return isinstance(error, MemoryError) or bool(re.search(_NO_MEMORY, str(error)))


def _no_product(found: "re.Match[str]", analysis: Analysis) -> Optional[str]:
    at = _first_product(analysis)
    if at is None:
        return None
    node, dtype = at
    return (
        f"it cannot multiply {dtype} matrices on a CPU, as {node.op} {node.name!r} does; "
        "a float32 copy of the network can run"
    )


def _first_product(analysis: Analysis) -> Optional[Tuple[Node, str]]:
    """The first operator with MACs whose data is neither float32 nor float64, and the dtype of its data."""
    layers = {layer.name: layer for layer in analysis.cost().layers}
    for node in analysis.graph.nodes:
        if node.inputs and node.name in layers and layers[node.name].cost.macs:
            source, output = node.inputs[0]
            dtype = analysis.inference.dtypes[source][output]
            if dtype not in _MULTIPLIED_ON_A_CPU:
                return node, dtype
    return None


def _no_type(found: "re.Match[str]", analysis: Analysis) -> str:
    dtype = _TYPES.get(found.group(1), f"type {found.group(1)}")
    return f"one of its operators cannot take {dtype} on a CPU; a float32 copy of the network can run"


def _no_kernel(found: "re.Match[str]", analysis: Analysis) -> str:
    operators = (node for node in analysis.graph.nodes if not node.is_variable)
    node = next((node for node in operators if node.attrs.get("layout", "") in _LAYOUTS_OF_GPUS), None)
    if node is not None:
        return f"on a CPU it has no {node.op} of layout {node.attrs['layout']}, as {node.name!r} needs"
    return f"MKLDNN, its library for CPUs, has no kernel for one of its operators with these shapes ({found.string})"


_LAYOUTS_OF_GPUS = ("NWC", "NHWC", "NDHWC")

_NO_MEMORY = r"bad_alloc|Failed to allocate CPU Memory|Cannot allocate memory"

_Explain = Callable[["re.Match[str]", Analysis], Optional[str]]

_EXPLANATIONS: Tuple[Tuple[str, _Explain], ...] = (
    (
        r"FP16 gemm on cpu|float16 fully connected layer|only supports? (float32/float64|FP32|32-bit)|"
        r"Only FP32 is supported on CPU|unknown type for MKLDNN|Unsupported type",
        _no_product,
    ),
    (r"(?:unknown type for MKLDNN|[Uu]nsupported (?:data )?type)\D{0,3}(\d+)", _no_type),
    (r"data type do not match specified type\.\s*Expected: (\w+)", _no_type),
    (r"could not create a (descriptor|primitive)|Only support NCW, NCHW and NCDHW layout", _no_kernel),
    (_NO_MEMORY, lambda found, analysis: "there is not enough memory for it"),
    (
        r"GPU is not enabled|with CUDA enabled|USE_CUDA=1",
        lambda found, analysis: "one of its operators needs a GPU, and this MXNet was built without CUDA",
    ),
)
