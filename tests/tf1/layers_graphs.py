"""Builders of graphs that TensorFlow 1.15 and the library are compared on: each function and class, with its options."""
import numpy as np

from tensorpack.compat import tfv1 as tf

BUILDERS = {}  # name -> (function of (names, inputs...) that gives tensors, shapes of the inputs, their dtype, known batch)

ROWS, STEPS, IMAGES, VOLUMES = [4, 5], [3, 6, 4], [2, 7, 6, 4], [2, 4, 5, 4, 2]


def graph(*shapes, dtype="float32", known_batch=True, name=None):
    """Decorator for a builder with inputs of these shapes."""

    def register(function):
        key = name or function.__name__
        assert key not in BUILDERS, key
        BUILDERS[key] = (function, [list(shape) for shape in shapes], dtype, known_batch)
        return function

    return register


def table(prefix, shape, calls, **options):
    """Builders `prefix/option` from a dictionary option -> function of (names, x)."""
    for option, call in calls.items():
        graph(shape, name="{}/{}".format(prefix, option), **options)(call)


def all_in_one(name, calls, arguments=lambda n: {}, scoped=True, **options):
    """One graph of calls [(scope, shape of the input, function of (names, x, keywords))], each in a scope of its own."""
    @graph(*[shape for _, shape, _ in calls], name=name, **options)
    def build(n, *inputs):
        outputs = []
        for (scope, _, call), x in zip(calls, inputs):
            with tf.variable_scope(scope if scoped else tf.get_variable_scope()):
                result = call(n, x, **arguments(n))
            outputs.extend(result if isinstance(result, list) else [result])
        return outputs


# ---- tf.layers

table("dense", ROWS, {
    "default": lambda n, x: n.layers.dense(x, 3),
    "names": lambda n, x: n.layers.dense(x, 3, activation="tanh", kernel_initializer="he_normal", bias_initializer="ones",
                                         kernel_regularizer="l2", bias_regularizer="l1_l2", activity_regularizer="l1"),
    "constraint": lambda n, x: n.layers.dense(x, 3, kernel_constraint="unit_norm", bias_constraint="non_neg"),
    "not_trainable": lambda n, x: n.layers.dense(x, 3, trainable=False, kernel_regularizer=n.clayers.l2_regularizer(0.1)),
    "positional": lambda n, x: n.layers.dense(x, 3, tf.nn.softplus, False),
    "dtype": lambda n, x: n.layers.Dense(3, dtype="float32", name="d")(x),
    "class_twice": lambda n, x: twice(n.layers.Dense(5, name="d", kernel_regularizer=n.clayers.l1_regularizer(0.1)), x),
})
table("dense_rank4", IMAGES, {
    "default": lambda n, x: n.layers.dense(x, 3), "unknown": lambda n, x: n.layers.dense(x, 3, use_bias=False)},
    known_batch=False)


@graph()
def dense_sparse(n):
    return n.layers.dense(tf.SparseTensor([[0, 1], [2, 0]], [1.5, -2.0], [3, 4]), 2)


def twice(layer, x):
    first = layer(x)
    return [first, layer(first)]


CONVOLUTIONS = {
    "default": {}, "same": dict(padding="same"), "SAME": dict(padding="SAME"),
    "strides": dict(strides=2, padding="same", activation=tf.nn.relu), "no_bias": dict(use_bias=False, name="c"),
    "dilated": dict(dilation_rate=2, padding="same"),
    "options": dict(kernel_initializer=tf.ones_initializer(), bias_initializer=tf.constant_initializer(0.5), activation=tf.tanh,
                    kernel_regularizer=tf.nn.l2_loss, bias_regularizer=tf.nn.l2_loss, activity_regularizer=tf.nn.l2_loss,
                    trainable=False, name="c"),
}
CONVOLUTION_CALLS = [("conv{}d".format(rank), shape, lambda n, x, rank=rank, **kw: getattr(n.layers, "conv{}d".format(rank))(
    x, 3, 2, **kw)) for rank, shape in ((1, STEPS), (2, IMAGES), (3, VOLUMES))]
