"""`==` and `!=` of tensors, which compare objects in a graph and not values, are told where a program writes them."""
from __future__ import annotations

import dis
import functools
import sys
import threading
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, Tuple

from ...compat import tfv1 as tf
from ...utils.argtools import log_once

_INSTEAD = {"==": ("tf.equal", "__eq__"), "!=": ("tf.not_equal", "__ne__")}
_LIBRARIES = ("keras", "tensorflow", "tensorflow_core", "tensorpack")
_lock = threading.Lock()
_depth = 0
_originals: Dict[Tuple[type, str], Callable[[Any, Any], Any]] = {}


@contextmanager
def comparisons_told() -> Iterator[None]:
    """Warn, once for each line, of comparisons within this block, in code that is not of a library, that say nothing of values.

    What is looked up in a list or a dict is compared as well, and is let be.
    """
    global _depth
    with _lock:
        _depth += 1
        if _depth == 1:
            _watch()
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if not _depth:
                for (kind, method), original in _originals.items():
                    setattr(kind, method, original)
                _originals.clear()


def _watch() -> None:
    for symbol, (_, method) in _INSTEAD.items():
        for kind in (tf.Tensor, tf.Variable):
            owner: Any = next(each for each in kind.__mro__ if method in vars(each))
            if owner is not object:
                _originals[owner, method] = vars(owner)[method]
                setattr(owner, method, _told(symbol, vars(owner)[method]))


def _told(symbol: str, original: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    @functools.wraps(original)
    def compare(self: Any, other: Any) -> Any:
        result = original(self, other)
        if isinstance(result, bool) and other is not None and self is not other:
            _tell(sys._getframe(1), symbol, result)
        return result

    return compare


def _tell(frame: Any, symbol: str, result: bool) -> None:
    module = str(frame.f_globals.get("__name__")).partition(".")[0]
    if module not in _LIBRARIES and _is_written(frame, symbol):
        log_once("{}:{}: `{}` asks whether two tensors are the same object, as always in a graph, and is {} here; write "
                 "{}(a, b) to compare their values.".format(
                     frame.f_code.co_filename, frame.f_lineno, symbol, result, _INSTEAD[symbol][0]), "warning")


def _is_written(frame: Any, symbol: str) -> bool:
    """Whether the frame is at such a comparison, rather than at a call or a lookup that compares."""
    here = next((each for each in dis.get_instructions(frame.f_code) if each.offset == frame.f_lasti), None)
    return here is not None and here.opname == "COMPARE_OP" and symbol in here.argrepr
