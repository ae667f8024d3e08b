"""What the processor can do: measured, so that only what must hold on every machine is held."""

import pytest

from pytest_mxperf.mx.peaks import peaks


@pytest.mark.slow
def test_a_core_computes_and_moves_something():
    found = peaks()
    assert set(found.flops_per_second) <= {"float32", "int8"}
    assert found.flops_per_second["float32"] > 1e7
    assert found.bytes_per_second > 1e6
