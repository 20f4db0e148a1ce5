"""Versions, scopes, collections and sessions by their older functions."""
from __future__ import annotations

from typing import Any, Iterable

from ...compat import is_tfv2
from ...compat import tfv1 as tf
from ...tfutils.common import get_tf_version_tuple
from ...tfutils.varreplace import freeze_variables
from ...utils._types import wraps
from .._spelling import warn_once

is_tf2 = is_tfv2


def get_tf_version_number() -> float:
    """Major and minor version as one number: 1.15, 2.21; also 1.1 for 1.10."""
    return float("{}.{}".format(*get_tf_version_tuple()))


def get_name_scope_name() -> str:
    """The name of the current name scope, without a slash at its end."""
    return tf.get_default_graph().get_name_scope()


def clear_collection(keys: Iterable[str]) -> None:
    """Take everything out of these collections of the default graph."""
    for key in keys:
        del tf.get_collection_ref(key)[:]


def freeze_get_variable() -> Any:
    """`freeze_variables()`."""
    return freeze_variables()


def apply_slim_collections(cost: Any) -> Any:
    """The cost and all of REGULARIZATION_LOSSES, the tensor `cost_with_update`, computed after all of UPDATE_OPS."""
    losses = [tf.convert_to_tensor(loss) for loss in tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)]
    if losses:
        cost = tf.add_n([cost] + losses, name="regularized_cost")
    with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
        return tf.identity(cost, name="cost_with_update")


def adapt_sesscreate(module: Any) -> None:
    """`NewSessionCreator(target, graph, config)`: it takes the default graph, whatever is given."""
    creator = module.NewSessionCreator
    today = creator.__init__

    @wraps(today)
    def __init__(self: Any, target: str = "", *args: Any, **kwargs: Any) -> None:
        given = [arg for arg in args if not isinstance(arg, tf.ConfigProto)]
        given += [kwargs.pop("graph")] if "graph" in kwargs else []
        if any(graph is not None for graph in given):
            warn_once("NewSessionCreator(graph=)", "with graph.as_default(): around create_session(); it is ignored here")
        today(self, target, *[arg for arg in args if isinstance(arg, tf.ConfigProto)], **kwargs)

    creator.__init__ = __init__
