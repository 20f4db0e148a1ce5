"""Sizes, probabilities and ranges that augmentors and Transforms are made with: what cannot be meant is refused by name."""
import inspect

import cv2
import numpy as np
import pytest
from imgaug_samples import picture
from test_imgaug_catalogue import CATALOGUE, EIGVAL, EIGVEC

from tensorpack.dataflow import (
    AugmentImageComponent,
    AugmentImageComponents,
    AugmentImageCoordinates,
    FakeData,
    imgaug,
)
from tensorpack.dataflow.imgaug._transform_geometry import PasteTransform
from tensorpack.dataflow.imgaug.transform import WarpAffineTransform

NAN, INF = float("nan"), float("inf")
SIZES = [0, -3, 2.5, "7", True, None, NAN]
SHAPES = SIZES + [(4, 0), (-1, 4), (4, 4.5), (4,), (4, 5, 6), "44", (4, True)]
PROBABILITIES = [-0.1, 1.1, NAN, "0.5", None]
RANGES = [0.5, (0.5,), (1, 2, 3), (0, NAN), (0, INF), ("0", "1"), None]
INTERPOLATIONS = [7, 640, -1, "linear", None]
COUNTS = [(2, 2), (3, 1), (-1, 4), (0, 2.5), (1,), "12"]  # ranges of whole numbers, without their end
NOT_NEGATIVE = [-1, NAN, INF, "1", None]

# augmentor -> (valid arguments, {argument: values that are refused})
TABLE = {
    "Affine": (dict(), dict(scale=RANGES[:-1] + [(0, 1), (-0.2, 0.2)], translate_frac=[0.1, (-0.1, 0), (0, NAN), (0.1,)],
                            rotate_max_deg=NOT_NEGATIVE, shear=NOT_NEGATIVE, interp=INTERPOLATIONS)),
    "Brightness": (dict(delta=3), dict(delta=NOT_NEGATIVE + [0])),
    "BrightnessScale": (dict(range=(0, 1)), dict(range=RANGES)),
    "CenterCrop": (dict(crop_shape=3), dict(crop_shape=SHAPES)),
    "CenterPaste": (dict(background_shape=(60, 60)), dict(background_shape=SHAPES)),
    "Clip": (dict(), dict(min=[NAN, "1", None, 256], max=[NAN, "1", None, -1])),
    "Contrast": (dict(factor_range=(0, 1)), dict(factor_range=RANGES)),
    "Flip": (dict(horiz=True), dict(prob=PROBABILITIES)),
    "Gamma": (dict(), dict(range=RANGES + [(-1, 0), (-2, 0)])),
    "GaussianBlur": (dict(), dict(size_range=COUNTS + [0, -3, 2.5, True, None], sigma_range=RANGES + [(-1, 1)])),
    "GaussianNoise": (dict(), dict(sigma=NOT_NEGATIVE)),
    "GoogleNetRandomCropAndResize": (dict(), dict(
        crop_area_fraction=RANGES + [(-0.1, 1), (0, 0)], aspect_ratio_range=RANGES + [(0, 1), (-1, 1)],
        target_shape=SIZES + [(224, 224)], interp=INTERPOLATIONS)),
    "Hue": (dict(), dict(range=RANGES)),
    "JpegNoise": (dict(), dict(quality_range=COUNTS + [(40, 102), 40])),
    "Lighting": (dict(std=0.1, eigval=EIGVAL, eigvec=EIGVEC), dict(std=NOT_NEGATIVE)),
    "MinMaxNormalize": (dict(), dict(min=[NAN, "1", None], max=[INF, "1", None])),
    "RandomApplyAug": (dict(aug=imgaug.Identity(), prob=0.5), dict(prob=PROBABILITIES)),
    "RandomChooseAug": (dict(aug_lists=[imgaug.Identity()]), dict(aug_lists=[
        [], [(imgaug.Identity(), 0.5)], [(imgaug.Identity(), NAN)], [(imgaug.Identity(), 1.5), (imgaug.Identity(), -0.5)],
        [(imgaug.Identity(), "1")]])),
    "RandomCrop": (dict(crop_shape=3), dict(crop_shape=SHAPES)),
    "RandomCropRandomShape": (dict(wmin=4, hmin=5), dict(
        wmin=SIZES, hmin=SIZES, wmax=[3, -3, 4.5, "9", NAN], hmax=[4, -3, 5.5, "9", NAN])),
    "RandomCutout": (dict(h_range=3, w_range=3), dict(h_range=COUNTS + SIZES[1:], w_range=COUNTS + SIZES[1:])),
    "RandomPaste": (dict(background_shape=(60, 60)), dict(background_shape=SHAPES)),
    "RandomResize": (dict(xrange=(0.5, 1.0), yrange=(0.5, 1.0)), dict(
        xrange=RANGES + [(-1.0, 1.0), (0.0, 0.0)], yrange=RANGES[:-1] + [(-1.0, 1.0), (0.0, 0.0)],
        minimum=[(-1, 0), 5, (1,), (NAN, 0)], aspect_ratio_thres=NOT_NEGATIVE, interp=INTERPOLATIONS)),
    "Resize": (dict(shape=5), dict(shape=SHAPES, interp=INTERPOLATIONS)),
    "ResizeShortestEdge": (dict(size=5), dict(size=SIZES + [(4, 4)], interp=INTERPOLATIONS)),
    "Rotation": (dict(max_deg=5), dict(max_deg=NOT_NEGATIVE, center_range=RANGES, step_deg=[30, 0, -1, NAN, "90"],
                                       interp=INTERPOLATIONS)),
    "RotationAndCropValid": (dict(max_deg=180), dict(max_deg=NOT_NEGATIVE, step_deg=[0, -1, 7, NAN, "90"],
                                                     interp=INTERPOLATIONS)),
    "SaltPepperNoise": (dict(), dict(white_prob=PROBABILITIES + [0.96], black_prob=PROBABILITIES + [0.96])),
    "Saturation": (dict(), dict(alpha=NOT_NEGATIVE + [1, 1.5])),
    "Shift": (dict(), dict(horiz_frac=NOT_NEGATIVE + [1, 1.5], vert_frac=NOT_NEGATIVE + [1, 1.5])),
    "Transpose": (dict(), dict(prob=PROBABILITIES)),
}
# Neither sizes nor probabilities nor ranges, or deprecated.
OTHER_ARGUMENTS = {
    "all_channel", "aug", "augmentors", "background_filler", "border", "border_value", "clip", "coord_func", "eigval", "eigvec",
    "fill", "func", "horiz", "keepdims", "keepshape", "max_aspect_ratio", "max_size", "mode", "rgb",
    "segmentation_func", "symmetric", "vert"}


