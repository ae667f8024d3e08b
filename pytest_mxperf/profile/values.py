"""What was measured of a network's layers."""

from typing import Dict, Tuple

import msgspec

__all__ = ["LayerTime", "NetworkProfile", "Peaks"]


class LayerTime(msgspec.Struct, frozen=True):
    """One executed operator, under the name of the user's layer that computes in it."""

    name: str
    """As in the user's own graph."""
    operator: str
    """Of that layer: ``Convolution``, even when MXNet runs it fused."""
    cpu_seconds: float
    """Per forward: the median over rounds and bindings, without the cost of measuring. A loop's body is a sum."""
    members: Tuple[str, ...] = ()
    """All layers of the user's graph that run in it, the named one included, in execution order."""


class NetworkProfile(msgspec.Struct, frozen=True):
    """The layers of one network in execution order, and its plain forward on the same bindings."""

    layers: Tuple[LayerTime, ...]
    forward_cpu_seconds: float
    """Of a forward without any measuring in it."""
    bindings: int
    rounds: int
    """Of each binding."""
    outputs_cpu_seconds: float = 0.0
    """What of the forward is behind its last layer: the outputs are copied to where the user reads them."""

    @property
    def unaccounted_share(self) -> float:
        """Of the plain forward, what neither layers nor outputs account for; below 0 where they sum up to more."""
        if not self.forward_cpu_seconds:
            return 0.0
        return 1.0 - (self.layers_cpu_seconds + self.outputs_cpu_seconds) / self.forward_cpu_seconds

    @property
    def layers_cpu_seconds(self) -> float:
        return sum(layer.cpu_seconds for layer in self.layers)


class Peaks(msgspec.Struct, frozen=True):
    """What one core of this processor can do, measured through MXNet. The times of layers are compared with it."""

    flops_per_second: Dict[str, float]
    """Of a large matrix product or a convolution, the faster one, by the dtype that it computes in: ``float32``, and
    ``int8`` if MXNet has kernels."""
    bytes_per_second: float
    """Read and written, of a copy that is larger than the caches."""
