"""A number and what is counted, in the singular where it is one."""
from __future__ import annotations

__all__ = ["counted"]


def counted(number: int, noun: str, verb: str = "") -> str:
    """The number and the noun, whose plural is regular, then the verb `are`, `were` or `do` if one is given.

    >>> counted(1, "damaged file", "are"), counted(2, "damaged file", "are"), counted(0, "entry"), counted(1, "entry")
    ('1 damaged file is', '2 damaged files are', '0 entries', '1 entry')
    """
    if number == 1:
        words, verb = noun, {"are": "is", "were": "was", "do": "does"}.get(verb, verb)
    elif noun.endswith("y") and noun[-2] not in "aeiou":
        words = noun[:-1] + "ies"
    else:
        words = noun + ("es" if noun.endswith(("s", "x", "ch", "sh")) else "s")
    return " ".join(filter(None, ["{:d} {}".format(number, words), verb]))
