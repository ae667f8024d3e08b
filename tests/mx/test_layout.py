"""What is left out of a stored graph changes neither what its variables are nor how it runs."""

import mxnet as mx
import pytest
from mxnet import gluon
from mxnet.gluon import nn

from pytest_mxperf.api import analysis_of
from pytest_mxperf.baseline.layout import graph_text
from pytest_mxperf.canonical import fingerprint
from pytest_mxperf.mx.analysis import analyse
from pytest_mxperf.mx.model import model_from_json
from pytest_mxperf.spec import ModelSpec


class WithConstant(gluon.HybridBlock):
    def __init__(self):
        super().__init__()
        with self.name_scope():
            self.anchors = self.params.get_constant("anchors", mx.nd.arange(4).reshape((1, 4)))
            self.dense = nn.Dense(4)

    def hybrid_forward(self, F, x, anchors):
        return F.broadcast_add(self.dense(x), anchors)


def frozen():
    net = nn.HybridSequential()
    net.add(nn.Conv2D(4, 3), nn.BatchNorm(scale=False), nn.Dense(3))
    net[0].collect_params().setattr("lr_mult", 0.0)
    return net


def loop():
    weight = mx.sym.var("w", shape=(3, 5), init="zeros", lr_mult=2.0)
    step = lambda x, states: (mx.sym.FullyConnected(x, weight, num_hidden=3, no_bias=True), states)  # noqa: E731
    outputs, _ = mx.sym.contrib.foreach(step, mx.sym.var("data"), [mx.sym.var("state", shape=(1, 1))])
    return outputs


@pytest.mark.parametrize(
    ("source", "shape"),
    [
        (gluon.model_zoo.vision.resnet18_v1, (1, 3, 64, 64)),
        (lambda: gluon.rnn.LSTM(8, 2, layout="NTC"), (1, 4, 6)),
        (WithConstant, (1, 6)),
        (frozen, (1, 3, 8, 8)),
        (loop, (2, 4, 5)),
    ],
)
def test_roles_and_fingerprint_stay_the_same(source, shape):
    spec = ModelSpec.parse(source, {"data": shape}, name="net")
    found = []
    for text in (analysis_of(spec).symbol_json, graph_text(analysis_of(spec).symbol_json)):
        analysis = analyse(model_from_json("net", text, spec.inputs))
        found.append((analysis.roles, analysis.inference, fingerprint(analysis.graph, spec.inputs)))
    assert found[0] == found[1]
