"""A trainer with two optimizers as users of TensorFlow 1 write it; run by tests/test_users_ask.py.

TensorFlow is imported first and nothing turns eager execution off. Usage: users_gan.py LOGDIR. Prints the steps of each
optimizer, and the generated values of the trainer's predictor and of an offline predictor.
"""
import sys

import numpy as np
import tensorflow as tf

from tensorpack import *
from tensorpack.tfutils.scope_utils import auto_reuse_variable_scope
from tensorpack.tfutils.summary import add_moving_summary
from tensorpack.tfutils.tower import TowerContext, TowerFunc
from tensorpack.utils.argtools import memoized_method

tf = tf.compat.v1


class GAN(ModelDescBase):
    def inputs(self):
        return [tf.placeholder(tf.float32, (None, 2), "real")]

    @auto_reuse_variable_scope
    def discriminator(self, x):
        return FullyConnected("fc", x, 1, W_init=tf.zeros_initializer(), nl=tf.identity)

    def build_graph(self, real):
        z = tf.placeholder_with_default(tf.ones([4, 2]), [None, 2], name="z")
        with tf.variable_scope("gen"):
            fake = tf.identity(FullyConnected("fc", z, out_dim=2, nl=tf.identity), name="fake")
        with tf.variable_scope("discrim"):
            score_real, score_fake = self.discriminator(real), self.discriminator(fake)
        self.d_loss = tf.reduce_mean(score_fake - score_real, name="d_loss")
        self.g_loss = tf.negative(tf.reduce_mean(score_fake), name="g_loss")
        add_moving_summary(self.d_loss, self.g_loss)

    def variables(self, scope):
        return tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES, scope + "/")

    @memoized_method
    def get_optimizer(self):
        rate = tf.get_variable("learning_rate", initializer=0.1, trainable=False)
        return tf.train.GradientDescentOptimizer(rate)


class GANTrainer(TowerTrainer):
    """Two runs of the session in each step."""

    def __init__(self, source, model):
        super().__init__()
        self.register_callback(source.setup(model.get_input_signature()))
        self.tower_func = TowerFunc(model.build_graph, model.get_input_signature())
        with TowerContext("", is_training=True):
            self.tower_func(*source.get_input_tensors())
        optimizer = model.get_optimizer()
        with tf.name_scope("optimize"):
            self.d_min = optimizer.minimize(model.d_loss, var_list=model.variables("discrim"), name="d_op")
            self.g_min = optimizer.minimize(model.g_loss, var_list=model.variables("gen"), name="g_op")
        self.counts = {"d": 0, "g": 0}

    def run_step(self):
        self.hooked_sess.run(self.d_min)
        self.counts["d"] += 1
        if self.local_step % 2 == 1:
            self.hooked_sess.run(self.g_min)
            self.counts["g"] += 1


class Generate(Callback):
    def _setup_graph(self):
        self.predictor = self.trainer.get_predictor(["z"], ["gen/fake"])

    def _trigger_epoch(self):
        self.generated = self.predictor(np.eye(2, dtype="float32"))[0]


if __name__ == "__main__":
    logger.set_logger_dir(sys.argv[1])
    trainer = GANTrainer(QueueInput(FakeData([[4, 2]], 5, dtype="float32")), GAN())
    generate = Generate()
    trainer.train_with_defaults(callbacks=[ModelSaver(), generate], steps_per_epoch=4, max_epoch=2)
    with OfflinePredictor(PredictConfig(
            model=GAN(), session_init=SmartInit(sys.argv[1]), input_names=["z"], output_names=["gen/fake"])) as predictor:
        offline = predictor(np.eye(2, dtype="float32"))[0]
    print("COUNTS", trainer.counts["d"], trainer.counts["g"], trainer.global_step)
    print("AGREE", np.allclose(offline, generate.generated, atol=1e-6), bool(np.abs(offline).max() > 0))
