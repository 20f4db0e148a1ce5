"""One warning about a pattern or a scope of the user's that is for no name at all, with the names that may have been meant."""
from __future__ import annotations

import re
from typing import Callable, Iterable, Set, Tuple

from ..compat import tfv1 as tf
from ..utils import logger
from ._graph_state import graph_state
from ._restore.names import nearest_to_pattern, some

__all__ = ["warn_of_empty_collection", "warn_of_no_match", "without_tower"]

_TOWER_PREFIX = re.compile("^tower[0-9]+/")
_NAMES = 3


def without_tower(name: str) -> str:
    """The name of a variable without the prefix `towerN/` of replicated towers."""
    return _TOWER_PREFIX.sub("", name)


def warn_of_no_match(who: str, pattern: str, names: Iterable[str], matches: Callable[[str], bool], *, what: str = "variable",
                     hint: str = "it must match the whole name") -> None:
    """Warn, once for a graph, if `pattern` matches none of these names, nor the name of another variable of the graph.

    One that does match another variable, such as one that is frozen, is no mistake for sure.

    Args:
        who: the function or class, and its argument, to begin with.
        names: of what it looks for; those of towers count without their prefix.
        matches: whether the pattern is for a name.
        what: it looks for.
        hint: how it matches.
    """
    names = sorted({without_tower(name) for name in names})
    others = {without_tower(variable.op.name) for variable in tf.global_variables()}
    if any(map(matches, names)) or any(map(matches, others)):
        return
    told: Set[Tuple[str, str]] = graph_state("patterns_without_match", set)
    if (who, pattern) not in told:
        told.add((who, pattern))
        logger.warning("%s: %r matches no %s; %s; %s", who, pattern, what, hint, _advice(pattern, names))


def warn_of_empty_collection(who: str, key: str) -> None:
    """Warn, once for a graph, if there is nothing in a collection that the user has named.

    Args:
        who: the function or class, and its argument, to begin with.
    """
    graph = tf.get_default_graph()
    filled = [each for each in graph.get_all_collection_keys() if isinstance(each, str) and graph.get_collection_ref(each)]
    warn_of_no_match(who, key, filled, key.__eq__, what="collection that holds anything", hint="so there is nothing to do")


def _advice(pattern: str, names: Iterable[str]) -> str:
    names = list(names)
    near = nearest_to_pattern(pattern, names, _NAMES)
    if near:
        return "did you mean {}?".format(" or ".join(map(repr, near)))
    return "there are {}.".format(some(names, _NAMES)) if names else "there is none yet."
