"""Hyper-parameters that the chief alone can decide, on all processes of a training."""
from __future__ import annotations

from typing import Dict

from ...callbacks.base import Callback, unwrapped
from ...callbacks.param import HyperParamSetter

__all__ = ["SettingsOfChief"]


class SettingsOfChief(Callback):
    """Before each epoch, setters of the other processes get the values of the chief's, where it alone can know them.

    All of them in one exchange, by name, so that processes need not have the same setters.
    """

    _chief_only = False
    name_scope = "SettingsOfChief"

    def _before_epoch(self) -> None:
        setters = self._setters()
        told = {name: setter.get_current_value() for name, setter in setters.items() if setter._tells_others()}
        for name, value in self.trainer._value_of_chief(told).items():
            if name in setters and not self.trainer.is_chief:
                setters[name]._take(value)

    def _setters(self) -> Dict[str, HyperParamSetter]:
        callbacks = [unwrapped(cb) for cb in self.trainer._callbacks.cbs]
        return {cb._memory.key(): cb for cb in callbacks if isinstance(cb, HyperParamSetter) and not cb.chief_only}
