"""Who may take part in a training: workers with the key, and nobody else, who cannot disturb them either."""
import contextlib
import json
import socket
import struct
import threading
import time
import zlib

import pytest
from test_collective_watchdog import LIMIT, Worker, leaving, wait_for

from tensorpack.launch import _free_ports
from tensorpack.train._distributed import watchdog
from tensorpack.train._distributed.connection import Connection
from tensorpack.utils._wire.keys import Key

KEYS = {"ours": Key(b"o" * 32), "another": Key(b"a" * 32), "none": None}


@pytest.fixture
def address():
    return "127.0.0.1:{}".format(_free_ports(1)[0])


def connect(address):
    host, port = address.split(":")
    end = time.time() + LIMIT
    while True:
        try:
            return socket.create_connection((host, int(port)))
        except OSError:
            assert time.time() < end
            time.sleep(0.05)


@pytest.mark.parametrize("key", ["ours", "none"])
def test_workers_with_the_same_key_agree(address, key):
    def program(watchdog):
        return [watchdog.exchange(k * watchdog._rank, max) for k in range(50)]

    workers = [Worker(rank, 3, address, program, key=KEYS[key]) for rank in range(3)]
    assert [worker.outcome() for worker in workers] == [[2 * k for k in range(50)]] * 3


@pytest.mark.parametrize("theirs", ["another", "none"])
def test_who_has_another_key_or_none_cannot_take_part(address, theirs, log_records):
    chief = Worker(0, 2, address, leaving("enough", False), key=KEYS["ours"])
    stranger = Worker(1, 2, address, leaving("enough", False), (1.0, LIMIT), key=KEYS[theirs])
    error = stranger.outcome()
    assert isinstance(error, RuntimeError) and "whether it has the same key" in str(error)
    assert Worker(1, 2, address, leaving("enough", False), key=KEYS["ours"]).outcome() is True
    assert chief.outcome() is True
    assert any("dropped what is not ours" in r.getMessage() and "127.0.0.1: it is no worker of ours: it has" in r.getMessage()
               for r in log_records)


def frame(content):
    return struct.pack("!I", len(content)) + content


STRAYS = {
    "nothing": b"", "text": b"GET / HTTP/1.1\r\n\r\n", "half a length": b"\0\0", "half a message": frame(b"x" * 100)[:50],
    "a long message": struct.pack("!I", 1 << 27) + b"x" * 100, "no message": frame(b"x" * 100),
    "another version": frame(zlib.compress(json.dumps({"magic": "tensorpack watchdog 0", "rank": 1, "size": 2}).encode())),
    "zeros": frame(zlib.compress(bytes(1 << 20))), "deep": frame(zlib.compress(b"[" * 4000)),
    "half a random number": b"tpw\xff" + b"x" * 10,
    "another random number": b"tpw\xff" + b"x" * 32 + frame(b"y" * 100)}


@pytest.mark.parametrize("key", ["ours", "none"])
def test_strangers_do_not_keep_workers_waiting(address, key, monkeypatch):
    monkeypatch.setattr(watchdog, "_HELLO_SECONDS", 1000.0)  # so one that waited for them would not end in time
    chief = Worker(0, 2, address, leaving("enough", False), key=KEYS[key])
    with contextlib.ExitStack() as stack:
        for stray in STRAYS.values():
            stack.enter_context(connect(address)).sendall(stray)
        assert Worker(1, 2, address, leaving("enough", False), key=KEYS[key]).outcome() is True
        assert chief.outcome() is True


def test_a_crowd_of_strangers_is_limited(address, monkeypatch, log_records):
    monkeypatch.setattr(watchdog, "_MAX_STRANGERS", 2)
    monkeypatch.setattr(watchdog, "_HELLO_SECONDS", 1.0)
    chief = Worker(0, 2, address, leaving("enough", False))
    with contextlib.ExitStack() as stack:
        for _ in range(6):
            stack.enter_context(connect(address))
        wait_for(lambda: any("too many connect at once" in record.getMessage() for record in log_records))
        assert Worker(1, 2, address, leaving("enough", False)).outcome() is True
    assert chief.outcome() is True


def test_strangers_during_a_training_reach_nobody(address):
    going, begun = threading.Event(), {0: False, 1: False}

    def program(watchdog):
        watchdog.exchange(None)
        begun[watchdog._rank] = True
        assert going.wait(LIMIT)
        return watchdog.exchange(watchdog._rank, sum)

    workers = [Worker(rank, 2, address, program) for rank in range(2)]
    wait_for(lambda: begun[0] and begun[1])
    for stray in STRAYS.values():
        with contextlib.suppress(OSError):
            with socket.create_connection(tuple(address.split(":"))) as stranger:
                stranger.sendall(stray)
    going.set()
    assert [worker.outcome() for worker in workers] == [1, 1]


def both(key=KEYS["ours"]):
    """Connections of a listener and of who connects, and their sockets, over real TCP with somebody in between."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(2)
    ends = []
    for _ in range(2):
        outer = socket.create_connection(listener.getsockname())
        ends.append((outer, listener.accept()[0]))
    listener.close()
    (one, near), (two, far) = ends
    made = {}

    def make(name, sock, is_listener):
        made[name] = Connection(sock, key, is_listener, LIMIT)

    threads = [threading.Thread(target=make, args=args) for args in (("listener", one, True), ("worker", two, False))]
    for thread in threads:
        thread.start()
    far.sendall(near.recv(36, socket.MSG_WAITALL))
    near.sendall(far.recv(36, socket.MSG_WAITALL))
    for thread in threads:
        thread.join(LIMIT)
    return made["listener"], near, far, made["worker"]


@pytest.mark.parametrize("change", ["none", "a bit", "repeated", "sent back"])
def test_messages_on_their_way_cannot_be_changed_repeated_or_sent_back(change):
    listener, near, far, worker = both()
    listener.send({"kind": "beat"})
    data = near.recv(1 << 16)
    if change == "sent back":
        near.sendall(data)
        with pytest.raises(ValueError, match="it has another key"):
            listener.receive(LIMIT)
    else:
        far.sendall(data[:-1] + bytes([data[-1] ^ 1]) if change == "a bit" else data)
        if change == "a bit":
            with pytest.raises(ValueError, match="it has another key"):
                worker.receive(LIMIT)
        else:
            assert worker.receive(LIMIT) == {"kind": "beat"}
        if change == "repeated":
            far.sendall(data)
            with pytest.raises(ValueError, match="it has another key"):
                worker.receive(LIMIT)
    for each in (listener, worker, near, far):
        each.close()


def test_rank_0_listens_everywhere_only_with_a_key():
    port = _free_ports(1)[0]
    error = Worker(0, 2, "0.0.0.0:{}".format(port), leaving("enough", False)).outcome()
    assert isinstance(error,
        ValueError) and "CollectiveTrainer: an address that other machines can reach, 0.0.0.0" in str(error)
    chief = Worker(0, 2, "0.0.0.0:{}".format(port), leaving("enough", False), key=KEYS["ours"])
    assert Worker(1, 2, "127.0.0.1:{}".format(port), leaving("enough", False), key=KEYS["ours"]).outcome() is True
    assert chief.outcome() is True
