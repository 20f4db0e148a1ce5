"""What is not ours on the port of a receiver, or of a sender that listens: dropped, counted and said; the flow goes on."""
import contextlib
import multiprocessing
import pickle
import re
import socket
import struct
import threading
import time

import numpy as np
import pytest
from parallel_flows import Count

from tensorpack.dataflow import remote
from tensorpack.dataflow._remote import connections
from tensorpack.dataflow.raw import DataFromList
from tensorpack.dataflow.remote import RemoteDataZMQ, send_dataflow_zmq
from tensorpack.launch import _free_ports
from tensorpack.utils._wire.codec import Encoder
from tensorpack.utils._wire.keys import make_key

zmq = pytest.importorskip("zmq")

LIMIT = 15
PLAIN, ARRAY = map(bytes, Encoder().encode_parts([1, np.arange(9000)]))


@pytest.fixture
def port():
    return _free_ports(1)[0]


@pytest.fixture
def keys(tmp_path):
    for name in ("key", "other"):
        make_key(str(tmp_path / name))
    return str(tmp_path / "key"), str(tmp_path / "other")


@contextlib.contextmanager
def sending(df, address, **options):
    process = multiprocessing.get_context("fork").Process(target=send_dataflow_zmq, args=(df, address), kwargs=options)
    process.start()
    try:
        yield process
    finally:
        process.terminate()
        process.join(LIMIT)


@contextlib.contextmanager
def receiving(port, **options):
    """(flow, received): the flow is read in a thread, which appends to the list; an error is its last element."""
    df, received, stop = RemoteDataZMQ("tcp://127.0.0.1:{}".format(port), **options), [], threading.Event()
    df.reset_state()

    def read():
        try:
            with contextlib.closing(iter(df)) as iterator:
                while not stop.is_set():
                    received.append(next(iterator))
        except BaseException as e:
            received.append(e)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    try:
        yield df, received
    finally:
        stop.set()
        df._timeout = 0.0  # ends a wait for a sender that may have gone
        thread.join(4 * LIMIT)
        assert not thread.is_alive()


def wait_for(condition):
    end = time.time() + LIMIT
    while not condition():
        assert time.time() < end
        time.sleep(0.02)


@contextlib.contextmanager
def zmq_socket(kind, port, *messages):
    """A socket of another program with ZMQ, which sends these messages; a list has several parts."""
    with zmq.Context() as context, context.socket(kind) as stranger:
        stranger.linger = 0
        stranger.sndtimeo = 2000
        stranger.connect("tcp://127.0.0.1:{}".format(port))
        with contextlib.suppress(zmq.Again):
            for message in messages:
                stranger.send_multipart(message if isinstance(message, list) else [message])
        yield stranger


