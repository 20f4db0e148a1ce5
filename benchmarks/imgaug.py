#!/usr/bin/env python
"""Augmentation of ImageNet training, images per second in one thread, against other code that does the same operations.

A random part of the image resized to 224 x 224, then brightness, contrast, saturation and lighting in random order, then a
flip, on 8-bit images of the size of ImageNet's. All contenders get the same images and take turns. Target: >= 1.0 x each peer.

- plain OpenCV: functions without classes, each the shortest way to call OpenCV for the purpose.
- NumPy: the same through float32 arrays, as it is often written.
- albumentations: RandomResizedCrop, ColorJitter (brightness, contrast, saturation in random order), RGBShift, HorizontalFlip.

Usage: imgaug.py [--images N] [--rounds N] [--json FILE]
"""
import argparse
import os
import time

import cv2
import numpy as np
from _harness import Row, median, pin_threads, report, take_turns

from tensorpack.dataflow import imgaug

SIZE = 224
EIGVAL = np.array([0.2175, 0.0188, 0.0045])[::-1] * 255
EIGVEC = np.array([[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]])[::-1, ::-1]


def make_images(count):
    """Photograph-like: smooth shapes with some noise, in sizes of ImageNet."""
    rng = np.random.RandomState(0)
    shapes = [(375, 500), (500, 375), (333, 500), (500, 334)]
    images = []
    for k in range(count):
        h, w = shapes[k % len(shapes)]
        image = cv2.resize(rng.uniform(0, 255, (9, 12, 3)), (w, h), interpolation=cv2.INTER_CUBIC)
        images.append(np.clip(image + 8 * rng.randn(h, w, 3), 0, 255).astype("uint8"))
    return images


def ours():
    augmentor = imgaug.AugmentorList([
        imgaug.GoogleNetRandomCropAndResize(target_shape=SIZE),
        imgaug.RandomOrderAug([
            imgaug.BrightnessScale((0.6, 1.4)),
            imgaug.Contrast((0.6, 1.4), rgb=False),
            imgaug.Saturation(0.4, rgb=False),
            imgaug.Lighting(0.1, EIGVAL, EIGVEC),
        ]),
        imgaug.Flip(horiz=True),
    ])
    return augmentor.augment


def crop_and_resize(img, rng):
    height, width = img.shape[:2]
    for _ in range(10):
        area = rng.uniform(0.08, 1.0) * height * width
        ratio = rng.uniform(0.75, 1.333)
        w, h = int((area * ratio) ** 0.5 + 0.5), int((area / ratio) ** 0.5 + 0.5)
        if rng.uniform() < 0.5:
            w, h = h, w
        if h <= height and w <= width:
            x, y = rng.randint(width - w + 1), rng.randint(height - h + 1)
            return cv2.resize(img[y:y + h, x:x + w], (SIZE, SIZE))
    side = min(height, width)
    y, x = (height - side) // 2, (width - side) // 2
    return cv2.resize(img[y:y + side, x:x + side], (SIZE, SIZE))


def draw_lighting(rng):
    return EIGVEC.dot(rng.randn(3) * 0.1 * EIGVAL)


def plain_opencv():
    rng = np.random.RandomState(1)

    def brightness(img):
        return cv2.convertScaleAbs(img, alpha=rng.uniform(0.6, 1.4))

    def contrast(img):
        factor = rng.uniform(0.6, 1.4)
        mean = cv2.mean(cv2.cvtColor(img, cv2.COLOR_BGR2GRAY))[0]
        return cv2.addWeighted(img, factor, img, 0, (1 - factor) * mean)

    def saturation(img):
        factor = 1 + rng.uniform(-0.4, 0.4)
        gray = cv2.cvtColor(cv2.cvtColor(img, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        return cv2.addWeighted(img, factor, gray, 1 - factor, 0)

    def lighting(img):
        return cv2.add(img, tuple(draw_lighting(rng)) + (0,))

    operations = [brightness, contrast, saturation, lighting]

    def augment(img):
        img = crop_and_resize(img, rng)
        for k in rng.permutation(4):
            img = operations[k](img)
        return cv2.flip(img, 1) if rng.uniform() < 0.5 else img

    return augment


def through_float():
    rng = np.random.RandomState(1)

    def as_uint8(img):
        return np.clip(img, 0, 255).astype("uint8")

    def brightness(img):
        return as_uint8(img.astype("float32") * np.float32(rng.uniform(0.6, 1.4)))

    def contrast(img):
        mean = np.float32(cv2.cvtColor(img, cv2.COLOR_BGR2GRAY).mean())
        return as_uint8((img.astype("float32") - mean) * np.float32(rng.uniform(0.6, 1.4)) + mean)

    def saturation(img):
        factor = np.float32(1 + rng.uniform(-0.4, 0.4))
        gray = cv2.cvtColor(img, cv2.COLOR_BGR2GRAY)[:, :, np.newaxis].astype("float32")
        return as_uint8(img.astype("float32") * factor + gray * (1 - factor))

    def lighting(img):
        return as_uint8(img.astype("float32") + draw_lighting(rng).astype("float32"))

    operations = [brightness, contrast, saturation, lighting]

    def augment(img):
        img = crop_and_resize(img, rng)
        for k in rng.permutation(4):
            img = operations[k](img)
        return np.ascontiguousarray(img[:, ::-1]) if rng.uniform() < 0.5 else img

    return augment


def with_albumentations():
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # its import asks a server otherwise
    try:
        import albumentations as A
    except ImportError:
        return None
    area = dict(scale=(0.08, 1.0), ratio=(0.75, 1.333))
    if int(A.__version__.split(".")[0]) >= 2:
        crop = A.RandomResizedCrop((SIZE, SIZE), **area)
    else:
        crop = A.RandomResizedCrop(SIZE, SIZE, **area)
    pipeline = A.Compose([
        crop,
        A.ColorJitter(brightness=(0.6, 1.4), contrast=(0.6, 1.4), saturation=(0.6, 1.4), hue=(0, 0), p=1),
        A.RGBShift(10, 10, 10, p=1),
        A.HorizontalFlip(p=0.5),
    ])
    return lambda img: pipeline(image=img)["image"]


def speed(augment, images):
    def measure():
        start = time.perf_counter()
        for img in images:
            out = augment(img)
            assert out.shape == (SIZE, SIZE, 3) and out.dtype == np.uint8 and out.flags.c_contiguous
        return len(images) / (time.perf_counter() - start)

    return measure


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=32, help="augmented by each contender in each round")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--json")
    args = parser.parse_args()
    pin_threads(1)
    cv2.setNumThreads(0)
    images = make_images(args.images)
    peers = {"plain OpenCV": plain_opencv(), "NumPy, float32": through_float(), "albumentations": with_albumentations()}
    contenders = {name: speed(augment, images) for name, augment in dict(peers, ours=ours()).items() if augment is not None}
    for measure in contenders.values():
        measure()
    results = {name: median(values) for name, values in take_turns(contenders, args.rounds).items()}
    rows = [Row("ImageNet training augmentation", results["ours"], "images/s", name, value, ">= 1.0")
            for name, value in results.items() if name != "ours"]
    for name, value in results.items():
        if name != "ours":
            rows.append(Row("  " + name, value, "images/s"))
    report("Image augmentation", rows, args.json, opencv=cv2.__version__, numpy=np.__version__, rounds=args.rounds)


if __name__ == "__main__":
    main()
