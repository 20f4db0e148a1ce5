#!/usr/bin/env python
"""Writes what tests/tfutils/test_checkpoint_across_versions.py compares: one small training, saved on the TensorFlow that runs.

Usage: make_across_versions.py, once with each TensorFlow. It replaces the archives `tf<version>-<optimizer>.zip` beside
this file: the log directory after one epoch, `dumped.npz` as tensorpack-dump-model-params makes it, `prob_saved.npy` for the
first batch, and `expected.npz`: all variables after two more epochs. Importing it gives the model and the training.
"""
import os
import shutil
import sys
import tempfile

import numpy as np

from tensorpack import (
    AutoResumeTrainConfig,
    BatchNorm,
    Conv2D,
    DataFromList,
    FullyConnected,
    ModelDesc,
    ModelSaver,
    OfflinePredictor,
    PredictConfig,
    QueueInput,
    RunUpdateOps,
    SimpleTrainer,
    SmartInit,
    launch_train_with_config,
    logger,
)
from tensorpack._cli.dump_model_params import main as dump_model_params
from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils.varmanip import load_checkpoint_vars

HERE = os.path.dirname(os.path.abspath(__file__))
STEPS_PER_EPOCH = 4
EPOCHS_SAVED, EPOCHS_AFTERWARDS = 1, 3
OPTIMIZERS = {
    "adam": lambda rate: tf.train.AdamOptimizer(rate, epsilon=1e-3),
    "momentum": lambda rate: tf.train.MomentumOptimizer(rate, 0.9),
}


class Model(ModelDesc):
    """A convolution, batch normalisation and a linear layer; their variables are resource variables when asked for."""

    def __init__(self, optimizer, use_resource=False):
        super().__init__()
        self.optimizer_name, self.use_resource = optimizer, use_resource

    def inputs(self):
        return [tf.TensorSpec((None, 6, 6, 2), tf.float32, "image"), tf.TensorSpec((None,), tf.int32, "label")]

    def build_graph(self, image, label):
        with tf.variable_scope(tf.get_variable_scope(), use_resource=self.use_resource, auxiliary_name_scope=False):
            x = tf.nn.relu(BatchNorm("bn", Conv2D("conv", image, 4, 3)))
            logits = FullyConnected("fc", x, 3)
        tf.nn.softmax(logits, name="prob")
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=label)
        return tf.reduce_mean(loss, name="cost")

    def optimizer(self):
        rate = tf.get_variable("learning_rate", initializer=0.05, trainable=False)
        return OPTIMIZERS[self.optimizer_name](rate)


def batches():
    """The batches of each epoch."""
    rng = np.random.RandomState(0)
    return [[rng.rand(8, 6, 6, 2).astype("float32"), rng.randint(0, 3, 8).astype("int32")] for _ in range(STEPS_PER_EPOCH)]


def train(directory, model, max_epoch, callbacks=()):
    """Train in this log directory, going on with what is there; returns the trainer."""
    logger.set_logger_dir(directory, "k")
    trainer = SimpleTrainer()
    with tf.Graph().as_default():
        tf.set_random_seed(1)
        launch_train_with_config(AutoResumeTrainConfig(
            model=model, data=QueueInput(DataFromList(batches(), shuffle=False)), max_epoch=max_epoch,
            steps_per_epoch=STEPS_PER_EPOCH, callbacks=[ModelSaver()] + list(callbacks), monitors=[],
            extra_callbacks=[RunUpdateOps()]), trainer)
    return trainer


def predict(model, session_init):
    """`prob` of the first batch."""
    with OfflinePredictor(PredictConfig(model=model, session_init=SmartInit(session_init), input_names=["image"],
                                        output_names=["prob"])) as predictor:
        return predictor(batches()[0][0])[0]


def make(directory, optimizer):
    """Fill the directory."""
    model = Model(optimizer)
    train(directory, model, EPOCHS_SAVED)
    np.save(os.path.join(directory, "prob_saved.npy"), predict(model, directory))
    if dump_model_params([directory, os.path.join(directory, "dumped.npz")]) != 0:
        raise RuntimeError("dump-model-params failed")
    with tempfile.TemporaryDirectory() as folder:
        continued = os.path.join(folder, "continued")
        shutil.copytree(directory, continued)
        train(continued, model, EPOCHS_AFTERWARDS)
        np.savez_compressed(os.path.join(directory, "expected.npz"), **load_checkpoint_vars(continued))
    logger._close_log_file()
    os.remove(os.path.join(directory, "log.log"))


def main():
    version = ".".join(tf.VERSION.split(".")[:2])
    for optimizer in OPTIMIZERS:
        with tempfile.TemporaryDirectory() as folder:
            make(os.path.join(folder, "log"), optimizer)
            shutil.make_archive(os.path.join(HERE, "tf{}-{}".format(version, optimizer)), "zip", os.path.join(folder, "log"))


if __name__ == "__main__":
    sys.exit(main())
