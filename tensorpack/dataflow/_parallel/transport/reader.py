"""Cutting a stream of bytes into frames."""
from __future__ import annotations

from typing import Any, List, Tuple

from .frames import FORM, HEADER, REFERENCE, ROW, RUN, Frame
from .rows import Form


class FrameReader:
    """Reads one stream, part by part.

    Args:
        source: the number that its frames shall bear.

    Attributes:
        needed: bytes that the rest must grow to before there can be another frame.
    """

    def __init__(self, source: int):
        self.needed = HEADER.size
        self._source = source
        self._form: Any = None  # of the rows to come

    def read(self, buffer: Any, start: int, stop: int) -> Tuple[List[Frame], int]:
        """All complete frames in a part of a buffer, and where the rest starts."""
        frames: List[Frame] = []
        self.needed = header = HEADER.size
        while stop - start >= header:
            kind, num_references, num_bytes, tag = HEADER.unpack_from(buffer, start)
            middle = start + header + num_references * REFERENCE.size
            end = middle + num_bytes
            if end > stop:
                self.needed = end - start
                break
            if kind == ROW:
                run, end = self._form.read(buffer, start, stop)
                frames.append(Frame(self._source, RUN, value=run))
            elif kind == FORM:
                self._form = Form.load(bytes(buffer[middle:end]))
            else:
                references = bytes(buffer[start + header:middle]) if num_references else b""
                frames.append(Frame(self._source, kind, tag, references, bytes(memoryview(buffer)[middle:end])))
            start = end
        return frames, start