for option, arguments in CONVOLUTIONS.items():
    all_in_one("convolution/" + option, CONVOLUTION_CALLS, lambda n, arguments=arguments: arguments)
table("conv1d", STEPS, {
    "causal": lambda n, x: n.layers.conv1d(x, 3, 3, padding="causal", dilation_rate=2),
    "list": lambda n, x: n.layers.Conv1D(3, [2], strides=[2])(x),
    "transposed_input": lambda n, x: n.layers.conv1d(tf.transpose(x, [0, 2, 1]), 3, (2,), strides=(3,))})
table("conv2d", IMAGES, {
    "lists": lambda n, x: n.layers.conv2d(x, 3, [2, 3], [2, 1], "valid"),
    "channels_last": lambda n, x: n.layers.conv2d(x, 3, 2, data_format="channels_last"),
    "dilated_valid": lambda n, x: n.layers.Conv2D(3, (3, 2), dilation_rate=(1, 2))(x),
    "class_twice": lambda n, x: twice(n.layers.Conv2D(4, 3, padding="same"), x)})
table("conv3d", VOLUMES, {"lists": lambda n, x: n.layers.conv3d(x, 3, [2, 1, 2], [1, 2, 1])})

TRANSPOSED = {
    "default": {}, "same": dict(strides=2, padding="same", activation=tf.nn.relu), "valid": dict(strides=2),
    "large_stride": dict(strides=3, use_bias=False), "options": {
        key: value for key, value in CONVOLUTIONS["options"].items()},
}
TRANSPOSED_CALLS = [("conv{}d_transpose".format(rank), shape, lambda n, x, rank=rank, **kw: getattr(
    n.layers, "conv{}d_transpose".format(rank))(x, 3, 2, **kw)) for rank, shape in ((2, IMAGES), (3, VOLUMES))]
for option, arguments in TRANSPOSED.items():
    all_in_one("transposed/" + option, TRANSPOSED_CALLS, lambda n, arguments=arguments: arguments,
               known_batch=option != "valid")

SEPARABLE = {
    "default": {}, "same": dict(strides=2, padding="same", depth_multiplier=2, activation=tf.nn.relu),
    "dilated": dict(dilation_rate=2, padding="same", use_bias=False),
    "options": dict(depthwise_initializer="ones", pointwise_initializer=tf.ones_initializer(),
                    depthwise_regularizer=tf.nn.l2_loss, pointwise_regularizer=tf.nn.l2_loss,
                    bias_regularizer=tf.nn.l2_loss, name="s"),
}
SEPARABLE_CALLS = [("separable_conv{}d".format(rank), shape, lambda n, x, rank=rank, **kw: getattr(
    n.layers, "separable_conv{}d".format(rank))(x, 3, 3 if rank == 2 else [3], **kw))
    for rank, shape in ((1, STEPS), (2, IMAGES))]
for option, arguments in SEPARABLE.items():
    all_in_one("separable/" + option, SEPARABLE_CALLS, lambda n, arguments=arguments: arguments)

for option, arguments in {"valid": lambda rank: ([2] * rank, 2), "same": lambda rank: (3, [2] * rank, "same"),
                          "one": lambda rank: (2, 1, "SAME")}.items():
    all_in_one("pooling/" + option, [
        (kind + str(rank), shape, lambda n, x, kind=kind, rank=rank, arguments=arguments: getattr(
            n.layers, "{}_pooling{}d".format(kind, rank))(x, *arguments(rank)))
        for rank, shape in ((1, STEPS), (2, IMAGES), (3, VOLUMES)) for kind in ("max", "average")],
               known_batch=option != "same")
table("pooling", IMAGES, {"classes": lambda n, x: [n.layers.MaxPooling2D(2, 2, name="p")(x), n.layers.AveragePooling2D(
    (2, 1), 1)(x)]})
table("pooling3d", VOLUMES, {"channels_first": lambda n, x: n.layers.average_pooling3d(x, 2, 2, data_format="channels_first")})

