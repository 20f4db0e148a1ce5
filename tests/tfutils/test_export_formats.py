"""TFLite and ONNX exports, and what graphs may hold in each format; run by plain TensorFlow, its interpreter, ONNX Runtime."""
import importlib.util
import json
import os
import sys
from functools import lru_cache

import numpy as np
import pytest
from inference_towers import IMAGE, IMAGE_ONLY, SIGNATURE, conv, load_graph_def, network, of, run_graph_def

from tensorpack.compat import VERSION
from tensorpack.compat import tfv1 as tf
from tensorpack.models import FullyConnected
from tensorpack.predict import OfflinePredictor, PredictConfig
from tensorpack.tfutils._export import convert
from tensorpack.tfutils.export import ModelExporter
from tensorpack.tfutils.sessinit import DictRestore

ONNX_PACKAGES = pytest.mark.skipif(not all(map(importlib.util.find_spec, ["tf2onnx", "onnxruntime"])),
                                   reason="pip install tf2onnx onnxruntime")
# TF 2.x announces that its interpreter will go; its successor is among the consumers
pytestmark = pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated:UserWarning")


def is_tf1():
    return VERSION < (2, 0)


# ---- running each format: functions from (path, {input: value}, outputs) to the list of values


def run_serving(path, feed, outputs):
    with tf.Graph().as_default(), tf.Session() as sess:
        signature = tf.saved_model.loader.load(sess, ["serve"], path).signature_def["prediction_pipeline"]
        return sess.run([signature.outputs[name].name for name in outputs],
                        {signature.inputs[name].name: value for name, value in feed.items()})


def run_compact(path, feed, outputs):
    with open(path + ".json") as f:
        first = json.load(f).get("run_first", [])
    return run_graph_def(load_graph_def(path), outputs, feed, first)


def run_tflite(path, feed, outputs):
    interpreter = tf.lite.Interpreter(model_path=path)
    details = {each["name"]: each for each in interpreter.get_input_details()}
    for name, value in feed.items():
        interpreter.resize_tensor_input(details[plain(name)]["index"], np.shape(value))
    interpreter.allocate_tensors()
    for name, value in feed.items():
        interpreter.set_tensor(details[plain(name)]["index"], value)
    interpreter.invoke()
    found = interpreter.get_output_details()
    assert [each["name"] for each in found] == [plain(name) for name in outputs]
    return [interpreter.get_tensor(each["index"]) for each in found]


def plain(name):
    return name[:-2] if name.endswith(":0") else name


def run_onnx(path, feed, outputs):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # no threads that a later test would fork
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    assert [each.name for each in session.get_outputs()] == list(outputs)
    return session.run(list(outputs), feed)


FORMATS = {
    "serving": (run_serving, lambda exporter, path: exporter.export_serving(path)),
    "compact": (run_compact, lambda exporter, path: exporter.export_compact(path)),
    "compact, frozen only": (run_compact, lambda exporter, path: exporter.export_compact(path, optimize=False)),
    "tflite": (run_tflite, lambda exporter, path: exporter.export_tflite(path)),
    "tflite, frozen only": (run_tflite, lambda exporter, path: exporter.export_tflite(path, optimize=False)),
    "onnx": (run_onnx, lambda exporter, path: exporter.export_onnx(path)),
}
EVERY_FORMAT = pytest.mark.parametrize("format_name", [
    pytest.param(name, marks=ONNX_PACKAGES) if name == "onnx" else name for name in FORMATS if name != "tflite, frozen only"])


# ---- what a graph may hold


def strings(word, number):
    tf.string_join([word, tf.as_string(number)], separator="-", name="y")


def table(number):
    entries = tf.lookup.KeyValueTensorInitializer(tf.constant([1, 2], tf.int64), tf.constant([10, 20], tf.int64))
    tf.identity(tf.lookup.StaticHashTable(entries, -1).lookup(number), name="y")


