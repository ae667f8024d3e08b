"""Eight networks, and the fourteen ways in which a layer of them is made slower at equal or nearly equal MACs.

A network is built by a ``Maker``, which counts the places where each kind of slowdown can go, and puts one of them into
one place. It notes which names and which causes are right.
"""

import math
from collections import Counter

import pytest_mxperf  # noqa: F401  makes import mxnet work

import mxnet as mx  # isort: skip

sym = mx.sym

CAUSES = {
    "grouping": {"slower kernel"},
    "dilation": {"slower kernel"},
    "asymmetric kernel": {"slower kernel"},
    "prime channel count": {"left blocked layout"},
    "unfusing": {"no longer fused"},
    "transpose pair": {"new"},
    "softmax axis": {"slower kernel"},
    "composed GELU": {"replaced"},
    "cast to float16": {"new"},
    "many small parts": {"replaced"},
    "composed LayerNorm": {"replaced"},
    "large embedding": {"more work"},
    "maximum for relu": {"replaced"},
    "InstanceNorm for BatchNorm": {"replaced"},
}
"""By kind the causes that are right."""


class Maker:
    """Builds a network with the slowdown of a kind at the place of a number, or with none."""

    def __init__(self, kind=None, place=None):
        self.places = Counter()
        self.touched = ()
        """The names of the layers that were made slower."""
        self._kind, self._place = kind, place
        self._layers = Counter()

    def _name(self, kind):
        self._layers[kind] += 1
        return f"{kind}{self._layers[kind]}"

    def _is_here(self, kind, *names):
        self.places[kind] += 1
        here = (kind, self.places[kind]) == (self._kind, self._place)
        if here:
            self.touched = names
        return here

    def conv(self, x, channels, count, kernel=3, stride=1, groups=1, *, free=False, relu=True):
        """Convolution, normalization, activation; ``free`` if its channels may be others."""
        name = self._name("conv")
        pad = kernel // 2
        given = {"num_filter": count, "kernel": (kernel, kernel), "stride": (stride, stride), "pad": (pad, pad)}
        given["num_group"] = groups
        if groups == 1 and kernel == 3 and channels % 32 == count % 32 == 0 and self._is_here("grouping", name):
            few = {"num_group": 16, "kernel": (11, 13), "pad": (5, 6)}  # 143 / 16 for 9
            many = {"num_group": 32, "kernel": (17, 17), "pad": (8, 8)}  # 289 / 32 for 9
            given.update(many if channels > 64 else few)
        if groups == 1 and kernel == 1 and channels % 16 == count % 16 == 0 and self._is_here("grouping", name):
            given.update(num_group=16, kernel=(3, 5), pad=(1, 2))  # 15 / 16 for 1
        if kernel == 3 and self._is_here("dilation", name):
            given.update(dilate=(2, 2), pad=(2, 2))
        if kernel == 3 and self._is_here("asymmetric kernel", name):
            given.update(kernel=(1, 9), pad=(0, 4))
        if free and groups == 1 and self._is_here("prime channel count", name):
            given.update(num_filter=prime_near(count))
        if groups == 1 and count >= 32 and self._is_here("many small parts", name):
            parts = [
                sym.Convolution(x, name=f"{name}_part{n}", **{**given, "num_filter": count // 8}) for n in range(8)
            ]
            x = sym.concat(*parts, dim=1, name=f"{name}_concat")
        else:
            x = sym.Convolution(x, name=name, no_bias=True, **given)
        if relu and self._is_here("unfusing", name, f"{name}_bn", f"{name}_relu"):
            x = sym.Activation(x, act_type="relu", name=f"{name}_relu")
            return self.between(sym.BatchNorm(x, fix_gamma=False, name=f"{name}_bn"), 4)  # not fused so
        if self._is_here("InstanceNorm for BatchNorm", f"{name}_bn"):
            x = sym.InstanceNorm(x, name=f"{name}_in")
        else:
            x = sym.BatchNorm(x, fix_gamma=False, name=f"{name}_bn")
        if not relu:
            return self.between(x, 4)
        if self._is_here("maximum for relu", f"{name}_relu"):
            return self.between(sym.maximum(x, 0), 4)
        return self.between(sym.Activation(x, act_type="relu", name=f"{name}_relu"), 4)

    def between(self, x, rank):
        """Where something can be put in."""
        axes = (*range(rank - 2), rank - 1, rank - 2)
        there, back = f"there{self.places['transpose pair']}", f"back{self.places['transpose pair']}"
        if self._is_here("transpose pair", there, back):
            x = sym.transpose(sym.transpose(x, axes=axes, name=there), axes=axes, name=back)
        down, up = f"down{self.places['cast to float16']}", f"up{self.places['cast to float16']}"
        if self._is_here("cast to float16", down, up):
            x = sym.cast(sym.cast(x, dtype="float16", name=down), dtype="float32", name=up)
        return x

    def dense(self, x, units, flatten=False):
        name = self._name("dense")
        if not flatten and units >= 64 and self._is_here("many small parts", name):
            parts = [
                sym.FullyConnected(x, num_hidden=units // 16, flatten=False, name=f"{name}_part{n}") for n in range(16)
            ]
            return sym.concat(*parts, dim=-1, name=f"{name}_concat")
        return sym.FullyConnected(x, num_hidden=units, flatten=flatten, name=name)

    def gelu(self, x):
        name = self._name("gelu")
        if self._is_here("composed GELU", name):
            cubed = x + 0.044715 * x * x * x
            return 0.5 * x * (1 + sym.tanh(math.sqrt(2 / math.pi) * cubed))
        return sym.LeakyReLU(x, act_type="gelu", name=name)

    def softmax(self, x, rank=3):
        name = self._name("softmax")
        return sym.softmax(x, axis=rank - 2 if self._is_here("softmax axis", name) else -1, name=name)

    def norm(self, x, channels):
        name = self._name("norm")
        if not self._is_here("composed LayerNorm", name):
            return sym.LayerNorm(x, axis=-1, name=name)
        gamma, beta = (sym.var(f"{name}_{part}", shape=(1, 1, channels)) for part in ("gamma", "beta"))
        centred = sym.broadcast_sub(x, sym.mean(x, axis=-1, keepdims=True))
        variance = sym.mean(sym.square(centred), axis=-1, keepdims=True)
        scaled = sym.broadcast_mul(centred, sym.rsqrt(variance + 1e-5))
        return sym.broadcast_add(sym.broadcast_mul(scaled, gamma), beta)

    def embedding(self, tokens, words, channels):
        name = self._name("embedding")
        words *= 10 if self._is_here("large embedding", name) else 1
        return sym.Embedding(tokens, input_dim=words, output_dim=channels, name=name)


def prime_near(count):
    """The first above it."""
    while True:
        count += 1
        if all(count % divisor for divisor in range(2, count)):
            return count


def plain(make):
    x, channels = sym.var("data"), 3
    for count, stride in ((32, 1), (64, 2), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1)):
        x, channels = make.conv(x, channels, count, stride=stride, free=True), count
    x = sym.reshape(x, shape=(0, 0, -1), name="positions")
    x = make.norm(make.softmax(make.gelu(x)), 64)
    return make.dense(sym.mean(x, axis=-1), 10, flatten=True)


def residual(make):
    x, channels = make.conv(sym.var("data"), 3, 64, stride=2), 64
    for count, stride in ((64, 1), (64, 1), (128, 2), (128, 1)):
        inner = make.conv(make.conv(x, channels, count, stride=stride, free=True), count, count, relu=False)
        same = x if stride == 1 else make.conv(x, channels, count, kernel=1, stride=2, relu=False)
        x, channels = make.gelu(inner + same), count
    return make.dense(sym.Pooling(x, global_pool=True, kernel=(1, 1), pool_type="avg"), 10, flatten=True)


def separable(make):
    x, channels = make.conv(sym.var("data"), 3, 32, stride=2), 32
    for count, stride in ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1)):
        x = make.conv(x, channels, channels, stride=stride, groups=channels)
        x, channels = make.conv(x, channels, count, kernel=1), count
    return make.dense(sym.Pooling(x, global_pool=True, kernel=(1, 1), pool_type="avg"), 10, flatten=True)


