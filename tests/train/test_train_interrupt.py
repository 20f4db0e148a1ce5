"""Ctrl-C ends a training, also while a step waits for data in native code."""
import os
import signal
import time

import pytest

from tensorpack.utils.concurrency import unblock_on_sigint

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def test_ctrl_c_ends_a_step_that_waits_for_data(start_program):
    program = start_program(os.path.join(ROOT, "tests", "scripts", "blocked_training.py"), folder=ROOT)
    program.wait_for_text("STEP 5")
    program.wait_for_text("BLOCKED")
    time.sleep(0.2)  # now the next step waits
    program.send_signal(signal.SIGINT)
    assert program.wait() != 0
    assert "AFTER TRAIN at 5" in program.text() and "KeyboardInterrupt" in program.text(), program.text()[-3000:]


def test_unblock_is_called_only_when_the_main_thread_does_not_react():
    calls = []
    with unblock_on_sigint(lambda: calls.append(1), grace=0.1):
        pass
    assert calls == []
    try:
        with unblock_on_sigint(lambda: calls.append(1), grace=0.5):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
    except KeyboardInterrupt:
        pass
    time.sleep(0.7)
    assert calls == []


def test_the_wakeup_descriptor_is_restored():
    before = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(before)
    with unblock_on_sigint(lambda: None):
        pass
    assert signal.set_wakeup_fd(before) == before


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")  # Python 3.12 and later
def test_a_signal_to_a_forked_child_does_not_concern_the_parent():
    """And a child that outlives the context does not hold its end up."""
    calls = []
    with unblock_on_sigint(lambda: calls.append(1), grace=0.1):
        child = os.fork()
        if child == 0:
            try:
                time.sleep(30)
            except KeyboardInterrupt:
                pass
            time.sleep(1)
            os._exit(0)
        time.sleep(0.3)
        os.kill(child, signal.SIGINT)
        time.sleep(0.5)
        assert calls == []
        start = time.time()
    assert time.time() - start < 0.5
    os.waitpid(child, 0)
