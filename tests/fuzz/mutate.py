"""Mutations of a checkpoint's two files. Each takes a random generator and gives the same for the same seed."""

import json
import struct
from dataclasses import dataclass, replace
from typing import Any, Callable, Dict, List, Tuple

__all__ = ["Files", "mutate"]

NASTY_TEXTS = [
    *("0", "1", "-1", "2", "3", "7", "100", "65536", "2147483647", "2147483648", "-2147483648", "4294967296"),
    *("9223372036854775807", "-9223372036854775808", "99999999999999999999999", "0.0", "-0.5", "1e30", "1e-30"),
    *("nan", "inf", "-inf", "None", "", " ", "abc", "True", "False", "()", "(,)", "(0,)", "(0, 0)", "(-1, -1)"),
    *("(1,)", "(2, 2)", "(1, 0)", "(3, 1000)", "(1000000, 1000000)", "(2147483647, 2147483647)", "(None, None)"),
    *("(1, 2, 3, 4, 5, 6, 7, 8)", "(0, 0, 0, 0, -1, -1, 9, 9)", "[1]", "float16", "int8", "float64", "int64"),
    *("NHWC", "NWC", "max", "sum", "lp", "valid", "full", "same", "null", "\x00", "\ud800", "é" * 300, "9" * 400),
]
NASTY_NUMBERS = [0, 1, -1, 2, 5, 170, 2**31 - 1, 2**31, 2**32, 2**63 - 1, 2**63, -(2**63), 10**30]
NASTY_VALUES = [None, True, 1.5, "", "x", [], {}, [[]], [0], {"a": 1}, *NASTY_NUMBERS]

# Operators put in the place of others: common ones, and those whose implementations trust their inputs.
OPERATORS = [
    *("null", "Convolution", "Deconvolution", "FullyConnected", "BatchNorm", "Pooling", "Activation", "LeakyReLU"),
    *("Concat", "Flatten", "Reshape", "transpose", "SliceChannel", "elemwise_add", "broadcast_mul", "add_n", "mean"),
    *("Embedding", "RNN", "take", "dot", "batch_dot", "topk", "softmax", "SoftmaxOutput", "LRN", "UpSampling", "Crop"),
    *("Pad", "Cast", "expand_dims", "squeeze", "tile", "repeat", "where", "pick", "one_hot", "_arange", "_zeros"),
    *("ROIPooling", "_contrib_ROIAlign", "_contrib_Proposal", "_contrib_MultiBoxDetection", "_contrib_box_nms"),
    *("Custom", "_Native", "_NDArray", "_CachedOp", "_foreach", "_while_loop", "_cond", "WarpCTC", "QConvolution"),
    *("_sg_mkldnn_conv", "_contrib_quantize_v2", "_npi_tensordot", "_np_reshape", "Correlation", "GridGenerator"),
    *(
        "_copy",
        "_backward_Convolution",
        "_CrossDeviceCopy",
        "_NoGradient",
        "Softmax",
        "_Plus",
        "_MulScalar",
        "nonsense",
    ),
]


@dataclass(frozen=True)
class Files:
    """A checkpoint: its symbol JSON, its ``.params`` (empty where there are none), and the shapes of its inputs."""

    symbol: bytes
    params: bytes
    inputs: Dict[str, Any]


def mutate(files: Files, others: List[Files], random: Any) -> Tuple[str, Files]:
    """The name of what was done, and the checkpoint after it; now and then more than one thing was done."""
    names = []
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        name, mutation = random.choice(MUTATIONS)
        names.append(name)
        files = mutation(files, others, random)
    return "+".join(names), files


def _on_bytes(change: Callable[[bytearray, Any], Any]) -> "List[Any]":
    """The change made to the one file and to the other."""

    def symbol(files: Files, others: List[Files], random: Any) -> Files:
        return replace(files, symbol=bytes(change(bytearray(files.symbol), random)))

    def params(files: Files, others: List[Files], random: Any) -> Files:
        return replace(files, params=bytes(change(bytearray(files.params), random)))

    return [symbol, params]


