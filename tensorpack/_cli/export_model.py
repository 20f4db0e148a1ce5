"""export-model: a trained model as SavedModel, frozen graph, TFLite or ONNX, without writing a script."""
from __future__ import annotations

import argparse
import os
from typing import Any, List, Optional, Sequence

from ..utils._text.spec import shown
from ._common import comma_separated, new_parser, run
from ._user_code import UserName, call, load, user_name

__all__ = ["main"]

# Format -> how the tool calls the model; the exporter has a method export_FORMAT for each.
_TITLES = {"serving": "Serving", "compact": "Compact", "tflite": "TFLite", "onnx": "ONNX"}
_FORMATS = {".pb": "compact", ".tflite": "tflite", ".onnx": "onnx"}  # by the ending of the output
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

    session_init = SmartInit(args.checkpoint, allow_missing=comma_separated(args.allow_missing))
    with load(args.model) as value:
        config = PredictConfig(
            model=_make_model(value, args.model), session_init=session_init,
            input_names=None if args.inputs is None else comma_separated(args.inputs),
            output_names=comma_separated(args.outputs))
        exporter = ModelExporter(config)
        kind = args.format or _FORMATS.get(os.path.splitext(args.output)[1].lower(), "serving")
        getattr(exporter, "export_" + kind)(args.output, overwrite=args.overwrite, verify=args.verify)
    inputs, outputs = (", ".join(_names_in(kind, names)) for names in (exporter.input_names, config.output_names))
    print("{} model is written to {}: {} -> {}".format(_TITLES[kind], args.output, inputs, outputs))


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
