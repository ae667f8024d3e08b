"""Exports models of the Gluon zoo and holds them to the stored baselines: pytest examples/zoo --mxperf-report.

The weights are random, since only the graph decides what a model costs.
"""

import mxnet as mx
import pytest
from mxnet.gluon.model_zoo import vision

from pytest_mxperf import ModelSpec

IMAGE = (1, 3, 224, 224)


@pytest.fixture(scope="module", params=["resnet18_v1", "mobilenetv2_1.0", "squeezenet1.1"])
def exported(request, tmp_path_factory):
    """The prefix of an exported checkpoint."""
    net = vision.get_model(request.param, prefix=f"{request.param}_")
    net.initialize()
    net.hybridize()
    net(mx.nd.zeros(IMAGE))
    prefix = tmp_path_factory.mktemp("zoo") / request.param
    net.export(str(prefix))
    return prefix


@pytest.fixture
def mxperf_model(exported):
    return ModelSpec.parse(exported, {"data": IMAGE})


@pytest.mark.mxperf_baseline
def test_zoo_model(mxperf_module, mxperf_benchmark):
    mxperf_benchmark(mxperf_module)
    assert mxperf_module.get_outputs()[0].shape == (1, 1000)
