"""Images of one's own, in a folder for each class."""
from __future__ import annotations

import copy
import hashlib
import os
from multiprocessing.pool import ThreadPool
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

import numpy as np

from ...utils import logger
from ...utils._arguments.flags import true_or_false
from ...utils._text.counted import counted
from ...utils.utils import get_tqdm
from ..base import RNGDataFlow, shuffled_indices
from ._class_folders import names_of_other_parts, scan_classes
from ._image_file import whole_image_reader

__all__ = ["ImageFolder"]

Listing = List[Tuple[str, int]]


class ImageFolder(RNGDataFlow):
    """Images of one's own, in a folder for each class: `root/cat/1.jpg`, `root/dog/7.png`, ... Needs OpenCV.

    Datapoints are `[image, label]`: uint8 HxWx3 in BGR, as `cv2.imread` and the recipes of this library have it, or in RGB;
    int. Images are turned as their EXIF data say, and an alpha channel is dropped. Classes are numbered in the sorted order
    of the folders' names. `len` is exact. Attribute `imglist`: (path, label) of all images.

    If the images are in parts already, as `root/train/cat/1.jpg`, `root/val/cat/2.jpg`, give the part's name. The classes of
    all parts are numbered together, so that a label means the same in each of them. Otherwise `split` makes two parts.

    Args:
        root: the directory.
        name: the folder of the part, such as "train" or "val"; None if the classes lie in `root` itself.
        shuffle: whether each pass has a new random order; default unless `name` is given and is not "train".
        rgb: whether the channels are RGB, else BGR.
        balanced: in each pass show each class equally often, in random order: images of small classes several times, and of
            large ones a part, another in each pass. `len` does not change. A worker's part, of ShardData, is balanced by
            itself, so a class should have an image for each worker.
        skip_damaged: read all files once at the start; leave out those that are damaged, and warn with their names.

    Raises:
        FileNotFoundError: the directory is missing.
        ValueError: there are no images in folders; during iteration, when a file is damaged: it cannot be read as an image, or
            is a JPEG file that is cut off. One that is damaged otherwise is decoded as far as it goes; a pass ends with a
            warning of how many these are.
    """

    _reads_at_random = True

    def __init__(self, root: str, name: Optional[str] = None, *, shuffle: Optional[bool] = None, rgb: bool = False,
                 balanced: bool = False, skip_damaged: bool = False):
        self.root = root
        self.name = name
        self.shuffle = name in (None, "train") if shuffle is None else true_or_false(self, "shuffle", shuffle)
        if balanced and not self.shuffle:
            raise ValueError("ImageFolder: balanced=True must come with shuffle=True; got shuffle={}".format(shuffle))
        self.rgb = true_or_false(self, "rgb", rgb)
        self.balanced = true_or_false(self, "balanced", balanced)
        self.skip_damaged = true_or_false(self, "skip_damaged", skip_damaged)
        self._directory = os.path.expanduser(root if name is None else os.path.join(root, name))
        self._label_names, self.imglist = self._find()
        if skip_damaged:
            self.imglist = self._without_damaged(self.imglist)
        self._calls = ""  # what made this flow of another one
        self._reads = True
        logger.info("Found %s of %s in %s.", counted(len(self), "image"), counted(len(self._label_names), "class"),
                    self._directory)

    def _find(self) -> Tuple[List[str], Listing]:
        """Names of the classes by label, and (path, label) of all images."""
        classes = scan_classes("ImageFolder", self._directory)
        names = set(classes)
        if self.name is not None:
            names.update(names_of_other_parts(os.path.expanduser(self.root), self.name))
        missing = sorted(names - set(classes))
        if missing:
            logger.warning("ImageFolder: %s has no image of the classes %s, which other parts have", self._directory,
                           ", ".join(missing))
        classes_in_order = sorted(names)
        _warn_of_numbers(self._directory, classes_in_order)
        labels = {name: label for label, name in enumerate(classes_in_order)}
        return classes_in_order, [(path, labels[name]) for name, paths in classes.items() for path in paths]

    def _without_damaged(self, imglist: Listing) -> Listing:
        with ThreadPool() as pool:
            damages = list(get_tqdm(pool.imap(self._damage, [path for path, _ in imglist], chunksize=16), total=len(imglist)))
        found = [damage for damage in damages if damage is not None]
        if len(found) == len(imglist):
            raise ValueError("ImageFolder: {} must have images that OpenCV can read; got {}, such as: {}".format(
                self._directory, counted(len(found), "damaged file"), found[0]))
        if found:
            logger.warning("ImageFolder: %s left out:\n%s", counted(len(found), "damaged file", "are"), "\n".join(found))
        return [entry for entry, damage in zip(imglist, damages) if damage is None]

    def _damage(self, path: str) -> Optional[str]:
        try:
            self.read(path)
        except ValueError as e:
            return str(e)
        return None

    def split(self, fraction: float, seed: int = 0) -> Tuple[ImageFolder, ImageFolder]:
        """Two flows with different images: the rest, to train on, and `fraction` of each class, to validate on.

        Which image is where depends on its class, its name and the seed alone: the parts are the same again in another process
        or on another machine. When files are added, few others change their part. The second flow is neither shuffled nor
        balanced. A class has at least one image in each part, unless it has only one: that is in the first,
        which is warned of.

        Args:
            fraction: between 0 and 1.
            seed: any integer.
        """
        if not 0 < fraction < 1:
            raise ValueError("ImageFolder.split: fraction must be between 0 and 1; got {}".format(fraction))
        first, second = [], []
        by_label = self._by_label()
        single = [self._label_names[label] for label, paths in sorted(by_label.items()) if len(paths) == 1]
        if single and len(single) < len(by_label):
            logger.warning("ImageFolder.split: these classes have a single image, which is in the first part, so that the "
                           "second has none of them: %s", ", ".join(single))
        for paths in by_label.values():
            paths = sorted(paths, key=lambda entry: _draw(entry[0], seed))
            count = min(max(int(round(len(paths) * fraction)), 1), len(paths) - 1)
            second += paths[:count]
            first += paths[count:]
        if len(second) == 0:
            raise ValueError("ImageFolder.split: a class must have at least two images; got one in each")
        call = ".split({!r}{})".format(fraction, ", seed={!r}".format(seed) if seed else "")
        return (self._part(sorted(first), call + "[0]"),
                self._part(sorted(second), call + "[1]", shuffle=False, balanced=False))

    def _by_label(self) -> Dict[int, Listing]:
        entries: Dict[int, Listing] = {}
        for path, label in self.imglist:
            entries.setdefault(label, []).append((path, label))
        return entries

    def _part(self, imglist: Listing, call: str, **attributes: Any) -> ImageFolder:
        part = copy.copy(self)
        part.imglist = imglist
        part._calls += call
        part.__dict__.update(attributes)
        return part

    def files(self) -> ImageFolder:
        """The same images as datapoints `[path, label]`, for a parallel flow whose function is `read`."""
        return self._part(self.imglist, ".files()", _reads=False)

    def read(self, path: Any) -> Any:
        """The image in a file, as this flow has it: uint8 HxWx3. ValueError names a file that is damaged.

        Args:
            path: of the file; or a datapoint that begins with it, such as one of `files()`, of which a list with the image in
                the place of the path is returned.
        """
        if isinstance(path, (list, tuple)):
            return [self.read(path[0]), *path[1:]]
        return whole_image_reader("ImageFolder", self.rgb).read(path)

    def get_label_names(self) -> List[str]:
        """Names of the classes, by label."""
        return list(self._label_names)

    def get_class_weights(self) -> np.ndarray:
        """Weights of the classes in a cost, by label, with which all count alike: float32, with mean 1 over what a pass shows.

        A class without an image here has 0. With `balanced`, which shows all alike, the others have 1, and a warning says so.
        """
        if self.balanced:
            logger.warning("ImageFolder.get_class_weights: balanced=True shows all classes alike already, so that all of them "
                           "weigh 1; take one of the two.")
            return (self._counts() > 0).astype("float32")
        return self._weights().astype("float32")

    def _weights(self) -> np.ndarray:
        counts = self._counts()
        return np.asarray(len(self) / (np.count_nonzero(counts) * np.maximum(counts, 1)) * (counts > 0))

    def get_sampling_weights(self) -> np.ndarray:
        """For each image of `imglist` the probability of being drawn, so that all classes are equally likely: float64."""
        return self._weights()[self._labels()] / len(self)

    def _labels(self) -> np.ndarray:
        return np.array([label for _, label in self.imglist], dtype="int64")

    def _counts(self) -> np.ndarray:
        return np.bincount(self._labels(), minlength=len(self._label_names))

    def __len__(self) -> int:
        return len(self.imglist)

    def __iter__(self) -> Iterator[List[Any]]:
        reader = whole_image_reader("ImageFolder", self.rgb)
        for k in self._balanced_indices() if self.balanced else shuffled_indices(len(self), self.shuffle, self):
            path, label = self.imglist[k]
            yield [reader.read(path) if self._reads else path, label]
        reader.end_pass()

    def _balanced_indices(self) -> List[int]:
        own = np.array(self._own(len(self)))
        labels = self._labels()[own]
        present = self.rng.permutation(np.unique(labels))
        shares = np.full(len(present), len(labels) // len(present))
        shares[:len(labels) % len(present)] += 1
        drawn = [self._draw_evenly(own[labels == label], share) for label, share in zip(present, shares)]
        return self.rng.permutation(np.concatenate(drawn)).tolist()

    def _draw_evenly(self, indices: np.ndarray, count: int) -> np.ndarray:
        """`count` of the indices; none of them twice more often than another."""
        rounds = [self.rng.permutation(indices) for _ in range(-(-count // len(indices)))]
        return np.concatenate(rounds)[:count]

    def __repr__(self) -> str:
        return super().__repr__() + self._calls


def _draw(path: str, seed: int) -> str:
    """A random text that belongs to the last two parts of a path."""
    folder, file = os.path.split(path)
    return hashlib.md5("{}/{}/{}".format(seed, os.path.basename(folder), file).encode("utf-8", "surrogateescape")).hexdigest()


def _warn_of_numbers(directory: str, names: Sequence[str]) -> None:
    """Of classes whose names are numbers, which their order as text does not count."""
    if all(name.isdecimal() for name in names) and names != sorted(names, key=int):
        label = next(label for label, (name, number) in enumerate(zip(names, sorted(names, key=int))) if name != number)
        logger.warning("ImageFolder: the classes of %s are numbers, and are numbered in the order of their names as text, so "
                       "that '%s' is %d. get_label_names() tells the names by label; with leading zeros both orders are the "
                       "same.", directory, names[label], label)
