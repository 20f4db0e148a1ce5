"""The cost of a Keras model: losses and metrics of Keras on its outputs, and regularisation."""
from __future__ import annotations

from typing import Any, Callable, List, Sequence

from ...compat import graph_keras
from ...compat import tfv1 as tf
from ...models.regularize import regularize_cost_from_collection
from ...tfutils._precision import in_float32
from ...tfutils.scope_utils import cached_name_scope
from ...tfutils.summary import add_moving_summary
from ...tfutils.tower import get_current_tower_context
from ...utils._text.spec import shown

__all__ = ["TOTAL_LOSS_NAME", "KerasCost"]

TOTAL_LOSS_NAME = "total_loss"


class KerasCost:
    """A tower function: from the tensors of inputs and targets to the total loss.

    Args:
        model: from the input tensors to one output, or a list of them.
        num_inputs, num_targets: numbers of tensors.
        loss: a name for each target.
        metrics: names; see `setup_keras_trainer`.
    """

    def __init__(self, model: Callable[..., Any], num_inputs: int, num_targets: int, loss: Sequence[str],
                 metrics: Sequence[Any]):
        self._model = model
        self._num_inputs = num_inputs
        self._num_targets = num_targets
        self._losses = _check_losses(loss, num_targets)
        self._metrics = _metrics_of_outputs(metrics, num_targets)

    def __call__(self, *tensors: tf.Tensor) -> tf.Tensor:
        inputs, targets = tensors[:self._num_inputs], tensors[self._num_inputs:]
        outputs = self._model(*inputs)
        outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
        if len(outputs) != self._num_targets:
            raise ValueError("setup_keras_trainer: the model must have an output for each of {} targets; got {}".format(
                self._num_targets, len(outputs)))
        losses = [self._loss(*args) for args in zip(self._losses, targets, outputs)]
        summarized = list(losses)
        context: Any = get_current_tower_context()  # it is only called in one
        regularized = losses + (self._regularization() if context.is_training else [])
        total = _named(tf.add_n(regularized), TOTAL_LOSS_NAME)
        if context.is_main_training_tower or not context.is_training:
            for names, target, output in zip(self._metrics, targets, outputs):
                summarized.extend(self._metric(name, target, output) for name in names)
        add_moving_summary(total, *(regularized[len(losses):] + summarized))
        return total

    def _loss(self, name: str, target: tf.Tensor, output: tf.Tensor) -> tf.Tensor:
        with cached_name_scope("keras_loss", top_level=False):
            value = graph_keras().losses.get(name)(target, output)
        return _named(value, name)

    def _regularization(self) -> List[tf.Tensor]:
        if not tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES):
            return []
        return [regularize_cost_from_collection()]

    def _metric(self, name: str, target: tf.Tensor, output: tf.Tensor) -> tf.Tensor:
        loss = self._losses[0] if len(self._losses) == 1 else ""
        keras = graph_keras()
        function = keras.metrics.get(_specific_metric(name, loss, output))
        if isinstance(function, keras.metrics.Metric):
            raise ValueError("setup_keras_trainer: metrics must be functions of targets and outputs; got '{}', which keeps a "
                             "state over all batches; use an Inferencer for it".format(name))
        with cached_name_scope("keras_metric", top_level=False):
            value = function(target, output)
        return _named(value, name)


def _check_losses(loss: Sequence[str], num_targets: int) -> List[str]:
    if not isinstance(loss, (list, tuple)) or not all(isinstance(name, str) for name in loss):
        raise TypeError("setup_keras_trainer: loss must be a list of names of losses; got {}; try "
                        "['categorical_crossentropy']".format(shown(loss)))
    if len(loss) != num_targets:
        raise ValueError("setup_keras_trainer: loss must have a name for each of {} targets; got {}".format(
            num_targets, list(loss)))
    return list(loss)


def _metrics_of_outputs(metrics: Sequence[Any], num_outputs: int) -> List[List[str]]:
    """The list of names for each output."""
    if not isinstance(metrics, (list, tuple)):
        raise TypeError("setup_keras_trainer: metrics must be a list of names of metrics; got {}".format(shown(metrics)))
    per_output = [metrics] if num_outputs == 1 and not any(isinstance(each, (list, tuple)) for each in metrics) else metrics
    if len(per_output) > num_outputs:
        raise ValueError("setup_keras_trainer: metrics must have at most one element for each of {} outputs; got {}; give a "
                         "list of names for an output".format(num_outputs, list(metrics)))
    names = [[each] if isinstance(each, str) else list(each or []) for each in per_output]
    for name in (name for each in names for name in each):
        if not isinstance(name, str):
            raise TypeError("setup_keras_trainer: metrics must be names; got {!r}".format(name))
    return names + [[]] * (num_outputs - len(names))


def _specific_metric(name: str, loss: str, output: tf.Tensor) -> str:
    """What Keras' own `compile` makes of 'accuracy', which depends on what the model predicts."""
    if name not in ("accuracy", "acc"):
        return name
    if loss == "sparse_categorical_crossentropy":
        return "sparse_categorical_accuracy"
    return "binary_accuracy" if output.shape.as_list()[-1:] == [1] else "categorical_accuracy"


def _named(value: Any, name: str) -> tf.Tensor:
    """The mean of `value`, a scalar with exactly this name in the current name scope."""
    scope = tf.get_default_graph().get_name_scope()
    value = in_float32(tf.reduce_mean, value, name)
    if value.op.name != (scope + "/" + name if scope else name):
        raise ValueError("setup_keras_trainer: names of losses and metrics must differ from each other and from all "
                         "operations; there is another '{}' in the graph; rename that one".format(name))
    return value
