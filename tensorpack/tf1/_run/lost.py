"""What Python and its objects have lost, for code of the program: names of Python 2 and methods of numpy arrays.

The code reaches this module by one name among the builtins; see `rewriting.py`.
"""
from __future__ import annotations

import functools
import importlib
import sys
from typing import Any, Dict, List

__all__: List[str] = []

# Attribute -> what it is called today, or a function of the object: asked only where the object has no such attribute.
_ATTRIBUTES: Dict[str, Any] = {
    "has_key": lambda mapping: mapping.__contains__,
    "iteritems": lambda mapping: lambda: iter(mapping.items()),
    "iterkeys": lambda mapping: lambda: iter(mapping.keys()),
    "itervalues": lambda mapping: lambda: iter(mapping.values()),
    "viewitems": "items",
    "viewkeys": "keys",
    "viewvalues": "values",
    "next": "__next__",
    "tostring": "tobytes",
    "maxint": "maxsize",
}
ATTRIBUTES = frozenset(_ATTRIBUTES)


def attribute(value: Any, name: str) -> Any:
    """`value.name`, or what it is called today.

    Raises:
        AttributeError: as without this function.
    """
    try:
        return getattr(value, name)
    except AttributeError:
        today = _ATTRIBUTES[name]
        if isinstance(today, str) and hasattr(value, today):
            return getattr(value, today)
        if callable(today) and hasattr(value, "keys"):
            return today(value)
        raise


def divide(left: Any, right: Any) -> Any:
    """`left / right` of Python 2: rounded down if both are integers, arrays or tensors of integers."""
    if _is_integral(left) and _is_integral(right):
        return left // right
    return left / right


def divide_in_place(left: Any, right: Any) -> Any:
    """What `left /= right` of Python 2 binds."""
    if _is_integral(left) and _is_integral(right):
        left //= right
    else:
        left /= right
    return left


class Divisor:
    """The right side of `a.b /= y` of Python 2: whatever `a.b` is, asks it to divide, so that `a` is evaluated once."""

    __array_ufunc__ = None  # else an array would divide by each of the elements that it takes this to be

    def __init__(self, value: Any) -> None:
        self._value = value

    def __rtruediv__(self, left: Any) -> Any:
        return divide_in_place(left, self._value)


def _is_integral(value: Any) -> bool:
    if isinstance(value, int):
        return True
    dtype = getattr(value, "dtype", None)
    if dtype is None:
        return False
    kind = getattr(dtype, "kind", None)  # numpy's
    return kind in ("i", "u", "b") if kind is not None else bool(getattr(dtype, "is_integer", False))  # TensorFlow's


def _compare(left: Any, right: Any) -> int:
    return (left > right) - (left < right)


def _execute_file(path: str, names: Any = None, local_names: Any = None) -> None:
    frame = sys._getframe(1)
    names = frame.f_globals if names is None else names
    with open(path, "rb") as f:
        exec(compile(f.read(), path, "exec"), names, local_names if local_names is not None else names)


BUILTINS: Dict[str, Any] = {
    "apply": lambda function, arguments=(), keywords={}: function(*arguments, **keywords),  # noqa: B006
    "basestring": str,
    "cmp": _compare,
    "execfile": _execute_file,
    "file": open,
    "intern": sys.intern,
    "long": int,
    "raw_input": input,
    "reduce": functools.reduce,
    "reload": importlib.reload,
    "unichr": chr,
    "unicode": str,
    "xrange": range,
}

# Module of Python 2 -> of today, with all names that programs use of it
MODULES: Dict[str, str] = {
    "ConfigParser": "configparser", "Cookie": "http.cookies", "HTMLParser": "html.parser", "Queue": "queue",
    "SocketServer": "socketserver", "StringIO": "io", "Tkinter": "tkinter", "__builtin__": "builtins", "anydbm": "dbm",
    "cPickle": "pickle", "cStringIO": "io", "commands": "subprocess", "copy_reg": "copyreg", "dummy_thread": "_thread",
    "httplib": "http.client", "thread": "_thread", "urllib2": "urllib.request", "urlparse": "urllib.parse",
    "xmlrpclib": "xmlrpc.client",
}


def builtin(name: str) -> Any:
    """The function or class of Python 2 with this name, unless a star import has bound another."""
    return sys._getframe(1).f_globals.get(name, BUILTINS[name])
