"""Outputs that need an input which will not be fed are refused when the model is built, for predictions and for exports."""
import os

import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.predict import OfflinePredictor, PredictConfig
from tensorpack.tfutils.export import ModelExporter

SIGNATURE = [tf.TensorSpec((None,), tf.float32, "x"), tf.TensorSpec((None,), tf.float32, "label")]


def build(x, label):
    prediction = tf.multiply(x, 2., name="prediction")
    tf.subtract(prediction, label, name="wrong")


def config(inputs, outputs):
    return PredictConfig(tower_func=build, input_signature=SIGNATURE, input_names=inputs, output_names=outputs)


USES = {
    "predictor": lambda config, path: OfflinePredictor(config),
    "compact": lambda config, path: ModelExporter(config).export_compact(path),
    "serving": lambda config, path: ModelExporter(config).export_serving(path),
}


@pytest.mark.parametrize("use", sorted(USES))
def test_an_output_that_needs_another_input_is_refused(use, tmp_path):
    path = str(tmp_path / "model")
    with pytest.raises(ValueError, match="got 'wrong', which needs 'label' as well; add it to input_names"):
        USES[use](config(["x"], ["prediction", "wrong"]), path)
    assert not os.path.exists(path)


@pytest.mark.parametrize("inputs, outputs", [
    (["x"], ["prediction"]), (["x", "label"], ["wrong"]), (["prediction", "label"], ["wrong"]), (["label"], ["label"])])
def test_what_is_fed_suffices(inputs, outputs):
    with OfflinePredictor(config(inputs, outputs)) as predictor:
        assert len(predictor(*[[1.]] * len(inputs))) == len(outputs)
