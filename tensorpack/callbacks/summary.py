"""Callbacks that compute summaries and send them to the monitors."""
from __future__ import annotations

import re
from collections import deque
from typing import Any, Deque, List, Optional, Sequence, Tuple, Union

from ..compat import is_tensor_like
from ..compat import tfv1 as tf
from ..tfutils._no_match import warn_of_empty_collection
from ..tfutils.common import get_op_tensor_name
from ..utils import logger
from ..utils._arguments.numbers import whole_number
from ..utils._text.counted import counted
from ..utils.naming import MOVING_SUMMARY_OPS_KEY
from ._memory import Memory
from ._monitors.base import clean_tag
from .base import Callback

__all__ = ["MergeAllSummaries", "MovingAverageSummary", "SimpleMovingAverage"]


class MovingAverageSummary(Callback):
    """Maintain the moving averages made by `add_moving_summary`; on the chief only.

    It does not write them: `MergeAllSummaries` does. Without `train_op` the updates are grouped as
    `MovingAverageSummary/maintain_moving_average_summary` and run with each `hooked_sess.run`.

    Args:
        collection: name of the collection of updates; read when the graph is set up.
        train_op: an operation or tensor, or the name of one; the updates become control inputs of it, so that they run
            whenever it does.

    Raises:
        TypeError: `train_op` is none of these.
    """

    def __init__(self, collection: str = MOVING_SUMMARY_OPS_KEY, train_op: Union[None, str, tf.Operation, tf.Tensor] = None):
        if not (train_op is None or isinstance(train_op, (str, tf.Operation)) or is_tensor_like(train_op)):
            raise TypeError("MovingAverageSummary: train_op must be an operation, a tensor or a name; got {!r}".format(
                train_op))
        self.collection = collection
        self.train_op = train_op
        self._run_args: Optional[tf.train.SessionRunArgs] = None

    def _setup_graph(self) -> None:
        updates = [_as_operation(self.graph, x) for x in tf.get_collection(self.collection)]
        if self.collection != MOVING_SUMMARY_OPS_KEY:
            warn_of_empty_collection("MovingAverageSummary(collection=)", self.collection)
        if updates:
            logger.info("Maintain moving average summary of %s in collection %s.", counted(len(updates), "tensor"),
                        self.collection)
        if self.train_op is not None:
            _as_operation(self.graph, self.train_op)._add_control_inputs(updates)
            return
        maintain = tf.group(*updates, name="maintain_moving_average_summary")
        if updates:
            self._run_args = tf.train.SessionRunArgs(maintain)

    def _before_run(self, ctx: tf.train.SessionRunContext) -> Optional[tf.train.SessionRunArgs]:
        return self._run_args


class _MergeSummaries(Callback):
    """Evaluate a collection of summaries in the last step of each epoch and every `period` steps; on the chief only."""

    def __init__(self, period: int, key: str):
        self.period = whole_number("MergeAllSummaries", "period", period, minimum=0)
        self.key = key

    def _setup_graph(self) -> None:
        summaries = tf.get_collection(self.key)
        if self.key != tf.GraphKeys.SUMMARIES:
            warn_of_empty_collection("MergeAllSummaries(key=)", self.key)
        if summaries:
            logger.info("Summarizing collection '%s' of size %d.", self.key, len(summaries))
        _check_scalars(summaries)
        for asked, got in _renamed(self.graph, summaries):
            logger.warning("A summary that was given the name '%s' is called '%s', because the graph has something of that "
                           "name already. Write tf.summary.scalar('%s-summary', ...): monitors leave the ending out.", asked,
                           got, asked)
        self.summary_op: Optional[tf.Tensor] = tf.summary.merge_all(self.key)

    def _is_last_step(self) -> bool:
        return self.local_step == self.trainer.steps_per_epoch - 1

    def _is_periodic_step(self) -> bool:
        return self.period > 0 and (self.local_step + 1) % self.period == 0


class MergeAllSummaries_RunWithOp(_MergeSummaries):
    """`MergeAllSummaries` as a part of the step."""

    def _setup_graph(self) -> None:
        super()._setup_graph()
        self._run_args = None if self.summary_op is None else tf.train.SessionRunArgs(self.summary_op)

    def _before_run(self, ctx: tf.train.SessionRunContext) -> Optional[tf.train.SessionRunArgs]:
        if self._is_last_step() or self._is_periodic_step():
            return self._run_args
        return None

    def _after_run(self, run_context: tf.train.SessionRunContext, run_values: tf.train.SessionRunValues) -> None:
        if run_values.results is not None:
            self.trainer.monitors.put_summary(run_values.results)


class MergeAllSummaries_RunAlone(_MergeSummaries):
    """`MergeAllSummaries` in a session call of its own."""

    def _trigger_step(self) -> None:
        if self._is_periodic_step() and not self._is_last_step():  # the epoch takes care of its last step
            self._trigger()

    def _trigger(self) -> None:
        if self.summary_op is not None:
            self.trainer.monitors.put_summary(self.summary_op.eval())


