"""How variables get their values when a session starts: from a checkpoint, from a dict, or from several of them in turn."""
from __future__ import annotations

import os
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Union

import numpy as np

from ..compat import tfv1 as tf
from ..utils import logger
from ..utils._text.keywords import KeywordsTold, keywords_told
from ._restore.checkpoint import CheckpointReaderAdapter as CheckpointReaderAdapter  # kept for scripts, as the next one
from ._restore.checkpoint import get_checkpoint_path, open_checkpoint
from ._restore.matching import MismatchLogger as MismatchLogger
from ._restore.matching import grouped
from ._restore.names import NamePatterns, op_name, tensor_name, with_text_keys
from ._restore.numpy_files import load_numpy_dict
from ._restore.restoration import Restoration, RestoreOptions, StoredValues

__all__ = ["ChainInit", "DictRestore", "JustCurrentSession", "SaverRestore", "SaverRestoreRelaxed", "SessionInit",
           "SmartInit", "get_model_loader"]

AllowMissing = Union[None, bool, str, Sequence[str]]


class SessionInit(KeywordsTold):
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

    @property
    def _is_empty(self) -> bool:
        """Whether it was given nothing to load."""
        return False

    def _left(self, graph: tf.Graph, names: List[str]) -> List[str]:
        """Override: those of the variables that keep their initial values although nobody has allowed it.

        What does not say is taken to set all.
        """
        return []

    def _misfits(self, graph: tf.Graph, names: List[str]) -> Dict[str, str]:
        """Override: those of the variables whose values are left out because they do not fit, and why."""
        return {}

    def _certain(self, graph: tf.Graph) -> List[str]:
        """Override: names of variables that are set, if nothing is an error."""
        return []

    def _surplus(self, graph: tf.Graph) -> List[str]:
        """Override: the names of values that no variable takes."""
        return []

    def _words(self) -> str:
        """Override: where the values come from."""
        return type(self).__name__


class JustCurrentSession(SessionInit):
    """Does nothing: variables keep their initial values."""

    @property
    def _is_empty(self) -> bool:
        return True

    def _left(self, graph: tf.Graph, names: List[str]) -> List[str]:
        return names


class _RestoreByName(SessionInit):
    """Base of what gives stored values to variables of the same names. A subclass tells which values, and with what options."""

    @property
    def _options(self) -> RestoreOptions:
        raise NotImplementedError()

    def _stored(self) -> StoredValues:
        raise NotImplementedError()

    def _restoration(self, graph: tf.Graph) -> Restoration:
        return Restoration(type(self).__name__, self._stored(), self._options, graph)

    def _setup_graph(self) -> None:
        # Only to fail before a session is made: variables may still be added.
        if not self._is_empty:
            self._restoration(tf.get_default_graph())

    def _run_init(self, sess: tf.Session) -> None:
        if not self._is_empty:
            self._restoration(sess.graph).run(sess)

    def _left(self, graph: tf.Graph, names: List[str]) -> List[str]:
        return names if self._is_empty else self._restoration(graph).left(names)

    def _misfits(self, graph: tf.Graph, names: List[str]) -> Dict[str, str]:
        return {} if self._is_empty else self._restoration(graph).misfits(names)

    def _certain(self, graph: tf.Graph) -> List[str]:
        if self._is_empty or self._options.ignore_mismatch:
            return []
        return [name for name, _ in self._restoration(graph).pairs]

    def _surplus(self, graph: tf.Graph) -> List[str]:
        return [] if self._is_empty else self._restoration(graph).unused

    def _words(self) -> str:
        return self._stored().words


