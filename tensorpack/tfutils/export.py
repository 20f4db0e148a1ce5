"""Exporting a model for programs without this library: SavedModel, frozen GraphDef, TFLite, ONNX."""
from __future__ import annotations

import os
from contextlib import contextmanager
from itertools import compress
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple, Type

from .. import compat
from ..compat import tfv1 as tf
from ..dataflow.base import DataFlow
from ..utils import logger
from ..utils._text.keywords import KeywordsTold, keywords_told
from ..utils.fs import atomic_directory
from ._engines.engine import Engine
from ._engines.litert import LiteRTEngine
from ._engines.onnx_runtime import OnnxRuntimeEngine
from ._engines.opencv import OpenCVEngine
from ._engines.tensorflow import TensorFlowEngine
from ._export._onnx.external import ExternalOnnx, external_data
from ._export._proof.examples import Example
from ._export._proof.verify import ExportMismatch, Proof, Subject
from ._export._rewrite import OPENCV, rewritten
from ._export._smaller.calibration import Inputs
from ._export._smaller.onnx import check_quantizer, smaller_onnx
from ._export._smaller.tflite import describe_integers, smaller_tflite
from ._export._smaller.ways import Smaller, smaller
from ._export.convert import check_onnx, onnx_opset, to_onnx, to_tflite
from ._export.frozen_model import (
    Converted,
    FrozenModel,
    check_target,
    describe,
    describe_spec,
    frozen_model,
    log_written,
    table_initializers,
    warn_of_other_format,
    write_description,
)
from ._export.staging import staged
from ._inference import InferenceGraph, build_inference_graph, needed_inputs, require_predict_config
from .sesscreate import NewSessionCreator

__all__ = ["ExportMismatch", "ModelExporter"]

Shrink = Callable[[Smaller, FrozenModel, Converted, List[Example]], Converted]

_DEFAULT_SIGNATURE = tf.saved_model.signature_constants.DEFAULT_SERVING_SIGNATURE_DEF_KEY


