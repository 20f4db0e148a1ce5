"""Networks of cells, loops and decoders that TensorFlow 1.15 and the library can both build, and how to run one.

Run by Python with TensorFlow 1.15, this file writes what TensorFlow's own names compute to `data/`:

    python tests/tf1/cells_catalogue.py
"""
import importlib
import json
import os
import types
import zlib

import decoder_networks  # noqa: F401  (fills the table)
import numpy as np
import other_networks  # noqa: F401
from cells_networks import NETWORKS

from tensorpack.compat import deprecation_silenced
from tensorpack.compat import tfv1 as tf
from tensorpack.tf1._tensorflow import layers

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")
VALUES = os.path.join(DATA, "cells_tf1.npz")
VARIABLES = os.path.join(DATA, "cells_tf1.json")
CHECKPOINTS = ["cell_layer_norm_lstm", "loop_multi", "attention_bahdanau_loop"]
PACKAGES = ["rnn", "seq2seq", "legacy_seq2seq", "crf", "distributions", "signal", "lookup", "util", "cudnn_rnn"]


def our_names():
    """The names of the library."""
    root = "tensorpack.tf1._tensorflow"
    lib = types.SimpleNamespace(**{name: importlib.import_module("{}.contrib.{}".format(root, name)) for name in PACKAGES})
    lib.nn = importlib.import_module(root + ".nn")
    lib.dense = lambda units, name: layers.Dense(units, use_bias=False, name=name)
    return lib


def tensorflow_names():
    """The names of TensorFlow 1.15."""
    lib = types.SimpleNamespace(**{name: importlib.import_module("tensorflow.contrib." + name) for name in PACKAGES})
    lib.nn = tf.nn
    lib.dense = lambda units, name: tf.layers.Dense(units, use_bias=False, name=name)
    return lib


def values_for(name, shape, dtype="float32"):
    """Values that depend on nothing but the name."""
    rng = np.random.RandomState(zlib.crc32(name.encode()) % 2 ** 31)
    if name.endswith(("period", "ratio_on")):  # must be positive
        return rng.uniform(0.4, 2.0, size=shape).astype(dtype)
    return rng.uniform(-0.9, 0.9, size=shape).astype(dtype)


def checkpoint_of(name):
    """The path of the checkpoint of a network's variables."""
    return os.path.join(DATA, "cells_checkpoint_" + name)


def save_checkpoint(name, lib):
    network = NETWORKS[name]
    with tf.Graph().as_default(), deprecation_silenced(), tf.Session() as sess:
        network.build(lib, *[tf.placeholder(tf.float32, shape) for shape in network.inputs.values()])
        for variable in tf.global_variables():
            variable.load(values_for(variable.op.name, variable.shape.as_list()), sess)
        tf.train.Saver().save(sess, checkpoint_of(name), write_meta_graph=False, write_state=False)


def run_network(name, lib, dtype=None):
    """Build a network in a new graph, give all variables their values, and run it.

    Args:
        dtype: of the inputs, in place of that of the network.

    Returns:
        a dict of arrays, `output/<i>`, `gradient/<input>`, `gradient/<variable>`; and a list of what is known of each
        variable.
    """
    network = NETWORKS[name]
    with tf.Graph().as_default(), deprecation_silenced():
        tf.set_random_seed(3)
        inputs = {key: tf.placeholder(dtype or network.dtype, shape, name=key) for key, shape in network.inputs.items()}
        outputs = [tf.convert_to_tensor(output) for output in tf.nest.flatten(network.build(lib, *inputs.values()))]
        variables = tf.global_variables()
        fetches = {"output/{}".format(i): output for i, output in enumerate(outputs)}
        fetches.update(_gradients(outputs, inputs, variables) if network.gradients else {})
        with tf.Session(config=tf.ConfigProto(inter_op_parallelism_threads=1, intra_op_parallelism_threads=1)) as sess:
            sess.run([variable.initializer for variable in variables] + [tf.tables_initializer()], {
                variable.initial_value: values_for(variable.op.name, variable.shape.as_list(),
                                                   variable.dtype.base_dtype.as_numpy_dtype) for variable in variables})
            feeds = {x: values_for(key, x.shape.as_list(), x.dtype.as_numpy_dtype) for key, x in inputs.items()}
            results = {key: _plain(value) for key, value in sess.run(fetches, feeds).items()}
            return results, [_describe(variable) for variable in variables]


def _plain(value):
    """An array that can be stored without pickle."""
    value = np.asarray(value)
    return value.astype("S") if value.dtype == object else value


def _gradients(outputs, inputs, variables):
    smooth = [output for output in outputs if output.dtype.is_floating and output.shape.is_fully_defined()]
    cost = tf.add_n([tf.reduce_sum(output * values_for("weight", output.shape.as_list(), output.dtype.as_numpy_dtype))
                     for output in smooth])
    points = list(inputs.items()) + [(variable.op.name, variable) for variable in variables]
    gradients = tf.gradients(cost, [x for _, x in points])
    return {"gradient/" + key: _dense(gradient, x)
            for (key, x), gradient in zip(points, gradients) if gradient is not None}


def _dense(gradient, x):
    if isinstance(gradient, tf.IndexedSlices):
        return tf.math.unsorted_segment_sum(gradient.values, gradient.indices, x.shape.as_list()[0])
    return gradient


def _describe(variable):
    collections = [key for key in tf.get_default_graph().get_all_collection_keys() if isinstance(key, str)
                   and any(variable is member for member in tf.get_collection(key))]
    return [variable.op.name, variable.shape.as_list(), variable.dtype.base_dtype.name, sorted(collections)]


def main():
    lib, values, variables = tensorflow_names(), {}, {}
    for name in NETWORKS:
        results, variables[name] = run_network(name, lib)
        values.update((name + ":" + key, value) for key, value in results.items())
    os.makedirs(DATA, exist_ok=True)
    np.savez_compressed(VALUES, **values)
    with open(VARIABLES, "w") as f:
        json.dump(variables, f, indent=0, sort_keys=True)
    for name in CHECKPOINTS:
        save_checkpoint(name, lib)


if __name__ == "__main__":
    main()
