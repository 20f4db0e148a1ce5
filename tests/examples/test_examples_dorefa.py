"""DoReFa-Net: what the quantizers give forwards and backwards, and the scripts."""
import re

import cv2
import numpy as np
import pytest
from example_models import example_globals, last_statistics, trainable_sizes
from example_runner import run_example

from tensorpack.compat import tfv1 as tf

pytestmark = pytest.mark.slow_on(1)  # the scripts are the same, and what they are made of is tested on both


@pytest.fixture
def dorefa(monkeypatch):
    return example_globals(monkeypatch, "DoReFa-Net/dorefa.py")


def value_and_gradient(function, x, weights=1.):
    """What `function` makes of `x`, and the gradient of the sum of its elements times `weights`."""
    with tf.Graph().as_default(), tf.Session() as sess:
        x = tf.constant(np.asarray(x, "float32"))
        y = function(x)
        return sess.run([y, tf.gradients(tf.reduce_sum(y * weights), x)[0]])


def test_one_bit_weights_are_the_mean_with_a_sign(dorefa):
    value, gradient = value_and_gradient(lambda w: dorefa["quantize_weight"](w, 1), [-3, 1, 0, 0.5], [1, 2, 3, 4])
    np.testing.assert_allclose(value, np.array([-1, 1, 1, 1]) * 4.5 / 4, rtol=1e-6)
    np.testing.assert_allclose(gradient, [1, 2, 3, 4])


@pytest.mark.parametrize("bits", [2, 3, 8])
def test_weights_have_so_many_values_and_gradients_of_tanh(dorefa, bits):
    w = np.append(np.random.RandomState(0).randn(20000), 2.)
    value, gradient = value_and_gradient(lambda w: dorefa["quantize_weight"](w, bits), w)
    assert len(np.unique(value)) == 2 ** bits and value.max() == 1 and value.min() == -1
    expected = np.tanh(w) / np.tanh(abs(w).max())
    assert abs(value - expected).max() <= 1.01 / (2 ** bits - 1)
    inner = abs(w) < abs(w).max()
    np.testing.assert_allclose(gradient[inner], ((1 - np.tanh(w) ** 2) / np.tanh(abs(w).max()))[inner], atol=1e-5)


def test_activations_are_limited_and_their_gradient_passes_inside(dorefa):
    value, gradient = value_and_gradient(lambda x: dorefa["quantize_activation"](x, 2), [-0.4, 0.1, 0.3, 0.6, 1.7])
    np.testing.assert_allclose(value, [0, 0, 1 / 3., 2 / 3., 1], atol=1e-6)
    np.testing.assert_allclose(gradient, [0, 1, 1, 1, 0])


def test_gradients_are_quantized_in_the_range_of_each_sample_and_right_on_average(dorefa):
    arriving = np.random.RandomState(0).randn(3, 4).astype("float32") * [[1], [100], [0]]
    many = np.repeat(arriving[:, :, None], 4000, axis=2)
    value, gradient = value_and_gradient(lambda x: dorefa["quantize_gradient"](x, 3), np.ones(many.shape), many)
    assert (value == 1).all()
    largest = 2 * abs(arriving).max(axis=1)
    levels = (gradient[:2] / largest[:2, None, None] + 0.5) * 7
    np.testing.assert_allclose(levels, np.round(levels), atol=1e-4)
    np.testing.assert_allclose(gradient.mean(axis=2), arriving, atol=0.02 * largest.max())
    assert (gradient[2] == 0).all()


def test_32_bits_change_nothing(dorefa):
    for name, value, gradient in [("weight", [-1, 2], [1, 1]), ("activation", [0, 2], [0, 1]), ("gradient", [-1, 2], [1, 1])]:
        got = value_and_gradient(lambda x, name=name: dorefa["quantize_" + name](x, 32), [-1, 2])
        np.testing.assert_array_equal(got, [value, gradient])


@pytest.mark.parametrize("script, bits, quantized", [
    ("svhn-digit-dorefa", (1, 2, 4), 6),
    ("alexnet-dorefa", (1, 2, 6), 6),
    ("resnet-dorefa", (2, 4, 8), 19),
])
def test_all_layers_but_the_first_and_the_last_are_quantized(monkeypatch, log_records, script, bits, quantized):
    model = example_globals(monkeypatch, "DoReFa-Net/{}.py".format(script))["Model"](bits)
    layers = [name for name in trainable_sizes(model) if name.endswith("/W")]
    found = [r.getMessage().split()[-1] for r in log_records if r.getMessage().startswith("Quantizing weight")]
    assert len(found) == quantized and found == layers[1:-1]


def test_size_of_alexnet(monkeypatch):
    """As Krizhevsky et al. 2012, 60965224, with the scale and the shift of the normalization in place of biases."""
    sizes = trainable_sizes(example_globals(monkeypatch, "DoReFa-Net/alexnet-dorefa.py")["Model"]())
    assert sum(size for name, size in sizes.items() if not name.endswith("/gamma")) == 60965224


@pytest.mark.parametrize("script, arguments", [
    ("svhn-digit-dorefa", []),
    pytest.param("alexnet-dorefa", [], marks=pytest.mark.slow),
    pytest.param("resnet-dorefa", ["--dorefa", "1,2,4"], marks=pytest.mark.slow),
], ids=lambda x: "".join(x))
def test_script_trains(monkeypatch, tmp_path, script, arguments):
    run_example(monkeypatch, tmp_path, "DoReFa-Net/{}.py".format(script), "--fake", "--logdir", "log", *arguments)
    statistics = last_statistics(tmp_path / "log")
    assert statistics["cost"] > statistics["cross_entropy"] > 0


@pytest.mark.slow_on(1)
def test_run_predicts_a_picture(monkeypatch, tmp_path, capsys):
    picture = np.random.RandomState(0).randint(0, 256, (250, 320, 3)).astype("uint8")
    assert cv2.imwrite(str(tmp_path / "picture.png"), picture)
    run_example(monkeypatch, tmp_path, "DoReFa-Net/resnet-dorefa.py", "--fake", "--run", "picture.png")
    rows = re.findall(r"^ *(\d+\.\d\d) %  (\d+)$", capsys.readouterr().out, re.M)
    percent = [float(row[0]) for row in rows]
    assert len(rows) == 5 and percent == sorted(percent, reverse=True) and len({row[1] for row in rows}) == 5


@pytest.mark.parametrize("script, arguments, message", [
    ("svhn-digit-dorefa", ["--fake", "--dorefa", "1,2"], "invalid bits value: '1,2'"),
    ("svhn-digit-dorefa", ["--fake", "--dorefa", "0,2,4"], "invalid bits value"),
    ("resnet-dorefa", ["--run", "x.png"], "--run needs --load"),
])
def test_wrong_arguments_are_refused(monkeypatch, tmp_path, capsys, script, arguments, message):
    with pytest.raises(AssertionError, match="ended with 2"):
        run_example(monkeypatch, tmp_path, "DoReFa-Net/{}.py".format(script), *arguments)
    assert message in capsys.readouterr().err
