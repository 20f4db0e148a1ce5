"""Evaluate checkpoints, once or as they appear: `tf.contrib.training.evaluate_once`, `evaluate_repeatedly` and their hooks."""
from __future__ import annotations

import logging
import time
from typing import Any, Callable, Iterator, List, Optional, Sequence, Tuple

from .......compat import tfv1 as tf

__all__ = [
    "StopAfterNEvalsHook", "SummaryAtEndHook", "checkpoints_iterator", "evaluate_once", "evaluate_repeatedly",
    "get_or_create_eval_step", "wait_for_new_checkpoint",
]

_EVAL_STEP = "eval_step"  # name of the variable and of the collection
_log = logging.getLogger("tensorflow").info


def get_or_create_eval_step() -> Any:
    """The int64 local variable `eval_step` that counts evaluated batches, which is created if need be.

    Raises:
        ValueError: the collection `eval_step` has more than one.
    """
    found = tf.get_collection(_EVAL_STEP)
    if len(found) > 1:
        raise ValueError("get_or_create_eval_step: the collection '{}' must have one variable; got {}".format(
            _EVAL_STEP, [each.name for each in found]))
    if found:
        return found[0]
    return tf.get_variable(_EVAL_STEP, [], tf.int64, tf.zeros_initializer(), trainable=False,
                           collections=[tf.GraphKeys.LOCAL_VARIABLES, _EVAL_STEP])


