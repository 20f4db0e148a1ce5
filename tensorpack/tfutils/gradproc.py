"""Gradient processors: they change (gradient, variable) pairs between their computation and the update.

Give them to `tfutils.optimizer.apply_grad_processors`. A regular expression must match the whole name of a variable, and is
matched without the prefix `towerN/` of replicated towers, so that all copies of a variable are treated alike. One that matches
no variable of the graph is warned of.
"""
from __future__ import annotations

import functools
import inspect
import re
import weakref
from abc import ABCMeta, abstractmethod
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Set, Tuple

import six

from .. import compat
from .._exports import tell_near_names
from ..compat import tfv1 as tf
from ..utils import logger
from ..utils._text.keywords import KeywordsTold
from ._graph_state import graph_state
from ._no_match import warn_of_no_match, without_tower
from ._optimizer.gradient import dense_gradient, drop_none, map_values
from ._precision import like, widened
from .summary import add_moving_summary
from .symbolic_functions import print_stat, rms

__all__ = [
    "CheckGradient",
    "FilterNoneGrad",
    "GlobalNormClip",
    "GradientProcessor",
    "MapGradient",
    "PrintGradient",
    "ScaleGradient",
    "SummaryGradient",
]

tell_near_names(__name__)

GradAndVar = Tuple[Any, Any]

@six.add_metaclass(ABCMeta)
class GradientProcessor(KeywordsTold):
    """Base of gradient processors: override `_process`."""

    def process(self, grads: Sequence[GradAndVar]) -> List[GradAndVar]:
        """The pairs that the optimizer shall apply in place of `grads`.

        Operations are made in the name scope `<ClassName>`, which the later calls of this instance enter again.
        """
        with self._in_scope():
            return self._process(list(grads))

    @contextmanager
    def _in_scope(self) -> Iterator[None]:
        scopes: Dict[GradientProcessor, str] = graph_state("gradient_processor_scopes", weakref.WeakKeyDictionary)
        with tf.name_scope(scopes.get(self, type(self).__name__)) as scope:
            scopes[self] = scope
            yield

    @abstractmethod
    def _process(self, grads: List[GradAndVar]) -> List[GradAndVar]:
        """Override: from pairs to pairs; a gradient may be None or `tf.IndexedSlices`."""


class FilterNoneGrad(GradientProcessor):
    """Drops the pairs whose gradient is None.

    Args:
        verbose: warn with their number and names.
    """

    def __init__(self, verbose: bool = True):
        self._verbose = verbose

    def _process(self, grads: List[GradAndVar]) -> List[GradAndVar]:
        return drop_none(grads, self._verbose)


class GlobalNormClip(GradientProcessor):
    """Scales all gradients by one factor if their common norm is larger than `global_norm`.

    See `tf.clip_by_global_norm`. Gradients that are None stay None. Half precision is summed in float32.

    Args:
        global_norm: a positive number or a scalar tensor.
    """

    def __init__(self, global_norm: float):
        if not compat.is_tensor_like(global_norm) and not global_norm > 0:
            raise ValueError("GlobalNormClip(global_norm): must be positive; got {!r}".format(global_norm))
        self._norm = global_norm

    def _process(self, grads: List[GradAndVar]) -> List[GradAndVar]:
        if all(grad is None for grad, _ in grads):
            return grads
        wide = [None if grad is None else map_values(widened, grad) for grad, _ in grads]
        clipped, _ = tf.clip_by_global_norm(wide, self._norm, name="clip_by_global_norm")
        return [(None if grad is None else map_values(functools.partial(like, other=grad), new), variable)
                for new, (grad, variable) in zip(clipped, grads)]


class MapGradient(GradientProcessor):
    """Replaces each gradient by a function of it; order is kept.

    Args:
        func: takes `(grad)` or `(grad, var)` and returns the new gradient, or None to leave the variable out of the update.
            It is not called for gradients that are None: those variables are left out, too; `grad` is `tf.IndexedSlices`
            after lookups.
        regex: must match the whole name of a variable, without `towerN/`; the others pass.
    """

    def __init__(self, func: Callable[..., Any], regex: str = ".*"):
        self.func = func
        self.regex = regex
        self._takes_variable = _num_parameters(type(self).__name__, func) == 2

    def _process(self, grads: List[GradAndVar]) -> List[GradAndVar]:
        matched = [_matches(self.regex, variable) for _, variable in grads]
        self._warn_of_no_match(self.regex, grads)
        results = [(self._map(grad, variable) if match and grad is not None else grad, variable)
                   for match, (grad, variable) in zip(matched, grads)]
        return [(grad, variable) for (grad, variable), match in zip(results, matched) if grad is not None or not match]

    def _warn_of_no_match(self, regex: str, grads: List[GradAndVar]) -> None:
        warn_of_no_match(type(self).__name__, regex, [variable.op.name for _, variable in grads],
                         lambda name: re.fullmatch(regex, name) is not None)

    def _map(self, grad: Any, variable: Any) -> Any:
        return self.func(grad, variable) if self._takes_variable else self.func(grad)


