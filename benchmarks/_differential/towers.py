"""Trainings on several towers of the CPU."""

from __future__ import annotations

from typing import Any, Dict

from . import training

run = training.run


def generate(rng: Any) -> Dict[str, Any]:
    program = training.generate(rng)
    program["trainer"] = rng.choice(
        [
            {"name": "SyncMultiGPUTrainerParameterServer", "towers": rng.choice([1, 2, 3]), "ps_device": "cpu"},
            {"name": "SyncMultiGPUTrainerReplicated", "towers": 2, "mode": "cpu", "average": rng.random() < 0.7},
            {"name": "SyncMultiGPUTrainerReplicated", "towers": 2, "mode": "gpu"},
            {"name": "AsyncMultiGPUTrainer", "towers": 1},
        ]
    )
    program["input"] = "flow"
    program["data"] = 1  # which tower takes which datapoint is by chance
    return program
