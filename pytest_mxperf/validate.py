"""Finds in a graph what would crash MXNet.

MXNet checks little of what it loads. It divides by some attributes, allocates by others, and reads beyond the list of
inputs if there are too few. This module refuses the attributes that are known to crash MXNet 1.9.1, in every part of a
graph. ``suspects`` names the nodes that are not known to be harmless.
"""

import re
from functools import lru_cache
from math import prod
from typing import Callable, Collection, Dict, Pattern, Sequence, Set, Tuple

from pytest_mxperf import traits
from pytest_mxperf.errors import GraphError
from pytest_mxperf.graph import VARIABLE, Graph, Node, place
from pytest_mxperf.hazards import UNCHECKED_NORMS, computes_parameters

__all__ = ["check_attributes", "suspects"]

_POSITIVE = ("num_group", "num_deformable_group", "stride")
"""What MXNet divides by."""

_COUNTS = ("num_args", "num_outputs")
_MOST_COUNTED = 10_000
"""MXNet makes a name for each of an operator's inputs and outputs, even for two thousand million."""

_LONGEST_NAME = 1000

_MOST_NUMBERS = 16
_LARGEST_ORDINARY = 2**24
_LARGEST_PRODUCT = 2**31
_LARGEST_IN = {
    **dict.fromkeys(("kernel", "stride", "dilate", "pad", "adj", "target_shape", "reps", "repeats"), 2**10),
    **dict.fromkeys(("pad_width", "output_size", "block_size", "scale"), 2**10),
    **dict.fromkeys(("num_filter", "output_dim", "state_size"), 2**16),
}
"""MXNet multiplies sizes in 32 or 64 bits and divides by what comes out: by 0 if that is 2^32 or 2^64."""

_GROWTH = {"Deconvolution": "stride", "tile": "reps", "repeat": "repeats", "UpSampling": "scale"}
_LARGEST_GROWTH = 2**20
"""What enlarges its input by a factor, and the largest product of all such factors in a graph."""

_COMPARISONS = ("equal", "not_equal", "greater", "greater_equal", "lesser", "lesser_equal")
_PAIRED = (*_COMPARISONS, "maximum", "minimum", "power", "hypot", "logical_and", "logical_or", "logical_xor")

_ONE, _TWO = (1, 1), (2, 2)
_ANY_NUMBER = (1, _MOST_COUNTED)
_INPUTS: Dict[str, Tuple[int, int]] = {
    **dict.fromkeys(("null", "_zeros", "_ones", "_arange"), (0, 0)),
    **dict.fromkeys(("Convolution", "Deconvolution", "FullyConnected"), (2, 3)),
    "BatchNorm": (3, 5),  # files of 2015 leave its running statistics to be added
    "RNN": (2, 4),
    **dict.fromkeys(("InstanceNorm", "LayerNorm"), (3, 3)),
    **dict.fromkeys(("Activation", "relu", "sigmoid", "softsign", "clip", "hard_sigmoid"), _ONE),
    **dict.fromkeys(("Pooling", "Flatten", "Reshape", "Dropout", "L2Normalization", "LRN", "Cast"), _ONE),
    **dict.fromkeys(("transpose", "expand_dims", "slice", "slice_axis", "SliceChannel", "mean", "sum"), _ONE),
    **dict.fromkeys(("_copy", "BlockGrad", "MakeLoss", "SoftmaxActivation", "log_softmax"), _ONE),
    **dict.fromkeys((*traits.FUNCTIONS, "zeros_like", "ones_like", "max", "min", "prod"), _ONE),
    **dict.fromkeys((f"_{name}_scalar" for name in ("plus", "minus", "rminus", "mul", "div", "rdiv")), _ONE),
    **dict.fromkeys((f"_{name}_scalar" for name in ("power", "rpower", "maximum", "minimum", "hypot")), _ONE),
    **dict.fromkeys((f"_{name}_scalar" for name in _COMPARISONS), _ONE),
    **dict.fromkeys((f"_{name}Scalar" for name in ("Plus", "Minus", "RMinus", "Mul", "Div", "RDiv")), _ONE),
    "softmax": _ONE,  # a second is the lengths of the rows: it writes up to there, however long a row is
    "LeakyReLU": (1, 2),
    **dict.fromkeys(("squeeze", "tile", "repeat", "SwapAxis"), _ONE),
    **dict.fromkeys((f"elemwise_{name}" for name in ("add", "sub", "mul", "div")), _TWO),
    **dict.fromkeys((f"broadcast_{name}" for name in ("add", "sub", "mul", "div")), _TWO),
    **dict.fromkeys((f"{prefix}{name}" for prefix in ("_", "broadcast_") for name in _PAIRED), _TWO),
    # The names that these had before 2017, and in files of today (``.add_alias`` in elemwise_binary_op_basic.cc).
    **dict.fromkeys((f"_{name}" for name in ("Plus", "plus", "add", "Minus", "minus", "sub")), _TWO),
    **dict.fromkeys((f"_{name}" for name in ("Mul", "mul", "Div", "div")), _TWO),
    **dict.fromkeys(("Pad", "_contrib_AdaptiveAvgPooling2D", "depth_to_space"), _ONE),
    "_contrib_box_nms": _ONE,  # BoxNMSShape checks the rank and each index before it looks
    "Crop": (1, 2),
    "UpSampling": _ANY_NUMBER,
    **dict.fromkeys(
        ("Embedding", "slice_like", "SoftmaxOutput", "LinearRegressionOutput", "LogisticRegressionOutput"), _TWO
    ),
    **dict.fromkeys(("Concat", "add_n"), _ANY_NUMBER),
}
"""The operators that never crash with ordinary attributes, and how many inputs they take."""

