"""Augmentors of albumentations and of aleju's imgaug, with the real packages."""
import os

import numpy as np
import pytest
from imgaug_samples import blob, centroid, is_inside, picture

from tensorpack.dataflow import imgaug
from tensorpack.utils import fix_rng_seed


@pytest.fixture(scope="module")
def A():
    """albumentations; its import asks a server for news unless it is told not to."""
    before = os.environ.get("NO_ALBUMENTATIONS_UPDATE")
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
    try:
        yield pytest.importorskip("albumentations")
    finally:
        if before is None:
            del os.environ["NO_ALBUMENTATIONS_UPDATE"]
        else:
            os.environ["NO_ALBUMENTATIONS_UPDATE"] = before


@pytest.fixture(scope="module")
def iaa():
    try:
        return pytest.importorskip("imgaug.augmenters")
    except AttributeError as e:
        pytest.skip("imgaug does not work with this numpy: {}".format(e))


def assert_spots_follow(augmentor):
    checked = 0
    for k in range(40):
        rng = np.random.RandomState(k)
        point = rng.uniform(15, 45, size=(1, 2))
        img = (blob(60, 60, *point[0]) * 255).astype("uint8")
        tfm = augmentor.get_transform(img)
        out, moved = tfm.apply_image(img), tfm.apply_coords(point)[0]
        if is_inside(moved, out.shape[0], out.shape[1], 10):
            checked += 1
            np.testing.assert_allclose(centroid(out.astype("float64")), moved, atol=0.7)
    assert checked >= 10
    assert tfm.apply_coords(np.zeros((0, 2))).shape == (0, 2)


def assert_streams_are_ours(make):
    """They repeat under our seed, differ between augmentors and resets, and a Transform does the same again."""
    img = picture(60, 60)

    def run(seed):
        fix_rng_seed(seed)
        one, other = make(), make()
        drawn = [one.augment(img).tobytes() for _ in range(5)], [other.augment(img).tobytes() for _ in range(5)]
        one.reset_state()
        return drawn + ([one.augment(img).tobytes() for _ in range(5)],)

    drawn = run(1)
    assert run(1) == drawn and run(2) != drawn
    assert drawn[0] != drawn[1] and drawn[0] != drawn[2]
    tfm = make().get_transform(img)
    expected = tfm.apply_image(img)
    make().augment(img)
    np.testing.assert_array_equal(tfm.apply_image(img), expected)


def test_albumentations_transforms(A):
    img = picture()
    flip = imgaug.Albumentations(A.HorizontalFlip(p=1.0))
    np.testing.assert_array_equal(flip.augment(img), img[:, ::-1])
    tfm = flip.get_transform(img)
    np.testing.assert_allclose(tfm.apply_coords(np.array([[10.5, 3.0], [0, 0]])), [[41.5, 3], [52, 0]])
    np.testing.assert_allclose(tfm.apply_boxes(np.array([[1.0, 2, 10, 12]])), [[42, 2, 51, 12]])
    mask = picture(channels=0)
    np.testing.assert_array_equal(tfm.apply_segmentation(mask), mask[:, ::-1])


def test_the_probability_of_an_albumentations_transform_counts(A):
    img = picture()
    never, sometimes = imgaug.Albumentations(A.HorizontalFlip(p=0.0)), imgaug.Albumentations(A.HorizontalFlip(p=0.5))
    assert all((never.augment(img) == img).all() for _ in range(10))
    flipped = [(sometimes.augment(img) != img).any() for _ in range(60)]
    assert 10 < sum(flipped) < 50


def test_albumentations_compositions(A):
    def one():
        return imgaug.Albumentations(A.Rotate(limit=40, p=1))

    def several():
        return imgaug.Albumentations(A.Compose([A.HorizontalFlip(), A.Rotate(limit=40, p=1)]))

    for make in (one, several):
        assert_spots_follow(make())
        assert_streams_are_ours(make)


def test_albumentations_leave_the_global_streams_alone(A):
    import random
    random.seed(4)
    np.random.seed(4)
    expected = random.Random(4).random(), np.random.RandomState(4).rand()
    imgaug.Albumentations(A.Rotate(p=1)).augment(picture())
    assert (random.random(), np.random.rand()) == expected


