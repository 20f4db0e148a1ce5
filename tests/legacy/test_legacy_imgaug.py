"""Augmentors as they used to be written and called."""
import importlib

import numpy as np
import pytest
from tensorpack.utils.rect import Rect

from tensorpack.dataflow import AugmentImageComponent, DataFromList, imgaug

pytest.importorskip("cv2")
IMAGE = np.random.RandomState(0).randint(0, 256, size=[12, 16, 3]).astype("uint8")


class Shifted(imgaug.ImageAugmentor):
    """Of 2017: the constructor of the base class is not called."""

    def __init__(self, most):
        self._init(locals())

    def _get_augment_params(self, img):
        return self.rng.randint(1, self.most + 1)

    def _augment(self, img, k):
        return np.roll(img, k, axis=1)

    def _fprop_coord(self, coord, k):
        return coord + [k, 0]


def test_an_augmentor_of_hooks():
    augmentor = Shifted(3)
    out, params = augmentor._augment_return_params(IMAGE)
    k = int(params.apply_coords(np.zeros([1, 2]))[0, 0])
    assert 1 <= k <= 3
    np.testing.assert_array_equal(out, np.roll(IMAGE, k, axis=1))
    np.testing.assert_array_equal(augmentor.augment_with_params(IMAGE, params), out)
    flow = AugmentImageComponent(DataFromList([[IMAGE]], shuffle=False), [augmentor])
    flow.reset_state()
    assert next(iter(flow))[0].shape == IMAGE.shape


class Cropped(imgaug.RandomCrop):
    """Changes what an augmentor of the library draws, and what it does."""

    def _get_augment_params(self, img):
        self.drawn = super()._get_augment_params(img)
        return self.drawn

    def _augment(self, img, params):
        return 255 - super()._augment(img, params)


class Limited(Cropped):
    def _augment_coords(self, coords, params):
        return np.maximum(super()._augment_coords(coords, params), 0)


class Today(Cropped):
    def get_transform(self, img):
        return imgaug.CropTransform(1, 2, 3, 4)


def test_hooks_in_classes_derived_from_those_of_the_library(warnings):
    augmentor = Limited(5)
    transform = augmentor.get_transform(IMAGE)
    y0, x0 = augmentor.drawn.y0, augmentor.drawn.x0
    np.testing.assert_array_equal(transform.apply_image(IMAGE), 255 - IMAGE[y0:y0 + 5, x0:x0 + 5])
    np.testing.assert_array_equal(transform.apply_coords(np.zeros([1, 2])), [[0, 0]])
    np.testing.assert_array_equal(Today(5).augment(IMAGE), IMAGE[1:4, 2:6])
    assert not hasattr(imgaug.Flip(horiz=True).get_transform(IMAGE), "no")


def test_a_photometric_augmentor_of_the_library_is_changed_as_ever():
    class Brighter(imgaug.Brightness):
        def _get_augment_params(self, img):
            return abs(super()._get_augment_params(img))

        def _augment(self, img, params):
            return super()._augment(img, params + 1)

    assert (Brighter(20).augment(IMAGE).astype(int) >= IMAGE).all()


def test_a_list_of_augmentors_with_hooks_and_its_parameters(warnings):
    class Mine(imgaug.AugmentorList):
        def _augment(self, img, params):
            return super()._augment(img, params)[:2]

    assert Mine([imgaug.Flip(horiz=True, prob=1.0)]).augment(IMAGE).shape == (2, 16, 3)
    augmentors = imgaug.AugmentorList([Shifted(3), imgaug.Flip(horiz=True, prob=1.0)])
    out, params = augmentors.augment_return_params(IMAGE)
    image = IMAGE
    for augmentor, each in zip(augmentors.augmentors, params):
        image = augmentor.augment_with_params(image, each)
    np.testing.assert_array_equal(image, out)
    assert any("parameters of an AugmentorList as a list" in text for text in warnings())


def test_an_augmentor_without_any_hook_is_told_what_to_define():
    class Nothing(imgaug.ImageAugmentor):
        pass

    with pytest.raises(NotImplementedError, match="Nothing: an augmentor must define get_transform"):
        Nothing().augment(IMAGE)

    class Half(imgaug.ImageAugmentor):
        def _get_augment_params(self, img):
            return super()._get_augment_params(img)

    with pytest.raises(NotImplementedError, match="Half: an augmentor must define _augment"):
        Half().augment(IMAGE)


class Twice(imgaug.transform.ImageTransform):
    def __init__(self, factor):
        self._init(locals())

    def apply_image(self, img):
        return np.minimum(img.astype(int) * self.factor, 255).astype("uint8")

    def apply_coords(self, coords):
        return coords


