"""Which flow of a pipeline takes the time: each is timed while it is iterated, without those that it reads from."""
from __future__ import annotations

import functools
import threading
import time
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple

from ...utils.optional import optional_import
from ..base import DataFlow
from .below import sources_of


class StageTime(NamedTuple):
    """What one flow has taken, without the flows below it.

    Args:
        name: its class.
        depth: how many flows are above it.
        datapoints: that it gave in this process; 0 for a flow that only other processes iterate.
        cpu: seconds of computing.
        wait: seconds of anything else: disk, network, locks, other processes.
    """

    name: str
    depth: int
    datapoints: int
    cpu: float
    wait: float


class _Stage:
    """A running account of a flow."""

    def __init__(self, flow: DataFlow, depth: int):
        self.flow = flow
        self.original = type(flow)
        self.depth = depth
        self.datapoints = 0
        self.cpu = self.wall = 0.0

    def result(self) -> StageTime:
        return StageTime(self.original.__name__, self.depth, self.datapoints, self.cpu, max(0.0, self.wall - self.cpu))


class StageClock:
    """A context within which a flow and all those below it are timed; a datapoint costs two microseconds more in each.

    It gives every flow a class of its own for that time, since the loops of Python look `__iter__` up in the class.
    """

    def __init__(self, ds: DataFlow):
        self._stages = [_Stage(flow, depth) for flow, depth in _with_depths(ds)]
        self._running: Any = threading.local()  # the stages in which a thread is, the innermost last

    def __enter__(self) -> StageClock:
        for stage in self._stages:
            stage.flow.__class__ = self._timed_class(stage)
        return self

    def __exit__(self, *exc_info: Any) -> None:
        for stage in self._stages:
            stage.flow.__class__ = stage.original

    def restart(self) -> None:
        """Forget what was measured."""
        for stage in self._stages:
            stage.datapoints, stage.cpu, stage.wall = 0, 0.0, 0.0

    def results(self) -> List[StageTime]:
        """What was measured, from the last flow to the sources."""
        return [stage.result() for stage in self._stages]

    def _timed_class(self, stage: _Stage) -> Any:
        original = stage.original

        @functools.wraps(original.__iter__)
        def iterate(flow: Any) -> Iterator[Any]:
            return self._timed(original.__iter__(flow), stage)

        def reduce(flow: Any, protocol: Any) -> Any:
            reduced: Any = original.__reduce_ex__(flow, protocol)
            function, arguments, *rest = reduced
            arguments = tuple(original if x is type(flow) else x for x in arguments)
            return (_call, (function, arguments), *rest)  # pickle itself looks at the class of what is made

        return type(original.__name__, (original,), {
            "__iter__": iterate, "__reduce_ex__": reduce, "__module__": original.__module__, "__doc__": original.__doc__})

    def _timed(self, iterator: Any, stage: _Stage) -> Iterator[Any]:
        try:
            while True:
                try:
                    value = self._next(iterator, stage)
                except StopIteration:
                    return
                stage.datapoints += 1
                yield value
        finally:
            if hasattr(iterator, "close"):
                iterator.close()

    def _next(self, iterator: Any, stage: _Stage) -> Any:
        above: List[List[float]] = self._running.__dict__.setdefault("below", [])
        below = [0.0, 0.0]  # wall and CPU time of the flows that are called from within
        above.append(below)
        wall, cpu = time.perf_counter(), time.thread_time()
        try:
            return next(iterator)
        finally:
            wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
            above.pop()
            stage.wall += wall - below[0]
            stage.cpu += cpu - below[1]
            if above:
                above[-1][0] += wall
                above[-1][1] += cpu


def _call(function: Any, arguments: Any) -> Any:
    return function(*arguments)


def _with_depths(ds: DataFlow) -> List[Tuple[DataFlow, int]]:
    """A flow and those below it, each once, with how many are above it."""
    found: Dict[int, Tuple[DataFlow, int]] = {}
    waiting = [(ds, 0)]
    while waiting:
        flow, depth = waiting.pop()
        if id(flow) not in found:
            found[id(flow)] = flow, depth
            waiting.extend((below, depth + 1) for below in reversed(sources_of(flow)))
    return list(found.values())


def stage_table(stages: List[StageTime]) -> str:
    """The times as text; those of a datapoint are for one that comes out at the end, so they add up."""
    count = max(1, stages[0].datapoints)
    total = sum(stage.cpu + stage.wait for stage in stages) or 1.0
    names = ["  " * stage.depth + stage.name for stage in stages]
    width = max(map(len, names + ["flow"]))
    lines = ["{}  {:>10}  {:>8}  {:>8}  {:>5}".format("flow".ljust(width), "datapoints", "CPU ms", "wait ms", "share")]
    for name, stage in zip(names, stages):
        if stage.datapoints:
            lines.append("{}  {:>10}  {:>8.3f}  {:>8.3f}  {:>5.0%}".format(
                name.ljust(width), stage.datapoints, 1000 * stage.cpu / count, 1000 * stage.wait / count,
                (stage.cpu + stage.wait) / total))
        else:
            lines.append("{}  in other processes, or not read".format(name.ljust(width)))
    return "\n".join(lines)


def plot_stages(stages: List[StageTime], path: str) -> None:
    """The same as a picture, in a format that the ending of the path tells.

    Raises:
        ImportError: matplotlib is not installed.
    """
    figures: Any = optional_import("matplotlib.figure", needed_by="TestDataSpeed(plot=)", pip="matplotlib")
    count = max(1, stages[0].datapoints)
    figure = figures.Figure(figsize=(8, 1.2 + 0.4 * len(stages)))
    axes = figure.add_subplot(1, 1, 1)
    rows = list(range(len(stages)))
    cpu, wait = [[1000 * value / count for value in values] for values in zip(*[(s.cpu, s.wait) for s in stages])]
    axes.barh(rows, cpu, label="CPU")
    axes.barh(rows, wait, left=cpu, label="wait")
    axes.set_yticks(rows)
    axes.set_yticklabels([stage.name + ("" if stage.datapoints else " (elsewhere)") for stage in stages])
    axes.invert_yaxis()
    axes.set_xlabel("ms for a datapoint at the end")
    axes.legend()
    figure.tight_layout()
    figure.savefig(path)
