"""PredictBatches, called as Ray calls it; Ray itself is not needed where the number of threads is given."""
import os
import re

import numpy as np
import pytest
from batch_models import IMAGES, config, export

from tensorpack import tfv1 as tf
from tensorpack.contrib.ray import PredictBatches
from tensorpack.predict import ExportedPredictor, OfflinePredictor, PredictConfig
from tensorpack.tfutils._engines.choose import engine_class
from tensorpack.tfutils.export import ModelExporter


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return export(tmp_path_factory.mktemp("model"))


def batch_of(images=IMAGES, **columns):
    return dict({"image": images, "id": np.arange(len(images))}, **columns)


def check(predicted, batch, wanted, atol=1e-6):
    assert list(predicted) == list(batch) + ["prob", "class"]
    for name, column in batch.items():
        assert predicted[name] is column
    np.testing.assert_allclose(predicted["prob"], wanted[0], atol=atol)
    np.testing.assert_array_equal(predicted["class"], wanted[1])
    assert (predicted["prob"].dtype, predicted["class"].dtype) == (np.float32, np.int64)


def test_outputs_are_added_to_the_columns_of_the_batch(path):
    with ExportedPredictor(path, "tensorflow", threads=1) as predictor:
        wanted = predictor(IMAGES)
    batch = batch_of()
    predict = PredictBatches(path, "tensorflow", threads=1)
    check(predict(batch), batch, wanted)
    assert sorted(batch) == ["id", "image"]
    predict.close()
    with pytest.raises(RuntimeError, match="after close"):
        predict(batch)


def test_a_function_that_makes_a_config():
    with OfflinePredictor(config()) as predictor:
        wanted = predictor(IMAGES)
    predict = PredictBatches(lambda: config(return_input=True), threads=1)
    options = predict.predictor.sess._config
    assert (options.intra_op_parallelism_threads, options.inter_op_parallelism_threads) == (1, 1)
    batch = batch_of()
    check(predict(batch), batch, wanted)
    predict.close()


@pytest.mark.parametrize("engine, name", [("onnxruntime", "model.onnx"), ("openvino", "model.onnx"), ("opencv", "model.onnx"),
                                          ("tensorflow", "model.pb")])
def test_arrays_in_the_store_of_objects_are_read_only(tmp_path, engine, name):
    if not engine_class(engine).is_installed():
        pytest.skip("needs the engine " + engine)
    if name.endswith("onnx"):
        pytest.importorskip("tf2onnx")
    images = IMAGES.copy()
    images.flags.writeable = False
    predict = PredictBatches(export(tmp_path, name, output_names=["prob"]), engine, threads=1)
    with OfflinePredictor(config(["prob"])) as predictor:
        np.testing.assert_allclose(predict(batch_of(images))["prob"], predictor(IMAGES)[0], atol=1e-5)
    np.testing.assert_array_equal(images, IMAGES)
    predict.close()


COLUMNS = {
    "lists": lambda images: as_objects([each.tolist() for each in images]),
    "arrays": lambda images: as_objects(images),
    "float64": lambda images: images.astype("float64"),
}


def as_objects(rows):
    column = np.empty(len(rows), object)
    for i, row in enumerate(rows):
        column[i] = row
    return column


@pytest.mark.parametrize("kind", sorted(COLUMNS))
def test_other_forms_of_the_same_values(path, kind):
    predict = PredictBatches(path, "tensorflow", threads=1)
    wanted = predict(batch_of())
    batch = batch_of()
    batch["image"] = COLUMNS[kind](IMAGES)
    check(predict(batch), batch, [wanted["prob"], wanted["class"]])
    predict.close()


def test_columns_of_other_names(path):
    predict = PredictBatches(path, "tensorflow", threads=1, input_columns={"image": "pixels"},
                             output_columns={"prob:0": "p", "class": "image"})
    predicted = predict({"pixels": IMAGES, "prob": IMAGES})
    assert list(predicted) == ["pixels", "prob", "p", "image"]
    assert predicted["p"].shape == (60, 10) and predicted["image"].shape == (60,)
    predict.close()


EMPTY = {
    "arrays": np.zeros((0, 8, 8), "float32"),
    "of unknown elements": np.zeros(0, object),
}


@pytest.mark.parametrize("kind", sorted(EMPTY))
@pytest.mark.parametrize("is_exported", [True, False])
def test_a_batch_without_rows(path, kind, is_exported):
    predict = PredictBatches(path if is_exported else config, threads=1)
    predicted = predict(batch_of(EMPTY[kind]))
    assert list(predicted) == ["image", "id", "prob", "class"]
    assert (predicted["prob"].shape, predicted["prob"].dtype) == ((0, 10), np.float32)
    assert (predicted["class"].shape, predicted["class"].dtype) == ((0,), np.int64)
    predict.close()


WRONG_BATCHES = [
    ({"imgae": IMAGES, "id": IMAGES}, ValueError, "must have the column 'image'.*got 'imgae', 'id'; did you mean 'imgae'"),
    ({}, ValueError, "must have the column 'image'.*got no columns"),
    (batch_of(prob=IMAGES), ValueError, "a column 'prob' and an output of that name; output_columns={'prob': ...}"),
    (batch_of(IMAGES[:, :7]), ValueError, r"input 'image:0': the value must have the shape \(\?, 8, 8\)|\(None, 8, 8\)"),
    (batch_of(IMAGES.astype("complex64")), ValueError, "input 'image:0': its values must fit float32"),
    (batch_of(as_objects([IMAGES[0], IMAGES[0, :3]])), ValueError, "input 'image:0': its values must fit float32"),
    (batch_of(as_objects(["a.png", "b.png"])), ValueError, "input 'image:0': its values must fit float32"),
    (batch_of(as_objects([IMAGES[0], None])), ValueError, "input 'image:0': its values must fit float32.*None is no data"),
    ([IMAGES], TypeError, 'a dict of arrays; got list of 1.*batch_format="numpy"'),
]


