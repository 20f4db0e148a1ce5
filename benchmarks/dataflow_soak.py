#!/usr/bin/env python
"""Parallel flows for ten minutes while their workers are killed at random, under a reader that restarts them.

What must hold: no datapoint of a strict pass is lost or doubled or spoiled, each death is told within a second, nothing hangs,
and neither memory (within 5 %) nor descriptors, threads and mappings grow. A broken promise ends the run with an error.

Usage: dataflow_soak.py [--minutes M] [--kill-every S] [--seed N] [--json FILE]
"""
from __future__ import annotations

import argparse
import collections
import faulthandler
import gc
import os
import random
import signal
import threading
import time
from statistics import mean
from typing import Any, Callable, Dict, List, Optional, Tuple

import numpy as np
import psutil
from _harness import Row, report

from tensorpack.dataflow import (
    BatchData,
    DataFromList,
    MapData,
    MultiProcessMapAndBatchDataZMQ,
    MultiProcessMapDataZMQ,
    MultiProcessRunner,
    MultiProcessRunnerZMQ,
)
from tensorpack.utils import logger

SIZE, SHAPE = 2000, (200, 250, 3)  # datapoints of a pass, each of 150 kB
SMALL = (25,)  # shape of small ones
BATCH = 8
HANG_SECONDS = 60
SLOW_SECONDS = 1.0  # in which a death must be told
SAMPLE_SECONDS = 0.1  # between two looks at the memory; flows differ in it, so there must be many


def make(dp: List[int]) -> List[Any]:
    return [dp[0], np.full(SHAPE, dp[0] % 251, "uint8")]


def make_small(dp: List[int]) -> List[Any]:
    return [dp[0], np.full(SMALL, dp[0] % 251, "uint8")]


def is_right(number: int, array: np.ndarray) -> bool:
    return array.shape in (SHAPE, SMALL) and bool((array == number % 251).all())


def source(numbers: List[int]) -> DataFromList:
    return DataFromList([[k] for k in numbers], shuffle=False)


def small(numbers: List[int]) -> MapData:
    return MapData(source(numbers), make_small)


# Flows whose pass holds each number once.
EXACT: Dict[str, Callable[[List[int]], Any]] = {
    "strict map": lambda numbers: MultiProcessMapDataZMQ(source(numbers), 3, make, buffer_size=40, strict=True),
    "runner": lambda numbers: MultiProcessRunner(MapData(source(numbers), make), 20, 1),
    "runner in a strict map": lambda numbers: MultiProcessMapDataZMQ(
        MultiProcessRunnerZMQ(MapData(source(numbers), make), 1, hwm=20), 2, list, buffer_size=10, strict=True),
    "runner, small": lambda numbers: MultiProcessRunner(small(numbers), 20, 1),
    "strict map, small": lambda numbers: MultiProcessMapDataZMQ(small(numbers), 3, list, buffer_size=40, strict=True),
}

# Flows of batches, from several workers.
ENDLESS: Dict[str, Callable[[], Any]] = {
    "runners": lambda: MultiProcessRunnerZMQ(BatchData(MapData(source(list(range(SIZE))), make), BATCH), 2, hwm=5),
    "map and batch": lambda: MultiProcessMapAndBatchDataZMQ(source(list(range(SIZE))), 2, make, BATCH),
}


class Memory:
    """Means of the memory in the second and the last fifth of some minutes; the first fifth is for warming up.

    Keeps sums only, so that it does not grow itself.
    """

    def __init__(self, minutes: float):
        self._start, self._fifth = time.time(), 60 * minutes / 5
        self._sums: Dict[Tuple[int, str], List[float]] = collections.defaultdict(lambda: [0.0, 0.0])

    def note(self, flow: str, megabytes: float) -> None:
        entry = self._sums[min(4, int((time.time() - self._start) / self._fifth)), flow]
        entry[0] += 1
        entry[1] += megabytes

    def ends(self) -> Tuple[float, float]:
        """Each flow counts as much as any other, however long its passes took."""
        means = {key: total / count for key, (count, total) in self._sums.items()}
        flows = [flow for fifth, flow in means if fifth == 1 and (4, flow) in means]
        return mean(means[1, flow] for flow in flows), mean(means[4, flow] for flow in flows)


