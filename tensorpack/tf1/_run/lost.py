"""What Python and its objects have lost, for code of the program: names of Python 2 and methods of numpy arrays.

The code reaches this module by one name among the builtins; see `rewriting.py`.
"""
from __future__ import annotations

import functools
import importlib
import sys
from typing import Any, Callable, Dict, List, Tuple

__all__: List[str] = []

# Lost attribute -> (attribute of the objects that had it, what makes it of such an object); only for objects without their own.
_ATTRIBUTES: Dict[str, Tuple[str, Callable[[Any], Any]]] = {
    "has_key": ("__contains__", lambda mapping: mapping.__contains__),
    "iteritems": ("items", lambda mapping: lambda: iter(mapping.items())),
    "iterkeys": ("keys", lambda mapping: lambda: iter(mapping.keys())),
    "itervalues": ("values", lambda mapping: lambda: iter(mapping.values())),
    "viewitems": ("items", lambda mapping: mapping.items),
    "viewkeys": ("keys", lambda mapping: mapping.keys),
    "viewvalues": ("values", lambda mapping: mapping.values),
    "next": ("__next__", lambda iterator: iterator.__next__),
    "maxint": ("maxsize", lambda system: system.maxsize),
    # of numpy arrays
    "tostring": ("tobytes", lambda array: array.tobytes),
    "itemset": ("setflags", lambda array: functools.partial(_set_item, array)),
    "newbyteorder": ("setflags", lambda array: lambda order="S": array.view(array.dtype.newbyteorder(order))),
    "ptp": ("setflags", lambda array: lambda axis=None: array.max(axis) - array.min(axis)),
}
ATTRIBUTES = frozenset(_ATTRIBUTES)
ATTRIBUTES_OF_PYTHON_2 = ATTRIBUTES - {"next", "tostring", "itemset", "newbyteorder", "ptp"}  # `next` may be anybody's


def attribute(value: Any, name: str) -> Any:
    """`value.name`, or what it is called today.

    Raises:
        AttributeError: as without this function.
    """
    try:
        return getattr(value, name)
    except AttributeError:
        of_such, make = _ATTRIBUTES[name]
        if not hasattr(value, of_such):
            raise
        return make(value)


def _set_item(array: Any, *arguments: Any) -> None:
    """`array.itemset(value)`, `array.itemset(index of the flat array, value)` or `array.itemset((i, j), value)`."""
    place = arguments[0] if len(arguments) > 1 else 0
    if isinstance(place, tuple):
        array[place] = arguments[-1]
    else:
        array.flat[place] = arguments[-1]


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


_OLD = {"with_old_methods": "classes", "Text": "text"}  # the others are of `old.values`


def __getattr__(name: str) -> Any:
    """What translated code alone calls; it needs numpy, which is the program's to import first."""
    if name.startswith("_"):
        raise AttributeError("module {!r} has no attribute {!r}".format(__name__, name))
    value = getattr(importlib.import_module(".old." + _OLD.get(name, "values"), __package__), name)
    globals()[name] = value
    return value
