"""The runners: order, passes, bounds, start methods, random streams, life and death of what runs in the background."""
import gc
import importlib.util
import multiprocessing
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from parallel_flows import RUNNERS, Count, Draw, Failing, Noting, OddError, Sleeping, take

from tensorpack.dataflow import parallel
from tensorpack.dataflow.base import DataFlow, DataFlowTerminated
from tensorpack.dataflow.common import BatchData, CacheData, RepeatedData
from tensorpack.dataflow.parallel import MultiProcessRunner, MultiProcessRunnerZMQ, MultiThreadRunner
from tensorpack.dataflow.parallel_map import MultiProcessMapDataZMQ
from tensorpack.dataflow.raw import DataFromGenerator, DataFromList, FakeData
from tensorpack.utils import fix_rng_seed
from tensorpack.utils.utils import get_rng

METHODS = [m for m in ("fork", "spawn", "forkserver") if m in multiprocessing.get_all_start_methods()]


@pytest.fixture(params=sorted(RUNNERS))
def runner(request):
    return RUNNERS[request.param]


@pytest.fixture(params="RZ")
def process_runner(request):
    return RUNNERS[request.param]


def first(dps):
    return [dp[0] for dp in dps]


def wait_until(condition, seconds=120):
    deadline = time.time() + seconds
    while not condition():
        assert time.time() < deadline, "it did not happen in {} s".format(seconds)
        time.sleep(0.02)


def is_alive(pid):
    try:
        with open("/proc/{}/stat".format(pid)) as f:
            return f.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def seed():
    """Makes streams repeatable; afterwards they are random again."""
    yield fix_rng_seed
    fix_rng_seed(int.from_bytes(os.urandom(8), "little"))


# ---- what comes out

def test_one_worker_keeps_order_pass_after_pass(runner):
    with runner(Count(6)) as df:
        df.reset_state()
        for _ in range(3):
            assert first(df) == list(range(6))


def test_an_abandoned_pass_is_continued(runner):
    with runner(Count(6)) as df:
        df.reset_state()
        assert first(take(df, 2)) == [0, 1]
        assert first(take(df, 6)) == [2, 3, 4, 5, 0, 1]


def test_a_pass_of_several_workers_has_the_length_of_the_flow_and_keeps_the_order_of_each(process_runner):
    with process_runner(Count(20, pid=True), num=3) as df:
        df.reset_state()
        assert len(df) == 20
        got = [dp for _ in range(4) for dp in df]
    assert len(got) == 80
    for pid in {pid for _, pid in got}:
        numbers = [k for k, p in got if p == pid]
        assert numbers == [k % 20 for k in range(len(numbers))]


def test_a_flow_without_length_never_ends(runner):
    with runner(Count(3, has_len=False)) as df:
        df.reset_state()
        with pytest.raises(NotImplementedError):
            len(df)
        assert first(take(df, 10)) == [0, 1, 2, 0, 1, 2, 0, 1, 2, 0]


@pytest.mark.parametrize("flow", [Count(0), DataFromGenerator(iter(()))], ids=["known", "unknown"])
def test_an_empty_flow_is_an_error(runner, flow):
    with runner(flow) as df:
        df.reset_state()
        with pytest.raises(ValueError, match="empty"):
            take(df, 1)


def test_datapoints_of_any_kind_arrive(process_runner):
    dps = [{"a": np.arange(3), "b": "x"}, (1, 2), [np.random.rand(300, 300)], [None, b"bytes" * 20000]]
    with process_runner(DataFromList(dps, shuffle=False)) as df:
        df.reset_state()
        got = take(df, 4)
    np.testing.assert_equal(got, dps)
    assert [type(dp) for dp in got] == [dict, tuple, list, list]


def test_batches_are_right_however_long_they_are_kept(process_runner):
    batches = BatchData(DataFromList([[np.full((64, 64), k, "uint8")] for k in range(240)], shuffle=False), 24)
    with process_runner(batches, num=1, bound=2) as df:
        df.reset_state()
        kept = [dp[0] for _ in range(10) for dp in df]  # list() of a flow must not wait for memory to come back
    for k, array in enumerate(kept):
        assert (array[:, 0, 0] == np.arange(24) + 24 * (k % 10)).all()