def MergeAllSummaries(period: int = 0, run_alone: bool = False, key: Optional[str] = None) -> Callback:
    """Make the callback that evaluates all summaries of the graph and sends them to the monitors; it runs on the chief only.

    It does so with the last step of each epoch.

    Args:
        period: do it every so many steps of an epoch as well; 0 for no more than once an epoch.
        run_alone: evaluate them in a session call of their own and not as a part of a step. For summaries that are slow, and
            depend on no input data that would have to be fed or would be taken from training.
        key: name of the collection; `tf.GraphKeys.SUMMARIES` by default.
    """
    key = tf.GraphKeys.SUMMARIES if key is None else key
    return MergeAllSummaries_RunAlone(period, key) if run_alone else MergeAllSummaries_RunWithOp(period, key)


class SimpleMovingAverage(Callback):
    """Send the mean of scalars over the last steps to the monitors, as `{op name}/SMA`; on the chief only.

    It does so when the global step is a multiple of `window_size`. A training that is resumed at the end of an epoch goes on
    with the last values of the earlier run, which are in `callbacks.json` in the log directory.

    Args:
        tensors: name or names of scalar tensors.
        window_size: number of steps.
    """

    def __init__(self, tensors: Union[str, Sequence[str]], window_size: int):
        names = [tensors] if isinstance(tensors, str) else list(tensors)
        self.tensors = [get_op_tensor_name(name)[1] for name in names]
        self.window_size = whole_number(self, "window_size", window_size, minimum=1)
        self._history: Deque[Sequence[Any]] = deque(maxlen=self.window_size)
        self._memory = Memory(self, "SimpleMovingAverage/{}/{}".format(",".join(self.tensors), self.window_size))

    def _setup_graph(self) -> None:
        tensors = self.get_tensors_maybe_in_tower(self.tensors)
        for name, tensor in zip(self.tensors, tensors):
            if tensor.shape.ndims != 0:
                raise ValueError("SimpleMovingAverage: tensors must be scalars; got shape {} for '{}'".format(
                    tensor.shape, name))
        self._run_args = tf.train.SessionRunArgs(tensors)

    def _before_run(self, ctx: tf.train.SessionRunContext) -> tf.train.SessionRunArgs:
        return self._run_args

    def _after_run(self, run_context: tf.train.SessionRunContext, run_values: tf.train.SessionRunValues) -> None:
        self._history.append(run_values.results)

    def _before_train(self) -> None:
        remembered = self._memory.recall()
        if remembered is not None and remembered.global_step == self.global_step:
            self._history.extend(remembered.state["values"])

    def _after_epoch(self) -> None:
        self._memory.keep({"values": [[float(value) for value in values] for values in self._history]})

    def _trigger_step(self) -> None:
        if self.global_step % self.window_size != 0:
            return
        for name, values in zip(self.tensors, zip(*self._history)):
            mean = sum(float(value) for value in values) / len(values)
            self.trainer.monitors.put_scalar(get_op_tensor_name(name)[0] + "/SMA", mean)


def _renamed(graph: tf.Graph, summaries: Sequence[Any]) -> List[Tuple[str, str]]:
    """(name asked for, name got) of the scalars that TensorFlow has renamed, since they had the name of something else."""
    found = []
    scalars = [summary.op.name for summary in summaries if is_tensor_like(summary) and summary.op.type == "ScalarSummary"]
    for name in scalars:
        asked = re.sub(r"_\d+$", "", name)
        # of two summaries each may have been given its name: error, error_1
        if asked != name and asked not in scalars and _is_in_use(graph, asked):
            found.append((clean_tag(asked), clean_tag(name)))
    return found


def _check_scalars(summaries: Sequence[Any]) -> None:
    """Raise where a summary of a scalar has a vector or more, of which TensorFlow would tell at the end of the epoch."""
    for summary in summaries:
        if not (is_tensor_like(summary) and summary.op.type == "ScalarSummary"):
            continue
        tags, values = summary.op.inputs
        if tags.shape.rank == 0 and values.shape.rank:
            raise ValueError("tf.summary.scalar({0!r}, ...): the tensor must be a scalar; got {1!r} of shape {2}; give its "
                             "mean, or write tf.summary.histogram({0!r}, ...)".format(
                                 clean_tag(summary.op.name), values.name, values.shape))


def _is_in_use(graph: tf.Graph, name: str) -> bool:
    return any(op.name == name or op.name.startswith(name + "/") for op in graph.get_operations())


def _as_operation(graph: tf.Graph, x: Any) -> tf.Operation:
    element = graph.as_graph_element(x)
    return element if isinstance(element, tf.Operation) else element.op
