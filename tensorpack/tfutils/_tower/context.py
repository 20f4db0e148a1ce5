"""Tower contexts: where a copy of the model is built, and what other towers have to do with it.

A tower context is a name scope (and perhaps a variable scope) in which a copy of the model is built; it says whether that
copy is for training, and keeps what non-main towers must not add out of the graph's collections.
"""
from __future__ import annotations

import threading
from abc import ABCMeta, abstractmethod
from contextlib import ExitStack
from typing import Any, List, Optional

import six

from ...compat import tfv1 as tf
from ...utils._types import NOT_YET
from ...utils.naming import MOVING_SUMMARY_OPS_KEY
from ..collection import CollectionGuard
from .contents import TowerContents
from .dropout import warn_of_dropout
from .others import others_hidden

__all__ = ["BaseTowerContext", "PredictTowerContext", "TowerContext", "TrainTowerContext", "get_current_tower_context"]

_active = threading.local()


def get_current_tower_context() -> Optional[BaseTowerContext]:
    """The tower context that this thread is in, or None."""
    return getattr(_active, "context", None)


@six.add_metaclass(ABCMeta)
class BaseTowerContext:
    """A context manager for building one tower; each object can be entered once.

    Operations made inside are named `<ns_name>/...`, variables `<vs_name>/...`.
    """

    def __init__(self, ns_name: str, vs_name: str = "") -> None:
        """
        Args:
            ns_name: name scope of the tower, entered from the root; `""` for none.
            vs_name: variable scope that the tower opens; `""` to stay in the current one.
        """
        if not isinstance(ns_name, str) or not isinstance(vs_name, str):
            raise TypeError("{}: ns_name and vs_name must be strings; got {!r} and {!r}; use '' for none".format(
                type(self).__name__, ns_name, vs_name))
        if ns_name.endswith("/") or vs_name.endswith("/"):
            raise ValueError("{}: ns_name and vs_name must not end with a slash; got {!r} and {!r}; leave it out".format(
                type(self).__name__, ns_name, vs_name))
        if vs_name and not ns_name:
            raise ValueError("{}(ns_name='', vs_name={!r}): a tower with a variable scope must have a name scope; "
                             "give it a non-empty name".format(type(self).__name__, vs_name))
        self._ns_name = ns_name
        self._vs_name = vs_name
        self._initial_reuse = tf.get_variable_scope().reuse
        self._is_entered = False
        self._collection_guard: CollectionGuard = NOT_YET
        self._contents: TowerContents = NOT_YET
        self._scopes = ExitStack()

    @property
    @abstractmethod
    def is_training(self) -> bool:
        """Whether this tower is for training."""

    @property
    @abstractmethod
    def is_main_training_tower(self) -> bool:
        """Whether this is the training tower that owns summaries and update operations."""

    @property
    @abstractmethod
    def has_own_variables(self) -> bool:
        """Whether this tower makes variables rather than reusing those of another one."""

    @property
    @abstractmethod
    def _keys_to_freeze(self) -> List[str]:
        """Collections that keep the content they had before the tower."""

    @property
    def name(self) -> str:
        """The same as `ns_name`."""
        return self._ns_name

    @property
    def ns_name(self) -> str:
        """The name scope of the tower, without a trailing slash."""
        return self._ns_name

    @property
    def vs_name(self) -> str:
        """The variable scope that the tower opens, or `""`."""
        return self._vs_name

    def get_collection_in_tower(self, key: str) -> List[Any]:
        """The items added to the collection since this tower was entered, in order, but none that another tower has added.

        Raises:
            RuntimeError: the context has not been entered.
        """
        if not self._is_entered:
            raise RuntimeError("{}.get_collection_in_tower({!r}): the tower must have been entered; call it inside or after "
                               "`with`".format(self, key))
        return self._contents.collection(key)

    @property
    def graph(self) -> Any:
        """The graph that the tower was entered in, or None before that."""
        return self._collection_guard.graph if self._is_entered else None

    def __enter__(self) -> BaseTowerContext:
        if self._is_entered:
            raise RuntimeError("{}: a tower context can be entered once; it was entered before; make a new one".format(self))
        outer = get_current_tower_context()
        if outer is not None:
            raise RuntimeError("{}: tower contexts cannot be nested; got inside {}; leave it first".format(self, outer))
        guard = CollectionGuard(self._ns_name or "the unnamed tower", check_diff=not self.is_main_training_tower,
                                freeze_keys=self._keys_to_freeze)
        with ExitStack() as undo_on_error:
            guard.__enter__()
            self._open_scopes(undo_on_error)
            self._scopes = undo_on_error.pop_all()
        self._collection_guard = guard
        self._contents = TowerContents(self._ns_name, self.is_training)
        self._scopes.enter_context(others_hidden(self._contents))
        self._is_entered = True
        _active.context = self
        return self

    def _open_scopes(self, stack: ExitStack) -> None:
        scope = self._vs_name or tf.get_variable_scope()
        stack.enter_context(tf.variable_scope(scope, auxiliary_name_scope=False))
        if self._ns_name:
            # with a trailing slash the scope is entered as it is, from the root and without a suffix
            stack.enter_context(tf.name_scope(self._ns_name + "/"))
        entered = tf.get_default_graph().get_name_scope() or ""
        if entered != self._ns_name:
            raise RuntimeError("{}: name conflict: the tower's operations must be in the name scope {!r}; they would be in "
                               "{!r}; leave the outer name scope or give the tower a plain name".format(
                                   self, self._ns_name, entered))

    def __exit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        _active.context = None
        self._scopes.__exit__(exc_type, exc_val, exc_tb)
        self._contents.close()
        if exc_type is None and not self.is_training:
            warn_of_dropout(self._ns_name, self._contents.operations())
        if exc_type is None and not self.has_own_variables:
            self._refuse_new_trainable_variables()
        self._collection_guard.__exit__(exc_type, exc_val, exc_tb)

    def _refuse_new_trainable_variables(self) -> None:
        new = self.get_collection_in_tower(tf.GraphKeys.TRAINABLE_VARIABLES)
        if new:
            raise ValueError("{}: a tower that reuses variables must not add trainable ones; got new {}; create them with "
                             "tf.get_variable under the same name in every tower".format(
                                 self, ", ".join(variable.op.name for variable in new)))

    def __str__(self) -> str:
        return "TowerContext(name={}, is_training={})".format(self._ns_name, self.is_training)


