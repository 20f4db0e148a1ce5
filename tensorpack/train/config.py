"""`TrainConfig`: what `launch_train_with_config` needs to know, checked when it is made; and its auto-resuming form."""
from __future__ import annotations

import os
from typing import Any, Dict, List, Optional, Tuple

import numpy as np

from ..callbacks._checks.of_keras import instead_of_keras
from ..callbacks.base import Callback
from ..callbacks.graph import RunUpdateOps
from ..callbacks.monitor import JSONWriter, MonitorBase, ScalarPrinter, TFEventWriter
from ..callbacks.saver import find_model_saver
from ..callbacks.steps import ProgressBar
from ..callbacks.summary import MergeAllSummaries, MovingAverageSummary
from ..compat import tfv1 as tf
from ..dataflow._flows._told.not_a_flow import what_is_wrong
from ..dataflow.base import DataFlow, require_dataflow
from ..graph_builder.model_desc import ModelDescBase
from ..input_source.input_source_base import InputSource
from ..tfutils.sesscreate import NewSessionCreator
from ..tfutils.sessinit import JustCurrentSession, SaverRestore, SessionInit
from ..utils import logger
from ..utils._arguments.flags import true_or_false
from ..utils._rng import is_first_worker
from ..utils._text.keywords import KeywordsTold
from ..utils._text.spec import shown
from ._resume import EarlierCheckpoint, checkpoint_directory, find_checkpoint, find_starting_epoch

__all__ = ["AutoResumeTrainConfig", "DEFAULT_CALLBACKS", "DEFAULT_MONITORS", "TrainConfig"]


# What is said elsewhere than in Keras' compile() and fit().
_KERAS = {
    "batch_size": "dataflow=BatchData(ds, batch_size), since the data come in batches",
    "dataset": "dataflow=, or data= for an InputSource such as TFDatasetInput(dataset)",
    "initial_epoch": "starting_epoch=, which is 1 for the first epoch",
    "learning_rate": "the optimizer that the model's optimizer() returns, as in tf.train.AdamOptimizer(learning_rate)",
    "loss": "the model's build_graph(), which returns it",
    "lr": "the optimizer that the model's optimizer() returns, as in tf.train.AdamOptimizer(learning_rate)",
    "metrics": "callbacks=[InferenceRunner(validation_dataflow, [ScalarStats(name), ClassificationError(name)])]",
    "shuffle": "a DataFlow that shuffles",
    "train_data": "dataflow=",
    "validation_data": "callbacks=[InferenceRunner(validation_dataflow, [ScalarStats(name)])]",
    "x": "dataflow=, such as BatchData(DataFromList(list(zip(x, y))), batch_size)",
}


def DEFAULT_CALLBACKS() -> List[Callback]:
    """New instances of the callbacks that `train_with_defaults` appends to the user's, in this order:
    `MovingAverageSummary()`, `ProgressBar()`, `MergeAllSummaries()`, `RunUpdateOps()`."""
    return [MovingAverageSummary(), ProgressBar(), MergeAllSummaries(), RunUpdateOps()]


def DEFAULT_MONITORS() -> List[MonitorBase]:
    """New instances of the default monitors, in this order: `TFEventWriter()`, `JSONWriter()`, `ScalarPrinter()`."""
    return [TFEventWriter(), JSONWriter(), ScalarPrinter()]


def _check(name: str, value: Any, kind: type, hint: str = "") -> None:
    if not isinstance(value, kind):
        raise TypeError("TrainConfig: {} must be a {}; got {}{}".format(name, kind.__name__, shown(value), hint))


def _check_list(name: str, value: Any, kind: type) -> None:
    hint = "; write {}=[it]".format(name) if isinstance(value, kind) else ""
    _check(name, value, list, hint)
    for item in value:
        _check("each element of " + name, item, kind, instead_of_keras(item))


def _integer(name: str, value: Any) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError) as e:
        raise type(e)("TrainConfig: {} must be an integer; got {}".format(name, shown(value))) from None
    if number < 0:
        raise ValueError("TrainConfig: {} must not be negative; got {}".format(name, number))
    if isinstance(value, (float, np.floating)) and number != value:
        logger.warning("TrainConfig: %s should be an integer; got %s, which is cut to %d; choose how to round it: //, round() "
                       "or math.ceil().", name, value, number)
    return number


