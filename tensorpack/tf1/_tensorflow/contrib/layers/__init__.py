"""`tf.contrib.layers`: layers as functions with a normalizer and an activation, regularizers, initializers, summaries."""
from ..._provide import provide as _provide
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
from ._embedding import bow_encoder, embed_sequence, embedding_lookup_unique, safe_embedding_lookup_sparse
from ._gdn import GDN, gdn
from ._initializers import variance_scaling_initializer, xavier_initializer, xavier_initializer_conv2d
from ._legacy import legacy_fully_connected, legacy_linear, legacy_relu
from ._normalization import group_norm, instance_norm, layer_norm, unit_norm
from ._optimizers import OPTIMIZER_CLS_NAMES, OPTIMIZER_SUMMARIES, optimize_loss
from ._pooling import avg_pool2d, avg_pool3d, max_pool2d, max_pool3d
from ._regularizers import apply_regularization, l1_l2_regularizer, l1_regularizer, l2_regularizer, sum_regularizer
from ._repetition import repeat, stack
from ._separable import convolution2d_in_plane, separable_convolution2d
from ._simple import bias_add, dense_to_sparse, dropout, flatten, maxout, one_hot_encoding, softmax
from ._spatial import images_to_sequence, scale_gradient, sequence_to_images, spatial_softmax
from ._summaries import (
    summarize_activation,
    summarize_activations,
    summarize_collection,
    summarize_tensor,
    summarize_tensors,
)
from .python.layers import summaries

__all__ = ["GDN", "OPTIMIZER_CLS_NAMES", "OPTIMIZER_SUMMARIES", "apply_regularization", "avg_pool2d", "avg_pool3d",
           "batch_norm", "bias_add", "bow_encoder", "conv1d", "conv2d", "conv2d_in_plane", "conv2d_transpose", "conv3d",
           "conv3d_transpose", "convolution", "convolution1d", "convolution2d", "convolution2d_in_plane",
           "convolution2d_transpose", "convolution3d", "convolution3d_transpose", "dense_to_sparse", "dropout", "elu",
           "embed_sequence", "embedding_lookup_unique", "flatten", "fully_connected", "gdn", "group_norm",
           "images_to_sequence", "instance_norm", "l1_l2_regularizer", "l1_regularizer", "l2_regularizer", "layer_norm",
           "legacy_fully_connected", "legacy_linear", "legacy_relu", "linear", "max_pool2d", "max_pool3d", "maxout",
           "one_hot_encoding", "optimize_loss", "relu", "relu6", "repeat", "safe_embedding_lookup_sparse",
           "scale_gradient", "separable_conv2d", "separable_convolution2d", "sequence_to_images", "softmax",
           "spatial_softmax", "stack", "sum_regularizer", "summaries", "summarize_activation", "summarize_activations",
           "summarize_collection", "summarize_tensor", "summarize_tensors", "unit_norm", "variance_scaling_initializer",
           "xavier_initializer", "xavier_initializer_conv2d"]

# Other names for them
conv1d, conv2d, conv3d = convolution1d, convolution2d, convolution3d
conv2d_transpose, conv3d_transpose = convolution2d_transpose, convolution3d_transpose
conv2d_in_plane, separable_conv2d = convolution2d_in_plane, separable_convolution2d

__getattr__, __dir__, _ = _provide(__name__)
