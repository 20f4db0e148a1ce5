"""One contender of `dataflow_adapters.py`: a training loop of PyTorch or Keras, in a process of its own.

Usage: _adapters_worker.py CONTENDER IMAGES NUM_PROC SECONDS ROOT. IMAGES is a pickled list of JPEGs. The result is a JSON
object: images per second that were trained on, and CPU seconds per 1000 images, of all processes.
"""
import itertools
import os
import pickle
import sys
import time

os.environ.update(KERAS_BACKEND="tensorflow", TF_CPP_MIN_LOG_LEVEL="3")

import _session
import cv2
import numpy as np
from _decode_worker import BATCH, SIZE, PlainAugmentation, augmentors, decode
from _transport_worker import processes


class Meter:
    """Counts images from the end of a warm-up on, in which workers start and buffers fill."""

    def __init__(self, seconds):
        self.seconds, self.start, self.warm = seconds, None, time.perf_counter() + seconds / 2
        self.result = None

    def add(self, count):
        """Returns whether it is enough."""
        now = time.perf_counter()
        if self.start is None:
            if now > self.warm:
                self.start, self.count, self.cpu = now, 0, cpu_seconds()
            return False
        self.count += count
        if now < self.start + self.seconds:
            return False
        self.result = {"rate": self.count / (now - self.start), "cpu_per_1000": 1000 * (cpu_seconds() - self.cpu) / self.count}
        return True


def cpu_seconds():
    return sum(process[1] for process in processes())


def flow(jpegs, num_proc):
    """[images, labels], endless, from worker processes, which run ahead as far as those of the DataLoader: what they had made
    before the measurement, while TensorFlow was imported, counts as if it cost nothing."""
    from tensorpack.dataflow import BatchData, DataFromList, DecodeAndAugment, MultiProcessRunnerZMQ, RepeatedData

    df = DecodeAndAugment(DataFromList([[jpeg, k % 10] for k, jpeg in enumerate(jpegs)]), augmentors())
    return MultiProcessRunnerZMQ(BatchData(RepeatedData(df, -1), BATCH), num_proc, hwm=2 * num_proc)


# ---- PyTorch -----------------------------------------------------------------------------------------------------------


def train_torch(batches, seconds):
    import torch

    torch.set_num_threads(1)  # with more, those that wait keep the cores from the workers
    nn, meter = torch.nn, Meter(seconds)
    model = nn.Sequential(nn.Conv2d(3, 16, 7, stride=8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10))
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    for images, labels in batches:
        optimizer.zero_grad()
        scores = model(images.permute(0, 3, 1, 2).float() / 255)
        nn.functional.cross_entropy(scores, labels.long()).backward()
        optimizer.step()
        if meter.add(len(images)):
            return meter.result


def torch_ours(jpegs, num_proc, seconds):
    from tensorpack.dataflow.adapters import as_torch

    return train_torch(as_torch(flow(jpegs, num_proc)), seconds)


def torch_dataloader(jpegs, num_proc, seconds):
    import torch

    class Images(torch.utils.data.Dataset):
        augment = None

        def __len__(self):
            return len(jpegs)

        def __getitem__(self, index):
            if self.augment is None:
                self.augment = PlainAugmentation()
                cv2.setNumThreads(0)
            return torch.from_numpy(self.augment(decode(jpegs[index]))), index % 10

    sampler = torch.utils.data.RandomSampler(Images(), replacement=True, num_samples=10 ** 8)
    return train_torch(torch.utils.data.DataLoader(Images(), BATCH, sampler=sampler, num_workers=num_proc), seconds)


# ---- Keras -------------------------------------------------------------------------------------------------------------


def train_keras(data, seconds, **options):
    import keras

    meter = Meter(seconds)

    class Count(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = meter.add(BATCH)

    layers = keras.layers
    model = keras.Sequential([keras.Input((SIZE, SIZE, 3)), layers.Rescaling(1 / 255.), layers.Conv2D(16, 7, strides=8,
                              activation="relu"), layers.GlobalAveragePooling2D(), layers.Dense(10)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(data, verbose=0, callbacks=[Count()], **options)
    return meter.result


def keras_ours(jpegs, num_proc, seconds):
    df = flow(jpegs, num_proc)
    df.reset_state()  # the workers start before TensorFlow does
    batches = (dp for _ in itertools.count() for dp in df)
    import tensorflow as tf

    from tensorpack.dataflow import DataFromIterable
    from tensorpack.dataflow.adapters import as_tf_dataset

    spec = (tf.TensorSpec((BATCH, SIZE, SIZE, 3), "uint8"), tf.TensorSpec((BATCH,), "int32"))
    return train_keras(as_tf_dataset(DataFromIterable(batches), spec).prefetch(2), seconds)


def keras_pydataset(jpegs, num_proc, seconds):
    import keras

    class Images(keras.utils.PyDataset):
        augment = None

        def __len__(self):
            return 10000

        def __getitem__(self, index):
            if self.augment is None:
                self.augment = PlainAugmentation()
                cv2.setNumThreads(0)
            chosen = self.augment.rng.randint(len(jpegs), size=BATCH)
            return np.stack([self.augment(decode(jpegs[k])) for k in chosen]), chosen % 10

    return train_keras(Images(workers=num_proc, use_multiprocessing=True, max_queue_size=2 * num_proc), seconds)


def keras_tfdata(jpegs, num_proc, seconds):
    import tensorflow as tf

    def augment(jpeg, label):
        begin, size, _ = tf.image.sample_distorted_bounding_box(
            tf.io.extract_jpeg_shape(jpeg), tf.zeros([1, 0, 4]), area_range=(0.08, 1.0), aspect_ratio_range=(0.75, 1.333),
            max_attempts=10, use_image_if_no_bounding_boxes=True)
        image = tf.image.decode_and_crop_jpeg(jpeg, tf.concat([begin[:2], size[:2]], 0), channels=3)
        image = tf.image.resize(image, [SIZE, SIZE], method="bicubic") * tf.random.uniform([], 0.6, 1.4)
        return tf.image.random_flip_left_right(tf.cast(tf.clip_by_value(image, 0, 255), tf.uint8)), label

    data = tf.data.Dataset.from_tensor_slices(([jpeg.tobytes() for jpeg in jpegs], np.arange(len(jpegs)) % 10))
    data = data.repeat().shuffle(len(jpegs)).map(augment, num_parallel_calls=num_proc)
    return train_keras(data.batch(BATCH, drop_remainder=True).prefetch(2), seconds)


if __name__ == "__main__":
    contender, path, num_proc, seconds, root = sys.argv[1:]
    sys.path[:] = [root] + sys.path[1:] + sys.path[:1]  # this folder last: it has an imgaug.py
    _session.lead()
    with open(path, "rb") as f:
        images = pickle.load(f)
    _session.finish(globals()[contender](images, int(num_proc), float(seconds)))
