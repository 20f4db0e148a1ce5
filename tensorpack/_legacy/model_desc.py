"""`ModelDesc`: the hooks that models used to define, the cost in `self.cost`, and what was called on a model."""
from __future__ import annotations

import functools
import inspect
from types import ModuleType
from typing import Any, Callable, List, Tuple

from ..compat import tfv1 as tf
from ..graph_builder.model_desc import ModelDesc, ModelDescBase
from ..models.regularize import regularize_cost_from_collection
from ..tfutils.common import build_or_reuse_placeholder
from ..tfutils.optimizer import apply_grad_processors
from ..tfutils.tower import TowerFunc, get_current_tower_context
from ..utils import logger
from ..utils._types import AnyFunction
from ..utils.argtools import graph_memoized, log_once
from ._spelling import old_hooks, on_subclass, warn_once
from .input_desc import InputDesc


def adapt_model_desc(module: ModuleType) -> None:
    old_hooks(ModelDescBase, {
        "inputs": {"_get_inputs": lambda self: self._get_inputs(), "_get_input_vars": lambda self: self._get_input_vars()},
        "build_graph": {"_build_graph": _build_graph_from_list},
    })
    old_hooks(ModelDesc, {"optimizer": {"_get_optimizer": lambda self: self._get_optimizer()}})
    on_subclass(ModelDescBase, _accept_one_list)
    of_inputs: List[AnyFunction] = [
        get_inputs_desc, get_input_vars_desc, get_input_vars, get_placeholders, get_reused_placehdrs, get_reuse_placehdrs,
        reuse_input_vars, build_placeholders]
    of_cost: List[AnyFunction] = [get_cost_and_grad, build_graph_get_cost, build_graph_get_grads]
    of_model: List[AnyFunction] = [_get_cost, get_cost, get_gradient_processor, _get_gradient_processor]
    for function in of_inputs:
        setattr(ModelDescBase, function.__name__, function)
    for function in of_model + of_cost:
        setattr(ModelDesc, function.__name__, function)
    for function in of_cost:
        setattr(ModelDesc, "_" + function.__name__, function)
    model: Any = ModelDesc
    model.get_optimizer = graph_memoized(_with_gradient_processors(model.get_optimizer))


# ---- the graph


def _build_graph_from_list(self: Any, *inputs: Any) -> Any:
    """`build_graph` of a class with `_build_graph(inputs)`, or with `_build_graph(inputs, is_training)` of 2016."""
    tensors = list(_expanded(inputs))
    output = self._build_graph(tensors, self.training) if _num_arguments(self._build_graph) == 2 else self._build_graph(tensors)
    return output if isinstance(output, tf.Tensor) else None


def _expanded(inputs: Tuple[Any, ...]) -> Any:
    """The tensors, of which users also gave one list or an input source."""
    if len(inputs) == 1 and isinstance(inputs[0], (list, tuple)):
        return inputs[0]
    if len(inputs) == 1 and hasattr(inputs[0], "get_input_tensors"):
        return inputs[0].get_input_tensors()
    return inputs


