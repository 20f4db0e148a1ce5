"""Promises that every augmentor keeps, checked over a catalogue of minimal instances. A new augmentor needs a line here."""
import copy
import inspect
import pickle
from typing import Any, Callable, NamedTuple, Tuple

import numpy as np
import pytest
from imgaug_samples import blob, centroid, is_inside, picture

from tensorpack._legacy._tables import TABLE
from tensorpack.dataflow import imgaug
from tensorpack.utils import fix_rng_seed


class Line(NamedTuple):
    make: Callable[[], Any]
    geometric: bool = False  # moves pixels
    random: bool = True
    channels: Tuple[int, ...] = (0, 1, 3, 5)  # 0 stands for HxW
    dtypes: Tuple[str, ...] = ("uint8", "float32", "float64")
    writes: bool = False  # to its input


def halve(x):
    return x / 2


EIGVAL, EIGVEC = [30.0, 5.0, 1.0], [[0.6, 0.7, 0.4], [0.6, 0.0, -0.8], [0.5, -0.7, 0.4]]
GRAYS, COLOR = (0, 1), (3,)

CATALOGUE = {
    "Affine": Line(lambda: imgaug.Affine((0.8, 1.2), (0.1, 0.1), 20, 10), geometric=True),
    "AugmentorList": Line(lambda: imgaug.AugmentorList([imgaug.Flip(horiz=True), imgaug.RandomCrop(30)]), geometric=True),
    "Brightness": Line(lambda: imgaug.Brightness(50)),
    "BrightnessScale": Line(lambda: imgaug.BrightnessScale((0.5, 1.5))),
    "CenterCrop": Line(lambda: imgaug.CenterCrop((30, 25)), geometric=True, random=False),
    "CenterPaste": Line(lambda: imgaug.CenterPaste((60, 71)), geometric=True, random=False),
    "Clip": Line(lambda: imgaug.Clip(20, 200), random=False),
    "ColorSpace": Line(lambda: imgaug.ColorSpace(mode=40), random=False, channels=COLOR, dtypes=("uint8", "float32")),
    "Contrast": Line(lambda: imgaug.Contrast((0.5, 1.5))),
    "Flip": Line(lambda: imgaug.Flip(horiz=True), geometric=True),
    "Gamma": Line(lambda: imgaug.Gamma()),
    "GaussianBlur": Line(lambda: imgaug.GaussianBlur(4)),
    "GaussianNoise": Line(lambda: imgaug.GaussianNoise(20)),
    "GoogleNetRandomCropAndResize": Line(
        lambda: imgaug.GoogleNetRandomCropAndResize((0.5, 1.0), target_shape=48), geometric=True),
    "Grayscale": Line(lambda: imgaug.Grayscale(), random=False, channels=COLOR),
    "Hue": Line(lambda: imgaug.Hue(), channels=COLOR, dtypes=("uint8", "float32")),
    "Identity": Line(lambda: imgaug.Identity(), random=False, geometric=True),
    "JpegNoise": Line(lambda: imgaug.JpegNoise((5, 100)), channels=GRAYS + COLOR),
    "Lighting": Line(lambda: imgaug.Lighting(1.0, EIGVAL, EIGVEC), channels=COLOR),
    "MapImage": Line(lambda: imgaug.MapImage(halve, coord_func=halve), random=False),
    "MeanVarianceNormalize": Line(lambda: imgaug.MeanVarianceNormalize(), random=False),
    "MinMaxNormalize": Line(lambda: imgaug.MinMaxNormalize(), random=False),
    "RandomApplyAug": Line(lambda: imgaug.RandomApplyAug(imgaug.RandomCrop(30), 0.5), geometric=True),
    "RandomChooseAug": Line(lambda: imgaug.RandomChooseAug([imgaug.Flip(vert=True), imgaug.Resize(40)]), geometric=True),
    "RandomCrop": Line(lambda: imgaug.RandomCrop((31, 30)), geometric=True),
    "RandomCropRandomShape": Line(lambda: imgaug.RandomCropRandomShape(20, 25), geometric=True),
    "RandomCutout": Line(lambda: imgaug.RandomCutout((5, 10), 7), writes=True),
    "RandomOrderAug": Line(lambda: imgaug.RandomOrderAug([imgaug.Brightness(50), imgaug.Flip(horiz=True)])),
    "RandomPaste": Line(lambda: imgaug.RandomPaste((60, 71)), geometric=True),
    "RandomResize": Line(lambda: imgaug.RandomResize((0.8, 1.5), (0.8, 1.5)), geometric=True),
    "Resize": Line(lambda: imgaug.Resize((50, 61)), geometric=True, random=False),
    "ResizeShortestEdge": Line(lambda: imgaug.ResizeShortestEdge(48), geometric=True, random=False),
    "Rotation": Line(lambda: imgaug.Rotation(30, (0.3, 0.7)), geometric=True),
    "RotationAndCropValid": Line(lambda: imgaug.RotationAndCropValid(30), geometric=True),
    "SaltPepperNoise": Line(lambda: imgaug.SaltPepperNoise(), writes=True),
    "Saturation": Line(lambda: imgaug.Saturation(), channels=COLOR),
    "Shift": Line(lambda: imgaug.Shift(0.3, 0.3), geometric=True),
    "ToFloat32": Line(lambda: imgaug.ToFloat32(), random=False),
    "ToUint8": Line(lambda: imgaug.ToUint8(), random=False),
    "Transpose": Line(lambda: imgaug.Transpose(), geometric=True),
}
OTHERS = {
    "Albumentations", "IAAugmentor",  # adapters of optional packages: test_imgaug_external.py
    "Augmentor", "BackgroundFiller", "ConstantBackgroundFiller", "CropTransform", "FlipTransform", "ImageAugmentor",
    "PhotometricAugmentor", "ResizeTransform", "Transform", "TransformFactory", "TransformList",
}


