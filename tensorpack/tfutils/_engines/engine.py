"""`Engine`: a program that computes an exported model, from numpy arrays to numpy arrays, whatever package it is of."""
from __future__ import annotations

import importlib.util
import os
from abc import ABCMeta, abstractmethod
from typing import Any, Callable, Generic, List, Optional, Sequence, Tuple, TypeVar

import numpy as np
import six

from ...utils._arguments.numbers import whole_number
from .signature import Signature, fitted

_REASON_LENGTH = 600  # of what an engine says; what follows is its stack

Workspace = TypeVar("Workspace")


@six.add_metaclass(ABCMeta)
class Engine:
    """Loads a model at once, and computes it with `run`, which any number of threads may call at the same time.

    Args:
        path: the file, or the directory of a SavedModel; of a kind in `formats`.
        signature: inputs and outputs in the order of calls, as the file's JSON tells; None: as the model has them.
        threads: how many threads compute one call; default: one for each core that the process may use.

    Attributes:
        name, title: what the engine is called in arguments and in sentences.
        formats: the kinds of files it reads, see `file_kind`.
        modules: the packages that it may be made of, one of which has to be there.
        pip: what `pip install` has to be given.
        signature: as the argument, with the sizes that the file fixes.
        fixed_batch: the size of the batch that the file fixes; None if it takes any.

    Raises:
        ImportError: the package is not installed.
        TypeError, ValueError: `threads` is no whole number of at least 1.
        ValueError: the engine refuses the file, or the signature does not fit it.
    """

    name = ""
    title = ""
    formats: Tuple[str, ...] = ()
    modules: Tuple[str, ...] = ()
    pip = ""
    signature: Signature
    _lists_every_output = True

    def __init__(self, path: str, signature: Optional[Signature] = None, threads: Optional[int] = None):
        self.path = path
        self.threads = None if threads is None else whole_number(self.name, "threads", threads, minimum=1)
        self._require_package()
        try:
            held = self._load(signature)
        except Exception as e:  # each package has errors of its own
            if isinstance(e, (ImportError, MemoryError)):
                raise
            raise ValueError("{}: {} must be able to load it; it refused: {}".format(path, self.title, reason(e))) from e
        self.signature = fitted(path, signature, held, self._lists_every_output)
        self.fixed_batch = _fixed_batch(self.signature)
        self._dtypes = [numpy_dtype(each.dtype) for each in self.signature.outputs]
        self._prepare()

    @classmethod
    def is_installed(cls) -> bool:
        """Whether a package for it is there, without importing it."""
        return any(importlib.util.find_spec(module) is not None for module in cls.modules)

    @classmethod
    def obstacle(cls) -> Optional[str]:
        """Why the engine cannot be used in this process, None if it can."""
        return None

    def run(self, inputs: Sequence[np.ndarray]) -> List[np.ndarray]:
        """The outputs for one array per input, whose dtypes and shapes must be those of the signature.

        Raises:
            RuntimeError: the engine failed, for example at an operation that it lacks.
        """
        try:
            outputs = self._run(inputs)
        except Exception as e:
            if isinstance(e, MemoryError):
                raise
            raise RuntimeError("{}: {} must be able to compute it; it failed for inputs of the shapes {}: {}".format(
                self.path, self.title, [np.shape(value) for value in inputs], reason(e))) from e
        if [value.dtype for value in outputs] == self._dtypes:  # lists look at identity first
            return outputs
        return [value if dtype is None else value.astype(dtype, copy=False) for value, dtype in zip(outputs, self._dtypes)]

    @abstractmethod
    def close(self) -> None:
        """Free the model; `run` must not be called any more. May be called again."""

    @abstractmethod
    def _load(self, told: Optional[Signature]) -> Signature:
        """Override: load the model, and return what inputs and outputs it has."""

    def _prepare(self) -> None:
        """Override: what is left to do once `signature` is known."""

    @abstractmethod
    def _run(self, inputs: Sequence[np.ndarray]) -> List[np.ndarray]:
        """Override: a new list of arrays, which nobody else holds, one for each output."""

    @property
    def works_after_fork(self) -> bool:
        """Whether a process that is forked at this moment may go on with this object."""
        return False

    @property
    def num_threads(self) -> int:
        """`threads`, or the number of cores that the process may use."""
        return self.threads or num_cores()

    def _require_package(self) -> None:
        if not self.is_installed():
            raise ImportError("the engine {!r} needs the package {!r}, which is not installed; pip install {}".format(
                self.name, self.modules[0], self.pip))


class Spares(Generic[Workspace]):
    """Workspaces of which a thread has one at a time; one is made when all are in use. `with spares.one() as workspace`."""

    def __init__(self, make: Callable[[], Workspace]):
        self._make = make
        self._unused: List[Workspace] = []

    def take(self) -> Workspace:
        """One that nobody uses."""
        try:
            return self._unused.pop()  # in one step, as no other thread's comes between
        except IndexError:
            return self._make()

    def give_back(self, workspace: Workspace) -> None:
        """What `take` gave may be used by others."""
        self._unused.append(workspace)


def num_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def reason(error: BaseException) -> str:
    """What an engine says of its error, in one line of bounded length."""
    words = " ".join(str(error).split()) or type(error).__name__
    return words if len(words) <= _REASON_LENGTH else words[:_REASON_LENGTH] + " ..."


def numpy_dtype(name: str) -> Any:
    """The numpy dtype of TensorFlow's name of one; None where numpy has none, as for bfloat16."""
    if name == "string":
        return np.dtype(object)
    try:
        return np.dtype(name)
    except TypeError:
        return None


def tensorflow_name(dtype: Any) -> str:
    """TensorFlow's name of a numpy dtype."""
    dtype = np.dtype(dtype)
    return "string" if dtype.kind in "OSU" else dtype.name


def _fixed_batch(signature: Signature) -> Optional[int]:
    sizes = {each.shape[0] for each in signature.inputs if each.shape}
    return sizes.pop() if len(sizes) == 1 else None
