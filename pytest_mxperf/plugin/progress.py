"""Shows how far a measurement is: on a terminal in one line that is rewritten, elsewhere in a line now and then."""

import sys
import time
from contextlib import nullcontext
from types import TracebackType
from typing import Any, Dict, Optional, Type

import pytest

from pytest_mxperf.worker.host_lock import Holder

__all__ = ["Progress", "run_of"]

_LINE_SECONDS = 30.0
"""Seconds between two lines if there is no terminal. A shorter measurement writes none."""
_WAITING_SECONDS = 60.0
"""Between two lines about the same holder of the lock."""
_UNKNOWN_SECONDS = 0.5
"""A process that has just locked the host needs a moment to write its name."""


class Progress:
    """Of all measurements of a session; a context for each of them."""

    def __init__(self, config: pytest.Config, wait_seconds: float) -> None:
        self._config = config
        self._wait_seconds = wait_seconds
        self._is_line_open = False
        self._last_line = 0.0
        self._last_waiting: Dict[str, float] = {}

    def __enter__(self) -> "Progress":
        self._last_line = time.monotonic()
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        if self._is_line_open:
            self._rewrite("")
            self._is_line_open = False

    def tell(self, text: str) -> None:
        """Shows how far it is. Quiet output is one line of dots, which progress would overwrite or break."""
        if self._config.option.verbose < 0:
            return
        if getattr(self._reporter, "isatty", False):
            self._rewrite(text)
            self._is_line_open = True
        elif time.monotonic() - self._last_line >= _LINE_SECONDS:
            self.say(text)

    def waiting(self, holder: Optional[Holder], waited: float) -> None:
        """Says for whom it waits, at once and each minute. Workers of one run, which always wait, do after a minute."""
        is_sibling = holder is not None and bool(holder.run) and holder.run == run_of(self._config)
        if waited < (_WAITING_SECONDS if is_sibling else 0.0 if holder else _UNKNOWN_SECONDS):
            return
        key = run_of(self._config) if is_sibling else str(holder and holder.pid)
        now = time.monotonic()
        if now - self._last_waiting.get(key, -_WAITING_SECONDS) >= _WAITING_SECONDS:
            self._last_waiting[key] = now
            so_far = f"{waited:.0f} s so far, " if waited >= 1 else ""
            who = holder or "another process"
            self.say(f"waits for {who} to measure on this host: {so_far}at most {self._wait_seconds:g} s for each turn")

    def say(self, text: str) -> None:
        """In a line that stays."""
        self._last_line = time.monotonic()
        try:
            with self._uncaptured():
                self._write_line(text)
        except TimeoutError:  # of a test's own alarm
            raise
        except (OSError, ValueError):
            pass  # nobody can read it any more

    def _write_line(self, text: str) -> None:
        reporter = self._reporter
        if reporter is None:  # the user's stderr is still there, for a worker of xdist too
            worker = getattr(self._config, "workerinput", {}).get("workerid")
            print(f"mxperf{f' [{worker}]' if worker else ''}: {text}", file=sys.stderr, flush=True)
        else:
            reporter.ensure_newline()
            reporter.write_line(f"mxperf: {text}")
            reporter.flush()

    def _rewrite(self, text: str) -> None:
        reporter = self._reporter
        with self._uncaptured():
            reporter.ensure_newline()
            reporter.rewrite(text, erase=True)
            reporter.write("" if text else "\r")

    @property
    def _reporter(self) -> Any:
        """None if nobody would see its output: a worker of xdist has a reporter, but its output goes nowhere."""
        is_xdist_worker = hasattr(self._config, "workerinput")
        return None if is_xdist_worker else self._config.pluginmanager.get_plugin("terminalreporter")

    def _uncaptured(self) -> Any:
        capture: Any = self._config.pluginmanager.get_plugin("capturemanager")
        return nullcontext() if capture is None else capture.global_and_fixture_disabled()


def run_of(config: pytest.Config) -> str:
    """What xdist's workers of one run have in common; empty without xdist."""
    return str(getattr(config, "workerinput", {}).get("testrunuid", ""))
