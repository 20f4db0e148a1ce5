"""`make_bar`: the progress bar that fits the place where it is drawn."""
from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from .._text.progress_bar import Bar
from .kernel import is_kernel

_NUM_COLUMNS = 80  # a notebook does not say how many it has


def make_bar(*args: Any, **options: Any) -> Bar:
    """A bar of tqdm with these arguments.

    In a notebook it is a widget or, without the package ipywidgets, one line of text below the cell; elsewhere, with a file or
    disabled, what tqdm draws on a terminal.
    """
    if options.get("file") is not None or options.get("disable") or not is_kernel():
        return Bar(*args, **options)
    if find_spec("ipywidgets") and find_spec("tqdm.notebook"):  # old versions of tqdm lack the latter
        from .widget import WidgetBar

        return WidgetBar(*args, **options)
    from .line import CellLine

    size = {} if options.get("ncols") else {"ncols": _NUM_COLUMNS, "dynamic_ncols": False}
    return Bar(*args, **{**options, **size, "file": CellLine()})