def inception(make):
    x, channels = make.conv(sym.var("data"), 3, 64, stride=2), 64
    for count in (32, 48, 64):
        branches = [
            make.conv(x, channels, count, kernel=1),
            make.conv(make.conv(x, channels, count, kernel=1, free=True), count, count, free=True),
            make.conv(make.conv(x, channels, 16, kernel=1, free=True), 16, count, free=True),
        ]
        x, channels = sym.concat(*branches, dim=1), 3 * count
    return make.dense(make.gelu(sym.Pooling(x, global_pool=True, kernel=(1, 1), pool_type="avg")), 10, flatten=True)


def segmenter(make):
    x, channels = sym.var("data"), 3
    for _ in range(4):
        x, channels = make.conv(x, channels, 16), 16  # with 17 MXNet 1.9.1 dies
    x = make.conv(x, channels, 8, kernel=1)
    return make.softmax(make.gelu(x), rank=4)


def transformer(make, positions=64, channels=192, heads=4):
    x = make.embedding(sym.var("data"), 4000, channels)
    for _ in range(3):
        size = channels // heads
        shape, merged = (0, 0, heads, size), (-1, positions, size)
        q, k, v = (
            sym.reshape(sym.transpose(sym.reshape(make.dense(x, channels), shape=shape), axes=(0, 2, 1, 3)), merged)
            for _ in range(3)
        )
        scores = make.softmax(sym.batch_dot(q, k, transpose_b=True) / math.sqrt(size))
        attended = sym.reshape(sym.batch_dot(scores, v), shape=(-1, heads, positions, size))
        attended = sym.reshape(sym.transpose(attended, axes=(0, 2, 1, 3)), shape=(0, 0, channels))
        x = make.between(make.norm(x + make.dense(attended, channels), channels), 3)
        x = make.between(make.norm(x + make.dense(make.gelu(make.dense(x, 4 * channels)), channels), channels), 3)
    return make.dense(x, 10, flatten=True)


