"""How much memory is free, and the limit that keeps to it."""

import os
import subprocess
import sys

import psutil
import pytest

from pytest_mxperf.mx.headroom import free_bytes, gibibytes

MIB = 1 << 20


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """One with 1,000 MiB available, whose files are below a folder of its own."""
    memory = psutil.virtual_memory()._replace(available=1000 * MIB)
    monkeypatch.setattr("psutil.virtual_memory", lambda: memory)
    return tmp_path


def write(root, **files):
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_without_control_groups_it_is_what_the_machine_has(machine):
    assert free_bytes(machine) == 1000 * MIB


def test_a_control_group_of_version_2_has_its_limit_less_its_use_plus_what_gives_way(machine):
    """500 - 300 + 50 of files that nobody has open: 250 MiB."""
    write(machine, proc__self__cgroup="0::/\n", sys__fs__cgroup__memory_dot_max=str(500 * MIB))
    write(machine, sys__fs__cgroup__memory_dot_current=str(300 * MIB))
    write(machine, sys__fs__cgroup__memory_dot_stat=f"anon 1\ninactive_file {50 * MIB}\n")
    assert free_bytes(machine) == 250 * MIB


def test_the_tightest_group_above_counts(machine):
    write(machine, proc__self__cgroup="0::/a/b\n")
    for folder, limit in (("a", "400"), ("a__b", "900")):
        write(machine, **{f"sys__fs__cgroup__{folder}__memory_dot_max": str(int(limit) * MIB)})
        write(machine, **{f"sys__fs__cgroup__{folder}__memory_dot_current": str(100 * MIB)})
    assert free_bytes(machine) == 300 * MIB


def test_a_control_group_of_version_1_counts_and_none_without_a_limit(machine):
    write(machine, proc__self__cgroup="5:cpu:/x\n4:memory:/box\n0::/\n")
    write(machine, sys__fs__cgroup__memory__box__memory_dot_usage_in_bytes=str(100 * MIB))
    write(machine, sys__fs__cgroup__memory__box__memory_dot_limit_in_bytes=str(2**63 - 4096))
    assert free_bytes(machine) == 1000 * MIB
    write(machine, sys__fs__cgroup__memory__box__memory_dot_limit_in_bytes=str(120 * MIB))
    assert free_bytes(machine) == 20 * MIB


def test_a_size_reads_well():
    assert gibibytes(7_086_696_038) == "6.6 GiB"
    assert gibibytes(50 * MIB) == "50 MiB"


_BEYOND = """
import pytest_mxperf.mx.headroom as headroom
from pytest_mxperf.mx.failures import is_out_of_memory
from pytest_mxperf.mx.runtime import mx

headroom.limit_to(300 << 20)
mx.nd.zeros((100 << 18,)).wait_to_read()
try:
    mx.nd.zeros((1000 << 18,)).wait_to_read()
except (mx.MXNetError, MemoryError) as error:
    print("refused", is_out_of_memory(error))
headroom.limit_to(0)
mx.nd.zeros((1000 << 18,)).wait_to_read()
print("free again")
"""


@pytest.mark.slow
def test_a_request_beyond_the_limit_fails_and_the_process_lives_on():
    environment = {**os.environ, "MXNET_ENGINE_TYPE": "NaiveEngine"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _BEYOND], capture_output=True, text=True, env=environment, check=False
    )
    assert done.stdout.splitlines() == ["refused True", "free again"], done.stderr
