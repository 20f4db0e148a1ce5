#!/usr/bin/env python
"""Train an LSTM to predict the next character of a text, and let it write text of its own.

Usage:
  char-rnn.py [--corpus FILE ...]                    train; by default on the README and the docs of this project
  char-rnn.py --sample --load CHECKPOINT [--start TEXT] [--length N] [--temperature T]

Training writes the alphabet to `characters.json` beside the checkpoints, where sampling finds it.
"""
import argparse
import glob
import json
import os

import numpy as np

from tensorpack import *
from tensorpack.contrib.rnn import DropoutWrapper, LSTMCell, LSTMStateTuple, MultiRNNCell, dynamic_rnn
from tensorpack.tfutils.gradproc import GlobalNormClip
from tensorpack.tfutils.optimizer import apply_grad_processors
from tensorpack.tfutils.summary import add_moving_summary

tf = tfv1
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LAYERS, UNITS = 2, 256
SEQUENCE, BATCH_SIZE = 100, 32
UNKNOWN = "\N{REPLACEMENT CHARACTER}"


class Model(ModelDesc):
    """Predicts each next character. `initial_state` and `final_state`, [layer, c or h, N, unit], let it go on from a text."""

    def __init__(self, num_characters):
        super().__init__()
        self.num_characters = num_characters

    def inputs(self):
        return [tf.TensorSpec((None, None), tf.int32, "characters"), tf.TensorSpec((None, None), tf.int32, "following")]

    def build_graph(self, characters, following):
        cells = [LSTMCell(UNITS) for _ in range(LAYERS)]
        if get_current_tower_context().is_training:
            cells = [DropoutWrapper(cell, output_keep_prob=0.5) for cell in cells]
        initial = tf.zeros([LAYERS, 2, tf.shape(characters)[0], UNITS], name="initial_state")
        outputs, final = dynamic_rnn(
            MultiRNNCell(cells), tf.one_hot(characters, self.num_characters),
            initial_state=tuple(LSTMStateTuple(*tf.unstack(layer)) for layer in tf.unstack(initial)))
        tf.stack([tf.stack(layer) for layer in final], name="final_state")
        logits = FullyConnected("logits", tf.reshape(outputs, [-1, UNITS]), self.num_characters)
        tf.identity(logits[-1], name="last_logits")
        costs = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.reshape(following, [-1]), logits=logits)
        bits = tf.reduce_mean(costs / np.log(2), name="bits_per_character")
        add_moving_summary(bits)
        return bits

    def optimizer(self):
        rate = tf.get_variable("learning_rate", initializer=3e-3, trainable=False)
        return apply_grad_processors(tf.train.AdamOptimizer(rate), [GlobalNormClip(5)])


class Alphabet:
    """The characters of a text that are used more than once, and one that stands for all others."""

    def __init__(self, characters):
        self.characters = characters
        self._codes = {character: code for code, character in enumerate(characters)}

    @staticmethod
    def of(text):
        return Alphabet([UNKNOWN] + sorted(c for c in set(text) if c != UNKNOWN and text.count(c) > 1))

    def encode(self, text):
        return np.array([self._codes.get(character, 0) for character in text], dtype="int32")


