"""`Inferencer`s: what to compute from the tensors that an `InferenceRunner` fetches for each datapoint."""
from __future__ import annotations

import weakref
from typing import Any, Dict, List, NoReturn, Optional, Sequence, Union

import numpy as np

from ..compat import tfv1 as tf
from ..tfutils.common import get_op_tensor_name
from ..utils import logger
from ..utils._arguments.flags import true_or_false
from ..utils._arguments.names import list_of_names
from ..utils._text.spec import describe
from ..utils.argtools import log_once
from ..utils.stats import BinaryStatistics, RatioCounter, check_binary
from ._batch_sizes import inputs_with_batches, sizes_of_batches
from ._checks.arguments import check_strings
from ._checks.statistic import larger_is_better
from ._monitors.base import as_number
from .base import Callback

__all__ = ["BinaryClassificationStats", "ClassificationError", "Inferencer", "ScalarStats"]

# monitors -> name of a statistic -> (inferencer, epoch) that put it last, or None once a clash has been reported
_last_put: weakref.WeakKeyDictionary[Any, Dict[str, Any]] = weakref.WeakKeyDictionary()


class Inferencer(Callback):
    """Base class of what collects results over the passes of an `InferenceRunner`.

    A runner calls, for each pass::

        _before_inference()
        for each datapoint:
            _on_fetches(values of the tensors named by _get_fetches())
        _after_inference()            # returns statistics, which are put into trainer.monitors

    `_setup_graph` is called as for any callback; the other methods of a callback are not.
    """

    def _before_epoch(self) -> None:
        self._before_inference()

    def _trigger_epoch(self) -> None:
        statistics = self._after_inference() or {}
        if not isinstance(statistics, dict):
            raise TypeError("{}: _after_inference() must return a dict from names to scalars, or None; got {}".format(
                self, describe(statistics)))
        for name, value in statistics.items():
            number = as_number(value)
            if number is None:
                logger.warning("%s: the statistic '%s' must be a scalar; got %s; it is skipped.", self, name,
                               describe(value))
                continue
            self._warn_if_shared(name)
            self.trainer.monitors.put_scalar(name, float(number))

    def get_fetches(self) -> List[str]:
        """Names of the tensors to fetch, each with its `:0`."""
        names = list_of_names(str(self), "what _get_fetches() returns", self._get_fetches())
        return [get_op_tensor_name(name)[1] for name in names]

    def _check_fetches(self, tensors: Sequence[tf.Tensor]) -> None:
        """Called with the tensors of `get_fetches` before the training: raise ValueError if they cannot be right."""

    def _further_fetches(self, inputs: Sequence[Any]) -> List[tf.Tensor]:
        """Called with the inputs of the inference tower: tensors whose values `on_fetches` is to get behind the others."""
        return []

    def on_fetches(self, results: List[Any]) -> None:
        """Called for each datapoint with the values of the tensors, in the order of `get_fetches`."""
        self._on_fetches(results)

    def _before_inference(self) -> None:
        """Override: called before each pass."""

    def _get_fetches(self) -> Sequence[str]:
        """Override: names of tensors inside the inference tower, without its prefix, or of inputs of the model."""
        raise NotImplementedError("{}: override _get_fetches()".format(type(self).__name__))

    def _on_fetches(self, results: List[Any]) -> None:
        """Override: called for each datapoint."""
        raise NotImplementedError("{}: override _on_fetches()".format(type(self).__name__))

    def _after_inference(self) -> Optional[Dict[str, Any]]:
        """Override: called after each pass; returns the statistics by name, or None."""

    def _warn_if_shared(self, name: str) -> None:
        """Warn once if another inferencer has put the same name in this epoch: one history cannot hold both."""
        owners = _last_put.setdefault(self.trainer.monitors, {})
        if name not in owners:
            owners[name] = (weakref.ref(self), self.epoch_num)
        elif owners[name] is not None:
            other, epoch = owners[name]
            clash = epoch == self.epoch_num and other() is not self
            owners[name] = None if clash else (weakref.ref(self), self.epoch_num)
            if clash:
                logger.warning("Two inferencers put the statistic '%s' in epoch %d, their values get mixed up; give them "
                               "different names, for example by prefix= or summary_name=.", name, epoch)


