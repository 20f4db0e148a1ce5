"""The fastest engine for an exported model that is installed and known to compute the same."""
from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence

import numpy as np

from ..tfutils._engines.choose import OWN_ENGINE, engine_class, installed_readers, open_engine
from ..tfutils._engines.engine import Engine
from ..tfutils._engines.file_kind import file_kind
from ..tfutils._engines.process import EngineError, run_in_process, version_of
from ..tfutils._engines.signature import Signature, read_signature
from ..tfutils._export._proof.compare import difference
from ..tfutils._export._proof.examples import usable
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
    signature = read_signature(path)
    description = {} if signature is None else signature.description
    passed_over: List[str] = []
    for name in names:
        if own != _REFERENCE and not _verified(description, name):
            continue
        if own == _REFERENCE != name and not _verified(description, name):
            fault = _fault(who, name, path, signature)
            if fault is not None:
                passed_over.append("{}: {}".format(engine_class(name).title, fault))
                continue
        engine = open_engine(path, name, threads, who)
        words = _told(description, engine, own)
        if words is not None:
            logger.info("%s: %s computes %s: %s.%s", who, engine.title, path, words,
                        " Passed over: {}.".format("; ".join(passed_over)) if passed_over else "")
            return engine
        engine.close()
        passed_over.append("{}: the export was verified with its version {}, and {} is installed".format(
            engine.title, _verified(description, name)["version"], version_of(engine)))
    name = own if own in names else (names or [own])[0]
    logger.warning("%s: %s computes %s, and nothing proves its result: %s. Export the model again: its verification does.",
                   who, engine_class(name).title, path, "; ".join(passed_over) or "the export was not verified with it")
    return open_engine(path, name, threads, who)


def _verified(description: Dict[str, Any], name: str) -> Dict[str, Any]:
    """What the export's verification says of the engine."""
    found: Dict[str, Any] = (description.get("verified") or {}).get("engines", {}).get(name, {})
    return found


def _told(description: Dict[str, Any], engine: Engine, own: str) -> Optional[str]:
    """Why an engine that was not found at fault is known to compute the same, None if it is not."""
    verified = _verified(description, engine.name)
    if verified and verified["version"] == version_of(engine):
        return "the export was verified with it, worst difference {:.2g}".format(verified["worst_difference"])
    if engine.name == own == _REFERENCE:
        return "what TensorFlow computes from this format is what others have to compute"
    return None if verified else "from drawn inputs it computes what TensorFlow computes"


def _fault(who: str, name: str, path: str, signature: Optional[Signature]) -> Optional[str]:
    """What speaks against an engine for what TensorFlow reads, too; None if nothing does."""
    if signature is None:
        return "without a JSON file the order of outputs is TensorFlow's"
    if engine_class(_REFERENCE).obstacle() is not None:
        return "TensorFlow, to compare with, cannot be used in this process"
    return difference_to_tensorflow(who, name, path, path)


def difference_to_tensorflow(who: str, name: str, path: str, reference_path: str) -> Optional[str]:
    """Why an engine does not compute from a file, and drawn inputs, what TensorFlow does from another; None if it does.

    The engine has a process of its own, since some crash on what they do not know.

    Args:
        who: the predictor to name in errors.
        name: the engine.
        path, reference_path: what the two read, with equal signatures in their JSON files.
    """
    reference: Any = open_engine(reference_path, _REFERENCE, None, who)

    def run(values: Sequence[np.ndarray]) -> List[np.ndarray]:
        try:
            return reference.run(values)
        except RuntimeError as e:  # for others it may not fail
            raise ValueError(str(e)) from e

    try:
        wanted = usable(run, reference.input_tensors, reference.fixed_batch)
    finally:
        reference.close()
    if not wanted:
        return "TensorFlow computes nothing from drawn inputs to compare with"
    try:
        results = run_in_process(engine_class(name), path, [values for values, _ in wanted]).results
    except EngineError as e:
        return str(e)
    for result, (_, expected) in zip(results, wanted):
        if isinstance(result, str):
            return result
        for info, got, value in zip(reference.signature.outputs, result, expected):
            found = difference(got, value)
            if found:
                return "output {!r} differs from TensorFlow's, {}".format(info.name, found.words)
    return None
