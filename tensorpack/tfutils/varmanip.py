"""Values of variables: reading and writing them as files, and assigning them in a session."""
from __future__ import annotations

import os
from typing import Any, Dict, Mapping

import numpy as np

from ..compat import tfv1 as tf
from ..utils import logger
from ..utils._text.keywords import keywords_told
from ._restore.assigning import SessionUpdate as SessionUpdate
from ._restore.checkpoint import get_all_checkpoints, get_checkpoint_path, open_checkpoint, write_checkpoint
from ._restore.matching import (
    get_savename_from_varname as get_savename_from_varname,  # kept for scripts that import it from here
)
from ._restore.matching import is_training_name as is_training_name
from ._restore.names import op_name, tensor_name, with_text_keys
from ._restore.numpy_files import load_numpy_dict as load_numpy_dict
from ._restore.numpy_files import write_npz
from ._restore.variables import weights

__all__ = ["SessionUpdate", "dump_session_params", "get_all_checkpoints", "get_checkpoint_path", "load_checkpoint_vars",
           "load_chkpt_vars", "save_checkpoint_vars", "save_chkpt_vars"]


def dump_session_params(path: str) -> None:
    """Save what inference needs from the default session: GLOBAL variables that are TRAINABLE or MODEL variables.

    Keys are `name:0`; a partitioned variable is saved as a whole. The format follows from `path` as in `save_checkpoint_vars`.

    Raises:
        RuntimeError: there is no default session.
    """
    session = tf.get_default_session()
    if session is None:
        raise RuntimeError("dump_session_params({!r}): there must be a default session; got none; "
                           "call it inside `with sess.as_default():`".format(path))
    variables = weights(session.graph)
    values = session.run({name: variable.parts for name, variable in variables.items()})
    save_checkpoint_vars({tensor_name(name): variables[name].join(parts) for name, parts in values.items()}, path)


@keywords_told
def save_checkpoint_vars(dic: Mapping[str, Any], path: str) -> None:
    """Save {variable name: value} as a file, replaced as a whole.

    Args:
        dic: names with or without `:0`, and arrays.
        path: ending in `.npz`: a compressed numpy file with these very keys. Otherwise: a checkpoint of that name (names
            without `:0`, no meta graph); the directory's state file `checkpoint` is left alone. Either keeps bfloat16 and
            float8 exactly.

    Raises:
        TypeError: a key is neither str nor bytes.
        ValueError: `path` ends in `.npy`, or a checkpoint would be empty or have a name twice.
    """
    path = os.fspath(path)
    dic = with_text_keys("save_checkpoint_vars({!r})".format(path), dic)
    logger.info("Variables to save to %s: %s", path, ", ".join(sorted(dic)))
    if path.endswith(".npy"):
        raise ValueError("save_checkpoint_vars({!r}): path must end in .npz or name a checkpoint; "
                         ".npy cannot hold a dict".format(path))
    if path.endswith(".npz"):
        write_npz(path, dic)
    else:
        write_checkpoint(dic, path)


@keywords_told
def load_checkpoint_vars(path: str, *, allow_pickle: bool = False) -> Dict[str, np.ndarray]:
    """All variables of a file: {name without `:0`: array}.

    Args:
        path: a `.npz` file, or a checkpoint in any spelling that `get_checkpoint_path` takes. A checkpoint of a
            partitioned variable holds the whole.
        allow_pickle: make whatever objects a `.npz` file names, which can run any code: only for files that you trust.

    Raises:
        ValueError: the file is missing or damaged, or holds something else than plain data and arrays.
    """
    path = os.fspath(path)
    if path.endswith(".npz"):
        return {op_name(name): value for name, value in load_numpy_dict(path, allow_pickle=allow_pickle).items()}
    reader = open_checkpoint(path)
    return {op_name(name): reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


save_chkpt_vars = save_checkpoint_vars  # kept for scripts written with the short names
load_chkpt_vars = load_checkpoint_vars
