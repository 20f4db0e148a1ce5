"""The parallel maps: which datapoints come, in which order, how many ahead, and what becomes of errors."""
import collections
import gc
import multiprocessing
import os
import signal
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parallel_flows import (
    Count,
    Failing,
    SlowAt0,
    die_at_7,
    double,
    drop_odd,
    exit_at_7,
    fail_at_7,
    none,
    to_array,
    unpicklable_at_3,
    with_pid,
)

from tensorpack.dataflow import parallel_map
from tensorpack.dataflow.base import DataFlow, DataFlowTerminated
from tensorpack.dataflow.common import BatchData
from tensorpack.dataflow.parallel_map import (
    MultiProcessMapAndBatchDataZMQ,
    MultiProcessMapDataComponentSharedArray,
    MultiProcessMapDataZMQ,
    MultiThreadMapData,
)
from tensorpack.dataflow.raw import DataFromList, FakeData

MAPS = {"TM": MultiThreadMapData, "PM": MultiProcessMapDataZMQ}


@pytest.fixture(params=sorted(MAPS))
def make_map(request):
    return MAPS[request.param]


def take(df, num):
    iterator = iter(df)
    got = [next(iterator) for _ in range(num)]
    iterator.close()
    return got


def first(dps):
    return [dp[0] for dp in dps]


class Recording(DataFlow):
    """0, 1, ...; keeps how many were taken."""

    def __init__(self, size):
        self._size = size
        self.taken = 0

    def __iter__(self):
        for k in range(self._size):
            self.taken += 1
            yield [k]


# ---- which datapoints come

@settings(max_examples=25, deadline=None)
@given(size=st.integers(1, 40), num=st.integers(1, 4), buffer=st.integers(1, 50), taken=st.integers(0, 40), known=st.booleans())
@pytest.mark.parametrize("name", sorted(MAPS))
def test_strict_passes_give_each_datapoint_once(name, size, num, buffer, taken, known):
    with MAPS[name](Count(size, has_len=known), num, double, buffer_size=buffer, strict=True) as df:
        df.reset_state()
        whole = [2 * k for k in range(size)]
        one = first(df)
        assert sorted(one) == whole
        begun = first(take(df, min(taken, size)))
        rest = first(df) if len(begun) < size else []
        assert sorted(begun + rest) == whole
        assert sorted(first(df)) == whole
        if num == 1:
            assert one == begun + rest == whole


@pytest.mark.parametrize("num", [1, 3])
def test_without_strict_the_stream_never_ends_and_loses_nothing(make_map, num):
    with make_map(Count(10), num, drop_odd, buffer_size=7) as df:
        df.reset_state()
        got = first(take(df, 33) + take(df, 67))  # an abandoned iteration is continued
    if num == 1:
        assert got == [0, 2, 4, 6, 8] * 20
    counts = collections.Counter(got)
    assert set(counts) == {0, 2, 4, 6, 8} and max(counts.values()) - min(counts.values()) <= 3


def test_a_complete_pass_whose_end_nobody_looked_for_is_over(make_map):
    with make_map(Count(6), 1, double, buffer_size=3, strict=True) as df:
        df.reset_state()
        assert first(take(df, 6)) == first(df)


def test_len_is_that_of_the_flow(make_map):
    assert len(make_map(Count(6), 1, double, strict=True)) == 6
    with pytest.raises(NotImplementedError):
        len(make_map(Count(6, has_len=False), 1, double))


def test_arrays_come_back_right(make_map):
    with make_map(Count(50), 2, to_array, buffer_size=20, strict=True) as df:
        df.reset_state()
        for _ in range(3):
            kept = list(df)
            assert sorted(k for _, k in kept) == list(range(50))
            assert all((array == k).all() and array.shape == (100, 100) for array, k in kept)


def test_batches_on_their_way_to_workers_are_right():
    batches = BatchData(DataFromList([[np.full((64, 64), k)] for k in range(40)], shuffle=False), 8)
    with MultiProcessMapDataZMQ(batches, 2, list, buffer_size=5, strict=True) as df:
        df.reset_state()
        for _ in range(5):
            assert sorted(int(dp[0][0, 0, 0]) for dp in df) == [0, 8, 16, 24, 32]


def test_a_slow_datapoint_does_not_hold_up_the_others():
    # the last one of the other worker may still be on its way when that of this one is sent
    with MultiProcessMapDataZMQ(Count(40), 2, SlowAt0(21), buffer_size=4, strict=True) as df:
        df.reset_state()
        assert first(df).index(0) >= 20