def _flip_bits(data: bytearray, random: Any) -> bytearray:
    for _ in range(random.choice((1, 1, 2, 8))):
        if data:
            # The header of the weights is where the numbers are that matter.
            place = random.randrange(min(len(data), random.choice((64, 4096, len(data)))))
            data[place] ^= 1 << random.randrange(8)
    return data


def _cut_off(data: bytearray, random: Any) -> bytearray:
    return data[: random.choice((0, 1, 8, 24, len(data) // 2, max(len(data) - 1, 0), random.randrange(len(data) + 1)))]


def _splice(data: bytearray, random: Any) -> bytearray:
    """Overwrites, inserts, repeats or drops a piece."""
    start = random.randrange(len(data) + 1)
    length = random.choice((1, 4, 8, 100))
    piece = random.choice((bytes(length), b"\xff" * length, bytes(data[start : start + length])))
    return data[:start] + piece + data[start + random.choice((0, length)) :]


def _overwrite_number(data: bytearray, random: Any) -> bytearray:
    """A nasty number where the header of the weights may have one."""
    layout = random.choice("iq")
    size = struct.calcsize(layout)
    if len(data) > 32:
        place = random.randrange(0, min(len(data) - size, random.choice((64, 1024))), 4)
        low = -(2 ** (8 * size - 1))
        number = max(low, min(-low - 1, random.choice(NASTY_NUMBERS)))
        data[place : place + size] = struct.pack(f"<{layout}", number)
    return data


def _not_finite(data: bytearray, random: Any) -> bytearray:
    if len(data) > 200:
        place = random.randrange(100, len(data) - 4) & ~3
        data[place : place + 4] = struct.pack("<f", random.choice((float("nan"), float("inf"), 1e-40, 3e38)))
    return data


def _swap_params(files: Files, others: List[Files], random: Any) -> Files:
    return replace(files, params=random.choice(others).params)


def _change_input(files: Files, others: List[Files], random: Any) -> Files:
    inputs = {name: list(shape) for name, shape in files.inputs.items()}
    name = random.choice(sorted(inputs))
    shape = inputs.pop(name)
    what = random.randrange(4)
    if what == 0:
        name = random.choice((name[:-1] or "x", name.upper(), "nonsense"))
    elif what == 1:
        shape = shape[:-1] or [1]
    elif what == 2:
        shape = [*shape, 2]
    else:
        shape[random.randrange(len(shape))] = random.choice((1, 2, 3, 17, 64))
    return replace(files, inputs={**inputs, name: shape})


def _on_json(change: Callable[[Any, Any], None]) -> Callable[[Files, List[Files], Any], Files]:
    def mutation(files: Files, others: List[Files], random: Any) -> Files:
        try:
            document = json.loads(files.symbol.decode("utf-8", "replace"))
            change(document, random)
        except (ValueError, LookupError, TypeError, AttributeError):  # an earlier mutation has left no graph
            return files
        return replace(files, symbol=json.dumps(document).encode())

    return mutation


def _attrs(node: Any) -> Any:
    key = next((key for key in ("attrs", "param", "attr") if node.get(key)), "attrs")
    return node.setdefault(key, {})


def _set_attribute(document: Any, random: Any) -> None:
    """A nasty value of an attribute that a node has."""
    nodes = [node for node in document["nodes"] if _attrs(node)]
    attrs = _attrs(random.choice(nodes))
    attrs[random.choice(sorted(attrs))] = random.choice(NASTY_TEXTS)


def _give_attribute(document: Any, random: Any) -> None:
    """An attribute that another node has, or one that MXNet knows, with or without a nasty value."""
    donors = [node for node in document["nodes"] if _attrs(node)]
    name, value = random.choice(sorted(_attrs(random.choice(donors)).items()))
    name = random.choice(
        (name, name, "__shape__", "__dtype__", "__storage_type__", "__init__", "num_group", "axis", "layout", "dtype")
    )
    _attrs(random.choice(document["nodes"]))[name] = random.choice((value, random.choice(NASTY_TEXTS)))


def _drop_attribute(document: Any, random: Any) -> None:
    attrs = _attrs(random.choice([node for node in document["nodes"] if _attrs(node)]))
    del attrs[random.choice(sorted(attrs))]


def _change_operator(document: Any, random: Any) -> None:
    random.choice(document["nodes"])["op"] = random.choice(OPERATORS)


def _rewire(document: Any, random: Any) -> None:
    """Another source or output of an input or a head; or one more, one less, or the order changed."""
    nodes = document["nodes"]
    entries = random.choice([document["heads"], *(node["inputs"] for node in nodes if node["inputs"])])
    what = random.randrange(6)
    if what == 0:
        random.choice(entries)[0] = random.randrange(len(nodes))
    elif what == 1:
        random.choice(entries)[random.randrange(3)] = random.choice(NASTY_NUMBERS)
    elif what == 2:
        entries.append(list(random.choice(entries)))
    elif what == 3:
        entries.pop(random.randrange(len(entries)))
    elif what == 4:
        random.shuffle(entries)
    else:
        random.choice(entries)[1] = random.randrange(4)


def _change_nodes(document: Any, random: Any) -> None:
    nodes = document["nodes"]
    what = random.randrange(5)
    first, second = random.randrange(len(nodes)), random.randrange(len(nodes))
    if what == 0:
        del nodes[first]
    elif what == 1:
        nodes.insert(first, dict(nodes[second]))
    elif what == 2:
        nodes[first], nodes[second] = nodes[second], nodes[first]
    elif what == 3:
        nodes[first]["name"] = nodes[second]["name"]
    else:
        nodes[first]["name"] = random.choice(("", "a\nb", "<b>", "\x1b[31m", "n" * 5000, "arg:x", "\x00", "data"))


def _change_anything(document: Any, random: Any) -> None:
    """Walks down at random, and replaces or removes what it comes to."""
    place: Any = document
    while True:
        keys = sorted(place) if isinstance(place, dict) else list(range(len(place)))
        key = random.choice(keys)
        below = place[key]
        if not isinstance(below, (dict, list)) or not below or random.random() < 0.15:
            break
        place = below
    if random.random() < 0.3:
        del place[key]
    else:
        place[key] = random.choice(NASTY_VALUES)


def _rename_params(files: Files, others: List[Files], random: Any) -> Files:
    """A node's name in the graph becomes another, so that a parameter is missing and one is too many."""
    return _on_json(lambda document, _: random.choice(document["nodes"]).update(name="stranger"))(files, others, random)


MUTATIONS: "List[Any]" = [
    *zip(("symbol bits", "params bits"), _on_bytes(_flip_bits)),
    *zip(("symbol cut off", "params cut off"), _on_bytes(_cut_off)),
    *zip(("symbol spliced", "params spliced"), _on_bytes(_splice)),
    ("params number", _on_bytes(_overwrite_number)[1]),
    ("params number", _on_bytes(_overwrite_number)[1]),
    ("params not finite", _on_bytes(_not_finite)[1]),
    ("params swapped", _swap_params),
    ("input changed", _change_input),
    *([("attribute set", _on_json(_set_attribute))] * 5),
    *([("attribute given", _on_json(_give_attribute))] * 2),
    ("attribute dropped", _on_json(_drop_attribute)),
    *([("operator changed", _on_json(_change_operator))] * 2),
    *([("rewired", _on_json(_rewire))] * 2),
    ("nodes changed", _on_json(_change_nodes)),
    ("JSON changed", _on_json(_change_anything)),
    ("renamed", _rename_params),
]
