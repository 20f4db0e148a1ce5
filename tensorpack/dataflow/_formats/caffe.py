"""The `Datum` of Caffe's databases, decoded without Caffe and its generated code."""
from __future__ import annotations

from typing import Any, List

import numpy as np

from ...utils._caffe.schema import parse_binary


def decode_datum(value: bytes) -> List[Any]:
    """A serialized `caffe.Datum` as `[image, label]`: uint8 HxWxC, int.

    Raises:
        ValueError: it is none, or holds no uint8 image (but floats, or a compressed one).
    """
    datum = parse_binary("Datum", value)
    image = np.frombuffer(datum.data, dtype="uint8").reshape(datum.channels, datum.height, datum.width).transpose(1, 2, 0)
    return [np.ascontiguousarray(image), datum.label]
