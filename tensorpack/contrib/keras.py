"""Training of Keras models with the trainers of this library, on TensorFlow 1.15 and with the package tf_keras on later ones.

Keras is imported when something here is used. Models of Keras 3 cannot be trained in graph mode: nothing would run the
updates of their layers. The weights of any Keras model can be given to layers of this library, by `weights_from_keras`.
"""
from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Sequence, Union

from ..callbacks.base import Callback, ProxyCallback
from ..callbacks.inference import ScalarStats
from ..callbacks.inference_runner import InferenceRunner, InferenceRunnerBase
from ..compat import graph_keras
from ..compat import tfv1 as tf
from ..dataflow._flows._told.not_a_flow import what_is_wrong
from ..dataflow.base import DataFlow
from ..input_source.input_source_base import InputSource
from ..train.base import Trainer
from ..train.interface import apply_default_prefetch
from ..train.tower import SingleCostTrainer
from ..train.trainers import SimpleTrainer, SyncMultiGPUTrainerParameterServer
from ..utils import logger
from ..utils._text.spec import shown
from ..utils.gpu import get_num_gpu
from ._keras.cost import TOTAL_LOSS_NAME, KerasCost
from ._keras.model import KerasModelCaller
from ._keras.weights import weights_from_keras

__all__ = ["KerasModel", "KerasPhaseCallback", "setup_keras_trainer", "weights_from_keras"]


class KerasPhaseCallback(Callback):
    """Feeds the learning phase of Keras, which Dropout and BatchNormalization look at, in each run.

    The one for training also lets every InferenceRunner of the trainer feed 0.

    Args:
        isTrain: whether to feed 1 or 0.
    """

    def __init__(self, isTrain: bool):
        if not isinstance(isTrain, bool):
            raise TypeError("KerasPhaseCallback: isTrain must be a bool; got {!r}".format(isTrain))
        self._isTrain = isTrain
        self._keras = graph_keras()

    def _setup_graph(self) -> None:
        phase = self._keras.backend.learning_phase()
        if not isinstance(phase, tf.Tensor):
            raise RuntimeError("KerasPhaseCallback: the learning phase of Keras must not be fixed; got {!r}; leave out "
                               "keras.backend.set_learning_phase()".format(phase))
        logger.info("Using Keras learning phase %s in the graph!", phase.name)
        self._args = _phase_args(phase, self._isTrain)
        if not self._isTrain:
            return
        for cb in self.trainer._callbacks.cbs:
            while isinstance(cb, ProxyCallback):
                cb = cb.cb
            if isinstance(cb, InferenceRunnerBase):
                cb.register_hook(_InferencePhase(_phase_args(phase, False)))

    def _before_run(self, ctx: tf.train.SessionRunContext) -> tf.train.SessionRunArgs:
        return self._args


class _InferencePhase(tf.train.SessionRunHook):
    def __init__(self, args: tf.train.SessionRunArgs):
        self._args = args

    def before_run(self, run_context: tf.train.SessionRunContext) -> tf.train.SessionRunArgs:
        return self._args


def _phase_args(phase: tf.Tensor, is_training: bool) -> tf.train.SessionRunArgs:
    return tf.train.SessionRunArgs(fetches=[], feed_dict={phase: is_training})


def setup_keras_trainer(trainer: SingleCostTrainer, get_model: Callable[..., Any], input_signature: Sequence[tf.TensorSpec],
                        target_signature: Sequence[tf.TensorSpec], input: InputSource, optimizer: tf.train.Optimizer,
                        loss: Sequence[str], metrics: Sequence[Any]) -> None:
    """Build the training graph of a Keras model.

    Creates in each tower the scalar tensors `<loss>` for each name in `loss`, `<metric>` for each metric, and `total_loss`:
    the losses and, in training, the regularisation of the layers and of REGULARIZATION_LOSSES. Moving averages of all of
    them are summarized. Variables have the names that Keras gives.

    Args:
        trainer: any SingleCostTrainer.
        get_model: from the input tensors to a Keras model, best built on them (`Input(tensor=x)`).
        input_signature: specs of the inputs of the model.
        target_signature: specs of the targets, one for each output of the model.
        input: where inputs and targets come from, in this order.
        optimizer: a `tf.train.Optimizer`.
        loss: the name of a loss function of Keras for each output.
        metrics: names of metric functions of Keras. With several outputs, the i-th one is that of the i-th output; it may be
            a list of names or None.

    Raises:
        ImportError: there is no Keras 2.
        TypeError: a wrong type of an argument, or `get_model` does not return a model of Keras 2.
        ValueError: numbers of outputs, targets, losses and metrics do not fit; or a name is taken in the graph.
    """
    who = "setup_keras_trainer"
    keras = graph_keras()
    if not isinstance(trainer, SingleCostTrainer):
        raise TypeError("{}: trainer must be a SingleCostTrainer; got {}".format(who, shown(trainer)))
    if not isinstance(optimizer, tf.train.Optimizer):
        raise TypeError("{}: optimizer must be a tf.train.Optimizer; got {!r}; try tf.train.AdamOptimizer(1e-3)".format(
            who, optimizer))
    cost = KerasCost(KerasModelCaller(get_model), len(input_signature), len(target_signature), loss, metrics)
    trainer.setup_graph(list(input_signature) + list(target_signature), input, cost, lambda: optimizer)
    with trainer.graph.as_default():
        phase = keras.backend.learning_phase()
    if isinstance(phase, tf.Tensor) and phase.consumers():
        trainer.register_callback(KerasPhaseCallback(True))


