"""A GAN trainer for several devices as users of TensorFlow 1 write it; run by tests/train/test_train_trainers_of_users.py.

The towers share their variables; each of the two optimizers minimises the mean of the towers' costs.
"""
import tensorflow as tf

from tensorpack import *
from tensorpack.graph_builder import DataParallelBuilder, LeastLoadedDeviceSetter
from tensorpack.tfutils.scope_utils import auto_reuse_variable_scope
from tensorpack.tfutils.summary import add_moving_summary
from tensorpack.tfutils.tower import TowerContext, TowerFunc

tf = tf.compat.v1


class GAN(ModelDescBase):
    def inputs(self):
        return [tf.TensorSpec((None, 2), tf.float32, "real"), tf.TensorSpec((None, 3), tf.float32, "z")]

    @auto_reuse_variable_scope
    def discriminator(self, x):
        x = FullyConnected("hidden", x, 3, W_init=tf.constant_initializer([[.1, -.2, .3], [.4, .5, -.6]]), nl=tf.nn.tanh)
        return FullyConnected("score", x, 1, W_init=tf.constant_initializer(.5), nl=tf.identity)

    def build_graph(self, real, z):
        with tf.variable_scope("gen"):
            weights = tf.constant_initializer([[.1, .2], [.3, -.4], [-.5, .6]])
            fake = tf.identity(FullyConnected("fc", z, out_dim=2, W_init=weights, nl=tf.identity), name="fake")
        with tf.variable_scope("discrim"):
            score_real, score_fake = self.discriminator(real), self.discriminator(fake)
        self.d_loss = tf.reduce_mean(score_fake - score_real, name="d_loss")
        self.g_loss = tf.negative(tf.reduce_mean(score_fake), name="g_loss")
        add_moving_summary(self.d_loss, self.g_loss)

    def variables(self, scope):
        return tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES, scope + "/")

    def optimizer(self):
        return tf.train.AdamOptimizer(0.01)


class GANTrainer(TowerTrainer):
    """Both updates in one step: the discriminator's, then the generator's."""

    def __init__(self, source, model, devices=None):
        super().__init__()
        cbs = source.setup(model.get_input_signature())
        self.register_callback(cbs)
        self.tower_func = TowerFunc(model.build_graph, model.get_input_signature())

        def costs():
            self.tower_func(*source.get_input_tensors())
            return [model.d_loss, model.g_loss]

        if devices is None:
            with TowerContext("", is_training=True):
                d_loss, g_loss = costs()
        else:
            setters = [LeastLoadedDeviceSetter(device, devices) for device in devices]
            all_costs = DataParallelBuilder.call_for_each_tower(list(range(len(devices))), costs, setters)
            with tf.device(devices[0]):
                d_loss, g_loss = [tf.add_n(each) * (1.0 / len(devices)) for each in zip(*all_costs)]

        opt = model.optimizer()
        with tf.name_scope("optimize"):
            d_min = opt.minimize(d_loss, var_list=model.variables("discrim"), colocate_gradients_with_ops=True, name="d_op")
            with tf.control_dependencies([d_min]):
                g_min = opt.minimize(g_loss, var_list=model.variables("gen"), colocate_gradients_with_ops=True, name="g_op")
        self.train_op = g_min
