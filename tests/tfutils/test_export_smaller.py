"""Smaller exports: float16 and int8 weights, int8 by calibration with a DataFlow; run in the real engines."""
import importlib.util
import json
import logging
import os

import numpy as np
import pytest
from inference_towers import conv, fc, of

from tensorpack.compat import VERSION, tflite_interpreter
from tensorpack.compat import tfv1 as tf
from tensorpack.dataflow import BatchData, DataFlow, DataFromGenerator, DataFromList, MapData, RepeatedData
from tensorpack.predict import ExportedPredictor, OfflinePredictor, PredictConfig
from tensorpack.tfutils import export
from tensorpack.tfutils._export._proof import verify
from tensorpack.tfutils._export._proof.nearly import nearness
from tensorpack.tfutils._export._smaller import onnx as smaller_onnx
from tensorpack.tfutils._export._smaller.calibration import Inputs, calibration_examples
from tensorpack.tfutils.export import ExportMismatch, ModelExporter
from tensorpack.tfutils.sessinit import DictRestore
from tensorpack.utils.optional import optional_import

ONNX_PACKAGES = pytest.mark.skipif(not all(map(importlib.util.find_spec, ["tf2onnx", "onnxruntime"])),
                                   reason="pip install tf2onnx onnxruntime")
FLOW = {"tflite": "representative", "onnx": "quantize"}
EVERY_FORMAT = pytest.mark.parametrize("kind", ["tflite", pytest.param("onnx", marks=ONNX_PACKAGES)])
IMAGES = np.random.RandomState(3).rand(40, 8, 8, 3).astype("float32")
SIGNATURE = [tf.TensorSpec((None, 8, 8, 3), tf.float32, "image"), tf.TensorSpec((None,), tf.int32, "label")]


def network(image, label):
    x = tf.nn.relu(conv("conv0", image, 32))
    x = tf.nn.max_pool2d(tf.nn.relu(conv("conv1", x, 64)), 2, 2, "SAME")
    logits = fc("fc", x, 10)
    tf.nn.softmax(logits / 4, name="prob")
    tf.argmax(logits, axis=1, name="class")
    tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=label), name="cost")


def elementwise(image):
    tf.add(tf.abs(image), image, name="y")


@pytest.fixture(scope="module")
def config():
    random = np.random.RandomState(0)
    shapes = {"conv0/W": (3, 3, 3, 32), "conv1/W": (3, 3, 32, 64), "fc/W": (1024, 10), "fc/b": (10,)}
    values = {name: random.normal(0, (2 / np.prod(shape[:-1])) ** .5, shape).astype("float32")
              for name, shape in shapes.items()}
    return PredictConfig(tower_func=network, input_signature=SIGNATURE, input_names=["image"], output_names=["prob", "class"],
                         session_init=DictRestore(values))


@pytest.fixture(scope="module")
def prob(config):
    with tf.Graph().as_default(), OfflinePredictor(config) as predictor:
        return predictor(IMAGES)[0]


@pytest.fixture(scope="module")
def plain_files(config, tmp_path_factory):
    """{format: the file with all bits}"""
    found = {}
    for kind in ["tflite"] + ["onnx"] * bool(importlib.util.find_spec("tf2onnx")):
        found[kind] = tmp_path_factory.mktemp("plain") / kind
        with tf.Graph().as_default():
            export_to(found[kind], config, kind, verify=False)
    return found


def export_to(path, config, kind, flow=None, **options):
    if flow is not None:
        options[FLOW[kind]] = flow
    getattr(ModelExporter(config), "export_" + kind)(str(path), **options)


def calibration(images=IMAGES):
    return DataFromList([[images[i:i + 8]] for i in range(0, len(images), 8)], shuffle=False)


def described(path):
    with open(str(path) + ".json") as f:
        return json.load(f)


def size_of(path):
    return os.path.getsize(str(path))


# ---- what is written


WAYS = {"float16": ({"weights": "float16"}, .52, 2e-3), "int8": ({"weights": "int8"}, .32, .05), "flow": ({}, .34, .1)}


