"""Names and graphs of operations, and Python functions as operations."""
from __future__ import annotations

import re
from typing import Any, Callable, Dict, Optional, Sequence

from .....compat import structures
from .....compat import tfv1 as tf

__all__ = ["get_graph_from_inputs", "prepend_name_scope", "py_func", "strip_name_scope"]


def get_graph_from_inputs(op_input_list: Sequence[Any], graph: Any = None) -> Any:
    """The given graph, or that of the first tensor or operation in the list, or the default one.

    Raises:
        ValueError: the inputs are not all of one graph.
    """
    graphs = [each.graph for each in op_input_list if hasattr(each, "graph")]
    chosen = graph or (graphs[0] if graphs else tf.get_default_graph())
    for each in graphs:
        if each is not chosen:
            raise ValueError("get_graph_from_inputs: all inputs must be of the graph {}; got one of {}".format(chosen, each))
    return chosen


def prepend_name_scope(name: str, import_scope: Optional[str]) -> str:
    """'scope/name'; what stands before a name, as '^' or 'loc:@', stays before."""
    return re.sub(r"^(\^|loc:@|)(.*)", r"\1{}/\2".format(import_scope.rstrip("/")), name) if import_scope else name


def strip_name_scope(name: str, export_scope: Optional[str]) -> str:
    """The name without 'scope/' at its beginning; what stands before a name, as '^' or 'loc:@', stays."""
    if not export_scope:
        return name
    return re.sub(r"(\^|loc:@|^){}[/]+(.*)".format(export_scope.rstrip("/")), r"\1\2", name, count=1)


def py_func(func: Callable[..., Any], args: Sequence[Any] = (), kwargs: Optional[Dict[str, Any]] = None,
            output_types: Any = None, output_shapes: Any = None, stateful: bool = True, name: Optional[str] = None) -> Any:
    """A Python function of arrays as an operation; arguments and results may be nested.

    Args:
        output_types: structure of dtypes as `func` returns arrays, or a function of the arguments that gives it.
        output_shapes: structure of shapes, or a function that gives it, or None.
    """
    nest = structures()
    kwargs = kwargs or {}
    if not isinstance(args, (list, tuple)) or not isinstance(kwargs, dict):
        raise TypeError("py_func: args must be a list or tuple and kwargs a dict; got {!r} and {!r}".format(args, kwargs))
    types = output_types(*args, **kwargs) if callable(output_types) else output_types
    shapes = output_shapes(*args, **kwargs) if callable(output_shapes) else output_shapes
    arguments = (args, kwargs)

    def flat(*values: Any) -> Any:
        some, named = nest.pack_sequence_as(arguments, values)
        return nest.flatten_up_to(types, func(*some, **named))

    results = tf.py_func(flat, nest.flatten(arguments), nest.flatten(types), stateful=stateful, name=name)
    if shapes is not None:
        for result, shape in zip(results, nest.flatten_up_to(types, shapes)):
            result.set_shape(shape)
    return nest.pack_sequence_as(types, results)
