"""ImageNet: ILSVRC12 and the smaller TinyImageNet, read from directories of image files. Nothing but metadata is downloaded."""
from __future__ import annotations

import os
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple
from xml.etree import ElementTree

import numpy as np

from ...utils import logger
from ...utils._arguments.flags import true_or_false
from ...utils.utils import get_tqdm
from .._decode.decode import FileReader
from ..base import RNGDataFlow, shuffled_indices
from ._ilsvrc_meta import DIR_STRUCTURES, PARTS, ILSVRCMeta

__all__ = ["ILSVRC12", "ILSVRC12Files", "ILSVRCMeta", "TinyImageNet"]


class ILSVRC12Files(RNGDataFlow):
    """Paths of the images of ILSVRC12: 1,281,167 to train on, 50,000 to validate on, 100,000 to test on.

    Datapoints are `[path, label]`: str, int 0 to 999. `len` is exact. Attributes: `imglist`, pairs of a file relative to
    `full_dir` and its label; `full_dir`; `name`.

    Args:
        dir: directory with directories `train`, `val`, `test` of images. `train` has one for each class, such as `n01440764`.
        name: "train", "val" or "test"; the labels of "test" mean nothing.
        meta_dir: see `ILSVRCMeta`.
        shuffle: whether each pass has a new random order; default only for "train".
        dir_structure: of `val` and `test`: "original" if all images lie in one directory, "train" if they lie in one for each
            class; default: look.

    Raises:
        FileNotFoundError: the directory is missing, or one of the first ten images.
    """

    _reads_at_random = True

    def __init__(self, dir: str, name: str, meta_dir: Optional[str] = None, shuffle: Optional[bool] = None,
                 dir_structure: Optional[str] = None):
        if name not in PARTS:
            raise ValueError("{}: name must be 'train', 'val' or 'test'; got {!r}".format(type(self).__name__, name))
        if dir_structure not in DIR_STRUCTURES + (None,):
            raise ValueError("{}: dir_structure must be 'original' or 'train'; got {!r}".format(
                type(self).__name__, dir_structure))
        self.dir = os.path.expanduser(dir)
        self.name = name
        self.meta_dir = meta_dir
        self.full_dir = os.path.join(self.dir, name)
        if not os.path.isdir(self.full_dir):
            raise FileNotFoundError("{}: the directory {} must exist and hold the images; they have to be got from "
                                    "https://image-net.org".format(type(self).__name__, self.full_dir))
        self.shuffle = name == "train" if shuffle is None else true_or_false(self, "shuffle", shuffle)
        if name == "train":
            dir_structure = "train"
        self.dir_structure = dir_structure or ILSVRCMeta.guess_dir_structure(self.full_dir)
        self.imglist = ILSVRCMeta(meta_dir).get_image_list(name, self.dir_structure)
        for file, _ in self.imglist[:10]:
            if not os.path.isfile(os.path.join(self.full_dir, file)):
                raise FileNotFoundError("{}: {} must exist, as dir_structure is {!r}; got another set of images or another "
                                        "structure; try the other one, of {}".format(
                                            type(self).__name__, os.path.join(self.full_dir, file), self.dir_structure,
                                            ", ".join(DIR_STRUCTURES)))

    def __len__(self) -> int:
        return len(self.imglist)

    def __iter__(self) -> Iterator[List[Any]]:
        for k in shuffled_indices(len(self), self.shuffle, self):
            file, label = self.imglist[k]
            yield [os.path.join(self.full_dir, file), label]


