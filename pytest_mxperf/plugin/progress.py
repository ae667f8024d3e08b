"""Shows the progress of a measurement: in one line of a terminal that is rewritten, else in a line now and then."""

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
"""Seconds between two lines about the same holder of the lock."""
_UNKNOWN_SECONDS = 0.5
"""How long an unknown holder is not reported, because it may not have written its name yet."""


class Progress:
    """The progress of all measurements of a session. A context manager for each of them."""

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
        """Shows the text. Does nothing with ``-q``, whose line of dots it would overwrite or break."""
        if self._config.option.verbose < 0:
            return
        if getattr(self._reporter, "isatty", False):
            self._rewrite(text)
            self._is_line_open = True
        elif time.monotonic() - self._last_line >= _LINE_SECONDS:
            self.say(text)

    def waiting(self, holder: Optional[Holder], waited: float) -> None:
        """Says for which process this one waits, at once and then each minute.

        Workers of one run often wait for each other. They say it after a minute.
        """
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
        """Writes a line that stays."""
        self._last_line = time.monotonic()
        try:
            with self._uncaptured():
                self._write_line(text)
        except TimeoutError:  # from a test's own alarm
            raise
        except (OSError, ValueError):
            pass  # the output is closed

    def _write_line(self, text: str) -> None:
        reporter = self._reporter
        if reporter is None:  # stderr is the user's, even in a worker of xdist
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
        """pytest's terminal reporter. None in a worker of xdist, where its output goes nowhere."""
        is_xdist_worker = hasattr(self._config, "workerinput")
        return None if is_xdist_worker else self._config.pluginmanager.get_plugin("terminalreporter")

    def _uncaptured(self) -> Any:
        capture: Any = self._config.pluginmanager.get_plugin("capturemanager")
        return nullcontext() if capture is None else capture.global_and_fixture_disabled()


def run_of(config: pytest.Config) -> str:
    """An id that all of xdist's workers of one run share; empty without xdist."""
    return str(getattr(config, "workerinput", {}).get("testrunuid", ""))
