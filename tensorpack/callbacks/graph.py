"""Callbacks that run operations of the graph or look at its tensors: at triggers, or as a part of each step."""
from __future__ import annotations

import os
import re
from typing import Any, Callable, List, Optional, Sequence, Union

import numpy as np

from ..compat import tfv1 as tf
from ..tfutils._no_match import warn_of_empty_collection
from ..tfutils._restore.numpy_files import write_npz
from ..tfutils.common import get_op_tensor_name
from ..utils import logger
from ..utils._arguments.functions import check_function
from ..utils._types import AnyFunction
from ..utils.optional import optional_import
from ._checks.arguments import check_number, directory_now, directory_so_far
from .base import Callback

__all__ = ["CheckNumerics", "DumpParamAsImage", "DumpTensor", "DumpTensorAsImage", "DumpTensors", "ProcessTensors", "RunOp",
           "RunUpdateOps"]

cv2 = optional_import("cv2", needed_by="DumpTensorAsImage", pip="opencv-python-headless")


class RunOp(Callback):
    """Run an operation before training, at triggers, or with each step; on every process.

    Args:
        op: an operation, or a function that makes one when the graph is set up (under this callback's name scope).
        run_before: run it once before training.
        run_as_trigger: run it at each trigger (each epoch, by default).
        run_step: run it with each `hooked_sess.run`, in no order with the rest of the step.
        verbose: log each run outside of steps.

    Raises:
        TypeError: `op`, or what the function returned, is no `tf.Operation`.
    """

    _chief_only = False

    def __init__(self, op: Union[tf.Operation, Callable[[], tf.Operation]], run_before: bool = True,
                 run_as_trigger: bool = True, run_step: bool = False, verbose: bool = False):
        if callable(op):
            check_function(self, "op", op, "without an argument", 0)
        else:
            self._check_op(op)
        if not (run_before or run_as_trigger or run_step):
            logger.warning("%s: its operation never runs: run_before, run_as_trigger and run_step are all False.", self)
        self._op_or_func = op
        self.run_before = run_before
        self.run_as_trigger = run_as_trigger
        self.run_step = run_step
        self.verbose = verbose
        self._run_args: Optional[tf.train.SessionRunArgs] = None

    def _setup_graph(self) -> None:
        self.op = self._op_or_func() if callable(self._op_or_func) else self._op_or_func
        self._check_op(self.op)
        if self.run_step:
            self._run_args = tf.train.SessionRunArgs(self.op)

    def _before_train(self) -> None:
        if self.run_before:
            self._run()

    def _trigger(self) -> None:
        if self.run_as_trigger:
            self._run()

    def _acts_when_triggered(self) -> bool:
        return self.run_as_trigger or type(self)._trigger is not RunOp._trigger

    def _before_run(self, ctx: tf.train.SessionRunContext) -> Optional[tf.train.SessionRunArgs]:
        return self._run_args

    def _run(self) -> None:
        if self.verbose:
            logger.info("Running operation %s ...", self.op.name)
        self.op.run()

    def _check_op(self, op: Any) -> None:
        if not isinstance(op, tf.Operation):
            raise TypeError("{}: op must be a tf.Operation, or a function that returns one; got {!r}; "
                            "the operation of a tensor is `tensor.op`".format(self, op))


class RunUpdateOps(RunOp):
    """Run all operations of a collection with each step; on every process.

    The collection is read when the graph is set up; its operations are grouped as `RunUpdateOps/update_ops`, in no order
    with the training operation.

    Args:
        collection: name of the collection; `tf.GraphKeys.UPDATE_OPS` by default.
    """

    def __init__(self, collection: Optional[str] = None):
        self.collection = tf.GraphKeys.UPDATE_OPS if collection is None else collection
        super().__init__(self._group_updates, run_before=False, run_as_trigger=False, run_step=True)

    def _setup_graph(self) -> None:
        super()._setup_graph()
        if not self._num_updates:
            self._run_args = None

    def _group_updates(self) -> tf.Operation:
        updates = tf.get_collection(self.collection)
        self._num_updates = len(updates)
        if self.collection != tf.GraphKeys.UPDATE_OPS:
            warn_of_empty_collection("RunUpdateOps(collection=)", self.collection)
        if not updates:
            return tf.no_op(name="empty_update_ops")
        logger.info("Applying collection %s of %d ops with each step.", self.collection, len(updates))
        return tf.group(*updates, name="update_ops")


class ProcessTensors(Callback):
    """Fetch tensors with each step and give their values to a function after it; on the chief only.

    Args:
        names: names as in `get_tensors_maybe_in_tower`: `"cost:0"` is a tensor, `"op"` an operation; its value is None.
        fn: called as `fn(*values)`.
    """

    def __init__(self, names: Sequence[str], fn: AnyFunction):
        self._names = [names] if isinstance(names, str) else list(names)
        check_function(self, "fn", fn, "of the values of {}, one argument each".format(self._names), len(self._names))
        self._fn = fn

    def _setup_graph(self) -> None:
        fetches = self.get_tensors_maybe_in_tower(self._names)
        self._tell_of_operations(zip(self._names, fetches))
        self._run_args = tf.train.SessionRunArgs(fetches)

    def _before_run(self, ctx: tf.train.SessionRunContext) -> tf.train.SessionRunArgs:
        return self._run_args

    def _after_run(self, run_context: tf.train.SessionRunContext, run_values: tf.train.SessionRunValues) -> None:
        self._fn(*run_values.results)


