"""One operation that trains: gradients with noise, multipliers and clipping, their summaries, and the optimizer's step."""
from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Union

from .....compat import tfv1 as tf
from .....models._normalization.moving_statistics import move_average

__all__ = ["OPTIMIZER_CLS_NAMES", "OPTIMIZER_SUMMARIES", "adaptive_clipping_fn", "optimize_loss"]

GradsAndVars = List[Tuple[Any, Any]]

OPTIMIZER_CLS_NAMES: Dict[str, Callable[..., Any]] = {
    "Adagrad": tf.train.AdagradOptimizer,
    "Adam": tf.train.AdamOptimizer,
    "Ftrl": tf.train.FtrlOptimizer,
    "Momentum": lambda learning_rate: tf.train.MomentumOptimizer(learning_rate, momentum=0.9),
    "RMSProp": tf.train.RMSPropOptimizer,
    "SGD": tf.train.GradientDescentOptimizer,
}

OPTIMIZER_SUMMARIES = ["learning_rate", "loss", "gradients", "gradient_norm", "global_gradient_norm"]


def optimize_loss(
        loss: Any, global_step: Any, learning_rate: Any, optimizer: Any, gradient_noise_scale: Optional[float] = None,
        gradient_multipliers: Optional[Dict[Any, Any]] = None,
        clip_gradients: Union[None, float, Callable[[GradsAndVars], GradsAndVars]] = None,
        learning_rate_decay_fn: Optional[Callable[[Any, Any], Any]] = None, update_ops: Optional[Sequence[Any]] = None,
        variables: Optional[Sequence[Any]] = None, name: Any = None, summaries: Optional[Sequence[str]] = None,
        colocate_gradients_with_ops: bool = False, increment_global_step: bool = True) -> Any:
    """The loss, after a step of training that runs with it. Scope: `OptimizeLoss`.

    Args:
        loss: a scalar.
        global_step: the counter, which the step increments; None takes the graph's, which may be missing.
        learning_rate: a number (kept in the variable `learning_rate`), a scalar tensor, or None for an optimizer that has one.
        optimizer: an optimizer, a class or function of a learning rate, or a name of `OPTIMIZER_CLS_NAMES`.
        gradient_noise_scale: standard deviation of the normal noise, cut off at two deviations, that gradients get.
        gradient_multipliers: variable or its name -> factor of its gradient.
        clip_gradients: largest global norm, or a function from pairs to pairs (gradient, variable).
        learning_rate_decay_fn: (learning rate, global step) -> learning rate.
        update_ops: what runs before the gradients are computed; None takes UPDATE_OPS.
        variables: None takes the trainable ones.
        summaries: those of `OPTIMIZER_SUMMARIES` to make; None makes 'loss', 'learning_rate' and 'global_gradient_norm'.

    Raises:
        ValueError: an argument is none of these.
    """
    loss = tf.debugging.assert_scalar(tf.convert_to_tensor(loss))
    if global_step is None:
        global_step = tf.train.get_global_step()
    else:
        tf.train.assert_global_step(global_step)
    wanted = _checked_summaries(summaries)
    with tf.variable_scope(name, "OptimizeLoss", [loss, global_step]):
        updates = list(dict.fromkeys(tf.get_collection(tf.GraphKeys.UPDATE_OPS) if update_ops is None else update_ops))
        if updates:
            loss = _after(updates, loss)
        rate = _decayed(_learning_rate(learning_rate), learning_rate_decay_fn, global_step, wanted)
        chosen = _optimizer(optimizer, rate)
        pairs = chosen.compute_gradients(loss, tf.trainable_variables() if variables is None else variables,
                                         colocate_gradients_with_ops=colocate_gradients_with_ops)
        if gradient_noise_scale is not None:
            pairs = [(_noisy(gradient, gradient_noise_scale), variable) for gradient, variable in pairs]
        if gradient_multipliers is not None:
            pairs = [(_multiplied(gradient, variable, gradient_multipliers), variable) for gradient, variable in pairs]
        _summarize_norm("gradient_norm", pairs, wanted)
        clipped = _clipped(pairs, clip_gradients)
        _summarize(loss, clipped, wanted)
        if clip_gradients is not None:
            _summarize_norm("clipped_gradient_norm", clipped, wanted)
        step = chosen.apply_gradients(clipped, global_step=global_step if increment_global_step else None, name="train")
        return _after([step], loss)


def _after(operations: Sequence[Any], tensor: Any) -> Any:
    with tf.control_dependencies(operations):
        return tf.identity(tensor)


def _checked_summaries(summaries: Optional[Sequence[str]]) -> Sequence[str]:
    if summaries is None:
        return ["loss", "learning_rate", "global_gradient_norm"]
    unknown = [each for each in summaries if each not in OPTIMIZER_SUMMARIES]
    if unknown:
        raise ValueError("optimize_loss: summaries must be among {}; got {}".format(", ".join(OPTIMIZER_SUMMARIES), unknown))
    return summaries


def _learning_rate(value: Any) -> Optional[Any]:
    if value is None or (isinstance(value, tf.Tensor) and value.shape.ndims == 0):
        return value
    if isinstance(value, float) and value >= 0.0:
        return tf.get_variable("learning_rate", [], trainable=False, initializer=tf.constant_initializer(value))
    raise ValueError("optimize_loss: learning_rate must be None, a scalar tensor or a float that is not negative; got "
                     "{!r}".format(value))


def _decayed(rate: Any, decay: Any, global_step: Any, wanted: Sequence[str]) -> Any:
    if rate is None or decay is None:
        return rate
    if global_step is None:
        raise ValueError("optimize_loss: learning_rate_decay_fn needs a global_step; call tf.train.create_global_step() before")
    rate = decay(rate, global_step)
    if "learning_rate" in wanted:
        tf.summary.scalar("learning_rate", rate)
    return rate


