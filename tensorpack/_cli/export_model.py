"""export-model: a trained model as SavedModel, frozen graph, TFLite or ONNX, without writing a script."""
from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import sys
import traceback
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Iterator, List, Optional, Sequence, Tuple

from ..utils._text.spec import shown
from ._common import comma_separated, new_parser, run

__all__ = ["main"]

# Format -> how the tool calls the model; the exporter has a method export_FORMAT for each.
_TITLES = {"serving": "Serving", "compact": "Compact", "tflite": "TFLite", "onnx": "ONNX"}
_FORMATS = {".pb": "compact", ".tflite": "tflite", ".onnx": "onnx"}  # by the ending of the output
_WITH_TENSOR_NAMES = ("compact", "onnx")  # where inputs are called `image:0`
_NOT_OF_THE_USER = ("<", os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep, importlib.__file__)


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run the tool; returns the exit status."""
    parser = new_parser("Export a trained model for inference by programs without this library.")
    parser.add_argument("checkpoint", type=_not_empty, help="a checkpoint, the directory of one, or a .npz file of variables")
    parser.add_argument("model", metavar="MODULE:CLASS", type=_model_name,
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


def _model_name(text: str) -> Tuple[str, str]:
    place, _, name = text.rpartition(":")
    if not place or not name:
        raise argparse.ArgumentTypeError("must be MODULE:CLASS or FILE.py:CLASS; got {!r}".format(text))
    return place, name


def _export(args: argparse.Namespace) -> None:
    from ..predict.config import PredictConfig
    from ..tfutils.export import ModelExporter
    from ..tfutils.sessinit import SmartInit

    session_init = SmartInit(args.checkpoint, allow_missing=comma_separated(args.allow_missing))
    place, name = args.model
    directory = os.path.dirname(os.path.abspath(place)) if _is_file(place) else os.getcwd()
    with _importable(directory):
        config = PredictConfig(
            model=_make_model(_import_with_place(place), name), session_init=session_init,
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


@contextmanager
def _importable(directory: str) -> Iterator[None]:
    """Modules beside the user's are found as if Python had been started there."""
    sys.path.insert(0, directory)
    try:
        yield
    finally:
        if directory in sys.path:
            sys.path.remove(directory)


def _import_with_place(place: str) -> ModuleType:
    """An error inside of the user's module is not taken for one of the arguments."""
    try:
        return _import(place)
    except Exception as e:
        frames = traceback.extract_tb(e.__traceback__)
        own = [frame for frame in frames if not frame.filename.startswith(_NOT_OF_THE_USER)]
        if not own:
            raise
        raise RuntimeError("{} cannot be imported: {}: {} ({}, line {})".format(
            place, type(e).__name__, e, own[0].filename, own[0].lineno)) from e


def _is_file(place: str) -> bool:
    return place.endswith(".py")


def _import(place: str) -> ModuleType:
    if _is_file(place):
        return _import_file(place)
    try:
        return importlib.import_module(place)
    except ModuleNotFoundError as e:
        if e.name is None or not (place + ".").startswith(e.name + "."):
            raise  # the module is there and lacks something itself
        raise ValueError("there must be a module {!r} that can be imported from here; got none (no {!r}); "
                         "a file is given as path/to/file.py:CLASS".format(place, e.name)) from e


def _import_file(path: str) -> ModuleType:
    if not os.path.isfile(path):
        raise ValueError("{}: must be an existing Python file; got none of that name".format(path))
    stem = os.path.splitext(os.path.basename(path))[0]
    name = stem if stem not in sys.modules else "_exported_" + stem
    spec: Any = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _make_model(module: ModuleType, name: str) -> Any:
    from ..graph_builder.model_desc import ModelDescBase
    from ..tfutils._restore.names import near_names

    if not hasattr(module, name):
        public = [each for each in vars(module) if not each.startswith("_")]
        raise ValueError("{}: must define {!r}; got no such name; {}".format(
            module.__name__, name, near_names(name, public)))
    model = getattr(module, name)
    if isinstance(model, type) and not issubclass(model, ModelDescBase):
        raise TypeError("{}:{} must be a ModelDesc; got another class".format(module.__name__, name))
    if callable(model) and not isinstance(model, ModelDescBase):
        model = _call(model, "{}:{}".format(module.__name__, name))
    if not isinstance(model, ModelDescBase):
        raise TypeError("{}:{} must be a ModelDesc, or return one; got {}".format(module.__name__, name, shown(model)))
    return model


def _call(factory: Any, label: str) -> Any:
    try:
        return factory()
    except TypeError as e:
        raise TypeError("{} must be callable without arguments; got: {}; name a function in that module that returns "
                        "the model".format(label, e)) from e
