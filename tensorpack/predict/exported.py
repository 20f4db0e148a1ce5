"""`ExportedPredictor`: a function of numpy arrays from a file that was exported, without the code of the model."""
from __future__ import annotations

import os
from typing import Any, List, Optional, Sequence, Union

from ..compat import tfv1 as tf
from ..tfutils._engines.choose import engine_class
from ..utils._text.spec import shown
from ._loaded_model import LoadedModel, spec_of
from .base import PredictorBase

__all__ = ["ExportedPredictor"]


class ExportedPredictor(PredictorBase):
    """Predicts with what `ModelExporter` wrote: a SavedModel directory, a frozen graph, an ONNX or a TFLite file.

    It is called as an `OfflinePredictor` is. What a file is, is told from its content; inputs, outputs and their order come
    from the JSON file that the export wrote beside it, and without one from the file itself. Calls are thread-safe.

    It can be pickled, and works in spawned and in forked processes, which load the file for themselves at their first call;
    TensorFlow alone does not work in a process that was forked after its first call.

    A context manager: leaving it frees the model.

    Args:
        path: the file or directory.
        engine: what computes it: `"tensorflow"` (SavedModels and frozen graphs), `"onnxruntime"` (ONNX), `"openvino"` (all of
            them), `"litert"` (TFLite) or `"opencv"` (ONNX and frozen graphs). Default: the fastest that is installed and known
            to compute the same, by the verification of the export or by a comparison with TensorFlow; the log says which and
            why.
        threads: how many threads compute one call; default: one for each core that the process may use. For OpenCV it sets the
            number of the whole process.
        return_input: see PredictorBase.

    Attributes:
        path: the absolute path.
        engine: name of the engine.
        input_names, output_names: as they are called in the file.
        input_signature: a `tf.TensorSpec` for each input.
        output_signature: a `tf.TensorSpec` for each output.

    Raises:
        FileNotFoundError: there is nothing at `path`.
        ImportError: the engine is not installed.
        TypeError, ValueError: an argument is wrong; `path` is no exported model, cut off, damaged, not what its JSON file
            describes, or has an operation that the engine lacks.
    """

    def __init__(self, path: Union[str, os.PathLike[str]], engine: Optional[str] = None, *, threads: Optional[int] = None,
                 return_input: bool = False):
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError("ExportedPredictor: path must be the name of a file or directory; got {}".format(shown(path)))
        if engine is not None:
            engine_class(engine, "ExportedPredictor")
        self.return_input = return_input
        self._model = LoadedModel("ExportedPredictor", os.fspath(path), engine, threads)
        self.path = self._model.path
        self.engine = self._model.engine_name
        signature = self._model.engine.signature
        self.input_signature: List[tf.TensorSpec] = list(map(spec_of, signature.inputs))
        self.output_signature: List[tf.TensorSpec] = list(map(spec_of, signature.outputs))
        self.input_names = [spec.name for spec in self.input_signature]
        self.output_names = [spec.name for spec in self.output_signature]

    def _names_of_inputs(self) -> List[str]:
        return self.input_names

    def _do_call(self, dp: Sequence[Any]) -> List[Any]:
        return self._model.call(dp)

    def _is_closed(self) -> bool:
        return self._model.is_closed

    def __enter__(self) -> ExportedPredictor:
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self.close()

    def close(self) -> None:
        """Free the model; later calls raise RuntimeError. May be called again."""
        self._model.close()

    def __repr__(self) -> str:
        return "ExportedPredictor({!r}, engine={!r})".format(self.path, self.engine)
