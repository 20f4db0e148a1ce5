"""Trainings that are ended and go on."""

from __future__ import annotations

from typing import Any, Dict

from . import training

run = training.run


def generate(rng: Any) -> Dict[str, Any]:
    program = training.generate(rng)
    program["resume"] = rng.choice(["auto", "auto", "session_init", "again"])
    program["callbacks"].insert(rng.randrange(len(program["callbacks"]) + 1), {"name": "ModelSaver"})
    return program
