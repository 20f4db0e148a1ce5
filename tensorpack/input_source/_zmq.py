"""`ZMQInput`: inputs from another process or machine that runs `send_dataflow_zmq`."""
from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional

from ..callbacks.base import Callback
from ..compat import tfv1 as tf
from ..dataflow.base import DataFlowTerminated
from ..dataflow.remote import MAX_BYTES, RemoteDataZMQ
from ._dataset import TFDatasetInput
from ._queue import QueueInput
from ._tensors import TensorInput


class ZMQInput(TensorInput):
    """Inputs from datapoints that `send_dataflow_zmq` sends, without end.

    A thread receives them into the queue of a `QueueInput`, `ZMQInput/QueueInput/input_queue`. What the sender raises is
    raised by the training. What others send is dropped, see `RemoteDataZMQ`; the training goes on.

    Args:
        end_point: a ZMQ address, such as `ipc://path` or `tcp://host:port`.
        hwm: high-water mark of the socket: how many datapoints may wait in it.
        bind: listen at the address instead of connecting to it.
        key, insecure, allow_pickle, max_bytes: see `RemoteDataZMQ`.
    """

    def __init__(self, end_point: str, hwm: int, bind: bool = True, *, key: Optional[str] = None, insecure: bool = False,
                 allow_pickle: bool = False, max_bytes: int = MAX_BYTES):
        self._end_point = end_point
        self._hwm = int(hwm)
        self._bind = bind
        self._options: Dict[str, Any] = dict(key=key, insecure=insecure, allow_pickle=allow_pickle, max_bytes=max_bytes)
        self._remote = _Remote(end_point, hwm=self._hwm, bind=bind, **self._options)
        self._queue_input = QueueInput(self._remote)
        super().__init__(self._queue_input.get_input_tensors)

    def _setup(self, input_signature: List[tf.TensorSpec]) -> None:
        super()._setup(input_signature)
        with self.cached_name_scope():
            self._queue_input.setup(input_signature)
        self._remote.is_stopped = self._queue_input.thread.stopped

    def _get_callbacks(self) -> List[Callback]:
        return self._queue_input.get_callbacks()[1:]

    def _waits_for(self) -> str:
        return "ZMQInput at {}: {}".format(self._end_point, self._queue_input._waits_for())

    def to_dataset(self, input_signature: List[tf.TensorSpec]) -> tf.data.Dataset:
        """A dataset of tuples of the received datapoints.

        Args:
            input_signature: a `tf.TensorSpec` for each component.
        """
        remote = RemoteDataZMQ(self._end_point, hwm=self._hwm, bind=self._bind, **self._options)
        dataset = TFDatasetInput.dataflow_to_dataset(remote, [spec.dtype for spec in input_signature])
        return dataset.map(lambda *tensors: tuple(
            tf.ensure_shape(tensor, spec.shape) for tensor, spec in zip(tensors, input_signature)))


class _Remote(RemoteDataZMQ):
    """Ends with the thread that iterates it, also while nothing comes."""

    is_stopped: Callable[[], bool]
    _who = "ZMQInput"

    def _check_timeout(self, silence: float) -> None:
        if self.is_stopped():
            raise DataFlowTerminated()
        super()._check_timeout(silence)