def test_a_flow_that_keeps_its_batches_is_not_changed_by_the_consumer(process_runner):
    cached = CacheData(BatchData(DataFromList([[np.full((64, 64), k, "uint8")] for k in range(48)], shuffle=False), 24))
    with process_runner(cached, num=1, bound=2) as df:
        df.reset_state()
        for _ in range(5):
            for dp in df:
                assert dp[0].flags.writeable and (dp[0][:, 0, 0] % 24 == np.arange(24)).all()
                dp[0][...] = 99


def test_names_from_before_are_the_same_objects():
    assert parallel.PrefetchData is parallel.MultiProcessPrefetchData is MultiProcessRunner
    assert parallel.PrefetchDataZMQ is MultiProcessRunnerZMQ
    assert parallel.MultiThreadPrefetchData is MultiThreadRunner


# ---- the bound on what is made ahead

@pytest.mark.parametrize("shape", [(), (100, 1000)], ids=["small", "100 KB"])
@pytest.mark.parametrize("make,bound", [
    (lambda ds: MultiProcessRunner(ds, 4, 2), 6),
    (lambda ds: MultiProcessRunner(ds, 1, 3), 4),
    (lambda ds: MultiProcessRunnerZMQ(ds, 2, hwm=5), 12),
    (lambda ds: MultiThreadRunner(lambda: ds, 4, 2), 6),
], ids=["R(4, 2)", "R(1, 3)", "Z(2, 5)", "T(4, 2)"])
def test_no_more_is_made_than_the_bound(make, bound, shape, tmp_path):
    path = tmp_path / "made"
    path.write_text("")
    with make(Noting(str(path), shape)) as df:
        df.reset_state()
        wait_until(lambda: len(path.read_text()) >= bound)
        time.sleep(0.1)
        assert len(path.read_text()) == bound
        take(df, 20)
        time.sleep(0.1)
        assert bound + 20 - 2 <= len(path.read_text()) <= bound + 20 + 1


def test_fewer_places_than_workers_are_shared_by_all(tmp_path):
    with MultiProcessRunner(Count(10, pid=True), 1, 3) as df:
        df.reset_state()
        assert len({pid for _, pid in take(df, 10)}) == 3


# ---- random streams

def numbers_of_two_workers(runner):
    """The first twenty numbers of each."""
    numbers = {}
    with runner as df:
        df.reset_state()
        for number, worker in df:
            numbers.setdefault(worker, []).append(number)
            if len(numbers) == 2 and min(map(len, numbers.values())) >= 20:
                return {tuple(n[:20]) for n in numbers.values()}


@pytest.mark.parametrize("make", [
    lambda: MultiProcessRunner(Draw(), 4, 2), lambda: MultiProcessRunnerZMQ(Draw(), 2),
    lambda: MultiProcessRunnerZMQ(Draw(), 2, start_method="spawn"), lambda: MultiThreadRunner(Draw, 4, 2),
], ids=["R", "Z", "Z by spawn", "T"])
def test_streams_of_workers_differ_and_a_seed_repeats_them(make, seed):
    def draw():
        seed(42)
        return numbers_of_two_workers(make())

    one, two = draw(), draw()
    assert one == two
    assert len(set(sum(one, ()))) == 40


class DrawFromNumpy(DataFlow):
    def __iter__(self):
        for _ in range(20):
            yield [np.random.randint(2 ** 31), os.getpid()]


@pytest.mark.parametrize("make", [lambda: MultiProcessRunner(DrawFromNumpy(), 4, 2),
                                  lambda: MultiProcessRunnerZMQ(DrawFromNumpy(), 2)], ids=["R", "Z"])
def test_numpys_own_generator_differs_between_forked_workers_and_repeats_by_its_seed(make):
    def draw():
        np.random.seed(5)
        return numbers_of_two_workers(make())

    one, two = draw(), draw()
    assert one == two
    assert len(set(sum(one, ()))) == 40


def test_streams_do_not_depend_on_the_start_method(seed):
    results = []
    for method in METHODS:
        seed(7)
        with MultiProcessRunner(Draw(), 4, 1, start_method=method) as df:
            df.reset_state()
            results.append(first(take(df, 5)))
    assert all(result == results[0] for result in results)


class AddNoise:
    """A random function of a datapoint, as an augmentor is one."""

    rng = None

    def __call__(self, dp):
        if self.rng is None:
            self.rng = get_rng(self)
        return [dp[0], int(self.rng.randint(1 << 40))]


