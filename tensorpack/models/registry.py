"""Layers are functions: `layer_register` gives them a scope name, argscope, a log of shapes, and a place in the registry."""
from __future__ import annotations

import functools
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, Optional, Tuple, TypeVar, overload

from ..compat import is_tensor_like
from ..compat import tfv1 as tf
from ..tfutils.argscope import get_arg_scope
from ..utils import logger
from ..utils._text.keywords import keywords_told, with_arguments, with_near_keywords
from ..utils._text.spec import shown
from ..utils._types import AnyFunction
from ._shape_log import disable_layer_logging, log_shapes

__all__ = ["disable_layer_logging", "get_registered_layer", "layer_register"]

Outputs = TypeVar("Outputs", covariant=True)

if TYPE_CHECKING:
    from typing import Literal, Protocol

    class NamedLayer(Protocol[Outputs]):
        """A layer with a name. Only its name and inputs can be checked: all other arguments may come from an argscope."""

        def __call__(self, __name: str, __inputs: Any, *args: Any, **kwargs: Any) -> Outputs: ...

    class RegisteredLayer(Protocol):
        """What `layer_register` makes of a function."""

        __name__: str
        use_scope: Optional[bool]

        def __call__(self, *args: Any, **kwargs: Any) -> Any: ...

# Layers that are also found under an older name.
_ALIASES = {"Conv2DTranspose": "Deconv2D"}

_EXISTS = re.compile(r"Variable .* already exists, disallowed")

# None marks a name that two layers claim: which one a lookup means is unknown.
_layers: Dict[str, Optional[RegisteredLayer]] = {}


def get_registered_layer(name: str) -> Optional[RegisteredLayer]:
    """The layer that was registered under this function name, or None.

    Raises:
        KeyError: two layers were registered under that name.
    """
    layer = _layers.get(name)
    if layer is None and name in _layers:
        raise KeyError("get_registered_layer('{0}'): two layers are registered as '{0}'; rename one of the functions, "
                       "or call the layer directly".format(name))
    return layer


@keywords_told
@overload
def layer_register(
    log_shape: bool = ..., use_scope: Literal[True] = ...,
) -> Callable[[Callable[..., Outputs]], NamedLayer[Outputs]]: ...


@keywords_told
@overload
def layer_register(
    log_shape: bool = ..., *, use_scope: Optional[bool],
) -> Callable[[Callable[..., Outputs]], Callable[..., Outputs]]: ...


@keywords_told
def layer_register(log_shape: bool = False, use_scope: Optional[bool] = True) -> Any:
    """Decorator that makes a layer of a function whose first argument is a tensor or a list of tensors.

    The layer is called as `Layer("name", inputs, ...)` and runs in `tf.variable_scope(name)`. Arguments that the call does
    not give come from the `argscope` of the function's name; there, old spellings such as `nl` win over the new ones of the
    call, with a warning. `LinearWrap` finds the layer by that name.

    Args:
        log_shape: log the shapes of input and output, once per graph and scope; needs `use_scope=True`.
        use_scope: True: the name is required. None: the name may be left out, then no scope is opened. False: no name.
    """
    if log_shape and use_scope is not True:
        raise ValueError("layer_register: log_shape=True needs use_scope=True, since shapes are logged by scope name; "
                         "got use_scope={}".format(use_scope))

    def decorator(func: AnyFunction) -> AnyFunction:
        who = func.__name__

        @functools.wraps(func)
        def layer(*args: Any, **kwargs: Any) -> Any:
            name, args = _split_name(who, use_scope, args)
            with _explained(func, name, kwargs):
                _check_inputs(who, args)
                kwargs = _with_argscope(func, kwargs, _whole_name(who, name))
                if name is None:
                    return func(*args, **kwargs)
                with tf.variable_scope(name) as scope:
                    if not log_shape:
                        return func(*args, **kwargs)
                    with log_shapes(scope.name, args[0]) as log_outputs:
                        outputs = func(*args, **kwargs)
                        log_outputs(outputs)
                    return outputs

        registered: Any = layer
        registered.use_scope = use_scope
        registered.__argscope_enabled__ = True
        _register(who, registered)
        return registered

    return decorator


