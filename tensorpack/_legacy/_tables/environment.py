"""Variables of the environment, and Keras models by the old names of their signatures."""
from __future__ import annotations

from .._table import Part

_KERAS = {"inputs_desc": "input_signature", "model": "get_model", "targets_desc": "target_signature"}

PART = Part(
    keywords={
        "contrib.keras.KerasModel": _KERAS,
        "contrib.keras.setup_keras_trainer": _KERAS,
        "tfutils._tower.handle.TowerTensorHandle": {"inputs_desc": "input_signature"},
    },
    adapters={"tfutils.tower": "tower_func.adapt_tower", "utils.develop": "environment.adapt_develop"},
    behaviours={
        "TENSORPACK_COMPATIBLE_SERIALIZE": "without effect: TENSORPACK_SERIALIZE chooses the format",
        "TENSORPACK_DOC_BUILDING": "DOC_BUILDING",
        "TENSORPACK_TRAIN_API": "without effect: the trainers of both are there",
        "TowerFunc.inputs_desc": "TowerFunc.input_signature",
    },
)
