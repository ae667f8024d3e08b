"""Small networks whose layers have taken a time that the test says."""

from pytest_mxperf.cost.result import LayerCost, OpCost, Params
from pytest_mxperf.cost.walk import Inference
from pytest_mxperf.profile.slowdown import Timed, slowdown
from pytest_mxperf.profile.values import LayerTime, NetworkProfile
from tests.unit.baseline.test_diff import Net

__all__ = ["Net", "explained", "row", "timed"]


def row(name, milliseconds, *members, operator="Convolution"):
    """A timed layer; ``members`` run in it beside itself."""
    return LayerTime(name, operator, milliseconds / 1e3, (name, *members))


def timed(net, *rows, unaccounted=0.0, bytes_moved=None, dtypes=None, param_bytes=None):
    """The network with these layers; their sum is all of a forward but a share."""
    counted = net.counted()
    costs = [
        LayerCost(
            node.name,
            node.op,
            counted.shapes[index],
            OpCost(macs=counted.costs[index].macs, elementwise=counted.costs[index].flops),
            Params(bytes=(param_bytes or {}).get(node.name, 0)),
            (dtypes or {}).get(node.name, "float32"),
            bytes_read=(bytes_moved or {}).get(node.name, 1000),
        )
        for index, node in enumerate(counted.graph.nodes)
        if not node.is_variable
    ]
    forward = sum(each.cpu_seconds for each in rows) / (1 - unaccounted)
    dtypes = [("float32",) * len(shapes) for shapes in counted.shapes]
    inference = Inference(counted.shapes, dtypes)
    return Timed(counted.graph, inference, costs, NetworkProfile(rows, forward, bindings=3, rounds=5))


def explained(old, new, **options):
    return slowdown(old, new, ["data"], **options)
