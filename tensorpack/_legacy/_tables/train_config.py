"""`TrainConfig`: its keywords and attributes."""
from __future__ import annotations

from .._table import Part

_TRAINER = "the argument gpus of the trainer"

PART = Part(
    names={
        "train.base.DEFAULT_CALLBACKS": "train.config.DEFAULT_CALLBACKS",
        "train.base.DEFAULT_MONITORS": "train.config.DEFAULT_MONITORS",
    },
    keywords={"train.config.TrainConfig": {"dataset": "dataflow", "step_per_epoch": "steps_per_epoch"}},
    adapters={"train.config": "train_config.adapt_train_config"},
    behaviours={
        "TrainConfig(nr_tower)": _TRAINER,
        "TrainConfig(tower)": _TRAINER,
        "TrainConfig(predict_tower)": "InferenceRunner(device=) and trainer.get_predictor(..., device=)",
        "TrainConfig(optimizer)": "ModelDesc.optimizer, which returns it",
        "TrainConfig.optimizer": "ModelDesc.optimizer, which returns it",
        "TrainConfig.nr_tower": _TRAINER,
        "TrainConfig.set_tower": _TRAINER,
        "config.nr_tower": _TRAINER,
    },
)
