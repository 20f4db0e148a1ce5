"""What the scripts of this folder share: models of two parts, trainers with two optimizers, pictures of what is generated."""
import os

import cv2
import numpy as np

from tensorpack import *
from tensorpack.graph_builder.training import SyncMultiGPUParameterServerBuilder
from tensorpack.tfutils.summary import add_moving_summary
from tensorpack.tfutils.tower import TowerFunc
from tensorpack.utils.viz import stack_patches

tf = tfv1


class GANModelDesc(ModelDescBase):
    """A generator and a discriminator.

    `build_graph` sets the scalars `g_loss` and `d_loss`, as `build_losses` does, and calls `collect_variables`.
    """

    def collect_variables(self, g_scope="gen", d_scope="discrim"):
        """Set `g_vars` and `d_vars`: the trainable variables of the two scopes."""
        self.g_vars, self.d_vars = [
            tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES, scope + "/") for scope in (g_scope, d_scope)]
        if not self.g_vars or not self.d_vars:
            raise ValueError("collect_variables: both scopes must have trainable variables; got {} in {!r}, {} in {!r}".format(
                len(self.g_vars), g_scope, len(self.d_vars), d_scope))

    def build_losses(self, logits_real, logits_fake):
        """The losses of Goodfellow et al. 2014, that of the generator in its non-saturating form."""
        with tf.name_scope("GAN_loss"):
            real = tf.reduce_mean(tf.nn.softplus(-logits_real), name="loss_real")
            fake = tf.reduce_mean(tf.nn.softplus(logits_fake), name="loss_fake")
            self.d_loss = tf.add(real / 2, fake / 2, name="d_loss")
            self.g_loss = tf.reduce_mean(tf.nn.softplus(-logits_fake), name="g_loss")
            accuracy = tf.add(_fraction(logits_real > 0) / 2, _fraction(logits_fake < 0) / 2, name="d_accuracy")
        add_moving_summary(self.g_loss, self.d_loss, accuracy)

    def optimizers(self):
        """Override: the optimizers of the generator and of the discriminator. They must be two, since Adam counts steps."""
        raise NotImplementedError("{}: override optimizers()".format(type(self).__name__))


def _fraction(condition):
    return tf.reduce_mean(tf.cast(condition, tf.float32))


class GANTrainer(TowerTrainer):
    """Updates both parts in each step, in one session call: all gradients are computed before anything is updated."""

    def __init__(self, input, model):
        super().__init__()
        self.register_callback(input.setup(model.get_input_signature()))
        self.tower_func = TowerFunc(model.build_graph, model.get_input_signature())

        g_loss, d_loss = self._build_towers(input, model)
        g_optimizer, d_optimizer = model.optimizers()
        g_grads = self._gradients(g_optimizer, g_loss, model.g_vars)
        d_grads = self._gradients(d_optimizer, d_loss, model.d_vars)
        self._build_updates(lambda: g_optimizer.apply_gradients(g_grads, name="g_update"),
                            lambda: d_optimizer.apply_gradients(d_grads, name="d_update"),
                            [grad for grad, _ in g_grads + d_grads])

    def _build_towers(self, input, model):
        with TowerContext("", is_training=True):
            self.tower_func(*input.get_input_tensors())
        return model.g_loss, model.d_loss

    def _build_updates(self, update_g, update_d, grads):
        with tf.control_dependencies(grads):
            self.train_op = tf.group(update_g(), update_d(), name="train_op")

    @staticmethod
    def _gradients(optimizer, loss, variables):
        grads = optimizer.compute_gradients(
            loss, variables, gate_gradients=tf.train.Optimizer.GATE_GRAPH, colocate_gradients_with_ops=True)
        return [(grad, variable) for grad, variable in grads if grad is not None]


class SeparateGANTrainer(GANTrainer):
    """Updates the discriminator in every `d_period`-th step and the generator in every `g_period`-th.

    Each update is a session call of its own, with data of its own; the discriminator's is the first. It also counts as one
    global step.
    """

    def __init__(self, input, model, d_period=1, g_period=1):
        if min(d_period, g_period) != 1:
            raise ValueError("SeparateGANTrainer: one of the periods must be 1; got d_period={}, g_period={}".format(
                d_period, g_period))
        super().__init__(input, model)
        self._d_period, self._g_period = d_period, g_period

    def _build_updates(self, update_g, update_d, grads):
        self.g_update, self.d_update = update_g(), update_d()

    def run_step(self):
        if self.local_step % self._d_period == 0:
            self.hooked_sess.run(self.d_update)
        if self.local_step % self._g_period == 0:
            self.hooked_sess.run(self.g_update)


