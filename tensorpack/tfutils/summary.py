"""Summaries of tensors, parameters and moving averages, made once: in the main training tower."""
from __future__ import annotations

import functools
import re
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence

import numpy as np

from .. import compat
from .._exports import tell_near_names
from ..compat import tfv1 as tf
from ..utils import logger
from ..utils._text.keywords import keywords_told
from ..utils._text.spec import shown
from ..utils.naming import MOVING_SUMMARY_OPS_KEY
from ..utils.optional import optional_import
from ._ema import moving_average_update
from ._graph_state import graph_state
from ._no_match import warn_of_no_match
from ._precision import floating
from .scope_utils import cached_name_scope
from .tower import get_current_tower_context

__all__ = ["add_activation_summary", "add_moving_summary", "add_param_summary", "add_tensor_summary"]

tell_near_names(__name__)

cv2 = optional_import("cv2", needed_by="create_image_summary", pip="opencv-python-headless")

_TOWER_PREFIX = re.compile(r"tower[0-9]+/")
_PNG_COLOR_ORDER = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}  # number of channels -> OpenCV's order of the RGBA channels


def create_scalar_summary(name: str, v: float) -> Any:
    """A `tf.Summary` with the value `v` under the tag `name`."""
    if not isinstance(name, str):
        raise TypeError("create_scalar_summary(name): must be a string; got {}".format(shown(name)))
    summary = tf.Summary()
    summary.value.add(tag=name, simple_value=float(v))
    return summary


def create_image_summary(name: str, val: np.ndarray) -> Any:
    """A `tf.Summary` of PNG images.

    Args:
        name: the tag; with more than one image `name/0`, `name/1`, ...
        val: NxHxWxC array in [0, 255], cast to uint8; C is 1 (gray), 3 (RGB) or 4 (RGBA).
    """
    if not isinstance(name, str):
        raise TypeError("create_image_summary(name): must be a string; got {}".format(shown(name)))
    val = np.asarray(val)
    if val.ndim != 4 or val.shape[3] not in _PNG_COLOR_ORDER:
        raise ValueError("create_image_summary(val): must have the shape (N, H, W, C) with C of 1, 3 or 4; got {}".format(
            val.shape))
    count, height, width, channels = val.shape
    summary = tf.Summary()
    for index, image in enumerate(val.astype("uint8")):
        tag = name if count == 1 else "{}/{}".format(name, index)
        pixels = np.ascontiguousarray(image[:, :, _PNG_COLOR_ORDER[channels]])
        encoded, png = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 9])
        if not encoded:
            raise RuntimeError("create_image_summary({!r}): OpenCV cannot encode the shape {}".format(name, image.shape))
        summary.value.add(tag=tag, image=tf.Summary.Image(
            height=height, width=width, colorspace=channels, encoded_image_string=png.tobytes()))
    return summary


@keywords_told
def add_tensor_summary(x: Any, types: Sequence[str], name: Optional[str] = None,
                       collections: Optional[Sequence[str]] = None, main_tower_only: bool = True) -> None:
    """Summarize a tensor in each of the given ways, in this order, under the current name scope.

    Args:
        types: of 'scalar' (tag `<name>-summary`), 'histogram', 'sparsity' (fraction of zeros), 'mean' and 'rms' (tags
            `<name>-<type>`; half precision is summed in float32).
        name: the operation's name by default.
        collections: to put the summaries into; `[SUMMARIES]` by default.
        main_tower_only: do nothing in towers other than the main training tower.

    Raises:
        KeyError: an unknown type.
    """
    types = [types] if isinstance(types, str) else list(types)
    if main_tower_only and not _in_main_tower():
        return
    for kind in types:
        if kind not in _SUMMARIES:
            raise KeyError("add_tensor_summary(types): no type {!r}; choose from {}".format(kind, ", ".join(_SUMMARIES)))
    name = name or x.op.name
    for kind in sorted(set(types), key=types.index):
        _SUMMARIES[kind](name, x, collections)


@keywords_told
def add_activation_summary(x: Any, types: Optional[Sequence[str]] = None, name: Optional[str] = None,
                           collections: Optional[Sequence[str]] = None) -> None:
    """Summarize an activation of rank 2 or more under the tags `activation-summary/<name>-<type>`.

    Args:
        types: as in `add_tensor_summary`; sparsity, rms and histogram by default.
        name: the operation's name by default.
        collections: `[SUMMARIES]` by default.
    """
    if not _in_main_tower():
        return
    if x.shape.ndims is not None and x.shape.ndims < 2:
        logger.warning("add_activation_summary: %s of rank %d is not summarized; an activation has rank 2 or more.",
                       x.name, x.shape.ndims)
        return
    with cached_name_scope("activation-summary"):
        types = ["sparsity", "rms", "histogram"] if types is None else types
        add_tensor_summary(x, types, name=name, collections=collections)


