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

    def _prepare(self) -> None:
        self._runners: Optional[Spares[_Runner]] = Spares(lambda: _Runner(self._make(), self.signature))

    def _run(self, inputs: Sequence[np.ndarray]) -> List[np.ndarray]:
        spares: Any = self._runners
        runner = spares.take()
        values = runner.run(inputs)
        spares.give_back(runner)  # not after an error, after which it may be in any state
        return values

    def close(self) -> None:
        """Free the model; `run` must not be called any more. May be called again."""
        self._runners = None


class _Runner:
    """An interpreter with the shapes for which its tensors are allocated."""

    def __init__(self, interpreter: Any, signature: Signature):
        self._interpreter = interpreter
        self._inputs = _indices(interpreter.get_input_details(), signature.inputs)
        self._outputs = _indices(interpreter.get_output_details(), signature.outputs)
        by_index = {each["index"]: tuple(map(int, each["shape"])) for each in interpreter.get_input_details()}
        self._shapes = [by_index[index] for index in self._inputs]
        interpreter.allocate_tensors()

    def run(self, inputs: Sequence[np.ndarray]) -> List[np.ndarray]:
        shapes = [value.shape for value in inputs]
        if shapes != self._shapes:
            self._resize(shapes)
        for index, value in zip(self._inputs, inputs):
            self._interpreter.set_tensor(index, value)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index) for index in self._outputs]

    def _resize(self, shapes: Sequence[Any]) -> None:
        for index, shape in zip(self._inputs, shapes):
            self._interpreter.resize_tensor_input(index, shape)
        self._interpreter.allocate_tensors()
        self._shapes = list(shapes)


def _indices(details: Sequence[Any], wanted: Sequence[TensorInfo]) -> List[int]:
    by_name = {each["name"]: each["index"] for each in details}
    return [by_name[each.name] for each in wanted]


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
