"""Everything that programs written for tensorpack 0.1 to 0.10 need and that today's modules do not say.

The last lines of `tensorpack/__init__.py` call `install`. It puts a finder on `sys.meta_path` that looks at `tensorpack.*` only
and works from the literal tables in `_tables`, one per subject. When a module of today has been executed, the finder adds what
the tables list for it: old names (looked up when they are first used), old keywords and methods of its functions and classes,
and the adapters: functions in the files of this folder, for what a table cannot say. A module that is gone is made when it is
imported, and finds its names where they are today. So nothing of this room is imported before something old is used, except the
tables, which import nothing; and no module of today mentions it. Each old spelling logs one warning with the one of today;
what cannot be provided raises an error that names the new way when it is used, not when it is imported.

To add something: a line in the table of its subject, and if that is not enough a function in the file of that subject. A file
with adapters imports no module that needs the adapted one, since that is still on its way; such imports stand in functions.
"""
from __future__ import annotations

import sys
from types import ModuleType
from typing import Dict

from ._finder import LegacyFinder, add_names
from ._tables import TABLE

__all__ = ["install", "spellings"]


def install(root: ModuleType) -> None:
    """Make the old spellings known to the imports of this process, and to `root`, the package `tensorpack` itself."""
    if not any(isinstance(finder, LegacyFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, LegacyFinder(TABLE))
    add_names(root, TABLE)


def spellings() -> Dict[str, str]:
    """Old spelling -> today's, or what to do instead, of all that is provided here or raises an error at its use.

    Old spellings are written as `tensorpack.module.name`, `from tensorpack.package import * -> name`, `function(keyword)`,
    `Class.method` and, for gone modules, `tensorpack.module`.
    """
    return TABLE.spellings()
