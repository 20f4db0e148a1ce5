"""How an error of the program is shown: one sentence with its place, then the traceback without frames of this library."""
from __future__ import annotations

import os
import sys
import traceback
from types import TracebackType
from typing import Any, List, Optional, Type

from .advice import advice_on
from .places import is_of_program

_OWN_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def show_errors() -> None:
    """From now on an uncaught error of the program is shown as plain Python would, with a sentence above where that helps."""
    sys.excepthook = _show


def _show(kind: Type[BaseException], error: BaseException, trace: Optional[TracebackType]) -> None:
    chain = traceback.TracebackException(kind, error, trace)
    _without_own_frames(chain)
    sentence = advice_on(error)
    if sentence:
        place = _place(error, trace)
        print("[tensorpack.tf1] {}{}".format(place + ": " if place else "", sentence), file=sys.stderr)
    print("".join(chain.format()), end="", file=sys.stderr)


def _without_own_frames(chain: Optional[traceback.TracebackException]) -> None:
    """Take frames of this package, and of the import system around the program, out of an error and its causes."""
    while chain is not None:
        frames: List[Any] = [frame for frame in chain.stack if not _is_own(frame.filename)]
        chain.stack[:] = frames
        _without_own_frames(chain.__cause__)
        chain = chain.__context__


def _is_own(path: str) -> bool:
    return path.startswith((_OWN_FOLDER, "<frozen runpy", "<frozen importlib")) or os.path.basename(path) == "runpy.py"


def _place(error: BaseException, trace: Optional[TracebackType]) -> Optional[str]:
    """`file:line` of the innermost frame of the program."""
    if isinstance(error, SyntaxError) and error.filename:
        return "{}:{}".format(error.filename, error.lineno)
    places = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(trace)
              if is_of_program(frame.f_code.co_filename)]
    return "{}:{}".format(*places[-1]) if places else None