def loop(image):
    scale = tf.get_variable("scale", initializer=2.)
    y = tf.while_loop(lambda i, _: i < 3, lambda i, x: (i + 1, tf.identity(x * scale) + 1.), [0, image])[1]
    tf.identity(y, name="y")


def loop_of_functions(image):
    tf.enable_control_flow_v2()
    try:
        loop(image)
    finally:
        tf.disable_control_flow_v2()


def condition(image):
    tf.identity(tf.cond(tf.reduce_sum(image) > 0, lambda: image * 2., lambda: image - 1.), name="y")


def several_outputs(raw):
    tf.nn.top_k(tf.cast(raw, tf.float32) / 255., 2, name="best")
    tf.reduce_sum(tf.cast(raw, tf.int32), axis=1, name="sum")


def several_inputs(image, scale, index):
    tf.gather(tf.get_variable("offset", [5], initializer=tf.random_uniform_initializer()), index, name="chosen")
    tf.multiply(image, scale, name="scaled")


def unknown_sizes(picture):
    tf.reduce_mean(tf.nn.relu(conv("conv", picture)), [1, 2], name="y")


def resource_variables(image):
    with tf.variable_scope("", use_resource=True):
        tf.reduce_mean(tf.nn.relu(conv("conv", image)), [1, 2], name="y")


def reference_variables(image):
    with tf.variable_scope("", use_resource=False):
        tf.reduce_mean(tf.nn.relu(conv("conv", image)), [1, 2], name="y")


def default_value(image):
    factor = tf.placeholder_with_default(np.float32(3), [], name="factor")
    tf.multiply(image, factor, name="y")


def spec(name, dtype, *shape):
    return tf.TensorSpec(shape, dtype, name)


PICTURE = np.random.RandomState(1).rand(1, 6, 5, 3).astype("float32")
# tower, signature, values, outputs, {format: (words of the error on TF 1.15, on TF 2.x)}, None where it works
GRAPHS = [
    (strings, [spec("word", "string", None), spec("number", "int32", None)],
     [np.array(["a", "b"], object), np.int32([1, 2])], ["y:0"],
     {"tflite": ("StringJoin", "StringJoin"), "onnx": ("StringJoin", "StringJoin")}),
    (table, [spec("number", "int64", None)], [np.int64([1, 2, 3])], ["y:0"],
     {"tflite": ("lookup tables", "lookup tables"), "onnx": ("lookup tables", "lookup tables")}),
    (loop, IMAGE_ONLY, [IMAGE], ["y:0"], {"tflite": ("LoopCond", None)}),
    (loop_of_functions, IMAGE_ONLY, [IMAGE], ["y:0"], {"tflite": ("While", None)}),
    (condition, IMAGE_ONLY, [IMAGE], ["y:0"], {"tflite": ("Switch", None)}),
    (several_outputs, [spec("raw", "uint8", None, 4)], [np.uint8([[1, 255, 3, 51]])], ["best:0", "best:1", "sum:0"], {}),
    (several_inputs, IMAGE_ONLY + [spec("scale", "float32"), spec("index", "int32", None)],
     [IMAGE, np.array(3, "float32"), np.int32([4, 1])], ["scaled:0", "chosen:0"], {}),
    (unknown_sizes, [spec("picture", "float32", None, None, None, 3)], [PICTURE], ["y:0"],
     {"tflite": ("1st dimension", None)}),
    (resource_variables, IMAGE_ONLY, [IMAGE], ["y:0"], {}),
    (reference_variables, IMAGE_ONLY, [IMAGE], ["y:0"], {}),
    (default_value, IMAGE_ONLY, [IMAGE], ["y:0"], {}),
]


@lru_cache(maxsize=None)
def config_and_prediction(number):
    """Of a row of GRAPHS: a config, and what OfflinePredictor computes."""
    tower, signature, values, outputs, _ = GRAPHS[number]
    config = of(tower, outputs, [each.name for each in signature], signature)
    with OfflinePredictor(config) as predictor:
        predictor.sess.run(predictor.graph.get_collection(tf.GraphKeys.TABLE_INITIALIZERS))
        return config, predictor(*values)


