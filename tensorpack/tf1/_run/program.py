"""Running a file or a module as `__main__`, as Python itself would."""
from __future__ import annotations

import builtins
import importlib.util
import os
import sys
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import CodeType, ModuleType
from typing import Any, List, Optional

from .source import code_to_run

_main_path: Optional[str] = None


class CannotRun(Exception):
    """There is no such program; the message says what there is."""


def run_file(path: str, arguments: List[str]) -> None:
    """Run a script, or a folder with a `__main__.py`.

    Raises:
        CannotRun: there is none.
    """
    script = os.path.join(path, "__main__.py") if os.path.isdir(path) else path
    if not os.path.isfile(script):
        raise CannotRun(_no_such_file(path, script))
    sys.argv[:] = [path] + arguments
    _put_first_on_path(path if script != path else os.path.dirname(os.path.abspath(script)))
    with open(script, "rb") as f:
        code = code_to_run(f.read(), script)
    _execute(code, new_main("__main__", script, None))


def run_module(name: str, arguments: List[str]) -> None:
    """Run a module by its name, as `python -m` does.

    Raises:
        CannotRun: there is none.
    """
    sys.argv[:] = [name] + arguments
    _put_first_on_path(os.getcwd())
    spec = spec_of_module(name)
    loader: Any = spec.loader
    code = loader.get_code(spec.name)
    if code is None:
        raise CannotRun("no code for the module {}".format(name))
    sys.argv[0] = str(spec.origin)
    _execute(code, new_main("__main__", spec.origin, spec))


def _put_first_on_path(folder: str) -> None:
    if getattr(sys.flags, "safe_path", False):  # python -P: no folder of the program on the path
        return
    sys.path[0] = folder


def spec_of_module(name: str) -> ModuleSpec:
    """Where the module, or the `__main__` of the package, of this name is.

    Raises:
        CannotRun: it is nowhere.
    """
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError as e:
        raise CannotRun("no module named {}, which {} needs".format(e.name, name)) from None
    if spec is None:
        raise CannotRun("no module named {}; it must be below the current folder or on the PYTHONPATH".format(name))
    if spec.submodule_search_locations is not None:
        return spec_of_module(name + ".__main__")
    return spec


def new_main(name: str, path: Optional[str], spec: Optional[ModuleSpec]) -> ModuleType:
    """An empty module that is `sys.modules["__main__"]` from now on."""
    main = ModuleType(name)
    loader: Any = SourceFileLoader(name, str(path)) if spec is None else spec.loader
    vars(main).update(__name__=name, __file__=path, __builtins__=builtins, __loader__=loader, __spec__=spec,
                      __package__=None if spec is None else spec.parent, __cached__=None)
    sys.modules["__main__"] = main
    return main


def main_path() -> Optional[str]:
    """The main file of the program that runs."""
    return _main_path


def _execute(code: CodeType, main: ModuleType) -> None:
    global _main_path
    _main_path = main.__file__
    exec(code, vars(main))


def _no_such_file(path: str, script: str) -> str:
    if script != path:
        return "{}: must have a file __main__.py to be run; name one of its programs".format(path)
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder):
        return "{}: no such file; there is no folder {} either".format(path, folder)
    programs = sorted(name for name in os.listdir(folder) if name.endswith(".py"))
    return "{}: no such file; programs in that folder: {}".format(path, ", ".join(programs[:8]) or "none")
