#!/usr/bin/env python
"""Language model of Zaremba, Sutskever and Vinyals, 2014: two layers of LSTM with dropout, on the Penn Treebank.

Usage: PTB-LSTM.py --data FOLDER [--size small|medium|large] [--logdir DIR] [--load CHECKPOINT]

FOLDER has ptb.train.txt, ptb.valid.txt and ptb.test.txt. The state of the LSTM goes on from each batch to the next.
"""
import argparse
import os
from collections import namedtuple

import numpy as np
from ptb import PTBData, fake_ptb, read_ptb

from tensorpack import *
from tensorpack.contrib.rnn import DropoutWrapper, LSTMCell, LSTMStateTuple, MultiRNNCell, dynamic_rnn
from tensorpack.tfutils.gradproc import GlobalNormClip
from tensorpack.tfutils.optimizer import apply_grad_processors

tf = tfv1
LAYERS, BATCH_SIZE = 2, 20
# the rate is divided by `divisor` after each epoch from `constant_epochs` on
Size = namedtuple("Size", "units num_steps init keep clip epochs constant_epochs divisor")
SIZES = {
    "small": Size(units=200, num_steps=20, init=0.1, keep=1.0, clip=5, epochs=13, constant_epochs=4, divisor=2),
    "medium": Size(units=650, num_steps=35, init=0.05, keep=0.5, clip=5, epochs=39, constant_epochs=6, divisor=1.2),
    "large": Size(units=1500, num_steps=35, init=0.04, keep=0.35, clip=10, epochs=55, constant_epochs=14, divisor=1.15),
}


class Model(ModelDesc):
    """Cost per word in nats. The states of training and of inference are variables of their own, [layer, c or h, row, unit]."""

    def __init__(self, size, num_words, batch_size):
        super().__init__()
        self.size, self.num_words, self.batch_size = size, num_words, batch_size

    def inputs(self):
        shape = (self.batch_size, None)
        return [tf.TensorSpec(shape, tf.int32, "words"), tf.TensorSpec(shape, tf.int32, "following")]

    def build_graph(self, words, following):
        is_training = get_current_tower_context().is_training
        units, keep = self.size.units, self.size.keep if is_training else 1.0
        uniform = tf.random_uniform_initializer(-self.size.init, self.size.init)
        with tf.variable_scope("lstm", initializer=uniform):
            embedding = tf.get_variable("embedding", [self.num_words, units])
            cell = MultiRNNCell([DropoutWrapper(LSTMCell(units, forget_bias=0.), output_keep_prob=keep) for _ in range(LAYERS)])
            state = self.state_variable("train_state" if is_training else "inference_state")
            outputs, final = dynamic_rnn(
                cell, tf.nn.dropout(tf.nn.embedding_lookup(embedding, words), rate=1 - keep),
                initial_state=tuple(LSTMStateTuple(*tf.unstack(layer)) for layer in tf.unstack(state)))
            logits = FullyConnected("logits", tf.reshape(outputs, [-1, units]), self.num_words, kernel_initializer=uniform)
        costs = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.reshape(following, [-1]), logits=logits)
        with tf.control_dependencies([tf.assign(state, tf.stack([tf.stack(layer) for layer in final]))]):
            per_word = tf.reduce_mean(costs, name="cost_per_word")
        summary.add_moving_summary(tf.exp(per_word, name="perplexity"))
        # the gradient of the paper: a sum over the steps, a mean over the rows
        return tf.multiply(per_word, tf.cast(tf.shape(words)[1], tf.float32), name="cost")

    def state_variable(self, name):
        with tf.variable_scope(tf.get_variable_scope(), reuse=tf.AUTO_REUSE):
            # a resource: the step's gradient still reads the old state when the new one is assigned
            return tf.get_variable(
                name, [LAYERS, 2, self.batch_size, self.size.units], trainable=False, use_resource=True,
                initializer=tf.zeros_initializer(), collections=[tf.GraphKeys.LOCAL_VARIABLES])

    def optimizer(self):
        rate = tf.get_variable("learning_rate", initializer=1.0, trainable=False)
        return apply_grad_processors(tf.train.GradientDescentOptimizer(rate), [GlobalNormClip(self.size.clip)])


def initializer_of(name):
    variable, = [v for v in tf.local_variables() if v.op.name == name]
    return variable.initializer


class ForgetTrainState(Callback):
    """The state is zero when a pass over the training text begins."""

    def _setup_graph(self):
        self.forget = initializer_of("lstm/train_state")

    def _trigger(self):
        self.trainer.sess.run(self.forget)


class Perplexity(Inferencer):
    """exp of the mean cost per word, over a text at whose begin the state is zero."""

    def __init__(self, name):
        self.name = name

    def _setup_graph(self):
        self.forget = initializer_of("lstm/inference_state")

    def _before_inference(self):
        self.trainer.sess.run(self.forget)
        self.costs = []

    def _get_fetches(self):
        return ["cost_per_word"]

    def _on_fetches(self, outputs):
        self.costs.append(outputs[0])

    def _after_inference(self):
        return {self.name: float(np.exp(np.mean(self.costs)))}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=".", help="folder with ptb.{train,valid,test}.txt")
    parser.add_argument("--size", choices=sorted(SIZES), default="small")
    parser.add_argument("--logdir", default=os.path.join("train_log", "PTB-LSTM"))
    parser.add_argument("--load", help="checkpoint to start from")
    parser.add_argument("--fake", action="store_true", help="a few steps on made-up text")
    args = parser.parse_args()

    size, batch_size = SIZES[args.size], BATCH_SIZE
    if args.fake:
        batch_size = 4
        parts, num_words = fake_ptb()
    else:
        parts, num_words = read_ptb(args.data)
    train, valid, test = (PTBData(codes, batch_size, size.num_steps) for codes in parts)
    logger.set_logger_dir(args.logdir, action="d")
    launch_train_with_config(TrainConfig(
        model=Model(size, num_words, batch_size),
        dataflow=train,
        callbacks=[
            ModelSaver(),
            HyperParamSetterWithFunc(
                "learning_rate", lambda epoch, _: size.divisor ** -max(epoch + 1 - size.constant_epochs, 0.)),
            ForgetTrainState(),
            InferenceRunner(valid, Perplexity("validation_perplexity")),
            InferenceRunner(test, Perplexity("test_perplexity")),
            MinSaver("validation_perplexity"),
        ],
        steps_per_epoch=4 if args.fake else len(train),
        max_epoch=1 if args.fake else size.epochs,
        session_init=SmartInit(args.load),
    ), SimpleTrainer())


if __name__ == "__main__":
    main()
