"""Networks of `slim.nets` that both TensorFlow 1.15 and the library can build: all as graphs, small ones with values.

Run by Python with TensorFlow 1.15, this file writes what TensorFlow's own networks are to `data/`:

    python tests/tf1/slim_networks.py
"""
import gzip
import json
import os
import zlib

import numpy as np

from tensorpack.compat import deprecation_silenced
from tensorpack.compat import tfv1 as tf

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")
GRAPHS = os.path.join(DATA, "slim_networks.json.gz")
VALUES = os.path.join(DATA, "slim_networks.npz")

GRAPH_CASES, VALUE_CASES = {}, {}  # name -> (shape of the images, function of slim and images that returns output, end points)


def network(family, name, size, arg_scope=None, batch=1, **kwargs):
    def build(slim, images):
        module = getattr(slim.nets, family)
        with slim.arg_scope(getattr(module, arg_scope or name + "_arg_scope")()):
            return getattr(module, name)(images, **kwargs)

    return [batch, size, size, 3], build


for _version in ("v1", "v2"):
    _family = "resnet_" + _version
    for _depth in (50, 101, 152, 200):  # the tests of all but the smallest are slow
        GRAPH_CASES["{}_{}".format(_family, _depth)] = network(
            _family, "{}_{}".format(_family, _depth), 65, "resnet_arg_scope", num_classes=11)
    GRAPH_CASES[_family + "_features"] = network(_family, _family + "_50", 65, "resnet_arg_scope", is_training=False)
    GRAPH_CASES[_family + "_dense"] = network(
        _family, _family + "_50", 97, "resnet_arg_scope", num_classes=3, global_pool=False, output_stride=8, scope="dense")
for _name in ("vgg_a", "vgg_16", "vgg_19"):
    GRAPH_CASES[_name] = network("vgg", _name, 224, "vgg_arg_scope")
GRAPH_CASES["vgg_map"] = network("vgg", "vgg_16", 256, "vgg_arg_scope", num_classes=5, spatial_squeeze=False, is_training=False)
GRAPH_CASES["alexnet"] = network("alexnet", "alexnet_v2", 224, "alexnet_v2_arg_scope")
GRAPH_CASES["overfeat"] = network("overfeat", "overfeat", 231, "overfeat_arg_scope", num_classes=7, scope="o")
GRAPH_CASES["inception_v1"] = network("inception", "inception_v1", 224)
GRAPH_CASES["inception_v2"] = network("inception", "inception_v2", 224, num_classes=9)
GRAPH_CASES["inception_v3"] = network("inception", "inception_v3", 160, depth_multiplier=0.5, spatial_squeeze=False)
for _version, _end in (("v1", "MaxPool_4a_3x3"), ("v2", "Conv2d_1a_7x7"), ("v3", "Mixed_6a"), ("v3", "Conv2d_2b_3x3")):
    GRAPH_CASES["inception_{}_{}".format(_version, _end)] = network(
        "inception", "inception_{}_base".format(_version), 96, "inception_{}_arg_scope".format(_version), final_endpoint=_end)


def small_resnet(version, is_training, **kwargs):
    def build(slim, images):
        module = getattr(slim.nets, "resnet_" + version)
        block = getattr(module, "resnet_{}_block".format(version))
        blocks = [block("block1", 2, 2, 2), block("block2", 3, 2, 2), block("block3", 3, 1, 1)]
        with slim.arg_scope(module.resnet_arg_scope(batch_norm_decay=0.9)):
            return getattr(module, "resnet_" + version)(images, blocks, 5, is_training, **kwargs)

    return [2, 33, 33, 3], build


for _version in ("v1", "v2"):
    VALUE_CASES["resnet_{}_train".format(_version)] = small_resnet(_version, True)
    VALUE_CASES["resnet_{}_infer".format(_version)] = small_resnet(_version, False)
    VALUE_CASES["resnet_{}_dense".format(_version)] = small_resnet(_version, True, global_pool=False, output_stride=8)
    VALUE_CASES["resnet_{}_rootless".format(_version)] = small_resnet(
        _version, False, include_root_block=False, output_stride=2, global_pool=False)
_THIN = dict(num_classes=5, depth_multiplier=0.05, min_depth=4, is_training=False)
VALUE_CASES["inception_v1"] = network(
    "inception", "inception_v1_base", 32, "inception_v1_arg_scope", final_endpoint="Mixed_3b")
VALUE_CASES["inception_v2"] = network("inception", "inception_v2", 64, **_THIN)
VALUE_CASES["inception_v3"] = network("inception", "inception_v3", 150, **_THIN)
for _name, _kwargs in {"conv2d_same": dict(kernel_size=3, stride=2), "conv2d_same_even": dict(kernel_size=4, stride=3),
                       "conv2d_same_dilated": dict(kernel_size=3, stride=1, rate=2)}.items():
    VALUE_CASES[_name] = [2, 7, 6, 3], lambda slim, x, kwargs=_kwargs: (
        slim.nets.resnet_utils.conv2d_same(x, 4, scope="c", **kwargs), {})


