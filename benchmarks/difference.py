"""How fast two models are compared, as ratios within one run: python benchmarks/difference.py.

Two chains of convolutions and activations under other names: the first and the last layer are wider in the second, and
a layer is put in between. CPU time per node from 1,000 to 100,000 nodes (goal: at most twice that of 1,000).
"""

import time

from pytest_mxperf.baseline.diff import Costs, Counted, difference_between
from pytest_mxperf.graph import Graph, Node


def chain(widths, prefix):
    """A convolution of each width, each with its weight and an activation."""
    nodes, shapes = [Node("null", "data", {}, ())], [((1, 3, 8, 8),)]
    for index, width in enumerate(widths):
        last = len(nodes) - 1
        nodes += [
            Node("null", f"{prefix}weight{index}", {}, ()),
            Node("Convolution", f"{prefix}conv{index}", {"num_filter": str(width)}, ((last, 0), (last + 1, 0))),
            Node("Activation", f"{prefix}relu{index}", {"act_type": "relu"}, ((last + 2, 0),)),
        ]
        shapes += [((width, shapes[last][0][1], 1, 1),), ((1, width, 8, 8),), ((1, width, 8, 8),)]
    return Counted(Graph(tuple(nodes), ((len(nodes) - 1, 0),)), shapes, {}, Costs())


def main():
    base = None
    for nodes in (1_000, 10_000, 100_000):
        layers = nodes // 3
        old = chain([16] * layers, "old")
        new = chain([24, *[16] * (layers // 2), 32, *[16] * (layers - layers // 2 - 2), 24], "new")
        start = time.process_time()
        found = difference_between(old, new, ["data"])
        spent = time.process_time() - start
        base = base or spent / nodes
        print(
            f"{nodes:>7,} nodes  {spent:6.2f} s   {spent / nodes * 1e6:5.0f} us per node,"
            f" {spent / nodes / base:4.2f} x that of 1,000 nodes   {len(found.changes)} changes"
        )


if __name__ == "__main__":
    main()
