"""Checkpoint files: finding one, reading it, and writing one without touching the directory's `checkpoint` state file.

A checkpoint `X` (V2 format) is the files `X.index` and `X.data-?????-of-?????`; `X` itself is called its handle.
"""
from __future__ import annotations

import os
import re
import shutil
import tempfile
import uuid
import weakref
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

import numpy as np

from ... import compat
from ...compat import tfv1 as tf
from ...utils import logger
from .names import PART_OF_CHECKPOINT, near_names, near_path, op_name, some, tensor_name

_DATA = re.compile(r"\.data-\d{5}-of-(\d{5})$")
_OTHER_KINDS = [  # of files with weights, by the ends of their names, and what takes them
    ((".pb", ".onnx", ".tflite"), "an exported model, by its name: ExportedPredictor predicts with it"),
    ((".h5", ".hdf5", ".keras"), "one of Keras, by its name: weights_from_keras of contrib.keras makes of its weights a "
                                 "dict for SmartInit"),
    ((".pt", ".pth", ".safetensors"), "one of PyTorch, by its name: SmartInit takes a dict of arrays, by names of variables"),
]
_GLOB = re.compile(r"[][*?\\]")
_STATE_FILE = "checkpoint"
# What a reader raises about a broken file depends on the version and on where the file is broken.
_READER_ERRORS = (tf.errors.OpError, IndexError, RuntimeError, ValueError)


def get_checkpoint_path(path: str) -> str:
    """The handle of the checkpoint that `path` means.

    Args:
        path: a handle; one of the checkpoint's files; a state file `checkpoint` or a directory, which mean the latest
            checkpoint in it. A leading `~` is expanded, and a bare name is taken in the current directory.

    Raises:
        ValueError: there is no checkpoint.
    """
    path = os.path.expanduser(os.fspath(path))
    if not os.path.dirname(path):
        path = os.path.join(".", path)
    if tf.gfile.Exists(path + ".index"):
        return path
    if tf.gfile.IsDirectory(path):
        return _latest_in(path)
    if os.path.basename(path) == _STATE_FILE and tf.gfile.Exists(path):
        return _latest_recorded(path)
    if PART_OF_CHECKPOINT.search(path):
        handle = PART_OF_CHECKPOINT.sub("", path)
        if tf.gfile.Exists(handle + ".index"):
            logger.info("%s is a part of the checkpoint %s", path, handle)
            return handle
    elif tf.gfile.Exists(path):
        return path  # the one-file format of old TensorFlow; the reader tells if it is none
    raise ValueError("get_checkpoint_path({!r}): there must be a checkpoint: {}.index, or a directory that holds one; "
                     "got no such file; {}".format(path, PART_OF_CHECKPOINT.sub("", path),
                                                   near_path(path)[2:] or _what_is_in(os.path.dirname(path))))


def get_all_checkpoints(dir: str, prefix: str = "model") -> List[Tuple[str, int]]:
    """All complete checkpoints `<dir>/<prefix>-<step>`: a list of (handle, step) sorted by step.

    Raises:
        ValueError: `dir` is no directory.
    """
    if not tf.gfile.IsDirectory(dir):
        raise ValueError("get_all_checkpoints({!r}): dir must be a directory; got none of that name".format(dir))
    pattern = re.compile(re.escape(prefix) + r"-(\d+)$")
    found = []
    for handle in complete_checkpoints(dir):
        match = pattern.match(os.path.basename(handle))
        if match:
            found.append((handle, int(match.group(1))))
    return sorted(found, key=lambda pair: pair[1])


def complete_checkpoints(directory: str) -> Iterator[str]:
    """The handles of the checkpoints in the directory that have all of their files, sorted by name."""
    names = set(tf.gfile.ListDirectory(directory))
    for name in sorted(names):
        if name.endswith(".index") and _has_data(names, name[:-len(".index")]):
            yield os.path.join(directory, name[:-len(".index")])


def _has_data(names: Any, base: str) -> bool:
    for name in names:
        match = _DATA.search(name)
        if match and name[:match.start()] == base:
            total = int(match.group(1))
            return all("{}.data-{:05d}-of-{:05d}".format(base, i, total) in names for i in range(total))
    return False


def _is_complete(handle: str) -> bool:
    directory, base = os.path.split(handle)
    if not tf.gfile.IsDirectory(directory or "."):
        return False
    names = set(tf.gfile.ListDirectory(directory or "."))
    return base in names or (base + ".index" in names and _has_data(names, base))


def _latest_in(directory: str) -> str:
    state = os.path.join(directory, _STATE_FILE)
    if tf.gfile.Exists(state):
        return _latest_recorded(state)
    numbered = get_all_checkpoints(directory)
    if numbered:
        return numbered[-1][0]
    handles = list(complete_checkpoints(directory))
    if len(handles) == 1:
        return handles[0]
    raise ValueError("get_checkpoint_path({!r}): a directory must hold a file 'checkpoint', checkpoints 'model-<step>', "
                     "or exactly one checkpoint; {}; name one of its files".format(directory, _what_is_in(directory)))


