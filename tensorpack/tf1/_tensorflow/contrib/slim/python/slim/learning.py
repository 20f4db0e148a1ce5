"""The training loop of slim: `slim.learning.train` runs a train operation under a `tf.train.Supervisor`.

The operation is made by `create_train_op`; `train_step` is one step of the loop, which callers may replace.
"""
from __future__ import annotations

import logging
import os
import sys
import time
from functools import partial
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from ....... import compat
from .......compat import tfv1 as tf
from ....training.python.training import training
from ....training.python.training.training import (
    USE_GLOBAL_STEP,
    GradsAndVars,
    clip_gradient_norms,
    multiply_gradients,
    summarize_gradients_as,
)

__all__ = ["add_gradients_summaries", "clip_gradient_norms", "create_train_op", "multiply_gradients", "train", "train_step"]

_log = logging.getLogger("tensorflow").info

# Arguments for which None says something else
_USE_DEFAULT = 0


def add_gradients_summaries(grads_and_vars: GradsAndVars) -> List[Any]:
    """Summaries `<variable>/gradient` and `<variable>/gradient_norm` of each gradient; returns them."""
    return summarize_gradients_as(grads_and_vars, "/")


def create_train_op(total_loss: Any, optimizer: Any, global_step: Any = USE_GLOBAL_STEP,
                    update_ops: Optional[Sequence[Any]] = None, variables_to_train: Optional[Sequence[Any]] = None,
                    clip_gradient_norm: float = 0, summarize_gradients: bool = False,
                    gate_gradients: int = tf.train.Optimizer.GATE_OP, aggregation_method: Any = None,
                    colocate_gradients_with_ops: bool = False, gradient_multipliers: Optional[Dict[Any, Any]] = None,
                    check_numerics: bool = True) -> Any:
    """`tf.contrib.training.create_train_op`, which multiplies gradients and then clips them.

    Args:
        clip_gradient_norm: largest L2 norm of each gradient; not clipped if 0.
        gradient_multipliers: {variable or name of its operation: number}.
    """

    def transform(grads: GradsAndVars) -> GradsAndVars:
        if gradient_multipliers:
            with tf.name_scope("multiply_grads"):
                grads = multiply_gradients(grads, gradient_multipliers)
        if clip_gradient_norm > 0:
            with tf.name_scope("clip_grads"):
                grads = clip_gradient_norms(grads, clip_gradient_norm)
        return grads

    return training.create_train_op(
        total_loss, optimizer, global_step, update_ops, variables_to_train, transform, summarize_gradients, gate_gradients,
        aggregation_method, colocate_gradients_with_ops, check_numerics)


def train_step(sess: Any, train_op: Any, global_step: Any, train_step_kwargs: Dict[str, Any]) -> Tuple[Any, Any]:
    """Run the train operation once.

    Args:
        train_step_kwargs: bool scalar tensors `should_stop`, `should_log` and `should_trace` (with `logdir`, into which
            `tf_trace-<step>.json` is written, and `summary_writer`); all may be missing.

    Returns:
        (loss, whether to stop).

    Raises:
        ValueError: `should_trace` comes without `logdir`.
    """
    start = time.time()
    options = run_metadata = None
    if "should_trace" in train_step_kwargs:
        if "logdir" not in train_step_kwargs:
            raise ValueError("train_step: train_step_kwargs must have logdir beside should_trace; got {}".format(
                sorted(train_step_kwargs)))
        if sess.run(train_step_kwargs["should_trace"]):
            options, run_metadata = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE), tf.RunMetadata()
    loss, step = sess.run([train_op, global_step], options=options, run_metadata=run_metadata)
    elapsed = time.time() - start
    if run_metadata is not None:
        _write_trace(run_metadata, step, train_step_kwargs)
    if "should_log" in train_step_kwargs and sess.run(train_step_kwargs["should_log"]):
        _log("global step %d: loss = %.4f (%.3f sec/step)", step, loss, elapsed)
    return loss, sess.run(train_step_kwargs["should_stop"]) if "should_stop" in train_step_kwargs else False


def _write_trace(run_metadata: Any, step: int, train_step_kwargs: Dict[str, Any]) -> None:
    path = os.path.join(train_step_kwargs["logdir"], "tf_trace-{}.json".format(step))
    _log("Writing trace to %s", path)
    with tf.gfile.GFile(path, "w") as f:
        f.write(compat.chrome_trace(run_metadata))
    if "summary_writer" in train_step_kwargs:
        train_step_kwargs["summary_writer"].add_run_metadata(run_metadata, "run_metadata-{}".format(step))


