"""Reads pickles of plain values and numpy arrays, as Python 2 wrote them, and nothing that could run code."""
from __future__ import annotations

import codecs
import pickle
from typing import Any

import numpy as np

# What the pickle of an array refers to; taken from a real one, since numpy 2 has it in another module.
_RECONSTRUCT = np.zeros(0).__reduce__()[0]
_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): codecs.encode,  # byte strings that Python 3 wrote for Python 2
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError("it refers to {}.{}".format(module, name))
        return _ALLOWED[module, name]


def load(path: str) -> Any:
    """The content of a pickle; strings of Python 2 become bytes.

    Raises:
        ValueError: the file is no complete pickle, or holds something else than plain values and arrays.
    """
    with open(path, "rb") as f:
        try:
            return _Unpickler(f, encoding="bytes").load()
        except (ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, TypeError, ValueError,
                pickle.UnpicklingError) as e:
            raise ValueError("{}: must be a pickle of plain values and numpy arrays; got {!r}; delete the file, so that it is "
                             "unpacked again, or replace it".format(path, e)) from e
