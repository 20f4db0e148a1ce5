"""The examples about images: transformers, embeddings, saliency, edges, super-resolution, dynamic filters."""
import os
import runpy

import numpy as np
import pytest
from example_models import example_globals, last_statistics
from example_runner import EXAMPLES, run_example

from tensorpack import SimpleTrainer, TowerContext, TrainConfig, launch_train_with_config, logger
from tensorpack import tfv1 as tf
from tensorpack.dataflow import BatchData

pytestmark = pytest.mark.slow_on(1)  # the scripts are the same, and what they are made of is tested on both

cv2 = pytest.importorskip("cv2")


def evaluate(*tensors):
    with tf.Session() as sess:
        return sess.run(tensors)


def test_mnist_addition_draws_what_its_transformers_see(monkeypatch, tmp_path):
    run_example(monkeypatch, tmp_path, "SpatialTransformer/mnist-addition.py", "--fake", "--logdir", "log")
    assert np.isfinite(last_statistics(tmp_path / "log")["validation_cost"])
    picture = cv2.imread(str(tmp_path / "log" / "transformed.png"), cv2.IMREAD_GRAYSCALE)
    assert picture.shape == (6 * 42 + 5 * 4, 2 * 6 * 42 + 4)
    seen = picture[:42, 2 * 42:6 * 42]
    assert seen.max() > 100 and seen.min() == 0


def test_bilinear_sample_agrees_with_opencv(monkeypatch):
    example = example_globals(monkeypatch, "SpatialTransformer/mnist-addition.py")
    rng = np.random.RandomState(0)
    images, coords = rng.rand(2, 7, 9, 2).astype("float32"), rng.uniform(-2, 10, size=(2, 5, 6, 2)).astype("float32")
    result, = evaluate(example["bilinear_sample"](tf.constant(images), tf.constant(coords)))
    for image, points, sampled in zip(images, coords, result):
        expected = cv2.remap(image, points[..., 1].copy(), points[..., 0].copy(), cv2.INTER_LINEAR,
                             borderMode=cv2.BORDER_CONSTANT)
        np.testing.assert_allclose(sampled, expected, atol=0.05)  # OpenCV rounds coordinates to 1/32


def test_mnist_addition_starts_from_the_middle_of_the_image(monkeypatch):
    example = example_globals(monkeypatch, "SpatialTransformer/mnist-addition.py")
    image = np.zeros((1, 42, 42, 2), dtype="float32")
    image[:, 10:32, 15:27] = 1
    with TowerContext("", is_training=False), tf.variable_scope("transformer"):
        with example["argscope"]([example["Conv2D"], example["FullyConnected"]], activation=tf.nn.relu):
            transformed = example["Model"]().transform(tf.constant(image))
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        seen = sess.run(transformed)[0, :, :, 0]
    assert seen.shape == (20, 20) and seen[10, 10] == 1 and seen[0].max() == 0 == seen[:, 0].max()
    np.testing.assert_allclose(seen, seen[::-1], atol=1e-3)


@pytest.mark.parametrize("algorithm", ["triplet", "center"])
def test_mnist_embeddings_are_drawn(monkeypatch, tmp_path, capsys, algorithm):
    pytest.importorskip("matplotlib")
    run_example(monkeypatch, tmp_path, "SimilarityLearning/mnist-embeddings.py", "--fake", "--algorithm", algorithm, "--logdir",
                "log")
    assert np.isfinite(last_statistics(tmp_path / "log")["cost"])
    accuracy = float(capsys.readouterr().out.split("nearest neighbour: ")[1].split(";")[0])
    assert 0.13 < accuracy <= 1  # even a few steps are better than chance
    assert cv2.imread(str(tmp_path / "log" / "embeddings.png")).std() > 5


def test_losses_of_embeddings(monkeypatch):
    example = example_globals(monkeypatch, "SimilarityLearning/mnist-embeddings.py")
    a, b, c = (tf.constant(x, tf.float32) for x in ([[0, 3], [1, 0]], [[0, 0], [4, 4]], [[4, 3], [1, 1]]))
    same = tf.constant([True, False])
    contrastive, cosine, triplet, soft = evaluate(
        example["contrastive_loss"](a, b, same, 6.), example["cosine_loss"](a, c, same), example["triplet_loss"](a, b, c, 2.),
        example["soft_triplet_loss"](a, b, c))
    np.testing.assert_allclose(contrastive, (9 + 1) / 2., atol=1e-3)
    np.testing.assert_allclose(cosine, ((1 - 0.6) ** 2 + 0.5) / 2, rtol=1e-5)
    np.testing.assert_allclose(triplet, (0 + 25 - 1 + 2) / 2.)
    np.testing.assert_allclose(soft, np.mean(1 / (1 + np.exp(-np.array([3 - 4, 5 - 1.]))) ** 2), rtol=1e-4)