@EVERY_FORMAT
@pytest.mark.parametrize("way", WAYS)
def test_a_smaller_file_is_called_as_before_and_computes_nearly_the_same(tmp_path, config, prob, plain_files, kind, way):
    options, part, tolerance = WAYS[way]
    export_to(tmp_path / "small", config, kind, calibration() if way == "flow" else None, **options)
    assert size_of(tmp_path / "small") <= part * size_of(plain_files[kind])
    plain, small = described(plain_files[kind]), described(tmp_path / "small")
    assert [small[side] for side in ("inputs", "outputs")] == [plain[side] for side in ("inputs", "outputs")]
    assert "quantized" not in plain and small["quantized"] == {
        "float16": {"weights": "float16", "activations": "float32"}, "int8": {"weights": "int8", "activations": "float32"},
        "flow": {"weights": "int8", "activations": "int8", "samples": 40}}[way]
    (proof,) = small["verified"]["engines"].values()
    assert 0 < proof["typical_part"] < tolerance and 0 < proof["worst_difference"] < 10  # a class may be another one
    with ExportedPredictor(str(tmp_path / "small")) as predictor:
        got = np.concatenate([predictor(image[np.newaxis])[0] for image in IMAGES])
        batch = len(got) if predictor.input_signature[0].shape.as_list()[0] is None else 1
        np.testing.assert_allclose(predictor(IMAGES[:batch])[0], got[:batch], atol=.05)
    assert np.linalg.norm(got - prob) < tolerance * np.linalg.norm(prob)
    assert not np.array_equal(got, prob)
    assert weights_in(tmp_path / "small", kind) == {"float16": {"float16"}, "int8": {"int8", "uint8"}, "flow": {"int8"}}[
        way].intersection(weights_in(tmp_path / "small", kind))


def weights_in(path, kind):
    """The dtypes of the large constants in a file."""
    if kind == "onnx":
        import onnx
        return {str(onnx.numpy_helper.to_array(each).dtype) for each in onnx.load(str(path)).graph.initializer
                if np.prod(each.dims) > 1000}
    interpreter = tflite_interpreter(path.read_bytes())
    return {each["dtype"].__name__ for each in interpreter.get_tensor_details()
            if each["shape"].tolist() in ([64, 3, 3, 32], [10, 1024])} - {"float32"}  # of float16 both are listed


def test_inputs_and_outputs_of_integers_alone_mean_what_the_json_says(tmp_path, config, prob):
    export_to(tmp_path / "model", config, "tflite", calibration(), integer_only=True)
    description = described(tmp_path / "model")
    (image,), (first, second) = description["inputs"], description["outputs"]
    assert image["dtype"] == first["dtype"] == "int8" and second == dict(name="class", dtype="int64", shape=[None])
    integers = np.clip(np.round(IMAGES / image["scale"]) + image["zero_point"], -128, 127).astype("int8")
    with ExportedPredictor(str(tmp_path / "model")) as predictor:
        assert predictor.input_signature[0].dtype == predictor.output_signature[0].dtype == tf.int8
        got = np.concatenate([predictor(each[np.newaxis])[0] for each in integers]).astype("float32")
    got = (got - first["zero_point"]) * first["scale"]
    assert np.linalg.norm(got - prob) < .1 * np.linalg.norm(prob)


def test_integers_alone_refuse_what_has_no_counterpart(tmp_path):
    def tower(image):
        tf.sin(conv("conv", image, 64), name="y")

    with pytest.raises(ValueError, match="export_tflite: .* must have a counterpart in .*SIN"):
        export_to(tmp_path / "model", of(tower, signature=SIGNATURE[:1]), "tflite", calibration(), integer_only=True)
    assert os.listdir(str(tmp_path)) == []
    export_to(tmp_path / "model", of(tower, signature=SIGNATURE[:1]), "tflite", calibration())


def several_inputs(raw, index, image):
    table = tf.get_variable("table", [7, 64], initializer=tf.random_uniform_initializer())
    x = tf.gather(table, index) + fc("fc", tf.cast(raw, tf.float32) / 255., 64)
    tf.add(fc("out", x, 32), fc("colour", tf.reduce_mean(image, [1, 2]), 32), name="y")


