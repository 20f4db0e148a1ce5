"""LinearWrap: write a chain of layers in the order in which data flows through it."""
from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any, Callable, List

from .. import compat
from ..compat import tfv1
from ..utils._types import AnyFunction
from .registry import get_registered_layer

if TYPE_CHECKING:
    from .registry import RegisteredLayer

__all__ = ["LinearWrap"]


class LinearWrap:
    """Wraps a tensor; each registered layer is a method that gives the wrapped result.

    Example::

        logits = (LinearWrap(image)
                  .Conv2D("conv0", 32, 3, activation=tf.nn.relu)
                  .tf.multiply(0.5)
                  .FullyConnected("fc", 10)())
    """

    def __init__(self, tensor: Any):
        self._tensor = tensor

    def __getattr__(self, layer_name: str) -> Any:
        if layer_name.startswith("_"):
            raise AttributeError(layer_name)
        if layer_name == "tf":
            return _Functions([tfv1, compat.tensorflow], self._tensor, "tf")
        layer = get_registered_layer(layer_name)
        if layer is None:
            raise AttributeError("LinearWrap has no layer '{}'; import the module that defines it, register it by "
                                 "layer_register, or use .apply(function)".format(layer_name))
        return _method(layer, self._tensor)

    def apply(self, func: AnyFunction, *args: Any, **kwargs: Any) -> LinearWrap:
        """The wrapped `func(tensor, *args, **kwargs)`."""
        return LinearWrap(func(self._tensor, *args, **kwargs))

    def apply2(self, func: AnyFunction, *args: Any, **kwargs: Any) -> LinearWrap:
        """The wrapped `func(args[0], tensor, *args[1:], **kwargs)`."""
        if not args:
            raise ValueError("LinearWrap.apply2({}): it needs the argument that comes before the tensor; got none; "
                             "use .apply(function) if there is none".format(func))
        return LinearWrap(func(args[0], self._tensor, *args[1:], **kwargs))

    def __call__(self) -> Any:
        """The tensor."""
        return self._tensor

    def tensor(self) -> Any:
        """The tensor."""
        return self._tensor

    def print_tensor(self) -> LinearWrap:
        """Print the tensor's name, shape and dtype, and go on."""
        print(self._tensor)
        return self


def _method(layer: RegisteredLayer, tensor: Any) -> Callable[..., LinearWrap]:
    def call(*args: Any, **kwargs: Any) -> LinearWrap:
        has_name = bool(args) and isinstance(args[0], str)
        if layer.use_scope and not has_name:
            raise ValueError("LinearWrap.{0}: the first argument must be the name of the layer (str); got {1}; "
                             "call it as .{0}('name', ...)".format(
                                 layer.__name__, repr(args[0]) if args else "no positional argument"))
        if has_name:
            return LinearWrap(layer(args[0], tensor, *args[1:], **kwargs))
        return LinearWrap(layer(tensor, *args, **kwargs))

    return call


class _Functions:
    """A module of TensorFlow, whose functions take the tensor first: TF1's modules, then those of the installed TensorFlow."""

    def __init__(self, modules: List[ModuleType], tensor: Any, path: str):
        self._modules = modules
        self._tensor = tensor
        self._path = path

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        path = self._path + "." + name
        found = [getattr(module, name) for module in self._modules if hasattr(module, name)]
        if not found:
            raise AttributeError("LinearWrap.{}: TensorFlow has no such function or module".format(path))
        if isinstance(found[0], ModuleType):
            return _Functions([each for each in found if isinstance(each, ModuleType)], self._tensor, path)

        def call(*args: Any, **kwargs: Any) -> LinearWrap:
            return LinearWrap(found[0](self._tensor, *args, **kwargs))

        return call