def parameters(name):
    return set(inspect.signature(getattr(imgaug, name)).parameters)


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_every_argument_of_every_augmentor_is_in_the_table(name):
    checked = set(TABLE[name][1]) if name in TABLE else set()
    others = {"aug_lists"} if name == "RandomOrderAug" else OTHER_ARGUMENTS
    assert parameters(name) - others <= checked <= parameters(name)


CASES = [(name, valid, argument, value) for name, (valid, refused) in TABLE.items()
         for argument, values in refused.items() for value in values]


@pytest.mark.parametrize("name, valid, argument, value", CASES, ids=lambda v: v if isinstance(v, str) else repr(v)[:30])
def test_what_cannot_be_meant_is_refused_by_name(name, valid, argument, value):
    augmentor = getattr(imgaug, name)
    augmentor(**valid)
    with pytest.raises((ValueError, TypeError)) as caught:
        augmentor(**dict(valid, **{argument: value}))
    assert str(caught.value).startswith(name + ": ")
    assert argument in str(caught.value) and "must" in str(caught.value)


@pytest.mark.parametrize("make, attribute, expected", [
    (lambda: imgaug.RandomCrop(224 * 0.875), "crop_shape", (196, 196)),
    (lambda: imgaug.CenterCrop(np.int64(7)), "crop_shape", (7, 7)),
    (lambda: imgaug.CenterCrop((np.float32(7), 8)), "crop_shape", (7, 8)),
    (lambda: imgaug.Resize([7, np.uint8(8)]), "shape", (7, 8)),
    (lambda: imgaug.ResizeShortestEdge(256.0), "size", 256),
    (lambda: imgaug.GoogleNetRandomCropAndResize(target_shape=np.array(32)), "target_shape", 32),
    (lambda: imgaug.CenterPaste((60.0, 70)), "background_shape", (60, 70)),
    (lambda: imgaug.RandomCropRandomShape(4.0, 5.0, 6.0, 0), "wmax", 6),
    (lambda: imgaug.RandomCutout(5.0, (1.0, 3.0)), "w_range", (1, 3)),
    (lambda: imgaug.GaussianBlur(3.0), "size_range", (0, 3)),
    (lambda: imgaug.JpegNoise((40.0, 101)), "quality_range", (40, 101)),
    (lambda: imgaug.RandomCutout(0, 0), "h_range", 0),
    (lambda: imgaug.Flip(horiz=True, prob=np.float32(1)), "prob", 1),
    (lambda: imgaug.GoogleNetRandomCropAndResize((0, 1)), "crop_area_fraction", (0, 1)),
])
def test_numbers_of_any_kind_are_taken(make, attribute, expected):
    augmentor = make()
    assert getattr(augmentor, attribute) == expected
    for _ in range(30):
        assert augmentor.augment(picture(230, 240) if isinstance(augmentor, imgaug.RandomCrop) else picture()).size > 0


