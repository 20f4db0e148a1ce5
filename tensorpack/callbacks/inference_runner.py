"""`InferenceRunner`: runs the model in inference mode over a dataset while it trains, for the sake of inferencers."""
from __future__ import annotations

import math
from typing import Any, Callable, List, Optional, Sequence, Tuple, Union

from ..compat import device_words, fetched_elements, num_gpus
from ..compat import tfv1 as tf
from ..dataflow._flows._told.each_once import warn_unless_each_once
from ..dataflow._flows._told.not_a_flow import what_is_wrong
from ..dataflow._flows.below import deepest_endless, flows_below
from ..dataflow._flows.endless import words_of_single_pass
from ..dataflow._flows.shard import ShardData
from ..dataflow.base import DataFlow, never_ends
from ..input_source.input_source import FeedInput, QueueInput, StagingInput
from ..input_source.input_source_base import InputSource, ProxyInputSource
from ..tfutils._session.hooked_session import HookedSession
from ..tfutils._tower.contents import is_variable_or_its_value
from ..tfutils._variable_use import writers_of
from ..tfutils.dependency import ancestors
from ..tfutils.tower import PredictTowerContext, TowerFunc, TowerTensorHandle
from ..utils import logger
from ..utils._text.progress_bar import Bar
from ..utils._text.spec import shown
from ..utils._types import NOT_YET
from ..utils.utils import get_tqdm
from ._checks.methods import check_methods
from .base import Callback
from .group import Callbacks, raise_background_failure
from .inference import Inferencer

__all__ = ["DataParallelInferenceRunner", "InferenceRunner", "InferenceRunnerBase"]

_FIRST_DOUBT = 1000
_DEFAULT_TOWER_NAME = "InferenceTower"


