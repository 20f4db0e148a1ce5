"""What the runners take and give back: memory, shared memory, descriptors, threads."""
import gc
import itertools
import multiprocessing
import os
import threading

import psutil
import pytest
from parallel_flows import RUNNERS, Failing, take

from tensorpack.dataflow.common import BatchData, MapData
from tensorpack.dataflow.parallel import MultiProcessRunner, MultiProcessRunnerZMQ, MultiThreadRunner
from tensorpack.dataflow.parallel_map import MultiProcessMapAndBatchDataZMQ, MultiProcessMapDataZMQ, MultiThreadMapData
from tensorpack.dataflow.raw import DataFromList, FakeData


@pytest.fixture(params="RZ")
def process_runner(request):
    return RUNNERS[request.param]


def num_descriptors():
    return len(os.listdir("/proc/self/fd"))


def shared_files():
    return [name for name in os.listdir("/dev/shm") if name.startswith("tensorpack-")]


def abandon_cycles(process_runner, num_cycles):
    for _ in range(num_cycles):
        df = process_runner(BatchData(FakeData([[64, 64]], 100, random=False), 20), num=2)
        df.reset_state()
        take(df, 3)
        del df


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
@pytest.mark.parametrize("num_cycles", [10, pytest.param(200, marks=pytest.mark.slow)])
def test_abandoned_flows_leave_nothing(process_runner, num_cycles):
    abandon_cycles(process_runner, 3)
    gc.collect()
    before = num_descriptors(), threading.active_count(), shared_files(), mapped_memory()
    abandon_cycles(process_runner, num_cycles)
    gc.collect()
    assert (num_descriptors(), threading.active_count(), shared_files(), mapped_memory()) == before
    assert not multiprocessing.active_children()


LONG_LIVED = {
    "R": lambda ds: MultiProcessRunner(ds, 4, 1),
    "Z": lambda ds: MultiProcessRunnerZMQ(ds, 1, hwm=4),
    "T": lambda ds: MultiThreadRunner(lambda: ds, 4, 1),
    "PM": lambda ds: MultiProcessMapDataZMQ(ds, 1, list, buffer_size=4, strict=True),
    "TM": lambda ds: MultiThreadMapData(ds, 1, list, buffer_size=4, strict=True),
    "MB": lambda ds: MultiProcessMapAndBatchDataZMQ(ds, 1, list, 2),
}


@pytest.mark.parametrize("name", sorted(LONG_LIVED))
def test_memory_does_not_grow_with_the_number_of_passes(name):
    with LONG_LIVED[name](BatchData(FakeData([[200, 100]], 20, random=False, dtype="uint8"), 5)) as df:
        df.reset_state()
        used = []
        for _ in range(6):
            for _, dp in zip(range(50 * 4), itertools.chain.from_iterable(itertools.repeat(df))):  # 50 passes
                assert dp[0].size
            used.append(own_memory())
    # one datapoint of each pass would be 5 MB each time; what else lives in this process may grow once in a while
    assert min(later - earlier for earlier, later in zip(used, used[1:])) < 2 << 20, used


def pid_at_label_0(dp):
    return [os.getpid()] if dp["label"] == 0 else None


def memory_of_workers(lst, num_proc):
    """Bytes that belong to each worker alone when it has read a whole packed list."""
    packed = DataFromList(lst, shuffle=False, packed=True)
    with MultiProcessRunnerZMQ(MapData(packed, pid_at_label_0), num_proc, hwm=1, start_method="fork") as df:
        df.reset_state()
        pids = set()
        for dp in itertools.chain.from_iterable(itertools.repeat(df)):
            pids.add(dp[0])
            if len(pids) == num_proc:
                return [psutil.Process(pid).memory_full_info().uss for pid in pids]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("size, num_proc", [(200000, 2), pytest.param(1000000, 8, marks=pytest.mark.slow)])
def test_workers_share_a_long_packed_list(size, num_proc):
    few = memory_of_workers([{"file": "0.jpg", "label": 0}], 1)[0]
    lst = [{"file": "images/{:08}.jpg".format(k), "label": size - 1 - k} for k in range(size)]  # about 300 bytes each
    many = memory_of_workers(lst, num_proc)
    assert sum(many) - num_proc * few < num_proc * size * 20, (few, many)


def own_memory():
    """Bytes of this process and its workers."""
    process = psutil.Process()
    return sum(p.memory_full_info().pss for p in [process] + process.children(recursive=True))


def mapped_memory():
    """How many pieces of shared memory of ours this process has mapped."""
    with open("/proc/self/maps") as f:
        return sum("memfd:tensorpack" in line for line in f)


@pytest.fixture
def no_garbage_collection():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc")
def test_shared_memory_does_not_wait_for_the_garbage_collector(process_runner, no_garbage_collection):
    before = mapped_memory()
    abandon_cycles(process_runner, 2)
    with MultiProcessMapDataZMQ(FakeData([[64, 640]], 20, random=False), 1, list, buffer_size=5, strict=True) as df:
        df.reset_state()
        take(df, 3)
    assert mapped_memory() == before
    df = process_runner(Failing(3, ValueError, array=True))
    df.reset_state()
    got = []
    with pytest.raises(ValueError):
        for dp in df:
            got.append(dp)
    assert mapped_memory() > before
    assert (got[2][0] == 2).all()
    del got, dp
    assert mapped_memory() == before
