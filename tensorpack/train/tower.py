"""Trainers whose model is a tower function: called once per training tower, and again for each inference tower."""
from __future__ import annotations

import functools
import re
from typing import Callable, List, Optional, Sequence, Tuple

from ..callbacks.base import Callback
from ..callbacks.monitor import MonitorBase
from ..compat import device_words, xla_compile
from ..compat import tfv1 as tf
from ..dataflow.base import DataFlow
from ..input_source.input_source import PlaceholderInput
from ..input_source.input_source_base import InputSource
from ..predict.base import OnlinePredictor
from ..tfutils._inference import require_fed
from ..tfutils._optimizer.gradient import drop_none, is_read_by_freezing, warn_of_trained_though_frozen
from ..tfutils.common import get_global_step_var
from ..tfutils.sessinit import SessionInit
from ..tfutils.tower import PredictTowerContext, TowerFunc, TowerTensorHandle, TowerTensorHandles, get_current_tower_context
from ..utils import logger
from ..utils._arguments.functions import check_function
from ..utils._arguments.names import list_of_names
from ..utils._text.keywords import keywords_told
from ..utils._text.spec import shown
from ..utils._types import NOT_YET
from ..utils.argtools import call_only_once, memoized
from ._updates import warn_of_idle_updates
from .base import Trainer

__all__ = ["SingleCostTrainer", "TowerTrainer"]

GradAndVar = Tuple[tf.Tensor, tf.Variable]

_HOW_TO_SET_UP = "call setup_graph(...) before, or launch_train_with_config(config, trainer), which does it"
_NAME_OF_COUNTER = re.compile(r"(^|/)global_step(_\d+)?$")


class TowerTrainer(Trainer):
    """A trainer with a tower function, so that inference towers can be built beside the training towers.

    A subclass sets `self.tower_func` once, then builds its graph by calling it inside a `TowerContext`.
    """

    def __init__(self) -> None:
        super().__init__()
        self._tower_func: TowerFunc = NOT_YET
        self._predictors: List[OnlinePredictor] = []

    @property
    def tower_func(self) -> TowerFunc:
        """The tower function; can be set once. That makes the variable `global_step` if it is missing, so that towers get it by
        `tf.train.get_global_step()`."""
        return self._tower_func

    @tower_func.setter
    def tower_func(self, value: TowerFunc) -> None:
        if not isinstance(value, TowerFunc):
            raise TypeError("{}.tower_func: must be a TowerFunc; got {}; TowerFunc(function, input_signature) makes "
                            "one".format(type(self).__name__, shown(value)))
        if self._tower_func is not None:
            raise RuntimeError("{}.tower_func: can be set once only".format(type(self).__name__))
        self._tower_func = value
        with self.graph.as_default():
            get_global_step_var()  # so that tf.train.get_global_step() is not None in the towers

    @property
    def input_signature(self) -> List[tf.TensorSpec]:
        """Signature of the tower function."""
        return self.tower_func.input_signature

    @property
    def towers(self) -> Optional[TowerTensorHandles]:  # type: ignore[override]  # where there are towers, nobody sets it
        """Handles of all towers built so far, by index or name; None before the tower function is set."""
        return None if self._tower_func is None else self._tower_func.towers

    def setup_callbacks(self, callbacks: List[Callback], monitors: List[MonitorBase]) -> None:
        super().setup_callbacks(callbacks, monitors)
        with self.graph.as_default():
            _warn_of_other_counters()
        if self.train_op is not None:  # else a step of the user's own may run anything
            with self.graph.as_default():
                warn_of_idle_updates(self.train_op, self._callbacks.cbs)

    def initialize(self, session_creator: tf.train.SessionCreator, session_init: SessionInit) -> None:
        super().initialize(session_creator, session_init)
        for predictor in self._predictors:
            predictor.sess = self.sess

    @keywords_told
    def get_predictor(self, input_names: Sequence[str], output_names: Sequence[str], device: int = 0) -> OnlinePredictor:
        """A function from numpy inputs to numpy outputs of the model as it is while it trains.

        The first call for a device builds a tower `tower-pred-<device>` (`tower-pred-cpu` for -1), in which the model is
        in inference mode; it must happen before the graph is final, so usually in `_setup_graph` of a callback.

        Args:
            input_names: inputs or any other tensors of the tower, named without its prefix.
            output_names: the same for the outputs.
            device: GPU number, -1 for the CPU.

        Raises:
            RuntimeError: the graph is final and has no predictor tower for this device.
            KeyError: no such tensor in the tower.
            ValueError: an output needs an input of the model that is not among `input_names`.
            TypeError: names are no list of strings.
        """
        if self._tower_func is None:
            raise RuntimeError("{}.get_predictor: it must have its tower function; {}".format(
                type(self).__name__, _HOW_TO_SET_UP if isinstance(self, SingleCostTrainer) else "set tower_func first"))
        who = "{}.get_predictor".format(type(self).__name__)
        input_names = list_of_names(who, "input_names", input_names)
        output_names = list_of_names(who, "output_names", output_names)
        tower_name = "tower-pred-cpu" if device < 0 else "tower-pred-{}".format(device)
        with self.graph.as_default():
            try:
                tower = self.tower_func.towers[tower_name]
            except KeyError:
                tower = self._build_predict_tower(tower_name, device)
            inputs, outputs = tower.get_tensors(input_names), tower.get_tensors(output_names)
            require_fed(who, tower.inputs, inputs, dict(zip(output_names, outputs)))
            predictor = OnlinePredictor(inputs, outputs)
        predictor.sess = getattr(self, "sess", None)
        self._predictors.append(predictor)
        return predictor

    def _build_predict_tower(self, tower_name: str, device: int) -> TowerTensorHandle:
        if self.graph.finalized:
            raise RuntimeError("{}.get_predictor: the first predictor of a device must be asked for before the graph is final, "
                               "for example in _setup_graph of a callback; got device {} afterwards; when the training is "
                               "over, OfflinePredictor(PredictConfig(...)) predicts with its checkpoint".format(
                                   type(self).__name__, device))
        device_string = "/cpu:0" if device < 0 else "/gpu:{}".format(device)
        logger.info("Building predictor tower '%s' on %s ...", tower_name, device_words(device_string))
        input = PlaceholderInput()
        input.setup(self.input_signature)
        with tf.variable_scope(tf.get_variable_scope(), reuse=True), tf.device(device_string), \
                PredictTowerContext(tower_name, vs_name=self._vs_name_for_predictor(device)):
            self.tower_func(*input.get_input_tensors())
        return self.tower_func.towers[tower_name]

    def _vs_name_for_predictor(self, device: int) -> str:
        """Variable scope that an inference tower on `device` reads: of the training tower there, else of the first one."""
        towers = self.tower_func.towers.training()
        if not len(towers):
            return ""
        return towers[device if 0 <= device < len(towers) else 0].vs_name


