"""Smaller packages of `tf.contrib`: quantize's tools, data, staging, stateless, predictor, projector, SciPy's optimizer."""
import os

import numpy as np
import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.tf1._tensorflow.contrib import data, image, opt, predictor, slim, staging, stateless, training
from tensorpack.tf1._tensorflow.contrib.model_pruning.python import pruning
from tensorpack.tf1._tensorflow.contrib.quantize.python import common, graph_matcher, input_to_ops
from tensorpack.tf1._tensorflow.contrib.tensorboard.plugins import projector


def small_network():
    x = tf.placeholder(tf.float32, [1, 4, 4, 3], name="x")
    with slim.arg_scope([slim.conv2d], normalizer_fn=slim.batch_norm, normalizer_params={"fused": False, "scale": True}):
        return slim.conv2d(slim.conv2d(x, 2, 3, scope="c1"), 2, 3, activation_fn=tf.nn.relu6, scope="c2")


def test_groups_of_batch_norm_are_found():
    small_network()
    graph = tf.get_default_graph()
    assert common.BatchNormGroups(graph) == ["c1/", "c2/"]
    assert common.GetEndpointActivationOp(graph, "c1/").name == "c1/Relu"
    assert common.GetEndpointActivationOp(graph, "c2/").name == "c2/Relu6"
    assert common.GetEndpointActivationOp(graph, "c3/") is None
    assert common.DropStringPrefix("c1/Relu", "c1/") == "Relu" == common.DropStringPrefix("Relu", "c1/")


def test_the_quantization_step_counts_and_is_made_once():
    with tf.name_scope("inside"):
        step = common.CreateOrGetQuantizationStep()
    assert common.CreateOrGetQuantizationStep() is step
    assert [v.op.name for v in tf.global_variables()] == ["fake_quantization_step"]
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        assert [sess.run(step) for _ in range(2)] == [1, 2]


def test_consumers_take_another_tensor():
    a, b, c = tf.constant(2.), tf.constant(3.), tf.constant(10.)
    product, total = a * c, c + a
    assert common.RerouteTensor(b, a, can_modify=[product.op]) == 1
    with tf.Session() as sess:
        assert sess.run([product, total]) == [30., 12.]
    assert common.RerouteTensor(b, a) == 1
    with tf.Session() as sess:
        assert sess.run([product, total]) == [30., 13.]


def test_consumers_are_listed():
    x = tf.placeholder(tf.float32, [2], name="x")
    y, z = x + 1, tf.exp(x)
    with tf.name_scope("gradients"):
        tf.log(x)
    consumers = input_to_ops.InputToOps(tf.get_default_graph())
    assert consumers.ConsumerOperations(x.op) == {y.op, z.op}
    assert consumers.ConsumerOperations(y.op) == set()


def test_patterns_match_operations_and_their_inputs():
    x, y = tf.placeholder(tf.float32, name="x"), tf.placeholder(tf.float32, name="y")
    z = tf.nn.relu(tf.exp(x) * y)
    leaf = graph_matcher.OpTypePattern("Placeholder", name="leaf")
    product = graph_matcher.OpTypePattern("Mul", name="product", inputs=[leaf, graph_matcher.OpTypePattern("Exp|Log")],
                                          ordered_inputs=False)
    matcher = graph_matcher.GraphMatcher(graph_matcher.OpTypePattern("Relu", inputs=[product]))
    match, = matcher.match_graph(tf.get_default_graph())
    assert match.get_op(leaf) is y.op is match.get_op("leaf")
    assert match.get_tensor("product") is z.op.inputs[0] and match.get_op("other") is None
    assert matcher.match_op(y.op) is None and list(matcher.match_ops([z.op]))[0].get_op(product).type == "Mul"
    ordered = graph_matcher.OpTypePattern("Mul", inputs=["Placeholder", "*"])
    assert list(graph_matcher.GraphMatcher(ordered).match_graph(tf.get_default_graph())) == []
    either = graph_matcher.OneofPattern([ordered, graph_matcher.OpTypePattern("Mul", inputs=["*", "Placeholder"])])
    assert graph_matcher.GraphMatcher(either).match_op(z.op.inputs[0].op) is not None
    with pytest.raises(ValueError, match="8 at most"):
        graph_matcher.OpTypePattern("AddN", inputs=["*"] * 9)
    with pytest.raises(ValueError, match="must be a Pattern or str"):
        match.get_op(3)


@pytest.mark.parametrize("setting", ["begin_pruning_step=-1", "begin_pruning_step=5,end_pruning_step=5", "threshold_decay=1",
                                     "initial_sparsity=1", "target_sparsity=1.5", "sparsity_function_begin_step=-1",
                                     "sparsity_function_end_step=0",
                                     "block_pooling_function=SUM", "weight_sparsity_map=[a:1.5]", "block_dims_map=[a:4]",
                                     "block_dims_map=[a]"])
