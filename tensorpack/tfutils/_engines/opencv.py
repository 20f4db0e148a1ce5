"""ONNX files and frozen graphs in OpenCV's dnn module."""
from __future__ import annotations

from typing import Any, List, Optional, Sequence

import numpy as np

from ...utils.optional import optional_import
from .engine import Engine, Spares
from .file_kind import file_kind
from .signature import Signature, TensorInfo

cv2 = optional_import("cv2", needed_by="the engine 'opencv'", pip="opencv-python-headless (or tensorpack[image])")

_READERS = {"onnx": "readNetFromONNX", "frozen": "readNetFromTensorflow"}


class OpenCVEngine(Engine):
    """A net of OpenCV for each call at a time.

    OpenCV computes frozen graphs with channels first: images are turned on the way in and out. It does not tell what a file
    has, so that the signature has to. The number of threads is one for the whole process, and only set when asked for.
    """

    name = "opencv"
    title = "OpenCV"
    formats = ("onnx", "frozen")  # its reader of TFLite files ends the process on some of them
    modules = ("cv2",)
    pip = "opencv-python-headless (or tensorpack[image])"

    def _load(self, told: Optional[Signature]) -> Signature:
        if told is None:
            raise ValueError("OpenCV does not tell which inputs and outputs a file has, and there is no {}.json".format(
                self.path))
        if self.threads is not None:
            cv2.setNumThreads(self.threads)
        self._kind = file_kind(self.path)
        self._nets: Optional[Spares[Any]] = Spares(self._make)
        self._nets.give_back(self._make())
        return told

    def _make(self) -> Any:
        return getattr(cv2.dnn, _READERS[self._kind])(self.path)

    def _name(self, info: TensorInfo) -> str:
        is_plain = self._kind == "frozen" and info.name.endswith(":0")
        return info.name[:-2] if is_plain else info.name

    def _prepare(self) -> None:
        self._fetched: List[str] = [self._name(each) for each in self.signature.outputs]

    def _run(self, inputs: Sequence[np.ndarray]) -> List[np.ndarray]:
        if not all(value.size for value in inputs):  # some layers would end the process
            raise ValueError("an input has no elements, which it cannot compute")
        spares: Any = self._nets
        net = spares.take()
        for info, value in zip(self.signature.inputs, inputs):
            blob = np.ascontiguousarray(_turned(value, 0, 3, 1, 2) if self._kind == "frozen" else value)
            # one input is set without its name, which some versions do not know
            net.setInput(blob) if len(inputs) == 1 else net.setInput(blob, self._name(info))
        values = net.forward(self._fetched)
        spares.give_back(net)  # not after an error, after which it may be in any state
        if self._kind == "frozen":
            values = [_turned(value, 0, 2, 3, 1) for value in values]
        return [_of_rank(np.array(value), info) for value, info in zip(values, self.signature.outputs)]

    def close(self) -> None:
        self._nets = None


def _turned(value: np.ndarray, *axes: int) -> np.ndarray:
    return value.transpose(axes) if value.ndim == 4 else value


def _of_rank(value: np.ndarray, info: TensorInfo) -> np.ndarray:
    """OpenCV makes at least two dimensions."""
    if info.shape is None or len(info.shape) > 1 or len(info.shape) >= value.ndim:
        return value
    return value.reshape([-1] * len(info.shape))
