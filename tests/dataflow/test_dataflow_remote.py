"""Flows over ZMQ sockets and through a queue of another process."""
import collections
import contextlib
import errno
import multiprocessing
import re
import socket
import threading
import time

import numpy as np
import pytest
from parallel_flows import Count, Failing, OddError

from tensorpack.dataflow import remote
from tensorpack.dataflow.common import BatchData, MapData
from tensorpack.dataflow.raw import DataFromList
from tensorpack.dataflow.remote import RemoteDataZMQ, dump_dataflow_to_process_queue, send_dataflow_zmq
from tensorpack.utils.concurrency import DIE

zmq = pytest.importorskip("zmq")


@pytest.fixture
def address(tmp_path):
    return "ipc://{}".format(tmp_path / "pipe")


@pytest.fixture
def send():
    """Starts processes that send a flow; they are ended after the test."""
    processes = []

    def start(df, address, **options):
        process = multiprocessing.get_context("fork").Process(target=send_dataflow_zmq, args=(df, address), kwargs=options)
        process.start()
        processes.append(process)

    yield start
    for process in processes:
        process.terminate()
        process.join(120)


def take(df, num):
    iterator = iter(df)
    got = [next(iterator) for _ in range(num)]
    iterator.close()
    return got


def receive_at(address, bind):
    df = RemoteDataZMQ(address, bind=bind)
    df.reset_state()
    next(iter(df))


def send_to(address, bind):
    send_dataflow_zmq(Count(3), address, bind=bind)


ENDS = {"RemoteDataZMQ": receive_at, "send_dataflow_zmq": send_to}
ends = pytest.mark.parametrize("who", ENDS)


@ends
@pytest.mark.parametrize("bind", [True, False], ids=["bind", "connect"])
@pytest.mark.parametrize("address, flaw", [
    ("tcp://127.0.0.1", "which has no port"), ("tcp://[::1]", "which has no port"), ("tcp://localhost:", "which has no port"),
    ("127.0.0.1:5555", "there is no protocol: try 'tcp://127.0.0.1:5555'"), ("tcp://127.0.0.1:port", ""), ("ipc://", "")])
def test_what_is_no_address_is_told(who, bind, address, flaw):
    with pytest.raises(ValueError, match=re.escape("{}: an address must be tcp://host:port".format(who)) + ".*; got "
                       + re.escape(repr(address)) + ".*" + flaw):
        ENDS[who](address, bind)


@ends
def test_an_address_in_use_is_told(who):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen(1)
        address = "tcp://127.0.0.1:{}".format(other.getsockname()[1])
        with pytest.raises(zmq.ZMQError, match="{}: it must be possible to listen at {}; got: .*end it, or choose another port"
                           .format(who, address)) as caught:
            ENDS[who](address, True)
        assert caught.value.errno == errno.EADDRINUSE


def test_an_address_is_text():
    with pytest.raises(ValueError, match="RemoteDataZMQ: addr1 must be a ZMQ address; got 5555"):
        RemoteDataZMQ(5555)
    with pytest.raises(TypeError, match="send_dataflow_zmq: an address must be a str, tcp://.*; got 5555"):
        send_dataflow_zmq(Count(3), 5555)


DATAPOINTS = [[1, "a"], {"x": np.arange(5)}, [np.random.rand(300, 200), np.asfortranarray(np.random.rand(200, 100))],
              (np.random.rand(400, 300)[::2, ::3], b"bytes")]


def test_datapoints_of_any_kind_arrive_in_order_pass_after_pass(address, send):
    send(DataFromList(DATAPOINTS, shuffle=False), address)
    df = RemoteDataZMQ(address)
    df.reset_state()
    got = take(df, 8)
    np.testing.assert_equal(got, DATAPOINTS * 2)
    assert got[2][0].flags.writeable and got[2][0].__array_interface__["data"][0] % 64 == 0
    assert df.cnt1 == 7  # the last one was not done with
    with pytest.raises(NotImplementedError):
        len(df)


def test_recycled_batches_are_not_overwritten_on_their_way(address, send):
    send(BatchData(DataFromList([[np.full((64, 64), k, "uint8")] for k in range(200)], shuffle=False), 20), address)
    df = RemoteDataZMQ(address, hwm=2)
    df.reset_state()
    for k, dp in enumerate(take(df, 100)):
        assert (dp[0][:, 1, 1] == np.arange(20) + 20 * (k % 10)).all()


@pytest.mark.parametrize("bind", [True, False], ids=["receiver binds", "sender binds"])
def test_either_side_may_listen(address, send, bind):
    send(Count(3), address, bind=not bind)
    df = RemoteDataZMQ(address, bind=bind)
    df.reset_state()
    assert take(df, 4) == [[0], [1], [2], [0]]


