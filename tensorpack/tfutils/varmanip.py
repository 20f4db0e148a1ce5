"""Values of variables: reading and writing them as files, and assigning them in a session without growing the graph."""
from __future__ import annotations

import os
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from ..compat import tfv1 as tf
from ..utils import logger
from ..utils.fs import atomic_write
from ._restore.checkpoint import get_all_checkpoints, get_checkpoint_path, open_checkpoint, write_checkpoint
from ._restore.matching import (
    get_savename_from_varname as get_savename_from_varname,  # kept for scripts that import it from here
)
from ._restore.matching import is_training_name as is_training_name
from ._restore.names import near_names, op_name, tensor_name

__all__ = ["SessionUpdate", "dump_session_params", "get_all_checkpoints", "get_checkpoint_path", "load_checkpoint_vars",
           "load_chkpt_vars", "save_checkpoint_vars", "save_chkpt_vars"]

# Bytes of values fed in one session call: enough to make calls rare, little beside the model itself.
_BYTES_PER_CALL = 256 << 20


class SessionUpdate:
    """Assigns numpy values to variables of a session, through their initialisers: no operation is added to the graph.

    Args:
        sess: the session.
        vars_to_update: variables that may be updated.
        ignore_mismatch: leave out a value that does not fit, with a warning, instead of raising.
    """

    def __init__(self, sess: tf.Session, vars_to_update: Iterable[Any], ignore_mismatch: bool = False):
        self.sess = sess
        self.name_map = {variable.name: variable for variable in vars_to_update}
        self.ignore_mismatch = ignore_mismatch

    @staticmethod
    def relaxed_value_for_var(value: Any, var: Any, ignore_mismatch: bool = False) -> Optional[np.ndarray]:
        """The value as an array that `var` takes: reshaped or cast, with a warning, where that loses nothing.

        A shape with the same number of elements is reshaped. Floats are cast to floats of another width and integers to
        wider ones. With `ignore_mismatch`, None and a warning for a value that does not fit.

        Raises:
            ValueError: the number of elements differs.
            TypeError: the dtype differs in a way that could lose information.
        """
        try:
            return _cast(_reshape(np.asarray(value), var), var)
        except (TypeError, ValueError) as e:
            if not ignore_mismatch:
                raise
            logger.warning("%s; the variable keeps its value.", e)
            return None

    def update(self, prms: Mapping[str, Any]) -> int:
        """Assign {variable name, with or without `:0`: value}; returns how many variables were assigned.

        Raises:
            KeyError: a name is not one of the variables.
            ValueError, TypeError: a value does not fit (see `relaxed_value_for_var`).
        """
        pairs = [(self._variable(name), value) for name, value in prms.items()]
        return self.assign(pairs)

    def assign(self, pairs: Iterable[Tuple[Any, Any]]) -> int:
        """Assign (variable, value) pairs, which may be read lazily; returns how many variables were assigned."""
        count, num_bytes = 0, 0
        operations: List[Any] = []
        feeds: Dict[Any, np.ndarray] = {}
        for variable, value in pairs:
            value = self.relaxed_value_for_var(value, variable, self.ignore_mismatch)
            if value is None:
                continue
            source = variable.initializer.inputs[1]
            # variables made from one tensor share it as their initial value: it takes one feed per call
            if source.name in feeds or num_bytes + value.nbytes > _BYTES_PER_CALL:
                self._run(operations, feeds)
                operations, feeds, num_bytes = [], {}, 0
            operations.append(variable.initializer)
            feeds[source.name] = value
            num_bytes += value.nbytes
            count += 1
        self._run(operations, feeds)
        return count

    def _run(self, operations: Sequence[Any], feeds: Mapping[str, np.ndarray]) -> None:
        if operations:
            self.sess.run(operations, feed_dict=feeds)

    def _variable(self, name: str) -> Any:
        try:
            return self.name_map[tensor_name(name)]
        except KeyError:
            raise KeyError("SessionUpdate.update: each name must be one of the {} variables to update; got {!r}; {}".format(
                len(self.name_map), name, near_names(op_name(name), map(op_name, self.name_map)))) from None


def _reshape(value: np.ndarray, variable: Any) -> np.ndarray:
    shape = variable.shape
    if shape.is_compatible_with(value.shape):
        return value
    if not shape.is_fully_defined() or shape.num_elements() != value.size:
        raise ValueError("variable {}: its value must have the shape {}; got {}; "
                         "pass ignore_mismatch=True to leave it out".format(variable.name, shape, value.shape))
    wanted = tuple(shape.as_list())
    logger.warning("Variable %s: the value of shape %s is reshaped to %s.", variable.name, value.shape, wanted)
    return value.reshape(wanted)


