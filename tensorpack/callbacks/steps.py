"""Callbacks that act in every step."""
from __future__ import annotations

import time
from typing import Any, List, Optional, Sequence, Union

import numpy as np

from ..compat import tfv1 as tf
from ..tfutils.common import get_global_step_var, get_op_tensor_name
from ..utils import logger
from ..utils._arguments.numbers import whole_number
from ..utils._notebook.bars import make_bar
from ..utils._text.progress_bar import Bar
from ..utils.utils import get_tqdm_kwargs
from ._step_order import users_of_value
from .base import Callback

__all__ = ["MaintainStepCounter", "ProgressBar", "SessionRunTimeout", "TensorPrinter"]


class ProgressBar(Callback):
    """A progress bar per epoch on stderr or below the cell of a notebook, if asked for with the values of scalars; on every
    process.

    It is redrawn every 0.5 s on a terminal and rarely elsewhere; the environment variable TENSORPACK_PROGRESS_REFRESH sets
    the number of seconds.

    Args:
        names: name or names of scalar tensors; they are fetched with each step and shown by the last part of their names,
            e.g. `cost=1.08`.

    Raises:
        ValueError: before training, if a tensor is no scalar.
    """

    _chief_only = False

    def __init__(self, names: Union[str, Sequence[str]] = ()):
        self.names = _tensor_names(names)
        self._labels = _short_labels(self.names)
        self._run_args: Optional[tf.train.SessionRunArgs] = None
        self._bar: Optional[Bar] = None
        self._values: Sequence[Any] = ()

    def _before_train(self) -> None:
        # looked up this late, they may be tensors that a later callback has made
        tensors = self.get_tensors_maybe_in_tower(self.names)
        for name, tensor in zip(self.names, tensors):
            if tensor.shape.ndims != 0:
                raise ValueError("ProgressBar: tensors must be scalars; got shape {} for '{}'".format(tensor.shape, name))
        if tensors:
            self._run_args = tf.train.SessionRunArgs(tensors)

    def _before_epoch(self) -> None:
        options = get_tqdm_kwargs(leave=True, total=self.trainer.steps_per_epoch)
        if self.names:
            options["bar_format"] = options["bar_format"][:-1] + "{postfix}]"
        # tqdm draws whenever it is updated, and we update it when it is time: asking it in each step would cost more
        self._interval = options.pop("mininterval")
        self._bar = make_bar(mininterval=0, miniters=1, **options)
        self._num_new = 0
        self._next_draw = time.perf_counter() + self._interval

    def _before_run(self, ctx: tf.train.SessionRunContext) -> Optional[tf.train.SessionRunArgs]:
        return self._run_args

    def _after_run(self, run_context: tf.train.SessionRunContext, run_values: tf.train.SessionRunValues) -> None:
        self._values = run_values.results

    def _trigger_step(self) -> None:
        if self._bar is None:  # something has switched this callback on in the middle of an epoch
            return
        self._num_new += 1
        if time.perf_counter() >= self._next_draw:
            self._set_postfix(self._bar)
            self._bar.update(self._num_new)
            self._num_new = 0
            self._next_draw = time.perf_counter() + self._interval

    def _after_epoch(self) -> None:
        if self._bar is not None:
            self._set_postfix(self._bar)
            self._bar.n += self._num_new  # closing draws it
        self._close()

    def _after_train(self) -> None:
        self._close()

    def _set_postfix(self, bar: Bar) -> None:
        if self._values:
            bar.set_postfix(dict(zip(self._labels, map(_to_python, self._values))), refresh=False)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class TensorPrinter(Callback):
    """Log tensors in each step, as `{tensor name}: {value}`; on the chief only. It is for debugging, and slow.

    Args:
        names: name or names of tensors.
    """

    def __init__(self, names: Union[str, Sequence[str]]):
        self.names = _tensor_names(names)
        logger.warning("TensorPrinter logs in each step, which slows training down; it is for debugging only.")

    def _setup_graph(self) -> None:
        self._run_args = tf.train.SessionRunArgs(self.get_tensors_maybe_in_tower(self.names))

    def _before_run(self, ctx: tf.train.SessionRunContext) -> tf.train.SessionRunArgs:
        return self._run_args

    def _after_run(self, run_context: tf.train.SessionRunContext, run_values: tf.train.SessionRunValues) -> None:
        for name, value in zip(self.names, run_values.results):
            logger.info("%s: %s", name, value)


class SessionRunTimeout(Callback):
    """Let a step fail with `tf.errors.DeadlineExceededError` when it takes too long; on the chief only.

    Args:
        timeout_in_ms: how long a step may take, in milliseconds.
    """

    def __init__(self, timeout_in_ms: int):
        self.timeout_in_ms = whole_number(self, "timeout_in_ms", timeout_in_ms, minimum=1)
        self._run_args = tf.train.SessionRunArgs([], options=tf.RunOptions(timeout_in_ms=self.timeout_in_ms))

    def _before_run(self, ctx: tf.train.SessionRunContext) -> tf.train.SessionRunArgs:
        return self._run_args


class MaintainStepCounter(Callback):
    """Count the steps, in TensorFlow and in the training loop; on every process. The trainer adds it by itself.

    Creates the variable `global_step` if it is missing, and the operation `global_step_incr` that is run with each step. A
    learning rate that the graph computes from the global step alone sees the number of the steps before this one, in conditions
    as well (not in loops).
    """

    _chief_only = False

    def _setup_graph(self) -> None:
        global_step = get_global_step_var()
        with self.graph.name_scope(None), self.graph.colocate_with(global_step.op), \
                self.graph.control_dependencies(users_of_value(global_step)):
            if global_step.op.type == "VarHandleOp":  # a resource variable gives its operation a name of its own
                increment = tf.group(global_step.assign_add(1, read_value=False), name="global_step_incr")
            else:
                increment = tf.assign_add(global_step, 1, name="global_step_incr").op
        self._run_args = tf.train.SessionRunArgs(increment)

    def _before_train(self) -> None:
        self._loop = self.trainer.loop
        if self.global_step != 0:
            logger.info("Training starts at global_step=%d", self.global_step)

    def _before_run(self, ctx: tf.train.SessionRunContext) -> tf.train.SessionRunArgs:
        return self._run_args

    def _after_run(self, run_context: tf.train.SessionRunContext, run_values: tf.train.SessionRunValues) -> None:
        self._loop._global_step += 1


def _tensor_names(names: Union[str, Sequence[str]]) -> List[str]:
    names = [names] if isinstance(names, str) else names
    return [get_op_tensor_name(name)[1] for name in names]


def _short_labels(names: Sequence[str]) -> List[str]:
    """The last part of each name; the whole name where two would look the same."""
    full = [name[:-len(":0")] if name.endswith(":0") else name for name in names]
    short = [name.split("/")[-1] for name in full]
    return [s if short.count(s) == 1 else f for s, f in zip(short, full)]


def _to_python(value: Any) -> Any:
    """A Python number for a numpy one, which tqdm would show with all its digits."""
    return value.item() if isinstance(value, np.generic) else value
