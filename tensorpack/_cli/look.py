"""look: the first datapoints of a DataFlow, to look at: as text, as a sheet of pictures, as a page."""
from __future__ import annotations

import argparse
import os
from typing import Optional, Sequence

from ._common import new_parser, read_names, run
from ._user_code import load, make_flow, user_name

__all__ = ["main"]

_PICTURES = (".png", ".jpg", ".jpeg")
_STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; padding: 1rem; max-width: 90rem; overflow-wrap: anywhere; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid #888; padding: 0.15rem 0.8rem 0.15rem 0; text-align: left; vertical-align: top; }
pre { overflow: auto; font-size: 0.85rem; }
"""


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run the tool; returns the exit status."""
    parser = new_parser("Show the first datapoints of a DataFlow. Prints types, shapes and ranges of the components, and the "
                        "time that each of the flows took that it is made of; draws images with labels, boxes and masks.")
    parser.add_argument("flow", metavar="MODULE:FLOW", type=user_name("FLOW"),
                        help="a DataFlow, or a function without arguments that returns one; or FILE.py:FLOW")
    parser.add_argument("--html", metavar="FILE", help="write all of it into a page that needs no other file")
    parser.add_argument("--output", metavar="PICTURE", help="write a sheet of the pictures into this file, such as sheet.png")
    parser.add_argument("--count", type=_count, default=16, metavar="N",
                        help="datapoints, or examples in batches, at most (default: 16)")
    parser.add_argument("--rgb", action="store_true", help="images have the channels RGB, not BGR")
    parser.add_argument("--classes", metavar="FILE", help="a text file with the name of a class on each line")
    return run(_look, parser, argv)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("must be a whole number, at least 1; got {!r}".format(text))
    return int(text)


def _look(args: argparse.Namespace) -> None:
    from ..dataflow._look.look import look
    from ..utils._text.html import whole_page

    for option, path in (("--html", args.html), ("--output", args.output)):
        _check_folder(option, path)
    if args.output and not args.output.lower().endswith(_PICTURES):
        raise ValueError("--output: must end in {}; got {}".format(" or ".join(_PICTURES), args.output))
    names = read_names(args.classes) if args.classes else None
    with load(args.flow) as value:
        seen = look(make_flow(value, args.flow), args.count, rgb=args.rgb, classes=names)
    print(seen)
    if args.html:
        with open(args.html, "w", encoding="utf-8") as f:
            f.write(whole_page(str(args.flow), _STYLE, seen._repr_html_()))
    if args.output:
        seen.write_sheet(args.output)


def _check_folder(option: str, path: Optional[str]) -> None:
    folder = os.path.dirname(path or "")
    if folder and not os.path.isdir(folder):
        raise ValueError("{}: must be written to an existing folder; got none called {}".format(option, folder))
