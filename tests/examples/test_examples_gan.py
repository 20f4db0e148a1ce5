"""The scripts of examples/GAN on random data: what they train, what they leave alone, and the pictures that they write."""
import argparse
import os
import runpy
import shutil
import sys

import numpy as np
import pytest
from example_runner import EXAMPLES, run_example

from tensorpack import Callback, DataFromList, QueueInput, TowerContext
from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils.sesscreate import NewSessionCreator

cv2 = pytest.importorskip("cv2")


def variables_in(checkpoint_dir):
    """All variables of the newest checkpoint, by name."""
    reader = tf.train.load_checkpoint(checkpoint_dir)
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


@pytest.fixture
def run(monkeypatch, tmp_path):
    """`run(script, *args)`: the script's global names; what it wrote is removed at the end, some checkpoints are large."""
    yield lambda script, *args: run_example(monkeypatch, tmp_path, "GAN/" + script, "--logdir", "log", *args)
    shutil.rmtree(str(tmp_path / "log"), ignore_errors=True)


@pytest.fixture
def gan(monkeypatch, tmp_path):
    """The global names of GAN.py."""
    return run_example(monkeypatch, tmp_path, "GAN/GAN.py")


def shape_of(path):
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert image is not None, path
    return image.shape


def finite(values):
    return all(np.isfinite(value).all() for value in values)


# (script, arguments, shape of the picture of samples): 8 x 8 images with a border of a twentieth
SCRIPTS = [
    ("DCGAN.py", ("--width", "8"), (64 * 8 + 3 * 7,) * 2 + (3,)),
    ("WGAN.py", ("--mnist", "--width", "8"), (32 * 8 + 7,) * 2),
    ("Improved-WGAN.py", ("--mnist", "--width", "8"), (32 * 8 + 7,) * 2),
    ("BEGAN.py", ("--mnist", "--width", "8"), (32 * 8 + 7,) * 2),
    ("InfoGAN-mnist.py", (), (28 * 10 + 9,) * 2),
    ("ConditionalGAN-mnist.py", (), (28 * 10 + 9,) * 2),
    ("CycleGAN.py", ("--width", "8"), (32, 32 * 6, 3)),
    ("DiscoGAN-CelebA.py", (), (64 * 2 + 3, 64 * 6, 3)),
    ("Image2Image.py", ("--width", "8"), (32, 32 * 3, 3)),
]
# Those that share most of their code with one that is not among them, or need much more time; all of them are built.
SLOW = ["Improved-WGAN.py", "BEGAN.py", "InfoGAN-mnist.py", "CycleGAN.py", "DiscoGAN-CelebA.py", "Image2Image.py"]


@pytest.mark.parametrize("script,args,shape", [
    pytest.param(*each, marks=[pytest.mark.slow] if each[0] in SLOW else [], id=each[0]) for each in SCRIPTS])
def test_script_trains_and_draws(run, tmp_path, script, args, shape):
    run(script, "--fake", *args)
    assert shape_of(tmp_path / "log" / "samples-001.png") == shape
    values = variables_in(str(tmp_path / "log"))
    assert finite(values.values())
    assert any(name.startswith("gen/") for name in values) and any(name.startswith("discrim/") for name in values)
    if script == "WGAN.py":
        critic = [v for name, v in values.items() if name.startswith("discrim/") and name.count("/") == 2 and "EMA" not in name]
        assert len(critic) >= 8 and max(np.abs(v).max() for v in critic) <= 0.01 + 1e-8
    if script == "BEGAN.py":
        assert 0 <= values["discrim/k"] <= 1


@pytest.mark.slow_on(1)
@pytest.mark.parametrize("script,small", [
    ("Improved-WGAN.py", {"size": 16, "channels": 1, "width": 4}),
    ("BEGAN.py", {"size": 32, "channels": 1, "width": 4}),
    ("InfoGAN-mnist.py", {}),
    ("CycleGAN.py", {"size": 32, "width": 4, "blocks": 1}),
    ("DiscoGAN-CelebA.py", {}),
    ("Image2Image.py", {"size": 32, "width": 4}),
], ids=SLOW)
def test_both_parts_of_a_model_have_gradients(load, script, small):
    model = load(script)["Model"](**small)
    with TowerContext("", is_training=True):
        model.build_graph(*[tf.placeholder(spec.dtype, spec.shape, spec.name) for spec in model.get_input_signature()])
    assert len(model.optimizers()) == 2
    for loss, variables in [(model.g_loss, model.g_vars), (model.d_loss, model.d_vars)]:
        assert loss.shape.as_list() == [] and len(variables) > 4
        assert all(gradient is not None for gradient in tf.gradients(loss, variables))