_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


def check_attributes(graph: Graph, *, where: str) -> None:
    """Raises ``GraphError`` that begins with ``where`` for attributes that crash or hang MXNet, and for unfit names."""
    if not _are_fit(graph.nodes):
        for index, node in enumerate(graph.nodes):
            problem = _problem(node)
            if problem:
                raise GraphError(f"{place(where, index, node)}: {problem}")
    for index, node in enumerate(graph.nodes):
        for subgraph in node.subgraphs:
            check_attributes(subgraph, where=f"{place(where, index, node)}: subgraph")


def _are_fit(nodes: Sequence[Node]) -> bool:
    """Whether no node has a problem. Names and values are checked at once: there are many, most of them alike."""
    names = {node.name for node in nodes}
    names.update([node.op for node in nodes])
    if max(map(len, names)) > _LONGEST_NAME or not "".join(names).isprintable():
        return False
    of_variables = [node.attrs for node in nodes if node.op == VARIABLE]
    of_operators = [node.attrs for node in nodes if node.op != VARIABLE]
    return not any(
        _problem_of(name, value)
        for looked_at, found in ((_DECLARED, of_variables), (_DANGEROUS, of_operators))
        for name in looked_at
        for value in {attrs[name] for attrs in found if name in attrs}
    )


def _problem(node: Node) -> str:
    # Names are shown in terminals, and MXNet's end at a null character.
    if not (node.name.isprintable() and node.op.isprintable() and len(node.name) <= _LONGEST_NAME):
        return f"a name has at most {_LONGEST_NAME:,} printable characters"
    problems = (_problem_of(name, node.attrs[name]) for name in _looked_at(node) if name in node.attrs)
    return next(filter(None, problems), "")


def _looked_at(node: Node) -> Collection[str]:
    # Older versions of MXNet give a variable its reader's attributes.
    return _DECLARED if node.op == VARIABLE else _DANGEROUS


_DECLARED: Dict[str, Tuple[str, Pattern[str], int]] = {
    "__dtype__": ("the number of a dtype", re.compile(r"\s*[-+]?\d+"), 2**31),
    "__shape__": (
        "a shape",
        re.compile(r"\s*(?:None|[-+]?\d+|[(\[]\s*(?:[-+]?\d+L?(?:\s*,\s*[-+]?\d+L?)*)?[\s,]*[)\]])"),
        2**63,
    ),
}
"""What MXNet 1.6 and 1.7 end the process for when it is anything else, and what its numbers stay below."""

_DANGEROUS = (*_POSITIVE, *_COUNTS)


@lru_cache(maxsize=4096)
def _problem_of(name: str, value: str) -> str:
    if name in _POSITIVE and min(_numbers(value), default=1.0) < 1:
        return f"{name}={value[:60]!r} must be at least 1"
    if name in _COUNTS and max(_numbers(value), default=1.0) > _MOST_COUNTED:
        return f"{name}={value[:60]!r} is more than {_MOST_COUNTED:,}"
    if name in _DECLARED:
        kind, pattern, limit = _DECLARED[name]
        if pattern.match(value[:1000]) is None or max(map(abs, _numbers(value)), default=0.0) >= limit:
            return f"{name}={value[:60]!r} is not {kind}"
    return ""


