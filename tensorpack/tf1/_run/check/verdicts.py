"""What becomes of a name: provided, differs or missing. The process must be one that `set_up` has made."""
from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
from types import FunctionType, ModuleType
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from ..._tensorflow._instead import instead_of
from ..._tensorflow._missing import MissingModule
from ..lost import MODULES
from ..old.names import METHODS
from ..version_1 import todays_tensorflow

PROVIDED, DIFFERS, MISSING = "provided", "differs", "missing"


class Verdict(NamedTuple):
    """What becomes of a name in a process of `python -m tensorpack.tf1`."""
    name: str  # as far as it could be followed
    status: str
    note: str  # how it differs, or what to use instead
    is_lost: bool  # whether today's packages lack it


_DIFFERENCES = {
    "tensorflow.keras": "it is the Keras that TensorFlow has, version 3 since TensorFlow 2.16",
    "numpy.bool": "in NumPy 2 it is NumPy's own scalar: a dtype as before, but isinstance(True, numpy.bool) is False",
}
_HINTS = {
    "numpy.clamp": "no numpy has had it: numpy.clip",
}


@functools.lru_cache(maxsize=None)
def verdict_on(path: str) -> Verdict:
    """The verdict on a name with its whole path, such as `tensorflow.contrib.slim.conv2d` or `numpy.float`."""
    old = _old_spelling(path)
    if old is not None:
        return old
    value, end = _followed(path)
    parts = path.split(".")
    shown = _shown(".".join(parts[:end]))
    if value is _NOTHING or _is_a(value, MissingModule):
        return Verdict(shown, MISSING, _HINTS.get(".".join(parts[:end])) or _instead(shown), True)
    for prefix, difference in _DIFFERENCES.items():
        if (path + ".").startswith(prefix + ".") and _applies(prefix):
            return Verdict(shown, DIFFERS, difference, True)
    return Verdict(shown, PROVIDED, "", not _is_there_today(parts[:end], value))


def verdict_on_package(name: str) -> Optional[Verdict]:
    """The verdict on another package that a program imports; None if it is there."""
    top = name.split(".")[0]
    if top in MODULES:
        return Verdict(top, PROVIDED, "a module of Python 2, today {}".format(MODULES[top]), True)
    try:
        found = top in sys.builtin_module_names or importlib.util.find_spec(top) is not None
    except (ImportError, ValueError):
        found = False
    return None if found else Verdict(top, MISSING, "the package is not installed: pip install {}".format(top), True)


def verdict_on_meaning(what: str, is_translated: bool) -> Verdict:
    """The verdict on a method or a codec of Python 2, which files have that are translated."""
    note = "today {}".format(", ".join(METHODS[what])) if what in METHODS else "today codecs.{}(value, {}".format(
        *what.strip(".").split("("))
    return Verdict("Python 2: " + what, PROVIDED if is_translated else DIFFERS,
                   note if is_translated else "Python 3 does not ask for it in a file that is Python 3; " + note, True)


_NOTHING = object()


def _is_a(value: Any, kind: Any) -> bool:
    """`isinstance` that asks the value nothing: `tf.app.flags.FLAGS` parses the command line when it is asked."""
    return issubclass(type(value), kind)


def _followed(path: str) -> Tuple[Any, int]:
    """What a path leads to, and how many of its parts were followed; further parts are attributes of a value, no module."""
    parts = path.split(".")
    try:
        value: Any = importlib.import_module(parts[0])
    except ImportError:
        return _NOTHING, 1
    for number in range(2, len(parts) + 1):
        if _is_a(value, MissingModule):
            return value, number
        if not _is_a(value, ModuleType):
            return value, number - 1
        value = _attribute(value, parts[:number])
        if value is _NOTHING:
            return value, number
    return value, len(parts)


def _attribute(module: ModuleType, parts: List[str]) -> Any:
    try:
        return getattr(module, parts[-1])
    except (AttributeError, ImportError):
        pass
    try:
        return importlib.import_module(".".join(parts))
    except Exception:  # a module of TensorFlow may fail in any way
        return _NOTHING


def _is_there_today(parts: List[str], value: Any) -> bool:
    """Whether today's packages have this very thing at the same path, without what this process adds."""
    home = value.__name__ if _is_a(value, ModuleType) else value.__module__ if _is_a(value, (type, FunctionType)) else ""
    if home.startswith("tensorpack.tf1"):
        return False
    if parts[0] != "tensorflow":
        return _is_own(parts)
    today: Any = todays_tensorflow()
    if today is None:
        return True
    if parts[1] in ("python", "core", "compiler", "tools", "lite"):
        module: Any = sys.modules.get(".".join(parts[:-1]))
        return module is not None and (parts[-1] in vars(module) or ".".join(parts) in sys.modules)
    today = today.compat.v1
    for part in parts[1:]:
        today = getattr(today, part, None)
    return today is value


def _is_own(parts: List[str]) -> bool:
    """Whether a name of another package is its own, rather than given back."""
    module: Any = sys.modules.get(".".join(parts[:-1]), sys.modules.get(parts[0]))
    if parts[0] == "scipy" and "misc" in parts or parts[-1] == "interp2d":
        return False
    if parts[0] == "tensorpack":
        return True
    if parts[0] in ("numpy", "scipy"):
        return parts[-1] in vars(module) or parts[-1] in dir(module)
    from ..environment.standard_library import lost_names

    given = {(lost.__name__, name) for lost, names in lost_names() for name in names}
    return (parts[0], parts[-1]) not in given


def _old_spelling(path: str) -> Optional[Verdict]:
    return verdict_on_spelling(path) if path.startswith("tensorpack.") else None


def verdict_on_spelling(path: str) -> Optional[Verdict]:
    """The verdict on an old spelling of tensorpack; None if it is none."""
    today = old_spellings().get(path)
    if today is None or today.split()[-1] == path:  # a module or a name of today that star imports used to bind as well
        return None
    gone = "not provided: "
    if today.startswith(gone):
        return Verdict(path, MISSING, today[len(gone):], True)
    return Verdict(path, PROVIDED, "old spelling; today: " + today, True)


@functools.lru_cache(maxsize=None)
def old_spellings() -> Dict[str, str]:
    """Old spelling of a name of tensorpack -> today's, or what to do instead."""
    from ...._legacy._tables import TABLE

    return TABLE.spellings()


def _applies(name: str) -> bool:
    if name == "numpy.bool":
        return sys.modules["numpy"].bool is not bool
    return todays_tensorflow() is not None


def _instead(shown: str) -> str:
    if shown.startswith("tf."):
        return instead_of(shown)
    return "today's {} has no such name; see its documentation".format(shown.split(".")[0])


def _shown(path: str) -> str:
    return "tf" + path[len("tensorflow"):] if path.startswith("tensorflow") else path