def test_bad_settings_of_pruning_are_refused(setting):
    tf.train.get_or_create_global_step()
    with pytest.raises(ValueError, match="Pruning: {}".format(setting.split(",")[-1].split("=")[0])):
        pruning.Pruning(pruning.get_pruning_hparams().parse(setting))


def test_weights_have_their_own_sparsity():
    step = tf.train.get_or_create_global_step()
    masked = []
    for scope in ("first", "second"):
        with tf.variable_scope(scope):
            masked.append(pruning.apply_mask(tf.get_variable("w", [100], initializer=tf.random_normal_initializer()), scope))
    object_ = pruning.Pruning(pruning.get_pruning_hparams().parse(
        "weight_sparsity_map=[first:0.8],sparsity_function_end_step=1"), global_step=step + 5)
    update = object_.mask_update_op()
    object_.print_hparams()
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run(update)
        np.testing.assert_allclose(sess.run(pruning.get_weight_sparsity()), [0.8, 0.5], atol=1e-6)
        assert [np.count_nonzero(each) for each in sess.run(masked)] == [20, 50]


def test_masks_of_partitioned_weights_are_updated():
    step = tf.train.get_or_create_global_step()
    with tf.variable_scope("layer", partitioner=tf.fixed_size_partitioner(2)):
        w = tf.get_variable("w", [6, 2], initializer=tf.random_normal_initializer())
        pruning.apply_mask(w, "mask_of")
    update = pruning.Pruning(pruning.get_pruning_hparams().parse("sparsity_function_end_step=1"), step + 5).mask_update_op()
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run(update)
        mask = sess.run(tf.convert_to_tensor(pruning.get_masks()[0]))
        assert mask.shape == (6, 2) and mask.sum() == 6


@pytest.mark.parametrize("call, error, message", [
    (lambda: image.rotate(tf.zeros([1]), 1.), TypeError, "rank 2, 3 or 4"),
    (lambda: image.rotate(tf.zeros([2, 2]), [[1.]]), TypeError, "angles"),
    (lambda: image.transform(tf.zeros([2, 2], tf.int8), [1.] * 8), TypeError, "types"),
    (lambda: image.transform(tf.zeros([2, 2]), [[[1.]]]), TypeError, "transforms"),
    (lambda: image.transform(tf.zeros([2, 2]), [1.] * 8, output_shape=[1, 2, 3]), ValueError, "output_shape"),
    (lambda: image.translate(tf.zeros([2, 2]), 1.), TypeError, "translations"),
    (lambda: image.compose_transforms(), ValueError, "must be a transform"),
    (lambda: opt.LARSOptimizer(0.1, momentum=-1.), ValueError, "momentum"),
    (lambda: opt.MultitaskOptimizerWrapper(3), TypeError, "tf.train.Optimizer"),
    (lambda: opt.MovingAverageOptimizer(tf.train.AdamOptimizer()).swapping_saver(), RuntimeError, "must come before"),
    (lambda: training.byte_size_load_fn(tf.no_op()), ValueError, "one output"),
])
def test_bad_arguments_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_averages_are_saved_in_the_places_of_variables(tmp_path):
    x = tf.get_variable("x", [], initializer=tf.zeros_initializer())
    optimizer = opt.MovingAverageOptimizer(tf.train.GradientDescentOptimizer(1.), 0.5)
    train = optimizer.minimize(x)
    saver = optimizer.swapping_saver()
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for _ in range(2):
            sess.run(train)
        reader = tf.train.load_checkpoint(saver.save(sess, str(tmp_path / "model")))
    assert reader.get_tensor("x") == -1.25 and reader.get_tensor("x/ExponentialMovingAverage") == -2
    with pytest.raises(ValueError, match="must be among the variables"):
        optimizer.swapping_saver([x])


def test_scipy_minimises_under_bounds_and_constraints():
    x = tf.get_variable("x", [2], initializer=tf.constant_initializer([7., 3.]))
    y = tf.get_variable("y", [], initializer=tf.constant_initializer(2.))
    loss = tf.reduce_sum(x * x) + (y - 1) ** 2
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        losses, steps = [], []
        opt.ScipyOptimizerInterface(loss).minimize(sess, fetches=[loss], loss_callback=losses.append,
                                                   step_callback=steps.append)
        np.testing.assert_allclose(sess.run(x), [0, 0], atol=1e-4)
        np.testing.assert_allclose(sess.run(y), 1, atol=1e-4)
        assert losses and steps and steps[0].shape == (3,)
        opt.ScipyOptimizerInterface(loss, [x], var_to_bounds={x: (1, [2, np.inf])}).minimize(sess)
        np.testing.assert_allclose(sess.run(x), [1, 1], atol=1e-4)
        opt.ScipyOptimizerInterface(loss, equalities=[x[0] + x[1] - 4], inequalities=[x[0] - 3], method="SLSQP",
                                    options={"maxiter": 100}).minimize(sess)
        np.testing.assert_allclose(sess.run(x), [3, 1], atol=1e-3)
        with pytest.raises(ValueError, match="bounds"):
            opt.ScipyOptimizerInterface(loss, bounds=[(0, 1)] * 3).minimize(sess)