table("flatten", IMAGES, {
    "default": lambda n, x: [n.layers.flatten(x), n.layers.Flatten(name="f")(x)],
    "unknown": lambda n, x: n.layers.flatten(tf.placeholder_with_default(x, [None, None, 6, 4])),
    "channels_first": lambda n, x: n.layers.flatten(x, data_format="channels_first")}, known_batch=False)
table("dropout", ROWS, {
    "none": lambda n, x: n.layers.dropout(x), "zero_rate": lambda n, x: n.layers.dropout(x, 0.0, training=True),
    "noise_shape": lambda n, x: n.layers.Dropout(0.0, noise_shape=[None, 1])(x, training=True),
    "tensor": lambda n, x: n.layers.dropout(x, training=tf.placeholder_with_default(False, []))})

BATCH_NORM = {
    "inference": {}, "training": dict(training=True), "plain": dict(training=True, momentum=0.7, epsilon=1e-2, name="bn"),
    "no_scale": dict(training=True, scale=False), "no_center": dict(training=True, center=False),
    "not_fused": dict(training=True, fused=False), "not_fused_inference": dict(fused=False, scale=False),
    "not_trainable": dict(training=True, trainable=False),
    "regularizers": dict(training=True, beta_regularizer=tf.nn.l2_loss, gamma_regularizer="l2", gamma_initializer="ones"),
    "axis1": dict(training=True, axis=1, fused=False), "axes": dict(training=True, axis=[1, 3], momentum=0.9),
    "axes_inference": dict(axis=[1, 3]),
    "renorm": dict(training=True, renorm=True, renorm_momentum=0.8),
    "renorm_clipped": dict(training=True, renorm=True, renorm_clipping=dict(rmax=1.5, rmin=0.5, dmax=0.3)),
    "renorm_inference": dict(renorm=True),
    "virtual_batch": dict(training=True, virtual_batch_size=2, axis=-1),
    "small_epsilon": dict(training=True, epsilon=1e-6),
    "adjustment": dict(training=True, adjustment=lambda shape: (
        tf.fill(tf.concat([shape[:1], [1] * 1], 0), 1.5)[:, :, None, None], tf.fill(shape[-1:], 0.25))),
}
for option, arguments in BATCH_NORM.items():
    graph(IMAGES, name="batch_normalization/" + option)(
        lambda n, x, arguments=arguments: n.layers.batch_normalization(x, **arguments))
for option in ("inference", "training", "no_scale", "renorm", "virtual_batch", "not_trainable"):
    graph(ROWS, name="batch_normalization2d/" + option, known_batch=False)(
        lambda n, x, arguments=BATCH_NORM[option]: n.layers.batch_normalization(x, **arguments))
for is_training in (True, False):
    for option, arguments in {"fused": {}, "not_fused": dict(fused=False), "renorm": dict(renorm=True)}.items():
        graph(IMAGES, name="batch_normalization_tensor/{}/{}".format(option, is_training), known_batch=False)(
            lambda n, x, is_training=is_training, arguments=arguments: n.layers.batch_normalization(
                x, training=tf.placeholder_with_default(is_training, []), momentum=0.9, **arguments))


@graph(IMAGES)
def batch_normalization_called_twice(n, x):
    layer = n.layers.BatchNormalization(momentum=0.5)
    return [layer(x, training=True), layer.apply(x * 2)]


@graph(VOLUMES)
def batch_normalization_rank5(n, x):
    return n.layers.batch_normalization(x, training=True)


@graph(ROWS)
def own_layer(n, x):
    class Scaled(n.layers.Layer):
        def __init__(self, size, **kwargs):
            super().__init__(**kwargs)
            self.size = size

        def build(self, input_shape):
            self.factor = self.add_variable("factor", [input_shape.as_list()[-1]], initializer=tf.ones_initializer(),
                                            regularizer=tf.nn.l2_loss)
            self.count = self.add_weight("count", [], trainable=False, initializer=tf.zeros_initializer())
            self.built = True

        def call(self, inputs):
            self.add_loss(tf.reduce_sum(inputs) * 0.1)
            self.add_update(tf.assign_add(self.count, 1.0))
            return inputs * self.factor + self.count * 0

    layer = Scaled(3, name="own")
    results = [layer(x), layer(x)]
    assert [v.op.name for v in layer.variables] == ["own/factor", "own/count"]
    assert [v.op.name for v in layer.trainable_weights] == ["own/factor"]
    assert len(layer.losses) == 3 and len(layer.updates) == 2 and layer.count_params() == 6
    assert layer.scope_name == "own" and layer.name == "own"
    return results


# ---- contrib.layers

l1, l2 = [lambda n, scale, name=name: getattr(n.clayers, name)(scale) for name in ("l1_regularizer", "l2_regularizer")]
CLAYERS = {
    "default": lambda n: {}, "linear": lambda n: dict(activation_fn=None, biases_initializer=None),
    "regularized": lambda n: dict(weights_regularizer=l2(n, 0.1), biases_regularizer=l1(n, 0.2), scope="r"),
    "batch_norm": lambda n: dict(normalizer_fn=n.clayers.batch_norm, normalizer_params=dict(scale=True, decay=0.9)),
    "layer_norm": lambda n: dict(normalizer_fn=n.clayers.layer_norm, activation_fn=tf.nn.relu6),
    "collections": lambda n: dict(variables_collections=dict(weights=["w"], biases=["b", "w"]), outputs_collections="ends",
                                  scope="c"),
    "collection": lambda n: dict(variables_collections=["all"], outputs_collections=["ends", "more"], trainable=False),
    "initializers": lambda n: dict(weights_initializer=tf.ones_initializer(), biases_initializer=tf.ones_initializer()),
}
CLAYERS_CALLS = (
    ("fully_connected", ROWS, lambda n, x, **kw: n.clayers.fully_connected(x, 3, **kw)),
    ("conv1d", STEPS, lambda n, x, **kw: n.clayers.conv1d(x, 3, 2, **kw)),
    ("conv2d", IMAGES, lambda n, x, **kw: n.clayers.conv2d(x, 3, [2, 3], **kw)),
    ("conv3d", VOLUMES, lambda n, x, **kw: n.clayers.conv3d(x, 3, 2, **kw)),
    ("convolution", IMAGES, lambda n, x, **kw: n.clayers.convolution(x, 3, 2, 2, "VALID", **kw)),
    ("conv2d_transpose", IMAGES, lambda n, x, **kw: n.clayers.conv2d_transpose(x, 3, 2, 2, **kw)),
    ("conv3d_transpose", VOLUMES, lambda n, x, **kw: n.clayers.conv3d_transpose(x, 3, 2, 2, **kw)),
    ("separable_conv2d", IMAGES, lambda n, x, **kw: n.clayers.separable_conv2d(x, 3, 3, 2, **kw)),
    ("depthwise", IMAGES, lambda n, x, **kw: n.clayers.separable_conv2d(x, None, 3, 2, 2, **kw)),
    ("conv2d_in_plane", IMAGES, lambda n, x, **kw: n.clayers.conv2d_in_plane(x, 3, 2, **kw)))


for option, arguments in CLAYERS.items():
    all_in_one("clayers/weights/" + option, CLAYERS_CALLS, arguments)
table("clayers/conv2d", IMAGES, {
    "rate": lambda n, x: n.clayers.conv2d(x, 3, 2, rate=2, data_format="NHWC"),
    "pointwise": lambda n, x: n.clayers.separable_conv2d(x, 3, 3, rate=2, pointwise_initializer=tf.ones_initializer())})
table("clayers/dense", STEPS, {
    "relu": lambda n, x: n.clayers.relu(x, 3), "relu6": lambda n, x: n.clayers.relu6(x, 3, scope="a"),
    "elu": lambda n, x: n.clayers.elu(x, 3), "linear": lambda n, x: n.clayers.linear(x, 3),
    "legacy": lambda n, x: n.clayers.legacy_fully_connected(x, 3, tf.tanh, weight_regularizer=l2(n, 0.1), name="l"),
    "legacy_relu": lambda n, x: n.clayers.legacy_relu(x, 3, bias_init=None),
    "legacy_linear": lambda n, x: n.clayers.legacy_linear(x, 3)}, known_batch=False)

