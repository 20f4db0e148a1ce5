"""The thread that sends to a tracker: in which order, how much at once, and how little of the time of a training it takes."""
import multiprocessing
import os
import signal
import threading
import time

import pytest

from tensorpack.callbacks._monitors.sender import BackgroundSender

LIMIT = 60


class Service:
    """Notes what it is sent; holds up the first call until `go` is set, and then computes for so many seconds in each."""

    def __init__(self, cpu_time=0.0):
        self.received, self.go, self._cpu_time = [], threading.Event(), cpu_time

    def send(self, items):
        self.received.append(items)
        self.go.wait(LIMIT)
        end = time.thread_time() + self._cpu_time
        while time.thread_time() < end:
            pass

    def note(self, text):
        return lambda: self.received.append(text)


@pytest.fixture
def sender():
    sender = BackgroundSender("Monitor", "the service")
    yield sender
    sender.close(0)


def wait_for(condition):
    end = time.monotonic() + LIMIT
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


def test_what_waits_is_sent_together_in_the_order_in_which_it_was_put(sender):
    service = Service()
    sender.put_item(service.send, 0)
    wait_for(lambda: service.received)
    for item in range(1, 1203):
        sender.put_item(service.send, item)
    sender.put(service.note("between"))
    sender.put_item(service.send, "last")
    service.go.set()
    assert sender.close(LIMIT)
    assert service.received == [[0], list(range(1, 1001)), list(range(1001, 1203)), "between", ["last"]]


def test_what_comes_while_it_rests_is_sent_together(sender):
    service = Service(cpu_time=0.03)  # so it rests for three seconds
    service.go.set()
    sender.put_item(service.send, 0)
    wait_for(lambda: service.received and sender._since is None)
    for item in (1, 2, 3):
        sender.put_item(service.send, item)
        time.sleep(0.02)
    assert service.received == [[0]]
    assert sender.close(LIMIT)  # which does not let it rest
    assert service.received == [[0], [1, 2, 3]]


def test_it_rests_only_as_long_as_it_should(sender):
    service = Service(cpu_time=0.001)
    service.go.set()
    for item in range(3):
        sender.put_item(service.send, item)
        wait_for(lambda: sum(service.received, []) == list(range(item + 1)))  # noqa: B023


def test_failed_and_unsent_items_are_counted(sender, log_records):
    service = Service()

    def fail(items):
        raise ConnectionError("away")

    sender.put_item(service.send, 0)
    wait_for(lambda: service.received)
    for item in range(3):
        sender.put_item(fail, item)
    service.go.set()
    assert sender.close(LIMIT)
    texts = [record.getMessage() for record in log_records]
    assert len([text for text in texts if "ConnectionError: away" in text]) == 1
    assert "Monitor: 3 calls failed and 0 were left out." in texts


def test_what_a_service_does_not_take_in_time_is_given_up(sender, log_records):
    service = Service()
    sender.put_item(service.send, 0)
    wait_for(lambda: service.received)
    sender.put_item(service.send, 1)
    assert not sender.close(0.01)
    service.go.set()
    assert any("has not taken the last 2 calls within 0.01 seconds" in record.getMessage() for record in log_records)


def in_a_fork(function):
    """The exit status of a forked process that calls the function: 0 if it returns True; one that hangs is killed."""
    pid = os.fork()
    if pid == 0:
        signal.alarm(LIMIT)
        status = 1
        try:
            status = 0 if function() else 2
        finally:
            os._exit(status)
    return os.waitpid(pid, 0)[1]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
@pytest.mark.parametrize("call", [
    lambda sender, send: not sender.put_item(send, 1), lambda sender, send: not sender.put(lambda: send([1])),
    lambda sender, send: sender.close(LIMIT)], ids=["put_item", "put", "close"])
def test_a_forked_process_neither_waits_for_the_thread_nor_sends(sender, call):
    held, go, service = threading.Event(), threading.Event(), Service()

    def hold():
        with sender._changed:  # as the thread does for moments
            held.set()
            go.wait(LIMIT)

    sender.put_item(service.send, 0)
    wait_for(lambda: service.received)
    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(LIMIT)
    try:
        assert in_a_fork(lambda: call(sender, service.send)) == 0
    finally:
        go.set()
        holder.join(LIMIT)
    service.go.set()
    assert sender.close(LIMIT) and service.received == [[0]]


def put_and_tell(sender, send, texts):
    import logging

    logger = logging.getLogger("tensorpack")
    handler = logging.Handler()
    handler.emit = lambda record: texts.put(record.getMessage())
    logger.addHandler(handler)
    for item in range(3):
        sender.put_item(send, item)


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="there are no forks")
def test_a_forked_process_is_told_once_that_nothing_is_sent(sender):
    context, service = multiprocessing.get_context("fork"), Service()
    texts = context.SimpleQueue()
    process = context.Process(target=put_and_tell, args=(sender, service.send, texts))
    process.start()
    process.join(LIMIT)
    assert process.exitcode == 0
    assert not texts.empty()
    assert texts.get() == ("Monitor: what process {} puts is left out; it was forked from the training, process {}, which "
                           "sends to the service. Hand the values to that one.".format(process.pid, os.getpid()))
    assert texts.empty() and not service.received
