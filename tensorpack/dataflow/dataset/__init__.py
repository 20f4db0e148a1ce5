"""Datasets as DataFlows; each is imported when it is first used."""
from __future__ import annotations

from ..._exports import attach

__getattr__, __dir__, __all__ = attach(__name__, {
    "digits": ["Digits"],
    "mnist": ["FashionMnist", "Mnist"],
})
