"""Training goes on from checkpoints that the original wrote, with all that the optimizer keeps."""
import importlib.util
import os

import numpy as np
import pytest

from tensorpack import Callback, DataFromList, SimpleTrainer, SmartInit, TrainConfig, launch_train_with_config, tfv1
from tensorpack.tfutils.varmanip import load_checkpoint_vars

GOLDEN = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "data", "golden")


def golden_model(optimizer):
    spec = importlib.util.spec_from_file_location("golden_layers_model", os.path.join(GOLDEN, "layers_model.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Model(optimizer)


class Look(Callback):
    """The values of all saved variables before and after training."""

    def _values(self):
        variables = tfv1.global_variables()
        return dict(zip([v.op.name for v in variables], self.trainer.sess.run(variables)))

    def _before_train(self):
        self.before = self._values()

    def _after_train(self):
        self.after = self._values()


@pytest.mark.parametrize("optimizer", ["adam", "momentum"])
def test_training_resumes_from_a_checkpoint_of_the_original(optimizer):
    rng, look = np.random.RandomState(0), Look()
    batch = [rng.rand(8, 16, 16, 4).astype("float32"), rng.randint(0, 10, 8).astype("int32")]
    directory = os.path.join(GOLDEN, "layers_" + optimizer)
    launch_train_with_config(TrainConfig(
        model=golden_model(optimizer), dataflow=DataFromList([batch] * 4, shuffle=False), callbacks=[look], monitors=[],
        max_epoch=2, session_init=SmartInit(directory)), SimpleTrainer())

    stored = load_checkpoint_vars(directory)
    assert sorted(look.before) == sorted(stored)
    for name, value in stored.items():
        np.testing.assert_array_equal(look.before[name], value)
    assert (look.before["global_step"], look.after["global_step"]) == (30, 38)
    slots = [name for name in stored if name.endswith(("/Adam", "/Adam_1", "/Momentum"))]
    assert slots and all((look.after[name] != stored[name]).any() for name in slots)
    assert all(np.isfinite(value).all() for value in look.after.values())
