"""Backing up, freezing and watching the graph's collections."""
from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Dict, Iterable, Iterator, List, Optional, Sequence, Set

from ..compat import tfv1 as tf
from ..utils import logger
from ..utils._text.spec import shown
from ..utils._types import NOT_YET
from ._graph_state import graph_state

__all__ = ["backup_collection", "freeze_collection", "restore_collection"]


def backup_collection(keys: Optional[Iterable[str]] = None) -> Dict[str, List[Any]]:
    """Copy collections of the default graph.

    Args:
        keys: list, tuple or set of collection keys; all keys of the graph by default.

    Returns:
        key -> list of the items; pass it to `restore_collection`.
    """
    if keys is None:
        keys = tf.get_default_graph().get_all_collection_keys()
    if not isinstance(keys, (list, tuple, set)):
        raise TypeError("backup_collection(keys): must be a list, tuple or set; got {}; put it into a list".format(shown(keys)))
    return {key: tf.get_collection(key) for key in keys}


def restore_collection(backup: Dict[str, List[Any]]) -> None:
    """Replace, in place, the contents of the collections in `backup` (from `backup_collection`); others stay as they are."""
    for key, items in backup.items():
        tf.get_collection_ref(key)[:] = items


@contextmanager
def freeze_collection(keys: Iterable[str]) -> Iterator[None]:
    """A context in which additions to these collections are undone at the end, also when the body raises."""
    backup = backup_collection(keys)
    try:
        yield
    finally:
        for key, items in backup.items():
            known = {id(item) for item in items}
            names_left_out().update(getattr(item, "op", item).name for item in tf.get_collection(key)
                                    if id(item) not in known and isinstance(item, (tf.Tensor, tf.Operation)))
        restore_collection(backup)


def names_left_out() -> Set[str]:
    """Names of the operations of the default graph that `freeze_collection` has kept out of a collection."""
    return graph_state("left_out_of_collections", set)


def get_inverse_graphkeys() -> Dict[str, str]:
    """Collection key -> how to write it, for the standard keys: `{"variables": "tf.GraphKeys.GLOBAL_VARIABLES", ...}`."""
    # VARIABLES is a deprecated spelling of GLOBAL_VARIABLES that warns when it is touched
    names = [name for name in dir(tf.GraphKeys) if not name.startswith("_") and name != "VARIABLES"]
    return {getattr(tf.GraphKeys, name): "tf.GraphKeys." + name for name in names}


class CollectionGuard:
    """A context that restores some collections at its end and reports how the others changed.

    Nothing is restored or reported when the body raises.
    """

    _NOT_REPORTED = (
        tf.GraphKeys.TRAINABLE_VARIABLES, tf.GraphKeys.GLOBAL_VARIABLES, tf.GraphKeys.LOCAL_VARIABLES,
        tf.GraphKeys.QUEUE_RUNNERS, tf.GraphKeys.COND_CONTEXT, tf.GraphKeys.WHILE_CONTEXT, tf.GraphKeys.LOSSES,
    )

    def __init__(self, name: str, check_diff: bool, freeze_keys: Sequence[str] = (),
                 diff_whitelist: Optional[Sequence[str]] = None) -> None:
        """
        Args:
            name: what the log lines call the guarded code.
            check_diff: whether to report new and changed collections.
            freeze_keys: collections to restore at the end.
            diff_whitelist: collections never to report; by default variables, queue runners, control flow and losses.
        """
        self._name = name
        self._check_diff = check_diff
        self._freeze_keys = list(freeze_keys)
        self._whitelist = set(self._NOT_REPORTED if diff_whitelist is None else diff_whitelist) | set(freeze_keys)
        self._graph: tf.Graph = NOT_YET
        self._original: Dict[str, List[Any]] = {}

    def __enter__(self) -> CollectionGuard:
        self._graph = tf.get_default_graph()
        self._original = backup_collection()
        return self

    def __exit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        if exc_type is None:
            with self._graph.as_default():
                if self._check_diff:
                    self._report_differences()
                self._restore_frozen()

    @property
    def graph(self) -> Any:
        """The graph that was the default one at enter (None before)."""
        return self._graph

    def get_collection_in_tower(self, key: str) -> List[Any]:
        """The items of the collection that were not in it at enter, in order; later additions show too."""
        known = {id(item) for item in self._original.get(key, ())}  # the backup keeps them alive, so ids stay theirs
        return [item for item in self._graph.get_collection(key) if id(item) not in known]

    def _report_differences(self) -> None:
        new, changed = [], []
        for key, items in sorted(backup_collection().items()):
            if key in self._whitelist or not items:
                continue
            if key not in self._original:
                new.append("{} ({})".format(_readable(key), len(items)))
            elif len(items) != len(self._original[key]):
                changed.append(self._growth(key, items))
        if new:
            logger.info("New collections created in %s: %s", self._name, ", ".join(new))
        if changed:
            logger.info("Size of these collections were changed in %s: %s", self._name, ", ".join(changed))

    def _restore_frozen(self) -> None:
        changed = [self._growth(key, tf.get_collection(key)) for key in self._freeze_keys
                   if len(tf.get_collection(key)) != len(self._original.get(key, ()))]
        if changed:
            logger.info("These collections were modified but restored in %s: %s", self._name, ", ".join(changed))
        restore_collection({key: self._original.get(key, []) for key in self._freeze_keys})

    def _growth(self, key: str, items: List[Any]) -> str:
        return "{} ({}->{})".format(_readable(key), len(self._original.get(key, ())), len(items))


def _readable(key: str) -> str:
    return get_inverse_graphkeys().get(key, key)
