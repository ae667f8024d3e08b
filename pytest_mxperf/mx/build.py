"""What identifies this MXNet: the parts of its build and of the session's settings that affect speed."""

import os
from functools import lru_cache
from typing import FrozenSet, NamedTuple, Tuple

from pytest_mxperf.mx.runtime import mx

__all__ = ["Build", "build", "fusing_backend"]

_BLAS = "BLAS_"
# Of about sixty features: those that choose the kernels, or how they are compiled.
_FASTER = ("CUDA", "CUDNN", "DEBUG", "F16C", "INT64_TENSOR_SIZE", "MKLDNN", "ONEDNN", "OPENMP", "TENSORRT", "TVM_OP")


class Build(NamedTuple):
    """``blas`` and ``subgraph_backend`` are "none" if there is none. ``features`` are sorted."""

    mxnet: str
    blas: str
    features: Tuple[str, ...]
    subgraph_backend: str
    """The backend that fuses a ``Module`` in this session."""


def build() -> Build:
    """The build of the MXNet in this process, with the environment variables as they are now."""
    enabled = _enabled()
    blas = sorted(name[len(_BLAS) :] for name in enabled if name.startswith(_BLAS))
    features = sorted(name for name in enabled if name in _FASTER or name.startswith("CPU_"))
    return Build(mx.__version__, " ".join(blas) or "none", tuple(features), _subgraph_backend())


@lru_cache(maxsize=1)
def _enabled() -> FrozenSet[str]:
    return frozenset(feature.name for feature in mx.runtime.Features().values() if feature.enabled)


def fusing_backend() -> str:
    """The backend that this build can fuse with, as a value of ``MXNET_SUBGRAPH_BACKEND``: "NONE" without MKLDNN.

    MXNet cannot bind a ``Module`` if the variable names a backend that it was built without. 1.6.0 on PyPI has none.
    """
    return next((name for name in ("MKLDNN", "ONEDNN") if name in _enabled()), "NONE")


def _subgraph_backend() -> str:
    # As src/executor/graph_executor.cc chooses it.
    backend = os.environ.get("MXNET_SUBGRAPH_BACKEND", fusing_backend())
    return "none" if backend in ("", "NONE") else backend
