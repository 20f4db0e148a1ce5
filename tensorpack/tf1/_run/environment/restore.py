"""Giving lost names back: at once in modules of Python, and in other packages when the program imports them."""
from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Optional, Sequence

from ..._tensorflow._missing import frame_of_program, is_import_guarded
from ..hooks import AfterImport
from ..lost import MODULES
from ..old.process import pickles_of_python_2
from ..places import is_of_program
from . import standard_library


def restore_environment() -> None:
    """Give lost names back, in modules that are imported and in those that will be."""
    standard_library.restore()
    AfterImport({"numpy": _numpy, "scipy": _scipy, "scipy.misc": _scipy_misc,
                 "scipy.interpolate": _scipy_interpolate}).install()
    sys.meta_path.append(_ModulesOfPython2())


def _numpy(module: ModuleType) -> None:
    importlib.import_module(".numpy_names", __package__).restore(module)


def _scipy(module: ModuleType) -> None:
    if importlib.util.find_spec("scipy.misc") is None:
        misc = importlib.import_module(".scipy_misc", __package__)
        sys.modules["scipy.misc"] = misc
        vars(module)["misc"] = misc


def _scipy_misc(module: ModuleType) -> None:
    ours = importlib.import_module(".scipy_misc", __package__)
    if module is not ours:
        for name in ours.__all__:
            if not hasattr(module, name):
                setattr(module, name, getattr(ours, name))


def _scipy_interpolate(module: ModuleType) -> None:
    if tuple(int(part) for part in sys.modules["scipy"].__version__.split(".")[:2]) >= (1, 14):
        vars(module)["interp2d"] = importlib.import_module(".scipy_interp2d", __package__).interp2d


class _ModulesOfPython2:
    """The last finder of `sys.meta_path`: modules by their names in Python 2, for files of the program."""

    def find_spec(self, name: str, path: Optional[Sequence[str]] = None, target: Any = None) -> Optional[ModuleSpec]:
        frame = frame_of_program()
        if name not in MODULES or frame is None or not is_of_program(frame.f_code.co_filename) or is_import_guarded(frame):
            return None
        loader: Any = self
        return ModuleSpec(name, loader)

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        if module.__name__ == "cPickle":
            pickles_of_python_2()
        sys.modules[module.__name__] = importlib.import_module(MODULES[module.__name__])
