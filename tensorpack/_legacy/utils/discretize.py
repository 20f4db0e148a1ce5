"""Numbers in bins of equal width."""
from __future__ import annotations

import itertools
from abc import ABCMeta, abstractmethod
from typing import Any, List, Sequence

import numpy as np
import six

from ...utils.argtools import log_once

__all__ = ["Discretizer", "Discretizer1D", "UniformDiscretizer1D", "UniformDiscretizerND"]


@six.add_metaclass(ABCMeta)
class Discretizer:
    """Base of what sorts values into bins."""

    @abstractmethod
    def get_nr_bin(self) -> int:
        """How many bins there are."""

    @abstractmethod
    def get_bin(self, v: Any) -> int:
        """The number of the bin of a value."""


class Discretizer1D(Discretizer):
    """Base of what sorts numbers into bins."""


class UniformDiscretizer1D(Discretizer1D):
    """Bins of the width `spacing` from `minv` to `maxv`; values outside count to the bin at that end."""

    def __init__(self, minv: float, maxv: float, spacing: float):
        self.minv, self.maxv, self.spacing = float(minv), float(maxv), float(spacing)
        self.nr_bin = int(np.ceil((self.maxv - self.minv) / self.spacing))

    def get_nr_bin(self) -> int:
        return self.nr_bin

    def get_bin(self, v: float) -> int:
        if v < self.minv or v > self.maxv:
            log_once("UniformDiscretizer1D: values outside of [{}, {}] count to the bin at that end".format(
                self.minv, self.maxv), "warning")
        return int(np.clip((v - self.minv) / self.spacing, 0, self.nr_bin - 1))

    def get_bin_center(self, bin_id: int) -> float:
        """The value in the middle of a bin."""
        return self.minv + self.spacing * (bin_id + 0.5)

    def get_distribution(self, v: float, smooth_factor: float = 0.05, smooth_radius: int = 2) -> np.ndarray:
        """Probabilities of the bins: of that of `v`, and `smooth_factor ** distance` as much of those up to `smooth_radius`
        bins away; together 1."""
        distance = np.abs(np.arange(self.nr_bin) - self.get_bin(v))
        weights = np.where(distance <= smooth_radius, np.power(float(smooth_factor), distance), 0.0)
        return weights / weights.sum()


class UniformDiscretizerND(Discretizer):
    """Cells of equal size: a triple (minv, maxv, spacing) for each dimension; the last one changes fastest in the number."""

    def __init__(self, *min_max_spacing: Sequence[float]):
        self.discretizers = [UniformDiscretizer1D(*triple) for triple in min_max_spacing]
        self.nr_bins = [discretizer.get_nr_bin() for discretizer in self.discretizers]

    def get_nr_bin(self) -> int:
        return int(np.prod(self.nr_bins))

    def get_bin(self, v: Sequence[float]) -> int:
        bins = [discretizer.get_bin(x) for discretizer, x in zip(self.discretizers, v)]
        return int(np.ravel_multi_index(bins, self.nr_bins))

    def get_bin_center(self, bin_id: int) -> List[float]:
        """The value in the middle of a cell."""
        bins = np.unravel_index(bin_id, self.nr_bins)
        return [discretizer.get_bin_center(int(k)) for discretizer, k in zip(self.discretizers, bins)]

    def get_distribution(self, v: Sequence[float], smooth_factor: float = 0.05, smooth_radius: int = 2) -> np.ndarray:
        """Probabilities of the cells: products of those of the dimensions."""
        factors = [discretizer.get_distribution(x, smooth_factor, smooth_radius)
                   for discretizer, x in zip(self.discretizers, v)]
        return np.array([np.prod(product) for product in itertools.product(*factors)])