def test_a_seed_repeats_a_shuffled_strict_map_with_a_random_function(seed):
    def draw():
        seed(5)
        with MultiProcessMapDataZMQ(DataFromList([[k] for k in range(30)]), 1, AddNoise(), buffer_size=5, strict=True) as df:
            df.reset_state()
            return [list(df), list(df)]

    one = draw()
    assert one == draw()
    assert len({noise for dps in one for _, noise in dps}) == 60
    assert first(one[0]) != first(one[1]) and sorted(first(one[0])) == list(range(30))


def test_streams_differ_between_starts_and_from_those_here(seed):
    seed(7)
    flow = Draw()
    draws = [int(get_rng(flow).randint(1 << 40))]
    df = MultiProcessRunnerZMQ(flow, 1)
    for _ in range(2):
        df.reset_state()
        draws += first(take(df, 1))
        df.close()
    assert len(set(draws)) == 3


# ---- start methods and nesting

@pytest.mark.parametrize("method", METHODS)
def test_all_start_methods_work(method):
    with MultiProcessRunnerZMQ(BatchData(Count(8), 2), 2, start_method=method) as df:
        df.reset_state()
        assert sorted(sum((dp[0].tolist() for dp in take(df, 4)), []))[0] == 0


class HasLambda(Count):
    def __init__(self):
        super().__init__(3)
        self.function = lambda: None


@pytest.mark.parametrize("method", [m for m in METHODS if m != "fork"])
def test_what_cannot_be_pickled_is_named_and_nothing_is_left(method):
    df = MultiProcessRunnerZMQ(RepeatedData(HasLambda(), 2), 2, start_method=method)
    with pytest.raises(TypeError, match=r"MultiProcessRunnerZMQ: ds must be picklable.*ds\.ds\.function"):
        df.reset_state()
    assert not multiprocessing.active_children()


def test_an_unpicklable_datapoint_is_named(process_runner):
    with process_runner(DataFromList([[1], [2, {"f": lambda: None}]], shuffle=False)) as df:
        df.reset_state()
        iterator = iter(df)
        assert next(iterator) == [1]
        with pytest.raises(TypeError, match=r"a datapoint must be picklable.*a datapoint\[1\]\['f'\]"):
            next(iterator)


def nested():
    yield "Z(Z)", lambda: MultiProcessRunnerZMQ(MultiProcessRunnerZMQ(Count(10)))
    yield "Z(R)", lambda: MultiProcessRunnerZMQ(MultiProcessRunner(Count(10), 3, 1))
    yield "R(R)", lambda: MultiProcessRunner(MultiProcessRunner(Count(10), 3, 1), 3, 1)
    yield "R(T)", lambda: MultiProcessRunner(MultiThreadRunner(lambda: Count(10), 3, 1), 3, 1)
    yield "T(Z)", lambda: MultiThreadRunner(lambda: MultiProcessRunnerZMQ(Count(10)), 3, 1)
    yield "Z(PM)", lambda: MultiProcessRunnerZMQ(MultiProcessMapDataZMQ(Count(10), 1, list, buffer_size=3, strict=True))
    yield "Z(Z(Z)) by spawn", lambda: MultiProcessRunnerZMQ(MultiProcessRunnerZMQ(
        MultiProcessRunnerZMQ(Count(10), start_method="spawn"), start_method="spawn"), start_method="spawn")


@pytest.mark.parametrize("make", [pytest.param(make, id=name) for name, make in nested()])
def test_flows_can_be_nested(make):
    with make() as df:
        df.reset_state()
        assert first(df) == list(range(10)) and first(df) == list(range(10))


def run_in_daemon(queue):
    with MultiProcessRunnerZMQ(Count(3)) as df:
        df.reset_state()
        queue.put(first(df))


def test_a_daemonic_process_may_use_workers():
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    process = context.Process(target=run_in_daemon, args=(queue,), daemon=True)
    process.start()
    assert queue.get() == [0, 1, 2]
    process.join(120)
    assert process.exitcode == 0


# ---- errors of the worker