@contextmanager
def _explained(func: AnyFunction, name: Optional[str], kwargs: Dict[str, Any]) -> Iterator[None]:
    """Let errors about a call of a layer name it: by its function, and by its scope if it has one."""
    who = func.__name__
    scope = _scope_of(name)
    whole = _whole_name(who, name)
    try:
        yield
    except (TypeError, ValueError) as e:
        if isinstance(e, TypeError):
            told = (with_near_keywords(e, whole, func, set(kwargs) | set(get_arg_scope().get(who, ())))
                    or with_arguments(e, whole, func))
            if told is not None:
                raise told from None
        elif _EXISTS.match(str(e)) and scope and type(tf.get_default_graph()).__name__ == "FuncGraph":
            raise ValueError("{}: a layer must be made in the graph that is trained; got a tf.function, which runs its code "
                             "twice to make variables; leave out tf.function".format(whole)) from None
        elif _EXISTS.match(str(e)) and scope:
            # TensorFlow's advice is about scopes; say what it means for layers
            raise ValueError("{}: each layer must have a name of its own; one of this name already exists, in this model or "
                             "in another one of the same graph; choose another name, or build the other model under `with "
                             "tf.Graph().as_default()`; to share the variables, call this layer under `with "
                             "tf.variable_scope(tf.get_variable_scope(), reuse=True)`".format(whole)) from None
        if scope and len(e.args) == 1 and isinstance(e.args[0], str):
            e.args = (re.sub(r"^({}(?:\([^:]*\))?): ".format(who), r"\1 '{}': ".format(scope), e.args[0]),)
        raise


def _scope_of(name: Optional[str]) -> str:
    return "/".join(filter(None, [tf.get_variable_scope().name, name])) if name is not None else ""


def _whole_name(who: str, name: Optional[str]) -> str:
    scope = _scope_of(name)
    return "{} '{}'".format(who, scope) if scope else who


def _register(name: str, layer: RegisteredLayer) -> None:
    if name == "tf":
        raise ValueError("layer_register: a layer cannot be called 'tf', since LinearWrap(x).tf is TensorFlow; rename it")
    _layers[name] = None if name in _layers else layer
    if name in _ALIASES:
        _register(_ALIASES[name], layer)


def _split_name(who: str, use_scope: Optional[bool], args: Tuple[Any, ...]) -> Tuple[Optional[str], Tuple[Any, ...]]:
    has_name = bool(args) and isinstance(args[0], str)
    if use_scope and not has_name:
        raise ValueError("{0}: the first argument must be the name of the layer (str); got {1}; "
                         "call it as {0}('name', inputs, ...)".format(who, repr(args[0]) if args else "no positional argument"))
    if not has_name:
        return None, args
    if use_scope is False:
        logger.warning("%s takes no name; the name '%s' is ignored", who, args[0])
        return None, args[1:]
    return args[0], args[1:]


def _check_inputs(who: str, args: Tuple[Any, ...]) -> None:
    if not args:
        raise ValueError("{0}: the inputs must be given by position; got none; call it as {0}('name', inputs, ...)".format(who))
    inputs = args[0]
    first = inputs[0] if isinstance(inputs, (list, tuple)) and inputs else inputs
    if not is_tensor_like(first):
        is_swapped = any(is_tensor_like(each) for each in args[1:])
        raise ValueError("{}: the inputs must be a tensor, a variable, or a list that starts with one; got {}{}".format(
            who, shown(inputs), "; they come before all other arguments" if is_swapped else ""))


def _with_argscope(func: AnyFunction, kwargs: Dict[str, Any], whole_name: str) -> Dict[str, Any]:
    # old and new spellings of one argument must meet under one name before the call can override the scope
    translate = getattr(func, "translate_arguments", dict)
    scope = get_arg_scope().get(func.__name__, {})
    merged: Dict[str, Any] = translate(scope)
    merged.update(translate(kwargs))
    for old, new in getattr(func, "winning_spellings", {}).items():
        if old in scope and old not in kwargs and new in kwargs:
            merged[new] = translate({old: scope[old]})[new]
            logger.warning("%s: '%s', the old spelling of '%s', is in the argscope and wins over the %s= of this call; write "
                           "'%s' in the argscope to let calls override it.", whole_name, old, new, new, new)
    return merged