@keywords_told
def add_param_summary(*summary_lists: Any, collections: Optional[Sequence[str]] = None) -> None:
    """Summarize trainable variables under the tags `param-summary/<variable>-<type>`.

    Args:
        summary_lists: pairs `(regex, [types])`; each applies to the variables whose whole name the regex matches. One that
            matches no variable of the graph is warned of.
        collections: `[SUMMARIES]` by default.

    Example: `add_param_summary((".*/W", ["histogram", "rms"]))`
    """
    if not _in_main_tower():
        return
    for pair in summary_lists:
        if not isinstance(pair, (list, tuple)) or len(pair) != 2 or not isinstance(pair[0], str):
            raise ValueError("add_param_summary: every argument must be a pair (regex, [types]); got {}".format(shown(pair)))
    names = [variable.op.name for variable in tf.trainable_variables()]
    for regex, _ in summary_lists:
        warn_of_no_match("add_param_summary", regex, names, functools.partial(_is_whole, regex),
                         hint="it must match the whole name of a trainable variable that was made before")
    with cached_name_scope("param-summary"):
        for variable in tf.trainable_variables():
            name = variable.op.name
            for regex, types in summary_lists:
                if _is_whole(regex, name):
                    add_tensor_summary(variable, types, name=name, collections=collections)


def _is_whole(regex: str, name: str) -> bool:
    return re.match(regex if regex.endswith("$") else regex + "$", name) is not None


@keywords_told
def add_moving_summary(*args: Any, decay: float = 0.95, collection: Optional[str] = MOVING_SUMMARY_OPS_KEY,
                       summary_collections: Optional[Sequence[str]] = None) -> Optional[List[Any]]:
    """Summarize moving averages of scalar tensors, each under the tag `<name>-summary`, without a tower's prefix.

    The average of a tensor `<name>` lives in local variables `EMA/<name>`, `EMA/<name>/biased`, `EMA/<name>/local_step`;
    `EMA/<name>_EMA_apply` updates it. A tensor summarized before gets no second average.

    Args:
        args: scalar tensors or variables; what is neither float32 nor float64 is cast to float32.
        decay: weight of the past, in [0, 1).
        collection: where the updates go, for the callback `MovingAverageSummary` to run them; None for nowhere.
        summary_collections: where the summaries go; `[SUMMARIES]` by default.

    Returns:
        the scalar tensors that update the averages; an empty list outside the main training tower and under `reuse=True`
        (with a warning); None where XLA compiles.

    Raises:
        TypeError: an argument is no tensor, in the main training tower or outside of towers.
        ValueError: there, an argument is no scalar, or `decay` is out of range.
    """
    if not _in_main_tower():
        return []
    for x in args:
        _check_scalar(x)
    if not 0 <= decay < 1:
        raise ValueError("add_moving_summary(decay): 0 <= decay < 1 must hold; got {}".format(decay))
    if compat.in_xla_context():
        return None
    if tf.get_variable_scope().reuse is True:
        logger.warning("add_moving_summary() was called under reuse=True scope, ignored.")
        return []
    averages = [_moving_average(x, decay) for x in args]
    for average in averages:
        if collection is not None:
            _add_once(collection, average.update)
        for key in [tf.GraphKeys.SUMMARIES] if summary_collections is None else summary_collections:
            _add_once(key, average.summary)
    return [average.update for average in averages]


class _MovingAverage(NamedTuple):
    update: Any
    summary: Any
    decay: float


def _moving_average(x: Any, decay: float) -> _MovingAverage:
    known: Dict[str, _MovingAverage] = graph_state("moving_averages")
    if x.name not in known:
        known[x.name] = _new_moving_average(x, decay)
    elif known[x.name].decay != decay:
        logger.warning("add_moving_summary: %s has a moving average with decay %s already; decay %s is ignored.",
                       x.name, known[x.name].decay, decay)
    return known[x.name]


def _new_moving_average(x: Any, decay: float) -> _MovingAverage:
    name = _TOWER_PREFIX.sub("", x.op.name)
    with tf.name_scope(None):
        value = tf.convert_to_tensor(x)
        update = moving_average_update(floating(value), name, decay)
        return _MovingAverage(update, tf.summary.scalar(name + "-summary", update, collections=[]), decay)


def _check_scalar(x: Any) -> None:
    if not compat.is_tensor_like(x):
        raise TypeError("add_moving_summary: every argument must be a tensor or a variable; got {}; unpack a list with "
                        "*".format(shown(x)))
    if x.shape.ndims != 0:
        raise ValueError("add_moving_summary: every argument must be a scalar; got {} of shape {}; reduce it, as with "
                         "tf.reduce_mean".format(x.name, x.shape))


def _add_once(key: str, item: Any) -> None:
    if not any(item is known for known in tf.get_collection(key)):
        tf.add_to_collection(key, item)


def _in_main_tower() -> bool:
    context = get_current_tower_context()
    return context is None or context.is_main_training_tower


def _scalar_of(suffix: str, function: Callable[[Any], Any]) -> Callable[[str, Any, Optional[Sequence[str]]], Any]:
    def emit(name: str, x: Any, collections: Optional[Sequence[str]]) -> Any:
        return tf.summary.scalar(name + suffix, function(x), collections=collections)

    return emit


def _histogram(name: str, x: Any, collections: Optional[Sequence[str]]) -> Any:
    return tf.summary.histogram(name + "-histogram", x, collections=collections)


_SUMMARIES: Dict[str, Callable[[str, Any, Optional[Sequence[str]]], Any]] = {
    "scalar": _scalar_of("-summary", lambda x: x),
    "histogram": _histogram,
    "sparsity": _scalar_of("-sparsity", tf.nn.zero_fraction),
    "mean": _scalar_of("-mean", lambda x: tf.reduce_mean(floating(x))),
    "rms": _scalar_of("-rms", lambda x: tf.sqrt(tf.reduce_mean(tf.square(floating(x))))),
}
