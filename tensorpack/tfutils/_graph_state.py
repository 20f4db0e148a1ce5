"""Facts that the library remembers about a graph live on the graph itself and so die with it."""
from __future__ import annotations

from typing import Any, Callable, Dict

from ..compat import tfv1 as tf

__all__ = ["graph_state", "new_graph"]

_ATTRIBUTE = "_tensorpack_state"


def new_graph() -> tf.Graph:
    """A graph that has nothing of the default graph but what `tf.set_random_seed` has set there."""
    graph = tf.Graph()
    graph.seed = tf.get_default_graph().seed
    return graph


def graph_state(key: str, factory: Callable[[], Any] = dict) -> Any:
    """The object stored under `key` on the default graph; `factory` makes it at the first use.

    A table keyed by graph would not do: one that holds the graph's tensors, even weakly keyed, keeps the graph alive,
    and one keyed by `id(graph)` answers for a later graph at the same address.
    """
    graph = tf.get_default_graph()
    if not hasattr(graph, _ATTRIBUTE):
        setattr(graph, _ATTRIBUTE, {})
    table: Dict[str, Any] = getattr(graph, _ATTRIBUTE)
    if key not in table:
        table[key] = factory()
    return table[key]
