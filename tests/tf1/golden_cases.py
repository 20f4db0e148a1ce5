"""Stored cases of TensorFlow 1.15: a graph, the values loaded into its variables, and what it gave."""
import numpy as np

from tensorpack.compat import tfv1 as tf


def check_case(stored, path, build, dtype=tf.float32):
    """Build the graph from placeholders of the stored shapes, and compare all that is stored in `path`."""
    with np.load(path) as f:
        arrays = {name.replace("__", "/"): f[name] for name in f.files}
    inputs = [tf.placeholder(dtype, shape, name) for name, shape in stored["inputs"].items()]
    outputs = build(*inputs)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    check_graph(stored, outputs)
    feeds = {x: arrays["in/" + x.op.name] for x in inputs}
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        check_initial_values(stored["initial_zero_or_one"], sess)
        for variable in tf.global_variables():
            variable.load(arrays["var/" + variable.op.name], sess)
        check_values(arrays, inputs, outputs, feeds, sess)
        if stored.get("regularization_losses"):
            losses = sess.run(tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES), feeds)
            np.testing.assert_allclose(losses, stored["regularization_losses"], rtol=1e-5)
        sess.run(tf.get_collection(tf.GraphKeys.UPDATE_OPS), feeds)
        for variable in tf.global_variables():
            name = variable.op.name
            expected = arrays.get("after/" + name, arrays["var/" + name])
            np.testing.assert_allclose(sess.run(variable), expected, rtol=1e-5, atol=1e-6, err_msg=name)


def check_graph(stored, outputs):
    trainable = tf.trainable_variables()
    assert [[v.op.name, v.shape.as_list(), v.dtype.base_dtype.name, any(v is each for each in trainable)]
            for v in tf.global_variables()] == stored["variables"]
    assert [x.shape.as_list() for x in outputs] == [shape for _, shape in stored["outputs"]]
    for x, (name, _) in zip(outputs, stored["outputs"]):
        # a dilated convolution is one operation where there is a kernel for it, and below a scope where not
        dilated = name.endswith("/BatchToSpaceND:0")
        assert x.name.startswith(name.replace("BatchToSpaceND:0", "Conv2D")) if dilated else x.name == name
    for key, members in stored["collections"].items():
        found = tf.get_collection(key)
        if key in ("update_ops", "regularization_losses"):
            assert len(found) == len(members), key
        else:
            assert [x.name for x in found] == members, key


def check_initial_values(stored, sess):
    for variable in tf.global_variables():
        value = sess.run(variable)
        kind = "zeros" if not value.any() else "ones" if (value == 1).all() else "random"
        assert kind == stored[variable.op.name], variable.op.name


def check_values(arrays, inputs, outputs, feeds, sess):
    for i, value in enumerate(sess.run(outputs, feeds)):
        np.testing.assert_allclose(value, arrays["out/{}".format(i)], rtol=1e-5, atol=1e-5)
    if "weight/0" not in arrays:
        return
    loss = tf.add_n([tf.reduce_sum(x * arrays["weight/{}".format(i)]) for i, x in enumerate(outputs)])
    pairs = [("grad_in/", inputs)] + ([("grad_var/", tf.trainable_variables())] if tf.trainable_variables() else [])
    for prefix, sources in pairs:
        for source, gradient in zip(sources, tf.gradients(loss, sources)):
            expected = arrays.get(prefix + source.op.name)
            assert (gradient is None) == (expected is None), source
            if gradient is not None:
                value = sess.run(tf.convert_to_tensor(gradient), feeds)
                np.testing.assert_allclose(value, expected, rtol=0, atol=1e-4 * max(abs(expected).max(), 1e-3),
                                           err_msg=source.op.name)
