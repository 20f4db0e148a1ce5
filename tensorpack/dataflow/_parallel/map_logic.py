"""The logic of all parallel maps: which datapoints are at work, what a pass is, and when an error is raised."""
from __future__ import annotations

from typing import Any, Dict, Iterator, NamedTuple, NoReturn, Optional, Tuple

from ...utils import logger
from ...utils._arguments.flags import true_or_false
from ...utils._arguments.functions import check_function
from ...utils._arguments.numbers import whole_number
from .._flows._told.drop_streak import DropStreak
from .._flows.endless import EndlessIterator
from ..base import (
    CreatedByReset,
    DataFlow,
    DataFlowReentrantGuard,
    DataFlowTerminated,
    ProxyDataFlow,
    known_length,
    never_ends,
)
from .pass_ledger import PassLedger, dropped_pass


class Outcome(NamedTuple):
    """What became of job number `tag`: a value, or an error."""

    tag: int
    value: Any
    error: Optional[BaseException] = None


class ParallelMapData(ProxyDataFlow):
    """Base of parallel maps; a subclass does the work in `_dispatch` and `_next_outcome`.

    At most `buffer_size` datapoints are at work or waiting. Errors of `ds` and of the function are raised after the results
    of all datapoints before, and again by later iterations. So is a pass of `ds` of which the function drops everything.
    """

    _guard: CreatedByReset[DataFlowReentrantGuard] = CreatedByReset()
    _error: Optional[BaseException] = None
    _is_forgotten = False

    def __init__(self, ds: DataFlow, map_func: Any, buffer_size: int, strict: bool):
        super().__init__(ds)
        who = type(self).__name__
        check_function(who, "map_func", map_func, "of the whole datapoint, one argument")
        buffer_size = whole_number(self, "buffer_size", buffer_size, minimum=1)
        length = known_length(ds)
        if length == 0:
            raise ValueError("{}: the DataFlow must not be empty; got {!r}, which has length 0".format(who, ds))
        if strict and length is not None and buffer_size > length:
            logger.warning("[%s] buffer_size=%d is larger than the DataFlow; %d is used, its size.", who, buffer_size, length)
            buffer_size = length
        self.map_func = map_func
        self._buffer_size = buffer_size
        self._strict = true_or_false(self, "strict", strict)

    def forget_pass(self) -> None:
        """Let the next iteration begin a new pass, also if it finds an abandoned one; what is left of that is thrown away."""
        self._is_forgotten = True

    def _dispatch(self, tag: int, dp: Any) -> None:
        """Override: start job number `tag`."""
        raise NotImplementedError

    def _next_outcome(self) -> Outcome:
        """Override: what came out of any of the jobs; waits for it. Raises if there will be no more."""
        raise NotImplementedError

    def _close_workers(self) -> None:
        """Override: end the workers, whose work is not wanted any more."""

    def _begin(self) -> None:
        """Start to work on the first pass; `reset_state` calls it when the workers run."""
        self._guard = DataFlowReentrantGuard(owner=self)
        self._error = None
        self._jobs: Dict[int, int] = {}  # number of each datapoint at work -> number of its pass
        self._ledger = PassLedger(type(self).__name__)
        self._num_jobs = 0  # ever
        self._first_failure: Optional[Outcome] = None
        self._begin_pass()
        if self._strict and self._is_exhausted and self._num_jobs and self._num_jobs < self._buffer_size:
            logger.warning("[%s] buffer_size=%d is larger than the DataFlow, which has %d datapoints.",
                           type(self).__name__, self._buffer_size, self._num_jobs)

    def _begin_pass(self) -> None:
        self._source: Any = iter(self.ds) if self._strict else EndlessIterator(self.ds, self)
        self._is_exhausted = False
        self._source_error: Optional[BaseException] = None
        self._num_delivered = 0
        self._fill()

    def __iter__(self) -> Iterator[Any]:
        with self._guard:
            if self._error is not None:
                raise self._error
            for _, value in self._strict_pass() if self._strict else self._endless_pass():
                yield value

    def _strict_pass(self) -> Iterator[Tuple[int, Any]]:
        if self._is_forgotten:
            self._is_forgotten = False
            self._drop_abandoned()
        self._fill()
        if not self._jobs and self._num_delivered:  # the consumer of the last pass did not look for its end
            self._check_source()
            self._begin_pass()
        while self._jobs:
            outcome = self._collect()
            self._num_delivered += 1
            self._fill()
            yield outcome.tag, outcome.value
        self._check_source()
        self._begin_pass()

    def _drop_abandoned(self) -> None:
        if not self._num_delivered:
            return
        self._is_exhausted = True
        while self._jobs:
            self._collect()
        self._check_source()
        self._begin_pass()

    def _endless_pass(self) -> Iterator[Tuple[int, Any]]:
        dropped = DropStreak(self, self.ds, "map_func returned None for")
        while True:
            self._fill()
            if not self._jobs:
                self._check_source()
            outcome = self._collect()
            if outcome.value is None:
                try:
                    dropped.add()
                except ValueError as e:
                    self._fail(e)
                continue
            dropped.end()
            yield outcome.tag, outcome.value

    def _never_ends(self) -> bool:
        return not self._strict or never_ends(self.ds)

    def _not_each_once(self) -> Optional[str]:
        if self._strict:
            return None
        return "mixes passes, up to {} datapoints of the next one with those of this one; use strict=True".format(
            self._buffer_size)

    def _room(self) -> int:
        """How many more datapoints may be at work."""
        return self._buffer_size - len(self._jobs)

    def _fill(self) -> None:
        while not self._is_exhausted and self._room() > 0:
            self._feed()

    def _feed(self) -> None:
        try:
            self._dispatch(self._num_jobs, next(self._source))
        except StopIteration:
            self._is_exhausted = True
        except (Exception, DataFlowTerminated) as e:
            self._is_exhausted = True
            self._source_error = e
        else:
            number = 0 if self._strict else self._source.num_passes
            self._jobs[self._num_jobs] = number
            self._note_dropped(self._num_jobs, self._ledger.begin(number))
            self._num_jobs += 1

    def _note_dropped(self, tag: int, count: Optional[int]) -> None:
        """Make it a failure of job `tag` if a pass was dropped as a whole, all `count` datapoints of it."""
        if count is not None:
            self._note_failure(Outcome(tag, None, dropped_pass(type(self).__name__, count)))

    def _note_failure(self, outcome: Outcome) -> None:
        self._is_exhausted = True
        if self._first_failure is None or outcome.tag < self._first_failure.tag:
            self._first_failure = outcome

    def _collect(self) -> Outcome:
        """The outcome of a job that has succeeded; raises the first error, when all jobs before have come to an end."""
        while True:
            self._check_failure()
            outcome = self._next_outcome()
            outcome = self._judged(outcome)
            has_result = outcome.value is not None or outcome.error is not None
            self._note_dropped(outcome.tag, self._ledger.end(self._jobs.pop(outcome.tag), has_result))
            if outcome.error is None:
                return outcome
            self._note_failure(outcome)

    def _judged(self, outcome: Outcome) -> Outcome:
        if outcome.error is None and outcome.value is None and self._strict:
            return outcome._replace(error=ValueError("[{}] Map function cannot return None when strict mode is used.".format(
                type(self).__name__)))
        return outcome

    def _check_failure(self) -> None:
        failure = self._first_failure
        if failure is not None and failure.error is not None and not any(tag < failure.tag for tag in self._jobs):
            self._fail(failure.error)

    def _check_source(self) -> None:
        failure = self._first_failure
        if failure is not None and failure.error is not None:
            self._fail(failure.error)
        if self._source_error is not None:
            self._fail(self._source_error)

    def _fail(self, error: BaseException) -> NoReturn:
        self._error = error
        self._close_workers()
        raise error
