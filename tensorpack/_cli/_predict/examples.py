"""What to predict on: image files, arrays of a numpy file, or the datapoints of a TFRecord or LMDB file."""
from __future__ import annotations

import argparse
import glob
import os
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from ...utils._plain.errors import explained_numpy
from ...utils._plain.numpy_files import NpzReader, read_npy
from ...utils._viz.canvas import as_pixels
from ...utils.optional import optional_import
from .fit import Fit

cv2 = optional_import("cv2", needed_by="tensorpack-predict", pip="opencv-python-headless")

_ARRAYS = (".npz", ".npy")
_RECORDS = (".tfrecord", ".tfrecords")
_DATABASES = (".lmdb", ".mdb")


class Example(NamedTuple):
    """One input of a model, without the dimension of the batch."""

    name: str  # the file, or a number
    values: List[np.ndarray]
    picture: Optional[np.ndarray]  # uint8 HxWx3 in BGR, for people


class Source(NamedTuple):
    """All examples; `size` is None where it is not known before."""

    examples: Iterable[Example]
    size: Optional[int]


def source_of(patterns: Sequence[str], predictor: Any, args: argparse.Namespace) -> Source:
    """The examples in files.

    Raises:
        FileNotFoundError: a pattern fits no file.
        ValueError: the files are of different kinds, or not what the model takes, or no images, for which an option is.
    """
    files = [name for pattern in patterns for name in _matching(pattern)]
    kinds = sorted({_kind(name) for name in files})
    if len(kinds) > 1:
        raise ValueError("--input must be files of one kind; got {}".format(" and ".join(kinds)))
    if kinds == ["images"]:
        return Source(_images(files, predictor, args), len(files))
    if len(files) > 1:
        raise ValueError("--input must be one file of {}; got {}".format(kinds[0], len(files)))
    _refuse_options_of_images(files[0], args)
    return (_from_arrays if kinds == ["arrays"] else _from_flow)(files[0], predictor)


def _refuse_options_of_images(name: str, args: argparse.Namespace) -> None:
    given = {"--size": args.size is not None, "--shortest-edge": args.shortest_edge is not None, "--rgb": args.rgb,
             "--divide": args.divide != 1}
    if any(given.values()):
        raise ValueError("{} must be left out, since what is in {} is given to the model as it is; only images are resized "
                         "and changed".format(" and ".join(option for option in given if given[option]), name))


def batches(examples: Iterable[Example], size: int) -> Iterator[List[Example]]:
    """Up to `size` examples at a time, all of the same shapes."""
    batch: List[Example] = []
    for example in examples:
        if batch and (len(batch) == size or not _fit(batch[0], example)):
            yield batch
            batch = []
        batch.append(example)
    if batch:
        yield batch


def _fit(one: Example, other: Example) -> bool:
    return [value.shape for value in one.values] == [value.shape for value in other.values]


def _matching(pattern: str) -> List[str]:
    found = [pattern] if os.path.exists(pattern) else sorted(glob.glob(pattern, recursive=True))
    if not found:
        raise FileNotFoundError("--input must be files, or a pattern such as 'images/*.png'; got no file for {!r}".format(
            pattern))
    return found


def _kind(name: str) -> str:
    ending = os.path.splitext(name)[1].lower()
    if ending in _DATABASES or os.path.isfile(os.path.join(name, "data.mdb")):
        return "an LMDB"
    return "arrays" if ending in _ARRAYS else "a TFRecord" if ending in _RECORDS else "images"


# ---- images


def _images(files: Sequence[str], predictor: Any, args: argparse.Namespace) -> Iterator[Example]:
    spec = _only_input(predictor)
    sizes = spec.shape.as_list()
    fit = Fit(args.size or (sizes[1], sizes[2]), args.shortest_edge)
    for name in files:
        picture = cv2.imread(name, cv2.IMREAD_COLOR)
        if picture is None:
            raise ValueError("{}: must be an image that OpenCV can read, or else --input must be one .npz, .npy, .tfrecords or "
                             ".lmdb file; got {}".format(name, "a directory" if os.path.isdir(name) else "something else"))
        yield Example(name, [_as_input(fit(name, picture), spec, args)], picture)


