"""Exports prove themselves: what is compared, with which inputs, and what happens when a file computes something else."""
import importlib.util
import json
import os

import numpy as np
import pytest
from failing_engine import Failing
from inference_towers import IMAGE, SIGNATURE, conv, network, of
from told import messages

from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils import export
from tensorpack.tfutils._engines import process
from tensorpack.tfutils._engines.onnx_runtime import OnnxRuntimeEngine
from tensorpack.tfutils._export import convert
from tensorpack.tfutils._export._proof import verify
from tensorpack.tfutils._export._proof.compare import difference
from tensorpack.tfutils.export import ExportMismatch, ModelExporter

ONNX_PACKAGES = pytest.mark.skipif(not all(map(importlib.util.find_spec, ["tf2onnx", "onnxruntime"])),
                                   reason="pip install tf2onnx onnxruntime")
EVERY_FORMAT = pytest.mark.parametrize("kind", ["compact", "serving", "tflite", pytest.param("onnx", marks=ONNX_PACKAGES)])
ENGINES = {"compact": "tensorflow", "serving": "tensorflow", "tflite": "litert", "onnx": "onnxruntime"}


def spec(name, dtype, *shape):
    return tf.TensorSpec(shape, dtype, name)


def verified(path):
    path = os.path.join(path, "assets.extra", "tensorpack.json") if os.path.isdir(path) else path + ".json"
    with open(path) as f:
        return json.load(f)["verified"]


def config_of(tower, signature, outputs=("y",)):
    return of(tower, outputs, [each.name for each in signature], signature)


# ---- what is written


@EVERY_FORMAT
def test_the_json_tells_engine_version_and_difference(tmp_path, kind):
    path = str(tmp_path / "model")
    getattr(ModelExporter(of(network, ["prob"], signature=SIGNATURE)), "export_" + kind)(path)
    (name, proof), = verified(path)["engines"].items()
    assert name == ENGINES[kind] and proof["version"][0].isdigit()
    assert 0 <= proof["worst_difference"] < 1e-4


@EVERY_FORMAT
def test_nothing_is_run_when_not_wanted(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(verify, "run_engine", lambda *args: pytest.fail("has run"))
    path = str(tmp_path / "model")
    getattr(ModelExporter(of(network, ["prob"], signature=SIGNATURE)), "export_" + kind)(path, verify=False)
    assert verified(path) == {} and os.listdir(str(tmp_path)) in (["model"], ["model", "model.json"], ["model.json", "model"])


@ONNX_PACKAGES
def test_without_the_engine_a_warning_says_that_nothing_is_proven(tmp_path, monkeypatch, log_records):
    monkeypatch.setattr(OnnxRuntimeEngine, "modules", ("no_such_package",))
    ModelExporter(of(network, ["prob"], signature=SIGNATURE)).export_onnx(str(tmp_path / "model"))
    warned = [words for words in messages(log_records, "WARNING") if "proven" in words]
    assert len(warned) == 1 and "ONNX Runtime is not installed; pip install onnxruntime" in warned[0]
    assert verified(str(tmp_path / "model")) == {}


# ---- a file that computes something else


def deep(image):
    x = tf.nn.relu(conv("first", image), name="second")
    x = tf.identity(tf.sigmoid(x, name="third"), name="fourth")
    y = tf.nn.relu(conv("side", image), name="branch")
    tf.reduce_mean(tf.add(x, y, name="sum"), [1, 2], name="y")


def wrong_at(graph_def, op_type, change):
    """A converter's fault: another operation for each of a type."""
    wrong = tf.GraphDef.FromString(graph_def.SerializeToString())
    for node in wrong.node:
        if node.op == op_type:
            change(node)
    return wrong


def to_tanh(node):
    node.op = "Tanh"


@pytest.mark.parametrize("kind", ["tflite", pytest.param("onnx", marks=ONNX_PACKAGES)])
def test_a_difference_is_refused_with_the_first_operation_and_the_old_file_stays(tmp_path, monkeypatch, kind):
    right = convert._prepared
    monkeypatch.setattr(convert, "_prepared", lambda who, model: wrong_at(right(who, model), "Sigmoid", to_tanh))
    path = tmp_path / "model"
    path.write_text("mine")
    with pytest.raises(ExportMismatch, match="output 'y:0' differs: by up to 0.*first operation that differs is 'third' "
                                             r"\(Sigmoid\).*nothing is written.*verify=False") as e:
        getattr(ModelExporter(of(deep)), "export_" + kind)(str(path), overwrite=True)
    assert e.value.operation == "third" and .01 < e.value.differences["y:0"] < 1
    assert path.read_text() == "mine" and os.listdir(str(tmp_path)) == ["model"]
    getattr(ModelExporter(of(deep)), "export_" + kind)(str(path), overwrite=True, verify=False)
    assert len(path.read_bytes()) > 500


def test_a_fault_of_freezing_is_found_too(tmp_path, monkeypatch):
    right = export.frozen_model

    def wrong(*args):
        model = right(*args)
        return model._replace(graph_def=wrong_at(model.graph_def, "Sigmoid", to_tanh))

    monkeypatch.setattr(export, "frozen_model", wrong)
    with pytest.raises(ExportMismatch, match="TensorFlow .* the first operation that differs is 'third'"):
        ModelExporter(of(deep)).export_compact(str(tmp_path / "model"))
    assert os.listdir(str(tmp_path)) == []


def test_another_saved_model_is_refused_and_the_old_directory_stays(tmp_path, monkeypatch):
    path = tmp_path / "saved"
    path.mkdir()
    (path / "old").write_text("mine")
    write = export.compat.write_saved_model

    def scaled(directory, sess, *args):
        for variable in sess.graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES):
            variable.load(sess.run(variable) * 2, sess)
        write(directory, sess, *args)
        for variable in sess.graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES):
            variable.load(sess.run(variable) / 2, sess)

    monkeypatch.setattr(export.compat, "write_saved_model", scaled)
    with pytest.raises(ExportMismatch, match="export_serving: .*output 'y:0' differs"):
        ModelExporter(of(deep)).export_serving(str(path), overwrite=True)
    assert os.listdir(str(path)) == ["old"] and os.listdir(str(tmp_path)) == ["saved"]


