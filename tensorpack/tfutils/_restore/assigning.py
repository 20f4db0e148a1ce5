"""Assigning numpy values to variables of a session, without growing its graph."""
from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple, Union

import numpy as np

from ...compat import tfv1 as tf
from ...utils import logger
from .custom_dtypes import as_variable_dtype
from .names import near_names, op_name, tensor_name, with_text_keys
from .variables import WholeVariable, flat_variables, whole_variables

# Bytes of values fed in one session call: enough to make calls rare, little beside the model itself.
_BYTES_PER_CALL = 256 << 20
# Bytes; the smallest at which a build of TensorFlow takes the memory of an array for a tensor.
_TENSOR_ALIGNMENT = 32


class Misfit(Exception):
    """Stored values do not fit the variables that they are for. It is also a ValueError or TypeError.

    Attributes:
        facts: what does not fit, without advice.
    """

    def __init__(self, facts: str):
        super().__init__(facts)
        self.facts = facts

    def __str__(self) -> str:
        return self.facts + "; pass ignore_mismatch=True to leave out what does not fit"

    @staticmethod
    def like(error: Exception, facts: str) -> Misfit:
        """One that is a TypeError if `error` is, or else a ValueError."""
        return (DtypeMisfit if isinstance(error, TypeError) else ShapeMisfit)(facts)


class ShapeMisfit(Misfit, ValueError):
    """A shape does not fit."""


class DtypeMisfit(Misfit, TypeError):
    """A dtype does not fit."""


class SessionUpdate:
    """Assigns numpy values to variables of a session, through their initialisers: no operation is added to the graph.

    Args:
        sess: the session.
        vars_to_update: variables that may be updated.
        ignore_mismatch: leave out a value that does not fit, with a warning, instead of raising.
    """

    def __init__(self, sess: tf.Session, vars_to_update: Iterable[Any], ignore_mismatch: bool = False):
        self.sess = sess
        variables = flat_variables(vars_to_update)
        self.name_map = {variable.name: variable for variable in variables}
        self.ignore_mismatch = ignore_mismatch
        self._wholes = whole_variables(variables)

    @staticmethod
    def relaxed_value_for_var(value: Any, var: Any, ignore_mismatch: bool = False) -> Optional[np.ndarray]:
        """The value as an array that `var` takes: reshaped or cast, with a warning, where that loses nothing.

        A shape with the same number of elements is reshaped. Floats are cast to floats of another width and integers to
        wider ones. With `ignore_mismatch`, None and a warning for a value that does not fit.

        Raises:
            ValueError: the number of elements differs.
            TypeError: the dtype differs in a way that could lose information.
        """
        misfit = misfit_of(value, var)
        if misfit is None:
            return _cast(_reshape(as_variable_dtype(np.asarray(value), var.dtype), var), var)
        if not ignore_mismatch:
            raise Misfit.like(misfit, str(misfit))
        logger.warning("%s; the variable keeps its value.", misfit)
        return None

    def update(self, prms: Mapping[str, Any]) -> int:
        """Assign {variable name, with or without `:0`: value}; returns how many variables were assigned.

        A partitioned variable is one variable, by the name of the whole; one of its parts may be named as well.

        Raises:
            KeyError: a name is not one of the variables.
            ValueError, TypeError: a value does not fit (see `relaxed_value_for_var`).
        """
        pairs = [(self._variable(name), value) for name, value in with_text_keys("SessionUpdate.update", prms).items()]
        return self.assign(pairs)

    def assign(self, pairs: Iterable[Tuple[Any, Any]]) -> int:
        """Assign (variable, value) pairs, which may be read lazily; returns how many variables were assigned.

        A variable may be a `WholeVariable`; the value is then that of the whole.
        """
        count, feeds = 0, _Feeds(self.sess)
        for variable, value in pairs:
            value = self.relaxed_value_for_var(value, variable, self.ignore_mismatch)
            if value is None:
                continue
            count += 1
            for part, piece in variable.split(value) if isinstance(variable, WholeVariable) else [(variable, value)]:
                feeds.add(part, piece)
            del value, piece  # what was read goes before TensorFlow copies it
            feeds.run_if_full()
        feeds.run()
        return count

    def _variable(self, name: str) -> Any:
        whole = self._wholes.get(op_name(name))
        if whole is not None:
            return whole
        try:
            return self.name_map[tensor_name(name)]
        except KeyError:
            raise KeyError("SessionUpdate.update: each name must be one of the {} variables to update; got {!r}; {}".format(
                len(self._wholes), name, near_names(op_name(name), self._wholes))) from None


