"""The command line tools: one module each, with `main(argv=None) -> int`; `scripts/` and `setup.py` point at them."""
from __future__ import annotations

from . import checkpoint_manipulate, checkpoint_prof, dump_model_params, export_model, ls_checkpoint, make_key, predict

__all__ = ["checkpoint_manipulate", "checkpoint_prof", "dump_model_params", "export_model", "ls_checkpoint", "make_key",
    "predict"]