# ---- engines that fail


@pytest.mark.parametrize("fault, words", [
    ("crash", "process of The engine crashed by SIGSEGV"), ("hang", "The engine did not end within 5 seconds"),
    ("refuse", "no such operation"), ("leave", "process of The engine ended with status 3")])
def test_an_engine_that_fails_in_its_process_is_an_error(tmp_path, monkeypatch, new_interpreters, fault, words):
    monkeypatch.setattr(process, "TIME_LIMIT", 5.)
    path = tmp_path / "model"
    path.write_text(fault)
    with pytest.raises(process.EngineError, match=words):
        process.run_in_process(Failing, str(path), [[np.float32([1, 2])]])


def test_what_an_engine_computes_in_its_process_comes_back(tmp_path):
    (tmp_path / "model").write_text("nothing")
    run = process.run_in_process(Failing, str(tmp_path / "model"), [[np.float32([1, 2])], [np.float32([])]])
    assert [result[0].tolist() for result in run.results] == [[2, 4], []] and run.version == np.__version__


def test_the_process_of_an_engine_imports_no_tensorflow(tmp_path, new_interpreters):
    (tmp_path / "model").write_text("modules")
    with pytest.raises(process.EngineError, match="loaded: none"):
        process.run_in_process(Failing, str(tmp_path / "model"), [[np.float32([1, 2])]])


# ---- which inputs, and which outputs


def examples_used(monkeypatch):
    """A list that the examples come into which exports are tried with."""
    seen = []
    run = verify.run_engine

    def run_and_keep(engine, path, examples):
        seen.extend(examples)
        return run(engine, path, examples)

    monkeypatch.setattr(verify, "run_engine", run_and_keep)
    return seen