@ONNX_PACKAGES
def test_no_processor_overflows_with_integers(tmp_path):
    """Those without VNNI add two products of bytes in 16 bits."""
    random, signature = np.random.RandomState(0), [tf.TensorSpec((None, 64), tf.float32, "x")]
    values = {"fc/W": random.randn(64, 256).astype("float32") / 8, "fc/b": np.zeros(256, "float32"),
              "out/W": random.randn(256, 32).astype("float32") / 16, "out/b": np.zeros(32, "float32")}
    rows = [[row] for row in random.rand(40, 1, 64).astype("float32")]
    config = PredictConfig(tower_func=lambda x: tf.identity(fc("out", fc("fc", x, 256), 32), name="y"),
                           input_signature=signature, input_names=["x"], output_names=["y"], session_init=DictRestore(values))
    export_to(tmp_path / "model", config, "onnx", DataFromList(rows, shuffle=False))
    import onnx
    weights = [onnx.numpy_helper.to_array(each) for each in onnx.load(str(tmp_path / "model")).graph.initializer]
    weights = [each for each in weights if each.dtype == "int8" and each.ndim > 1]
    assert len(weights) == 2 and all(60 <= abs(each.astype(int)).max() <= 64 for each in weights)
    x = np.concatenate([row for row, in rows])
    with OfflinePredictor(config) as predictor, ExportedPredictor(str(tmp_path / "model"), engine="onnxruntime") as exported:
        wanted = predictor(x)[0]
        assert np.linalg.norm(exported(x)[0] - wanted) < .04 * np.linalg.norm(wanted)


@EVERY_FORMAT
def test_inputs_of_several_dtypes(tmp_path, kind):
    signature = [tf.TensorSpec((None, 5), tf.uint8, "raw"), tf.TensorSpec((None,), tf.int32, "index"), SIGNATURE[0]]
    config = of(several_inputs, ["y"], ["raw", "index", "image"], signature)
    random = np.random.RandomState(0)
    rows = [[random.randint(0, 256, (2, 5)), random.randint(0, 7, 2), IMAGES[i:i + 2], "unknown"] for i in range(20)]
    if VERSION < (2, 0) and kind == "tflite":
        with pytest.raises(ValueError, match="data_type=uint8"):  # its converter takes bytes beside floats for floats
            export_to(tmp_path / "model", config, kind, DataFromList(rows, shuffle=False))
        return
    export_to(tmp_path / "model", config, kind, DataFromList(rows, shuffle=False))
    with OfflinePredictor(config) as wanted, ExportedPredictor(str(tmp_path / "model")) as predictor:
        row = [value[:1] for value in rows[0][:3]]
        np.testing.assert_allclose(predictor(*row)[0], wanted(*row)[0], atol=.3)


@EVERY_FORMAT
@pytest.mark.parametrize("way", ["int8", "flow"])
def test_bytes_as_the_only_input(tmp_path, kind, way):
    def tower(raw):
        x = tf.nn.relu(conv("conv0", tf.cast(raw, tf.float32) / 255., 32))
        tf.reduce_mean(conv("conv1", x, 32), [1, 2], name="y")

    config = of(tower, ["y"], ["raw"], [tf.TensorSpec((None, 8, 8, 3), tf.uint8, "raw")])
    raw = (IMAGES * 255).astype("uint8")
    options = {"weights": "int8"} if way == "int8" else {"flow": calibration(raw)}
    if VERSION < (2, 0) and kind == "tflite":
        with pytest.raises(ValueError, match="export_tflite: .* no uint8 inputs; got 'raw:0'"):
            export_to(tmp_path / "model", config, kind, **options)
        return
    export_to(tmp_path / "model", config, kind, **options)
    with OfflinePredictor(config) as wanted, ExportedPredictor(str(tmp_path / "model")) as predictor:
        np.testing.assert_allclose(predictor(raw[:1])[0], wanted(raw[:1])[0], atol=.05)


