"""The transport of the parallel flows: what arrives, in whose memory, and when memory is used again."""
import gc
import os
import pickle
import select
import socket
import threading
import time

import numpy as np
import pytest

from tensorpack.dataflow._parallel.transport import memory as shared_memory
from tensorpack.dataflow._parallel.transport.channel import DATA, FAILURE, Channel, Closed
from tensorpack.dataflow._parallel.transport.codec import BIG, Encoder, decode
from tensorpack.dataflow._parallel.transport.slots import SlotPool, address_of

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs shared memory")


class Pair:
    """Two connected channels of this process; the sender makes its arrays in shared memory."""

    def __init__(self, **receiver):
        a, b = socket.socketpair()
        self.pool = SlotPool()
        self.sender = Channel(a, self.pool)
        self.receiver = Channel(b, **receiver)

    def pass_on(self, dp):
        """Send and receive; `dp` must be the only reference to arrays that are to be lent."""
        self.sender.send([dp] if not callable(dp) else [dp()])
        return self.receiver.open(self.receiver.receive())

    def settle(self):
        """Let the sender know what the receiver has let go of."""
        self.receiver.settle()
        self.sender.receive_now()

    def num_free(self):
        return sum(len(memories) for memories in self.pool._free.values())

    def close(self):
        self.sender.close()
        self.receiver.close()


@pytest.fixture
def pair():
    pair = Pair()
    yield pair
    pair.close()


class Box:
    def __init__(self, value):
        self.value = value


BIG_ARRAYS = {
    "1-D": np.arange(BIG, dtype="uint8"),
    "3-D": np.random.rand(40, 30, 20),
    "Fortran": np.asfortranarray(np.random.rand(100, 200)),
    "strided": np.random.rand(300, 200)[::2, ::2],
    "reversed": np.random.rand(200, 200)[::-1],
    "transposed 3-D": np.random.rand(30, 40, 20).transpose(1, 0, 2),
    "structured": np.ones(5000, np.dtype([("a", "f4"), ("b", "u1")])),
    "big endian": np.arange(9000, dtype=">i4"),
    "strings": np.array(["abc"] * 4000),
    "dates": np.arange(9000).astype("datetime64[s]"),
    "bool": np.ones(BIG, bool),
    "objects": np.array([[1], None] * BIG, dtype=object),
}


@pytest.mark.parametrize("array", list(BIG_ARRAYS.values()), ids=list(BIG_ARRAYS))
def test_any_array_arrives_as_it_was(pair, array):
    got = pair.pass_on([array, 1])[0]
    assert type(got) is np.ndarray and got.dtype == array.dtype and got.shape == array.shape
    assert (got == array).all()
    assert got.flags.writeable
    if array.flags.f_contiguous:
        assert got.flags.f_contiguous


VALUES = [
    None, 3, "text", [], {"a": np.zeros(3)}, [np.float32(2), True], (1, [2, {3}]), [np.zeros(0)], [np.array(4.0)],
    b"x" * 100000, ["y" * 100000, np.ones(50000)], [np.ma.masked_array([1, 2], [0, 1])], [np.zeros((3, 0, 1 << 20))],
]


@pytest.mark.parametrize("value", VALUES, ids=lambda v: repr(v)[:30])
def test_any_value_arrives_as_it_was(pair, value):
    got = pair.pass_on(value)
    assert type(got) is type(value)
    np.testing.assert_equal(got, value)


def test_big_arrays_deep_within_objects_and_many_of_them_arrive(pair):
    arrays = [np.full(BIG, k, "uint8") for k in range(100)]  # more than go out of the pickle
    got = pair.pass_on({"box": Box({"arrays": arrays})})
    assert [(a[0], a.nbytes) for a in got["box"].value["arrays"]] == [(k, BIG) for k in range(100)]


def test_an_array_that_comes_twice_is_one_array_on_the_other_side(pair):
    array = np.zeros(BIG)
    got = pair.pass_on([array, array])
    assert got[0] is got[1]


def test_arrays_are_aligned_for_tensorflow(pair):
    got = pair.pass_on([np.zeros(BIG), pair.pool.empty((32, 1000), "float32")])
    assert [address_of(a) % 64 for a in got] == [0, 0]