def train(train_op: Any, logdir: Optional[str], train_step_fn: Callable[..., Tuple[Any, Any]] = train_step,
          train_step_kwargs: Any = _USE_DEFAULT, log_every_n_steps: int = 1, graph: Any = None, master: str = "",
          is_chief: bool = True, global_step: Any = None, number_of_steps: Optional[int] = None, init_op: Any = _USE_DEFAULT,
          init_feed_dict: Any = None, local_init_op: Any = _USE_DEFAULT,
          init_fn: Optional[Callable[[Any], None]] = None, ready_op: Any = _USE_DEFAULT, summary_op: Any = _USE_DEFAULT,
          save_summaries_secs: int = 600, summary_writer: Any = _USE_DEFAULT, startup_delay_steps: int = 0, saver: Any = None,
          save_interval_secs: int = 600, sync_optimizer: Any = None, session_config: Any = None,
          session_wrapper: Optional[Callable[[Any], Any]] = None, trace_every_n_steps: Optional[int] = None,
          ignore_live_threads: bool = False) -> Any:
    """Train until `number_of_steps` (of the global step), the end of the input, or a stop of the supervisor; save in `logdir`.

    Variables are restored from the last checkpoint in `logdir`, or initialised, after which `init_fn(session)` is called.
    Queue runners are started. Summaries and checkpoints are written by time, and a checkpoint at the end; nothing without
    `logdir`. A step that was aborted, as by the loss of a server, starts the loop again.

    Args:
        train_step_fn: called with (session, train_op, global_step, train_step_kwargs); see `train_step`.
        train_step_kwargs: made of `number_of_steps`, `log_every_n_steps` and `trace_every_n_steps` by default.
        startup_delay_steps: global step for which other workers than the chief wait.
        sync_optimizer: the `tf.train.SyncReplicasOptimizer`(s) that `train_op` is made of.
        session_wrapper: from the session to one that is used instead, as by tfdbg.

    Returns:
        the last loss; None if there was no step.

    Raises:
        ValueError: there is no train operation, `number_of_steps` is not positive, or arguments need `logdir`.
    """
    if train_op is None:
        raise ValueError("train: train_op must be a tensor or operation; got None")
    sync_optimizers = _as_list(sync_optimizer)
    _check_arguments(logdir, summary_op, saver, trace_every_n_steps, sync_optimizers, startup_delay_steps, number_of_steps)
    graph = graph or tf.get_default_graph()
    with graph.as_default():
        global_step = tf.train.get_or_create_global_step() if global_step is None else global_step
        saver = saver or tf.train.Saver()
        init_ops = _init_ops(init_op, ready_op, local_init_op, sync_optimizers, is_chief)
        summary_op = tf.summary.merge_all() if _is_default(summary_op) else summary_op
        summary_writer = tf.train.Supervisor.USE_DEFAULT if _is_default(summary_writer) else summary_writer
        tokens = [(each.get_init_tokens_op(), each.get_chief_queue_runner()) for each in sync_optimizers if is_chief]
        if _is_default(train_step_kwargs):
            train_step_kwargs = _step_kwargs(global_step, number_of_steps, log_every_n_steps,
                                             trace_every_n_steps if is_chief else None, logdir)
    supervisor = tf.train.Supervisor(
        graph=graph, is_chief=is_chief, logdir=logdir, init_feed_dict=init_feed_dict, summary_op=summary_op,
        summary_writer=summary_writer, global_step=global_step, saver=saver, save_summaries_secs=save_summaries_secs,
        save_model_secs=save_interval_secs, init_fn=init_fn, **init_ops)
    if summary_writer is not None:
        train_step_kwargs["summary_writer"] = supervisor.summary_writer

    def start(sess: Any) -> Tuple[Any, List[Any], List[Any]]:
        """(the session to use, threads of queue runners, threads that save and summarize)."""
        _log("Starting Session.")
        sess, services = sess if session_wrapper is None else session_wrapper(sess), []
        if is_chief and logdir:
            services = supervisor.start_standard_services(sess)
        elif not is_chief and startup_delay_steps > 0:
            _wait_for_step(sess, global_step, min(startup_delay_steps, number_of_steps or sys.maxsize))
        threads = supervisor.start_queue_runners(sess)
        _log("Starting Queues.")
        for init_tokens, runner in tokens:
            supervisor.start_queue_runners(sess, [runner])
            sess.run(init_tokens)
        return sess, threads, services

    while True:
        try:
            with supervisor.managed_session(master, start_standard_services=False, config=session_config) as sess:
                sess, threads, services = start(sess)
                loss = _steps(supervisor, partial(train_step_fn, sess, train_op, global_step, train_step_kwargs))
                if logdir and supervisor.is_chief:
                    # A checkpoint that a thread has begun must not become the latest one after that of the end
                    supervisor.request_stop()
                    for service in services:
                        if type(service).__name__ == "SVTimerCheckpointThread":  # others may wait for the input
                            service.join()
                    _log("Finished training! Saving model to disk.")
                    supervisor.saver.save(sess, supervisor.save_path, global_step=supervisor.global_step)
                    # The end of the session closes the writer, which must not be closed twice
                    supervisor.stop(threads, close_summary_writer=False, ignore_live_threads=ignore_live_threads)
            return loss
        except tf.errors.AbortedError:
            _log("Retrying training!")