class _Feeds:
    """Values for the initialisers of variables, in as few session calls as memory allows."""

    def __init__(self, sess: tf.Session):
        self._sess = sess
        self._clear()

    def _clear(self) -> None:
        self._operations: List[Any] = []
        self._values: Dict[str, np.ndarray] = {}
        self._num_bytes = 0

    def add(self, variable: Any, value: np.ndarray) -> None:
        """Take a value; those before it are assigned if there are too many."""
        source = variable.initializer.inputs[1].name
        # variables made from one tensor share it as their initial value: it takes one feed per call
        if source in self._values or self._num_bytes + value.nbytes > _BYTES_PER_CALL:
            self.run()
        self._operations.append(variable.initializer)
        self._values[source] = _not_shared(value)
        self._num_bytes += value.nbytes

    def run_if_full(self) -> None:
        """Assign the values if they are many bytes."""
        if self._num_bytes > _BYTES_PER_CALL:
            self.run()

    def run(self) -> None:
        """Assign the values, and forget them."""
        if self._operations:
            self._sess.run(self._operations, feed_dict=self._values)
            self._clear()


def _not_shared(value: np.ndarray) -> np.ndarray:
    """The value, or a copy of it, as an array that TensorFlow copies.

    One that begins where its kernels want a tensor to begin becomes the memory of a resource variable: a later change of the
    array would change the variable, and the first look-up in it makes a second copy of all.
    """
    if value.dtype.kind in "SUO" or not value.nbytes or value.ctypes.data % _TENSOR_ALIGNMENT:
        return value
    memory = np.empty(value.nbytes + _TENSOR_ALIGNMENT, np.uint8)
    offset = (8 - memory.ctypes.data) % _TENSOR_ALIGNMENT  # as numbers of 8 bytes want it
    copy: np.ndarray = np.ndarray(value.shape, value.dtype, memory, offset)
    copy[...] = value
    return copy


def misfit_of(value: Any, variable: Any) -> Union[None, ValueError, TypeError]:
    """The error of a value that cannot become one of the variable's shape and dtype without loss; None if it can."""
    value = as_variable_dtype(np.asarray(value), variable.dtype)
    shape, wanted, got = variable.shape, variable.dtype.base_dtype, _dtype_of(value)
    reshapes = shape.is_fully_defined() and shape.num_elements() == value.size
    if not reshapes and not shape.is_compatible_with(value.shape):
        return ValueError("variable {}: its value must have the shape {}; got {}".format(_words(variable), shape, value.shape))
    if reshapes and _is_transposed(value.shape, shape.as_list()):
        return ValueError("variable {}: its value must have the shape {}; got {}, the same sizes in another order, as in "
                          "PyTorch; transpose it".format(_words(variable), shape, value.shape))
    if got != wanted and (got is None or not _can_cast(value.dtype, got, wanted)):
        return TypeError("variable {}: its value must be {}; got {}, which cannot be cast without loss; convert "
                         "it".format(_words(variable), wanted.name, value.dtype if got is None else got.name))
    return None


def _is_transposed(got: Sequence[int], wanted: Sequence[int]) -> bool:
    """Whether both have the same sizes in another order, those of 1 left out: splitting or joining axes does not do that."""
    first, second = [[size for size in shape if size != 1] for shape in (got, wanted)]
    return first != second and sorted(first) == sorted(second)


def _reshape(value: np.ndarray, variable: Any) -> np.ndarray:
    if variable.shape.is_compatible_with(value.shape):
        return value
    wanted = tuple(variable.shape.as_list())
    logger.warning("Variable %s: the value of shape %s is reshaped to %s.", variable.name, value.shape, wanted)
    return value.reshape(wanted)


def _cast(value: np.ndarray, variable: Any) -> np.ndarray:
    wanted, got = variable.dtype.base_dtype, _dtype_of(value)
    if got is None or got == wanted:
        return value
    logger.warning("Variable %s: the value of type %s is cast to %s.", variable.name, got.name, wanted.name)
    return value.astype(wanted.as_numpy_dtype)


def _dtype_of(value: np.ndarray) -> Optional[tf.DType]:
    """The TensorFlow dtype of an array; None if there is none."""
    if value.dtype.kind in "SUO":
        return tf.string
    try:
        return tf.as_dtype(value.dtype)
    except TypeError:
        return None


def _can_cast(numpy_dtype: np.dtype, got: tf.DType, wanted: tf.DType) -> bool:
    if got.is_floating and wanted.is_floating:
        return True
    return got.is_integer and wanted.is_integer and np.can_cast(numpy_dtype, wanted.as_numpy_dtype, "safe")


def _words(variable: Any) -> str:
    return str(variable) if isinstance(variable, WholeVariable) else variable.name