class InferenceRunnerBase(Callback):
    """Base class of callbacks that let inferencers see all datapoints of an input source, at each trigger.

    The passes go through a session of their own over `trainer.sess`: callbacks of the trainer take no part, and the global
    step does not move. A subclass builds the inference tower in `_setup_graph`, sets `_input_callbacks` there, and calls
    `register_hook` with what fetches for the inferencers.

    Args:
        input: where the data come from. A pass takes as many datapoints as its `size()` says; if that is unknown, all until
            the data end.
        infs: an Inferencer, or a list of them.

    Raises:
        TypeError: `input` is no InputSource, or `infs` has something that is no Inferencer.
        ValueError: the input has no data, or it never ends and its size is unknown.
    """

    def __init__(self, input: InputSource, infs: Union[Inferencer, Sequence[Inferencer]]):
        who = type(self).__name__
        if not isinstance(input, InputSource):
            raise TypeError(what_is_wrong(who, "input", input, wanted="a DataFlow or an InputSource"))
        if not isinstance(infs, (Inferencer, list, tuple)):
            raise TypeError("{}: infs must be an Inferencer or a list of them; got {}; try ScalarStats(name)".format(
                who, shown(infs)))
        self.infs = [infs] if isinstance(infs, Inferencer) else list(infs)
        if not self.infs:
            logger.warning("%s: it has no inferencers, so that nothing is validated; try [ScalarStats(name)].", who)
        for inf in self.infs:
            if not isinstance(inf, Inferencer):
                raise TypeError("{}: infs must be Inferencers; got {}; try ScalarStats({!r})".format(
                    who, shown(inf), inf if isinstance(inf, str) else "cost"))
            check_methods(inf)
        self._input_source = input
        input._is_for(who)
        self._size = _known_size(who, input)
        self._hooks: List[tf.train.SessionRunHook] = []
        self._fetches: Any = ()  # all fetches are those of hooks
        self._input_callbacks = Callbacks([])
        self._session: HookedSession = NOT_YET
        self._done: Optional[int] = None  # datapoints of the pass that goes on
        self._due: float = _FIRST_DOUBT  # after how many of them it is doubtful that data of unknown size end

    def register_hook(self, hook: tf.train.SessionRunHook) -> None:
        """Add a hook around each run of the inference session; possible until `before_train`.

        Raises:
            TypeError: it is no SessionRunHook.
        """
        if not isinstance(hook, tf.train.SessionRunHook):
            raise TypeError("{}.register_hook: hook must be a tf.train.SessionRunHook; got {!r}".format(
                type(self).__name__, hook))
        self._hooks.append(hook)

    def _before_train(self) -> None:
        self._session = HookedSession(self.trainer.sess, self._input_callbacks.get_hooks() + self._hooks)
        self._input_callbacks.before_train()
        self._look()
        if self._size is None:
            logger.warning("[%s] Will eval until the data end: the size of %s is unknown.", self,
                           _flow_name(self._input_source))
        else:
            logger.info("[%s] Will eval %d iterations", self, self._size)
        if self.trainer.is_chief:
            flow = getattr(_unwrapped(self._input_source), "ds", None)
            warn_unless_each_once(str(self), flow, "its statistics are of other data")
            if self.trainer._trains_with_others and self.chief_only:
                self._warn_of_parts(flow)

    def _warn_of_parts(self, flow: Any) -> None:
        for each in flows_below(flow):
            words = each.words_of_part() if isinstance(each, ShardData) else None
            if words is not None:
                logger.warning("[%s] It runs on the chief alone, and ShardData gives it the part of %s: its statistics are of "
                               "that part. Give it the whole flow; CollectiveInferenceRunner divides a whole flow among the "
                               "workers of a CollectiveTrainer.", self, words)

    def _look(self) -> None:
        """Find what is wrong with the data before the first epoch, where a look at one datapoint can tell."""
        if self._size is None:
            return  # they may come from elsewhere, and later
        with self.trainer.sess.as_default():
            if not self._input_source._look():
                raise self._too_early(0)

    def _after_train(self) -> None:
        self._input_callbacks.after_train()

    def _unblock(self) -> None:
        self._input_callbacks._unblock()

    def _waits_for(self) -> Optional[str]:
        done = self._done
        if done is None:
            return None
        where = "[{}] {} datapoints of {} are done; input: {}".format(
            self, done, "an unknown number" if self._size is None else self._size, _flow_name(self._input_source))
        return "\n".join(filter(None, [where, self._input_callbacks._waits_for()]))

    def _trigger(self) -> None:
        for inf in self.infs:
            inf.before_epoch()
        self._done = 0
        try:
            self._input_source.reset_state()
            self._run_pass()
        finally:
            self._done = None
        for inf in self.infs:
            inf.trigger_epoch()

    def _run_pass(self) -> None:
        self._done = 0
        try:
            with self._make_progress_bar() as bar:
                while self._size is None or self._done < self._size:
                    number = self._run_some(None if self._size is None else self._size - self._done)
                    self._done += number
                    bar.update(number)
                    if self._size is None and self._done >= self._due:
                        self._doubt_end()
        except (StopIteration, tf.errors.OutOfRangeError) as e:
            self._raise_background_failure(e)
            if self._size is None and self._done:
                self._due = math.inf  # it has an end
                return
            raise self._too_early(self._done) from e
        except tf.errors.CancelledError as e:
            self._raise_background_failure(e)
            logger.error("[%s] The pass was cancelled after %d iterations.", self, self._done)
            raise

    def _doubt_end(self) -> None:
        self._due *= 10
        logger.warning("[%s] %d datapoints are done, and the data have not ended. If they never do, as those of a generator "
                       "with `while True`, take FixedSizeData(flow, size) for a validation.", self, self._done)

    def _raise_background_failure(self, cause: BaseException) -> None:
        raise_background_failure(self._input_callbacks.cbs, cause)
        self.trainer._queue_runners.raise_failure(cause)

    def _make_progress_bar(self) -> Bar:
        """What shows how far a pass is."""
        return get_tqdm(total=self._size)

    def _too_early(self, done: int) -> RuntimeError:
        message = "[{}] the data of {} ended after {} iterations, but a pass must have {}".format(
            self, _flow_name(self._input_source), done, "at least one" if self._size is None else self._size)
        logger.error("%s", message)
        # not the error that the data end with, which would end the training as if all were well
        return RuntimeError("{}; {}".format(message, _why_spent(self._input_source) or
                                            "mend the __len__ of the DataFlow, or what ends it before"))

    def _run_some(self, left: Optional[int]) -> int:
        """Run the model on one or several of the datapoints that are left; returns on how many."""
        self._session.run(self._fetches)
        return 1


