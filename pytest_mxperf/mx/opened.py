"""A model opened for counting: its symbol, and its parameters without their values."""

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
    """``stored`` describes the ``.params`` file, if there is one. ``net`` is the Gluon net that was traced, if any."""

    name: str
    symbol: Any
    inputs: Mapping[str, InputSpec]
    numpy_shapes: bool
    checkpoint: Optional[Checkpoint] = None
    stored: Optional[Mapping[str, StoredArray]] = None
    weights_problem: str = ""
    """Why nothing is ``stored`` although there is a file."""
    warning: str = ""
    """What to warn of once the model is counted, or its inputs are named: that it has no weights."""
    net: Any = None
    shapes: Mapping[str, Tuple[int, ...]] = field(default_factory=dict)
    """Shapes of parameters, as the user states them."""
    suspects: Tuple[str, ...] = ()
    """The nodes of a file's graph that may crash MXNet (``validate.suspects``)."""
    pointers: Tuple[Pointer, ...] = ()
    """Nodes of a file's graph that have stand-ins in the symbol, because they would crash MXNet."""
    parsed: Optional[Graph] = None
    """The checked graph of a file. None if stand-ins or ``output`` have changed the graph."""
    beyond: Tuple[str, ...] = ()
    """Names of the variables that only the part of a file's graph behind ``output`` reads."""
    is_kept: bool = False
    """Whether MXNet holds the nodes of ``parsed`` as they are (``graph.Checked``)."""

    @property
    def parameter_names(self) -> "Optional[Collection[str]]":
        """Names of the parameters, from the ``.params`` file or the Gluon net. None if there is neither."""
        return self.stored if self.net is None else gluon.parameter_names(self.net)

    @property
    def frozen(self) -> Optional[FrozenSet[str]]:
        """Names of the parameters that do not train, from the Gluon net. None without one: then the graph decides."""
        return None if self.net is None else gluon.frozen_parameters(self.net)

    @property
    def run_as(self) -> RunAs:
        """How the user runs the model: a Gluon net as it was hybridized, other models in a ``Module``."""
        return RunAs() if self.net is None else gluon.run_as(self.net)