def test_a_size_in_two_arguments_is_told():
    with pytest.raises(ValueError, match=r"^Resize: interp must be .*got 64; a height and a width are one argument, \(h, w\)"):
        imgaug.Resize(32, 64)


@pytest.mark.parametrize("interp", [cv2.INTER_NEAREST | cv2.WARP_FILL_OUTLIERS, np.int64(cv2.INTER_CUBIC), cv2.INTER_AREA])
def test_warps_take_flags_of_opencv(interp):
    assert imgaug.Rotation(30, interp=interp).augment(picture()).shape == picture().shape


@pytest.mark.parametrize("make", [
    lambda: imgaug.ResizeTransform(37, 52, 0, 10, 1), lambda: imgaug.ResizeTransform(37, 52, 10, -1, 1),
    lambda: imgaug.CropTransform(0, 0, 0, 5), lambda: imgaug.CropTransform(0, 0, 5, -5),
    lambda: WarpAffineTransform(np.eye(2, 3), (0, 5)), lambda: PasteTransform(-1, 0, 5, 5, (9, 9), None),
    lambda: PasteTransform(0, 5, 5, 5, (9, 9), None)], ids=["new_h", "new_w", "h", "w", "dsize", "y0", "x0"])
def test_transforms_have_a_size(make):
    with pytest.raises(ValueError, match=r"^(Resize|Crop|WarpAffine|Paste)Transform: .* must"):
        make()


@pytest.mark.parametrize("y0, x0, rows, columns", [
    (-2, -3, slice(0, 3), slice(0, 4)), (34, 50, slice(34, 37), slice(50, 52)), (-2, 50, slice(0, 3), slice(50, 52))])
def test_what_lies_outside_of_the_image_is_missing_in_a_crop_on_all_sides(y0, x0, rows, columns):
    img = picture()
    crop = imgaug.CropTransform(y0, x0, 5, 7)
    np.testing.assert_array_equal(crop.apply_image(img), img[rows, columns])
    np.testing.assert_array_equal(crop.apply_segmentation(img), img[rows, columns])


@pytest.mark.parametrize("y0, x0", [(-5, 0), (37, 0), (0, -7), (0, 60)])
def test_a_crop_has_something_of_the_image(y0, x0):
    with pytest.raises(ValueError, match=r"CropTransform\(y0={}, x0={}, h=5, w=7\): the crop must .*37, 52, 3".format(y0, x0)):
        imgaug.CropTransform(y0, x0, 5, 7).apply_image(picture())


# Random numbers of the user's own augmentors go to OpenCV, which takes no arrays for numbers.

OWN = {
    "angle": lambda self, img: cv2.warpAffine(
        img, cv2.getRotationMatrix2D((26.0, 18.0), self._rand_range(-10, 10), 1), (52, 37)),
    "center": lambda self, img: cv2.warpAffine(
        img, cv2.getRotationMatrix2D((self._rand_range(52), self._rand_range(37)), 10, self._rand_range(0.5, 1)), (52, 37)),
    "scale": lambda self, img: cv2.resize(img, None, fx=self._rand_range(0.5, 2), fy=self._rand_range(0.5, 2)),
    "weight": lambda self, img: cv2.addWeighted(img, self._rand_range(), img, self._rand_range(), self._rand_range(-9, 9)),
    "blur": lambda self, img: cv2.GaussianBlur(img, (5, 5), self._rand_range(0.1, 2)),
    "color": lambda self, img: cv2.circle(img.copy(), (9, 9), 3, (self._rand_range(255), 0, 0), -1),
}


@pytest.mark.parametrize("function", OWN.values(), ids=OWN)
def test_random_numbers_serve_as_arguments_of_opencv(function):
    class Own(imgaug.PhotometricAugmentor):
        def _augment(self, img, _):
            return function(self, img)

    assert Own().augment(picture()).ndim == 3


def test_random_numbers_are_python_floats_of_single_precision():
    augmentor = imgaug.Identity()
    augmentor.rng, rng = np.random.RandomState(2), np.random.RandomState(2)
    for arguments, expected in [((), rng.uniform(0, 1)), ((5,), rng.uniform(0, 5)), ((-3, 4), rng.uniform(-3, 4))]:
        value = augmentor._rand_range(*arguments)
        assert type(value) is float and value == np.float32(expected)
    image = np.ones((2, 2), "float32")
    assert (image * augmentor._rand_range()).dtype == np.float32


