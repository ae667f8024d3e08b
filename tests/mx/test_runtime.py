"""Which MXNet is taken, and how to get one."""

import pytest

from pytest_mxperf.errors import MxnetMissingError


@pytest.mark.parametrize("version", ["1.6.0", "1.7.0", "1.8.0.post0", "1.9.1", "1.10.0"])
def test_mxnet_1_6_and_newer_is_taken(version):
    from pytest_mxperf.mx.runtime import refuse_other_versions

    refuse_other_versions(version)


@pytest.mark.parametrize("version", ["0.12.1", "1.5.1.post0", "2.0.0b1", "", "nightly"])
def test_any_other_is_refused(version):
    from pytest_mxperf.mx.runtime import refuse_other_versions

    with pytest.raises(MxnetMissingError, match=f"^MXNet {version} is not supported, .* 1.6 to 1.9; run: pip install"):
        refuse_other_versions(version)
