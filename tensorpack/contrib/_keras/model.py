"""`KerasModelCaller`: a function that builds a Keras model, made to behave in towers as layers of this library do."""
from __future__ import annotations

from contextlib import ExitStack
from typing import Any, Callable, Dict, List, Sequence

from ...compat import graph_keras, is_variable
from ...compat import tfv1 as tf
from ...tfutils._graph_state import graph_state
from ...tfutils.tower import BaseTowerContext, get_current_tower_context
from ...utils import logger
from ...utils._text.spec import shown

__all__ = ["KerasModelCaller"]


class KerasModelCaller:
    """Calls a Keras model in a tower: from the input tensors to the output, or the list of outputs.

    A tower with variables of its own gets a model from `get_model(*inputs)`, whose variables have the names that Keras gives
    them, whatever the name scope of the tower. A tower that reuses variables calls that model again.

    Collections are made to agree with the model: TRAINABLE_VARIABLES gets its trainable weights; UPDATE_OPS its updates,
    MODEL_VARIABLES its other weights, and REGULARIZATION_LOSSES its losses, once for each model.

    Args:
        get_model: from the input tensors to a model of Keras 2.
    """

    def __init__(self, get_model: Callable[..., Any]):
        keras = graph_keras()
        if not callable(get_model) or isinstance(get_model, keras.Model):
            raise TypeError("KerasModelCaller: get_model must be a function from tensors to a Keras model; got {}; make the "
                            "model inside of it".format(shown(get_model)))
        self._get_model = get_model

    def __call__(self, *inputs: tf.Tensor) -> Any:
        scope = tf.get_variable_scope()
        models = self._models()
        before = tf.trainable_variables()
        if scope.reuse is True and not models:
            raise RuntimeError("KerasModelCaller: the first call must not be under reuse=True, since there is no model to "
                               "share variables with")
        if scope.reuse and models:
            # a tower beside a training tower that has its own variables shares those
            model = models.get(scope.name) or next(iter(models.values()))
            outputs = model(_one_or_list(inputs))
            _correct_trainable_variables(before, [])
        else:
            model, outputs = self._build(inputs)
            models[scope.name] = model
            _correct_trainable_variables(before, model.trainable_weights)
        return _unwrapped(outputs)

    def _models(self) -> Dict[str, Any]:
        """Name of a variable scope -> the model whose variables are there."""
        return graph_state("keras_models").setdefault(self, {})

    def _build(self, inputs: Sequence[tf.Tensor]) -> Any:
        context = get_current_tower_context()
        keras = graph_keras()
        with ExitStack() as stack:
            if context is not None and context.vs_name:
                # Keras numbers its layers; the copies must have the names of the originals
                keras.backend.reset_uids()
                stack.enter_context(tf.variable_creator_scope(_make_local))
            elif context is not None:
                stack.enter_context(tf.name_scope(None))
            model = self._get_model(*inputs)
            if not isinstance(model, keras.Model):
                raise TypeError("KerasModelCaller: get_model must return a Model of {}; got {!r} of {}".format(
                    keras.__name__, model, type(model).__module__))
            outputs = model.outputs if _is_built_on(model, inputs) else model(_one_or_list(inputs))
        _fill_collections(model, inputs, context)
        return model, outputs


def _is_built_on(model: Any, inputs: Sequence[tf.Tensor]) -> bool:
    own_inputs = model.inputs or []
    return all(any(x is own for own in own_inputs) for x in inputs)


def _fill_collections(model: Any, inputs: Sequence[tf.Tensor], context: Any) -> None:
    inputs = list(inputs)
    _add_new(tf.GraphKeys.REGULARIZATION_LOSSES, model.get_losses_for(None) + model.get_losses_for(inputs))
    _add_new(tf.GraphKeys.UPDATE_OPS, model.get_updates_for(None) + model.get_updates_for(inputs))
    if not isinstance(context, BaseTowerContext) or not context.vs_name:
        _add_new(tf.GraphKeys.MODEL_VARIABLES, [weight for weight in model.non_trainable_weights if is_variable(weight)])


def _correct_trainable_variables(before: List[Any], weights: List[Any]) -> None:
    """Make TRAINABLE_VARIABLES those that were there `before`, and `weights`."""
    new = [weight for weight in weights if not _contains(before, weight)]
    added = tf.trainable_variables()[len(before):]
    for variable in added:
        if not _contains(new, variable):
            logger.warning("[Keras] %s is in TRAINABLE_VARIABLES, but the model does not train it: removed.", variable.op.name)
    for weight in new:
        if not _contains(added, weight):
            logger.warning("[Keras] %s is trained by the model, but not in TRAINABLE_VARIABLES: added.", weight.op.name)
    tf.get_collection_ref(tf.GraphKeys.TRAINABLE_VARIABLES)[:] = before + new


def _make_local(next_creator: Callable[..., Any], **kwargs: Any) -> Any:
    requested = kwargs.get("collections") or [tf.GraphKeys.GLOBAL_VARIABLES]
    kwargs["collections"] = [tf.GraphKeys.LOCAL_VARIABLES if key == tf.GraphKeys.GLOBAL_VARIABLES else key
                             for key in requested]
    return next_creator(**kwargs)


def _add_new(key: str, items: Sequence[Any]) -> None:
    for item in items:
        if not _contains(tf.get_collection(key), item):
            tf.add_to_collection(key, item)


def _contains(items: Sequence[Any], item: Any) -> bool:
    return any(item is other for other in items)


def _one_or_list(inputs: Sequence[tf.Tensor]) -> Any:
    return inputs[0] if len(inputs) == 1 else list(inputs)


def _unwrapped(outputs: Any) -> Any:
    return outputs[0] if isinstance(outputs, (list, tuple)) and len(outputs) == 1 else outputs
