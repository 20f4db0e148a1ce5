"""What gives values to a program of Python 2, in all of its process: sessions, functions in the graph, pickles and arrays."""
from __future__ import annotations

import functools
import inspect
import pickle
from types import ModuleType
from typing import Any, Callable

from ..hooks import AfterImport

ENCODING = "latin1"  # a str of Python 2 that was pickled is bytes, of which this makes characters with the same numbers
_became: bool = False
_has_names: bool = False


def become_python_2() -> None:
    """Let TensorFlow give text, and pickle and numpy read what Python 2 has written, from now on."""
    global _became
    if _became:
        return
    _became = True
    pickles_of_python_2()
    AfterImport({"numpy": _arrays_of_python_2, "tensorflow.python.client.session": _sessions_give_text,
                 "tensorflow.python.framework.tensor_util": _constants_keep_text,
                 "tensorflow.python.util.compat": _text_is_str,
                 "tensorflow.python.ops.script_ops": _functions_get_text}).install()


def is_python_2() -> bool:
    """Whether this process runs a program of Python 2."""
    return _became


def note_names_of_python_2() -> None:
    """A file of the program is Python 3, but uses names of Python 2."""
    global _has_names
    _has_names = True


def has_python_2() -> bool:
    """Whether a file of the program is Python 2 or uses its names."""
    return _became or _has_names


def pickles_of_python_2() -> None:
    """Let `pickle` read strings of Python 2, and take files that are open for text as Python 2 did."""
    own: Any = vars(pickle)
    if own["load"].__module__ == __name__:
        return
    own.update(load=_with_binary_file(pickle.load, 0, True), loads=_with_encoding(pickle.loads),
               dump=_with_binary_file(pickle.dump, 1, False), Unpickler=_Unpickler, Pickler=_Pickler)


def _with_encoding(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def of_python_2(*arguments: Any, **named: Any) -> Any:
        return function(*arguments, **dict({"encoding": ENCODING}, **named))

    of_python_2.__module__ = __name__
    return of_python_2


def _with_binary_file(function: Callable[..., Any], place: int, reads: bool) -> Callable[..., Any]:
    inner = _with_encoding(function) if reads else function

    @functools.wraps(function)
    def of_python_2(*arguments: Any, **named: Any) -> Any:
        if "file" in named:
            named["file"] = _binary(named["file"])
        return inner(*arguments[:place], *map(_binary, arguments[place:place + 1]), *arguments[place + 1:], **named)

    of_python_2.__module__ = __name__
    return of_python_2


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: Any, **named: Any) -> None:
        super().__init__(_binary(file), **dict({"encoding": ENCODING}, **named))


class _Pickler(pickle.Pickler):
    def __init__(self, file: Any, *arguments: Any, **named: Any) -> None:
        super().__init__(_binary(file), *arguments, **named)


def _binary(file: Any) -> Any:
    """What is below a file that is open for text, which knew no other kind in Python 2."""
    below = getattr(file, "buffer", None)
    if below is None or not hasattr(file, "encoding"):
        return file
    if file.writable():
        file.flush()
    return below


def _arrays_of_python_2(numpy: ModuleType) -> None:
    """Let `numpy.load` read arrays of objects that Python 2 has pickled."""
    names: Any = vars(numpy)
    names["load"] = _with_default_encoding(names["load"])


def _with_default_encoding(load: Callable[..., Any]) -> Callable[..., Any]:
    position = list(inspect.signature(load).parameters).index("encoding")

    @functools.wraps(load)
    def of_python_2(*arguments: Any, **named: Any) -> Any:
        if len(arguments) <= position:
            named.setdefault("encoding", ENCODING)
        return load(*arguments, **named)

    return of_python_2


def _sessions_give_text(module: Any) -> None:
    base: Any = module.BaseSession
    for owner, name in [(base, "_call_tf_sessionrun"), (base, "_call_tf_sessionprun"), (base._Callable, "__call__")]:
        setattr(owner, name, _giving_text(getattr(owner, name)))


def _giving_text(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def run(*arguments: Any, **named: Any) -> Any:
        return text_in(method(*arguments, **named))

    return run


def _text_is_str(module: Any) -> None:
    """What TensorFlow makes a str for its own use, as the paths of its savers, is one, also if a session gave it."""
    from .text import Text

    for name in ("as_str", "as_str_any", "as_text"):
        setattr(module, name, _giving_str(getattr(module, name), Text))


def _giving_str(function: Callable[..., Any], text: Any) -> Callable[..., Any]:
    @functools.wraps(function)
    def as_str(value: Any, *arguments: Any, **named: Any) -> Any:
        return str(value) if type(value) is text else function(value, *arguments, **named)

    return as_str


def _functions_get_text(module: Any) -> None:
    registry: Any = module.FuncRegistry
    call = registry.__call__

    def call_with_text(self: Any, token: Any, device: Any, values: Any) -> Any:
        return call(self, token, device, text_in(values))

    registry.__call__ = call_with_text


def _constants_keep_text(module: Any) -> None:
    """A constant of text is one of its bytes: of a scalar of numpy, which it may be, TensorFlow leaves NULs at the end out."""
    make = module.make_tensor_proto

    @functools.wraps(make)
    def make_tensor_proto(values: Any, *arguments: Any, **named: Any) -> Any:
        return make(bytes(memoryview(values)) if isinstance(values, bytes) else values, *arguments, **named)

    module.make_tensor_proto = make_tensor_proto


def text_in(value: Any) -> Any:
    """Values of TensorFlow with text where there are bytes, in a list and in arrays of objects as well."""
    from .text import Text  # needs numpy, which the program may want to set up before it imports it

    if type(value) in (list, tuple):
        return type(value)(map(text_in, value))
    if isinstance(value, bytes):
        return Text(value)
    if getattr(getattr(value, "dtype", None), "kind", None) != "O":
        return value
    changed = value.copy()
    for index, element in enumerate(value.flat):
        if isinstance(element, bytes):
            changed.flat[index] = Text(element)
    return changed
