"""Trainers: the step loop, its configuration, and the trainers that minimise one cost."""
from .._exports import tell_near_names
from ..graph_builder.model_desc import ModelDesc, ModelDescBase
from .base import StopTraining, Trainer
from .config import DEFAULT_CALLBACKS, DEFAULT_MONITORS, AutoResumeTrainConfig, TrainConfig
from .interface import launch_train_with_config
from .tower import SingleCostTrainer, TowerTrainer
from .trainers import (
    AsyncMultiGPUTrainer,
    BytePSTrainer,
    CollectiveInferenceRunner,
    CollectiveTrainer,
    DistributedTrainerParameterServer,
    DistributedTrainerReplicated,
    HorovodTrainer,
    NoOpTrainer,
    QueueInputTrainer,
    SimpleTrainer,
    SyncMultiGPUTrainer,
    SyncMultiGPUTrainerParameterServer,
    SyncMultiGPUTrainerReplicated,
)

__all__ = [
    "AsyncMultiGPUTrainer",
    "AutoResumeTrainConfig",
    "BytePSTrainer",
    "CollectiveInferenceRunner",
    "CollectiveTrainer",
    "DEFAULT_CALLBACKS",
    "DEFAULT_MONITORS",
    "DistributedTrainerParameterServer",
    "DistributedTrainerReplicated",
    "HorovodTrainer",
    "ModelDesc",
    "ModelDescBase",
    "NoOpTrainer",
    "QueueInputTrainer",
    "SimpleTrainer",
    "SingleCostTrainer",
    "StopTraining",
    "SyncMultiGPUTrainer",
    "SyncMultiGPUTrainerParameterServer",
    "SyncMultiGPUTrainerReplicated",
    "TowerTrainer",
    "TrainConfig",
    "Trainer",
    "launch_train_with_config",
]

tell_near_names(__name__)
