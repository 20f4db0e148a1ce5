"""The metadata of ILSVRC12: classes, lists of images, the mean image."""
from __future__ import annotations

import os
from typing import Dict, List, Optional, Sequence, Tuple, Union

import numpy as np

from ...utils import logger
from ...utils._arguments.sizes import height_width
from ...utils._caffe.blob import decode_blob
from ...utils._files.remote_file import RemoteFile
from ...utils.fs import get_dataset_path
from ...utils.optional import optional_import
from ._archive import obtain_unpacked

cv2 = optional_import("cv2", needed_by="ILSVRCMeta.get_per_pixel_mean(size=...)", pip="opencv-python-headless")

PARTS = ("train", "val", "test")
DIR_STRUCTURES = ("original", "train")
_ARCHIVE = RemoteFile("caffe_ilsvrc12.tar.gz", (
    "https://dl.caffe.berkeleyvision.org/caffe_ilsvrc12.tar.gz",
    "http://dl.caffe.berkeleyvision.org/caffe_ilsvrc12.tar.gz"), size=17858008)


class ILSVRCMeta:
    """What is known of ILSVRC12 besides the images: the files of `caffe_ilsvrc12.tar.gz`.

    Args:
        dir: where the files or the archive are, or are downloaded to; default `ilsvrc_metadata` in the directory of datasets.

    Raises:
        OSError: `synsets.txt` is missing and cannot be downloaded.
        ValueError: the archive is damaged.
    """

    def __init__(self, dir: Optional[str] = None):
        self.dir = get_dataset_path("ilsvrc_metadata") if dir is None else os.path.expanduser(dir)
        obtain_unpacked("ILSVRCMeta", self.dir, _ARCHIVE, ["synsets.txt"])

    def get_synset_words_1000(self) -> Dict[int, str]:
        """The line of each class in `synset_words.txt`, such as "n01440764 tench, Tinca tinca", by label."""
        return dict(enumerate(self._lines("synset_words.txt")))

    def get_synset_1000(self) -> Dict[int, str]:
        """The WordNet id of each class, such as "n01440764", by label."""
        return dict(enumerate(self._lines("synsets.txt")))

    def get_image_list(self, name: str, dir_structure: str = "original") -> List[Tuple[str, int]]:
        """The images of a part: (file, label), files relative to the directory of the part.

        Args:
            name: "train", "val" or "test"; the labels of "test" mean nothing.
            dir_structure: "train" if the images of this part lie in a directory for each class, which those to train on always
                do; "original" if they lie in one.
        """
        if name not in PARTS or dir_structure not in DIR_STRUCTURES:
            raise ValueError("ILSVRCMeta.get_image_list: name must be one of {}, and dir_structure one of {}; got {!r} and "
                             "{!r}".format(", ".join(PARTS), ", ".join(DIR_STRUCTURES), name, dir_structure))
        entries = [_parse(line, name) for line in self._lines(name + ".txt")]
        if name == "train" or dir_structure == "original":
            return entries
        synsets = self.get_synset_1000()
        return [(os.path.join(synsets[label], file), label) for file, label in entries]

    def get_per_pixel_mean(self, size: Union[None, int, Sequence[int]] = None) -> np.ndarray:
        """The mean image: float32 256x256x3 in BGR, or resized.

        Args:
            size: (height, width), or one number for both; this needs OpenCV.
        """
        file = self._path("imagenet_mean.binaryproto")
        with open(file, "rb") as f:
            content = f.read()
        try:
            mean = decode_blob(content)
        except ValueError as e:
            raise ValueError("ILSVRCMeta: {} must be a BlobProto of Caffe; got: {}".format(file, e)) from e
        mean = np.ascontiguousarray(mean.reshape(mean.shape[-3:]).transpose(1, 2, 0))
        return mean if size is None else cv2.resize(mean, height_width(self, "size", size)[::-1])

    @staticmethod
    def guess_dir_structure(dir: str) -> str:
        """"train" if the images in `dir` seem to lie in directories of WordNet ids, else "original".

        The first entry in alphabetical order decides.
        """
        first = min((name for name in os.listdir(dir) if not name.startswith(".")), default="")
        is_class = first.startswith("n") and os.path.isdir(os.path.join(dir, first))
        structure = "train" if is_class else "original"
        logger.info("[ILSVRC12] Assuming directory %s has '%s' structure.", dir, structure)
        return structure

    def _path(self, filename: str) -> str:
        path = os.path.join(self.dir, filename)
        if not os.path.isfile(path):
            raise FileNotFoundError("ILSVRCMeta: {} must exist; place there the file of {}, from {}".format(
                path, _ARCHIVE.filename, " or ".join(_ARCHIVE.urls)))
        return path

    def _lines(self, filename: str) -> List[str]:
        with open(self._path(filename), encoding="utf-8") as f:
            return [line.strip() for line in f if line.strip()]


def _parse(line: str, name: str) -> Tuple[str, int]:
    file, separator, label = line.rpartition(" ")
    if not separator or not label.isdigit():
        raise ValueError("ILSVRCMeta: lines of {}.txt must be a file and a label; got {!r}".format(name, line))
    return file.strip(), int(label)
