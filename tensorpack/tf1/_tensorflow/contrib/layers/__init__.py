"""`tf.contrib.layers`: layers as functions with a normalizer and an activation, regularizers, initializers."""
from ._batch_norm import batch_norm
from ._convolution import (
    convolution,
    convolution1d,
    convolution2d,
    convolution2d_transpose,
    convolution3d,
    convolution3d_transpose,
)
from ._dense import elu, fully_connected, linear, relu, relu6
from ._initializers import variance_scaling_initializer, xavier_initializer, xavier_initializer_conv2d
from ._normalization import group_norm, instance_norm, layer_norm, unit_norm
from ._pooling import avg_pool2d, avg_pool3d, max_pool2d, max_pool3d
from ._regularizers import apply_regularization, l1_l2_regularizer, l1_regularizer, l2_regularizer, sum_regularizer
from ._repetition import repeat, stack
from ._separable import convolution2d_in_plane, separable_convolution2d
from ._simple import bias_add, dense_to_sparse, dropout, flatten, maxout, one_hot_encoding, softmax

__all__ = ["apply_regularization", "avg_pool2d", "avg_pool3d", "batch_norm", "bias_add", "conv1d", "conv2d", "conv2d_in_plane",
           "conv2d_transpose", "conv3d", "conv3d_transpose", "convolution", "convolution1d", "convolution2d",
           "convolution2d_in_plane", "convolution2d_transpose", "convolution3d", "convolution3d_transpose", "dense_to_sparse",
           "dropout", "elu", "flatten", "fully_connected", "group_norm", "instance_norm", "l1_l2_regularizer", "l1_regularizer",
           "l2_regularizer", "layer_norm", "linear", "max_pool2d", "max_pool3d", "maxout", "one_hot_encoding", "relu", "relu6",
           "repeat", "separable_conv2d", "separable_convolution2d", "softmax", "stack", "sum_regularizer", "unit_norm",
           "variance_scaling_initializer", "xavier_initializer", "xavier_initializer_conv2d"]

# The package's other names for them
conv1d, conv2d, conv3d = convolution1d, convolution2d, convolution3d
conv2d_transpose, conv3d_transpose = convolution2d_transpose, convolution3d_transpose
conv2d_in_plane, separable_conv2d = convolution2d_in_plane, separable_convolution2d
