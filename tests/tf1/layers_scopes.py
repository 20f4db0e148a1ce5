"""Builders of graphs in which the scope around layers says how variables are made, and shared."""
import contextlib

from layers_graphs import IMAGES, ROWS, graph

from tensorpack.compat import tfv1 as tf


def renamed_getter(getter, name, *args, **kwargs):
    return getter(name.replace("kernel", "own"), *args, **kwargs) * 0.5 if "kernel" in name else getter(name, *args, **kwargs)


def frozen_getter(getter, name, *args, **kwargs):
    return getter(name, *args, **dict(kwargs, trainable=False))


SCOPES = {
    "plain": {}, "regularizer": dict(regularizer=tf.nn.l2_loss), "initializer": dict(initializer=tf.ones_initializer()),
    "partitioner": dict(partitioner=tf.fixed_size_partitioner(2)), "custom_getter": dict(custom_getter=renamed_getter),
    "frozen": dict(custom_getter=frozen_getter), "dtype": dict(dtype=tf.float64), "resource": dict(use_resource=True),
    "constraint": dict(constraint=tf.nn.relu),
}
LAYERS = {
    "dense": (ROWS, lambda n, x, **scope: n.layers.dense(x, 3, **scope)),
    "conv2d": (IMAGES, lambda n, x, **scope: n.layers.conv2d(x, 3, 2, **scope)),
    "separable": (IMAGES, lambda n, x, **scope: n.layers.separable_conv2d(x, 3, 2, **scope)),
    "batch_normalization": (ROWS, lambda n, x, **scope: n.layers.batch_normalization(x, training=True, **scope)),
    "c_fully_connected": (ROWS, lambda n, x, **scope: n.clayers.fully_connected(
        x, 3, weights_regularizer=n.clayers.l1_regularizer(0.1), **scope)),
    "c_conv2d_norm": (IMAGES, lambda n, x, **scope: n.clayers.conv2d(x, 4, 2, normalizer_fn=n.clayers.batch_norm, **scope)),
    "c_batch_norm": (ROWS, lambda n, x, **scope: n.clayers.batch_norm(x, scale=True, **scope)),
    "c_layer_norm": (ROWS, lambda n, x, **scope: n.clayers.layer_norm(x, **scope)),
}


def register(layer, scope):
    shape, call = LAYERS[layer]

    @graph(shape, name="scope/{}/{}".format(layer, scope))
    def build(n, x):
        with tf.variable_scope("outer", **SCOPES[scope]):
            return call(n, x)


for layer in LAYERS:
    for scope in SCOPES:
        # a float64 scope makes no difference for layers, which follow their input; a custom getter's product is no variable
        if scope == "custom_getter" and (layer in ("batch_normalization",) or layer.startswith("c_")):
            continue
        register(layer, scope)


def named(layer):
    return "scope" if layer.startswith("c_") else "name"


@contextlib.contextmanager
def everything_auto_reused():
    with tf.variable_scope("all", reuse=tf.AUTO_REUSE):
        yield


def register_reuse(layer):
    shape, call = LAYERS[layer]

    @graph(shape, name="reuse/{}/argument".format(layer))
    def by_argument(n, x):
        return [call(n, x, **{named(layer): "a"}), call(n, x * 2, reuse=True, **{named(layer): "a"})]

    @graph(shape, name="reuse/{}/auto_argument".format(layer))
    def by_auto_argument(n, x):
        return [call(n, value, reuse=tf.AUTO_REUSE, **{named(layer): "a"}) for value in (x, x * 2)]

    @graph(shape, name="reuse/{}/scope".format(layer))
    def by_scope(n, x):
        with tf.variable_scope("all") as scope:
            first = call(n, x, **{named(layer): "a"})
            scope.reuse_variables()
            return [first, call(n, x * 2, **{named(layer): "a"})]

    @graph(shape, name="reuse/{}/auto_scope".format(layer))
    def by_auto_scope(n, x):
        results = []
        for value in (x, x * 2):
            with everything_auto_reused():
                results.extend([call(n, value), call(n, value, **{named(layer): "a"})])
        return results

    @graph(shape, name="reuse/{}/names".format(layer))
    def default_names(n, x):
        with tf.variable_scope("s"):
            first = [call(n, x), call(n, x)]
        with tf.name_scope("t"):
            return first + [call(n, x), call(n, x, **{named(layer): "t/u"})]


for layer in LAYERS:
    register_reuse(layer)


for layer in ("dense", "conv2d", "separable", "batch_normalization", "c_fully_connected", "c_conv2d_norm", "c_batch_norm"):
    for dtype in ("float64", "float16"):
        if layer.endswith("_norm") and dtype == "float64":
            continue  # TensorFlow's kernel of 4-D tensors takes no float64
        graph(LAYERS[layer][0], dtype=dtype, name="dtype/{}/{}".format(layer, dtype))(
            lambda n, x, call=LAYERS[layer][1]: call(n, x))
for layer in LAYERS:
    graph(LAYERS[layer][0], known_batch=False, name="unknown_batch/" + layer)(lambda n, x, call=LAYERS[layer][1]: call(n, x))


@graph(ROWS)
def objects_in_scopes(n, x):
    with tf.variable_scope("first"):
        layer = n.layers.Dense(5, name="d")
    with tf.variable_scope("second"):
        a = layer(x)
    with tf.variable_scope("third"):
        b = layer(a)
    with tf.variable_scope("fourth") as scope:
        c = n.layers.Dense(5, _scope="given")(b)
        d = n.layers.Dense(5).apply(c, scope=scope)
        e = n.layers.Dense(5).apply(d, scope="named")
    return [a, b, c, d, e, n.layers.Dense(5)(e), n.layers.Dense(5)(e)]
