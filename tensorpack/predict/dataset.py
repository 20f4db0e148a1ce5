"""Predictors that run over a whole DataFlow, in this process or in several."""
from __future__ import annotations

import os
import weakref
from abc import ABCMeta, abstractmethod
from typing import Any, Iterable, Iterator, List, Optional, Tuple

import six

from ..compat import has_gpu
from ..compat import tfv1 as tf
from ..dataflow._flows._told.each_once import warn_unless_each_once
from ..dataflow._passes import flows_in, whole_pass
from ..dataflow.base import DataFlow, known_length, never_ends, require_dataflow, shuffles
from ..tfutils._inference import require_predict_config
from ..tfutils._session.stall import default_stall_seconds
from ..utils import logger
from ..utils._text.keywords import KeywordsTold
from ..utils.concurrency import OrderedContainer
from ..utils.utils import get_tqdm
from ._engine_of_config import check_engine
from ._process_group import ProcessGroup, check_datapoint
from ._stall import CallWatch
from .base import OfflinePredictor
from .config import PredictConfig

__all__ = ["DatasetPredictorBase", "MultiProcessDatasetPredictor", "SimpleDatasetPredictor"]

_END = object()


@six.add_metaclass(ABCMeta)
class DatasetPredictorBase(KeywordsTold):
    """Base of predictors over a DataFlow, whose datapoints are lists of the inputs of the config.

    Args:
        config: what to predict with.
        dataset: what to predict on. It is reset here, or in the process that reads it.

    Attributes:
        STALL_SECONDS: how long it may wait for a datapoint, or a result of another process, before the log says so; None for
            never. By default 300, or what the environment variable `TENSORPACK_STALL_SECONDS` says (0 for never).

    Raises:
        TypeError: an argument has the wrong type.
    """

    STALL_SECONDS: Optional[float] = default_stall_seconds()

    def __init__(self, config: PredictConfig, dataset: DataFlow):
        who = type(self).__name__
        self.config: PredictConfig = require_predict_config(who, config)
        require_dataflow(who, "dataset", dataset)
        self.dataset = dataset
        warn_unless_each_once(who, dataset, "the results are not those of each datapoint")
        tell = logger.info if _has_inputs_in_results(config) else logger.warning
        for flow in flows_in(dataset):
            if shuffles(flow):
                tell("[%s] The results come in the order of %r, which shuffles; with shuffle=False they come in that of its "
                     "data.", who, flow)

    @abstractmethod
    def get_result(self) -> Iterator[Any]:
        """Override: a generator of what the predictor returns for each datapoint."""

    def get_all_result(self) -> List[Any]:
        """The list of all results; raises ValueError if the dataset never ends."""
        if never_ends(self.dataset):
            raise ValueError("{}.get_all_result: the dataset must end; got {!r}, which never does; use FixedSizeData, or "
                             "iterate get_result()".format(type(self).__name__, self.dataset))
        return list(self.get_result())


def _has_inputs_in_results(config: PredictConfig) -> bool:
    """Whether results may tell which datapoints they are of."""
    inputs = {spec.name for spec in config.input_signature}
    return config.return_input or any(str(name).partition(":")[0] in inputs for name in config.output_names)


class SimpleDatasetPredictor(DatasetPredictorBase):
    """Predicts on one datapoint after the other, in this process.

    Args:
        config, dataset: see DatasetPredictorBase.
        engine: what computes the model, see OfflinePredictor.

    Attributes:
        predictor: the OfflinePredictor.
    """

    def __init__(self, config: PredictConfig, dataset: DataFlow, *, engine: Optional[str] = None):
        super().__init__(config, dataset)
        self.predictor = OfflinePredictor(config, engine=engine)
        self._is_reset = False

    def get_result(self) -> Iterator[Any]:
        """A generator of the outputs for each datapoint; each call makes a new pass over the data.

        Raises:
            TypeError: a datapoint is no list or tuple.
            ValueError: it has not one component for each input.
        """
        if not self._is_reset:
            self.dataset.reset_state()
            self._is_reset = True
        watch = CallWatch(SimpleDatasetPredictor._next_datapoint, lambda: "The DataFlow is {!r}.".format(self.dataset))
        watch.start(self)
        try:
            with get_tqdm(total=known_length(self.dataset), disable=known_length(self.dataset) is None) as bar:
                iterator = whole_pass(self.dataset)
                while True:
                    dp = self._next_datapoint(iterator)
                    if dp is _END:
                        return
                    result = self.predictor(*check_datapoint(type(self).__name__, dp))
                    bar.update()
                    yield result
        finally:
            watch.end()

    def _next_datapoint(self, iterator: Iterator[Any]) -> Any:
        return next(iterator, _END)


