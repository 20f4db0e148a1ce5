"""One contender of `dataflow_decode.py`, in an interpreter of its own, which may be that of a peer: needs NumPy and OpenCV.

Usage: _decode_worker.py CONTENDER IMAGES NUM_PROC SECONDS [ROOT]. IMAGES is a pickled list of JPEGs. The result is a JSON
object: images per second, and CPU seconds per 1000 images.
"""
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
        height, width = image.shape[:2]
        for _ in range(10):
            area, ratio = self.rng.uniform(0.08, 1.0) * height * width, self.rng.uniform(0.75, 1.333)
            w, h = int((area * ratio) ** 0.5 + 0.5), int((area / ratio) ** 0.5 + 0.5)
            if self.rng.uniform() < 0.5:
                w, h = h, w
            if h <= height and w <= width:
                x, y = self.rng.randint(width - w + 1), self.rng.randint(height - h + 1)
                return image[y:y + h, x:x + w]
        return image


def ours(jpegs, num_proc):
    from tensorpack.dataflow import BatchData, DataFromList, MapDataComponent, MultiProcessRunnerZMQ, imgaug
    from tensorpack.dataflow.image import AugmentImageComponent

    df = MapDataComponent(DataFromList([[jpeg] for jpeg in jpegs]), decode)
    df = AugmentImageComponent(df, [
        imgaug.GoogleNetRandomCropAndResize(target_shape=SIZE, interp=cv2.INTER_CUBIC),
        imgaug.BrightnessScale((0.6, 1.4)), imgaug.Flip(horiz=True)], copy=False)
    df = MultiProcessRunnerZMQ(BatchData(df, BATCH), num_proc)
    df.reset_state()
    return (len(dp[0]) for dp in itertools.chain.from_iterable(itertools.repeat(df)))


def pytorch(jpegs, num_proc):
    import torch

    class Images(torch.utils.data.Dataset):
        augment = None

        def __len__(self):
            return len(jpegs)

        def __getitem__(self, index):
            if self.augment is None:
                self.augment = PlainAugmentation()
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
    while time.perf_counter() < end:
        count += next(counts)
    return count


if __name__ == "__main__":
    contender, path, num_proc, seconds = sys.argv[1:5]
    sys.path[:] = sys.argv[5:6] + sys.path[1:] + sys.path[:1]  # this folder last: it has an imgaug.py
    _session.lead()
    with open(path, "rb") as f:
        images = pickle.load(f)
    _session.finish(measure(globals()[contender](images, int(num_proc)), float(seconds)))
