"""Layers over time, as a trace that Perfetto, speedscope and Chrome open: a process for each model, a track per side.

The format is Chrome's Trace Event Format: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
"""

from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import msgspec

from pytest_mxperf.encoding import encoded
from pytest_mxperf.profile.layers import ModelProfile
from pytest_mxperf.report.output import Output, Place
from pytest_mxperf.report.run import ModelResult, RunReport

__all__ = ["output", "render"]


def output(run: RunReport, place: Place) -> Output:
    """The trace. If it is empty, a line says so."""
    path = place.path or Path("mxperf.trace.json")
    is_empty = not any(map(_tracks, run.results))
    return Output(printed=_empty(path, place) if is_empty else "", written={path: render(run)})


def _empty(path: Path, place: Place) -> str:
    told = f"{path.name} has no times in it, because no layers were timed"
    return f"{told}: add {place.profile}" if place.profile else told


def render(run: RunReport) -> str:
    """The trace of all models whose layers were timed."""
    events: List[Dict[str, Any]] = []
    for process, result in enumerate(run.results, 1):
        tracks = _tracks(result)
        if tracks:
            events.append(_named("process_name", f"{result.name} ({result.test})", process))
        for track, (name, profile) in enumerate(tracks, 1):
            events.append(_named("thread_name", name, process, track))
            events += _layers(profile, process, track)
    document = {"traceEvents": events, "displayTimeUnit": "ms", "otherData": run.versions}
    return encoded(document, msgspec.json.encode).decode() + "\n"


def _tracks(result: ModelResult) -> List[Tuple[str, ModelProfile]]:
    """The profile that the user asked for, and both sides of each latency gate that was explained."""
    tracks = [] if result.profile is None else [("layers", result.profile)]
    for finding in result.findings:
        sides = zip(("before", "now"), finding.profiles)
        tracks += [(f"{finding.metric}, {side}", profile) for side, profile in sides]
    return tracks


def _named(kind: str, name: str, process: int, track: int = 0) -> Dict[str, Any]:
    return {"name": kind, "ph": "M", "pid": process, "tid": track, "args": {"name": name}}


def _layers(profile: ModelProfile, process: int, track: int) -> Iterator[Dict[str, Any]]:
    """One forward: its layers one after another, in microseconds from 0, and then the copies of the outputs."""
    start = 0.0
    for layer in profile.layers:
        microseconds = 1e6 * layer.cpu_seconds
        yield {
            "name": layer.name,
            "cat": layer.operator,
            "ph": "X",
            "ts": round(start, 3),
            "dur": round(microseconds, 3),
            "pid": process,
            "tid": track,
            "args": {
                "operator": layer.operator,
                "macs": layer.macs,
                "flops": layer.flops,
                "bytes_moved": layer.bytes_moved,
                "gflops_per_second": round(layer.flops_per_second / 1e9, 3),
                "gbytes_per_second": round(layer.bytes_per_second / 1e9, 3),
                "members": list(layer.members),
            },
        }
        start += microseconds
    if profile.outputs_cpu_seconds:
        copies = {"name": "copies of the outputs", "cat": "copy", "ph": "X", "ts": round(start, 3)}
        yield {**copies, "dur": round(1e6 * profile.outputs_cpu_seconds, 3), "pid": process, "tid": track, "args": {}}