@lru_cache(maxsize=4096)
def _numbers(text: str) -> Tuple[float, ...]:
    return tuple(float(number) for number in _NUMBER.findall(text[:1000]))


def suspects(graph: Graph) -> Tuple[str, ...]:
    """The nodes that are not known to be harmless to MXNet, each as ``Correlation 'corr'``."""
    growing = [node for node in graph.nodes if node.op in _GROWTH and _GROWTH[node.op] in node.attrs]
    growth = prod(_growth(node) for node in growing)
    making = [node for node in graph.nodes if node.op in _MAKING]
    made = prod(_made(node) for node in making)
    return tuple(
        [
            f"{node.op[:60]} {node.name[:60]!r}"
            for node in graph.nodes
            if not _is_harmless(node, graph.numpy_shapes)
            or (growth > _LARGEST_GROWTH and node in growing)
            or (made > _LARGEST_PRODUCT and node in making)
            or (node.op == "Embedding" and _looks_up_results(graph, node))
            or (node.op in UNCHECKED_NORMS and computes_parameters(graph, node))
        ]
    )


def _growth(node: Node) -> float:
    factor = _product(node.attrs[_GROWTH[node.op]])
    return factor * factor if node.op == "UpSampling" else factor  # of height and width alike


_MAKING = ("_zeros", "_ones", "_arange")
"""What makes numbers of nothing. Multiplied with each other, they make as many as the product of their sizes."""


def _made(node: Node) -> float:
    """How many numbers the node makes; 1 if the shape of another array decides that."""
    if node.op != "_arange":
        return max(1, prod(_whole_numbers(node.attrs.get("shape", ""))))
    bounds = [_numbers(node.attrs.get(name, "")) for name in ("start", "stop", "repeat")]
    (start, *_), (stop, *_), (repeat, *_) = [each or (0.0,) for each in bounds]
    return max(1.0, abs(stop - start) * max(1.0, repeat))  # its steps are 1 or more


def _is_harmless(node: Node, numpy_shapes: bool) -> bool:
    fewest, most = _INPUTS.get(node.op, (1, 0))
    if not fewest <= len(node.inputs) <= most or node.subgraphs:
        return False
    if node.op in _HARMLESS_IF and not _HARMLESS_IF[node.op](node, numpy_shapes):
        return False
    if node.attrs.items() <= _KNOWN_ORDINARY:
        return True
    return all(_is_ordinary(name, value) for name, value in node.attrs.items())


def _is_safe_pad(node: Node, numpy_shapes: bool) -> bool:
    """8 widths, so of 4 dimensions (``PadProp::InferShape``), and none of them negative.

    It looks at the widths by an index that is checked, and holds a reflection below the input's size in the last two
    of 4 dimensions, so each element that it reads exists. In 5 dimensions it checks only two.
    """
    widths = _whole_numbers(node.attrs.get("pad_width", ""))
    return len(widths) == 8


def _is_safe_crop(node: Node, numpy_shapes: bool) -> bool:
    """As many inputs as it says, to crop to the size ``h_w`` or to that of the second.

    ``CropProp::InferShape`` checks ``h_w``; ``InferCropOfferset`` checks, before it crops, that output and offset lie
    within the input.
    """
    return _whole_numbers(node.attrs.get("num_args", "")) == (len(node.inputs),)


def _is_safe_adaptive_pooling(node: Node, numpy_shapes: bool) -> bool:
    """An output of 1 by 1, or of one or two positive sizes: it divides by them, and its windows then lie in the input.

    It computes them in 32 bits of float, which ``check_shapes`` looks at.
    """
    sizes = _whole_numbers(node.attrs.get("output_size", "1"))
    return 1 <= len(sizes) <= 2 and min(sizes) >= 1


def _is_safe_depth_to_space(node: Node, numpy_shapes: bool) -> bool:
    """A positive block: its square divides the channels (``DepthToSpaceOpShape``), which are checked to be many enough.

    The square of a block of at most 2^10 is no multiple of 2^32.
    """
    block = _whole_numbers(node.attrs.get("block_size", ""))
    return len(block) == 1 and block[0] >= 1


