"""Train operations and what may happen to gradients on their way: `tf.contrib.training.create_train_op` and its helpers."""
from __future__ import annotations

import logging
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from .......compat import tfv1 as tf

__all__ = [
    "add_gradients_summaries", "clip_gradient_norms", "clip_gradient_norms_fn", "create_train_op", "multiply_gradients",
    "train",
]

GradsAndVars = List[Tuple[Any, Any]]

# create_train_op(global_step=...): the default takes the graph's own, None counts nothing
USE_GLOBAL_STEP = 0


def map_gradient(function: Callable[[Any], Any], gradient: Any) -> Any:
    """`function` of a gradient, or of the values of a sparse one."""
    if isinstance(gradient, tf.IndexedSlices):
        return tf.IndexedSlices(function(gradient.values), gradient.indices, gradient.dense_shape)
    return function(gradient)


def summarize_gradients_as(grads_and_vars: GradsAndVars, separator: str) -> List[Any]:
    """A histogram `<variable><separator>gradient` and a scalar `..._norm` for each gradient that there is."""
    summaries = []
    for gradient, variable in grads_and_vars:
        name = variable.op.name + separator + "gradient"
        if gradient is None:
            logging.getLogger("tensorflow").info("Var %s has no gradient", variable.op.name)
            continue
        values = gradient.values if isinstance(gradient, tf.IndexedSlices) else gradient
        summaries.append(tf.summary.histogram(name, values))
        summaries.append(tf.summary.scalar(name + "_norm", tf.global_norm([values])))
    return summaries


def add_gradients_summaries(grads_and_vars: GradsAndVars) -> List[Any]:
    """Summaries `<variable>_gradient` and `<variable>_gradient_norm` of each gradient; returns them."""
    return summarize_gradients_as(grads_and_vars, "_")


def clip_gradient_norms(gradients_to_variables: GradsAndVars, max_norm: Any) -> GradsAndVars:
    """Each gradient scaled down to an L2 norm of at most `max_norm`."""
    return [(gradient if gradient is None else map_gradient(lambda x: tf.clip_by_norm(x, max_norm), gradient), variable)
            for gradient, variable in gradients_to_variables]


def clip_gradient_norms_fn(max_norm: Any) -> Callable[[GradsAndVars], GradsAndVars]:
    """`clip_gradient_norms` for `create_train_op(transform_grads_fn=...)`."""

    def clip_norms(gradients_to_variables: GradsAndVars) -> GradsAndVars:
        return clip_gradient_norms(gradients_to_variables, max_norm)

    return clip_norms


def multiply_gradients(grads_and_vars: GradsAndVars, gradient_multipliers: Dict[Any, Any]) -> GradsAndVars:
    """Gradients times a factor each.

    Args:
        gradient_multipliers: {variable or name of its operation: number or scalar tensor}; others stay as they are.

    Raises:
        ValueError: an argument is of another kind or empty, or there is no gradient to multiply.
    """
    if not isinstance(grads_and_vars, list):
        raise ValueError("multiply_gradients: grads_and_vars must be a list of pairs; got {!r}".format(grads_and_vars))
    if not isinstance(gradient_multipliers, dict) or not gradient_multipliers:
        raise ValueError("multiply_gradients: gradient_multipliers must be a dict with an entry or more; got {!r}".format(
            gradient_multipliers))
    # By identity: with TF 2 behaviour variables have no hash
    factors = {key if isinstance(key, str) else key.op.name: value for key, value in gradient_multipliers.items()}
    return [(_multiplied(gradient, variable, factors[variable.op.name]) if variable.op.name in factors else gradient, variable)
            for gradient, variable in grads_and_vars]


def _multiplied(gradient: Any, variable: Any, factor: Any) -> Any:
    if gradient is None:
        raise ValueError("multiply_gradients: {} must have a gradient; got None; take it out of gradient_multipliers".format(
            variable.op.name))
    factor = tf.cast(factor, gradient.dtype) if isinstance(factor, tf.Tensor) else tf.constant(factor, gradient.dtype)
    return map_gradient(lambda x: x * factor, gradient)


