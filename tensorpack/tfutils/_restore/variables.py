"""Variables as files know them: a partitioned variable, which is several ones in the graph, is one there, under one name.

TensorFlow writes where each part lies in the whole into the part (`SaveSliceInfo`), slots of optimizers included.
"""
from __future__ import annotations

from typing import Any, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

import numpy as np

from ...compat import tfv1 as tf
from .names import op_name


class WholeVariable:
    """One variable of a graph, or the parts of a partitioned one; has the name, shape and dtype of the whole.

    Attributes:
        name: as in messages: `a:0`, or `a` if there are parts.
        parts: the variables in the graph.
    """

    def __init__(self, parts: Sequence[Any]):
        self.parts = list(parts)
        info = slice_info(self.parts[0])
        self.is_partitioned = info is not None
        self.name = self.parts[0].name if info is None else info.full_name
        self.shape = self.parts[0].shape if info is None else tf.TensorShape(info.full_shape)
        self.dtype = self.parts[0].dtype

    def __str__(self) -> str:
        return "{} (in {} parts)".format(self.name, len(self.parts)) if self.is_partitioned else self.name

    def split(self, value: np.ndarray) -> Iterator[Tuple[Any, np.ndarray]]:
        """(part, its piece of the value of the whole)."""
        for part in self.parts:
            yield part, value[_region(part)] if self.is_partitioned else value

    def join(self, values: Sequence[np.ndarray]) -> np.ndarray:
        """The value of the whole from those of its parts.

        Raises:
            ValueError: parts are missing.
        """
        if not self.is_partitioned:
            return values[0]
        if sum(value.size for value in values) != self.shape.num_elements():
            raise ValueError("variable {}: its parts must make up the shape {}; got {}".format(
                self, self.shape, [value.shape for value in values]))
        whole = np.empty(self.shape.as_list(), values[0].dtype)
        for part, value in zip(self.parts, values):
            whole[_region(part)] = value
        return whole


def slice_info(variable: Any) -> Optional[Any]:
    """Where the variable lies in the partitioned one that it is a part of: `full_name`, `full_shape`, `var_offset`,
    `var_shape`; None for a variable of its own."""
    return variable._get_save_slice_info()  # neither version has a public name for it


def _region(part: Any) -> Tuple[slice, ...]:
    info: Any = slice_info(part)
    return tuple(slice(begin, begin + size) for begin, size in zip(info.var_offset, info.var_shape))


def flat_variables(variables: Iterable[Any]) -> List[Any]:
    """The variables, with a `PartitionedVariable` replaced by its parts."""
    flat: List[Any] = []
    for variable in variables:
        flat.extend(variable if hasattr(variable, "_get_partitions") else [variable])
    return flat


def whole_variables(variables: Iterable[Any]) -> Dict[str, WholeVariable]:
    """{name in files, without `:0`: variable}, in the order of the graph."""
    parts: Dict[str, List[Any]] = {}
    for variable in flat_variables(variables):
        info = slice_info(variable)
        parts.setdefault(op_name(variable.name) if info is None else info.full_name, []).append(variable)
    return {name: WholeVariable(each) for name, each in parts.items()}


def global_variables(graph: tf.Graph) -> Dict[str, WholeVariable]:
    """The GLOBAL variables of the graph, as `whole_variables` gives them."""
    return whole_variables(graph.get_collection(tf.GraphKeys.GLOBAL_VARIABLES))


def weights(graph: tf.Graph) -> Dict[str, WholeVariable]:
    """What inference needs: the GLOBAL variables that are TRAINABLE or MODEL variables."""
    keys = (tf.GraphKeys.TRAINABLE_VARIABLES, tf.GraphKeys.MODEL_VARIABLES)
    wanted = whole_variables(variable for key in keys for variable in graph.get_collection(key))
    return {name: variable for name, variable in global_variables(graph).items() if name in wanted}


def joined_parts(values: Sequence[np.ndarray], shape: Any) -> np.ndarray:
    """Parts as one array of this shape, if there is an axis along which they make it up; else as a vector."""
    for axis in range(values[0].ndim):
        sizes = {value.shape[:axis] + value.shape[axis + 1:] for value in values}
        if len(sizes) == 1:
            total = list(values[0].shape)
            total[axis] = sum(value.shape[axis] for value in values)
            if shape.is_compatible_with(total):
                return np.concatenate(values, axis)
    return np.concatenate([value.ravel() for value in values])
