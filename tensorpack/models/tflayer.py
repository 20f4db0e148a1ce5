"""Translation between spellings: of layer arguments (old tensorpack to `tf.layers`), and of variable names."""
from __future__ import annotations

import functools
from typing import Any, Callable, ContextManager, Dict, Mapping, Sequence, TypeVar

from ..tfutils.varreplace import custom_getter_scope
from ..utils.argtools import get_data_format

__all__ = ["convert_to_tflayer_args", "rename_get_variable", "rename_tflayer_get_variable"]

Outputs = TypeVar("Outputs")

# Old name -> new name of arguments of every layer.
_WINNING_SPELLINGS = {"nl": "activation", "W_init": "kernel_initializer", "b_init": "bias_initializer"}


def convert_to_tflayer_args(args_names: Sequence[str], name_mapping: Mapping[str, str],
                            ) -> Callable[[Callable[..., Outputs]], Callable[..., Outputs]]:
    """Decorator for layers that lets them be called with the old argument names.

    Every layer: `data_format` may be 'NHWC' or 'NCHW'; `nl` means `activation` and is called with `name=`; `W_init` and
    `b_init` mean `kernel_initializer` and `bias_initializer`. These three win over the new names, those of an argscope also
    over the new names of a call.

    Args:
        args_names: the arguments that may be positional, after the inputs; positional values win over keywords.
        name_mapping: old name -> new name of further arguments; to give both is an error.
    """
    args_names = list(args_names)

    def decorator(func: Callable[..., Outputs]) -> Callable[..., Outputs]:
        who = func.__name__

        def translate_arguments(kwargs: Mapping[str, Any]) -> Dict[str, Any]:
            return _rename(who, _translate_common(kwargs), name_mapping)

        @functools.wraps(func)
        def wrapper(inputs: Any, *args: Any, **kwargs: Any) -> Any:
            if len(args) > len(args_names):
                raise ValueError("{}: only these arguments may be positional after the inputs: {}; got {} of them; "
                                 "give the others by keyword".format(who, args_names, len(args)))
            kwargs = translate_arguments(kwargs)
            kwargs.update(translate_arguments(dict(zip(args_names, args))))
            return func(inputs, **kwargs)

        translating: Any = wrapper
        translating.translate_arguments = translate_arguments
        translating.winning_spellings = _WINNING_SPELLINGS
        return translating

    return decorator


def _translate_common(kwargs: Mapping[str, Any]) -> Dict[str, Any]:
    kwargs = dict(kwargs)
    if "data_format" in kwargs:
        kwargs["data_format"] = get_data_format(kwargs["data_format"], keras_mode=True)
    if "nl" in kwargs:
        nl = kwargs["nl"]
        kwargs["nl"] = None if nl is None else (lambda x, name=None: nl(x, name=name))
    for old, new in _WINNING_SPELLINGS.items():
        if old in kwargs:
            kwargs[new] = kwargs.pop(old)
    return kwargs


def _rename(who: str, kwargs: Dict[str, Any], name_mapping: Mapping[str, str]) -> Dict[str, Any]:
    for old, new in name_mapping.items():
        if old not in kwargs:
            continue
        if new in kwargs:
            raise ValueError("{}: '{}' is the old name of '{}'; got both; give one of them".format(who, old, new))
        kwargs[new] = kwargs.pop(old)
    return kwargs


def rename_get_variable(mapping: Mapping[str, str]) -> ContextManager[None]:
    """Context in which `tf.get_variable` renames variables.

    Args:
        mapping: old -> new last component of the variable's name.
    """
    mapping = dict(mapping)

    def getter(getter: Callable[..., Any], name: str, *args: Any, **kwargs: Any) -> Any:
        parts = name.split("/")
        parts[-1] = mapping.get(parts[-1], parts[-1])
        return getter("/".join(parts), *args, **kwargs)

    return custom_getter_scope(getter)


def rename_tflayer_get_variable() -> ContextManager[None]:
    """Context in which `tf.layers` (TensorFlow 1) names its variables as our layers do.

    kernel -> W, bias -> b, moving_mean -> mean/EMA, moving_variance -> variance/EMA.
    """
    return rename_get_variable(
        {"kernel": "W", "bias": "b", "moving_mean": "mean/EMA", "moving_variance": "variance/EMA"})
