"""Exports have the inputs that an output depends on, and nothing that is too large for one file."""
import importlib.util
import json
import os
from functools import partial

import numpy as np
import pytest
from inference_towers import IMAGE, SIGNATURE, load_graph_def, network, of

from tensorpack._cli import export_model
from tensorpack.compat import tfv1 as tf
from tensorpack.predict import OfflinePredictor, PredictConfig
from tensorpack.tfutils import _inference
from tensorpack.tfutils._export import freeze, frozen_model
from tensorpack.tfutils._export.large import LargeVariable
from tensorpack.tfutils.export import ExportMismatch, ModelExporter
from tensorpack.tfutils.sessinit import DictRestore

pytestmark = pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated:UserWarning")


def inputs_of_serving(exporter, path):
    exporter.export_serving(path)
    with tf.Graph().as_default(), tf.Session() as sess:
        signatures = tf.saved_model.loader.load(sess, ["serve"], path).signature_def
    assert sorted(signatures["prediction_pipeline"].inputs) == [each + ":0" for each in sorted(
        signatures["serving_default"].inputs)]
    return list(signatures["prediction_pipeline"].inputs)


def inputs_of_compact(exporter, path, optimize=True):
    exporter.export_compact(path, optimize=optimize)
    with open(path + ".json") as f:
        described = [each["name"] for each in json.load(f)["inputs"]]
    placeholders = [node.name + ":0" for node in load_graph_def(path).node if node.op.startswith("Placeholder")]
    assert set(placeholders) <= set(described)
    return described


def inputs_of_tflite(exporter, path):
    exporter.export_tflite(path)
    return [each["name"] + ":0" for each in tf.lite.Interpreter(model_path=path).get_input_details()]


def inputs_of_onnx(exporter, path):
    import onnx

    exporter.export_onnx(path)
    return [each.name for each in onnx.load(path).graph.input]


FORMATS = pytest.mark.parametrize("inputs_of", [
    inputs_of_serving, inputs_of_compact, lambda exporter, path: inputs_of_compact(exporter, path, False), inputs_of_tflite,
    pytest.param(inputs_of_onnx, marks=pytest.mark.skipif(
        not all(map(importlib.util.find_spec, ["tf2onnx", "onnx"])), reason="pip install tf2onnx")),
], ids=["serving", "compact", "frozen-only", "tflite", "onnx"])


@FORMATS
def test_an_input_on_which_no_output_depends_is_left_out_and_said(tmp_path, inputs_of, log_records):
    exporter = ModelExporter(of(network, ["prob"], ["label", "image"], SIGNATURE))
    assert inputs_of(exporter, str(tmp_path / "model")) == ["image:0"]
    assert exporter.input_names == ["image"]
    assert any("'label'" in r.getMessage() and "left out" in r.getMessage() for r in log_records)


def by_control_edge(image, label):
    with tf.control_dependencies([label]):
        tf.multiply(image, 2., name="y")


def itself(image, label):
    tf.multiply(image, 2., name="y")


def inner(image, label):
    x = tf.multiply(image, 2., name="x")
    tf.add(x, 1., name="y")


@pytest.mark.parametrize("tower_func, names, outputs, expected", [
    (itself, ["image", "label"], ["y", "label"], ["image:0", "label:0"]),
    (by_control_edge, ["image", "label"], ["y"], ["image:0", "label:0"]),
    (inner, ["image", "x"], ["y"], ["x:0"]),
    (inner, ["x", "image", "label"], ["x", "y"], ["x:0"]),
    (itself, ["label", "image"], ["y"], ["image:0"]),
], ids=["is-an-output", "control-edge", "behind-another-input", "fed-output", "order"])
def test_what_counts_as_needed(tmp_path, tower_func, names, outputs, expected):
    exporter = ModelExporter(of(tower_func, outputs, names, SIGNATURE))
    assert sorted(inputs_of_serving(exporter, str(tmp_path / "saved"))) == sorted(expected)
    assert [name + ":0" for name in exporter.input_names] == expected


def test_a_model_without_inputs_is_served(tmp_path):
    config = PredictConfig(tower_func=lambda image, label: tf.ones([2], name="y"), input_signature=SIGNATURE,
                           output_names=["y"])
    ModelExporter(config).export_serving(str(tmp_path / "saved"))
    with tf.Session() as sess:
        signature = tf.saved_model.loader.load(sess, ["serve"], str(tmp_path / "saved")).signature_def["serving_default"]
        assert dict(signature.inputs) == {} and sess.run(signature.outputs["y"].name).tolist() == [1, 1]
        assert signature.method_name == "tensorflow/serving/predict"


@pytest.mark.parametrize("method, description", [
    ("export_serving", "assets.extra/tensorpack.json"), ("export_compact", "../model.json")])
