"""Small graphs that both TensorFlow 1.15's `tf.contrib` and the library can build, and what to compare of them.

Run by Python with TensorFlow 1.15, this file writes what TensorFlow's own packages give to `data/`:

    python tests/tf1/contrib_catalogue.py
"""
import json
import os
import zlib

import numpy as np

from tensorpack.compat import deprecation_silenced
from tensorpack.compat import tfv1 as tf

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")
GRAPHS = os.path.join(DATA, "contrib_tf1.json")
VALUES = os.path.join(DATA, "contrib_tf1.npz")

CASES = {}  # name -> function of `tf.contrib` that returns lists of tensors, each of which is run in turn

X = np.random.RandomState(0).rand(4, 3).astype("float32")
ONE_HOT = np.eye(4, 3).astype("float32")
LABELS = np.array([0, 1, 1, 0, 1, 1], "int32")
PREDICTIONS = np.array([0, 1, 0, 0, 1, 0], "int32")
SCORES = np.array([.1, .9, .3, .2, .8, .4], "float32")
IMAGES = np.random.RandomState(1).rand(2, 5, 6, 2).astype("float32")


def case(function):
    CASES[function.__name__] = function
    return function


def named(name):
    def add(function):
        CASES[name] = function
        return function

    return add


def numbered(name):
    """The second of a name is `name_2`."""
    number = next(i for i in range(1, 100) if (name if i == 1 else "{}_{}".format(name, i)) not in CASES)
    return named(name if number == 1 else "{}_{}".format(name, number))


# losses
def _loss(name, *args, **kwargs):
    @numbered("loss_" + name)
    def build(contrib):
        x = tf.Variable(X, name="x")
        tensors = [tf.constant(each) if isinstance(each, np.ndarray) else each for each in args]
        loss = getattr(contrib.losses, name)(x, *tensors, **kwargs)
        return [[loss] + tf.gradients(loss, x) + tf.get_collection("losses")]


_loss("absolute_difference", ONE_HOT)
_loss("absolute_difference", ONE_HOT, 2.5)
_loss("mean_squared_error", ONE_HOT, [1., 0, 2, 0])
_loss("mean_squared_error", ONE_HOT, X, scope="mse")
_loss("mean_squared_error", ONE_HOT, 0.)
_loss("log_loss", ONE_HOT, [[1.], [2], [0], [0]])
_loss("hinge_loss", ONE_HOT)
_loss("cosine_distance", ONE_HOT, 1)
_loss("cosine_distance", ONE_HOT, dim=0, weights=3.)
_loss("sigmoid_cross_entropy", ONE_HOT, label_smoothing=.1, weights=[[1.], [2], [0], [0]])
_loss("softmax_cross_entropy", ONE_HOT, label_smoothing=.1)
_loss("softmax_cross_entropy", ONE_HOT, [1., 0, 0, 0])
_loss("sparse_softmax_cross_entropy", np.array([0, 1, 2, 0]))
_loss("sparse_softmax_cross_entropy", np.array([[0], [1], [2], [0]]), [1.])
_loss("mean_pairwise_squared_error", ONE_HOT)
_loss("mean_pairwise_squared_error", ONE_HOT, [1., 0, 0, 2])
_loss("compute_weighted_loss", [1., 2, 0, 0])


@case
def total_loss(contrib):
    x = tf.Variable(X, name="x")
    contrib.losses.add_loss(tf.reduce_sum(x))
    tf.add_to_collection(tf.GraphKeys.REGULARIZATION_LOSSES, tf.reduce_sum(x * x))
    contrib.losses.mean_squared_error(x, tf.constant(ONE_HOT), scope="a")
    return [[contrib.losses.get_total_loss(), contrib.losses.get_total_loss(False, "plain")]
            + contrib.losses.get_losses("a") + contrib.losses.get_regularization_losses()]