class SaverRestore(_RestoreByName):
    """Restores GLOBAL variables from a checkpoint by exact name; creates no operations.

    A value with as many elements but another shape is reshaped, floats are cast to floats and integers to wider ones, with a
    warning. Adam's `beta1_power` and `beta2_power` are also found under the scopes where earlier releases saved them. A
    partitioned variable is one variable, however many parts it has in the graph and had when it was saved.

    Args:
        model_path: what `get_checkpoint_path` takes; the attribute `path` is the handle that was found.
        prefix: variables in this scope are looked up without it.
        ignore: names in the checkpoint that are not loaded: whole ones, neither scopes nor patterns. One that is neither there
            nor in the graph is warned of.
        weights_only: load TRAINABLE and MODEL variables only: neither optimizer state, nor learning rate, nor global step.
        allow_missing: variables of the graph that may be missing from the checkpoint: True for all, or regular expressions
            for whole names. It matters where that is an error: no variable matches, or one that a prediction needs does not.

    Raises:
        ValueError: the checkpoint is missing or damaged; no variable at all matches; a shape does not fit.
        TypeError: a dtype does not fit.
    """

    _ignore_mismatch = False
    _weights_only = False
    _may_miss = NamePatterns("allow_missing")

    def __init__(self, model_path: str, prefix: Optional[str] = None, ignore: Iterable[str] = (), *,
                 weights_only: bool = False, allow_missing: AllowMissing = None):
        model_path = os.fspath(model_path)
        if model_path.endswith((".npy", ".npz")):
            logger.warning("SaverRestore(%r) reads TensorFlow checkpoints; a numpy file is read by SmartInit.", model_path)
        who = type(self).__name__
        if isinstance(ignore, str):
            raise TypeError("{}(ignore=): must be a list of names; got the string {!r}; write ignore=[{!r}]".format(
                who, ignore, ignore))
        self.path = get_checkpoint_path(model_path)
        self.prefix = prefix
        self.ignore = [tensor_name(name) for name in ignore]
        self._weights_only = weights_only
        self._may_miss = NamePatterns(who + "(allow_missing=)", allow_missing)

    @property
    def _options(self) -> RestoreOptions:
        return RestoreOptions(self.prefix, self.ignore, self._ignore_mismatch, self._weights_only, self._may_miss)

    def _stored(self) -> StoredValues:
        reader = open_checkpoint(self.path)
        shapes = {op_name(name): shape for name, shape in reader.get_variable_to_shape_map().items()}
        return StoredValues("checkpoint " + self.path, shapes, reader.get_tensor, "pass prefix=")

    def _run_init(self, sess: tf.Session) -> None:
        logger.info("Restoring checkpoint from %s ...", self.path)
        super()._run_init(sess)


class SaverRestoreRelaxed(SaverRestore):
    """Like SaverRestore, but a value that does not fit is left out with a warning, and nothing has to match.

    A prediction or export still must get all weights that it needs: what is left out is missing (see `allow_missing`).
    """

    _ignore_mismatch = True


class DictRestore(_RestoreByName):
    """Restores GLOBAL variables from a dict by exact name; in all else like `SaverRestore`.

    Args:
        variable_dict: name, with or without `:0`, -> array or number. An empty dict loads nothing.
        ignore_mismatch: leave out a value that does not fit, with a warning, instead of raising ValueError or TypeError;
            and nothing has to match. For a prediction or export such a value is missing (see `allow_missing`).
        weights_only, allow_missing: as in `SaverRestore`.

    Raises:
        TypeError: it is no dict, or a key is no name; a dtype does not fit.
        ValueError: no variable at all matches; a shape does not fit.
    """

    _source = "dict"

    def __init__(self, variable_dict: Mapping[str, Any], ignore_mismatch: bool = False, *, weights_only: bool = False,
                 allow_missing: AllowMissing = None):
        if not isinstance(variable_dict, dict):
            raise TypeError("DictRestore: variable_dict must be a dict {{variable name: array}}; got {}".format(
                type(variable_dict).__name__))
        self._prms = {op_name(name): value for name, value in with_text_keys("DictRestore", variable_dict).items()}
        self._given_options = RestoreOptions(
            ignore_mismatch=ignore_mismatch, weights_only=weights_only,
            may_miss=NamePatterns("DictRestore(allow_missing=)", allow_missing))

    @property
    def _options(self) -> RestoreOptions:
        return self._given_options

    @property
    def _is_empty(self) -> bool:
        return not self._prms

    def _stored(self) -> StoredValues:
        shapes = {name: np.shape(value) for name, value in self._prms.items()}
        return StoredValues(self._source, shapes, self._prms.__getitem__, "rename the keys of the dict")

    def _run_init(self, sess: tf.Session) -> None:
        if not self._is_empty:
            restoration = self._restoration(sess.graph)
            logger.info("Variables to restore from dict: %s", grouped([name for name, _ in restoration.pairs]))
            restoration.run(sess)


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

    @property
    def _is_empty(self) -> bool:
        return all(init._is_empty for init in self.inits)

    def _left(self, graph: tf.Graph, names: List[str]) -> List[str]:
        for init in self.inits:
            names = init._left(graph, names)
        return names

    def _misfits(self, graph: tf.Graph, names: List[str]) -> Dict[str, str]:
        return {name: why for init in self.inits for name, why in init._misfits(graph, names).items()}

    def _surplus(self, graph: tf.Graph) -> List[str]:
        return [name for init in self.inits for name in init._surplus(graph)]

    def _words(self) -> str:
        return " or the ".join(init._words() for init in self.inits)


