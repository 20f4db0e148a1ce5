"""Images that a converter resizes otherwise by itself: the files compute what the model computes."""
from functools import partial

import numpy as np
import pytest
from exported_towers import IMAGES, ONNX_PACKAGES, exported, exported_together, named, run_tflite

from tensorpack.compat import tfv1 as tf

pytestmark = pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated:UserWarning")


def resized(method, size, x, **options):
    return getattr(tf.image, "resize_" + method)(x, size, **options)


RESIZED = {
    "area": partial(resized, "area", [5, 4]),
    "area, larger": partial(resized, "area", [9, 12]),
    "bicubic of old": partial(resized, "bicubic", [9, 12]),
    "bicubic, half pixel centers": partial(resized, "bicubic", [9, 12], half_pixel_centers=True),
    "bicubic, aligned corners": partial(resized, "bicubic", [9, 12], align_corners=True),
    "bilinear, 7 to 9": partial(resized, "bilinear", [9, 12]),
    "bilinear, half pixel centers": partial(resized, "bilinear", [9, 11], half_pixel_centers=True),
    "nearest, 7 to 9": partial(resized, "nearest_neighbor", [9, 12]),
}


@pytest.fixture(scope="module")
def resized_by_onnx(tmp_path_factory):
    return exported_together(tmp_path_factory.mktemp("resized"), RESIZED, IMAGES, has_batch=True)


@ONNX_PACKAGES
@pytest.mark.parametrize("name", RESIZED)
def test_onnx_resizes_as_tensorflow_does(resized_by_onnx, name):
    got, expected = resized_by_onnx[name]
    np.testing.assert_allclose(got, expected, atol=1e-5)


LONGEST = np.arange(41, dtype="float32").reshape(1, -1, 1, 1)


def nearest(sizes, x):
    return resized("nearest_neighbor", [sizes[1], 1], x[:, :sizes[0]])


SIZES = [(7, 9), (14, 18), (6, 8), (3, 41), (10, 7), (41, 12)]


@pytest.fixture(scope="module")
def nearest_by_onnx(tmp_path_factory):
    functions = {sizes: partial(nearest, sizes) for sizes in SIZES}
    return exported_together(tmp_path_factory.mktemp("nearest"), functions, LONGEST, has_batch=True)


@ONNX_PACKAGES
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_onnx_takes_the_nearest_pixel_that_tensorflow_takes(nearest_by_onnx, sizes):
    got, expected = nearest_by_onnx[sizes]
    assert got.shape == (1, sizes[1], 1, 1)
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("name", [name for name in RESIZED if name.startswith(("area", "bicubic"))])
def test_tflite_resizes_by_areas_and_cubes(tmp_path, name):
    path, expected = exported(tmp_path, "tflite", named(RESIZED[name]), IMAGES)
    for image, wanted in zip(IMAGES, expected):
        np.testing.assert_allclose(run_tflite(path, image[np.newaxis]), wanted[np.newaxis], atol=1e-5)
