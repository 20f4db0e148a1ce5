"""Towers as users write them without our layers, and loading frozen graphs with plain TensorFlow."""
import numpy as np

from tensorpack.compat import tfv1 as tf
from tensorpack.predict import OfflinePredictor, PredictConfig
from tensorpack.tfutils.sessinit import DictRestore
from tensorpack.tfutils.tower import get_current_tower_context

IMAGE = np.random.RandomState(0).rand(2, 8, 8, 3).astype("float32")


def batch_norm(name, x, data_format="NHWC"):
    channels = x.shape.as_list()[-1 if data_format == "NHWC" else 1]

    def get(n, low, high):
        return tf.get_variable("{}/{}".format(name, n), [channels], initializer=tf.random_uniform_initializer(low, high))

    return tf.nn.fused_batch_norm(x, get("gamma", .5, 2), get("beta", -1, 1), get("mean/EMA", -1, 1),
                                  get("variance/EMA", .1, 3), is_training=False, data_format=data_format)[0]


def conv(name, x, channels=4):
    w = tf.get_variable(name + "/W", [3, 3, x.shape.as_list()[-1], channels])
    return tf.nn.conv2d(x, w, strides=[1, 1, 1, 1], padding="SAME", name=name)


def fc(name, x, channels):
    w = tf.get_variable(name + "/W", [int(np.prod(x.shape.as_list()[1:])), channels])
    b = tf.get_variable(name + "/b", [channels], initializer=tf.random_uniform_initializer())
    return tf.nn.bias_add(tf.matmul(tf.reshape(x, [-1, w.shape.as_list()[0]]), w), b, name=name)


def network(image, label, use_resource=False):
    """A convolutional network with batch normalisation and dropout, as a user without our layers writes it."""
    training = get_current_tower_context().is_training
    with tf.variable_scope("", use_resource=use_resource), tf.device("/gpu:0"):
        x = tf.identity(image, name="preprocessed")
        x = tf.nn.relu(batch_norm("bn0", conv("conv0", x)))
        x = tf.identity(tf.nn.relu(batch_norm("bn1", conv("conv1", x))), name="features")
        x = tf.nn.dropout(x, rate=.5) if training else x
        logits = fc("fc", x, 5)
    tf.nn.softmax(logits, name="prob")
    tf.argmax(logits, axis=1, name="class")
    tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=label), name="cost")


SIGNATURE = [tf.TensorSpec((None, 8, 8, 3), tf.float32, "image"), tf.TensorSpec((None,), tf.int32, "label")]
IMAGE_ONLY = SIGNATURE[:1]


def of(tower_func, outputs=("y",), inputs=("image",), signature=IMAGE_ONLY, **kwargs):
    """A config whose variables have values that all predictors and exporters of it agree on."""
    cfg = PredictConfig(tower_func=tower_func, input_signature=list(signature), input_names=list(inputs),
                        output_names=list(outputs))
    with OfflinePredictor(cfg) as predictor:
        values = {v.name: predictor.sess.run(v) for v in predictor.graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)}
    return PredictConfig(tower_func=tower_func, input_signature=list(signature), input_names=list(inputs),
                         output_names=list(outputs), session_init=DictRestore(values), **kwargs)


def load_graph_def(path):
    graph_def = tf.GraphDef()
    with open(path, "rb") as f:
        graph_def.ParseFromString(f.read())
    return graph_def


def run_graph_def(graph_def, outputs, feed, first=()):
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.import_graph_def(graph_def, name="")
        sess.run(list(first))
        return sess.run([name + ":0" if ":" not in name else name for name in outputs], feed)
