"""Inference with a trained model: `OfflinePredictor(PredictConfig(...))` is a function of numpy arrays."""
from __future__ import annotations

from .._exports import tell_near_names
from .base import OfflinePredictor, OnlinePredictor, PredictorBase
from .concurrency import MultiThreadAsyncPredictor
from .config import PredictConfig
from .dataset import DatasetPredictorBase, MultiProcessDatasetPredictor, SimpleDatasetPredictor
from .exported import ExportedPredictor
from .feedfree import FeedfreePredictor
from .multigpu import DataParallelOfflinePredictor, MultiTowerOfflinePredictor

__all__ = [
    "DataParallelOfflinePredictor",
    "DatasetPredictorBase",
    "ExportedPredictor",
    "FeedfreePredictor",
    "MultiProcessDatasetPredictor",
    "MultiThreadAsyncPredictor",
    "MultiTowerOfflinePredictor",
    "OfflinePredictor",
    "OnlinePredictor",
    "PredictConfig",
    "PredictorBase",
    "SimpleDatasetPredictor",
]

tell_near_names(__name__)
