"""Distributions one of whose parameters is passed through softplus, which makes it positive."""
from __future__ import annotations

from typing import Any

from .....compat import tfv1 as tf
from ._names import Beta, Exponential, Gamma, Laplace, Normal

__all__ = [
    "BetaWithSoftplusConcentration", "ExponentialWithSoftplusRate", "GammaWithSoftplusConcentrationRate",
    "LaplaceWithSoftplusScale", "NormalWithSoftplusScale",
]


class NormalWithSoftplusScale(Normal):
    """`Normal` of standard deviation softplus(scale); all arguments as there."""

    def __init__(self, loc: Any, scale: Any, validate_args: bool = False, allow_nan_stats: bool = True,
                 name: str = "NormalWithSoftplusScale"):
        arguments = _arguments(locals())
        super().__init__(loc, tf.nn.softplus(scale), validate_args, allow_nan_stats, name)
        self._parameters = arguments


class LaplaceWithSoftplusScale(Laplace):
    """`Laplace` of scale softplus(scale); all arguments as there."""

    def __init__(self, loc: Any, scale: Any, validate_args: bool = False, allow_nan_stats: bool = True,
                 name: str = "LaplaceWithSoftplusScale"):
        arguments = _arguments(locals())
        super().__init__(loc, tf.nn.softplus(scale), validate_args, allow_nan_stats, name)
        self._parameters = arguments


class ExponentialWithSoftplusRate(Exponential):
    """`Exponential` of rate softplus(rate); all arguments as there."""

    def __init__(self, rate: Any, validate_args: bool = False, allow_nan_stats: bool = True,
                 name: str = "ExponentialWithSoftplusRate"):
        arguments = _arguments(locals())
        super().__init__(tf.nn.softplus(rate), validate_args, allow_nan_stats, name)
        self._parameters = arguments


class GammaWithSoftplusConcentrationRate(Gamma):
    """`Gamma` of concentration softplus(concentration) and rate softplus(rate); all arguments as there."""

    def __init__(self, concentration: Any, rate: Any, validate_args: bool = False, allow_nan_stats: bool = True,
                 name: str = "GammaWithSoftplusConcentrationRate"):
        arguments = _arguments(locals())
        super().__init__(tf.nn.softplus(concentration), tf.nn.softplus(rate), validate_args, allow_nan_stats, name)
        self._parameters = arguments


class BetaWithSoftplusConcentration(Beta):
    """`Beta` of softplus of both concentrations; all arguments as there."""

    def __init__(self, concentration1: Any, concentration0: Any, validate_args: bool = False, allow_nan_stats: bool = True,
                 name: str = "BetaWithSoftplusConcentration"):
        arguments = _arguments(locals())
        super().__init__(tf.nn.softplus(concentration1), tf.nn.softplus(concentration0), validate_args, allow_nan_stats, name)
        self._parameters = arguments


def _arguments(names: Any) -> Any:
    return {key: value for key, value in names.items() if key not in ("self", "__class__")}
