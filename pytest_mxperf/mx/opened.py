"""A model opened for counting: its symbol and what is known of its parameters, without their values."""

from dataclasses import dataclass, field
from typing import Any, Collection, FrozenSet, Mapping, Optional, Tuple

from pytest_mxperf.graph import Graph
from pytest_mxperf.mx import gluon
from pytest_mxperf.mx.pointers import Pointer
from pytest_mxperf.params_file import StoredArray
from pytest_mxperf.spec import Checkpoint, InputSpec, RunAs

__all__ = ["Model"]


@dataclass(frozen=True)
class Model:
    """``stored`` describes the ``.params`` file where there is one; ``net`` is the Gluon net where it came from one."""

    name: str
    symbol: Any
    inputs: Mapping[str, InputSpec]
    numpy_shapes: bool
    checkpoint: Optional[Checkpoint] = None
    stored: Optional[Mapping[str, StoredArray]] = None
    weights_problem: str = ""
    """Why nothing is ``stored`` although there is a file: what cannot be read, and what that means."""
    net: Any = None
    shapes: Mapping[str, Tuple[int, ...]] = field(default_factory=dict)
    """Of parameters, as the user states them."""
    suspects: Tuple[str, ...] = ()
    """The nodes of a file's graph that are not known to be harmless to MXNet (``validate.suspects``)."""
    pointers: Tuple[Pointer, ...] = ()
    """Nodes of a file's graph that have stand-ins in the symbol, because they would crash MXNet."""
    parsed: Optional[Tuple[bytes, Graph]] = None
    """The text that the symbol was loaded from and its graph, which has been checked; not if it has stand-ins, or ends
    before the text does."""

    @property
    def parameter_names(self) -> "Optional[Collection[str]]":
        """Names of the parameters, where a file or a Gluon net tells."""
        return self.stored if self.net is None else gluon.parameter_names(self.net)

    @property
    def frozen(self) -> Optional[FrozenSet[str]]:
        """Names of the parameters that do not train, where a Gluon net tells; None where the graph has to."""
        return None if self.net is None else gluon.frozen_parameters(self.net)

    @property
    def run_as(self) -> RunAs:
        """How its user runs it: a Gluon net as it was hybridized, other models in a ``Module``."""
        return RunAs() if self.net is None else gluon.run_as(self.net)
