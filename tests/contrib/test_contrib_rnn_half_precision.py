"""Recurrent cells of half precision add in single precision, over the batch and over time; the truth is float64."""
import numpy as np
import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.contrib.rnn import BasicRNNCell, GRUCell, LSTMCell, dynamic_rnn

CELLS = {
    "plain": lambda: BasicRNNCell(2, activation="linear"),
    "gru": lambda: GRUCell(2),
    "lstm": lambda: LSTMCell(2, use_peepholes=True, num_proj=3, initializer=tf.constant_initializer(0.0625)),
    "sharded": lambda: LSTMCell(2, num_proj=2, num_unit_shards=2, num_proj_shards=2,
                                initializer=tf.constant_initializer(0.0625)),
}


def gradients(make, dtype, batch, time, depth):
    """The output of the last step, and the gradients of all variables."""
    with tf.Graph().as_default(), tf.variable_scope("net", initializer=tf.constant_initializer(0.0625)):
        x = tf.cast(tf.placeholder_with_default(np.full([batch, time, depth], 0.5, "float32"), [batch, time, depth]), dtype)
        outputs, _ = dynamic_rnn(make(), x, dtype=tf.as_dtype(dtype))
        assert {variable.dtype.base_dtype for variable in tf.global_variables()} == {tf.as_dtype(dtype)}
        assert outputs.dtype == dtype
        names = [variable.op.name for variable in tf.trainable_variables()]
        grads = tf.gradients(outputs, tf.trainable_variables())
        fetches = [tf.cast(tensor, tf.float64) for tensor in [outputs[:, -1]] + grads]
        with tf.Session() as sess:
            sess.run(tf.global_variables_initializer())
            return dict(zip(["output"] + names, sess.run(fetches)))


@pytest.mark.parametrize("dtype", [pytest.param("float16", marks=pytest.mark.slow_on(1)), "bfloat16"])
@pytest.mark.parametrize("name,batch,time,depth", [(name, 3000, 2, 3) for name in sorted(CELLS)] + [
    ("plain", 1, 2600, 1), ("lstm", 1, 2600, 1), ("gru", 2, 2, 9000)])  # other long cells grow without bound or saturate
def test_gradients_are_those_of_double_precision(name, batch, time, depth, dtype):
    got = gradients(CELLS[name], dtype, batch, time, depth)
    for variable, expected in gradients(CELLS[name], "float64", batch, time, depth).items():
        np.testing.assert_allclose(got[variable], expected, rtol=0.04, atol=0.02 * np.abs(expected).max(), err_msg=variable)


def test_graphs_of_single_precision_have_no_casts():
    dynamic_rnn(CELLS["lstm"](), tf.placeholder(tf.float32, [2, 3, 4]), dtype=tf.float32)
    dynamic_rnn(CELLS["gru"](), tf.placeholder(tf.float32, [2, 3, 4]), dtype=tf.float32)
    assert [op.name for op in tf.get_default_graph().get_operations() if op.type == "Cast"] == []
