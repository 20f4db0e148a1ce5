"""ONNX files beyond the 2 GB of a protocol buffer: the largest weights are in a file beside it."""
from __future__ import annotations

import os
import uuid
from typing import Any, NamedTuple, Optional, Sequence

import numpy as np

from ....compat import tfv1 as tf
from ....utils._plain.json_text import read_json
from ....utils.optional import optional_import
from ..._inference import InferenceGraph
from ..frozen_model import Converted
from ..large import LargeVariable

onnx = optional_import("onnx", needed_by="ModelExporter.export_onnx", pip="tf2onnx (or tensorpack[onnx])")

_ALIGNMENT = 1 << 16  # so that runtimes can map the file into memory


class ExternalOnnx(NamedTuple):
    """An ONNX file in memory whose largest weights are inputs, and their values in the session."""

    converted: Converted
    built: InferenceGraph
    variables: Sequence[LargeVariable]

    def write(self, path: str) -> None:
        """Write the file, its JSON, and the file of the weights beside it, a variable at a time."""
        model = onnx.ModelProto.FromString(self.converted.content)
        name = "{}.{}.data".format(os.path.basename(path), uuid.uuid4().hex[:8])
        with open(os.path.join(os.path.dirname(path), name), "wb") as f:
            for variable in self.variables:
                f.seek(-f.tell() % _ALIGNMENT, os.SEEK_CUR)
                offset = f.tell()
                self._value(variable).tofile(f)
                _make_initializer(model, variable, name, offset)
        self.converted.description["external_data"] = name
        self.converted._replace(content=model.SerializeToString()).write(path)

    def _value(self, variable: LargeVariable) -> np.ndarray:
        with self.built.graph.as_default():
            tensor = self.built.graph.get_tensor_by_name(variable.name + ":0")
            if tensor.dtype == tf.resource:
                tensor = tf.raw_ops.ReadVariableOp(resource=tensor, dtype=variable.dtype)
            return np.ascontiguousarray(self.built.sess.run(tensor))


def _make_initializer(model: Any, variable: LargeVariable, filename: str, offset: int) -> None:
    """What was an input of the ONNX graph becomes a weight in the file."""
    name = variable.name + ":0"
    inputs = [each for each in model.graph.input if each.name == name]
    for each in inputs:
        model.graph.input.remove(each)
    tensor = onnx.TensorProto(name=name, dims=variable.shape, data_type=inputs[0].type.tensor_type.elem_type,
                                    data_location=onnx.TensorProto.EXTERNAL)
    for key, value in (("location", filename), ("offset", offset), ("length", variable.num_bytes)):
        tensor.external_data.add(key=key, value=str(value))
    model.graph.initializer.append(tensor)


def external_data(path: str) -> Optional[str]:
    """The name of the file with the weights of an ONNX file, if its JSON says that there is one."""
    try:
        name = read_json(path + ".json").get("external_data")
    except (OSError, ValueError, AttributeError):
        return None
    is_ours = isinstance(name, str) and name.startswith(os.path.basename(path) + ".") and name.endswith(".data")
    return os.path.join(os.path.dirname(path), os.path.basename(name)) if is_ours else None