CBATCH_NORM = {
    "default": {}, "inference": dict(is_training=False, scale=True),
    "plain": dict(decay=0.9, scale=True, scope="b", epsilon=1e-2),
    "in_place": dict(updates_collections=None, decay=0.9, scale=True), "own_collection": dict(updates_collections="mine"),
    "list_of_collections": dict(updates_collections=["update_ops", "mine"]),
    "not_fused": dict(fused=False, scale=True), "in_place_not_fused": dict(fused=False, updates_collections=None),
    "in_place_inference": dict(updates_collections=None, is_training=False),
    "activation": dict(activation_fn=tf.nn.relu, outputs_collections="ends", variables_collections=["v"]),
    "collections": dict(variables_collections=dict(beta=["b"], moving_mean=["m"]), updates_collections=None),
    "initializers": dict(param_initializers=dict(beta=tf.ones_initializer(), moving_mean=tf.ones_initializer())),
    "regularizers": dict(param_regularizers=dict(beta=tf.nn.l2_loss), scale=True),
    "regularizers_in_place": dict(param_regularizers=dict(beta=tf.nn.l2_loss), updates_collections=None),
    "regularizers_not_fused": dict(param_regularizers=dict(beta=tf.nn.l2_loss), updates_collections=None, fused=False),
    "no_center": dict(center=False, fused=True), "not_trainable": dict(trainable=False),
    "zero_debias": dict(zero_debias_moving_mean=True, decay=0.9),
    "zero_debias_not_fused": dict(zero_debias_moving_mean=True, decay=0.9, fused=False, scale=True),
    "renorm": dict(renorm=True, renorm_clipping=dict(rmax=1.2, dmax=0.5), renorm_decay=0.9),
}
CBATCH_NORM_CALLS = [(name, shape, lambda n, x, **kw: n.clayers.batch_norm(x, **kw))
                     for name, shape in (("images", IMAGES), ("rows", ROWS))]
for option, arguments in CBATCH_NORM.items():
    all_in_one("clayers/batch_norm/" + option, CBATCH_NORM_CALLS, lambda n, arguments=arguments: arguments)
table("clayers/batch_norm3d", STEPS, {
    "default": lambda n, x: n.clayers.batch_norm(x), "in_place": lambda n, x: n.clayers.batch_norm(
        x, updates_collections=None, scale=True),
    "weights": lambda n, x: n.clayers.batch_norm(x, batch_weights=[1.0, 2.0, 0.5], scale=True, decay=0.9),
    "channels_first": lambda n, x: n.clayers.batch_norm(x, data_format="NCHW", fused=False, updates_collections=None)})
for is_training in (True, False):
    for option, arguments in {"default": {}, "in_place": dict(updates_collections=None),
                              "not_fused": dict(updates_collections=None, fused=False),
                              "collection": dict(updates_collections="mine"),
                              "collection_not_fused": dict(updates_collections="mine", fused=False)}.items():
        all_in_one("clayers/batch_norm_tensor/{}/{}".format(option, is_training), CBATCH_NORM_CALLS,
                   lambda n, is_training=is_training, arguments=arguments: dict(
                       arguments, is_training=tf.placeholder_with_default(is_training, []), decay=0.9, scale=True),
                   known_batch=False)

table("clayers/norm", IMAGES, {
    "layer": lambda n, x: n.clayers.layer_norm(x), "layer_options": lambda n, x: n.clayers.layer_norm(
        x, scale=False, activation_fn=tf.nn.relu, begin_norm_axis=2, begin_params_axis=2, scope="l", trainable=False,
        outputs_collections="ends", variables_collections=dict(beta=["b"])),
    "instance": lambda n, x: n.clayers.instance_norm(x), "instance_options": lambda n, x: n.clayers.instance_norm(
        x, center=False, epsilon=1e-3, activation_fn=tf.nn.relu, param_initializers=dict(gamma=tf.zeros_initializer())),
    "instance_channels_first": lambda n, x: n.clayers.instance_norm(x, data_format="NCHW"),
    "group": lambda n, x: n.clayers.group_norm(x, 2), "group_options": lambda n, x: n.clayers.group_norm(
        x, 2, scale=False, epsilon=1e-2, mean_close_to_zero=True, scope="g", outputs_collections="ends"),
    "group_channels_first": lambda n, x: n.clayers.group_norm(
        tf.transpose(x, [0, 3, 1, 2]), 2, channels_axis=1, reduction_axes=[2, 3]),
    "unit": lambda n, x: [n.clayers.unit_norm(x, axis, epsilon=1e-3) for axis in (0, 3)],
    "poincare": lambda n, x: n.clayers_layers.poincare_normalize(x * 3),
})
table("clayers/norm_unknown", IMAGES, {
    "layer": lambda n, x: n.clayers.layer_norm(x), "instance": lambda n, x: n.clayers.instance_norm(x),
    "group": lambda n, x: n.clayers.group_norm(x, 4)}, known_batch=False)