class StopAfterNEvalsHook(tf.train.SessionRunHook):
    """Stop after `num_evals` runs of the evaluation (None: never), which it logs about ten times."""

    def __init__(self, num_evals: Optional[int], log_progress: bool = True):
        self._num_evals = num_evals
        self._log_progress = log_progress
        self._log_every = 1 if num_evals is None else max(1, num_evals // 10 if num_evals >= 20 else 1)
        self._evals_completed: Any = None

    def _set_evals_completed_tensor(self, updated_eval_step: Any) -> None:
        self._evals_completed = updated_eval_step

    def before_run(self, run_context: Any) -> Any:
        return tf.train.SessionRunArgs({"evals_completed": self._evals_completed})

    def after_run(self, run_context: Any, run_values: Any) -> None:
        completed = run_values.results["evals_completed"]
        if self._log_progress and (completed % self._log_every == 0 or completed == self._num_evals):
            _log("Evaluation [%s]" if self._num_evals is None else "Evaluation [%s/{}]".format(self._num_evals), completed)
        if self._num_evals is not None and completed >= self._num_evals:
            run_context.request_stop()


class SummaryAtEndHook(tf.train.SessionRunHook):
    """Write the summaries at the end of an evaluation, at the global step.

    Raises:
        ValueError: neither `log_dir` nor `summary_writer` is given.
    """

    def __init__(self, log_dir: Optional[str] = None, summary_writer: Any = None, summary_op: Any = None,
                 feed_dict: Any = None):
        if log_dir is None and summary_writer is None:
            raise ValueError("SummaryAtEndHook: log_dir or summary_writer must be given; got neither")
        self._log_dir, self._summary_writer = log_dir, summary_writer
        self._summary_op, self._feed_dict = summary_op, feed_dict
        self._merges_all = summary_op is None

    def begin(self) -> None:
        if self._merges_all:
            self._summary_op = tf.summary.merge_all()
        self._global_step = tf.train.get_or_create_global_step()

    def after_create_session(self, session: Any, coord: Any) -> None:
        if self._summary_writer is None:
            self._summary_writer = tf.summary.FileWriterCache.get(self._log_dir)

    def end(self, session: Any) -> None:
        if self._summary_op is not None:
            step = tf.train.global_step(session, self._global_step)
            self._summary_writer.add_summary(session.run(self._summary_op, self._feed_dict), step)
        self._summary_writer.flush()


def evaluate_once(checkpoint_path: Optional[str], master: str = "", scaffold: Any = None, eval_ops: Any = None,
                  feed_dict: Any = None, final_ops: Any = None, final_ops_feed_dict: Any = None,
                  hooks: Optional[Sequence[Any]] = None, config: Any = None) -> Any:
    """Restore a checkpoint, run `eval_ops` until a hook stops it, and return the values of `final_ops` at the end.

    Without `eval_ops` only the final ones run. Usually one of the hooks is a `StopAfterNEvalsHook`.
    """
    eval_ops, hooks = _with_eval_step(eval_ops, hooks)
    return _evaluate(checkpoint_path, master, scaffold, eval_ops, feed_dict, final_ops, final_ops_feed_dict, hooks, config)


def evaluate_repeatedly(checkpoint_dir: str, master: str = "", scaffold: Any = None, eval_ops: Any = None,
                        feed_dict: Any = None, final_ops: Any = None, final_ops_feed_dict: Any = None,
                        eval_interval_secs: float = 60, hooks: Optional[Sequence[Any]] = None, config: Any = None,
                        max_number_of_evaluations: Optional[int] = None, timeout: Optional[float] = None,
                        timeout_fn: Optional[Callable[[], bool]] = None) -> Any:
    """`evaluate_once` for each new checkpoint of a directory; returns the last values of `final_ops`.

    Args:
        eval_interval_secs: least time between the starts of two evaluations.
        max_number_of_evaluations: forever by default, or until `timeout` seconds pass without a checkpoint and `timeout_fn`,
            if there is one, returns True.
    """
    eval_ops, hooks = _with_eval_step(eval_ops, hooks)
    values = None
    checkpoints = checkpoints_iterator(checkpoint_dir, eval_interval_secs, timeout, timeout_fn)
    for num, checkpoint_path in enumerate(checkpoints, 1):
        values = _evaluate(checkpoint_path, master, scaffold, eval_ops, feed_dict, final_ops, final_ops_feed_dict, hooks,
                           config)
        if num == max_number_of_evaluations:
            break
    return values


def _with_eval_step(eval_ops: Any, hooks: Optional[Sequence[Any]]) -> Tuple[Any, List[Any]]:
    """The operations together with one that counts their runs, which the hooks are told."""
    step = get_or_create_eval_step()
    hooks = list(hooks or [])
    if eval_ops is None:
        return None, hooks
    update = tf.assign_add(step, 1, use_locking=True)
    if isinstance(eval_ops, dict):
        eval_ops = dict(eval_ops, update_eval_step=update)
    else:
        eval_ops = (list(eval_ops) if isinstance(eval_ops, (tuple, list)) else [eval_ops]) + [update]
    with tf.control_dependencies(list(eval_ops.values()) if isinstance(eval_ops, dict) else eval_ops):
        completed = tf.identity(step.read_value())
    for hook in hooks:
        if isinstance(hook, StopAfterNEvalsHook):
            hook._set_evals_completed_tensor(completed)
    return eval_ops, hooks


def _evaluate(checkpoint_path: Optional[str], master: str, scaffold: Any, eval_ops: Any, feed_dict: Any, final_ops: Any,
              final_ops_feed_dict: Any, hooks: List[Any], config: Any) -> Any:
    creator = tf.train.ChiefSessionCreator(
        scaffold=scaffold, checkpoint_filename_with_path=checkpoint_path, master=master, config=config)
    final = tf.train.FinalOpsHook(final_ops, final_ops_feed_dict)
    _log("Starting evaluation at %s", time.strftime("%Y-%m-%d-%H:%M:%S", time.localtime()))
    with tf.train.MonitoredSession(session_creator=creator, hooks=hooks + [final]) as session:
        while eval_ops is not None and not session.should_stop():
            session.run(eval_ops, feed_dict)
    _log("Finished evaluation at %s", time.strftime("%Y-%m-%d-%H:%M:%S", time.localtime()))
    return final.final_ops_values


def wait_for_new_checkpoint(checkpoint_dir: str, last_checkpoint: Optional[str] = None, seconds_to_sleep: float = 1,
                            timeout: Optional[float] = None) -> Optional[str]:
    """The path of the latest checkpoint, once it is another than `last_checkpoint`; None after `timeout` seconds."""
    _log("Waiting for new checkpoint at %s", checkpoint_dir)
    stop_time = None if timeout is None else time.time() + timeout
    while True:
        path = tf.train.latest_checkpoint(checkpoint_dir)
        if path is not None and path != last_checkpoint:
            _log("Found new checkpoint at %s", path)
            return path
        if stop_time is not None and time.time() + seconds_to_sleep > stop_time:
            return None
        time.sleep(seconds_to_sleep)


def checkpoints_iterator(checkpoint_dir: str, min_interval_secs: float = 0, timeout: Optional[float] = None,
                         timeout_fn: Optional[Callable[[], bool]] = None) -> Iterator[str]:
    """Paths of checkpoints as they appear, at most one in `min_interval_secs`; some may be passed over.

    It ends when `timeout` seconds pass without a new one and `timeout_fn`, if there is one, returns True.
    """
    path: Optional[str] = None
    while True:
        newer = wait_for_new_checkpoint(checkpoint_dir, path, timeout=timeout)
        if newer is None:
            if timeout_fn is None or timeout_fn():
                _log("Timed-out waiting for a checkpoint.")
                return
            continue
        start, path = time.time(), newer
        yield path
        time.sleep(max(0, start + min_interval_secs - time.time()))
