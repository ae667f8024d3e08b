"""Every operator that MXNet registers is counted, entered, free, or uncountable for a reason; no other has a rule."""

import ctypes

import pytest

import pytest_mxperf.cost.walk  # noqa: F401  registers the rules
from pytest_mxperf import traits
from pytest_mxperf.cost.registry import _RULES, UNCOUNTABLE
from pytest_mxperf.cost.subgraphs import FUSED_PREFIX
from pytest_mxperf.graph import Graph, Node

LACKED = {
    "1.9": "_np_broadcast_to _np_ones_like _np_zeros_like",
    "1.8": "_contrib_quantize_asym _contrib_quantized_rnn _np_broadcast_to _np_ones_like _np_zeros_like",
    "1.7": (
        "_contrib_BatchNormWithReLU _contrib_quantize_asym _contrib_quantized_rnn "
        "_np_broadcast_to _np_ones_like _np_zeros_like"
    ),
    "1.6": """
        _CachedOpThreadSafe _contrib_BatchNormWithReLU _contrib_ModulatedDeformableConvolution _contrib_quantize_asym
        _contrib_quantized_elemwise_mul _contrib_quantized_embedding _contrib_quantized_rnn
        _multi_lamb_update _multi_mp_lamb_update
        _np_all _np_any _np_atleast_1d _np_atleast_2d _np_atleast_3d _np_diag _np_diagflat _np_diagonal
        _npi_average _npi_bernoulli _npi_bincount _npi_bitwise_and _npi_bitwise_and_scalar _npi_bitwise_not
        _npi_bitwise_or _npi_bitwise_or_scalar _npi_broadcast_to _npi_cholesky _npi_delete _npi_diag_indices_from
        _npi_dsplit _npi_ediff1d _npi_eig _npi_eigh _npi_eigvals _npi_eigvalsh _npi_exponential _npi_full_like
        _npi_gamma _npi_gumbel _npi_hstack _npi_insert_scalar _npi_insert_slice _npi_insert_tensor _npi_isfinite
        _npi_isinf _npi_isnan _npi_isneginf _npi_isposinf _npi_logistic _npi_matmul _npi_nan_to_num _npi_norm
        _npi_normal_n _npi_pad _npi_pareto _npi_percentile _npi_pinv _npi_pinv_scalar_rcond _npi_polyval _npi_powerd
        _npi_rayleigh _npi_solve _npi_tensorinv _npi_tensorsolve _npi_uniform_n _npi_weibull _npi_where
        _npi_where_lscalar _npi_where_rscalar _npi_where_scalar2 _npx_constraint_check
        col2im im2col
    """,
}
"""The operators that are counted and that the MXNet of this version does not have."""

LOOPS_AND_BRANCHES = ("_foreach", "_while_loop", "_cond")


@pytest.fixture(scope="module")
def operators():
    """Canonical names: MXNet lists each operator once, however many aliases it has."""
    import mxnet as mx

    library, check = mx.base._LIB, mx.base.check_call
    count, creators, name = ctypes.c_uint(), ctypes.POINTER(ctypes.c_void_p)(), ctypes.c_char_p()
    check(library.MXSymbolListAtomicSymbolCreators(ctypes.byref(count), ctypes.byref(creators)))
    names = set()
    for creator in creators[: count.value]:
        check(library.MXSymbolGetAtomicSymbolName(ctypes.c_void_p(creator), ctypes.byref(name)))
        names.add(name.value.decode())
    return names


@pytest.fixture(scope="module")
def version():
    import mxnet as mx

    return mx.__version__.rpartition(".")[0]


def is_backward(name):
    """Gradients, which a forward pass does not have. MXNet marks them by name only."""
    return "_backward" in name or name.startswith("_grad")


def test_every_operator_is_classified(operators):
    forward = {name for name in operators if not is_backward(name)}
    entered = {name for name in forward if name in LOOPS_AND_BRANCHES or name.startswith(FUSED_PREFIX)}
    unclassified = sorted(forward - entered - set(_RULES) - set(UNCOUNTABLE))
    assert not unclassified, f"no formula, no reason to be free: {', '.join(unclassified)}"


def test_every_rule_is_for_an_operator_that_exists(operators, version):
    """But for what an older or a newer MXNet has instead."""
    assert sorted({*_RULES, *UNCOUNTABLE} - operators) == sorted(LACKED[version].split())


def test_what_has_a_trait_is_an_operator_and_no_alias(operators, version):
    """So none is named twice; but for what an older or a newer MXNet has instead."""
    known = {*operators, *LACKED[version].split()}
    found = {trait: names for trait, names in vars(traits).items() if trait[0].isalpha()}
    assert not [(trait, name) for trait, names in found.items() for name in names if name not in known]


@pytest.mark.parametrize("op", sorted(traits.IDENTITIES))
def test_an_identity_changes_no_number(op):
    import mxnet as mx

    two = op in traits.LABELLED or op in ("_identity_with_attr_like_rhs", "IdentityAttachKLSparseReg")
    variables = [Node("null", name, {}, ()) for name in ("data", "other")[: 1 + two]]
    attrs = {"scalar": "3"} if op == "_contrib_gradientmultiplier" else {}
    node = Node(op, "op", attrs, tuple((index, 0) for index in range(len(variables))))
    symbol = mx.sym.load_json(Graph((*variables, node), ((len(variables), 0),)).to_json())
    executor = symbol.simple_bind(mx.cpu(), data=(2, 3), grad_req="null")
    (output,) = executor.forward(is_train=False, data=mx.nd.array([[-3, 0, 0.5], [1, 2, 700]]))
    assert output.asnumpy().tolist() == [[-3, 0, 0.5], [1, 2, 700]]


def test_mxnet_writes_no_alias_into_a_graph():
    """``_npi_take`` is an alias of ``take`` and ``_npi_maximum`` of ``broadcast_maximum``, also inside of a loop."""
    import mxnet as mx

    rows = mx.sym.np.take(mx.sym.var("table").as_np_ndarray(), mx.sym.var("rows").as_np_ndarray(), axis=0)
    outputs, _ = mx.sym.contrib.foreach(
        lambda row, _: (mx.sym.np.maximum(row.as_np_ndarray(), row.as_np_ndarray()).as_nd_ndarray(), []),
        rows.as_nd_ndarray(),
        [],
    )
    *_, take, loop = (node for node in Graph.parse(outputs.tojson(), where="net").nodes if not node.is_variable)
    assert [take.op, loop.subgraphs[0].nodes[-1].op] == ["take", "broadcast_maximum"]


def test_no_uncountable_operator_has_a_rule():
    assert sorted(set(UNCOUNTABLE) & set(_RULES)) == []
