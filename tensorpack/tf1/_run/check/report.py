"""Collecting what all files of a program use into one table."""
from __future__ import annotations

import functools
import os
from typing import Any, Dict, List, NamedTuple, Set, Tuple

from ..lost import ATTRIBUTES, BUILTINS
from ..source import parsed
from .names import names_in, sorted_places
from .old_spellings import Spellings, by_what_is_seen, old_uses
from .verdicts import (
    MISSING,
    PROVIDED,
    Verdict,
    old_spellings,
    verdict_on,
    verdict_on_meaning,
    verdict_on_package,
    verdict_on_spelling,
)

_SKIPPED = ("site-packages", "dist-packages", "__pycache__", "node_modules", "build")


class Row(NamedTuple):
    """A line of the table."""
    name: str
    places: List[str]  # file:line
    status: str
    note: str
    is_lost: bool


def files_below(path: str) -> List[str]:
    """The program, or all Python files in a folder."""
    if os.path.isfile(path):
        return [path]
    found: List[str] = []
    for folder, folders, names in os.walk(path):
        folders[:] = [name for name in folders if name not in _SKIPPED and not name.startswith(".")]
        found.extend(os.path.join(folder, name) for name in names if name.endswith(".py"))
    return sorted(found)


def rows_of(paths: List[str]) -> List[Row]:
    """What is used in these files: what is missing first, then what differs, then the rest, each by name."""
    collected: Dict[Verdict, List[Tuple[str, int]]] = {}
    own = {os.path.splitext(part)[0] for path in paths for part in os.path.normpath(path).split(os.sep)}
    for path in paths:
        for verdict, line in _verdicts_of(path, own):
            collected.setdefault(verdict, []).append((path, line))
    order = {MISSING: 0, PROVIDED: 2}
    rows = [Row(v.name, sorted_places(places), v.status, v.note, v.is_lost) for v, places in collected.items()]
    return sorted(rows, key=lambda row: (order.get(row.status, 1), not row.is_lost, row.name))


def _verdicts_of(path: str, own_modules: Set[str]) -> List[Tuple[Verdict, int]]:
    with open(path, "rb") as f:
        content = f.read()
    try:
        program = parsed(content, path)
    except SyntaxError as e:
        return [(Verdict("syntax", MISSING, "neither Python 3 nor Python 2: {}".format(e.msg), True), e.lineno or 1)]
    except ImportError as e:
        return [(Verdict("Python 2", MISSING, str(e), True), 1)]
    found = names_in(program.tree)
    verdicts: List[Tuple[Verdict, int]] = [(verdict_on(use.name), use.line) for use in found.uses]
    if program.is_python_2:
        verdicts.append((Verdict("Python 2", PROVIDED, "the file is translated in memory", True), program.first_line or 1))
    verdicts.extend((Verdict("Python 2: " + name, PROVIDED, "", True), line) for line, name in program.lost
                    if name in ATTRIBUTES or name in BUILTINS)
    verdicts.extend((verdict_on_meaning(what, program.is_python_2), line) for line, what in program.meanings)
    for spelling, line in old_uses(program.tree, known_spellings()):
        old = verdict_on_spelling(spelling)
        if old is not None:
            verdicts.append((old, line))
    for use in found.imported:
        is_own = use.name.split(".")[0] in own_modules or _is_beside(path, use.name)
        verdict = None if is_own else verdict_on_package(use.name)
        if verdict is not None:
            verdicts.append((verdict, use.line))
    return verdicts


@functools.lru_cache(maxsize=None)
def known_spellings() -> Spellings:
    """What tensorpack was once called, by what is seen in source."""
    return by_what_is_seen(old_spellings())


def _is_beside(path: str, module: str) -> bool:
    """Whether a module is a file of the program: in the folder of the file, or in one of the folders above it."""
    folder, top = os.path.dirname(os.path.abspath(path)), module.split(".")[0]
    for _ in range(5):
        if os.path.exists(os.path.join(folder, top + ".py")) or os.path.isdir(os.path.join(folder, top)):
            return True
        folder = os.path.dirname(folder)
    return False


def as_json(paths: List[str], rows: List[Row]) -> Dict[str, Any]:
    """The table for machines."""
    names = [{"name": row.name, "status": row.status, "note": row.note, "lost": row.is_lost, "places": row.places}
             for row in rows]
    return {"files": paths, "all_provided": all(row.status == PROVIDED for row in rows), "names": names}