@pytest.mark.skipif(VERSION < (2, 0), reason="the converter of TF 1.15 takes no open sizes")
@EVERY_FORMAT
def test_pictures_of_several_sizes(tmp_path, kind):
    def tower(picture):
        tf.reduce_mean(tf.nn.relu(conv("conv", picture, 64)), [1, 2], name="y")

    config = of(tower, ["y"], ["picture"], [tf.TensorSpec((None, None, None, 3), tf.float32, "picture")])
    rows = [[np.random.RandomState(i).rand(1, 6 + i, 9 - i, 3).astype("float32")] for i in range(4)]
    export_to(tmp_path / "model", config, kind, DataFromList(rows, shuffle=False))
    with OfflinePredictor(config) as wanted, ExportedPredictor(str(tmp_path / "model")) as predictor:
        for row in rows:
            np.testing.assert_allclose(predictor(*row)[0], wanted(*row)[0], atol=.05)


@ONNX_PACKAGES
def test_weights_too_large_for_float16_keep_their_bits(tmp_path):
    def tower(image):
        large = tf.get_variable("large", [3, 100], initializer=tf.constant_initializer(1e6))
        tf.matmul(image[:, 0, 0], tf.get_variable("small", [3, 100]), name="product")
        tf.add(tf.matmul(image[:, 0, 0], large), 0., name="y")

    export_to(tmp_path / "model", of(tower, ["y", "product"], signature=SIGNATURE[:1]), "onnx", weights="float16")
    with ExportedPredictor(str(tmp_path / "model")) as predictor:
        np.testing.assert_allclose(predictor(IMAGES)[0], IMAGES[:, 0, 0].sum(1, keepdims=True).repeat(100, 1) * 1e6, rtol=1e-4)