# metrics: two batches, the second with other values, and the value after each
def _metric(metric, predictions=PREDICTIONS, labels=LABELS, *args, **kwargs):
    @numbered("metric_" + metric)
    def build(contrib):
        scale = tf.Variable(1, trainable=False, name="scale")
        batch = [tf.constant(predictions) * tf.cast(scale, predictions.dtype)]
        if labels is not None:
            batch.append(tf.constant(labels))
        with tf.name_scope("metric"):
            value, update = getattr(contrib.metrics, metric)(*(tuple(batch) + args), **kwargs)
        if update.dtype.is_floating or update.dtype.is_integer:
            return [[update], [value], [scale.assign(0)], [update], [value]]
        return [[update.op], [value]]


for _name in ("accuracy", "precision", "recall", "true_positives", "true_negatives", "false_positives", "false_negatives",
              "false_positive_rate", "false_negative_rate"):
    _metric("streaming_" + _name)
    _metric("streaming_" + _name, weights=[1., 2, 0, 1, .5, 3], name="named")
for _name in ("mean_absolute_error", "mean_squared_error", "root_mean_squared_error", "covariance", "pearson_correlation"):
    _metric("streaming_" + _name, SCORES, LABELS.astype("float32"))
_metric("streaming_covariance", SCORES, LABELS.astype("float32"), [1., 2, 0, 1, .5, 3])
_metric("streaming_mean", SCORES, None, [1., 2, 0, 1, .5, 3])
_metric("streaming_mean_tensor", SCORES, None)
_metric("count", SCORES, None)
_metric("count", SCORES, None, [1., 2, 0, 1, .5, 3])
_metric("streaming_percentage_less", SCORES, None, .35)
_metric("streaming_auc", SCORES, LABELS, num_thresholds=10, curve="PR")
_metric("streaming_auc", SCORES, LABELS)
_metric("streaming_precision_at_thresholds", SCORES, LABELS, [.25, .5])
_metric("streaming_recall_at_thresholds", SCORES, LABELS, [.25, .5])
_metric("streaming_specificity_at_sensitivity", SCORES, LABELS, .5)
_metric("streaming_sensitivity_at_specificity", SCORES, LABELS, .5)
_metric("streaming_mean_iou", PREDICTIONS, LABELS, 2)
_metric("streaming_recall_at_k", X, np.array([0, 1, 2, 0]), 2)
_metric("streaming_sparse_recall_at_k", X, np.array([[0], [1], [2], [0]], "int64"), 2)
_metric("streaming_sparse_precision_at_k", X, np.array([[0], [1], [2], [0]], "int64"), 2, class_id=1)
_metric("streaming_sparse_average_precision_at_k", X, np.array([[0], [1], [2], [0]], "int64"), 2)
_metric("streaming_mean_relative_error", SCORES, LABELS.astype("float32"), SCORES + 1)
_metric("streaming_mean_cosine_distance", X, ONE_HOT, 1)


@case
def metrics_of_one_batch(contrib):
    p, y = tf.constant(PREDICTIONS), tf.constant(LABELS)
    metrics = contrib.metrics
    return [[metrics.accuracy(p, y), metrics.accuracy(p, y, weights=tf.constant(SCORES), name="weighted"),
             metrics.confusion_matrix(y, p), metrics.confusion_matrix(y, p, 3, weights=SCORES, dtype=tf.float32),
             metrics.set_size(metrics.set_union([[1, 2]], [[2, 3]])),
             metrics.set_size(metrics.set_intersection([[1, 2]], [[2, 3]])),
             metrics.set_size(metrics.set_difference([[1, 2]], [[2, 3]]))]]


# training
def _trained(create, **kwargs):
    # Resource variables that the loss reads once: else it may see them before or after the step
    x, y = [tf.get_variable(name, initializer=value, use_resource=True) for name, value in (("x", X), ("y", X[0]))]
    count = tf.Variable(0., trainable=False, name="count")
    tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, count.assign_add(1.))
    loss = tf.reduce_sum(tf.square(x.read_value())) * 3 + tf.reduce_sum(tf.square(tf.gather(y.read_value(), [0, 2])))
    train_op = create(loss, tf.train.GradientDescentOptimizer(0.1), **kwargs)
    return [[train_op]] * 2