@pytest.mark.parametrize("size", [1, 3, (2, 3), ()], ids=str)
def test_random_numbers_are_float32_arrays_where_a_size_is_asked(size):
    augmentor = imgaug.Identity()
    augmentor.rng, rng = np.random.RandomState(2), np.random.RandomState(2)
    value = augmentor._rand_range(-3, 4, size)
    assert isinstance(value, np.ndarray) and value.dtype == np.float32
    np.testing.assert_array_equal(value, np.asarray(rng.uniform(-3, 4, size), "float32"))


@pytest.mark.parametrize("make", [
    lambda ends: imgaug.Contrast(ends), lambda ends: imgaug.Gamma(ends), lambda ends: imgaug.Affine(scale=ends),
    lambda ends: imgaug.RandomResize(ends, ends)], ids=["Contrast", "Gamma", "Affine", "RandomResize"])
def test_a_range_may_have_its_ends_in_either_order(make):
    augmentor = make((1.4, 0.6))
    assert all(augmentor.augment(picture()).std() > 0 for _ in range(5))


def test_a_range_with_its_greater_end_first_is_the_same_range():
    augmentor = imgaug.BrightnessScale((1.4, 0.6))
    factors = [augmentor.augment(np.full((2, 2), 100, "float32")).mean() / 100 for _ in range(50)]
    assert 0.6 <= min(factors) < 0.9 and 1.1 < max(factors) <= 1.4


TAKERS = {
    "AugmentorList": lambda x: imgaug.AugmentorList([imgaug.Identity(), x]),
    "RandomApplyAug": lambda x: imgaug.RandomApplyAug(x, 0.5),
    "RandomChooseAug": lambda x: imgaug.RandomChooseAug([imgaug.Identity(), x]),
    "RandomOrderAug": lambda x: imgaug.RandomOrderAug([imgaug.Identity(), x]),
    "AugmentImageComponent": lambda x: AugmentImageComponent(FakeData([[4, 4, 3]]), [imgaug.Identity(), x]),
    "AugmentImageComponents": lambda x: AugmentImageComponents(FakeData([[4, 4, 3]]), [imgaug.Identity(), x]),
    "AugmentImageCoordinates": lambda x: AugmentImageCoordinates(FakeData([[4, 4, 3]]), (imgaug.Identity(), x)),
}
NO_AUGMENTORS = {
    "class": (imgaug.Flip, r"the class Flip; try imgaug.Flip\(\.\.\.\), an instance of it"),
    "lambda": (lambda img: img, r"the function <lambda>; try imgaug.MapImage\(func\)"),
    "function": (cv2.flip, r"the function flip; try imgaug.MapImage\(func\)"),
    "transform": (imgaug.CropTransform(0, 0, 2, 2),
                  r"imgaug.CropTransform.*; derive a class from imgaug.ImageAugmentor whose get_transform\(img\) returns it"),
    "list": ([imgaug.Identity()], r"list of 1.*; try imgaug.AugmentorList\(\[\.\.\.\]\)"),
    "text": ("flip", r"'flip'; derive a class from imgaug.ImageAugmentor"),
}


@pytest.mark.parametrize("kind", NO_AUGMENTORS)
@pytest.mark.parametrize("taker", TAKERS)
def test_what_is_no_augmentor_is_refused_where_it_is_given(taker, kind):
    value, words = NO_AUGMENTORS[kind]
    if taker == "RandomChooseAug" and kind == "list":
        pytest.skip("a list is a pair of an augmentor and its probability there")
    argument = {"RandomApplyAug": "aug", "RandomChooseAug": r"aug_lists\[1\]", "RandomOrderAug": r"aug_lists\[1\]"}.get(
        taker, r"augmentors\[1\]")
    with pytest.raises(TypeError, match="^{}: {} must be an augmentor; got {}".format(taker, argument, words)):
        TAKERS[taker](value)


def test_one_augmentor_without_a_list_is_told_to_be_one():
    for make in (imgaug.AugmentorList, imgaug.RandomOrderAug, imgaug.RandomChooseAug,
                 lambda x: AugmentImageComponent(FakeData([[4, 4, 3]]), x)):
        with pytest.raises(TypeError, match=r"must be a list .*got (imgaug.)?Identity.*; try \[it\]"):
            make(imgaug.Identity())


def test_what_only_has_the_methods_of_an_augmentor_is_one():
    class Duck:
        def reset_state(self):
            pass

        def get_transform(self, img):
            return imgaug.NoOpTransform()

    for taker in TAKERS.values():
        taker(Duck())
