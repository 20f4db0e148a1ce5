"""Exported models read by programs and libraries that are not ours; what they compute is compared with OfflinePredictor."""
import os

import numpy as np
import pytest
from consumer_programs import needs, raise_if_error
from exported_models import MODELS, OUTPUTS, old_exports
from model_readers import READERS

# The largest difference, as a fraction of the largest number of the output. Float32 keeps 1e-7; what is seen is below 1e-6.
TOLERANCE = 1e-5
EVERY_EXPORT = pytest.mark.parametrize("name", MODELS + list(old_exports()))


@pytest.fixture
def compare(exports, record_property):
    """A context that makes the test one cell of the matrix: `compare(name, format, reader)` returns (export, function)."""
    def start(name, format_name, reader):
        export = exports[name]
        record_property("cell", [format_name, reader, export.tensorflow, export.model])
        record_property("tensorflow", exports[MODELS[0]].tensorflow)  # the one that runs the tests

        def finish(outputs):
            errors = {key: difference(value, export.expected[key]) for key, value in outputs.items()}
            record_property("error", max(errors.values()))
            assert "prob" in errors and max(errors.values()) <= TOLERANCE, errors

        return export, finish

    return start


def difference(value, expected):
    assert np.shape(value) == expected.shape
    return float(np.abs(np.asarray(value) - expected).max() / np.abs(expected).max())


# ---- libraries, in a process without TensorFlow


# What pip calls the package of a module where it differs, and what has no release for Python 3.7.
PIP = {"cv2": "opencv-python-headless", "ai_edge_litert": "ai-edge-litert"}
NOT_ON_37 = {"ai_edge_litert": "ai-edge-litert has no release for Python 3.7"}


@EVERY_EXPORT
@pytest.mark.parametrize("key", list(READERS))
def test_a_library_computes_what_the_predictor_does(compare, request, name, key):
    format_name, reader, _, file, module = READERS[key]
    export, finish = compare(name, format_name, reader)
    needs(module, PIP.get(module, module), NOT_ON_37.get(module))
    if not os.path.exists(export.path(file)):
        needs("tf2onnx", "tf2onnx")
    finish(request.getfixturevalue("run_libraries")(name, key))


# ---- the library's own reader, which has the engines above behind it


# (format, file, engines)
FILES = [("frozen graph", "frozen.pb", ["tensorflow", "openvino"]),
         ("frozen, optimize=False", "unoptimized.pb", ["tensorflow", "openvino"]),
         ("SavedModel", os.path.join("saved", "1"), ["tensorflow", "openvino"]),
         ("ONNX", "model.onnx", ["onnxruntime", "openvino", "opencv"]),
         ("TFLite", "model.tflite", ["litert", "openvino"])]
OWN_READERS = [(title, file, engine) for title, file, engines in FILES for engine in [None] + engines]


@EVERY_EXPORT
@pytest.mark.parametrize("format_name, file, engine", OWN_READERS,
                         ids=["{}-{}".format(os.path.dirname(file) or file, engine) for _, file, engine in OWN_READERS])
def test_exported_predictor_computes_what_the_predictor_does(compare, name, format_name, file, engine):
    from tensorpack.predict import ExportedPredictor
    from tensorpack.tfutils._engines.choose import engine_class

    export, finish = compare(name, format_name, "ExportedPredictor, {}".format(engine or "chosen"))
    if not os.path.exists(export.path(file)):
        needs("tf2onnx", "tf2onnx")
    if engine is not None and not engine_class(engine).is_installed():
        pytest.skip("pip install " + engine_class(engine).pip)
    with ExportedPredictor(export.path(file), engine) as predictor:
        size = predictor.input_signature[0].shape.as_list()[0] or len(export.image)  # the converter of TF 1.15 may fix it
        parts = [predictor(export.image[start:start + size]) for start in range(0, len(export.image), size)]
        names = [each.split(":")[0] for each in predictor.output_names]
    finish({each: np.concatenate(values) for each, values in zip(names, zip(*parts))})