def test_all_workers_work():
    with MultiProcessMapDataZMQ(Count(100), 3, with_pid, buffer_size=30, strict=True) as df:
        df.reset_state()
        assert len({pid for _, pid in df}) == 3


def test_names_from_before_are_the_same_objects():
    assert parallel_map.MultiProcessMapData is MultiProcessMapDataZMQ
    assert parallel_map.MultiProcessMapAndBatchData is MultiProcessMapAndBatchDataZMQ


# ---- the bound

@pytest.mark.parametrize("strict", [False, True])
def test_no_more_is_read_than_the_bound(make_map, strict):
    ds = Recording(1000)
    with make_map(ds, 2, double, buffer_size=9, strict=strict) as df:
        df.reset_state()
        assert ds.taken == 9
        iterator = iter(df)
        for k in range(1, 20):
            next(iterator)
            assert ds.taken <= 9 + k
        iterator.close()


@pytest.mark.parametrize("known", [True, False], ids=["known length", "unknown length"])
def test_a_buffer_larger_than_the_data_is_cut_with_a_warning(make_map, known, log_records):
    with make_map(Count(5, has_len=known), 2, double, buffer_size=200, strict=True) as df:
        df.reset_state()
        assert sorted(first(df)) == sorted(first(df)) == [0, 2, 4, 6, 8]
    assert [r for r in log_records if "buffer_size=200 is larger than the DataFlow" in r.getMessage()]


def test_without_strict_a_large_buffer_is_fine(make_map):
    with make_map(Count(5), 1, double, buffer_size=50) as df:
        df.reset_state()
        assert first(take(df, 10)) == [0, 2, 4, 6, 8] * 2


# ---- errors

@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("num", [1, 3])
def test_an_error_of_the_function_comes_after_all_good_results_before(make_map, num, strict):
    with make_map(Count(30), num, fail_at_7, buffer_size=15, strict=strict) as df:
        df.reset_state()
        got = []
        with pytest.raises(KeyError, match="seven") as info:
            for dp in df:
                got += dp
        assert set(range(7)) <= set(got) and 7 not in got
        if make_map is MultiProcessMapDataZMQ:
            assert "fail_at_7" in str(info.value.__cause__)
        with pytest.raises(KeyError):
            take(df, 1)
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("at", [0, 3, 20])
def test_an_error_of_the_flow_comes_after_all_results(make_map, at, strict):
    with make_map(Failing(at, ValueError), 2, double, buffer_size=5, strict=strict) as df:
        df.reset_state()
        got = []
        with pytest.raises(ValueError, match="it failed"):
            for dp in df:
                got += dp
        assert sorted(got) == [2 * k for k in range(at)]
        with pytest.raises(ValueError, match="it failed"):
            take(df, 1)


@pytest.mark.parametrize("func,error,text", [
    (exit_at_7, RuntimeError, "SystemExit"), (unpicklable_at_3, TypeError, r"a datapoint must be picklable.*a datapoint\[1\]"),
    (die_at_7, RuntimeError, r"MultiProcessMapDataZMQ.*pid \d+\) was killed by signal SIGKILL \(9\)"),
], ids=["exit", "unpicklable", "kill -9"])
@pytest.mark.parametrize("strict", [False, True])
def test_all_kinds_of_ends_of_a_worker_are_errors(func, error, text, strict):
    with MultiProcessMapDataZMQ(Count(30), 2, func, buffer_size=15, strict=strict) as df:
        df.reset_state()
        with pytest.raises(error, match=text):
            take(df, 100000) if not strict else list(df)


def test_a_datapoint_that_cannot_be_sent_is_named():
    with MultiProcessMapDataZMQ(DataFromList([[1], [lambda: None]], shuffle=False), 1, list, buffer_size=2, strict=True) as df:
        df.reset_state()
        iterator = iter(df)
        assert next(iterator) == [1]
        with pytest.raises(TypeError, match=r"a datapoint must be picklable.*a datapoint\[0\]"):
            next(iterator)


def test_none_is_no_result_of_a_strict_map(make_map):
    with make_map(Count(5), 1, none, strict=True, buffer_size=2) as df:
        df.reset_state()
        with pytest.raises(ValueError, match="Map function cannot return None when strict mode is used"):
            list(df)