def batch(pair, value=7):
    array = pair.pool.empty((64, 1024), "uint8")
    array[...] = value
    return array


def same_memory(pair, array):
    """Whether an array lies in a slot that was made for a batch: what one side writes, the other sees."""
    before = int(array.flat[0])
    memories = [slot.memory for slot in pair.pool._slots.values()]
    seen = [m for m in memories if m[0] == before]
    array.flat[0] = before + 1
    return any(m[0] == before + 1 for m in seen)


def test_a_batch_that_nobody_else_sees_is_sent_without_a_copy(pair, monkeypatch):
    monkeypatch.setattr(SlotPool, "lend_new", None)  # what a copy would need
    for kind in (list, tuple, lambda dp: dict(enumerate(dp))):
        got = pair.pass_on(lambda: kind([batch(pair), 1]))  # noqa: B023
        assert (got[0] == 7).all() and got[0].shape == (64, 1024)
        assert same_memory(pair, got[0])


def test_a_view_of_a_batch_is_sent_without_a_copy(pair, monkeypatch):
    monkeypatch.setattr(SlotPool, "lend_new", None)
    got = pair.pass_on(lambda: [batch(pair)[10:60]])[0]
    assert got.shape == (50, 1024) and (got == 7).all()


def keep_batch(kept, pair):
    array = batch(pair)
    kept.append(array)
    return [array]


def keep_view(kept, pair):
    array = batch(pair)
    kept.append(array[3])
    return [array]


def keep_datapoint(kept, pair):
    kept.append([batch(pair)])
    return kept[0]


@pytest.mark.parametrize("make", [keep_batch, keep_view, keep_datapoint])
def test_a_batch_that_the_sender_still_sees_is_copied(pair, make):
    kept = []
    got = pair.pass_on(lambda: make(kept, pair))[0]
    mine = kept[0][0] if isinstance(kept[0], list) else kept[0]
    mine[...] = 0
    assert (got == 7).all()
    got[...] = 9
    assert (mine == 0).all()


def test_memory_is_used_again_only_after_both_have_let_go(pair):
    got = pair.pass_on(lambda: [batch(pair)])[0]
    view = got[5:]
    del got
    pair.settle()
    assert pair.num_free() == 0
    pair.pass_on(lambda: [batch(pair, 1)])
    assert (view == 7).all()
    del view
    pair.settle()
    assert pair.num_free() == 2 and len(pair.pool._slots) == 2
    for _ in range(20):
        pair.pass_on(lambda: [batch(pair)])
        pair.settle()
    assert len(pair.pool._slots) == 2


def test_arrays_outlive_the_channel():
    pair = Pair()
    got = pair.pass_on([np.arange(BIG)])[0]
    pair.close()
    del pair
    gc.collect()
    assert (got == np.arange(BIG)).all()


def mapped_memory():
    """How many pieces of shared memory of ours this process has mapped."""
    with open("/proc/self/maps") as f:
        return sum("memfd:tensorpack" in line for line in f)


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc")
def test_arrays_on_both_sides_outlive_the_channels_and_nobody_writes_to_them():
    before = mapped_memory()
    pair = Pair()
    size = 1 << 20
    mine, lent = pair.pool.empty(size, "uint8"), pair.pool.empty(size, "uint8")
    mine[:], lent[:] = 1, 2
    holder = [[lent]]
    del lent
    got = pair.pass_on(holder.pop)[0]
    pool = pair.pool
    pair.close()
    others = [pool.empty(size, "uint8") for _ in range(4)]
    for k, other in enumerate(others):
        other[:] = 10 + k
    del other, others[0]  # its memory would serve the next array
    later = [pool.empty(size, "uint8") for _ in range(4)]
    for other in later:
        other[:] = 20
    assert (mine == 1).all() and (got == 2).all()
    got[:] = 3
    assert (mine == 1).all() and all((other == 20).all() for other in later)
    del mine, got
    assert mapped_memory() == before
    assert not pool.announced and pool._free_bytes == 0


