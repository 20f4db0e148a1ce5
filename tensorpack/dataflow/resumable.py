"""`ResumableData`: a flow that tells its position and random state, and goes on from there in another process."""
from __future__ import annotations

import bisect
import random
import threading
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional

from ..utils import logger
from ..utils._arguments.flags import true_or_false
from ..utils._arguments.numbers import whole_number
from ..utils._text.spec import describe
from ..utils.concurrency import StoppableThread
from ._flows.batch import BatchDataByShape
from ._flows.cache import CacheData
from ._flows.endless import check_empty_pass
from ._flows.repeat import FixedSizeData
from ._flows.shuffle import LocallyShuffleData
from ._parallel.map_logic import ParallelMapData
from ._parallel.thread_runner import MultiThreadRunner
from ._parallel.worker_flow import WorkerFlow
from ._random_states import find_generators, from_json, get_state, set_state, to_json, walk
from .base import CreatedByReset, DataFlow, DataFlowReentrantGuard, DataFlowTerminated, ProxyDataFlow, require_dataflow
from .raw import DataFromQueue
from .remote import RemoteDataZMQ

__all__ = ["ResumableData"]

# What makes datapoints, or an order of them, that do not depend on random streams of this process alone.
_NOT_REPEATABLE = (WorkerFlow, ParallelMapData, MultiThreadRunner, RemoteDataZMQ, DataFromQueue, random.SystemRandom)
# How many starts of passes to remember. Others are forgotten, and the way from the start before is a bit longer.
_MAX_STARTS = 32
_END = object()
_FORMAT = 1


class _Start(NamedTuple):
    """Where a pass began: how many datapoints were before it, and the state of each generator by its path."""

    position: int
    states: Dict[str, Any]


