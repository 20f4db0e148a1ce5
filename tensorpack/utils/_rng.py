"""Random streams. A stream is determined by (seed, process, worker index, object index, count of its resets).

The seed is the one of `fix_rng_seed`, or else drawn from the operating system. The process is told by the numbers of the
forks (or the `origin`) that lead to it, the object by the order in which objects of the process ask for their first stream.
So streams differ between objects, workers and resets, and a seeded program that does the same again gets the same streams.
"""
from __future__ import annotations

import hashlib
import itertools
import os
import weakref
from typing import Any, Dict, Iterator, NamedTuple, Optional, Tuple

import numpy as np


class StreamOrigin(NamedTuple):
    """Where the streams of a group of workers branch off; picklable, made by `new_worker_origin`."""

    seed: int
    path: Tuple[int, ...]


class _KnownObject(NamedTuple):
    reference: Any
    number: int
    resets: Iterator[int]


class _Streams:
    """The streams of this process. Counters and dictionaries are only used in ways that are atomic, so there is no lock."""

    def __init__(self) -> None:
        self.seed = int.from_bytes(os.urandom(16), "little")
        self.branch: Tuple[int, ...] = ()  # leads from the first process to this one
        self.worker: Tuple[int, ...] = ()
        self.restart()

    def restart(self) -> None:
        self.objects: Dict[int, _KnownObject] = {}
        self.indices = itertools.count()
        self.forks = itertools.count()

    @property
    def path(self) -> Tuple[int, ...]:
        return self.branch + self.worker

    def identify(self, obj: Any) -> Tuple[int, int]:
        """(index of the object, how many streams it was given before)."""
        known = self.objects.get(id(obj))
        if known is None or known.reference() is not obj:
            known = self._register(obj)
        return known.number, next(known.resets)

    def _register(self, obj: Any) -> _KnownObject:
        index, key, objects = next(self.indices), id(obj), self.objects

        def forget(reference: Any) -> None:
            if key in objects and objects[key].reference is reference:
                objects.pop(key, None)

        try:
            reference = weakref.ref(obj, forget)
        except TypeError:  # None, numbers, tuples: each call counts as a new object
            return _KnownObject(None, index, itertools.count())
        known = objects[key] = _KnownObject(reference, index, itertools.count())
        return known


_streams = _Streams()


def fix_rng_seed(seed: int) -> None:
    """Make the streams of `get_rng` repeatable: the same calls in the same order give the same streams in every run.

    Concerns this process and workers started from it later; not TensorFlow, `random` or `numpy.random`. Objects are numbered
    from zero again.
    """
    _streams.seed = int(seed)
    _streams.restart()


def get_rng(obj: Any = None) -> np.random.RandomState:
    """A random generator for `obj`, different from those of all other objects, workers and earlier calls for `obj`."""
    return np.random.RandomState(_entropy(_streams.seed, _streams.path + _streams.identify(obj)))


def new_worker_origin(owner: Any = None) -> StreamOrigin:
    """Where workers that `owner` starts now shall branch off; hand it to `set_worker_index` in each of them."""
    return StreamOrigin(_streams.seed, _streams.path + _streams.identify(owner))


def set_worker_index(index: int, *, origin: Optional[StreamOrigin] = None) -> None:
    """Tell this process, at the start of a worker, that it is number `index` of its group.

    Args:
        index: differs between the workers of a group.
        origin: from `new_worker_origin` in the process that starts the group. With it streams do not depend on the start
            method (a spawned worker does not know the seed otherwise) nor on other forks of that process.
    """
    if origin is not None:
        _streams.seed, _streams.branch = origin
    _streams.worker = (int(index),)
    _streams.restart()


def branch_off_numpy() -> None:
    """Let numpy's global generator, whose state a forked worker has from its parent, draw numbers of this worker alone.

    They repeat if the parent had called `numpy.random.seed` and a worker of the same number is forked again.
    """
    state: Any = np.random.get_state()
    words, position = state[1:3]
    inherited = int.from_bytes(hashlib.sha256(words.tobytes()).digest(), "little")
    np.random.seed(_entropy(inherited, _streams.worker + (position,)))


def is_first_worker() -> bool:
    """Whether this process is number 0 of its group, or of no group; that one speaks for all."""
    return _streams.worker in ((), (0,))


def _entropy(seed: int, path: Tuple[int, ...]) -> np.ndarray:
    """Eight uint32 words to seed a generator with."""
    digest = hashlib.sha256(repr((seed, path)).encode()).digest()
    return np.frombuffer(digest, dtype="<u4").astype("uint32")


_fork_number = 0


def _before_fork() -> None:
    global _fork_number
    _fork_number = next(_streams.forks)


def _after_fork_in_child() -> None:
    _streams.branch = _streams.path + (-1 - _fork_number,)  # negative: never equal to a group of workers
    _streams.worker = ()
    _streams.forks = itertools.count()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork_in_child)