def test_center_loss_moves_centers_to_their_class(monkeypatch):
    example = example_globals(monkeypatch, "SimilarityLearning/mnist-embeddings.py")
    points, label = tf.constant([[2., 0], [4., 0], [0., 1]]), tf.constant([1, 1, 2])
    loss, update = example["center_loss"](points, label, 3, rate=0.6)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        np.testing.assert_allclose(sess.run(loss), (4 + 16 + 1) / 3. / 2)
        np.testing.assert_allclose(sess.run(update), [[0, 0], [0.6 * 6 / 3, 0], [0, 0.6 / 2]], rtol=1e-6)


@pytest.mark.parametrize("name", ["siamese", "cosine", "softtriplet"])
def test_other_embeddings_have_gradients(monkeypatch, name):
    example = example_globals(monkeypatch, "SimilarityLearning/mnist-embeddings.py")
    model = example["MODELS"][name]()
    inputs = [tf.constant(np.random.RandomState(0).randint(0, 2, size=[2] + spec.shape.as_list()[1:]), spec.dtype)
              for spec in model.inputs()]
    with TowerContext("", is_training=True):
        gradients = tf.gradients(model.build_graph(*inputs), tf.trainable_variables())
    assert len(gradients) == 8 and all(gradient is not None for gradient in gradients)


def test_saliency_maps_differ_by_image_and_by_gradient(monkeypatch, tmp_path):
    example = run_example(monkeypatch, tmp_path, "Saliency/saliency-maps.py", "--fake", "--logdir", "log")
    assert cv2.imread(str(tmp_path / "log" / "saliency.png")).shape == (3 * 84 + 2 * 4, 6 * 84 + 5 * 4, 3)
    images = np.random.RandomState(0).rand(2, 28, 28).astype("float32")
    plain, guided = (example["saliency_maps"](str(tmp_path / "log" / "checkpoint"), images, guided=g)[1] for g in (False, True))
    assert plain.shape == guided.shape == (2, 28, 28)
    assert plain.std() > 0 and guided.std() > 0 and abs(plain - guided).max() > 1e-6 and abs(plain[0] - plain[1]).max() > 1e-6


def test_guided_gradient_lets_only_positive_ones_pass(monkeypatch, tmp_path):
    """A network of one unit, whose plain and guided gradients are known."""
    path = os.path.join(EXAMPLES, "Saliency", "saliency-maps.py")
    with open(path) as f:  # its gradient may have been registered by the test above
        source = f.read().replace('"GuidedRelu"', '"GuidedReluOfTest"')
    (tmp_path / "saliency.py").write_text(source)
    runpy.run_path(str(tmp_path / "saliency.py"))
    x = tf.constant([[1., -1., 2.]])
    with tf.get_default_graph().gradient_override_map({"Relu": "GuidedReluOfTest"}):
        y = tf.nn.relu(x)
    assert evaluate(tf.gradients(y * tf.constant([[3., 3., -3.]]), x)[0])[0].tolist() == [[3., 0., 0.]]


def test_class_activation_maps_are_drawn_and_judged(monkeypatch, tmp_path, capsys):
    example = run_example(monkeypatch, tmp_path, "Saliency/CAM-resnet.py", "--fake", "--logdir", "log")
    assert "highest point of the map is on the digit" in capsys.readouterr().out
    assert cv2.imread(str(tmp_path / "log" / "cam.png")).shape == (4 * 64 + 3 * 4, 3 * 128 + 2 * 4, 3)
    cam = np.zeros((16, 16), dtype="float32")
    cam[5, 10] = 1
    assert example["is_on_digit"](cam, (10, 30)) and not example["is_on_digit"](cam, (30, 30))


def test_class_activation_map_is_the_evidence_for_the_class(monkeypatch):
    example = example_globals(monkeypatch, "Saliency/CAM-resnet.py")
    image = np.random.RandomState(0).randint(0, 256, (2, 64, 64, 3)).astype("uint8")
    with TowerContext("", is_training=False):
        example["Model"](example["MNIST"]).build_graph(tf.constant(image), tf.constant([1, 2]))
    graph = tf.get_default_graph()
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        cam, logits = sess.run([graph.get_tensor_by_name(name) for name in ("cam:0", "classes/output:0")])
    assert cam.shape == (2, 16, 16)
    np.testing.assert_allclose(cam.mean((1, 2)), logits.max(1), rtol=1e-3, atol=1e-5)  # the bias is 0


