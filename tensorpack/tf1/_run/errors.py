"""How an error of the program is shown: one sentence with its place, then the traceback without frames of this library."""
from __future__ import annotations

import os
import sys
import traceback
from types import TracebackType
from typing import Any, List, Optional, Type

from . import program, source
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
    in_main_file = not chain.stack and chain.__cause__ is None and chain.__context__ is None  # a SyntaxError
    print("".join(chain.format_exception_only() if in_main_file else chain.format()), end="", file=sys.stderr)


def _without_own_frames(chain: Optional[traceback.TracebackException]) -> None:
    """Leave the frames in an error and its causes that plain Python would show."""
    while chain is not None:
        files = [frame.filename for frame in chain.stack]
        start = max([number + 1 for number, path in enumerate(files) if path == program.__file__], default=0)
        end = files.index(source.__file__) if source.__file__ in files else len(files)  # where a file does not compile
        frames: List[Any] = chain.stack[start:end]
        chain.stack[:] = [frame for frame in frames if not _is_own(frame.filename)]
        _without_own_frames(chain.__cause__)
        chain = chain.__context__


def _is_own(path: str) -> bool:
    return path.startswith((_OWN_FOLDER, "<frozen importlib"))


def _place(error: BaseException, trace: Optional[TracebackType]) -> Optional[str]:
    """`file:line` of the innermost frame of the program."""
    if isinstance(error, SyntaxError) and error.filename:
        return "{}:{}".format(error.filename, error.lineno)
    places = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(trace)
              if is_of_program(frame.f_code.co_filename)]
    return "{}:{}".format(*places[-1]) if places else None
