"""Variables of models: creating them, and the collections and names by which they are found again."""
from __future__ import annotations

import functools
import re
from typing import Any, Callable, List, Optional, Sequence, Union

from .....compat import tfv1 as tf
from ._arg_scope import add_arg_scope

__all__ = ["add_model_variable", "filter_variables", "get_local_variables", "get_model_variables", "get_trainable_variables",
           "get_unique_variable", "get_variable_full_name", "get_variables", "get_variables_by_name", "get_variables_by_suffix",
           "get_variables_to_restore", "global_variable", "local_variable", "model_variable", "variable"]

Scope = Union[None, str, Any]  # a regular expression that names begin with, or a variable scope


@add_arg_scope
def variable(name: str, shape: Any = None, dtype: Any = None, initializer: Any = None, regularizer: Any = None,
             trainable: bool = True, collections: Optional[Sequence[str]] = None, caching_device: Any = None,
             device: Any = None, partitioner: Any = None, custom_getter: Optional[Callable[..., Any]] = None,
             use_resource: Optional[bool] = None, synchronization: Any = tf.VariableSynchronization.AUTO,
             aggregation: Any = tf.VariableAggregation.NONE) -> Any:
    """`tf.get_variable` on a device; `custom_getter` is called in its place."""
    keys = [tf.GraphKeys.GLOBAL_VARIABLES] if collections is None else collections
    getter = tf.get_variable
    if custom_getter is not None:
        getter = functools.partial(custom_getter, reuse=tf.get_variable_scope().reuse)
    with tf.device(device or ""):
        return getter(name, shape=shape, dtype=dtype, initializer=initializer, regularizer=regularizer, trainable=trainable,
                      collections=list(dict.fromkeys(keys)), caching_device=caching_device, partitioner=partitioner,
                      use_resource=use_resource, synchronization=synchronization, aggregation=aggregation)


@add_arg_scope
def model_variable(name: str, shape: Any = None, dtype: Any = tf.float32, initializer: Any = None, regularizer: Any = None,
                   trainable: bool = True, collections: Optional[Sequence[str]] = None, caching_device: Any = None,
                   device: Any = None, partitioner: Any = None, custom_getter: Optional[Callable[..., Any]] = None,
                   use_resource: Optional[bool] = None, synchronization: Any = tf.VariableSynchronization.AUTO,
                   aggregation: Any = tf.VariableAggregation.NONE) -> Any:
    """`variable` that also goes to GLOBAL_VARIABLES and MODEL_VARIABLES."""
    keys = list(collections or []) + [tf.GraphKeys.GLOBAL_VARIABLES, tf.GraphKeys.MODEL_VARIABLES]
    return variable(name, shape=shape, dtype=dtype, initializer=initializer, regularizer=regularizer, trainable=trainable,
                    collections=keys, caching_device=caching_device, device=device, partitioner=partitioner,
                    custom_getter=custom_getter, use_resource=use_resource, synchronization=synchronization,
                    aggregation=aggregation)


def local_variable(initial_value: Any, validate_shape: bool = True, name: Optional[str] = None,
                   use_resource: Optional[bool] = None) -> Any:
    """A variable, not trainable, in LOCAL_VARIABLES only."""
    return _variable_in(tf.GraphKeys.LOCAL_VARIABLES, initial_value, validate_shape, name, use_resource)


def global_variable(initial_value: Any, validate_shape: bool = True, name: Optional[str] = None,
                    use_resource: Optional[bool] = None) -> Any:
    """A variable, not trainable, in GLOBAL_VARIABLES only."""
    return _variable_in(tf.GraphKeys.GLOBAL_VARIABLES, initial_value, validate_shape, name, use_resource)


def _variable_in(key: Any, initial_value: Any, validate_shape: Any, name: Any, use_resource: Any) -> Any:
    return tf.Variable(initial_value, trainable=False, collections=[key], validate_shape=validate_shape, name=name,
                       use_resource=use_resource)