@EVERY_FORMAT
@pytest.mark.parametrize("number", range(len(GRAPHS)), ids=[row[0].__name__ for row in GRAPHS])
def test_a_graph_is_exported_or_refused_clearly(tmp_path, format_name, number):
    _, signature, values, outputs, refused = GRAPHS[number]
    config, expected = config_and_prediction(number)
    run, export = FORMATS[format_name]
    path = str(tmp_path / "exported")
    words = refused.get(format_name, (None, None))[0 if is_tf1() else 1]
    if words is not None:
        with pytest.raises(ValueError, match=words):
            export(ModelExporter(config), path)
        assert os.listdir(str(tmp_path)) == []
        return
    export(ModelExporter(config), path)
    results = run(path, {each.name + ":0": value for each, value in zip(signature, values)}, outputs)
    for got, wanted in zip(results, expected):
        assert_same(got, wanted)


def assert_same(got, wanted):
    if np.asarray(wanted).dtype.kind == "f":
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)
    else:
        assert texts(got) == texts(wanted)


def texts(values):
    return [each.decode() if isinstance(each, bytes) else each for each in np.asarray(values).ravel().tolist()]


@EVERY_FORMAT
def test_variables_that_session_init_may_lack_have_their_initial_values(tmp_path, log_records, format_name):
    def build(image):
        with tf.variable_scope("", use_resource=True):
            extra = tf.get_variable("extra", initializer=10.)
        tf.add(image * tf.get_variable("factor", initializer=1.), extra, name="y")

    config = PredictConfig(tower_func=build, input_signature=IMAGE_ONLY, output_names=["y"],
                           session_init=DictRestore({"factor": np.float32(2)}), allow_missing="extra")
    run, export = FORMATS[format_name]
    export(ModelExporter(config), str(tmp_path / "exported"))
    assert_same(run(str(tmp_path / "exported"), {"image:0": IMAGE}, ["y:0"])[0], IMAGE * 2 + 10)
    assert any(r.levelname == "WARNING" and "extra" in r.getMessage() for r in log_records)


@EVERY_FORMAT
def test_nothing_of_an_export_stays_in_the_default_graph(tmp_path, format_name):
    FORMATS[format_name][1](ModelExporter(of(network, ["prob"], signature=SIGNATURE)), str(tmp_path / "exported"))
    assert tf.get_default_graph().get_operations() == []
    assert tf.zeros([]).device == ""


def vocabulary_config(path):
    def build(word):
        initializer = tf.lookup.TextFileInitializer(
            path, tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER)
        tf.identity(tf.lookup.StaticHashTable(initializer, -1).lookup(word), name="y")

    return PredictConfig(tower_func=build, input_signature=[spec("word", "string", None)], output_names=["y"],
                         session_init=DictRestore({}))


@pytest.mark.parametrize("optimize", [False, True], ids=["frozen", "optimized"])
def test_a_compact_graph_reads_its_vocabulary_file_where_it_was(tmp_path, optimize):
    vocabulary = tmp_path / "words.txt"
    vocabulary.write_text("cat\ndog\n")
    path = str(tmp_path / "x.pb")
    ModelExporter(vocabulary_config(str(vocabulary))).export_compact(path, optimize=optimize)
    assert run_compact(path, {"word:0": ["dog", "bird"]}, ["y:0"])[0].tolist() == [1, -1]
    vocabulary.unlink()
    with pytest.raises(tf.errors.NotFoundError, match="words.txt"):
        run_compact(path, {"word:0": ["dog"]}, ["y:0"])


# ---- TFLite and ONNX: the files


SINGLE_FILES = ["tflite", pytest.param("onnx", marks=ONNX_PACKAGES)]