def _steps(supervisor: Any, step: Callable[[], Tuple[Any, Any]]) -> Any:
    """Take steps until one says to stop, the supervisor does, or the input ends; the last loss."""
    loss = None
    try:
        while not supervisor.should_stop():
            loss, should_stop = step()
            if should_stop:
                _log("Stopping Training.")
                supervisor.request_stop()
                break
    except tf.errors.OutOfRangeError as e:
        _log("Caught OutOfRangeError. Stopping Training. %s", e)
    return loss


def _is_default(value: Any) -> bool:
    return isinstance(value, int) and value == _USE_DEFAULT  # a tensor would not say whether it is equal


def _as_list(sync_optimizer: Any) -> List[Any]:
    optimizers = list(sync_optimizer) if isinstance(sync_optimizer, (list, tuple)) else [sync_optimizer]
    optimizers = [each for each in optimizers if each is not None]
    for each in optimizers:
        if not isinstance(each, tf.train.SyncReplicasOptimizer):
            raise ValueError("train: sync_optimizer must be a tf.train.SyncReplicasOptimizer; got {!r}".format(each))
    return optimizers


def _check_arguments(logdir: Optional[str], summary_op: Any, saver: Any, trace_every_n_steps: Optional[int],
                     sync_optimizers: List[Any], startup_delay_steps: int, number_of_steps: Optional[int]) -> None:
    needs = [name for name, given in (("summary_op", not _is_default(summary_op)), ("saver", saver is not None),
                                      ("trace_every_n_steps", trace_every_n_steps is not None)) if given]
    if logdir is None and needs:
        raise ValueError("train: {} must have a logdir to write to; got logdir=None".format(" and ".join(needs)))
    if sync_optimizers and startup_delay_steps > 0:
        raise ValueError("train: startup_delay_steps must be 0 with a sync_optimizer; got {}".format(startup_delay_steps))
    if number_of_steps is not None and number_of_steps <= 0:
        raise ValueError("train: number_of_steps must be positive or None; got {}".format(number_of_steps))


def _init_ops(init_op: Any, ready_op: Any, local_init_op: Any, sync_optimizers: List[Any], is_chief: bool) -> Dict[str, Any]:
    """The operations of these names that a supervisor takes."""
    with tf.name_scope("init_ops"):
        ops = {"init_op": tf.global_variables_initializer() if _is_default(init_op) else init_op,
               "ready_op": tf.report_uninitialized_variables() if _is_default(ready_op) else ready_op,
               "ready_for_local_init_op": None}
        if _is_default(local_init_op):
            local_init_op = tf.group(tf.local_variables_initializer(), tf.tables_initializer())
        if sync_optimizers:
            with tf.control_dependencies([] if local_init_op is None else [local_init_op]):
                local_init_op = tf.group(*[each.chief_init_op if is_chief else each.local_step_init_op
                                           for each in sync_optimizers])
            ready = [each.ready_for_local_init_op for each in sync_optimizers]
            ops["ready_for_local_init_op"] = ready[0] if len(ready) == 1 else tf.concat(ready, 0)
        return dict(ops, local_init_op=local_init_op)


def _step_kwargs(global_step: Any, number_of_steps: Optional[int], log_every_n_steps: int,
                 trace_every_n_steps: Optional[int], logdir: Optional[str]) -> Dict[str, Any]:
    """What `train_step` takes."""

    def each(steps: int) -> Any:
        return tf.equal(tf.mod(global_step, steps), 0)

    with tf.name_scope("train_step"):
        kwargs = {"should_stop": tf.greater_equal(global_step, number_of_steps) if number_of_steps else tf.constant(False)}
        if log_every_n_steps > 0:
            kwargs["should_log"] = each(log_every_n_steps)
        if trace_every_n_steps is not None:
            kwargs.update(should_trace=each(trace_every_n_steps), logdir=logdir)
    return kwargs


def _wait_for_step(sess: Any, global_step: Any, step: int) -> None:
    while tf.train.global_step(sess, global_step) < step:
        time.sleep(1.0)
