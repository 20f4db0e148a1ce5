"""What the relatives of Adam share: its hyper-parameters in the type of a variable."""
from __future__ import annotations

from typing import Any, NamedTuple

from .......compat import tfv1 as tf

__all__ = ["Settings", "settings"]


class Settings(NamedTuple):
    """Scalars of one type; the powers are those of the step to be made."""

    learning_rate: Any
    beta1: Any
    beta2: Any
    epsilon: Any
    beta1_power: Any
    beta2_power: Any

    @property
    def step_size(self) -> Any:
        """The learning rate corrected for the bias of both averages."""
        return self.learning_rate * tf.sqrt(1 - self.beta2_power) / (1 - self.beta1_power)


def settings(optimizer: Any, dtype: Any) -> Settings:
    """Those of a `tf.train.AdamOptimizer`."""
    beta1_power, beta2_power = optimizer._get_beta_accumulators()
    values = (optimizer._lr_t, optimizer._beta1_t, optimizer._beta2_t, optimizer._epsilon_t, beta1_power, beta2_power)
    return Settings(*[tf.cast(value, dtype) for value in values])
