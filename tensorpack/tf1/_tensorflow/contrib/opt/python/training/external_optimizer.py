"""Minimise a loss by an optimizer outside of TensorFlow, such as SciPy's: `tf.contrib.opt.ScipyOptimizerInterface`."""
from __future__ import annotations

import logging
from typing import Any, Callable, Dict, List, Optional, Sequence

import numpy as np

from .......compat import tfv1 as tf
from .......utils.optional import optional_import

__all__ = ["ExternalOptimizerInterface", "ScipyOptimizerInterface"]

Function = Callable[[Any], Any]  # of all variables as one vector


class ExternalOptimizerInterface:
    """The base: it presents the loss as a function of one vector. Subclasses implement `_minimize`.

    Args:
        loss: scalar tensor.
        var_list: the variables to change; all trainable ones by default.
        equalities: tensors that shall be 0.
        inequalities: tensors that shall not be negative.
        var_to_bounds: {variable: (least, largest)}, numbers or arrays.
        optimizer_kwargs: for the optimizer.
    """

    def __init__(self, loss: Any, var_list: Optional[Sequence[Any]] = None, equalities: Optional[Sequence[Any]] = None,
                 inequalities: Optional[Sequence[Any]] = None, var_to_bounds: Optional[Dict[Any, Any]] = None,
                 **optimizer_kwargs: Any):
        self._vars = tf.trainable_variables() if var_list is None else list(var_list)
        self._shapes = [variable.shape.as_list() for variable in self._vars]
        self._loss = [loss, self._gradient(loss)]
        self._equalities = [(each, self._gradient(each)) for each in equalities or ()]
        self._inequalities = [(each, self._gradient(each)) for each in inequalities or ()]
        self._bounds = None if var_to_bounds is None else self._packed_bounds(var_to_bounds)
        self._vector = self._pack(self._vars)
        self._placeholders = [tf.placeholder(variable.dtype.base_dtype, shape)
                              for variable, shape in zip(self._vars, self._shapes)]
        self._assign = [variable.assign(each) for variable, each in zip(self._vars, self._placeholders)]
        self.optimizer_kwargs = optimizer_kwargs

    def _gradient(self, tensor: Any) -> Any:
        gradients = tf.gradients(tensor, self._vars)
        return self._pack([tf.zeros_like(variable) if gradient is None else gradient
                           for variable, gradient in zip(self._vars, gradients)])

    def _pack(self, tensors: Sequence[Any]) -> Any:
        return tf.concat([tf.reshape(tensor, [-1]) for tensor in tensors], 0)

    def _packed_bounds(self, var_to_bounds: Dict[Any, Any]) -> List[Any]:
        bounds = {variable.name: pair for variable, pair in var_to_bounds.items()}
        packed: List[Any] = []
        for variable, shape in zip(self._vars, self._shapes):
            low, high = (np.broadcast_to(each, shape).ravel() for each in bounds.get(variable.name, (-np.inf, np.inf)))
            packed.extend(zip(low, high))
        return packed

    def minimize(self, session: Any = None, feed_dict: Optional[Dict[Any, Any]] = None,
                 fetches: Optional[Sequence[Any]] = None, step_callback: Optional[Callable[[Any], Any]] = None,
                 loss_callback: Optional[Callable[..., Any]] = None, **run_kwargs: Any) -> None:
        """Minimise; the variables of the session have the best values then.

        Args:
            session: the default session if None.
            fetches: tensors whose values `loss_callback` gets at each evaluation of the loss.
            step_callback: gets the vector of all variables after each step.
            run_kwargs: for the last `session.run`.
        """
        session = session or tf.get_default_session()

        def function(tensors: Sequence[Any], callback: Optional[Callable[..., Any]] = None) -> Function:
            def evaluate(vector: Any) -> Any:
                session.run(self._assign, self._feeds(vector))
                values = session.run(list(tensors) + list(fetches or ()), feed_dict)
                if callback:
                    callback(*values[len(tensors):])
                return values[:len(tensors)]

            return evaluate

        def one(tensor: Any) -> Function:
            evaluate = function([tensor])
            return lambda vector: np.asarray(evaluate(vector)[0], dtype="float64")

        best = self._minimize(
            initial_val=session.run(self._vector), loss_grad_func=function(self._loss, loss_callback),
            equality_funcs=[one(value) for value, _ in self._equalities],
            equality_grad_funcs=[one(gradient) for _, gradient in self._equalities],
            inequality_funcs=[one(value) for value, _ in self._inequalities],
            inequality_grad_funcs=[one(gradient) for _, gradient in self._inequalities],
            packed_bounds=self._bounds, step_callback=step_callback or (lambda vector: None),
            optimizer_kwargs=self.optimizer_kwargs)
        session.run(self._assign, self._feeds(best), **run_kwargs)

    def _feeds(self, vector: Any) -> Dict[Any, Any]:
        ends = np.cumsum([int(np.prod(shape)) for shape in self._shapes])
        parts = np.split(np.asarray(vector), ends[:-1])
        return {each: part.reshape(shape) for each, part, shape in zip(self._placeholders, parts, self._shapes)}

    def _minimize(self, initial_val: Any, loss_grad_func: Function, equality_funcs: List[Function],
                  equality_grad_funcs: List[Function], inequality_funcs: List[Function],
                  inequality_grad_funcs: List[Function], packed_bounds: Optional[List[Any]],
                  step_callback: Callable[[Any], Any], optimizer_kwargs: Dict[str, Any]) -> Any:
        """The best vector."""
        raise NotImplementedError(
            "ExternalOptimizerInterface: a subclass must implement _minimize, as ScipyOptimizerInterface")


class ScipyOptimizerInterface(ExternalOptimizerInterface):
    """`scipy.optimize.minimize`, whose `method` and `options` can be given; L-BFGS-B by default."""

    def _minimize(self, initial_val: Any, loss_grad_func: Function, equality_funcs: List[Function],
                  equality_grad_funcs: List[Function], inequality_funcs: List[Function],
                  inequality_grad_funcs: List[Function], packed_bounds: Optional[List[Any]],
                  step_callback: Callable[[Any], Any], optimizer_kwargs: Dict[str, Any]) -> Any:
        def loss_and_gradient(vector: Any) -> Any:
            loss, gradient = loss_grad_func(vector)
            return float(loss), gradient.astype("float64")  # Fortran takes doubles

        constraints = [{"type": kind, "fun": value, "jac": gradient}
                       for kind, values, gradients in (("eq", equality_funcs, equality_grad_funcs),
                                                       ("ineq", inequality_funcs, inequality_grad_funcs))
                       for value, gradient in zip(values, gradients)]
        own = {"jac": True, "callback": step_callback, "constraints": constraints, "bounds": packed_bounds}
        twice = sorted(set(own) & set(optimizer_kwargs))
        if twice:
            raise ValueError("ScipyOptimizerInterface: {} must not be among the arguments of the optimizer, as it is made of "
                             "var_to_bounds, equalities, inequalities and step_callback".format(", ".join(twice)))
        scipy_optimize = optional_import("scipy.optimize", needed_by="ScipyOptimizerInterface", pip="scipy")
        result = scipy_optimize.minimize(
            loss_and_gradient, np.asarray(initial_val, "float64"), **dict({"method": "L-BFGS-B"}, **optimizer_kwargs), **own)
        logging.getLogger("tensorflow").info("Optimization terminated with: %s; loss %s; %s iterations, %s evaluations",
                                             result.message, result.fun, result.get("nit"), result.get("nfev"))
        return result.x
