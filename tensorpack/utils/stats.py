"""Counters of values, ratios, binary decisions, and running moments."""
from __future__ import annotations

from typing import Any, List

import numpy as np

__all__ = ["Accuracy", "BinaryStatistics", "OnlineMoments", "RatioCounter", "StatCounter"]


class StatCounter:
    """Remembers values and gives their sum, average, minimum and maximum.

    All but `count` and `samples` raise RuntimeError as long as there is no value.
    """

    def __init__(self) -> None:
        self.reset()

    def feed(self, v: float) -> None:
        """Add a value."""
        self._values.append(v)

    def reset(self) -> None:
        """Forget all values."""
        self._values: List[float] = []

    @property
    def count(self) -> int:
        """How many values there are."""
        return len(self._values)

    @property
    def average(self) -> float:
        """The mean of the values."""
        mean: Any = np.mean(self._array())
        return mean

    @property
    def sum(self) -> float:
        """The sum of the values."""
        return np.sum(self._array())

    @property
    def max(self) -> float:
        """The largest value."""
        return max(self._fed())

    @property
    def min(self) -> float:
        """The smallest value."""
        return min(self._fed())

    def samples(self) -> List[float]:
        """All values, in the order in which they were fed."""
        return list(self._values)

    def _array(self) -> np.ndarray:
        values = np.asarray(self._fed())
        # numpy adds numbers of half precision in half precision
        return values.astype("float64") if values.dtype.itemsize == 2 and values.dtype.kind in "fV" else values

    def _fed(self) -> List[float]:
        if not self._values:
            raise RuntimeError("StatCounter: there must be a value; got none; call feed() first")
        return self._values


class RatioCounter:
    """A ratio of two sums."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Set both sums to zero."""
        self._total: float = 0
        self._count: float = 0

    def feed(self, count: float, total: float = 1) -> None:
        """Add `count` cases out of `total`."""
        self._total += total
        self._count += count

    @property
    def ratio(self) -> float:
        """`count / total`, or 0 if total is 0."""
        return self._count * 1.0 / self._total if self._total else 0

    @property
    def total(self) -> float:
        """The sum of all `total`."""
        return self._total

    @property
    def count(self) -> float:
        """The sum of all `count`."""
        return self._count


class Accuracy(RatioCounter):
    """A `RatioCounter` of correct decisions."""

    @property
    def accuracy(self) -> float:
        """The same as `ratio`."""
        return self.ratio


def check_binary(what: str, values: np.ndarray) -> None:
    """Raise ValueError unless all values are 0 or 1, or bool.

    Args:
        what: what the array is, for the error.
    """
    others = np.atleast_1d(values)[np.atleast_1d((values != 0) & (values != 1))]
    if others.size:
        raise ValueError("{} must hold 0 and 1 only; got {} among {} values; make decisions of probabilities by a threshold, "
                         "as with p > 0.5".format(what, others[0], values.size))


class BinaryStatistics:
    """Precision and recall of binary decisions."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Set all counts to zero."""
        self.nr_pos = 0  # positive labels
        self.nr_neg = 0  # negative labels
        self.nr_pred_pos = 0
        self.nr_pred_neg = 0
        self.corr_pos = 0  # positive predictions with a positive label
        self.corr_neg = 0  # negative predictions with a negative label

    def feed(self, pred: Any, label: Any) -> None:
        """Add decisions: two arrays of the same shape, of 0 and 1 or bool.

        Raises:
            ValueError: they are something else.
        """
        pred, label = np.asarray(pred), np.asarray(label)
        if pred.shape != label.shape:
            raise ValueError("BinaryStatistics.feed: pred and label must have the same shape; got {} and {}".format(
                pred.shape, label.shape))
        check_binary("BinaryStatistics.feed: pred", pred)
        check_binary("BinaryStatistics.feed: label", label)
        self.nr_pos += int((label == 1).sum())
        self.nr_neg += int((label == 0).sum())
        self.nr_pred_pos += int((pred == 1).sum())
        self.nr_pred_neg += int((pred == 0).sum())
        self.corr_pos += int(((pred == 1) & (label == 1)).sum())
        self.corr_neg += int(((pred == 0) & (label == 0)).sum())

    @property
    def precision(self) -> float:
        """Share of positive predictions that are right; 0 without a positive prediction."""
        return self.corr_pos / self.nr_pred_pos if self.nr_pred_pos else 0.0

    @property
    def recall(self) -> float:
        """Share of positive labels that are found; 0 without a positive label."""
        return self.corr_pos / self.nr_pos if self.nr_pos else 0.0

    @property
    def false_positive(self) -> float:
        """`1 - precision`; 0 without a positive prediction."""
        return 1.0 - self.precision if self.nr_pred_pos else 0.0

    @property
    def false_negative(self) -> float:
        """`1 - recall`; 0 without a positive label."""
        return 1.0 - self.recall if self.nr_pos else 0.0


class OnlineMoments:
    """Mean and variance of a stream of numbers, or of arrays element by element (Welford's method)."""

    def __init__(self) -> None:
        self._n = 0
        self._mean: Any = 0.0
        self._squares: Any = 0.0  # sum of squared distances from the mean

    def feed(self, x: Any) -> None:
        """Add a number, or an array of always the same shape."""
        x = np.asarray(x, dtype="float64")
        self._n += 1
        distance = x - self._mean
        self._mean = self._mean + distance / self._n
        self._squares = self._squares + distance * (x - self._mean)

    @property
    def mean(self) -> Any:
        """The mean; raises RuntimeError if nothing was fed."""
        self._need(1, "mean")
        return self._mean

    @property
    def variance(self) -> Any:
        """The unbiased variance (divided by n - 1); raises RuntimeError with fewer than two values."""
        self._need(2, "variance")
        return self._squares / (self._n - 1)

    @property
    def std(self) -> Any:
        """The square root of `variance`."""
        self._need(2, "std")
        return np.sqrt(self.variance)

    def _need(self, count: int, what: str) -> None:
        if self._n < count:
            raise RuntimeError("OnlineMoments.{}: at least {} must be fed first; got {}".format(
                what, "one value" if count == 1 else "two values", self._n))
