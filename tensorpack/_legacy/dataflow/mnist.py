"""Functions of `dataset.mnist` that were copied from a tutorial of TensorFlow."""
from __future__ import annotations

from typing import Any

import numpy as np

from ...utils._types import wraps
from .._spelling import warn_once

SOURCE_URL = "http://yann.lecun.com/exdb/mnist/"


def _read32(bytestream: Any) -> np.ndarray:
    """The next four bytes as a number, the most significant one first."""
    return np.frombuffer(bytestream.read(4), dtype=">u4")[0]


def adapt_mnist(module: Any) -> None:
    """`maybe_download` takes the name of a file of the dataset as well as its address."""
    today = module.maybe_download

    @wraps(today)
    def maybe_download(url: str, directory: str) -> str:
        if "://" not in url:
            warn_once("maybe_download(filename, directory)", "maybe_download(url, directory)")
            url = SOURCE_URL + url
        return today(url, directory)

    module.maybe_download = maybe_download
