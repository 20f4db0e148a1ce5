"""The names that TensorFlow has elsewhere."""
from __future__ import annotations

from .....compat import inner_module
from .....compat import tfv1 as tf

_meta_graph = inner_module("framework.meta_graph")

constant_value = tf.get_static_value
make_ndarray = tf.make_ndarray
make_tensor_proto = tf.make_tensor_proto
ops_used_by_graph_def = _meta_graph.ops_used_by_graph_def
stripped_op_list_for_graph = _meta_graph.stripped_op_list_for_graph

__all__ = ["constant_value", "make_ndarray", "make_tensor_proto", "ops_used_by_graph_def", "stripped_op_list_for_graph"]
