"""Callbacks that change hyper-parameters while training: by a schedule, a function, a file, or a statistic."""
from __future__ import annotations

import os
from collections import deque
from typing import Any, Callable, Deque, Dict, Optional, Sequence, Tuple, Union

import numpy as np

from ..utils import logger
from ..utils._arguments.functions import check_function
from ..utils._arguments.numbers import whole_number
from ..utils._text.spec import shown
from ..utils.argtools import log_once
from ._checks.arguments import check_number, directory_now, directory_so_far
from ._checks.statistic import Direction, StatisticWatch
from ._memory import Memory
from ._monitors.base import as_number
from ._monitors.stat_history import values_of_earlier_run
from ._param.hyper_param import GraphVarParam, HyperParam, ObjAttrParam
from ._param.schedule import parse_schedule, value_in_force, value_to_set
from .base import Callback, unwrapped
from .saver import find_model_saver

__all__ = ["GraphVarParam", "HumanHyperParamSetter", "HyperParam", "HyperParamSetter", "HyperParamSetterWithFunc",
           "ObjAttrParam", "ScheduledHyperParamSetter", "StatMonitorParamSetter"]


class HyperParamSetter(Callback):
    """Base class of callbacks that set a hyper-parameter before training and at each trigger; runs on every process.

    A subclass implements `_get_value_to_set`. The first change in an epoch is logged. After the last step of each epoch the
    value, if it is a number, is put to the monitors under the `readable_name` of the parameter, unless that was done in this
    step already, as by a summary.

    A training that is resumed goes on with the value that the parameter had, if it is a number, also if checkpoints do not have
    it: the last trigger of the earlier run is made again, from the value before it. It is in `callbacks.json` in the log
    directory. Of several processes that train together the chief reads it, and the others get the value before the first epoch.

    Args:
        param: a HyperParam, or the name of a variable of the graph.

    Raises:
        TypeError: `param` is neither.
    """

    _chief_only = False
    _enable_before_train = True
    _depends_on_value = True  # on the value that the parameter has, so that earlier values count
    _depends_on_chief = False  # on what only the chief of several processes has, such as statistics and the log directory

    def __init__(self, param: Union[str, HyperParam]):
        if not isinstance(param, (str, HyperParam)):
            raise TypeError("{}: param must be a HyperParam or the name of a variable; got {}; try 'learning_rate'".format(
                type(self).__name__, shown(param)))
        self.param = GraphVarParam(param) if isinstance(param, str) else param
        self._last_epoch_logged: Optional[int] = None
        self._own_memory: Optional[Memory] = None
        self._has_recalled = False
        self._is_in_epoch = self._is_put_off = False

    def _setup_graph(self) -> None:
        self.param.setup_graph()

    def get_value_to_set(self) -> Any:
        """What to set now; None to leave the parameter as it is."""
        return self._get_value_to_set()

    def _get_value_to_set(self) -> Any:
        """Override this one."""
        raise NotImplementedError("{}: override _get_value_to_set()".format(type(self).__name__))

    def get_current_value(self) -> Any:
        """The value of the parameter now."""
        return self.param.get_value()

    @property
    def _memory(self) -> Memory:
        if self._own_memory is None:  # a parameter may get its name when the graph is set up
            self._own_memory = Memory(self, "{}/{}".format(type(self).__name__, self.param.readable_name))
        return self._own_memory

    def _warn_of_no_use(self) -> None:
        why = self.param.why_without_effect()
        if why is not None:
            logger.warning("[%s] sets '%s', and %s", type(self).__name__, self.param.readable_name, why)

    def _before_train(self) -> None:
        self._warn_of_no_use()
        last = self._memory.recall() if self._depends_on_value else None
        self._has_recalled = last is not None
        if last is None:
            if self._enable_before_train:
                self._set_and_remember()
            return
        is_done = last.global_step == self.global_step
        if is_done or not self.param.is_in_checkpoints():
            self._assign(last.state["before" if is_done else "after"])
        if is_done or self._acts_in_each_epoch():
            self._set_and_remember()

    def _is_left_to_chief(self) -> bool:
        """Whether one of several processes that train together tells the others the value, before each epoch."""
        return self._depends_on_chief and self.trainer._trains_with_others and not self.chief_only

    def _tells_others(self) -> bool:
        """Whether the value of the chief counts in the epoch that begins, for all processes that train together."""
        is_resumed, self._has_recalled = self._has_recalled, False
        return self._is_left_to_chief() or is_resumed

    def _take(self, value: Any) -> None:
        """Set what the chief has told."""
        if not _is_close(self.get_current_value(), value):
            self._assign(value)

    def _before_epoch(self) -> None:
        self._is_in_epoch = self._is_left_to_chief()

    def _after_epoch(self) -> None:
        self._is_in_epoch = False
        if self._is_put_off:
            self._is_put_off = False
            self._set_and_remember()
        name, value = self.param.readable_name, as_number(self.get_current_value())
        history = self.trainer.monitors.get_history(name)
        if value is not None and not (history and history[-1][0] == self.global_step):
            self.trainer.monitors._put_number(name, value)  # there may be a summary of the parameter, too

    def _acts_in_each_epoch(self) -> bool:
        """Whether no other callback decides when this one is triggered."""
        return any(cb is self for cb in self.trainer._callbacks.cbs)

    def _trigger(self) -> None:
        if self._is_in_epoch:  # of several processes, the others get the value before the next epoch
            self._is_put_off = True
        else:
            self._set_and_remember()

    def _set_and_remember(self) -> None:
        if not self._depends_on_value:
            self._set_param()
            return
        before = as_number(self.get_current_value())
        self._set_param()
        after = as_number(self.get_current_value())
        if before is not None and after is not None:
            self._memory.keep(dict(self._more_to_remember(), before=before, after=after))

    def _more_to_remember(self) -> Dict[str, Any]:
        return {}

    def _set_param(self) -> None:
        if self._is_left_to_chief() and not self.trainer.is_chief:
            return
        value = self.get_value_to_set()
        if value is not None:
            self._assign(value)

    def _assign(self, value: Any) -> None:
        if self._last_epoch_logged != self.epoch_num:
            self._log_change(self.get_current_value(), value)
        self.param.set_value(value)

    def _log_change(self, old: Any, new: Any) -> None:
        if _is_close(old, new):
            return
        self._last_epoch_logged = self.epoch_num
        logger.info("[%s] At global_step=%d, %s changes from %s to %s.", type(self).__name__, self.global_step,
                    self.param.readable_name, _text(old), _text(new))


def _is_close(old: Any, new: Any) -> bool:
    try:
        return bool(np.all(np.isclose(old, new, atol=0)))
    except (TypeError, ValueError):  # no numbers, or arrays of different shapes
        return False


def _text(value: Any) -> str:
    if np.ndim(value) == 0 and isinstance(value, (int, float, np.number)):
        return format(value, ".6f")
    return str(value)


class HumanHyperParamSetter(HyperParamSetter):
    """Set a hyper-parameter to what somebody writes into a file in the log directory while training goes on.

    The file has one `name:value` per line, with the `readable_name` of each parameter; several parameters may share a file.
    It is read before training and at each trigger. Without a file nothing changes. If a line is something else, or the
    parameter is not in the file, this is warned of and nothing changes. Of several processes that train together the chief
    reads it, and the others get the value before each epoch.

    Args:
        param: a HyperParam, or the name of a variable of the graph.
        file_name: name of the file.

    Raises:
        RuntimeError: there is no log directory when the graph is set up, on the chief.
    """

    _depends_on_value = False
    _depends_on_chief = True

    def __init__(self, param: Union[str, HyperParam], file_name: str = "hyper.txt"):
        super().__init__(param)
        self.file_name = file_name
        self._dir = directory_so_far()
        self._announce()

    def _setup_graph(self) -> None:
        if self._dir is None:
            self._dir = directory_so_far()
            self._announce()
        directory = directory_now(self._dir)
        if directory is None and self._is_left_to_chief() and not self.trainer.is_chief:
            super()._setup_graph()
            return
        if directory is None:
            raise RuntimeError("HumanHyperParamSetter: there must be a log directory for '{}'; got none; call "
                               "logger.set_logger_dir() before you make the callback".format(self.file_name))
        self._dir = directory
        super()._setup_graph()

    def _announce(self) -> None:
        if self._dir is not None:
            logger.info("Use %s to set the hyper-parameter '%s'.", self._path, self.param.readable_name)

    @property
    def _path(self) -> str:
        return os.path.join(self._dir, self.file_name)

    def _get_value_to_set(self) -> Optional[float]:
        try:
            with open(self._path, encoding="utf-8") as f:
                values = _parse_values(f.read())
            return self._converted(values[self.param.readable_name])
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as e:
            logger.warning("[HumanHyperParamSetter] %s is not used this time: %s", self._path, e)
        except KeyError:
            logger.warning("[HumanHyperParamSetter] %s has no line '%s:value'.", self._path, self.param.readable_name)
        return None

    def _converted(self, text: str) -> float:
        if isinstance(self.get_current_value(), (int, np.integer)):
            return int(text)
        return float(text)


def _parse_values(content: str) -> Dict[str, str]:
    values = {}
    for line in content.splitlines():
        if line.strip():
            name, _, value = line.rpartition(":")
            if not name or not np.isfinite(float(value)):
                raise ValueError("each line must be 'name:value' with a finite number; got {!r}".format(line))
            values[name.strip()] = value.strip()
    return values


class ScheduledHyperParamSetter(HyperParamSetter):
    """Set a hyper-parameter by a schedule.

    Args:
        param: a HyperParam, or the name of a variable of the graph.
        schedule: list of (epoch, value) or, with `step_based`, (global step, value). A value is set when that epoch or step
            is over; at 0 before training. Of several values for one point the first one counts, a point with a fraction is
            truncated; both are warned of. An empty list does nothing. One that begins after the end of training is warned of.
        interp: None, or "linear" to set a value on the line between two points at each epoch or step between them. After
            the last point the parameter is left alone.
        step_based: points are global steps; the schedule is asked after each step and not at triggers.
        set_at_beginning: whether a training that starts in the middle of the schedule sets the value that is in force
            there, if the parameter (as restored from a checkpoint, for instance) has another one. Both cases are warned of.

    Raises:
        TypeError, ValueError: the schedule is no list of pairs of numbers, a point is negative, or all pairs seem to be
            (value, epoch): each first member has a fraction, each second one has none.
        ValueError: `interp` is something else.

    Example: the learning rate is 0.1 for 30 epochs, 0.01 for the next 30, then 0.001::

        ScheduledHyperParamSetter("learning_rate", [(0, 0.1), (30, 0.01), (60, 0.001)])
    """

    _depends_on_value = False

    def __init__(self, param: Union[str, HyperParam], schedule: Sequence[Tuple[int, float]], interp: Optional[str] = None,
                 step_based: bool = False, set_at_beginning: bool = True):
        super().__init__(param)
        if interp not in (None, "linear"):
            raise ValueError("ScheduledHyperParamSetter: interp must be None or 'linear'; got {!r}".format(interp))
        self.schedule = parse_schedule("ScheduledHyperParamSetter", schedule)
        self.interp = interp
        self.step_based = step_based
        self.set_at_beginning = set_at_beginning
        self._previous: Optional[int] = None

    def _current_point(self) -> int:
        return self.global_step if self.step_based else self.epoch_num

    def _get_value_to_set(self) -> Optional[float]:
        current = self._current_point()
        # a step of the training loop may be several runs of the session, so that the global step skips points
        previous = self._previous if self.step_based and self._previous is not None else current - 1
        self._previous = current
        return value_to_set(self.schedule, previous, current, self.interp == "linear")

    def _before_train(self) -> None:
        self._warn_of_no_use()
        self._warn_of_no_effect()
        value = self.get_value_to_set()
        if value is not None:
            self._assign(value)
            return
        value = value_in_force(self.schedule, self._current_point(), self.interp == "linear")
        if value is not None:
            self._catch_up(value)

    def _warn_of_no_effect(self) -> None:
        if not self.schedule:
            return
        unit, end = "epoch", self.trainer.max_epoch
        if self.step_based:
            unit, end = "step", self.global_step + self.trainer.steps_per_epoch * (end - self.epoch_num)
        points = [point for point, _ in self.schedule]
        first = points[0]
        if first <= end < points[-1]:
            logger.info("[ScheduledHyperParamSetter] The points of %s from %d on are after the end of training, %s %d.",
                        self.param.readable_name, min(point for point in points if point > end), unit, end)
        if first > end:
            logger.warning("[ScheduledHyperParamSetter] %s is never set: the schedule begins after %s %d, and training ends "
                           "after %s %d%s.", self.param.readable_name, unit, first, unit, end,
                           "" if self.step_based else "; if its points are steps, pass step_based=True")

    def _catch_up(self, value: float) -> None:
        current = self.get_current_value()
        if _is_close(current, value):
            return
        logger.warning("[ScheduledHyperParamSetter] According to the schedule, %s should be %s at %s %d, but it is %s.",
                       self.param.readable_name, _text(value), "step" if self.step_based else "epoch",
                       self._current_point(), _text(current))
        if self.set_at_beginning:
            self._assign(value)
        else:
            logger.warning("[ScheduledHyperParamSetter] It is left so until the next point of the schedule, because of "
                           "set_at_beginning=False.")

    def _trigger_epoch(self) -> None:
        if not self.step_based:
            self.trigger()

    def _trigger_step(self) -> None:
        if self.step_based:
            self._set_param()

    def _acts_when_triggered(self) -> bool:
        return not self.step_based

    def __str__(self) -> str:
        return "ScheduledHyperParamSetter(schedule={})".format(self.schedule)


