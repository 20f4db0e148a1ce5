"""A name in the user's own code, given as MODULE:NAME or FILE.py:NAME: how it is read, imported and called."""
from __future__ import annotations

import argparse
import difflib
import importlib
import importlib.util
import os
import sys
import traceback
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Callable, Iterator, NamedTuple

from ..utils._process.user_file import importing_for_a_tool
from ..utils._text.spec import shown

_MAX_NAMES = 10  # of a module that are listed where none is like the one given
_NOT_OF_THE_USER = ("<", os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep, importlib.__file__)


class UserName(NamedTuple):
    """Where a name is, a module or the path of a file, and the name."""

    place: str
    name: str

    def __str__(self) -> str:
        place = self.place
        return "{}:{}".format(os.path.splitext(os.path.basename(place))[0] if _is_file(place) else place, self.name)


def user_name(what: str) -> Callable[[str], UserName]:
    """A type for an argument; `what` is what help and errors call the name, such as "CLASS"."""
    def parse(text: str) -> UserName:
        place, _, name = text.rpartition(":")
        if not place or not name:
            raise argparse.ArgumentTypeError("must be MODULE:{0} or FILE.py:{0}; got {1!r}".format(what, text))
        return UserName(place, name)

    return parse


@contextmanager
def load(name: UserName) -> Iterator[Any]:
    """What has this name. Within the context, modules beside the user's are found as if Python had been started there.

    Raises:
        ValueError: there is no such module, file or name in it.
        RuntimeError: it cannot be imported because of an error of the user's.
    """
    directory = os.path.dirname(os.path.abspath(name.place)) if _is_file(name.place) else os.getcwd()
    sys.path.insert(0, directory)
    try:
        module = _import_with_place(name.place)
        if not hasattr(module, name.name):
            public = sorted(each for each in vars(module) if not each.startswith("_"))
            near = difflib.get_close_matches(name.name, public, n=3)
            raise ValueError("{}: must define {!r}; got no such name; {}".format(
                module.__name__, name.name, "did you mean {}?".format(" or ".join(map(repr, near))) if near else
                "there are {}".format(", ".join(public[:_MAX_NAMES]) or "none")))
        yield getattr(module, name.name)
    finally:
        if directory in sys.path:
            sys.path.remove(directory)


def _import_with_place(place: str) -> ModuleType:
    """An error inside of the user's module is not taken for one of the arguments."""
    try:
        with importing_for_a_tool(place):
            return _import(place)
    except Exception as e:
        frames = traceback.extract_tb(e.__traceback__)
        own = [frame for frame in frames if not frame.filename.startswith(_NOT_OF_THE_USER)]
        if not own:
            raise
        raise RuntimeError("{} cannot be imported: {}: {} ({}, line {})".format(
            place, type(e).__name__, e, own[0].filename, own[0].lineno)) from e


def _is_file(place: str) -> bool:
    return place.endswith(".py")


def _import(place: str) -> ModuleType:
    if _is_file(place):
        return _import_file(place)
    try:
        return importlib.import_module(place)
    except ModuleNotFoundError as e:
        if e.name is None or not (place + ".").startswith(e.name + "."):
            raise  # the module is there and lacks something itself
        raise ValueError("there must be a module {!r} that can be imported from here; got none (no {!r}); "
                         "a file is given as path/to/file.py:NAME".format(place, e.name)) from e


def _import_file(path: str) -> ModuleType:
    if not os.path.isfile(path):
        raise ValueError("{}: must be an existing Python file; got none of that name".format(path))
    stem = os.path.splitext(os.path.basename(path))[0]
    name = stem if stem not in sys.modules else "_given_" + stem
    spec: Any = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def call(factory: Any, name: UserName, what: str) -> Any:
    """What a function of the user's returns, which needs no arguments; `what` says what that shall be, for the error."""
    try:
        return factory()
    except TypeError as e:
        raise TypeError("{} must be callable without arguments; got: {}; name a function in that module that returns "
                        "{}".format(name, e, what)) from e


def make_flow(flow: Any, name: UserName) -> Any:
    """The DataFlow of this name, or the one that the function of this name returns.

    Raises:
        TypeError: it is something else.
    """
    from ..dataflow.base import DataFlow

    if callable(flow) and not isinstance(flow, DataFlow):
        flow = call(flow, name, "the DataFlow")
    if not isinstance(flow, DataFlow):
        raise TypeError("{} must be a DataFlow, or return one; got {}".format(name, shown(flow)))
    return flow
