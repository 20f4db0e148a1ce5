"""`CometMLMonitor`, with an object that keeps what Comet would be sent."""
import sys
import types

import numpy as np
import pytest
from small_training import Call, train, train_in_new_graph

from tensorpack.callbacks._monitors import comet
from tensorpack.callbacks.monitor import CometMLMonitor
from tensorpack.compat import tfv1 as tf
from tensorpack.utils.optional import optional_import

cv2 = pytest.importorskip("cv2")


class Experiment:
    """The methods of `comet_ml.Experiment` that are used, with its parameters."""

    def __init__(self, **kwargs):
        self.kwargs, self.calls = kwargs, []

    def add_tags(self, tags):
        self.calls.append(("tags", tags))

    def set_model_graph(self, graph, overwrite=False):
        self.calls.append(("graph", graph))

    def log_metric(self, name, value, step=None, epoch=None, include_context=True):
        self.calls.append(("metric", name, value, step))

    def log_image(self, image_data, name=None, overwrite=False, image_format="png", image_scale=1.0, step=None):
        pixels = cv2.imdecode(np.frombuffer(image_data.read(), "uint8"), cv2.IMREAD_UNCHANGED)
        self.calls.append(("image", name, image_format, pixels.shape, step))
        self.pixel = pixels.reshape(-1, pixels.shape[-1])[0].tolist()

    def log_epoch_end(self, epoch_cnt, step=None):
        self.calls.append(("epoch", epoch_cnt, step))

    def end(self):
        self.calls.append(("end",))


def put(cb):
    cb.trainer.monitors.put_scalar("a/b", np.float32(1.5))
    cb.trainer.monitors.put_image("red", np.full((4, 5, 3), [200, 0, 0], "uint8"))
    cb.trainer.monitors.put_image("gray", np.zeros((2, 4, 5, 1)))


def test_everything_is_sent_with_its_step():
    experiment = Experiment()
    train([Call(trigger_epoch=put)], [CometMLMonitor(experiment, tags=["x"])], epochs=1)
    assert experiment.calls == [
        ("tags", ["x"]), ("graph", tf.get_default_graph()), ("metric", "a/b", 1.5, 4), ("image", "red", "jpeg", (4, 5, 3), 4),
        ("image", "gray/0", "jpeg", (4, 5), 4), ("image", "gray/1", "jpeg", (4, 5), 4), ("epoch", 1, 4), ("end",)]


def test_a_second_training_is_not_sent_to_an_experiment_that_has_ended():
    experiment = Experiment()
    monitor = CometMLMonitor(experiment)
    train_in_new_graph([], [monitor], epochs=1)
    with pytest.raises(RuntimeError, match="experiment must not have ended; got a second training"):
        train_in_new_graph([Call(trigger_epoch=put)], [monitor], epochs=1)
    assert [call[0] for call in experiment.calls] == ["graph", "epoch", "end"]


def test_colors_are_not_swapped():
    experiment = Experiment()
    train([Call(trigger_epoch=lambda cb: cb.trainer.monitors.put_image("red", np.full((8, 8, 3), [200, 0, 0], "uint8")))],
          [CometMLMonitor(experiment)], epochs=1)
    blue, green, red = experiment.pixel
    assert red > 190 and blue < 10 and green < 10


def test_an_experiment_is_made_of_the_arguments(monkeypatch):
    module = types.ModuleType("comet_ml")
    module.Experiment = Experiment
    monkeypatch.setitem(sys.modules, "comet_ml", module)
    monkeypatch.setattr(comet, "comet_ml", optional_import("comet_ml", needed_by="CometMLMonitor", pip="comet_ml"))
    monitor = CometMLMonitor(project_name="mine")
    assert monitor.experiment.kwargs == {"project_name": "mine"} and monitor.chief_only is False
    with pytest.raises(TypeError, match="got both.*project_name"):
        CometMLMonitor(Experiment(), project_name="mine")


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "comet_ml", None)
    monkeypatch.setattr(comet, "comet_ml", optional_import("comet_ml", needed_by="CometMLMonitor", pip="comet_ml"))
    with pytest.raises(ImportError, match="CometMLMonitor needs the package 'comet_ml'.*pip install comet_ml"):
        CometMLMonitor()
