"""Models of a few layers, as they are counted and as they are stored; and what allows them no growth."""

from pytest_mxperf.baseline.record import Baseline
from pytest_mxperf.cost.result import CostReport, LayerCost, OpCost, Params
from pytest_mxperf.spec import InputSpec

EXACT = {"macs": 0, "flops": 0, "params": 0, "param_bytes": 0}


def layer(name, *, macs=0, bias=0, params=0):
    return LayerCost(name, "Convolution", ((1,),), OpCost(macs=macs, bias=bias), Params(params, bytes=4 * params))


def report(*layers, uncounted=None, convention="mxperf-1"):
    params = sum((each.params for each in layers), Params())
    return CostReport(layers, params, uncounted or {}, convention=convention)


def baseline(*layers, inputs=None, **options):
    return Baseline.of(report(*layers, **options), inputs or {"data": InputSpec((1, 3))})
