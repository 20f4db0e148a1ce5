"""Predictors and exports of a small model."""

from __future__ import annotations

import os
from typing import Any, Dict, List

import numpy as np

from .encoding import attempt, encode
from .graphs import weights_for

_OUTPUTS = ["probability", "features", "x", "constant", "W", "no_such"]


def generate(rng: Any) -> Dict[str, Any]:
    return {
        "inputs": rng.sample(["x", "y"], rng.choice([1, 1, 2])) if rng.random() < 0.9 else [],
        "outputs": rng.sample(_OUTPUTS[:5], rng.choice([1, 1, 2, 3])) + (["no_such"] if rng.random() < 0.04 else []),
        "norm": rng.random() < 0.5,
        "batch": rng.choice([1, 2, 5]),
        "with_zero": rng.random() < 0.2,
        "predictor": rng.choice(["OfflinePredictor", "OfflinePredictor", "SimpleDatasetPredictor", "MultiProcess"][:3]),
        "export": rng.choice([None, "export_compact", "export_compact", "export_serving", "export_serving"]),
        "options": rng.choice([{}, {}, {"optimize": False}, {"optimize": True}]),
        "short": rng.random() < 0.1,
        "dtype": rng.choice(["float32", "float32", "float64", "int64"]),
    }


def run(program: Dict[str, Any], folder: str) -> Any:
    from tensorpack.predict import OfflinePredictor, PredictConfig, SimpleDatasetPredictor
    from tensorpack.tfutils.export import ModelExporter
    from tensorpack.tfutils.sessinit import DictRestore

    weights = {name: weights_for(name, shape) for name, shape in (("W", [3, 2]), ("b", [2]))}
    if program.get("norm"):
        weights.update(
            {
                "bn/gamma": np.float32([1.5, 0.5]),
                "bn/beta": np.float32([0.1, -0.1]),
                "bn/mean/EMA": np.float32([0.2, 0.3]),
                "bn/variance/EMA": np.float32([2, 0.5]),
            }
        )

    def config() -> Any:
        return PredictConfig(
            model=_model(program),
            session_init=DictRestore(weights),
            input_names=program.get("inputs", ["x"]),
            output_names=program.get("outputs", ["probability"]),
        )

    feeds = _feeds(program)
    result: Dict[str, Any] = {}
    if program.get("predictor") == "SimpleDatasetPredictor":
        result["predicted"] = attempt(lambda: _over_data(SimpleDatasetPredictor, config(), feeds))
    else:
        result["predicted"] = attempt(lambda: OfflinePredictor(config())(*feeds))
    if program.get("export"):
        path = os.path.join(folder, "exported")
        export = getattr(ModelExporter(config()), program["export"])
        result["export"] = attempt(lambda: export(path, **program.get("options", {})) and None)
        if result["export"] is None:
            result["exported"] = _exported(program, path, feeds)
    return result


def _model(program: Dict[str, Any]) -> Any:
    import tensorflow as tf

    from tensorpack import ModelDesc
    from tensorpack.models import BatchNorm

    class Model(ModelDesc):
        def inputs(self) -> Any:
            return [tf.TensorSpec([None, 3], tf.float32, "x"), tf.TensorSpec([None], tf.int32, "y")]

        def build_graph(self, x: Any, y: Any) -> Any:
            W = tf.compat.v1.get_variable("W", [3, 2])
            hidden = tf.add(tf.matmul(x, W), tf.compat.v1.get_variable("b", [2]), name="features")
            if program.get("norm"):
                hidden = BatchNorm("bn", hidden)
            tf.nn.softmax(hidden, name="probability")
            tf.constant([1.0, 2.0], name="constant")
            return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(logits=hidden, labels=y), name="cost")

    return Model()


def _feeds(program: Dict[str, Any]) -> List[Any]:
    batch = program.get("batch", 1)
    values = {
        "x": np.random.RandomState(3).uniform(-1, 1, size=(batch, 3)).astype(program.get("dtype", "float32")),
        "y": np.zeros([batch], "int32"),
    }
    feeds = [values[name] for name in program.get("inputs", ["x"])]
    return feeds[:-1] if program.get("short") else feeds


def _over_data(predictor: Any, config: Any, feeds: List[Any]) -> Any:
    from tensorpack.dataflow import DataFromList

    made = predictor(config, DataFromList([feeds, feeds], shuffle=False))
    return list(made.get_result())


def _exported(program: Dict[str, Any], path: str, feeds: List[Any]) -> Any:
    import tensorflow as tf

    v1 = tf.compat.v1
    outputs = [name + ":0" for name in program.get("outputs", ["probability"])]
    inputs = [name + ":0" for name in program.get("inputs", ["x"])]
    result: Dict[str, Any] = {}
    with tf.Graph().as_default() as graph, v1.Session(graph=graph) as sess:
        if program["export"] == "export_compact":
            definition = v1.GraphDef()
            with open(path, "rb") as f:
                definition.ParseFromString(f.read())
            tf.import_graph_def(definition, name="")
        else:
            meta = v1.saved_model.loader.load(sess, ["serve"], path)
            result["signatures"] = {
                name: [
                    sorted(signature.inputs),
                    sorted(signature.outputs),
                    signature.method_name,
                    {key: [v.name, v.dtype, [d.size for d in v.tensor_shape.dim]] for key, v in signature.inputs.items()},
                ]
                for name, signature in meta.signature_def.items()
                if name == "prediction_pipeline"
            }
        known = {op.name for op in graph.get_operations()}
        feed = {name: value for name, value in zip(inputs, feeds) if name[:-2] in known}
        result["values"] = attempt(lambda: sess.run(outputs, feed))
    return encode(result)