table("clayers/half", IMAGES, {"layer": lambda n, x: n.clayers.layer_norm(x)}, dtype="float16")

table("clayers/simple", IMAGES, {
    "pools": lambda n, x: [n.clayers.max_pool2d(x, 2, outputs_collections="ends"), n.clayers.max_pool2d(x, [3, 2], 1, "SAME"),
                           n.clayers.avg_pool2d(x, 2), n.clayers.avg_pool2d(x, 3, [2, 2], padding="SAME", scope="p")],
    "pool": lambda n, x: [n.clayers_layers.pool(x, 2, "AVG"), n.clayers_layers.pool(x, [2, 1], "MAX", stride=[2, 1])],
    "flatten": lambda n, x: [n.clayers.flatten(x), n.clayers.flatten(x, outputs_collections="ends", scope="f")],
    "dropout": lambda n, x: [n.clayers.dropout(x, is_training=False), n.clayers.dropout(
        x, 1.0, outputs_collections="ends", scope="d")],
    "softmax": lambda n, x: n.clayers.softmax(x, scope="s"),
    "bias_add": lambda n, x: [n.clayers.bias_add(x), n.clayers.bias_add(
        x, activation_fn=tf.nn.relu, regularizer=l2(n, 0.1), scope="b", outputs_collections="ends")],
    "maxout": lambda n, x: [n.clayers.maxout(x, 2), n.clayers.maxout(x, 3, axis=2, scope="m")],
    "sequence": lambda n, x: [n.clayers.images_to_sequence(x), n.clayers.sequence_to_images(
        n.clayers.images_to_sequence(x), 7, "channels_first")],
    "spatial_softmax": lambda n, x: [n.clayers.spatial_softmax(x), n.clayers.spatial_softmax(
        x, 0.5, name="t", trainable=False)],
    "gdn": lambda n, x: [n.clayers.gdn(x), n.clayers.gdn(x, inverse=True, name="inverse")],
    "scale_gradient": lambda n, x: n.clayers.scale_gradient(x, 0.25) * x,
    "repeat": lambda n, x: [n.clayers.repeat(x, 2, n.clayers.conv2d, 4, 3), n.clayers.repeat(
        x, 2, n.clayers.conv2d, 4, [3, 3], scope="r", outputs_collections="ends")],
    "stack": lambda n, x: [n.clayers.stack(x, n.clayers.conv2d, [(3, 2), (4, [1, 1])], scope="s"), n.clayers.stack(
        n.clayers.flatten(x), n.clayers.fully_connected, [3, 2])],
}, known_batch=False)
table("clayers/pool3d", VOLUMES, {
    "pools": lambda n, x: [n.clayers.max_pool3d(x, 2), n.clayers.avg_pool3d(x, [2, 1, 2], 1, padding="SAME")]})


@graph([4, 3], dtype="int32")
def clayers_integers(n, x):
    return [n.clayers.one_hot_encoding(x, 4), n.clayers.one_hot_encoding(x, 3, 2.0, -1.0, outputs_collections="ends"),
            n.clayers.embed_sequence(x, 5, 2), n.clayers.embed_sequence(x, 5, 2, unique=True, scope="e",
                                                                        regularizer=l2(n, 0.1)),
            n.clayers.bow_encoder(x, 5, 2), n.clayers.bow_encoder(x, 5, 2, sparse_lookup=False, scope="d"),
            tf.sparse.to_dense(n.clayers.dense_to_sparse(x, 1))]