def test_dcgan_draws_from_its_checkpoint(run, tmp_path):
    run("DCGAN.py", "--fake", "--mnist", "--width", "4", "--steps", "60")
    run("DCGAN.py", "--mnist", "--width", "4", "--sample", os.path.join("log", "checkpoint"), "--output", "drawn.png")
    assert shape_of(tmp_path / "drawn.png") == (263, 263)
    assert len(np.unique(cv2.imread(str(tmp_path / "drawn.png"), cv2.IMREAD_GRAYSCALE))) > 2


@pytest.mark.parametrize("script", ["DCGAN.py", "CycleGAN.py", "DiscoGAN-CelebA.py", "Image2Image.py"])
def test_script_without_data_says_where_to_get_it(run, capsys, script):
    with pytest.raises(AssertionError, match="ended with 2"):
        run(script)
    assert "--data must " in capsys.readouterr().err


class Keep(Callback):
    """Trainable variables after training."""

    def _after_train(self):
        self.values = self.trainer.sess.run({v.op.name: v for v in tf.trainable_variables()})


def tiny_model(gan):
    """generated = z * g; score = x * d; the rates are 0.1 for g, 0.2 for d."""
    class Tiny(gan["GANModelDesc"]):
        def inputs(self):
            return [tf.TensorSpec((None,), tf.float32, "real"), tf.TensorSpec((None,), tf.float32, "z")]

        def build_graph(self, real, z):
            with tf.variable_scope("gen"):
                fake = z * tf.get_variable("g", [], initializer=tf.constant_initializer(0.5))
            with tf.variable_scope("discrim"):
                d = tf.get_variable("d", [], initializer=tf.constant_initializer(0.25))
            self.g_loss = tf.negative(tf.reduce_mean(fake * d), name="g_loss")
            self.d_loss = tf.subtract(tf.reduce_mean(fake * d), tf.reduce_mean(real * d), name="d_loss")
            self.collect_variables()

        def optimizers(self):
            return tf.train.GradientDescentOptimizer(0.1), tf.train.GradientDescentOptimizer(0.2)

    return Tiny()


def train_tiny(make_trainer, datapoints, steps, **kwargs):
    keep = Keep()
    trainer = make_trainer(QueueInput(DataFromList(datapoints, shuffle=False)))
    trainer.train_with_defaults(callbacks=[keep], monitors=[], steps_per_epoch=steps, max_epoch=1, **kwargs)
    return keep.values["gen/g"], keep.values["discrim/d"], trainer


def tiny_data(num):
    rng = np.random.RandomState(0)
    return [[rng.uniform(1, 3, 4).astype("float32"), rng.uniform(0, 2, 4).astype("float32")] for _ in range(num)]


def test_both_parts_are_updated_by_gradients_of_the_same_weights(gan, log_dir):
    data, g, d = tiny_data(12), 0.5, 0.25
    for real, z in data:
        g, d = g + 0.1 * z.mean() * d, d - 0.2 * (z.mean() * g - real.mean())
    model = tiny_model(gan)
    got_g, got_d, trainer = train_tiny(lambda source: gan["GANTrainer"](source, model), data, len(data))
    np.testing.assert_allclose([got_g, got_d], [g, d], rtol=1e-4)
    assert trainer.global_step == len(data)


def test_separate_trainer_updates_one_part_at_a_time_at_its_own_period(gan, log_dir):
    data, g, d, used = tiny_data(8), 0.5, 0.25, 0
    for step in range(5):
        real, z = data[used]
        d, used = d - 0.2 * (z.mean() * g - real.mean()), used + 1
        if step % 2 == 0:
            real, z = data[used]
            g, used = g + 0.1 * z.mean() * d, used + 1
    model = tiny_model(gan)
    got_g, got_d, trainer = train_tiny(lambda source: gan["SeparateGANTrainer"](source, model, g_period=2), data, 5)
    assert used == trainer.global_step == 8
    np.testing.assert_allclose([got_g, got_d], [g, d], rtol=1e-4)


