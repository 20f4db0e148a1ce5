"""Names, dtypes and shapes of what goes into an exported model and comes out, as the JSON file beside it tells them."""
from __future__ import annotations

import os
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

from ...utils._plain.json_text import read_json

SAVED_MODEL_DESCRIPTION = os.path.join("assets.extra", "tensorpack.json")  # a folder that loaders of SavedModels leave alone
_CHUNK = 1 << 24

Shape = Optional[Sequence[Optional[int]]]


class TensorInfo(NamedTuple):
    """One input or output."""

    name: str
    dtype: str  # as TensorFlow calls it
    shape: Shape  # None where a size, or the number of dimensions, is open


class Signature(NamedTuple):
    """Inputs and outputs in the order of calls.

    Attributes:
        description: everything that the JSON file says; empty without one.
    """

    inputs: List[TensorInfo]
    outputs: List[TensorInfo]
    description: Dict[str, Any]


def description_file(path: str) -> str:
    """The name of the JSON file that describes an exported file or SavedModel directory."""
    return os.path.join(path, SAVED_MODEL_DESCRIPTION) if os.path.isdir(path) else path + ".json"


def read_signature(path: str) -> Optional[Signature]:
    """The signature in the JSON file of an exported model; None if there is no such file.

    Raises:
        ValueError: the JSON file is damaged or of something else.
    """
    filename = description_file(path)
    if not os.path.isfile(filename):
        return None
    try:
        description = read_json(filename)
        if not isinstance(description.get("file", {}), dict):
            raise ValueError("it says of the file {!r}".format(description["file"]))
        return Signature(_tensors(description["inputs"]), _tensors(description["outputs"]), description)
    except (AttributeError, KeyError, TypeError, ValueError) as e:
        raise ValueError("{}: must have the inputs and outputs of {}, each with name, dtype and shape, as an export writes it; "
                         "reading it failed: {!r}; export the model again, or remove the JSON file".format(
                             filename, os.path.basename(path), e)) from e


def _tensors(described: Any) -> List[TensorInfo]:
    found = [TensorInfo(each["name"], each["dtype"], each["shape"]) for each in described]
    for each in found:
        sizes = [] if each.shape is None else each.shape
        if not isinstance(each.name, str) or not isinstance(each.dtype, str) or not isinstance(sizes, list) or any(
                size is not None and type(size) is not int for size in sizes):
            raise ValueError("{} is no tensor".format(each))
    return found


def checksum(path: str) -> Dict[str, Any]:
    """What tells whether a file is as it was written: its size and the CRC-32C of its content."""
    import google_crc32c

    value, size = 0, 0
    with open(path, "rb") as f:
        for chunk in iter(lambda: f.read(_CHUNK), b""):
            value, size = google_crc32c.extend(value, chunk), size + len(chunk)
    return {"bytes": size, "crc32c": "{:08x}".format(value)}


def check_content(path: str, signature: Optional[Signature]) -> None:
    """Raise ValueError if the file is not the one that its JSON file describes, as far as that says."""
    written = signature.description.get("file") if signature is not None else None
    if written is None:
        return
    found = checksum(path)
    if found == written:
        return
    what = "it has {} bytes instead of {}".format(found["bytes"], written.get("bytes"))
    if found["bytes"] == written.get("bytes"):
        what = "bytes in it have changed"
    raise ValueError("{}: must be the file that {} was written with; {}: it is damaged, or one of the two is of another "
                     "export; export the model again".format(path, os.path.basename(description_file(path)), what))


def fitted(path: str, told: Optional[Signature], held: Signature, every_output: bool = True) -> Signature:
    """The signature to call a model by: what was told of it, with the sizes that the model fixes.

    Args:
        told: what the JSON file says; None without one.
        held: what the engine finds in the model.
        every_output: whether the engine lists all that the model can give; otherwise other outputs are taken as told.

    Raises:
        ValueError: the two do not fit.
    """
    if told is None:
        return held
    sides = []
    for what, wanted, found in (("input", told.inputs, held.inputs), ("output", told.outputs, held.outputs)):
        by_name = {each.name: each for each in found}
        missing = [each.name for each in wanted if each.name not in by_name]
        if missing and (what == "input" or every_output):
            raise _misfit(path, "it names the {} {!r}, and the model has {}".format(what, missing[0], sorted(by_name)))
        sides.append([_narrowed(path, what, each, by_name.get(each.name, each)) for each in wanted])
    surplus = {each.name for each in held.inputs} - {each.name for each in told.inputs}
    if surplus:
        raise _misfit(path, "it lacks the input {!r} of the model".format(min(surplus)))
    return Signature(sides[0], sides[1], told.description)


def _narrowed(path: str, what: str, told: TensorInfo, held: TensorInfo) -> TensorInfo:
    if told.dtype != held.dtype:
        raise _misfit(path, "it says that the {} {!r} is {}, and in the model it is {}".format(
            what, told.name, told.dtype, held.dtype))
    if told.shape is None or held.shape is None:
        return told if held.shape is None else held
    if len(told.shape) != len(held.shape) or any(
            None not in (a, b) and a != b for a, b in zip(told.shape, held.shape)):
        raise _misfit(path, "it says that the {} {!r} has the shape {}, and in the model it is {}".format(
            what, told.name, list(told.shape), list(held.shape)))
    return TensorInfo(told.name, told.dtype, [a if b is None else b for a, b in zip(told.shape, held.shape)])


def _misfit(path: str, words: str) -> ValueError:
    return ValueError("{}: must describe {}; {}; export the model again, or remove the JSON file".format(
        description_file(path), os.path.basename(path.rstrip(os.sep)), words))