@contextlib.contextmanager
def tcp(port, data):
    """A connection that has sent these bytes and stays open."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(data)
        yield connection


GREETING = b"\xff" + b"\0" * 8 + b"\x7f" + b"\x03\x00" + b"NULL".ljust(20, b"\0") + b"\0" + b"\0" * 31
READY = b"\x04\x1a\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER"

STRAYS = {
    "text": lambda port: tcp(port, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" + b"x" * 1000),
    "nothing": lambda port: tcp(port, b""),
    "stalls in the greeting": lambda port: tcp(port, GREETING[:20]),
    "stalls in mid-message": lambda port: tcp(port, GREETING + READY + b"\x02" + struct.pack(">Q", 1 << 20) + b"x" * 100),
    "PUSH": lambda port: zmq_socket(zmq.PUSH, port, b"foreign bytes"),
    "DEALER": lambda port: zmq_socket(zmq.DEALER, port, b"foreign bytes", b"", b"\x80"),
    "pickle": lambda port: zmq_socket(zmq.DEALER, port, pickle.dumps([1, 2]), [pickle.dumps([1]), b"array"]),
    "another version": lambda port: zmq_socket(zmq.DEALER, port, [PLAIN[:4] + b"\x02" + PLAIN[5:], ARRAY]),
    "truncated": lambda port: zmq_socket(zmq.DEALER, port, PLAIN, [PLAIN[:-1], ARRAY], [PLAIN, ARRAY[:-1]], PLAIN[:30],
    PLAIN[:2]),
    "one part more": lambda port: zmq_socket(zmq.DEALER, port, [PLAIN, ARRAY, b"more"]),
    "many parts": lambda port: zmq_socket(zmq.DEALER, port, [PLAIN] * 100),
    "an unknown kind": lambda port: zmq_socket(zmq.DEALER, port, Encoder().encode_parts([1], 7)),
    "an odd failure": lambda port: zmq_socket(zmq.DEALER, port, Encoder().encode_parts({"where": 1}, 1)),
    "too large": lambda port: zmq_socket(zmq.DEALER, port, bytes(3 << 20)),
    "much too large": lambda port: zmq_socket(zmq.DEALER, port, bytes(9 << 20)),
}
SAID = {  # regexes
    "text": None, "nothing": None, "stalls in the greeting": None, "stalls in mid-message": None,
    # either side may be the first to end it: before the other's greeting has been read, or after
    "PUSH": "it connected and sent nothing of ours|its connection failed",
    "much too large": "it connected and sent nothing of ours",
    "DEALER": "from 127.0.0.1: a message is not ours: it is of another program", "pickle": "it is of another program",
    "another version": "its format has version 2; here it is 1", "truncated": "it is cut off", "one part more": "it is longer",
    "many parts": "it has 100 parts",
    "an unknown kind": "unknown kind 7", "an odd failure": "unknown kind 1", "too large": "more than max_bytes=2097152"}


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(connections, "_PATIENCE", 0.2)
    monkeypatch.setattr("tensorpack.utils._wire.strays.StrayLog.SECONDS", 0.5)


@pytest.mark.parametrize("name", STRAYS)
def test_a_stray_does_not_end_a_flow(name, port, quick, log_records):
    with receiving(port, max_bytes=2 << 20) as (df, received):
        with sending(Count(3), "tcp://127.0.0.1:{}".format(port)):
            wait_for(lambda: len(received) > 10)
            with STRAYS[name](port):
                seen = len(received)
                wait_for(lambda: len(received) > seen + 100)
                if SAID[name] is not None:
                    wait_for(lambda: any(re.search(SAID[name], record.getMessage()) for record in log_records))
            seen = len(received)
            wait_for(lambda: len(received) > seen + 100)
            assert received[:200] == [[k % 3] for k in range(200)]
            if SAID[name] is not None:
                assert df.num_strays >= 1


def test_a_flood_does_not_stop_others(port):
    stop = threading.Event()

    def flood():
        with zmq_socket(zmq.DEALER, port) as stranger:
            while not stop.is_set():
                with contextlib.suppress(zmq.Again):
                    stranger.send(b"x" * 1000, zmq.NOBLOCK)

    floods = [threading.Thread(target=flood, daemon=True) for _ in range(2)]
    with receiving(port) as (df, received):
        for thread in floods:
            thread.start()
        wait_for(lambda: df.num_strays > 100)
        with sending(Count(3), "tcp://127.0.0.1:{}".format(port)):
            wait_for(lambda: len(received) > 500)
            stop.set()
            for thread in floods:
                thread.join(LIMIT)
        assert received[:100] == [[k % 3] for k in range(100)]


def test_strays_are_no_sign_of_life(port):
    stop = threading.Event()

    def disturb():
        with zmq_socket(zmq.DEALER, port) as stranger:
            while not stop.wait(0.02):
                stranger.send(b"x")

    thread = threading.Thread(target=disturb, daemon=True)
    df = RemoteDataZMQ("tcp://127.0.0.1:{}".format(port), timeout=1.0)
    df.reset_state()
    thread.start()
    with pytest.raises(RuntimeError, match="a datapoint must come within timeout=1.0 seconds"):
        next(iter(df))
    stop.set()
    thread.join(LIMIT)
    assert df.num_strays > 1


@pytest.mark.parametrize("ours, theirs", [("key", "other"), ("key", None), (None, "key")])
@pytest.mark.parametrize("bind", [True, False], ids=["receiver binds", "sender binds"])
def test_who_has_another_key_is_not_let_in(ours, theirs, bind, port, keys, quick, log_records):
    files = dict(zip(["key", "other", None], keys + (None,)))
    address = "tcp://127.0.0.1:{}".format(port)
    df = RemoteDataZMQ(address, bind=bind, key=files[ours], timeout=3.0)
    df.reset_state()
    with sending(Count(3), address, bind=not bind, key=files[theirs]):
        with pytest.raises(RuntimeError, match=r"a datapoint must come.*\d strays? (was|were) dropped.*the same key"):
            next(iter(df))
    assert df.num_strays >= 1
    messages = [record.getMessage() for record in log_records]
    assert any("its connection failed" in text or "it connected and sent nothing" in text for text in messages)


@pytest.mark.parametrize("bind", [True, False], ids=["receiver binds", "sender binds"])
@pytest.mark.parametrize("way", ["argument", "environment"])
def test_the_same_key_lets_in_while_others_knock(way, bind, port, keys, monkeypatch):
    options = {"key": keys[0]} if way == "argument" else {}
    if way == "environment":
        monkeypatch.setenv("TENSORPACK_KEY", keys[0])
    address = "tcp://127.0.0.1:{}".format(port)
    df = RemoteDataZMQ(address, bind=bind, timeout=LIMIT, **options)
    df.reset_state()
    with sending(DataFromList([[k, np.full(50000, k)] for k in range(5)], shuffle=False), address, bind=not bind, **options):
        with contextlib.closing(iter(df)) as iterator:
            next(iterator)
            with STRAYS["text"](port), STRAYS["DEALER"](port), STRAYS["stalls in the greeting"](port):
                got = [next(iterator) for _ in range(50)]
    assert [dp[0] for dp in got] == [(k + 1) % 5 for k in range(50)] and (got[3][1] == got[3][0]).all()


OPEN = ["tcp://0.0.0.0:{}", "tcp://*:{}", "tcp://[::]:{}", "tcp://eth0:{}", "tcp://192.0.2.1:{}", "tcp://example.invalid:{}", "udp://127.0.0.1:{}"]


@pytest.mark.parametrize("address", OPEN)
def test_who_listens_where_others_can_connect_needs_a_key(address, port):
    df = RemoteDataZMQ(address.format(port))
    df.reset_state()
    with pytest.raises(ValueError,
        match="RemoteDataZMQ: an address that other machines can reach.* tensorpack-make-key .*insecure=True"):
        next(iter(df))
    with pytest.raises(ValueError, match="send_dataflow_zmq: an address that other machines can reach"):
        send_dataflow_zmq(Count(3), address.format(port), bind=True)


@pytest.mark.parametrize("options", [{"insecure": True}, "key"], ids=["insecure", "key"])
def test_who_listens_everywhere_because_the_user_says_so(options, port, keys):
    options = {"key": keys[0]} if options == "key" else options
    df = RemoteDataZMQ("tcp://0.0.0.0:{}".format(port), timeout=LIMIT, **options)
    df.reset_state()
    with sending(Count(3), "tcp://127.0.0.1:{}".format(port), **options), contextlib.closing(iter(df)) as iterator:
        assert [next(iterator) for _ in range(3)] == [[0], [1], [2]]


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:*", "tcp://[::1]:1", "tcp://localhost:1", "tcp://127.8.8.8:1", "ipc:///x",
    "inproc://x",
                                     "127.0.0.1:80", "localhost:80", "[::1]:80"])
def test_local_addresses(address):
    from tensorpack.utils._wire.addresses import is_local

    assert is_local(address)


ODD = DataFromList([[1, 2], [3, {4, 5}]], shuffle=False)


def test_data_that_are_not_plain_are_named_on_both_sides(port):
    address = "tcp://127.0.0.1:{}".format(port)
    df = RemoteDataZMQ(address, timeout=LIMIT)
    df.reset_state()
    with sending(ODD, address), contextlib.closing(iter(df)) as iterator:
        assert next(iterator) == [1, 2]
        with pytest.raises(TypeError, match=r"component 1 must be plain data: .*; got set; .*allow_pickle=True"):
            next(iterator)


def test_a_pickle_that_the_receiver_does_not_take_is_the_senders_error(port):
    address = "tcp://127.0.0.1:{}".format(port)
    df = RemoteDataZMQ(address, timeout=LIMIT)
    df.reset_state()
    with sending(ODD, address, allow_pickle=True), contextlib.closing(iter(df)) as iterator:
        with pytest.raises(TypeError, match="component 1 is set, which is pickled, and the receiver takes plain data only"):
            while True:
                assert next(iterator) == [1, 2]
    assert df.num_strays >= 1


def test_pickles_where_both_sides_allow_them(port):
    address = "tcp://127.0.0.1:{}".format(port)
    df = RemoteDataZMQ(address, timeout=LIMIT, allow_pickle=True)
    df.reset_state()
    with sending(ODD, address, allow_pickle=True), contextlib.closing(iter(df)) as iterator:
        assert [next(iterator) for _ in range(3)] == [[1, 2], [3, {4, 5}], [1, 2]]


def test_a_datapoint_that_is_too_large_is_the_senders_error(port, monkeypatch):
    monkeypatch.setattr(remote, "_NO_RECEIVER_SECONDS", 0)
    with pytest.raises(ValueError, match="at most max_bytes=1000 bytes; got 80"):
        send_dataflow_zmq(DataFromList([[np.zeros(10000)]]), "tcp://127.0.0.1:{}".format(port), max_bytes=1000)
