"""Photometric augmentors against plain numpy, scipy, scikit-image and Pillow, and the draws that lead to them."""
import io

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imgaug_samples import picture

from tensorpack.dataflow import imgaug

KINDS = [(0, "uint8"), (1, "uint8"), (3, "uint8"), (5, "uint8"), (0, "float32"), (3, "float32"), (3, "float64"), (5, "float16"),
         (3, "int32"), (1, "uint16")]
COLOR = [(3, "uint8"), (3, "float32"), (3, "float64"), (3, "int32")]
kinds = pytest.mark.parametrize("channels, dtype", KINDS, ids=str)
color_kinds = pytest.mark.parametrize("channels, dtype", COLOR, ids=str)
clips = pytest.mark.parametrize("clip", [True, False], ids=["clip", "no clip"])


def drawn(augmentor, seed=11):
    augmentor.rng = np.random.RandomState(seed)
    return augmentor, np.random.RandomState(seed)


def finish(x, dtype, clip):
    """Limit to [0, 255] if asked to or if it is uint8, then cut."""
    if clip or dtype == "uint8":
        x = np.clip(x, 0, 255)
    return x.astype(dtype)


def assert_equal_but_rounding(out, expected, atol=0.01, share=0.002):
    """Whole numbers may differ by 1 where the exact value is next to one."""
    assert out.dtype == expected.dtype and out.shape == expected.shape
    difference = np.abs(out.astype("float64") - expected)
    if out.dtype.kind in "iu":
        assert difference.max() <= 1 and (difference > 0).mean() <= share, (difference.max(), (difference > 0).mean())
    elif out.dtype == np.float16:
        np.testing.assert_allclose(out.astype("float32"), expected.astype("float32"), rtol=2e-3, atol=0.2)
    else:
        assert difference.max() <= atol, difference.max()


@kinds
@clips
@pytest.mark.parametrize("seed", range(4))
def test_brightness(channels, dtype, clip, seed):
    img = picture(24, 31, channels, dtype)
    augmentor, rng = drawn(imgaug.Brightness(120, clip), seed)
    expected = finish(img.astype("float64") + rng.uniform(-120, 120), dtype, clip)
    if dtype == "uint16" and not clip:
        return  # negative numbers have no place there
    assert_equal_but_rounding(augmentor.augment(img), expected)


@kinds
@clips
@pytest.mark.parametrize("seed", range(4))
def test_brightness_scale(channels, dtype, clip, seed):
    img = picture(24, 31, channels, dtype)
    augmentor, rng = drawn(imgaug.BrightnessScale((0.2, 1.8), clip), seed)
    assert_equal_but_rounding(augmentor.augment(img), finish(img.astype("float64") * rng.uniform(0.2, 1.8), dtype, clip))


def test_a_negative_scale_makes_black():
    assert (imgaug.BrightnessScale((-1, -0.5)).augment(picture()) == 0).all()


@kinds
@clips
@pytest.mark.parametrize("seed", range(4))
def test_contrast_of_each_channel(channels, dtype, clip, seed):
    img = picture(24, 31, channels, dtype)
    augmentor, rng = drawn(imgaug.Contrast((0.3, 1.9), clip=clip), seed)
    if dtype == "uint16" and not clip:
        return
    mean = img.astype("float64").mean(axis=(0, 1), keepdims=True)
    expected = finish((img - mean) * rng.uniform(0.3, 1.9) + mean, dtype, clip)
    assert_equal_but_rounding(augmentor.augment(img), expected, share=0.01)


GRAY = np.array([0.299, 0.587, 0.114])


@color_kinds
@pytest.mark.parametrize("rgb", [True, False], ids=["rgb", "bgr"])
@pytest.mark.parametrize("seed", range(4))
def test_contrast_of_the_gray_image(channels, dtype, rgb, seed):
    img = picture(24, 31, channels, dtype) // 2 + np.array([90, 40, 0]).astype(dtype)
    augmentor, rng = drawn(imgaug.Contrast((0.3, 1.9), rgb=rgb), seed)
    mean = img.astype("float64").dot(GRAY if rgb else GRAY[::-1]).mean()
    expected = finish((img - mean) * rng.uniform(0.3, 1.9) + mean, dtype, True)
    assert_equal_but_rounding(augmentor.augment(img), expected, share=0.01)