class _TowerInferenceRunner(InferenceRunnerBase):
    """What runners that build inference towers have in common."""

    def __init__(self, input: InputSource, infs: Union[Inferencer, Sequence[Inferencer]], tower_name: str,
                 tower_func: Optional[TowerFunc]):
        super().__init__(input, infs)
        if tower_func is not None and not isinstance(tower_func, TowerFunc):
            raise TypeError("{}: tower_func must be a TowerFunc; got {}; TowerFunc(function, signature) makes one".format(
                type(self).__name__, shown(tower_func)))
        self._tower_name = tower_name
        self._tower_func = tower_func

    def _setup_graph(self) -> None:
        who = type(self).__name__
        if getattr(self.trainer, "tower_func", None) is None:
            raise RuntimeError("{}: the trainer must be a TowerTrainer whose tower_func is set; got {}".format(
                who, self.trainer.__class__.__name__))
        tower_func = self._tower_func or self.trainer.tower_func
        tower_name = self._unused_tower_name()
        callbacks = Callbacks(self._input_source.setup(tower_func.input_signature))
        towers = [self._build_tower(tower_func, name, device, number)
                  for name, device, number in self._planned_towers(tower_name)]
        if not self.infs:
            self._fetches = tf.no_op()  # TensorFlow 1 must have something to run
        for inf in self.infs:
            inf.setup_graph(self.trainer)
            self._connect(inf, towers)
        callbacks.setup_graph(self.trainer)
        self._input_callbacks = callbacks

    def _planned_towers(self, tower_name: str) -> List[Tuple[str, str, int]]:
        """The (name, device, number of the device) of each tower."""
        raise NotImplementedError()

    def _connect(self, inf: Inferencer, towers: List[TowerTensorHandle]) -> None:
        """Make the hooks that bring the tensors of the towers to an inferencer."""
        raise NotImplementedError()

    def _find_fetches(self, inf: Inferencer, tower: TowerTensorHandle) -> List[Any]:
        """What to fetch in a tower for an inferencer."""
        names = inf.get_fetches()
        try:
            tensors = tower.get_tensors(names)
        except KeyError as e:
            raise KeyError("{}: must fetch tensors of the inference tower or inputs of the model; got {}: {}".format(
                inf, names, e.args[0])) from e
        for name, tensor in zip(names, tensors):
            self._refuse_data_of_training(name, tensor, tower)
        self._warn_of_metrics(names, tensors)
        inf._check_fetches(tensors)
        return tensors + inf._further_fetches(tower.inputs)

    def _refuse_data_of_training(self, name: str, fetched: Any, tower: TowerTensorHandle) -> None:
        """A model that keeps a tensor of its first call for later ones has that of the training tower here."""
        func = self.trainer.tower_func
        needed = ancestors(fetched_elements(self.graph, [fetched]), tower.inputs)
        for training in func.towers.training():
            for spec, tensor in zip(func.input_signature, training.inputs):
                if isinstance(tensor, tf.Tensor) and tensor.op in needed and not is_variable_or_its_value(tensor):
                    raise ValueError("{}: inferencers must fetch what is computed from the data of the validation; got {!r}, "
                                     "which needs {!r} of the training tower; build_graph must make its tensors anew each time "
                                     "it is called, so keep none in self for a later call".format(
                                         self, name[:-2] if name.endswith(":0") else name, spec.name))

    def _warn_of_metrics(self, names: Sequence[str], fetched: Sequence[Any]) -> None:
        """What tf.metrics counts, it counts in variables, when an operation is run that nobody runs here."""
        variables = tf.get_collection(tf.GraphKeys.METRIC_VARIABLES)
        needed = ancestors(fetched_elements(self.graph, list(fetched))) if variables else set()
        for name, tensor in zip(names, fetched) if variables else ():
            read = ancestors(fetched_elements(self.graph, [tensor]))
            if any(variable.op in read and needed.isdisjoint(writers_of(variable)) for variable in variables):
                logger.warning("[%s] %r is a result of tf.metrics, which stays as it is, since nothing runs its update "
                               "operation. Inferencers average over a pass by themselves: fetch what build_graph computes of a "
                               "batch, by ScalarStats or ClassificationError.", self, name)

    def _build_tower(self, tower_func: TowerFunc, name: str, device: str, number: int) -> TowerTensorHandle:
        logger.info("[%s] Building tower '%s' on %s ...", type(self).__name__, name, device_words(device))
        with tf.variable_scope(tf.get_variable_scope(), reuse=True), tf.device(device), \
                PredictTowerContext(name, vs_name=self.trainer._vs_name_for_predictor(number)):
            tower_func(*self._input_source.get_input_tensors())
        return tower_func.towers[name]

    def _unused_tower_name(self) -> str:
        who = type(self).__name__
        if not self._is_used(self._tower_name):
            return self._tower_name
        if self._tower_name != _DEFAULT_TOWER_NAME:
            raise ValueError("{}: tower_name must not be in the graph already; got '{}'; give each runner its own".format(
                who, self._tower_name))
        number = 1
        while self._is_used("{}_{}".format(self._tower_name, number)):
            number += 1
        name = "{}_{}".format(self._tower_name, number)
        logger.info("[%s] There is a tower '%s' already, the next one is called '%s'.", who, self._tower_name, name)
        return name

    def _is_used(self, tower_name: str) -> bool:
        scopes = tuple(name + "/" for name, _, _ in self._planned_towers(tower_name))
        return any(op.name.startswith(scopes) for op in self.graph.get_operations())


