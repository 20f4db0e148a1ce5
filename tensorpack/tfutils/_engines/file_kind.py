"""What a file is, told from its content: names can be wrong, and some engines crash on what they do not expect."""
from __future__ import annotations

import os
from typing import IO, Dict, Iterator, Optional, Tuple

from .._restore.names import PART_OF_CHECKPOINT

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
# First bytes of what is often mistaken for an exported model.
_OTHERS = {b"PK\x03\x04": "a zip file, such as .npz or .keras", b"\x89HDF": "an HDF5 file, such as Keras' .h5",
           b"\x93NUM": "a .npy file", b"\x89PNG": "a PNG image", b"\xff\xd8\xff": "a JPEG image", b"%PDF": "a PDF",
           b"\x1f\x8b": "a gzip file"}
_FORMATS = {"onnx": "an ONNX file", "frozen": "a frozen graph", "savedmodel": "a SavedModel", "tflite": "a TFLite file"}


def file_kind(path: str) -> str:
    """`"savedmodel"`, `"frozen"` (a GraphDef), `"onnx"` or `"tflite"`.

    Raises:
        FileNotFoundError: there is nothing of this name.
        ValueError: it is something else, or cut off.
    """
    if os.path.isdir(path):
        return _directory_kind(path)
    if _is_of_checkpoint(path):
        raise _unknown(path, "a checkpoint; export it first, by ModelExporter or tensorpack-export-model")
    if not os.path.exists(path):
        raise FileNotFoundError("{}: must be an exported model, a file or the directory of a SavedModel; got nothing of that "
                                "name".format(path))
    with open(path, "rb") as f:
        head = f.read(8)
        if head[4:] == b"TFL3":
            return "tflite"
        for start, words in _OTHERS.items():
            if head.startswith(start):
                raise _unknown(path, words)
        f.seek(0)
        return _message_kind(path, f)


def _is_of_checkpoint(path: str) -> bool:
    """Whether it is the prefix of a checkpoint or one of its files."""
    prefix = PART_OF_CHECKPOINT.sub("", path)
    return (prefix != path or not os.path.exists(path)) and os.path.isfile(prefix + ".index")


def in_words(kind: str) -> str:
    """A kind of file, with its article."""
    return _FORMATS[kind]


def _directory_kind(path: str) -> str:
    names = set(os.listdir(path))
    if names & {"saved_model.pb", "saved_model.pbtxt"}:
        return "savedmodel"
    if "checkpoint" in names:
        raise _unknown(path, "a directory of checkpoints; export one first, by ModelExporter or tensorpack-export-model")
    raise _unknown(path, "a directory without saved_model.pb")


def _message_kind(path: str, f: IO[bytes]) -> str:
    """Of a message of protobuf; formats differ in which fields they have."""
    size = os.fstat(f.fileno()).st_size
    wires: Dict[int, int] = {}
    first: Dict[int, bytes] = {}
    try:
        for field, wire, value in _fields(f, size):
            if wires.setdefault(field, wire) != wire:
                raise _Foreign
            if value is not None:
                first.setdefault(field, value)
    except _Foreign:
        raise _unknown(path, "another file") from None
    except _CutOff:
        if not wires:
            raise _unknown(path, "another file") from None
        raise ValueError("{}: must be whole; it ends in the middle: it was cut off, when it was copied for example; copy or "
                         "export it again".format(path)) from None
    return _kind_by_fields(path, size, wires, first)


def _kind_by_fields(path: str, size: int, wires: Dict[int, int], first: Dict[int, bytes]) -> str:
    if not size:
        raise _unknown(path, "an empty file")
    if wires.get(1) == _VARINT and wires.get(7) == _BYTES and max(wires) <= 25:
        return "onnx"
    if wires == {1: _VARINT, 2: _BYTES}:
        raise _unknown(path, "the saved_model.pb of a SavedModel; give its directory")
    if wires.get(1) == _BYTES and wires.get(3) == _BYTES:
        raise _unknown(path, "a meta graph, without weights; export the model first, by ModelExporter")
    if wires.get(1) == _BYTES and set(wires) <= {1, 2, 3, 4, 5} and _is_node(first.get(1, b"")):
        return "frozen"
    raise _unknown(path, "another file")


def _is_node(content: bytes) -> bool:
    """Whether it begins with the name and type of an operation; long content is cut."""
    if not content or content[0] != 0x0A:
        return False
    length = content[1] if len(content) > 1 else 0
    return length < 0x80 or len(content) > 2


class _Foreign(Exception):
    """Not protobuf, or not a message that is known."""


class _CutOff(Exception):
    """A field goes beyond the end of the file."""


def _fields(f: IO[bytes], size: int) -> Iterator[Tuple[int, int, Optional[bytes]]]:
    """(number, wire type, the first bytes of its content if it has a length) of each field of a message."""
    position = 0
    while position < size:
        key, position = _varint(f, position)
        field, wire = key >> 3, key & 7
        value: Optional[bytes] = None
        if not 0 < field <= 1000 or wire not in (_VARINT, _FIXED64, _BYTES, _FIXED32):
            raise _Foreign
        if wire == _VARINT:
            _, position = _varint(f, position)
        elif wire == _BYTES:
            length, position = _varint(f, position)
            value = f.read(min(length, 16))
            position += length
        else:
            position += 8 if wire == _FIXED64 else 4
        if position > size:
            raise _CutOff
        yield field, wire, value
        f.seek(position)


def _varint(f: IO[bytes], position: int) -> Tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = f.read(1)
        if not byte:
            raise _CutOff
        position += 1
        value |= (byte[0] & 0x7F) << shift
        shift += 7
        if byte[0] < 0x80:
            return value, position
        if shift > 63:
            raise _Foreign


def _unknown(path: str, words: str) -> ValueError:
    return ValueError("{}: must be an exported model: a SavedModel directory, a frozen graph (.pb), an ONNX file or a TFLite "
                      "file; got {}".format(path, words))