def test_albumentations_within_a_list(A):
    augmentor = imgaug.AugmentorList([imgaug.Resize(40), imgaug.Albumentations(A.RandomBrightnessContrast(p=1)),
                                      imgaug.Flip(horiz=True)])
    coords = np.ones((1, 2))
    tfm = augmentor.get_transform(picture())
    assert tfm.apply_image(picture()).shape == (40, 40, 3)
    assert abs(tfm.apply_coords(coords)[0, 1] - 40 / 37) < 1e-6
    assert "imgaug.Albumentations(augmentor=" in repr(augmentor.augmentors[1])


def test_aleju_augmenters(iaa):
    img = picture()
    tfm = imgaug.IAAugmentor(iaa.Fliplr(1.0)).get_transform(img)
    np.testing.assert_array_equal(tfm.apply_image(img), img[:, ::-1])
    np.testing.assert_allclose(tfm.apply_coords(np.array([[10.5, 3.0], [0, 0]])), [[41.5, 3], [52, 0]])
    assert_spots_follow(imgaug.IAAugmentor(iaa.Sequential([iaa.Fliplr(0.5), iaa.Affine(rotate=(-40, 40))])))
    assert_streams_are_ours(lambda: imgaug.IAAugmentor(iaa.Sequential([iaa.Fliplr(0.5), iaa.Affine(rotate=(-40, 40))])))


@pytest.mark.parametrize("dtype", ["uint8", "bool", "int64", "float64"])
def test_label_maps_of_aleju_augmenters(iaa, dtype):
    from imgaug.augmentables.segmaps import SegmentationMapsOnImage

    img = picture(60, 80)
    blocks = np.random.RandomState(0).randint(1, 4, (10, 10)).repeat(6, axis=0).repeat(8, axis=1)
    labels = (blocks % 2 if dtype == "bool" else blocks).astype(dtype)
    flip = imgaug.IAAugmentor(iaa.Fliplr(1.0)).get_transform(img)
    np.testing.assert_array_equal(flip.apply_segmentation(labels), labels[:, ::-1])
    noise = imgaug.IAAugmentor(iaa.AdditiveGaussianNoise(scale=30)).get_transform(img)
    np.testing.assert_array_equal(noise.apply_segmentation(labels), labels)
    for _ in range(5):
        tfm = imgaug.IAAugmentor(iaa.Sequential([iaa.Affine(rotate=(-40, 40)), iaa.Resize((0.6, 1.4))])).get_transform(img)
        moved = tfm.apply_segmentation(labels)
        assert moved.dtype == dtype and moved.shape == tfm.apply_image(img).shape[:2]
        expected = tfm.augmentor.augment_segmentation_maps([SegmentationMapsOnImage(labels.astype("int32"), img.shape)])[0]
        np.testing.assert_array_equal(moved, expected.get_arr().astype(dtype))


class AlejuLike:
    """What an augmenter of aleju's imgaug is to the adapter, for versions of numpy that the package does not work with."""

    def __init__(self, shift=None):
        self.shift = shift
        self.rng = np.random.RandomState(0)

    def to_deterministic(self):
        return AlejuLike(self.shift)

    def seed_(self, entropy, deterministic_too=False):
        assert deterministic_too
        self.shift = np.random.RandomState(entropy).randint(1, 50)

    def augment_image(self, img):
        return np.roll(img, self.shift, axis=1)


def test_the_adapter_of_aleju_seeds_a_copy_for_each_transform():
    assert_streams_are_ours(lambda: imgaug.IAAugmentor(AlejuLike()))
    original = AlejuLike()
    imgaug.IAAugmentor(original).augment(picture())
    assert original.shift is None
    tfm = imgaug.IAAugmentor(original).get_transform(picture())
    assert tfm.apply_coords(np.zeros((0, 2), "float32")).shape == (0, 2)


def test_missing_packages_are_named(monkeypatch):
    import sys

    from tensorpack.dataflow.imgaug import external
    from tensorpack.utils.optional import optional_import

    missing = optional_import("albumentations_missing", "imgaug.Albumentations", "albumentations")
    monkeypatch.setattr(external, "albumentations", missing)
    with pytest.raises(ImportError, match="imgaug.Albumentations needs the package .* pip install albumentations"):
        imgaug.Albumentations(object())
    assert "albumentations_missing" not in sys.modules
