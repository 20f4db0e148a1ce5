"""Small datapoints on their way between processes: rows of one form, the ring that carries them, and what becomes no row."""
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from parallel_flows import take

from tensorpack.dataflow import DataFromList, MultiProcessMapDataZMQ, MultiProcessRunner, MultiProcessRunnerZMQ
from tensorpack.dataflow._parallel.transport import ring
from tensorpack.dataflow._parallel.transport.channel import FAILURE, Channel, Closed
from tensorpack.dataflow._parallel.transport.frames import DATA, RUN
from tensorpack.dataflow._parallel.transport.rows import Form, RowWriter
from tensorpack.dataflow._parallel.transport.slots import SlotPool
from tensorpack.dataflow.base import DataFlow

pytestmark = pytest.mark.skipif(not ring.is_supported, reason="needs shared memory that is written in order")


class Pair:
    """Two connected channels of this process that use a ring."""

    def __init__(self):
        a, b = socket.socketpair()
        self.sender = Channel(a, SlotPool(), has_ring=True)
        self.receiver = Channel(b, has_ring=True)

    def close(self):
        self.sender.close()
        self.receiver.close()


@pytest.fixture
def pair():
    pair = Pair()
    yield pair
    pair.close()


def received(pair, number):
    return [pair.receiver.open(pair.receiver.receive()) for _ in range(number)]