def test_examples_have_several_batches_odd_sizes_and_negative_integers(tmp_path, monkeypatch):
    def tower(picture, number, raw, flag):
        y = tf.reduce_mean(tf.nn.relu(conv("conv", picture)), [1, 2, 3])
        tf.add_n([y, tf.cast(number, tf.float32), tf.reduce_sum(tf.cast(raw, tf.float32), 1), tf.cast(flag, tf.float32)], "y")

    signature = [spec("picture", "float32", None, None, None, 3), spec("number", "int32", None), spec("raw", "uint8", None, 4),
                 spec("flag", "bool", None)]
    config = config_of(tower, signature)
    seen = examples_used(monkeypatch)
    ModelExporter(config).export_compact(str(tmp_path / "model"))
    shapes = [example[0].shape for example in seen]
    assert len({shape[0] for shape in shapes}) >= 3 and all(size % 2 for shape in shapes for size in shape[1:])
    assert all(example[0].shape[0] == len(example[1]) == len(example[2]) == len(example[3]) for example in seen)
    assert min(example[1].min() for example in seen) < 0 and max(example[2].max() for example in seen) > 127


def test_indices_stay_within_their_table(tmp_path, monkeypatch):
    def tower(word):
        with tf.variable_scope("", use_resource=True):
            table = tf.get_variable("table", [3, 2])
        tf.identity(tf.nn.embedding_lookup(table, tf.cast(word, tf.int64)), name="y")

    config = config_of(tower, [spec("word", "int32", None)])
    seen = examples_used(monkeypatch)
    ModelExporter(config).export_compact(str(tmp_path / "model"))
    assert len(seen) == 3 and all(0 <= example[0].min() <= example[0].max() < 3 for example in seen)


def test_images_in_files_are_drawn_as_jpegs(tmp_path):
    def tower(file):
        image = tf.map_fn(lambda x: tf.ensure_shape(tf.image.decode_jpeg(x, channels=3), [8, 8, 3]), file, tf.uint8)
        tf.reduce_mean(tf.cast(image, tf.float32), [1, 2], name="y")

    path = str(tmp_path / "model")
    ModelExporter(config_of(tower, [spec("file", "string", None)])).export_compact(path)
    assert set(verified(path)["engines"]) == {"tensorflow"}


def particular(number):
    with tf.control_dependencies([tf.debugging.assert_equal(number, 12345)]):
        tf.identity(number * 2, name="y")


def test_a_model_that_refuses_drawn_inputs_is_exported_unproven(tmp_path, log_records):
    config = config_of(particular, [spec("number", "int32", None)])
    ModelExporter(config).export_compact(str(tmp_path / "model"))
    warned = [words for words in messages(log_records, "WARNING") if "proven" in words]
    assert len(warned) == 1 and "example=" in warned[0] and "'number'" in warned[0]
    assert verified(str(tmp_path / "model")) == {}
    ModelExporter(config).export_compact(str(tmp_path / "model"), example=[[12345, 12345]])
    assert verified(str(tmp_path / "model"))["engines"]["tensorflow"]["worst_difference"] == 0


@pytest.mark.parametrize("example", [[IMAGE], (IMAGE, [1, 2]), {"image": IMAGE}], ids=["needed", "all", "dict"])
def test_an_example_is_given_in_any_form(tmp_path, example):
    ModelExporter(of(network, ["prob"], ["image", "label"], SIGNATURE)).export_compact(str(tmp_path / "m"), example=example)
    assert verified(str(tmp_path / "m"))["engines"]


@pytest.mark.parametrize("example, error, words", [
    ([IMAGE * np.nan], ValueError, "example for 'image' must be finite.*NaN equals nothing.*384 values"),
    ([IMAGE[:, :4]], ValueError, r"example for 'image' must have the shape .*8, 8, 3.*got \(2, 4, 8, 3\)"),
    ([IMAGE.astype("complex64")], ValueError, "must be float32; got complex64"),
    ([IMAGE, 1, 2], ValueError, "a value for each input, 'image'; got 3 values"),
    ({"x": IMAGE}, ValueError, "got none for 'image'"), (IMAGE, TypeError, "a list with an array for each of 'image'"),
], ids=["nan", "shape", "dtype", "number", "name", "array"])
def test_a_bad_example_is_refused_before_anything_is_written(tmp_path, example, error, words):
    with pytest.raises(error, match=words):
        ModelExporter(of(network, ["prob"], ["image", "label"], SIGNATURE)).export_compact(str(tmp_path / "m"), example=example)
    assert os.listdir(str(tmp_path)) == []


def random_output(image):
    tf.identity(image + tf.random_uniform([]), name="noisy")