class ResumableData(ProxyDataFlow):
    """Hands on the datapoints of a flow, and can go on at any of them after a restart: `state_dict`, `load_state_dict`.

    A restored flow begins the pass again, with the random state that it began with, and skips the datapoints that were
    handed out. So it costs as much time as they did, and is exact for all that depends on the random generators that the
    flows below refer to when a pass begins: those of this library's flows and augmentors, and every
    `numpy.random.RandomState`, `numpy.random.Generator` and `random.Random` that is found in an attribute of a flow, in a
    list, tuple or dict there, or in a function that a flow calls (its variables, the object that it is a method of, or a
    global variable). Not restored are the streams of the modules `random` and `numpy.random` themselves, and whatever else
    changes a datapoint: time, files that have changed, the order in which threads run.

    CacheData, LocallyShuffleData, BatchDataByShape and FixedSizeData (with `keep_state`) keep something from one pass to the
    next. With one of them below, the way begins at the very first pass, as it does with an endless flow such as
    `RepeatedData(ds, -1)`, which has one pass only: then all datapoints ever handed out are made again. Put `RepeatedData`
    around this flow, or leave it out where the consumer repeats the flow, as trainers do.

    Order and length are those of `ds`. One iteration at a time. A pass that was abandoned counts with the datapoints that it
    gave. A flow that is restored at the end of a pass begins the next one. `callbacks.DataPosition` saves the position
    with the checkpoints of a training.

    Args:
        ds: the flow. It and all flows below must make the same datapoints in the same order from the same random state.
        from_first_pass: always make the way from the first pass on; for flows of your own, or iterables, that keep something
            but random streams from pass to pass.

    Raises:
        ValueError: a flow below runs workers or threads, or gets its datapoints from elsewhere.
    """

    _hands_on = True
    _lock: CreatedByReset[threading.Lock] = CreatedByReset()
    _guard: CreatedByReset[DataFlowReentrantGuard] = CreatedByReset()

    def __init__(self, ds: DataFlow, *, from_first_pass: bool = False):
        _require_repeatable(ds)
        super().__init__(ds)
        self.from_first_pass = true_or_false(self, "from_first_pass", from_first_pass)
        self._has_one_start = from_first_pass or _keeps_data(ds)
        self._on_start: Optional[Callable[[], None]] = None  # called once, before the next pass begins
        self._is_loaded = False
        self._forget()

    def _forget(self) -> None:
        self._position = 0  # datapoints handed out
        self._starts: List[_Start] = []
        self._cuts: List[int] = []  # positions at which a pass was abandoned
        self._pass_start = 0
        self._is_in_pass = False

    def reset_state(self) -> None:
        """Reset the flows below; the position is 0 again unless a state was loaded that no pass has begun with yet."""
        super().reset_state()
        self._guard = DataFlowReentrantGuard(owner=self)
        self._lock = threading.Lock()
        if not self._is_loaded:
            self._forget()

    def state_dict(self, *, position: Optional[int] = None) -> Dict[str, Any]:
        """The state to go on with after a number of datapoints; a dict for `json.dump`. May be called by any thread.

        Args:
            position: how many datapoints have been consumed since the first one, in all passes and before all restarts; by
                default those handed out. A consumer that reads ahead tells what it has used. It may not decrease from call
                to call.

        Raises:
            ValueError: so many were not handed out, or it is before the position of an earlier call.
            RuntimeError: `reset_state()` was not called.
        """
        with self._lock:
            if not self._starts:
                self._note_start(self._position)
            wanted = self._position if position is None else whole_number(self, "position", position)
            first = self._starts[0].position
            if not first <= wanted <= self._position:
                raise ValueError("ResumableData.state_dict: position must be between {}, that of the earliest pass that may be "
                                 "asked for, and {}, the datapoints handed out; got {}".format(first, self._position, position))
            index = bisect.bisect_right([start.position for start in self._starts], wanted) - 1
            start = self._starts[index]
            if position is not None:
                del self._starts[:index]
                self._cuts = [cut for cut in self._cuts if cut > start.position]
            return {"format": _FORMAT, "position": wanted, "start": start.position,
                    "cuts": [cut for cut in self._cuts if start.position < cut <= wanted],
                    "generators": {path: to_json(state) for path, state in start.states.items()}}

    def load_state_dict(self, state: Dict[str, Any]) -> None:
        """Let the next pass begin with a state that `state_dict` of such a flow has given, and go on behind it.

        A greater `position` in it than it had skips more datapoints.

        Raises:
            ValueError: `state` is something else, or of a flow with other random generators. What cannot be known before
                `reset_state()` is raised by the next pass.
        """
        start = _check_state(state)
        if "_lock" not in self.__dict__:
            self._load(state, start)
            return
        with self._lock:
            self._check_generators(start)
            self._load(state, start)

    def _load(self, state: Dict[str, Any], start: _Start) -> None:
        self._forget()
        self._starts = [start]
        self._position = int(state["position"])
        self._cuts = [int(cut) for cut in state["cuts"]]
        self._is_loaded = True

    def __iter__(self) -> Iterator[Any]:
        with self._guard:
            on_start, self._on_start = self._on_start, None
            if on_start is not None:
                on_start()
            if self._is_loaded:
                position = self._position
                yield from self._count(self._replay())
                if self._position > position or self._pass_start == position:
                    return
            yield from self._count(self._begin_pass(self._position))

    def _count(self, datapoints: Iterator[Any]) -> Iterator[Any]:
        for dp in datapoints:
            self._position += 1
            yield dp
        self._is_in_pass = False

    def _begin_pass(self, position: int) -> Iterator[Any]:
        with self._lock:
            if self._is_in_pass:
                self._cuts.append(position)
            self._is_in_pass = True
            self._pass_start = position
            self._note_start(position)
        return iter(self.ds)

    def _note_start(self, position: int) -> None:
        if self._starts and (self._has_one_start or self._starts[-1].position == position):
            return
        states = {path: get_state(generator) for path, generator in find_generators(self.ds, "ds").items()}
        self._starts.append(_Start(position, states))
        if len(self._starts) > _MAX_STARTS:
            del self._starts[1:-1:2]

    def _replay(self) -> Iterator[Any]:
        """Go through the datapoints from the start of a pass up to the position."""
        with self._lock:
            start, target, cuts = self._starts[0], self._position, set(self._cuts)
            for path, generator in self._check_generators(start).items():
                set_state(generator, start.states[path])
            self._is_loaded = False
            self._is_in_pass = True
            self._pass_start = at = start.position
        if target > at:
            logger.info("ResumableData: making %d datapoints again, to go on after datapoint %d ...", target - at, target)
        datapoints, num_empty = iter(self.ds), 0
        while True:
            end_if_stopped()  # it may take long
            is_cut = at in cuts and at > self._pass_start
            if at == target and not is_cut:
                return datapoints
            if is_cut or next(datapoints, _END) is _END:
                num_empty = num_empty + 1 if at == self._pass_start else 0
                if num_empty:
                    self._check_empty_pass(num_empty, at, target)
                del datapoints  # one iteration at a time
                self._is_in_pass = False  # its cut is known, if it was one
                datapoints = self._begin_pass(at)
            else:
                at += 1

    def _check_empty_pass(self, number: int, at: int, target: int) -> None:
        try:
            check_empty_pass(self.ds, type(self).__name__, number)
        except ValueError as e:
            raise ValueError("ResumableData: the flow must give the datapoints that it gave before; a pass is empty that "
                             "begins after {} of {} datapoints".format(at, target)) from e

    def _check_generators(self, start: _Start) -> Dict[str, Any]:
        """The generators of the flows below, by their paths, if they are of the kinds of which there are states."""
        generators = find_generators(self.ds, "ds")
        missing = sorted(set(start.states) ^ set(generators))
        for path, state in start.states.items():
            if path in generators and not _is_same_kind(get_state(generators[path]), state):
                missing.append(path)
        if missing:
            raise ValueError("ResumableData.load_state_dict: the flow must have the same random generators as the one "
                             "whose state it is; {} {} not in both; make it of the same flows and augmentors".format(
                                 ", ".join(missing[:5]), "is" if len(missing) == 1 else "are"))
        return generators


