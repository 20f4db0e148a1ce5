"""The Penn Treebank as word codes, cut into pieces that continue each other from batch to batch."""
import os
from collections import Counter

import numpy as np

from tensorpack.dataflow import DataFlow

PARTS = ("train", "valid", "test")
END_OF_SENTENCE = "<eos>"


def read_ptb(folder):
    """(codes of train, valid and test: int32 arrays; number of words) from `ptb.train.txt` etc. in `folder`.

    A code is the rank of the word by frequency in the training text; words are separated by spaces, sentences by newlines.
    """
    words = {}
    for part in PARTS:
        path = os.path.join(folder, "ptb.{}.txt".format(part))
        if not os.path.isfile(path):
            raise ValueError("{} is missing; it is in the folder simple-examples/data of the archive of T. Mikolov, "
                             "https://www.fit.vutbr.cz/~imikolov/rnnlm/simple-examples.tgz".format(path))
        with open(path, encoding="utf-8") as f:
            words[part] = f.read().replace("\n", " {} ".format(END_OF_SENTENCE)).split()
    counts = Counter(words["train"])
    code_of = {word: code for code, word in enumerate(sorted(counts, key=lambda word: (-counts[word], word)))}
    unknown = code_of.get("<unk>", 0)
    codes = [np.array([code_of.get(word, unknown) for word in words[part]], dtype="int32") for part in PARTS]
    return codes, len(code_of)


def fake_ptb(num_words=10000, length=400):
    """Codes in the shape of `read_ptb`: each word is followed by one of two words, which depend on it."""
    rng = np.random.RandomState(0)
    parts = []
    for _ in PARTS:
        codes = [0]
        while len(codes) < length:
            codes.append((codes[-1] * 7 + 3 + rng.randint(2)) % 50)
        parts.append(np.array(codes, dtype="int32"))
    return parts, num_words


class PTBData(DataFlow):
    """[words, the words that follow them], both int32 of the shape [batch_size, num_steps].

    The text is cut into `batch_size` long rows; each datapoint goes on in every row where the one before it ended. A pass has
    all datapoints that fit, in this order.
    """

    def __init__(self, codes, batch_size, num_steps):
        self._num_steps = num_steps
        row = (len(codes) - 1) // batch_size
        if row < num_steps:
            raise ValueError("PTBData: there must be more than {} words for {} rows of {}; got {}".format(
                batch_size * num_steps, batch_size, num_steps, len(codes)))
        self._words, self._following = (codes[shift:row * batch_size + shift].reshape(batch_size, row) for shift in (0, 1))

    def __len__(self):
        return self._words.shape[1] // self._num_steps

    def __iter__(self):
        for k in range(len(self)):
            columns = slice(k * self._num_steps, (k + 1) * self._num_steps)
            yield [self._words[:, columns], self._following[:, columns]]