class KerasModel:
    """A Keras model with the interface of Keras, `compile` and `fit`, that is trained by a trainer of this library.

    Args:
        get_model, input_signature, target_signature: as in `setup_keras_trainer`; a signature may be one TensorSpec.
        input: a DataFlow or InputSource of inputs and targets.
        trainer: any SingleCostTrainer for one machine; by default a SimpleTrainer, or a
            SyncMultiGPUTrainerParameterServer where there are several GPUs.

    Raises:
        ImportError: there is no Keras 2, see `tensorpack.contrib.keras`.
        TypeError: a wrong type of an argument.
    """

    def __init__(self, get_model: Callable[..., Any],
                 input_signature: Union[None, tf.TensorSpec, Sequence[tf.TensorSpec]] = None,
                 target_signature: Union[None, tf.TensorSpec, Sequence[tf.TensorSpec]] = None,
                 input: Union[None, DataFlow, InputSource] = None, trainer: Optional[Trainer] = None):
        graph_keras()
        if not callable(get_model):
            raise TypeError("KerasModel: get_model must be a function from tensors to a model; got {}".format(shown(get_model)))
        if not isinstance(input, (DataFlow, InputSource)):
            raise TypeError(what_is_wrong("KerasModel", "input", input, wanted="a DataFlow or an InputSource"))
        self.get_model = get_model
        self.input_signature = _signature("input_signature", input_signature)
        self.target_signature = _signature("target_signature", target_signature)
        self.trainer = _default_trainer() if trainer is None else _check_trainer(trainer)
        self.input = apply_default_prefetch(input, self.trainer)
        self._stats_to_inference: Optional[List[str]] = None

    def compile(self, optimizer: tf.train.Optimizer, loss: Union[str, Sequence[str]],
                metrics: Union[None, str, Sequence[Any]] = None) -> None:
        """Build the graph; see `setup_keras_trainer`. A single name does for a list of one."""
        loss = [loss] if isinstance(loss, str) else list(loss)
        metrics = [metrics] if isinstance(metrics, str) else list(metrics or [])
        setup_keras_trainer(self.trainer, get_model=self.get_model, input_signature=self.input_signature,
                            target_signature=self.target_signature, input=self.input, optimizer=optimizer, loss=loss,
                            metrics=metrics)
        names = [name for each in metrics for name in ([each] if isinstance(each, str) else each or [])]
        self._stats_to_inference = loss + names + [TOTAL_LOSS_NAME]

    def fit(self, validation_data: Union[None, DataFlow, InputSource] = None, **kwargs: Any) -> None:
        """Train.

        Args:
            validation_data: losses, metrics and total loss on it are put as `validation_<name>` after each epoch, before
                other callbacks run.
            kwargs: arguments of `Trainer.train_with_defaults`, such as `steps_per_epoch`, `max_epoch`, `callbacks`.

        Raises:
            RuntimeError: `compile` was not called.
        """
        if self._stats_to_inference is None:
            raise RuntimeError("KerasModel.fit: compile() must be called before")
        options: Dict[str, Any] = dict(kwargs)
        options["callbacks"] = list(options.get("callbacks") or [])
        if validation_data is not None:
            options["callbacks"].insert(0, InferenceRunner(validation_data, ScalarStats(self._stats_to_inference)))
        self.trainer.train_with_defaults(**options)


def _signature(name: str, value: Union[None, tf.TensorSpec, Sequence[tf.TensorSpec]]) -> List[tf.TensorSpec]:
    specs = [value] if isinstance(value, tf.TensorSpec) else value
    if not isinstance(specs, (list, tuple)) or not specs or not all(isinstance(spec, tf.TensorSpec) for spec in specs):
        raise TypeError("KerasModel: {} must be a tf.TensorSpec with a name, or a list of them; got {!r}".format(name, value))
    return list(specs)


def _default_trainer() -> SingleCostTrainer:
    num = get_num_gpu()
    return SimpleTrainer() if num <= 1 else SyncMultiGPUTrainerParameterServer(num)


def _check_trainer(trainer: Trainer) -> SingleCostTrainer:
    if not isinstance(trainer, SingleCostTrainer):
        raise TypeError("KerasModel: trainer must be a SingleCostTrainer; got {}; try SimpleTrainer()".format(shown(trainer)))
    # by name: it is not there in every installation
    if any(cls.__name__ == "DistributedTrainerBase" for cls in type(trainer).__mro__):
        raise TypeError("KerasModel: trainer must not be distributed; got {}; try SimpleTrainer()".format(
            type(trainer).__name__))
    return trainer