def _num_arguments(method: Callable[..., Any]) -> int:
    """How many positional arguments without defaults it takes."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(method).parameters.values()
    return sum(parameter.kind in kinds and parameter.default is parameter.empty for parameter in parameters)


def _accept_one_list(cls: Any) -> None:
    """Let `build_graph(self, inputs)` of a model with several inputs get them as one list."""
    build_graph = cls.__dict__.get("build_graph")
    if not inspect.isfunction(build_graph):
        return
    parameters = list(inspect.signature(build_graph).parameters.values())
    if len(parameters) != 2 or parameters[1].kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD:
        return

    @functools.wraps(build_graph)
    def with_one_list(self: Any, *inputs: Any, **keywords: Any) -> Any:
        if len(inputs) <= 1:
            return build_graph(self, *inputs, **keywords)
        warn_once("build_graph(self, inputs) of a model with several inputs", "build_graph(self, *inputs)")
        try:
            return build_graph(self, list(inputs), **keywords)
        except Exception as e:
            _add_words(e, _one_for_several(self, parameters[1].name, len(inputs)))
            raise

    cls.build_graph = with_one_list


def _one_for_several(model: Any, parameter: str, number: int) -> str:
    try:
        names = model.input_names
    except Exception:  # the error to tell of is another one
        names = []
    names = names if len(names) == number else ["input{}".format(k) for k in range(number)]
    return ("the model has {} inputs {}, and {}.build_graph(self, {}) takes 1, which got the list of them, as in older "
            "releases; if that is not meant, write build_graph(self, {})".format(
                number, names, type(model).__name__, parameter, ", ".join(names)))


def _add_words(error: Exception, words: str) -> None:
    """Let the message of an error say more; its class and attributes stay."""
    if len(error.args) == 1 and isinstance(error.args[0], str):
        error.args = ("{}; {}".format(error.args[0], words),)
    else:
        logger.error("build_graph failed: %s.", words)


# ---- the cost


def cost_function(get_cost_fn: Any) -> Any:
    """The function that gives a trainer the cost: `build_graph` of a model may leave it in `self.cost`."""
    model: Any = getattr(get_cost_fn, "__self__", None)
    is_of_model = isinstance(model, ModelDesc)
    if not is_of_model or isinstance(get_cost_fn, TowerFunc):
        return get_cost_fn

    @functools.wraps(get_cost_fn)
    def build_and_get_cost(*inputs: Any) -> Any:
        output = get_cost_fn(*inputs)
        context = get_current_tower_context()
        if output is None and context is not None and context.is_training and _has_cost(model):
            return model.get_cost()
        return output

    return build_and_get_cost


def _has_cost(model: Any) -> bool:
    return hasattr(model, "cost") or type(model)._get_cost is not _get_cost


def _get_cost(self: Any) -> tf.Tensor:
    """Override, in older programs: the cost without what is in the collection of regularisation losses."""
    return self.cost


def get_cost(self: Any) -> tf.Tensor:
    """The cost that `build_graph` has left in `self.cost`, plus the regularisation losses of layers.

    Creates `cost_with_regularizer` if there are such losses.
    """
    warn_once("self.cost = ... in build_graph", "return the cost from build_graph")
    cost = self._get_cost()
    if get_current_tower_context() is None or not tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES):
        return cost
    log_once("The losses in the collection REGULARIZATION_LOSSES are added to self.cost, as older releases did. A cost that "
             "build_graph returns is taken as it is: return cost + regularize_cost_from_collection() there.", "warning")
    return tf.add(cost, regularize_cost_from_collection(), name="cost_with_regularizer")


def build_graph_get_cost(self: Any, *inputs: Any) -> tf.Tensor:
    """Build the graph and return the cost."""
    warn_once("ModelDesc.build_graph_get_cost", "ModelDesc.build_graph")
    return cost_function(self.build_graph)(*inputs)


def get_cost_and_grad(self: Any) -> Tuple[tf.Tensor, List[Tuple[tf.Tensor, tf.Variable]]]:
    """After the graph was built: the cost, and the gradients of all trainable variables on which it depends."""
    warn_once("ModelDesc.get_cost_and_grad", "a SingleCostTrainer, which computes gradients by itself")
    return _with_gradients(self, self.get_cost())


def build_graph_get_grads(self: Any, *inputs: Any) -> List[Tuple[tf.Tensor, tf.Variable]]:
    """Build the graph and return the gradients of all trainable variables on which the cost depends."""
    warn_once("ModelDesc.build_graph_get_grads", "a SingleCostTrainer, which computes gradients by itself")
    return _with_gradients(self, cost_function(self.build_graph)(*inputs))[1]


def _with_gradients(model: Any, cost: tf.Tensor) -> Tuple[tf.Tensor, List[Tuple[tf.Tensor, tf.Variable]]]:
    optimizer = model.get_optimizer()
    pairs = optimizer.compute_gradients(cost, var_list=tf.trainable_variables(), colocate_gradients_with_ops=True)
    return cost, [(gradient, variable) for gradient, variable in pairs if gradient is not None]


# ---- the optimizer


def get_gradient_processor(self: Any) -> List[Any]:
    """Override, in older programs: the gradient processors that the optimizer gets."""
    return self._get_gradient_processor()


def _get_gradient_processor(self: Any) -> List[Any]:
    """Another name of `get_gradient_processor`."""
    return []


def _with_gradient_processors(get_optimizer: Callable[[Any], Any]) -> Callable[[Any], Any]:
    @functools.wraps(get_optimizer)
    def wrapper(self: Any) -> Any:
        optimizer, processors = get_optimizer(self), self.get_gradient_processor()
        if not processors:
            return optimizer
        warn_once("ModelDesc.get_gradient_processor", "apply_grad_processors(opt, [...]) in ModelDesc.optimizer")
        return apply_grad_processors(optimizer, processors)

    return wrapper


# ---- the inputs


def get_inputs_desc(self: Any) -> List[InputDesc]:
    """The inputs, as `InputDesc`."""
    warn_once("ModelDesc.get_inputs_desc", "ModelDesc.get_input_signature")
    return [InputDesc._from_tensor_spec(spec) for spec in self.get_input_signature()]


def get_input_vars_desc(self: Any) -> List[InputDesc]:
    """The inputs, as `InputDesc`."""
    return get_inputs_desc(self)


def get_reused_placehdrs(self: Any) -> List[tf.Tensor]:
    """The placeholders of the inputs in the default graph; those that are missing are made."""
    warn_once("ModelDesc.get_reused_placehdrs", "build_or_reuse_placeholder(spec) for each spec of get_input_signature()")
    return [build_or_reuse_placeholder(spec) for spec in self.get_input_signature()]


def get_reuse_placehdrs(self: Any) -> List[tf.Tensor]:
    """See `get_reused_placehdrs`."""
    return get_reused_placehdrs(self)


def get_input_vars(self: Any) -> List[tf.Tensor]:
    """See `get_reused_placehdrs`."""
    return get_reused_placehdrs(self)


def get_placeholders(self: Any) -> List[tf.Tensor]:
    """See `get_reused_placehdrs`."""
    return get_reused_placehdrs(self)


def reuse_input_vars(self: Any) -> List[tf.Tensor]:
    """See `get_reused_placehdrs`."""
    return get_reused_placehdrs(self)


def build_placeholders(self: Any, prefix: str = "") -> List[tf.Tensor]:
    """New placeholders of the inputs."""
    warn_once("ModelDesc.build_placeholders", "tf.placeholder for each spec of get_input_signature()")
    return [InputDesc._from_tensor_spec(spec).build_placeholder(prefix) for spec in self.get_input_signature()]