def _latest_recorded(state_path: str) -> str:
    """The newest complete checkpoint that the state file lists."""
    directory = os.path.dirname(state_path)
    recorded = recorded_checkpoints(directory)
    if not recorded:
        raise ValueError("get_checkpoint_path({!r}): the file must be the list of checkpoints that a Saver writes; "
                         "got something else; name a checkpoint in {}".format(state_path, directory))
    for handle in recorded:
        found = where_recorded(handle, directory)
        if _is_complete(found):
            if os.path.basename(handle) != os.path.basename(recorded[0]):
                logger.warning("The latest checkpoint %s is missing or incomplete; using %s.", recorded[0], found)
            return found
    raise ValueError("get_checkpoint_path({!r}): one of the checkpoints that the file lists must exist; got none of {}; "
                     "{}".format(state_path, sorted(recorded), _what_is_in(directory)))


def recorded_checkpoints(directory: str) -> List[str]:
    """The handles that the state file of the directory lists, the newest first; empty if there is none that can be read."""
    state = tf.train.get_checkpoint_state(directory)
    if state is None:
        return []
    return list(dict.fromkeys([state.model_checkpoint_path] + list(reversed(state.all_model_checkpoint_paths))))


def where_recorded(handle: str, directory: str) -> str:
    """Where a checkpoint is that the state file of the directory lists, perhaps by an absolute path.

    That of the same name beside the state file comes first: the directory may be a copy, whose file lists the originals. A
    warning tells when another one is at the path itself, and when none is beside the file.
    """
    beside = os.path.join(directory, os.path.basename(handle))
    if _is_within(handle, directory) or not _is_complete(handle):
        return handle if _is_complete(handle) else beside
    if not _is_complete(beside):
        logger.warning("The checkpoint %s, which %s lists, is in another directory.", handle,
                       os.path.join(directory, _STATE_FILE))
        return handle
    if not _are_equal(handle, beside):
        logger.warning("%s lists the checkpoint %s, which differs from the one beside it; using %s.",
                       os.path.join(directory, _STATE_FILE), handle, beside)
    return beside


def _is_within(handle: str, directory: str) -> bool:
    folder = os.path.realpath(os.path.dirname(handle))
    root = os.path.realpath(directory)
    return folder == root or folder.startswith(os.path.join(root, ""))


def _are_equal(handle: str, other: str) -> bool:
    """Whether both hold the same values. The index has a checksum of each."""
    suffix = ".index" if tf.gfile.Exists(handle + ".index") else ""
    contents = []
    for path in (handle + suffix, other + suffix):
        if not tf.gfile.Exists(path):
            return False
        with tf.gfile.GFile(path, "rb") as f:
            contents.append(f.read())
    return contents[0] == contents[1]


def _what_is_in(directory: str) -> str:
    directory = directory or "."
    if not tf.gfile.IsDirectory(directory):
        return "there is no directory {}".format(directory)
    bases = [os.path.basename(handle) for handle in complete_checkpoints(directory)]
    if not bases and tf.gfile.Exists(os.path.join(directory, "saved_model.pb")):
        return "{} is a SavedModel, whose weights are the checkpoint {}".format(
            directory, os.path.join(directory, "variables", "variables"))
    if not bases:
        return "there is no checkpoint in {}".format(directory)
    return "checkpoints in {}: {}".format(directory, some(bases, 8))


class CheckpointReaderAdapter:
    """A checkpoint reader whose variable names all end in `:0`, whether or not the names in the file do.

    Args:
        reader: what `tf.train.NewCheckpointReader` returns.
        path: the handle, for error messages.
    """

    def __init__(self, reader: Any, path: Optional[str] = None):
        self._reader = reader
        self._path = path
        self._shapes: Dict[str, List[int]] = {}
        self._real_names: Dict[str, str] = {}
        # names without ':0' come last and win
        for real, shape in sorted(reader.get_variable_to_shape_map().items(), key=lambda item: not item[0].endswith(":0")):
            self._real_names[tensor_name(real)] = real
            self._shapes[tensor_name(real)] = shape

    def get_variable_to_shape_map(self) -> Dict[str, List[int]]:
        """Name with `:0` -> shape as a list."""
        return dict(self._shapes)

    def get_tensor(self, name: str) -> np.ndarray:
        """The value of the variable with this name, with or without `:0`.

        Raises:
            KeyError: there is no such variable.
            ValueError: the file is broken.
        """
        try:
            return self._reader.get_tensor(self.get_real_name(name))
        except _READER_ERRORS as e:
            raise ValueError("checkpoint {}: must be readable; reading {!r} failed: {}; the file is incomplete or "
                             "damaged".format(self._path, name, e)) from e

    def has_tensor(self, name: str) -> bool:
        """Whether there is a variable of this name, with or without `:0`."""
        return tensor_name(name) in self._real_names

    def get_real_name(self, name: str) -> str:
        """The name as it stands in the file."""
        try:
            return self._real_names[tensor_name(name)]
        except KeyError:
            raise KeyError("checkpoint {}: has no variable {!r}; {}".format(
                self._path, name, near_names(op_name(name), [op_name(n) for n in self._real_names]))) from None


