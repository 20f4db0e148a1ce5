"""What every layer used to take, by any order of its arguments; and how layers used to be registered."""
from __future__ import annotations

from typing import Any, Callable, Dict, Optional

from ...utils._types import wraps
from .._spelling import warn_once
from .arguments import KEYWORDS, POSITIONAL
from .nonlinearity import named

_GONE = ("BilinearUpSample", "ImageSample", "LeakyReLU", "NonLinearity", "SoftMax")


def adapt_registry(module: Any) -> None:
    """Layers take `summary_activation` and have their function as `f`; those of the library take older arguments. `LinearWrap`
    finds layers that are gone."""
    today_register, today_get = module.layer_register, module.get_registered_layer

    @wraps(today_register)
    def layer_register(*args: Any, **kwargs: Any) -> Any:
        if len(args) == 3:
            warn_once("layer_register(summary_activation, log_shape, use_scope)", "layer_register(log_shape, use_scope)")
            # shapes were logged for layers with a scope, whatever was asked for
            kwargs["summary_activation"], args = args[0], (args[1] and args[2] is True, args[2])
        summarized = kwargs.pop("summary_activation", False)
        register = today_register(*args, **kwargs)

        def decorator(func: Any) -> Any:
            layer = register(_with_older_keywords(func, summarized))
            older = _with_older_positions(layer)
            for name, known in list(module._layers.items()):
                if known is layer:
                    module._layers[name] = older
            older.f = func
            return older

        return decorator

    @wraps(today_get)
    def get_registered_layer(name: str) -> Any:
        if name in _GONE and name not in module._layers:
            from . import layers  # noqa: F401  registers them
        return today_get(name)

    module.layer_register, module.get_registered_layer = layer_register, get_registered_layer


def _with_older_keywords(func: Any, summarized: bool) -> Any:
    @wraps(func)
    def layer(*args: Any, **kwargs: Any) -> Any:
        is_wanted = kwargs.pop("summary_activation", summarized)
        outputs = func(*args, **kwargs)
        if is_wanted:
            from ...tfutils.summary import add_activation_summary  # not before: it is above what registers layers

            warn_once("{}(summary_activation=True)".format(func.__name__), "add_activation_summary(output)")
            add_activation_summary(outputs)
        return outputs

    today: Optional[Callable[..., Dict[str, Any]]] = getattr(func, "translate_arguments", None)
    own = KEYWORDS.get(func.__name__) if _is_of_library(func) else None
    adapted: Any = layer
    if today is not None or own is not None:
        adapted.translate_arguments = lambda kwargs: (today or dict)(_translated(dict(kwargs), own))
    return adapted


def _translated(kwargs: Dict[str, Any], own: Any) -> Dict[str, Any]:
    if "nl" in kwargs:
        kwargs["nl"] = named(kwargs["nl"])
    for name in ("b_init", "gamma_init"):
        if name in kwargs and kwargs[name] is None:  # it meant the default
            del kwargs[name]
    return kwargs if own is None else own(kwargs)


def _with_older_positions(layer: Any) -> Any:
    rearranged = POSITIONAL.get(layer.__name__) if _is_of_library(layer) else None
    if rearranged is None:
        return layer

    @wraps(layer)
    def older(*args: Any, **kwargs: Any) -> Any:
        first = 1 if args and isinstance(args[0], str) else 0
        inputs, more = args[:first + 1], args[first + 1:]
        return rearranged(layer, inputs, more, kwargs)

    return older


def _is_of_library(func: Any) -> bool:
    return func.__module__.startswith("tensorpack.models.")