def test_a_function_that_cannot_be_pickled_is_named():
    df = MultiProcessMapDataZMQ(Count(5), 1, lambda dp: dp, start_method="spawn")
    with pytest.raises(TypeError, match="MultiProcessMapDataZMQ: map_func must be picklable"):
        df.reset_state()
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("args,error", [
    ((Count(3), None, double), TypeError), ((Count(3), 0, double), ValueError), ((Count(3), 1, None), TypeError),
    ((Count(3), 1), TypeError), ((Count(0), 1, double), ValueError),
], ids=["no number", "zero", "no function", "nothing", "empty flow"])
def test_arguments_are_checked(make_map, args, error):
    with pytest.raises(error, match="must"):
        make_map(*args)
    with pytest.raises(ValueError, match="buffer_size must be at least 1"):
        make_map(Count(3), 1, double, buffer_size=0)


# ---- state

def test_use_before_reset_says_what_to_do(make_map):
    with pytest.raises(RuntimeError, match=r"call reset_state\(\) first"):
        take(make_map(Count(3), 1, double), 1)


def test_one_iteration_at_a_time(make_map):
    with make_map(Count(9), 1, double, buffer_size=2) as df:
        df.reset_state()
        iterator = iter(df)
        next(iterator)
        with pytest.raises(RuntimeError, match="not reentrant"):
            take(df, 1)
        iterator.close()


def test_threads_may_be_reset_again_and_processes_not():
    with MultiThreadMapData(Count(9), 2, double, buffer_size=4, strict=True) as df:
        for _ in range(3):
            df.reset_state()
            assert sorted(first(df)) == list(range(0, 18, 2))
    with MultiProcessMapDataZMQ(Count(9), 2, double, buffer_size=4, strict=True) as df:
        df.reset_state()
        with pytest.raises(RuntimeError, match=r"reset_state\(\) was called twice"):
            df.reset_state()


@pytest.mark.parametrize("start_method", ["spawn", "forkserver"])
def test_start_methods(start_method):
    with MultiProcessMapDataZMQ(Count(20), 2, to_array, buffer_size=7, strict=True, start_method=start_method) as df:
        df.reset_state()
        assert sorted(k for _, k in df) == list(range(20))


def test_dropped_flows_leave_nothing(make_map):
    before = threading.active_count()
    for _ in range(5):
        df = make_map(FakeData([[100, 100]], 50, random=False), 2, list, buffer_size=10)
        df.reset_state()
        take(df, 3)
        del df
    gc.collect()
    deadline = time.time() + 120
    while threading.active_count() > before:
        assert time.time() < deadline
        time.sleep(0.01)
    assert not multiprocessing.active_children()


def test_close_ends_a_waiting_iteration():
    df = MultiThreadMapData(Count(3), 1, lambda dp: time.sleep(0.2) or dp, buffer_size=1)
    df.reset_state()
    closing = threading.Timer(0.05, df.close)
    closing.start()
    with pytest.raises((DataFlowTerminated, RuntimeError)):
        list(zip(df, range(100)))
    closing.join()


# ---- map and batch

def numbers(batches):
    return [int(k) for batch in batches for k in batch[-1]]


@pytest.mark.parametrize("buffer_size", [None, 5, 100])
def test_one_worker_gives_the_batches_of_the_serial_flow(buffer_size):
    with MultiProcessMapAndBatchDataZMQ(Count(10), 1, drop_odd, 4, buffer_size) as df:
        df.reset_state()
        batches = take(df, 5) + take(df, 5)
        assert all(type(b) is list and b[0].shape == (4,) for b in batches)
        assert numbers(batches) == [0, 2, 4, 6, 8] * 8
        with pytest.raises(NotImplementedError):
            len(df)


