"""One optimizer, several towers: what it keeps besides its slots (Adam's powers) moves once in a step.

`tf.train.Optimizer.apply_gradients` ends with `_finish`, where such state moves on; a call for each tower would move it as
often as there are towers, and while others still read it.
"""
from __future__ import annotations

import re
from contextlib import ExitStack, contextmanager
from typing import Any, Dict, Iterator, List, Sequence, Tuple

from ..compat import tfv1 as tf

__all__ = ["apply_async", "apply_to_replicas"]

GradAndVar = Tuple[Any, Any]


def apply_to_replicas(opt: tf.train.Optimizer, grad_list: Sequence[Sequence[GradAndVar]],
                      devices: Sequence[str]) -> List[tf.Operation]:
    """An operation `apply_gradients/apply_grad_<i>` for each tower, on its device; each tower has variables of its own.

    All that the optimizer creates for tower i > 0 is a copy of what it created for the first one: a local variable, named
    `tower<i>/<name of the first one's>`. That holds for slots and for what it keeps once, such as `beta1_power`.
    """
    operations, copies = [], _Copies()
    for index, (pairs, device) in enumerate(zip(grad_list, devices)):
        with tf.device(device), copies.of_tower(opt, index):
            operations.append(opt.apply_gradients(pairs, name="apply_gradients/apply_grad_{}".format(index)))
    return operations


class _Copies:
    """Variables that the optimizer creates for the first tower, and their copies for other towers."""

    def __init__(self) -> None:
        self._originals: Dict[str, List[str]] = {}  # name without numbers -> names in the order of creation

    @contextmanager
    def of_tower(self, opt: tf.train.Optimizer, index: int) -> Iterator[None]:
        if index == 0:
            with tf.variable_creator_scope(self._record):
                yield
            return
        originals = {key: iter(names) for key, names in self._originals.items()}

        def create(next_creator: Any, **kwargs: Any) -> Any:
            return _create_copy(next_creator, "tower{}/".format(index), originals, kwargs)

        with tf.variable_creator_scope(create), _without_single_variables(opt):
            yield

    def _record(self, next_creator: Any, **kwargs: Any) -> Any:
        variable = next_creator(**kwargs)
        self._originals.setdefault(_without_numbers(variable.op.name), []).append(variable.op.name)
        return variable


def _create_copy(next_creator: Any, prefix: str, originals: Dict[str, Iterator[str]], kwargs: Dict[str, Any]) -> Any:
    requested = kwargs.get("collections") or [tf.GraphKeys.GLOBAL_VARIABLES]
    kwargs["collections"] = [tf.GraphKeys.LOCAL_VARIABLES if key == tf.GraphKeys.GLOBAL_VARIABLES else key
                             for key in requested]
    name = (kwargs.get("name") or "Variable").rstrip("/")
    if name.startswith(prefix):  # a slot of a variable of this tower
        return next_creator(**kwargs)
    scope = tf.get_default_graph().get_name_scope()
    name = "{}/{}".format(scope, name) if scope else name
    kwargs["name"] = prefix + next(originals.get(_without_numbers(name), iter(())), name)
    with tf.name_scope(None):
        return next_creator(**kwargs)


def _without_numbers(name: str) -> str:
    """The name without what TensorFlow adds to make names unique: `a_1/b_2` -> `a/b`."""
    return re.sub(r"_\d+(?=/|$)", "", name)


@contextmanager
def _without_single_variables(opt: tf.train.Optimizer) -> Iterator[None]:
    """The optimizer forgets, for a while, the variables that it keeps once and not per variable of the model."""
    optimizers = [each for each in _with_inner_ones(opt) if hasattr(each, "_non_slot_dict")]
    kept = [each._non_slot_dict for each in optimizers]
    try:
        for each in optimizers:
            each._non_slot_dict = {}
        yield
    finally:
        for each, variables in zip(optimizers, kept):
            each._non_slot_dict = variables


def apply_async(opt: tf.train.Optimizer, grad_list: Sequence[Sequence[GradAndVar]]) -> List[tf.Operation]:
    """An operation `async_apply_gradients/apply_grad_<i>` for each tower, all on the same variables, in no order.

    What the optimizer keeps once moves when all have updated, by `async_apply_gradients/finish`.

    Raises:
        ValueError: the optimizer updates in a branch of a condition, as AccumGradOptimizer does: the towers would share what
            it sums or counts.
    """
    postponed = _PostponedFinish()
    with postponed.of(opt):
        operations = [opt.apply_gradients(pairs, name="async_apply_gradients/apply_grad_{}".format(index))
                      for index, pairs in enumerate(grad_list)]
    return operations + postponed.finish("async_apply_gradients/finish")


class _PostponedFinish:
    """Collects the updates that optimizers would have finished one call at a time."""

    def __init__(self) -> None:
        self._updates: Dict[tf.train.Optimizer, List[tf.Operation]] = {}

    @contextmanager
    def of(self, opt: tf.train.Optimizer) -> Iterator[None]:
        with ExitStack() as undo:
            for each in _with_inner_ones(opt):
                each._finish = self._collector(each)
                undo.callback(delattr, each, "_finish")
            yield

    def _collector(self, opt: tf.train.Optimizer) -> Any:
        def collect(update_ops: List[tf.Operation], name_scope: str) -> tf.Operation:
            if tf.get_default_graph()._get_control_flow_context() is not None:
                raise ValueError("AsyncMultiGPUTrainer: the optimizer must update in every step; got {} inside of an optimizer "
                                 "that updates on a condition, such as AccumGradOptimizer or LossScaleOptimizer; use a "
                                 "synchronous trainer".format(type(opt).__name__))
            self._updates.setdefault(opt, []).extend(update_ops)
            return tf.group(*update_ops, name=name_scope)

        return collect

    def finish(self, name: str) -> List[tf.Operation]:
        return [opt._finish(updates, name) for opt, updates in self._updates.items()]


def _with_inner_ones(opt: tf.train.Optimizer) -> List[tf.train.Optimizer]:
    """The optimizer and those that it is made of."""
    found: List[tf.train.Optimizer] = []
    todo = [opt]
    while todo:
        each = todo.pop()
        if isinstance(each, tf.train.Optimizer) and not any(each is known for known in found):
            found.append(each)
            todo.extend(vars(each).values())
    return found
