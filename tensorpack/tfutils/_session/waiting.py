"""Which operations of a run can wait, for what, and who could end the wait: told from the graph and the threads that live."""
from __future__ import annotations

import re
import threading
import weakref
from contextlib import suppress
from typing import Any, Iterable, List, Optional, Set

from ...compat import tfv1 as tf
from ..dependency import ancestors
from .calling_thread import QUEUE_SIZE, may_wait
from .queue_runners import runner_queue, threads_that_fill
from .session_call import SessionCall, run_beside

__all__ = ["can_wait", "close_abandoned_queues", "describe_call", "feeding_threads", "is_abandoned", "lack_data"]

# All threads of ours that fill a queue, by running their `enqueue_op`.
feeding_threads: weakref.WeakSet[Any] = weakref.WeakSet()

_QUICK = re.compile("Size|IsClosed|Close|Clear")
_MAX_OPERATIONS = 12  # to tell of
_MAX_FETCHED = 4


def describe_call(call: SessionCall) -> List[str]:
    """Lines that tell what is run, and what of it can wait."""
    more = len(call.fetched) - _MAX_FETCHED
    names = ", ".join(call.fetched[:_MAX_FETCHED]) + (" and {} more".format(more) if more > 0 else "")
    waiting = sorted((op for op in call.operations if _can_wait(op)), key=lambda op: op.name)
    if not waiting:
        return ["It runs {}. No operation of that is known to wait; it computes, or waits within a function or loop. The first "
                "run of a graph also prepares it.".format(names or "nothing")]
    lines = ["It runs {}. Operations of that which can wait:".format(names)]
    lines += ["  {} ({}){}".format(op.name, op.type, _what_for(op, call)) for op in waiting[:_MAX_OPERATIONS]]
    return lines + ["  and {} more".format(len(waiting) - _MAX_OPERATIONS)] * (len(waiting) > _MAX_OPERATIONS)


def can_wait(operations: Iterable[tf.Operation]) -> bool:
    """Whether a run of these operations may have to wait for others."""
    return any(map(_can_wait, operations))


def close_abandoned_queues(call: SessionCall) -> None:
    """Close the queues that the run takes from and that only queue runners fill, when none of these lives any more."""
    for queue in _queues_taken_from(call.operations):
        if is_abandoned(queue):
            for runner in _runners(queue):
                with suppress(tf.errors.OpError):  # it is closed already
                    run_beside(call.sess, [], [runner.cancel_op])


def lack_data(sess: tf.Session, operations: Iterable[tf.Operation]) -> bool:
    """Whether one of the operations takes from a queue that is empty for good."""
    for queue in _queues_taken_from(operations):
        size = _size_of_queue(queue)
        if size is not None and is_abandoned(queue) and run_beside(sess, size.outputs) == [0]:
            return True
    return False


def is_abandoned(queue: tf.Operation) -> bool:
    """Whether all that can fill the queue are threads of queue runners or of ours, and all of them have ended."""
    runners, ours = _runners(queue), _feeding_threads(queue)
    known = ancestors([op for runner in runners for op in runner.enqueue_ops] + [thread.enqueue_op for thread in ours])
    return bool(runners or ours) and known.issuperset(_enqueue_operations(queue)) and not _living_threads(queue) and \
        all(thread.ident is not None for thread in ours)


def _can_wait(op: tf.Operation) -> bool:
    makes_handles = op.outputs and all(x.dtype in (tf.resource, tf.variant) or x.dtype._is_ref_dtype for x in op.outputs)
    return may_wait(op.type) and not makes_handles and _QUICK.search(op.type) is None


def _what_for(op: tf.Operation, call: SessionCall) -> str:
    if op.inputs and "Queue" in op.type:
        queue = _queue(op)
        return ": {} the queue '{}', which {}{}".format(
            "takes from" if _takes(op) else "puts into", queue.name, _holds(_size_of_queue(queue), call), _filled_by(queue))
    if op.type in ("Stage", "Unstage"):
        area = op.get_attr("shared_name").decode()
        return ": {} the staging area '{}', which {}{}".format(
            "takes from" if op.type == "Unstage" else "puts into", area, _holds(_size_of_area(op), call), _put_by(op, call))
    return ""


def _takes(op: tf.Operation) -> bool:
    return "Dequeue" in op.type


def _queue(op: tf.Operation) -> tf.Operation:
    return op.inputs[0].op


def _holds(size: Optional[tf.Operation], call: SessionCall) -> str:
    values = None if size is None else run_beside(call.sess, size.outputs)
    return "" if values is None else "holds {} element{} and ".format(values[0], "" if values[0] == 1 else "s")


def _size_of_queue(queue: tf.Operation) -> Optional[tf.Operation]:
    return next((op for op in queue.outputs[0].consumers() if op.type == QUEUE_SIZE), None)


def _size_of_area(op: tf.Operation) -> Optional[tf.Operation]:
    return next((other for other in _of_area(op) if other.type == "StageSize"), None)


def _of_area(op: tf.Operation) -> List[tf.Operation]:
    name = op.get_attr("shared_name")
    return [other for other in op.graph.get_operations()
            if other.type in ("Stage", "Unstage", "StageSize") and other.get_attr("shared_name") == name]


def _put_by(op: tf.Operation, call: SessionCall) -> str:
    puts = [other for other in _of_area(op) if other.type == "Stage" and other in call.operations]
    if puts:
        return "is filled by {} of the same run".format(", ".join(put.name for put in puts))
    return "is not filled by this run"


def _filled_by(queue: tf.Operation) -> str:
    threads = _living_threads(queue)
    if threads:
        return "is filled by the thread{} {}".format("s" * (len(threads) > 1), ", ".join(thread.name for thread in threads))
    if is_abandoned(queue):
        return "is filled by nobody any more: the threads that did it have ended"
    enqueue = _enqueue_operations(queue)
    if not enqueue:
        return "is filled by nothing in the graph"
    return "is filled by no thread that is known: who runs {}? A QueueRunner has to be in tf.GraphKeys.QUEUE_RUNNERS before " \
           "the graph is final".format(", ".join(op.name for op in enqueue))


def _runners(queue: tf.Operation) -> List[Any]:
    return [runner for runner in queue.graph.get_collection(tf.GraphKeys.QUEUE_RUNNERS) if runner_queue(runner) is queue]


def _feeding_threads(queue: tf.Operation) -> List[Any]:
    return [thread for thread in feeding_threads if thread.enqueue_op in _enqueue_operations(queue)]


def _living_threads(queue: tf.Operation) -> List[threading.Thread]:
    threads = [thread for runner in _runners(queue) for thread in threads_that_fill(runner)]
    return threads + [thread for thread in _feeding_threads(queue) if thread.is_alive()]


def _queues_taken_from(operations: Iterable[tf.Operation]) -> Set[tf.Operation]:
    return {_queue(op) for op in operations if _takes(op)}


def _enqueue_operations(queue: tf.Operation) -> List[tf.Operation]:
    return [op for op in queue.outputs[0].consumers() if "Enqueue" in op.type]
