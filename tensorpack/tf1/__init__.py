"""The API of TensorFlow 1 on every supported TensorFlow: `from tensorpack import tf1 as tf`.

On TensorFlow 1.15 these are its own names. On 2.x they are those of `tensorflow.compat.v1`, in graph mode, together with what
it lost: `tf.layers`, `tf.nn.rnn_cell`, `tf.nn.dynamic_rnn`, `tf.contrib` and others, which are made of plain operations here.
`python -m tensorpack.tf1 program.py` runs a whole program on them with no line of it changed.

Nothing is imported before it is used.
"""
from __future__ import annotations

import importlib
import sys
from typing import Any, List

__all__: List[str] = []


def __getattr__(name: str) -> Any:
    if name.startswith("_"):  # asked for by the import system and by tools
        raise AttributeError("module {!r} has no attribute {!r}".format(__name__, name))
    value = getattr(_version_1(), name)
    if type(value).__name__ != "MissingModule":
        setattr(sys.modules[__name__], name, value)  # the next access does not come here
    return value


def __dir__() -> List[str]:
    return dir(_version_1())


def _version_1() -> Any:
    from ..compat import VERSION

    return sys.modules["tensorflow"] if VERSION < (2, 0) else importlib.import_module("._tensorflow", __name__)
