"""What a class of differences covers, as functions of a program and a difference that are put together."""

from __future__ import annotations

import json
import re
from typing import Any, Callable, Dict

from .encoding import Difference, is_failure
from .failures import names_in

Covers = Callable[[Dict[str, Any], Difference], bool]


def refused(*words: str) -> Covers:
    """Our error has one of these words."""
    return lambda program, difference: is_failure(difference.ours) and any(word in difference.ours["text"] for word in words)


def has(*names: str, path: str = "", kind: str = "") -> Covers:
    """The program has one of these names, and the difference is at such a path."""
    return lambda program, difference: (
        (not names or bool(names_in(program).intersection(names)))
        and (re.search(path, difference.path) is not None)
        and kind in ("", program["kind"])
    )


def off_by(limit: float) -> Covers:
    """Both have numbers that differ by no more than this."""
    return lambda program, difference: (
        all(isinstance(side, (int, float)) for side in (difference.original, difference.ours))
        and (abs(difference.original - difference.ours) <= limit)
    )


def within(share: float) -> Covers:
    """Both have numbers that differ by no more than this share of them."""
    return lambda program, difference: (
        all(isinstance(side, float) for side in (difference.original, difference.ours))
        and abs(difference.original - difference.ours) <= share * max(abs(difference.original), abs(difference.ours))
    )


def all_of(*covers: Covers) -> Covers:
    return lambda program, difference: all(each(program, difference) for each in covers)


def of_kind(*kinds: str) -> Covers:
    """The difference is in what these kinds of programs give."""
    return lambda program, difference: program["kind"] in kinds


def has_words(words: str) -> Covers:
    """The JSON of the program has these words (a regex)."""
    return lambda program, difference: re.search(words, json.dumps(program)) is not None


def one_has_nothing(program: Dict[str, Any], difference: Difference) -> bool:
    """One side has nothing at this place."""
    return {"nothing": True} in (difference.original, difference.ours)


def other_files(added: str = "$", removed: str = "$") -> Covers:
    """The lists of files differ by files that match these regexes alone."""

    def covers(program: Dict[str, Any], difference: Difference) -> bool:
        there, here = difference.original, difference.ours
        if not difference.path.endswith("/files") or not isinstance(there, list) or not isinstance(here, list):
            return False
        return all(re.match(added, name) for name in set(here) - set(there)) and all(
            re.match(removed, name) for name in set(there) - set(here)
        )

    return covers


def other_names(words: str) -> Covers:
    """The names differ where both match a regex, or the lists do not differ but in elements that match it."""

    def matches(value: Any) -> bool:
        return re.search(words, json.dumps(value)) is not None

    def covers(program: Dict[str, Any], difference: Difference) -> bool:
        there, here = difference.original, difference.ours
        if isinstance(there, list) and isinstance(here, list):
            return [each for each in there if not matches(each)] == [each for each in here if not matches(each)]
        return isinstance(there, str) and isinstance(here, str) and matches(there) and matches(here)

    return covers


def both_numbers(program: Dict[str, Any], difference: Difference) -> bool:
    """Both have numbers, in variables, checkpoints, summaries, statistics or what callbacks have seen."""
    return re.search("/(values|checkpoints|summaries|stats|events)/", difference.path) is not None and off_by(float("inf"))(
        program, difference
    )


def repeated_there(program: Dict[str, Any], difference: Difference) -> bool:
    """Our list is that of the original, each item once."""
    there = difference.original
    return isinstance(there, list) and [each for i, each in enumerate(there) if each not in there[:i]] == difference.ours


def later_here(program: Dict[str, Any], difference: Difference) -> bool:
    """Our flow fails in its first pass, the original's when it was reset."""
    there, here = difference.original, difference.ours
    first = here["passes"][0] if isinstance(here, dict) and here.get("passes") else None
    return is_failure(there) and is_failure(first)