@graph(ROWS)
def clayers_regularizers(n, x):
    c = n.clayers
    results = [l1(n, 0.2)(x), c.l2_regularizer(0.3, scope="s")(x), c.l1_l2_regularizer(0.2, 0.3)(x),
               c.l1_l2_regularizer(0.0, 0.3)(x), c.l1_l2_regularizer(0.2, 0.0)(x),
               c.sum_regularizer([None, l1(n, 0.2), l2(n, 0.1)], scope="t")(x), c.apply_regularization(l1(n, 0.5), [x, x]),
               l2(n, tf.constant(0.2))(x)]
    assert c.l2_regularizer(0.0)(x) is None and c.sum_regularizer([None]) is None
    tf.add_to_collection(tf.GraphKeys.WEIGHTS, x)
    return results + [c.apply_regularization(l2(n, 1.0))]


for option, arguments in {
        "sgd": dict(optimizer="SGD", learning_rate=0.1),
        "momentum": dict(optimizer="Momentum", learning_rate=0.1, clip_gradients=0.5, name="train"),
        "class": dict(optimizer=tf.train.GradientDescentOptimizer, learning_rate=0.1,
                      gradient_multipliers={"fc/biases:0": 2.0}),
        "function": dict(optimizer=lambda: tf.train.GradientDescentOptimizer(0.3), learning_rate=None,
                         increment_global_step=False),
        "decay": dict(optimizer=lambda rate: tf.train.GradientDescentOptimizer(rate), learning_rate=0.2, summaries=[
            "loss", "learning_rate", "gradients", "gradient_norm", "global_gradient_norm"],
            learning_rate_decay_fn=lambda rate, step: rate / (1.0 + tf.cast(step, tf.float32)), clip_gradients=0.7),
        "adaptive": dict(optimizer="SGD", learning_rate=0.1, clip_gradients="adaptive")}.items():
    @graph(ROWS, name="clayers/optimize_loss/" + option)
    def optimize_loss(n, x, arguments=arguments):
        step = tf.train.get_or_create_global_step()
        y = n.clayers.batch_norm(n.clayers.fully_connected(x, 3, scope="fc"), decay=0.5)
        arguments = dict(arguments)
        if arguments.get("clip_gradients") == "adaptive":
            arguments["clip_gradients"] = n.optimizers.adaptive_clipping_fn(
                decay=0.8, global_step=step, static_max_norm=0.4, report_summary=True)
        loss = n.clayers.optimize_loss(tf.reduce_mean(tf.square(y - 1)), step, **arguments)
        with tf.control_dependencies([loss]):
            return [tf.identity(loss)]


@graph(ROWS)
def clayers_summaries(n, x):
    relu, relu6 = tf.nn.relu(x, name="a"), tf.nn.relu6(x, name="b")
    tf.add_to_collection(tf.GraphKeys.ACTIVATIONS, relu)
    tf.add_to_collection(tf.GraphKeys.ACTIVATIONS, relu6)
    n.clayers.summarize_activations()
    n.clayers.summarize_activation(tf.tanh(x, name="c"))
    n.clayers.summarize_tensors([x, tf.reduce_sum(x, name="total")])
    n.clayers.summarize_tensor(x, "tag")
    n.clayers.summarize_collection(tf.GraphKeys.ACTIVATIONS, "a")
    n.clayers.fully_connected(x, 2)
    n.clayers.summaries.summarize_variables("fully_connected/w")
    return relu


# ---- contrib.framework