def augmentors_where(condition=lambda line: True):
    chosen = {name: line for name, line in CATALOGUE.items() if condition(line)}
    return pytest.mark.parametrize("line", chosen.values(), ids=chosen.keys())


def images(line, h=37, w=52):
    for channels in line.channels:
        for dtype in line.dtypes:
            yield picture(h, w, channels, dtype)


def float_limits_ok(line, img):
    """Hue takes float images in [0, 1] only."""
    return img / img.dtype.type(255) if isinstance(line.make(), imgaug.Hue) and img.dtype != np.uint8 else img


def test_every_public_augmentor_has_a_line():
    names = set(imgaug.__all__) - set(TABLE.star["tensorpack.dataflow.imgaug"])
    assert {name for name in names if inspect.isclass(getattr(imgaug, name))} == names == set(CATALOGUE) | OTHERS
    for name, line in CATALOGUE.items():
        assert type(line.make()).__name__ == name


@augmentors_where()
def test_all_kinds_of_images_are_taken(line):
    for img in images(line):
        img = float_limits_ok(line, img)
        out = line.make().augment(img.copy())
        assert isinstance(out, np.ndarray) and out.size > 0 and np.isfinite(out).all()
        if line.geometric:
            assert out.dtype == img.dtype and out.shape[2:] == img.shape[2:]


@augmentors_where(lambda line: not line.geometric)
def test_photometric_augmentors_keep_height_and_width(line):
    for img in images(line, 5, 3) if not line.writes else images(line):
        assert line.make().augment(float_limits_ok(line, img)).shape[:2] == img.shape[:2]


SAME_DTYPE = ["Brightness", "BrightnessScale", "Clip", "Contrast", "Gamma", "GaussianBlur", "GaussianNoise", "Grayscale", "Hue",
              "JpegNoise", "Lighting", "RandomCutout", "SaltPepperNoise", "Saturation"]


@pytest.mark.parametrize("name", SAME_DTYPE)
def test_dtype_and_channels_stay(name):
    line = CATALOGUE[name]
    for img in images(line):
        out = line.make().augment(float_limits_ok(line, img))
        assert out.dtype == img.dtype
        assert out.shape == img.shape or name == "Grayscale"


@augmentors_where(lambda line: not line.writes)
def test_the_image_and_coordinates_are_not_changed(line):
    for img in images(line):
        img = float_limits_ok(line, img)
        coords, boxes = np.array([[3.0, 4.0]]), np.array([[3.0, 4.0, 9.0, 11.0]])
        expected = img.copy()
        img.flags.writeable = coords.flags.writeable = boxes.flags.writeable = False
        for _ in range(4):
            tfm = line.make().get_transform(img)
            tfm.apply_image(img)
            tfm.apply_coords(coords)
        np.testing.assert_array_equal(img, expected)


@augmentors_where(lambda line: line.writes)
def test_those_that_write_to_the_image_copy_it_where_they_cannot(line):
    img = picture()
    tfm = line.make().get_transform(img)
    img.flags.writeable = False
    changed = tfm.apply_image(img)
    assert changed is not img and (changed != img).any()
    img.flags.writeable = True
    assert tfm.apply_image(img) is img
    np.testing.assert_array_equal(img, changed)


@augmentors_where()
def test_a_transform_does_the_same_again(line):
    for img in images(line):
        img = float_limits_ok(line, img)
        tfm = line.make().get_transform(img)
        np.testing.assert_array_equal(tfm.apply_image(img.copy()), tfm.apply_image(img.copy()))


def outputs(augmentor, img, count=6):
    drawn = [augmentor.augment(img.copy()) for _ in range(count)]
    return [(out.shape, out.tobytes()) for out in drawn]


