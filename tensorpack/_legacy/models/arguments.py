"""Arguments of single layers: what came by position in the order of older releases, and keywords of another kind."""
from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, Sequence, Tuple

from .._spelling import warn_once

Arguments = Tuple[Any, ...]
Keywords = Dict[str, Any]


def _by_position(num_today: int, names: Sequence[str], fits: Callable[[Any], bool]) -> Callable[..., Any]:
    """For a layer that took the arguments `names` by position after the first `num_today`, if the first of them `fits`."""

    def rearranged(layer: Any, inputs: Arguments, more: Arguments, kwargs: Keywords) -> Any:
        extra = more[num_today:num_today + len(names)]
        if extra and fits(extra[0]):
            given = dict(zip(names, extra))
            warn_once("{}(..., {}), by position,".format(layer.__name__, ", ".join(given)), "keyword arguments")
            twice = sorted(given.keys() & kwargs.keys())
            if twice:
                raise TypeError("{}: got several values for {}".format(layer.__name__, ", ".join(twice)))
            kwargs, more = dict(kwargs, **given), more[:num_today] + more[num_today + len(names):]
        return layer(*inputs, *more, **kwargs)

    return rearranged


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_function_or_none(value: Any) -> bool:
    return value is None or callable(value)


def _is_flag(value: Any) -> bool:
    return value is None or isinstance(value, bool)


def _is_anything(value: Any) -> bool:
    return True


_PARAMETERS = ("W_init", "b_init", "nl")


def _deconvolution(layer: Any, inputs: Arguments, more: Arguments, kwargs: Keywords) -> Any:
    """`out_shape`, or the first argument, may be (h, w, channels)."""
    shape = more[0] if more else kwargs.pop("out_shape", None)
    if shape is None:
        return _DECONVOLUTION(layer, inputs, more, kwargs)
    size = None
    if isinstance(shape, (list, tuple)):
        warn_once("Deconv2D(out_shape=[h, w, channels])", "Deconv2D(filters=channels)")
        size, shape = list(shape[:2]), shape[-1]
    output = _DECONVOLUTION(layer, inputs, (shape,) + more[1:], kwargs)
    made = output.shape.as_list()[1:3]
    if size is not None and made != size:
        raise ValueError("Deconv2D(out_shape={}): the output must have that height and width; got {}; give filters, and choose "
                         "strides that make the size".format(size + [shape], made))
    return output


_DECONVOLUTION = _by_position(3, ("padding",) + _PARAMETERS + ("use_bias", "data_format"), _is_text)


def _concatenation(layer: Any, inputs: Arguments, more: Arguments, kwargs: Keywords) -> Any:
    """`ConcatWith(x, dim, tensor)`."""
    if len(more) == 2 and isinstance(more[0], int):
        warn_once("ConcatWith(x, dim, tensor)", "ConcatWith(x, tensor, dim)")
        more = more[::-1]
    return layer(*inputs, *more, **kwargs)


def _activation(layer: Any, inputs: Arguments, more: Arguments, kwargs: Keywords) -> Any:
    """`BNReLU(is_training, ...)` is a function of a tensor."""
    first = inputs[-1] if inputs else kwargs.get("is_training")
    if not isinstance(first, bool):
        return layer(*inputs, *more, **kwargs)
    warn_once("BNReLU(is_training)", "BNReLU, in a TowerContext(..., is_training=...)")
    options = {key: value for key, value in kwargs.items() if key != "is_training"}

    def function(x: Any, name: Any = None) -> Any:
        from ...compat import tfv1 as tf
        from ...models.batch_norm import BatchNorm

        return tf.nn.relu(BatchNorm("bn", x, training=first, **options), name=name)

    return function


def _slope(layer: Any, inputs: Arguments, more: Arguments, kwargs: Keywords) -> Any:
    """The initial value of PReLU may be an initializer; it is then that of a scalar."""
    if callable(kwargs.get("init")) or more and callable(more[0]):
        from ...compat import tfv1 as tf

        warn_once("PReLU(init=initializer)", "PReLU(init=number)")
        init, more, kwargs = (more[0], more[1:], kwargs) if more else (kwargs.pop("init"), more, kwargs)

        def getter(getter: Any, name: str, *args: Any, **options: Any) -> Any:
            options["initializer"] = init
            return getter(name, *args, **options)

        with tf.variable_scope(tf.get_variable_scope(), custom_getter=getter, auxiliary_name_scope=False):
            return layer(*inputs, *more, **kwargs)
    return layer(*inputs, *more, **kwargs)


# name of a layer -> how to call it: function of the layer, (name and) inputs, the other arguments by position, and keywords
POSITIONAL: Mapping[str, Callable[..., Any]] = {
    "AvgPooling": _by_position(2, ("padding", "data_format"), _is_text),
    "BNReLU": _activation,
    "BatchNorm": _by_position(0, ("use_local_stat", "decay", "epsilon", "use_scale", "use_bias", "gamma_init", "data_format",
                                  "internal_update"), _is_flag),
    "BatchRenorm": _by_position(0, ("rmax", "dmax", "decay", "epsilon", "use_scale", "use_bias", "gamma_init", "data_format"),
                                _is_anything),
    "ConcatWith": _concatenation,
    "Conv2D": _by_position(2, ("padding", "stride") + _PARAMETERS + ("split", "use_bias", "data_format"), _is_text),
    "Conv2DTranspose": _deconvolution,
    "Dropout": _by_position(1, ("is_training", "noise_shape"), _is_flag),
    "FullyConnected": _by_position(1, _PARAMETERS + ("use_bias",), _is_function_or_none),
    "InstanceNorm": _by_position(1, ("data_format", "use_affine"), _is_text),
    "LayerNorm": _by_position(1, ("use_bias", "use_scale", "gamma_init", "data_format"), _is_flag),
    "MaxPooling": _by_position(2, ("padding", "data_format"), _is_text),
    "PReLU": _slope,
}


def _batch_norm(kwargs: Keywords) -> Keywords:
    if "internal_update" in kwargs:
        is_internal = kwargs.pop("internal_update")
        warn_once("BatchNorm(internal_update=)", "BatchNorm(ema_update='internal')")
        kwargs.setdefault("ema_update", "internal" if is_internal else "collection")
    return kwargs


def _dropout(kwargs: Keywords) -> Keywords:
    if "prob" in kwargs:
        warn_once("Dropout(prob=)", "Dropout(keep_prob=)")
        kwargs["keep_prob"] = kwargs.pop("prob")
    return kwargs


# name of a layer -> from its keywords to those of today
KEYWORDS: Mapping[str, Callable[[Keywords], Keywords]] = {"BatchNorm": _batch_norm, "Dropout": _dropout}