@pytest.mark.parametrize("use_resource", [False, True], ids=["reference", "resource"])
def test_a_variable_as_an_output_has_the_dtype_of_its_values(tmp_path, use_resource, method, description):
    def build(image, label):
        tf.get_variable("W", initializer=[1., 2.], use_resource=use_resource)
        tf.reduce_mean(image, name="y")

    path = str(tmp_path / "model")
    getattr(ModelExporter(of(build, ["W", "y"], signature=SIGNATURE)), method)(path)
    with open(os.path.normpath(os.path.join(path, description))) as f:
        assert [each["dtype"] for each in json.load(f)["outputs"]] == ["float32", "float32"]


MODEL = '''
from tensorpack import *

class Model(ModelDesc):
    def inputs(self):
        return [tfv1.TensorSpec((None, 2), tfv1.float32, "x"), tfv1.TensorSpec((None,), tfv1.int32, "label")]

    def build_graph(self, x, label):
        tfv1.matmul(x, tfv1.get_variable("W", [2, 2]), name="y")
        tfv1.identity(label, name="copied")
'''


def test_the_tool_says_what_the_file_has(tmp_path, capsys):
    (tmp_path / "model.py").write_text(MODEL)
    np.savez(str(tmp_path / "m.npz"), W=np.ones((2, 2), "float32"))
    path = str(tmp_path / "out")
    assert export_model.main([str(tmp_path / "m.npz"), str(tmp_path / "model.py") + ":Model", path, "--outputs", "y"]) == 0
    assert capsys.readouterr().out == "Serving model is written to {}: x -> y\n".format(path)


# ---- the limit of GraphDef