def create_train_op(total_loss: Any, optimizer: Any, global_step: Any = USE_GLOBAL_STEP,
                    update_ops: Optional[Sequence[Any]] = None, variables_to_train: Optional[Sequence[Any]] = None,
                    transform_grads_fn: Optional[Callable[[GradsAndVars], GradsAndVars]] = None,
                    summarize_gradients: bool = False, gate_gradients: int = tf.train.Optimizer.GATE_OP,
                    aggregation_method: Any = None, colocate_gradients_with_ops: bool = False,
                    check_numerics: bool = True) -> Any:
    """A tensor that, when it is evaluated, runs the updates, then applies gradients, and is the loss.

    It is added to `tf.GraphKeys.TRAIN_OP`.

    Args:
        global_step: variable to count in; the graph's own by default, which is created; None for none.
        update_ops: run before the loss; by default all in `tf.GraphKeys.UPDATE_OPS`.
        variables_to_train: all trainable ones by default.
        transform_grads_fn: from a list of (gradient, variable) to such a list.
        check_numerics: fail when the loss is infinite or no number.

    Raises:
        ValueError: there is no variable to train, or one is not trainable.
    """
    if global_step is USE_GLOBAL_STEP:
        global_step = tf.train.get_or_create_global_step()
    total_loss = _after_updates(total_loss, update_ops)
    grads = optimizer.compute_gradients(
        total_loss, _trainable(variables_to_train), gate_gradients=gate_gradients, aggregation_method=aggregation_method,
        colocate_gradients_with_ops=colocate_gradients_with_ops)
    if transform_grads_fn:
        grads = transform_grads_fn(grads)
    if summarize_gradients:
        with tf.name_scope("summarize_grads"):
            add_gradients_summaries(grads)
    grad_updates = optimizer.apply_gradients(grads, global_step=global_step)
    with tf.name_scope("train_op"):
        if check_numerics:
            total_loss = tf.check_numerics(total_loss, "LossTensor is inf or nan")
        with tf.control_dependencies([grad_updates]):
            train_op = tf.identity(total_loss, name="control_dependency")
    tf.add_to_collection(tf.GraphKeys.TRAIN_OP, train_op)
    return train_op


def _after_updates(loss: Any, update_ops: Optional[Sequence[Any]]) -> Any:
    """The loss, evaluated after the updates."""
    collected = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    updates = collected if update_ops is None else list(update_ops)
    given = {id(each) for each in updates}
    if not all(id(each) in given for each in collected):
        logging.getLogger("tensorflow").warning(
            "update_ops in create_train_op does not contain all the update_ops in GraphKeys.UPDATE_OPS")
    if not updates:
        return loss
    with tf.control_dependencies(updates):
        barrier = tf.no_op(name="update_barrier")
    with tf.control_dependencies([barrier]):
        return tf.identity(loss, name="control_dependency")


def _trainable(variables: Optional[Sequence[Any]]) -> List[Any]:
    collected = tf.trainable_variables()
    if variables is None:
        variables = collected
    else:
        known = {id(each) for each in collected}
        fixed = [each.op.name for each in variables if not (getattr(each, "trainable", False) or id(each) in known)]
        if fixed:
            raise ValueError("create_train_op: variables_to_train must be trainable; got {}".format(fixed))
    if not variables:
        raise ValueError("create_train_op: there must be a variable to train; got none")
    return list(variables)


def train(train_op: Any, logdir: Optional[str], master: str = "", is_chief: bool = True, scaffold: Any = None,
          hooks: Optional[Sequence[Any]] = None, chief_only_hooks: Optional[Sequence[Any]] = None,
          save_checkpoint_secs: Optional[int] = 600, save_summaries_steps: Optional[int] = 100, config: Any = None,
          max_wait_secs: int = 7200, run_metadata: Any = None) -> Any:
    """Run `train_op` in a `tf.train.MonitoredTrainingSession` until a hook stops it; returns the last loss.

    Raises:
        ValueError: there is no `logdir` to save checkpoints or summaries in.
    """
    if logdir is None and is_chief and (save_summaries_steps or save_checkpoint_secs):
        raise ValueError("train: logdir must be given to save in; got None, save_summaries_steps={}, save_checkpoint_secs={}; "
                         "set both to None to save nothing".format(save_summaries_steps, save_checkpoint_secs))
    loss = None
    with tf.train.MonitoredTrainingSession(
            master=master, is_chief=is_chief, checkpoint_dir=logdir, scaffold=scaffold, hooks=hooks,
            chief_only_hooks=chief_only_hooks, save_checkpoint_secs=save_checkpoint_secs,
            save_summaries_steps=save_summaries_steps, config=config, max_wait_secs=max_wait_secs) as session:
        while not session.should_stop():
            loss = session.run(train_op, run_metadata=run_metadata)
    return loss
