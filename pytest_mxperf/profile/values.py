"""Measurements of a network's layers."""

from typing import Dict, Tuple

import msgspec

__all__ = ["LayerTime", "NetworkProfile", "Peaks"]


class LayerTime(msgspec.Struct, frozen=True):
    """One executed operator, under the name of the user's layer that computes in it."""

    name: str
    """The layer's name in the user's graph."""
    operator: str
    """The layer's operator: ``Convolution``, even when MXNet runs it fused."""
    cpu_seconds: float
    """CPU seconds per forward: the median over rounds and bindings, without the cost of measuring. A loop is one layer,
    the sum of its steps."""
    members: Tuple[str, ...] = ()
    """Names of all layers of the user's graph that run in it, with its own, in execution order."""


class NetworkProfile(msgspec.Struct, frozen=True):
    """The layers of one network in execution order, and its plain forward on the same bindings."""

    layers: Tuple[LayerTime, ...]
    forward_cpu_seconds: float
    """CPU seconds of a forward without callbacks."""
    bindings: int
    rounds: int
    """Rounds of each binding."""
    outputs_cpu_seconds: float = 0.0
    """The part of the forward after its last layer, which copies the outputs to numpy."""

    @property
    def unaccounted_share(self) -> float:
        """The fraction of the forward that is in neither layers nor outputs; below 0 if they add up to more."""
        if not self.forward_cpu_seconds:
            return 0.0
        return 1.0 - (self.layers_cpu_seconds + self.outputs_cpu_seconds) / self.forward_cpu_seconds

    @property
    def layers_cpu_seconds(self) -> float:
        return sum(layer.cpu_seconds for layer in self.layers)


class Peaks(msgspec.Struct, frozen=True):
    """The peak rates of one core of this processor, measured through MXNet. Layers are compared with them."""

    flops_per_second: Dict[str, float]
    """By dtype: ``float32``, and ``int8`` if MXNet has kernels for it. Of a large matrix product or a convolution,
    whichever is faster."""
    bytes_per_second: float
    """Bytes read and written by a copy of an array that is larger than the caches."""