class TrainTowerContext(BaseTowerContext):
    """A tower for training."""

    def __init__(self, ns_name: str, vs_name: str = "", index: int = 0, total: int = 1) -> None:
        """
        Args:
            ns_name, vs_name: as in `BaseTowerContext`.
            index: number of this tower; 0 is the main one.
            total: number of training towers.

        Raises:
            ValueError: inside a variable scope; with `vs_name` under `reuse=True`; or not `0 <= index < total`.
        """
        super().__init__(ns_name, vs_name)
        scope = tf.get_variable_scope()
        if scope.name:
            raise ValueError("TrainTowerContext({!r}): a training tower must be made at the root variable scope; got inside "
                             "{!r}; leave that scope or pass vs_name".format(ns_name, scope.name))
        if vs_name and self._initial_reuse is True:
            raise ValueError("TrainTowerContext({!r}, vs_name={!r}): a tower with its own variable scope must not reuse "
                             "variables; got reuse=True in the current scope; leave it".format(ns_name, vs_name))
        if not 0 <= index < total:
            raise ValueError("TrainTowerContext({!r}): 0 <= index < total must hold; got index={}, total={}".format(
                ns_name, index, total))
        self._index = index
        self._total = total

    @property
    def index(self) -> int:
        """The number of this tower among the training towers."""
        return self._index

    @property
    def total(self) -> int:
        """The number of training towers."""
        return self._total

    @property
    def is_training(self) -> bool:
        return True

    @property
    def is_main_training_tower(self) -> bool:
        return self._index == 0

    @property
    def has_own_variables(self) -> bool:
        if self._initial_reuse:
            return False
        return self._index == 0 or bool(self._vs_name)

    @property
    def _keys_to_freeze(self) -> List[str]:
        if self.is_main_training_tower:
            return []
        return [tf.GraphKeys.SUMMARIES, MOVING_SUMMARY_OPS_KEY]


class PredictTowerContext(BaseTowerContext):
    """A tower for inference; it may be built inside a variable scope."""

    @property
    def is_training(self) -> bool:
        return False

    @property
    def is_main_training_tower(self) -> bool:
        return False

    @property
    def has_own_variables(self) -> bool:
        return not self._initial_reuse

    @property
    def _keys_to_freeze(self) -> List[str]:
        return [tf.GraphKeys.SUMMARIES, MOVING_SUMMARY_OPS_KEY, tf.GraphKeys.UPDATE_OPS]


def TowerContext(tower_name: str, is_training: bool, vs_name: str = "") -> BaseTowerContext:
    """The context to build a model in by hand: a `TrainTowerContext` or a `PredictTowerContext`.

    Example: `with TowerContext("", is_training=False): model.build_graph(image, label)`.
    """
    if is_training:
        return TrainTowerContext(tower_name, vs_name=vs_name)
    return PredictTowerContext(tower_name, vs_name=vs_name)