class DumpTensors(ProcessTensors):
    """Write tensors to `DumpTensor-{global step}.npz` in the log directory after each step; on the chief only.

    Args:
        names: list of tensor names; they are the keys in the file. The first file has step 1.

    Raises:
        TypeError: `names` is no list or tuple.
        RuntimeError: there is no log directory when the graph is set up.
    """

    def __init__(self, names: Sequence[str]):
        if not isinstance(names, (list, tuple)):
            raise TypeError("DumpTensors: names must be a list or tuple of tensor names; got {0!r}; try [{0!r}]".format(
                names))
        super().__init__([get_op_tensor_name(name)[1] for name in names], self._dump)
        self._keys = list(names)
        self._dir = directory_so_far()

    def _setup_graph(self) -> None:
        self._dir = _require_log_dir(self, self._dir)
        super()._setup_graph()

    def _dump(self, *values: np.ndarray) -> None:
        path = os.path.join(self._dir, "DumpTensor-{}.npz".format(self.global_step))
        write_npz(path, dict(zip(self._keys, values)), compress=False)


class DumpTensorAsImage(Callback):
    """Write a tensor as images to the log directory at each trigger, and give them to the monitors; on the chief only.

    The tensor is run alone, so it must not depend on the input data. It is taken as HxW, HxWxC with C in 1, 3, 4 (in
    OpenCV's BGR order for the files), NxHxW, or NxHxWxC. Files are `{prefix}-ep{epoch:03d}.png`, then `...-1.png`, ...

    Args:
        tensor_name: name of the tensor, as in `get_tensors_maybe_in_tower`.
        prefix: of the files (`/` and `:` become `_` there), and the tag for monitors; by default the name of the operation.
        map_func: from the value to an array as above, or to a list of images of any sizes.
        scale: pixels are the values times `scale`, clipped to [0, 255].

    Raises:
        ImportError: OpenCV is missing.
        RuntimeError: there is no log directory when the graph is set up.
    """

    def __init__(self, tensor_name: str, prefix: Optional[str] = None, map_func: Optional[Callable[[Any], Any]] = None,
                 scale: float = 255):
        self._imwrite = cv2.imwrite  # the ImportError, if any, should come now and not after the first epoch
        op_name, self.tensor_name = get_op_tensor_name(tensor_name)
        self.prefix = op_name if prefix is None else prefix
        self.map_func = map_func
        self.scale = check_number("DumpTensorAsImage", "scale", scale)
        self._dir = directory_so_far()

    def _setup_graph(self) -> None:
        self._dir = _require_log_dir(self, self._dir)
        self._tensor = self.get_tensors_maybe_in_tower([self.tensor_name])[0]

    def _trigger(self) -> None:
        value = self.trainer.sess.run(self._tensor)
        if self.map_func is not None:
            value = self.map_func(value)
        images = [_to_pixels(image, self.scale) for image in self._split(value)]
        self._write(images)
        self._put(images)

    def _split(self, value: Any) -> List[np.ndarray]:
        """The images HxWxC in what the tensor or `map_func` gave."""
        if isinstance(value, (list, tuple)):
            return [image for element in value for image in self._split(np.asarray(element))]
        value = np.asarray(value)
        if value.ndim == 4 and value.shape[-1] in (1, 3, 4):
            return list(value)
        if value.ndim == 3:
            return [value] if value.shape[-1] in (1, 3, 4) else list(value[..., np.newaxis])
        if value.ndim == 2:
            return [value[..., np.newaxis]]
        raise ValueError("{}('{}'): images must be HxW, HxWxC, NxHxW or NxHxWxC with C in 1, 3, 4; got shape {}; "
                         "try a map_func".format(self, self.tensor_name, value.shape))

    def _write(self, images: List[np.ndarray]) -> None:
        stem = "{}-ep{:03d}".format(re.sub(r"[/\\:]+", "_", self.prefix), self.epoch_num)
        for k, image in enumerate(images):
            path = os.path.join(self._dir, stem + ("-{}".format(k) if k else "") + ".png")
            if not self._imwrite(path, image):
                logger.error("%s: cannot write %s", self, path)

    def _put(self, images: List[np.ndarray]) -> None:
        if len(set(image.shape for image in images)) == 1:
            self.trainer.monitors.put_image(self.prefix, np.stack(images))
            return
        for k, image in enumerate(images):
            self.trainer.monitors.put_image("{}/{}".format(self.prefix, k), image)


class CheckNumerics(RunOp):
    """Fail when a trainable variable holds NaN or infinity; before training and as asked for; on the chief only.

    The check raises `tf.errors.InvalidArgumentError` with `CheckNumerics['<name>']` of the first such variable.

    Args:
        run_as_trigger: check at each trigger.
        run_step: check with each step.
    """

    _chief_only = True

    def __init__(self, run_as_trigger: bool = True, run_step: bool = False):
        super().__init__(self._make_check, run_as_trigger=run_as_trigger, run_step=run_step)

    @staticmethod
    def _make_check() -> tf.Operation:
        checks: List[tf.Tensor] = []
        for variable in tf.trainable_variables():
            if variable.dtype.base_dtype.is_floating:
                # one after the other, so that it is the first that fails
                with tf.control_dependencies(checks[-1:]):
                    checks.append(tf.debugging.check_numerics(
                        variable, "CheckNumerics['{}']".format(variable.op.name), name="check"))
        return tf.group(*checks, name="check_all")


DumpTensor = DumpTensors
DumpParamAsImage = DumpTensorAsImage


def _require_log_dir(cb: Callback, log_dir: Optional[str]) -> str:
    log_dir = directory_now(log_dir)
    if log_dir is None:
        raise RuntimeError("{}: it writes to the log directory, and there is none; call logger.set_logger_dir() before you "
                           "make the callback".format(cb))
    return log_dir


def _to_pixels(image: np.ndarray, scale: float) -> np.ndarray:
    return np.clip(np.nan_to_num(image.astype("float64") * scale), 0, 255).astype("uint8")