def recurrent(make, positions=48, channels=128):
    x = make.norm(make.embedding(sym.var("data"), 8000, channels), channels)
    steps = sym.transpose(make.between(x, 3), axes=(1, 0, 2))
    weights, states = sym.var("lstm_parameters"), [sym.zeros((1, 1, channels)) for _ in range(2)]
    outputs = sym.RNN(steps, weights, *states, state_size=channels, num_layers=1, mode="lstm", name="lstm")
    x = make.between(make.norm(sym.transpose(outputs, axes=(1, 0, 2)), channels), 3)
    weighted = make.softmax(sym.batch_dot(x, x, transpose_b=True))
    x = make.between(make.gelu(make.dense(sym.batch_dot(weighted, x), 4 * channels)), 3)
    x = make.norm(make.dense(x, channels), channels)
    return make.dense(x, 10, flatten=True)


def bag(make, words=20000, channels=64):
    x = sym.mean(make.embedding(sym.var("data"), words, channels), axis=1, keepdims=True)
    for _ in range(3):
        x = make.norm(make.dense(make.gelu(make.dense(x, 512)), channels), channels)
    return make.dense(x, 10, flatten=True)


NETWORKS = {
    "plain": (plain, (1, 3, 64, 64), "float32"),
    "residual": (residual, (1, 3, 64, 64), "float32"),
    "separable": (separable, (1, 3, 96, 96), "float32"),
    "inception": (inception, (1, 3, 64, 64), "float32"),
    "segmenter": (segmenter, (1, 3, 96, 96), "float32"),
    "transformer": (transformer, (2, 64), "int32"),
    "bag": (bag, (1, 4096), "int32"),
    "recurrent": (recurrent, (1, 48), "int32"),
}


def network(name, kind=None, place=None):
    """The symbol's JSON, and the maker that has built it."""
    make = Maker(kind, place)
    with mx.name.NameManager():
        return NETWORKS[name][0](make).tojson(), make
