"""Places365-Standard: photographs of places in 365 classes."""
from __future__ import annotations

import os
from typing import Any, Iterator, List, Optional, Tuple

import numpy as np

from ...utils import logger
from ...utils._arguments.flags import true_or_false
from ...utils._text.counted import counted
from .._decode.decode import FileReader
from ..base import RNGDataFlow, shuffled_indices
from ._image_list import cv2

__all__ = ["Places365Standard", "RNGDataFlow", "cv2", "logger", "np", "os"]  # star imports have always given these too


class Places365Standard(RNGDataFlow):
    """Photographs of places: 1,803,460 to train on, 36,500 to validate on. Needs OpenCV; nothing is downloaded.

    Datapoints are `[image, label]`: uint8 256x256x3 in BGR, int; classes are numbered in the alphabetical order of those that
    the list names. `len` is exact. Attribute `imglist`: (path, label) of all images.

    Args:
        dir: directory of the "easy directory structure" with small images: `train.txt`, `val.txt` with lines `part/class/file`,
            and the directories `train` and `val`.
        name: "train" or "val".
        shuffle: whether each pass has a new random order; default only for "train".

    Raises:
        FileNotFoundError: the list is missing.
        ValueError: a line is of another form; during iteration, an image cannot be read.
    """

    _reads_at_random = True

    def __init__(self, dir: str, name: str, shuffle: Optional[bool] = None):
        if name not in ("train", "val"):
            raise ValueError("Places365Standard: name must be 'train' or 'val'; got {!r}".format(name))
        self.dir = os.path.expanduser(dir)
        self.name = name
        self.shuffle = name == "train" if shuffle is None else true_or_false(self, "shuffle", shuffle)
        list_file = os.path.join(self.dir, name + ".txt")
        with open(list_file, encoding="utf-8") as f:
            files = [line.strip() for line in f if line.strip()]
        classes = [_class_of(file, list_file) for file in files]
        self._label_names = sorted(set(classes))
        labels = {label_name: k for k, label_name in enumerate(self._label_names)}
        self.imglist: List[Tuple[str, int]] = [
            (os.path.join(self.dir, file.lstrip("/")), labels[name]) for file, name in zip(files, classes)]
        logger.info("Found %s in %s.", counted(len(self.imglist), "image"), list_file)

    def get_label_names(self) -> List[str]:
        """Names of the classes, by label."""
        return list(self._label_names)

    def __len__(self) -> int:
        return len(self.imglist)

    def __iter__(self) -> Iterator[List[Any]]:
        reader = FileReader("Places365Standard")
        for k in shuffled_indices(len(self), self.shuffle, self):
            path, label = self.imglist[k]
            self._last_texts = (path,)
            yield [reader.read(path), label]
        reader.end_pass()


def _class_of(file: str, list_file: str) -> str:
    parts = file.strip("/").split("/")
    if len(parts) < 3:
        raise ValueError("Places365Standard: lines of {} must be part/class/file; got {!r}".format(list_file, file))
    return "/".join(parts[1:-1])
