"""Versions, and what to install."""

import sys

import pytest

from pytest_mxperf import plugin
from pytest_mxperf.versions import command_to_install


@pytest.mark.parametrize(
    ("python", "command"),
    [
        ((3, 8, 18), "pip install 'pytest-mxperf[cpu]'"),
        ((3, 12, 1), "pip install 'pytest-mxperf[cpu]'"),
        ((3, 13, 0), "pip install 'pytest-mxperf[cpu]' && pip install --no-deps mxnet"),
    ],
)
def test_the_command_is_that_of_the_running_python(python, command):
    assert command_to_install(python) == command


def test_the_head_of_a_run_says_how_to_install_a_missing_mxnet(monkeypatch):
    """A test file that imports mxnet itself fails with Python's own error."""
    monkeypatch.setattr(plugin.util, "find_spec", lambda name: None)
    monkeypatch.delitem(sys.modules, "mxnet", raising=False)
    assert plugin._mxnet() == f"mxnet is not installed ({command_to_install(sys.version_info[:3])})"