def _cast(value: np.ndarray, variable: Any) -> np.ndarray:
    wanted = variable.dtype.base_dtype
    got = tf.string if value.dtype.kind in "SUO" else tf.as_dtype(value.dtype)
    if got == wanted:
        return value
    to = np.dtype(wanted.as_numpy_dtype)
    floats = got.is_floating and wanted.is_floating
    if not floats and not (got.is_integer and wanted.is_integer and np.can_cast(value.dtype, to, "safe")):
        raise TypeError("variable {}: its value must be {}; got {}, which cannot be cast without loss; convert it, "
                        "or pass ignore_mismatch=True to leave it out".format(variable.name, wanted.name, got.name))
    logger.warning("Variable %s: the value of type %s is cast to %s.", variable.name, got.name, wanted.name)
    return value.astype(to)


def dump_session_params(path: str) -> None:
    """Save what inference needs from the default session: GLOBAL variables that are TRAINABLE or MODEL variables.

    Keys are `name:0`. The format follows from `path` as in `save_checkpoint_vars`.

    Raises:
        RuntimeError: there is no default session.
    """
    session = tf.get_default_session()
    if session is None:
        raise RuntimeError("dump_session_params({!r}): there must be a default session; got none; "
                           "call it inside `with sess.as_default():`".format(path))
    graph = session.graph
    keys = (tf.GraphKeys.TRAINABLE_VARIABLES, tf.GraphKeys.MODEL_VARIABLES)
    kept = {id(variable) for key in keys for variable in graph.get_collection(key)}
    variables = {v.name: v for v in graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES) if id(v) in kept}
    save_checkpoint_vars(session.run(variables), path)


def save_checkpoint_vars(dic: Mapping[str, Any], path: str) -> None:
    """Save {variable name: value} as a file, replaced as a whole.

    Args:
        dic: names with or without `:0`, and arrays.
        path: ending in `.npz`: a compressed numpy file with these very keys. Otherwise: a checkpoint of that name (names
            without `:0`, no meta graph); the directory's state file `checkpoint` is left alone.

    Raises:
        ValueError: `path` ends in `.npy`, or a checkpoint would be empty or have a name twice.
    """
    path = os.fspath(path)
    logger.info("Variables to save to %s: %s", path, ", ".join(sorted(dic)))
    if path.endswith(".npy"):
        raise ValueError("save_checkpoint_vars({!r}): path must end in .npz or name a checkpoint; "
                         ".npy cannot hold a dict".format(path))
    if path.endswith(".npz"):
        with atomic_write(path, "wb") as f:
            np.savez_compressed(f, **dic)
    else:
        write_checkpoint(dic, path)


def load_checkpoint_vars(path: str) -> Dict[str, np.ndarray]:
    """All variables of a file: {name without `:0`: array}.

    Args:
        path: a `.npz` file, or a checkpoint in any spelling that `get_checkpoint_path` takes.

    Raises:
        ValueError: the file is missing or damaged.
    """
    path = os.fspath(path)
    if path.endswith(".npz"):
        return {op_name(name): value for name, value in load_numpy_dict(path).items()}
    reader = open_checkpoint(path)
    return {op_name(name): reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def load_numpy_dict(path: str) -> Dict[str, np.ndarray]:
    """The dict in a `.npz` file, or in a `.npy` file that holds a pickled one; keys as they are.

    Raises:
        ValueError: the file is missing, damaged, or holds no dict.
    """
    if not os.path.isfile(path):
        raise ValueError("{}: must be an existing file; got none of that name".format(path))
    try:
        if path.endswith(".npz"):
            with np.load(path) as archive:
                return {name: archive[name] for name in archive.files}
        content = np.load(path, allow_pickle=True, encoding="latin1")
    except Exception as e:  # a damaged archive raises whatever the parser that met it raises
        raise ValueError("{}: must be a numpy file of variables; reading it failed: {}".format(path, e)) from e
    content = content.item() if content.ndim == 0 else content
    if not isinstance(content, dict):
        raise ValueError("{}: must hold a dict {{variable name: array}}; got {}".format(path, type(content).__name__))
    return content


save_chkpt_vars = save_checkpoint_vars  # kept for scripts written with the short names
load_chkpt_vars = load_checkpoint_vars