class ScalarStats(Inferencer):
    """Means of scalar tensors over all runs of the model, one for each datapoint of the runner's data: mostly a batch.

    The mean of tensor `op:0` is put as `{prefix}_{op}`, or as `op` if prefix is None or empty; nothing after an empty pass.

    Args:
        names: a tensor name, or a list of them.
        prefix: distinguishes the validation sets of several runners.
        by_size: let each batch count as much as it has samples, so that the mean of a cost that is a mean over samples is that
            over all samples. By default a smaller last batch counts as much as the others, and this is warned of.

    Raises:
        ValueError: two names are of one operation; when the graph is set up, a tensor is known to be no scalar, or, with
            `by_size`, no input has batches as far as its shape tells.
    """

    def __init__(self, names: Union[str, Sequence[str]], prefix: Optional[str] = "validation", *, by_size: bool = False):
        self._names = [names] if isinstance(names, str) else list_of_names("ScalarStats", "names", names)
        if prefix is not None:
            check_strings(self, prefix=prefix)
        self._prefix = prefix
        ops = [get_op_tensor_name(name)[0] for name in self._names]
        if len(set(ops)) < len(ops):
            raise ValueError("ScalarStats: names must be of different operations, whose names the statistics get; "
                             "got {}".format(self._names))
        self._statistics = ["{}_{}".format(prefix, op) if prefix else op for op in ops]
        self._by_size = true_or_false(self, "by_size", by_size)

    def _before_inference(self) -> None:
        self._values: List[List[Any]] = []
        self._sizes: List[int] = []

    def _get_fetches(self) -> Sequence[str]:
        return self._names

    def _check_fetches(self, tensors: Sequence[tf.Tensor]) -> None:
        for name, tensor in zip(self._names, tensors):
            if tensor.shape.ndims is not None and tensor.shape.num_elements() != 1:
                raise ValueError("ScalarStats: tensor '{}' must be a scalar; got the shape {}; reduce it with tf.reduce_mean, "
                                 "or use ClassificationError for a vector with one element for each sample".format(
                                     name, tensor.shape))

    def _further_fetches(self, inputs: Sequence[Any]) -> List[tf.Tensor]:
        batches = inputs_with_batches(inputs)
        if self._by_size and not batches:
            raise ValueError("ScalarStats(by_size=True): an input must be known to have batches; got the shapes {}; let the "
                             "first dimension of one of them, and no other of its dimensions, be None".format(
                                 [str(each.shape) for each in inputs]))
        return [sizes_of_batches(batches)] if batches else []

    def on_fetches(self, results: List[Any]) -> None:
        """See `Inferencer`; behind the scalars there may be the lengths of the inputs."""
        number = len(self._names)
        for lengths in results[number:]:
            # of several inputs with different lengths none tells how many samples there are
            self._sizes.extend(lengths[:1] if (lengths == lengths[0]).all() else ())
        super().on_fetches(results[:number])

    def _on_fetches(self, results: List[Any]) -> None:
        self._values.append(results)

    def _after_inference(self) -> Optional[Dict[str, Any]]:
        if not self._values:
            return None
        weights = self._weights()
        return {name: _mean(values, weights) for name, values in zip(self._statistics, zip(*self._values))}

    def _weights(self) -> Optional[List[int]]:
        """How much each run counts; None if all count the same."""
        is_known = len(self._sizes) == len(self._values)
        if self._by_size:
            if not is_known or not any(self._sizes):
                raise ValueError("ScalarStats(by_size=True): the inputs of each run must have the same number of samples, at "
                                 "least one; got other lengths")
            return self._sizes
        if is_known and len(set(self._sizes)) > 1:
            log_once("ScalarStats: batches of {} and of {} samples count the same in {}; with by_size=True each counts as much "
                     "as it has samples.".format(max(self._sizes), min(self._sizes), ", ".join(self._statistics)), "warning")
        return None


def _mean(values: Sequence[Any], weights: Optional[Sequence[int]]) -> Any:
    """The mean of scalars; if there is something else among them, that."""
    numbers = [as_number(value) for value in values]
    if None in numbers:
        return values[numbers.index(None)]
    if weights is None:
        return np.mean(numbers, dtype="float64")
    # a batch of no samples may have NaN as its mean
    return sum(weight * number for weight, number in zip(weights, numbers) if weight) / sum(weights)