def end_if_stopped() -> None:
    """End the feeding thread of an input source, if this is one, that was told to stop."""
    thread = threading.current_thread()
    if isinstance(thread, StoppableThread) and thread.stopped():
        raise DataFlowTerminated()


def _is_same_kind(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    return not isinstance(a, dict) or (a.keys() == b.keys() and a.get("bit_generator") == b.get("bit_generator"))


def _keeps_data(ds: DataFlow) -> bool:
    """Whether a flow keeps something but random streams from one pass to the next, as far as it is one of the library."""
    return any(isinstance(flow, (CacheData, LocallyShuffleData, BatchDataByShape))
               or (isinstance(flow, FixedSizeData) and flow._keep_state) for _, flow in walk(ds, "ds"))


def _require_repeatable(ds: Any) -> None:
    require_dataflow("ResumableData", "ds", ds, error=ValueError)
    for path, flow in walk(ds, "ds"):
        if isinstance(flow, _NOT_REPEATABLE):
            raise ValueError(
                "ResumableData: all flows below must make the same datapoints in the same order again, in this process; got {} "
                "({}), which takes them from workers, threads or elsewhere; use MapData and BatchData in its place, or train "
                "without ResumableData".format(type(flow).__name__, path))


def _check_state(state: Any) -> _Start:
    try:
        if state["format"] != _FORMAT or not 0 <= state["start"] <= state["position"]:
            raise ValueError("unknown format or positions")
        list(state["cuts"])
        return _Start(int(state["start"]), {path: from_json(value) for path, value in state["generators"].items()})
    except (TypeError, KeyError, ValueError, AttributeError) as e:
        raise ValueError("ResumableData.load_state_dict: state must be what state_dict() has given; got {} ({!r})".format(
            describe(state), e)) from e
