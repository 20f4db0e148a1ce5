"""Session defaults, the global step, and lookups of tensors and operations by name."""
from __future__ import annotations

import re
from typing import Any, List, Sequence, Tuple, Union

from .. import compat
from ..compat import tfv1 as tf
from ..utils._arguments.names import list_of_names
from ._environment import collect_env_info

__all__ = ["collect_env_info", "get_default_sess_config", "get_global_step_value", "get_global_step_var",
           "get_tf_version_tuple"]

_OUTPUT_INDEX = re.compile(r":\d+$")


def get_default_sess_config(mem_fraction: float = 0.99) -> Any:
    """A `tf.ConfigProto` with soft placement and GPU memory that grows up to `mem_fraction` of the device.

    With a GPU, one thread serves each operation on the CPU (`intra_op_parallelism_threads=1`), since the CPU only feeds the
    GPU; without one TensorFlow may use all cores in one operation (0).
    """
    config = tf.ConfigProto()
    config.allow_soft_placement = True
    config.intra_op_parallelism_threads = 1 if compat.has_gpu() else 0
    config.inter_op_parallelism_threads = 0
    config.gpu_options.per_process_gpu_memory_fraction = mem_fraction
    config.gpu_options.allow_growth = True
    return config


def get_global_step_var() -> Any:
    """The int64 non-trainable variable `global_step` of the default graph, made at the root variable scope if missing."""
    existing = tf.train.get_global_step()
    if existing is not None:
        return existing
    current = tf.get_variable_scope()
    root = tf.VariableScope(reuse=False, name="", use_resource=current.use_resource)
    with tf.variable_scope(root, auxiliary_name_scope=False), tf.name_scope(None):
        return tf.train.create_global_step()


def get_global_step_value() -> int:
    """The value of `global_step` in the default session.

    Raises:
        RuntimeError: there is no default session.
    """
    session = _default_session("get_global_step_value()")
    return int(tf.train.global_step(session, get_global_step_var()))


def get_op_tensor_name(name: str) -> Tuple[str, str]:
    """Split a name into (operation name, tensor name): `"a:1"` -> `("a", "a:1")`; `"a"` -> `("a", "a:0")`."""
    match = _OUTPUT_INDEX.search(name)
    if match:
        return name[:match.start()], name
    return name, name + ":0"


def get_tensors_by_names(names: Sequence[str]) -> List[Any]:
    """The tensors of the default graph with these tensor or operation names (an operation means its output 0).

    The name of a resource variable gives the variable's value.

    Raises:
        KeyError: a name is not in the graph.
    """
    graph = tf.get_default_graph()
    return [as_value(graph.get_tensor_by_name(get_op_tensor_name(name)[1]))
            for name in list_of_names("get_tensors_by_names", "names", names)]


def get_op_or_tensor_by_name(name: Union[str, Sequence[str]]) -> Any:
    """The tensor (for `"a:0"`) or the operation (for `"a"`) of that name in the default graph; a list for a list of names.

    Raises:
        KeyError: a name is not in the graph.
    """
    if not isinstance(name, str):
        return [get_op_or_tensor_by_name(each) for each in name]
    graph = tf.get_default_graph()
    if _OUTPUT_INDEX.search(name):
        return as_value(graph.get_tensor_by_name(name))
    return graph.get_operation_by_name(name)


def as_value(tensor_or_variable: Any) -> Any:
    """The tensor that reads a variable, given the variable or its resource handle; any other tensor is returned as it is.

    Adds no operation to the graph. A handle that nothing reads is returned as it is.
    """
    if compat.is_variable(tensor_or_variable):
        return compat.variable_value(tensor_or_variable)
    if tensor_or_variable.dtype != tf.resource:
        return tensor_or_variable
    op = tensor_or_variable.op
    try:
        return op.graph.get_tensor_by_name(op.name + "/Read/ReadVariableOp:0")
    except KeyError:  # the variable came in by an import that pruned its own read
        reads = [consumer for consumer in tensor_or_variable.consumers() if consumer.type == "ReadVariableOp"]
        return reads[0].outputs[0] if reads else tensor_or_variable


def build_or_reuse_placeholder(tensor_spec: Any) -> Any:
    """The root placeholder named and shaped like the TensorSpec; it is made when there is none.

    An existing placeholder whose shape differs but is compatible is left alone, and a new one (`name_1`) is made.

    Raises:
        ValueError: the name belongs to something else: another dtype, an incompatible shape, or no placeholder.
    """
    name = tensor_spec.name
    try:
        tensor = tf.get_default_graph().get_tensor_by_name(name + ":0")
    except KeyError:
        return _new_placeholder(tensor_spec)
    if tensor.op.type not in ("Placeholder", "PlaceholderV2"):
        raise ValueError("build_or_reuse_placeholder({!r}): the name must be free or a placeholder's; the graph has a {} of "
                         "that name; rename one of them".format(name, tensor.op.type))
    if not tensor_spec.is_compatible_with(tensor):
        raise ValueError("build_or_reuse_placeholder({!r}): the existing placeholder must be compatible with {}; got {} {}; "
                         "rename one of them".format(name, tensor_spec, tensor.dtype.name, tensor.shape))
    if not _same_shape(tensor.shape, tensor_spec.shape):
        return _new_placeholder(tensor_spec)
    return tensor


def gpu_available_in_session() -> bool:
    """Whether the default session has a GPU.

    Raises:
        RuntimeError: there is no default session.
    """
    session = _default_session("gpu_available_in_session()")
    return any(device.device_type == "GPU" for device in session.list_devices())


def get_tf_version_tuple() -> Tuple[int, int]:
    """TensorFlow's version as (major, minor)."""
    return compat.VERSION


def _new_placeholder(tensor_spec: Any) -> Any:
    with tf.name_scope(None):
        return tf.placeholder(tensor_spec.dtype, shape=tensor_spec.shape, name=tensor_spec.name)


def _same_shape(first: Any, second: Any) -> bool:
    """Equality of two TensorShapes in which unknown parts are equal to unknown parts only."""
    if first.ndims is None or second.ndims is None:
        return first.ndims == second.ndims
    return first.as_list() == second.as_list()


def _default_session(who: str) -> Any:
    session = tf.get_default_session()
    if session is None:
        raise RuntimeError("{}: there must be a default session; got none; call it in `with sess.as_default():`".format(who))
    return session
