"""One spelling of operators' attributes: ``[3,3]``, ``(3L, 3L)`` and ``(3, 3)``, a default written out or left out.

MXNet documents the type and the default of each argument of an operator. Where that is at hand, attributes are read by
it, as MXNet's own parser does; else only what is one value whatever its type may be is spelled alike.
"""

import ctypes
import re
from typing import Callable, Dict, Mapping, NamedTuple, Optional, Sequence, Tuple

import msgspec

from pytest_mxperf import traits
from pytest_mxperf.graph import Graph, Node

__all__ = ["Normalizer", "Operator", "Operators", "Spelled", "ineffective", "is_annotation", "nothing_known", "shape"]


class Operator(NamedTuple):
    """What MXNet knows of an operator: by argument the type, and the default where there is one, spelled as here."""

    name: str
    """That it is registered by; others are aliases of it."""
    types: Mapping[str, str]
    defaults: Mapping[str, str]
    counter: str = ""
    """The attribute that repeats how many inputs it has."""

    @classmethod
    def documented(cls, name: str, arguments: Sequence[Tuple[str, str]], counter: str = "") -> "Operator":
        """From MXNet's documentation: names, each with a text such as ``"boolean, optional, default=0"``."""
        types: Dict[str, str] = {}
        defaults: Dict[str, str] = {}
        for argument, text in arguments:
            match = _DOCUMENTED.fullmatch(text)
            if match is None:  # what it reads, and arguments that only Python has
                continue
            kind, default = match.groups()
            types[argument] = kind or _ANY
            if default is not None:
                defaults[argument] = _spelled(_unquoted(default), types[argument])
        return cls(name, types, defaults, counter)


_DOCUMENTED = re.compile(r"(.*?), ?(?:required|optional(?:, default=(.*))?)", re.DOTALL)

Operators = Callable[[str], Optional[Operator]]
"""What is known of the operator of a name; None if that is nothing."""


def nothing_known(name: str) -> Optional[Operator]:
    """For where there is no MXNet."""
    return None


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == "'" else text


class Spelled(NamedTuple):
    """The attributes of an operator, spelled in the one way, sorted by name."""

    op: str
    """Its own name."""
    attrs: Mapping[str, str]
    effect: str
    """The operator and those of its attributes that can change how it infers on a CPU, as one text."""

    @classmethod
    def of(cls, op: str, attrs: Mapping[str, str]) -> "Spelled":
        idle = ineffective(op, attrs)
        return cls(op, attrs, repr((op, [item for item in attrs.items() if item[0] not in idle])))


class Normalizer:
    """Spells the attributes of nodes alike."""

    def __init__(self, operators: Operators = nothing_known) -> None:
        self._operators = operators
        self._known: Dict[object, Spelled] = {}

    def graph(self, graph: Graph) -> Graph:
        """The graph with all its nodes so spelled, those of subgraphs included."""
        return msgspec.structs.replace(graph, nodes=tuple([self.node(node) for node in graph.nodes]))

    def node(self, node: Node) -> Node:
        """The node under its operator's own name, with all attributes: defaults too, and no annotations."""
        if node.is_variable:
            return node
        spelled = self.spelled(node)
        subgraphs = tuple([self.graph(graph) for graph in node.subgraphs])
        return Node(spelled.op, node.name, spelled.attrs, node.inputs, node.output_count, subgraphs)

    def spelled(self, node: Node) -> Spelled:
        """The operator's attributes; looked at once for all nodes with the same."""
        key = (node.op, len(node.inputs), *node.attrs.items())
        if key not in self._known:
            self._known[key] = self._spell(node)
        return self._known[key]

    def _spell(self, node: Node) -> Spelled:
        operator = self._operators(node.op) or Operator(node.op, {}, {})
        attrs = dict(operator.defaults)
        for name, text in node.attrs.items():
            if not is_annotation(name):
                attrs[name] = _spelled(text, operator.types.get(name, _foreign_type(operator)))
        if attrs.get(operator.counter) == str(len(node.inputs)):
            del attrs[operator.counter]
        attrs.update(_implied(operator.name, attrs))
        return Spelled.of(operator.name, dict(sorted(attrs.items())))


def _foreign_type(operator: Operator) -> str:
    """Of an attribute that is not documented: those of a user's own operator are for Python to read."""
    return "string" if operator.name in ("Custom", "_npi_Custom") else _ANY


_ANNOTATION = re.compile(r"__.*__|(?:.*_)?(?:ctx_group|lr_mult|wd_mult|force_mirroring|mirror_stage)", re.DOTALL)


def is_annotation(name: str) -> bool:
    """Whether the attribute speaks to an optimizer or to tools; before 2017 such names had no underscores around."""
    return _ANNOTATION.fullmatch(name) is not None


# Values.

_ANY = "any"  # of an unknown type

_INTEGER = re.compile(r"[+-]?\d{1,400}L?")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_SEQUENCE = re.compile(r"[(\[][-+\d.,eELNon()\[\]\s]*[)\]]")


def _spelled(text: str, kind: str) -> str:
    """The one spelling of a value of a type, as MXNet names types; a text that is no such value (None) stays it."""
    stripped = text.strip()
    for prefixes, spell in _BY_TYPE:
        if kind.startswith(prefixes):
            return spell(stripped)
    return text


def _boolean(text: str) -> str:
    return {"true": "True", "1": "True", "false": "False", "0": "False"}.get(text.lower(), text)


def _integer(text: str) -> str:
    return str(int(text.rstrip("L"))) if _INTEGER.fullmatch(text) else text