for _name, _kwargs in {
    "plain": {}, "no_step": {"global_step": None}, "no_updates": {"update_ops": []},
    "summaries": {"summarize_gradients": True}, "unchecked": {"check_numerics": False},
}.items():
    named("contrib_train_op_" + _name)(lambda contrib, k=_kwargs: _trained(contrib.training.create_train_op, **k))
    named("slim_train_op_" + _name)(lambda contrib, k=_kwargs: _trained(contrib.slim.learning.create_train_op, **k))
for _name, _kwargs in {"clipped": {"clip_gradient_norm": 0.5}, "multiplied": {"gradient_multipliers": {"x": 2., "y": 0.5}},
                       "both": {"clip_gradient_norm": 0.5, "gradient_multipliers": {"y": 3}, "summarize_gradients": True},
                       }.items():
    named("slim_train_op_" + _name)(lambda contrib, k=_kwargs: _trained(contrib.slim.learning.create_train_op, **k))


@case
def train_op_transformed(contrib):
    return _trained(contrib.training.create_train_op, transform_grads_fn=contrib.training.clip_gradient_norms_fn(0.25))


@case
def train_op_of_some_variables(contrib):
    x, y = tf.Variable(X, name="x"), tf.get_variable("y", initializer=X[0], use_resource=True)
    loss = tf.reduce_sum(x) * tf.reduce_sum(tf.square(y.read_value()))
    train_op = contrib.training.create_train_op(loss, tf.train.AdamOptimizer(0.1), variables_to_train=[y])
    return [[train_op], [train_op]]


@case
def devices(contrib):
    x, y = tf.Variable(X, name="x"), tf.Variable(X[0], name="y")
    names = [v.op for v in (x, y)]
    random, greedy = contrib.training.RandomStrategy(3, 1), contrib.training.GreedyLoadBalancingStrategy(
        2, contrib.training.byte_size_load_fn)
    return [[tf.constant([random(op) for op in names] + [int(greedy(op)) for op in names + names])]]


# model_pruning
def _pruned(contrib, spec, shape=(6, 4), scope="layer"):
    pruning = contrib.model_pruning
    step = tf.train.get_or_create_global_step()
    with tf.variable_scope(scope):
        w = tf.get_variable("weights", shape, initializer=tf.zeros_initializer())
    masked = pruning.apply_mask(w, scope)
    object_ = pruning.Pruning(pruning.get_pruning_hparams().parse(spec), global_step=step)
    update = object_.conditional_mask_update_op()
    object_.add_pruning_summaries()
    advance = step.assign_add(5)
    return [[masked] + tf.gradients(tf.reduce_sum(masked * masked), w) + pruning.get_weight_sparsity(), [advance], [update],
            [masked] + pruning.get_thresholds(), [advance], [advance], [advance], [update],
            [masked] + pruning.get_weight_sparsity() + tf.gradients(tf.reduce_sum(masked * masked), w)]


for _name, _spec in {
    "default": "pruning_frequency=10", "decayed": "threshold_decay=0.5,sparsity_function_end_step=10",
    "later": "begin_pruning_step=15,target_sparsity=0.8,name=mine", "ended": "end_pruning_step=12,initial_sparsity=0.2",
    "blocks": "block_height=2,block_width=2,sparsity_function_end_step=10",
    "block_maxima": "block_dims_map=[layer:4x3],block_pooling_function=MAX,sparsity_function_end_step=10",
    "row_blocks": "block_height=1,block_width=-1,sparsity_function_end_step=10",
}.items():
    named("pruning_" + _name)(lambda contrib, s=_spec: _pruned(contrib, s))
named("pruning_convolution")(lambda contrib: _pruned(contrib, "sparsity_function_end_step=10", [3, 3, 2, 2]))


# image
def _image(name, *args, **kwargs):
    @numbered("image_" + name)
    def build(contrib):
        return [[getattr(contrib.image, name)(*args, **kwargs)]]


