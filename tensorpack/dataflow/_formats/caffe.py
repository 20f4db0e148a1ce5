"""The `Datum` of Caffe's databases, decoded without Caffe and its generated code."""
from __future__ import annotations

from typing import Any, List

import numpy as np

from ...utils._caffe.wire_format import fields, signed

_CHANNELS, _HEIGHT, _WIDTH, _DATA, _LABEL = 1, 2, 3, 4, 5


def decode_datum(value: bytes) -> List[Any]:
    """A serialized `caffe.Datum` as `[image, label]`: uint8 HxWxC, int.

    Raises:
        ValueError: it is none, or holds no uint8 image (but floats, or a compressed one).
    """
    values = dict(fields(value))
    shape = tuple(values.get(k, 0) for k in (_CHANNELS, _HEIGHT, _WIDTH))
    image = np.frombuffer(values.get(_DATA, b""), dtype="uint8").reshape(shape).transpose(1, 2, 0)
    return [np.ascontiguousarray(image), signed(values.get(_LABEL, 0))]