class InferenceRunner(_TowerInferenceRunner):
    """Runs the model in inference mode over a dataset at each epoch (or as scheduled), with one tower on one device.

    Creates the operations of the tower `InferenceTower/...`, with the variables of the training tower. The statistics of the
    inferencers are put into `trainer.monitors`, in the order of `infs`. Runs on the chief only, in a tower trainer.

    Args:
        input: a DataFlow, or an InputSource that is not used elsewhere. A DataFlow is fed, each pass from its beginning.
        infs: an Inferencer, or a list of them.
        tower_name: name scope of the tower. Further runners with the default name get `InferenceTower_1`, ...
        tower_func: a TowerFunc to build the tower; by default that of the trainer.
        device: GPU number; -1 for the CPU.

    Raises:
        TypeError: `input` is a StagingInput, which takes data ahead of a pass.
        ValueError: when the graph is set up, another tower has the same name, a variable exists in inference only, or a
            tensor has a shape that an inferencer cannot take.
        RuntimeError: when the graph is set up, the trainer has no tower function; at a pass, the data ended early.
    """

    def __init__(self, input: Union[DataFlow, InputSource], infs: Union[Inferencer, Sequence[Inferencer]],
                 tower_name: str = _DEFAULT_TOWER_NAME, tower_func: Optional[TowerFunc] = None, device: int = 0):
        if isinstance(input, DataFlow):
            input = FeedInput(input, infinite=False)
        if isinstance(input, StagingInput):
            raise TypeError("InferenceRunner: input must not be a StagingInput, which takes data ahead of a pass; give the "
                            "input inside of it")
        super().__init__(input, infs, tower_name, tower_func)
        self._device_id = device

    def _planned_towers(self, tower_name: str) -> List[Tuple[str, str, int]]:
        device = "/cpu:0" if self._device_id < 0 else "/gpu:{}".format(self._device_id)
        return [(tower_name, device, self._device_id)]

    def _connect(self, inf: Inferencer, towers: List[TowerTensorHandle]) -> None:
        self.register_hook(_InferencerToHook(inf.on_fetches, self._find_fetches(inf, towers[0])))


class DataParallelInferenceRunner(_TowerInferenceRunner):
    """Runs the model in inference mode over a dataset at each epoch (or as scheduled), with a tower on each of several devices.

    Each run takes as many datapoints as there are towers, and each inferencer gets them one after the other. Datapoints that
    are left over at the end of a pass run on the first tower. Creates the operations `InferenceTower0/...`,
    `InferenceTower1/...`, ..., with the variables of the training tower on the same device, if there is one. Runs on the chief
    only, in a tower trainer.

    Args:
        input: a DataFlow whose length is known, or a QueueInput that is not used elsewhere.
        infs: an Inferencer, or a list of them.
        gpus: numbers of the GPUs, each once.
        tower_name: name scope of the towers, without their number.
        tower_func: a TowerFunc to build the towers; by default that of the trainer.
        device_type: 'cpu' to run on the devices `/cpu:<number>`, as a trainer does that was made with this argument. The
            session must have them: that trainer sees to it, others by `device_count` of the session's config.

    Raises:
        TypeError, ValueError: `input` is no QueueInput, its size is unknown, or `gpus` are no different GPU numbers; when the
            graph is set up, as in InferenceRunner, or TensorFlow sees GPUs, but not these.
        RuntimeError: as in InferenceRunner.
    """

    def __init__(self, input: Union[DataFlow, QueueInput], infs: Union[Inferencer, Sequence[Inferencer]], gpus: Sequence[int],
                 tower_name: str = _DEFAULT_TOWER_NAME, tower_func: Optional[TowerFunc] = None, *, device_type: str = "gpu"):
        if isinstance(input, DataFlow):
            input = QueueInput(input)
        if not isinstance(input, QueueInput):
            raise TypeError(what_is_wrong("DataParallelInferenceRunner", "input", input, wanted="a DataFlow or a QueueInput"))
        super().__init__(input, infs, tower_name, tower_func)
        if device_type not in ("gpu", "cpu"):
            raise ValueError("DataParallelInferenceRunner: device_type must be 'gpu' or 'cpu'; got {!r}".format(device_type))
        self._gpus = _device_numbers(gpus)
        self._device_type = device_type
        self._first_tower_hooks: List[tf.train.SessionRunHook] = []
        self._first_tower_session: HookedSession = NOT_YET

    def register_hook(self, h: tf.train.SessionRunHook) -> None:
        """Add a hook around each run of the inference session, of all towers or one; possible until `before_train`.

        Raises:
            TypeError: it is no SessionRunHook.
        """
        super().register_hook(h)
        self._first_tower_hooks.append(h)

    def _setup_graph(self) -> None:
        if self._device_type == "gpu" and 0 < num_gpus() <= max(self._gpus):
            raise ValueError("DataParallelInferenceRunner: each GPU must exist; got {}, but TensorFlow sees {}, numbered from "
                             "0".format(self._gpus, num_gpus()))
        super()._setup_graph()

    def _planned_towers(self, tower_name: str) -> List[Tuple[str, str, int]]:
        return [("{}{}".format(tower_name, position), "/{}:{}".format(self._device_type, number), number)
                for position, number in enumerate(self._gpus)]

    def _connect(self, inf: Inferencer, towers: List[TowerTensorHandle]) -> None:
        hooks = [_InferencerToHook(inf.on_fetches, self._find_fetches(inf, tower)) for tower in towers]
        self._hooks.extend(hooks)
        self._first_tower_hooks.append(hooks[0])

    def _before_train(self) -> None:
        super()._before_train()
        hooks = self._input_callbacks.get_hooks() + self._first_tower_hooks
        self._first_tower_session = HookedSession(self.trainer.sess, hooks)

    def _run_some(self, left: Optional[int]) -> int:
        assert left is not None  # the constructor refuses an input without a size
        if left < len(self._gpus):
            self._first_tower_session.run(self._fetches)
            return 1
        self._session.run(self._fetches)
        return len(self._gpus)


