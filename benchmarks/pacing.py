"""Whether longer units are the better use of a busy machine's time: python benchmarks/pacing.py [NETWORK ...].

Takes samples of a network against itself in turns, with units as long as ``latency.pacing`` advises and with units of
the least length, for 45 s. What counts is the sd of the mean that 15 s of CPU time would give.
"""

import statistics
import sys
import time

from gate import as_network

from pytest_mxperf.latency.schedule import units
from pytest_mxperf.worker.client import Worker
from pytest_mxperf.worker.sampler import PairSampler

SECONDS, ALLOWED_CPU_SECONDS = 45.0, 15.0


def compare(name):
    network = as_network(name)
    with Worker() as first, Worker() as second:
        samplers = [PairSampler(worker, network, network, ALLOWED_CPU_SECONDS) for worker in (first, second)]
        samplers[1]._pace = lambda measured: None
        schedules, end = [units(1), units(2)], time.monotonic() + SECONDS
        while time.monotonic() < end:
            for sampler, schedule in zip(samplers, schedules):
                sampler.sample(schedule)
    for kind, sampler in zip(("paced", "least"), samplers):
        sd, samples = statistics.stdev(sample.log_ratio for sample in sampler.samples), len(sampler.samples)
        seconds = sampler.cpu_seconds / samples
        share = sampler.cpu_seconds / sum(unit.wall_seconds for unit in sampler.conditions)
        print(
            f"{name} {kind}: {samples} samples of {seconds:.2f} s, sd {sd:.2%}, of the mean of 15 s "
            f"{sd * (seconds / ALLOWED_CPU_SECONDS) ** 0.5:.3%}; had a core {share:.0%} of the time",
            flush=True,
        )


if __name__ == "__main__":
    for network in sys.argv[1:] or ("resnet18", "resnet50", "mobilenet0.25"):
        compare(network)
