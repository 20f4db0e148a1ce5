"""Builders of graphs in which the scope around layers says how variables are made, and shared."""
import functools

from layers_graphs import IMAGES, ROWS, all_in_one, graph

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


CALLS = [(name, shape, call) for name, (shape, call) in LAYERS.items()]
for scope, arguments in SCOPES.items():
    @graph(*[shape for _, shape, _ in CALLS], name="scope/" + scope)
    def in_scope(n, *inputs, scope=scope, arguments=arguments):
        with tf.variable_scope("outer", **arguments):
            # what a custom getter makes is no variable, which some layers need
            return [call(n, x) for (name, _, call), x in zip(CALLS, inputs)
                    if scope != "custom_getter" or not (name == "batch_normalization" or name.startswith("c_"))]


def named(layer, name):
    return {"scope" if layer.startswith("c_") else "name": name}


def by_argument(layer, call, n, x):
    return [call(n, x, **named(layer, "a")), call(n, x * 2, reuse=True, **named(layer, "a"))]


def by_auto_argument(layer, call, n, x):
    return [call(n, value, reuse=tf.AUTO_REUSE, **named(layer, "a")) for value in (x, x * 2)]


def by_scope(layer, call, n, x):
    with tf.variable_scope("all") as scope:
        first = call(n, x, **named(layer, "a"))
        scope.reuse_variables()
        return [first, call(n, x * 2, **named(layer, "a"))]


def by_auto_scope(layer, call, n, x):
    results = []
    for value in (x, x * 2):
        with tf.variable_scope("all", reuse=tf.AUTO_REUSE):
            results.extend([call(n, value), call(n, value, **named(layer, "a"))])
    return results


def default_names(layer, call, n, x):
    with tf.variable_scope("s"):
        first = [call(n, x), call(n, x)]
    with tf.name_scope("t"):
        return first + [call(n, x), call(n, x, **named(layer, "t/u"))]


for way in (by_argument, by_auto_argument, by_scope, by_auto_scope, default_names):
    all_in_one("reuse/" + way.__name__, [(name, shape, functools.partial(way, name, call)) for name, shape, call in CALLS])

# the fused kernel takes no float64
all_in_one("dtype/float64", [each for each in CALLS if not each[0].endswith("_norm")], dtype="float64", scoped=False)
all_in_one("dtype/float16", CALLS, dtype="float16", scoped=False)
all_in_one("unknown_batch", CALLS, known_batch=False, scoped=False)


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
