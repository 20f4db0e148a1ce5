"""What is built with both TensorFlow 1.15 and the library, and how one of these graphs is recorded.

Run by Python with TensorFlow 1.15, this file writes what TensorFlow's own names compute to `data/layers_catalogue.{json,npz}`:

    python tests/tf1/layers_catalogue.py
"""
import importlib
import json
import os
import types
import zlib

import layers_scopes  # noqa: F401
import numpy as np
from layers_graphs import BUILDERS

from tensorpack.compat import deprecation_silenced
from tensorpack.compat import tfv1 as tf

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")
GRAPHS, VALUES = [os.path.join(DATA, "layers_catalogue." + kind) for kind in ("json", "npz")]


def our_names():
    """The names of the library."""
    root = "tensorpack.tf1._tensorflow."
    return types.SimpleNamespace(**{name: importlib.import_module(root + path) for name, path in (
        ("layers", "layers"), ("clayers", "contrib.layers"), ("framework", "contrib.framework"),
        ("optimizers", "contrib.layers.python.layers.optimizers"), ("clayers_layers", "contrib.layers.python.layers.layers"))})


def tensorflow_names():
    """The names of TensorFlow 1.15."""
    from tensorflow.contrib import framework
    from tensorflow.contrib import layers as clayers
    from tensorflow.contrib.layers.python.layers import layers as clayers_layers
    from tensorflow.contrib.layers.python.layers import optimizers

    return types.SimpleNamespace(layers=tf.layers, clayers=clayers, framework=framework, optimizers=optimizers,
                                 clayers_layers=clayers_layers)


def values_for(name, shape, dtype):
    """Values that depend on nothing but the name: near 1 for factors, positive for variances."""
    rng = np.random.RandomState(zlib.crc32(name.encode()) % 2 ** 31)
    if np.issubdtype(np.dtype(dtype), np.integer):
        return rng.randint(0, 3, shape).astype(dtype)
    value = rng.uniform(-0.9, 0.9, size=shape)
    if any(word in name for word in ("variance", "stddev", "gamma", "temperature", "reparam", "local_step")):
        value = np.abs(value) + 0.5
    return value.astype(dtype)


def record(key, names):
    """Build a graph and run it. Returns (facts of the graph, name -> array)."""
    function, shapes, dtype, known_batch = BUILDERS[key]
    with tf.Graph().as_default() as g, deprecation_silenced():
        tf.set_random_seed(1)
        inputs = [tf.placeholder(dtype, shape if known_batch else [None] + shape[1:], "x" + str(i))
                  for i, shape in enumerate(shapes)]
        outputs = function(names, *inputs)
        outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
        facts = facts_of(g, outputs)
        feeds = {x: values_for("x" + str(i), shapes[i], dtype) for i, x in enumerate(inputs)}
        return facts, run(outputs, inputs, feeds)


def facts_of(g, outputs):
    trainable = {id(v) for v in tf.trainable_variables()}
    collections = {}
    for collection in g.get_all_collection_keys():
        if isinstance(collection, tuple) or collection in ("cond_context", "while_context"):
            continue
        members = tf.get_collection(collection)
        by_name = [each.name for each in members] if all(hasattr(each, "name") for each in members) else len(members)
        collections[str(collection)] = len(members) if collection in ("update_ops", "regularization_losses") else by_name
    return {
        "outputs": [[x.name, None if x.shape.ndims is None else x.shape.as_list(), x.dtype.name] for x in outputs],
        "variables": [[v.op.name, v.shape.as_list(), v.dtype.base_dtype.name, id(v) in trainable,
                       v.op.type in ("VarHandleOp",)] for v in tf.global_variables()],
        "collections": {name: members for name, members in sorted(collections.items()) if members},
    }


def run(outputs, inputs, feeds):
    """Outputs, gradients, regularisation losses, and the variables after all UPDATE_OPS, one by one."""
    fetches = {"out/{}".format(i): x for i, x in enumerate(outputs)}
    floats = [x for x in outputs if x.dtype.is_floating]
    sources = {"x/" + x.op.name: x for x in inputs if x.dtype.is_floating}
    sources.update(("var/" + v.op.name, v) for v in tf.trainable_variables())
    if floats and sources:
        # its gradient is another one at each place
        loss = tf.add_n([tf.reduce_sum(tf.sin(tf.cast(x, tf.float64) + 0.7 * i)) for i, x in enumerate(floats)])
        for name, gradient in zip(sources, tf.gradients(loss, list(sources.values()))):
            if gradient is not None:
                fetches["grad/" + name] = tf.convert_to_tensor(gradient)
    for i, loss in enumerate(tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)):
        fetches["loss/{}".format(i)] = loss
    variables = tf.global_variables()
    config = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    with tf.Session(config=config) as sess:
        sess.run([v.initializer for v in variables],
                 {v.initializer.inputs[1]: values_for(v.op.name, v.shape.as_list(), v.dtype.base_dtype.as_numpy_dtype)
                  for v in variables})
        arrays = dict(sess.run(fetches, feeds))
        for update in tf.get_collection(tf.GraphKeys.UPDATE_OPS):  # those of a layer that is called twice would race
            sess.run(update, feeds)
        arrays.update(("after/" + v.op.name, value) for v, value in zip(variables, sess.run(variables)))
    return arrays


def check(key, found, expected):
    """Assert that a record is the expected one."""
    (facts, arrays), (expected_facts, expected_arrays) = found, expected
    for kind in ("outputs", "variables", "collections"):
        assert facts[kind] == expected_facts[kind], (key, kind, facts[kind], expected_facts[kind])
    assert set(arrays) == set(expected_arrays)
    for name, value in expected_arrays.items():
        assert arrays[name].dtype == value.dtype, name
        largest = max(np.abs(value).max(), 1e-3) if value.size else 1
        tolerance = (1e-4 if name.startswith("grad/") else 1e-5) * (400 if value.dtype == np.float16 else 1)
        np.testing.assert_allclose(np.asarray(arrays[name], "float64"), np.asarray(value, "float64"), rtol=tolerance,
                                   atol=tolerance * largest, err_msg="{} {}".format(key, name))


def write():
    graphs, values = {}, {}
    names = tensorflow_names()
    for key in BUILDERS:
        facts, arrays = record(key, names)
        # thousands of small files in an archive would take more room than the numbers
        index = [[name, value.dtype.name, list(value.shape)] for name, value in sorted(arrays.items())]
        for name, dtype, _ in index:
            values.setdefault(dtype, []).append(np.ravel(arrays[name]))
        graphs[key] = dict(facts, arrays=index)
    with open(GRAPHS, "w") as f:
        f.write("{\n" + ",\n".join("{}: {}".format(json.dumps(key), json.dumps(facts, sort_keys=True))
                                   for key, facts in graphs.items()) + "\n}\n")
    np.savez_compressed(VALUES, **{dtype: np.concatenate(parts) for dtype, parts in values.items()})


def read():
    """key -> (facts, name -> array), as TensorFlow 1.15 gave them."""
    with open(GRAPHS) as f:
        graphs = json.load(f)
    with np.load(VALUES) as f:
        numbers = {dtype: f[dtype] for dtype in f.files}
    place = dict.fromkeys(numbers, 0)
    result = {}
    for key, facts in graphs.items():  # in the order in which they were written
        arrays = {}
        for name, dtype, shape in facts.pop("arrays"):
            begin = place[dtype]
            place[dtype] += int(np.prod(shape))
            arrays[name] = numbers[dtype][begin:place[dtype]].reshape(shape)
        result[key] = facts, arrays
    return result


if __name__ == "__main__":
    write()
