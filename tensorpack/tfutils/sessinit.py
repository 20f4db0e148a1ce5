"""How variables get their values when a session starts: from a checkpoint, from a dict, or from several of them in turn."""
from __future__ import annotations

import os
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence

from ..compat import tfv1 as tf
from ..utils import logger
from ._restore.checkpoint import CheckpointReaderAdapter, get_checkpoint_path, open_checkpoint
from ._restore.matching import Matching, grouped, log_matching, match_names
from ._restore.matching import MismatchLogger as MismatchLogger  # kept for scripts that import it from here
from ._restore.names import op_name, some, tensor_name
from .varmanip import SessionUpdate, load_numpy_dict

__all__ = ["ChainInit", "DictRestore", "JustCurrentSession", "SaverRestore", "SaverRestoreRelaxed", "SessionInit",
           "SmartInit", "get_model_loader"]


class SessionInit:
    """Base of all ways to initialise a session.

    Trainers and predictors call `_setup_graph` before the session is made (the graph may still grow), then `_run_init` after
    all variables were initialised. One object may serve several graphs.
    """

    def init(self, sess: tf.Session) -> None:
        """Apply it to a session whose graph is not finalized."""
        with sess.graph.as_default():
            self._setup_graph()
        self._run_init(sess)

    def _setup_graph(self) -> None:
        """Override: called with the graph as default graph."""

    def _run_init(self, sess: tf.Session) -> None:
        """Override: called with the session; the graph may be finalized."""


class JustCurrentSession(SessionInit):
    """Does nothing: variables keep their initial values."""


class SaverRestore(SessionInit):
    """Restores GLOBAL variables from a checkpoint by exact name; creates no operations.

    A value with as many elements but another shape is reshaped, floats are cast to floats and integers to wider ones, with a
    warning. Adam's `beta1_power` and `beta2_power` are also found under the scopes where earlier releases saved them.

    Args:
        model_path: what `get_checkpoint_path` takes; the attribute `path` is the handle that was found.
        prefix: variables in this scope are looked up without it.
        ignore: names in the checkpoint that are not loaded.

    Raises:
        ValueError: the checkpoint is missing or damaged; no variable at all matches; a shape does not fit.
        TypeError: a dtype does not fit.
    """

    _ignore_mismatch = False

    def __init__(self, model_path: str, prefix: Optional[str] = None, ignore: Iterable[str] = ()):
        model_path = os.fspath(model_path)
        if model_path.endswith((".npy", ".npz")):
            logger.warning("SaverRestore(%r) reads TensorFlow checkpoints; a numpy file is read by SmartInit.", model_path)
        if isinstance(ignore, str):
            raise TypeError("{}(ignore=): must be a list of names; got the string {!r}; write ignore=[{!r}]".format(
                type(self).__name__, ignore, ignore))
        self.path = get_checkpoint_path(model_path)
        self.prefix = prefix
        self.ignore = [tensor_name(name) for name in ignore]

    def _setup_graph(self) -> None:
        # Only to fail before a session is made: variables may still be added.
        self._match(open_checkpoint(self.path), tf.get_default_graph())

    def _run_init(self, sess: tf.Session) -> None:
        logger.info("Restoring checkpoint from %s ...", self.path)
        reader = open_checkpoint(self.path)
        matching = self._match(reader, sess.graph)
        variables = _global_variables(sess.graph)
        update = SessionUpdate(sess, variables.values(), ignore_mismatch=self._ignore_mismatch)
        loaded = update.assign((variables[name], reader.get_tensor(key)) for name, key in matching.pairs)
        log_matching(matching, "checkpoint " + self.path, loaded, quiet_training=True)

    def _match(self, reader: CheckpointReaderAdapter, graph: tf.Graph) -> Matching:
        stored = reader.get_variable_to_shape_map()
        variables = _global_variables(graph)
        matching = match_names(list(variables), stored, prefix=self.prefix, ignore=self.ignore)
        if not matching.pairs:
            raise ValueError(
                "{}: at least one variable of the graph must be in the checkpoint {}; got no match; the graph has {} "
                "variables: {}; the checkpoint has {}: {}; compare the names; pass prefix= if they differ by a scope".format(
                    type(self).__name__, self.path, len(variables), some(variables, 3),
                    len(stored), some(sorted(map(op_name, stored)), 3)))
        return matching


