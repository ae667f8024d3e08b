"""Gets the metrics of other plugins."""

from itertools import chain

import pytest

from pytest_mxperf.errors import MxperfError, UsageError, told
from pytest_mxperf.gate.own_metrics import by_name
from pytest_mxperf.judge.own_metrics import OwnMetrics

__all__ = ["own_metrics_of"]


def own_metrics_of(item: pytest.Item) -> OwnMetrics:
    """The metrics of all plugins, and of each ``conftest.py`` above the test. Raises ``UsageError``."""
    try:
        return OwnMetrics(by_name(chain.from_iterable(item.ihook.pytest_mxperf_metrics(config=item.config))))
    except MxperfError:
        raise
    except (Exception, SystemExit) as error:
        raise UsageError(f"pytest_mxperf_metrics failed: {told(error)}") from error