class ModelExporter(KeywordsTold):
    """Builds the inference graph of a PredictConfig, loads the model, and writes it in a format that others read.

    The session_creator of the config is not used. A trainable or model variable that the outputs need and that `session_init`
    does not load is an error, unless the config allows it. Inputs on which no output depends are left out. Nothing written
    holds a device.

    Args:
        config: a `PredictConfig`.

    Attributes:
        graph: the inference graph of the last export.
        input_names: the names in `config.input_names` that the last export has.
    """

    def __init__(self, config: Any):
        self.config = require_predict_config("ModelExporter", config)
        self.graph: Optional[tf.Graph] = None
        self.input_names: List[str] = list(getattr(config, "input_names", []))

    @keywords_told
    def export_compact(self, filename: str, optimize: bool = True, toco_compatible: bool = False, *,
                       overwrite: bool = True, target: Optional[str] = None, example: Any = None, verify: bool = True) -> None:
        """Write one file: a serialized GraphDef with constants for variables and only what the outputs need.

        Tensor names of inputs and outputs stay. `<filename>.json` tells their names, dtypes and shapes.

        Args:
            filename: the file; missing directories are made.
            optimize: also remove forwarding operations, compute constant parts, and fold batch normalisation into
                convolutions. An inner tensor that is an input becomes a placeholder.
            toco_compatible: use only what the TFLite converter takes, which is always so; needs `optimize`.
            overwrite: whether an existing file may be replaced. Here it is by default, as scripts of long ago expect; the other
                formats need to be told.
            target: `"opencv"`: for `cv2.dnn.readNetFromTensorflow`, by operations that it computes as TensorFlow does, and
                proven there. The file of `export_onnx` is the better one for OpenCV.

        Raises:
            FileExistsError: the file exists and must not be replaced.
            ValueError: the graph cannot be frozen, for example because an output changes a variable.
        """
        if toco_compatible and not optimize:
            raise ValueError("export_compact: toco_compatible=True must come with optimize=True; got optimize=False")

        if target not in (None, "opencv") or target and not optimize:
            raise ValueError("export_compact: target must be None, or 'opencv' with optimize=True; got {!r} with "
                             "optimize={}".format(target, optimize))

        def convert(model: FrozenModel) -> Converted:
            if target is not None:
                model = model._replace(graph_def=rewritten(model, OPENCV))
            description = describe(model)
            description["onnx"] = _onnx_command(filename, description)
            if model.tables:
                description["run_first"] = model.tables
            return Converted(model.graph_def.SerializeToString(), description,
                             "Graph with {} operations".format(len(model.graph_def.node)))

        engine: Type[Engine] = TensorFlowEngine if target is None else OpenCVEngine
        description = self._export("export_compact", filename, convert, engine, optimize=optimize, overwrite=overwrite,
                                   example=example, verify=verify)
        if "run_first" in description:
            logger.warning("The graph has lookup tables: after loading it, run the operations %s once. Vocabulary files are "
                           "read from where they were at the export; export_serving copies them.", description["run_first"])
        logger.info("To ONNX: export_onnx, or %s", description["onnx"])

    @keywords_told
    def export_tflite(self, filename: str, *, optimize: bool = True, overwrite: bool = False, example: Any = None,
                      verify: bool = True, weights: Optional[str] = None, representative: Optional[DataFlow] = None,
                      num_samples: int = 200, integer_only: bool = False) -> None:
        """Write one file for TensorFlow Lite (LiteRT), by TensorFlow's own converter.

        Inputs and outputs keep their order, and their names without `:0`; `<filename>.json` tells them. An unknown size of
        the batch is 1 in the file until the program that loads it calls `resize_tensor_input`.

        A smaller file is called as the others are, with floats, unless it is one of integers alone. It is proven in two steps.
        First the file with all bits has to compute what the model computes. Then the smaller one has to compute nearly the
        same, for `example` if there is one, else for rows of `representative`, else for the drawn inputs: in the typical one of
        these (the median) the difference may be a quarter of an output's size (its root of the sum of squares; for whole
        numbers, a quarter of them) with int8, a fiftieth with float16. The JSON tells how near it is; how many answers change,
        tell your own data.

        Args:
            filename: the file; missing directories are made.
            optimize: make the graph smaller first, as `export_compact` does.
            overwrite: whether an existing file may be replaced.
            weights: `"float16"`: weights of half the size, computed with as float32. `"int8"`: weights of a quarter of the
                size; what is multiplied with them is rounded to 8 bits when it is computed. The converter leaves small ones
                alone.
            representative: a DataFlow of inputs as the model will see them, what a predictor would be called with: lists that
                begin with a value for each input (labels and others that follow are not looked at), or dicts by name. Weights
                and activations are int8, of the ranges that they have for these; where TensorFlow Lite has no operation on
                integers, floats are between.
            num_samples: how many rows of the flow are looked at, at most; it may be one without end.
            integer_only: with `representative`, inputs and outputs that are floats become int8, too, of the `scale` and
                `zero_point` that the JSON tells (value = scale * (integer - zero_point)), and an operation without a
                counterpart in integers is an error: for devices that know no floats.

        Raises:
            FileExistsError: the file exists and must not be replaced.
            TypeError: `representative` is no DataFlow, or has datapoints that are neither lists nor dicts.
            ValueError: the graph cannot be frozen, or has operations that TensorFlow Lite lacks. The converter of TF 1.15
                takes neither loops nor unknown sizes besides that of the batch. `representative` has no datapoints, or some
                that are not finite or that a predictor would refuse. There is nothing to store in fewer bits.
            ExportMismatch: the file computes something else, see above.
        """
        def convert(model: FrozenModel) -> Converted:
            return _tflite(model, to_tflite(model))

        way = smaller("export_tflite", "representative", weights, representative, num_samples, integer_only)
        self._export("export_tflite", filename, convert, LiteRTEngine, optimize=optimize, overwrite=overwrite, example=example,
                     verify=verify, batch=compat.TFLITE_BATCH, way=way, shrink=_smaller_tflite)

    @keywords_told
    def export_onnx(self, filename: str, *, opset: Optional[int] = None, overwrite: bool = False, example: Any = None,
                    verify: bool = True, weights: Optional[str] = None, quantize: Optional[DataFlow] = None,
                    num_samples: int = 200) -> None:
        """Write one file for ONNX Runtime and others, by the package tf2onnx (`pip install tensorpack[onnx]`).

        Inputs and outputs keep their tensor names and unknown sizes; `<filename>.json` tells them. Where weights and constants
        have 2 GB or more, the largest weights are written to `<filename>.<number>.data`, which has to stay beside the file.

        Smaller files are called as the others are, and proven as those of `export_tflite`.

        Args:
            filename: the file; missing directories are made.
            opset: version of ONNX's set of operations; default: the one that tf2onnx prefers.
            overwrite: whether an existing file may be replaced.
            weights: `"float16"`: large weights have half the size, and are cast to float32 when a runtime loads the file.
                `"int8"`: those of convolutions and matrix products have a quarter of it, and what is multiplied with them is
                rounded to 8 bits when it is computed, by the dynamic quantizer of ONNX Runtime.
            quantize: a DataFlow as `representative` of `export_tflite`: weights and activations are int8, by the static
                quantizer of ONNX Runtime; inputs and outputs stay what they are.
            num_samples: how many rows of the flow are looked at, at most.

        Raises:
            FileExistsError: the file exists and must not be replaced.
            ImportError: tf2onnx is not installed, or not ONNX Runtime, which makes what is int8.
            TypeError: `quantize` is no DataFlow, or has datapoints that are neither lists nor dicts.
            ValueError: the graph cannot be frozen, has operations without a counterpart in ONNX, or tf2onnx does not know
                the opset; what `export_tflite` says of its `representative`; integers with an opset below 13; a smaller file
                of a model with 2 GB of weights.
            ExportMismatch: the file computes something else.
        """
        check_onnx(opset)
        way = smaller("export_onnx", "quantize", weights, quantize, num_samples)
        if way is not None:
            check_quantizer(way)

        def convert(model: FrozenModel) -> Converted:
            return _onnx(model, to_onnx(model, opset))

        before = external_data(filename)
        self._export("export_onnx", filename, convert, OnnxRuntimeEngine, overwrite=overwrite, example=example, verify=verify,
                     leaves_out=True, way=way, shrink=_smaller_onnx)
        if before is not None and os.path.exists(before):
            os.remove(before)  # the weights of the file that was replaced

    @keywords_told
    def export_serving(self, filename: str, tags: Optional[Sequence[str]] = None,
                       signature_name: str = "prediction_pipeline", *, overwrite: bool = False, example: Any = None,
                       verify: bool = True) -> None:
        """Write a SavedModel directory.

        It has the signature `signature_name`, whose keys are tensor names (`image:0`), and the same as `serving_default`
        with keys without `:0` (output 1 of operation `x` is `x_1`). Files of lookup tables are copied into it.
        `assets.extra/tensorpack.json` tells the keys of `serving_default` in their order, with dtypes and shapes.

        Args:
            filename: the directory.
            tags: default: `serve`.
            signature_name: name of the first signature.
            overwrite: whether an existing directory that is not empty may be replaced.

        Raises:
            FileExistsError: the directory is not empty and must not be replaced, or the name is a file's.
        """
        if os.path.exists(filename) and not (os.path.isdir(filename) and (overwrite or not os.listdir(filename))):
            raise FileExistsError("export_serving: {} must be a new or empty directory; got {}; choose another name".format(
                filename, "one with content (overwrite=True replaces it)" if os.path.isdir(filename) else "a file"))
        warn_of_other_format("export_serving", filename)
        if isinstance(tags, str):
            tags = [tags]
        tags = list(tags or [tf.saved_model.tag_constants.SERVING])
        with self._built("export_serving", example, verify) as (built, proof):
            signatures = _signatures(built, signature_name)
            description = _describe_serving(built, signatures[_DEFAULT_SIGNATURE])
            with atomic_directory(filename) as directory:
                compat.write_saved_model(directory, built.sess, tags, signatures)
                write_description(directory, description)
                tables = table_initializers(built.graph, built.outputs)
                description["verified"] = proof.of(TensorFlowEngine, directory, None, tables=tables)
                write_description(directory, description)
        for name, each in sorted(signatures.items()):
            logger.info("Signature %r: %s", name, _in_words(each))
        logger.info("Model is exported to the SavedModel %s, tags %s.", filename, tags)

    def _export(self, who: str, filename: str, convert: Callable[[FrozenModel], Converted], engine: Type[Engine], *,
                overwrite: bool, example: Any, verify: bool, optimize: bool = True, batch: Optional[int] = None,
                leaves_out: bool = False, way: Optional[Smaller] = None, shrink: Optional[Shrink] = None) -> Dict[str, Any]:
        """Write what `convert` makes of the frozen graph, once the engine has proven it; returns what its JSON says.

        With a way to make it smaller, what is written is what `shrink` makes of that file, once it is near enough, too.
        """
        check_target(who, filename, overwrite)
        with self._built(who, example, verify) as (built, proof):
            examples = [] if way is None else way.examples(
                Inputs(_names(self.config.input_names), self.input_names, built.inputs))
            model = frozen_model(who, built, optimize, leaves_out)
            converted = convert(model)
            with staged(filename) as path:
                (ExternalOnnx(converted, built, model.left_out) if model.left_out else converted).write(path)
                subject = None if model.left_out else Subject(model, convert)
                verified = proof.of(engine, path, subject, tables=model.tables, batch=batch, closes=bool(model.left_out),
                                    spare=examples)
                if way is not None and shrink is not None:
                    converted = shrink(way, model, converted, examples)
                    converted.description["quantized"] = way.description(examples)
                    converted.write(path)
                    verified = proof.of_smaller(engine, path, way.weights, converted.description, examples)
                converted.description["verified"] = verified
                write_description(path, converted.description)
        log_written(filename, converted.description, converted.title)
        return converted.description

    @contextmanager
    def _built(self, who: str, example: Any, verify: bool) -> Iterator[Tuple[InferenceGraph, Proof]]:
        """The inference graph, whose session is closed at the end, and what proves exports of it."""
        built = self._build()
        try:
            yield built, Proof(who, built, _names(self.config.input_names), self.input_names, example, verify)
        finally:
            built.sess.close()

    def _build(self) -> InferenceGraph:
        built = build_inference_graph(self.config, NewSessionCreator())
        self.graph = built.graph
        with built.graph.as_default():
            needed = needed_inputs(built.inputs, built.outputs)
        left_out = [name for name, is_needed in zip(self.config.input_names, needed) if not is_needed]
        if left_out:
            logger.info("No output depends on %s: left out of the inputs of the export.", ", ".join(map(repr, left_out)))
        self.input_names, inputs, names = [
            list(compress(each, needed)) for each in (self.config.input_names, built.inputs, built.input_names)]
        return built._replace(inputs=inputs, input_names=names)


