"""`DataPosition`: checkpoints that know how far the training has got in its data."""
from __future__ import annotations

import json
import threading
from typing import Any, Dict, List, Optional

from ..compat import tfv1 as tf
from ..dataflow.base import DataFlowTerminated
from ..dataflow.resumable import ResumableData, end_if_stopped
from ..utils import logger
from ..utils._arguments.numbers import whole_number
from ..utils._text.spec import describe
from .base import Callback
from .saver import find_model_saver

__all__ = ["DataPosition"]

_POLL_SECONDS = 0.1


class DataPosition(Callback):
    """Lets a training that is resumed from a checkpoint go on with the datapoint after the last one that it was trained on.

    It creates the global variable `data_position`, a string that is saved and restored with all others, so it must stand
    before `ModelSaver` in the list. At each trigger, and before training, the state of `flow` is written to it. A checkpoint
    between two triggers is as exact, since its `global_step` tells how many datapoints were used since; only more of them are
    made again then. With `PeriodicTrigger(ModelSaver(), every_k_steps=k)`, trigger this one as often.

    The position is that of the steps, not that of what an input source has read ahead. This is exact if each run of the hooked
    session (see `global_step`) takes the same number of datapoints, as with FeedInput, QueueInput, BatchQueueInput and
    StagingInput; not after `QueueInput.refill_queue`. Several towers take the datapoints of a step in any order.

    Without a position in the checkpoint, or with that of a flow with other random generators, a new pass begins, and the log
    says so. Under a CollectiveTrainer all workers must have this callback and trigger it at the same time; the chief saves the
    positions of all. To begin a new pass on purpose, restore with `SaverRestore(path, ignore=["data_position"])`.

    Args:
        flow: the flow that the trainer reads, itself: what is around it may not drop, batch or repeat single datapoints.
        datapoints_per_step: how many datapoints a run takes in this process. By default one for each training tower; must be
            given with a BatchQueueInput, of which each tower takes as many as its batch size.
        name: of the variable.

    Raises:
        TypeError: `flow` is no ResumableData, or `datapoints_per_step` is no number.
        ValueError: `datapoints_per_step` is no positive whole number; or, at the setup, it is missing; or, at a trigger, the
            steps have taken more than `flow` has given.
        RuntimeError: at the setup, a ModelSaver comes before; or under Horovod with several processes.
    """

    _chief_only = False

    def __init__(self, flow: ResumableData, datapoints_per_step: Optional[int] = None, *, name: str = "data_position"):
        if not isinstance(flow, ResumableData):
            raise TypeError("DataPosition: flow must be a ResumableData; got {}; give ResumableData(dataflow) to the trainer "
                            "and to this callback".format(describe(flow)))
        if datapoints_per_step is not None:
            datapoints_per_step = whole_number(self, "datapoints_per_step", datapoints_per_step, minimum=1)
        self.flow = flow
        self.datapoints_per_step = datapoints_per_step
        self.name = name
        self._lock = threading.Lock()
        self._is_restored = False
        self._agreed = threading.Event()  # all workers have the position that the chief has restored
        self._is_over = False  # they will not agree any more
        self._stored: Optional[List[Any]] = None  # by rank

    def _setup_graph(self) -> None:
        hvd = getattr(self.trainer, "hvd", None)
        if hvd is not None and hvd.size() > 1:
            raise RuntimeError("DataPosition: the processes of Horovod cannot tell the chief their positions; use a "
                               "CollectiveTrainer, or train without this callback")
        saver = find_model_saver(self.trainer._callbacks.cbs)
        if saver is not None and hasattr(saver, "_saver"):
            raise RuntimeError("DataPosition: it must come before ModelSaver in the list of callbacks, so that its variable is "
                               "saved; got it after")
        self._per_step = self.datapoints_per_step or self._default_per_step()
        if self.trainer.is_chief:  # no worker copies the position of another
            with tf.device("/cpu:0"):
                self._variable = tf.get_variable(self.name, initializer=tf.constant(""), trainable=False, use_resource=False)
                self._new_value = tf.placeholder(tf.string, [], name="new_value")
                self._assign = tf.assign(self._variable, self._new_value).op
        self.flow._on_start = self._restore

    def _default_per_step(self) -> int:
        if any(op.type.startswith("QueueDequeueMany") for op in self.graph.get_operations()):
            raise ValueError("DataPosition: datapoints_per_step must be given when many datapoints are taken from a queue at "
                             "once; it is the batch size of a BatchQueueInput times the number of towers")
        towers = self.trainer.towers
        return 1 if towers is None else max(1, len(towers.training()))

    def _before_train(self) -> None:
        if self._num_workers() > 1:
            mine = self._read() if self.trainer.is_chief else None
            self._stored = self.trainer.gather_objects(mine)[0]
            self._agreed.set()
        self._restore()
        self._store()

    def _trigger(self) -> None:
        self._store()

    def _after_train(self) -> None:
        self._is_over = True
        self.flow._on_start = None

    def _num_workers(self) -> int:
        return getattr(self.trainer, "size", 1) if hasattr(self.trainer, "gather_objects") else 1

    def _read(self) -> Optional[List[Any]]:
        text = self.trainer.sess.run(self._variable)
        return json.loads(text.decode()) if text else None

    def _restore(self) -> None:
        """Called before the flow begins its first pass, which an input source may do in a thread before `_before_train`."""
        with self._lock:
            if self._is_restored:
                return
            state = self._state_of_flow(self._stored_by_rank())
            if state is not None:
                try:
                    self.flow.load_state_dict(state)
                except ValueError as e:
                    logger.warning("DataPosition: the position in the checkpoint is not that of this flow, which begins a new "
                                   "pass. %s", e)
            self._first_step = self.global_step
            self._first_position = self.flow.state_dict()["position"]
            self._is_restored = True

    def _stored_by_rank(self) -> Optional[List[Any]]:
        if self._num_workers() == 1:
            return self._read()
        while not self._agreed.wait(_POLL_SECONDS):
            end_if_stopped()
            if self._is_over:
                raise DataFlowTerminated()
        return self._stored

    def _state_of_flow(self, stored: Optional[List[Any]]) -> Optional[Dict[str, Any]]:
        """The state for the step that was restored; None to begin anew."""
        step, num_workers = self.global_step, self._num_workers()
        if stored is None:
            if step > 0:
                logger.warning("DataPosition: the checkpoint has no position, the data begin with a new pass.")
            return None
        if len(stored) != num_workers:
            logger.warning("DataPosition: the checkpoint has the positions of %d workers, but there are %d now; the data begin "
                           "with a new pass.", len(stored), num_workers)
            return None
        mine = stored[self.trainer.rank if num_workers > 1 else 0]
        if step < mine["global_step"]:
            logger.warning("DataPosition: the position is of global_step %d, but training starts at %d; the data begin with a "
                           "new pass.", mine["global_step"], step)
            return None
        since = (step - mine["global_step"]) * mine["datapoints_per_step"]
        return dict(mine["flow"], position=mine["flow"]["position"] + since)

    def _store(self) -> None:
        step = self.global_step
        used = self._first_position + (step - self._first_step) * self._per_step
        try:
            state = self.flow.state_dict(position=used)
        except ValueError as e:
            raise ValueError("DataPosition: the trainer must read this flow, in this process, and take {} datapoints in each "
                             "step; {}; see the argument datapoints_per_step".format(self._per_step, e)) from e
        mine = {"global_step": step, "datapoints_per_step": self._per_step, "flow": state}
        everyone = self.trainer.gather_objects(mine) if self._num_workers() > 1 else [mine]
        if self.trainer.is_chief:
            self.trainer.sess.run(self._assign, {self._new_value: json.dumps(everyone)})