@pytest.mark.parametrize("at,error", [
    (-1, ValueError), (0, KeyError), (1, OddError), (7, DataFlowTerminated), (100, ValueError),
], ids=lambda v: getattr(v, "__name__", None))
def test_an_error_arrives_as_it_is_after_all_good_datapoints(runner, at, error):
    with runner(Failing(at, error), bound=30) as df:
        got = []
        with pytest.raises(error) as info:
            df.reset_state()
            for dp in df:
                got += dp
        assert got == list(range(max(at, 0)))
        if error is OddError:
            assert info.value.second == "two"
        if "_workers" in dir(type(df)):
            assert "raise_it" in str(info.value.__cause__) and "worker-0" in str(info.value.__cause__)
            with pytest.raises(error):  # and again
                take(df, 1)


def test_big_datapoints_before_an_error_arrive_too(process_runner):
    for _ in range(5):
        with process_runner(Failing(20, ValueError, array=True), bound=50) as df:
            df.reset_state()
            got = []
            with pytest.raises(ValueError):
                for dp in df:
                    got.append(int(dp[0][0]))
            assert got == list(range(20))


@pytest.mark.parametrize("error,text", [(SystemExit, "SystemExit"), (KeyboardInterrupt, "KeyboardInterrupt")])
def test_exits_of_a_worker_become_errors(process_runner, error, text):
    with process_runner(Failing(2, error)) as df:
        df.reset_state()
        with pytest.raises(RuntimeError, match=text):
            take(df, 3)


def test_after_an_error_no_worker_is_left_and_the_flow_can_start_anew(process_runner):
    df = process_runner(Failing(1, ValueError), num=2)
    for _ in range(2):
        df.reset_state()
        with pytest.raises(ValueError):
            take(df, 5)
        assert not multiprocessing.active_children()


# ---- state

def test_use_before_reset_says_what_to_do(runner):
    with pytest.raises(RuntimeError, match=r"call reset_state\(\) first"):
        take(runner(Count(3)), 1)


def test_a_second_reset_is_an_error(runner):
    with runner(Count(3)) as df:
        df.reset_state()
        with pytest.raises(RuntimeError, match=r"reset_state\(\) was called twice"):
            df.reset_state()
        assert first(df) == [0, 1, 2]


def test_the_flow_is_reset_in_the_worker_only(process_runner):
    flow = Draw()
    with process_runner(flow) as df:
        df.reset_state()
        take(df, 1)
    assert "rng" not in flow.__dict__


def test_zmq_runner_is_not_reentrant():
    with MultiProcessRunnerZMQ(Count(5)) as df:
        df.reset_state()
        iterator = iter(df)
        next(iterator)
        with pytest.raises(RuntimeError, match="not reentrant"):
            take(df, 1)
        iterator.close()
        assert first(take(df, 1)) == [1]


def test_two_iterations_of_the_other_runner_share_the_datapoints():
    with MultiProcessRunner(Count(6), 4, 1) as df:
        df.reset_state()
        a, b = iter(df), iter(df)
        assert [next(a)[0], next(b)[0], next(a)[0]] == [0, 1, 2]


def test_it_may_be_iterated_by_another_thread_than_that_which_reset_it(process_runner):
    with process_runner(Count(5)) as df:
        starting = threading.Thread(target=df.reset_state)
        starting.start()
        starting.join()
        time.sleep(0.3)  # the end of that thread must not end the workers
        got = []
        iterating = threading.Thread(target=lambda: got.extend(first(df)))
        iterating.start()
        iterating.join(120)
        assert got == list(range(5)) and first(df) == list(range(5))


@pytest.mark.parametrize("args,error", [
    ((0, 1), ValueError), ((1, -1), ValueError), ((-1, 1), ValueError), ((None, 1), TypeError), ((1.5, 1), ValueError),
], ids=str)
def test_arguments_are_checked(args, error):
    for make in (lambda: MultiProcessRunner(Count(3), *args), lambda: MultiProcessRunnerZMQ(Count(3), *args),
                 lambda: MultiThreadRunner(lambda: Count(3), *args)):
        with pytest.raises(error, match="must be"):
            make()


def test_more_arguments_are_checked():
    with pytest.raises(ValueError, match="start_method must be"):
        MultiProcessRunnerZMQ(Count(3), start_method="teleport")
    with pytest.raises(TypeError, match="what get_df returns must be a DataFlow; got list of 0"):
        MultiThreadRunner(list, 1, 1)