def test_separate_trainer_needs_something_to_do_in_each_step(gan):
    with pytest.raises(ValueError, match="one of the periods must be 1"):
        gan["SeparateGANTrainer"](QueueInput(DataFromList(tiny_data(1))), tiny_model(gan), d_period=2, g_period=3)


def test_two_devices_train_like_one_with_the_joined_batch(gan, log_dir):
    data = tiny_data(6)
    parts = [[x[k:k + 2] for x in dp] for dp in data for k in (0, 2)]
    with tf.Graph().as_default():
        model = tiny_model(gan)
        expected = train_tiny(lambda source: gan["GANTrainer"](source, model), data, 6)
    with tf.Graph().as_default():
        model = tiny_model(gan)
        session = NewSessionCreator(config=tf.ConfigProto(device_count={"CPU": 2}, allow_soft_placement=True))
        got = train_tiny(lambda source: gan["MultiGPUGANTrainer"](2, source, model, device_type="cpu"), parts, 6,
                         session_creator=session)
    np.testing.assert_allclose(got[:2], expected[:2], rtol=1e-4)
    assert len(got[2].towers.training()) == 2


def test_a_model_without_variables_in_a_scope_is_refused(gan):
    class Empty(gan["GANModelDesc"]):
        pass

    with pytest.raises(ValueError, match="got 0 in 'gen', 0 in 'discrim'"):
        Empty().collect_variables()


@pytest.fixture
def load(monkeypatch):
    """`load(script)`: the global names of a script that does not run."""
    folder, known = os.path.join(EXAMPLES, "GAN"), set(sys.modules)
    monkeypatch.syspath_prepend(folder)
    yield lambda script: runpy.run_path(os.path.join(folder, script), run_name="loaded")
    for name in set(sys.modules) & {"GAN", "DCGAN"} - known:
        del sys.modules[name]


def test_gradient_penalty_of_a_linear_critic(load):
    weights = np.random.RandomState(0).normal(size=(12, 1)).astype("float32")
    real, fake = [tf.constant(np.random.RandomState(k).rand(3, 2, 2, 3).astype("float32")) for k in (1, 2)]

    def critic(x):
        return tf.matmul(tf.reshape(x, [-1, 12]), weights)

    penalty, norm = load("Improved-WGAN.py")["gradient_penalty"](critic, real, fake)
    with tf.Session() as sess:
        penalty, norm = sess.run([penalty, norm])
    np.testing.assert_allclose(norm, np.linalg.norm(weights), rtol=1e-5)
    np.testing.assert_allclose(penalty, (np.linalg.norm(weights) - 1) ** 2, rtol=1e-4)


def test_gradient_of_the_penalty_goes_through_the_critics_layers(load):
    """It is that of finite differences, for a weight in each kind of layer."""
    script = load("Improved-WGAN.py")
    rng = np.random.RandomState(0)
    image = tf.constant(rng.uniform(-1, 1, (1, 16, 16, 1)).astype("float32"))
    model = script["Model"](16, 1, 4)
    with TowerContext("", is_training=True):
        penalty, _ = script["gradient_penalty"](model.discriminator, image, image)  # of equal images, so nothing is random
    names = ("conv0/W", "conv1/W", "norm1/gamma", "logits/W")
    weights = [v for name in names for v in tf.trainable_variables() if v.op.name == name]
    gradients = tf.gradients(penalty, weights)
    assert len(weights) == len(names) and all(gradient is not None for gradient in gradients)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for variable in tf.trainable_variables():  # the penalty jumps where a unit changes its side: no chance here
            variable.load(rng.normal(0, 0.3, variable.shape.as_list()).astype("float32"), sess)
        for weight, gradient in zip(weights, sess.run(gradients)):
            value = sess.run(weight)
            index = np.unravel_index(np.abs(gradient).argmax(), gradient.shape)
            found = []
            for sign in (1, -1):
                moved = value.copy()
                moved[index] += sign * 1e-3
                weight.load(moved, sess)
                found.append(sess.run(penalty))
            weight.load(value, sess)
            np.testing.assert_allclose((found[0] - found[1]) / 2e-3, gradient[index], rtol=0.02)