def _only_input(predictor: Any) -> Any:
    spec, *others = predictor.input_signature
    if others or spec.shape.ndims not in (3, 4) or spec.dtype.name == "string":
        raise ValueError("--input with images: the model must have one input, a batch of images; got {}; give its inputs in an "
                         ".npz file".format(", ".join("{} {} {}".format(s.name, s.dtype.name, s.shape)
                                                      for s in predictor.input_signature)))
    return spec


def _as_input(picture: np.ndarray, spec: Any, args: argparse.Namespace) -> np.ndarray:
    """The picture in the order of channels, scale and dtype of the model."""
    sizes = spec.shape.as_list()
    if len(sizes) == 3 or sizes[3] == 1:
        picture = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        picture = picture if len(sizes) == 3 else picture[:, :, np.newaxis]
    elif args.rgb:
        picture = picture[:, :, ::-1]
    if args.divide == 1:
        return picture
    return (picture / args.divide).astype("float32")


# ---- arrays and flows


def _from_arrays(name: str, predictor: Any) -> Source:
    arrays = _arrays(name)
    if set(arrays) == {"buffer"} and "buffer" not in predictor.input_names:  # NumpySerializer
        from ...dataflow.serialize import NumpySerializer

        return _numbered(NumpySerializer.load(name, shuffle=False), predictor)
    wanted = [each.partition(":")[0] for each in predictor.input_names]
    if len(wanted) == len(arrays) == 1:
        arrays = {wanted[0]: list(arrays.values())[0]}
    missing = [each for each in wanted if each not in arrays]
    if missing:
        raise ValueError("{}: must have an array for each input of the model, {}; got {}".format(
            name, ", ".join(wanted), ", ".join(sorted(arrays)) or "none"))
    scalars = [each for each in wanted if not arrays[each].ndim]
    if scalars:
        raise ValueError("{}: the arrays must have an element for each example; got a scalar for {}".format(
            name, ", ".join(scalars)))
    lengths = {each: len(arrays[each]) for each in wanted}
    if len(set(lengths.values())) != 1:
        raise ValueError("{}: the arrays must have equal lengths, one element for each example; got {}".format(name, lengths))
    rows = zip(*(arrays[each] for each in wanted))
    return Source((Example(str(i), list(map(np.asarray, row)), _picture(row[0])) for i, row in enumerate(rows)),
                  lengths[wanted[0]])


def _arrays(name: str) -> Dict[str, np.ndarray]:
    with explained_numpy("--input", name):
        if name.lower().endswith(".npy"):
            return {os.path.basename(name): read_npy(name)}
        with NpzReader(name) as f:
            return {key.partition(":")[0]: array for key, array in f.all().items()}


def _from_flow(name: str, predictor: Any) -> Source:
    from ...dataflow.serialize import LMDBSerializer, TFRecordSerializer

    if _kind(name) == "an LMDB":
        return _numbered(LMDBSerializer.load(name, shuffle=False), predictor)
    return _numbered(TFRecordSerializer.load(name), predictor)


def _numbered(flow: Any, predictor: Any) -> Source:
    from ...dataflow.base import known_length

    return Source(_datapoints(flow, len(predictor.input_names)), known_length(flow))


def _datapoints(flow: Any, num_inputs: int) -> Iterator[Example]:
    """The inputs come first in a datapoint; what follows, such as labels, is left out."""
    flow.reset_state()
    for i, dp in enumerate(flow):
        if not isinstance(dp, (list, tuple)) or len(dp) < num_inputs:
            raise ValueError("--input: a datapoint must begin with the {} inputs of the model; got {} components".format(
                num_inputs, len(dp) if isinstance(dp, (list, tuple)) else "no list of"))
        yield Example(str(i), [np.asarray(value) for value in dp[:num_inputs]], _picture(dp[0]))


def _picture(value: Any) -> Optional[np.ndarray]:
    """The first input as a picture, if it can be one."""
    value = np.asarray(value)
    shape: Tuple[int, ...] = value.shape
    if value.dtype.kind not in "uif" or len(shape) not in (2, 3) or len(shape) == 3 and shape[2] not in (1, 3):
        return None
    factor = 255 if value.dtype.kind == "f" and value.size and value.max() <= 1 else 1
    pixels = as_pixels(value * factor).reshape(shape[0], shape[1], -1)
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels
