"""Variables in numpy files: `.npz`, and `.npy` that holds a pickled dict."""
from __future__ import annotations

import os
from typing import Any, Dict, Mapping

import numpy as np

from ...utils._plain.errors import explained_numpy
from ...utils._plain.numpy_files import NpzReader, read_npy
from ...utils._types import AnyFunction
from ...utils.fs import atomic_write
from .custom_dtypes import for_file, from_file
from .names import near_path, with_text_keys


def write_npz(path: str, values: Mapping[str, Any], compress: bool = True) -> None:
    """Write {name: array} as a `.npz` file, replaced as a whole; keys as they are.

    Arrays of bfloat16 and other dtypes that numpy's files do not know keep their bits and the name of their dtype.
    """
    write: AnyFunction = np.savez_compressed if compress else np.savez
    with atomic_write(path, "wb") as f:
        write(f, **{name: for_file(value) for name, value in values.items()})


def load_numpy_dict(path: str, *, allow_pickle: bool = False) -> Dict[str, np.ndarray]:
    """The dict in a `.npz` file, or in a `.npy` file that holds a pickled one; keys as they are, those of type bytes as str.

    Args:
        path: the file.
        allow_pickle: make whatever objects the file names, which can run any code.

    Raises:
        ValueError: the file is missing, damaged, holds no dict, or holds something else than plain data and arrays.
        TypeError: a key of the dict is no name.
    """
    if not os.path.isfile(path):
        raise ValueError("{}: must be an existing file; got none of that name{}".format(path, near_path(path)))
    with explained_numpy("load_checkpoint_vars or SmartInit", path):
        content = _read(path, allow_pickle)
    if not isinstance(content, dict):
        raise ValueError("{}: must hold a dict {{variable name: array}}; got {}".format(path, type(content).__name__))
    return with_text_keys(path, content)


def _read(path: str, allow_pickle: bool) -> Any:
    if path.endswith(".npz"):
        with NpzReader(path, allow_pickle=allow_pickle, encoding="latin1") as archive:
            return {name: from_file(array) for name, array in archive.all().items()}
    content = read_npy(path, allow_pickle=allow_pickle, encoding="latin1")
    return content.item() if content.ndim == 0 else content