@keywords_told
def SmartInit(obj: Any, *, ignore_mismatch: bool = False, weights_only: bool = False,
              allow_missing: AllowMissing = None, allow_pickle: bool = False) -> SessionInit:
    """The SessionInit that loads `obj`.

    Args:
        obj: a checkpoint or the directory of one (see `get_checkpoint_path`), a `.npz` or `.npy` file, a dict
            {variable name: array}, a SessionInit, or a list or tuple of these, applied in order. None or anything empty
            loads nothing.
        ignore_mismatch: leave out values that do not fit, with a warning, instead of raising; and nothing has to match.
            For a prediction or export such a value is missing (see `allow_missing`).
        weights_only: load TRAINABLE and MODEL variables only, as fine-tuning wants it: neither optimizer state, nor learning
            rate, nor global step.
        allow_missing: variables of the graph that may be missing from `obj`: True for all, or regular expressions for whole
            names. It matters where that is an error: no variable matches, or one that a prediction needs does not.
        allow_pickle: make whatever objects a numpy file names, which can run any code: only for files that you trust.
            Without it a numpy file holds arrays, or a pickled dict of arrays and other plain data.

    Raises:
        ValueError: there is no such file, or it is damaged, or a numpy file refers to something else than plain data; or
            `weights_only` for a SessionInit, which has its own options.
        TypeError: `obj` is something else.
    """
    options: Dict[str, Any] = dict(ignore_mismatch=ignore_mismatch, weights_only=weights_only, allow_missing=allow_missing)
    if isinstance(obj, SessionInit):
        if weights_only and not obj._is_empty:
            raise ValueError("SmartInit(weights_only=True): must be given a path or a dict; got {!r}, which has options of its "
                             "own; pass weights_only=True to that".format(obj))
        return obj
    if not isinstance(obj, (str, os.PathLike, dict, list, tuple, type(None))):
        raise TypeError("SmartInit: must be given a path, a dict {{variable name: array}}, a SessionInit, or a list of "
                        "these; got {} {!r}".format(type(obj).__name__, obj))
    if not obj:
        logger.info("No model is loaded: variables keep their initial values.")
        return JustCurrentSession()
    if isinstance(obj, (list, tuple)):
        return ChainInit([SmartInit(each, allow_pickle=allow_pickle, **options) for each in obj])
    if isinstance(obj, dict):
        return DictRestore(obj, **options)
    path = os.path.expanduser(os.fspath(obj))
    if path.endswith((".npy", ".npz")):
        logger.info("Loading dictionary from %s ...", path)
        restore = DictRestore(load_numpy_dict(path, allow_pickle=allow_pickle), **options)
        restore._source = "dict in " + path
        return restore
    del options["ignore_mismatch"]
    return SaverRestoreRelaxed(path, **options) if ignore_mismatch else SaverRestore(path, **options)


get_model_loader = SmartInit  # kept for scripts written with the former name
