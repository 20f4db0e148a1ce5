"""A program that is as small as it can be and still differs."""

from __future__ import annotations

import copy
from typing import Any, Callable, Dict, Iterator, Sequence, Tuple

Program = Dict[str, Any]

_KEPT = ("kind", "seed")


def shrunk(program: Program, differs: Callable[[Program], bool], attempts: int = 60) -> Program:
    """Remove parts of a program, and make numbers smaller, as long as `differs` holds."""
    left = attempts
    progress = True
    while progress and left > 0:
        progress = False
        for smaller in list(_smaller(program)):
            left -= 1
            if left < 0:
                break
            if differs(smaller):
                program, progress = smaller, True
                break
    return program


def _smaller(program: Program) -> Iterator[Program]:
    """Programs with one thing less: elements of lists first, the longest ones, then keys, then numbers."""
    for path, container in sorted(_containers(program), key=lambda found: -len(found[1])):
        if isinstance(container, list):
            for index in reversed(range(len(container))):
                yield _edited(program, path, lambda place, index=index: place.pop(index))
    for path, container in _containers(program):
        if isinstance(container, dict):
            for key in [key for key in container if not (not path and key in _KEPT) and key != "name"]:
                yield _edited(program, path, lambda place, key=key: place.pop(key))
    for path, container in _containers(program):
        items = container.items() if isinstance(container, dict) else enumerate(container)
        for key, value in list(items):
            if isinstance(value, int) and not isinstance(value, bool) and value > 1 and not (not path and key in _KEPT):
                yield _edited(program, path, lambda place, key=key, value=value: place.__setitem__(key, value // 2))


def _containers(value: Any, path: Sequence[Any] = ()) -> Iterator[Tuple[Tuple[Any, ...], Any]]:
    if isinstance(value, (list, dict)):
        yield tuple(path), value
        for key, child in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _containers(child, tuple(path) + (key,))


def _edited(program: Program, path: Sequence[Any], edit: Callable[[Any], Any]) -> Program:
    program = copy.deepcopy(program)
    place: Any = program
    for key in path:
        place = place[key]
    edit(place)
    return program
