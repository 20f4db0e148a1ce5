"""`tf.nn`: TensorFlow's own names, and the recurrent cells. Its own loops (`dynamic_rnn`, `raw_rnn`, ...) run these cells."""
from __future__ import annotations

import importlib
from typing import Any, List

from ....compat import tfv1 as tf


def __getattr__(name: str) -> Any:
    if name == "rnn_cell":  # TensorFlow's own name stands for a module of Keras 2
        return importlib.import_module(".rnn_cell", __name__)
    return getattr(tf.nn, name)


def __dir__() -> List[str]:
    return sorted(set(dir(tf.nn)) | {"rnn_cell"})
