"""What operators are, by facts written by hand; ``tests/mx/test_registry.py`` asks MXNet whether they exist."""

import ast
from pathlib import Path

import pytest

from pytest_mxperf import traits

TRAITS = sorted(name for name in vars(traits) if name[0].isalpha())

FACTS = {
    "IDENTITIES": ("BlockGrad Dropout MakeLoss SVMOutput", "LogisticRegressionOutput Cast squeeze relu"),
    "CASTS": ("Cast amp_cast", "cast_storage _contrib_quantize"),
    "RESHAPES": ("Reshape _npx_reshape", "Flatten reshape_like"),
    "MOVING": ("Reshape transpose slice repeat _np_roll", "Concat Pad SequenceMask take BlockGrad"),
    "JOINING": ("Concat stack amp_multicast _npi_dstack", "add_n SliceChannel"),
    "RANDOM": ("_random_uniform _npi_normal _sample_multinomial _shuffle", "_random_pdf_normal Dropout"),
    "DENSITIES": ("_random_pdf_normal _random_pdf_dirichlet", "_random_normal"),
    "SHAPED_AFTER": ("zeros_like _npi_full_like shape_array _random_gamma_like", "reshape_like _zeros"),
    "FUNCTIONS": ("exp rsqrt logical_not smooth_l1", "clip relu _npi_exp softmax"),
    "CONVOLUTIONS": ("Convolution _contrib_quantized_conv", "Deconvolution Correlation"),
    "DEFORMABLE": ("_contrib_ModulatedDeformableConvolution", "_contrib_DeformablePSROIPooling"),
    "DENSE": ("FullyConnected _contrib_quantized_fully_connected", "dot"),
    "POOLING": ("Pooling Pooling_v1 _contrib_quantized_pooling", "ROIPooling _contrib_AdaptiveAvgPooling2D"),
    "RECURRENT": ("RNN _contrib_quantized_rnn", "_foreach"),
    "ATTENTION": ("_contrib_interleaved_matmul_selfatt_qk", "batch_dot"),
    "ACTIVATIONS": ("Activation LeakyReLU clip _npx_sigmoid", "softmax LogisticRegressionOutput"),
    "BATCH_NORMS": ("BatchNorm _contrib_BatchNormWithReLU _contrib_quantized_batch_norm", "LayerNorm LRN"),
    "NORMS": ("BatchNorm_v1 InstanceNorm LayerNorm GroupNorm", "LRN L2Normalization norm"),
    "LABELLED": ("SoftmaxOutput SVMOutput MAERegressionOutput", "MakeLoss softmax_cross_entropy CTCLoss"),
    "EMBEDDINGS": ("Embedding _contrib_SparseEmbedding _contrib_quantized_embedding", "take one_hot"),
    "POOLING_REGIONS": ("ROIPooling _contrib_RROIAlign", "Pooling _contrib_Proposal"),
    "PROPOSING": ("_contrib_Proposal _contrib_MultiProposal", "_contrib_MultiBoxPrior"),
    "WEIGHT_AT": (
        {"FullyConnected": 1, "_contrib_DeformableConvolution": 2, "_contrib_ModulatedDeformableConvolution": 3},
        "Embedding BatchNorm RNN dot",
    ),
    "TABLE_AT": ({"Embedding": 1, "take": 0, "gather_nd": 0}, "pick one_hot scatter_nd"),
    "INDICES_AT": ({"Embedding": 0, "one_hot": 0, "take": 1, "pick": 1, "scatter_nd": 1}, "argmax slice"),
    "LENGTHS_AT": ({"SequenceLast": 1, "log_softmax": 1, "RNN": 4}, "SoftmaxOutput _contrib_quantized_rnn"),
    "TENSORS_BEFORE_RANGES": (
        {"_contrib_quantized_act": 1, "_contrib_quantized_rnn": 4, "_contrib_quantized_batch_norm": 5},
        "_contrib_quantize_v2 _contrib_quantized_conv",
    ),
    "RANGE_EACH": ("_contrib_quantized_conv _contrib_quantized_concat", "_contrib_quantized_pooling"),
    "PRODUCTS": ("dot _linalg_gemm2 _npi_einsum", "FullyConnected broadcast_mul"),
    "EXTREMES": ("_maximum broadcast_minimum", "max _maximum_scalar"),
    "MULTIPLYING": ("broadcast_mul elemwise_mul", "dot _mul_scalar"),
    "ADDING": ("add_n broadcast_sub _maximum broadcast_hypot", "broadcast_mul Concat"),
    "DIVIDING": ("elemwise_div broadcast_mod", "_div_scalar _rdiv_scalar"),
    "POWERS": ("_power broadcast_power", "_power_scalar square"),
    "COMMUTATIVE": ("add_n broadcast_mul _maximum", "elemwise_sub broadcast_div dot _power"),
    "COMPARING": ("broadcast_lesser _greater_equal _npi_less", "_lesser_scalar _npi_lesser broadcast_less"),
    "SUMMING": ("sum mean", "add_n max prod"),
    "ABOVE_0": ("log rsqrt reciprocal _rdiv_scalar", "exp log1p square"),
    "NEEDS_POSITIVE_DEFINITE": ("_linalg_potrf _npi_solve", "_linalg_gemm"),
}
"""By trait some operators that have it, with the input where it is one, and some that seem to, but do not."""


def test_there_are_facts_of_every_trait():
    assert sorted(FACTS) == TRAITS


@pytest.mark.parametrize("trait", FACTS)
def test_what_has_a_trait_and_what_does_not(trait):
    having, lacking = FACTS[trait]
    found = getattr(traits, trait)
    if isinstance(having, dict):
        assert {name: found[name] for name in having} == having
    else:
        assert found >= {*having.split()}
    assert not [name for name in lacking.split() if name in found]


def test_every_trait_has_a_definition_of_one_line():
    body = ast.parse(Path(traits.__file__).read_text(encoding="utf-8")).body
    defined = {
        node.targets[0].id: following.value.value
        for node, following in zip(body, body[1:])
        if isinstance(node, ast.Assign) and isinstance(following, ast.Expr)
    }
    assert sorted(defined) == TRAITS
    assert not [name for name, text in defined.items() if "\n" in text or not text.endswith(".")]
