"""The only module that imports TensorFlow when it is imported, and the only one that knows TensorFlow's versions.

Everywhere else write `from ..compat import tfv1 as tf`. Importing this module turns graph mode on; it never patches
TensorFlow. Each difference between versions is one named flag or function below, with the reason beside it.
"""
from __future__ import annotations

import atexit
import importlib
import os
import sys
import warnings
import weakref
from typing import Any, Callable, Collection, ContextManager, Dict, FrozenSet, List, Mapping, Optional, Sequence, Tuple

__all__ = ["is_tfv2", "tfv1"]

# Set before TensorFlow is imported, and only where the user has not set them.
_TUNING = {
    # Level 1 hides the start-up INFO lines about CPU features that 2.x prints at each import; warnings stay.
    "TF_CPP_MIN_LOG_LEVEL": "1",
}
for _name, _value in _TUNING.items():
    os.environ.setdefault(_name, _value)

try:
    import tensorflow as tensorflow
except ImportError as e:
    if getattr(e, "name", None) == "tensorflow":
        raise ImportError("this part of tensorpack needs TensorFlow >= 1.15 (pip install tensorflow)") from e
    raise  # a broken TensorFlow explains itself best

tfv1 = tensorflow.compat.v1

from tensorflow.core.protobuf import config_pb2 as _config_pb2  # noqa: E402
from tensorflow.python.client import session as _session  # noqa: E402
from tensorflow.python.eager import context as _eager_context  # noqa: E402
from tensorflow.python.framework import errors_impl as _errors_impl  # noqa: E402
from tensorflow.python.util import deprecation as _deprecation  # noqa: E402

from ..utils.concurrency import postpone_sigint_in as _postpone_sigint_in  # noqa: E402

_postpone_sigint_in(_session)
_postpone_sigint_in(_errors_impl)


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

_major, _minor = tensorflow.__version__.split(".")[:2]
VERSION: Tuple[int, int] = (int(_major), int(_minor))

# TF 2.x: a resource variable is no instance of tf.compat.v1.Variable; this class matches both kinds on both versions.
Variable = tensorflow.Variable
# The class of TensorFlow 2, of which that of TensorFlow 1 is a subclass: programs that import TensorFlow itself have it.
Dataset = tensorflow.compat.v2.data.Dataset


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


def make_flat_callable(sess: Any, fetches: Sequence[Any], targets: Sequence[Any], feeds: Sequence[Any], *,
                       in_calling_thread: bool = False) -> Callable[..., List[Any]]:
    """A function from the values of `feeds`, positional numpy arrays of the right dtype, to the list of values of `fetches`.

    It also runs the operations `targets`. `Session.make_callable` is the public form; this one leaves out its work on
    nested structures, which is most of its time when little is fetched. The same private method is there on 1.15 and 2.21.

    Args:
        in_calling_thread: operations run one after another in the thread that calls, which saves the time to wake another.
    """
    options = _config_pb2.CallableOptions()
    if in_calling_thread:
        options.run_options.inter_op_thread_pool = -1
    options.feed.extend([tensor.name for tensor in feeds])
    options.fetch.extend([tensor.name for tensor in fetches])
    options.target.extend([operation.name for operation in targets])
    function = sess._make_callable_from_options(options)
    function.tensorpack_request = (list(fetches) + list(targets), list(feeds))
    _flat_callables.add(function)
    return function


def session_request(frame: Any) -> Optional[Tuple[Any, Any, List[Any]]]:
    """What a frame of a thread's stack runs, if it is that of `Session.run` or of a callable of `make_flat_callable`.

    Returns:
        (session, fetches, fed tensors or their names); None for any other frame.
    """
    if frame.f_code is _session_run:
        return frame.f_locals["self"], frame.f_locals["fetches"], list(frame.f_locals["feed_dict"] or ())
    if frame.f_code is _session_call:
        function = frame.f_locals["self"]
        request = getattr(function, "tensorpack_request", None)
        return None if request is None else (function._session,) + request
    return None


_session_run = tfv1.Session.run.__code__
_session_call = tfv1.Session._Callable.__call__.__code__


def is_in_tensorflow(frame: Any) -> bool:
    """Whether this innermost frame of a thread waits for TensorFlow's own code in a session, rather than runs Python."""
    return frame.f_code.co_filename == _session_run.co_filename


_flat_callables: weakref.WeakSet[Any] = weakref.WeakSet()


