"""Requests to the measuring process, and its replies: one JSON document per line, on its standard input and output.

    (start)     <-  ready
    prepare  ->     prepared, or failed     both sides of a comparison, which replace the last pair
    measure  ->     measured, or failed     one unit: a fresh pair of bindings, timed in turns
    inspect  ->     inspected, or failed    where a network's activations become subnormal
    profile  ->     profiled, or failed     the time of each layer of a network, or of two in turns
    peaks    ->     peaks, or failed        the processor's peak rates
    resident ->     resident, or failed     the memory of one inference, as the only request to a new process

The process answers every request once and in order. It ends when its standard input closes.
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
    """One side of a comparison: a graph and the inputs that it runs on."""

    name: str
    """The name in messages."""
    symbol_json: str
    inputs: Dict[str, InputSpec]
    params_path: Optional[str] = None
    """A ``.params`` file with the weights. Without one they are synthetic."""
    run_as: RunAs = RunAs()
    example_path: Optional[str] = None
    """An ``.npz`` file with real inputs, by name. Inputs that it lacks are synthetic."""
    imports: Tuple[str, ...] = ()
    """Modules that register operators. They are imported before the graph is loaded."""
    import_path: Tuple[str, ...] = ()
    """Folders to find these modules in, behind the process's own ``sys.path``."""


class Prepare(msgspec.Struct, frozen=True, tag="prepare"):
    """Load both sides, and run each once."""

    reference: Network
    candidate: Network


class Measure(msgspec.Struct, frozen=True, tag="measure"):
    """Run one unit of the pair that was prepared last, for about this much CPU time."""

    unit: Unit
    cpu_seconds: float


class Inspect(msgspec.Struct, frozen=True, tag="inspect"):
    """Run a network once, and check every activation."""

    network: Network


class Profile(msgspec.Struct, frozen=True, tag="profile"):
    """Time every layer, for about this much CPU time."""

    networks: Tuple[Network, ...]
    """One network, or two in turns."""
    cpu_seconds: float
    most_cpu_seconds: float
    """How long a slow network may take. If it would take longer, the reply is ``Failed``."""


class MeasurePeaks(msgspec.Struct, frozen=True, tag="peaks"):
    """Measure the peak rates of one core of this processor."""


class MeasureResident(msgspec.Struct, frozen=True, tag="resident"):
    """Run a network, and measure its memory."""

    network: Network


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The process has imported MXNet."""

    mxnet: str
    """The version of MXNet."""


class Prepared(msgspec.Struct, frozen=True, tag="prepared"):
    """Both sides ran."""

    cpu_seconds: float
    """For one forward of each side, added up. Not for the first one, which can take ten times as long."""
    notes: Tuple[str, ...] = ()
    """For the finding: what differs from a real network, and may make the time less reliable."""


class Measured(msgspec.Struct, frozen=True, tag="measured"):
    """For each round, the CPU seconds of two forwards of each side; and the state of the machine meanwhile."""

    reference: List[Tuple[float, float]]
    candidate: List[Tuple[float, float]]
    conditions: Conditions


class Inspected(msgspec.Struct, frozen=True, tag="inspected"):
    """The first operator with many subnormal outputs, if there is one."""

    layer: Optional[str]
    zero_below: Optional[float] = None
    """No operator has them if all weights of smaller magnitude are 0. None if no such magnitude is known."""


class Profiled(msgspec.Struct, frozen=True, tag="profiled"):
    """The layers of each network, in the order of the request."""

    networks: Tuple[NetworkProfile, ...]


class MeasuredPeaks(msgspec.Struct, frozen=True, tag="peaks"):
    """The peak rates of one core."""

    peaks: Peaks


class MeasuredResident(msgspec.Struct, frozen=True, tag="resident"):
    """The resident memory of the process, in bytes."""

    rest_bytes: int
    """Before it held the network, but with MXNet."""
    peak_bytes: int
    """The bytes that the network added, at its peak."""


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The request failed. The message says why."""

    message: str


Request = Union[Prepare, Measure, Inspect, Profile, MeasurePeaks, MeasureResident]
Reply = Union[Ready, Prepared, Measured, Inspected, Profiled, MeasuredPeaks, MeasuredResident, Failed]