def _single(text: str) -> str:
    """Of 32 bits: 0.899999976 and 0.9 are one number."""
    return _shortest(_rounded(float(text))) if _NUMBER.fullmatch(text) else text


def _double(text: str) -> str:
    """Some defaults of 64 bits are numbers of 32 bits, in which 0.001 is 0.0010000000474974513."""
    return _shortest(float(text)) if _NUMBER.fullmatch(text) else text


def _rounded(number: float) -> float:
    """The nearest number of 32 bits."""
    return ctypes.c_float(number).value


def _shortest(number: float) -> str:
    """The fewest digits that make this number of 32 bits; all of them if it is none."""
    texts = (f"{number:.{digits}g}" for digits in range(1, 10))
    return repr(float(next((text for text in texts if _rounded(float(text)) == number), number)))


def _sizes(text: str) -> str:
    return _sequence(text, _integer)


def _numbers(text: str) -> str:
    return _sequence(text, _single)


def _sequence(text: str, spell: Callable[[str], str]) -> str:
    """One number alone is a sequence of one."""
    return _items(f"({text})" if _NUMBER.fullmatch(text.rstrip("L")) else text, spell)


def _items(text: str, spell: Callable[[str], str]) -> str:
    if not _SEQUENCE.fullmatch(text):
        return text
    plain = re.sub(r"\s", "", text).replace("[", "(").replace("]", ")").replace(",)", ")")
    return re.sub(r"[^(),]+", lambda item: spell(item[0]), plain).replace(",", ", ")


def _any(text: str) -> str:
    """What is the same value whatever its type: 1 may be a number or True, and so it stays 1."""
    if text.lower() in ("true", "false"):
        return text.capitalize()
    return _items(text, _number) if text[:1] in ("(", "[") else _number(text)


def _number(text: str) -> str:
    return _integer(text) if _INTEGER.fullmatch(text) else _double(text)


def _enumerated(text: str) -> str:
    return text


_BY_TYPE: Sequence[Tuple[Tuple[str, ...], Callable[[str], str]]] = (
    (("boolean",), _boolean),
    (("int", "long"), _integer),
    (("float",), _single),
    (("double",), _double),
    (("Shape", "tuple of <int", "tuple of <long"), _sizes),
    (("tuple of <float", "tuple of <double"), _numbers),
    (("tuple of",), _any),
    (("{",), _enumerated),
    ((_ANY,), _any),
)


def shape(text: str, *, numpy_shapes: bool) -> Optional[str]:
    """A declared shape in the one spelling, unknown sizes as ``?``; None if it says nothing.

    Without numpy's semantics a size of 0 is unknown, and so is a shape of no sizes; with them a size of -1 is.

    >>> shape("[0L, 10]", numpy_shapes=False)
    '(?, 10)'
    """
    spelled = _sizes(text.strip())
    if spelled in ("", "None") or (spelled == "()" and not numpy_shapes):
        return None
    return re.sub(r"(?<![\d-])-1(?!\d)" if numpy_shapes else r"(?<![\d-])0(?!\d)", "?", spelled)


# The meaning of a default that depends on other attributes (MXNet's parameter parsers).

_WINDOWS = traits.CONVOLUTIONS | traits.DEFORMABLE | traits.POOLING | {"Deconvolution", "im2col", "col2im"}
_LAYOUTS = {1: "NCW", 2: "NCHW", 3: "NCDHW"}


def _implied(op: str, attrs: Mapping[str, str]) -> Dict[str, str]:
    if op not in _WINDOWS:
        return {}
    implied: Dict[str, str] = {}
    kernel = attrs.get("kernel", "()")
    rank = 0 if kernel == "()" else kernel.count(",") + 1
    if rank in _LAYOUTS:
        for name, size in (("stride", "1"), ("dilate", "1"), ("pad", "0"), ("adj", "0")):
            if attrs.get(name) == "()":
                implied[name] = f"({', '.join([size] * rank)})"
        if attrs.get("layout") == "None":
            implied["layout"] = _LAYOUTS[rank]
    if attrs.get("count_include_pad") == "None":
        implied["count_include_pad"] = "True"
    return implied


# What cannot reach the inference on a CPU, as MXNet's sources (1.6 to 1.9) show.

_GPU, _TRAINING = "GPU only", "training only"

_OF_ONE: Mapping[Tuple[str, str], str] = {
    # In Deconvolution, UpSampling and Convolution_v1 it decides how many samples a CPU computes at a time.
    **{(op, "workspace"): _GPU for op in ("Convolution", "_contrib_quantized_conv", *traits.DEFORMABLE)},
    **{(op, "momentum"): _TRAINING for op in traits.BATCH_NORMS},
    **{(op, "p"): _TRAINING for op in traits.RECURRENT},
    **{
        ("SoftmaxOutput", name): _TRAINING
        for name in ("grad_scale", "ignore_label", "use_ignore", "normalization", "out_grad", "smooth_alpha")
    },
    ("LogisticRegressionOutput", "grad_scale"): _TRAINING,
}


def ineffective(op: str, attrs: Mapping[str, str]) -> Dict[str, str]:
    """Of a node so spelled, the attributes that cannot change how it infers on a CPU, and why."""
    found = {}
    for name in attrs:
        why = _GPU if name == "ctx" or name.startswith("cudnn_") else _OF_ONE.get((op, name))
        if op in traits.IDENTITIES and name != "mode" and attrs.get("mode", "training") == "training":
            why = why or _TRAINING
        if why and op not in ("Custom", "_npi_Custom"):
            found[name] = why
    return found
