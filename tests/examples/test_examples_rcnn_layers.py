"""examples/FasterRCNN: gradients that layers define themselves, and regions where there are none, also when exported."""
from importlib.util import find_spec

import numpy as np
import pytest
from rcnn_program import rcnn_program

from tensorpack import ModelDesc, OfflinePredictor, PredictConfig, SmartInit, TowerContext
from tensorpack import tfv1 as tf
from tensorpack.predict import ExportedPredictor
from tensorpack.tfutils.export import ModelExporter

pytest.importorskip("cv2")
pytest.importorskip("pycocotools")
LAYOUTS = ["channels_last", "channels_first"]


@pytest.mark.parametrize("data_format", LAYOUTS)
def test_gradient_of_group_norm_is_that_of_its_operations(data_format):
    rng = np.random.RandomState(0)
    image, wanted = (rng.randn(2, 5, 7, 64).astype("float32") * 3 + 1 for _ in range(2))
    with rcnn_program(["DATA_FORMAT=" + data_format]) as program, tf.Graph().as_default(), TowerContext("", is_training=True):
        layer, layout = program["modeling.group_norm"], program["modeling.layout"]
        x, wanted = (layout.from_channels_last(tf.constant(each)) for each in (image, wanted))
        ours = layer.GroupNorm("gn", x, gamma_initializer=tf.random_uniform_initializer(0.5, 2, seed=1))
        variables = [ours.variables.gamma, ours.variables.beta]
        plain, _ = layer.normalize_groups(x, *variables, 32)
        parameters = [x] + variables
        with tf.Session() as sess:
            sess.run(tf.global_variables_initializer())
            found, expected = sess.run([[y] + tf.gradients(y, parameters, wanted) for y in (ours, plain)])
    for one, other in zip(found, expected):
        assert one.shape == other.shape and abs(one - other).max() <= 1e-6 * abs(other).max()


@pytest.mark.parametrize("data_format", LAYOUTS)
def test_region_features_are_means_of_four_samples(data_format):
    """For a map that is prepared or not, for some boxes and for none."""
    rng = np.random.RandomState(0)
    image = rng.randn(1, 9, 12, 8).astype("float32")
    some = np.array([[-1, -1, 13, 10], [1, 2, 5, 4.5], [3, 3, 3, 3]], dtype="float32")
    with rcnn_program(["DATA_FORMAT=" + data_format]) as program, tf.Graph().as_default():
        box, layout = program["modeling.model_box"], program["modeling.layout"]
        features, boxes = layout.from_channels_last(tf.constant(image)), tf.placeholder(tf.float32, [None, 4])
        raw = layout.to_channels_last(box.roi_align(features, boxes, 7))
        prepared = layout.to_channels_last(box.roi_align(box.map_for_roi_align(features), boxes, 7, is_prepared=True))
        samples = box.crop_and_resize(tf.constant(image), boxes, tf.zeros([tf.shape(boxes)[0]], tf.int32), 14)
        gradient, = tf.gradients(tf.square(raw), features)
        with tf.Session() as sess:
            found, same, each = sess.run([raw, prepared, samples], {boxes: some})
            of_none, without = sess.run([raw, gradient], {boxes: some[:0]})
            with_some = sess.run(gradient, {boxes: some})
    assert (found == same).all() and raw.shape.as_list() == [None, 7, 7, 8]
    np.testing.assert_allclose(found, each.reshape(3, 7, 2, 7, 2, 8).mean(axis=(2, 4)), atol=1e-6)
    assert of_none.shape == (0, 7, 7, 8) and not without.any() and with_some.any()


class Regions(ModelDesc):
    """Features and masks of boxes on a pyramid, small ones from the first level and large ones from others."""

    def __init__(self, program):
        self.program = program

    def inputs(self):
        return [tf.TensorSpec((None, None, 8), tf.float32, "map"), tf.TensorSpec((None, 4), tf.float32, "boxes")]

    def build_graph(self, image, boxes):
        pyramid = [image[tf.newaxis, ::k, ::k] for k in (1, 2, 4, 8)]
        features = self.program["modeling.model_fpn"].multilevel_roi_align(pyramid, boxes, 14)
        masks = self.program["modeling.model_mrcnn"].maskrcnn_up4conv_head("maskrcnn", features, 4)
        tf.identity(masks, name="masks")
        tf.identity(features, name="features")


SMALL = np.array([[3, 4, 30, 40], [10, 10, 60, 90]], dtype="float32")
LARGE = np.array([[0, 0, 180, 150], [20, 10, 500, 450], [0, 0, 900, 900]], dtype="float32")


@pytest.mark.slow_on(1)
@pytest.mark.parametrize("engine", ["onnxruntime", pytest.param("openvino", marks=pytest.mark.slow)])
def test_an_exported_file_takes_levels_without_boxes(tmp_path, engine):
    if not all(find_spec(package) for package in ("tf2onnx", engine)):  # whose import would start OpenVINO's telemetry
        pytest.skip("needs tf2onnx and " + engine)
    image, path = np.random.RandomState(0).rand(40, 48, 8).astype("float32"), str(tmp_path / "regions.onnx")
    with rcnn_program(["DATA_FORMAT=channels_last", "MRCNN.HEAD_DIM=4"]) as program:
        model = Regions(program)
        config = PredictConfig(model=model, input_names=["map", "boxes"], output_names=["features", "masks"],
                               session_init=SmartInit(program.shapes.random_weights(model)))
        ModelExporter(config).export_onnx(path, example=[image, SMALL])
        with OfflinePredictor(config) as network, ExportedPredictor(path, engine) as exported:
            # old versions of OpenVINO take no empty inputs
            for boxes in (np.concatenate([LARGE, SMALL]), SMALL) + (() if engine == "openvino" else (SMALL[:0],)):
                for expected, found in zip(network(image, boxes), exported(image, boxes)):
                    assert found.shape == expected.shape and np.allclose(found, expected, atol=1e-5)
