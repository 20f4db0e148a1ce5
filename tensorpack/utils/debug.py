"""Help to find out what a program does."""
from __future__ import annotations

import sys
from types import FrameType
from typing import Any

__all__ = ["enable_call_trace"]


def enable_call_trace() -> None:
    """From now on print a line for every call of a Python function in this thread: what is called, and from where.

    Printing itself is left out. `sys.settrace(None)` ends it.
    """
    sys.settrace(_print_call)


def _print_call(frame: FrameType, event: str, arg: Any) -> None:
    code, caller = frame.f_code, frame.f_back
    if event != "call" or code.co_name in ("write", "print"):
        return
    origin = "{}:{}".format(caller.f_code.co_filename, caller.f_lineno) if caller is not None else "nowhere"
    print("Call to `{}` on line {}:{} from {}".format(code.co_name, code.co_filename, frame.f_lineno, origin))
