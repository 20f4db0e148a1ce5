"""Giving variables values, from a dictionary or from a checkpoint, without putting the values into the graph."""
from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from .....compat import tfv1 as tf
from .....utils import logger
from ._variables import get_variable_full_name

__all__ = ["assign_from_checkpoint", "assign_from_checkpoint_fn", "assign_from_values", "assign_from_values_fn"]

Variables = Union[Sequence[Any], Mapping[str, Any]]  # variables, or name in the checkpoint -> variable or parts of one
Assignment = Tuple[Any, Dict[Any, Any]]  # the operation, and what to feed to it


def assign_from_values(var_names_to_values: Mapping[str, Any]) -> Assignment:
    """An operation that gives variables of these names these arrays, and the dictionary to feed to it.

    Raises:
        ValueError: there is no variable of a name.
    """
    operations, feeds = [], {}
    for name, value in var_names_to_values.items():
        var = _global_variable(name)
        placeholder = _placeholder(var)
        operations.append(var.assign(placeholder).op)
        feeds[placeholder] = value.reshape(var.shape.as_list())
    return tf.group(*operations), feeds


def _global_variable(name: Any) -> Any:
    candidates = tf.get_collection(tf.GraphKeys.GLOBAL_VARIABLES, name)
    exact = [each for each in candidates if each.op.name == name]
    if exact or len(candidates) == 1:
        return (exact or candidates)[0]
    raise ValueError("assign_from_values: there is no variable named {!r}{}".format(
        name, "; names that begin so: {}".format(", ".join(each.op.name for each in candidates)) if candidates else ""))


def _placeholder(var: Any) -> Any:
    return tf.placeholder(var.dtype.base_dtype, var.shape, name="placeholder/" + var.op.name)


def assign_from_values_fn(var_names_to_values: Mapping[str, Any]) -> Callable[[Any], Any]:
    """A function from a session that gives variables of these names these arrays."""
    operation, feeds = assign_from_values(var_names_to_values)
    return lambda session: session.run(operation, feeds)


def assign_from_checkpoint(model_path: str, var_list: Variables, ignore_missing_vars: bool = False) -> Assignment:
    """An operation that gives variables their values in a checkpoint, and the dictionary to feed to it.

    Args:
        var_list: variables; or a dictionary from names in the checkpoint to variables, or to lists of parts of one.
        ignore_missing_vars: whether a name that the checkpoint lacks is a warning instead of an error.

    Raises:
        ValueError: the checkpoint lacks a name, or has another shape.
    """
    reader = tf.train.NewCheckpointReader(model_path)
    operations, feeds = [], {}
    for name, parts in _parts_by_name(var_list).items():
        if not reader.has_tensor(name):
            if not ignore_missing_vars:
                raise ValueError("assign_from_checkpoint: {!r} has no variable {!r}; "
                                 "pass ignore_missing_vars=True to leave such ones as they are".format(model_path, name))
            logger.warning("assign_from_checkpoint: '%s' has no variable '%s'; it keeps its value", model_path, name)
            continue
        value = reader.get_tensor(name)
        for var in parts:
            placeholder = _placeholder(var)
            operations.append(var.assign(placeholder).op)
            feeds[placeholder] = _part_of(value, var, name)
    return tf.group(*operations), feeds


def _parts_by_name(var_list: Variables) -> Dict[str, List[Any]]:
    parts: Dict[str, List[Any]] = {}
    if not isinstance(var_list, (list, tuple)):
        for name, value in dict(var_list).items():
            parts[name] = list(value) if isinstance(value, (list, tuple)) else [value]
        return parts
    for var in var_list:
        parts.setdefault(get_variable_full_name(var), []).append(var)
    return parts


def _part_of(value: Any, var: Any, name: Any) -> Any:
    info = getattr(var, "_save_slice_info", None)
    if info:
        value = value[tuple(slice(begin, begin + size) for begin, size in zip(info.var_offset, info.var_shape))]
    if tuple(var.shape.as_list()) != value.shape:
        raise ValueError("assign_from_checkpoint: {!r} must have the same shape in graph and checkpoint; got {} and {}".format(
            name, tuple(var.shape.as_list()), value.shape))
    return value


def assign_from_checkpoint_fn(model_path: str, var_list: Variables, ignore_missing_vars: bool = False,
                              reshape_variables: bool = False) -> Optional[Callable[[Any], None]]:
    """A function from a session that restores variables from a checkpoint; None if all are missing and that is ignored.

    Args:
        var_list: variables, or a dictionary from names in the checkpoint to variables.
        ignore_missing_vars: whether variables that the checkpoint lacks keep their values, with a warning.
        reshape_variables: whether a variable may have another shape in the checkpoint, of as many elements.

    Raises:
        ValueError: `var_list` is empty.
    """
    if not var_list:
        raise ValueError("assign_from_checkpoint_fn: var_list must not be empty")
    if ignore_missing_vars:
        var_list = _available(model_path, var_list)
    if not var_list:
        logger.warning("assign_from_checkpoint_fn: '%s' has none of the variables; nothing will be restored", model_path)
        return None
    saver = tf.train.Saver(var_list, reshape=reshape_variables)
    return lambda session: saver.restore(session, model_path)


def _available(model_path: str, var_list: Variables) -> Dict[str, Any]:
    names: Dict[str, Any] = {var.op.name: var for var in var_list} if isinstance(var_list, (list, tuple)) else dict(var_list)
    reader = tf.train.NewCheckpointReader(model_path)
    for name in names:
        if not reader.has_tensor(name):
            logger.warning("assign_from_checkpoint_fn: '%s' has no variable '%s'; it keeps its value", model_path, name)
    return {name: var for name, var in names.items() if reader.has_tensor(name)}