@atexit.register
def _forget_callables() -> None:
    # TF 1.15: a callable that outlives the modules of TensorFlow prints an error from its destructor, which needs them.
    for function in list(_flat_callables):
        function._handle = None


def xla_compile(computation: Callable[..., List[Any]], inputs: Sequence[Any]) -> List[Any]:
    """The tensors that `computation(*inputs)` returns, computed by XLA; TF 2.x calls the function deprecated."""
    with _deprecation.silence():
        return list(tfv1.xla.experimental.compile(computation, list(inputs)))


def in_xla_context() -> bool:
    """Whether operations made now in the default graph are compiled by XLA."""
    from tensorflow.python.ops import control_flow_util
    return control_flow_util.GraphOrParentsInXlaContext(tfv1.get_default_graph())


def has_onednn() -> bool:
    """Whether CPU kernels are those of oneDNN: TF 1.15 lacks it; on 2.x it depends on the CPU and the environment."""
    return VERSION >= (2, 0) and _is_mkl_enabled()


def _is_mkl_enabled() -> bool:
    """TensorFlow's own answer, whose place has changed twice: after 1.15, and after 2.4."""
    for name in ("util._pywrap_util_port", "_pywrap_util_port", "pywrap_tensorflow"):
        try:
            return bool(importlib.import_module("tensorflow.python." + name).IsMklEnabled())
        except (ImportError, AttributeError):
            continue
    return False


def nccl_all_reduce_sum(x: Any, num_devices: int, shared_name: str) -> Any:
    """The sum of `x` over `num_devices` GPUs, each of which must run an operation of this `shared_name`; no gradient."""
    return tensorflow.raw_ops.NcclAllReduce(input=x, reduction="sum", num_devices=num_devices, shared_name=shared_name)


def can_make_flat_callable(sess: Any) -> bool:
    """Whether `make_flat_callable` takes this session; wrappers such as those of tfdbg lack the private method."""
    return hasattr(sess, "_make_callable_from_options")


def without_debugger(sess: Any) -> Any:
    """The session itself, of one that tfdbg has wrapped; its wrappers ask on the terminal in each run, of any thread."""
    while hasattr(sess, "session"):
        sess = sess.session
    return sess


def is_session_closed(sess: Any) -> bool:
    """Whether the session was closed; its callables then raise CancelledError where `Session.run` raises RuntimeError."""
    return getattr(sess, "_closed", sess is None)


def freeze_variables(sess: Any, graph_def: Any, output_ops: Sequence[str]) -> Any:
    """The part of `graph_def` that the operations need, variables replaced by constants that hold their values in `sess`.

    Both versions have the function in `compat.v1`, and both call it deprecated.
    """
    with _deprecation.silence():
        frozen = tfv1.graph_util.convert_variables_to_constants(sess, graph_def, list(output_ops))
    frozen.versions.CopyFrom(graph_def.versions)  # TF 1.15 leaves them out; a scalar placeholder then has an unknown shape
    return frozen


def local_cli_debug_hook(*args: Any, **kwargs: Any) -> Any:
    """tfdbg's `LocalCLIDebugHook`; both versions still have it, neither under a public name."""
    from tensorflow.python.debug.wrappers.hooks import LocalCLIDebugHook

    return LocalCLIDebugHook(*args, **kwargs)


def op_definition(op_type: str) -> Any:
    """The registered OpDef of an operation type, or None if there is none."""
    from tensorflow.python.framework import op_def_registry
    if hasattr(op_def_registry, "get"):  # TF 2.x
        return op_def_registry.get(op_type)
    return op_def_registry.get_registered_ops().get(op_type)


def fetched_elements(graph: Any, fetches: Any) -> List[Any]:
    """The tensors and operations of `graph` that `Session.run(fetches)` evaluates; Session's own parser is private on both."""
    from tensorflow.python.client.session import _FetchHandler

    handler = _FetchHandler(graph, fetches, {})
    return list(handler.fetches()) + list(handler.targets())