def describe(slim, name):
    """Variables, end points, and how many members collections have."""
    shape, build = GRAPH_CASES[name]
    with tf.Graph().as_default(), deprecation_silenced():
        output, end_points = build(slim, tf.placeholder(tf.float32, shape))
        trainable = {v.op.name for v in tf.trainable_variables()}
        return {
            "variables": [[v.op.name, v.shape.as_list(), v.op.name in trainable] for v in tf.global_variables()],
            "model_variables": [v.op.name for v in tf.get_collection("model_variables")],
            "end_points": sorted([key, value.shape.as_list()] for key, value in end_points.items()),
            "output": output.shape.as_list(),
            "sizes": {key: len(tf.get_collection(key)) for key in ("update_ops", "regularization_losses", "moving_vars")},
        }


def arg_scopes(slim):
    """{name of an arg_scope: {name of a function: {argument: number or name}}}."""
    scopes = {}
    for family, name in (("resnet_v1", "resnet"), ("vgg", "vgg"), ("alexnet", "alexnet_v2"), ("overfeat", "overfeat"),
                         ("inception", "inception_v1"), ("inception", "inception_v2"), ("inception", "inception_v3")):
        scope = getattr(getattr(slim.nets, family), name + "_arg_scope")()
        functions = {}
        for function in (slim.conv2d, slim.fully_connected, slim.batch_norm, slim.max_pool2d):
            arguments = scope.get(slim.arg_scope_func_key(function), {})
            functions[function.__name__] = {key: _plain(value) for key, value in sorted(arguments.items())}
        scopes[name] = functions
    return scopes


def _plain(value):
    if callable(value):
        return "a function or initializer"
    return {key: _plain(each) for key, each in value.items()} if isinstance(value, dict) else value


def run(slim, name):
    """{key: array}: output, end points, regularisation losses, gradients, and variables after the updates."""
    shape, build = VALUE_CASES[name]
    random = np.random.RandomState(0)
    with tf.Graph().as_default(), deprecation_silenced(), tf.Session() as sess:
        images = tf.placeholder(tf.float32, shape)
        output, end_points = build(slim, images)
        loss = tf.reduce_sum(output * random.randn(*output.shape.as_list()).astype("float32"))
        tensors = {"output": output, "image": tf.gradients(loss, images)[0]}
        tensors.update({"end/" + key: value for key, value in end_points.items()})
        for variable, gradient in zip(tf.trainable_variables(), tf.gradients(loss, tf.trainable_variables())):
            if gradient is not None:
                tensors["gradient/" + variable.op.name] = gradient
        losses = tf.get_collection("regularization_losses")
        tensors["regularization"] = tf.add_n(losses) if losses else tf.constant(0.)
        initializers = [variable.initializer for variable in tf.global_variables()]
        sess.run(initializers, {op.inputs[1]: value_of(v) for v, op in zip(tf.global_variables(), initializers)})
        feeds = {images: random.randn(*shape)}
        values = sess.run(tensors, feeds)
        sess.run(tf.get_collection("update_ops"), feeds)
        moving = [v for v in tf.global_variables() if "/moving_" in v.op.name]
        values.update({"after/" + v.op.name: value for v, value in zip(moving, sess.run(moving))})
        return values


def value_of(variable):
    """An array that depends on the name alone; variances and gammas are positive."""
    random = np.random.RandomState(zlib.crc32(variable.op.name.encode()))
    value = random.randn(*variable.shape.as_list()) * 0.2
    return np.abs(value) + 0.5 if variable.op.name.endswith(("variance", "gamma")) else value


def main():
    import tensorflow.contrib.slim as slim
    import tensorflow.contrib.slim.nets  # noqa: F401

    graphs = {name: describe(slim, name) for name in GRAPH_CASES}  # takes minutes
    with open(GRAPHS, "wb") as f, gzip.GzipFile(fileobj=f, mode="wb", mtime=0) as zipped:
        zipped.write(json.dumps({"graphs": graphs, "arg_scopes": arg_scopes(slim)}).encode())
    stored = {}
    for name in VALUE_CASES:
        stored[name + "/keys"], stored[name] = digest(run(slim, name))
    np.savez_compressed(VALUES, **stored)


def digest(values):
    """(sorted keys, four weighted sums of each array, of random weights): they tell as much as thousands of entries do."""
    sums = []
    for key in sorted(values):
        value = np.asarray(values[key], "float64").ravel()
        sums.append(np.random.RandomState(zlib.crc32(key.encode())).randn(4, value.size) @ value / np.sqrt(value.size))
    return np.array(sorted(values)), np.array(sums, "float32")


if __name__ == "__main__":
    main()
