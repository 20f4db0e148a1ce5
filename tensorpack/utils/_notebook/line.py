"""`CellLine`: a line below a cell that is drawn over and over again, as on a terminal."""
from __future__ import annotations

import re
from typing import Any

from IPython.display import display

_MOVES = re.compile(r"[\r\n]|\x1b\[[0-9;?]*[A-Za-z]")  # to other lines, which there are none of


class CellLine:
    """A file whose last line is what is seen of it: one display of the cell, not a stream that keeps all that was drawn."""

    encoding = "utf-8"

    def __init__(self) -> None:
        self._text = ""
        self._handle: Any = None

    def write(self, text: str) -> int:
        """Show the text in the place of what was there; what only moves the cursor changes nothing."""
        drawn = _MOVES.sub("", text)
        if drawn and drawn.rstrip() != self._text:
            self._text = drawn.rstrip()
            self._show({"text/plain": self._text})
        return len(text)

    def _show(self, data: Any) -> None:
        if self._handle is None:
            show: Any = display
            self._handle = show(data, raw=True, display_id=True)
        else:
            self._handle.update(data, raw=True)

    def flush(self) -> None:
        """Each write is sent at once."""
