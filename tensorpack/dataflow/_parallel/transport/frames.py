"""Frames: what travels between two processes, one after another, in a stream of bytes.

A frame is a header, references to big arrays in shared memory, and a stream, mostly a pickle.
"""
from __future__ import annotations

import struct
from typing import Any, Deque, List, Sequence, Tuple

# Kinds of frames. The first ones are for the owner of a channel; DEATH and RUN are never sent.
DATA, FAILURE, END, NOTE, DEATH, RUN, FORM, ROW = range(8)
CREDIT, NEW_SLOT, OLD_SLOTS, NEW_RING, WAKE = range(16, 21)  # for the channel itself
IN_SLOT = 128  # flag on a kind on its way: the first reference is the pickle itself

HEADER = struct.Struct("<BIQq")  # kind, number of references, bytes of the stream, tag
REFERENCE = struct.Struct("<IQQ")  # slot, offset, bytes


class Frame:
    """A received message: datapoint, failure, end of data, or a note; or the death of the other process.

    Attributes:
        source: the channel's number, as its owner counts.
        kind, tag: as sent.
        references: places of the big arrays in shared memory, packed.
        stream: the pickle; None if `value` was never pickled.
        is_in_slot: the first reference is the pickle.
        value: the datapoint, once it was opened; of a RUN the `rows.Run`.
    """

    __slots__ = ("is_in_slot", "kind", "references", "source", "stream", "tag", "value")

    def __init__(self, source: int, kind: int, tag: int = 0, references: bytes = b"", stream: Any = b"",
                 value: Any = None):
        self.source = source
        self.kind = kind & ~IN_SLOT
        self.tag = tag
        self.references = references
        self.stream = stream
        self.is_in_slot = kind >= IN_SLOT
        self.value = value

    def num_shared(self) -> int:
        """Bytes in shared memory."""
        return sum([num_bytes for _, _, num_bytes in REFERENCE.iter_unpack(self.references)])

    def singles(self) -> List[Frame]:
        """A frame for each datapoint of a RUN."""
        run = self.value
        return [Frame(self.source, DATA, tag, stream=None, value=value) for tag, value in zip(run.tags(), run.values)]


def pack(kind: int, tag: int, stream: bytes = b"", references: Sequence[Tuple[int, int, int]] = ()) -> bytes:
    """The bytes of a frame."""
    header = HEADER.pack(kind, len(references), len(stream), tag)
    return header + b"".join([REFERENCE.pack(*reference) for reference in references]) + stream


def take_single(frames: Deque[Frame]) -> Frame:
    """Take the first frame out of a queue that has some; of a RUN, its first datapoint."""
    frame = frames.popleft()
    if frame.kind == RUN:
        frames.extendleft(reversed(frame.singles()))
        frame = frames.popleft()
    return frame
