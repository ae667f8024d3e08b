"""What the plugin does, for those who only ask how heavy a model is."""

from pytest_mxperf.cost.result import CostReport
from pytest_mxperf.spec import ModelSpec

__all__ = ["count"]


def count(model: object, inputs: object, *, epoch: int = 0) -> CostReport:
    """The cost of one forward pass of ``model``; no weights are loaded.

    ``model`` is a checkpoint prefix (``"models/resnet18"``), the path of a symbol JSON, a ``Symbol``, a Gluon
    ``HybridBlock`` (initialized or not), or a callable that returns one of the last two. ``inputs`` maps each input to
    its shape, or to a pair of shape and dtype: ``{"data": (1, 3, 224, 224), "tokens": ((1, 16), "int32")}``.

    Raises ``MxperfError``, or one of its kinds, if the model cannot be read or its shapes cannot be inferred.
    """
    # MXNet takes a second to import, which whoever imports this package should not pay.
    from pytest_mxperf.mx.analysis import analyse
    from pytest_mxperf.mx.model import open_model

    spec = ModelSpec.parse(model, inputs, epoch=epoch, where="count")
    return analyse(open_model(spec)).cost()
