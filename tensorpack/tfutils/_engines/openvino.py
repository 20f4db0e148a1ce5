"""ONNX files, frozen graphs, SavedModels and TFLite files in OpenVINO, on the CPU."""
from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, List, Optional, Sequence

import numpy as np

from ...utils.optional import optional_import
from .engine import Engine, Spares
from .signature import Signature, TensorInfo

_openvino = optional_import("openvino", needed_by="the engine 'openvino'", pip="openvino (or tensorpack[openvino])")

_DEVICE = "CPU"
_TELEMETRY = "openvino_telemetry"
_DTYPES = {"boolean": "bool", "f16": "float16", "bf16": "bfloat16", "f32": "float32", "f64": "float64", "string": "string"}
_DTYPES.update({kind[0] + bits: kind + bits for kind in ("int", "uint") for bits in ("8", "16", "32", "64")})


class OpenVinoEngine(Engine):
    """The CPU plugin of OpenVINO in float32; each call has an infer request to itself."""

    name = "openvino"
    title = "OpenVINO"
    formats = ("onnx", "frozen", "savedmodel", "tflite")
    modules = ("openvino",)
    pip = "openvino (or tensorpack[openvino])"
    _lists_every_output = False  # an inner tensor is one once it was asked for

    def _load(self, told: Optional[Signature]) -> Signature:
        self._told = told
        inputs = self._compile()
        return Signature(inputs, [_info(each, _wanted(told.outputs if told else [])) for each in self._compiled.outputs], {})

    def _compile(self) -> List[TensorInfo]:
        """Make `_compiled` and its requests; returns the inputs, which a compiled model may call otherwise."""
        told = self._told
        core = _new_core()
        model = core.read_model(self.path)
        inputs = [_info(each, _wanted(told.inputs if told else [])) for each in model.inputs]
        if told is not None:
            known = {name for output in model.outputs for name in output.get_names()}
            inner = [each.name for each in told.outputs if not _names(each.name) & known]
            if inner:
                model.add_outputs(inner)
        self._compiled: Any = core.compile_model(model, _DEVICE, self._options())
        self._requests: Spares[Any] = Spares(self._compiled.create_infer_request)
        return inputs

    def _options(self) -> Dict[str, str]:
        options = {"INFERENCE_PRECISION_HINT": "f32",  # some processors would compute in bfloat16
                   "PERFORMANCE_HINT": "LATENCY",
                   "ENABLE_CPU_PINNING": "NO"}  # predictors side by side would be bound to the same cores
        if self.threads is not None:
            options["INFERENCE_NUM_THREADS"] = str(self.threads)
        return options

    def _prepare(self) -> None:
        inputs, outputs = [[each.get_names() for each in side] for side in (self._compiled.inputs, self._compiled.outputs)]
        self._input_order = [_place(each.name, inputs) for each in self.signature.inputs]
        self._output_order = [_place(each.name, outputs) for each in self.signature.outputs]
        self._has_strings = any(each.dtype == "string" for each in self.signature.inputs + self.signature.outputs)

    def _run(self, inputs: Sequence[np.ndarray]) -> List[np.ndarray]:
        requests = self._requests
        request = requests.take()
        try:
            outputs = self._infer(request, inputs)
        except RuntimeError:  # it may stay in the compiled model: after a batch of no images, all fail
            self._compile()
            raise
        requests.give_back(request)
        return outputs

    def _infer(self, request: Any, inputs: Sequence[np.ndarray]) -> List[np.ndarray]:
        if self._has_strings:
            values = request.infer(dict(zip(self._input_order, inputs)), share_inputs=True)
            return [values[i] for i in self._output_order]
        # what `infer` makes of inputs and outputs takes as long as a small model
        for i, value in zip(self._input_order, inputs):
            request.set_input_tensor(i, _tensor(value))
        request.infer()
        return [request.get_output_tensor(i).data.copy() for i in self._output_order]

    def close(self) -> None:
        self._compiled = None
        self._requests = Spares(lambda: None)


def _new_core() -> Any:
    """A core with its CPU plugin, made in a thread that ends at once.

    On processors with AMX the plugin gives the thread in which it is loaded a stack for signal handlers, and frees it when it
    ends. Of two plugins the second one puts that of the first back, which may be gone: the next signal of that thread, such as
    Ctrl-C, would then end the process by a segmentation fault.
    """
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(_core_with_plugin).result()


def _core_with_plugin() -> Any:
    core = without_telemetry().Core()
    core.get_property(_DEVICE, "FULL_DEVICE_NAME")
    return core


def _tensor(value: np.ndarray) -> Any:
    """Of the memory of the array, or a copy where OpenVINO takes nothing else."""
    flags = value.flags
    return _openvino.Tensor(value, shared_memory=flags.writeable and flags.c_contiguous and value.size > 0)


def without_telemetry() -> Any:
    """The package, imported as if `openvino_telemetry` were not installed, which reports the import to its makers."""
    if "openvino" not in sys.modules and _TELEMETRY not in sys.modules:
        sys.modules[_TELEMETRY] = None  # type: ignore[assignment]  # None: it cannot be imported
        try:
            _openvino.Core  # noqa: B018
        finally:
            del sys.modules[_TELEMETRY]
    return _openvino


def _names(name: str) -> Any:
    """The names that a tensor may have: of a SavedModel those of its signature, of other files those of tensors."""
    return {name, name[:-2] if name.endswith(":0") else name + ":0"}


def _wanted(infos: Sequence[TensorInfo]) -> Dict[str, str]:
    return {alias: each.name for each in infos for alias in _names(each.name)}


def _info(port: Any, wanted: Dict[str, str]) -> TensorInfo:
    names = sorted(port.get_names())
    found = [wanted[name] for name in names if name in wanted]
    kind = port.get_element_type().get_type_name()
    shape = port.get_partial_shape()
    sizes: Optional[List[Optional[int]]] = None
    if shape.rank.is_static:
        sizes = [size.get_length() if size.is_static else None for size in shape]
    return TensorInfo(found[0] if found else names[0] if names else "", _DTYPES.get(kind, kind), sizes)


def _place(name: str, ports: Sequence[Any]) -> int:
    """The index of the port that has the name; ports have several."""
    exact = [i for i, names in enumerate(ports) if name in names]
    return (exact or [i for i, names in enumerate(ports) if _names(name) & set(names)])[0]