@graph(ROWS)
def framework_variables(n, x):
    f = n.framework
    with tf.variable_scope("s"):
        a = f.model_variable("a", [5], initializer=tf.ones_initializer(), regularizer=l2(n, 0.1), collections=["mine"])
        b = f.variable("b", [5], initializer=tf.zeros_initializer(), trainable=False, device="/cpu:0")
    c = f.local_variable(np.float32(3.0), name="c")
    d = f.global_variable(np.float32(2.0), name="d")
    e = f.variable("e", [5], collections=["mine", "mine"], dtype=tf.float32, initializer=tf.ones_initializer())
    tf.add_to_collection(tf.GraphKeys.GLOBAL_VARIABLES, e)
    f.add_model_variable(d)
    f.add_model_variable(d)
    assert f.get_variables("s/") == [a, b] and f.get_variables_by_name("b") == [b] and f.get_variables_by_suffix("b") == [b]
    assert f.get_model_variables() == [a, d] and f.get_local_variables() == [c] and f.get_trainable_variables() == [a, e]
    assert f.get_variables_to_restore(exclude=["s"]) == [d, e] and f.get_variables_to_restore(["s", "e"], ["s/b"]) == [a, e]
    assert f.get_unique_variable("s/a") is a and f.get_variable_full_name(a) == "s/a"
    assert f.filter_variables([a, b, d], ["^s", "d"], ["b"]) == [a, d]
    assert f.filter_variables([a, b], ["a"], reg_search=False) == []
    with tf.variable_scope("s", reuse=True):
        assert f.model_variable("a", [5]) is a
    return x * a + b + d + e


@graph(ROWS)
def framework_arg_scope(n, x):
    f, c = n.framework, n.clayers
    seen = []

    @f.add_arg_scope
    def shifted(t, by=1.0, factor=1.0):
        seen.append((by, factor))
        return t * factor + by

    with f.arg_scope([shifted, c.fully_connected], **{}) as empty:
        shifted(x)
    with f.arg_scope([shifted], by=2.0) as outer:
        y = shifted(x)
        with f.arg_scope([shifted], factor=3.0) as inner:
            y = shifted(y)
            y = shifted(y, factor=5.0)
        y = shifted(y)
    with f.arg_scope(inner):
        y = shifted(y)
    with f.arg_scope(empty):
        y = shifted(y)
    with f.arg_scope([c.fully_connected], activation_fn=None, weights_regularizer=l2(n, 0.1)):
        with f.arg_scope([c.conv2d, c.batch_norm], outputs_collections="ends"):
            y = c.batch_norm(c.fully_connected(y, 3))
    assert seen == [(1.0, 1.0), (2.0, 1.0), (2.0, 3.0), (2.0, 5.0), (2.0, 1.0), (2.0, 3.0), (1.0, 1.0)]
    assert f.has_arg_scope(shifted) and not f.has_arg_scope(len)
    assert set(f.arg_scoped_arguments(shifted)) == {"by", "factor"}
    assert list(outer.values())[-1] == {"by": 2.0} and shifted.__name__ == "shifted"
    return y


@graph(ROWS)
def framework_tensors(n, x):
    f = n.framework
    assert f.is_tensor(x) and not f.is_tensor(3) and f.get_name_scope() == ""
    assert f.prepend_name_scope("^a/b", "s/") == "^s/a/b" and f.strip_name_scope("loc:@s/a", "s") == "loc:@a"
    assert f.get_graph_from_inputs([3, x]) is tf.get_default_graph() and f.get_placeholders(x.graph) == [x]
    f.assert_scalar_int(tf.constant(3))
    f.assert_scalar(tf.constant(3.0))
    assert f.assert_same_float_dtype([x]) == tf.float32
    known, unknown = f.with_shape([4, 5], x), f.with_shape([4, 5], tf.placeholder_with_default(x, None))
    one = f.with_shape([], tf.reshape(x[0, :1], [1]))
    predictions, labels = f.remove_squeezable_dimensions(x[:, :1], x[:, 1])
    nested = f.nest.flatten(f.nest.map_structure(lambda t: t + 1, {"a": x, "b": [one, (one,)]}))
    return [known, unknown, one, f.reduce_sum_n([x, one]), predictions, labels, f.with_same_shape(x, x),
            f.smart_cond(True, lambda: x + 1, lambda: x), f.smart_cond(tf.reduce_sum(x) > 100, lambda: x + 1, lambda: x - 1),
            f.sort(x), f.py_func(lambda a, b: a + b["c"], [x, {"c": x}], output_types=tf.float32, output_shapes=[4, 5]),
            f.convert_to_tensor_or_sparse_tensor(x)] + nested
