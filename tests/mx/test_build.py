"""Which MXNet this is."""

import re

import pytest

from pytest_mxperf.mx import build as module
from pytest_mxperf.mx.build import build, fusing_backend


@pytest.fixture
def enabled(monkeypatch):
    monkeypatch.delenv("MXNET_SUBGRAPH_BACKEND", raising=False)
    return lambda *names: monkeypatch.setattr(module, "_enabled", lambda: frozenset(names))


def test_it_is_told_by_mxnet_itself():
    import mxnet as mx

    found = build()
    assert found.mxnet == mx.__version__
    features = mx.runtime.Features()
    assert "OPENMP" in found.features or not features.is_enabled("OPENMP")
    assert all(features.is_enabled(name) for name in found.features)
    assert re.fullmatch("none|OPEN|MKL|ATLAS|APPLE", found.blas)


def test_only_what_decides_on_speed_is_kept(enabled):
    enabled(
        "OPENMP", "CPU_AVX2", "BLAS_OPEN", "OPENCV", "DIST_KVSTORE", "SIGNAL_HANDLER", "INT64_TENSOR_SIZE", "LAPACK"
    )
    assert (build().blas, build().features) == ("OPEN", ("CPU_AVX2", "INT64_TENSOR_SIZE", "OPENMP"))


@pytest.mark.parametrize(
    ("features", "setting", "backend"),
    [
        (("MKLDNN",), None, "MKLDNN"),
        (("ONEDNN",), None, "ONEDNN"),
        ((), None, "none"),
        (("MKLDNN",), "NONE", "none"),
        (("MKLDNN",), "", "none"),
        (("MKLDNN",), "default", "default"),
    ],
)
def test_the_subgraph_backend_is_the_builds_unless_the_environment_says_otherwise(
    enabled, monkeypatch, features, setting, backend
):
    enabled(*features)
    if setting is not None:
        monkeypatch.setenv("MXNET_SUBGRAPH_BACKEND", setting)
    assert build().subgraph_backend == backend


@pytest.mark.parametrize(
    ("features", "backend"), [(("MKLDNN",), "MKLDNN"), (("ONEDNN",), "ONEDNN"), (("OPENMP",), "NONE")]
)
def test_a_build_without_mkldnn_is_not_asked_to_fuse(enabled, features, backend):
    """MXNet 1.6.0 of PyPI refuses to bind: "SubgraphProperty MKLDNN is not found in SubgraphBackendRegistry"."""
    enabled(*features)
    assert fusing_backend() == backend