class SummaryGradient(MapGradient):
    """Summarizes gradients: histogram `SummaryGradient/<var>-grad` and moving average `SummaryGradient/<var>/rms-summary`.

    Each variable is summarized once per graph, those named `towerN/...` (copies of others) never.

    Args:
        regex: see `MapGradient`.
        collections: of the histograms; `[SUMMARIES]` by default, where the moving averages always are.
    """

    def __init__(self, regex: str = ".*", collections: Optional[Sequence[str]] = None):
        super().__init__(self._summarize, regex)
        self._collections = collections

    def _summarize(self, grad: Any, variable: Any) -> Any:
        name = variable.op.name
        if without_tower(name) != name or not _first_time("summarized_gradients", name):
            return grad
        dense = widened(dense_gradient(grad, variable))
        tf.summary.histogram(name + "-grad", dense, collections=self._collections)
        add_moving_summary(rms(dense, name=name + "/rms"))
        return grad


class PrintGradient(MapGradient):
    """Prints statistics of gradients to stderr at each evaluation, as `<var>-grad`; each variable once per graph.

    Args:
        regex: see `MapGradient`.
    """

    def __init__(self, regex: str = ".*"):
        super().__init__(self._print, regex)

    def _print(self, grad: Any, variable: Any) -> Any:
        name = variable.op.name
        if not _first_time("printed_gradients", name):
            return grad
        return map_values(lambda values: print_stat(values, message=name + "-grad"), grad)


class CheckGradient(MapGradient):
    """Fails the step with the message `CheckGradient/<var>` when a gradient holds NaN or infinity."""

    def __init__(self) -> None:
        super().__init__(self._check)

    def _check(self, grad: Any, variable: Any) -> Any:
        return map_values(lambda values: tf.debugging.check_numerics(values, "CheckGradient/" + variable.op.name), grad)


class ScaleGradient(MapGradient):
    """Multiplies the gradients of some variables, as to give layers learning rates of their own.

    Args:
        multipliers: one pair `(regex, number)` or a list of them; the first regex that matches the whole name of the
            variable, without `towerN/`, decides. 0 leaves the variable out of the update. Other numbers make hardly any
            difference to Adam and other optimizers that divide by the size of the gradients.
        verbose: log each variable that is scaled.

    Example: `ScaleGradient([("fc/.*", 10), ("conv0/.*", 0)])`
    """

    def __init__(self, multipliers: Any, verbose: bool = True):
        super().__init__(self._scale)
        if not isinstance(verbose, bool):
            raise TypeError("ScaleGradient(verbose): must be a bool; got {!r}; put several multipliers into one "
                            "list".format(verbose))
        if not isinstance(multipliers, list):
            multipliers = [multipliers]
        for pair in multipliers:
            if not isinstance(pair, tuple) or len(pair) != 2 or not isinstance(pair[0], str):
                raise TypeError("ScaleGradient(multipliers): must be a tuple (regex, number) or a list of them; "
                                "got {!r}".format(pair))
        self._multipliers: List[Tuple[str, float]] = multipliers
        self._verbose = verbose

    def _scales_any(self) -> bool:
        """Whether a multiplier is a number that neither keeps a gradient as it is nor takes it away."""
        return any(not compat.is_tensor_like(multiplier) and multiplier not in (0, 1) for _, multiplier in self._multipliers)

    def _process(self, grads: List[GradAndVar]) -> List[GradAndVar]:
        for regex, _ in self._multipliers:
            self._warn_of_no_match(regex, grads)
        return super()._process(grads)

    def _scale(self, grad: Any, variable: Any) -> Any:
        for regex, multiplier in self._multipliers:
            if _matches(regex, variable):
                return self._scale_by(multiplier, grad, variable)
        return grad

    def _scale_by(self, multiplier: float, grad: Any, variable: Any) -> Any:
        if self._verbose:
            logger.info("ScaleGradient: the gradient of %s is multiplied by %s", variable.op.name, multiplier)
        if not compat.is_tensor_like(multiplier) and multiplier == 0:
            return None
        return map_values(lambda values: values * tf.cast(multiplier, values.dtype), grad)


def _matches(regex: str, variable: Any) -> bool:
    return re.fullmatch(regex, without_tower(variable.op.name)) is not None


def _first_time(key: str, name: str) -> bool:
    seen: Set[str] = graph_state(key, set)
    first = name not in seen
    seen.add(name)
    return first


def _num_parameters(who: str, func: Callable[..., Any]) -> int:
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(func).parameters.values()
    count = sum(parameter.kind in positional for parameter in parameters)
    if count not in (1, 2):
        raise TypeError("{}(func): must take (grad) or (grad, var); got {!r} with {} positional parameters".format(
            who, func, count))
    return count
