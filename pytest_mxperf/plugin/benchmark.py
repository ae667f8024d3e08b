"""The benchmark fixture's value: synchronized forward passes timed by pytest-benchmark."""

import time
from operator import methodcaller
from typing import Any, Callable, Optional

from pytest_mxperf.errors import MxperfError, UsageError
from pytest_mxperf.latency.timing import Timing
from pytest_mxperf.plugin.case import Case

__all__ = ["Benchmark"]

_WARM_UP_FORWARDS = 4

# The user's call is all that pytest shall show of what raised one of our errors.
_HIDE_OUR_ERRORS = methodcaller("errisinstance", MxperfError)


class Benchmark:
    """Call it with a bound module. pytest-benchmark's ``benchmark`` does the timing, so its options go on working."""

    def __init__(self, benchmark: Any, case: Optional[Case]) -> None:
        self._benchmark = benchmark
        self._case = case
        self._is_used = False

    def __call__(self, module: Any, *, batch: Any = None) -> Timing:
        """Times single forward passes, every output fetched: the latency.

        ``batch`` is an ``mx.io.DataBatch``; without it one is made for the shapes that the module is bound for.
        Where pytest-benchmark is disabled one pass is timed, which judges no budget.
        """
        __tracebackhide__ = _HIDE_OUR_ERRORS
        from pytest_mxperf.mx.sync import batch_for, forward_pass

        return self._time(forward_pass(module, batch_for(module, batch)), queued_forwards=1)

    def throughput(self, module: Any, *, forwards: int = 32, batch: Any = None) -> Timing:
        """Times queues of ``forwards`` passes whose outputs are fetched once, at the end.

        The ``Timing`` is in seconds per forward, pytest-benchmark's table in seconds per queue.
        """
        __tracebackhide__ = _HIDE_OUR_ERRORS
        from pytest_mxperf.mx.sync import batch_for, forward_queue

        if not isinstance(forwards, int) or forwards < 1:
            raise UsageError(f"mxperf_benchmark.throughput: forwards={forwards!r} is not a whole number from 1 up")
        self._benchmark.extra_info["forwards_per_round"] = forwards
        run = forward_queue(module, batch_for(module, batch), forwards)
        return self._time(run, queued_forwards=forwards)

    def _time(self, run: Callable[[], None], *, queued_forwards: int) -> Timing:
        __tracebackhide__ = _HIDE_OUR_ERRORS
        from pytest_mxperf.mx.sync import warm_up

        if self._is_used:
            raise UsageError("mxperf_benchmark: a test can measure once; write another test for the second measurement")
        self._is_used = True
        # The first forwards allocate memory and choose kernels: 1.3 to 5 times slower than those that follow.
        warm_up(run, times=max(1, _WARM_UP_FORWARDS // queued_forwards))
        start = time.perf_counter()
        self._benchmark(run)
        elapsed = time.perf_counter() - start
        is_disabled = self._benchmark.stats is None
        samples = [elapsed] if is_disabled else self._benchmark.stats.stats.data
        timing = Timing.of(samples, queued_forwards=queued_forwards)
        if self._case is not None:
            self._record(self._case, timing, is_disabled)
        return timing

    def _record(self, case: Case, timing: Timing, is_disabled: bool) -> None:
        if is_disabled:
            case.unmeasured_because = (
                "pytest-benchmark is disabled (--benchmark-disable, or xdist's -n); "
                "--mxperf-unmeasured=warn lets that pass"
            )
            return
        case.timing = timing
        if not timing.is_latency:
            case.unmeasured_because = "the test measured a throughput, not a latency"