class TrainConfig(KeywordsTold):
    """The arguments of one training, under attributes of the same names.

    Args:
        dataflow, data: exactly one of a DataFlow and an InputSource.
        model: a ModelDesc.
        callbacks: the user's callbacks, a list.
        extra_callbacks: run after `callbacks`; by default `DEFAULT_CALLBACKS()`.
        monitors: by default `DEFAULT_MONITORS()`.
        session_creator, session_config: at most one of a SessionCreator and a ConfigProto for the default creator.
        session_init: what to restore; by default nothing.
        starting_epoch: number of the first epoch; it only schedules callbacks.
        steps_per_epoch: by default the length of the data.
        max_epoch: number of the last epoch.

    Raises:
        TypeError, ValueError: an argument has the wrong type, two exclude each other, a number is negative, or steps_per_epoch
            is not given and the length of the data is 0.
        NotImplementedError: steps_per_epoch is not given and the data has no known length.
    """

    _words_for_keywords = _KERAS

    def __init__(self, dataflow: Optional[DataFlow] = None, data: Optional[InputSource] = None,
                 model: Optional[ModelDescBase] = None, callbacks: Optional[List[Callback]] = None,
                 extra_callbacks: Optional[List[Callback]] = None, monitors: Optional[List[MonitorBase]] = None,
                 session_creator: Optional[tf.train.SessionCreator] = None,
                 session_config: Optional[tf.ConfigProto] = None, session_init: Optional[SessionInit] = None,
                 starting_epoch: int = 1, steps_per_epoch: Optional[int] = None, max_epoch: int = 99999):
        for place, given in ("first argument is the dataflow", dataflow), ("second argument is an InputSource", data):
            if isinstance(given, ModelDescBase):
                raise TypeError("TrainConfig: the {}; got the model {}; use keywords, as in TrainConfig(model={}(), "
                                "dataflow=ds, callbacks=[...])".format(place, *[type(given).__name__] * 2))
        if dataflow is not None and data is not None:
            raise ValueError("TrainConfig: dataflow and data exclude each other; got both")
        if dataflow is not None:
            require_dataflow("TrainConfig", "dataflow", dataflow, hint="an InputSource is given as data=")
        if isinstance(data, DataFlow):
            raise TypeError("TrainConfig: data must be an InputSource; got the DataFlow {}; a DataFlow is given as "
                            "dataflow=".format(type(data).__name__))
        if data is not None and not isinstance(data, InputSource):
            raise TypeError(what_is_wrong("TrainConfig", "data", data, wanted="an InputSource"))
        self.dataflow = dataflow
        self.data = data
        if model is not None:
            _check("model", model, ModelDescBase)
        self.model = model
        self.callbacks = [] if callbacks is None else callbacks
        self.extra_callbacks = DEFAULT_CALLBACKS() if extra_callbacks is None else extra_callbacks
        self.monitors = DEFAULT_MONITORS() if monitors is None else monitors
        _check_list("callbacks", self.callbacks, Callback)
        _check_list("extra_callbacks", self.extra_callbacks, Callback)
        _check_list("monitors", self.monitors, MonitorBase)
        self.session_init = JustCurrentSession() if session_init is None else session_init
        _check("session_init", self.session_init, SessionInit, "; SmartInit(path) makes one")
        if session_creator is not None and session_config is not None:
            raise ValueError("TrainConfig: session_creator and session_config exclude each other; got both")
        if session_config is not None and not isinstance(session_config, tf.ConfigProto):
            raise TypeError("TrainConfig: session_config must be a tf.ConfigProto; got {}; try get_default_sess_config(), and "
                            "change that".format(shown(session_config)))
        self.session_creator = NewSessionCreator(config=session_config) if session_creator is None else session_creator
        steps_per_epoch = self._default_steps() if steps_per_epoch is None else steps_per_epoch
        self.steps_per_epoch = _integer("steps_per_epoch", steps_per_epoch)
        self.starting_epoch = _integer("starting_epoch", starting_epoch)
        self.max_epoch = _integer("max_epoch", max_epoch)
        self._warn_of_odd_numbers()

    def _warn_of_odd_numbers(self) -> None:
        if self.steps_per_epoch == 0:
            logger.warning("TrainConfig: with steps_per_epoch=0 nothing is trained: an epoch only triggers the callbacks.")
        if self.max_epoch == 0:
            logger.warning("TrainConfig: with max_epoch=0 nothing is trained: it is the number of the last epoch, and they are "
                           "counted from 1.")
        if self.starting_epoch == 0:
            logger.warning("TrainConfig: epochs are counted from 1; with starting_epoch=0 there is one more than max_epoch.")

    def _default_steps(self) -> int:
        data = self.dataflow if self.dataflow is not None else self.data
        if data is None:
            raise ValueError("TrainConfig: {} must be given, as in TrainConfig(model=Model(), dataflow=ds, callbacks=[...]); "
                             "got none; for a trainer that has data and model of its own, steps_per_epoch must be given".format(
                                 "dataflow= or data=" if self.model is not None else "dataflow= or data=, and model=,"))
        try:
            steps = len(data) if isinstance(data, DataFlow) else data.size()
        except NotImplementedError as e:
            message = ("TrainConfig: steps_per_epoch must be given, because the length of {} is unknown ({}); got None; try "
                       "how many steps there are to be from one validation to the next, such as steps_per_epoch=1000".format(
                           type(data).__name__, e))
            logger.error(message)
            raise NotImplementedError(message) from None
        if steps == 0:
            raise ValueError("TrainConfig: the data must have a datapoint; got {}, whose length is 0: is there anything to "
                             "read, and enough for one batch? If the length is wrong, give steps_per_epoch".format(
                                 type(data).__name__))
        return steps


