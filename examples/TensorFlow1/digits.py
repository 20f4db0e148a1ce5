#!/usr/bin/env python
"""Handwritten digits in the style of 2017: slim, tf.layers, a queue runner, a cell, and numpy's aliases.

python digits.py                        on TensorFlow 1.15
python -m tensorpack.tf1 digits.py      on any TensorFlow
"""
from __future__ import print_function  # noqa: UP010  on Python 2, too

import os

import numpy as np
import tensorflow as tf
import tensorflow.contrib.slim as slim
from tensorflow.contrib.layers import l2_regularizer, xavier_initializer

flags = tf.app.flags
flags.DEFINE_integer("steps", 120, "how many steps to train for")
flags.DEFINE_integer("batch_size", 64, "images in a batch")
flags.DEFINE_float("learning_rate", 3e-3, "of Adam")
flags.DEFINE_string("train_dir", "", "where to write checkpoints; none if empty")
FLAGS = flags.FLAGS


def load():
    """Images as floats in [0, 1], and labels."""
    from tensorpack.dataflow import dataset
    digits = dataset.Digits("train", shuffle=False)
    return digits.images[:, :, :, 0].astype(np.float), np.array(digits.labels, dtype=np.int)


def input_queue(images, labels):
    """Batches from a queue that a thread fills."""
    image, label = tf.train.slice_input_producer(
        [tf.constant(images, tf.float32), tf.constant(labels, tf.int32)], shuffle=True, seed=1)
    return tf.train.batch([image, label], FLAGS.batch_size, num_threads=1, capacity=4 * FLAGS.batch_size)


def arg_scope():
    with slim.arg_scope([slim.conv2d, slim.fully_connected],
                        weights_initializer=xavier_initializer(seed=2), weights_regularizer=l2_regularizer(1e-4),
                        normalizer_fn=slim.batch_norm, normalizer_params={"decay": 0.9, "is_training": True}) as scope:
        return scope


def inference(images):
    """Logits of a convolutional network, and of a recurrent one that reads the image line by line."""
    with slim.arg_scope(arg_scope()):
        net = slim.repeat(tf.expand_dims(images, 3), 2, slim.conv2d, 16, [3, 3], scope="conv")
        net = slim.max_pool2d(net, [2, 2], scope="pool")
        net = slim.fully_connected(slim.flatten(net), 32, scope="fc")
    with tf.variable_scope("lines", initializer=tf.random_uniform_initializer(-0.2, 0.2, seed=3)):
        cell = tf.nn.rnn_cell.BasicLSTMCell(24)
        _, state = tf.nn.dynamic_rnn(cell, images, dtype=tf.float32)
    net = tf.concat([net, state.h], axis=1)
    return tf.layers.dense(net, 10, kernel_initializer=xavier_initializer(seed=4), name="logits")


def main(_):
    images, labels = input_queue(*load())
    logits = inference(images)
    slim.losses.sparse_softmax_cross_entropy(logits, labels)
    total_loss = slim.losses.get_total_loss()
    accuracy = tf.contrib.metrics.accuracy(tf.to_int32(tf.argmax(logits, 1)), labels)
    step = tf.train.get_or_create_global_step()
    train_op = slim.learning.create_train_op(total_loss, tf.train.AdamOptimizer(FLAGS.learning_rate), global_step=step)
    saver = tf.train.Saver()
    with tf.Session() as sess:
        sess.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        coordinator = tf.train.Coordinator()
        threads = tf.train.start_queue_runners(sess=sess, coord=coordinator)
        losses = []
        for k in range(1, FLAGS.steps + 1):
            loss, right = sess.run([train_op, accuracy])
            losses.append(loss)
            if k % 20 == 0:
                print("step {:4d}  loss {:.4f}  accuracy {:.2f}".format(k, np.asscalar(np.mean(losses[-20:])), right))
        if FLAGS.train_dir:
            saver.save(sess, os.path.join(FLAGS.train_dir, "model"), global_step=step)
        coordinator.request_stop()
        coordinator.join(threads)


if __name__ == "__main__":
    tf.app.run()
