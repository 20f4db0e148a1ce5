"""A program in the style of 2017, of images, augmentors, layers and symbolic functions, trains as its twin of today."""
import numpy as np
import pytest

from tensorpack import tfv1

pytest.importorskip("cv2")

START = """
import numpy as np
import tensorflow
tf = tensorflow.compat.v1
from tensorpack import *

def value(shape, dtype=None, partition_info=None):
    return np.random.RandomState(3).normal(0, 0.3, size=[int(n) for n in shape]).astype('float32')

class Watch(Callback):
    def _trigger_epoch(self):
        OUT.append({v.op.name: self.trainer.sess.run(v) for v in tf.trainable_variables()})
        for name in ('train_error', 'cost'):
            OUT[-1][name] = self.trainer.monitors.get_latest(name)
"""

OLD = START + """
from tensorpack.tfutils.symbolic_functions import *
from tensorpack.tfutils.summary import *
from tensorpack.dataflow.prefetch import PrefetchData
import tensorpack.tfutils.symbolic_functions as symbf

class Pictures(RNGDataFlow):
    def size(self):
        return 8

    def get_data(self):
        for k in range(8):
            yield [np.random.RandomState(k).randint(0, 256, size=[8, 8, 3]).astype('uint8'), k % 3]

class Darker(imgaug.ImageAugmentor):
    def __init__(self, factor):
        self._init(locals())

    def _augment(self, img, _):
        return (img * self.factor).astype('float32')

class Batches(BatchData):
    @staticmethod
    def _aggregate_batch(data_holder, use_list=False):
        images, labels = BatchData._aggregate_batch(data_holder, use_list)
        return [images, labels.astype('int32')]

def get_data():
    ds = AugmentImageComponent(Pictures(), [imgaug.CenterCrop(6), Darker(0.01)])
    ds = ThreadedMapData(ds, nr_thread=1, map_func=lambda dp: dp, buffer_size=4, strict=True)
    ds = Batches(RepeatedData(ds, nr=-1), 4)
    return PrefetchData(ds, nr_prefetch=2, nr_proc=1)

class Model(ModelDesc):
    def _get_inputs(self):
        return [InputDesc(tf.float32, (None, 6, 6, 3), 'image'), InputDesc(tf.int32, (None,), 'label')]

    def _build_graph(self, inputs):
        image, label = inputs
        with argscope([Conv2D, FullyConnected], W_init=value), argscope(Conv2D, nl=tf.nn.relu, kernel_shape=3):
            l = Conv2D('conv0', image, out_channel=4, stride=2)
            l = Conv2D('conv1', l, 4, 3, 'VALID', 1)
            l = (LinearWrap(l).BatchNorm('bn', use_local_stat=None, decay=0.9).LeakyReLU(0.1)
                 .FullyConnected('fc0', 5, value, None, tf.nn.tanh)())
            logits = FullyConnected('fc1', l, out_dim=3, nl=tf.identity)
        cost = tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=label)
        cost = tf.reduce_mean(cost, name='cross_entropy_loss')
        wrong = prediction_incorrect(logits, label)
        add_moving_summary(tf.reduce_mean(wrong, name='train_error'))
        decay = regularize_cost('fc.*/W:0', l2_regularizer(1e-2))
        self.cost = tf.add_n([cost, decay, 0.1 * tf.reduce_mean(symbf.huber_loss(logits))], name='cost')
        add_moving_summary(self.cost)
        add_param_summary([('.*/W', ['histogram'])])

    def _get_optimizer(self):
        lr = symbf.get_scalar_var('learning_rate', 0.05, summary=True)
        opt = tf.train.MomentumOptimizer(lr, 0.9)
        return optimizer.apply_grad_processors(opt, [gradproc.ScaleGradient([('fc1/.*', 0.5)], log=False)])

DATA = get_data()
QueueInputTrainer(TrainConfig(dataflow=DATA, callbacks=[Watch()], model=Model(), step_per_epoch=4, max_epoch=2)).train()
"""

TODAY = START + """
class Pictures(DataFlow):
    def __len__(self):
        return 8

    def __iter__(self):
        for k in range(8):
            yield [np.random.RandomState(k).randint(0, 256, size=[8, 8, 3]).astype('uint8'), k % 3]

def get_data():
    ds = AugmentImageComponent(Pictures(), [imgaug.CenterCrop(6)])
    ds = MapDataComponent(ds, lambda img: (img * 0.01).astype('float32'), 0)
    return MultiProcessRunner(BatchData(RepeatedData(ds, -1), 4), 2, 1)

class Model(ModelDesc):
    def inputs(self):
        return [tf.TensorSpec([None, 6, 6, 3], tf.float32, 'image'), tf.TensorSpec([None], tf.int32, 'label')]

    def build_graph(self, image, label):
        with argscope([Conv2D, FullyConnected], kernel_initializer=value), argscope(Conv2D, activation=tf.nn.relu):
            l = Conv2D('conv0', image, 4, 3, strides=2)
            l = Conv2D('conv1', l, 4, 3, padding='valid')
            l = BatchNorm('bn', l)
            l = tf.maximum(l, 0.1 * l)  # leaky_relu has another gradient at 0, where a dead unit is at first
            l = FullyConnected('fc0', l, 5, activation=tf.nn.tanh)
            logits = FullyConnected('fc1', l, 3)
        cost = tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=label)
        cost = tf.reduce_mean(cost, name='cross_entropy_loss')
        wrong = tf.cast(tf.logical_not(tf.nn.in_top_k(logits, label, 1)), tf.float32)
        summary.add_moving_summary(tf.reduce_mean(wrong, name='train_error'))
        decay = regularize_cost('fc.*/W', l2_regularizer(1e-2))
        size = tf.abs(logits)
        huber = tf.where(size < 1, 0.5 * tf.square(logits), size - 0.5)
        cost = tf.add_n([cost, decay, 0.1 * tf.reduce_mean(huber)], name='cost')
        summary.add_moving_summary(cost)
        return cost

    def optimizer(self):
        lr = tf.get_variable('learning_rate', initializer=0.05, trainable=False)
        opt = tf.train.MomentumOptimizer(lr, 0.9)
        return optimizer.apply_grad_processors(opt, [gradproc.ScaleGradient([('fc1/.*', 0.5)], verbose=False)])

DATA = get_data()
config = TrainConfig(model=Model(), data=QueueInput(DATA), callbacks=[Watch()], steps_per_epoch=4, max_epoch=2)
launch_train_with_config(config, SimpleTrainer())
"""


def run(program):
    namespace = {"OUT": [], "__name__": "program"}
    with tfv1.Graph().as_default():
        exec(compile(program, "program.py", "exec"), namespace)
    namespace["DATA"].close()
    return namespace["OUT"]


def test_it_trains_as_its_twin_of_today(log_dir, warnings):
    wanted = run(TODAY)
    before = len(warnings())
    got = run(OLD)
    assert len(got) == len(wanted) == 2
    for ours, theirs in zip(got, wanted):
        assert sorted(ours) == sorted(theirs)
        for name in theirs:
            np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-3, atol=1e-4, err_msg=name)
    assert abs(wanted[0]["fc1/W"] - wanted[1]["fc1/W"]).max() > 1e-3
    texts = warnings()[before:]
    assert len(set(texts)) == len(texts)
    for words in ("MultiThreadMapData(num_thread=)", "MultiProcessRunner(num_proc=)", "RepeatedData(num=)", "aggregate_batch",
                  "regularize_cost('fc.*/W:0', ...)", "ScaleGradient(verbose=)", "Conv2D(..., padding, stride)"):
        assert any(words in text for text in texts), words