class Killer(threading.Thread):
    """Kills a worker once in a while, and notes again and again how much memory all processes take.

    Args:
        interval: seconds from one kill to the next, on average.
        memory: where to note it.

    Attributes:
        flow: name of the flow that is being read; None: there is none.
    """

    def __init__(self, interval: float, rng: random.Random, memory: Memory):
        super().__init__(daemon=True)
        self.kills = 0
        self.last_kill: Optional[float] = None
        self.flow: Optional[str] = None
        self._memory = memory
        self.lock = threading.Lock()  # held while files of /proc are open
        self._interval = interval
        self._rng = rng
        self._is_closed = threading.Event()

    def run(self) -> None:
        reader, next_kill = psutil.Process(), time.time()
        while not self._is_closed.wait(min(SAMPLE_SECONDS, self._interval)):
            with self.lock:
                workers = reader.children(recursive=True)
                self._note_memory([reader] + workers)
                if workers and time.time() >= next_kill:
                    self._kill(self._rng.choice(workers))
                    next_kill = time.time() + self._rng.expovariate(1 / self._interval)

    def close(self) -> None:
        self._is_closed.set()
        self.join()

    def _kill(self, worker: psutil.Process) -> None:
        self.last_kill = time.time()
        try:
            worker.send_signal(self._rng.choice([signal.SIGKILL, signal.SIGTERM]))
            self.kills += 1
        except psutil.NoSuchProcess:
            pass

    def _note_memory(self, processes: List[psutil.Process]) -> None:
        flow = self.flow
        try:
            total = sum(process.memory_full_info().pss for process in processes)
        except psutil.Error:  # one of them has just ended
            return
        if flow is not None and flow == self.flow:
            self._memory.note(flow, total / 1e6)


class Reader:
    """Reads flows to their end and starts them anew when a worker has died."""

    def __init__(self, killer: Killer):
        self._killer = killer
        self.datapoints = 0
        self.latencies: List[float] = []  # from kill to error

    def read_exact(self, make_flow: Callable[[List[int]], Any]) -> None:
        """One pass, of as many flows as it takes, each of which gets the numbers that have not come yet."""
        missing = set(range(SIZE))
        while missing:
            with make_flow(sorted(missing)) as df:
                df.reset_state()
                try:
                    for number, array in df:
                        self._check(number, array)
                        missing.remove(number)  # raises if it has come before
                except RuntimeError as e:
                    self._note_death(e)
                    continue
            if missing:
                raise SystemExit("lost: {} of {} datapoints, such as {}".format(len(missing), SIZE, min(missing)))

    def read_endless(self, make_flow: Callable[[], Any], num_batches: int) -> None:
        """Some batches of one flow, which is reset when it fails."""
        with make_flow() as df:
            while num_batches > 0:
                df.reset_state()
                try:
                    for numbers, arrays in df:
                        for number, array in zip(numbers, arrays):
                            self._check(int(number), array)
                        num_batches -= 1
                        if num_batches <= 0:
                            return
                    df.close()
                except RuntimeError as e:
                    self._note_death(e)

    def _check(self, number: int, array: np.ndarray) -> None:
        if not is_right(number, array):
            raise SystemExit("spoiled: datapoint {}".format(number))
        self.datapoints += 1

    def _note_death(self, error: RuntimeError) -> None:
        if not any(text in str(error) for text in ("was killed by signal", "workers must live")):
            raise error
        self.latencies.append(time.time() - self._killer.last_kill)


def held(killer: Killer) -> Dict[str, int]:
    """What this process holds when no flow is open."""
    with killer.lock, open("/proc/self/maps") as f:
        mappings = sum("memfd:tensorpack" in line for line in f)
        return {"descriptors": len(os.listdir("/proc/self/fd")), "threads": threading.active_count(), "mappings": mappings,
                "children": len(psutil.Process().children(recursive=True))}


def soak(minutes: float, killer: Killer, reader: Reader, quiet: Memory) -> Dict[str, Any]:
    start, rounds, before = time.time(), 0, None
    while time.time() < start + 60 * minutes:
        for name in list(EXACT) + list(ENDLESS):
            faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)
            killer.flow = name
            if name in EXACT:
                reader.read_exact(EXACT[name])
            else:
                reader.read_endless(ENDLESS[name], SIZE // BATCH)
            killer.flow = None
        faulthandler.cancel_dump_traceback_later()
        rounds += 1
        gc.collect()
        quiet.note("none", psutil.Process().memory_info().rss / 1e6)
        now = held(killer)
        before = before or now
        if now != before:
            raise SystemExit("left behind: {} after {} rounds, {} after one".format(now, rounds, before))
    return {"rounds": rounds, "held": before}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--kill-every", type=float, default=1.0, help="seconds, on average")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json")
    args = parser.parse_args()
    logger.setLevel("ERROR")
    at_work, quiet = Memory(args.minutes), Memory(args.minutes)
    killer = Killer(args.kill_every, random.Random(args.seed), at_work)
    reader = Reader(killer)
    killer.start()
    result = soak(args.minutes, killer, reader, quiet)
    killer.close()
    rows = [Row("slowest news of a death", max(reader.latencies, default=0.0), "s", "promise", SLOW_SECONDS, "<= 1.0")]
    for what, memory in [("memory of the reader, at rest", quiet), ("memory of all, at work", at_work)]:
        early, late = memory.ends()
        rows.append(Row(what, late, "MB", "early", early, "<= 1.05"))
    report("Soak of parallel flows", rows, args.json, minutes=args.minutes, rounds=result["rounds"], kills=killer.kills,
           restarts=len(reader.latencies), datapoints=reader.datapoints, lost_doubled_or_spoiled=0, held_at_rest=result["held"])


if __name__ == "__main__":
    main()