@pytest.mark.parametrize("num,size,batch_size,buffer_size", [(2, 7, 3, 4), (4, 100, 8, 9), (3, 5, 1, 50), (4, 3, 2, 3)])
def test_several_workers_lose_nothing(num, size, batch_size, buffer_size):
    with MultiProcessMapAndBatchDataZMQ(Count(size), num, to_array, batch_size, buffer_size) as df:
        df.reset_state()
        batches = take(df, 40 * size // batch_size)
    assert all(b[0].shape == (batch_size, 100, 100) and (b[0][:, 5, 5] == b[1]).all() for b in batches)
    counts = collections.Counter(numbers(batches))
    spread = (buffer_size + 3 * num * batch_size) // size + 2
    assert set(counts) == set(range(size)) and max(counts.values()) - min(counts.values()) <= spread


def test_map_and_batch_reads_no_more_than_it_says(tmp_path):
    path = tmp_path / "made"

    def note():
        for _ in range(10000):
            with open(str(path), "a") as f:
                f.write("x")
            yield [np.zeros(1000)]

    from tensorpack.dataflow.raw import DataFromGenerator

    with MultiProcessMapAndBatchDataZMQ(DataFromGenerator(note), 2, list, 2, 10) as df:
        df.reset_state()
        deadline = time.time() + 120
        while not path.exists() or len(path.read_text()) < 10:
            assert time.time() < deadline
            time.sleep(0.01)
        time.sleep(0.2)
        assert len(path.read_text()) <= 10 + 2 * 2 * 2 + 1


@pytest.mark.parametrize("num", [1, 2])
def test_errors_come_after_the_batches_before(num):
    with MultiProcessMapAndBatchDataZMQ(Failing(20, ValueError), num, list, 2, 12) as df:
        df.reset_state()
        got = []
        with pytest.raises(ValueError, match="it failed"):
            for batch in df:
                got += batch[0].tolist()
        assert len(got) >= 20 - num and set(got) <= set(range(20))
        with pytest.raises(ValueError):
            take(df, 1)


def different_shapes(dp):
    return [np.zeros(dp[0] + 1)]


@pytest.mark.parametrize("ds,func,error,text", [
    (Count(10), fail_at_7, KeyError, "seven"), (Count(10), different_shapes, ValueError, "component 0.*same shape"),
    (Failing(-1, ValueError), double, ValueError, "it failed"),
    (Count(10), die_at_7, RuntimeError, r"killed by signal SIGKILL"), (Count(10), exit_at_7, RuntimeError, "SystemExit"),
], ids=["function", "batching", "reset", "kill -9", "exit"])
@pytest.mark.parametrize("num", [1, 3])
def test_all_errors_of_map_and_batch_arrive(ds, func, error, text, num):
    with MultiProcessMapAndBatchDataZMQ(ds, num, func, 2, 12) as df:
        df.reset_state()
        with pytest.raises(error, match=text):
            take(df, 100)
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("victim", [0, 1, 2])
def test_any_process_of_map_and_batch_may_be_killed(victim):
    with MultiProcessMapAndBatchDataZMQ(Count(10), 2, double, 2, 12) as df:
        df.reset_state()
        take(df, 5)
        process = df._workers.processes[victim]
        os.kill(process.pid, signal.SIGKILL)
        with pytest.raises(RuntimeError, match=r"pid {}\) was killed by signal SIGKILL".format(process.pid)):
            take(df, 1000)


def test_arguments_of_map_and_batch_are_checked():
    for args in ((Count(3), 0, double, 2), (Count(3), 1, double, 0), (Count(3), 1, double, 4, 4)):
        with pytest.raises(ValueError, match="must be"):
            MultiProcessMapAndBatchDataZMQ(*args)
    with pytest.raises(TypeError, match="map_func"):
        MultiProcessMapAndBatchDataZMQ(Count(3), 1, None, 2)


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_map_and_batch_by_other_start_methods(method):
    with MultiProcessMapAndBatchDataZMQ(Count(10), 1, double, 5, start_method=method) as df:
        df.reset_state()
        assert numbers(take(df, 2)) == list(range(0, 20, 2))


# ---- shared array

def filled(value):
    return np.full((10, 3), value, "float32")


def slow_fill(value):
    time.sleep(0.01 * (value % 3))
    return filled(value)


@pytest.mark.parametrize("func", [filled, slow_fill])
def test_the_shared_array_map_keeps_order_and_pairs(func):
    ds = DataFromList([(k, "name {}".format(k)) for k in range(7)], shuffle=False)
    with MultiProcessMapDataComponentSharedArray(ds, 3, func, (10, 3), "float32") as df:
        df.reset_state()
        got = take(df, 10) + take(df, 18)
    assert [int(dp[0][0, 0]) for dp in got] == [k % 7 for k in range(28)]
    assert all(dp[1] == "name {}".format(int(dp[0][5, 1])) for dp in got)


def test_the_shared_array_map_checks_its_results():
    with MultiProcessMapDataComponentSharedArray(Count(3), 1, filled, (10, 4), "float32") as df:
        df.reset_state()
        with pytest.raises(ValueError, match=r"output_shape, float32 \(10, 4\); got float32 \(10, 3\)"):
            take(df, 1)
    with pytest.raises(KeyError, match="output_dtype"):
        MultiProcessMapDataComponentSharedArray(Count(3), 1, filled, (10, 3), "complex64")