def exporter():
    return ModelExporter(of(network, ["prob", "class"], signature=SIGNATURE))


@pytest.mark.parametrize("kind, suffix, title", [
    ("tflite", "", "TFLite model of "), pytest.param("onnx", ":0", "ONNX model with ", marks=ONNX_PACKAGES)])
def test_names_dtypes_and_shapes_are_written_and_logged(tmp_path, log_records, monkeypatch, new_interpreters, kind, suffix,
                                                        title):
    monkeypatch.setenv("PATH", os.defpath)  # as in a virtual environment that is not turned on
    path = str(tmp_path / "new" / "model")
    getattr(exporter(), "export_" + kind)(path)
    assert os.environ["PATH"] == os.defpath
    with open(path + ".json") as f:
        description = json.load(f)
    assert description["inputs"] == [{"name": "image" + suffix, "dtype": "float32", "shape": [None, 8, 8, 3]}]
    assert description["outputs"] == [{"name": "prob" + suffix, "dtype": "float32", "shape": [None, 5]},
                                      {"name": "class" + suffix, "dtype": "int64", "shape": [None]}]
    assert description.get("opset", 15) == 15
    logged = [r.getMessage() for r in log_records]
    assert "Input: image{} float32 [None, 8, 8, 3]".format(suffix) in logged
    assert any(line.startswith(title) and path in line for line in logged)
    assert sorted(os.listdir(str(tmp_path / "new"))) == ["model", "model.json"]


@pytest.mark.parametrize("kind", SINGLE_FILES)
def test_an_existing_file_is_replaced_only_when_asked(tmp_path, kind):
    export = getattr(exporter(), "export_" + kind)
    path = tmp_path / "model"
    path.write_text("mine")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        export(str(path))
    assert path.read_text() == "mine"
    export(str(path), overwrite=True)
    assert len(path.read_bytes()) > 1000
    with pytest.raises(FileExistsError, match="is a directory"):
        export(str(tmp_path), overwrite=True)


@pytest.mark.parametrize("kind", SINGLE_FILES)
def test_a_refused_model_leaves_the_old_file(tmp_path, kind):
    path = tmp_path / "model"
    path.write_text("mine")
    config = PredictConfig(tower_func=lambda word: tf.string_join([word, "!"], name="y"), output_names=["y"],
                           input_signature=[spec("word", "string", None)], session_init=DictRestore({}))
    with pytest.raises(ValueError, match="got none for StringJoin"):
        getattr(ModelExporter(config), "export_" + kind)(str(path), overwrite=True)
    assert path.read_text() == "mine" and os.listdir(str(tmp_path)) == ["model"]


@pytest.mark.parametrize("kind", SINGLE_FILES)
def test_outputs_that_depend_on_no_input_are_refused(tmp_path, kind):
    config = PredictConfig(tower_func=lambda image: tf.zeros([2], name="y"), input_signature=IMAGE_ONLY, input_names=[],
                           output_names=["y"], session_init=DictRestore({}))
    with pytest.raises(ValueError, match="must depend on an input"):
        getattr(ModelExporter(config), "export_" + kind)(str(tmp_path / "model"))


@pytest.mark.parametrize("format_name", ["tflite", "tflite, frozen only", pytest.param("onnx", marks=ONNX_PACKAGES)])
def test_an_inner_tensor_can_be_the_input(tmp_path, format_name):
    config = of(network, ["prob"], ["preprocessed"], SIGNATURE)
    run, export = FORMATS[format_name]
    export(ModelExporter(config), str(tmp_path / "model"))
    with OfflinePredictor(config) as predictor:
        assert_same(run(str(tmp_path / "model"), {"preprocessed:0": IMAGE}, ["prob:0"])[0], predictor(IMAGE)[0])


