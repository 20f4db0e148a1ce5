"""`HyperParam`s: things with a value that can be read and set while training goes on."""
from __future__ import annotations

import re
from abc import ABCMeta, abstractmethod
from typing import Any, Optional, Sequence

import numpy as np
import six

from ...compat import deprecation_silenced, variable_value
from ...compat import tfv1 as tf
from ...tfutils._restore.names import nearest_names, some
from ...tfutils._variable_use import is_used
from ...tfutils.common import get_op_tensor_name
from ...utils._text.repr import ReprMixin
from ...utils._text.spec import shown
from ...utils._types import NOT_YET
from .._checks.arguments import check_strings

__all__ = ["GraphVarParam", "HyperParam", "ObjAttrParam"]


_POWER = re.compile(r"(.*/)?beta[12]_power(_\d+)?$")  # Adam's


@six.add_metaclass(ABCMeta)
class HyperParam(ReprMixin):
    """Base class of hyper-parameters: something that a `HyperParamSetter` can read and set."""

    _readable_name: str

    def setup_graph(self) -> None:
        """Called once, before the graph is final."""

    @abstractmethod
    def set_value(self, v: Any) -> None:
        """Set the value, under the default session."""

    @abstractmethod
    def get_value(self) -> Any:
        """The value now, under the default session."""

    @property
    def readable_name(self) -> str:
        """What it is called in the log, in the monitors and in the file of `HumanHyperParamSetter`."""
        return self._readable_name

    def why_without_effect(self) -> Optional[str]:
        """Why the graph, which must be complete, does not follow the value; None if it may."""
        return None

    def is_in_checkpoints(self) -> bool:
        """Whether a training that is resumed finds the value of the earlier run here, because variables are restored."""
        return False


class GraphVarParam(HyperParam):
    """A variable of the graph, such as `learning_rate`.

    Args:
        name: name of a global or local variable, with or without `:0`.
        shape: the shape that the variable must have; the default is not checked.

    Raises:
        ValueError: when the graph is set up, there is no such variable, or it has another shape.
    """

    def __init__(self, name: str, shape: Sequence[int] = ()):
        check_strings(self, name=name)
        self.name = name
        self.shape = tuple(shape)
        self._readable_name, self.var_name = get_op_tensor_name(name)
        self.var: tf.Variable = NOT_YET

    def setup_graph(self) -> None:
        """Find the variable in the default graph."""
        variables = list(tf.global_variables()) + list(tf.local_variables())
        for variable in variables:
            if variable.name == self.var_name:
                break
        else:
            raise ValueError("GraphVarParam: '{}' must be a variable of the graph; got no such name; {}".format(
                self.var_name, _advice(self._readable_name, variables)))
        if self.shape and not variable.shape.is_compatible_with(self.shape):
            raise ValueError("GraphVarParam: variable '{}' must have the shape {}; got {}".format(
                self.var_name, self.shape, variable.shape))
        self.var = variable
        self._value = variable_value(variable)

    def set_value(self, v: Any) -> None:
        """Assign to the variable.

        Raises:
            TypeError: `v` is no number, and the variable holds numbers.
            ValueError: `v` is a float and the variable holds none, or its shape does not fit.
        """
        if np.asarray(v).dtype.kind not in "biufc" and self.var.dtype.base_dtype != tf.string:
            raise TypeError("GraphVarParam: variable '{}' holds {}; got {}; give a number".format(
                self.var_name, self.var.dtype.base_dtype.name, shown(v)))
        if np.issubdtype(np.asarray(v).dtype, np.floating) and not self.var.dtype.base_dtype.is_floating:
            raise ValueError("GraphVarParam: variable '{}' holds {}; got the float {!r}; give an integer, or make it of a "
                             "float, such as initializer=1.".format(self.var_name, self.var.dtype.base_dtype.name, v))
        if not self.var.shape.is_compatible_with(np.shape(v)):
            raise ValueError("GraphVarParam: variable '{}' has the shape {}; got a value of shape {}".format(
                self.var_name, self.var.shape, np.shape(v)))
        with deprecation_silenced():
            self.var.load(v)

    def get_value(self) -> Any:
        """The value of the variable, a numpy scalar or array."""
        return self._value.eval()

    def why_without_effect(self) -> Optional[str]:
        """See `HyperParam`: the graph must do more with the variable than to save, restore and summarise it."""
        if is_used(self.var):
            return None
        return "nothing in the graph uses it; is it given to the optimizer, as in GradientDescentOptimizer(learning_rate)?"

    def is_in_checkpoints(self) -> bool:
        """Whether the variable is a global one."""
        return any(self.var is variable for variable in tf.global_variables())


def _advice(name: str, variables: Sequence[Any]) -> str:
    """What to do when the variable `name` is missing. What optimizers keep of other variables is not suggested."""
    names = [variable.op.name for variable in variables]
    own = [name for name in names if not _POWER.match(name) and not any(name.startswith(other + "/") for other in names)]
    near = nearest_names(name, own, limit=3)
    if near:
        return "did you mean {}?".format(" or ".join(map(repr, near)))
    others = sorted(set(own) - {variable.op.name for variable in tf.trainable_variables()})
    return ("make it before callbacks are set up, such as `rate = tf.get_variable('{}', initializer=1e-3, trainable=False)` in "
            "the model's optimizer(), which gives `rate` to its optimizer{}".format(
                name, "; variables that are not trained are {}".format(some(others, 8)) if others else ""))


class ObjAttrParam(HyperParam):
    """An attribute of a Python object.

    Args:
        obj: the object.
        attrname: name of its attribute.
        readable_name: what the log calls it; by default the name of the attribute.
    """

    def __init__(self, obj: Any, attrname: str, readable_name: Optional[str] = None):
        check_strings(self, attrname=attrname)
        self.obj = obj
        self.attrname = attrname
        self._readable_name = attrname if readable_name is None else readable_name

    def set_value(self, v: Any) -> None:
        """Set the attribute."""
        setattr(self.obj, self.attrname, v)

    def get_value(self) -> Any:
        """The value of the attribute.

        Raises:
            AttributeError: the object has none of this name.
        """
        return getattr(self.obj, self.attrname)

    def why_without_effect(self) -> Optional[str]:
        """See `HyperParam`: what a model or an optimizer has made the graph of stays in it."""
        if isinstance(self.obj, tf.train.Optimizer):
            return ("the graph keeps what the optimizer had when it was made; give the optimizer a variable, as of "
                    "tf.get_variable('{}', initializer=..., trainable=False), and name that".format(self.attrname))
        if callable(getattr(self.obj, "build_graph", None)):
            return ("the graph keeps what the model had when build_graph read it; let build_graph read a variable, as of "
                    "tf.get_variable('{}', initializer=..., trainable=False), and name that".format(self.attrname))
        return None
