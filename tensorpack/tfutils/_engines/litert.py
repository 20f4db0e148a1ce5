"""TFLite files in LiteRT, by its own package or by the interpreter that TensorFlow brings."""
from __future__ import annotations

import importlib.util
import warnings
from typing import Any, List, Optional, Sequence

import numpy as np

from ...utils.optional import optional_import
from .engine import Engine, Spares, tensorflow_name
from .signature import Signature, TensorInfo

_litert = optional_import("ai_edge_litert.interpreter", needed_by="the engine 'litert'",
                          pip="ai-edge-litert (or tensorpack[litert])")
_tensorflow = optional_import("tensorflow", needed_by="the engine 'litert'", pip="ai-edge-litert (or tensorpack[litert])")


class LiteRTEngine(Engine):
    """Interpreters of LiteRT (TensorFlow Lite), one for each call at a time; their inputs take the sizes of the call."""

    name = "litert"
    title = "LiteRT"
    formats = ("tflite",)
    modules = ("ai_edge_litert", "tensorflow")
    pip = "ai-edge-litert (or tensorpack[litert])"

    def _load(self, told: Optional[Signature]) -> Signature:
        interpreter = self._make()
        is_open = told is not None and _takes_another_batch(self._make(), told)
        self._interpreters: Optional[Spares[Any]] = Spares(self._make)
        self._interpreters.give_back(interpreter)
        return Signature([_info(each, is_open) for each in interpreter.get_input_details()],
                         [_info(each, is_open) for each in interpreter.get_output_details()], {})

    def _make(self) -> Any:
        if importlib.util.find_spec("ai_edge_litert") is not None:
            return _litert.Interpreter(model_path=self.path, num_threads=self.num_threads)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it moves to the other package
            try:
                return _tensorflow.lite.Interpreter(model_path=self.path, num_threads=self.num_threads)
            except TypeError:  # TF 1.15: has no choice of threads
                return _tensorflow.lite.Interpreter(model_path=self.path)

    def _run(self, inputs: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
        spares: Any = self._interpreters
        interpreter = spares.take()
        _resize(interpreter, self._indices(interpreter.get_input_details(), self.signature.inputs), inputs)
        interpreter.invoke()
        values = [interpreter.get_tensor(index)
                  for index in self._indices(interpreter.get_output_details(), self.signature.outputs)]
        spares.give_back(interpreter)  # not after an error, after which it may be in any state
        return values

    def _indices(self, details: Sequence[Any], wanted: Sequence[TensorInfo]) -> List[int]:
        by_name = {each["name"]: each["index"] for each in details}
        return [by_name[each.name] for each in wanted]

    def close(self) -> None:
        self._interpreters = None


def _resize(interpreter: Any, indices: Sequence[int], inputs: Sequence[np.ndarray]) -> None:
    shapes = {each["index"]: tuple(each["shape"]) for each in interpreter.get_input_details()}
    changed = [(index, value.shape) for index, value in zip(indices, inputs) if shapes[index] != value.shape]
    for index, shape in changed:
        interpreter.resize_tensor_input(index, shape)
    interpreter.allocate_tensors()
    for index, value in zip(indices, inputs):
        interpreter.set_tensor(index, value)


def _takes_another_batch(interpreter: Any, told: Signature) -> bool:
    """Whether a batch of 1 in the file was an open one that its converter, that of TF 1.15, has no mark for."""
    is_open = {each.name for each in told.inputs if each.shape and each.shape[0] is None}
    batched = [each for each in interpreter.get_input_details() if each["name"] in is_open]
    if not batched or any(_sizes(each)[0] != 1 for each in batched):
        return False
    try:
        for each in batched:
            interpreter.resize_tensor_input(each["index"], [2] + _sizes(each)[1:])
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError):  # an operation was converted for a batch of 1
        return False
    return True


def _sizes(details: Any) -> List[int]:
    return [int(size) for size in details.get("shape_signature", details["shape"])]


def _info(details: Any, takes_another_batch: bool) -> TensorInfo:
    shape: List[Optional[int]] = [size if size >= 0 else None for size in _sizes(details)]
    if takes_another_batch and shape:
        shape[0] = None
    return TensorInfo(details["name"], tensorflow_name(details["dtype"]), shape)