@case
def image_gradients(contrib):
    x = tf.Variable(IMAGES, name="x")
    outputs = [contrib.image.rotate(x, 0.3, "BILINEAR"), contrib.image.transform(x, [1, .1, 0, 0, 1.1, 1, 0, 0.01]),
               contrib.image.dense_image_warp(x, tf.constant(IMAGES * 3 - 1))]
    return [outputs + [tf.gradients(tf.reduce_sum(output * output), x)[0] for output in outputs]]


for _interpolation in ("NEAREST", "bilinear"):
    _image("rotate", IMAGES, [0.4, -1.2], interpolation=_interpolation)
    _image("rotate", IMAGES[0], 0.7, _interpolation)
    _image("rotate", (IMAGES[0, :, :, 0] * 255).astype("uint8"), np.pi / 2, _interpolation)
    _image("translate", IMAGES, [[1., 2], [-1.5, 0.25]], _interpolation)
    _image("translate", IMAGES[0], [1., 0], _interpolation)
    _image("transform", IMAGES, [1, .1, 0, 0.2, 1.1, 1, 0, 0.01], _interpolation, output_shape=[4, 7])
_image("angles_to_projective_transforms", [0.1, 2], 5., 7.)
_image("translations_to_projective_transforms", [[0.1, 2]])
_image("compose_transforms", [1, .1, 0, 0.2, 1.1, 1, 0, 0.01], [[1., 0, 3, 0, 1, 2, 0, 0]])
_image("dense_image_warp", IMAGES, (IMAGES * 4 - 2).astype("float32"))


# opt
def _loss_of(x, y, linear, sparse):
    """Linear for weight decay: TensorFlow's own may change a variable before or after the gradient has read it."""
    parts = [tf.gather(x, [0, 2])] if sparse else [x * [1., 2, 3], y]
    return sum(tf.reduce_sum(part if linear else part ** 3) for part in parts)


def _optimized(make, linear=False, sparse=False):
    def build(contrib):
        x, y = tf.Variable(X, name="x"), tf.get_variable("y", initializer=X[0])
        return [[make(contrib.opt).minimize(_loss_of(x, y, linear, sparse))]] * 3

    return build


for _name, _make in {
    "AdamW": lambda opt: opt.AdamWOptimizer(0.1, 0.05), "MomentumW": lambda opt: opt.MomentumWOptimizer(0.1, 0.05, 0.9),
    "MomentumW_nesterov": lambda opt: opt.MomentumWOptimizer(0.1, 0.05, momentum=0.9, use_nesterov=True),
    "AdagradW": lambda opt: opt.extend_with_decoupled_weight_decay(tf.train.AdagradOptimizer)(0.1, learning_rate=0.05),
    "LazyAdam": lambda opt: opt.LazyAdamOptimizer(0.05), "Nadam": lambda opt: opt.NadamOptimizer(0.05),
    "AdaMax": lambda opt: opt.AdaMaxOptimizer(0.05), "LARS": lambda opt: opt.LARSOptimizer(0.05),
    "LARS_skipping": lambda opt: opt.LARSOptimizer(0.05, momentum=.5, skip_list=["y"], use_nesterov=True, weight_decay=0.1),
    "MovingAverage": lambda opt: opt.MovingAverageOptimizer(tf.train.MomentumOptimizer(0.05, 0.9), 0.8),
    "Multitask": lambda opt: opt.MultitaskOptimizerWrapper(tf.train.AdamOptimizer(0.05)),
}.items():
    named("opt_" + _name)(_optimized(_make, "W" in _name))
    if _name != "Multitask":  # TensorFlow's own cannot count the zeros of a sparse gradient
        named("opt_{}_sparse".format(_name))(_optimized(_make, "W" in _name, sparse=True))


@case
def opt_decays_some(contrib):
    x, y = tf.Variable(X, name="x"), tf.get_variable("y", initializer=X[0])
    all_decay = contrib.opt.AdamWOptimizer(0.1).minimize(_loss_of(x, y, True, False), decay_var_list=[x])
    optimizer = contrib.opt.MomentumWOptimizer(0.1, 0.1, 0.9)
    one_decays = optimizer.apply_gradients(optimizer.compute_gradients(_loss_of(x, y, True, False)), decay_var_list=[x])
    return [[all_decay], [all_decay], [one_decays]]


