"""The hardware that wall times were measured on. They are compared only with times of the same hardware."""

import os
import platform
import re

__all__ = ["here"]


def here() -> str:
    """This machine in words, the same for machines of one kind: "AMD EPYC 7763, 2 cores, x86_64"."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return f"{_processor()}, {cores} cores, {platform.machine()}"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as stream:
            found = re.search(r"^(?:model name|Model|cpu model)\s*:\s*(.+)$", stream.read(), re.MULTILINE)
    except OSError:
        found = None  # not Linux
    return " ".join(found.group(1).split()) if found else platform.processor() or "unknown processor"