def _is_safe_upsampling(node: Node, numpy_shapes: bool) -> bool:
    """The nearest neighbour, of as many inputs as it says: it divides by their sizes, so none may be 0.

    ``UpSamplingShape`` checks that each divides the output, and mshadow that what is written has the output's shape.
    The bilinear one is a deconvolution of as many groups as an attribute says, by which it divides.
    """
    attrs = node.attrs
    is_nearest = attrs.get("sample_type") == "nearest" and not numpy_shapes
    scale, count = _whole_numbers(attrs.get("scale", "")), _whole_numbers(attrs.get("num_args", ""))
    return is_nearest and len(scale) == 1 and scale[0] >= 1 and count == (len(node.inputs),)


def _is_safe_constant(node: Node, numpy_shapes: bool) -> bool:
    """A shape without negative sizes: the begin state of an LSTM, whose batch size may be 0, which is unknown.

    ``InitShape`` copies the shape unless a reader has told another, and what is filled has the size of the output.
    """
    return bool(_whole_numbers(node.attrs.get("shape", ""))) and not numpy_shapes


def _is_safe_range(node: Node, numpy_shapes: bool) -> bool:
    """Steps of at least 1 between numbers, each at most 64 times: no more elements than an ordinary product of sizes.

    ``RangeShape`` refuses a step of 0, a wrong direction and a missing end.
    """
    repeat = _whole_numbers(node.attrs.get("repeat", "1"))
    ends = [node.attrs.get(name, "None") for name in ("start", "stop")]
    return (
        len(repeat) == 1
        and repeat[0] <= 64
        and _STEP.fullmatch(node.attrs.get("step", "1")) is not None
        and all(end == "None" or _DECIMAL.fullmatch(end) for end in ends)
    )


_STEP = re.compile(r"-?[1-9]\d{0,8}(?:\.\d{1,9})?", re.ASCII)
_DECIMAL = re.compile(r"-?\d{1,9}(?:\.\d{1,9})?", re.ASCII)


_HARMLESS_IF: Dict[str, Callable[[Node, bool], bool]] = {
    "Pad": _is_safe_pad,
    "Crop": _is_safe_crop,
    "_contrib_AdaptiveAvgPooling2D": _is_safe_adaptive_pooling,
    "depth_to_space": _is_safe_depth_to_space,
    "UpSampling": _is_safe_upsampling,
    "_arange": _is_safe_range,
    **dict.fromkeys(("_zeros", "_ones"), _is_safe_constant),
}
"""What else must hold for these to be harmless, from the sources of MXNet 1.9.1."""

_WHOLE_NUMBERS = re.compile(r"\s*[(\[]?\s*\d{1,9}(?:\s*,\s*\d{1,9})*\s*,?\s*[)\]]?\s*", re.ASCII)


@lru_cache(maxsize=1024)
def _whole_numbers(text: str) -> Tuple[int, ...]:
    """Those of ``3`` or ``(0, 1)``; nothing if it is written in any other way."""
    if len(text) > _LONGEST_REMEMBERED or not _WHOLE_NUMBERS.fullmatch(text):
        return ()
    return tuple(int(number) for number in re.findall(r"\d+", text))


_KNOWN_ORDINARY: Set[Tuple[str, str]] = set()
"""Attributes that have been looked at before: models repeat them."""

_MOST_REMEMBERED = 4096
_LONGEST_REMEMBERED = 1000


def _is_ordinary(name: str, value: str) -> bool:
    if not _looks_ordinary(name, value):
        return False
    if len(name) + len(value) <= _LONGEST_REMEMBERED:
        if len(_KNOWN_ORDINARY) >= _MOST_REMEMBERED:
            _KNOWN_ORDINARY.clear()
        _KNOWN_ORDINARY.add((name, value))
    return True


def _looks_ordinary(name: str, value: str) -> bool:
    if name == "__init__":
        return True
    if name == "__storage_type__":
        return value in ("0", "-1")
    numbers = _numbers(value)
    largest = max(map(abs, numbers), default=0)
    return (
        len(numbers) <= _MOST_NUMBERS
        and largest <= _LARGEST_IN.get(name, _LARGEST_ORDINARY)
        and _product(value) <= _LARGEST_PRODUCT
    )


def _product(text: str) -> float:
    return prod(max(1.0, abs(number)) for number in _numbers(text))


def _looks_up_results(graph: Graph, node: Node) -> bool:
    """An embedding of an embedding and so on: each multiplies the size."""
    return bool(node.inputs) and not graph.nodes[node.inputs[0][0]].is_variable