def _device_numbers(gpus: Sequence[int]) -> List[int]:
    who = "DataParallelInferenceRunner"
    if not isinstance(gpus, (list, tuple, range)) or not all(isinstance(k, int) and not isinstance(k, bool) for k in gpus):
        raise TypeError("{}: gpus must be a list of GPU numbers; got {}; try [0, 1]".format(who, shown(gpus)))
    gpus = list(gpus)
    if not gpus or min(gpus) < 0 or len(set(gpus)) < len(gpus):
        raise ValueError("{}: gpus must have one GPU number at least, none negative, each once; got {}; try [0]".format(
            who, gpus))
    return gpus


class _InferencerToHook(tf.train.SessionRunHook):
    """Fetches for an inferencer in each run."""

    def __init__(self, on_fetches: Callable[[List[Any]], None], fetches: List[tf.Tensor]):
        self._on_fetches = on_fetches
        self._args = tf.train.SessionRunArgs(fetches)

    def before_run(self, run_context: tf.train.SessionRunContext) -> tf.train.SessionRunArgs:
        return self._args

    def after_run(self, run_context: tf.train.SessionRunContext, run_values: tf.train.SessionRunValues) -> None:
        self._on_fetches(run_values.results)


def _known_size(who: str, input: InputSource) -> Optional[int]:
    try:
        size = input.size()
    except NotImplementedError:
        if _never_ends(input):
            raise ValueError("{}: a pass over {} never ends, so its size must be known; {}".format(
                who, _flow_name(input), _how_to_end(input))) from None
        return None
    if size <= 0:
        raise ValueError("{}: input must have data; got {} of size {}".format(who, _flow_name(input), size))
    return size


def _never_ends(input: InputSource) -> bool:
    input = _unwrapped(input)
    if isinstance(input, FeedInput):
        return input._infinite or never_ends(input.ds)
    return isinstance(input, QueueInput)


def _how_to_end(input: InputSource) -> str:
    flow = getattr(_unwrapped(input), "ds", None)
    if never_ends(flow):
        return "leave out {}, since a validation is one pass, or take FixedSizeData(flow, size)".format(deepest_endless(flow))
    return "give its DataFlow a __len__, or FixedSizeData, or pass a DataFlow itself, which is fed until it ends"


def _flow_name(input: InputSource) -> str:
    input = _unwrapped(input)
    flow = getattr(input, "ds", None)
    return type(input).__name__ if flow is None else "{} of {!r}".format(type(input).__name__, flow)


def _why_spent(input: InputSource) -> Optional[str]:
    return words_of_single_pass(flows_below(getattr(_unwrapped(input), "ds", None)))


def _unwrapped(input: InputSource) -> InputSource:
    while isinstance(input, ProxyInputSource):
        input = input._input
    return input
