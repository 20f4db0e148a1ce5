import multiprocessing
import signal
import threading
import time

import pytest

from tensorpack.callbacks import concurrency
from tensorpack.callbacks.concurrency import StartProcOrThread
from tensorpack.utils.concurrency import StoppableThread


class Worker(StoppableThread):
    def run(self):
        while not self.stopped():
            time.sleep(0.01)


class Deaf(StoppableThread):
    """Does not end when it is told to."""

    def __init__(self):
        super().__init__()
        self.daemon = True
        self.let_go = threading.Event()

    def run(self):
        self.let_go.wait()


def report_sigint_handler(queue):
    queue.put(signal.getsignal(signal.SIGINT) == signal.SIG_IGN)


def started(startable, **kwargs):
    callback = StartProcOrThread(startable, **kwargs)
    callback.before_train()
    return callback


def test_runs_on_every_process():
    assert not StartProcOrThread(Worker()).chief_only


def test_starts_before_training_and_stops_after_it():
    threads = [Worker(), Worker()]
    callback = StartProcOrThread(threads)
    assert not any(t.is_alive() for t in threads)
    callback.before_train()
    assert all(t.is_alive() for t in threads)
    callback.after_train()
    assert not any(t.is_alive() for t in threads)


def test_takes_one_thread_and_logs_its_name(log_records):
    thread = Worker()
    thread.name = "the-worker"
    started(thread).after_train()
    assert any("the-worker" in r.getMessage() and r.levelname == "INFO" for r in log_records)


def test_terminates_a_process(monkeypatch):
    monkeypatch.setattr(concurrency, "_JOIN_SECONDS", 120)  # after which it would be killed
    process = multiprocessing.get_context("fork").Process(target=time.sleep, args=(1000,))
    callback = started(process)
    assert process.is_alive()
    start = time.time()
    callback.after_train()
    assert not process.is_alive() and time.time() - start < 100


def test_spawned_process_is_accepted():
    process = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(100,))
    started(process).after_train()
    assert not process.is_alive()


def test_process_is_started_with_sigint_ignored():
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    callback = started(context.Process(target=report_sigint_handler, args=(queue,)))
    assert queue.get(timeout=120)
    callback.after_train()
    assert signal.getsignal(signal.SIGINT) == signal.default_int_handler


def test_leaves_everything_alone_without_stop_at_last():
    thread = Worker()
    started(thread, stop_at_last=False).after_train()
    assert thread.is_alive()
    thread.stop()
    thread.join()


def test_leaves_plain_threads_alone(monkeypatch):
    monkeypatch.setattr(concurrency, "_JOIN_SECONDS", 120)
    let_go = threading.Event()
    thread = threading.Thread(target=let_go.wait, daemon=True)
    start = time.time()
    started(thread).after_train()
    assert thread.is_alive() and time.time() - start < 100
    let_go.set()
    thread.join()


def test_what_was_never_started_is_no_trouble_at_the_end():
    process = multiprocessing.get_context("fork").Process(target=time.sleep, args=(100,))
    StartProcOrThread([Worker(), process]).after_train()


def test_logs_an_error_about_what_does_not_stop(log_records, monkeypatch):
    monkeypatch.setattr(concurrency, "_JOIN_SECONDS", 0.2)
    thread = Deaf()
    thread.name = "deaf-one"
    started(thread).after_train()
    assert any("deaf-one" in r.getMessage() and r.levelname == "ERROR" for r in log_records)
    thread.let_go.set()
    thread.join()


def test_failure_is_the_first_error_that_a_thread_keeps():
    threads = [Worker(), Worker(), Worker()]
    callback = StartProcOrThread(threads)
    assert callback._failure() is None
    threads[1].exception = KeyError("first")
    threads[2].exception = ValueError("second")
    assert callback._failure() is threads[1].exception


@pytest.mark.parametrize("wrong", [3, [Worker(), None], "abc"], ids=["number", "None_in_list", "str"])
def test_refuses_what_cannot_be_started(wrong):
    with pytest.raises(TypeError, match="startable must be a process, a thread"):
        StartProcOrThread(wrong)
