"""`tensorflow.contrib.layers.python.layers.layers`."""
from ..._batch_norm import batch_norm
from ..._convolution import (
    convolution,
    convolution1d,
    convolution2d,
    convolution2d_transpose,
    convolution3d,
    convolution3d_transpose,
)
from ..._dense import elu, fully_connected, linear, relu, relu6
from ..._gdn import GDN, gdn
from ..._legacy import legacy_fully_connected, legacy_linear, legacy_relu
from ..._normalization import layer_norm, poincare_normalize, unit_norm
from ..._pooling import avg_pool2d, avg_pool3d, max_pool2d, max_pool3d, pool
from ..._repetition import repeat, stack
from ..._separable import convolution2d_in_plane, separable_convolution2d
from ..._simple import bias_add, dense_to_sparse, dropout, flatten, maxout, one_hot_encoding, softmax
from ..._spatial import images_to_sequence, scale_gradient, sequence_to_images, spatial_softmax

__all__ = ["GDN", "avg_pool2d", "avg_pool3d", "batch_norm", "bias_add", "conv1d", "conv2d", "conv2d_in_plane",
           "conv2d_transpose", "conv3d", "conv3d_transpose", "convolution", "convolution1d", "convolution2d",
           "convolution2d_in_plane", "convolution2d_transpose", "convolution3d", "convolution3d_transpose",
           "dense_to_sparse", "dropout", "elu", "flatten", "fully_connected", "gdn", "images_to_sequence", "layer_norm",
           "legacy_fully_connected", "legacy_linear", "legacy_relu", "linear", "max_pool2d", "max_pool3d", "maxout",
           "one_hot_encoding", "poincare_normalize", "pool", "relu", "relu6", "repeat", "scale_gradient",
           "separable_conv2d", "separable_convolution2d", "sequence_to_images", "softmax", "spatial_softmax", "stack",
           "unit_norm"]

# Other names for them
conv1d, conv2d, conv3d = convolution1d, convolution2d, convolution3d
conv2d_transpose, conv3d_transpose = convolution2d_transpose, convolution3d_transpose
conv2d_in_plane, separable_conv2d = convolution2d_in_plane, separable_convolution2d