class ClassificationError(Inferencer):
    """The share of wrong decisions over all samples, exact also for batches of different sizes; 0 without data.

    Args:
        wrong_tensor_name: a vector with one element for each sample: 1 where the decision is wrong, 0 where it is right, or
            what share of it is wrong. Other values count as they are, and are warned of; so is a name such as `correct`, unless
            `summary_name` sounds like that, too.
        summary_name: name of the statistic.

    Raises:
        ValueError: when the graph is set up, or at a pass if shapes are not known before, the tensor is no vector.
    """

    def __init__(self, wrong_tensor_name: str = "incorrect_vector", summary_name: str = "validation_error"):
        check_strings(self, wrong_tensor_name=wrong_tensor_name, summary_name=summary_name)
        self._wrong_tensor_name = wrong_tensor_name
        self._summary_name = summary_name
        self._has_warned = False

    def _before_inference(self) -> None:
        self._errors = RatioCounter()

    def _get_fetches(self) -> Sequence[str]:
        return [self._wrong_tensor_name]

    def _check_fetches(self, tensors: Sequence[tf.Tensor]) -> None:
        if larger_is_better(self._wrong_tensor_name) and not larger_is_better(self._summary_name):
            log_once("ClassificationError: tensor '{}' sounds as if 1 were right, and '{}' is its mean. Let 1 be wrong, as in "
                     "tf.cast(tf.not_equal(prediction, label), tf.float32), or give the statistic a name such as "
                     "'validation_accuracy'.".format(self._wrong_tensor_name, self._summary_name), "warning")
        shape = tensors[0].shape
        if shape.ndims is not None:
            self._check_rank(shape.ndims, "the shape {}".format(shape))

    def _check_rank(self, rank: int, got: str) -> None:
        if rank != 1:
            advice = "do not reduce it" if rank == 0 else (
                "reduce scores of classes to what is wrong: tf.cast(tf.logical_not(tf.nn.in_top_k(scores, label, 1)), "
                "tf.float32), or tf.not_equal(tf.argmax(scores, 1), label)")
            raise ValueError("ClassificationError: tensor '{}' must be a vector with one element for each sample; got {}; "
                             "{}".format(self._wrong_tensor_name, got, advice))

    def _on_fetches(self, results: List[Any]) -> None:
        vector = np.asarray(results[0])
        self._check_rank(vector.ndim, describe(vector))
        vector = vector.astype("float64")
        self._warn_of_others(vector)
        self._errors.feed(float(vector.sum()), len(vector))

    def _warn_of_others(self, vector: np.ndarray) -> None:
        with np.errstate(invalid="ignore"):
            others = vector[~((vector >= 0) & (vector <= 1))]
        if others.size and not self._has_warned:
            self._has_warned = True
            logger.warning("ClassificationError: tensor '%s' has the value %g among %d, so its mean, '%s', is no share of "
                           "wrong decisions. These are 1 in tf.cast(tf.not_equal(prediction, label), tf.float32).",
                           self._wrong_tensor_name, others[0], len(vector), self._summary_name)

    def _after_inference(self) -> Dict[str, Any]:
        return {self._summary_name: self._errors.ratio}


class BinaryClassificationStats(Inferencer):
    """Precision and recall over all samples, as `{prefix}_precision` and `{prefix}_recall`.

    Args:
        pred_tensor_name, label_tensor_name: arrays of 0 and 1, or bool, of the same shape: decisions, not probabilities.
        prefix: first part of the names of the statistics.

    Raises:
        ValueError: at a pass, the tensors hold something else; there or, if they are known, when the graph is set up, their
            shapes differ.
    """

    def __init__(self, pred_tensor_name: str, label_tensor_name: str, prefix: str = "val"):
        check_strings(self, pred_tensor_name=pred_tensor_name, label_tensor_name=label_tensor_name, prefix=prefix)
        self._pred_tensor_name = pred_tensor_name
        self._label_tensor_name = label_tensor_name
        self._prefix = prefix

    def _before_inference(self) -> None:
        self._statistics = BinaryStatistics()

    def _get_fetches(self) -> Sequence[str]:
        return [self._pred_tensor_name, self._label_tensor_name]

    def _check_fetches(self, tensors: Sequence[tf.Tensor]) -> None:
        pred, label = [tensor.shape for tensor in tensors]
        if not pred.is_compatible_with(label):
            self._refuse_shapes(pred, label)

    def _refuse_shapes(self, pred: Any, label: Any) -> NoReturn:
        raise ValueError("BinaryClassificationStats: tensors '{}' and '{}' must have the same shape; got {} and {}".format(
            self._pred_tensor_name, self._label_tensor_name, pred, label))

    def _on_fetches(self, results: List[Any]) -> None:
        names = self._pred_tensor_name, self._label_tensor_name
        pred, label = [np.asarray(value) for value in results]
        if pred.shape != label.shape:
            self._refuse_shapes(pred.shape, label.shape)
        for name, values in zip(names, (pred, label)):
            check_binary("BinaryClassificationStats: tensor '{}'".format(name), values)
        self._statistics.feed(pred, label)

    def _after_inference(self) -> Dict[str, Any]:
        return {self._prefix + "_precision": self._statistics.precision,
                self._prefix + "_recall": self._statistics.recall}
