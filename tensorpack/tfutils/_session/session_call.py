"""What a thread does in a session, told from its stack by another thread; that costs the first one nothing."""
from __future__ import annotations

from typing import Any, Iterator, List, NamedTuple, Optional, Sequence, Set

from ...compat import fetched_elements, is_in_tensorflow, make_flat_callable, session_request, without_debugger
from ...compat import tfv1 as tf
from ..dependency import ancestors

__all__ = ["SessionCall", "frames_from", "run_beside", "session_call"]


class SessionCall(NamedTuple):
    """A run of a session.

    Attributes:
        sess: the session.
        fetched: names of what is fetched.
        operations: all that run.
        is_waiting: whether the thread is in TensorFlow's own code, where it computes or waits.
    """

    sess: tf.Session
    fetched: List[str]
    operations: Set[tf.Operation]
    is_waiting: bool


def run_beside(sess: tf.Session, tensors: Sequence[tf.Tensor], targets: Sequence[tf.Operation] = ()) -> Optional[List[Any]]:
    """Values of some quick operations, run in this thread since all of TensorFlow's may be blocked.

    None in a session on a server, where this cannot be.
    """
    if sess.sess_str:
        return None
    return make_flat_callable(sess, tensors, targets, [], in_calling_thread=True)()


def frames_from(frame: Any) -> Iterator[Any]:
    """A frame and those that called it."""
    while frame is not None:
        yield frame
        frame = frame.f_back


def session_call(innermost: Any) -> Optional[SessionCall]:
    """The run of a session that a thread is in; None if it is in none.

    Args:
        innermost: the frame that `sys._current_frames()` has for the thread.
    """
    request = next((found for found in map(session_request, frames_from(innermost)) if found is not None), None)
    if request is None:
        return None
    sess, fetches, feeds = request
    sess = without_debugger(sess)
    elements = fetched_elements(sess.graph, fetches)
    fed = [sess.graph.as_graph_element(x, allow_operation=False) for x in feeds if isinstance(x, (str, tf.Tensor))]
    return SessionCall(sess, [x.name for x in elements], ancestors(elements, fed), is_in_tensorflow(innermost))

