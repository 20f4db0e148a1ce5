"""ONNX files in ONNX Runtime, on the CPU."""
from __future__ import annotations

from typing import Any, List, Optional, Sequence

import numpy as np

from ...utils.optional import optional_import
from .engine import Engine, num_cores
from .signature import Signature, TensorInfo

onnxruntime = optional_import("onnxruntime", needed_by="the engine 'onnxruntime'",
                              pip="onnxruntime (or tensorpack[onnxruntime])")

_FEW_CORES = 4
# ONNX's names of types where they differ from TensorFlow's
_DTYPES = {"float": "float32", "double": "float64"}


class OnnxRuntimeEngine(Engine):
    """The CPU provider of ONNX Runtime; a session is safe for threads."""

    name = "onnxruntime"
    title = "ONNX Runtime"
    formats = ("onnx",)
    modules = ("onnxruntime",)
    pip = "onnxruntime (or tensorpack[onnxruntime])"

    def _load(self, told: Optional[Signature]) -> Signature:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.num_threads  # its default counts the cores of the machine and binds threads to them
        options.log_severity_level = 3  # errors, which are raised as well
        if num_cores() <= _FEW_CORES:  # an idle thread that spins takes a core from the thread that calls
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session: Any = onnxruntime.InferenceSession(self.path, options, providers=["CPUExecutionProvider"])
        return Signature(_infos(self._session.get_inputs()), _infos(self._session.get_outputs()), {})

    def _prepare(self) -> None:
        self._inputs = [each.name for each in self.signature.inputs]
        names = [each.name for each in self.signature.outputs]
        self._fetched = list(dict.fromkeys(names))
        self._order = [self._fetched.index(name) for name in names]
        self._is_plain = self._fetched == names and not any(dtype is None for dtype in self._dtypes)
        # `run` of the session looks at the names of inputs at each call, which takes up to 2 microseconds; they are checked
        self._compute = getattr(self._session, "_sess", self._session).run

    def _run(self, inputs: Sequence[np.ndarray]) -> List[np.ndarray]:
        values = self._compute(self._fetched, dict(zip(self._inputs, inputs)), None)
        return values if self._is_plain else [np.asarray(values[i]) for i in self._order]

    def close(self) -> None:
        self._session = self._compute = None


def _infos(arguments: Sequence[Any]) -> List[TensorInfo]:
    return [TensorInfo(each.name, _dtype(each.type), _shape(each.shape)) for each in arguments]


def _dtype(type_name: str) -> str:
    """`float32` for `tensor(float)`."""
    inner = type_name.partition("(")[2].rstrip(")")
    return _DTYPES.get(inner, inner)


def _shape(shape: Sequence[Any]) -> List[Optional[int]]:
    return [size if isinstance(size, int) else None for size in shape]
