"""Evaluate a checkpoint, or each as it appears, and write summaries: `slim.evaluation`."""
from __future__ import annotations

from typing import Any, Callable, List, Optional, Sequence

from .......compat import tfv1 as tf
from ....training.python.training import evaluation
from ....training.python.training.evaluation import checkpoints_iterator, wait_for_new_checkpoint

__all__ = ["checkpoints_iterator", "evaluate_once", "evaluation_loop", "wait_for_new_checkpoint"]

_USE_DEFAULT = 0  # summary_op: None is for no summaries


def evaluate_once(master: str, checkpoint_path: str, logdir: str, num_evals: int = 1, initial_op: Any = None,
                  initial_op_feed_dict: Any = None, eval_op: Any = None, eval_op_feed_dict: Any = None, final_op: Any = None,
                  final_op_feed_dict: Any = None, summary_op: Any = _USE_DEFAULT, summary_op_feed_dict: Any = None,
                  variables_to_restore: Any = None, session_config: Any = None,
                  hooks: Optional[Sequence[Any]] = None) -> Any:
    """Run `eval_op` `num_evals` times with the variables of a checkpoint, write summaries, and return the value of `final_op`.

    Args:
        summary_op: all summaries by default; None for none.
        variables_to_restore: list, or {name in the checkpoint: variable}; all by default.
    """
    return evaluation.evaluate_once(
        checkpoint_path, master=master, scaffold=_scaffold(initial_op, initial_op_feed_dict, None, variables_to_restore),
        eval_ops=eval_op, feed_dict=eval_op_feed_dict, final_ops=final_op, final_ops_feed_dict=final_op_feed_dict,
        hooks=_hooks(num_evals, logdir, summary_op, summary_op_feed_dict, hooks), config=session_config)


def evaluation_loop(master: str, checkpoint_dir: str, logdir: str, num_evals: int = 1, initial_op: Any = None,
                    initial_op_feed_dict: Any = None, init_fn: Optional[Callable[..., None]] = None, eval_op: Any = None,
                    eval_op_feed_dict: Any = None, final_op: Any = None, final_op_feed_dict: Any = None,
                    summary_op: Any = _USE_DEFAULT, summary_op_feed_dict: Any = None, variables_to_restore: Any = None,
                    eval_interval_secs: float = 60, max_number_of_evaluations: Optional[int] = None,
                    session_config: Any = None, timeout: Optional[float] = None,
                    timeout_fn: Optional[Callable[[], bool]] = None, hooks: Optional[Sequence[Any]] = None) -> Any:
    """`evaluate_once` for each new checkpoint of a directory; returns the last value of `final_op`.

    It goes on for ever, or until `max_number_of_evaluations`, or until `timeout` seconds pass without a checkpoint and
    `timeout_fn`, if there is one, returns True.
    """
    return evaluation.evaluate_repeatedly(
        checkpoint_dir, master=master, scaffold=_scaffold(initial_op, initial_op_feed_dict, init_fn, variables_to_restore),
        eval_ops=eval_op, feed_dict=eval_op_feed_dict, final_ops=final_op, final_ops_feed_dict=final_op_feed_dict,
        eval_interval_secs=eval_interval_secs, hooks=_hooks(num_evals, logdir, summary_op, summary_op_feed_dict, hooks),
        config=session_config, max_number_of_evaluations=max_number_of_evaluations, timeout=timeout, timeout_fn=timeout_fn)


def _scaffold(init_op: Any, init_feed_dict: Any, init_fn: Optional[Callable[..., None]], variables: Any) -> Any:
    saver = None if variables is None else tf.train.Saver(variables)
    return tf.train.Scaffold(init_op=init_op, init_feed_dict=init_feed_dict, init_fn=init_fn, saver=saver)


def _hooks(num_evals: int, logdir: str, summary_op: Any, feed_dict: Any, hooks: Optional[Sequence[Any]]) -> List[Any]:
    if isinstance(summary_op, int) and summary_op == _USE_DEFAULT:
        summary_op = tf.summary.merge_all()
    own: List[Any] = [evaluation.StopAfterNEvalsHook(num_evals)]
    if summary_op is not None:
        own.append(evaluation.SummaryAtEndHook(log_dir=logdir, summary_op=summary_op, feed_dict=feed_dict))
    return own + list(hooks or [])
