"""The functions of `tf.layers` that make an object of a class and call it once."""
from __future__ import annotations

import inspect
from typing import Any, Callable, Type

__all__ = ["function_of"]


def function_of(layer: Type[Any], name: str) -> Callable[..., Any]:
    """`name(inputs, ..., name=None, reuse=None)` with the arguments of a class: one layer, applied to `inputs`.

    A name that is given is the variable scope itself: the same one twice needs `reuse`.
    """
    of_class = list(inspect.signature(layer).parameters.values())
    plain = [each for each in of_class if each.kind is not each.VAR_KEYWORD]
    inputs = inspect.Parameter("inputs", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    reuse = inspect.Parameter("reuse", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None)
    signature = inspect.Signature([inputs] + plain + [reuse])

    def function(*args: Any, **kwargs: Any) -> Any:
        try:
            arguments = signature.bind(*args, **kwargs).arguments
        except TypeError as e:
            raise TypeError("{}: {}".format(name, e)) from None
        inputs, reuse = arguments.pop("inputs"), arguments.pop("reuse", None)
        return layer(_scope=arguments.get("name"), _reuse=reuse, **arguments).apply(inputs)

    function.__name__ = function.__qualname__ = name
    function.__module__ = layer.__module__
    function.__doc__ = "One `{}`, called with `inputs`; `reuse` says whether its variables exist.\n\n    {}".format(
        layer.__name__, layer.__doc__)
    described: Any = function
    described.__signature__ = signature
    return function
