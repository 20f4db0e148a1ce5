"""export-model: a trained model as SavedModel, frozen graph, TFLite or ONNX, without writing a script."""
from __future__ import annotations

import argparse
import os
from functools import partial
from typing import Any, Dict, List, Optional, Sequence

from ..utils._text.spec import shown
from ._common import comma_separated, new_parser, run
from ._user_code import UserName, call, load, user_name

__all__ = ["main"]

# Format -> how the tool calls the model; the exporter has a method export_FORMAT for each.
_TITLES = {"serving": "Serving", "compact": "Compact", "tflite": "TFLite", "onnx": "ONNX"}
_FORMATS = {".pb": "compact", ".tflite": "tflite", ".onnx": "onnx"}  # by the ending of the output
_CALIBRATED = {"tflite": "representative", "onnx": "quantize"}  # format that can be smaller -> the exporter's argument for data
_WITH_TENSOR_NAMES = ("compact", "onnx")  # where inputs are called `image:0`


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run the tool; returns the exit status."""
    parser = new_parser("Export a trained model for inference by programs without this library.")
    parser.add_argument("checkpoint", type=_not_empty, help="a checkpoint, the directory of one, or a .npz file of variables")
    parser.add_argument("model", metavar="MODULE:CLASS", type=user_name("CLASS"),
                        help="the ModelDesc: a class or a function that takes no arguments, or an object, in a module "
                             "or in a file (path/to/file.py:CLASS)")
    parser.add_argument("output", type=_not_empty, help="the directory (serving) or file (others) to write")
    parser.add_argument("--inputs", nargs="+", metavar="NAME", help="tensors to feed; default: all inputs of the model")
    parser.add_argument("--outputs", nargs="+", metavar="NAME", required=True, help="tensors to compute")
    parser.add_argument("--format", choices=sorted(_TITLES),
                        help="serving: a SavedModel; compact: one file with a frozen and optimized GraphDef; tflite: for "
                             "TensorFlow Lite; onnx: for ONNX Runtime and others, needs the package tf2onnx. Default: by the "
                             "ending of the output, .pb, .tflite or .onnx, else serving")
    parser.add_argument("--allow-missing", nargs="+", default=[], metavar="NAME",
                        help="variables that may be missing from the checkpoint, names or regular expressions; they are "
                             "exported with their initial values")
    parser.add_argument("--weights", choices=["float16", "int8"],
                        help="store weights in fewer bits (tflite, onnx); inputs and outputs stay what they are")
    parser.add_argument("--calibrate", metavar="FILE",
                        help="make weights and activations int8 (tflite, onnx), of the ranges that they have for the inputs in "
                             "this file, 200 of them at most: .npz with an array for each input, .tfrecords or .lmdb with "
                             "datapoints that begin with the inputs")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing output")
    parser.add_argument("--no-verify", dest="verify", action="store_false",
                        help="write the output without running it to see that it computes what the model computes")
    return run(_export, parser, argv)


def _not_empty(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("must not be empty")
    return text


def _export(args: argparse.Namespace) -> None:
    from ..predict.config import PredictConfig
    from ..tfutils.export import ModelExporter
    from ..tfutils.sessinit import SmartInit

    kind = args.format or _FORMATS.get(os.path.splitext(args.output)[1].lower(), "serving")
    smaller = _smaller(kind, args)
    session_init = SmartInit(args.checkpoint, allow_missing=comma_separated(args.allow_missing))
    with load(args.model) as value:
        config = PredictConfig(
            model=_make_model(value, args.model), session_init=session_init,
            input_names=None if args.inputs is None else comma_separated(args.inputs),
            output_names=comma_separated(args.outputs))
        exporter = ModelExporter(config)
        getattr(exporter, "export_" + kind)(args.output, overwrite=args.overwrite, verify=args.verify, **smaller)
    inputs, outputs = (", ".join(_names_in(kind, names)) for names in (exporter.input_names, config.output_names))
    print("{} model is written to {}: {} -> {}".format(_TITLES[kind], args.output, inputs, outputs))


def _smaller(kind: str, args: argparse.Namespace) -> Dict[str, Any]:
    """The exporter's arguments for a smaller file."""
    if (args.weights or args.calibrate) and kind not in _CALIBRATED:
        raise ValueError("--weights and --calibrate need the format {}; got {}".format(" or ".join(_CALIBRATED), kind))
    found: Dict[str, Any] = {}
    if args.weights:
        found["weights"] = args.weights
    if args.calibrate:
        found[_CALIBRATED[kind]] = _calibration(args.calibrate)
    return found


def _calibration(filename: str) -> Any:
    """The DataFlow of a file; arrays hold all rows, datapoints one."""
    import numpy as np

    from ..dataflow.common import MapData
    from ..dataflow.raw import DataFromList
    from ..dataflow.serialize import LMDBSerializer, TFRecordSerializer

    if not os.path.exists(filename):
        raise FileNotFoundError("--calibrate must be a file; got nothing named {!r}".format(filename))
    ending = os.path.splitext(filename)[1].lower()
    if ending == ".npz":
        with np.load(filename) as f:
            return DataFromList([{name.partition(":")[0]: f[name] for name in f.files}])
    if ending not in (".tfrecord", ".tfrecords", ".lmdb", ".mdb"):
        raise ValueError("--calibrate must be an .npz, .tfrecords or .lmdb file; got {!r}".format(filename))
    load = TFRecordSerializer.load if ending.startswith(".tfrecord") else partial(LMDBSerializer.load, shuffle=False)
    return MapData(load(filename), lambda dp: [np.asarray(value)[np.newaxis] for value in dp])


def _names_in(kind: str, names: Sequence[str]) -> List[str]:
    """What inputs or outputs are called by those who load the model."""
    from ..tfutils.common import get_op_tensor_name

    return [get_op_tensor_name(name)[1] if kind in _WITH_TENSOR_NAMES else name for name in names]


def _make_model(model: Any, name: UserName) -> Any:
    from ..graph_builder.model_desc import ModelDescBase

    if isinstance(model, type) and not issubclass(model, ModelDescBase):
        raise TypeError("{} must be a ModelDesc; got another class".format(name))
    if callable(model) and not isinstance(model, ModelDescBase):
        model = call(model, name, "the model")
    if not isinstance(model, ModelDescBase):
        raise TypeError("{} must be a ModelDesc, or return one; got {}".format(name, shown(model)))
    return model
