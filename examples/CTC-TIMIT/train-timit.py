#!/usr/bin/env python
"""Recognise phonemes: a bidirectional LSTM trained by connectionist temporal classification.

Usage: train-timit.py --train FILE.lmdb --test FILE.lmdb [--logdir DIR] [--epochs N] [--load CHECKPOINT]

create-lmdb.py makes the two files.
"""
import argparse
import os

from timitdata import NUM_CLASSES, NUM_FEATURES, FakeSpeech, batch_for_ctc

from tensorpack import *
from tensorpack.contrib.rnn import LSTMCell, bidirectional_dynamic_rnn
from tensorpack.tfutils.gradproc import GlobalNormClip
from tensorpack.tfutils.optimizer import apply_grad_processors
from tensorpack.tfutils.summary import add_moving_summary

tf = tfv1
LAYERS, UNITS = 2, 128


class Model(ModelDesc):
    def inputs(self):
        return [tf.TensorSpec((None, None, NUM_FEATURES), tf.float32, "feature"),
                tf.TensorSpec((None,), tf.int32, "length"),
                # the three parts of a SparseTensor
                tf.TensorSpec((None, 2), tf.int64, "label_indices"),
                tf.TensorSpec((None,), tf.int32, "label_values"),
                tf.TensorSpec((2,), tf.int64, "label_shape")]

    def build_graph(self, feature, length, indices, values, shape):
        labels = tf.SparseTensor(indices, values, shape)
        x = feature
        for layer in range(LAYERS):
            with tf.variable_scope("blstm{}".format(layer)):
                outputs, _ = bidirectional_dynamic_rnn(LSTMCell(UNITS), LSTMCell(UNITS), x, sequence_length=length,
                                                       dtype=tf.float32)
                x = tf.concat(outputs, axis=2)
        count, time, _ = tf.unstack(tf.shape(x))
        logits = FullyConnected("logits", tf.reshape(x, [-1, 2 * UNITS]), NUM_CLASSES)
        logits = tf.transpose(tf.reshape(logits, [count, time, NUM_CLASSES]), [1, 0, 2], name="time_major_logits")

        cost = tf.reduce_mean(tf.nn.ctc_loss(labels, logits, length), name="cost")
        if get_current_tower_context().is_training:
            decoded, _ = tf.nn.ctc_greedy_decoder(logits, length)
        else:
            decoded, _ = tf.nn.ctc_beam_search_decoder(logits, length, beam_width=100, merge_repeated=False)
        # -1 where a sentence has fewer phonemes than the longest
        tf.sparse.to_dense(tf.cast(decoded[0], tf.int32), default_value=-1, name="prediction")
        distances = tf.edit_distance(tf.cast(decoded[0], tf.int32), labels, normalize=True)
        error = tf.reduce_mean(distances, name="label_error_rate")
        add_moving_summary(cost, error)
        return cost

    def optimizer(self):
        rate = tf.get_variable("learning_rate", initializer=3e-3, trainable=False)
        return apply_grad_processors(tf.train.AdamOptimizer(rate), [GlobalNormClip(5), gradproc.SummaryGradient()])


def get_data(args):
    if args.fake:
        return batch_for_ctc(FakeSpeech(16), 4), batch_for_ctc(FakeSpeech(4), 4)
    for path in (args.train, args.test):
        if path is None or not os.path.exists(path):
            raise ValueError("{} is missing; make it with create-lmdb.py, and name it by --train or --test".format(path))
    return (batch_for_ctc(LMDBSerializer.load(args.train, shuffle=True), 64),
            batch_for_ctc(LMDBSerializer.load(args.test, shuffle=False), 64, remainder=True))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", help="LMDB to train on")
    parser.add_argument("--test", help="LMDB to validate on")
    parser.add_argument("--logdir", default=os.path.join("train_log", "train-timit"))
    parser.add_argument("--epochs", type=int, default=70)
    parser.add_argument("--load", help="checkpoint to start from")
    parser.add_argument("--fake", action="store_true", help="a few steps on an imitation of speech")
    args = parser.parse_args()

    train_data, test_data = get_data(args)
    logger.set_logger_dir(args.logdir, action="d")
    launch_train_with_config(TrainConfig(
        model=Model(),
        dataflow=train_data,
        callbacks=[
            ModelSaver(),
            InferenceRunner(test_data, ScalarStats(["cost", "label_error_rate"])),
            StatMonitorParamSetter("learning_rate", "validation_label_error_rate", lambda rate: rate * 0.3, threshold=0.001,
                                   last_k=5),
            MinSaver("validation_label_error_rate"),
        ],
        max_epoch=1 if args.fake else args.epochs,
        session_init=SmartInit(args.load),
    ), SimpleTrainer())


if __name__ == "__main__":
    main()