def test_hed_trains_and_detects(monkeypatch, tmp_path):
    run_example(monkeypatch, tmp_path, "HED/hed.py", "--fake", "--logdir", "log")
    last = last_statistics(tmp_path / "log")
    assert np.isfinite(last["validation_cost_fused"])
    cv2.imwrite(str(tmp_path / "photo.png"), np.random.RandomState(0).randint(0, 256, (50, 70, 3)).astype("uint8"))
    run_example(monkeypatch, tmp_path, "HED/hed.py", "--run", "photo.png", "--load", "log/checkpoint")
    assert cv2.imread(str(tmp_path / "edges.png")).shape == (50, 70, 3)


def test_hed_cost_weighs_edges_and_the_rest_the_same(monkeypatch):
    example = example_globals(monkeypatch, "HED/hed.py")
    target = np.zeros((1, 4, 4, 1), dtype="float32")
    target[0, 0, :2] = 1
    cost = example["balanced_cross_entropy"](tf.zeros((1, 4, 4, 1)), tf.constant(target), "cost")
    np.testing.assert_allclose(evaluate(cost)[0], np.log(2) * (2 * 14 / 16. + 14 * 2 / 16.) / 16, rtol=1e-5)


@pytest.mark.slow
def test_enet_trains_and_enlarges(monkeypatch, tmp_path):
    run_example(monkeypatch, tmp_path, "SuperResolution/enet-pat.py", "--fake", "--logdir", "log")
    last = last_statistics(tmp_path / "log")
    assert all(np.isfinite(last[name]) for name in ("g_cost", "d_cost", "texture_cost", "perceptual_cost", "psnr"))
    cv2.imwrite(str(tmp_path / "photo.png"), np.full((10, 12, 3), (200, 100, 50), dtype="uint8"))
    run_example(monkeypatch, tmp_path, "SuperResolution/enet-pat.py", "--apply", "photo.png", "--load", "log/checkpoint")
    enlarged = cv2.imread(str(tmp_path / "enlarged.png"))
    assert enlarged.shape == (40, 48, 3) and abs(enlarged[20, 24].astype(int) - (200, 100, 50)).max() < 60


def test_texture_cost_looks_at_each_patch(monkeypatch):
    example = example_globals(monkeypatch, "SuperResolution/enet-pat.py")
    rng = np.random.RandomState(0)
    fake, real = ({name: rng.rand(2, size, size, 4).astype("float32") for name, size in
                   [("conv1_1", 32), ("conv2_1", 16), ("conv3_1", 8)]} for _ in range(2))

    def gram(x, size):
        patches = [x[n, y:y + size, z:z + size].reshape(-1, 4) for n in range(2) for y in range(0, x.shape[1], size)
                   for z in range(0, x.shape[2], size)]
        return np.stack([p.T.dot(p) for p in patches]) / (size * size * 4)

    expected = sum(np.mean(np.square(gram(fake[name] / real[name].mean(), size) - gram(real[name] / real[name].mean(), size)))
                   for name, size in [("conv1_1", 16), ("conv2_1", 8), ("conv3_1", 4)])
    loss = example["texture_loss"](*({name: tf.constant(x) for name, x in each.items()} for each in (fake, real)))
    np.testing.assert_allclose(evaluate(loss)[0], expected, rtol=1e-3)


def test_steering_filters_are_learned(monkeypatch, tmp_path):
    run_example(monkeypatch, tmp_path, "DynamicFilterNetwork/steering-filter.py", "--fake", "--logdir", "log")
    assert cv2.imread(str(tmp_path / "log" / "filters.png")).shape == (2 * 72 + 4, 8 * 72 + 7 * 4, 3)
    example = example_globals(monkeypatch, "DynamicFilterNetwork/steering-filter.py")
    with tf.Graph().as_default():
        logger.set_logger_dir(str(tmp_path / "long"))
        trainer = SimpleTrainer()
        launch_train_with_config(TrainConfig(
            model=example["Model"](), dataflow=BatchData(example["SteeredImages"](), 16), callbacks=[example["FilterError"]()],
            steps_per_epoch=150, max_epoch=1), trainer)
        at_start = trainer.monitors.get_history("filter_error")[0][1]
    assert last_statistics(tmp_path / "long")["filter_error"] < 0.8 * at_start


def test_dynamic_filter_applies_to_each_image_its_own(monkeypatch):
    example = example_globals(monkeypatch, "DynamicFilterNetwork/steering-filter.py")
    rng = np.random.RandomState(0)
    images, filters = rng.rand(3, 12, 12).astype("float32"), rng.rand(3, 5, 5).astype("float32")
    with TowerContext("", is_training=False):
        result, = evaluate(example["DynamicFilter"]("filter", tf.constant(images), tf.constant(filters)))
    for image, kernel, filtered in zip(images, filters, result):
        np.testing.assert_allclose(filtered, cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_CONSTANT), rtol=1e-4)