def _optimizer(optimizer: Any, rate: Any) -> Any:
    if isinstance(optimizer, tf.train.Optimizer):
        return optimizer
    if isinstance(optimizer, str) and optimizer not in OPTIMIZER_CLS_NAMES:
        raise ValueError("optimize_loss: the name of an optimizer must be one of {}; got {!r}".format(
            ", ".join(OPTIMIZER_CLS_NAMES), optimizer))
    if rate is None and (isinstance(optimizer, (str, type))):
        raise ValueError("optimize_loss: the optimizer {!r} needs a learning_rate; got None".format(optimizer))
    make = OPTIMIZER_CLS_NAMES[optimizer] if isinstance(optimizer, str) else optimizer
    made = None
    if isinstance(optimizer, (str, type)):
        made = make(learning_rate=rate)
    elif callable(optimizer):
        made = make() if rate is None else make(rate)
    if not isinstance(made, tf.train.Optimizer):
        raise ValueError("optimize_loss: optimizer must be an optimizer, a class or function that makes one, or a name; got "
                         "{!r}".format(optimizer))
    return made


def _map_values(gradient: Any, function: Callable[[Any], Any]) -> Any:
    if gradient is None:
        return None
    if isinstance(gradient, tf.IndexedSlices):
        return tf.IndexedSlices(function(gradient.values), gradient.indices, gradient.dense_shape)
    return function(gradient)


def _noisy(gradient: Any, scale: float) -> Any:
    return None if gradient is None else tf.convert_to_tensor(gradient) + tf.truncated_normal(
        gradient.dense_shape if isinstance(gradient, tf.IndexedSlices) else gradient.shape) * scale


def _multiplied(gradient: Any, variable: Any, multipliers: Dict[Any, Any]) -> Any:
    factors = [factor for key, factor in multipliers.items() if key is variable or key == variable.name]
    return _map_values(gradient, lambda x: x * tf.cast(factors[0], x.dtype)) if factors else gradient


def _clipped(pairs: GradsAndVars, clip: Any) -> GradsAndVars:
    if clip is None:
        return pairs
    if callable(clip):
        return list(clip(pairs))
    if not isinstance(clip, float):
        raise ValueError("optimize_loss: clip_gradients must be a float or a function; got {!r}".format(clip))
    gradients, variables = zip(*pairs)
    return list(zip(tf.clip_by_global_norm(gradients, clip)[0], variables))


def _summarize_norm(name: str, pairs: GradsAndVars, wanted: Sequence[str]) -> None:
    if "global_gradient_norm" in wanted or "gradient_norm" in wanted:
        tf.summary.scalar("global_norm/" + name, tf.global_norm([gradient for gradient, _ in pairs]))


def _summarize(loss: Any, pairs: GradsAndVars, wanted: Sequence[str]) -> None:
    if "loss" in wanted:
        tf.summary.scalar("loss", loss)
    for gradient, variable in pairs:
        values = gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient
        name = variable.name.replace(":", "_")
        if values is not None and "gradients" in wanted:
            tf.summary.histogram("gradients/" + name, values)
        if values is not None and "gradient_norm" in wanted:
            tf.summary.scalar("gradient_norm/" + name, tf.global_norm([values]))


def adaptive_clipping_fn(std_factor: float = 2.0, decay: float = 0.95, static_max_norm: Optional[float] = None,
                         global_step: Any = None, report_summary: bool = False, epsilon: float = 1e-8,
                         name: Any = None) -> Callable[[GradsAndVars], GradsAndVars]:
    """A function for `clip_gradients`: norms far above the usual one become the usual one.

    Far above is more than `std_factor` deviations, of the logarithm of the norm, above its moving average. Variables, not
    trainable, in the scope `AdaptiveMaxNorm`: `mean` and `sq_mean`.

    Args:
        static_max_norm: a norm that is never exceeded.
        global_step: with it the average forgets faster in the first steps.
        report_summary: make the summary `global_norm/adaptive_max_gradient_norm`.
    """

    def gradient_clipping(grads_and_vars: GradsAndVars) -> GradsAndVars:
        gradients, variables = zip(*grads_and_vars)
        norm = tf.global_norm(gradients)
        max_norm, log_mean = _adaptive_max_norm(norm, std_factor, decay, global_step, epsilon, name)
        if report_summary:
            tf.summary.scalar("global_norm/adaptive_max_gradient_norm", max_norm)
        factor = tf.where(norm < max_norm, tf.ones_like(norm), tf.exp(log_mean) / norm)
        if static_max_norm is not None:
            factor = tf.minimum(static_max_norm / norm, factor)
        return [(_map_values(gradient, lambda x: x * factor), variable) for gradient, variable in zip(gradients, variables)]

    return gradient_clipping


def _adaptive_max_norm(norm: Any, std_factor: float, decay: Any, global_step: Any, epsilon: float,
                       name: Any) -> Tuple[Any, Any]:
    with tf.variable_scope(name, "AdaptiveMaxNorm", [norm]):
        log_norm = tf.log(norm + epsilon)
        if global_step is not None:
            steps = tf.cast(global_step, tf.float32)
            decay = tf.minimum(decay, steps / (steps + 1.0))
        mean, square_mean = [move_average(tf.get_variable(
            average, value.shape, value.dtype, tf.zeros_initializer(), trainable=False), value, decay)
            for average, value in (("mean", log_norm), ("sq_mean", tf.square(log_norm)))]
        deviation = tf.sqrt(tf.maximum(epsilon, square_mean - tf.square(mean)))
        return tf.exp(mean + std_factor * deviation), mean
