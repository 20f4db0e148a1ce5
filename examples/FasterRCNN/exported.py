"""Predictors from exported files: the one place that knows which files these are."""
import os

from tensorpack.predict import ExportedPredictor

__all__ = ["is_exported", "load_exported"]


def is_exported(path):
    """Whether it is a frozen graph (`.pb`), a SavedModel, an ONNX file (`.onnx`) or a TFLite file (`.tflite`)."""
    return isinstance(path, str) and (path.endswith((".pb", ".onnx", ".tflite"))
                                      or os.path.isfile(os.path.join(path, "saved_model.pb")))


def load_exported(path, model, engine=None):
    """A function from a resized image to a list of outputs.

    Args:
        path: of an exported file.
        model: gives the order of outputs.
        engine: what computes it, see ExportedPredictor; by default that of the format.
    """
    engines = {".onnx": "onnxruntime", ".tflite": "litert"}
    predictor = ExportedPredictor(path, engine or engines.get(os.path.splitext(path)[1], "tensorflow"))
    names = [name.split(":")[0] for name in predictor.output_names]
    order = [names.index(name) for name in model.get_inference_tensor_names()[1]]

    def predict(image):
        values = predictor(image.astype("float32"))
        return [values[k] for k in order]

    return predict
