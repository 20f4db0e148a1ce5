"""Boxes that are chosen, and cut out of images, in files of other formats: as the model does it."""
import importlib.util
from functools import partial

import numpy as np
import pytest
from exported_towers import IMAGES, ONNX_PACKAGES, exported, run_onnx, run_tflite
from slow_tests import few_on

from tensorpack.compat import VERSION
from tensorpack.compat import tfv1 as tf
from tensorpack.predict import ExportedPredictor

pytestmark = pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated:UserWarning")


def chosen_boxes(x, with_threshold=False):
    """Indices of few boxes that do not overlap."""
    threshold = dict(score_threshold=.5) if with_threshold else {}
    tf.identity(tf.image.non_max_suppression(x[:, :4], x[:, 4], 10, .3, **threshold), name="y")


BOXES = np.float32([[0, 0, 2, 2, .9], [0, 0, 2, 2.1, .8], [5, 5, 8, 8, .95], [5, 5, 8, 8.2, .3], [20, 20, 22, 22, .2]])
BOX_TOWERS = {"all": chosen_boxes, "above a score": partial(chosen_boxes, with_threshold=True)}


@pytest.mark.skipif(VERSION < (2, 0), reason="the converter of TF 1.15 refuses it")
@pytest.mark.parametrize("name", BOX_TOWERS)
def test_tflite_gives_the_boxes_that_are_left_and_no_more(tmp_path, name):
    path, expected = exported(tmp_path, "tflite", BOX_TOWERS[name], BOXES, batch=5)
    assert len(expected) < 5
    np.testing.assert_array_equal(run_tflite(path, BOXES), expected)


@ONNX_PACKAGES
@pytest.mark.parametrize("name", BOX_TOWERS)
def test_onnx_gives_the_boxes_that_are_left_and_no_more(tmp_path, name):
    path, expected = exported(tmp_path, "onnx", BOX_TOWERS[name], BOXES, batch=5)
    np.testing.assert_array_equal(run_onnx(path, BOXES), expected)


def cropped(x, size=(3, 4), dtype="float32", **options):
    images = tf.constant((IMAGES * 200).astype(dtype))
    tf.identity(tf.image.crop_and_resize(images, x[:, :4], box_indices=tf.cast(x[:, 4], tf.int32), crop_size=size,
                                         **options), name="y")


# y1, x1, y2, x2, index of the image: within it, around it, mirrored, a point, outside
CROPS = np.float32([[.1, .2, .7, .9, 0], [-.3, -.2, 1.4, 1.2, 1], [.87, .77, .22, .13, 0], [.5, .5, .5, .5, 1],
                    [2, 2, 3, 3, 0]])
CROPPED = {
    "bilinear": cropped,
    "nearest": partial(cropped, method="nearest"),
    "another value outside": partial(cropped, extrapolation_value=7.),
    "one sample": partial(cropped, size=(1, 1)),
    "bytes": partial(cropped, dtype="uint8"),
}


@ONNX_PACKAGES
@pytest.mark.parametrize("name", few_on(1, CROPPED, each=4))
def test_onnx_crops_and_resizes_as_tensorflow_does(tmp_path, name):
    path, expected = exported(tmp_path, "onnx", CROPPED[name], CROPS)
    np.testing.assert_allclose(run_onnx(path, CROPS), expected, atol=1e-4)


@pytest.mark.skipif(VERSION >= (2, 0), reason="that of TF 2 has operations for it")
def test_the_tflite_converter_of_old_refuses_crops_by_name(tmp_path):
    with pytest.raises(ValueError, match="got none for .*CropAndResize"):
        exported(tmp_path, "tflite", cropped, CROPS, batch=5)


@pytest.mark.skipif(VERSION < (2, 0), reason="the converter of TF 1.15 refuses it")
@pytest.mark.parametrize("name", CROPPED)
def test_tflite_crops_and_resizes_as_tensorflow_does(tmp_path, name):
    path, expected = exported(tmp_path, "tflite", CROPPED[name], CROPS, batch=5)
    np.testing.assert_allclose(run_tflite(path, CROPS), expected, atol=1e-4)


@ONNX_PACKAGES
@pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="pip install openvino")
def test_openvino_reads_crops_of_computed_boxes(tmp_path):
    path, expected = exported(tmp_path, "onnx", cropped, CROPS)
    with ExportedPredictor(path, "openvino") as predictor:
        np.testing.assert_allclose(predictor(CROPS)[0], expected, atol=1e-4)
