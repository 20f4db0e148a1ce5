"""make-key: a file that lets processes take part in a training, or send it data."""
from __future__ import annotations

import argparse
from typing import Optional, Sequence

from ..utils._wire.keys import KEY_VARIABLE, make_key
from ._common import new_parser, run

__all__ = ["main"]


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run the tool; returns the exit status."""
    parser = new_parser("Make a key file, which its owner alone can read. Copy it to all machines of a training; with it they "
                        "know each other, by key= or the environment variable {}. Whoever has it can take part.".format(
                            KEY_VARIABLE))
    parser.add_argument("path", help="the file; it must not exist yet")
    return run(_make, parser, argv)


def _make(args: argparse.Namespace) -> None:
    try:
        make_key(args.path)
    except FileExistsError:
        raise ValueError("{}: must be a new file; there is one of that name, which may be in use".format(args.path)) from None
