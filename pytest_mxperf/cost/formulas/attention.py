"""The two matrix products of multi-head attention, before and after the softmax, on interleaved projections.

The last axis has all projections of a position: for each head the query, key and value (self attention), the key and
value (encoder-decoder), or the query alone. Source, in MXNet: ``src/operator/contrib/transformer.cc``.
"""

from pytest_mxperf.cost.registry import Call, formula, size
from pytest_mxperf.cost.result import OpCost

_PROJECTIONS = {
    "_contrib_interleaved_matmul_selfatt_qk": 3,
    "_contrib_interleaved_matmul_selfatt_valatt": 3,
    "_contrib_interleaved_matmul_encdec_qk": 1,
    "_contrib_interleaved_matmul_encdec_valatt": 2,
}
"""How many projections the first input interleaves."""


@formula(*(name for name in _PROJECTIONS if name.endswith("_qk")))
def attention_scores(op: Call) -> OpCost:
    """``Q K^T / sqrt(d)``, where d is the width of a head: per score d MACs and one multiplication by 1 / sqrt(d).

    The output is all scores, ``(batch * heads, queries, keys)``.
    """
    return OpCost(macs=op.output_size * _head_width(op), elementwise=op.output_size)


@formula(*(name for name in _PROJECTIONS if name.endswith("_valatt")))
def attention_values(op: Call) -> OpCost:
    """The values weighted by the second input, ``(batch * heads, queries, keys)``: d MACs per weight."""
    return OpCost(macs=size(op.inputs[1]) * _head_width(op))


def _head_width(op: Call) -> int:
    return op.inputs[0][-1] // _PROJECTIONS[op.op] // op.integer("heads", 1)