class Pieces(RNGDataFlow):
    """[characters, the characters that follow them] of pieces that begin anywhere; as many as fill the text once."""

    def __init__(self, codes, length):
        self.codes, self.length = codes, length

    def __len__(self):
        return max(len(self.codes) // self.length, BATCH_SIZE)

    def __iter__(self):
        for _ in range(len(self)):
            start = self.rng.randint(len(self.codes) - self.length)
            yield [self.codes[start:start + self.length], self.codes[start + 1:start + self.length + 1]]


def default_corpus():
    pages = glob.glob(os.path.join(ROOT, "docs", "**", "*.md"), recursive=True)
    return [os.path.join(ROOT, "README.md")] + sorted(pages)


def split(files):
    """The texts (to train on, to validate on): the last tenth of each file is held out."""
    texts = []
    for file in files:
        with open(file, encoding="utf-8") as f:
            texts.append(f.read())
    return ("".join(text[:len(text) * 9 // 10] for text in texts), "".join(text[len(text) * 9 // 10:] for text in texts))


def one_batch(codes, length, max_pieces=50):
    """A flow of one batch: the text in pieces, the first ones if it is long."""
    length = min(length, len(codes) - 1)
    count = min((len(codes) - 1) // length, max_pieces)
    characters, following = (codes[shift:count * length + shift].reshape(count, length) for shift in (0, 1))
    return DataFromList([[characters, following]], shuffle=False)


def train(texts, epochs, steps_per_epoch, sequence):
    alphabet = Alphabet.of(texts[0])
    with open(os.path.join(logger.get_logger_dir(), "characters.json"), "w") as f:
        json.dump(alphabet.characters, f)
    training, held_out = (alphabet.encode(text) for text in texts)
    logger.info("%d characters to train on, %d held out, %d different ones", len(training), len(held_out),
                len(alphabet.characters))
    launch_train_with_config(TrainConfig(
        model=Model(len(alphabet.characters)),
        dataflow=BatchData(Pieces(training, sequence), BATCH_SIZE),
        callbacks=[
            ModelSaver(max_to_keep=2),
            InferenceRunner(one_batch(held_out, 10 * sequence), ScalarStats("bits_per_character")),
            MinSaver("validation_bits_per_character"),
            HyperParamSetterWithFunc("learning_rate", lambda epoch, _: 3e-3 * np.cos(np.pi / 2 * epoch / epochs)),
        ],
        steps_per_epoch=steps_per_epoch,
        max_epoch=epochs,
    ), SimpleTrainer())


def sample(checkpoint, start, length, temperature):
    """Returns `start` and `length` characters that the model adds to it."""
    with open(os.path.join(os.path.dirname(checkpoint), "characters.json")) as f:
        alphabet = Alphabet(json.load(f))
    config = PredictConfig(
        model=Model(len(alphabet.characters)), session_init=SmartInit(checkpoint),
        input_names=["characters", "initial_state"], output_names=["last_logits", "final_state"])
    rng = get_rng()
    state = np.zeros([LAYERS, 2, 1, UNITS], dtype="float32")
    text, unread = start, start
    with OfflinePredictor(config) as predict:
        for _ in range(length):
            logits, state = predict(alphabet.encode(unread)[np.newaxis], state)
            logits[0] = -np.inf  # the character that stands for others
            weights = np.exp((logits - logits.max()) / temperature)
            unread = alphabet.characters[rng.choice(len(weights), p=weights / weights.sum())]
            text += unread
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logdir", default=os.path.join("train_log", "char-rnn"))
    parser.add_argument("--corpus", nargs="+", metavar="FILE", help="text in UTF-8")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--sample", action="store_true", help="write text instead of training")
    parser.add_argument("--load", help="checkpoint to sample from")
    parser.add_argument("--start", default="The ", help="the text to go on from")
    parser.add_argument("--length", type=int, default=500, help="characters to write")
    parser.add_argument("--temperature", type=float, default=0.7, help="below 1 more careful, above 1 wilder")
    parser.add_argument("--fake", action="store_true", help="a few steps on a few sentences")
    args = parser.parse_args()
    if args.sample:
        if args.load is None or not args.start or args.temperature <= 0:
            parser.error("--sample needs --load CHECKPOINT, a --start of one character or more, and a --temperature above 0")
        return print(sample(args.load, args.start, args.length, args.temperature))

    logger.set_logger_dir(args.logdir, action="d")
    if args.fake:
        train(["The quick brown fox jumps over the lazy dog. " * 20] * 2, epochs=1, steps_per_epoch=25, sequence=20)
    else:
        train(split(args.corpus or default_corpus()), args.epochs, 120, SEQUENCE)


if __name__ == "__main__":
    main()
