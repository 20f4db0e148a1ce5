"""`HorovodTrainer` and `BytePSTrainer`: one process for each device, whose gradients another package averages."""
from __future__ import annotations

import multiprocessing
import os
import pickle
import re
import sys
from typing import Any, Callable, Dict, List, Optional, Tuple

import numpy as np

from ...callbacks.base import Callback, CallbackFactory, StopTraining
from ...compat import tfv1 as tf
from ...input_source.input_source_base import InputSource
from ...tfutils.sesscreate import NewSessionCreator
from ...tfutils.sessinit import SessionInit
from ...tfutils.tower import TowerContext
from ...utils import logger
from ...utils._rng import set_worker_index
from ...utils.optional import optional_import
from ..tower import SingleCostTrainer
from .settings import SettingsOfChief

__all__ = ["BytePSTrainer", "HorovodTrainer"]

GradAndVar = Tuple[Any, Any]

_FIRST_WITH_COMPRESSION = (0, 15)
_PAGE_SIZE = 512  # numbers that the chief sends at once, since BytePS wants tensors of one size


class HorovodTrainer(SingleCostTrainer):
    """One tower in each of several processes, started by `horovodrun` or `mpirun`, whose gradients Horovod averages.

    The chief, rank 0, restores, saves and runs callbacks that are `chief_only`. The others get its global variables at the
    start and after each epoch, and its starting epoch. Every process takes datapoints of its own; DataFlows of different
    processes draw from different random streams. All must make the same number of steps. Give a log directory to the chief
    only, or a different one to each. StopTraining between epochs, as when a callback raises it after one, on any of them
    stops all; within an epoch it leaves the others to Horovod, which ends them with an error of its own.

    Each process sees one GPU: the one of its rank on this machine. TensorFlow must not have initialised GPUs before.

    Creates the operation `train_op`; variables and slots have root names, so that checkpoints fit to other trainers.

    Args:
        average: whether gradients are averaged or summed.
        compression: one of `horovod.tensorflow.Compression`, for the gradients on their way.

    Attributes:
        hvd: the module `horovod.tensorflow`.
        BROADCAST_EVERY_EPOCH: if False, set before the graph is built, variables are sent before training only.

    Raises:
        ImportError: Horovod is not installed, or was built without TensorFlow.
    """

    _trains_with_others = True

    def __init__(self, average: bool = True, compression: Optional[Any] = None):
        super().__init__()
        self.hvd = self._import_hvd()
        self.hvd.init()
        self.is_chief = self.hvd.rank() == 0
        self._rank = self.hvd.rank()
        self._local_rank = self.hvd.local_rank()
        self._average = average
        self._compression = compression
        self.BROADCAST_EVERY_EPOCH = True
        if self.hvd.size() > 1:
            set_worker_index(self._rank)
        logger.info("%s: process %d of %d, number %d on this machine.", type(self).__name__, self._rank, self.hvd.size(),
                    self._local_rank)

    def _import_hvd(self) -> Any:
        if "pyarrow" in sys.modules:
            logger.warning("HorovodTrainer: pyarrow was imported before Horovod; some of its versions crash then. Import it "
                           "after the trainer is made.")
        return _import("horovod.tensorflow", "HorovodTrainer", "horovod")

    def mpi_enabled(self) -> bool:
        """Whether processes talk by MPI; False if Horovod is too old to tell."""
        try:
            return self.hvd.mpi_enabled()
        except AttributeError:
            return False

    def allreduce(self, grads: List[GradAndVar]) -> List[GradAndVar]:
        """Pairs of combined gradient and variable; those given, if there is one process."""
        if self.hvd.size() == 1:
            return grads
        options = {} if self._compression is None else self._compression_options()
        with tf.name_scope("AllReduce"):
            return [(self.hvd.allreduce(gradient, average=self._average, **options), variable) for gradient, variable in grads]

    def _compression_options(self) -> Dict[str, Any]:
        version = sys.modules[self.hvd.__name__.partition(".")[0]].__version__
        if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) >= _FIRST_WITH_COMPRESSION:
            return {"compression": self._compression}
        logger.warning("HorovodTrainer: compression needs Horovod 0.15; got %s, nothing is compressed.", version)
        return {}

    def broadcast(self, _: Any) -> None:
        """Give the chief's global variables to all processes, each of which has to call this."""
        self.sess.run(self._broadcast_op)

    def _setup_graph(self, input: InputSource, get_cost_fn: Callable[..., tf.Tensor],
                     get_opt_fn: Callable[[], tf.train.Optimizer]) -> List[Callback]:
        with TowerContext("", is_training=True):
            gradients = self.allreduce(self._make_get_grad_fn(input, get_cost_fn, get_opt_fn)())
            self.train_op = get_opt_fn().apply_gradients(gradients, name="train_op")
        trigger = self.broadcast if self.BROADCAST_EVERY_EPOCH else None
        callbacks = [CallbackFactory(before_train=self.broadcast, trigger=trigger).set_chief_only(False)]
        return callbacks if self.hvd.size() == 1 else callbacks + [_StopTogether(self.hvd), SettingsOfChief()]

    def initialize(self, session_creator: tf.train.SessionCreator, session_init: SessionInit) -> None:
        """As of the base class; then all processes have the chief's variables.

        Raises:
            ValueError: `session_creator` is no NewSessionCreator, the one kind whose session can be given its GPU.
        """
        if not isinstance(session_creator, NewSessionCreator):
            raise ValueError("{}.initialize: session_creator must be a NewSessionCreator, since the session gets one GPU and "
                             "its share of the threads; got {!r}".format(type(self).__name__, session_creator))
        session_creator.config = self._own_share(session_creator.config)
        with self.graph.as_default():
            if self.hvd.size() > 1:
                self._my_page = tf.placeholder(tf.int64, [_PAGE_SIZE], name="my_page")
                self._chiefs_page = self._of_chief(self._my_page)
            # last, so that it has the variables that callbacks made
            self._broadcast_op = self.hvd.broadcast_global_variables(0)
        super().initialize(session_creator, session_init)

    def _share_variables(self) -> None:
        if self.is_chief:
            logger.info("Broadcasting %d variables ...", len(tf.global_variables()))
        else:
            logger.info("Rank %d waits for the variables of the chief ...", self._rank)
        self.broadcast(None)

    def _own_share(self, config: tf.ConfigProto) -> tf.ConfigProto:
        """The configuration with this process's GPU and its part of the CPU."""
        own = tf.ConfigProto()
        own.CopyFrom(config)
        own.gpu_options.visible_device_list = str(self._local_rank)
        own.inter_op_parallelism_threads = max(multiprocessing.cpu_count() // self.hvd.local_size(), 1)
        return own

    def _of_chief(self, tensor: tf.Tensor) -> tf.Tensor:
        """What the tensor is on the chief."""
        return self.hvd.broadcast(tensor, 0)

    def _run_epochs(self) -> None:
        if self.hvd.size() > 1:
            self._take_epochs_of_chief()
        super()._run_epochs()

    def _end_by(self, cause: BaseException) -> None:
        if isinstance(cause, StopTraining):
            for callback in self._callbacks.cbs:
                if isinstance(callback, _StopTogether):
                    callback.tell_others()
        super()._end_by(cause)

    def _value_of_chief(self, value: Any) -> Any:
        if self.hvd.size() == 1:
            return value
        content = np.frombuffer(pickle.dumps(value), np.uint8)
        mine = np.append(len(content), content).astype(np.int64)
        chiefs = np.zeros(0, np.int64)
        while not len(chiefs) or len(chiefs) <= chiefs[0]:
            page = mine[len(chiefs):][:_PAGE_SIZE]
            page = np.pad(page, (0, _PAGE_SIZE - len(page)), "constant")
            chiefs = np.append(chiefs, self.sess.run(self._chiefs_page, {self._my_page: page}))
        return pickle.loads(chiefs[1:1 + chiefs[0]].astype(np.uint8).tobytes())

    def _take_epochs_of_chief(self) -> None:
        """Start at the chief's epoch, which alone knows a checkpoint to go on from; as many steps must be meant already."""
        loop = self.loop
        mine = [loop.starting_epoch, loop.max_epoch, loop.steps_per_epoch]
        chiefs = self._value_of_chief(mine)
        if mine[1:] != chiefs[1:]:
            raise ValueError("{}: all processes must have the same max_epoch and steps_per_epoch; got {} and {} on rank {}, {} "
                             "and {} on rank 0".format(type(self).__name__, *mine[1:], self._rank, *chiefs[1:]))
        if mine[0] != chiefs[0]:
            logger.info("Training starts at epoch %d, as on rank 0.", chiefs[0])
            loop.config(chiefs[2], chiefs[0], chiefs[1])


class _StopTogether(Callback):
    """Before each epoch, processes tell each other which of them have stopped since the last one; then all do."""

    _chief_only = False

    def __init__(self, hvd: Any):
        self._hvd = hvd
        self._others_will_ask = False

    def _setup_graph(self) -> None:
        with tf.device("/cpu:0"):
            self._mine = tf.placeholder(tf.int32, [self._hvd.size()], name="stopped")
            self._everybodys = self._hvd.allreduce(self._mine, average=False)

    def _before_train(self) -> None:
        self._others_will_ask = self.trainer.starting_epoch <= self.trainer.max_epoch

    def _before_epoch(self) -> None:
        self._others_will_ask = False
        stopped = [str(rank) for rank, number in enumerate(self._exchange(False)) if number]
        if stopped:
            raise StopTraining("another process has stopped: rank {}".format(", ".join(stopped)))

    def _trigger_epoch(self) -> None:
        self._others_will_ask = self.epoch_num < self.trainer.max_epoch

    def tell_others(self) -> None:
        """Take part a last time, where the others are about to ask; elsewhere they are within a step, or done."""
        if self._others_will_ask:
            self._exchange(True)

    def _exchange(self, stopped: bool) -> List[int]:
        mine = [int(stopped and rank == self._hvd.rank()) for rank in range(self._hvd.size())]
        return self.trainer.sess.run(self._everybodys, {self._mine: mine})


class BytePSTrainer(HorovodTrainer):
    """A HorovodTrainer whose gradients are combined by BytePS, with its servers.

    Start each process by `bpslaunch`, which sets the variables `DMLC_ROLE` (to `worker`), `DMLC_WORKER_ID` and
    `DMLC_NUM_WORKER` of the environment.

    Args:
        average: whether gradients are averaged or summed.

    Attributes:
        hvd: the module `byteps.tensorflow`, with `push_pull` also under the name `allreduce`.

    Raises:
        ImportError: BytePS is not installed.
        ValueError: a variable of the environment is missing, or this process is no worker.
    """

    def __init__(self, average: bool = True):
        super().__init__(average=average)

    def _import_hvd(self) -> Any:
        bps = _import("byteps.tensorflow", "BytePSTrainer", "byteps")
        role = os.environ.get("DMLC_ROLE")
        if role != "worker":
            raise ValueError("BytePSTrainer: DMLC_ROLE must be 'worker' in the environment; got {!r}; start the script by "
                             "bpslaunch".format(role))
        for name in ("DMLC_WORKER_ID", "DMLC_NUM_WORKER"):
            if name not in os.environ:
                raise ValueError("BytePSTrainer: {} must be set in the environment; start the script by bpslaunch".format(name))
        bps.allreduce = bps.push_pull
        return bps

    def mpi_enabled(self) -> bool:
        """False: BytePS does not use MPI."""
        return False

    def _of_chief(self, tensor: tf.Tensor) -> tf.Tensor:
        return self.hvd.push_pull(tensor if self.is_chief else tf.zeros_like(tensor), average=False)


def _import(module: str, needed_by: str, pip: str) -> Any:
    optional_import(module, needed_by, pip).init  # noqa: B018 (loads it, or says what to install)
    return sys.modules[module]
