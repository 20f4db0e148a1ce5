"""report: what a run left in its log directory, as one page for the browser."""
from __future__ import annotations

import argparse
import os
import sys
from typing import Callable, Optional, Sequence

from ._common import new_parser, run

__all__ = ["main"]

_REFRESH = 10  # seconds between two looks of a browser at a running training


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run the tool; returns the exit status."""
    parser = new_parser("Make one HTML page of what runs left: curves, speed, restarts, variables, images and errors.")
    parser.add_argument("logdir", nargs="+", help="the log directory of a run; several are laid over each other")
    parser.add_argument("--output", default="report.html", metavar="FILE", help="what to write; default report.html")
    parser.add_argument("--smooth", type=_weight, default=0.6, metavar="WEIGHT",
                        help="of the moving averages, from 0 (none) to below 1; default 0.6")
    parser.add_argument("--title", help="of the page; default: the names of the runs")
    parser.add_argument("--serve", nargs="?", type=_port, const=0, metavar="PORT",
                        help="write nothing, but show the page to browsers of this machine, and follow a running training; "
                             "default: any free port")
    return run(_report, parser, argv)


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = -1
    if not 0 <= weight < 1:
        raise argparse.ArgumentTypeError("must be a number from 0 to below 1; got {!r}".format(text))
    return weight


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError("must be a port, from 0 to 65535; got {!r}".format(text))
    return int(text)


def _report(args: argparse.Namespace) -> None:
    from ._report.page import make_page
    from ._report.run import read_runs

    def page() -> str:
        runs = read_runs(args.logdir)
        return make_page(runs, args.smooth, args.title or ", ".join(run.name for run in runs))

    if args.serve is not None:
        _serve(args, page)
        return
    from ..utils.fs import atomic_write, mkdir_p

    if os.path.isdir(args.output):
        raise ValueError("--output: must be a file; got the directory {}; try {}".format(
            args.output, os.path.join(args.output, "report.html")))
    mkdir_p(os.path.dirname(os.path.abspath(args.output)))
    text = page()
    with atomic_write(args.output) as f:
        f.write(text)
    print("{} ({:.0f} KB)".format(args.output, len(text.encode("utf-8")) / 1000))


def _serve(args: argparse.Namespace, make: Callable[[], str]) -> None:
    from ._report.run import NothingYet
    from ._report.serve import ReportServer

    with ReportServer(args.serve, args.logdir, make, _REFRESH) as server:
        try:
            server.page()  # errors before anybody looks
        except NothingYet as e:
            print("{}; it is followed, and shown when a training has begun to write".format(e), file=sys.stderr, flush=True)
        print("{} shows the page; Ctrl-C ends it".format(server.address), flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass
