"""An optimizer that keeps moving averages of the variables, and a saver that writes them in the places of the variables."""
from __future__ import annotations

from typing import Any, Dict, Optional

from .......compat import tfv1 as tf

__all__ = ["MovingAverageOptimizer"]


class MovingAverageOptimizer(tf.train.Optimizer):
    """Wraps `opt`; after its step it updates a moving average of each variable that has a gradient.

    Args:
        average_decay, num_updates: see `tf.train.ExponentialMovingAverage`.
        sequential_update: False to update averages at the same time as the variables.
    """

    def __init__(self, opt: Any, average_decay: float = 0.9999, num_updates: Any = None, sequential_update: bool = True):
        self._optimizer = opt
        self._ema = tf.train.ExponentialMovingAverage(average_decay, num_updates=num_updates)
        self._sequential_update = sequential_update
        self._swapped: Optional[Dict[str, Any]] = None  # name of a variable or average -> the other variable

    def compute_gradients(self, *args: Any, **kwargs: Any) -> Any:
        return self._optimizer.compute_gradients(*args, **kwargs)

    def apply_gradients(self, grads_and_vars: Any, global_step: Any = None, name: Optional[str] = None) -> Any:
        grads_and_vars = list(grads_and_vars)
        train = self._optimizer.apply_gradients(grads_and_vars, global_step=global_step, name=name)
        variables = [variable for gradient, variable in grads_and_vars if gradient is not None]
        with tf.control_dependencies([train] if self._sequential_update else []):
            average = self._ema.apply(variables)
        self._swapped = {}
        for each in variables:
            mean = self._ema.average(each)
            self._swapped.update({each.op.name: mean, mean.op.name: each})
        return tf.group(train, average, name="train_with_avg")

    def swapping_saver(self, var_list: Any = None, name: str = "swapping_saver", **kwargs: Any) -> Any:
        """A `tf.train.Saver` under which each variable and its average have exchanged names.

        Args:
            var_list: list, or {name in the checkpoint: variable}; all global variables by default.

        Raises:
            RuntimeError: the optimizer has not been applied.
            ValueError: of a variable and its average only one would be saved.
        """
        if self._swapped is None:
            raise RuntimeError("MovingAverageOptimizer: apply_gradients or minimize must come before swapping_saver")
        variables = tf.global_variables() if var_list is None else var_list
        if not isinstance(variables, dict):
            variables = _by_name(variables)
        known = {part.op.name for value in variables.values() for part in _parts(value)}
        return tf.train.Saver({key: self._other(value, known) for key, value in variables.items()}, name=name, **kwargs)

    def _other(self, value: Any, known: Any) -> Any:
        if isinstance(value, list):
            return [self._other(each, known) for each in value]
        other = (self._swapped or {}).get(value.op.name)
        if other is not None and other.op.name not in known:
            raise ValueError("MovingAverageOptimizer.swapping_saver: {} must be among the variables to save, as {} is".format(
                other.op.name, value.op.name))
        return value if other is None else other


def _by_name(variables: Any) -> Dict[str, Any]:
    """{name in a checkpoint: variable, or the list of parts of a partitioned one}."""
    found: Dict[str, Any] = {}
    for each in variables:
        for part in _parts(each):
            info = getattr(part, "_save_slice_info", None)
            if info:
                found.setdefault(info.full_name, []).append(part)
            else:
                found[part.op.name] = part
    return found


def _parts(value: Any) -> Any:
    return [value] if hasattr(value, "op") else list(value)
