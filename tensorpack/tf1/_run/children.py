"""Processes that the program starts with multiprocessing: those that are spawned get what this process has."""
from __future__ import annotations

import multiprocessing.spawn as spawn
import os
import sys
from typing import Any, Dict, Tuple

from .places import LIBRARY_FOLDER
from .program import new_main
from .source import code_to_run

# In the child, before it imports anything of the program: the library may be on the path of this process alone.
_SET_UP = "import sys; sys.path.insert(0, {!r}); from tensorpack.tf1._run.process import set_up; set_up(); del sys.path[0]"


class _Message:
    """What is sent along to a child, and sets it up when it is received."""

    def __reduce__(self) -> Tuple[Any, Tuple[str]]:
        return exec, (_SET_UP.format(LIBRARY_FOLDER),)


def set_children_up() -> None:
    """From now on processes that this one spawns run the program's main file as this one does."""
    prepare = spawn.get_preparation_data

    def data_with_message(name: str) -> Dict[str, Any]:
        return dict(prepare(name), tensorpack_tf1=_Message())

    spawn.get_preparation_data = data_with_message
    vars(spawn)["_fixup_main_from_path"] = _import_main_from_path


def _import_main_from_path(path: str) -> None:
    """Execute the program's main file in a child, under the name that guards against running it."""
    main = sys.modules["__main__"]
    if os.path.splitext(os.path.basename(path))[0] == "ipython" or getattr(main, "__file__", None) == path:
        return
    spawn.old_main_modules.append(main)
    with open(path, "rb") as f:
        code = code_to_run(f.read(), path)
    new = new_main("__mp_main__", path, None)
    sys.modules["__mp_main__"] = new
    exec(code, vars(new))