@color_kinds
@clips
@pytest.mark.parametrize("rgb", [True, False], ids=["rgb", "bgr"])
@pytest.mark.parametrize("seed", range(4))
def test_saturation(channels, dtype, clip, rgb, seed):
    img = picture(24, 31, channels, dtype)
    augmentor, rng = drawn(imgaug.Saturation(0.7, rgb=rgb, clip=clip), seed)
    v = 1 + rng.uniform(-0.7, 0.7)
    gray = img.astype("float64").dot(GRAY if rgb else GRAY[::-1])[:, :, np.newaxis]
    assert_equal_but_rounding(augmentor.augment(img), finish(img * v + gray * (1 - v), dtype, clip), share=0.25)


@color_kinds
@clips
@pytest.mark.parametrize("seed", range(4))
def test_lighting(channels, dtype, clip, seed):
    img = picture(24, 31, channels, dtype)
    eigval, eigvec = np.array([60.0, 20.0, 5.0]), np.linalg.qr(np.random.RandomState(1).randn(3, 3))[0]
    augmentor, rng = drawn(imgaug.Lighting(0.9, eigval, eigvec, clip), seed)
    expected = finish(img + eigvec.dot(rng.randn(3) * 0.9 * eigval), dtype, clip)
    assert_equal_but_rounding(augmentor.augment(img), expected)


@settings(max_examples=200, deadline=None)
@given(value=st.integers(0, 255), offset=st.floats(-300, 300), scale=st.floats(0, 3))
def test_8_bit_arithmetic_is_that_of_floats_but_within_a_thousandth_of_whole_numbers(value, offset, scale):
    from tensorpack.dataflow.imgaug._pixels import scale_and_add, scale_and_add_channels

    img = np.full((3, 2, 3), value, "uint8")
    exact = np.clip(value * scale + offset, 0, 255)
    if abs(exact - round(exact)) < 2e-3 or abs(offset - round(offset)) < 2e-3:
        return
    assert scale_and_add(img, scale, offset, False)[1, 1, 1] == int(exact)
    assert scale_and_add_channels(img, scale, [offset, 0, 1], False)[1, 1, 0] == int(exact)
    assert scale_and_add(img, 1, offset, False)[0, 0, 0] == int(np.clip(value + offset, 0, 255))


def test_rounding_errors_make_no_difference():
    img = picture()
    np.testing.assert_array_equal(imgaug.Lighting(0, [1, 1, 1], np.full((3, 3), -1e-17)).augment(img), img)
    np.testing.assert_array_equal(imgaug.Lighting(1, [1, 1, 1], np.full((3, 3), -1e-17)).augment(img), img)
    for augmentor in (imgaug.BrightnessScale((1, 1)), imgaug.Contrast((1, 1)), imgaug.Saturation(0), imgaug.Gamma((0, 0))):
        np.testing.assert_array_equal(augmentor.augment(img), img)


@pytest.mark.parametrize("shape", [(4, 1), (4, 1, 1), (1, 4), (1, 1), (4, 1, 3), (4, 4), (1, 1, 3), (2, 2, 4)], ids=str)
def test_tiny_images(shape):
    img = (np.arange(np.prod(shape)) * 9 + 20).reshape(shape).astype("uint8")
    for augmentor in (imgaug.Brightness(20), imgaug.BrightnessScale((0.5, 2)), imgaug.Contrast((0.5, 2)), imgaug.Gamma()):
        assert augmentor.augment(img).shape == shape
    augmentor, rng = drawn(imgaug.Brightness(20))
    np.testing.assert_array_equal(augmentor.augment(img), (img + rng.uniform(-20, 20)).astype("uint8"))


