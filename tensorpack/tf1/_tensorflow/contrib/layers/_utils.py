"""What the layers share: outputs and variables in collections, names of outputs, sizes, choices that a step makes."""
from __future__ import annotations

from collections import OrderedDict
from typing import Any, Callable, List, NamedTuple, Optional, Tuple

from .....compat import is_tensor_like
from .....compat import tfv1 as tf
from ...layers._core.branches import constant_value as _constant_value
from ...layers._core.branches import smart_cond as _smart_cond

__all__ = ["NamedOutputs", "add_variable_to_collections", "append_tensor_alias", "channel_dimension", "collect_named_outputs",
           "constant_value", "convert_collection_to_dict", "gather_tensors_aliases", "get_tensor_aliases",
           "get_variable_collections", "last_dimension", "layer_data_format", "n_positive_integers", "smart_cond",
           "static_cond", "two_element_tuple"]


class NamedOutputs(NamedTuple):
    """A name and what has it."""

    name: str
    outputs: Any


def collect_named_outputs(collections: Any, alias: str, outputs: Any) -> Any:
    """Add the outputs to the collections (a name or a list of them, or nothing) under this alias; returns the outputs."""
    if collections:
        append_tensor_alias(outputs, alias)
        tf.add_to_collections(collections, outputs)
    return outputs


def append_tensor_alias(tensor: Any, alias: str) -> Any:
    """Give the tensor one more name, in its attribute `aliases`."""
    alias = alias[:-1] if alias.endswith("/") else alias
    tensor.aliases = getattr(tensor, "aliases", []) + [alias]
    return tensor


def gather_tensors_aliases(tensors: Any) -> List[str]:
    """All aliases of all tensors."""
    return [alias for tensor in tensors for alias in get_tensor_aliases(tensor)]


def get_tensor_aliases(tensor: Any) -> List[str]:
    """The aliases of a tensor; its own name if it has none."""
    own = tensor.op.name if tensor.name.endswith(":0") else tensor.name
    return list(getattr(tensor, "aliases", [own]))


def convert_collection_to_dict(collection: str, clear_collection: bool = False) -> OrderedDict[str, Any]:
    """Alias -> tensor of a collection, in its order."""
    result = OrderedDict((alias, tensor) for tensor in tf.get_collection(collection) for alias in get_tensor_aliases(tensor))
    if clear_collection:
        tf.get_default_graph().clear_collection(collection)
    return result


def constant_value(value_or_tensor_or_var: Any, dtype: Any = None) -> Optional[Any]:
    """The value, of a tensor if it is known when the graph is built; None otherwise.

    Raises:
        ValueError: None, or a tensor of another dtype.
    """
    value = value_or_tensor_or_var
    if value is None:
        raise ValueError("constant_value: the value must not be None")
    if dtype and is_tensor_like(value) and value.dtype != dtype:
        raise ValueError("constant_value: dtype must be {}; got {}".format(dtype, value.dtype))
    return _constant_value(value)


def static_cond(pred: Any, fn1: Callable[[], Any], fn2: Callable[[], Any]) -> Any:
    """What the chosen function returns."""
    for name, function in (("fn1", fn1), ("fn2", fn2)):
        if not callable(function):
            raise TypeError("static_cond: {} must be a function; got {!r}".format(name, function))
    return fn1() if pred else fn2()


def smart_cond(pred: Any, fn1: Callable[[], Any], fn2: Callable[[], Any], name: Optional[str] = None) -> Any:
    """What the chosen function returns, or a `tf.cond` of both if a step decides."""
    return _smart_cond(pred, fn1, fn2, name)


def get_variable_collections(variables_collections: Any, name: str) -> Any:
    """The collections for variables of a kind, as 'weights': the entry of a dictionary, or the same for all kinds."""
    return variables_collections.get(name) if isinstance(variables_collections, dict) else variables_collections


def add_variable_to_collections(variable: Any, variables_collections: Any, name: str) -> None:
    """Add a variable, or the parts of one, to the collections for its kind."""
    parts = list(variable) if hasattr(variable, "_get_partitions") else [variable]
    for key in get_variable_collections(variables_collections, name) or []:
        present = {id(each) for each in tf.get_collection(key)}
        for part in parts:
            if id(part) not in present:
                tf.add_to_collection(key, part)


def layer_data_format(data_format: Optional[str], *allowed: Optional[str]) -> str:
    """'channels_first' or 'channels_last' for a data format as 'NCHW'.

    Raises:
        ValueError: it is not one of those allowed.
    """
    if data_format not in allowed:
        raise ValueError("data_format has to be one of {}; got {!r}".format(", ".join(map(str, allowed)), data_format))
    return "channels_first" if data_format and data_format.startswith("NC") else "channels_last"


def channel_dimension(shape: Any, data_format: str, min_rank: int = 1) -> int:
    """The number of channels, which must be known, by 'channels_first' or 'channels_last'."""
    return _dimension(shape, 1 if data_format == "channels_first" else -1, min_rank)


def last_dimension(shape: Any, min_rank: int = 1) -> int:
    """The size of the last axis, which must be known."""
    return _dimension(shape, -1, min_rank)


def _dimension(shape: Any, axis: int, min_rank: int) -> int:
    if shape.ndims is None or shape.ndims < min_rank:
        raise ValueError("the rank of the input must be known and at least {}; got shape {}".format(min_rank, shape))
    size = shape.as_list()[axis]
    if size is None:
        raise ValueError("the size of axis {} of the input must be known when the graph is built; got shape {}; "
                         "use set_shape on the input".format(axis, shape))
    return int(size)


def two_element_tuple(int_or_tuple: Any) -> Tuple[int, int]:
    """A pair of whole numbers, from one or two."""
    if isinstance(int_or_tuple, tf.TensorShape):
        int_or_tuple = int_or_tuple.as_list()
    pair = int_or_tuple if isinstance(int_or_tuple, (list, tuple)) else [int_or_tuple] * 2
    if len(pair) != 2 or not all(hasattr(each, "__int__") for each in pair):
        raise ValueError("must be a whole number or a pair of them; got {!r}".format(int_or_tuple))
    return int(pair[0]), int(pair[1])


def n_positive_integers(n: int, value: Any) -> Tuple[int, ...]:
    """`n` positive whole numbers, from one or `n` of them."""
    if int(n) != n or n < 1:
        raise ValueError("n_positive_integers: n must be a positive whole number; got {!r}".format(n))
    try:
        values = tuple(int(each) for each in (value if hasattr(value, "__len__") else [value] * int(n)))
    except (TypeError, ValueError):
        values = ()
    if len(values) != n or min(values) < 1:
        raise ValueError("must be a positive whole number or {} of them; got {!r}".format(n, value))
    return values
