"""Resident memory of real networks, measured in processes of their own."""

import numpy as np
import pytest

from pytest_mxperf.errors import ModelError, WorkerError
from pytest_mxperf.spec import InputSpec
from pytest_mxperf.worker.protocol import Network
from pytest_mxperf.worker.resident import resident_of

pytestmark = pytest.mark.slow  # processes of their own

MIB = 1 << 20


# Bounds leave a MiB for what does not repeat.


def network(net, **inputs):
    return Network("net", net.tojson(), {name: InputSpec(shape) for name, shape in inputs.items()})


def dense(units, features):
    import mxnet as mx

    net = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=units, no_bias=True, name="dense")
    return network(net, data=(1, features))


def peak(network):
    return resident_of(network).peak_bytes / MIB


@pytest.mark.needs_operator("_sg_mkldnn_conv")
def test_a_weight_and_its_fused_copy_are_resident():
    """4096 x 4096 numbers of 4 bytes are 64 MiB; the fused layer keeps them once more, in the layout of its kernel."""
    assert 127 <= peak(dense(4096, 4096)) <= 132


def test_activations_are_resident_while_they_live():
    """16 Mi numbers of 4 bytes are 64 MiB: the input, what is made of it, and what of that in turn."""
    import mxnet as mx

    data = mx.sym.var("data")
    net = mx.sym.broadcast_add(mx.sym.reverse(mx.sym.reverse(data, axis=0), axis=0), data)
    found = peak(network(mx.sym.sum(net), data=(16, 1 << 20)))
    assert 3 * 64 - 1 <= found <= 4 * 64 + 2


@pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "1.20.0", reason="numpy 1.17 holds one more")
def test_it_is_the_peak_that_counts():
    """The input, the output and its copy in numpy have 64 MiB each; in the end the last is gone."""
    import mxnet as mx

    net = mx.sym.reverse(mx.sym.var("data"), axis=0)
    assert 191 <= peak(network(net, data=(16, 1 << 20))) <= 194


def test_a_workspace_is_resident():
    """MKLDNN has no convolution of float64, so MXNet unrolls the windows: 16 x 9 numbers for each of 128 x 128 pixels,
    18 MiB, that no tensor of the graph has. The input has 2 MiB, the output 1/8."""
    import mxnet as mx

    net = mx.sym.Convolution(mx.sym.var("data"), kernel=(3, 3), pad=(1, 1), num_filter=1, name="conv")
    doubles = Network("net", net.tojson(), {"data": InputSpec((1, 16, 128, 128), "float64")})
    assert 19 <= peak(doubles) <= 24


def test_the_process_at_rest_is_not_the_networks():
    found = resident_of(dense(2, 2))
    assert found.peak_bytes < 2 * MIB
    assert found.rest_bytes > 50 * MIB  # Python, numpy and MXNet


@pytest.mark.needs_operator("_sg_mkldnn_conv")
def test_measurements_repeat():
    """32 MiB and its copy, to half a MiB."""
    peaks = [peak(dense(4096, 2048)) for _ in range(3)]
    assert max(peaks) - min(peaks) < 0.5
    assert 63 <= min(peaks) <= 68


def test_what_cannot_run_says_so():
    import mxnet as mx

    net = mx.sym.var("data", attr={"__storage_type__": "2"}) + 1
    with pytest.raises(WorkerError, match="stored as csr"):
        resident_of(network(net, data=(2, 2)))


@pytest.mark.needs_operator("_sg_mkldnn_conv")
def test_what_cannot_fit_is_refused_before_it_is_taken(monkeypatch):
    """64 MiB of weights and their copy; 4 KiB of input and output each."""
    from pytest_mxperf.mx import resident
    from pytest_mxperf.mx.side import Side

    monkeypatch.setattr(resident, "free_bytes", lambda: 100 * MIB)
    monkeypatch.setattr(resident, "_measured", lambda side, root: None)
    each = dense(4096, 4096)
    with pytest.raises(ModelError, match=r"^net: running it needs about 128 MiB, this machine has 100 MiB free;"):
        resident.resident(Side.of("net", each.symbol_json, each.inputs))


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        ("VmPeak:  1 kB\n", "does not say how much memory is resident: /proc/self/status has no VmRSS"),
        ("VmRSS:  1 kB\n", "does not let a process measure its peak: cannot write to /proc/self/clear_refs"),
        (None, "does not say how much memory is resident"),
    ],
)
def test_a_system_that_does_not_tell_is_an_error(tmp_path, status, problem):
    """Not a model of 0 bytes."""
    from pytest_mxperf.mx.resident import resident
    from pytest_mxperf.mx.side import Side

    if status is not None:
        (tmp_path / "proc/self").mkdir(parents=True)
        (tmp_path / "proc/self/status").write_text(status)
        (tmp_path / "proc/self/clear_refs").mkdir()  # cannot be written to
    each = dense(2, 2)
    with pytest.raises(ModelError, match=problem):
        resident(Side.of("net", each.symbol_json, each.inputs), tmp_path)
