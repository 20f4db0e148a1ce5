"""What is to be said of a fork: that the new process must not use TensorFlow, if it has run in this one.

Its threads are missing there, and a session waits for them for ever. All else is fine in a forked process: NumPy and OpenCV
were seen to work in hundreds of processes that were forked while sessions ran in several threads.
"""
from __future__ import annotations

import os
import sys
from typing import Any

from ..argtools import log_once

NO_TENSORFLOW = ("TensorFlow cannot be used in a process that was forked after it had run, where it would wait for ever; start "
                 'workers by spawn (start_method="spawn")')
_is_too_late = False  # in this process, which was forked


def _after_fork_in_child() -> None:
    global _is_too_late
    _is_too_late = _is_too_late or tensorflow_has_run()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def say_what_a_fork_means(process: Any) -> None:
    """Log, once for the processes of a flow, what one may not do that is about to be forked."""
    if tensorflow_has_run():
        log_once("{} is forked after TensorFlow has run in this process. That is all right, unless it uses TensorFlow itself, "
                 "which would wait for ever there: then let it be started by 'spawn' or 'forkserver'.".format(
                     process.name.rstrip("0123456789-:")))


def is_forked_after_tensorflow() -> bool:
    """Whether this process was forked by one in which TensorFlow had run."""
    return _is_too_late


def tensorflow_has_run() -> bool:
    """Whether a session was made in this process, or eager TensorFlow was used; False if TensorFlow cannot tell."""
    session = sys.modules.get("tensorflow.python.client.session")
    context = getattr(sys.modules.get("tensorflow.python.eager.context"), "_context", None)
    try:
        if session is not None and session._python_session_create_counter.get_cell().value():
            return True
        return getattr(context, "_context_handle", None) is not None
    except Exception:  # private parts, which may change
        return False