class SaverRestoreRelaxed(SaverRestore):
    """Like SaverRestore, but a value that does not fit is left out with a warning."""

    _ignore_mismatch = True


class DictRestore(SessionInit):
    """Restores GLOBAL variables from a dict by exact name.

    Args:
        variable_dict: name, with or without `:0`, -> array or number.
        ignore_mismatch: leave out a value that does not fit, with a warning, instead of raising ValueError or TypeError.
    """

    def __init__(self, variable_dict: Mapping[str, Any], ignore_mismatch: bool = False):
        if not isinstance(variable_dict, dict):
            raise TypeError("DictRestore: variable_dict must be a dict {{variable name: array}}; got {}".format(
                type(variable_dict).__name__))
        self._prms = {op_name(name): value for name, value in variable_dict.items()}
        self._ignore_mismatch = ignore_mismatch

    def _run_init(self, sess: tf.Session) -> None:
        variables = _global_variables(sess.graph)
        matching = match_names(list(variables), self._prms)
        logger.info("Variables to restore from dict: %s", grouped([name for name, _ in matching.pairs]))
        update = SessionUpdate(sess, variables.values(), ignore_mismatch=self._ignore_mismatch)
        loaded = update.assign((variables[name], self._prms[key]) for name, key in matching.pairs)
        log_matching(matching, "dict", loaded, quiet_training=False)


class ChainInit(SessionInit):
    """Applies several SessionInit in order; later ones overwrite what earlier ones have set.

    Args:
        sess_inits: a list of SessionInit, kept as the attribute `inits`.
    """

    def __init__(self, sess_inits: Sequence[SessionInit]):
        self.inits: List[SessionInit] = list(sess_inits)

    def _setup_graph(self) -> None:
        for init in self.inits:
            init._setup_graph()

    def _run_init(self, sess: tf.Session) -> None:
        for init in self.inits:
            init._run_init(sess)


def SmartInit(obj: Any, *, ignore_mismatch: bool = False) -> SessionInit:
    """The SessionInit that loads `obj`.

    Args:
        obj: a checkpoint or the directory of one (see `get_checkpoint_path`), a `.npz` or `.npy` file, a dict
            {variable name: array}, a SessionInit, or a list or tuple of these, applied in order. None or anything empty
            loads nothing.
        ignore_mismatch: leave out values that do not fit, with a warning, instead of raising.

    Raises:
        ValueError: there is no such file, or it is damaged.
        TypeError: `obj` is something else.
    """
    if isinstance(obj, SessionInit):
        return obj
    if not isinstance(obj, (str, os.PathLike, dict, list, tuple, type(None))):
        raise TypeError("SmartInit: must be given a path, a dict {{variable name: array}}, a SessionInit, or a list of "
                        "these; got {} {!r}".format(type(obj).__name__, obj))
    if not obj:
        logger.info("No model is loaded: variables keep their initial values.")
        return JustCurrentSession()
    if isinstance(obj, (list, tuple)):
        return ChainInit([SmartInit(each, ignore_mismatch=ignore_mismatch) for each in obj])
    if isinstance(obj, dict):
        return DictRestore(obj, ignore_mismatch=ignore_mismatch)
    path = os.path.expanduser(os.fspath(obj))
    if path.endswith((".npy", ".npz")):
        logger.info("Loading dictionary from %s ...", path)
        return DictRestore(load_numpy_dict(path), ignore_mismatch=ignore_mismatch)
    return SaverRestoreRelaxed(path) if ignore_mismatch else SaverRestore(path)


get_model_loader = SmartInit  # kept for scripts written with the former name


def _global_variables(graph: tf.Graph) -> Dict[str, Any]:
    """Op name -> variable, in graph order."""
    return {op_name(variable.name): variable for variable in graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES)}
