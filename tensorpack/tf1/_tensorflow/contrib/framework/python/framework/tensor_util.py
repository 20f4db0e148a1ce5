"""`tensorflow.contrib.framework.python.framework.tensor_util`."""
from ..._tensors import (
    assert_same_float_dtype,
    assert_scalar,
    assert_scalar_int,
    convert_to_tensor_or_sparse_tensor,
    is_tensor,
    reduce_sum_n,
    remove_squeezable_dimensions,
    with_same_shape,
    with_shape,
)

__all__ = ["assert_same_float_dtype", "assert_scalar", "assert_scalar_int", "convert_to_tensor_or_sparse_tensor",
           "is_tensor", "reduce_sum_n", "remove_squeezable_dimensions", "with_same_shape", "with_shape"]
