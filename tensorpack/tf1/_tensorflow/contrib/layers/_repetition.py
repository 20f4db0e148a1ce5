"""The same layer several times, one after the other."""
from __future__ import annotations

from typing import Any, Callable, Sequence

from .....compat import tfv1 as tf

__all__ = ["repeat", "stack"]


def repeat(inputs: Any, repetitions: int, layer: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """`repetitions` times the same layer, with the same arguments, in the scopes `scope/scope_1`, `scope/scope_2`, ...

    Args:
        scope: by keyword; without it the outer scope is `Repeat` and the inner ones are named after the layer.
    """
    return _chain(inputs, layer, [args] * repetitions, "Repeat", "repeat", kwargs)


def stack(inputs: Any, layer: Callable[..., Any], stack_args: Sequence[Any], **kwargs: Any) -> Any:
    """The same layer once for each of `stack_args`, its positional arguments (one, or a list of them).

    The scopes are `scope/scope_1`, `scope/scope_2`, ...; without `scope` the outer one is `Stack` and the inner ones are named
    after the layer.

    Raises:
        ValueError: `stack_args` is no list or tuple.
    """
    if not isinstance(stack_args, (list, tuple)):
        raise ValueError("stack: stack_args must be a list or tuple; got {!r}".format(stack_args))
    arguments = [each if isinstance(each, (list, tuple)) else [each] for each in stack_args]
    return _chain(inputs, layer, arguments, "Stack", "stack", kwargs)


def _chain(inputs: Any, layer: Any, arguments: Any, outer_scope: Any, default_name: Any, kwargs: Any) -> Any:
    scope = kwargs.pop("scope", None)
    with tf.variable_scope(scope, outer_scope, [inputs]):
        outputs = tf.convert_to_tensor(inputs)
        if scope is None:
            # a partial function has the name of the function in it
            scope = getattr(layer, "__name__", None) or getattr(getattr(layer, "func", None), "__name__", default_name)
        for number, each in enumerate(arguments, 1):
            outputs = layer(outputs, *each, **dict(kwargs, scope="{}_{}".format(scope, number)))
        return outputs
