"""Names of `tf.contrib.data` that `tf.data.experimental` has; each is looked up on use."""
from __future__ import annotations

from typing import Any

from .....compat import tfv1 as tf


def __getattr__(name: str) -> Any:
    return getattr(tf.data.experimental, name)