def equal(a, b):
    """Whether two values are the same in type, dtype, shape and bits."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(equal(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(equal, a, b))
    if isinstance(a, (np.ndarray, np.generic)):
        return (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
    return a == b or a != a and b != b


ROWS = {
    "one array": lambda k: [np.full(100, k, "uint8")],
    "array and label": lambda k: [np.full((3, 4), k, "float32"), k],
    "tuple": lambda k: (np.full(5, k, "int64"), -k, float(k), k % 2 == 0),
    "dict": lambda k: {"image": np.full((2, 2), k, "uint8"), "label": k, 7: True},
    "scalars of numpy": lambda k: [np.float32(k), np.int8(k), np.bool_(k % 2), np.complex64(1j * k), np.float64(k)],
    "numbers": lambda k: [k, 0.1 * k],
    "not a number": lambda k: [float("nan"), np.array([np.nan, -0.0])],
    "half and long": lambda k: [np.full(3, k, "float16"), np.full(2, k, "longdouble")],
    "shape of one": lambda k: [np.full((1, 1), k, "uint16")],
}


@pytest.mark.parametrize("make", list(ROWS.values()), ids=list(ROWS))
def test_datapoints_of_one_form_travel_as_rows_and_arrive_as_they_were(pair, make):
    sent = [make(k) for k in range(100)]
    for dp in sent:
        pair.sender.send([dp])
    while pair.receiver.receive_now():
        pass
    kinds = [frame.kind for frame in pair.receiver.frames]
    assert set(kinds[:2]) == {DATA} and set(kinds[2:]) == {RUN}  # the first ones tell the form
    assert len(kinds) < 10
    got = received(pair, 100)
    assert all(map(equal, got, sent))


big = np.zeros(20000, "uint8")
twice = np.arange(4)
PICKLED = {
    "text": lambda k: ["abc", k],
    "bytes": lambda k: [b"abc"],
    "nested": lambda k: [[k], np.zeros(3)],
    "no components": lambda k: [],
    "None": lambda k: [None, k],
    "no list": lambda k: np.full(3, k),
    "no dimension": lambda k: [np.array(k)],
    "no elements": lambda k: [np.zeros((0, 3)), k],
    "Fortran": lambda k: [np.asfortranarray(np.arange(12.0).reshape(3, 4))],
    "big endian": lambda k: [np.full(3, k, ">i4")],
    "objects": lambda k: [np.array([k, None], object)],
    "dates": lambda k: [np.arange(3).astype("datetime64[s]")],
    "strings": lambda k: [np.array(["a", "bc"])],
    "masked": lambda k: [np.ma.masked_array([1, 2], [0, 1])],
    "huge int": lambda k: [1 << 70],
    "big array": lambda k: [big],
    "changing shapes": lambda k: [np.zeros(k + 1)],
    "changing types": lambda k: [k if k % 2 else float(k)],
    "changing keys": lambda k: {k % 2: 0},
}


@pytest.mark.parametrize("make", list(PICKLED.values()), ids=list(PICKLED))
def test_other_datapoints_arrive_as_they_were_too(pair, make):
    sent = [make(k) for k in range(20)]
    for dp in sent:
        pair.sender.send([dp])
    while pair.receiver.receive_now():
        pass
    assert {frame.kind for frame in pair.receiver.frames} == {DATA}
    got = received(pair, 20)
    assert all(map(equal, got, sent))
    if isinstance(sent[0], list) and sent[0] and type(sent[0][0]) is np.ndarray:
        assert all(a[0].flags.f_contiguous == b[0].flags.f_contiguous for a, b in zip(got, sent))


def test_an_array_that_comes_twice_is_one_array_on_the_other_side(pair):
    for _ in range(5):
        pair.sender.send([[twice, twice]])
    assert all(dp[0] is dp[1] for dp in received(pair, 5))


def test_received_rows_are_writable_and_independent(pair):
    array = np.zeros(10)
    for k in range(50):
        array[:] = k  # a flow may use its array again
        pair.sender.send([[array]])
    got = received(pair, 50)
    for dp in got[::2]:
        dp[0] += 1000
    assert [dp[0][0] for dp in got] == [k + 1000 * (k % 2 == 0) for k in range(50)]
    assert all(dp[0].flags.writeable and dp[0].flags.aligned for dp in got)


def test_tags_and_the_order_of_all_kinds_of_frames_are_kept(pair):
    sent = []
    for k in range(200):
        if k % 50 == 49:
            pair.sender.send_message(FAILURE, k, b"why")
        else:
            pair.sender.send([[k] if k % 20 else [np.full(5000, k)]], k)
        sent.append(k)
    frames = [pair.receiver.receive() for _ in sent]
    assert [frame.tag for frame in frames] == sent
    values = [(k, pair.receiver.open(frame)) for k, frame in enumerate(frames) if frame.kind == DATA]
    assert all(int(np.max(value[0])) == k for k, value in values)


def test_more_than_the_ring_holds_passes_through_it(pair):
    sizes = [10, 1000, 9000, 300000, 20, 700000, 15000] * 40
    sent = [bytes([k % 251]) * size for k, size in enumerate(sizes)]

    def send():
        for k, data in enumerate(sent):
            pair.sender.send_message(FAILURE, k, data)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    for k, data in enumerate(sent):
        frame = pair.receiver.receive()
        assert (frame.tag, frame.stream == data) == (k, True)
    thread.join(60)


def test_two_full_rings_do_not_block_each_other(pair):
    got = {}

    def send_then_receive(name, channel):
        for k in range(20):
            channel.send_message(FAILURE, k, bytes(100000))
        got[name] = [channel.receive().tag for _ in range(20)]

    threads = [threading.Thread(target=send_then_receive, args=item, daemon=True)
               for item in (("a", pair.sender), ("b", pair.receiver))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert got == {"a": list(range(20)), "b": list(range(20))}


def test_what_was_written_is_read_after_the_writer_has_gone(pair):
    for k in range(10):
        pair.sender.send([[k]])
    pair.sender.socket.close()
    assert received(pair, 10) == [[k] for k in range(10)]
    with pytest.raises(Closed):
        pair.receiver.receive()


def test_half_a_row_is_no_row(pair):
    for k in range(5):
        pair.sender.send([[k]])
    assert received(pair, 5) == [[k] for k in range(5)]
    pair.sender._out.put(Form.of([1]).write([1], 0)[:-3])
    pair.sender.socket.close()
    with pytest.raises(Closed):
        pair.receiver.receive()


def test_without_a_ring_everything_goes_through_the_socket(pair, monkeypatch):
    def fail(*args):
        raise OSError("none left")

    monkeypatch.setattr(ring.shared_memory, "create", fail)
    for k in range(5):
        pair.sender.send([[np.full(3, k), k]])
    assert [dp[1] for dp in received(pair, 5)] == list(range(5))
    assert pair.sender._out is None


OF_A_MACHINE = """
import itertools, platform
platform.machine = lambda: {!r}
from tensorpack.dataflow import DataFromList, MultiProcessMapDataZMQ, MultiProcessRunnerZMQ
from tensorpack.dataflow._parallel.transport import ring
opened, make = [], ring.RingWriter
ring.RingWriter = lambda: opened.append(1) or make()
numbers = DataFromList([[k] for k in range(200)], shuffle=False)
for df in [MultiProcessRunnerZMQ(numbers, 1), MultiProcessMapDataZMQ(numbers, 2, list, buffer_size=20, strict=True)]:
    df.reset_state()
    print(sorted(dp[0] for dp in itertools.islice(df, 200)) == list(range(200)), end=" ")
    df.close()