def random_in_a_loop(image):
    tf.enable_control_flow_v2()
    try:
        result = tf.while_loop(lambda i, _: i < 2, lambda i, x: (i + 1, x + tf.random_normal([])), [0, image])
        tf.identity(result[1], name="noisy")
    finally:
        tf.disable_control_flow_v2()


def shuffled(image):
    tf.random_shuffle(image, name="noisy")


def dropped(image):
    tf.identity(tf.nn.dropout(image, rate=.5), name="noisy")


@pytest.mark.parametrize("tower", [random_output, random_in_a_loop, shuffled, dropped])
def test_random_outputs_are_not_compared_and_said(tmp_path, log_records, tower):
    def both(image):
        tf.identity(image * 2, name="steady")
        tower(image)

    ModelExporter(of(both, ["noisy", "steady"])).export_compact(str(tmp_path / "m"))
    said = [words for words in messages(log_records, "WARNING") if "not compared" in words]
    assert len(said) == 1 and "noisy" in said[0] and "steady" not in said[0]
    assert verified(str(tmp_path / "m"))["engines"]["tensorflow"]["worst_difference"] == 0


def test_an_output_that_changes_a_variable_is_not_compared(tmp_path, log_records):
    def tower(image):
        with tf.variable_scope("", use_resource=True):
            count = tf.get_variable("count", [], initializer=tf.zeros_initializer(), trainable=False)
        with tf.control_dependencies([tf.assign_add(count, 1.)]):
            tf.identity(image + count.read_value(), name="y")

    ModelExporter(of(tower)).export_serving(str(tmp_path / "saved"))
    assert [words for words in messages(log_records, "WARNING") if "not compared" in words]


# ---- how near is near enough


@pytest.mark.parametrize("got, wanted, words", [
    (np.float32([1, 2]), np.float32([1, 2.00001]), ""), (np.float32([1, 2]), np.float32([1, 2.1]), "by up to 0.1"),
    (np.float32([1e-9]), np.float32([2e-9]), "by up to"), (np.float32([0, 1000]), np.float32([.01, 1000]), ""),
    (np.float32([np.nan, 1]), np.float32([np.nan, 1]), ""), (np.float32([np.nan]), np.float32([1]), "by up to inf"),
    (np.float32([np.inf]), np.float32([np.inf]), ""), (np.float32([-np.inf]), np.float32([np.inf]), "by up to"),
    (np.int32([1, 2]), np.int32([1, 3]), "by up to 1"), (np.int64([1]), np.int32([1]), ""),
    (np.float32([1]), np.int32([1]), "dtype"), (np.float32([[1]]), np.float32([1]), "shape"),
    (np.array(["a", "b"], object), np.array([b"a", b"b"], object), ""),
    (np.array([b"a"], object), np.array([b"b"], object), "1 of 1 strings"), (np.array([True]), np.array([False]), "by up to 1"),
    (np.float16([1.]), np.float16([1.01]), ""), (np.float32(3), np.float32(4), "by up to 1"),
    (np.zeros([0, 3], "float32"), np.zeros([0, 3], "float32"), "")])
def test_differences(got, wanted, words):
    found = difference(got, wanted)
    assert bool(found) == bool(words) and words in found.words


def test_what_noise_of_the_last_digit_changes_need_not_be_equal():
    rounded = np.int32([1, 2, 3, 4])
    assert not difference(rounded, np.int32([1, 2, 3, 5]), lambda: [np.int32([1, 2, 4, 4])])
    assert difference(rounded, np.int32([1, 2, 3, 5]), lambda: [np.int32([1, 2, 3, 5])])
    assert not difference(np.float32([1.5]), np.float32([1]), lambda: [np.float32([1.1])])
    assert difference(np.float32([1.5]), np.float32([1]), lambda: [np.float32([1.0001])])


def test_pixels_that_rounding_moves_are_no_mismatch(tmp_path):
    def tower(raw):
        larger = tf.image.resize_bilinear(tf.cast(raw, tf.float32), [6, 10])
        tf.cast(larger * 1.0000001, tf.uint8, name="y")

    ModelExporter(config_of(tower, [spec("raw", "uint8", None, 3, 5, 1)])).export_tflite(str(tmp_path / "m"))
