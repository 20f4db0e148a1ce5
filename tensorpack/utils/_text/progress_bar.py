"""`Bar`: tqdm with a lock of this process only.

The lock of tqdm is shared with all forked processes, and copied by a fork in the state that it is in. A process that is killed
while it draws a bar, and a fork while another thread does, would make every later bar wait for ever.
"""
from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from tqdm import tqdm

if TYPE_CHECKING:
    _Tqdm = tqdm[Any]
else:
    _Tqdm = tqdm  # takes no type arguments


class Bar(_Tqdm):
    """A `tqdm` bar that waits for no other process."""


def _renew_lock() -> None:
    Bar.set_lock(threading.RLock())
    Bar.monitor = None  # its thread, if any, is not in a forked process


def _leave_to_parent() -> None:
    _renew_lock()
    bars: Any = Bar  # whose types do not tell of it
    bars._instances = WeakSet()  # a line of this process would draw its copies of the other's bars


_renew_lock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)
