"""ls-checkpoint: the names and shapes of the variables in a file."""
from __future__ import annotations

import argparse
import pprint
from typing import Any, Dict, Optional, Sequence

import numpy as np

from ._common import is_numpy_file, load_variables, new_parser, run

__all__ = ["main"]


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run the tool; returns the exit status."""
    parser = new_parser("Print {variable: shape} of a model.")
    parser.add_argument("model", help="a .npz or .npy file of variables, a checkpoint (its prefix or one of its files), "
                                      "or a directory, which means the latest checkpoint in it")
    return run(_list, parser, argv)


def _list(args: argparse.Namespace) -> None:
    pprint.pprint(_shapes(args.model))


def _shapes(path: str) -> Dict[str, Any]:
    """Tuples for numpy files, whose keys are kept; lists for checkpoints, names without `:0`."""
    if is_numpy_file(path):
        return {name: np.shape(value) for name, value in load_variables(path).items()}
    from ..tfutils._restore.checkpoint import open_checkpoint
    from ..tfutils._restore.names import op_name

    return {op_name(name): shape for name, shape in open_checkpoint(path).get_variable_to_shape_map().items()}
