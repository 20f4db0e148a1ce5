"""`ConsoleHandler`: log lines on the console, which on a terminal leave progress bars whole."""
from __future__ import annotations

import logging
import os
import shutil
import sys
from typing import Any, Optional

from ._notebook.kernel import in_notebook
from ._text.progress_bar import Bar

# The attribute of a log record that the console does not show, because it shows the same in another form.
NOT_ON_CONSOLE = {"is_on_console": False}


class ConsoleHandler(logging.StreamHandler):  # type: ignore[type-arg]  # takes no type arguments before Python 3.11
    """Writes log records to the stdout of this moment; what is below a progress bar on the same terminal moves the bar down.

    In a notebook it is the stdout of each line, since `%%capture` and others replace it.
    """

    def __init__(self) -> None:
        super().__init__(sys.stdout)
        self._stdout = self.stream

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, unless it is marked by `NOT_ON_CONSOLE`."""
        if not getattr(record, "is_on_console", True):
            return
        if self.stream is self._stdout and in_notebook():
            self.stream = self._stdout = sys.stdout
        if is_terminal(self.stream) and is_terminal(sys.stderr):  # where bars are
            with Bar.external_write_mode(file=self.stream):
                super().emit(record)
        else:
            super().emit(record)

    def terminal_size(self) -> Optional[os.terminal_size]:
        """Columns and lines of the terminal at this moment; None if the stream is none, or one that can only print lines."""
        if not is_terminal(self.stream) or os.environ.get("TERM") == "dumb":
            return None
        try:
            size = os.get_terminal_size(self.stream.fileno())
        except (AttributeError, ValueError, OSError):  # a stream without a descriptor
            return shutil.get_terminal_size()
        return size if size.columns > 0 and size.lines > 0 else shutil.get_terminal_size()

    def encodable(self, text: str) -> str:
        """`text` in characters that the stream has."""
        encoding = getattr(self.stream, "encoding", None) or "ascii"
        try:
            text.encode(encoding)
        except UnicodeError:
            return text.replace("±", "+/-").encode(encoding, "replace").decode(encoding)
        return text


def is_terminal(stream: Any) -> bool:
    """Whether `stream` is an open terminal."""
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):  # no stream, or a closed one
        return False
