"""Running an engine in a process of its own: one that crashes or hangs is an error, and imports no TensorFlow for it."""
from __future__ import annotations

import importlib
import os
import pickle
import signal
import subprocess
import sys
import tempfile
from typing import IO, Any, List, NamedTuple, Sequence, Union

import numpy as np

# Seconds for loading a model and running the examples; an engine that needs longer is taken to hang.
TIME_LIMIT = 300.
_PACKAGE = __name__.rpartition(".")[0]
_PARENT = _PACKAGE.rpartition(".")[0]
_STDERR_LENGTH = 400
# The package above this one imports TensorFlow; a module without content takes its place.
_PROGRAM = """
import pickle, sys, types
with open(sys.argv[1], "rb") as job:
    sys.path[:], package, folder, module = pickle.load(job)
    sys.modules[package] = types.ModuleType(package)
    sys.modules[package].__path__ = [folder]
    __import__(module)
    sys.modules[module].work(job, sys.argv[2])
"""


class EngineError(RuntimeError):
    """An engine could not run a file at all."""


class EngineRun(NamedTuple):
    """What an engine made of a file."""

    version: str  # of the engine's package
    results: List[Union[List[np.ndarray], str]]  # for each example the outputs, or in words why there are none


def run_in_process(engine: type, path: str, examples: Sequence[Sequence[np.ndarray]]) -> EngineRun:
    """Load the file with an engine in a new process, and run it on each example.

    Args:
        engine: a subclass of `Engine`, in a module of this package.
        path: the file; its signature is in the JSON file beside it.

    Raises:
        EngineError: the process crashed or did not end in time, or the engine refuses the file.
    """
    with tempfile.TemporaryDirectory(prefix="tensorpack-engine-") as folder:
        job, answer, said = [os.path.join(folder, name) for name in ("job", "answer", "said")]
        with open(job, "wb") as f:
            module = sys.modules[_PARENT]
            pickle.dump((list(sys.path), _PARENT, os.path.dirname(os.path.abspath(str(module.__file__))), __name__), f)
            pickle.dump((engine.__module__, engine.__name__, os.path.abspath(path)), f)
            pickle.dump([list(each) for each in examples], f, protocol=4)
        _run_program(getattr(engine, "title", engine.__name__), job, answer, said)
        with open(answer, "rb") as f:
            result = pickle.load(f)
    if isinstance(result, str):
        raise EngineError(result)
    return EngineRun(*result)


def _run_program(title: str, job: str, answer: str, said: str) -> None:
    with open(said, "wb") as f:
        process = subprocess.Popen([sys.executable, "-c", _PROGRAM, job, answer], stdin=subprocess.DEVNULL, stdout=f, stderr=f)
    try:
        status = process.wait(TIME_LIMIT)
    except subprocess.TimeoutExpired:
        raise EngineError("{} did not end within {:g} seconds".format(title, TIME_LIMIT)) from None
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    if status != 0 or not os.path.exists(answer):
        raise EngineError("the process of {} {}{}".format(title, _in_words(status), _last_words(said)))


def _in_words(status: int) -> str:
    if status >= 0:
        return "ended with status {}".format(status)
    names = {each.value: each.name for each in signal.Signals}
    return "crashed by {}".format(names.get(-status, "signal {}".format(-status)))


def _last_words(filename: str) -> str:
    with open(filename, "rb") as f:
        words = " ".join(f.read().decode("utf-8", "replace").split())
    return "; its last words: ..." + words[-_STDERR_LENGTH:] if words else ""


def work(job: IO[bytes], answer: str) -> None:
    """What the new process does."""
    module, name, path = pickle.load(job)
    examples = pickle.load(job)
    try:
        result: Any = _compute(getattr(importlib.import_module(module), name), path, examples)
    except Exception as e:  # each package has errors of its own
        result = "{}: {}".format(type(e).__name__, " ".join(str(e).split()))
    with open(answer + ".part", "wb") as f:
        pickle.dump(result, f, protocol=4)
    os.replace(answer + ".part", answer)
    os._exit(0)  # what engines do at the end of a process can fail, and says nothing of the model


def _compute(engine: Any, path: str, examples: Sequence[Sequence[np.ndarray]]) -> Any:
    from .signature import read_signature

    loaded = engine(path, read_signature(path))
    results: List[Union[List[np.ndarray], str]] = []
    for example in examples:
        try:
            results.append(list(loaded.run(example)))
        except RuntimeError as e:
            results.append(str(e))
    return version_of(engine), results


def version_of(engine: Any) -> str:
    """The version of the package that an engine is of."""
    for name in engine.modules:
        module = sys.modules.get(name)
        version = getattr(module, "__version__", None)
        if version:
            return str(version)
        if module is not None:
            return _installed_version(name)
    return "unknown"


def _installed_version(module: str) -> str:
    try:
        import importlib.metadata as metadata
    except ImportError:  # Python 3.7
        return "unknown"
    try:
        return metadata.version(module.replace("_", "-"))
    except metadata.PackageNotFoundError:
        return "unknown"
