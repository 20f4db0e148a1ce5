"""The small examples on images, and the one on Keras: the scripts train, and what they write is what they promise."""
import base64
import os

import numpy as np
import pytest
from example_models import example_globals, last_statistics, trainable_sizes
from example_runner import run_example

from tensorpack import compat
from tensorpack.compat import tfv1 as tf
from tensorpack.predict import OfflinePredictor, PredictConfig
from tensorpack.tfutils.sessinit import SmartInit
from tensorpack.tfutils.varmanip import save_checkpoint_vars


@pytest.mark.parametrize("script, arguments, statistic", [
    ("basics/cifar-convnet.py", [], "validation_error"),
    pytest.param("basics/cifar-convnet.py", ["--classnum", "100"], "validation_error", marks=pytest.mark.slow),
    ("basics/svhn-digit-convnet.py", [], "validation_accuracy"),
    ("basics/mnist-tfops.py", [], "validation_accuracy"),
], ids=lambda x: x if isinstance(x, str) else "".join(x))
def test_script_trains_and_goes_on_from_its_checkpoint(monkeypatch, tmp_path, script, arguments, statistic):
    run_example(monkeypatch, tmp_path, script, "--fake", "--logdir", "log", *arguments)
    statistics = last_statistics(tmp_path / "log")
    assert statistics["global_step"] == 4 and 0 <= statistics[statistic] <= 1
    if "tfops" not in script:
        return
    os.rename(str(tmp_path / "log"), str(tmp_path / "first"))
    with tf.Graph().as_default():
        run_example(monkeypatch, tmp_path, script, "--fake", "--logdir", "log", "--load", "first/checkpoint")
    assert last_statistics(tmp_path / "log")["global_step"] == 8


def test_network_without_layers_is_that_of_mnist_convnet(monkeypatch):
    plain = trainable_sizes(example_globals(monkeypatch, "basics/mnist-tfops.py")["Model"]())
    layers = trainable_sizes(example_globals(monkeypatch, "basics/mnist-convnet.py")["Model"]())
    assert plain and plain == {name.replace("/W", "/kernel").replace("/b", "/bias"): size for name, size in layers.items()}


def test_visualizations_are_pictures_in_the_event_file(monkeypatch, tmp_path):
    run_example(monkeypatch, tmp_path, "basics/mnist-visualizations.py", "--fake", "--logdir", "log")
    events, = (tmp_path / "log").glob("events.out.tfevents*")
    pictures = {}
    for event in tf.train.summary_iterator(str(events)):
        for value in event.summary.value:
            if value.HasField("image"):
                pictures.setdefault(value.tag, []).append((event.step, value.image.height, value.image.width))
    # 32 filters of 5 x 5 in rows of 16; 1024 filters of 3 x 3; 32 channels of 28 x 28 and 14 x 14 in rows of 8
    expected = {"filters/conv0": (12, 96), "filters/conv1": (256, 64), "activations/conv0": (116, 232),
                "activations/conv1": (60, 120), "digit": (28, 28)}
    assert {tag.split("/image")[0]: sizes for tag, sizes in pictures.items()} == {
        tag: [(2,) + size, (4,) + size] for tag, size in expected.items()}


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_exported_model_predicts_on_a_file_as_on_the_pixels_of_imread(monkeypatch, tmp_path, suffix):
    cv2 = pytest.importorskip("cv2")
    script = example_globals(monkeypatch, "basics/export-model.py")
    noise = np.random.RandomState(0).randint(0, 40, (96, 80))
    path, weights = str(tmp_path / ("picture" + suffix)), str(tmp_path / "weights.npz")
    cv2.imwrite(path, (script["draw_picture"](np.random.RandomState(3), 96)[:, :80] // 2 + noise).astype("uint8"))
    with open(path, "rb") as f:
        encoded = base64.urlsafe_b64encode(f.read())
    image = cv2.imread(path, cv2.IMREAD_GRAYSCALE)[np.newaxis]

    def config(model, name, restored=None):
        return PredictConfig(model=script[model](), session_init=restored, input_names=[name], output_names=["prediction_img"])

    with OfflinePredictor(config("Model", "input_img")) as predictor:
        expected = predictor(image)[0]
        variables = predictor.sess.graph.get_collection("variables")
        save_checkpoint_vars({v.op.name: predictor.sess.run(v) for v in variables}, weights)
    with OfflinePredictor(config("InferenceOnlyModel", "input_img_bytes", SmartInit(weights))) as predictor:
        np.testing.assert_allclose(predictor(encoded)[0], expected, atol=1e-6)


def test_grid_puts_tiles_in_rows(monkeypatch):
    grid = example_globals(monkeypatch, "basics/mnist-visualizations.py")["grid"]
    tiles = tf.constant([[[0., 1]], [[5, 3]], [[1, 2]], [[9, 1]]])
    with tf.Session() as sess:
        picture = sess.run(grid(tiles, 2))
    assert picture.shape == (1, 4, 6, 1)
    assert picture[0, :, :, 0].round(3).tolist() == [
        [0, 1, 1, 1, 0, 1], [1] * 6, [0, 1, 1, 1, 0, 1], [1] * 6]


def test_missing_data_is_said(monkeypatch, tmp_path, capsys):
    folder = tmp_path / "cifar10_data" / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    monkeypatch.setenv("TENSORPACK_DATASET", str(tmp_path))
    for name in ("http_proxy", "https_proxy"):  # a proxy that does not answer stands for a machine without network
        monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.setenv(name.upper(), "http://127.0.0.1:9")
    monkeypatch.setattr("urllib.request._opener", None)  # it keeps the proxies that it was made with
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(AssertionError, match="ended with 2"):
        run_example(monkeypatch, tmp_path, "basics/cifar-convnet.py")
    message = capsys.readouterr().err
    assert "cifar-10-python.tar.gz" in message and str(tmp_path / "cifar10_data") in message


def has_keras_2():
    try:
        compat.graph_keras()
    except ImportError:
        return False
    return True


def test_keras_model_trains_or_says_what_it_needs(monkeypatch, tmp_path, capsys):
    if not has_keras_2():
        with pytest.raises(AssertionError, match="ended with 2"):
            run_example(monkeypatch, tmp_path, "keras/mnist-keras.py", "--fake")
        assert "pip install tf_keras" in capsys.readouterr().err
        return
    run_example(monkeypatch, tmp_path, "keras/mnist-keras.py", "--fake", "--logdir", "log")
    statistics = last_statistics(tmp_path / "log")
    assert statistics["global_step"] == 4 and 0 <= statistics["validation_categorical_accuracy"] <= 1
    assert statistics["total_loss"] > statistics["categorical_crossentropy"] > 0
    assert (tmp_path / "log" / "max-validation_categorical_accuracy.index").is_file()
