"""data-speed: how fast a DataFlow is, and which of the flows that it is made of takes the time."""
from __future__ import annotations

import argparse
import os
from typing import Optional, Sequence

from ._common import new_parser, run
from ._user_code import load, make_flow, user_name

__all__ = ["main"]


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run the tool; returns the exit status."""
    parser = new_parser("Measure the speed of a DataFlow. Prints a table of the flows that it is made of: CPU time and waiting "
                        "of each for a datapoint at the end, in milliseconds, without those that it reads from.")
    parser.add_argument("flow", metavar="MODULE:FLOW", type=user_name("FLOW"),
                        help="a DataFlow, or a function without arguments that returns one; or FILE.py:FLOW")
    parser.add_argument("--size", type=_count, default=1000, help="datapoints to take at most (default: 1000)")
    parser.add_argument("--warmup", type=_count, default=0, help="datapoints to take before, which do not count (default: 0)")
    parser.add_argument("--plot", metavar="PICTURE", help="draw the table into this file, such as speed.png; needs matplotlib")
    return run(_measure, parser, argv)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError("must be a whole number, not negative; got {!r}".format(text))
    return int(text)


def _measure(args: argparse.Namespace) -> None:
    from ..dataflow._flows.speed import TestDataSpeed
    from ..dataflow._flows.stages import stage_table

    folder = os.path.dirname(args.plot or "")
    if folder and not os.path.isdir(folder):
        raise ValueError("--plot: the picture must be written to an existing folder; got none called {}".format(folder))
    with load(args.flow) as value:
        speed = TestDataSpeed(make_flow(value, args.flow), args.size, args.warmup, plot=args.plot)
        speed.start()
    print(stage_table(speed.stages))