def test_two_addresses_are_served_in_turn(address, send):
    send(DataFromList(["a"], shuffle=False), address + "1")
    send(DataFromList(["b"], shuffle=False), address + "2")
    df = RemoteDataZMQ(address + "1", address + "2")
    df.reset_state()
    got, deadline = collections.Counter(), time.time() + 60
    with contextlib.closing(iter(df)) as datapoints:
        while min(got["a"], got["b"]) <= 200:  # on a busy machine one sender may be the only one that runs for a while
            assert time.time() < deadline, got
            got.update(next(datapoints))
    assert df.cnt1 + df.cnt2 == sum(got.values()) - 1


@pytest.mark.parametrize("error, allow_pickle, expected", [
    (ValueError, False, ValueError), (OddError, False, RuntimeError), (OddError, True, OddError)])
def test_an_error_of_the_sender_arrives_after_its_datapoints(address, send, error, allow_pickle, expected):
    send(Failing(100, error), address, allow_pickle=allow_pickle)
    df = RemoteDataZMQ(address, allow_pickle=allow_pickle)
    df.reset_state()
    got = []
    with pytest.raises(expected) as info:
        for dp in df:
            got += dp
    assert got == list(range(100))
    assert "raise_it" in str(info.value.__cause__)


def test_nothing_is_lost_when_a_slow_receiver_is_served_by_a_sender_that_fails(address, send):
    send(Failing(3000, ValueError), address, hwm=2)
    df = RemoteDataZMQ(address, hwm=2, timeout=120)
    df.reset_state()
    got = []
    with pytest.raises(ValueError):
        for dp in df:
            got += dp
            if len(got) < 100:
                time.sleep(0.01)  # so that the sender is done long before
    assert got == list(range(3000))


def slowly(dp):
    time.sleep(0.05)
    return dp


def test_a_failed_sender_does_not_wait_for_a_receiver_that_has_gone(address, monkeypatch):
    monkeypatch.setattr(remote, "_NO_RECEIVER_SECONDS", 120)

    def receive_one():
        df = RemoteDataZMQ(address)
        df.reset_state()
        take(df, 1)

    receiving = threading.Thread(target=receive_one)
    receiving.start()
    start = time.time()
    with pytest.raises(ValueError, match="it failed"):
        send_dataflow_zmq(MapData(Failing(20, ValueError), slowly), address)
    receiving.join(120)
    assert time.time() - start < 100


@pytest.mark.parametrize("bind", [True, False])
def test_a_failed_sender_does_not_wait_for_a_receiver_that_never_comes(address, bind, monkeypatch):
    monkeypatch.setattr(remote, "_NO_RECEIVER_SECONDS", 1)
    with pytest.raises(ValueError, match="it failed"):
        send_dataflow_zmq(Failing(0, ValueError), address, bind=bind)


def test_silence_is_an_error_if_wanted(address):
    df = RemoteDataZMQ(address, timeout=0.2)
    df.reset_state()
    with pytest.raises(RuntimeError, match="a datapoint must come within timeout=0.2 seconds"):
        next(iter(df))


def test_state_is_checked(address, send):
    with pytest.raises(RuntimeError, match=r"call reset_state\(\) first"):
        next(iter(RemoteDataZMQ(address)))
    send(Count(3), address)
    df = RemoteDataZMQ(address)
    df.reset_state()
    iterator = iter(df)
    next(iterator)
    with pytest.raises(RuntimeError, match="not reentrant"):
        next(iter(df))
    iterator.close()


def test_arguments_are_checked(address):
    with pytest.raises(ValueError, match="format must be one of"):
        send_dataflow_zmq(Count(3), address, format="carrier pigeon")
    with pytest.raises(ValueError, match="addr1"):
        RemoteDataZMQ(None)


def test_an_error_is_raised_at_the_sender_too(address):
    df = RemoteDataZMQ(address)
    df.reset_state()
    receiving = threading.Thread(target=lambda: pytest.raises(ValueError, list, zip(df, range(100))))
    receiving.start()
    with pytest.raises(ValueError, match="it failed"):
        send_dataflow_zmq(Failing(3, ValueError), address)
    receiving.join(120)
    assert not receiving.is_alive()


@pytest.mark.parametrize("ds,num,error", [(Count(5), 5, None), (Failing(3, ValueError), 3, ValueError),
                                          (Failing(-1, KeyError), 0, KeyError)], ids=["good", "error", "error in reset"])
def test_a_queue_gets_one_pass_and_the_end_for_each_consumer(ds, num, error):
    queue, process = dump_dataflow_to_process_queue(ds, 2, 2)
    process.start()
    assert [queue.get() for _ in range(num)] == [(k, [k]) for k in range(num)]
    for _ in range(2):
        end, failure = queue.get()
        assert end is DIE
        if error is None:
            assert failure is None
        else:
            with pytest.raises(error):
                failure.reraise()
    process.join(120)
    assert process.exitcode == (0 if error is None else 1)
    queue.close()
    queue.join_thread()
