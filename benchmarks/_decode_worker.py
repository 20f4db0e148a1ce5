"""One contender of `dataflow_decode.py`, in an interpreter of its own, which may be that of a peer: needs NumPy and OpenCV.

Usage: _decode_worker.py CONTENDER IMAGES NUM_PROC SECONDS [ROOT]. IMAGES is a pickled list of JPEGs. The result is a JSON
object: images per second, and CPU seconds per 1000 images.
"""
import io
import itertools
import multiprocessing
import pickle
import sys
import time

import _session
import cv2
import numpy as np
from _transport_worker import processes

BATCH, SIZE = 32, 224


def decode(jpeg):
    return cv2.imdecode(jpeg, cv2.IMREAD_COLOR)


class PlainAugmentation:
    """The operations of `ours` without a library: crop a random part, resize it, change its brightness, flip it."""

    def __init__(self):
        self.rng = np.random.RandomState()

    def __call__(self, image):
        image = cv2.resize(self.crop(image), (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
        image = cv2.convertScaleAbs(image, alpha=self.rng.uniform(0.6, 1.4))
        return cv2.flip(image, 1) if self.rng.uniform() < 0.5 else image

    def crop(self, image):
        x, y, w, h = self.draw(*image.shape[:2])
        return image[y:y + h, x:x + w]

    def draw(self, height, width):
        for _ in range(10):
            area, ratio = self.rng.uniform(0.08, 1.0) * height * width, self.rng.uniform(0.75, 1.333)
            w, h = int((area * ratio) ** 0.5 + 0.5), int((area / ratio) ** 0.5 + 0.5)
            if self.rng.uniform() < 0.5:
                w, h = h, w
            if h <= height and w <= width:
                x, y = self.rng.randint(width - w + 1), self.rng.randint(height - h + 1)
                return x, y, w, h
        return 0, 0, width, height


def ours(jpegs, num_proc):
    """Decodes what is used, at the scale that is used."""
    from tensorpack.dataflow import DataFromList, DecodeAndAugment

    return in_workers(DecodeAndAugment(DataFromList([[jpeg] for jpeg in jpegs]), augmentors()), num_proc)


def ours_exact(jpegs, num_proc):
    """The same at full scale: the pixels of `ours_whole`."""
    from tensorpack.dataflow import DataFromList, DecodeAndAugment

    return in_workers(DecodeAndAugment(DataFromList([[jpeg] for jpeg in jpegs]), augmentors(), exact=True), num_proc)


def ours_whole(jpegs, num_proc):
    """Decodes whole images by OpenCV, as was the only way before there was DecodeAndAugment."""
    from tensorpack.dataflow import AugmentImageComponent, DataFromList, MapDataComponent

    df = MapDataComponent(DataFromList([[jpeg] for jpeg in jpegs]), decode)
    return in_workers(AugmentImageComponent(df, augmentors(), copy=False), num_proc)


def augmentors():
    from tensorpack.dataflow import imgaug

    return [imgaug.GoogleNetRandomCropAndResize(target_shape=SIZE, interp=cv2.INTER_CUBIC),
            imgaug.BrightnessScale((0.6, 1.4)), imgaug.Flip(horiz=True)]


def in_workers(df, num_proc):
    from tensorpack.dataflow import BatchData, MultiProcessRunnerZMQ

    df = MultiProcessRunnerZMQ(BatchData(df, BATCH), num_proc)
    df.reset_state()
    return (len(dp[0]) for dp in itertools.chain.from_iterable(itertools.repeat(df)))


def tfdata(jpegs, num_proc, fused=False):
    """tf.data with the operations of TensorFlow; whole images, or decoding and cropping in one operation."""
    import tensorflow as tf

    def augment(jpeg):
        shape = tf.io.extract_jpeg_shape(jpeg) if fused else None
        image = None if fused else tf.io.decode_jpeg(jpeg, channels=3)
        begin, size, _ = tf.image.sample_distorted_bounding_box(
            shape if fused else tf.shape(image), tf.zeros([1, 0, 4]), area_range=(0.08, 1.0), aspect_ratio_range=(0.75, 1.333),
            max_attempts=10, use_image_if_no_bounding_boxes=True)
        if fused:
            image = tf.image.decode_and_crop_jpeg(jpeg, tf.concat([begin[:2], size[:2]], 0), channels=3)
        else:
            image = tf.slice(image, begin, size)
        image = tf.image.resize(image, [SIZE, SIZE], method="bicubic") * tf.random.uniform([], 0.6, 1.4)
        return tf.image.random_flip_left_right(tf.cast(tf.clip_by_value(image, 0, 255), tf.uint8))

    ds = tf.data.Dataset.from_tensor_slices([jpeg.tobytes() for jpeg in jpegs]).repeat().shuffle(len(jpegs))
    return (int(batch.shape[0]) for batch in ds.map(augment, num_parallel_calls=num_proc).batch(BATCH).prefetch(2))


def tfdata_fused(jpegs, num_proc):
    return tfdata(jpegs, num_proc, fused=True)


class PillowAugmentation:
    """What torchvision's RandomResizedCrop, ColorJitter and RandomHorizontalFlip do with an image of Pillow."""

    def __init__(self):
        self.plain = PlainAugmentation()

    def __call__(self, jpeg):
        from PIL import Image, ImageEnhance

        image = Image.open(io.BytesIO(jpeg.tobytes())).convert("RGB")
        x, y, w, h = self.plain.draw(image.size[1], image.size[0])
        image = image.crop((x, y, x + w, y + h)).resize((SIZE, SIZE), Image.BICUBIC)
        image = ImageEnhance.Brightness(image).enhance(self.plain.rng.uniform(0.6, 1.4))
        return np.asarray(image.transpose(Image.FLIP_LEFT_RIGHT) if self.plain.rng.uniform() < 0.5 else image)


def pillow(jpegs, num_proc):
    return pytorch(jpegs, num_proc, PillowAugmentation, np.asarray)


def pytorch(jpegs, num_proc, augmentation=PlainAugmentation, decode=decode):
    import torch

    class Images(torch.utils.data.Dataset):
        augment = None

        def __len__(self):
            return len(jpegs)

        def __getitem__(self, index):
            if self.augment is None:
                self.augment = augmentation()
                cv2.setNumThreads(0)
            return torch.from_numpy(self.augment(decode(jpegs[index])))

    sampler = torch.utils.data.RandomSampler(Images(), replacement=True, num_samples=10 ** 8)
    return map(len, torch.utils.data.DataLoader(Images(), batch_size=BATCH, sampler=sampler, num_workers=num_proc))


def no_handover(jpegs, num_proc):
    """The limit: decoding and plain augmentation in processes from which nobody takes the images."""
    context = multiprocessing.get_context("fork")
    counters = [context.Value("l", 0, lock=False) for _ in range(num_proc)]
    for counter in counters:
        context.Process(target=work, args=(jpegs, counter), daemon=True).start()
    seen = 0
    while True:
        made = sum(counter.value for counter in counters)
        if made > seen:
            yield made - seen
        else:
            time.sleep(0.01)
        seen = made


def work(jpegs, counter):
    cv2.setNumThreads(0)
    augment = PlainAugmentation()
    while True:
        augment(decode(jpegs[augment.rng.randint(len(jpegs))]))
        counter.value += 1


def measure(counts, seconds):
    """Speed from an iterator over numbers of finished images, after a while in which workers start and buffers fill."""
    take(counts, seconds / 2)
    cpu, start = sum(p[1] for p in processes()), time.perf_counter()
    count = take(counts, seconds)
    took = time.perf_counter() - start
    return {"rate": count / took, "cpu_per_1000": 1000 * (sum(p[1] for p in processes()) - cpu) / count}


def take(counts, seconds):
    end, count = time.perf_counter() + seconds, 0
    while time.perf_counter() < end or not count:
        count += next(counts)
    return count


if __name__ == "__main__":
    contender, path, num_proc, seconds = sys.argv[1:5]
    sys.path[:] = sys.argv[5:6] + sys.path[1:] + sys.path[:1]  # this folder last: it has an imgaug.py
    _session.lead()
    with open(path, "rb") as f:
        images = pickle.load(f)
    _session.finish(measure(globals()[contender](images, int(num_proc)), float(seconds)))