class Writer(threading.Thread):
    """Fills arrays of a pool, and notes what it finds wrong."""

    def __init__(self, pool):
        super().__init__()
        self.pool, self.stop, self.errors = pool, threading.Event(), []

    def run(self):
        try:
            while not self.stop.is_set():
                arrays = [self.pool.empty(100000 + 5000 * k, "uint8") for k in range(5)]
                for array in arrays:
                    array[:] = id(array) % 251
                assert all((array == id(array) % 251).all() for array in arrays)
        except Exception as e:
            self.errors.append(e)


def test_a_pool_is_closed_while_threads_use_it():
    for _ in range(30):
        pool = SlotPool()
        writers = [Writer(pool) for _ in range(3)]
        for writer in writers:
            writer.start()
        time.sleep(0.005)
        pool.close()
        time.sleep(0.005)
        for writer in writers:
            writer.stop.set()
            writer.join()
        assert not any(writer.errors for writer in writers)
        assert pool._free_bytes == 0 and not pool._free


def test_a_receiver_that_keeps_everything_gets_copies_beyond_its_allowance():
    pair = Pair(max_held_bytes=200 << 10)
    kept = []
    for k in range(20):
        kept.append(pair.pass_on([np.full(64 << 10, k, "uint8")])[0])
        pair.settle()
    assert [int(a[0]) for a in kept] == list(range(20))
    assert len(pair.pool._slots) <= 5
    del kept
    pair.settle()
    assert pair.num_free() == len(pair.pool._slots)
    pair.close()


def test_slots_beyond_the_allowance_of_the_pool_are_given_up_on_both_sides(pair):
    pair.pool.max_free_bytes = 1 << 20
    for size in range(100000, 3000000, 100000):
        assert (pair.pass_on([np.full(size, 3, "uint8")])[0] == 3).all()
        pair.settle()
    assert pair.pool._free_bytes <= 1 << 20
    assert len(pair.pool._slots) <= 12
    assert len(pair.receiver._inbox._memories) <= 12


def test_a_forked_copy_of_the_receiver_keeps_what_it_sees(pair):
    got = pair.pass_on(lambda: [batch(pair)])[0]
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.read(reader, 1)
        os._exit(0 if (got == 7).all() else 1)
    del got
    pair.settle()
    for k in range(5):
        pair.pass_on(lambda: [batch(pair, k)])  # noqa: B023
        pair.settle()
    os.write(writer, b"x")
    assert os.waitpid(pid, 0)[1] == 0
    os.close(reader)
    os.close(writer)


def test_a_forked_copy_of_the_sender_does_not_write_to_shared_memory(pair):
    got = pair.pass_on(lambda: [batch(pair)])[0]
    mine = batch(pair, 1)
    pid = os.fork()
    if pid == 0:
        del mine
        array = pair.pool.empty((64, 1024), "uint8")
        array[...] = 99
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    assert (got == 7).all() and (mine == 1).all()


def test_without_shared_memory_everything_goes_through_the_socket(pair, monkeypatch):
    def fail(size):
        raise OSError("none left")

    monkeypatch.setattr(shared_memory, "create", fail)
    array = np.random.rand(1 << 20)
    result = []
    receiving = threading.Thread(target=lambda: result.append(pair.receiver.open(pair.receiver.receive())))
    receiving.start()
    pair.sender.send([[array, "x"]])
    receiving.join(120)
    assert (result[0][0] == array).all() and result[0][1] == "x"
    assert not pair.pool._slots


