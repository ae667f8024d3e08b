"""Which MXNet this is: the parts of its build and of the session's settings that decide on speed."""

import os
from functools import lru_cache
from typing import FrozenSet, NamedTuple, Tuple

from pytest_mxperf.mx.runtime import mx

__all__ = ["Build", "build", "fusing_backend"]

_BLAS = "BLAS_"
# Of some sixty that there are: those that choose the kernels, or how they are compiled.
_FASTER = ("CUDA", "CUDNN", "DEBUG", "F16C", "INT64_TENSOR_SIZE", "MKLDNN", "ONEDNN", "OPENMP", "TENSORRT", "TVM_OP")


class Build(NamedTuple):
    """``blas`` and ``subgraph_backend`` are "none" where there is none; ``features`` are sorted."""

    mxnet: str
    blas: str
    features: Tuple[str, ...]
    subgraph_backend: str
    """What a ``Module`` of this session is fused by."""


def build() -> Build:
    """Of the MXNet in this process, with the environment as it is now."""
    enabled = _enabled()
    blas = sorted(name[len(_BLAS) :] for name in enabled if name.startswith(_BLAS))
    features = sorted(name for name in enabled if name in _FASTER or name.startswith("CPU_"))
    return Build(mx.__version__, " ".join(blas) or "none", tuple(features), _subgraph_backend())


@lru_cache(maxsize=1)
def _enabled() -> FrozenSet[str]:
    return frozenset(feature.name for feature in mx.runtime.Features().values() if feature.enabled)


def fusing_backend() -> str:
    """What this build can fuse with, as ``MXNET_SUBGRAPH_BACKEND`` names it: "NONE" where it has no MKLDNN.

    MXNet binds no ``Module`` under the name of a backend that it was built without, as 1.6.0 on PyPI was.
    """
    return next((name for name in ("MKLDNN", "ONEDNN") if name in _enabled()), "NONE")


def _subgraph_backend() -> str:
    # As src/executor/graph_executor.cc has it.
    backend = os.environ.get("MXNET_SUBGRAPH_BACKEND", fusing_backend())
    return "none" if backend in ("", "NONE") else backend