@augmentors_where(lambda line: line.random)
def test_streams_repeat_under_a_seed_and_differ_otherwise(line):
    img = picture()

    def run(seed):
        fix_rng_seed(seed)
        first, second = line.make(), line.make()
        drawn = outputs(first, img), outputs(second, img)
        first.reset_state()
        return drawn + (outputs(first, img),)

    drawn = run(5)
    assert run(5) == drawn
    assert run(6) != drawn
    different = [drawn[0] != drawn[1], drawn[0] != drawn[2]]
    assert any(different) if line.make().__class__.__name__ in ("Flip", "Transpose", "RandomChooseAug") else all(different)


@augmentors_where()
def test_pickles_and_copies_with_their_transforms(line):
    img = picture()
    augmentor = line.make()
    twins = [pickle.loads(pickle.dumps(augmentor)), copy.deepcopy(augmentor)]
    tfm = augmentor.get_transform(img)
    restored = pickle.loads(pickle.dumps(tfm))
    assert repr(restored) == repr(tfm)
    expected = tfm.apply_image(img.copy())
    for twin in twins:
        assert repr(twin) == repr(augmentor)
        np.testing.assert_array_equal(twin.augment(img.copy()), expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(tfm)).apply_image(img.copy()), expected)


@augmentors_where()
def test_repr_is_the_call_that_makes_it(line):
    text = repr(line.make())
    assert text.startswith("imgaug." + type(line.make()).__name__ + "(") and text.endswith(")") and "\n" not in text
    assert " at 0x" not in text
    assert text == str(line.make())


@augmentors_where(lambda line: line.geometric)
def test_coordinates_boxes_and_masks_follow_the_image(line):
    """A bright spot is found where its coordinates went."""
    fix_rng_seed(7)
    rng = np.random.RandomState(3)
    checked = 0
    for _ in range(300):
        h, w = rng.randint(40, 60, size=2)
        point = rng.uniform(9, [w - 9, h - 9])
        img = blob(h, w, *point)
        tfm = line.make().get_transform(img)
        out = tfm.apply_image(img)
        moved = tfm.apply_coords(point[np.newaxis])[0]
        if not is_inside(moved, out.shape[0], out.shape[1], 9):
            continue
        checked += 1
        if checked == 12:
            return
        np.testing.assert_allclose(centroid(out), moved, atol=0.2)
        assert_mask_and_box_follow(tfm, img, point, moved, out.shape)
        np.testing.assert_allclose(tfm.inverse().apply_coords(moved[np.newaxis])[0], point, atol=1e-3)
    raise AssertionError("only {} spots stayed inside".format(checked))


def assert_mask_and_box_follow(tfm, img, point, moved, shape):
    mask = (img > 0.5).astype("int64") * 7
    moved_mask = tfm.apply_segmentation(mask)
    assert moved_mask.shape == shape and moved_mask.dtype == mask.dtype
    assert set(np.unique(moved_mask)) == {0, 7}
    np.testing.assert_allclose(centroid(moved_mask), moved, atol=0.6)
    box = tfm.apply_boxes(np.array([[point[0] - 2, point[1] - 3, point[0] + 2, point[1] + 3]]))[0]
    np.testing.assert_allclose((box[:2] + box[2:]) / 2, moved, atol=1e-3)
    assert (box[:2] < box[2:]).all()


@augmentors_where(lambda line: line.geometric)
def test_integer_coordinates_become_float_and_none_stay_none(line):
    img = picture(60, 60)
    tfm = line.make().get_transform(img)
    tfm.apply_image(img)
    points = np.array([[31, 30], [20, 21]])
    moved = tfm.apply_coords(points)
    np.testing.assert_allclose(moved, tfm.apply_coords(points.astype("float64")))
    if not isinstance(tfm, imgaug.transform.NoOpTransform):
        assert tfm.apply_coords(np.zeros((0, 2), "float32")).shape == (0, 2)


@augmentors_where(lambda line: not line.geometric and line.make().__class__ is not imgaug.MapImage)
def test_photometric_augmentors_move_nothing(line):
    img = picture()
    tfm = line.make().get_transform(img)
    if isinstance(line.make(), imgaug.RandomOrderAug):
        return
    coords, boxes, mask = np.array([[3.0, 4.0]]), np.array([[3.0, 4.0, 9.0, 11.0]]), picture(channels=0, dtype="int64")
    for t in (tfm, tfm.inverse()):
        assert t.apply_coords(coords) is coords
        assert t.apply_boxes(boxes) is boxes
        assert t.apply_segmentation(mask) is mask
    with pytest.raises(NotImplementedError, match="does not implement method apply_image"):
        tfm.inverse().apply_image(img)