@pytest.mark.slow_on(1)
def test_infogan_learns_to_tell_the_code_from_the_image(load, log_dir):
    script, losses = load("InfoGAN-mnist.py"), []

    class Watch(Callback):
        def _before_run(self, _):
            return tf.train.SessionRunArgs(self.graph.get_tensor_by_name("info_loss:0"))

        def _after_run(self, _, run_values):
            losses.append(run_values.results)

    rng = np.random.RandomState(0)
    data = DataFromList([[rng.rand(16, 28, 28).astype("float32")]], shuffle=False)
    trainer = script["GANTrainer"](QueueInput(data), script["Model"]())
    trainer.train_with_defaults(callbacks=[Watch()], monitors=[], steps_per_epoch=15, max_epoch=1)
    assert np.mean(losses[-3:]) < np.mean(losses[:3]) - 0.15, losses


def write_images(folder, count, shape, value):
    folder.mkdir(parents=True)
    for k in range(count):
        cv2.imwrite(str(folder / "{:06d}.png".format(k + 1)), np.full(shape, value, "uint8"))


def arguments(**kwargs):
    return argparse.Namespace(fake=False, batch=2, **kwargs)


def one(dataflow):
    dataflow.reset_state()
    return next(iter(dataflow))


def test_cyclegan_reads_its_folders(load, tmp_path):
    write_images(tmp_path / "testA", 2, (20, 20, 3), 10)
    write_images(tmp_path / "testB", 3, (20, 20, 3), 200)
    a, b = one(load("CycleGAN.py")["get_data"](arguments(data=str(tmp_path), size=16), "test"))
    assert a.shape == b.shape == (2, 16, 16, 3) and (a == 10).all() and (b == 200).all()


@pytest.mark.parametrize("mode,expected", [("AtoB", (10, 200)), ("BtoA", (200, 10))])
def test_image2image_splits_pairs(load, tmp_path, mode, expected):
    pair = np.full((16, 32, 3), 10, "uint8")
    pair[:, 16:] = 200
    files = [str(tmp_path / "{}.png".format(k)) for k in range(2)]
    for file in files:
        cv2.imwrite(file, pair)
    x, y = one(load("Image2Image.py")["get_data"](arguments(files=files, size=16, mode=mode), is_training=False))
    assert x.shape == y.shape == (2, 16, 16, 3) and (x == expected[0]).all() and (y == expected[1]).all()


def test_discogan_splits_faces_by_attribute(load, tmp_path):
    rows = ["{:06d}.png {:2d} {:2d}".format(k, -1, 1 if k % 2 else -1) for k in range(1, 5)]
    (tmp_path / "list_attr_celeba.txt").write_text("\n".join(["4", "Bald Male"] + rows) + "\n")
    (tmp_path / "img_align_celeba").mkdir()
    for k in range(1, 5):
        image = np.full((218, 178, 3), 200 if k % 2 else 10, "uint8")
        cv2.imwrite(str(tmp_path / "img_align_celeba" / "{:06d}.png".format(k)), image)
    script = load("DiscoGAN-CelebA.py")
    a, b = one(script["get_data"](arguments(data=str(tmp_path), attribute="Male"), is_training=False))
    assert a.shape == b.shape == (2, 64, 64, 3) and (a == 200).all() and (b == 10).all()
    with pytest.raises(ValueError, match="one of Bald, Male; got 'Young'"):
        script["split_by_attribute"](str(tmp_path), "Young")


def test_dcgan_crops_the_middle_of_image_files(load, tmp_path):
    image = np.zeros((60, 50, 3), "uint8")
    image[14:46, 9:41] = (0, 0, 255)  # red, as OpenCV writes it
    files = [str(tmp_path / "{}.png".format(k)) for k in range(2)]
    for file in files:
        cv2.imwrite(file, image)
    flow = load("DCGAN.py")["image_files"](files, 32, 16, 2)
    images, = one(flow)
    del flow
    assert images.shape == (2, 16, 16, 3) and (images == [255, 0, 0]).all()