@pytest.mark.parametrize("rgb", [True, False], ids=["rgb", "bgr"])
@pytest.mark.parametrize("hue", [0, 37.0, 120.0, -50.0])
def test_hue_of_floats_agrees_with_scikit_image(hue, rgb):
    color = pytest.importorskip("skimage.color")
    img = picture(24, 31, 3, "float32") / 255
    hsv = color.rgb2hsv(img if rgb else img[:, :, ::-1])
    hsv[:, :, 0] = (hsv[:, :, 0] + hue / 180) % 1
    expected = color.hsv2rgb(hsv)
    out = imgaug.Hue((hue, hue), rgb=rgb).augment(img)
    assert out.dtype == np.float32
    np.testing.assert_allclose(out, expected if rgb else expected[:, :, ::-1], atol=1e-4)


@pytest.mark.parametrize("hue", [37.0, 120.0, -50.0])
def test_hue_of_8_bits_is_that_of_floats_but_coarse(hue):
    img = picture(24, 31)
    out = imgaug.Hue((hue, hue)).augment(img)
    expected = imgaug.Hue((hue, hue)).augment(img.astype("float32") / 255) * 255
    assert out.dtype == np.uint8 and np.abs(out - expected).mean() < 2
    unchanged = imgaug.Hue((180, 180)).augment(img)
    np.testing.assert_array_equal(unchanged, imgaug.Hue((0, 0)).augment(img))


@pytest.mark.parametrize("g", [-0.5, -0.2, 0.0, 0.4, 1.0])
def test_gamma(g):
    exposure = pytest.importorskip("skimage.exposure")
    img = picture()
    out = imgaug.Gamma((g, g)).augment(img)
    np.testing.assert_array_equal(out, np.floor(255 * (img / 255.0) ** (1 / (1 + g)) + 1e-9))
    assert np.abs(out - exposure.adjust_gamma(img, 1 / (1 + g)).astype(int)).max() <= 1
    as_float = imgaug.Gamma((g, g)).augment(img.astype("float32") + np.float32(0.7))
    assert as_float.dtype == np.float32
    np.testing.assert_array_equal(as_float, out)


@pytest.mark.parametrize("channels", [0, 1, 3])
def test_gaussian_blur_agrees_with_scipy(channels):
    ndimage = pytest.importorskip("scipy.ndimage")
    img = picture(24, 31, channels, "float64")
    augmentor, rng = drawn(imgaug.GaussianBlur((2, 4), (0.8, 1.6), symmetric=False))
    radius, sigma = rng.randint(2, 4, size=2), rng.uniform(0.8, 1.6, size=2)

    def weights(k):
        w = np.exp(-np.arange(-radius[k], radius[k] + 1) ** 2 / (2 * sigma[k] ** 2))
        return w / w.sum()

    expected = ndimage.correlate1d(ndimage.correlate1d(img, weights(0), 1, mode="nearest"), weights(1), 0, mode="nearest")
    np.testing.assert_allclose(augmentor.augment(img), expected, atol=1e-6)


def test_gaussian_blur_draws_sizes_then_deviations():
    img = picture()
    for seed in range(6):
        augmentor, rng = drawn(imgaug.GaussianBlur((0, 3), (1, 2)), seed)
        size, sigma = rng.randint(0, 3, size=2) * 2 + 1, rng.uniform(1, 2, size=2)
        expected = cv2.GaussianBlur(img, (int(size[0]),) * 2, sigma[0], sigmaY=sigma[0], borderType=cv2.BORDER_REPLICATE)
        np.testing.assert_array_equal(augmentor.augment(img), expected)
    assert imgaug.GaussianBlur(5).size_range == (0, 5)


def test_deprecated_size_of_gaussian_blur(log_records):
    assert imgaug.GaussianBlur(max_size=4).size_range == (0, 4)
    assert "size_range=(0, 4)" in log_records[-1].getMessage()


