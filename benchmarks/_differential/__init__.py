"""Random programs that two libraries of one interface run side by side: one module for each kind of program.

A module of a kind has `generate(rng)`, which makes a program of JSON without any of the libraries, and `run(program, folder)`,
which executes it with the library that this process has, and returns what can be seen of it.
"""

from __future__ import annotations

import importlib
import random
from typing import Any, Dict

KINDS = (
    "flows",
    "augmentors",
    "serializers",
    "layers",
    "gradients",
    "restoring",
    "predicting",
    "training",
    "towers",
    "resuming",
)


def kind_module(kind: str) -> Any:
    """The module of a kind."""
    return importlib.import_module("_differential." + kind)


def generated(kind: str, seed: int) -> Dict[str, Any]:
    """The program of this kind and seed."""
    program = kind_module(kind).generate(random.Random("{}-{}".format(kind, seed)))
    program.update(kind=kind, seed=seed)
    return program
