"""TFLite files of fewer bits, by the converter's own quantizer."""
from __future__ import annotations

from typing import Any, Dict, List, Sequence

from .... import compat
from .._proof.examples import Example
from ..convert import to_tflite
from ..frozen_model import FrozenModel
from .ways import Smaller

_FLOATS = ("float16", "float32", "float64", "complex64", "complex128")
_BETWEEN = ("DEQUANTIZE", "QUANTIZE")
_STORED_AS = {"float16": ("float16",), "int8": ("int8", "uint8")}


def smaller_tflite(way: Smaller, plain: bytes, model: FrozenModel, examples: Sequence[Example]) -> bytes:
    """The flatbuffer in fewer bits.

    Args:
        plain: the flatbuffer of the model.
        examples: rows for calibration.

    Raises:
        ValueError: there is nothing to make smaller, or the converter refuses the model.
    """
    raw = [spec.name for spec in model.inputs if spec.dtype.name == "uint8"]
    if raw and not compat.TFLITE_QUANTIZES_BYTES:
        raise ValueError("export_tflite: with the converter of TensorFlow 1.15 a smaller file must have no uint8 inputs; got "
                         "{}; export from the first float tensor behind, by the config's input_names, or take "
                         "export_onnx".format(", ".join(map(repr, raw))))
    content = to_tflite(model, way, examples)
    if _count(content, way.weights) == _count(plain, way.weights):
        raise way.nothing("the converter changes nothing in it; it leaves alone what has less than about a thousand numbers")
    if way.integer_only:
        _check_no_floats(content)
    return content


def _check_no_floats(content: bytes) -> None:
    """The converter of TF 2.x puts floats between integers without a word, also where it was told that there must be none."""
    interpreter = compat.tflite_interpreter(content)
    floats = {each["index"]: each["name"] for each in interpreter.get_tensor_details() if each["dtype"].__name__ in _FLOATS}
    if floats:
        operations = [name for name in compat.tflite_operations_on(interpreter, floats) if name not in _BETWEEN]
        raise ValueError("export_tflite: with integer_only each operation must have a counterpart in integers; got none for "
                         "{}; leave integer_only out, then these compute with floats".format(
                             ", ".join(operations or sorted(floats.values()))))


def _count(content: bytes, weights: str) -> int:
    """How many tensors are of such a type."""
    details = compat.tflite_interpreter(content).get_tensor_details()
    return sum(each["dtype"].__name__ in _STORED_AS[weights] for each in details)


def describe_integers(content: bytes, described: Dict[str, List[Dict[str, Any]]]) -> None:
    """Put into the descriptions of float inputs and outputs that are integers in the file, how these are meant."""
    interpreter = compat.tflite_interpreter(content)
    details = interpreter.get_input_details() + interpreter.get_output_details()
    by_name = {each["name"]: each for each in details}
    for each in described["inputs"] + described["outputs"]:
        found = by_name[each["name"]]
        if each["dtype"] != found["dtype"].__name__:
            scale, zero_point = found["quantization"]
            each.update(dtype=found["dtype"].__name__, scale=float(scale), zero_point=int(zero_point))
