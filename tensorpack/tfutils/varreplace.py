"""Contexts that change what `tf.get_variable` returns or where the variables go."""
from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Callable, Iterator, List

from .. import compat
from ..compat import tfv1 as tf
from ..utils import logger
from ..utils._arguments.functions import check_function
from ..utils._text.keywords import keywords_told
from ..utils._types import AnyFunction
from ..utils.argtools import log_once
from ._graph_state import graph_state
from .collection import freeze_collection

__all__ = ["custom_getter_scope", "freeze_variables", "remap_variables"]


@contextmanager
def custom_getter_scope(custom_getter: AnyFunction) -> Iterator[None]:
    """The current variable scope with `custom_getter(getter, *args, **kwargs)` called for every `tf.get_variable`.

    No name scope is opened. Scopes nest; the inner getter is called first and its `getter` is the outer one.
    """
    with tf.variable_scope(tf.get_variable_scope(), custom_getter=custom_getter, auxiliary_name_scope=False):
        yield


@keywords_told
def remap_variables(fn: Callable[[Any], Any]) -> Any:
    """A context in which `tf.get_variable` returns `fn(variable)`; the variables, their names and collections stay the same.

    Example: `with remap_variables(lambda v: quantize(v) if v.op.name.endswith("/W") else v): ...`
    """
    check_function("remap_variables", "fn", fn, "of a variable, one argument")

    def remapped(getter: AnyFunction, *args: Any, **kwargs: Any) -> Any:
        return fn(getter(*args, **kwargs))

    return custom_getter_scope(remapped)


@keywords_told
@contextmanager
def freeze_variables(stop_gradient: bool = True, skip_collection: bool = False, *,
                     freeze_statistics: bool = False) -> Iterator[None]:
    """A context in which variables requested as trainable do not take part in training.

    Statistics are not trainable: by default the averages of `BatchNorm` inside go on moving, and in training it normalises
    by those of the batch.

    Args:
        stop_gradient: `tf.get_variable` returns the tensor `freezed_<name>`, through which no gradient flows. The variable
            stays in TRAINABLE_VARIABLES, so that weight decay may still see it, and then trains it (a warning says so).
        skip_collection: the variable is not put into TRAINABLE_VARIABLES but into MODEL_VARIABLES.
        freeze_statistics: `BatchNorm` and `BatchRenorm` inside compute in training what they do at inference, unless they are
            called with `training=True`, and their averages stay. What other layers inside add to UPDATE_OPS is left out.
    """
    def frozen(getter: AnyFunction, name: str, *args: Any, **kwargs: Any) -> Any:
        if not kwargs.get("trainable", True):
            return getter(name, *args, **kwargs)
        if skip_collection:
            kwargs["trainable"] = False
        variable = getter(name, *args, **kwargs)
        if skip_collection:
            _add_to_model_variables(variable)
        if stop_gradient:
            with tf.name_scope(None):
                variable = tf.stop_gradient(variable, name="freezed_" + name)
        return variable

    scopes: List[bool] = graph_state("freeze_statistics", list)
    scopes.append(freeze_statistics)
    try:
        with custom_getter_scope(frozen), freeze_collection([tf.GraphKeys.UPDATE_OPS] if freeze_statistics else []):
            yield
    finally:
        scopes.pop()


def statistics_are_frozen(who: str) -> bool:
    """Whether a layer that is made now is inside of `freeze_variables(freeze_statistics=True)`.

    In another `freeze_variables` the log says, once, that its statistics are not frozen.
    """
    scopes: List[bool] = graph_state("freeze_statistics", list)
    if scopes and not any(scopes):
        log_once("{} inside freeze_variables(): its averages move, and it normalises by statistics of the batch; "
                 "freeze_variables(freeze_statistics=True) freezes them as well".format(who))
    return any(scopes)


def override_to_local_variable(enable: bool = True) -> Any:
    """A context in which `tf.get_variable` puts variables into LOCAL_VARIABLES instead of GLOBAL_VARIABLES.

    Other collections stay as requested. With `enable=False` nothing changes.
    """
    def to_local(getter: AnyFunction, *args: Any, **kwargs: Any) -> Any:
        if enable:
            requested = kwargs.get("collections") or [tf.GraphKeys.GLOBAL_VARIABLES]
            kwargs["collections"] = [tf.GraphKeys.LOCAL_VARIABLES if key == tf.GraphKeys.GLOBAL_VARIABLES else key
                                     for key in requested]
        return getter(*args, **kwargs)

    return custom_getter_scope(to_local)


def _add_to_model_variables(variable: Any) -> None:
    if not compat.is_variable(variable):
        logger.warning("freeze_variables(skip_collection=True): another custom getter returned %s instead of a variable; "
                       "it is not added to MODEL_VARIABLES.", variable)
        return
    if not any(variable is known for known in tf.get_collection(tf.GraphKeys.MODEL_VARIABLES)):
        tf.add_to_collection(tf.GraphKeys.MODEL_VARIABLES, variable)
