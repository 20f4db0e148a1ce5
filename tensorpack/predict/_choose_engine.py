"""The fastest engine for an exported model that is installed and known to compute the same."""
from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence

import numpy as np

from ..tfutils._engines.choose import OWN_ENGINE, engine_class, installed_readers, open_engine
from ..tfutils._engines.engine import Engine
from ..tfutils._engines.file_kind import file_kind
from ..tfutils._engines.process import version_of
from ..tfutils._engines.signature import read_signature
from ..tfutils._export.compare import difference
from ..tfutils._export.examples import usable
from ..utils import logger

__all__ = ["choose_engine", "difference_to_tensorflow"]

_REFERENCE = "tensorflow"


def choose_engine(who: str, path: str, threads: Optional[int]) -> Engine:
    """Open the file in the fastest engine of those that are proven, and log which and why.

    TensorFlow's result is right by definition for what it reads: frozen graphs and SavedModels. Other engines are proven by the
    verification of the export, as the JSON file tells, or by a comparison with TensorFlow here. Where none is proven the engine
    that the format was made for is taken, with a warning.

    Raises:
        FileNotFoundError, ValueError: it is no exported model, or damaged, or no engine loads it.
        ImportError: no engine for it is installed.
    """
    own = OWN_ENGINE[file_kind(path)]
    names = [name for name in installed_readers(path) if engine_class(name).obstacle() is None]
    description = getattr(read_signature(path), "description", {})
    passed_over: List[str] = []
    for name in names:
        if own != _REFERENCE and not _verified(description, name):
            continue
        engine = _opened(who, path, name, threads, passed_over)
        if engine is None:
            continue
        words = _told(description, engine, own)
        fault = None if words is not None else _fault(who, description, engine, own)
        if fault is None:
            logger.info("%s: %s computes %s: %s.%s", who, engine.title, path, words or "from drawn inputs it computes what "
                        "TensorFlow computes", " Passed over: {}.".format("; ".join(passed_over)) if passed_over else "")
            return engine
        engine.close()
        passed_over.append("{}: {}".format(engine.title, fault))
    name = own if own in names else (names or [own])[0]
    logger.warning("%s: %s computes %s, and nothing proves its result: %s. Export the model again: its verification does.",
                   who, engine_class(name).title, path, "; ".join(passed_over) or "the export was not verified with it")
    return open_engine(path, name, threads, who)


def _opened(who: str, path: str, name: str, threads: Optional[int], passed_over: List[str]) -> Optional[Engine]:
    """The engine, None if it does not take the file."""
    try:
        return open_engine(path, name, threads, who)
    except ValueError as e:
        if name == OWN_ENGINE[file_kind(path)]:  # none knows the format better
            raise
        passed_over.append("{}: {}".format(engine_class(name).title, e))
        return None


def _verified(description: Dict[str, Any], name: str) -> Dict[str, Any]:
    """What the export's verification says of the engine."""
    found: Dict[str, Any] = (description.get("verified") or {}).get("engines", {}).get(name, {})
    return found


def _told(description: Dict[str, Any], engine: Engine, own: str) -> Optional[str]:
    """Why the engine is known to compute the same, None if it is not."""
    verified = _verified(description, engine.name)
    if verified and verified["version"] == version_of(engine):
        return "the export was verified with it, worst difference {:.2g}".format(verified["worst_difference"])
    if engine.name == own == _REFERENCE:
        return "what TensorFlow computes from this format is what others have to compute"
    return None


def _fault(who: str, description: Dict[str, Any], engine: Engine, own: str) -> Optional[str]:
    """What speaks against an engine of which nothing is told, None if nothing does."""
    if own != _REFERENCE:
        return "the export was verified with its version {}, and {} is installed".format(
            _verified(description, engine.name)["version"], version_of(engine))
    if engine_class(_REFERENCE).obstacle() is not None:
        return "TensorFlow, to compare with, cannot be used in this process"
    try:
        return difference_to_tensorflow(who, engine, engine.path)
    except (RuntimeError, ValueError) as e:
        return str(e)


def difference_to_tensorflow(who: str, engine: Engine, path: str) -> Optional[str]:
    """Where an engine computes something else from drawn inputs than TensorFlow does from a file; None if nowhere.

    Raises:
        RuntimeError: the engine fails, or TensorFlow does for all inputs that were drawn.
    """
    reference: Any = open_engine(path, _REFERENCE, None, who)

    def run(values: Sequence[np.ndarray]) -> List[np.ndarray]:
        try:
            return reference.run(values)
        except RuntimeError as e:  # for others it may not fail
            raise ValueError(str(e)) from e

    try:
        results = usable(run, reference.input_tensors, engine.fixed_batch)
    finally:
        reference.close()
    if not results:
        raise RuntimeError("TensorFlow computes nothing from drawn inputs to compare with")
    for values, expected in results:
        for info, got, wanted in zip(engine.signature.outputs, engine.run(values), expected):
            found = difference(got, wanted)
            if found:
                return "output {!r} differs from TensorFlow's, {}".format(info.name, found.words)
    return None