def _names(inputs: Sequence[Any]) -> List[str]:
    return [name if isinstance(name, str) else name.name for name in inputs]


def _tflite(model: FrozenModel, content: bytes) -> Converted:
    description = describe(model)
    for each in description["inputs"] + description["outputs"]:
        each["name"] = _plain_name(each["name"])
    return Converted(content, description, "TFLite model of {} bytes".format(len(content)))


def _smaller_tflite(way: Smaller, model: FrozenModel, plain: Converted, examples: List[Example]) -> Converted:
    converted = _tflite(model, smaller_tflite(way, plain.content, model, examples))
    describe_integers(converted.content, converted.description)
    return converted


def _onnx(model: FrozenModel, converted: Any) -> Converted:
    description = dict(describe(model), opset=onnx_opset(converted))
    return Converted(converted.SerializeToString(), description, "ONNX model with {} operations of opset {}".format(
        len(converted.graph.node), description["opset"]))


def _smaller_onnx(way: Smaller, model: FrozenModel, plain: Converted, examples: List[Example]) -> Converted:
    return _onnx(model, smaller_onnx(way, plain.content, model, examples))


def _onnx_command(filename: str, description: Dict[str, Any]) -> str:
    names = {key: ",".join(each["name"] for each in description[key]) for key in ("inputs", "outputs")}
    return "python -m tf2onnx.convert --graphdef {} --inputs {} --outputs {} --output model.onnx".format(
        os.path.basename(filename), names["inputs"], names["outputs"])