@pytest.mark.parametrize("batch, error, words", WRONG_BATCHES, ids=[words[:35] for _, _, words in WRONG_BATCHES])
def test_wrong_batches(path, batch, error, words):
    predict = PredictBatches(path, "tensorflow", threads=1)
    with pytest.raises(error, match=words):
        predict(batch)
    assert predict(batch_of())["prob"].shape == (60, 10)
    predict.close()


@pytest.mark.parametrize("outputs, words", [
    (["prob", "sum"], r"the output 'sum' has the shape \(\)"),
    (["zeros"], r"the output 'zeros' has the shape \(10,\)"),
], ids=lambda value: value if isinstance(value, str) else None)
def test_outputs_that_are_known_to_have_no_row_for_each_element(outputs, words):
    with pytest.raises(ValueError, match="the batch must be the first dimension of each input and output.*" + words):
        PredictBatches(lambda: config(outputs), threads=1)


def test_outputs_that_turn_out_to_have_other_rows():
    predict = PredictBatches(lambda: config(["prob", "three"]), threads=1)
    assert predict(batch_of(IMAGES[:2]))["three"].shape == (2,)
    with pytest.raises(ValueError, match=r"the output 'three' of a batch of 60 is float32 \(3,\); leave it out"):
        predict(batch_of())
    predict.close()


def test_inputs_without_a_batch(tmp_path):
    def build(image, threshold):
        tf.greater(image, threshold, name="above")

    signature = [tf.TensorSpec((None, 8), tf.float32, "image"), tf.TensorSpec((), tf.float32, "threshold")]
    with pytest.raises(ValueError, match=r"the input 'threshold' has the shape \(\); leave it out of the model, or make it"):
        PredictBatches(lambda: PredictConfig(tower_func=build, input_signature=signature, output_names=["above"]), threads=1)


def test_models_that_are_not_on_the_machine(tmp_path):
    with pytest.raises(FileNotFoundError, match="at the same place on each machine.*{}".format(
            re.escape(os.path.join(str(tmp_path), "none.pb")))):
        PredictBatches(os.path.join(str(tmp_path), "none.pb"), threads=1)


def test_an_engine_that_is_not_installed(path, monkeypatch):
    monkeypatch.setattr(engine_class("openvino"), "modules", ("no_such_package",))
    with pytest.raises(ImportError, match="pip install openvino"):
        PredictBatches(path, "openvino", threads=1)


WRONG_ARGUMENTS = [
    (dict(model=7), TypeError, "model must be the path .* or a function.*; got 7"),
    (dict(model=lambda: 7), TypeError, "the function .* must return a PredictConfig; got 7"),
    (dict(model=config, engine="openvino"), ValueError, "engine must be None with a function.*got 'openvino'; export"),
    (dict(engine="torch"), ValueError, "engine"),
    (dict(threads=0), ValueError, "PredictBatches: threads must be at least 1; got 0"),
    (dict(input_columns=["image"]), TypeError, "input_columns must be a dict"),
    (dict(input_columns={"imgae": "x"}), ValueError, "input_columns must name .*got 'imgae'; did you mean 'image'"),
    (dict(output_columns={"prob": 1}), TypeError, "output_columns must be a dict"),
    (dict(output_columns={"pro": "x"}), ValueError, "output_columns must name .*got 'pro'; did you mean 'prob'"),
    (dict(output_columns={"prob": "class"}), ValueError, "a column of its own; got 'class' for"),
]


@pytest.mark.parametrize("arguments, error, words", WRONG_ARGUMENTS, ids=[words[:35] for _, _, words in WRONG_ARGUMENTS])
def test_wrong_arguments(path, arguments, error, words):
    with pytest.raises(error, match=words):
        PredictBatches(**dict(dict(model=path, threads=1), **arguments))


def test_without_ray_the_number_of_threads_has_to_be_given(path, run_program, tmp_path):
    (tmp_path / "program.py").write_text(
        "import sys\nsys.modules['ray'] = None\nfrom tensorpack.contrib.ray import PredictBatches\n"
        "try:\n    PredictBatches({!r})\nexcept ImportError as e:\n    print('got', e)\n".format(path))
    status, output = run_program("program.py", folder=tmp_path)
    assert status == 0 and "got PredictBatches(threads=None) needs the package 'ray'" in output, output[-1000:]
    assert "pip install ray[data]" in output


def test_models_of_sizes_that_stay_open(tmp_path):
    def build(x):
        tf.multiply(x, 2, name="double")

    exporter = ModelExporter(PredictConfig(tower_func=build, input_signature=[tf.TensorSpec((None, None, 3), tf.float32, "x")],
                                           output_names=["double"]))
    exporter.export_compact(str(tmp_path / "double.pb"))
    predict = PredictBatches(str(tmp_path / "double.pb"), "tensorflow", threads=1)
    assert predict({"x": np.ones((2, 5, 3), "float32")})["double"].shape == (2, 5, 3)
    assert predict({"x": np.ones((0, 5, 3), "float32")})["double"].shape == (0, 0, 3)
    predict.close()
