"""Inputs to try an export with: drawn from dtypes and shapes, within the ranges that the graph tells."""
from __future__ import annotations

import re
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from ....compat import tfv1 as tf
from ..graph_functions import types_in_functions

Example = List[np.ndarray]


class Plan(NamedTuple):
    """How to fill what a signature leaves open."""

    batch: int  # unknown first dimensions
    sizes: Tuple[int, int]  # other unknown dimensions, in turn
    style: str  # a key of _FLOATS and _INTEGERS


# Ranges by style. Integers of "signed" are negative as well: division and remainder differ there between runtimes.
_FLOATS = {"unit": (0, 1), "signed": (-2, 2), "bytes": (0, 255), "small": (0, 1), "zeros": (0, 0)}
_INTEGERS = {"unit": (0, 9), "signed": (-9, 9), "bytes": (0, 255), "small": (0, 1), "zeros": (0, 0)}

# Each that the session takes is used. Odd sizes show padding and resizing that are wrong by one.
PLANS = (Plan(2, (13, 11), "unit"), Plan(1, (9, 15), "signed"), Plan(3, (17, 13), "bytes"))
# Tried in turn where none of the plans works: networks that need larger or particular images, indices, lengths.
FALLBACKS = tuple(Plan(batch, (size, size), style) for style in ("small", "zeros") for batch, size in (
    (2, 32), (1, 64), (1, 224), (2, 8), (2, 28), (1, 1)))

_FORWARDING = ("Identity", "Cast", "Reshape", "ExpandDims", "Squeeze", "StopGradient", "Transpose", "Slice", "StridedSlice",
               "Pack", "Enter", "PlaceholderWithDefault")
# Operation -> (number of the input that holds indices, number of what they point into)
_LOOKUPS = {"Gather": (1, 0), "GatherV2": (1, 0), "ResourceGather": (1, 0)}
_DECODERS = re.compile(r"Decode(AndCrop)?(Jpeg|Png|Image|Bmp)")
_CHANNELS = 3  # of an image whose last dimension is unknown


def drawn(inputs: Sequence[tf.Tensor], plans: Sequence[Plan]) -> Iterator[Tuple[Plan, Example]]:
    """Examples by the plans, in the order of the inputs; always the same ones.

    An integer that only selects rows of a table of known size stays within it, and the bytes of an image file are those of a
    JPEG.
    """
    bounds = [_bound_of(tensor) for tensor in inputs]
    random = np.random.RandomState(0)
    for plan in plans:
        yield plan, [_values(random, tensor, plan, bound) for tensor, bound in zip(inputs, bounds)]


def _values(random: np.random.RandomState, tensor: tf.Tensor, plan: Plan, bound: Optional[int]) -> np.ndarray:
    shape, dtype = _shape(tensor, plan), tensor.dtype.base_dtype
    if dtype == tf.string:
        return _strings(shape, tensor, plan)
    if dtype == tf.bool:
        return np.asarray(random.rand(*shape) < .5)
    if bound is not None:
        return np.asarray(random.randint(0, bound, shape)).astype(dtype.as_numpy_dtype)
    if dtype.is_integer:
        low, high = _INTEGERS[plan.style]
        if dtype.is_unsigned:
            low, high = 0, max(high, 255 if plan.style in ("unit", "signed") else high)
        return np.asarray(random.randint(low, min(high, dtype.max) + 1, shape)).astype(dtype.as_numpy_dtype)
    low, high = _FLOATS[plan.style]
    values = np.asarray(random.uniform(low, high, shape))
    if dtype.is_complex:
        values = values + 1j * np.asarray(random.uniform(low, high, shape))
    return values.astype(dtype.as_numpy_dtype)


def _shape(tensor: tf.Tensor, plan: Plan) -> List[int]:
    if tensor.shape.ndims is None:
        return [plan.batch]
    shape = tensor.shape.as_list()
    return [_size(i, len(shape), plan) if size is None else size for i, size in enumerate(shape)]


def _size(index: int, rank: int, plan: Plan) -> int:
    if index == 0:
        return plan.batch
    return _CHANNELS if rank == 4 and index == 3 else plan.sizes[(index - 1) % 2]


def _strings(shape: Sequence[int], tensor: tf.Tensor, plan: Plan) -> np.ndarray:
    words = np.empty(shape, object)
    if _is_image_file(tensor):
        words[...] = _jpeg(plan)
    else:
        flat = [b"" if plan.style == "zeros" else b"example %d" % i for i in range(words.size)]
        words[...] = np.array(flat, object).reshape(shape)
    return words


def _jpeg(plan: Plan) -> bytes:
    pixels = np.random.RandomState(0).randint(0, 256, tuple(plan.sizes) + (3,)).astype("uint8")
    with tf.Graph().as_default(), tf.Session(config=tf.ConfigProto(device_count={"GPU": 0})) as sess:
        return bytes(sess.run(tf.image.encode_jpeg(pixels)))