def _plain_name(name: str) -> str:
    """`x` for the tensor `x:0`; other outputs keep their index."""
    return name[:-2] if name.endswith(":0") else name


def _signatures(built: InferenceGraph, signature_name: str) -> Dict[str, Any]:
    signatures = {signature_name: compat.predict_signature(dict(zip(built.input_names, built.inputs)),
                                                           dict(zip(built.output_names, built.outputs)))}
    if signature_name != _DEFAULT_SIGNATURE:
        signatures[_DEFAULT_SIGNATURE] = compat.predict_signature(_plain_keys(built.inputs), _plain_keys(built.outputs))
    return signatures


def _describe_serving(built: InferenceGraph, signature: Any) -> Dict[str, Any]:
    def side(names: Sequence[str], infos: Any) -> List[Dict[str, Any]]:
        keys = {info.name: key for key, info in sorted(infos.items(), reverse=True)}
        described = [(keys[name], tf.TensorSpec.from_tensor(built.graph.get_tensor_by_name(name))) for name in names]
        return [dict(describe_spec(spec), name=key) for key, spec in described]

    return {"inputs": side(built.input_names, signature.inputs), "outputs": side(built.output_names, signature.outputs)}


def _plain_keys(tensors: Sequence[tf.Tensor]) -> Dict[str, tf.Tensor]:
    """`x` for the tensor `x:0`, `x_1` for `x:1`; a number more where this is taken."""
    unique = list({tensor.name: tensor for tensor in tensors}.values())
    keys: Dict[str, tf.Tensor] = {}
    for tensor in sorted(unique, key=lambda t: t.value_index != 0):  # output 0 has the first claim to the plain name
        base = tensor.op.name if tensor.value_index == 0 else "{}_{}".format(tensor.op.name, tensor.value_index)
        key, number = base, 0
        while key in keys:
            number += 1
            key = "{}_{}".format(base, number)
        keys[key] = tensor
    return keys


def _in_words(signature: Any) -> str:
    def side(infos: Any) -> str:
        return ", ".join("{} = {} {}".format(key, tf.as_dtype(info.dtype).base_dtype.name, tf.TensorShape(info.tensor_shape))
                         for key, info in sorted(infos.items()))

    return "{} -> {}".format(side(signature.inputs), side(signature.outputs))
