"""`ModelDesc`: a user's description of a model: its inputs, its graph and its optimizer. It holds no graph itself."""
from __future__ import annotations

from difflib import get_close_matches
from typing import Any, List, Optional

from ..compat import tfv1 as tf
from ..tfutils._tower.advice import habits_told
from ..tfutils.tower import get_current_tower_context
from ..utils._text.spec import shown
from ..utils.argtools import graph_memoized, memoized_method

__all__ = ["ModelDesc", "ModelDescBase"]

_ARGUMENTS = {"_lr": "learning_rate"}  # attribute of an optimizer -> what it is called by users


class ModelDescBase:
    """Base of model descriptions: override `inputs` and `build_graph`."""

    @memoized_method
    def get_input_signature(self) -> List[tf.TensorSpec]:
        """The specs that `inputs()` returns, computed once per instance in a graph of its own.

        Raises:
            TypeError: `inputs()` returned no list, or an element is neither a TensorSpec nor a placeholder made there.
            ValueError: a name is missing or stands twice.
        """
        with tf.Graph().as_default() as graph:
            inputs = self.inputs()
            if not isinstance(inputs, (list, tuple)):
                raise TypeError("{}.inputs(): must return a list of tf.TensorSpec; got {!r}".format(
                    type(self).__name__, inputs))
            specs = [self._as_spec(x, position, graph) for position, x in enumerate(inputs)]
        self._check_names([spec.name for spec in specs])
        return specs

    def _as_spec(self, x: Any, position: int, graph: tf.Graph) -> tf.TensorSpec:
        if isinstance(x, tf.TensorSpec):
            return x
        if isinstance(x, tf.Tensor) and x.op.type == "Placeholder" and x.graph is graph:
            return tf.TensorSpec(shape=x.shape, dtype=x.dtype, name=x.op.name)
        raise TypeError(
            "{}.inputs(): each element must be a tf.TensorSpec, or a placeholder created inside inputs(); got {} at "
            "position {}; return tf.TensorSpec(shape, dtype, name)".format(type(self).__name__, shown(x), position))

    def _check_names(self, names: List[Optional[str]]) -> None:
        who = "{}.inputs()".format(type(self).__name__)
        nameless = [position for position, name in enumerate(names) if not name]
        if nameless:
            raise ValueError("{}: each input must have a name; input {} has none; "
                             "pass name= to its tf.TensorSpec".format(who, ", ".join(map(str, nameless))))
        repeated = sorted({name for name in names if name and names.count(name) > 1})
        if repeated:
            raise ValueError("{}: input names must be unique; got {} more than once in {}".format(who, repeated, names))

    @property
    def input_names(self) -> List[str]:
        """Names of the inputs, in order."""
        return [spec.name for spec in self.get_input_signature()]

    def inputs(self) -> List[tf.TensorSpec]:
        """Override: the inputs of the model, a list of `tf.TensorSpec` with names."""
        raise self._not_overridden("inputs", "`return [tf.TensorSpec([None, 28, 28], tf.float32, 'image')]`")

    def build_graph(self, *args: tf.Tensor) -> Any:
        """Override: build the model on tensors that agree with `inputs()`; called once per tower, training or inference.

        For a trainer that minimises one cost it returns that cost, a scalar tensor.
        """
        raise self._not_overridden("build_graph", "`def build_graph(self, {})`".format(", ".join(self.input_names)))

    def _not_overridden(self, method: str, example: str) -> NotImplementedError:
        """The error for a method that the user's class lacks, or has under a name with a slip."""
        own = [name for name in dir(type(self)) if callable(getattr(type(self), name)) and not hasattr(ModelDesc, name)]
        near = get_close_matches(method, own, n=1)
        return NotImplementedError("{}: override {}(), for example with {}{}".format(
            type(self).__name__, method, example, "; is {}() a slip for it?".format(near[0]) if near else ""))

    @property
    def training(self) -> bool:
        """Whether the tower that is being built is a training tower; for use inside `build_graph`."""
        context = get_current_tower_context()
        if context is None:
            raise RuntimeError("{}.training: only known inside a TowerContext, that is while build_graph is called by a "
                               "trainer, a predictor, or `with TowerContext('', is_training=...)`".format(type(self).__name__))
        return context.is_training


class ModelDesc(ModelDescBase):
    """A model for trainers that minimise one cost with one optimizer: also override `optimizer`."""

    @graph_memoized
    def get_optimizer(self) -> tf.train.Optimizer:
        """What `optimizer()` returns, called once per instance and graph.

        Raises:
            TypeError: it is no `tf.train.Optimizer` (Keras optimizers do not work in graph mode), or has a str or a
                schedule of Keras for a number.
        """
        with habits_told("{}.optimizer()".format(type(self).__name__)):
            optimizer = self.optimizer()
        if not isinstance(optimizer, tf.train.Optimizer):
            raise TypeError("{}.optimizer(): must return a tf.train.Optimizer (tf.compat.v1.train.*); got {}; try "
                            "tf.train.AdamOptimizer(1e-3), where tf is tensorpack's tfv1".format(
                                type(self).__name__, shown(optimizer)))
        self._refuse_text(optimizer)
        self._refuse_schedule(optimizer)
        return optimizer

    def _refuse_text(self, optimizer: tf.train.Optimizer) -> None:
        """A number that came from a command line as it is would be an error of some operation."""
        for name, value in vars(optimizer).items():
            if isinstance(value, str) and name != "_name":
                try:
                    number = float(value)
                except ValueError:
                    continue
                raise TypeError("{}.optimizer(): the arguments of {} must be numbers; got {!r}, a str, for {}; write {:g}, or "
                                "float(...)".format(type(self).__name__, type(optimizer).__name__, value,
                                                    _ARGUMENTS.get(name, name.lstrip("_")), number))

    def _refuse_schedule(self, optimizer: tf.train.Optimizer) -> None:
        """An optimizer takes a function without arguments as well, which a schedule of Keras is not."""
        for name, value in vars(optimizer).items():
            if callable(value) and ".keras." in ".{}.".format(type(value).__module__):
                raise TypeError("{}.optimizer(): the arguments of {} must be numbers or tensors; got {} of Keras for {}; write "
                                "tf.train.exponential_decay(rate, get_global_step_var(), ...), or a variable 'learning_rate' "
                                "and ScheduledHyperParamSetter".format(
                                    type(self).__name__, type(optimizer).__name__, type(value).__name__,
                                    _ARGUMENTS.get(name, name.lstrip("_"))))

    def optimizer(self) -> tf.train.Optimizer:
        """Override: a `tf.train.Optimizer`; called inside the first tower, so variables that it creates get root names."""
        raise self._not_overridden("optimizer", "`return tf.train.AdamOptimizer(1e-3)`, where tf is tensorpack's tfv1")