@ONNX_PACKAGES
def test_the_quantizer_leaves_nothing_behind_and_says_nothing(tmp_path, config, capfd, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    (tmp_path / "here" / "augmented_model.onnx").write_text("mine")  # as ONNX Runtime 1.10 calls a file of its own
    root = logging.getLogger()
    before = list(root.handlers), list(root.filters)
    export_to(tmp_path / "model", config, "onnx", calibration())
    assert (list(root.handlers), list(root.filters)) == before
    assert os.listdir(".") == ["augmented_model.onnx"] and (tmp_path / "here" / "augmented_model.onnx").read_text() == "mine"
    assert "pre-processing" not in "".join(capfd.readouterr())


@ONNX_PACKAGES
@pytest.mark.parametrize("program, words", [
    ("import os; os.abort()", "it refused: its process ended with status -6"),
    ("open('failed', 'w').write('no such operation')", "it refused: no such operation; leave quantize out")])
def test_a_quantizer_that_fails_is_an_error_and_the_old_file_stays(tmp_path, config, monkeypatch, program, words):
    monkeypatch.setattr(smaller_onnx, "_PROGRAM", program)
    (tmp_path / "model").write_text("mine")
    with pytest.raises(ValueError, match=words):
        export_to(tmp_path / "model", config, "onnx", calibration(), overwrite=True)
    assert (tmp_path / "model").read_text() == "mine" and os.listdir(str(tmp_path)) == ["model"]


# ---- the flow


class Counted(DataFlow):
    """A flow without end that counts what is taken."""

    taken = 0

    def __iter__(self):
        while True:
            self.taken += 1
            yield [IMAGES[:3], np.int32([1, 2, 3]), "a name"]


def test_an_export_takes_some_of_a_flow_without_end(tmp_path, config):
    flow = Counted()
    export_to(tmp_path / "model", config, "tflite", flow, num_samples=10)
    assert flow.taken == 4 and described(tmp_path / "model")["quantized"]["samples"] == 10


def rows_of(flow, num_samples=30, names=("image",)):
    image = tf.placeholder(tf.float32, (None, 8, 8, 3), name="image")
    return calibration_examples("export", flow, num_samples, Inputs(names, ["image"], [image]))


@pytest.mark.parametrize("num_samples, taken", [(1, 1), (3, 1), (10, 4)])
def test_no_more_of_a_flow_is_taken_than_asked_for(num_samples, taken):
    flow = Counted()
    assert len(rows_of(flow, num_samples)) == num_samples and flow.taken == taken


def test_an_abandoned_pass_is_closed():
    closed = []

    def rows():
        try:
            while True:
                yield [IMAGES]
        finally:
            closed.append(True)

    rows_of(DataFromGenerator(rows), 3)
    assert closed


FORMS = {
    "labels": lambda: MapData(calibration(), lambda dp: dp + [np.zeros(8, "int64"), "file.png"]),
    "dict": lambda: MapData(calibration(), lambda dp: {"image": dp[0], "label": 3}),
    "lists": lambda: MapData(calibration(), lambda dp: [dp[0].tolist()]),
    "float64": lambda: MapData(calibration(), lambda dp: (dp[0].astype("float64"),)),
    "repeated": lambda: RepeatedData(calibration(), -1),
    "batched": lambda: BatchData(DataFromList([[image] for image in IMAGES], shuffle=False), 7, remainder=True),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("names", [["image"], ["image", "label"]], ids="-".join)
def test_forms_of_flows(form, names):
    rows = rows_of(FORMS[form](), names=names)
    assert len(rows) == 30 and all(row[0].dtype == "float32" for row in rows)
    np.testing.assert_array_equal(np.concatenate([row[0] for row in rows]), IMAGES[:30])


def test_an_input_that_is_not_needed_keeps_its_place():
    flow = MapData(calibration(), lambda dp: ["of any kind", dp[0]])
    np.testing.assert_array_equal(rows_of(flow, names=["label", "image"])[29][0], IMAGES[29:30])


def test_what_is_no_batch_stays_whole():
    image, boxes = tf.placeholder(tf.float32, (None, 8, 8, 3)), tf.placeholder(tf.float32, (None, 4))
    scale = tf.placeholder(tf.float32, ())
    flow = DataFromList([[IMAGES[:1], np.ones((5, 4)), 2]])
    names = ["image", "boxes", "scale"]
    (row,) = calibration_examples("export", flow, 9, Inputs(names, names, [image, boxes, scale]))
    assert [value.shape for value in row] == [(1, 8, 8, 3), (5, 4), ()]
    rows = calibration_examples("export", DataFromList([[IMAGES[:2], 2]]), 9, Inputs(names[::2], names[::2], [image, scale]))
    assert [[value.shape for value in row] for row in rows] == [[(1, 8, 8, 3), ()]] * 2


def failing():
    yield [IMAGES[:1]]
    raise OSError("the disk is full")


def nan(value=np.nan):
    images = IMAGES[:2].copy()
    images[1, 0, 0, :2] = value
    return [images]


BAD_FLOWS = {
    "none": (lambda: IMAGES, TypeError, "must be a DataFlow"),
    "empty": (lambda: DataFromList([]), ValueError, "must have datapoints.*got none"),
    "nan": (lambda: DataFromList([[IMAGES[:2]], nan()], shuffle=False), ValueError,
            "datapoint 1: input 'image': it must be finite.*got 2 values"),
    "infinite": (lambda: DataFromList([nan(np.inf)]), ValueError, "datapoint 0: input 'image': it must be finite"),
    "shape": (lambda: DataFromList([[IMAGES[:, :4]]]), ValueError,
              r"datapoint 0: input 'image:0': .* shape .*8, 8, 3.*\(40, 4,"),
    "no batch": (lambda: DataFromList([[IMAGES[0]]]), ValueError, r"for a batch of one write \[value\]"),
    "no rows": (lambda: DataFromList([[IMAGES[:0]]]), ValueError, "it must have elements"),
    "text": (lambda: DataFromList([["cat.png"]]), ValueError, "input 'image:0': its values must fit float32.*'cat.png'"),
    "nothing in it": (lambda: DataFromList([[]]), ValueError, "datapoint 0: it must have a value for each input, 'image'"),
    "other names": (lambda: DataFromList([{"picture": IMAGES}]), ValueError, "got none for 'image'"),
    "no list": (lambda: DataFromList([IMAGES]), TypeError, "datapoint 0: it must be a list that begins with"),
    "fails": (lambda: DataFromGenerator(failing), OSError, "the disk is full"),
}


@pytest.mark.parametrize("case", BAD_FLOWS)
def test_a_bad_flow_is_refused_and_the_old_file_stays(tmp_path, config, case):
    kind = "onnx" if importlib.util.find_spec("tf2onnx") and case in ("none", "nan") else "tflite"
    make, error, words = BAD_FLOWS[case]
    (tmp_path / "model").write_text("mine")
    with pytest.raises(error, match=words) as e:
        export_to(tmp_path / "model", config, kind, make(), overwrite=True)
    assert case == "fails" or "export_{}: {}".format(kind, FLOW[kind]) in str(e.value) or case == "none"
    assert (tmp_path / "model").read_text() == "mine" and os.listdir(str(tmp_path)) == ["model"]


# ---- other bad input


@EVERY_FORMAT
@pytest.mark.parametrize("options, error, words", [
    ({"weights": "int4"}, ValueError, "weights must be None, 'float16' or 'int8'; got 'int4'"),
    ({"weights": 8}, ValueError, "got 8"),
    ({"weights": "float16", "num_samples": 0}, ValueError, "num_samples must be at least 1"),
    ({"flow": True, "weights": "float16"}, ValueError, "the weights are int8.*got weights='float16'"),
    ({"flow": True, "num_samples": "all"}, TypeError, "num_samples must be a whole number")])
def test_wrong_arguments(tmp_path, config, kind, options, error, words):
    if "flow" in options:
        options = dict(options, flow=calibration())
    with pytest.raises(error, match="export_{}: .*{}".format(kind, words)):
        export_to(tmp_path / "model", config, kind, **options)
    assert os.listdir(str(tmp_path)) == []


def test_integers_alone_need_a_flow(tmp_path, config):
    with pytest.raises(ValueError, match="integer_only must come with data.*representative="):
        export_to(tmp_path / "model", config, "tflite", integer_only=True)


@EVERY_FORMAT
@pytest.mark.parametrize("weights", ["float16", "int8"])
def test_a_model_without_weights_is_refused(tmp_path, kind, weights):
    (tmp_path / "model").write_text("mine")
    with pytest.raises(ValueError, match="must have weights to store as {}; got none.*leave weights out".format(weights)):
        export_to(tmp_path / "model", of(elementwise), kind, weights=weights, overwrite=True)
    assert (tmp_path / "model").read_text() == "mine" and os.listdir(str(tmp_path)) == ["model"]


@ONNX_PACKAGES
def test_a_model_that_the_quantizer_leaves_alone_is_refused(tmp_path):
    with pytest.raises(ValueError, match="got none: ONNX Runtime's quantizer changes nothing.*leave quantize out"):
        export_to(tmp_path / "model", of(lambda image: tf.abs(image, name="y")), "onnx", calibration())


@ONNX_PACKAGES
def test_without_the_quantizer_an_error_names_the_package(tmp_path, config, monkeypatch):
    monkeypatch.setattr(smaller_onnx, "_quantization", optional_import("no_such.quantization", "export_onnx", "onnxruntime"))
    for options in ({"weights": "int8"}, {"flow": calibration()}):
        with pytest.raises(ImportError, match="pip install onnxruntime"):
            export_to(tmp_path / "model", config, "onnx", **options)
    assert os.listdir(str(tmp_path)) == []
    export_to(tmp_path / "model", config, "onnx", weights="float16")


@ONNX_PACKAGES
@pytest.mark.parametrize("options", [{"weights": "int8"}, {"flow": True}])
def test_an_old_opset_knows_no_such_integers(tmp_path, config, options):
    options = {"flow": calibration()} if "flow" in options else options
    with pytest.raises(ValueError, match="integers need an opset of at least 13; got 12"):
        export_to(tmp_path / "model", config, "onnx", opset=12, **options)
    assert os.listdir(str(tmp_path)) == []


# ---- what is proven


@EVERY_FORMAT
def test_ranges_that_do_not_fit_the_example_are_a_mismatch(tmp_path, config, kind):
    (tmp_path / "model").write_text("mine")
    words = "with weights of int8 the file must compute nearly.*25 %.* output 'prob:0' differs by .*calibrate"
    with pytest.raises(ExportMismatch, match=words) as e:
        export_to(tmp_path / "model", config, kind, calibration(IMAGES * .01), example=[IMAGES[:1] * 20], overwrite=True)
    assert e.value.differences["prob:0"] > .05
    assert (tmp_path / "model").read_text() == "mine" and os.listdir(str(tmp_path)) == ["model"]
    export_to(tmp_path / "model", config, kind, calibration(IMAGES * .01), verify=False, overwrite=True)
    assert described(tmp_path / "model")["verified"] == {}


@EVERY_FORMAT
def test_a_wrong_file_with_all_bits_is_found_before(tmp_path, config, kind, monkeypatch):
    right = export.frozen_model

    def wrong(*args):
        model = right(*args)
        for node in model.graph_def.node:
            node.op = "Relu6" if node.op == "Relu" else node.op
        return model

    monkeypatch.setattr(export, "frozen_model", wrong)
    with pytest.raises(ExportMismatch, match=r"first operation that differs is .* \(Relu6\)"):
        export_to(tmp_path / "model", config, kind, calibration(), example=[IMAGES[:1] * 100])


def picky(image):
    with tf.control_dependencies([tf.debugging.assert_less(tf.abs(tf.reduce_mean(image) - 7), .6)]):
        tf.reduce_mean(conv("conv", tf.identity(image), 64), [1, 2], name="y")


@ONNX_PACKAGES
def test_a_model_that_refuses_drawn_inputs_is_proven_by_the_flow(tmp_path, monkeypatch, log_records):
    seen = []
    run = verify.run_engine
    monkeypatch.setattr(verify, "run_engine", lambda *args: seen.append(args[2]) or run(*args))
    export_to(tmp_path / "model", of(picky, signature=SIGNATURE[:1]), "onnx", calibration(IMAGES + 6.5))
    assert not [r for r in log_records if r.levelname == "WARNING" and "proven" in r.getMessage()]
    assert described(tmp_path / "model")["verified"]["engines"]
    assert [len(examples) for examples in seen] == [20, 20]
    assert all(np.array_equal(examples[1][0], IMAGES[2:3] + np.float32(6.5)) for examples in seen)


NEAR = {  # got and wanted in each example, the typical difference, the worst one
    "equal": ([[1., 2.]], [[1., 2.]], 0, 0),
    "part of the size": ([[3., 4.5]], [[3., 4.]], .1, .5),
    "one turns round": ([[0., 1.], [0., 1.], [0., 1.]], [[0., 1.], [0., 1.], [1., 0.]], 0, 1),
    "most turn round": ([[0., 1.], [0., 1.], [0., 1.]], [[1., 0.], [1., 0.], [0., 1.]], 2 ** .5, 1),
    "zero": ([[0., 0.], [3., 4.]], [[0., 0.], [3., 4.]], 0, 0),
    "nearly zero": ([[.1, 0.], [30., 40.]], [[0., 0.], [30., 40.]], .1, .1),
    "shape": ([[1.], [1.], [1.]], [[1., 2.], [1., 3.], [1.]], np.inf, 0),
    "whole numbers": ([[1, 2, 3, 4]], [[1, 2, 3, 5]], .25, 1),
    "words": ([[b"a"]], [[b"b"]], 1, 0),
    "nan": ([[np.nan, 1.]], [[0., 1.]], np.inf, 0),
    "none": ([[]], [[]], 0, 0),
}


@pytest.mark.parametrize("case", NEAR)
def test_nearness(case):
    got, wanted, typical, worst = NEAR[case]
    found = nearness(list(map(np.array, got)), list(map(np.array, wanted)))
    np.testing.assert_allclose(found, (typical, worst), atol=.06 if case == "nearly zero" else 1e-6)
