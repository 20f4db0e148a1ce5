"""A config on its way to a spawned process."""
from __future__ import annotations

import copy

from ..tfutils._inference import require_predict_config
from ..tfutils.tower import TowerFunc
from ..utils._process.pickling import dumps
from .config import PredictConfig


def dumps_config(who: str, config: PredictConfig) -> bytes:
    """Pickle a config without the towers that it has built in this process, which belong to graphs of this process.

    Raises:
        TypeError: it is no PredictConfig, or a part of it cannot be pickled.
    """
    config = copy.copy(require_predict_config(who, config))
    config.tower_func = TowerFunc(config.tower_func._tower_fn, config.input_signature)
    return dumps(who, "config", config)