class AutoResumeTrainConfig(TrainConfig):
    """A TrainConfig that goes on where an interrupted training of the same script stopped.

    The newest complete checkpoint in the directory of the `ModelSaver` among the callbacks, by default the log directory,
    is restored, and training starts at the epoch after the one that this checkpoint belongs to. Set the log directory
    first, with `logger.set_logger_dir(path, 'k')`. Without a checkpoint the training starts from scratch.

    Args:
        always_resume: if False, `session_init` and `starting_epoch` are found only where they are not given.
        kwargs: as for `TrainConfig`.

    Raises:
        ValueError, TypeError: when the training begins, the checkpoint does not fit the model.
        TypeError: `always_resume` is neither True nor False, as a model that is given without its keyword.
    """

    def __init__(self, always_resume: bool = True, **kwargs: Any):
        if isinstance(always_resume, (ModelDescBase, DataFlow)):
            raise TypeError("AutoResumeTrainConfig: the first argument is always_resume; got {}; use keywords, as in "
                            "AutoResumeTrainConfig(model=Model(), dataflow=ds, callbacks=[...])".format(shown(always_resume)))
        true_or_false(self, "always_resume", always_resume)
        given = kwargs.get("session_init")
        path = find_checkpoint(checkpoint_directory(kwargs.get("callbacks")), otherwise="the training starts from scratch"
                               if given is None else "the training starts with the given session_init")
        if path is not None:
            if always_resume or "session_init" not in kwargs:
                kwargs["session_init"] = EarlierCheckpoint(path)
                logger.info("Found history checkpoint %s, it overwrites/sets session_init.", path)
            if always_resume or "starting_epoch" not in kwargs:
                kwargs["starting_epoch"], how = self._starting_epoch(path, kwargs)
                logger.info("Training starts at epoch %d: %s.", kwargs["starting_epoch"], how)
        super().__init__(**kwargs)
        if find_model_saver(self.callbacks) is None and is_first_worker():
            logger.warning("AutoResumeTrainConfig: there is no ModelSaver among the callbacks, so that this training leaves no "
                           "checkpoint to go on from.")

    @staticmethod
    def _starting_epoch(path: str, kwargs: Dict[str, Any]) -> Tuple[int, str]:
        epoch, how = find_starting_epoch(path)
        if epoch is not None:
            return epoch, how
        epoch = int(kwargs.get("starting_epoch", 1))
        logger.warning("Neither resume.json nor stats.json tells which epoch checkpoint %s belongs to.", path)
        return epoch, "as configured"

    @staticmethod
    def get_sessinit_resume(dir: Optional[str] = None) -> Optional[SaverRestore]:
        """A SaverRestore of the newest complete checkpoint in `dir` (default: log directory); None if there is none."""
        path = find_checkpoint(checkpoint_directory(None) if dir is None else os.path.expanduser(dir))
        return None if path is None else EarlierCheckpoint(path)
