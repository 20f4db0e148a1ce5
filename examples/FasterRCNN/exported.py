"""Predictors from exported files: the one place that knows which files these are."""
import os

from tensorpack import tfv1 as tf
from tensorpack.utils.optional import optional_import

onnxruntime = optional_import("onnxruntime", needed_by="predicting by an ONNX file", pip="onnxruntime")

__all__ = ["load_exported"]


def load_exported(path, model):
    """A function from an image to a list of outputs, if `path` is a frozen graph (`.pb`), a SavedModel or an ONNX
    file (`.onnx`); otherwise None.

    Args:
        path: what `predict.py --load` is given.
        model: gives the names of inputs and outputs.
    """
    if not isinstance(path, str):
        return None
    inputs, outputs = model.get_inference_tensor_names()
    names = [name + ":0" for name in inputs + outputs]
    if path.endswith(".pb"):
        return _frozen_graph(path, names)
    if os.path.isfile(os.path.join(path, "saved_model.pb")):
        return _saved_model(path, names)
    return _onnx(path, names) if path.endswith(".onnx") else None


def _frozen_graph(path, names):
    graph_def = tf.GraphDef()
    with open(path, "rb") as f:
        graph_def.ParseFromString(f.read())
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(graph_def, name="")
    return _of_session(tf.Session(graph=graph), names)


def _saved_model(path, names):
    sess = tf.Session(graph=tf.Graph())
    with sess.graph.as_default():
        tf.saved_model.loader.load(sess, [tf.saved_model.tag_constants.SERVING], path)
    return _of_session(sess, names)


def _of_session(sess, names):
    call = sess.make_callable(names[1:], feed_list=names[:1])
    return lambda image: call(image.astype("float32"))


def _onnx(path, names):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda image: session.run(names[1:], {names[0]: image.astype("float32")})
