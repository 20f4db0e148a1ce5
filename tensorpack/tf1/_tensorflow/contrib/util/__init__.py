"""`tf.contrib.util`: tensors as protocol buffers, and libraries of operations."""
from ..._provide import provide

__getattr__, __dir__, __all__ = provide(__name__, {
    "_tensors": ["constant_value", "make_ndarray", "make_tensor_proto", "ops_used_by_graph_def",
                 "stripped_op_list_for_graph"],
})
