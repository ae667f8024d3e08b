"""The command: hands out mutants to a worker, and notices when it dies or hangs."""

import argparse
import json
import queue
import select
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Dict, Iterator, List, Optional, Sequence

from tests.fuzz import worker

HANG_SECONDS = 10.0
START_SECONDS = 120.0
GOOD = ("counted", "counted, too heavy to run here", "run", "clear error")


class Worker:
    """The worker process, started anew whenever it has died."""

    def __init__(self, arguments: List[str]) -> None:
        self._command = [sys.executable, "-m", "tests.fuzz", "--worker", *arguments]
        self._process: Optional[subprocess.Popen[str]] = None

    def ask(self, number: int) -> Dict[str, Any]:
        """What became of a mutant."""
        is_new = self._process is None
        process = self._process or subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self._process = process
        start = time.monotonic()
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(BrokenPipeError):  # what has died already answers nothing
            process.stdin.write(f"{number}\n")
        ready, _, _ = select.select([process.stdout], [], [], HANG_SECONDS + START_SECONDS * is_new)
        line = process.stdout.readline() if ready else ""
        if line:
            seconds = 0.0 if is_new else time.monotonic() - start  # a new one has to import MXNet first
            return {**json.loads(line), "seconds": seconds}
        self.stop()
        code = process.returncode
        outcome = "died" if ready else f"hung over {HANG_SECONDS:g} s"
        message = f"exit code {code}"
        return {"number": number, "mutation": "", "outcome": outcome, "message": message, "peak": 0, "seconds": 0.0}

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=sys.modules["tests.fuzz"].__doc__)
    parser.add_argument("--mutants", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="workers at the same time")
    parser.add_argument("--only", type=int, nargs="*", help="these mutants only")
    parser.add_argument("--example-only", action="store_true", help="without the public checkpoints")
    parser.add_argument("--verbose", action="store_true", help="show what became of every mutant")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        worker.serve(options.seed, public=not options.example_only)
        return 0
    arguments = [f"--seed={options.seed}", *(["--example-only"] if options.example_only else [])]
    workers = [Worker(arguments) for _ in range(options.jobs)]
    return _run(workers, options.only or range(options.mutants), verbose=options.verbose)


def _answers(workers: List[Worker], numbers: Sequence[int]) -> Iterator[Dict[str, Any]]:
    """What became of the mutants, in order, each given to a worker that is idle."""
    idle: queue.Queue[Worker] = queue.Queue()
    for process in workers:
        idle.put(process)

    def ask(number: int) -> Dict[str, Any]:
        process = idle.get()
        try:
            return process.ask(number)
        finally:
            idle.put(process)

    with ThreadPoolExecutor(len(workers)) as pool:
        yield from pool.map(ask, numbers)


def _run(workers: List[Worker], numbers: Sequence[int], *, verbose: bool) -> int:
    counts: Counter[str] = Counter()
    slowest = peak = 0.0
    start = time.monotonic()
    try:
        for done, answer in enumerate(_answers(workers, numbers), 1):
            slowest, peak = max(slowest, answer["seconds"]), max(peak, answer["peak"])
            counts[answer["outcome"]] += 1
            if done % 1000 == 0:
                print(f"{done:,} mutants", file=sys.stderr, flush=True)
            if verbose or answer["outcome"] not in GOOD:
                print(f"{answer['number']}: {answer['outcome']} ({answer['mutation']}) {answer['message']}", flush=True)
    finally:
        for process in workers:
            process.stop()
    for outcome, count in sorted(counts.items(), key=lambda item: (item[0] not in GOOD, item[0])):
        print(f"{count:7,} {outcome}{'' if outcome in GOOD else '  FORBIDDEN'}")
    print(
        f"{sum(counts.values()):7,} mutants in {time.monotonic() - start:,.0f} s, the slowest {slowest:.1f} s; "
        f"at most {peak / 1024**2:,.0f} MiB"
    )
    return 1 if set(counts) - set(GOOD) else 0


if __name__ == "__main__":
    sys.exit(main())
