"""checkpoint-manipulate: load the variables of a model, then write them as .npz or look at them in a shell."""
from __future__ import annotations

import argparse
from typing import Any, Dict, Optional, Sequence

import numpy as np

from ..utils._text.counted import counted
from ..utils.optional import optional_import
from ._common import load_variables, new_parser, run

__all__ = ["main"]

_ipython = optional_import("IPython", needed_by="checkpoint-manipulate --shell", pip="ipython")


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run the tool; returns the exit status."""
    parser = new_parser("Load the variables of a model and print their names.")
    parser.add_argument("model", help="a .npz or .npy file of variables, a checkpoint, or the directory of one")
    parser.add_argument("--dump", metavar="FILE.npz", type=_npz_name, help="write the variables to this file")
    parser.add_argument("--shell", action="store_true", help="open IPython with the variables as the dict `params`")
    return run(_manipulate, parser, argv)


def _npz_name(path: str) -> str:
    if not path.endswith(".npz"):
        raise argparse.ArgumentTypeError("the name must end in .npz; got {!r}".format(path))
    return path


def _manipulate(args: argparse.Namespace) -> None:
    params = load_variables(args.model)
    print("Variables in the model:")
    for name in sorted(params):
        print(name)
    if args.dump:
        _dump(params, args.dump)
    if args.shell:
        _ipython.start_ipython(argv=[], user_ns={"params": params, "np": np})


def _dump(params: Dict[str, Any], path: str) -> None:
    from ..tfutils._restore.numpy_files import write_npz

    write_npz(path, params, compress=False)
    print("{} written to {}".format(counted(len(params), "variable", "are"), path))