@pytest.mark.parametrize("channels, dtype", [(0, "uint8"), (1, "float32"), (3, "uint8"), (3, "float64")], ids=str)
@pytest.mark.parametrize("all_channel", [True, False], ids=["all", "each"])
def test_normalizations(channels, dtype, all_channel):
    img = picture(24, 31, channels, dtype)
    axes = None if all_channel else (0, 1)
    exact = img.astype("float64")
    mean, std = exact.mean(axis=axes, keepdims=True), exact.std(axis=axes, keepdims=True)
    out = imgaug.MeanVarianceNormalize(all_channel).augment(img)
    assert out.dtype == np.float32 and out.shape == img.shape
    np.testing.assert_allclose(out, (exact - mean) / std, atol=1e-4)
    low, high = exact.min(axis=axes, keepdims=True), exact.max(axis=axes, keepdims=True)
    out = imgaug.MinMaxNormalize(-1, 3, all_channel).augment(img)
    assert out.dtype == np.float32 and out.shape == img.shape
    np.testing.assert_allclose(out, (exact - low) / (high - low) * 4 - 1, atol=1e-4)


@pytest.mark.parametrize("all_channel", [True, False], ids=["all", "each"])
def test_a_constant_image_can_be_normalized(all_channel):
    img = np.full((6, 7, 3), 9, "uint8")
    assert (imgaug.MinMaxNormalize(2, 5, all_channel).augment(img) == 2).all()
    assert (imgaug.MeanVarianceNormalize(all_channel).augment(img) == 0).all()
    img[0, 0, 0] += 1  # the deviation is below 1 / sqrt(number of values)
    assert imgaug.MeanVarianceNormalize().augment(img).max() < 12


def test_clip():
    np.testing.assert_array_equal(imgaug.Clip(20, 200).augment(picture()), np.clip(picture(), 20, 200))
    np.testing.assert_array_equal(imgaug.Clip(-5, 300).augment(picture()), picture())
    img = picture(dtype="float32") / 255
    np.testing.assert_array_equal(imgaug.Clip(0.2, 0.5).augment(img), np.clip(img, np.float32(0.2), np.float32(0.5)))


@pytest.mark.parametrize("dtype, limits, expected", [
    ("uint8", (0, 255), "uint8"), ("uint8", (-5, 100), "int16"), ("uint8", (3, 300), "uint16"), ("uint8", (-5, 300), "int16"),
    ("uint8", (0.2, 0.5), "float64"),
    ("uint8", (0.0, 10.0), "float64"), ("uint8", (0, 10.5), "float64"), ("uint16", (-5, 100), "int32"),
    ("int8", (0, 100), "int8"),
    ("int32", (-5, 300), "int32"), ("float32", (0.2, 0.5), "float32"), ("float32", (0, 10), "float32"),
    ("float64", (0, 1), "float64"),
], ids=str)
def test_clip_widens_whole_numbers_for_its_limits(dtype, limits, expected):
    img = picture(dtype=dtype)
    clipped = imgaug.Clip(*limits).augment(img)
    assert clipped.dtype == expected
    np.testing.assert_allclose(clipped, np.clip(img.astype("float64"), *limits), rtol=1e-6)


FOURTH_CHANNEL = {
    "Grayscale": (lambda: imgaug.Grayscale(rgb=True), lambda img: imgaug.Grayscale(rgb=True).augment(img[:, :, :3])),
    "Hue": (lambda: imgaug.Hue((7, 8)), lambda img: drawn(imgaug.Hue((7, 8)))[0].augment(img[:, :, :3])),
    "JpegNoise": (lambda: imgaug.JpegNoise(), lambda img: drawn(imgaug.JpegNoise())[0].augment(img[:, :, :3].copy())),
    "Saturation": (lambda: imgaug.Saturation(), lambda img: with_gray(img, imgaug.Saturation(), 1)),
    "Contrast": (lambda: imgaug.Contrast((0.5, 0.8), rgb=True),
                 lambda img: with_gray(img, imgaug.Contrast((0.5, 0.8), rgb=True), 0)),
}


