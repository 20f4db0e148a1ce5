"""Inference with a trained model: `OfflinePredictor(PredictConfig(...))` is a function of numpy arrays."""
from __future__ import annotations

from .base import OfflinePredictor, OnlinePredictor, PredictorBase
from .config import PredictConfig

__all__ = [
    "OfflinePredictor",
    "OnlinePredictor",
    "PredictConfig",
    "PredictorBase",
]
