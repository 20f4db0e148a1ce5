"""The public names of `tf.layers`, `contrib.layers` and `contrib.framework`, and what their functions and classes take.

Run by Python with TensorFlow 1.15, this file writes those of TensorFlow to `data/layers_signatures.json`:

    python tests/tf1/layers_signatures.py
"""
import importlib
import inspect
import json
import os

from tensorpack.compat import tfv1 as tf

STORED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "layers_signatures.json")
_FRAMEWORK, _LAYERS = "contrib.framework.python.", "contrib.layers.python.layers"
MODULES = ["layers", "contrib.layers", "contrib.framework", "contrib.framework.nest", _FRAMEWORK + "ops.arg_scope",
           _FRAMEWORK + "ops.variables", _FRAMEWORK + "framework.tensor_util", _FRAMEWORK + "framework.checkpoint_utils"] + [
    "{}.{}".format(_LAYERS, name) for name in ("layers", "initializers", "regularizers", "summaries", "optimizers", "utils",
                                               "normalization", "encoders", "embedding_ops")]


def tensorflow_module(path):
    """The module of TensorFlow 1.15 at this path."""
    if path == "layers":
        return tf.layers
    package, _, name = path.rpartition(".")
    return getattr(importlib.import_module("tensorflow." + package), name) if name == "nest" else \
        importlib.import_module("tensorflow." + path)


def our_module(path):
    """The module of the library at this path."""
    return importlib.import_module("tensorpack.tf1._tensorflow." + path)


def describe(module, has_arg_scope):
    """Public name -> [[argument, default or None]..., whether a scope can set its defaults], or None if it is not callable."""
    names = getattr(module, "__all__", None) or [name for name in dir(module) if not name.startswith("_")]
    result = {}
    for name in names:
        value = getattr(module, name)
        if not inspect.ismodule(value) and not (inspect.isclass(value) and value.__module__.startswith("__future__")):
            result[name] = [_arguments(value), has_arg_scope(value)] if callable(value) else None
    return result


def _arguments(function):
    parameters = inspect.signature(function).parameters.values()
    return [[each.name, None if each.default is each.empty else _text(each.default)] for each in parameters]


def _text(default):
    if isinstance(default, tf.DType):
        return default.name
    if callable(default):
        return getattr(default, "__name__", type(default).__name__)
    if not isinstance(default, (int, float, str, tuple, bool, type(None))):
        return type(default).__name__ if not hasattr(default, "name") else default.name
    return repr(default)


if __name__ == "__main__":
    from tensorflow.contrib.framework import has_arg_scope

    with open(STORED, "w") as f:
        json.dump({path: describe(tensorflow_module(path), has_arg_scope) for path in MODULES}, f, indent=0, sort_keys=True)