def large(use_resource, num_variables=1, constant=False, known=True):
    """A network with 40,000 bytes of weights."""
    def build(image, label):
        total = tf.reduce_sum(image)
        for i in range(num_variables):
            shape = [10000 // num_variables]
            if constant:
                w = tf.constant(np.random.rand(*shape).astype("float32"))
            else:
                with tf.variable_scope("", use_resource=use_resource):
                    w = tf.get_variable("w{}".format(i), shape if known else None, validate_shape=known,
                                        initializer=tf.random_uniform_initializer() if known else np.random.rand(*shape))
            total += tf.reduce_sum(tf.cast(w, tf.float32))
        tf.identity(total, name="y")

    return PredictConfig(tower_func=build, input_signature=SIGNATURE, output_names=["y"])


ONNX_PACKAGES = pytest.mark.skipif(not all(map(importlib.util.find_spec, ["tf2onnx", "onnxruntime"])),
                                   reason="pip install tf2onnx onnxruntime")


@pytest.mark.parametrize("config", [
    large(False), large(True), large(True, num_variables=10), large(False, constant=True), large(False, known=False),
], ids=["reference", "resource", "many", "constant", "unknown-shape"])
@pytest.mark.parametrize("method", ["export_compact", "export_tflite"])
def test_a_graph_that_is_too_large_says_its_size_and_what_to_use(tmp_path, monkeypatch, config, method):
    monkeypatch.setattr(freeze, "_GRAPH_DEF_LIMIT", 40000)
    with pytest.raises(ValueError, match=method + ".*smaller than 2 GB.*got 0.00 GB.*export_serving") as e:
        getattr(ModelExporter(config), method)(str(tmp_path / "model"))
    assert "control flow" not in str(e.value)
    assert not (tmp_path / "model").exists()


@ONNX_PACKAGES
def test_constants_beyond_the_limit_have_no_place_in_onnx_either(tmp_path, monkeypatch):
    monkeypatch.setattr(freeze, "_GRAPH_DEF_LIMIT", 40000)
    with pytest.raises(ValueError, match="export_onnx.*smaller than 2 GB"):
        ModelExporter(large(False, constant=True)).export_onnx(str(tmp_path / "model"))
    assert os.listdir(str(tmp_path)) == []


def network_with_table(use_resource, word):
    with tf.variable_scope("", use_resource=use_resource):
        table = tf.get_variable("table", [5000, 2], initializer=tf.random_uniform_initializer())
        matrix = tf.get_variable("matrix", [2, 700], initializer=tf.random_uniform_initializer())
        small = tf.get_variable("small", [700], initializer=tf.random_uniform_initializer())
    tf.add(tf.matmul(tf.nn.embedding_lookup(table, word), matrix), small, name="y")


@ONNX_PACKAGES
@pytest.mark.parametrize("use_resource", [False, True], ids=["reference", "resource"])
def test_onnx_keeps_the_largest_weights_in_a_file_beside_it(tmp_path, monkeypatch, use_resource):
    import onnxruntime

    monkeypatch.setattr(freeze, "_GRAPH_DEF_LIMIT", 11000)
    signature = [tf.TensorSpec([None], tf.int32, "word")]
    config = of(partial(network_with_table, use_resource), ["y"], ["word"], signature)
    path = str(tmp_path / "model.onnx")
    for _ in range(2):  # the second replaces the first, whose weights go
        ModelExporter(config).export_onnx(path, overwrite=True)
        with open(path + ".json") as f:
            description = json.load(f)
        assert sorted(os.listdir(str(tmp_path))) == sorted(["model.onnx", "model.onnx.json", description["external_data"]])
    assert os.path.getsize(str(tmp_path / description["external_data"])) == 65536 + 5600 and os.path.getsize(path) < 11000
    assert [each["name"] for each in description["inputs"]] == ["word:0"]
    assert description["verified"]["engines"]["onnxruntime"]["worst_difference"] < 1e-5
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    words = np.int32([0, 4999, 7])
    with OfflinePredictor(config) as predictor:
        np.testing.assert_allclose(session.run(["y:0"], {"word:0": words})[0], predictor(words)[0], rtol=1e-5)


@ONNX_PACKAGES
def test_a_refused_export_with_weights_beside_it_leaves_the_old_one(tmp_path, monkeypatch):
    monkeypatch.setattr(freeze, "_GRAPH_DEF_LIMIT", 11000)
    config = of(partial(network_with_table, True), ["y"], ["word"], [tf.TensorSpec([None], tf.int32, "word")])
    ModelExporter(config).export_onnx(str(tmp_path / "m"))
    before = {name: (tmp_path / name).read_bytes() for name in os.listdir(str(tmp_path))}
    monkeypatch.setattr(LargeVariable, "num_bytes", property(lambda self: int(np.prod(self.shape)) * 4 - 4))
    with pytest.raises(ExportMismatch, match="ONNX Runtime must run the file"):
        ModelExporter(config).export_onnx(str(tmp_path / "m"), overwrite=True)
    assert before == {name: (tmp_path / name).read_bytes() for name in os.listdir(str(tmp_path))}


def test_the_size_is_known_before_variables_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(freeze, "_GRAPH_DEF_LIMIT", 40000)
    monkeypatch.setattr(frozen_model, "freeze", lambda *args: pytest.fail("has begun"))
    with pytest.raises(ValueError, match="smaller than 2 GB"):
        ModelExporter(large(True)).export_compact(str(tmp_path / "model"))


def test_what_fits_is_exported(tmp_path, monkeypatch):
    monkeypatch.setattr(freeze, "_GRAPH_DEF_LIMIT", 60000)
    ModelExporter(large(True)).export_compact(str(tmp_path / "model"))
    assert load_graph_def(str(tmp_path / "model")).node


def of_bytes(image):
    network(tf.cast(image, tf.float32) / 255, tf.zeros([tf.shape(image)[0]], tf.int32))


def of_floats(image):
    network(image / 255, tf.zeros([tf.shape(image)[0]], tf.int32))


@pytest.mark.parametrize("tower, dtype, first", [(of_floats, "float32", "image"), (of_bytes, "uint8", "Cast")],
                         ids=["float32", "uint8 from its cast on"])
def test_opencv_reads_a_frozen_graph_whose_input_is_a_float32_batch_of_images(tmp_path, tower, dtype, first):
    cv2 = pytest.importorskip("cv2")
    path = str(tmp_path / "frozen.pb")
    image = np.random.RandomState(0).randint(0, 256, (2, 8, 8, 3)).astype(dtype)
    config = of(tower, ["prob"], signature=[tf.TensorSpec((None, 8, 8, 3), dtype, "image")])
    with OfflinePredictor(config) as predictor:
        expected, = predictor(image)
    config.input_names = [first]
    ModelExporter(config).export_compact(path)
    net = cv2.dnn.readNetFromTensorflow(path)
    net.setInput(np.ascontiguousarray(image.transpose(0, 3, 1, 2), "float32"))
    np.testing.assert_allclose(net.forward("prob"), expected, atol=1e-5)


# ---- large variables have one value at a time


def with_initial_value(image):
    """`large` cannot be initialised; `doubled`, where it is wanted, takes its initial value from `other`."""
    with tf.variable_scope("", use_resource=True):
        def refused(shape, dtype, partition_info=None):
            with tf.control_dependencies([tf.debugging.assert_equal(tf.placeholder_with_default(1, []), 2)]):
                return tf.zeros(shape, dtype)

        large = tf.get_variable("large", [100], initializer=refused)
        other = tf.get_variable("other", [100], initializer=tf.ones_initializer())
        with tf.control_dependencies([other.initializer]):
            twice = other.read_value() * 2
        doubled = tf.get_variable("doubled", initializer=twice)
    tf.identity(tf.reduce_sum(image) * 0 + large[0] + other[0] + doubled[0], name="y")


def test_a_large_variable_that_is_loaded_gets_no_initial_value(tmp_path, monkeypatch):
    monkeypatch.setattr(_inference, "_LARGE", 400)
    loaded = {"large": np.full(100, 7, "float32"), "other": np.full(100, 3, "float32")}
    config = PredictConfig(tower_func=with_initial_value, input_signature=SIGNATURE[:1], output_names=["y"],
                           session_init=DictRestore(loaded), allow_missing=["doubled"])
    with OfflinePredictor(config) as predictor:
        assert predictor(IMAGE)[0] == 7 + 3 + 2
    ModelExporter(config).export_serving(str(tmp_path / "saved"))
    monkeypatch.setattr(_inference, "_LARGE", 401)
    with pytest.raises(tf.errors.InvalidArgumentError):
        OfflinePredictor(config)