def _of_resource_variables(sparse):
    def build(contrib):
        with tf.variable_scope("", use_resource=True):
            variables = [tf.get_variable("v{}".format(i), initializer=X) for i in range(5)]
        optimizers = [contrib.opt.AdamWOptimizer(0.1), contrib.opt.NadamOptimizer(0.05), contrib.opt.AdaMaxOptimizer(0.05),
                      contrib.opt.LARSOptimizer(0.05), contrib.opt.LazyAdamOptimizer(0.05)]
        train = tf.group(*[each.minimize(_loss_of(v, 0., i == 0, sparse), var_list=[v])
                           for i, (each, v) in enumerate(zip(optimizers, variables))])
        return [[train], [train]]

    return build


named("opt_of_resource_variables")(_of_resource_variables(False))
named("opt_sparse_of_resource_variables")(_of_resource_variables(True))


@case
def opt_multitask_leaves_the_others(contrib):
    x, y = tf.Variable(X, name="x"), tf.get_variable("y", initializer=X[0])
    optimizer = contrib.opt.MultitaskOptimizerWrapper(tf.train.MomentumOptimizer(0.1, 0.9))
    both = optimizer.minimize(tf.reduce_sum(x * x) + tf.reduce_sum(y * y))
    one = optimizer.minimize(tf.reduce_sum(x * x) + 0. * tf.reduce_sum(y * y))
    gradients, norm = contrib.opt.clip_gradients_by_global_norm([(x * 10., x), (y * 0., y)], 2.)
    return [[both], [one], [norm] + [gradient for gradient, _ in gradients]]


def load_values():
    """Values that depend on nothing but the names: {variable: array}; variances are positive."""
    values = {}
    for variable in tf.global_variables():
        random = np.random.RandomState(zlib.crc32(variable.op.name.encode()))
        value = random.randn(*variable.shape.as_list()) * 0.1
        values[variable] = np.abs(value) + 0.5 if "variance" in variable.op.name else value
    return values


def run(contrib, name):
    """(facts of the graph for JSON, {key: array})."""
    with tf.Graph().as_default(), deprecation_silenced():
        tf.set_random_seed(1)
        batches = CASES[name](contrib)
        trainable = [v.op.name for v in tf.trainable_variables()]
        keys = tf.get_default_graph().get_all_collection_keys()
        keys = [key for key in keys if isinstance(key, str) and "context" not in key]
        facts = {
            "variables": [[v.op.name, v.shape.as_list(), v.dtype.base_dtype.name, v.op.name in trainable]
                          for v in tf.global_variables()],
            "local_variables": [[v.op.name, v.shape.as_list(), v.dtype.base_dtype.name] for v in tf.local_variables()],
            "losses": [loss.name for loss in tf.get_collection("losses")],
            "sizes": {key: len(tf.get_collection(key)) for key in sorted(keys)},
        }
        values = {}
        with tf.Session() as sess:
            sess.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
            for variable in tf.global_variables():
                if name.startswith("pruning") and variable.op.name.endswith("weights"):
                    variable.load(load_values()[variable], sess)
            for i, batch in enumerate(batches):
                for j, value in enumerate(sess.run(batch)):
                    if value is not None:
                        values["{}/{}/{}".format(name, i, j)] = np.asarray(value)
            for variable in tf.global_variables() + tf.local_variables():
                values["{}/after/{}".format(name, variable.op.name)] = sess.run(variable)
        return facts, values


def main():
    import tensorflow.contrib as contrib

    graphs, values = {}, {}
    for name in CASES:
        graphs[name], arrays = run(contrib, name)
        values.update(arrays)
    os.makedirs(DATA, exist_ok=True)
    with open(GRAPHS, "w") as f:
        f.write("{\n" + ",\n".join('"{}": {}'.format(name, json.dumps(graphs[name])) for name in sorted(graphs)) + "\n}\n")
    np.savez_compressed(VALUES, **values)


if __name__ == "__main__":
    main()
