"""Which hardware wall times belong to."""

import platform
import re

from pytest_mxperf.baseline import environment


def test_a_machine_is_its_processor_cores_and_architecture():
    found = re.fullmatch(r"(.+), (\d+) cores, (\w+)", environment.here())
    assert found.group(3) == platform.machine()
    assert int(found.group(2)) >= 1
    assert environment.here() == environment.here()


def test_where_the_system_does_not_tell_the_processor_is_unknown(monkeypatch):
    def nothing(*arguments, **options):
        raise FileNotFoundError

    monkeypatch.setattr("builtins.open", nothing)
    monkeypatch.setattr(platform, "processor", lambda: "")
    assert environment.here().startswith("unknown processor, ")
