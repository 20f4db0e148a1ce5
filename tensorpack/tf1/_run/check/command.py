"""The command line of `--check`."""
from __future__ import annotations

import argparse
import json
import os
import sys
import warnings
from contextlib import contextmanager
from typing import Iterator, List

from .report import Row, as_json, files_below, rows_of
from .verdicts import PROVIDED

_SHOWN_PLACES = 2


def check(arguments: List[str]) -> int:
    """Print the table; returns 0 if all is provided, 1 if not, 2 if there is nothing to check."""
    parser = argparse.ArgumentParser(prog="python -m tensorpack.tf1 --check",
                                     description="Tell what programs use that is lost, without running them.")
    parser.add_argument("path", help="a program, or a folder of programs")
    parser.add_argument("--json", metavar="FILE", help="write everything, also names that are as ever, to this file")
    options = parser.parse_args(arguments)
    paths = files_below(options.path)
    if not paths:
        print("error: {}: must be a Python file or a folder with some; got none".format(options.path), file=sys.stderr)
        return 2
    with _in_silence():
        from ..process import set_up

        set_up()
        rows = rows_of(paths)
    _print_table(paths, rows)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as f:
            json.dump(as_json(paths, rows), f, indent=1)
    return 0 if all(row.status == PROVIDED for row in rows) else 1


@contextmanager
def _in_silence() -> Iterator[None]:
    """What packages say when they are imported, and that names are old, is beside the point here."""
    from ....utils import logger

    level = logger._logger.level
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logger._logger.setLevel("ERROR")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger._logger.setLevel(level)


def _print_table(paths: List[str], rows: List[Row]) -> None:
    from tabulate import tabulate

    lost = [row for row in rows if row.is_lost]
    if lost:
        lines = [[row.name, _places(row), row.status, row.note] for row in lost]
        print(tabulate(lines, headers=["name", "used at", "status", "how, or what instead"], tablefmt="simple"))
        print()
    counts = [(status, sum(row.status == status for row in lost)) for status in ("missing", "differs", "provided")]
    print("{} file(s), {} names: {} as ever; of the lost ones {}".format(
        len(paths), len(rows), len(rows) - len(lost), ", ".join("{} {}".format(count, status) for status, count in counts)))


def _places(row: Row) -> str:
    more = len(row.places) - _SHOWN_PLACES
    return ", ".join(row.places[:_SHOWN_PLACES]) + (" and {} more".format(more) if more > 0 else "")