def with_gray(img, augmentor, offset):
    """Mixed with the gray image (of Saturation), or with its mean (of Contrast), each channel alike."""
    gray = img[:, :, :3].astype("float64") @ [0.299, 0.587, 0.114]
    _, rng = drawn(augmentor)
    if offset:
        weight = 1 + rng.uniform(-0.4, 0.4)
        return np.clip(img * weight + gray[:, :, np.newaxis] * (1 - weight), 0, 255).astype("uint8")
    weight = rng.uniform(0.5, 0.8)
    return np.clip((img - gray.mean()) * weight + gray.mean(), 0, 255).astype("uint8")


@pytest.mark.parametrize("name", sorted(FOURTH_CHANNEL))
def test_a_fourth_channel(name):
    make, expected = FOURTH_CHANNEL[name]
    img = picture(channels=4)
    assert_equal_but_rounding(drawn(make())[0].augment(img.copy()), expected(img), share=0.02)


@pytest.mark.parametrize("channels", [0, 3])
def test_jpeg_rounds_floats(channels):
    img = np.full((16, 16, channels) if channels else (16, 16), 0, "float32")
    for value, expected in ((100.4, 100), (100.6, 101), (101.5, 102), (-3, 0), (255.7, 255), (300, 255)):
        assert abs(imgaug.JpegNoise((99, 100)).augment(img + np.float32(value)).mean() - expected) < 0.3


def test_conversions_of_dtype():
    img = np.array([[-3.0, 0.9, 254.99, 300.0]])
    out = imgaug.ToUint8().augment(img)
    assert out.dtype == np.uint8 and out.tolist() == [[0, 0, 254, 255]]
    out = imgaug.ToFloat32().augment(img)
    assert out.dtype == np.float32 and (out == img.astype("float32")).all()


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
@pytest.mark.parametrize("rgb", [True, False], ids=["rgb", "bgr"])
def test_grayscale(dtype, rgb):
    img = picture(dtype=dtype)
    gray = img.astype("float64").dot(GRAY if rgb else GRAY[::-1])
    for arguments, shape in [({}, (37, 52, 1)), (dict(keepdims=False), (37, 52)), (dict(keepshape=True), (37, 52, 3)),
                             (dict(keepshape=True, keepdims=False), (37, 52, 3))]:
        out = imgaug.Grayscale(rgb=rgb, **arguments).augment(img)
        assert out.dtype == dtype and out.shape == shape
        np.testing.assert_allclose(out, np.broadcast_to(gray[:, :, np.newaxis], shape) if len(shape) == 3 else gray, atol=1)


def test_color_space():
    color = pytest.importorskip("skimage.color")
    img = picture(dtype="float32") / 255
    lab = imgaug.ColorSpace(cv2.COLOR_RGB2LAB).augment(img)
    np.testing.assert_allclose(lab, color.rgb2lab(img), atol=0.6)
    assert imgaug.ColorSpace(cv2.COLOR_RGB2GRAY, keepdims=False).augment(img).shape == (37, 52)
    assert imgaug.ColorSpace(cv2.COLOR_GRAY2RGB).augment(img[:, :, 0]).shape == (37, 52, 3)


@pytest.mark.parametrize("channels", [0, 1, 3])
def test_jpeg_keeps_channels_and_agrees_with_pillow(channels):
    image_module = pytest.importorskip("PIL.Image")
    img = picture(40, 56, channels)
    augmentor, rng = drawn(imgaug.JpegNoise((60, 90)))
    quality = rng.randint(60, 90)
    out = augmentor.augment(img)
    assert out.shape == img.shape and out.dtype == np.uint8
    stream = io.BytesIO()
    flat = img[:, :, 0] if channels == 1 else img[:, :, ::-1] if channels == 3 else img  # Pillow writes RGB
    image_module.fromarray(np.ascontiguousarray(flat)).save(stream, "jpeg", quality=int(quality))
    expected = np.asarray(image_module.open(stream))
    expected = expected[:, :, ::-1] if channels == 3 else expected.reshape(img.shape)
    assert np.abs(out.astype(int) - expected).mean() < 1.5
    assert np.abs(out.astype(int) - img).mean() > 0.5
    as_float = imgaug.JpegNoise((75, 76)).augment(img.astype("float32"))
    assert as_float.dtype == np.float32 and as_float.shape == img.shape
    np.testing.assert_array_equal(as_float, imgaug.JpegNoise((75, 76)).augment(img))


