"""The only module that imports TensorFlow when it is imported, and the only one that knows TensorFlow's versions.

Everywhere else write `from ..compat import tfv1 as tf`. Importing this module turns graph mode on; it never patches
TensorFlow. Each difference between versions is one named flag or function below, with the reason beside it.
"""
from __future__ import annotations

import os
from typing import Any, Callable, List, Sequence, Tuple

__all__ = ["is_tfv2", "tfv1"]

# Set before TensorFlow is imported, and only where the user has not set them.
_TUNING = {
    # Level 1 hides the start-up INFO lines about CPU features that 2.x prints at each import; warnings stay.
    "TF_CPP_MIN_LOG_LEVEL": "1",
}
for _name, _value in _TUNING.items():
    os.environ.setdefault(_name, _value)

try:
    import tensorflow
except ImportError as e:
    if getattr(e, "name", None) == "tensorflow":
        raise ImportError("this part of tensorpack needs TensorFlow >= 1.15 (pip install tensorflow)") from e
    raise  # a broken TensorFlow explains itself best

tfv1 = tensorflow.compat.v1

from tensorflow.core.protobuf import config_pb2 as _config_pb2  # noqa: E402
from tensorflow.python.eager import context as _eager_context  # noqa: E402
from tensorflow.python.util import deprecation as _deprecation  # noqa: E402


def _turn_graph_mode_on() -> None:
    """Graph mode for the whole process: on TF 2.x `disable_v2_behavior` makes both TensorFlows agree nearly everywhere."""
    if not tensorflow.executing_eagerly():
        return
    context = _eager_context.context_safe()
    if context is not None and getattr(context, "_initialized", False):
        raise RuntimeError(
            "tensorpack: graph mode must be on before TensorFlow runs its first operation; TensorFlow has already run eagerly "
            "in this process; put `from tensorpack import *` (or `import tensorpack.compat`) above the line that runs it, "
            "or call `tensorflow.compat.v1.disable_v2_behavior()` there")
    with _deprecation.silence():  # 2.21 warns that reference variables are not supported in the long term
        tfv1.disable_v2_behavior()


_turn_graph_mode_on()

VERSION: Tuple[int, int] = tuple(int(part) for part in tensorflow.__version__.split(".")[:2])  # type: ignore

# TF 2.x: a resource variable is no instance of tf.compat.v1.Variable; this class matches both kinds on both versions.
Variable = tensorflow.Variable


def is_tfv2() -> bool:
    """Whether TensorFlow's 2.x behaviour is the installed default (False after it was disabled)."""
    try:
        from tensorflow.python import tf2
    except ImportError:
        return False
    return tf2.enabled()


def is_variable(x: Any) -> bool:
    """Whether `x` is a graph variable of either kind (reference or resource)."""
    return isinstance(x, Variable)


def is_tensor_like(x: Any) -> bool:
    """Whether `x` is a graph tensor or a variable."""
    return isinstance(x, (tfv1.Tensor, Variable))


def variable_value(variable: Any) -> Any:
    """The tensor that reads `variable`, without adding an operation to the graph (it may be finalized)."""
    return variable.graph.as_graph_element(variable)


def has_gpu() -> bool:
    """Whether TensorFlow can see a GPU; initialises no device."""
    if not tfv1.test.is_built_with_cuda():
        return False
    # TF 1.15 has the function in `experimental` only
    config = tensorflow.config
    list_devices = getattr(config, "list_physical_devices", None) or config.experimental.list_physical_devices
    return bool(list_devices("GPU"))


def new_checkpoint_reader(path: str) -> Any:
    """A reader of the V2 checkpoint with this prefix: `get_variable_to_shape_map()`, `get_tensor(name)`, ..."""
    return tfv1.train.NewCheckpointReader(path)


def make_flat_callable(sess: Any, fetches: Sequence[Any], targets: Sequence[Any], feeds: Sequence[Any]) -> Callable[..., List]:
    """A function from the values of `feeds`, positional numpy arrays of the right dtype, to the list of values of `fetches`.

    It also runs the operations `targets`. `Session.make_callable` is the public form; this one leaves out its work on
    nested structures, which is most of its time when little is fetched. The same private method is there on 1.15 and 2.21.
    """
    options = _config_pb2.CallableOptions()
    options.feed.extend([tensor.name for tensor in feeds])
    options.fetch.extend([tensor.name for tensor in fetches])
    options.target.extend([operation.name for operation in targets])
    return sess._make_callable_from_options(options)


def xla_compile(computation: Callable[..., List], inputs: Sequence[Any]) -> List:
    """The tensors that `computation(*inputs)` returns, computed by XLA; TF 2.x calls the function deprecated."""
    with _deprecation.silence():
        return list(tfv1.xla.experimental.compile(computation, list(inputs)))


def in_xla_context() -> bool:
    """Whether operations made now in the default graph are compiled by XLA."""
    from tensorflow.python.ops import control_flow_util
    return control_flow_util.GraphOrParentsInXlaContext(tfv1.get_default_graph())