# ---- TensorFlow in eager mode, in a process without the library


@EVERY_EXPORT
@pytest.mark.parametrize("format_name, reader, key", [
    ("SavedModel", "tf.saved_model.load, serving_default", "serving_default"),
    ("SavedModel", "tf.saved_model.load, prediction_pipeline", "prediction_pipeline"),
    ("frozen graph", "TensorFlow, eager", "frozen"),
    ("frozen, optimize=False", "TensorFlow, eager", "unoptimized"),
    ("TFLite", "tf.lite.Interpreter", "tflite"),
], ids=["serving_default", "prediction_pipeline", "frozen", "unoptimized", "tflite"])
def test_eager_tensorflow_computes_what_the_predictor_does(compare, run_eagerly, name, format_name, reader, key):
    _, finish = compare(name, format_name, reader)
    outputs = run_eagerly(name, key)
    assert sorted(outputs) == sorted(OUTPUTS)
    finish(outputs)


# ---- TensorFlow's command line


@pytest.mark.parametrize("name", MODELS)
def test_saved_model_cli_runs_the_default_signature(compare, saved_model_cli, name):
    _, finish = compare(name, "SavedModel", "saved_model_cli run")
    folder, printed = saved_model_cli
    raise_if_error(printed[name])
    finish({key: np.load(str(folder / name / (key + ".npy"))) for key in OUTPUTS})


def test_saved_model_cli_shows_both_signatures(saved_model_cli):
    shown = raise_if_error(saved_model_cli[1]["show"])
    for words in ["signature_def['serving_default']", "inputs['image']", "outputs['prob']", "shape: (-1, 32, 32, 3)",
                  "signature_def['prediction_pipeline']", "inputs['image:0']", "outputs['prob:0']"]:
        assert words in shown


# ---- model servers


@EVERY_EXPORT
def test_a_server_answers_http(compare, request, name):
    export, finish = compare(name, "SavedModel", "simple-tensorflow-serving")
    ask = request.getfixturevalue("ask_server")
    finish(ask({"model_name": name, "model_version": 1, "signature_name": "serving_default",
                "data": {"image": export.image.tolist()}}))


@EVERY_EXPORT
def test_requests_of_tensorflow_serving_fit_the_signature(compare, name):
    """What a client sends, and what a server does with it: nothing but the signature says which tensors are meant."""
    from tensorpack.compat import tfv1 as tf

    export, finish = compare(name, "SavedModel", "tensorflow-serving-api (messages)")
    needs("tensorflow_serving", "tensorflow-serving-api")
    from tensorflow_serving.apis import predict_pb2

    request = predict_pb2.PredictRequest()
    request.model_spec.name = export.model
    request.model_spec.signature_name = "serving_default"
    request.inputs["image"].CopyFrom(tf.make_tensor_proto(export.image))
    received = predict_pb2.PredictRequest.FromString(request.SerializeToString())

    response = predict_pb2.PredictResponse()
    with tf.Graph().as_default(), tf.Session() as sess:
        loaded = tf.saved_model.loader.load(sess, ["serve"], export.path("saved", "1"))
        signature = loaded.signature_def[received.model_spec.signature_name]
        assert signature.method_name == "tensorflow/serving/predict"
        assert sorted(received.inputs) == sorted(signature.inputs)
        for key, value in received.inputs.items():
            declared = signature.inputs[key]
            assert value.dtype == declared.dtype
            assert tf.TensorShape(value.tensor_shape).is_compatible_with(tf.TensorShape(declared.tensor_shape))
        keys = sorted(signature.outputs)
        values = sess.run([signature.outputs[key].name for key in keys],
                          {signature.inputs[key].name: tf.make_ndarray(value) for key, value in received.inputs.items()})
    for key, value in zip(keys, values):
        response.outputs[key].CopyFrom(tf.make_tensor_proto(value))
    answer = predict_pb2.PredictResponse.FromString(response.SerializeToString())
    finish({key: tf.make_ndarray(answer.outputs[key]) for key in answer.outputs})
