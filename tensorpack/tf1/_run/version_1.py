"""What `tensorflow` is for the program: a module with the names of version 1, while packages of today get TensorFlow's own."""
from __future__ import annotations

import builtins
import importlib
import importlib.machinery
import sys
from types import ModuleType
from typing import Any, Callable, Dict, List, Optional

from .moved import find_moved_names
from .places import is_installed

VERSION = "1.15.5"  # whose API it is: programs compare it

# Installed packages that know of TensorFlow 2: parts of TensorFlow, and libraries that support it. Others get version 1.
_OF_TODAY = ("tensorflow", "keras", "tensorboard", "tensorpack", "tf_", "tf2onnx", "horovod", "byteps", "transformers")

_todays_modules: Dict[str, ModuleType] = {}  # name -> TensorFlow's own, where the program gets another


def become_version_1(today: ModuleType) -> None:
    """Put a module with the names of version 1 in the place of TensorFlow 2, which has just been imported."""
    if int(today.__version__.split(".")[0]) < 2:
        return
    root = _Version1("tensorflow", _name_of_root, lambda: dir(importlib.import_module("tensorpack.tf1")))
    for name in ("__path__", "__file__", "__spec__", "__loader__", "__package__", "__doc__"):
        vars(root)[name] = getattr(today, name, None)
    vars(root).update(__version__=VERSION, VERSION=VERSION)
    compat = _Version1("tensorflow.compat", lambda name: getattr(today.compat.v1.compat, name), lambda: dir(today.compat))
    vars(compat).update(v1=root, v2=today.compat.v2, __path__=[], __spec__=None)
    vars(root)["compat"] = compat
    _todays_modules.update({"tensorflow": today, "tensorflow.compat": today.compat, "tensorflow.compat.v1": today.compat.v1})
    sys.modules.update({"tensorflow": root, "tensorflow.compat": compat, "tensorflow.compat.v1": root,
                        "tensorflow.compat.v2": today.compat.v2})
    find_moved_names()
    importlib.import_module("tensorpack.compat")  # turns graph mode on


def give_version_1(compat: ModuleType) -> None:
    """Let `tensorpack.compat.tfv1`, which the library and its programs use, be the module that the program gets."""
    if "tensorflow" in _todays_modules:
        vars(compat)["tfv1"] = sys.modules["tensorflow"]


def todays_tensorflow() -> Optional[ModuleType]:
    """TensorFlow's own module, if it has been imported and the program gets another."""
    return _todays_modules.get("tensorflow")


def show_today_to_its_packages() -> None:
    """From now on packages of today that are imported get TensorFlow's own module: `import` in them is another function."""
    loader: Any = importlib.machinery.SourceFileLoader
    create_module = loader.create_module
    names = dict(vars(builtins), __import__=_import_of_today(builtins.__import__))

    def create(self: Any, spec: importlib.machinery.ModuleSpec) -> Optional[ModuleType]:
        if not spec.name.startswith(_OF_TODAY) or not is_installed(self.path):
            return create_module(self, spec)
        module = ModuleType(spec.name)
        vars(module)["__builtins__"] = names
        return module

    loader.create_module = create


def _import_of_today(original: Callable[..., ModuleType]) -> Callable[..., ModuleType]:
    def import_of_today(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> ModuleType:
        module = original(name, globals, locals, fromlist, level)
        if level or not name.startswith("tensorflow"):
            return module
        return _todays_modules.get(name if fromlist else name.partition(".")[0], module)

    return import_of_today


class _Version1(ModuleType):
    """A module that looks its names up elsewhere when they are first used."""

    def __init__(self, name: str, look_up: Callable[[str], Any], list_names: Callable[[], List[str]]) -> None:
        super().__init__(name)
        vars(self).update(_look_up=look_up, _list_names=list_names)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError("module {!r} has no attribute {!r}".format(self.__name__, name))
        value = vars(self)["_look_up"](name)
        if getattr(type(value), "__name__", "") != "MissingModule":
            vars(self)[name] = value  # the next access does not come here
        return value

    def __dir__(self) -> List[str]:
        return vars(self)["_list_names"]()


def _name_of_root(name: str) -> Any:
    if name in ("python", "core", "compiler", "tools"):  # no names of the API, but packages of TensorFlow's source
        return getattr(_todays_modules["tensorflow"], name)
    return getattr(importlib.import_module("tensorpack.tf1"), name)