def predict_signature(inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> Any:
    """The SignatureDef of prediction with these {key: tensor}; TF 2.x calls the way to it deprecated.

    `predict_signature_def` makes the same, but none without inputs.
    """
    with _deprecation.silence():
        infos = [{key: tfv1.saved_model.build_tensor_info(tensor) for key, tensor in side.items()}
                 for side in (inputs, outputs)]
        return tfv1.saved_model.build_signature_def(*infos, tfv1.saved_model.signature_constants.PREDICT_METHOD_NAME)


def write_saved_model(directory: str, sess: Any, tags: Sequence[str], signatures: Mapping[str, Any]) -> None:
    """Write the session's graph and variables as a SavedModel into an empty directory, without devices.

    Lookup tables are filled when it is loaded, from copies of their files. TF 2.x calls the writer deprecated.
    """
    graph = sess.graph
    with _deprecation.silence(), graph.as_default():
        tables = graph.get_collection(tfv1.GraphKeys.TABLE_INITIALIZERS)
        builder = tfv1.saved_model.Builder(directory)
        builder.add_meta_graph_and_variables(
            sess, list(tags), signature_def_map=dict(signatures), clear_devices=True, strip_default_attrs=True,
            assets_collection=graph.get_collection(tfv1.GraphKeys.ASSET_FILEPATHS),
            main_op=tfv1.group(*tables, name="init_saved_tables") if tables else None)
        builder.save()


def saved_model_loader(directory: str) -> Any:
    """What loads a SavedModel step by step: `saved_model`, `load_graph`, `variables_path`, `restore_variables`, `run_init_ops`.

    Raises:
        IOError: the directory has no saved_model.pb that can be read.
    """
    from tensorflow.python.saved_model import loader_impl

    with _deprecation.silence():
        return loader_impl.SavedModelLoader(directory)


def collected_variables(meta_graph: Any, key: str) -> Dict[str, Optional[List[int]]]:
    """{name (`a/b:0`) under which files have the variable: its shape if it is partitioned, else None} in a MetaGraphDef.

    VariableDef has no public name on either version.
    """
    from tensorflow.core.framework.variable_pb2 import VariableDef

    if key not in meta_graph.collection_def:  # indexing would add it
        return {}
    found: Dict[str, Optional[List[int]]] = {}
    for each in meta_graph.collection_def[key].bytes_list.value:
        variable = VariableDef.FromString(each)
        part = variable.save_slice_info_def if variable.HasField("save_slice_info_def") else None
        found[part.full_name + ":0" if part else variable.variable_name] = list(part.full_shape) if part else None
    return found


def build_facts() -> Dict[str, str]:
    """How TensorFlow was built; names are without `TensorFlow`, values are text."""
    from tensorflow.python.framework import kernels

    get_build_info: Callable[[], Mapping[str, Any]] = getattr(tensorflow.sysconfig, "get_build_info", dict)  # TF 1.15 has none
    build_info = get_build_info()
    facts = {
        "version": tensorflow.version.VERSION,
        "git version": tensorflow.version.GIT_VERSION,
        "path": os.path.dirname(tensorflow.__file__),
        "compiler": tensorflow.version.COMPILER_VERSION,
        "CUDA": tfv1.test.is_built_with_cuda(),
        "MKL": _is_mkl_enabled(),
        "XLA": bool(kernels.get_registered_kernels_for_op("XlaLaunch").kernel),
        "CUDA version": build_info.get("cuda_version", "unknown"),
        "CUDNN version": build_info.get("cudnn_version", "unknown"),
    }
    return {name: str(value) for name, value in facts.items()}


# Attributes that operations of inference have got after TF 1.15, which refuses a GraphDef that mentions them.
NEWER_ATTRIBUTES = frozenset([
    "Tcomplex", "Tk", "Treal", "Tsegmentids", "Tshape", "bad_indices_policy", "explicit_paddings", "exponential_avg_factor",
    "grad_a", "grad_b", "grad_x", "grad_y", "index_type", "offset", "shape_type", "sparse_gradient", "validate_shape",
])


def deprecation_silenced() -> ContextManager[None]:
    """A context in which TensorFlow does not log that functions are deprecated; for packages that have to call such ones."""
    return _deprecation.silence()


# The size of the batch that a TFLite file takes; None if it takes any. The converter of TF 1.15 writes it into reshapes.
TFLITE_BATCH: Optional[int] = 1 if VERSION < (2, 0) else None


# Whether the converter makes smaller files of models that take bytes, which that of TF 1.15 takes for quantized floats.
TFLITE_QUANTIZES_BYTES = VERSION >= (2, 0)


def convert_to_tflite(graph_def: Any, inputs: Sequence[Any], outputs: Sequence[Any], weights: Optional[str] = None,
                      calibration: Sequence[Any] = (), integer_only: bool = False) -> bytes:
    """The TFLite flatbuffer of a frozen GraphDef.

    Args:
        inputs, outputs: tensors of a graph that `graph_def` was imported into.
        weights: `"float16"` or `"int8"` to store them so.
        calibration: lists of arrays in the order of the inputs; with them, activations are int8 as well.
        integer_only: whether inputs and outputs are int8, too, and what has no counterpart in integers is refused.

    Raises:
        ValueError: the converter refuses the graph; the message is its own.
    """
    from tensorflow.lite.python.convert import ConverterError

    from ..utils.utils import change_env

    converter = tfv1.lite.TFLiteConverter(graph_def, list(inputs), list(outputs))
    if VERSION < (2, 0):
        _prepare_old_converter(converter, inputs)
    if weights is not None:
        converter.optimizations = [tfv1.lite.Optimize.DEFAULT]
    if weights == "float16":
        converter.target_spec.supported_types = [tfv1.float16]
    if calibration:
        converter.representative_dataset = lambda: iter(calibration)
    if integer_only:
        converter.target_spec.supported_ops = [tfv1.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tfv1.int8
    # TF 1.15: the converter is a program beside the interpreter; a virtual environment that is not activated is not on the PATH
    path = os.path.dirname(sys.executable) + os.pathsep + os.environ.get("PATH", "")
    try:
        with _deprecation.silence(), change_env("PATH", path):
            return converter.convert()
    except (ConverterError, RuntimeError) as e:  # the latter is of the quantizer
        raise ValueError(str(e)) from e


def tflite_interpreter(content: bytes) -> Any:
    """TensorFlow's interpreter of a TFLite flatbuffer, to look into it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TF 2.x: that it moves to another package
        return tfv1.lite.Interpreter(model_content=content)


def _prepare_old_converter(converter: Any, inputs: Sequence[Any]) -> None:
    """Say to the converter of TF 1.15 what that of 2.x finds out."""
    for tensor in inputs:
        # It would set an unknown batch size to 1, too, but fails when another input is a scalar
        if tensor.shape.ndims and tensor.shape.as_list()[0] is None:
            tensor.set_shape([1] + tensor.shape.as_list()[1:])
    if all(tensor.dtype == tfv1.uint8 for tensor in inputs):
        # It takes inputs to be float32 unless told, and bytes to be quantized: here with scale 1 and zero point 0
        converter.inference_input_type = tfv1.uint8
        converter.quantized_input_stats = {tensor.op.name: (0., 1.) for tensor in inputs}


def tflite_operations_on(interpreter: Any, tensors: Collection[int]) -> List[str]:
    """Types of the operations of a TFLite model that take or give one of these tensors; none where TensorFlow does not tell."""
    # It has no public name, and TF 1.15 none at all
    operations = interpreter._get_ops_details() if hasattr(interpreter, "_get_ops_details") else []
    return sorted({each["op_name"] for each in operations if not set(tensors).isdisjoint([*each["inputs"], *each["outputs"]])})


def num_gpus() -> int:
    """How many GPUs TensorFlow can see; initialises no device."""
    if not tfv1.test.is_built_with_cuda():
        return 0
    return len(tensorflow.config.experimental.list_physical_devices("GPU"))  # the name that both versions have


def device_words(device: Any) -> str:
    """A device, or a function that chooses one, for the log: TensorFlow takes the CPU where there is no GPU."""
    if not isinstance(device, str):
        return "devices of {}".format(device)
    return "the CPU" if device.lower().startswith("/gpu:") and not num_gpus() else "device " + device


def collective_all_reduce_sum(x: Any, group_size: int, group_key: int, instance_key: int) -> Any:
    """The sum of `x` over the devices of a group, on each of which an operation of this instance key must run in the same step.

    The operation must be under a device. Works on CPU devices (a ring) as well as on GPUs (NCCL); no public name on 1.15.
    """
    from tensorflow.python.ops import collective_ops

    return collective_ops.all_reduce(x, group_size, group_key, instance_key, "Add", "Id", [0])


def chrome_trace(run_metadata: Any) -> str:
    """The steps of a `tf.RunMetadata` as JSON in the format of chrome://tracing; TensorFlow has no public name for it."""
    from tensorflow.python.client import timeline

    return timeline.Timeline(run_metadata.step_stats).generate_chrome_trace_format()


def peak_gpu_memory_reader(device: str) -> Callable[[Any], int]:
    """A function from a session to the most bytes that this process has used on a GPU so far; call it before a graph is final.

    Raises:
        ValueError: TensorFlow sees no such GPU.
    """
    spec = tfv1.DeviceSpec.from_string(device)
    index = spec.device_index or 0
    if spec.device_type != "GPU" or index >= num_gpus():
        raise ValueError("TensorFlow sees no GPU '{}'".format(device))
    if VERSION < (2, 0):
        # TF 1.15: an operation does it, in a library that has to be loaded; on 2.x there is no such operation
        library = tfv1.load_op_library(_memory_stats_library())
        with tfv1.device(device):
            peak = library.max_bytes_in_use()
        return lambda sess: int(sess.run(peak))
    return lambda sess: int(tensorflow.config.experimental.get_memory_info("GPU:{}".format(index))["peak"])


def _memory_stats_library() -> str:
    return os.path.join(tfv1.sysconfig.get_lib(), "contrib", "memory_stats", "python", "ops", "_memory_stats_ops.so")


def graph_keras() -> Any:
    """The module of Keras 2, whose models are made of operations of a graph; for the time that it is needed.

    TF 2.16 and later have Keras 3 as `tf.keras`. It builds graphs as well, but tells nobody about the operations that update
    the statistics of BatchNormalization or the seeds of Dropout. Keras 2 is the package tf_keras there.

    Raises:
        ImportError: there is only Keras 3.
    """
    if VERSION < (2, 16):
        return tfv1.keras
    try:
        import tf_keras
    except ImportError as e:
        if e.name != "tf_keras":
            raise
        raise ImportError(
            "tensorpack.contrib.keras: models must be of Keras 2; TensorFlow {0} has Keras 3, in whose graphs nothing runs the "
            "updates of BatchNormalization and Dropout; install the package of Keras 2 (pip install tf_keras~={0}.0) and make "
            "models by `import tf_keras as keras`, or with the layers of tensorpack.models".format(
                ".".join(str(part) for part in VERSION))) from e
    return tf_keras


def is_made_by_keras_3(variable: Any) -> bool:
    """Whether a layer of Keras 3 has made this variable of a graph; known by the files that were at work then."""
    keras: Any = sys.modules.get("keras")
    if keras is None or not getattr(keras, "__version__", "").startswith("3."):
        return False
    folder = os.path.join(os.path.dirname(keras.__file__), "")
    return any(frame.filename.startswith(folder) for frame in variable.op.traceback or ())


def collective_broadcast(x: Any, is_sender: bool, group_size: int, group_key: int, instance_key: int) -> Any:
    """The value that `x` has on the one device of a group that sends; on all devices an operation of this key must run at once.

    The operation must be under a device, and the shape of `x` known. No public name on 1.15.
    """
    from tensorflow.python.ops import collective_ops

    if is_sender:
        return collective_ops.broadcast_send(x, x.shape, x.dtype, group_size, group_key, instance_key)
    return collective_ops.broadcast_recv(x.shape, x.dtype, group_size, group_key, instance_key)


def collective_dtypes() -> FrozenSet[Any]:
    """The dtypes that collectives on CPU devices take on both versions; 1.15 fails at run time for others, float16 included."""
    return frozenset([tfv1.float32, tfv1.float64, tfv1.int32, tfv1.int64])


def inner_module(name: str) -> Any:
    """A module of TensorFlow whose names were public in TensorFlow 1: `ops.lookup_ops`, `eager.backprop`, ...

    2.x has the same names in it, of which only some are public.
    """
    return importlib.import_module("tensorflow.python." + name)


def structures() -> Any:
    """TensorFlow's functions on nested structures; `tf.nest` offers a part of them."""
    from tensorflow.python.util import nest

    return nest


def deprecation() -> Any:
    """TensorFlow's decorators of functions that are deprecated; no public name."""
    return _deprecation


def image_projective_transform(images: Any, transforms: Any, output_shape: Any, interpolation: str) -> Any:
    """Images [N, H, W, C] whose pixel (x, y) is that of the input at the point that a projective transform [8] gives for it."""
    if hasattr(tensorflow.raw_ops, "ImageProjectiveTransformV2"):
        return tensorflow.raw_ops.ImageProjectiveTransformV2(
            images=images, transforms=transforms, output_shape=output_shape, interpolation=interpolation)
    # TF 1.15: the operation is in a library of contrib, whose module registers its gradient
    from tensorflow.contrib.image.python.ops import image_ops

    return image_ops.gen_image_ops.image_projective_transform_v2(
        images, output_shape=output_shape, transforms=transforms, interpolation=interpolation)


def staging_area_class() -> Any:
    """The class of buffers of tensors on a device; 1.15 has it in `contrib`, 2.x under no public name."""
    from tensorflow.python.ops.data_flow_ops import StagingArea

    return StagingArea
