"""The digits that come with the package."""
import os

import numpy as np
import pytest

from tensorpack.dataflow import BatchData
from tensorpack.dataflow.dataset import Digits, digits


@pytest.mark.parametrize("name, size", [("train", 1500), ("test", 297)])
def test_parts(name, size):
    df = Digits(name)
    df.reset_state()
    datapoints = list(df)
    assert len(df) == len(datapoints) == size
    assert df.images.shape == (size, 8, 8, 1) and df.images.dtype == np.float32
    assert df.labels.shape == (size,) and df.labels.dtype == np.uint8
    for image, label in datapoints:
        assert (image.shape, image.dtype, type(label)) == ((8, 8), np.float32, int)
    images = np.stack([image for image, _ in datapoints])
    assert images.min() == 0 and images.max() == 1
    assert set(label for _, label in datapoints) == set(range(10))


def test_parts_are_the_whole_and_do_not_overlap():
    parts = [Digits(name, shuffle=False) for name in ("train", "test")]
    images = np.concatenate([df.images for df in parts])
    assert len({image.tobytes() for image in images}) == 1797
    assert np.concatenate([df.labels for df in parts])[:10].tolist() == list(range(10))


def test_order():
    fixed = Digits("test", shuffle=False)
    labels = [label for _, label in fixed]
    assert labels == fixed.labels.tolist()
    shuffled = Digits("test")
    shuffled.reset_state()
    first, second = ([label for _, label in shuffled] for _ in range(2))
    assert first != labels and first != second
    assert sorted(first) == sorted(labels)


def test_images_belong_to_their_labels():
    """A nearest-centroid classifier, which needs no training, is right for most test images."""
    train, test = Digits("train"), Digits("test")
    centroids = np.stack([train.images[train.labels == k].mean(axis=0) for k in range(10)])
    distances = ((test.images[:, None] - centroids[None]) ** 2).sum(axis=(2, 3, 4))
    assert (distances.argmin(axis=1) == test.labels).mean() > 0.8


def test_batches():
    df = BatchData(Digits("test"), 100)
    df.reset_state()
    images, labels = next(iter(df))
    assert (images.shape, images.dtype, labels.dtype) == ((100, 8, 8), np.float32, np.int32)


def test_other_directory(tmp_path):
    np.savez(str(tmp_path / "digits.npz"), images=np.full((1501, 8, 8), 8, "uint8"), labels=np.full(1501, 3, "uint8"))
    df = Digits("test", shuffle=False, dir=str(tmp_path))
    assert [(image.max(), label) for image, label in df] == [(0.5, 3)]


def test_wrong_part_is_refused():
    with pytest.raises(ValueError, match="Digits: train_or_test must be 'train' or 'test'; got 'val'"):
        Digits("val")


def test_licence_is_with_the_data():
    with open(os.path.join(os.path.dirname(digits.__file__), "digits", "LICENSE.txt")) as f:
        text = f.read()
    assert "10.24432/C50P49" in text and "CC BY 4.0" in text
