"""One process reads a flow for several workers: it deals the datapoints, and learns what became of them."""
from __future__ import annotations

import array
from collections import deque
from typing import Any, Deque, Iterator, List, Optional, Sequence, Set, Tuple

from .._flows._told.drop_streak import DropStreak
from .._flows.endless import EndlessIterator
from ..base import DataFlow
from .pass_ledger import PassLedger, dropped_pass
from .transport.channel import Channel, wait_for_any
from .transport.frames import END, NOTE
from .transport.stream import Closed
from .transport.worker import send_datapoint, send_failure


class Dispatcher:
    """In a worker: reads the flow and deals its datapoints to the other workers, to whom wants most."""

    def __init__(self, ds: DataFlow, who: str):
        self.ds = ds
        self._who = who

    def __call__(self, index: int, consumer: Channel, *workers: Channel) -> None:
        try:
            self._deal(workers)
        except Closed:  # a worker has died, and the consumer will find out
            pass
        except BaseException as e:
            send_failure(consumer, self._who, e)
            for channel in workers:
                channel.send_message(END, 0)
        consumer.receive()  # until it is closed

    def _deal(self, channels: Sequence[Channel]) -> None:
        self.ds.reset_state()
        datapoints = EndlessIterator(self.ds, self._who)
        workers = [_Worker(channel) for channel in channels]
        account = _Account(self._who, self.ds)
        holder: List[Any] = []
        while True:
            holder.append(next(datapoints))
            worker = _most_eager(workers)
            send_datapoint(worker.channel, holder, self._who, datapoints.num_passes)
            worker.passes.append(datapoints.num_passes)
            account.begin(datapoints.num_passes)
            account.look_at(workers)


class _Worker:
    """A worker as the dispatcher sees it.

    Attributes:
        channel: to it.
        passes: the pass of each datapoint that it has not finished, in the order in which they were sent.
    """

    def __init__(self, channel: Channel):
        self.channel = channel
        self.passes: Deque[int] = deque()

    def finished(self) -> Iterator[Tuple[int, bool]]:
        """(pass, whether it had a result) of all datapoints that were finished since the last call, by the worker's notes."""
        while self.channel.frames:
            stream = array.array("q")
            stream.frombytes(self.channel.frames.popleft().stream)
            kept = set(stream[1:])
            for _ in range(stream[0]):
                number = self.passes.popleft()
                yield number, number in kept


class _Account:
    """Raises ValueError when the function has dropped a pass as a whole, or all that an endless flow repeats."""

    def __init__(self, who: str, ds: DataFlow):
        self._who = who
        self._ledger = PassLedger(who)
        self._streak = DropStreak(who, ds, "map_func returned None for")

    def begin(self, number: int) -> None:
        self._check(self._ledger.begin(number))

    def look_at(self, workers: Sequence[_Worker]) -> None:
        for worker in workers:
            for number, has_result in worker.finished():
                if has_result:
                    self._streak.end()
                else:
                    self._streak.add()
                self._check(self._ledger.end(number, has_result))

    def _check(self, count: Optional[int]) -> None:
        if count is not None:
            raise dropped_pass(self._who, count)


def _most_eager(workers: Sequence[_Worker]) -> _Worker:
    """The worker with the most credits; waits until one has some."""
    while True:
        for worker in workers:
            worker.channel.receive_now()
        best = max(workers, key=lambda worker: worker.channel.credits)
        if best.channel.credits > 0:
            return best
        wait_for_any([worker.channel for worker in workers])


class Report:
    """In a worker: tells the dispatcher, with new credits, how many datapoints were finished and which passes had results.

    Args:
        dispatcher: the channel to it.
        limit: after how many datapoints to do so.
    """

    def __init__(self, dispatcher: Channel, limit: int):
        self._dispatcher = dispatcher
        self._limit = limit
        self._count = 0
        self._kept: Set[int] = set()

    def add(self, number: int, has_result: bool) -> None:
        """A datapoint of pass `number` was finished."""
        self._count += 1
        if has_result:
            self._kept.add(number)
        if self._count == self._limit:
            self._dispatcher.send_message(NOTE, 0, array.array("q", [self._count, *self._kept]).tobytes())
            self._dispatcher.grant(self._count)
            self._count = 0
            self._kept.clear()