def elements(dataset):
    value = tf.data.make_one_shot_iterator(dataset).get_next()
    found = []
    with tf.Session() as sess:
        with pytest.raises(tf.errors.OutOfRangeError):
            while True:
                found.append(np.asarray(sess.run(value)).tolist())
    return found


def test_transformations_of_data_sets():
    numbers = tf.data.Dataset.range(5)
    assert elements(numbers.apply(data.batch_and_drop_remainder(2))) == [[0, 1], [2, 3]]
    assert elements(numbers.apply(data.map_and_batch(lambda x: x * x, 3))) == [[0, 1, 4], [9, 16]]
    assert elements(numbers.map(lambda x: tf.range(x)).apply(data.padded_batch_and_drop_remainder(2, [None]))) == [
        [[0], [0]], [[0, 1, 0], [0, 1, 2]]]
    assert sorted(elements(numbers.apply(data.shuffle_and_repeat(3, 2)))) == sorted(list(range(5)) * 2)

    def twice(x):
        return tf.data.Dataset.from_tensors(x).repeat(2)

    assert sorted(elements(numbers.apply(data.sloppy_interleave(twice, 2)))) == sorted(list(range(5)) * 2)
    reducer = data.Reducer(lambda _: tf.constant(0, tf.int64), lambda total, x: total + x, lambda total: total * 2)
    with tf.Session() as sess:
        assert sess.run(data.reduce_dataset(numbers, reducer)) == 20
    with pytest.raises(AttributeError):
        _ = data.no_such_name


def test_tensors_are_staged():
    area = staging.StagingArea([tf.float32], [[2]])
    put = area.put([tf.constant([1., 2.])])
    out = area.get()
    with tf.Session() as sess:
        sess.run(put)
        assert np.asarray(sess.run(out)).tolist() in ([1., 2.], [[1., 2.]])


def test_random_numbers_depend_on_the_seed_alone():
    tensors = [draw(seed) for seed in ([1, 2], [1, 2], [1, 3]) for draw in (
        lambda seed: stateless.stateless_random_normal([3], seed), lambda seed: stateless.stateless_random_uniform([3], seed),
        lambda seed: stateless.stateless_truncated_normal([3], seed),
        lambda seed: stateless.stateless_multinomial([[0., 0., 0.]] * 20, 20, seed))]
    with tf.Session() as sess:
        values = sess.run(tensors)
    for first, same, other in zip(values[:4], values[4:8], values[8:]):
        np.testing.assert_array_equal(first, same)
        assert (first != other).any()


def test_a_saved_model_predicts(tmp_path):
    folder = str(tmp_path / "model")
    with tf.Graph().as_default(), tf.Session() as sess:
        x = tf.placeholder(tf.float32, [None], name="x")
        w = tf.get_variable("w", [], initializer=tf.constant_initializer(3.))
        y = tf.multiply(x, w, name="y")
        sess.run(tf.global_variables_initializer())
        tf.saved_model.simple_save(sess, folder, {"number": x}, {"product": y})
    with predictor.from_saved_model(folder) as predict:
        assert predict({"number": [1, 2]})["product"].tolist() == [3, 6]
        assert predict.feed_tensors["number"].graph is predict.graph and set(predict.fetch_tensors) == {"product"}
        with pytest.raises(ValueError, match="no input.*other.*number"):
            predict({"other": 1})
    with predictor.from_saved_model(folder, input_names={"a": "x:0"}, output_names={"b": "y:0"}) as predict:
        assert predict({"a": [2]})["b"].tolist() == [6]
    with pytest.raises(ValueError, match="no signature 'other'.*serving_default"):
        predictor.from_saved_model(folder, "other")
    with pytest.raises(ValueError, match="can be given"):
        predictor.from_saved_model(folder, "serving_default", input_names={}, output_names={})


def test_embeddings_are_described_for_tensorboard(tmp_path):
    config = projector.ProjectorConfig()
    config.embeddings.add(tensor_name="emb:0", metadata_path="names.tsv")
    with tf.summary.FileWriter(str(tmp_path)) as writer:
        projector.visualize_embeddings(writer, config)
    with open(os.path.join(str(tmp_path), "projector_config.pbtxt")) as f:
        assert 'tensor_name: "emb:0"' in f.read()