@kinds
@clips
def test_gaussian_noise(channels, dtype, clip):
    img = picture(24, 31, channels, dtype)
    if dtype == "uint16" and not clip:
        return
    augmentor, rng = drawn(imgaug.GaussianNoise(30, clip))
    expected = finish(img + rng.randn(*img.shape) * 30, dtype, clip)
    assert_equal_but_rounding(augmentor.augment(img), expected)


@pytest.mark.parametrize("channels, dtype", [(0, "uint8"), (3, "float32")], ids=str)
def test_salt_and_pepper(channels, dtype):
    img = picture(60, 70, channels, dtype)
    augmentor, rng = drawn(imgaug.SaltPepperNoise(0.2, 0.1))
    noise = rng.uniform(size=img.shape)
    expected = np.where(noise < 0.1, 0, np.where(noise > 0.8, 255, img))
    np.testing.assert_array_equal(augmentor.augment(img.copy()), expected)


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int16", "int32", "int64", "float16", "bool"])
@pytest.mark.parametrize("channels", [0, 1, 3])
def test_blur_of_kinds_that_opencv_does_not_take(dtype, channels):
    img = (picture(channels=channels) // 2).astype(dtype)
    augmentor, _ = drawn(imgaug.GaussianBlur((2, 3), (1.5, 1.5)))
    blurred = augmentor.augment(img)
    assert blurred.dtype == dtype and blurred.shape == img.shape
    expected = cv2.GaussianBlur(img.astype("float32"), (5, 5), 1.5, borderType=cv2.BORDER_REPLICATE).reshape(img.shape)
    np.testing.assert_allclose(blurred, expected, atol=1, rtol=1e-2)


@pytest.mark.parametrize("make, message", [
    (lambda: imgaug.Brightness(0), "delta must be above 0; got 0"),
    (lambda: imgaug.BrightnessScale(0.5), "range must be a pair"),
    (lambda: imgaug.Saturation(1.0), "alpha must be below 1; got 1.0"),
    (lambda: imgaug.Gamma((-1, 0)), "above -1"),
    (lambda: imgaug.Lighting(1, [1, 2], np.eye(3)), r"got \(2,\) and \(3, 3\)"),
    (lambda: imgaug.SaltPepperNoise(0.6, 0.6), "a sum of at most 1"),
    (lambda: imgaug.JpegNoise().augment(picture(channels=2)), r"1, 3 or 4 channels; got uint8 \(37, 52, 2\)"),
    (lambda: imgaug.Saturation().augment(picture(channels=0)),
     r"Saturation: the image must be HxWx3 or HxWx4; got uint8 \(37, 52\)"),
    (lambda: imgaug.Hue().augment(picture(channels=5)), "Hue: the image must be HxWx3"),
    (lambda: imgaug.Contrast((1, 2), rgb=True).augment(picture(channels=1)), "Contrast: the image must be HxWx3"),
    (lambda: imgaug.Lighting(1, [1, 2, 3], np.eye(3)).augment(picture(channels=4)), "Lighting: the image must be HxWx3; got"),
    (lambda: imgaug.Grayscale().augment(picture(channels=1)), "Grayscale: the image must be HxWx3")],
    ids=lambda v: "" if callable(v) else v[:20])
def test_mistakes_are_value_errors_that_say_what_must_hold(make, message):
    with pytest.raises(ValueError, match=message):
        make()
