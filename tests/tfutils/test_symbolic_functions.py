"""print_stat, rms, psnr: values, names, what is printed."""
import numpy as np
import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils.symbolic_functions import print_stat, psnr, rms


def run(x):
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        return sess.run(x)


def test_rms_is_named_after_its_input_from_the_root():
    with tf.name_scope("outer"):
        x = tf.constant([3.0, 4.0], name="x")
        result = rms(x)
        named = rms(x, name="mine")
    assert result.op.name == "outer/x/rms" and named.op.name == "outer/mine"
    assert run([result, named]) == pytest.approx([12.5 ** 0.5] * 2)


@pytest.mark.parametrize("resource", [False, True], ids=["ref", "resource"])
def test_rms_takes_a_variable(resource):
    variable = tf.get_variable("W", initializer=[[3.0], [4.0]], use_resource=resource)
    result = rms(variable)
    assert result.op.name == "W/rms"
    assert run(result) == pytest.approx(12.5 ** 0.5)


def test_psnr_without_maximum_takes_it_as_one():
    a, b = tf.constant([0.5, 0.5]), tf.constant([0.4, 0.6])
    result = psnr(a, b)
    assert result.op.name == "psnr"
    assert run(result) == pytest.approx(20.0, abs=1e-4)


@pytest.mark.parametrize("maxp", [255, 255.0, np.float32(255)], ids=["int", "float", "numpy"])
def test_psnr_of_images(maxp):
    a, b = tf.constant([10, 20], tf.uint8), tf.constant([20, 10], tf.uint8)  # the difference is negative too
    result = psnr(a, b, maxp, name="quality")
    assert result.op.name == "quality"
    assert run(result) == pytest.approx(20 * np.log10(255) - 20, abs=1e-4)


def test_print_stat_prints_at_each_evaluation(capfd):
    x = tf.constant([[3.0, 4.0]], name="x")
    y = print_stat(x)
    assert y.op.name == "print_x" and y.shape.as_list() == [1, 2]
    with tf.Session() as sess:
        assert sess.run(y).tolist() == [[3, 4]]
        sess.run(y)
    out, err = capfd.readouterr()
    lines = [line for line in err.splitlines() if line.startswith("x:")]
    assert lines == ["x: shape: [1 2] mean: 3.5 rms: 3.53553391 values: [3 4]"] * 2
    assert out == ""


PRINTED = {
    "message": (lambda: tf.constant([1.0]), "here", "here: shape: [1] mean: 1 rms: 1 values: [1]"),
    "integers": (lambda: tf.constant([1, 2]), "m", "m: shape: [2] mean: 1.5 values: [1 2]"),
    "bools": (lambda: tf.constant([True]), "m", "m: shape: [1] values: [1]"),
    "strings": (lambda: tf.constant(["a"]), "m", 'm: shape: [1] values: ["a"]'),
    "scalar": (lambda: tf.constant(2.0), "m", "m: shape: [] mean: 2 rms: 2 values: [2]"),
    "long": (lambda: tf.range(100), "m", "m: shape: [100] mean: 49.5 values: [{}]".format(" ".join(map(str, range(20))))),
}


@pytest.mark.parametrize("make, message, line", list(PRINTED.values()), ids=list(PRINTED))
def test_print_stat_shows(make, message, line, capfd):
    run(print_stat(make(), message))
    assert line in capfd.readouterr().err.splitlines()


def test_gradients_flow_through_print_stat(capfd):
    x = tf.constant([1.0, 2.0], name="x")
    assert run(tf.gradients(tf.reduce_sum(tf.square(print_stat(x))), x)[0]).tolist() == [2, 4]
