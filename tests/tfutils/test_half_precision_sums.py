"""Statistics, gradients and optimizers add numbers of half precision in single precision; the truth is float64 numpy."""
import numpy as np
import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils.gradproc import GlobalNormClip, SummaryGradient
from tensorpack.tfutils.optimizer import AccumGradOptimizer, LossScaleOptimizer
from tensorpack.tfutils.summary import add_moving_summary, add_tensor_summary
from tensorpack.tfutils.symbolic_functions import print_stat, psnr, rms

HALF = pytest.mark.parametrize("dtype", ["float16", "bfloat16"])


def full(shape, value, dtype):
    array = np.full(shape, value, "float32")
    return tf.cast(tf.placeholder_with_default(array, array.shape), dtype)


def run(fetches):
    with tf.Session() as sess:
        sess.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        return sess.run(fetches)


def scalars():
    """The values of all summaries of the graph by tag."""
    summaries = [tf.Summary.FromString(text) for text in run(tf.get_collection(tf.GraphKeys.SUMMARIES))]
    return {value.tag: value.simple_value for summary in summaries for value in summary.value}


def lookup_gradient(dtype, num_rows=3000):
    """The gradient of a table, of which row 1 was looked up so many times."""
    table = tf.get_variable("table", [3, 2], dtype, initializer=tf.zeros_initializer())
    grad = tf.IndexedSlices(full([num_rows, 2], 1, dtype), np.ones(num_rows, "int32"), [3, 2])
    return grad, table


FUNCTIONS = {  # from a tensor of 300 x 300 twos, or of 300 x 300 times 300, to a scalar
    "rms": (lambda x: rms(x), 2, 300),
    "rms-named": (lambda x: rms(x, name="mine"), 2, 300),
    "psnr": (lambda x: psnr(x, tf.zeros_like(x), 4), 20 * np.log10(4 / 2), 20 * np.log10(4 / 300)),
}


@HALF
@pytest.mark.parametrize("which", [1, 2], ids=["many", "large"])
@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_functions(name, which, dtype):
    function = FUNCTIONS[name][0]
    result = function(full([300, 300], [None, 2, 300][which], dtype))
    assert result.dtype == dtype
    assert float(run(tf.cast(result, tf.float64))) == pytest.approx(FUNCTIONS[name][which], rel=1e-2)


@HALF
def test_names_of_functions_stay(dtype):
    x = tf.identity(full([4], 1, dtype), name="x")
    assert [f.op.name for f in (rms(x), rms(x, name="mine"), psnr(x, x, 4))] == ["x/rms", "mine", "psnr"]


@HALF
@pytest.mark.parametrize("value", [2, 300])
def test_summaries(dtype, value):
    add_tensor_summary(full([300, 300], value, dtype), ["mean", "rms", "sparsity"], name="x")
    assert scalars() == {"x-mean": pytest.approx(value, rel=1e-2), "x-rms": pytest.approx(value, rel=1e-2), "x-sparsity": 0}


@HALF
def test_printed_statistics(dtype, capfd):
    run(tf.cast(print_stat(full([300, 300], 256, dtype), "x"), tf.float32))
    assert "x: shape: [300 300] mean: 256 rms: 256 values:" in capfd.readouterr().err


@HALF
def test_a_moving_average_counts_its_steps(dtype):
    update, = add_moving_summary(tf.identity(full([], 3, dtype), name="x"))
    with tf.Session() as sess:
        sess.run(tf.local_variables_initializer())
        for _ in range(300):
            last = sess.run(update)
    assert last == pytest.approx(3, rel=1e-4)


@HALF
def test_summarized_gradients(dtype):
    SummaryGradient().process([lookup_gradient(dtype)])
    assert scalars()["SummaryGradient/table/rms-summary"] == pytest.approx(3000 / np.sqrt(3), rel=1e-2)


@HALF
def test_a_common_norm(dtype):
    """Of all dtypes together, above what float16 holds."""
    half, single = full([300, 300], 4, dtype), full([10, 10], 60, "float32")
    variable = tf.get_variable("v", [1])
    slices = tf.IndexedSlices(full([100, 2], 8, dtype), np.arange(100), [100, 2])
    pairs = GlobalNormClip(1.0).process([(half, variable), (single, variable), (None, variable), (slices, variable)])
    norm = np.sqrt(90000 * 16 + 100 * 3600 + 200 * 64)
    assert [grad.dtype for grad, _ in pairs if grad is not None] == [half.dtype, tf.float32, half.dtype]
    got = run([tf.cast(grad, tf.float64) for grad in (pairs[0][0][0, 0], pairs[1][0][0, 0], pairs[3][0].values[0, 0])])
    np.testing.assert_allclose(got, [4 / norm, 60 / norm, 8 / norm], rtol=1e-2)


@HALF
def test_accumulated_gradients(dtype):
    variable = tf.get_variable("v", [2], dtype, initializer=tf.zeros_initializer())
    grad = full([2], 1, dtype)
    step = AccumGradOptimizer(tf.train.GradientDescentOptimizer(1.0), 600).apply_gradients([(grad + 8, variable)])
    total = next(v for v in tf.global_variables() if v.op.name == "v/AccumGrad")
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for _ in range(599):
            sess.run(step)
        np.testing.assert_allclose(sess.run(tf.cast(total, tf.float64)), 599 * 9)
        sess.run(step)
        np.testing.assert_allclose(sess.run(tf.cast(variable, tf.float64)), -5400, rtol=1e-2)
        np.testing.assert_array_equal(sess.run(tf.cast(total, tf.float64)), 0)


@HALF
def test_accumulated_lookups(dtype):
    grad, table = lookup_gradient(dtype)
    step = AccumGradOptimizer(tf.train.GradientDescentOptimizer(1.0), 1).apply_gradients([(grad, table)])
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run(step)
        np.testing.assert_allclose(sess.run(tf.cast(table, tf.float64)), [[0, 0], [-3000] * 2, [0, 0]], rtol=1e-2)


@HALF
@pytest.mark.parametrize("scale", [2. ** 15, 2. ** 17, 2. ** 24])
def test_a_scale_that_half_precision_cannot_hold(dtype, scale):
    variable = tf.get_variable("v", [2], dtype, initializer=tf.ones_initializer())
    loss = tf.reduce_sum(tf.cast(variable, tf.float32)) * 2. ** -13
    (grad, _), = LossScaleOptimizer(tf.train.GradientDescentOptimizer(1.0), initial_scale=scale).compute_gradients(loss)
    assert run(tf.cast(grad, tf.float64)).tolist() == [2. ** -13] * 2


def test_graphs_of_single_precision_have_no_casts():
    x = tf.placeholder(tf.float32, [3, 3], name="x")
    grad, table = lookup_gradient("float32")
    before = set(tf.get_default_graph().get_operations())
    rms(x), psnr(x, x, tf.constant(1.0)), add_tensor_summary(x, ["mean", "rms"]), add_moving_summary(tf.reduce_sum(x))
    SummaryGradient().process([(grad, table)])
    pairs = GlobalNormClip(1.0).process([(x, table), (grad, table)])
    AccumGradOptimizer(tf.train.GradientDescentOptimizer(1.0), 2).apply_gradients([(pairs[1][0], table)])
    assert [op.name for op in tf.get_default_graph().get_operations() if op.type == "Cast" and op not in before] == []