print(ring.is_supported, bool(opened))
"""


@pytest.mark.parametrize("machine, has_ring", [
    ("x86_64", True), ("AMD64", True), ("aarch64", False), ("arm64", False), ("ppc64le", False), ("", False)])
def test_the_ring_is_used_only_where_memory_is_written_in_order(machine, has_ring):
    result = subprocess.run([sys.executable, "-c", OF_A_MACHINE.format(machine)], stdout=subprocess.PIPE, encoding="utf-8",
                            check=True, timeout=120)
    assert result.stdout.split() == ["True", "True", str(has_ring), str(has_ring)]


def test_a_form_is_used_from_its_second_datapoint_on():
    writer = RowWriter()
    assert [writer.write(dp, 0) is not None for dp in ([1], [2], [3], [1.0], [4], [2.0], [3.0])] == [
        False, True, True, False, True, True, True]


class Bounded(DataFlow):
    """Small datapoints without end; notes how many were made."""

    def __init__(self, path):
        self._path = path

    def __iter__(self):
        with open(self._path, "ab", buffering=0) as f:
            k = 0
            while True:
                f.write(b"x")
                yield [np.full(25, k, "float32"), k]
                k += 1


def settled_size(path):
    """The size of a file, once it has stopped to grow."""
    sizes = [-1]
    while len(sizes) < 3 or len(set(sizes[-3:])) > 1:
        time.sleep(0.1)
        sizes.append(os.path.getsize(path) if os.path.exists(path) else -2 - len(sizes))
    return sizes[-1]


@pytest.mark.parametrize("bound", [1, 2, 7, 50])
def test_the_bound_on_small_datapoints_holds_whatever_was_taken(tmp_path, bound):
    path = str(tmp_path / "made")
    for make in (lambda ds: MultiProcessRunner(ds, bound, 1), lambda ds: MultiProcessRunnerZMQ(ds, 1, hwm=bound)):
        with make(Bounded(path)) as df:
            df.reset_state()
            iterator, taken = iter(df), 0
            for number in (0, 1, 30, 100):
                got = [next(iterator)[1] for _ in range(number)]
                assert got == list(range(taken, taken + number))
                taken += number
                assert settled_size(path) <= taken + bound + 1
        os.remove(path)


class Pausing(DataFlow):
    """A burst of datapoints, then nothing for very long."""

    def __iter__(self):
        for k in range(1000):
            yield [k, np.zeros(3)]
        time.sleep(1000)


@pytest.mark.parametrize("hwm", [3, 50, 0])
def test_no_datapoint_waits_for_the_next_one(hwm):
    with MultiProcessRunnerZMQ(Pausing(), 1, hwm=hwm) as df:
        df.reset_state()
        assert [dp[0] for dp in take(df, 1000)] == list(range(1000))


def test_a_killed_worker_loses_nothing_that_it_had_sent():
    class Dying(DataFlow):
        def __iter__(self):
            for k in range(777):
                yield [k]
            os.kill(os.getpid(), signal.SIGKILL)

    with MultiProcessRunnerZMQ(Dying(), 1) as df:
        df.reset_state()
        got = []
        with pytest.raises(RuntimeError, match="SIGKILL"):
            for dp in df:
                got.append(dp[0])
        assert got == list(range(777))


def increment(dp):
    if dp[0] == 700:
        raise KeyError("it failed")
    return [dp[0] + 1, dp[1]]


def test_a_strict_map_of_small_datapoints_gives_each_once_and_errors_in_order():
    def source(size):
        return DataFromList([[k, np.full(4, k)] for k in range(size)], shuffle=False)

    with MultiProcessMapDataZMQ(source(650), 3, increment, buffer_size=64, strict=True) as df:
        df.reset_state()
        for _ in range(2):
            got = sorted((dp[0], dp[1][0]) for dp in df)
            assert got == [(k + 1, k) for k in range(650)]
    with MultiProcessMapDataZMQ(source(900), 3, increment, buffer_size=64, strict=True) as df:
        df.reset_state()
        seen = set()
        with pytest.raises(KeyError, match="it failed"):
            for dp in df:
                seen.add(dp[0] - 1)
        assert seen >= set(range(700))
