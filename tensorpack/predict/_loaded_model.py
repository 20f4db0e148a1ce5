"""An exported model in an engine, with the checks of a predictor; in a forked or another process it is loaded again."""
from __future__ import annotations

import os
import threading
import weakref
from typing import Any, Callable, Dict, List, Optional, Sequence

from ..compat import tfv1 as tf
from ..tfutils._engines.choose import open_engine
from ..tfutils._engines.engine import Engine
from ..tfutils._engines.signature import TensorInfo
from ..tfutils._session.feed_value import feed_converter
from ._choose_engine import choose_engine

__all__ = ["LoadedModel"]

Call = Callable[[Sequence[Any]], List[Any]]

_living: weakref.WeakSet[LoadedModel] = weakref.WeakSet()
# Engines of the process that this one was forked from. Their threads are not here, so that ending them would wait for ever.
_orphans: List[Any] = []


class LoadedModel:
    """Calls are thread-safe. Pickling it takes the place of the file and the options.

    Attributes:
        call: from one value per input to the outputs. Take it from here for each call, as it changes with the process.

    Args:
        who: the predictor to name in errors.
        path: a file that ModelExporter wrote, or the directory of a SavedModel.
        engine: name of an engine; None: the fastest that is installed and known to compute the same.
        threads: how many threads compute one call.
    """

    def __init__(self, who: str, path: str, engine: Optional[str], threads: Optional[int]):
        self.path = os.path.abspath(path)
        self._who = who
        self._threads = threads
        self._lock = threading.Lock()
        self.is_closed = False
        opened = choose_engine(who, self.path, threads) if engine is None else open_engine(self.path, engine, threads, who)
        self.engine_name = opened.name
        self._use(opened)

    def __getstate__(self) -> Dict[str, Any]:
        return {"path": self.path, "who": self._who, "threads": self._threads, "engine_name": self.engine_name,
                "is_closed": self.is_closed}

    def __setstate__(self, state: Dict[str, Any]) -> None:
        self.path, self._who, self._threads = state["path"], state["who"], state["threads"]
        self.engine_name, self.is_closed = state["engine_name"], state["is_closed"]
        self._lock = threading.Lock()
        self._forget()

    @property
    def engine(self) -> Engine:
        """The engine, loaded if it is not yet in this process."""
        self._require_call()
        engine: Any = self._engine
        return engine

    def close(self) -> None:
        """Free the model; later calls raise RuntimeError."""
        with self._lock:
            engine, self.is_closed = self._engine, True
            self._forget()
        if engine is not None:
            engine.close()

    def _forget(self) -> None:
        self.call: Call = self._load_and_call
        self._engine: Optional[Engine] = None

    def _load_and_call(self, dp: Sequence[Any]) -> List[Any]:
        return self._require_call()(dp)

    def _use(self, engine: Engine) -> Call:
        self._engine = engine
        self.call = call = _checked_call(self._who, engine)
        _living.add(self)
        return call

    def _require_call(self) -> Call:
        with self._lock:
            if self.is_closed:
                raise RuntimeError("{}: must not be called after close(); build a new one".format(self._who))
            if self._engine is not None:
                return self.call
            return self._use(open_engine(self.path, self.engine_name, self._threads, self._who))

    def _after_fork(self) -> None:
        self._lock = threading.Lock()  # another thread may have held it
        if self._engine is None or self._engine.works_after_fork:
            return
        _orphans.append(self._engine)
        _orphans.append(self.call)
        self._forget()


def _forget_in_child() -> None:
    for model in list(_living):
        model._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)


def spec_of(info: TensorInfo) -> tf.TensorSpec:
    """As TensorFlow describes an input or output."""
    return tf.TensorSpec(info.shape, tf.as_dtype(info.dtype), info.name)


def _checked_call(who: str, engine: Engine) -> Call:
    names = [each.name for each in engine.signature.inputs]
    converters = [feed_converter(spec_of(each)) for each in engine.signature.inputs]
    convert_first: Any = converters[0] if converters else None
    number, run = len(names), engine.run

    def call(dp: Sequence[Any]) -> List[Any]:
        if len(dp) != number:
            raise ValueError("{}: must be called with {} inputs ({}); got {}".format(who, number, ", ".join(names), len(dp)))
        try:
            # one without a loop, which would be seen in the time of a small model
            values = [convert_first(dp[0])] if number == 1 else [convert(value) for convert, value in zip(converters, dp)]
        except ValueError as e:
            raise _with_advice(e, engine) from e.__cause__
        return run(values)

    return call


def _with_advice(error: ValueError, engine: Engine) -> ValueError:
    if engine.fixed_batch is None or "must have the shape" not in str(error):
        return error
    return ValueError("{}; {} holds batches of {} alone: call it with as many, or export the model again, in another "
                      "format".format(error, engine.path, engine.fixed_batch))
