"""Frozen graphs that are made for OpenCV, which computes some operations otherwise."""
import numpy as np
import pytest
from exported_towers import RNG, exported, named, signature
from inference_towers import of

from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils.export import ExportMismatch, ModelExporter


def weight(name, *shape):
    return tf.get_variable(name, shape, initializer=tf.random_normal_initializer(seed=1))


def convolved(x, channels=5, name="c"):
    return tf.nn.conv2d(x, weight(name, 3, 3, x.shape.as_list()[-1], channels), strides=[1, 1, 1, 1], padding="SAME")


def between_space_and_batch(x):
    x = tf.space_to_batch_nd(x, [2, 3], [[2, 4], [3, 6]])
    x = tf.nn.conv2d(x, weight("w", 3, 3, 4, 5), strides=[1, 1, 1, 1], padding="VALID")
    return tf.batch_to_space_nd(x, [2, 3], [[0, 2], [1, 3]])


def in_halves(x):
    first, second = tf.split(convolved(x, 6), 2, axis=3)
    return first * 2 + tf.nn.relu(second)


def in_parts(x):
    first, second, third = tf.split(x, [1, 2, 1], axis=3)
    return tf.concat([convolved(first, name="a"), second, convolved(third, name="b")], 3)


def padded(x, mode, *sizes):
    return tf.pad(convolved(x), [[0, 0], *sizes, [0, 0]], mode)


OPENCV = {
    "dilated": lambda x: tf.nn.conv2d(x, weight("w", 3, 3, 4, 5), [1, 1, 1, 1], "SAME", dilations=[1, 2, 3, 1]),
    "dilated, valid": lambda x: tf.nn.convolution(x, weight("w", 3, 3, 4, 5), "VALID", dilation_rate=[2, 3]),
    "dilated by space to batch": between_space_and_batch,
    "dilated depthwise": lambda x: tf.nn.depthwise_conv2d(x, weight("w", 3, 3, 4, 1), [1, 1, 1, 1], "SAME", rate=[2, 2]),
    "softmax over channels": lambda x: tf.nn.softmax(30 * convolved(x)),
    "1 - x": lambda x: 1 - tf.sigmoid(convolved(x)),
    "-x": lambda x: -convolved(x),
    "x - channels": lambda x: convolved(x) - tf.constant([1., 2, 3, 4, 5]),
    "split": in_halves,
    "split in parts": in_parts,
    "symmetric padding": lambda x: padded(x, "SYMMETRIC", [1, 2], [3, 0]),
    "reflected padding": lambda x: padded(x, "REFLECT", [1, 2], [3, 0]),
    "reversed channels": lambda x: convolved(x[..., ::-1]),
    "reversed channels behind": lambda x: convolved(x)[:, :, :, ::-1],
    "reversed rows": lambda x: convolved(x)[:, ::-1],
    "reversed part of columns": lambda x: convolved(x)[:, :, 6:1:-2, 1:4],
    "flipped": lambda x: tf.reverse(convolved(x), [1, 2]),
    "a bias at the end": lambda x: tf.nn.bias_add(convolved(x), [1., 2, 3, 4, 5]),
    "larger": lambda x: tf.image.resize_bilinear(convolved(x), [16, 18]),
}


@pytest.mark.parametrize("name", OPENCV)
def test_opencv_computes_a_frozen_graph_made_for_it(tmp_path, name):
    cv2 = pytest.importorskip("cv2")
    image = RNG.uniform(-1, 1, (2, 8, 9, 4)).astype("float32")
    path, expected = exported(tmp_path, "compact", named(OPENCV[name]), image, target="opencv")
    net = cv2.dnn.readNetFromTensorflow(path)
    net.setInput(np.ascontiguousarray(image.transpose(0, 3, 1, 2)))
    np.testing.assert_allclose(net.forward("y").transpose(0, 2, 3, 1), expected, atol=1e-4)


def test_what_opencv_computes_otherwise_is_refused_with_its_name(tmp_path):
    pytest.importorskip("cv2")
    config = of(named(lambda x: 1 / (2 + tf.sigmoid(convolved(x)))), ["y"], ["x"], signature(np.zeros([1, 8, 8, 4], "float32")))
    with pytest.raises(ExportMismatch, match="OpenCV must run the file.*Division of constant"):
        ModelExporter(config).export_compact(str(tmp_path / "model"), target="opencv")
    with pytest.raises(ValueError, match="target must be None, or 'opencv' with optimize=True; got 'x'"):
        ModelExporter(config).export_compact(str(tmp_path / "model"), target="x")