@pytest.mark.parametrize("module", ["base", "crop", "geometry", "misc", "transform"])
def test_the_base_class_of_augmentors_with_transforms(module):
    base = importlib.import_module("tensorpack.dataflow.imgaug." + module).TransformAugmentorBase

    class Doubled(base):
        def _get_augment_params(self, img):
            return Twice(2)

    np.testing.assert_array_equal(Doubled().augment(IMAGE), np.minimum(IMAGE.astype(int) * 2, 255))


def test_attributes_and_keywords_of_transforms():
    resize = imgaug.ResizeTransform(12, 16, newh=6, neww=8, interp=1)
    assert (resize.newh, resize.neww, resize.new_h, resize.new_w) == (6, 8, 6, 8)
    crop = imgaug.CropTransform(h0=1, w0=2, h=3, w=4)
    assert (crop.h0, crop.w0, crop.y0, crop.x0) == (1, 2, 1, 2)
    np.testing.assert_array_equal(imgaug.FixedCrop(Rect(2, 1, 4, 3)).augment(IMAGE), IMAGE[1:5, 2:7])


def drawn(make):
    """Two images from the same random stream."""
    augmentor = make()
    augmentor.rng = np.random.RandomState(7)
    return [augmentor.augment(IMAGE) for _ in range(2)]


@pytest.mark.parametrize("old, today", [
    (lambda: imgaug.GaussianBlur(max_size=3), lambda: imgaug.GaussianBlur(size_range=(0, 3), symmetric=False)),
    (lambda: imgaug.Contrast((0.5, 1.5), False), lambda: imgaug.Contrast((0.5, 1.5), clip=False)),
    (lambda: imgaug.Hue((10, 90), rgb=None), lambda: imgaug.Hue((10, 90), rgb=False)),
    (lambda: imgaug.Saturation(0.4, None), lambda: imgaug.Saturation(0.4, rgb=False)),
    (lambda: imgaug.GaussianNoise(scale=9), lambda: imgaug.GaussianNoise(sigma=9)),
    (lambda: imgaug.ColorSpace(), lambda: imgaug.Grayscale()),
], ids=["blur", "contrast", "hue", "saturation", "noise", "color"])
def test_arguments_mean_what_they_meant(old, today, warnings):
    np.testing.assert_array_equal(drawn(old), drawn(today))
    assert len(warnings()) == 1


@pytest.mark.parametrize("make", [lambda **rgb: imgaug.Hue((10, 90), **rgb), lambda **rgb: imgaug.Saturation(0.4, **rgb)],
                         ids=["hue", "saturation"])
def test_colours_without_their_order_are_rgb_aloud(make, warnings):
    make(rgb=True), make(rgb=False)
    assert not warnings()
    assert make().rgb is True and make().rgb is True
    assert len(warnings()) == 1 and "rgb=False for BGR" in warnings()[0]


def test_contrast_by_keywords_is_that_of_today(warnings):
    assert imgaug.Contrast((0.5, 1.5), True, True).rgb is True
    assert imgaug.Contrast((0.5, 1.5), rgb=True).rgb is True and not warnings()


def test_a_deformation_moves_what_is_near_an_anchor():
    still = imgaug.GaussianDeform([(0.5, 0.5)], (12, 16), randrange=0)
    np.testing.assert_array_equal(still.augment(IMAGE), IMAGE)
    ramp = np.tile(np.arange(64, dtype="float32")[None, :, None] * 4, [48, 1, 3])
    augmentor = imgaug.GaussianDeform([(0.5, 0.25)], (48, 64), sigma=0.01, randrange=3)
    transform = augmentor.get_transform(ramp)
    moved = transform.apply_image(ramp)[..., 0] - ramp[..., 0]
    np.testing.assert_allclose(moved[24, 16], transform.moves[0, 1] * 4, atol=0.2)
    np.testing.assert_allclose(moved[:, 50:], 0, atol=0.01)
    with pytest.raises(ValueError, match="must have the shape"):
        augmentor.augment(IMAGE)


def test_gone_modules_and_names():
    from tensorpack.dataflow.imgaug.deform import GaussianDeform
    from tensorpack.dataflow.imgaug.noname import Flip, MapImage

    from tensorpack.dataflow.imgaug.crop import CenterPaste
    from tensorpack.dataflow.imgaug.imgproc import BrightnessAdd

    assert (Flip, MapImage, CenterPaste, GaussianDeform, BrightnessAdd) == (
        imgaug.Flip, imgaug.MapImage, imgaug.CenterPaste, imgaug.GaussianDeform, imgaug.Brightness)
    with pytest.raises(NotImplementedError, match="RandomCropAroundBox of older releases is not provided; instead: RandomCrop"):
        imgaug.RandomCropAroundBox(0.3)
