"""While a tower is built, collections of results do not show what other towers have put into them.

So `tf.losses.get_total_loss()` in a model is the loss of its own tower, and not that of all towers so far.
"""
from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, Sequence

from ...compat import tfv1 as tf
from ..collection import get_inverse_graphkeys
from .contents import TowerContents, is_variable_or_its_value, towers_in

__all__ = ["others_hidden"]

# The standard collections of what belongs to one tower; others have what all towers share, such as regularization losses.
_OF_ONE_TOWER = (tf.GraphKeys.LOSSES, tf.GraphKeys.UPDATE_OPS, tf.GraphKeys.ACTIVATIONS)


@contextmanager
def others_hidden(tower: TowerContents) -> Iterator[None]:
    """Within this block tensors and operations that other towers have made are in none of these collections, and not in those
    that users have named; at the end they are where they were. Variables stay."""
    graph = tf.get_default_graph()
    others = [each for each in towers_in(graph) if each is not tower]
    shared = set(get_inverse_graphkeys()).difference(_OF_ONE_TOWER)
    before: Dict[str, List[Any]] = {}
    seen: Dict[str, List[Any]] = {}
    for key in graph.get_all_collection_keys() if others else ():
        if key not in shared:
            items = graph.get_collection(key)
            own = [item for item in items if not _is_made_by(item, others)]
            if len(own) < len(items):
                before[key], seen[key] = items, own
                graph.get_collection_ref(key)[:] = own
    try:
        yield
    finally:
        for key, items in before.items():
            now = graph.get_collection(key)
            graph.get_collection_ref(key)[:] = _put_back(items, seen[key], now)


def _is_made_by(item: Any, towers: Sequence[TowerContents]) -> bool:
    if isinstance(item, tf.Tensor):
        return not is_variable_or_its_value(item) and _is_made_by(item.op, towers)
    return isinstance(item, tf.Operation) and any(tower.has_made(item) for tower in towers)


def _put_back(items: Sequence[Any], seen: Sequence[Any], now: Sequence[Any]) -> List[Any]:
    """All `items` but those that were taken out of what was `seen`, then what is new; an item may be there several times."""
    taken_out = Counter(map(id, seen))
    new = _rest(now, taken_out)
    return _rest(items, taken_out) + new


def _rest(items: Sequence[Any], counts: Dict[int, int]) -> List[Any]:
    """The items beyond those that are counted, which are taken off the counts."""
    rest = []
    for item in items:
        if counts[id(item)]:
            counts[id(item)] -= 1
        else:
            rest.append(item)
    return rest