def open_checkpoint(path: str) -> CheckpointReaderAdapter:
    """A reader of the checkpoint that `path` means (see `get_checkpoint_path`).

    Raises:
        ValueError: it is missing, incomplete or damaged.
    """
    handle = get_checkpoint_path(path)
    if not _is_complete(handle):
        raise ValueError("checkpoint {0}: the files {0}.data-* must lie beside {0}.index; got an incomplete set; "
                         "copy them all".format(handle))
    try:
        if not _GLOB.search(handle):
            return CheckpointReaderAdapter(compat.new_checkpoint_reader(handle), handle)
        links = tempfile.mkdtemp(prefix="tensorpack-checkpoint-")
        reader = compat.new_checkpoint_reader(_link_files(handle, links))
        adapter = CheckpointReaderAdapter(reader, handle)
        weakref.finalize(adapter, shutil.rmtree, links, ignore_errors=True)
        return adapter
    except _READER_ERRORS + (MemoryError,) as e:  # of a size that is damaged: opening reads the names alone
        raise ValueError("checkpoint {}: must be a TensorFlow checkpoint; opening it failed: {}; "
                         "the file is {}".format(handle, e, _kind_of_file(handle))) from e


def _kind_of_file(path: str) -> str:
    ending = os.path.splitext(path)[1].lower()
    return next((words for endings, words in _OTHER_KINDS if ending in endings), "damaged or something else")


def _link_files(handle: str, directory: str) -> str:
    """Link the checkpoint's files into `directory`; returns the handle there.

    TensorFlow's reader takes a path for a pattern and finds nothing where it holds brackets or an asterisk.
    """
    source, base = os.path.split(os.path.abspath(handle))
    for name in os.listdir(source):
        if name == base or name.startswith(base + "."):
            os.symlink(os.path.join(source, name), os.path.join(directory, "model" + name[len(base):]))
    return os.path.join(directory, "model")


def write_checkpoint(values: Mapping[str, Any], path: str) -> None:
    """Write {variable name: value} as the checkpoint `path` in V2 format; the old one of that name is replaced at the end.

    Names are stored without `:0`. Neither a meta graph nor the state file `checkpoint` is written.
    """
    named = _checked(values, path)
    directory, base = os.path.split(path)
    if directory:
        tf.gfile.MakeDirs(directory)
    temporary = os.path.join(directory, ".{}.{}".format(base, uuid.uuid4().hex))
    try:
        _save(named, temporary)
        # The index goes first and comes last: at each moment the checkpoint is the old one, none, or the new one.
        if tf.gfile.Exists(path + ".index"):
            tf.gfile.Remove(path + ".index")
        for suffix in (".data-00000-of-00001", ".index"):
            tf.gfile.Rename(temporary + suffix, path + suffix, overwrite=True)
    finally:
        for suffix in (".data-00000-of-00001", ".index"):
            if tf.gfile.Exists(temporary + suffix):
                tf.gfile.Remove(temporary + suffix)


def _checked(values: Mapping[str, Any], path: str) -> Dict[str, np.ndarray]:
    if not values:
        raise ValueError("save_checkpoint_vars({!r}): a checkpoint must hold a variable; got an empty dict".format(path))
    named: Dict[str, np.ndarray] = {}
    for name, value in values.items():
        if op_name(name) in named:
            raise ValueError("save_checkpoint_vars({!r}): names must be unique without ':0'; got {!r} twice".format(
                path, op_name(name)))
        value = np.asarray(value)
        named[op_name(name)] = value.astype(object) if value.dtype.kind in "SU" else value
    return named


def _save(named: Mapping[str, np.ndarray], handle: str) -> None:
    names = sorted(named)
    with tf.Graph().as_default(), tf.device("/cpu:0"):
        feeds = [tf.placeholder(tf.as_dtype(named[name].dtype), named[name].shape) for name in names]
        save = tf.raw_ops.SaveV2(prefix=handle, tensor_names=names, shape_and_slices=[""] * len(names), tensors=feeds)
        with tf.Session(config=tf.ConfigProto(device_count={"GPU": 0})) as sess:
            sess.run(save, dict(zip(feeds, [named[name] for name in names])))
