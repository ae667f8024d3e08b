"""The value of the fixture ``mxperf_benchmark``: pytest-benchmark times synchronized forward passes."""

import time
import warnings
from functools import partial
from operator import methodcaller
from typing import Any, Callable, List, Mapping, Optional, Protocol, Union

import pytest

from pytest_mxperf.errors import MxperfError, UsageError, shown
from pytest_mxperf.latency.timing import Timing
from pytest_mxperf.plugin.case import CASE, Case
from pytest_mxperf.spec import InputSpec

__all__ = ["Benchmark", "BoundModule", "with_benchmark", "without_benchmark"]

_LET_IT_PASS = "--mxperf-policy=unmeasured=warn lets that pass"
_DISABLED = (
    f"pytest-benchmark is disabled (--benchmark-disable, or xdist's -n); {_LET_IT_PASS}; "
    "mxperf_baseline(latency=...) works with -n"
)
_NOT_THERE = "pytest-benchmark is not there (not installed, or -p no:benchmark)"
_ABSENT = f"{_NOT_THERE}; {_LET_IT_PASS}"
_WARM_UP_FORWARDS = 4

# If one of our errors is raised, pytest shows only the user's call.
_HIDE_OUR_ERRORS = methodcaller("errisinstance", MxperfError)


class BoundModule(Protocol):
    """What an ``mx.mod.Module``, a ``BucketingModule`` and the like have. MXNet has no types."""

    def forward(self, data_batch: Any, is_train: Optional[bool] = None) -> Any: ...

    def get_outputs(self) -> Any: ...


class Benchmark:
    """Call it with a bound module, a Gluon block or a callable that returns NDArrays.

    pytest-benchmark's ``benchmark`` does the timing, so its options work as always. If it is disabled or missing, one
    pass is timed, and no budget is judged. The same goes for another plugin's ``benchmark`` (for example
    pytest-codspeed's), because it does not give us its samples.
    """

    def __init__(self, benchmark: Any, item: pytest.Item) -> None:
        self._benchmark = benchmark
        self._item = item
        self._is_used = False

    def __call__(self, model: Union[BoundModule, Callable[..., object]], batch: Any = None) -> Timing:
        """Times single forward passes with all outputs fetched: the latency.

        ``batch`` is an ``mx.io.DataBatch``, an NDArray, or a list or tuple of NDArrays: one for each input of a module,
        or argument of a block or callable. Without it, a module or block gets the arrays of the test's example, or
        else arrays of the shapes that it is bound for or that the test gives. Other callables then get no arguments.
        """
        __tracebackhide__ = _HIDE_OUR_ERRORS
        from pytest_mxperf.mx.sync import forwards_of, synchronized

        forwards = forwards_of(model, batch, self._inputs(), self._example())
        return self._time(synchronized(forwards), queued_forwards=1, batch=forwards.batch)

    def throughput(
        self, model: Union[BoundModule, Callable[..., object]], batch: Any = None, *, forwards: int = 32
    ) -> Timing:
        """Times queues of ``forwards`` passes. The outputs are fetched once, at the end of a queue.

        The ``Timing`` is in seconds per forward, pytest-benchmark's table in seconds per queue.
        """
        __tracebackhide__ = _HIDE_OUR_ERRORS
        from pytest_mxperf.mx.sync import forwards_of, queued

        if not isinstance(forwards, int) or forwards < 1:
            raise UsageError(f"mxperf_benchmark.throughput: forwards={shown(forwards)} is not a whole number from 1 up")
        if hasattr(self._benchmark, "extra_info"):
            self._benchmark.extra_info["forwards_per_round"] = forwards
        each = forwards_of(model, batch, self._inputs(), self._example())
        return self._time(queued(each, forwards), queued_forwards=forwards, batch=each.batch)

    @property
    def _case(self) -> Optional[Case]:
        return self._item.stash.get(CASE, None)

    def _inputs(self) -> Mapping[str, InputSpec]:
        return {} if self._case is None else self._case.spec.inputs

    def _example(self) -> Any:
        """Arrays by input; empty if the test gives no example."""
        example = None if self._case is None else self._case.model.example
        return {} if example is None else example.arrays

    def _time(self, run: Callable[[], None], *, queued_forwards: int, batch: Optional[int]) -> Timing:
        __tracebackhide__ = _HIDE_OUR_ERRORS
        from pytest_mxperf.mx.sync import warm_up

        if self._is_used:
            raise UsageError("mxperf_benchmark: a test can measure once; write another test for the second measurement")
        self._is_used = True
        # The first forwards allocate memory and choose kernels: 1.3 to 5 times slower than those that follow.
        warm_up(run, times=max(1, _WARM_UP_FORWARDS // queued_forwards))
        timing = Timing.of(self._samples(run), queued_forwards=queued_forwards, batch=batch)
        if self._case is not None:
            self._record(self._case, timing)
        return timing

    def _samples(self, run: Callable[[], None]) -> List[float]:
        """The samples of pytest-benchmark, in seconds. If it measures nothing, the time of the last pass."""
        if _is_of_another(self._benchmark):
            watch = _Stopwatch(run)
            self._benchmark(watch)  # it may call the watch any number of times
            return [watch.seconds]
        watch = _Stopwatch(partial(_call if self._benchmark is None else self._benchmark, run))
        watch()
        return [watch.seconds] if self._not_measured() else list(self._benchmark.stats.stats.data)

    def _not_measured(self) -> str:
        """Why pytest-benchmark measures nothing; empty if it does."""
        if self._benchmark is None:
            return _ABSENT
        if _is_of_another(self._benchmark):
            return f"{_owner(self._benchmark)} has taken the place of pytest-benchmark; {_LET_IT_PASS}"
        return _DISABLED if self._benchmark.stats is None else ""

    def _record(self, case: Case, timing: Timing) -> None:
        because = self._not_measured()
        if not because:
            case.timing = timing
            because = "" if timing.is_latency else "the test measured a throughput, not a latency"
        case.unmeasured_because = because


class _Stopwatch:
    """Runs a function, and remembers how long the last call took."""

    def __init__(self, run: Callable[[], object]) -> None:
        self._run = run
        self.seconds = 0.0

    def __call__(self) -> None:
        start = time.perf_counter()
        self._run()
        self.seconds = time.perf_counter() - start


def _call(run: Callable[[], None]) -> None:
    run()


def _is_of_another(benchmark: Any) -> bool:
    """Whether the ``benchmark`` fixture is another plugin's. Only pytest-benchmark's own has ``stats``.

    With ``--codspeed`` it is pytest-codspeed's, which claims to be an instance of pytest-benchmark's class.
    """
    return benchmark is not None and not hasattr(benchmark, "stats")


def _owner(benchmark: Any) -> str:
    """The package of the ``benchmark`` fixture."""
    return type(benchmark).__module__.partition(".")[0].replace("_", "-")


def with_benchmark(request: pytest.FixtureRequest, benchmark: Any) -> Benchmark:
    """``mxperf_benchmark`` with pytest-benchmark."""
    if hasattr(request.config, "workerinput") and not request.config.getoption("benchmark_enable"):
        benchmark.disabled = True  # in xdist's workers, the last pytest-benchmark for Python 3.8 does not set it
    return Benchmark(benchmark, request.node)


def without_benchmark(request: pytest.FixtureRequest) -> Benchmark:
    """``mxperf_benchmark`` without pytest-benchmark."""
    # Once for all tests: pytest counts them.
    warnings.warn(pytest.PytestWarning(f"mxperf_benchmark measures nothing: {_NOT_THERE}"), stacklevel=1)
    return Benchmark(None, request.node)