class HyperParamSetterWithFunc(HyperParamSetter):
    """Set a hyper-parameter to `func(epoch_num, current value)` before training and at each trigger.

    Before training the first argument is the number of the last epoch that is over, usually 0.

    Args:
        param: a HyperParam, or the name of a variable of the graph.
        func: a function of the two; None from it leaves the parameter as it is. If it was None each time, this is warned of
            after training.

    Raises:
        TypeError: `func` is no function of two arguments; or what it returns is no number, for a variable of numbers.
    """

    def __init__(self, param: Union[str, HyperParam], func: Callable[[int, Any], Any]):
        super().__init__(param)
        check_function(self, "func", func, "of (epoch_num, current value), two arguments", 2)
        self.func = func
        self._has_set: Optional[bool] = None  # before the first call

    def _get_value_to_set(self) -> Any:
        value = self.func(self.epoch_num, self.get_current_value())
        self._has_set = bool(self._has_set) or value is not None
        return value

    def _after_train(self) -> None:
        if self._has_set is False:
            logger.warning("[HyperParamSetterWithFunc] %s was never set, since the function has returned None each time; does "
                           "it end with `return`?", self.param.readable_name)


class StatMonitorParamSetter(HyperParamSetter):
    """Change a hyper-parameter when a statistic has stopped to decrease.

    At each trigger it takes the newest value of the statistic, so it belongs after the callback that computes it. When the
    last `last_k` values have no minimum below the first of them by more than `threshold`, the parameter is set, and the
    values are forgotten. NaN counts as no improvement. A training that is resumed goes on with the values of the earlier
    run, as told by `callbacks.json`, or else by `stats.json` (one for each epoch). Of several processes that train together the
    chief decides, and the others get the value before each epoch.

    Args:
        param: a HyperParam, or the name of a variable of the graph.
        stat_name: name of the statistic in the monitors.
        value_func: from the current value to the new one.
        threshold: by how much the statistic has to decrease; with a negative number it always
            does, so that the parameter is never set, which is warned of.
        last_k: in how many triggers, the one whose value is the first to compare with included: a patience of n is n + 1. With
            1 there is nothing to compare, and the parameter is set at each trigger, which is warned of.
        reverse: the statistic has to increase instead. A name that sounds otherwise, such as `val-accuracy` without it, is
            warned of.

    Raises:
        TypeError, ValueError: a number makes no sense, `value_func` is no function, or `stat_name` no str.

    Example: divide the learning rate by 10 when the validation error of 10 epochs has not been lower by 0.001
    than that of the epoch before them::

        StatMonitorParamSetter("learning_rate", "val-error", lambda x: x * 0.1, threshold=0.001, last_k=11)
    """

    _enable_before_train = False
    _depends_on_chief = True

    def __init__(self, param: Union[str, HyperParam], stat_name: str, value_func: Callable[[Any], Any], threshold: float,
                 last_k: int, reverse: bool = False):
        super().__init__(param)
        check_function(self, "value_func", value_func, "of the current value, one argument")
        self.stat_name = stat_name
        self.value_func = value_func
        self.threshold = check_number("StatMonitorParamSetter", "threshold", threshold)
        if threshold < 0:
            logger.warning("[StatMonitorParamSetter] threshold=%s: with a negative one the parameter is never set; give what "
                           "'%s' must at least %s by.", threshold, stat_name, "rise" if reverse else "fall")
        self.last_k = whole_number(self, "last_k", last_k, minimum=1)
        if self.last_k == 1:
            logger.warning("[StatMonitorParamSetter] last_k=1: a single value of '%s' is compared with itself, so that the "
                           "parameter is set at each trigger; for a patience of n triggers give n + 1.", stat_name)
        self.reverse = reverse
        self._history: Deque[float] = deque(maxlen=self.last_k)
        self._last_step: Optional[int] = None
        self._watch = StatisticWatch(self, stat_name, "the parameter is left alone", must_come_after=True, direction=Direction(
            larger=reverse, effect="the parameter changes when it has stopped to {}".format("rise" if reverse else "fall"),
            remedy="leave out reverse=True" if reverse else "pass reverse=True"))

    def _before_epoch(self) -> None:
        super()._before_epoch()
        if self._decides():
            self._watch.tell()

    def _after_train(self) -> None:
        if self._decides():
            self._watch.tell_at_end()

    def _decides(self) -> bool:
        return self.trainer.is_chief or not self._is_left_to_chief()

    def _before_train(self) -> None:
        self._warn_of_no_use()
        if self.global_step == 0:
            return
        last = self._memory.recall()
        done_until = -1
        if last is not None:
            done_until = last.global_step
            self._history.extend(float("inf") if value is None else value for value in last.state["history"])
            if done_until == self.global_step or not self.param.is_in_checkpoints():
                self._assign(last.state["after"])
        changed_at = self._count_values_after(done_until)
        if changed_at == self.global_step and self._comes_after_saver():
            self._assign(self.value_func(self.get_current_value()))

    def _count_values_after(self, done_until: int) -> Optional[int]:
        """Count the values of the earlier run that no trigger has seen; the last step at which it was time to change."""
        changed_at = None
        values = values_of_earlier_run(self.stat_name, self.trainer.starting_epoch, self.global_step)
        if done_until < 0 or self._acts_in_each_epoch():
            for step, value in values:
                if step is None or step > done_until:
                    changed_at = step if self._is_time_to_change(value) else changed_at
        if values or self._history:
            logger.info("[StatMonitorParamSetter] Of the earlier run, the last %d values of '%s' count.", len(self._history),
                        self.stat_name)
        return changed_at

    def _more_to_remember(self) -> Dict[str, Any]:
        return {"history": [value if np.isfinite(value) else None for value in self._history]}

    def _comes_after_saver(self) -> bool:
        """Whether the checkpoints are written before this callback changes the parameter in the same epoch."""
        callbacks = self.trainer._callbacks.cbs
        mine = next((i for i, cb in enumerate(callbacks) if unwrapped(cb) is self), len(callbacks))
        return find_model_saver(callbacks[:mine]) is not None

    def _get_value_to_set(self) -> Any:
        self._watch.note_trigger()
        history = self.trainer.monitors.get_history(self.stat_name)
        if not history:
            return None
        step, value = history[-1]
        if step == self._last_step:
            logger.warning("[StatMonitorParamSetter] There is no new value of '%s'; the last one is of global_step %d.",
                           self.stat_name, step)
            return None
        self._last_step = step
        if not self._is_time_to_change(value):
            return None
        logger.info("[StatMonitorParamSetter] '%s' has not become better in %d values.", self.stat_name, self.last_k)
        value = self.value_func(self.get_current_value())
        if value is None:
            log_once("[StatMonitorParamSetter] {} is left alone, since value_func has returned None; does it end with "
                     "`return`?".format(self.param.readable_name), "warning")
        return value

    def _is_time_to_change(self, value: Optional[float]) -> bool:
        """Add a value, None or NaN for one that is no number; if it is time, forget all."""
        if value is None or value != value:
            value = float("inf")
        elif self.reverse:
            value = -value
        self._history.append(value)
        if len(self._history) < self.last_k or min(self._history) < self._history[0] - self.threshold:
            return False
        self._history.clear()
        return True
