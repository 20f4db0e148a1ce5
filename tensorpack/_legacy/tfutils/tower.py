"""Tower contexts as they used to be made, and the inputs of towers by their old names."""
from __future__ import annotations

from typing import Any, Optional

from ...utils._types import wraps
from .._spelling import warn_once


def adapt_tower(module: Any) -> None:
    today = module.TowerContext

    @wraps(today)
    def TowerContext(tower_name: str, is_training: Optional[bool] = None, *args: Any, **kwargs: Any) -> Any:
        if is_training is None:
            is_training = not tower_name.startswith("towerp")
            warn_once("TowerContext(name)", "TowerContext(name, is_training={})".format(is_training))
        if args and not isinstance(args[0], str):  # it was the number of the tower
            kwargs, args = dict(zip(("index", "vs_name"), args), **kwargs), ()
        index = kwargs.pop("index", None)
        if index is None:
            return today(tower_name, is_training, *args, **kwargs)
        warn_once("TowerContext(index=)", "TrainTowerContext(name, index=, total=)")
        if not is_training:
            return today(tower_name, is_training, **kwargs)
        return module.TrainTowerContext(tower_name, index=index, total=index + 1, **kwargs)

    module.TowerContext = TowerContext
    module.TowerFunc.inputs_desc = property(_input_signature)
    module.BaseTowerContext.is_main_tower = property(_is_main)


def _input_signature(self: Any) -> Any:
    warn_once("TowerFunc.inputs_desc", "input_signature")
    return self.input_signature


def _is_main(self: Any) -> bool:
    warn_once("TowerContext.is_main_tower", "is_main_training_tower")
    return self.is_main_training_tower
