"""How layers of `tf.layers` make variables here: other names, and MODEL_VARIABLES."""
from __future__ import annotations

from typing import Any, Callable, List, Mapping, Optional, Sequence

from .....compat import tfv1 as tf
from ..framework._variables import model_variable
from ._utils import get_variable_collections

__all__ = ["affine_parameters", "model_variable_getter"]


def model_variable_getter(rename: Optional[Mapping[str, str]] = None) -> Callable[..., Any]:
    """A custom getter that makes model variables.

    Args:
        rename: old -> new last component of a variable's name.
    """

    def getter(getter: Callable[..., Any], name: str, shape: Any = None, dtype: Any = None, initializer: Any = None,
               regularizer: Any = None, trainable: bool = True, collections: Any = None, caching_device: Any = None,
               partitioner: Any = None, use_resource: Any = None, synchronization: Any = None, aggregation: Any = None,
               **_: Any) -> Any:
        *scope, last = name.split("/")
        options = {key: value for key, value in (("synchronization", synchronization), ("aggregation", aggregation))
                   if value is not None}
        return model_variable("/".join(scope + [(rename or {}).get(last, last)]), shape=shape, dtype=dtype,
                              initializer=initializer, regularizer=regularizer, collections=collections, trainable=trainable,
                              caching_device=caching_device, partitioner=partitioner, custom_getter=getter,
                              use_resource=use_resource, **options)

    return getter


def affine_parameters(shape: Sequence[int], dtype: Any, center: bool, scale: bool, trainable: bool, variables_collections: Any,
                      initializers: Optional[Mapping[str, Any]] = None,
                      regularizers: Optional[Mapping[str, Any]] = None) -> List[Optional[Any]]:
    """The model variables `beta` and `gamma` of a normalization, each None if it is not wanted, at first 0 and 1."""
    result: List[Optional[Any]] = []
    for name, wanted, default in (("beta", center, tf.zeros_initializer()), ("gamma", scale, tf.ones_initializer())):
        result.append(model_variable(
            name, shape, dtype, (initializers or {}).get(name, default), (regularizers or {}).get(name), trainable,
            get_variable_collections(variables_collections, name)) if wanted else None)
    return result
