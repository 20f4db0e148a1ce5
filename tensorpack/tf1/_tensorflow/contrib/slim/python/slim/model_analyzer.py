"""How large the operations and variables of a graph are: `slim.model_analyzer`."""
from __future__ import annotations

from typing import Any, Sequence, Tuple

__all__ = ["analyze_ops", "analyze_vars", "tensor_description"]

_LINE = "---------"


def tensor_description(var: Any) -> str:
    """Type and shape of a tensor or variable, such as `(float32 3x3x16)`."""
    return "({} {})".format(var.dtype.name, "x".join("?" if size is None else str(size) for size in var.shape.as_list()))


def analyze_ops(graph: Any, print_info: bool = False) -> int:
    """The number of elements that all operations have as outputs, as far as it is known; prints a line for each if wanted."""
    if print_info:
        print(_LINE, "Operations: name -> (type shapes) [size]", _LINE, sep="\n")
    total = 0
    for operation in graph.get_operations():
        size = sum(output.shape.num_elements() or 0 for output in operation.outputs)
        if print_info:
            shapes = [tensor_description(output) for output in operation.outputs if output.shape.ndims]
            print(operation.name, "\t->", ", ".join(shapes), "[{}]".format(size))
        total += size
    return total


def analyze_vars(variables: Sequence[Any], print_info: bool = False) -> Tuple[int, int]:
    """(number of elements, number of bytes) of all variables; prints a line for each if wanted."""
    if print_info:
        print(_LINE, "Variables: name (type shape) [size]", _LINE, sep="\n")
    total_size = total_bytes = 0
    for variable in variables:
        size = variable.shape.num_elements() or 0
        num_bytes = size * variable.dtype.size
        if print_info:
            print(variable.name, tensor_description(variable), "[{}, bytes: {}]".format(size, num_bytes))
        total_size, total_bytes = total_size + size, total_bytes + num_bytes
    if print_info:
        print("Total size of variables: {}\nTotal bytes of variables: {}".format(total_size, total_bytes))
    return total_size, total_bytes