def test_repr_shows_the_call():
    assert repr(MultiProcessRunnerZMQ(FakeData([[3]], 7), 2, hwm=9)).startswith("MultiProcessRunnerZMQ(ds=FakeData(")
    assert "hwm=9" in repr(MultiProcessRunnerZMQ(Count(3), hwm=9))


# ---- the end

def test_close_ends_the_workers_and_may_be_repeated(process_runner):
    df = process_runner(Count(5), num=2)
    df.close()
    df.reset_state()
    pids = [p.pid for p in df._workers.processes]
    df.close()
    df.close()
    assert not any(is_alive(pid) for pid in pids)


@pytest.mark.parametrize("name", sorted(RUNNERS))
def test_close_from_another_thread_terminates_a_waiting_iteration(name):
    df = RUNNERS[name](Sleeping())
    df.reset_state()
    iterator, errors = iter(df), []
    next(iterator)

    def wait():
        try:
            next(iterator)
        except BaseException as e:
            errors.append(type(e))

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.1)
    if name == "T":
        df._finalizer()  # a thread that sleeps cannot be ended, so close() would wait for it
    else:
        df.close()
    waiting.join(120)
    assert errors == [DataFlowTerminated]


@pytest.mark.parametrize("when", ["unused", "reset", "abandoned", "generator alive"])
def test_a_flow_that_is_dropped_takes_its_workers_along(process_runner, when):
    df = process_runner(Count(5), num=2)
    pids, iterator = [], None
    if when != "unused":
        df.reset_state()
        pids = [p.pid for p in df._workers.processes]
    if when in ("abandoned", "generator alive"):
        iterator = iter(df)
        next(iterator)
    if when == "abandoned":
        iterator.close()
    del df, iterator
    gc.collect()
    assert not any(is_alive(pid) for pid in pids)


def test_threads_end_with_the_flow():
    df = MultiThreadRunner(lambda: Count(5), 2, 3)
    df.reset_state()
    take(df, 3)
    threads = df._threads._threads
    del df
    gc.collect()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()


OPENCV = """
import cv2, numpy as np
from tensorpack.dataflow.parallel import MultiProcessRunnerZMQ
from tensorpack.dataflow.raw import DataFromGenerator
image = np.random.rand(500, 500, 3)
cv2.setNumThreads(4)
cv2.GaussianBlur(image, (9, 9), 0)  # starts the threads, which a fork does not copy
def work():
    yield [cv2.getNumThreads(), cv2.GaussianBlur(image, (9, 9), 0)]
for _ in range(5):
    with MultiProcessRunnerZMQ(DataFromGenerator(work), 2, start_method="fork") as df:
        df.reset_state()
        for dp, _ in zip(df, range(10)):
            assert dp[0] <= 1
assert cv2.getNumThreads() == 4
"""


@pytest.mark.skipif(importlib.util.find_spec("cv2") is None, reason="needs OpenCV")
def test_opencv_runs_without_threads_in_workers():
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    subprocess.run([sys.executable, "-c", OPENCV], env=dict(os.environ, PYTHONPATH=root), timeout=120, check=True)


def opencv_threads(dp):
    """A function whose worker may import OpenCV late: at the second datapoint."""
    if dp[0] == 0:
        return ["cv2" in sys.modules]
    import cv2
    return [cv2.getNumThreads()]


@pytest.mark.skipif(importlib.util.find_spec("cv2") is None, reason="needs OpenCV")
@pytest.mark.parametrize("start_method", ["spawn", "forkserver"])
def test_opencv_that_a_worker_imports_late_runs_without_threads(start_method, monkeypatch):
    monkeypatch.delenv("OPENCV_FOR_THREADS_NUM", raising=False)
    df = MultiProcessMapDataZMQ(Count(3), 1, opencv_threads, buffer_size=1, strict=True, start_method=start_method)
    with df:
        df.reset_state()
        assert [dp[0] for dp in df] == [False, 1, 1]
    assert "OPENCV_FOR_THREADS_NUM" not in os.environ


@pytest.mark.parametrize("cls", [parallel.PlasmaPutData, parallel.PlasmaGetData])
def test_flows_through_plasma_can_be_imported_but_not_made(cls):
    assert issubclass(cls, DataFlow)
    with pytest.raises(ImportError, match=cls.__name__ + ": needs plasma.*use MultiProcessRunnerZMQ"):
        cls(Count(3), "/tmp/socket")
