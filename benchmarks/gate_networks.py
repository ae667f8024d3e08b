"""The networks that the latency gate is measured on, and how each is made slower by a known share."""

import pytest_mxperf  # noqa: F401  makes import mxnet work

import mxnet as mx  # isort: skip
from mxnet import gluon
from mxnet.gluon import nn


class Recurrent(gluon.HybridBlock):
    """A two-layer LSTM of 128 cells over 32 steps, and a classifier."""

    def __init__(self):
        super().__init__()
        with self.name_scope():
            self.cells = gluon.rnn.LSTM(128, 2, layout="NTC")
            self.classifier = nn.Dense(10)

    def hybrid_forward(self, F, x):
        return self.classifier(self.cells(x))


class TransformerBlock(gluon.HybridBlock):
    """Self-attention of 4 heads over 64 positions of 128 channels, and a feed-forward layer."""

    def __init__(self, channels=128, heads=4):
        super().__init__()
        self._heads = heads
        with self.name_scope():
            self.projections = nn.Dense(3 * channels, flatten=False)
            self.output = nn.Dense(channels, flatten=False)
            self.wide = nn.Dense(4 * channels, flatten=False, activation="relu")
            self.narrow = nn.Dense(channels, flatten=False)
            self.norms = [nn.LayerNorm(), nn.LayerNorm()]
            for norm in self.norms:
                self.register_child(norm)

    def hybrid_forward(self, F, x):
        projected = self.projections(x)
        scores = F.softmax(F.contrib.interleaved_matmul_selfatt_qk(projected, heads=self._heads))
        attended = F.contrib.interleaved_matmul_selfatt_valatt(projected, scores, heads=self._heads)
        x = self.norms[0](x + self.output(attended))
        return self.norms[1](x + self.narrow(self.wide(x)))


def multilayer_perceptron():
    net = nn.HybridSequential()
    net.add(nn.Dense(1024, activation="relu"), nn.Dense(1024, activation="relu"), nn.Dense(10))
    return net


class Encoder(gluon.HybridBlock):
    """Four transformer blocks of 256 channels."""

    def __init__(self):
        super().__init__()
        with self.name_scope():
            self.blocks = [TransformerBlock(256, 8) for _ in range(4)]
            for block in self.blocks:
                self.register_child(block)

    def hybrid_forward(self, F, x):
        for block in self.blocks:
            x = block(x)
        return x


_ZOO = gluon.model_zoo.vision

NETWORKS = {
    "resnet18": (_ZOO.resnet18_v1, (1, 3, 96, 96)),
    "mobilenet0.25": (_ZOO.mobilenet0_25, (1, 3, 160, 160)),
    "lstm": (Recurrent, (1, 32, 64)),
    "mlp": (multilayer_perceptron, (1, 512)),
    "transformer": (TransformerBlock, (64, 1, 128)),
}
LARGER = {
    "squeezenet": (_ZOO.squeezenet1_1, (1, 3, 224, 224)),
    "mobilenet1.0": (_ZOO.mobilenet1_0, (1, 3, 224, 224)),
    "resnet50": (_ZOO.resnet50_v1, (1, 3, 192, 192)),
    "encoder": (Encoder, (64, 1, 256)),
}
"""5 to 60 ms a forward."""


def network(name, extra=0):
    """The symbol and input shape of a network, with so many additions to slow it down.

    They come behind its output; of a larger network in front of it, where there is more to add to.
    """
    factory, shape = {**NETWORKS, **LARGER}[name]
    with mx.name.NameManager():
        data = mx.sym.var("data")
        if name in LARGER:
            return factory()(added(data, extra, 0.0)), shape
        return added(factory()(data), extra, 1.0), shape


def added(value, times, number):
    for _ in range(times):
        value = value + number
    return value
