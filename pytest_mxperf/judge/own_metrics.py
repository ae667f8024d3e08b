"""Measures the metrics that other plugins add."""

from types import MappingProxyType
from typing import TYPE_CHECKING, AbstractSet, Any, Mapping, NamedTuple, Optional, Tuple

from pytest_mxperf.cost.result import CostReport
from pytest_mxperf.errors import MxperfError, UsageError, told
from pytest_mxperf.gate.finding import Number
from pytest_mxperf.gate.own_metrics import MeasuredModel, Metric, MetricValue, checked
from pytest_mxperf.spec import LoadedCheckpoint, ModelSpec

if TYPE_CHECKING:  # it imports MXNet
    from pytest_mxperf.mx.analysis import Analysis

__all__ = ["AnalysedModel", "OwnMetrics"]


class AnalysedModel(MeasuredModel):
    """A model of which all is known that can be known before it runs."""

    def __init__(self, spec: ModelSpec, analysis: "Analysis") -> None:
        self.spec = spec
        self._analysis = analysis

    def cost(self) -> CostReport:
        return self._analysis.cost()

    def symbol_json(self) -> str:
        return self._analysis.symbol_json

    def checkpoint(self) -> LoadedCheckpoint:
        from pytest_mxperf.mx.weights import load_weights

        return load_weights(self._analysis)

    def module(self) -> Any:
        from pytest_mxperf.mx.bind import bind

        return bind(self._analysis, self.checkpoint())


class OwnMetrics(NamedTuple):
    """The metrics that other plugins add, and what they are of one model."""

    metrics: Mapping[str, Metric] = MappingProxyType({})
    values: Mapping[str, Optional[Number]] = MappingProxyType({})
    """Of those that its gates name; None where the model has no value."""

    def of(self, names: AbstractSet[str], model: MeasuredModel) -> "OwnMetrics":
        """Measured of this model, as far as its gates name them. Raises ``UsageError`` for a metric that fails."""
        asked = {name: metric for name, metric in self.metrics.items() if name in names}
        return OwnMetrics(
            self.metrics, {name: checked(metric, _value(metric, model)) for name, metric in asked.items()}
        )

    def reported(self) -> Tuple[MetricValue, ...]:
        """What is known."""
        known = ((name, value) for name, value in self.values.items() if value is not None)
        return tuple(MetricValue(name, value, self.metrics[name].unit) for name, value in known)


def _value(metric: Metric, model: MeasuredModel) -> object:
    try:
        return metric.measure(model)
    except MxperfError:  # says itself what is wrong with the model
        raise
    except (Exception, SystemExit) as error:
        raise UsageError(f"the metric {metric.name} failed: {told(error)}") from error
