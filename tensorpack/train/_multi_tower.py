"""What trainers with several towers have in common: which devices, whether these exist, and what a step makes of a batch."""
from __future__ import annotations

from typing import Any, Callable, List, Sequence, Union

from .. import compat
from ..callbacks.base import Callback
from ..compat import tfv1 as tf
from ..graph_builder.training import (
    AsyncMultiGPUBuilder,
    SyncMultiGPUParameterServerBuilder,
    SyncMultiGPUReplicatedBuilder,
)
from ..input_source.input_source import FeedfreeInput
from ..input_source.input_source_base import InputSource
from ..tfutils.sesscreate import NewSessionCreator, SessionCreatorAdapter, owns_session
from ..tfutils.sessinit import SessionInit
from ..utils import logger
from ..utils._text.spec import shown
from .tower import SingleCostTrainer

__all__ = ["MultiTowerTrainer"]


class MultiTowerTrainer(SingleCostTrainer):
    """A SingleCostTrainer with one tower on each of several devices of this machine.

    A subclass sets `_builder` in its constructor, and implements `_setup_graph`.

    Args:
        gpus: numbers of the GPUs, or how many of them to use, from 0.
        device_type: 'cpu' to run tower i on the device `/cpu:<gpus[i]>`; the session is made with as many CPU devices.

    Attributes:
        devices: the numbers of the devices, a list.

    Raises:
        ValueError, TypeError: no, negative or repeated numbers; or, if TensorFlow sees GPUs, one that it does not see.
    """

    _builder: Union[AsyncMultiGPUBuilder, SyncMultiGPUParameterServerBuilder, SyncMultiGPUReplicatedBuilder]

    def __init__(self, gpus: Union[int, Sequence[int]], device_type: str = "gpu"):
        super().__init__()
        who = type(self).__name__
        self.devices = _device_numbers(who, gpus)
        self._device_type = device_type
        if device_type == "gpu":
            _check_gpus(who, self.devices)
        if len(self.devices) > 1:
            logger.info("%s: training a model of %d towers.", who, len(self.devices))

    def initialize(self, session_creator: tf.train.SessionCreator, session_init: SessionInit) -> None:
        if isinstance(session_creator, tf.train.SessionCreator):
            if self._device_type == "cpu":
                _add_cpu_devices(session_creator, max(self.devices) + 1)
            owned = owns_session(session_creator)
            session_creator = SessionCreatorAdapter(session_creator, lambda sess: self._with_all_devices(sess, owned))
        super().initialize(session_creator, session_init)

    def _with_all_devices(self, sess: tf.Session, owned: bool) -> tf.Session:
        """The session, unless it lacks some devices of the towers, on which soft placement would be silent."""
        kind = self._device_type.upper()
        there = {int(device.name.rpartition(":")[2]) for device in sess.list_devices() if device.device_type == kind}
        missing = sorted(set(self.devices) - there)
        if not missing or not there:  # without any GPU everything runs on the CPU, which the constructor has said
            return sess
        if owned:
            sess.close()
        raise RuntimeError("{}: the session must have the devices of all towers; it lacks {}; give the session creator a "
                           "config without visible_device_list, or with device_count={{'{}': {}}}".format(
                               type(self).__name__, ", ".join("/{}:{}".format(self._device_type, k) for k in missing), kind,
                               max(self.devices) + 1))

    def _setup_input(self, input_signature: List[tf.TensorSpec], input: InputSource) -> List[Callback]:
        if len(self.devices) > 1 and isinstance(input, InputSource) and not isinstance(input, FeedfreeInput):
            raise TypeError("{}.setup_graph: with several towers the input must be a FeedfreeInput, which gives each tower its "
                            "own data; got {!r}; try QueueInput".format(type(self).__name__, input))
        return super()._setup_input(input_signature, input)

    def _build_towers(self, input: InputSource, get_cost_fn: Callable[..., tf.Tensor],
                      get_opt_fn: Callable[[], tf.train.Optimizer], combination: str) -> List[Any]:
        """The gradients of each tower; `combination` says in the log what becomes of them."""
        grad_list = self._builder.call_for_each_tower(self._make_get_grad_fn(input, get_cost_fn, get_opt_fn))
        specs = [tf.TensorSpec(tensor.shape, tensor.dtype, spec.name)
                 for tensor, spec in zip(self.tower_func.towers.training()[-1].inputs, self.input_signature)]
        logger.info("%s", describe_step(specs, self._builder.device_names, combination))
        return grad_list


def _device_numbers(who: str, gpus: Union[int, Sequence[int]]) -> List[int]:
    if isinstance(gpus, int) and not isinstance(gpus, bool):
        if gpus <= 0:
            raise ValueError("{}: gpus must be positive, or a list of GPU numbers; got {}".format(who, gpus))
        return list(range(gpus))
    if not isinstance(gpus, (list, tuple, range)) or not all(isinstance(k, int) and not isinstance(k, bool) for k in gpus):
        raise TypeError("{}: gpus must be a list of GPU numbers, or how many; got {}; try [0, 1]".format(who, shown(gpus)))
    gpus = list(gpus)
    if not gpus or min(gpus) < 0 or len(set(gpus)) < len(gpus):
        raise ValueError("{}: gpus must have one GPU number at least, none negative, each once; got {}; try [0]".format(
            who, gpus))
    return gpus


def _check_gpus(who: str, numbers: List[int]) -> None:
    there = compat.num_gpus()
    if there == 0:
        logger.warning("%s: TensorFlow sees no GPU, so all of %s runs on one CPU device. For towers on several CPU devices "
                       "pass device_type='cpu'. What TensorFlow says of \"Colocation\" is that it moves operations there; the "
                       "environment variable TF_CPP_MIN_LOG_LEVEL=2 silences that.", who,
                       ", ".join("/gpu:{}".format(k) for k in numbers))
    elif max(numbers) >= there:
        raise ValueError("{}: each GPU must exist; got {}, but TensorFlow sees {}, numbered from 0; ask for fewer, or check "
                         "CUDA_VISIBLE_DEVICES and nvidia-smi".format(who, numbers, there))


def _add_cpu_devices(creator: tf.train.SessionCreator, number: int) -> None:
    while isinstance(creator, SessionCreatorAdapter):
        creator = creator.session_creator
    if not isinstance(creator, NewSessionCreator) or creator.config.device_count.get("CPU", 1) >= number:
        return
    config = tf.ConfigProto()
    config.CopyFrom(creator.config)
    config.device_count["CPU"] = number
    creator.config = config
    logger.info("The session is made with %d CPU devices.", number)


def describe_step(inputs: Sequence[tf.TensorSpec], devices: Sequence[str], combination: str) -> str:
    """What one step takes for each tower, and what becomes of the gradients."""
    num, sizes = len(devices), {spec.shape.as_list()[0] if spec.shape.ndims else None for spec in inputs}
    batch = sizes.pop() if len(sizes) == 1 else None
    effective = "{} times that of the input".format(num) if batch is None else "{} x {} = {}".format(num, batch, num * batch)
    return "A step takes a datapoint for each of {} towers ({}): {}. The effective batch size is {}; {}.".format(
        num, ", ".join(devices), ", ".join("{} {}".format(spec.name, _shape_text(spec.shape)) for spec in inputs), effective,
        combination)


def _shape_text(shape: tf.TensorShape) -> str:
    return "(...)" if shape.ndims is None else "({})".format(", ".join("?" if n is None else str(n) for n in shape.as_list()))
