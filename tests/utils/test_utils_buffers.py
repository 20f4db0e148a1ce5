"""utils._buffers: alignment, recycling exactly when nobody holds the memory, bounds, threads and forks."""
import gc
import os
import sys
import threading

import numpy as np
import pytest

from tensorpack.utils._buffers import BufferPool, _round_up, aligned_empty

SHAPE = (64, 1024)  # 64 KiB of uint8, the smallest that is pooled


def address(array):
    return array.__array_interface__["data"][0]


def num_free(pool):
    return sum(len(memories) for memories in pool._free.values())


@pytest.mark.parametrize("dtype", ["uint8", "float32", "int64", bool, np.dtype([("a", "f4"), ("b", "u1")])], ids=str)
@pytest.mark.parametrize("shape", [(7, 13, 1001), 100001], ids=str)
def test_arrays_are_aligned_writable_and_as_asked(shape, dtype):
    a = BufferPool().empty(shape, dtype)
    assert a.shape == np.empty(shape, "uint8").shape and a.dtype == np.dtype(dtype)
    assert address(a) % 64 == 0
    assert a.flags.writeable and a.flags.c_contiguous
    a[...] = np.ones((), dtype)
    assert (a == np.ones((), dtype)).all()


PLAIN = [
    ("scalar", (), "float32"), ("empty", 0, "float32"), ("small", (3, 4), "uint8"), ("objects", (1 << 16,), object),
    ("empty of many dimensions", (1 << 20, 0, 3), "uint8"),
]


@pytest.mark.parametrize("shape,dtype", [p[1:] for p in PLAIN], ids=[p[0] for p in PLAIN])
def test_small_and_object_arrays_are_plain(shape, dtype):
    pool = BufferPool()
    a = pool.empty(shape, dtype)
    assert a.shape == np.empty(shape, dtype).shape and a.dtype == np.empty(0, dtype).dtype
    del a
    assert num_free(pool) == 0


@pytest.mark.parametrize("shape", [(-1, 1 << 20), (1 << 20, 1.5)], ids=["negative", "fraction"])
def test_impossible_shapes_are_refused(shape):
    with pytest.raises((ValueError, TypeError)):
        BufferPool().empty(shape, "uint8")


def test_memory_is_recycled_after_the_array_has_died():
    pool = BufferPool()
    a = pool.empty(SHAPE, "uint8")
    where = address(a)
    b = pool.empty(SHAPE, "uint8")
    assert address(b) != where
    del a
    assert num_free(pool) == 1
    c = pool.empty((SHAPE[0] // 4,) + SHAPE[1:], "float32")  # another dtype, the same bytes
    assert address(c) == where and num_free(pool) == 0


VIEWS = [
    ("slice", lambda a: a[1:3]), ("element", lambda a: a[0, :1]), ("reshape", lambda a: a.reshape(-1)),
    ("view", lambda a: a.view("int32")), ("transpose", lambda a: a.T), ("view of view", lambda a: a[2:].T[1:, ::2]),
    ("memoryview", memoryview), ("frombuffer", lambda a: np.frombuffer(a, "uint8")), ("asarray", np.asarray),
    ("iterator", lambda a: a.flat), ("in a list", lambda a: [a]),
]


@pytest.mark.parametrize("make", [v[1] for v in VIEWS], ids=[v[0] for v in VIEWS])
def test_memory_waits_for_every_view(make):
    pool = BufferPool()
    a = pool.empty((64, 64, 64), "uint8")[0:]
    view = make(a.reshape(4096, 64))
    del a
    gc.collect()
    assert num_free(pool) == 0
    del view
    gc.collect()
    assert num_free(pool) == 1


def test_free_memory_is_bounded_and_the_least_used_size_goes_first():
    size = SHAPE[0] * SHAPE[1]
    pool = BufferPool(max_free_bytes=4 * size)
    big = pool.empty((2 * size,), "uint8")
    small = [pool.empty(SHAPE, "uint8") for _ in range(3)]
    del big
    assert pool._free_bytes == 2 * size
    del small
    assert pool._free_bytes == 3 * size and num_free(pool) == 3
    assert list(pool._free) == [size]


def test_nothing_is_kept_without_an_allowance():
    pool = BufferPool(max_free_bytes=0)
    a = pool.empty(SHAPE, "uint8")
    del a
    assert num_free(pool) == 0 and pool._free_bytes == 0


@pytest.mark.parametrize("num_bytes", [65536, 65537, 150528, 4816896, 19267584, (1 << 20) + 1])
def test_sizes_are_rounded_up_by_an_eighth_at_most(num_bytes):
    rounded = _round_up(num_bytes)
    assert num_bytes <= rounded <= num_bytes * 1.125
    assert _round_up(rounded) == rounded


def test_threads_never_share_memory():
    pool, errors = BufferPool(), []

    def work(number):
        random = np.random.RandomState(number)
        held = []
        for _ in range(400):
            a = pool.empty((random.randint(64, 70), 1024), "uint8")
            a[...] = number
            held.append(a)
            if len(held) > 3:
                old = held.pop(random.randint(len(held)))
                if not (old == number).all():
                    errors.append(number)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert errors == []
    assert not pool._returned
    assert pool._free_bytes == sum(size * len(memories) for size, memories in pool._free.items())


@pytest.fixture
def frequent_thread_switches():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def test_contention_does_not_multiply_the_memory(frequent_thread_switches):
    pool = BufferPool()

    def work():
        held = []
        for _ in range(1500):
            held.append(pool.empty(SHAPE, "uint8"))
            if len(held) > 3:
                held.pop(0)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    # 4 threads hold 4 arrays each; a thread may miss the buffer that another one gives back at this very moment
    assert num_free(pool) <= 24


def test_finalizer_within_the_locked_section_does_not_deadlock():
    pool = BufferPool()
    a = pool.empty(SHAPE, "uint8")
    with pool._lock:  # as if the garbage collector ran there
        del a
        b = pool.empty(SHAPE, "uint8")
    assert num_free(pool) == 0 and len(pool._returned) == 1
    del b
    assert num_free(pool) == 2


def test_pool_works_in_a_child_forked_while_it_was_locked():
    pool = BufferPool()
    kept, dropped = pool.empty(SHAPE, "uint8"), pool.empty(SHAPE, "uint8")
    kept[...] = 7
    with pool._lock:
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                del dropped
                a = pool.empty(SHAPE, "uint8")
                a[...] = 1
                where = address(a)
                del a
                reused = address(pool.empty(SHAPE, "uint8")) == where
                status = 0 if reused and (kept == 7).all() else 2
            finally:
                os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0
    assert (kept == 7).all()


def test_aligned_empty_serves_from_one_pool():
    a = aligned_empty((100, 1000), "float32")
    where = address(a)
    assert where % 64 == 0
    del a
    assert address(aligned_empty((100, 1000), "float32")) == where


def test_tensorflow_holds_the_memory_as_long_as_it_needs_it():
    tf = pytest.importorskip("tensorpack.compat").tfv1
    pool = BufferPool()
    x = tf.placeholder("float32", [256, 256])
    queue = tf.FIFOQueue(4, ["float32"], [[256, 256]])
    enqueue, dequeue = queue.enqueue([x]), queue.dequeue()
    with tf.Session() as sess:
        for start in range(0, 40, 4):
            for value in range(start, start + 4):
                a = pool.empty((256, 256), "float32")
                a[...] = value
                sess.run(enqueue, {x: a})
                del a
            for value in range(start, start + 4):
                assert (sess.run(dequeue) == value).all()
    gc.collect()
    assert 1 <= num_free(pool) + len(pool._returned) <= 16