class ILSVRC12(ILSVRC12Files):
    """The images of ILSVRC12. Needs OpenCV.

    Datapoints are `[image, label]`: uint8 HxWx3 in BGR, int 0 to 999. `len` is exact. To read and augment in several processes,
    start from `ILSVRC12Files`. Of a file that is damaged, such as one that is cut off, the pixels that are there are decoded; a
    pass ends with a warning of how many files are damaged.

    Args:
        dir, name, meta_dir, shuffle, dir_structure: see `ILSVRC12Files`.

    Raises:
        FileNotFoundError: the directory is missing, or one of the first ten images.
        ValueError: during iteration, when a file cannot be read as an image.
    """

    def __iter__(self) -> Iterator[List[Any]]:
        reader = FileReader("ILSVRC12")
        for path, label in super().__iter__():
            self._last_texts = (path,)
            yield [reader.read(path), label]
        reader.end_pass()

    @staticmethod
    def get_training_bbox(bbox_dir: str, imglist: Sequence[Tuple[str, int]]) -> List[Optional[np.ndarray]]:
        """For each image the box around what it is labelled with: float32 (xmin, ymin, xmax, ymax) in pixels, or None.

        Args:
            bbox_dir: directory of the annotations, one XML file for an image, in a directory for each class.
            imglist: pairs of a file and its label, as the attribute `imglist` has them.

        Of several boxes in an image, the first is taken.
        """
        boxes = []
        for file, _ in get_tqdm(imglist):
            boxes.append(_read_box(os.path.join(bbox_dir, os.path.splitext(file)[0] + ".xml")))
        logger.info("Found a bounding box for %d of %d images.", sum(box is not None for box in boxes), len(boxes))
        return boxes


def _read_box(path: str) -> Optional[np.ndarray]:
    if not os.path.isfile(path):
        return None
    try:
        corners = ElementTree.parse(path).find("object/bndbox")
        if corners is None:
            return None
        return np.array([float(corners.findtext(name, "")) for name in ("xmin", "ymin", "xmax", "ymax")], dtype="float32")
    except (ElementTree.ParseError, ValueError) as e:
        raise ValueError("ILSVRC12.get_training_bbox: {} must be an annotation of ImageNet; got: {}".format(path, e)) from e


class TinyImageNet(RNGDataFlow):
    """TinyImageNet: 200 classes, 100,000 images to train on, 10,000 to validate on. Needs OpenCV; nothing is downloaded.

    Datapoints are `[image, label]`: uint8 64x64x3 in BGR, int 0 to 199, the place of the class in `wnids.txt`. Without
    shuffling the images to train on come class by class. `len` is exact. Attribute `imglist`: (path, label) of all images.

    Args:
        dir: the directory `tiny-imagenet-200`.
        name: "train" or "val".
        shuffle: whether each pass has a new random order; default only for "train".

    Raises:
        FileNotFoundError: a list is missing.
        ValueError: during iteration, when a file cannot be read as an image.
    """

    _reads_at_random = True

    def __init__(self, dir: str, name: str, shuffle: Optional[bool] = None):
        if name not in ("train", "val"):
            raise ValueError("TinyImageNet: name must be 'train' or 'val'; got {!r}".format(name))
        self.dir = os.path.expanduser(dir)
        self.name = name
        self.shuffle = name == "train" if shuffle is None else true_or_false(self, "shuffle", shuffle)
        with open(os.path.join(self.dir, "wnids.txt"), encoding="utf-8") as f:
            labels = {wnid: label for label, wnid in enumerate(f.read().split())}
        self.imglist = _tiny_train(self.dir, labels) if name == "train" else _tiny_val(self.dir, labels)

    def __len__(self) -> int:
        return len(self.imglist)

    def __iter__(self) -> Iterator[List[Any]]:
        reader = FileReader("TinyImageNet")
        for k in shuffled_indices(len(self), self.shuffle, self):
            path, label = self.imglist[k]
            self._last_texts = (path,)
            yield [reader.read(path), label]
        reader.end_pass()


def _tiny_train(directory: str, labels: Dict[str, int]) -> List[Tuple[str, int]]:
    images = []
    for wnid, label in labels.items():
        folder = os.path.join(directory, "train", wnid, "images")
        images += [(os.path.join(folder, file), label) for file in sorted(os.listdir(folder))]
    return images


def _tiny_val(directory: str, labels: Dict[str, int]) -> List[Tuple[str, int]]:
    folder = os.path.join(directory, "val", "images")
    with open(os.path.join(directory, "val", "val_annotations.txt"), encoding="utf-8") as f:
        entries = [line.split("\t")[:2] for line in f if line.strip()]
    return [(os.path.join(folder, file), labels[wnid]) for file, wnid in entries]
