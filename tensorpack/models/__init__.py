"""Layers: functions of a name and a tensor, which create variables by `tf.get_variable` and operations of `tf.nn`."""
from __future__ import annotations

from .._exports import tell_near_names
from .batch_norm import BatchNorm, BatchRenorm
from .conv2d import Conv2D, Conv2DTranspose, Deconv2D
from .fc import FullyConnected
from .layer_norm import InstanceNorm, LayerNorm
from .linearwrap import LinearWrap
from .nonlin import BNReLU, Maxout, PReLU
from .pool import AvgPooling, FixedUnPooling, GlobalAvgPooling, MaxPooling
from .registry import disable_layer_logging, layer_register
from .regularize import Dropout, l1_regularizer, l2_regularizer, regularize_cost, regularize_cost_from_collection
from .shapes import ConcatWith
from .tflayer import rename_tflayer_get_variable
from .utils import VariableHolder

__all__ = [
    "AvgPooling", "BNReLU", "BatchNorm", "BatchRenorm", "ConcatWith", "Conv2D", "Conv2DTranspose", "Deconv2D", "Dropout",
    "FixedUnPooling", "FullyConnected", "GlobalAvgPooling", "InstanceNorm", "LayerNorm", "LinearWrap", "MaxPooling",
    "Maxout", "PReLU", "VariableHolder", "disable_layer_logging", "l1_regularizer", "l2_regularizer", "layer_register",
    "regularize_cost", "regularize_cost_from_collection", "rename_tflayer_get_variable",
]

tell_near_names(__name__)
