"""The measuring process: answers requests from its standard input (``protocol.py``), and ends when that closes.

The environment (threads, engine) must be set before the process starts, as ``client.py`` does.
"""

import gc
import os
import re
import resource
import select
import sys
import threading
import time
from typing import IO, Callable, List, Optional

import msgspec
import psutil

from pytest_mxperf.errors import ModelError, MxperfError, listed
from pytest_mxperf.imports import import_all
from pytest_mxperf.latency.conditions import Conditions
from pytest_mxperf.mx.build import fusing_backend
from pytest_mxperf.mx.pair import Pair, Rounds
from pytest_mxperf.mx.peaks import peaks
from pytest_mxperf.mx.profile import profile_one, profile_pair
from pytest_mxperf.mx.resident import resident
from pytest_mxperf.mx.runtime import mx, reason
from pytest_mxperf.mx.side import Side
from pytest_mxperf.spec import RunAs
from pytest_mxperf.worker.protocol import (
    Failed,
    Inspect,
    Inspected,
    Measure,
    Measured,
    MeasuredPeaks,
    MeasuredResident,
    MeasurePeaks,
    MeasureResident,
    Network,
    Prepare,
    Prepared,
    Profile,
    Profiled,
    Ready,
    Reply,
    Request,
)


class Bench:
    """Answers requests, and keeps the pair that was prepared last."""

    def __init__(self) -> None:
        self._pair: Optional[Pair] = None
        self._prepared: Optional[Prepare] = None

    def answer(self, request: Request) -> Reply:
        try:
            if isinstance(request, Prepare):
                return self._prepare(request)
            if isinstance(request, Inspect):
                side = _side(request.network)
                layer = side.first_subnormal_layer()
                return Inspected(layer, None if layer is None else side.zero_below())
            if isinstance(request, Profile):
                return self._profile(request)
            if isinstance(request, MeasurePeaks):
                return MeasuredPeaks(peaks())
            if isinstance(request, MeasureResident):
                return MeasuredResident(*resident(_side(request.network)))
            return self._measure(request)
        except MxperfError as error:
            return Failed(_told_here(str(error)))
        except mx.MXNetError as error:
            return Failed(f"MXNet cannot run it: {reason(error)}")
        except Exception as error:  # an error of a network fails its own test only
            return Failed(
                f"a bug in pytest-mxperf: {type(error).__name__}: {error}; please report it, with the model's graph"
            )

    def _prepare(self, request: Prepare) -> Reply:
        self._pair = self._prepared = None  # frees the memory of the last pair
        pair = Pair(_side(request.reference), _side(request.candidate))
        cpu_seconds = pair.check()
        self._pair, self._prepared = pair, request
        return Prepared(cpu_seconds, pair.notes)

    def _profile(self, request: Profile) -> Reply:
        networks = [_with_callbacks(network) for network in request.networks]
        prepare = Prepare(networks[0], networks[-1])
        if self._prepared != prepare:
            self._prepare(prepare)
        assert self._pair is not None
        profile = profile_pair if len(networks) > 1 else profile_one
        return Profiled(profile(self._pair, request.cpu_seconds, request.most_cpu_seconds))

    def _measure(self, request: Measure) -> Reply:
        pair = self._pair
        if pair is None:
            return Failed("nothing is prepared")
        rounds: List[Rounds] = []
        conditions = _observed(lambda: rounds.append(pair.measure(request.unit, request.cpu_seconds)))
        return Measured(rounds[0].reference, rounds[0].candidate, conditions)


def _with_callbacks(network: Network) -> Network:
    """The network, not run as a static block: for that MXNet makes one callback for all operators."""
    if not network.run_as.static_alloc:
        return network
    return msgspec.structs.replace(network, run_as=RunAs(network.run_as.kind))


def _told_here(message: str) -> str:
    """The message, with another remedy for a custom operator: this process lacks the session's modules."""
    found = re.match(r"(.*custom operator [^;]*);", message)
    if not found:
        return message
    return (
        f"{found.group(1)}; the measuring process cannot run it unless it imports the module that registers it: "
        "name the module with mxperf_imports in pytest's ini file"
    )


def _side(network: Network) -> Side:
    import_all(network.imports, where="the measuring process", path=network.import_path)
    side = Side.of(
        network.name,
        network.symbol_json,
        network.inputs,
        network.params_path,
        network.run_as,
        network.example_path,
    )
    pointers = side.analysis.model.pointers
    if pointers:
        names = listed([str(pointer) for pointer in pointers], 3)
        raise ModelError(f"{network.name}: nothing can run {names}, which points into the process that saved it")
    return side


def _observed(work: Callable[[], object]) -> Conditions:
    before, faults = psutil.cpu_times(), resource.getrusage(resource.RUSAGE_SELF).ru_majflt
    frequencies = [_megahertz()]
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    frequencies.append(_megahertz())
    after, memory, cores = psutil.cpu_times(), psutil.virtual_memory(), psutil.cpu_count() or 1
    return Conditions(
        wall_seconds=wall,
        cpu_seconds=cpu,
        steal_share=(getattr(after, "steal", 0.0) - getattr(before, "steal", 0.0)) / (wall * cores),
        load_average=os.getloadavg()[0],
        cores=cores,
        major_faults=resource.getrusage(resource.RUSAGE_SELF).ru_majflt - faults,
        memory_available_share=memory.available / memory.total,
        megahertz_low=min(frequencies),
        megahertz_high=max(frequencies),
    )


def _megahertz() -> float:
    try:
        return float(psutil.cpu_freq().current)
    except (AttributeError, NotImplementedError, OSError):
        return 0.0  # unknown in many virtual machines and containers


def main(requests: "IO[bytes]", replies: "IO[bytes]") -> None:
    def send(reply: Reply) -> None:
        replies.write(msgspec.json.encode(reply) + b"\n")
        replies.flush()

    os.environ["MXNET_SUBGRAPH_BACKEND"] = fusing_backend()  # whatever the user's shell says
    gc.freeze()  # else the collection before each unit would visit all of MXNet, and take as long as the unit
    bench = Bench()
    send(Ready(mx.__version__))
    for line in requests:
        send(bench.answer(msgspec.json.decode(line, type=Request)))


def _end_with(session: int) -> None:
    """Ends this process at once when the session has closed its end of the pipe."""
    poll = select.poll()
    poll.register(session, 0)  # a hang-up is always reported
    poll.poll()
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=_end_with, args=(0,), daemon=True).start()  # it sleeps, and takes no CPU time
    channel = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # output of MXNet and its libraries must not mix with replies
    main(sys.stdin.buffer, channel)