def add_model_variable(var: Any) -> None:
    """Add the variable to MODEL_VARIABLES, unless it is there."""
    if not any(var is each for each in tf.get_collection(tf.GraphKeys.MODEL_VARIABLES)):
        tf.add_to_collection(tf.GraphKeys.MODEL_VARIABLES, var)


def get_variables(scope: Scope = None, suffix: Optional[str] = None,
                  collection: str = tf.GraphKeys.GLOBAL_VARIABLES) -> List[Any]:
    """The variables of a collection whose names begin with `scope` and end with `suffix`, both regular expressions."""
    if isinstance(scope, tf.VariableScope):
        scope = scope.name
    if suffix is not None:
        scope = "{}.*{}".format(scope or "", suffix if ":" in suffix else suffix + ":")
    return tf.get_collection(collection, scope)


def get_model_variables(scope: Scope = None, suffix: Optional[str] = None) -> List[Any]:
    """`get_variables` of MODEL_VARIABLES."""
    return get_variables(scope, suffix, tf.GraphKeys.MODEL_VARIABLES)


def get_local_variables(scope: Scope = None, suffix: Optional[str] = None) -> List[Any]:
    """`get_variables` of LOCAL_VARIABLES."""
    return get_variables(scope, suffix, tf.GraphKeys.LOCAL_VARIABLES)


def get_trainable_variables(scope: Scope = None, suffix: Optional[str] = None) -> List[Any]:
    """`get_variables` of TRAINABLE_VARIABLES."""
    return get_variables(scope, suffix, tf.GraphKeys.TRAINABLE_VARIABLES)


def get_variables_to_restore(include: Optional[Sequence[str]] = None, exclude: Optional[Sequence[str]] = None) -> List[Any]:
    """The global variables in the scopes `include` (all, if None) that are not in the scopes `exclude`.

    Raises:
        TypeError: one of them is neither None nor a list or tuple.
    """
    for name, scopes in (("include", include), ("exclude", exclude)):
        if scopes is not None and not isinstance(scopes, (list, tuple)):
            raise TypeError("get_variables_to_restore: {} must be a list or tuple of scopes; got {!r}".format(name, scopes))
    included = get_variables() if include is None else [each for scope in include for each in get_variables(scope)]
    excluded = {id(each) for scope in exclude or () for each in get_variables(scope)}
    return [each for each in included if id(each) not in excluded]


def get_variables_by_suffix(suffix: str, scope: Scope = None) -> List[Any]:
    """The global variables whose names end with `suffix`."""
    return get_variables(scope=scope, suffix=suffix)


def get_variables_by_name(given_name: str, scope: Scope = None) -> List[Any]:
    """The global variables whose last component of the name is `given_name`."""
    return get_variables(scope=scope, suffix="/{0}:|^{0}:".format(given_name))


def get_unique_variable(var_op_name: str) -> Any:
    """The global variable of this full name.

    Raises:
        ValueError: there is none.
    """
    candidates = get_variables(scope=var_op_name)
    for each in candidates:
        if each.op.name == var_op_name:
            return each
    raise ValueError("get_unique_variable: there is no variable named {!r}; {}".format(
        var_op_name, "names that begin so: {}".format(", ".join(each.op.name for each in candidates)) if candidates
        else "no name of a variable begins so"))


def get_variable_full_name(var: Any) -> str:
    """The name of the variable in a checkpoint: of a part of a partitioned variable, that of the whole."""
    info = getattr(var, "_save_slice_info", None)
    return info.full_name if info else var.op.name


def filter_variables(var_list: Sequence[Any], include_patterns: Optional[Sequence[str]] = None,
                     exclude_patterns: Optional[Sequence[str]] = None, reg_search: bool = True) -> List[Any]:
    """Those variables whose names match one of the patterns to include (all, if None) and none of those to exclude.

    Args:
        reg_search: whether a pattern may match anywhere in the name; it must match at its beginning otherwise.
    """
    match = re.search if reg_search else re.match

    def matches(var: Any, patterns: Sequence[str]) -> bool:
        return any(match(pattern, var.name) for pattern in patterns)

    return [each for each in var_list if (include_patterns is None or matches(each, include_patterns))
            and not matches(each, exclude_patterns or ())]
