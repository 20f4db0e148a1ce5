"""Ctrl-C ends a training, also while a step waits for data in native code."""
import importlib.util
import os
import queue
import signal
import sys
import threading
import time

import pytest
from interrupted_waking import Interrupting

from tensorpack.utils.concurrency import postpone_sigint_in, unblock_on_sigint

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def test_ctrl_c_ends_a_step_that_waits_for_data(start_program):
    program = start_program(os.path.join(ROOT, "tests", "scripts", "blocked_training.py"), folder=ROOT)
    program.wait_for_text("BLOCKED")
    program.wait_for_text("STEP 5")
    time.sleep(0.2)  # now the next step waits
    program.send_signal(signal.SIGINT)
    assert program.wait() == (-signal.SIGINT if sys.version_info >= (3, 8) else 1)
    output = program.text()
    assert "AFTER TRAIN at 5" in output and "RuntimeError" not in output, output[-3000:]
    assert output.splitlines()[-1] == "KeyboardInterrupt", output[-3000:]
    assert "Detected Ctrl-C and exiting main loop, in epoch 1 at global_step 5." in output, output[-3000:]


@pytest.fixture
def native_error(tmp_path):
    """The class of an error whose making is interrupted by Ctrl-C, in a module that must not be interrupted."""
    path = tmp_path / "errors_of_native_code.py"
    path.write_text("""import signal, threading
class NativeError(Exception):
    def __init__(self):
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)  # another thread would take it later
        self.made = [0 for _ in range(1000)]
""")
    spec = importlib.util.spec_from_file_location("errors_of_native_code", str(path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    postpone_sigint_in(module)
    return module.NativeError


def test_ctrl_c_does_not_interrupt_the_making_of_an_error_but_ends_the_context(native_error):
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt) as info:
        with unblock_on_sigint(lambda: None):
            with unblock_on_sigint(lambda: None):
                raise native_error
    assert len(info.value.__context__.made) == 1000
    assert signal.getsignal(signal.SIGINT) == handler
    time.sleep(0.3)  # nothing comes later


def test_a_postponed_ctrl_c_comes_when_the_error_was_handled(native_error):
    with pytest.raises(KeyboardInterrupt):
        with unblock_on_sigint(lambda: None):
            try:
                raise native_error
            except native_error:
                pass
            for _ in range(6000):
                time.sleep(0.01)
            pytest.fail("not interrupted")


def test_unblock_is_called_only_when_the_main_thread_does_not_react():
    calls = []
    with unblock_on_sigint(lambda: calls.append(1), grace=0.1):
        pass
    assert calls == []
    try:
        with unblock_on_sigint(lambda: calls.append(1), grace=2):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(60)
    except KeyboardInterrupt:
        pass
    time.sleep(2.2)
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
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.write(writer, b".")
                time.sleep(120)
            except KeyboardInterrupt:
                pass
            time.sleep(120)
            os._exit(0)
        os.read(reader, 1)  # until the child runs
        os.close(reader)
        os.close(writer)
        os.kill(child, signal.SIGINT)
        time.sleep(0.5)
        assert calls == []
        start = time.time()
    assert time.time() - start < 60
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_that_leaves_the_context_does_not_leave_it_for_the_parent():
    called = threading.Event()
    child = None
    with pytest.raises(KeyboardInterrupt):
        try:
            with unblock_on_sigint(called.set, grace=0.1):
                child = os.fork()
                if child == 0:
                    raise ArithmeticError("on its way out")
                assert os.waitpid(child, 0)[1] == 0
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(60)
        except ArithmeticError:
            os._exit(0)
        finally:
            if child == 0:
                os._exit(1)
    with unblock_on_sigint(called.set, grace=0.1):  # the way in and out is free
        pass


def interrupted_once(condition):
    """Let the next waking of whoever waits for the condition be interrupted by Ctrl-C."""
    end = time.time() + 60
    while not condition._waiters:
        assert time.time() < end
        time.sleep(0.01)
    condition._waiters[0] = Interrupting(condition._waiters[0])


def test_a_queue_still_wakes_its_reader_when_ctrl_c_came_while_something_was_put_into_it():
    items, taken = queue.Queue(), queue.Queue()

    def take():
        while True:
            taken.put(items.get())

    threading.Thread(target=take, daemon=True).start()
    interrupted_once(items.not_empty)
    with pytest.raises(KeyboardInterrupt):
        with unblock_on_sigint(lambda: None):
            items.put(1)
            time.sleep(60)
    assert taken.get(timeout=60) == 1
    time.sleep(0.1)  # now it waits again
    items.put(2)
    assert taken.get(timeout=60) == 2


def test_a_second_ctrl_c_while_the_first_one_is_being_postponed_starts_nothing_of_its_own(monkeypatch):
    started = []

    class Timer(threading.Timer):
        def start(self):
            started.append(self)
            if len(started) == 1:
                signal.pthread_kill(threading.get_ident(), signal.SIGINT)
            super().start()

    items = queue.Queue()
    threading.Thread(target=items.get, daemon=True).start()
    interrupted_once(items.not_empty)
    monkeypatch.setattr(threading, "Timer", Timer)
    with pytest.raises(KeyboardInterrupt):
        with unblock_on_sigint(lambda: None):
            items.put(1)
            time.sleep(60)
    assert len(started) == 1


@pytest.mark.parametrize("make, wake", [
    (threading.Event, lambda event: event.set()),
    (lambda: threading.Semaphore(0), lambda semaphore: [semaphore.release() for _ in range(2)]),
], ids=["event", "semaphore"])
def test_all_that_wait_are_woken_when_ctrl_c_comes_while_the_first_one_is(make, wake):
    what, woken = make(), queue.Queue()
    wait = what.wait if hasattr(what, "wait") else what.acquire
    for _ in range(2):
        threading.Thread(target=lambda: woken.put(wait()), daemon=True).start()
    while len(what._cond._waiters) < 2:
        time.sleep(0.01)
    interrupted_once(what._cond)
    with pytest.raises(KeyboardInterrupt):
        with unblock_on_sigint(lambda: None):
            wake(what)
            time.sleep(60)
    assert [woken.get(timeout=60) for _ in range(2)] == [True, True]


def test_ctrl_c_while_an_event_is_handed_to_the_thread_that_writes_it_ends_the_training(start_program):
    program = start_program(os.path.join(ROOT, "tests", "scripts", "interrupted_event_writer.py"), folder=ROOT)
    assert program.wait() == (-signal.SIGINT if sys.version_info >= (3, 8) else 1)
    output = program.text()
    assert "INTERRUPTED" in output and "Detected Ctrl-C and exiting main loop, in epoch 1" in output, output[-3000:]
    assert output.splitlines()[-1] == "KeyboardInterrupt", output[-3000:]
    assert "EVENTS ARE WRITTEN" in output, output[-3000:]
