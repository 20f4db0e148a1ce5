"""Speech as features and phonemes: TIMIT's files, their MFCC, batches of uneven sequences, and an imitation of speech."""
import glob
import os
import wave

import numpy as np

from tensorpack.dataflow import BatchData, DataFlow, MapData, RNGDataFlow

PHONEMES = (
    "aa ae ah ao aw ax ax-h axr ay b bcl ch d dcl dh dx eh el em en eng epi er ey f g gcl h# hh hv ih ix iy jh k kcl l m n ng "
    "nx ow oy p pau pcl q r s sh t tcl th uh uw ux v w y z zh").split()
NUM_CLASSES = len(PHONEMES) + 1  # the blank of CTC is the last
NUM_FEATURES = 39


def read_wav(path):
    """(samples as float32, samples per second) of one channel of 16 bits; the file is RIFF or, as in TIMIT, NIST SPHERE."""
    with open(path, "rb") as f:
        start = f.read(16)
        if not start.startswith(b"NIST_1A"):
            with wave.open(path) as w:
                return np.frombuffer(w.readframes(w.getnframes()), "<i2").astype("float32"), w.getframerate()
        header = start + f.read(int(start[8:].split()[0]) - 16)
        fields = dict(line.split()[::2] for line in header.decode("ascii").splitlines() if len(line.split()) == 3)
        order = "<" if fields.get("sample_byte_format", "01") == "01" else ">"
        return np.frombuffer(f.read(), order + "i2").astype("float32"), int(fields["sample_rate"])


def mfcc(samples, rate, num_filters=26, num_coefficients=13):
    """Mel-frequency cepstrum every 10 ms, and its first and second differences: float32 Tx39, each of mean 0, deviation 1."""
    window, step, size = int(rate * 0.025), int(rate * 0.01), 512
    samples = np.append(samples[0], samples[1:] - 0.97 * samples[:-1])
    count = 1 + max(0, len(samples) - window) // step
    samples = np.pad(samples, (0, max(0, window - len(samples))), mode="constant")
    frames = np.stack([samples[k * step:k * step + window] for k in range(count)]) * np.hamming(window)
    power = np.square(np.abs(np.fft.rfft(frames, size))) / size
    energy = np.log(np.maximum(power.dot(_mel_filters(rate, num_filters, size).T), 1e-8))
    k, n = np.arange(num_coefficients)[:, None], np.arange(num_filters)[None]
    cepstrum = energy.dot(np.cos(np.pi / num_filters * (n + 0.5) * k).T)
    first = np.gradient(cepstrum, axis=0) if count > 1 else np.zeros_like(cepstrum)
    second = np.gradient(first, axis=0) if count > 1 else np.zeros_like(cepstrum)
    features = np.concatenate([cepstrum, first, second], axis=1)
    return ((features - features.mean(0)) / (features.std(0) + 1e-8)).astype("float32")


def _mel_filters(rate, count, size):
    """Triangles on the mel scale, [count, size // 2 + 1]."""
    highest = 2595 * np.log10(1 + rate / 2 / 700.)
    edges = 700 * (10 ** (np.linspace(0, highest, count + 2) / 2595) - 1)
    frequencies = np.arange(size // 2 + 1) * rate / float(size)
    left, center, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    return np.maximum(0, np.minimum((frequencies - left) / (center - left), (right - frequencies) / (right - center)))


class Timit(DataFlow):
    """[features, float32 Tx39; phonemes, int32 L] of all sentences but SA1 and SA2, which everybody reads.

    Args:
        folder: with the folders TRAIN and TEST, and in them DIALECT/SPEAKER/SENTENCE.WAV and .PHN, in capitals or not.
        part: "train" or "test".
    """

    def __init__(self, folder, part):
        found = glob.glob(os.path.join(glob.escape(folder), "**", "*"), recursive=True)
        self._waves = sorted(path for path in found if _is_sentence(path, part))
        if not self._waves:
            raise ValueError("Timit: {} must hold {}/DR1/FCJF0/SI1027.WAV and so on; found no .WAV; the corpus is LDC93S1, "
                             "from https://catalog.ldc.upenn.edu/LDC93S1".format(folder, part.upper()))

    def __len__(self):
        return len(self._waves)

    def __iter__(self):
        for path in self._waves:
            stem, extension = os.path.splitext(path)
            with open(stem + (".PHN" if extension.isupper() else ".phn")) as f:
                phonemes = [PHONEMES.index(line.split()[2]) for line in f if line.strip()]
            yield [mfcc(*read_wav(path)), np.array(phonemes, dtype="int32")]


def _is_sentence(path, part):
    name = os.path.basename(path).lower()
    return name.endswith(".wav") and not name.startswith("sa") and "/{}/".format(part) in path.replace(os.sep, "/").lower()


class FakeSpeech(RNGDataFlow):
    """Datapoints as `Timit` has them: each phoneme is a fixed vector that lasts for some frames, with noise."""

    def __init__(self, count, num_phonemes=61, length=8):
        self.count, self.length = count, length
        self.sounds = np.random.RandomState(0).normal(size=(num_phonemes, NUM_FEATURES))

    def __len__(self):
        return self.count

    def __iter__(self):
        for _ in range(self.count):
            phonemes = self.rng.randint(len(self.sounds), size=self.rng.randint(2, self.length))
            frames = self.sounds[np.repeat(phonemes, self.rng.randint(3, 6, size=len(phonemes)))]
            yield [(frames + 0.3 * self.rng.normal(size=frames.shape)).astype("float32"), phonemes.astype("int32")]


def batch_for_ctc(flow, batch_size, remainder=False):
    """Batches of `[features, length of each, and the labels as a sparse tensor: indices, values, shape]`.

    Shorter sequences are padded by zeros at the end: float32 NxTx39, int32 N, int64 Mx2, int32 M, int64 2.
    """
    return MapData(BatchData(flow, batch_size, remainder=remainder, use_list=True), _pad)


def _pad(datapoint):
    features, labels = datapoint
    lengths = np.array([len(f) for f in features], dtype="int32")
    padded = np.stack([np.pad(f, [(0, lengths.max() - len(f)), (0, 0)], mode="constant") for f in features])
    indices = np.array([[row, k] for row, label in enumerate(labels) for k in range(len(label))], dtype="int64").reshape(-1, 2)
    shape = np.array([len(labels), max(len(label) for label in labels)], dtype="int64")
    return [padded, lengths, indices, np.concatenate(labels), shape]
