"""Work that MXNet might not survive, done in a child first."""

import os
import signal
import threading
import time

import pytest

from pytest_mxperf.errors import ModelError


def survive(work, **limits):
    from pytest_mxperf.mx.guard import survive

    survive(work, "net: MXNet", "working", ["Correlation 'c'", "RNN 'r'"], **limits)


def kill_by(number):
    os.kill(os.getpid(), number)
    time.sleep(60)


@pytest.mark.parametrize("number", ["SIGFPE", "SIGSEGV", "SIGABRT", "SIGKILL"])
def test_a_death_is_told_with_its_signal_and_the_suspects(number):
    with pytest.raises(ModelError) as caught:
        survive(lambda: kill_by(getattr(signal, number)))
    message = str(caught.value)
    assert message.startswith(f"net: MXNet dies of {number} (")
    assert ") working; " in message
    assert message.endswith(": Correlation 'c', RNN 'r'")


@pytest.mark.parametrize("code", [255, 0])
def test_an_exit_is_a_death_too(code):
    with pytest.raises(ModelError, match=f"net: MXNet ends the process with exit code {code} working"):
        survive(lambda: os._exit(code))


def test_a_child_that_nobody_needs_to_wait_for_is_told_by_its_last_word():
    """Where a session ignores SIGCHLD the kernel keeps no exit status."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        survive(lambda: time.sleep(0.05))
        with pytest.raises(ModelError, match="ends the process"):
            survive(lambda: kill_by(signal.SIGKILL))
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_no_descriptor_is_left_open():
    before = os.listdir("/proc/self/fd")
    survive(lambda: None)
    with pytest.raises(ModelError):
        survive(lambda: time.sleep(60), seconds=0.1)
    assert os.listdir("/proc/self/fd") == before


def test_what_hangs_is_stopped():
    with pytest.raises(ModelError, match=r"net: MXNet takes longer than 0\.2 s working"):
        survive(lambda: time.sleep(60), seconds=0.2)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_memory_is_limited_beside_what_is_expected():
    import numpy as np

    def work():
        np.empty(3 * 1024**3, np.uint8)

    with pytest.raises(ModelError, match="net: MXNet takes more than 2,147,483,648 bytes of memory working"):
        survive(work)
    survive(work, expected_bytes=2 * 1024**3)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_exception_is_left_to_the_second_time(error):
    def work():
        raise error

    survive(work)


def test_the_child_leaves_no_trace(capfd, tmp_path):
    """Neither output, nor anything that is done at the end of a process."""
    with open(tmp_path / "buffered", "w") as stream:
        stream.write("once\n")
        survive(lambda: print("said by the child"))
    assert (tmp_path / "buffered").read_text() == "once\n"
    assert capfd.readouterr() == ("", "")


def test_it_works_after_mxnet_has_computed_and_beside_threads():
    """MXNet's engine and OpenMP have threads by then, which a fork does not take along."""
    import mxnet as mx

    def work():
        product = mx.nd.dot(mx.nd.ones((300, 300)), mx.nd.ones((300, 300)))
        os._exit(7 if product.asnumpy()[0, 0] == 300 else 8)

    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        mx.nd.dot(mx.nd.ones((300, 300)), mx.nd.ones((300, 300))).asnumpy()
        for _ in range(5):
            with pytest.raises(ModelError, match="exit code 7"):
                survive(work)
        assert mx.nd.dot(mx.nd.ones((2, 2)), mx.nd.ones((2, 2))).asnumpy()[0, 0] == 2
    finally:
        stop.set()
        thread.join()