def _warn_of_other_counters() -> None:
    counters = [variable.op.name for variable in tf.global_variables() if _NAME_OF_COUNTER.search(variable.op.name)]
    for name in counters:
        if name != get_global_step_var().op.name:
            logger.warning("The variable '%s' does not count the steps; the global step of the training does, which "
                           "tf.train.get_global_step() gives inside build_graph.", name)


class SingleCostTrainer(TowerTrainer):
    """A trainer that minimises one scalar cost with one `tf.train.Optimizer`.

    A subclass implements `_setup_graph(input, get_cost_fn, get_opt_fn)`, which sets `train_op` and returns callbacks.

    Attributes:
        COLOCATE_GRADIENTS_WITH_OPS, AGGREGATION_METHOD: see `tf.train.Optimizer.compute_gradients`.
        GATE_GRADIENTS: all gradients of one operation are computed before any of them is used. Without it a reference
            variable may be updated while the gradient of another one still has to be computed from its old value.
        XLA_COMPILE: compile forward and backward computation with XLA (needs static shapes, allows no summaries inside).
    """

    COLOCATE_GRADIENTS_WITH_OPS = True
    GATE_GRADIENTS = True
    AGGREGATION_METHOD = tf.AggregationMethod.DEFAULT
    XLA_COMPILE = False

    @keywords_told
    @call_only_once
    def setup_graph(self, input_signature: List[tf.TensorSpec], input: InputSource,
                    get_cost_fn: Callable[..., tf.Tensor], get_opt_fn: Callable[[], tf.train.Optimizer]) -> None:
        """Build the training towers and the update; possible once per trainer.

        Args:
            input_signature: specs of the inputs, each with a name.
            input: where they come from; set up here.
            get_cost_fn: from the input tensors to the cost; called once per tower, inference towers included.
            get_opt_fn: makes the optimizer; called once, in the first tower.

        Raises:
            TypeError: `get_cost_fn` or `get_opt_fn` is no function, or `input` no InputSource.
        """
        check_function(self, "get_opt_fn", get_opt_fn, "without arguments, which returns the optimizer; if you have one, "
                       "lambda: optimizer", 0)
        with self.graph.as_default():
            self.tower_func = TowerFunc(get_cost_fn, input_signature)
            get_opt_fn = memoized(get_opt_fn)
            input_callbacks = self._setup_input(input_signature, input)
            train_callbacks = self._setup_graph(input, self.tower_func, get_opt_fn)
            self.register_callback(input_callbacks + train_callbacks)

    def setup_callbacks(self, callbacks: List[Callback], monitors: List[MonitorBase]) -> None:
        if self._tower_func is None and self.train_op is None and type(self).run_step is Trainer.run_step:
            raise RuntimeError("{}: its graph must be set up before the training; {}".format(
                type(self).__name__, _HOW_TO_SET_UP))
        super().setup_callbacks(callbacks, monitors)

    def _setup_graph(self, input: InputSource, get_cost_fn: Callable[..., tf.Tensor],
                     get_opt_fn: Callable[[], tf.train.Optimizer]) -> List[Callback]:
        raise NotImplementedError("{}: override _setup_graph()".format(type(self).__name__))

    def _setup_input(self, input_signature: List[tf.TensorSpec], input: InputSource) -> List[Callback]:
        if not isinstance(input, InputSource):
            raise TypeError("{}.setup_graph: input must be an InputSource; got {}{}".format(
                type(self).__name__, shown(input), "; try QueueInput(dataflow)" if isinstance(input, DataFlow) else ""))
        if input.setup_done():
            raise RuntimeError("{}.setup_graph: input must not be set up already; got {!r} that is in use elsewhere; make "
                               "a new one".format(type(self).__name__, input))
        return input.setup(input_signature)

    def _make_get_grad_fn(self, input: InputSource, get_cost_fn: Callable[..., tf.Tensor],
                          get_opt_fn: Callable[[], tf.train.Optimizer]) -> Callable[[], List[GradAndVar]]:
        """A function that builds cost and gradients inside a training tower and returns (gradient, variable) pairs."""

        def get_grad_fn() -> List[GradAndVar]:
            inputs = input.get_input_tensors()
            compute = functools.partial(self._compute_gradients, get_cost_fn, get_opt_fn)
            if not self.XLA_COMPILE:
                return compute(*inputs)
            # Variables cannot leave a compiled computation, so they are kept aside while the gradients pass through it.
            variables: List[tf.Variable] = []

            def compiled(*args: tf.Tensor) -> List[tf.Tensor]:
                pairs = compute(*args)
                variables.extend(variable for _, variable in pairs)
                return [tf.convert_to_tensor(gradient) for gradient, _ in pairs]

            return list(zip(xla_compile(compiled, inputs), variables))

        return get_grad_fn

    def _compute_gradients(self, get_cost_fn: Callable[..., tf.Tensor], get_opt_fn: Callable[[], tf.train.Optimizer],
                           *inputs: tf.Tensor) -> List[GradAndVar]:
        context = get_current_tower_context()
        cost = get_cost_fn(*inputs)
        self._check_cost(cost)
        if context is not None and context.has_own_variables:
            variables = context.get_collection_in_tower(tf.GraphKeys.TRAINABLE_VARIABLES)
        else:
            variables = tf.trainable_variables()
        if not variables:
            raise ValueError("{}: the model must have trainable variables of its own; got none; variables made outside of the "
                             "tower function are not trained".format(type(self).__name__))
        optimizer = get_opt_fn()
        if not hasattr(optimizer, "compute_gradients"):
            raise TypeError("{}: get_opt_fn (the model's get_optimizer) must return a tf.train.Optimizer; got {}; try "
                            "tf.train.AdamOptimizer(1e-3)".format(type(self).__name__, shown(optimizer)))
        pairs = optimizer.compute_gradients(
            cost, var_list=variables, gate_gradients=self.GATE_GRADIENTS,
            colocate_gradients_with_ops=self.COLOCATE_GRADIENTS_WITH_OPS, aggregation_method=self.AGGREGATION_METHOD)
        if all(gradient is None for gradient, _ in pairs):
            names = [variable.op.name for _, variable in pairs]
            frozen = "; freeze_variables() stops them: build what is to be trained outside of it"
            raise ValueError("{}: the cost must depend on a trainable variable; got no gradient for any of {}{}".format(
                type(self).__name__, ", ".join(names), frozen if any(map(is_read_by_freezing, names)) else ""))
        if context is None or context.is_main_training_tower:
            warn_of_trained_though_frozen(pairs)
        return drop_none(pairs)

    def _check_cost(self, cost: object) -> None:
        who = "{}: the tower function".format(type(self).__name__)
        if not isinstance(cost, tf.Tensor):
            raise TypeError("{} must return the cost, a scalar tensor, in training; got {!r}; {}".format(
                who, cost, "add the costs up, as with tf.add_n" if isinstance(cost, (list, tuple)) and cost else
                "does build_graph end with `return cost`?"))
        if not cost.dtype.is_floating:
            raise TypeError("{} must return a cost of floats, which has a gradient; got {} {}, the tensor '{}'; is it a count "
                            "of mistakes? try a loss such as tf.nn.sparse_softmax_cross_entropy_with_logits".format(
                                who, cost.dtype.base_dtype.name, cost.shape, cost.name))
        if cost.shape.ndims != 0:
            raise ValueError("{} must return a cost of shape (); got {} of shape {}; reduce it, for example with "
                             "tf.reduce_mean".format(who, cost.name, cost.shape))