def test_two_full_sockets_do_not_block_each_other(pair, monkeypatch):
    monkeypatch.setattr(shared_memory, "is_supported", False)
    got = {}

    def send_then_receive(name, channel):
        for _ in range(20):
            channel.send([np.zeros(100000)])
        got[name] = [channel.open(channel.receive()).sum() for _ in range(20)]

    threads = [threading.Thread(target=send_then_receive, args=item, daemon=True)
               for item in (("a", pair.sender), ("b", pair.receiver))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert got == {"a": [0.0] * 20, "b": [0.0] * 20}


def test_an_unpicklable_datapoint_leaves_the_channel_usable_and_no_memory_taken(pair):
    holder = [[np.zeros(BIG), batch(pair), lambda: None]]
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pair.sender.send(holder)
    del holder
    gc.collect()
    assert pair.num_free() == len(pair.pool._slots)
    assert pair.pass_on([5]) == [5]


def test_frames_before_the_end_are_received(pair):
    for k in range(3):
        pair.sender.send([k])
    pair.sender.send_message(FAILURE, 9, b"why")
    pair.sender.socket.close()
    frames = [pair.receiver.receive() for _ in range(4)]
    assert [f.kind for f in frames] == [DATA] * 3 + [FAILURE] and (frames[3].tag, frames[3].stream) == (9, b"why")
    with pytest.raises(Closed):
        pair.receiver.receive()


def test_half_a_frame_is_no_frame(pair):
    pair.sender.send([b"x" * 1000])
    data = pair.receiver.socket.recv(500)
    pair.sender.socket.close()
    a, b = socket.socketpair()
    receiver = Channel(b)
    a.send(data)
    a.close()
    with pytest.raises(Closed):
        receiver.receive()
    receiver.close()


def test_an_interrupted_message_ends_the_connection(pair, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(shared_memory, "is_supported", False)
    monkeypatch.setattr(pair.sender, "check", interrupt)
    with pytest.raises(KeyboardInterrupt):
        pair.sender.send([np.zeros(1 << 20)])
    with pytest.raises(Closed):
        pair.receiver.receive()


def test_sending_waits_for_credits(pair):
    pair.receiver.grant(2)
    for _ in range(2):
        pair.sender.wait_for_credit()
        pair.sender.send([0])
    waiting = threading.Thread(target=pair.sender.wait_for_credit)
    waiting.start()
    waiting.join(0.1)
    assert waiting.is_alive()
    pair.receiver.grant(1)
    waiting.join(120)
    assert not waiting.is_alive()


def test_small_datapoints_share_a_read(pair):
    for k in range(50):
        pair.sender.send([k])
    assert select.select([pair.receiver], [], [], 0)[0]
    pair.receiver.receive_now()
    assert [pair.receiver.open(f) for f in pair.receiver.frames] == list(range(50))


def test_no_file_and_no_descriptor_is_left(pair):
    def count():
        return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0

    before = count()
    for size in range(BIG, 20 * BIG, BIG):
        pair.pass_on([np.zeros(size, "uint8")])
    assert count() == before
    assert not [name for name in os.listdir("/dev/shm") if name.startswith("tensorpack-")]


def test_memory_files_serve_where_there_is_no_memfd(pair, monkeypatch):
    monkeypatch.setattr(shared_memory, "_anonymous_file", lambda: None)
    assert (pair.pass_on([np.full(BIG, 5)])[0] == 5).all()
    assert not [name for name in os.listdir("/dev/shm") if name.startswith("tensorpack-")]


def test_encoding_asks_for_each_big_array_once():
    stored = []
    encoder = Encoder(lambda array, unique: stored.append((array, unique)) or len(stored) - 1)
    big, small = np.arange(BIG), np.arange(3)
    stream = encoder.encode([[big, small, big]], True)
    assert [(a is big, unique) for a, unique in stored] == [(True, False)]
    assert len(stream) < 1000
    got = decode(stream, [big.view("uint8")])
    np.testing.assert_equal(got, [big, small, big])


def test_a_slot_is_found_by_any_address_within():
    pool = SlotPool()
    arrays = [pool.empty(100000 + k, "uint8") for k in range(20)]
    for array in arrays:
        slot = pool._find(address_of(array) + 500, 1000)
        assert slot.address == address_of(array)
    assert pool._find(address_of(np.zeros(5)), 5) is None
    pool.close()


class CountedAddress(int):
    """A number that counts how often it is compared."""

    comparisons = 0

    def __eq__(self, other):
        CountedAddress.comparisons += 1
        return int(self) == int(other)

    def __lt__(self, other):
        CountedAddress.comparisons += 1
        return int(self) < int(other)

    __hash__ = int.__hash__


def test_slots_are_given_up_without_a_search_through_all_of_them():
    pool = SlotPool(max_free_bytes=0)
    count = 300
    arrays = [pool.empty(100000, "uint8") for _ in range(count)]
    pool._addresses[:] = [CountedAddress(address) for address in pool._addresses]
    while arrays:
        arrays.pop(len(arrays) // 2)
    CountedAddress.comparisons = 0
    assert len(pool.collect_given_up()) == count
    assert CountedAddress.comparisons <= 12 * count
    assert not pool._addresses and not pool._slots
    pool.close()
