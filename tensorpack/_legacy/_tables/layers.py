"""Layers."""
from __future__ import annotations

from typing import Dict

from .._table import Gone, Moved, Name, Old, Part

_LAYERS = "_legacy.models.layers."
_BILINEAR = Old(_LAYERS + "BilinearUpSample", "tf.image.resize")
_SAMPLE = Old(_LAYERS + "ImageSample", "tf.gather_nd of the four pixels around")
_LEAKY = Old(_LAYERS + "LeakyReLU", "tf.nn.leaky_relu(x, alpha, name)")
_NON_LINEARITY = Old(_LAYERS + "NonLinearity", "nl(x)")
_SOFTMAX = Old(_LAYERS + "SoftMax", "tf.nn.softmax(x)")
_CHECKS = Gone("the tests of the library, which are not installed")
_AUTOGRAPH = Old("_legacy.models.shape_utils.disable_autograph", "tf.autograph.experimental.do_not_convert")
_RENAME = "models.tflayer.rename_get_variable"
_MONKEY = Gone("with rename_tflayer_get_variable(): around tf.layers")
_RENAMED = {"W_init": "kernel_initializer", "b_init": "bias_initializer", "nl": "activation"}
_CONVOLUTION = {"kernel_shape": "kernel_size", "out_channel": "filters", "stride": "strides", **_RENAMED}
_NORM = {"gamma_init": "gamma_initializer", "use_bias": "center", "use_scale": "scale"}
_LAYER_KEYWORDS = {
    "AvgPooling": {"shape": "pool_size", "stride": "strides"},
    "BNReLU": {"is_training": "training"},
    "BatchNorm": {"decay": "momentum", "internal_update": "ema_update", "use_local_stat": "training", **_NORM},
    "BatchRenorm": {"decay": "momentum", **_NORM},
    "Conv2D": _CONVOLUTION,
    "Deconv2D": {"out_shape": "filters", **_CONVOLUTION},
    "Dropout": {"is_training": "training", "keep_prob": "rate=1 - keep_prob", "noise_shape": "noise_shape",
                "prob": "rate=1 - prob"},
    "FullyConnected": {"out_dim": "units", **_RENAMED},
    "InstanceNorm": {"gamma_init": "gamma_initializer", "use_affine": "center and scale"},
    "LayerNorm": _NORM,
    "MaxPooling": {"shape": "pool_size", "stride": "strides"},
}
_STAR: Dict[str, Name] = {
    "BilinearUpSample": _BILINEAR,
    "ImageSample": _SAMPLE,
    "LeakyReLU": _LEAKY,
    "SoftMax": _SOFTMAX,
    "custom_getter_scope": "tfutils.varreplace.custom_getter_scope",
    "get_registered_layer": "models.registry.get_registered_layer",
    "get_tf_version_number": Old("_legacy.tfutils.common.get_tf_version_number", "get_tf_version_tuple()"),
    "monkeypatch_tf_layers": _MONKEY,
    "rename_get_variable": _RENAME,
}

PART = Part(
    names={
        "models._common.get_registered_layer": "models.registry.get_registered_layer",
        "models._common.shape2d": "utils.argtools.shape2d",
        "models._common.shape4d": "utils.argtools.shape4d",
        "models.batch_norm.disable_autograph": _AUTOGRAPH,
        "models.common.get_registered_layer": "models.registry.get_registered_layer",
        "models.image_sample.ImageSample": _SAMPLE,
        "models.nonlin.LeakyReLU": _LEAKY,
        "models.nonlin.NonLinearity": _NON_LINEARITY,
        "models.pool.BilinearUpSample": _BILINEAR,
        "models.pool.TestPool": _CHECKS,
        "models.shape_utils.DynamicLazyAxis": Old(
            "_legacy.models.shape_utils.DynamicLazyAxis", "StaticDynamicShape.get_dynamic"),
        "models.softmax.SoftMax": _SOFTMAX,
        "models.utils.disable_autograph": _AUTOGRAPH,
        "models.utils.monkeypatch_tf_layers": _MONKEY,
        "models.utils.rename_get_variable": _RENAME,
    },
    star={"": _STAR, "models": _STAR},
    modules={
        "models._common": Moved("models.common"),
        "models._test": Moved("", _CHECKS.instead),
        "models.image_sample": Moved("", _SAMPLE.today),
        "models.softmax": Moved("", _SOFTMAX.today),
    },
    adapters={
        "models.registry": "models.registry.adapt_registry",
        "models.shape_utils": "models.shape_utils.adapt_shapes",
    },
    behaviours={
        **{"{}({})".format(layer, old): new for layer, table in _LAYER_KEYWORDS.items() for old, new in table.items()},
        "AnyLayer(summary_activation)": "add_activation_summary(output)",
        "BNReLU(is_training) as a function": "BNReLU, in a TowerContext(..., is_training=...)",
        "ConcatWith(x, dim, tensor)": "ConcatWith(x, tensor, dim)",
        "Conv2D positional after kernel_shape": "keyword arguments",
        "Deconv2D(out_shape=[h, w, channels])": "Deconv2D(filters=channels)",
        "FullyConnected positional after out_dim": "keyword arguments",
        "MaxPooling/AvgPooling positional padding": "padding=",
        "PReLU(init=initializer)": "PReLU(init=number)",
        "layer_register(summary_activation)": "add_activation_summary(output)",
    },
)
