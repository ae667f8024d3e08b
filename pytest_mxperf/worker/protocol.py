"""Requests to the measuring process, and its replies: a JSON document a line, on its standard input and output.

    (start)     <-  ready
    prepare  ->     prepared, or failed     both sides of a comparison, replacing the last
    measure  ->     measured, or failed     one unit: a fresh pair of bindings, timed in turns
    inspect  ->     inspected, or failed    where a network's activations become subnormal
    profile  ->     profiled, or failed     the time of each layer of a network, or of two in turns
    peaks    ->     peaks, or failed        what the processor can do
    resident ->     resident, or failed     the memory of one inference; asked of a new process, and nothing after it

It answers every request once and in order, and ends when its standard input does.
"""

from typing import Dict, List, Optional, Tuple, Union

import msgspec

from pytest_mxperf.latency.conditions import Conditions
from pytest_mxperf.latency.schedule import Unit
from pytest_mxperf.profile.values import NetworkProfile, Peaks
from pytest_mxperf.spec import InputSpec, RunAs

__all__ = [
    "Failed",
    "Inspect",
    "Inspected",
    "Measure",
    "MeasurePeaks",
    "MeasureResident",
    "Measured",
    "MeasuredPeaks",
    "MeasuredResident",
    "Network",
    "Prepare",
    "Prepared",
    "Profile",
    "Profiled",
    "Ready",
    "Reply",
    "Request",
]


class Network(msgspec.Struct, frozen=True):
    """One side: a graph and the inputs that it runs on."""

    name: str
    """For messages."""
    symbol_json: str
    inputs: Dict[str, InputSpec]
    params_path: Optional[str] = None
    """A ``.params`` file with the weights to run it with. Without one they are synthetic."""
    run_as: RunAs = RunAs()
    example_path: Optional[str] = None
    """An ``.npz`` file with real inputs, by name. What it lacks is synthetic."""
    imports: Tuple[str, ...] = ()
    """Modules to import before the graph is loaded: they register its operators."""
    import_path: Tuple[str, ...] = ()
    """Where they may be, behind this process's own ``sys.path``."""


class Prepare(msgspec.Struct, frozen=True, tag="prepare"):
    """Load both sides, and run each once."""

    reference: Network
    candidate: Network


class Measure(msgspec.Struct, frozen=True, tag="measure"):
    """Run one unit of what was prepared last, for about that much CPU time."""

    unit: Unit
    cpu_seconds: float


class Inspect(msgspec.Struct, frozen=True, tag="inspect"):
    """Run a network once, and look at every activation."""

    network: Network


class Profile(msgspec.Struct, frozen=True, tag="profile"):
    """Time every layer, for about that much CPU time."""

    networks: Tuple[Network, ...]
    """One, or two in turns."""
    cpu_seconds: float
    most_cpu_seconds: float
    """What it may take of a slow network. One that would take longer is not timed: that is ``Failed``."""


class MeasurePeaks(msgspec.Struct, frozen=True, tag="peaks"):
    """Measure what one core of this processor can do."""


class MeasureResident(msgspec.Struct, frozen=True, tag="resident"):
    """Run a network, and say how much memory that took."""

    network: Network


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The process has imported MXNet."""

    mxnet: str
    """Its version."""


class Prepared(msgspec.Struct, frozen=True, tag="prepared"):
    """Both sides ran."""

    cpu_seconds: float
    """Of a forward of each side together: not of the first, which can take ten times as long."""
    notes: Tuple[str, ...] = ()
    """What is not as in a real network, and may make the time less telling; for the finding."""


class Measured(msgspec.Struct, frozen=True, tag="measured"):
    """Round by round the CPU seconds of two forwards of each side, and what went on meanwhile."""

    reference: List[Tuple[float, float]]
    candidate: List[Tuple[float, float]]
    conditions: Conditions


class Inspected(msgspec.Struct, frozen=True, tag="inspected"):
    """The first operator with many subnormal outputs, if there is one."""

    layer: Optional[str]


class Profiled(msgspec.Struct, frozen=True, tag="profiled"):
    """The layers of each network, in the order of the request."""

    networks: Tuple[NetworkProfile, ...]


class MeasuredPeaks(msgspec.Struct, frozen=True, tag="peaks"):
    """What one core can do."""

    peaks: Peaks


class MeasuredResident(msgspec.Struct, frozen=True, tag="resident"):
    """In bytes."""

    rest_bytes: int
    """Of the process with MXNet in it, before."""
    peak_bytes: int
    """What the network added, at its peak."""


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The request was understood and could not be done; the text says why."""

    message: str


Request = Union[Prepare, Measure, Inspect, Profile, MeasurePeaks, MeasureResident]
Reply = Union[Ready, Prepared, Measured, Inspected, Profiled, MeasuredPeaks, MeasuredResident, Failed]