class MultiGPUGANTrainer(GANTrainer):
    """A GANTrainer with a tower on each of several GPUs; both losses are the means over the towers, which share variables.

    Each tower takes a datapoint of its own, so the effective batch is `num_gpus` times that of the input.
    """

    def __init__(self, num_gpus, input, model, device_type="gpu"):
        self._builder = SyncMultiGPUParameterServerBuilder(list(range(num_gpus)), "gpu", device_type=device_type)
        super().__init__(input, model)

    def _build_towers(self, input, model):
        def build():
            self.tower_func(*input.get_input_tensors())
            return model.g_loss, model.d_loss

        losses = self._builder.call_for_each_tower(build)
        return [tf.add_n(each) / len(losses) for each in zip(*losses)]


class RandomZData(RNGDataFlow):
    """Noise without end: datapoints `[z]`, float32, uniform in [-1, 1)."""

    def __init__(self, shape):
        self.shape = shape

    def __iter__(self):
        while True:
            yield [self.rng.uniform(-1, 1, self.shape).astype("float32")]


def first_datapoint(dataflow):
    dataflow.reset_state()
    return next(iter(dataflow))


def as_grid(images, columns=8):
    """Images with values in [-1, 1], NxHxWxC, as one uint8 picture."""
    pixels = (np.clip(images, -1, 1) + 1) * 127.5
    return stack_patches(pixels, -(-len(pixels) // columns), columns)


def write_image(filename, image):
    """Write a uint8 image, gray or RGB."""
    if not cv2.imwrite(filename, image[:, :, ::-1] if image.shape[2] == 3 else image):
        raise OSError("write_image: cannot write {}".format(filename))


class DrawSamples(Callback):
    """After each epoch, shows what the model makes of the same inputs: in TensorBoard, and as `samples-<epoch>.png`."""

    def __init__(self, input_names, inputs, output_name, columns=8):
        self.input_names, self.inputs, self.output_name, self.columns = input_names, inputs, output_name, columns

    def _setup_graph(self):
        self.predictor = self.trainer.get_predictor(self.input_names, [self.output_name])

    def _trigger(self):
        grid = as_grid(self.predictor(*self.inputs)[0], self.columns)
        self.trainer.monitors.put_image("samples", grid)
        write_image(os.path.join(logger.get_logger_dir(), "samples-{:03d}.png".format(self.epoch_num)), grid)


def sample(checkpoint, model, filename, input_names, inputs, output_name, columns=8):
    """Write a picture of what a trained model makes of the inputs."""
    with OfflinePredictor(PredictConfig(model=model, session_init=SmartInit(checkpoint), input_names=input_names,
                                        output_names=[output_name])) as predictor:
        write_image(filename, as_grid(predictor(*inputs)[0], columns))
    logger.info("The samples are in %s.", filename)


def add_arguments(parser, name, epochs, batch):
    """Arguments of all scripts."""
    parser.add_argument("--logdir", default=os.path.join("train_log", name))
    parser.add_argument("--load", help="checkpoint to start from")
    parser.add_argument("--sample", metavar="CHECKPOINT", help="do not train, write a picture of samples")
    parser.add_argument("--output", default="samples.png", help="the picture that --sample writes")
    parser.add_argument("--fake", action="store_true", help="a few steps on random data")
    parser.add_argument("--epochs", type=int, default=epochs)
    parser.add_argument("--steps", type=int, help="in each epoch; by default a pass over the data")
    parser.add_argument("--batch", type=int, default=batch)


def train_and_draw(args, trainer, dataflow, draw, callbacks=()):
    """Train with what the arguments say, and draw samples after each epoch."""
    steps = args.steps or (3 if args.fake else len(dataflow))
    trainer.train_with_defaults(
        callbacks=[ModelSaver(max_to_keep=3), draw] + list(callbacks), session_init=SmartInit(args.load),
        steps_per_epoch=steps, max_epoch=1 if args.fake else args.epochs)