def _bound_of(tensor: tf.Tensor) -> Optional[int]:
    """The number of rows that the values may select, None if they are not used so or it is unknown."""
    found, seen, todo = [], {tensor.name}, [tensor]
    while todo:
        current = todo.pop()
        for op in current.consumers():
            place = _LOOKUPS.get(op.type)
            if place is not None and op.inputs[place[0]] is current:
                found.append(_rows(op, place[1]))
            elif op.type in _FORWARDING:
                todo.extend(each for each in op.outputs if each.name not in seen)
                seen.update(each.name for each in op.outputs)
    known = [each for each in found if each]
    return min(known) if known else None


def _rows(op: tf.Operation, table: int) -> Optional[int]:
    shape = op.inputs[table].shape
    if op.type == "ResourceGather":
        owner = _origin(op.inputs[table].op)
        shape = tf.TensorShape(owner.get_attr("shape")) if owner.type == "VarHandleOp" else tf.TensorShape(None)
    axis = 0
    if op.type == "GatherV2":
        constant = op.inputs[2].op
        if constant.type != "Const":
            return None
        axis = int(tf.make_ndarray(constant.get_attr("value")))
    return shape.as_list()[axis] if shape.ndims else None


def _origin(op: tf.Operation) -> tf.Operation:
    while op.type in ("Identity", "Enter") and len(op.inputs) == 1:
        op = op.inputs[0].op
    return op


def _is_image_file(tensor: tf.Tensor) -> bool:
    """Whether an operation that decodes images follows, be it in the body of a loop."""
    seen, todo = {tensor.op}, [tensor.op]
    while todo:
        op = todo.pop()
        if _DECODERS.match(op.type) or any(_DECODERS.match(name) for name in types_in_functions(op)):
            return True
        following = {each for output in op.outputs for each in output.consumers()} - seen
        seen |= following
        todo.extend(following)
    return False


def given(who: str, example: Any, names: Sequence[str], needed: Sequence[str], inputs: Sequence[tf.Tensor]) -> Example:
    """The example that the user gives, as arrays in the order of `inputs`.

    Args:
        who: the function to name in errors.
        example: a sequence of values for all `names` or for those `needed`, or {name: value}.
        names: names of all inputs of the config.
        needed: names of those that the export has.
        inputs: the tensors of `needed`.

    Raises:
        TypeError: it is neither a sequence nor a dict.
        ValueError: a value is missing, has the wrong dtype or shape, or is not finite.
    """
    by_name = _by_name(who, example, names, needed)
    return [_checked(who, name, by_name[name], tensor) for name, tensor in zip(needed, inputs)]


def _by_name(who: str, example: Any, names: Sequence[str], needed: Sequence[str]) -> Dict[str, Any]:
    if isinstance(example, dict):
        found = dict(example)
    elif isinstance(example, (list, tuple)):
        keys = names if len(example) == len(names) else needed
        if len(example) != len(keys):
            raise ValueError("{}: example must have a value for each input, {}; got {} values".format(
                who, ", ".join(map(repr, needed)), len(example)))
        found = dict(zip(keys, example))
    else:
        raise TypeError("{}: example must be a list with an array for each of {}, or a dict by name; got {}".format(
            who, ", ".join(map(repr, needed)), type(example).__name__))
    missing = [name for name in needed if name not in found]
    if missing:
        raise ValueError("{}: example must have a value for each input; got none for {}".format(
            who, ", ".join(map(repr, missing))))
    return found


def _checked(who: str, name: str, value: Any, tensor: tf.Tensor) -> np.ndarray:
    wanted = tensor.dtype.base_dtype
    array = np.asarray(value, object if wanted == tf.string else None)
    if wanted != tf.string:
        if not np.can_cast(array.dtype, wanted.as_numpy_dtype, "same_kind"):
            raise ValueError("{}: example for {!r} must be {}; got {}".format(who, name, wanted.name, array.dtype))
        array = array.astype(wanted.as_numpy_dtype)
    if not tensor.shape.is_compatible_with(array.shape):
        raise ValueError("{}: example for {!r} must have the shape {}; got {}".format(who, name, tensor.shape, array.shape))
    if array.dtype.kind in "fc" and not np.isfinite(array).all():
        raise ValueError("{}: example for {!r} must be finite, as NaN equals nothing; got {} values that are NaN or "
                         "infinite".format(who, name, int((~np.isfinite(array)).sum())))
    return array


def usable(run: Callable[[Example], List[np.ndarray]], inputs: Sequence[tf.Tensor], batch: Optional[int] = None
           ) -> List[Tuple[Example, List[np.ndarray]]]:
    """Drawn examples with what the session computes for them; none if it refuses all of them.

    Args:
        run: computes the outputs for an example; a TensorFlow error or ValueError says that it is a bad one.
        batch: the size of the batch, if only this one is wanted.
    """
    found: List[Tuple[Example, List[np.ndarray]]] = []
    for plans, enough in ((PLANS, len(PLANS)), (FALLBACKS, 1)):
        for _, example in drawn(inputs, [plan if batch is None else plan._replace(batch=batch) for plan in plans]):
            try:
                found.append((example, run(example)))
            except (tf.errors.OpError, ValueError):
                continue
            if len(found) == enough:
                break
        if found:
            break
    return found
