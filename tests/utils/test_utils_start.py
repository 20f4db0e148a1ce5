"""Starting processes: nothing that is sent to one can make its start hang, and what was sent arrives."""
import importlib
import multiprocessing
import os
import sys
import threading

import pytest
from time_limit import LIMIT, time_limit  # noqa: F401

from tensorpack.utils._process.start import SafelyStarted, start_safely
from tensorpack.utils.concurrency import start_proc_mask_signal

pytestmark = pytest.mark.usefixtures("time_limit")
METHODS = multiprocessing.get_all_start_methods()
NOT_FORKED = [m for m in METHODS if m != "fork"]


def answer(payload, pipe, lock):
    with lock:
        pipe.send(len(payload))


@pytest.mark.parametrize("size", [100, 10 ** 7])
@pytest.mark.parametrize("method", METHODS)
def test_what_is_sent_arrives(method, size):
    """Also pipes and locks, which can be sent at the start of a process only."""
    context = multiprocessing.get_context(method)
    (receiver, sender), lock = context.Pipe(duplex=False), context.Lock()
    process = context.Process(target=answer, args=(b"x" * size, sender, lock))
    start_proc_mask_signal(process)
    assert receiver.poll(LIMIT) and receiver.recv() == size
    process.join(LIMIT)
    assert process.exitcode == 0 and "__reduce_ex__" not in vars(process)
    receiver.close()
    sender.close()


MODULE = """
import os
if os.getpid() != {pid}:
    raise ImportError("cannot be imported in another process")

def function(payload):
    pass
"""


@pytest.fixture
def broken(tmp_path, monkeypatch):
    (tmp_path / "broken_in_children.py").write_text(MODULE.format(pid=os.getpid()))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("broken_in_children")
    del sys.modules["broken_in_children"]


class Started(SafelyStarted, multiprocessing.get_context("spawn").Process):
    pass


@pytest.mark.parametrize("size", [100, 10 ** 7])
@pytest.mark.parametrize("method", NOT_FORKED)
def test_a_process_that_fails_at_its_import_does_not_hang_its_parent(broken, method, size):
    process = multiprocessing.get_context(method).Process(target=broken.function, args=(b"x" * size,))
    start_proc_mask_signal([process])
    process.join(LIMIT)
    assert process.exitcode == 1


def test_nor_does_one_of_a_class_that_is_started_directly(broken):
    process = Started(target=broken.function, args=(b"x" * 10 ** 7,))
    process.start()
    process.join(LIMIT)
    assert process.exitcode == 1


def test_what_cannot_be_pickled_is_an_error_and_leaves_no_trace():
    process = multiprocessing.get_context("spawn").Process(target=print, args=(lambda: None,))
    with pytest.raises(Exception, match="pickle"):
        start_safely(process)
    assert "__reduce_ex__" not in vars(process) and process.pid is None


def test_a_process_that_is_gone_when_it_is_written_to():
    class Gone(multiprocessing.get_context("spawn").Process):
        def start(self):
            raise BrokenPipeError("Broken pipe")

    with pytest.raises(RuntimeError, match="Gone-.*: a process must live until it was started.*__main__"):
        start_safely(Gone())


def test_threads_are_started_as_they_are():
    thread = threading.Thread(target=lambda: None)
    start_safely(thread)
    thread.join(LIMIT)