@pytest.mark.parametrize("format_name", ["tflite", pytest.param("onnx", marks=ONNX_PACKAGES)])
def test_a_default_value_can_be_fed_when_it_is_an_input(tmp_path, format_name):
    run, export = FORMATS[format_name]
    export(ModelExporter(of(default_value, inputs=["image", "factor"])), str(tmp_path / "model"))
    assert_same(run(str(tmp_path / "model"), {"image:0": IMAGE, "factor:0": np.array(5, "float32")}, ["y:0"])[0], IMAGE * 5)


@ONNX_PACKAGES
def test_the_opset_can_be_chosen(tmp_path):
    import onnx

    path = str(tmp_path / "model")
    exporter().export_onnx(path, opset=13)
    assert {each.domain: each.version for each in onnx.load(path).opset_import}[""] == 13
    with open(path + ".json") as f:
        assert json.load(f)["opset"] == 13


def flattened(image):
    tf.identity(FullyConnected("fc", image, 3), name="prob")


def two_images(left, right):
    tf.add(left, right, name="both")


def positive(image):
    tf.boolean_mask(image, image[:, 0] > 0, name="kept")
    tf.identity(image * 2, name="double")


@ONNX_PACKAGES
@pytest.mark.parametrize("build, shapes, expected", [
    (flattened, {"image": [None, 4, 2]}, {"image:0": ["batch", 4, 2], "prob:0": ["batch", 3]}),
    (lambda image: tf.transpose(image, [0, 2, 1], name="turned"),
     {"image": [None, None, None]},
     {"image:0": ["batch", "image_1", "image_2"], "turned:0": ["batch", "turned_1", "turned_2"]}),
    (two_images, {"left": [None, 2], "right": [None, 2]},
     {"left:0": ["left_0", 2], "right:0": ["right_0", 2], "both:0": ["both_0", 2]}),
    (two_images, {"left": [None, 2], "right": [1, 2]}, {"left:0": ["batch", 2], "right:0": [1, 2], "both:0": ["batch", 2]}),
    (positive, {"image": [None, 2]}, {"image:0": ["batch", 2], "kept/GatherV2:0": ["kept/GatherV2_0", 2],
                                      "double:0": ["batch", 2]}),
], ids=["batch", "open image", "two batches", "one batch", "another number"])
def test_open_dimensions_of_onnx_have_names_that_say_something(tmp_path, build, shapes, expected):
    import onnx

    outputs = [name for name in expected if name[:-2] not in shapes]
    signature = [tf.TensorSpec(shape, tf.float32, name) for name, shape in shapes.items()]
    ModelExporter(of(build, outputs, list(shapes), signature)).export_onnx(str(tmp_path / "model"))
    graph = onnx.load(str(tmp_path / "model")).graph
    assert {tensor.name: [dim.dim_param or dim.dim_value for dim in tensor.type.tensor_type.shape.dim]
            for tensor in list(graph.input) + list(graph.output)} == expected
    feed = {name + ":0": np.ones([3 if size is None else size for size in shape], "float32") for name, shape in shapes.items()}
    assert all(np.isfinite(value).all() for value in run_onnx(str(tmp_path / "model"), feed, outputs))


@ONNX_PACKAGES
@pytest.mark.parametrize("opset, error", [(99, ValueError), ("13", TypeError), (True, TypeError), (13., TypeError)])
def test_a_wrong_opset_is_named(tmp_path, opset, error):
    with pytest.raises(error, match="(?i)opset.*{}".format(opset)):
        exporter().export_onnx(str(tmp_path / "model"), opset=opset)
    assert os.listdir(str(tmp_path)) == []


def test_without_its_package_export_onnx_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tf2onnx.convert", None)
    monkeypatch.setattr(convert.tf2onnx, "_module", None)
    with pytest.raises(ImportError, match=r"export_onnx needs .*pip install tf2onnx \(or tensorpack\[onnx\]\)"):
        exporter().export_onnx(str(tmp_path / "model"))
    assert os.listdir(str(tmp_path)) == []
