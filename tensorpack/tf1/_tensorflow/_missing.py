"""What stands for a name of TensorFlow 1 that is not provided: nothing happens before it is used, then an error tells where."""
from __future__ import annotations

import ast
import dis
import linecache
import os
import sys
from types import FrameType, ModuleType
from typing import Any, Optional

from ._instead import PACKAGES_OF_CONTRIB, instead_of

_OWN_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_IMPORT_FROM = dis.opmap["IMPORT_FROM"]
# Handlers with which a program says that it can do without what it imports
_IMPORT_HANDLERS = ("ImportError", "ModuleNotFoundError", "AttributeError", "Exception", "BaseException")


class NotProvided(AttributeError):
    """A name of TensorFlow 1 that neither TensorFlow nor this library has."""


def not_provided(name: str) -> NotProvided:
    """The error to raise for a name such as `tf.contrib.layers.foo`, with the place in the program that uses it."""
    frame = frame_of_program()
    place = "{}:{}: ".format(frame.f_code.co_filename, frame.f_lineno) if frame else ""
    return NotProvided("{}{} is not provided; {} (`python -m tensorpack.tf1 --check` lists all such names)".format(
        place, name, instead_of(name)))


def missing_attribute(name: str) -> Any:
    """What an attribute that is not there gives: an error, or a stand-in where that is not yet a use.

    Those are a package of `tf.contrib`, and `from ... import name` outside of a `try` that would catch the error.

    Raises:
        NotProvided: in all other cases.
    """
    if name.startswith("tf.contrib.") and name[len("tf.contrib."):] in PACKAGES_OF_CONTRIB:
        return MissingModule(name)
    frame = frame_of_program()
    if frame is None or not _is_importing_from(frame) or is_import_guarded(frame):
        raise not_provided(name)
    return MissingModule(name)


class MissingModule(ModuleType):
    """A package or a name that is not provided. It can be imported; each use of it raises NotProvided."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__: Any = []  # so that what is below it can be imported as well

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # asked for by the import system and by tools
            raise AttributeError("module {!r} has no attribute {!r}".format(self.__name__, name))
        return missing_attribute("{}.{}".format(_short(self.__name__), name))

    def __repr__(self) -> str:
        return "<{}, which is not provided>".format(_short(self.__name__))

    def _used(self, *args: Any, **kwargs: Any) -> Any:
        raise not_provided(_short(self.__name__))

    __call__ = __mro_entries__ = __getitem__ = __iter__ = __instancecheck__ = __subclasscheck__ = _used


def frame_of_program() -> Optional[FrameType]:
    """The innermost frame that is neither of this package nor of the import system."""
    frame: Optional[FrameType] = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith((_OWN_FOLDER, "<frozen")):
        frame = frame.f_back
    return frame


def is_import_guarded(frame: FrameType) -> bool:
    """Whether the line that runs is in a `try` that catches what an import raises."""
    try:
        tree = ast.parse("".join(linecache.getlines(frame.f_code.co_filename)))
    except (SyntaxError, ValueError):
        return False
    return any(_guards(node, frame.f_lineno) for node in ast.walk(tree) if isinstance(node, ast.Try))


def _guards(node: ast.Try, line: int) -> bool:
    lines = [child.lineno for statement in node.body for child in ast.walk(statement) if hasattr(child, "lineno")]
    if not min(lines) <= line <= max(lines):
        return False
    return any(handler.type is None or any(isinstance(name, ast.Name) and name.id in _IMPORT_HANDLERS
                                           for name in ast.walk(handler.type)) for handler in node.handlers)


def _is_importing_from(frame: FrameType) -> bool:
    return frame.f_code.co_code[frame.f_lasti] == _IMPORT_FROM


def _short(name: str) -> str:
    return "tf" + name[len("tensorflow"):] if name.startswith("tensorflow.") else name
