"""`FeedfreePredictor`: predicts on the data of an InputSource, without feeding."""
from __future__ import annotations

from typing import Any, List, Sequence

from ..callbacks.group import Callbacks, raise_background_failure
from ..compat import tfv1 as tf
from ..input_source.input_source_base import InputSource
from ..tfutils._inference import require_predict_config, restored_session
from ..tfutils._session.hooked_session import HookedSession
from ..tfutils._session.queue_runners import QueueRunners
from ..tfutils.tower import PredictTowerContext
from ..utils._text.spec import shown
from ._stall import CallWatch
from .base import PredictorBase
from .config import PredictConfig

__all__ = ["FeedfreePredictor"]


class FeedfreePredictor(PredictorBase):
    """Each call, without arguments, predicts on the next datapoint of an input source, and returns the list of outputs.

    Builds the tower without a prefix and starts the queue runners of the graph. The callbacks of the source take part in each
    call. A source such as QueueInput repeats its data forever, so the caller has to count; when the data of another source
    end, the call raises what the source ends with (`tf.errors.OutOfRangeError`, or StopIteration for a FeedInput). An error of
    the source, or of a queue runner, is raised by the call.

    A context manager: leaving it stops the source and closes the session.

    Args:
        config: what to build (see PredictConfig); its `input_names` are not used, and an output that is called like an input
            is the tensor of the source.
        input_source: a source that is not set up yet.

    Attributes:
        graph, sess: where it is built.

    Raises:
        TypeError: `config` is no PredictConfig, or `input_source` no InputSource.
        ValueError: the config has `return_input=True`.
        KeyError: an output name is not in the graph.
    """

    def __init__(self, config: PredictConfig, input_source: InputSource):
        require_predict_config("FeedfreePredictor", config)
        if not isinstance(input_source, InputSource):
            raise TypeError("FeedfreePredictor: input_source must be an InputSource; got {}; try QueueInput(dataflow)".format(
                shown(input_source)))
        if config.return_input:
            raise ValueError("FeedfreePredictor: the config must have return_input=False; got True; add the names of the "
                             "inputs to output_names to see them")
        self._closed = False
        self.graph = config._maybe_create_graph()
        with self.graph.as_default():
            self._callbacks = Callbacks(input_source.setup(config.input_signature))
            with PredictTowerContext(""):
                config.tower_func(*input_source.get_input_tensors())
            self._outputs = config.tower_func.towers[""].get_tensors(config.output_names)
            self._callbacks.setup_graph(None)
            self.sess, self._owns_session = restored_session(config, self._outputs)
        self._queue_runners = QueueRunners(self.sess)
        self._hooked_sess = HookedSession(self.sess, self._callbacks.get_hooks(), self._queue_runners)
        self._watch = CallWatch(FeedfreePredictor._do_call, self._callbacks._waits_for)
        try:
            with self.graph.as_default(), self.sess.as_default():
                self._queue_runners.start()
                self._callbacks.before_train()
        except BaseException:
            self.close()
            raise

        self._watch.start(self)

    def __call__(self) -> List[Any]:
        """Predict on the next datapoint.

        Raises:
            RuntimeError: after `close`.
        """
        return self._do_call(())

    def _do_call(self, dp: Sequence[Any]) -> List[Any]:
        if self._closed:
            raise RuntimeError("FeedfreePredictor: must not be called after close(); build a new one")
        try:
            return self._hooked_sess.run(self._outputs)
        except (tf.errors.OutOfRangeError, tf.errors.CancelledError) as e:
            raise_background_failure(self._callbacks.cbs, e)
            self._queue_runners.raise_failure(e)
            raise

    def __enter__(self) -> FeedfreePredictor:
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self.close()

    def close(self) -> None:
        """Stop the source and close the session; a session of the user's own stays open. May be called again."""
        if self._closed:
            return
        self._closed = True
        self._watch.end()
        try:
            with self.graph.as_default(), self.sess.as_default():
                self._callbacks.after_train()
        finally:
            if self._owns_session:
                self._hooked_sess.close()
            self._queue_runners.stop()
