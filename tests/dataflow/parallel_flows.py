"""The runners, and flows and functions that tests send to worker processes: at the top level so that they can be pickled."""
import multiprocessing
import os
import signal
import threading
import time

import numpy as np

from tensorpack.dataflow.base import DataFlow, RNGDataFlow
from tensorpack.dataflow.parallel import MultiProcessRunner, MultiProcessRunnerZMQ, MultiThreadRunner

RUNNERS = {
    "R": lambda ds, num=1, bound=4: MultiProcessRunner(ds, bound, num),
    "Z": lambda ds, num=1, bound=4: MultiProcessRunnerZMQ(ds, num, hwm=bound),
    "T": lambda ds, num=1, bound=4: MultiThreadRunner(lambda: ds, bound, num),
}


def take(df, num):
    iterator = iter(df)
    got = [next(iterator) for _ in range(num)]
    if hasattr(iterator, "close"):
        iterator.close()
    return got


class Count(DataFlow):
    """[0], [1], ... in each pass; with `pid` also the process that made it."""

    def __init__(self, size, pid=False, has_len=True):
        self._size = size
        self._pid = pid
        self._has_len = has_len

    def __len__(self):
        return self._size if self._has_len else super().__len__()

    def __iter__(self):
        for k in range(self._size):
            yield [k, os.getpid()] if self._pid else [k]


class Draw(RNGDataFlow):
    """Random numbers, and where they were made."""

    def __iter__(self):
        while True:
            yield [int(self.rng.randint(1 << 40)), (os.getpid(), threading.get_ident())]


class OddError(Exception):
    """An exception whose constructor takes more than a message."""

    def __init__(self, first, second):
        super().__init__(first, second)
        self.second = second


class Failing(DataFlow):
    """Datapoints 0 .. at-1, then an error; `at=-1` fails in reset_state."""

    def __init__(self, at, error, array=False):
        self._at = at
        self._error = error
        self._array = array

    def reset_state(self):
        if self._at < 0:
            raise_it(self._error)

    def __iter__(self):
        for k in range(self._at):
            yield [np.full(50000, k)] if self._array else [k]
        raise_it(self._error)


def raise_it(error):
    if error is OddError:
        raise OddError("one", "two")
    raise error("it failed")


class Noting(DataFlow):
    """Notes in a file what was made; never ends."""

    def __init__(self, path, shape=()):
        self._path = path
        self._shape = shape

    def __iter__(self):
        k = 0
        while True:
            with open(self._path, "a") as f:
                f.write("x")
            yield [np.full(self._shape, k % 100, "uint8")]
            k += 1


class Sleeping(DataFlow):
    """One datapoint, then a long sleep."""

    def __init__(self, num=1):
        self._num = num

    def __iter__(self):
        for k in range(self._num):
            yield [k, os.getpid()]
        time.sleep(1000)


class Suicide(DataFlow):
    """Kills its process after some datapoints, or at the start."""

    def __init__(self, at, sig=signal.SIGKILL):
        self._at = at
        self._sig = sig

    def reset_state(self):
        if self._at < 0:
            os.kill(os.getpid(), self._sig)

    def __iter__(self):
        for k in range(self._at):
            yield [k, np.zeros(50000)]
        os.kill(os.getpid(), self._sig)
        time.sleep(1000)


def double(dp):
    return [2 * dp[0]]


def drop_odd(dp):
    return None if dp[0] % 2 else dp


def fail_at_7(dp):
    if dp[0] == 7:
        raise KeyError("seven")
    return dp


def die_at_7(dp):
    if dp[0] == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return dp


def exit_at_7(dp):
    if dp[0] == 7:
        raise SystemExit(3)
    return dp


def none(dp):
    return None


def to_array(dp):
    return [np.full((100, 100), dp[0], "float32"), dp[0]]


def unpicklable_at_3(dp):
    return [dp[0], lambda: None] if dp[0] == 3 else dp


class SlowAt0:
    """Is not done with datapoint 0 before other processes are done with so many others, or a minute is over."""

    def __init__(self, others):
        self._others, self._done = others, multiprocessing.Value("i", 0)

    def __call__(self, dp):
        if dp[0] == 0:
            deadline = time.time() + 60
            while self._done.value < self._others and time.time() < deadline:
                time.sleep(0.01)
        else:
            with self._done.get_lock():
                self._done.value += 1
        return dp


def with_pid(dp):
    return [dp[0], os.getpid()]