class MultiProcessDatasetPredictor(DatasetPredictorBase):
    """Predicts in several processes; another one reads the data.

    All processes are spawned, so config and dataset must be picklable, and a script must have its
    `if __name__ == "__main__":`. They start at once; the first `get_result` uses these, each later one starts others. They
    end with the data, with an error, or when the generator of results is closed or collected.

    Args:
        config, dataset: see DatasetPredictorBase.
        nr_proc: how many processes predict.
        use_gpu: whether each uses a GPU of its own, in the order of CUDA_VISIBLE_DEVICES (of all GPUs if it is not set).
            Otherwise they see no GPU.
        ordered: whether results come in the order of the data, rather than as soon as they are there.
        engine: what computes the model in each process, see OfflinePredictor.

    Raises:
        TypeError: an argument has the wrong type, or a part of config or dataset cannot be pickled.
        ValueError: nr_proc is below 1, or there are fewer GPUs.
    """

    def __init__(self, config: PredictConfig, dataset: DataFlow, nr_proc: int, use_gpu: bool = True, ordered: bool = True,
                 *, engine: Optional[str] = None):
        super().__init__(config, dataset)
        check_engine("MultiProcessDatasetPredictor", engine)
        if nr_proc < 1:
            raise ValueError("MultiProcessDatasetPredictor: nr_proc must be at least 1; got {}".format(nr_proc))
        if config.return_input:
            logger.warning("MultiProcessDatasetPredictor: return_input=True sends all inputs back from the workers, "
                           "which is slow.")
        self.nr_proc = nr_proc
        self.ordered = ordered
        self._engine = engine
        self._devices = _pick_gpus(nr_proc) if use_gpu else ["-1"] * nr_proc
        self._idle: Optional[ProcessGroup] = self._start()
        weakref.finalize(self, self._idle.close)  # if no result is ever asked for

    def _start(self) -> ProcessGroup:
        return ProcessGroup(self.config, self.dataset, self._devices, self._engine)

    def get_result(self) -> Iterator[Any]:
        """A generator of the outputs for each datapoint; each call makes a new pass over the data, in new processes.

        Raises:
            RuntimeError: a process was killed; the message tells which, and by which signal.
            Exception: what the dataset or a predictor raised in its process, with its traceback there as the cause.
        """
        group, self._idle = self._idle or self._start(), None
        size = known_length(self.dataset)
        try:
            with get_tqdm(total=size, disable=size is None) as bar:
                results = group.results(self.STALL_SECONDS)
                for _, outputs in _in_order(results) if self.ordered else results:
                    group.release()
                    bar.update()
                    yield outputs
        finally:
            group.close()


def _in_order(results: Iterable[Tuple[int, Any]]) -> Iterator[Tuple[int, Any]]:
    container = OrderedContainer()
    for number, outputs in results:
        container.put(number, outputs)
        while container.has_next():
            yield container.get()


def _pick_gpus(count: int) -> List[str]:
    """CUDA_VISIBLE_DEVICES of each of `count` processes."""
    setting = os.environ.get("CUDA_VISIBLE_DEVICES")
    if setting is None:
        physical = tf.config.experimental.list_physical_devices("GPU") if has_gpu() else []
        gpus = [str(i) for i in range(len(physical))]
    else:
        gpus = [gpu.strip() for gpu in setting.split(",")]
        gpus = [gpu for gpu in gpus if gpu and gpu != "-1"]
    if len(gpus) < count:
        raise ValueError("MultiProcessDatasetPredictor: there must be a GPU for each of nr_proc={} processes; got {} "
                         "(CUDA_VISIBLE_DEVICES={!r}); use fewer, or use_gpu=False".format(count, len(gpus), setting))
    return gpus[:count]
