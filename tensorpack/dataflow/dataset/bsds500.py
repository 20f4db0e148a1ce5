"""BSDS500, the Berkeley Segmentation Data Set: photographs, and the edges that several people drew in them."""
from __future__ import annotations

import glob
import os
from typing import List, Optional

import numpy as np

from ...utils._arguments.flags import true_or_false
from ...utils._files.remote_file import RemoteFile
from ...utils.fs import get_dataset_path
from .._decode.decode import FileReader
from ._archive import obtain_unpacked
from ._in_memory import InMemory
from ._mat import read_mat

__all__ = ["BSDS500"]

_HEIGHT, _WIDTH = 321, 481
_PARTS = ("train", "test", "val")
_FOLDER = os.path.join("BSR", "BSDS500", "data")
_PATH = "/Research/Projects/CS/vision/grouping/BSR/BSR_bsds500.tgz"
_ARCHIVE = RemoteFile("BSR_bsds500.tgz", (
    "https://www2.eecs.berkeley.edu" + _PATH, "http://www.eecs.berkeley.edu" + _PATH), size=70763455)


class BSDS500(InMemory):
    """Photographs with edges: 200 to train on, 200 to test on, 100 to validate on. Needs OpenCV and scipy.

    Datapoints are `[image, edges]`: uint8 321x481x3 in BGR; float32 321x481 in [0, 1], the fraction of annotators that see an
    edge at the pixel. Portraits are transposed. Without shuffling they come in the order of their file names. `len` is exact.

    Args:
        name: "train", "test" or "val".
        data_dir: where `BSR/BSDS500/data` or the archive with it is, or is downloaded to; default `bsds500_data` in the
            directory of datasets.
        shuffle: whether each pass has a new random order.

    Raises:
        OSError: the files are missing and cannot be downloaded.
        ValueError: a file is damaged.
    """

    def __init__(self, name: str, data_dir: Optional[str] = None, shuffle: bool = True):
        if name not in _PARTS:
            raise ValueError("BSDS500: name must be 'train', 'test' or 'val'; got {!r}".format(name))
        self.name = name
        self.data_dir = get_dataset_path("bsds500_data") if data_dir is None else data_dir
        self.shuffle = true_or_false(self, "shuffle", shuffle)
        folders = [os.path.join(_FOLDER, kind, name) for kind in ("images", "groundTruth")]
        obtain_unpacked("BSDS500", self.data_dir, _ARCHIVE, folders)
        images, truths = (os.path.join(self.data_dir, folder) for folder in folders)
        reader = FileReader("BSDS500")
        self._datapoints = [_read(reader, file, os.path.join(truths, os.path.splitext(os.path.basename(file))[0] + ".mat"))
                            for file in sorted(glob.glob(os.path.join(glob.escape(images), "*.jpg")))]
        reader.end_pass()
        if not self._datapoints:
            raise ValueError("BSDS500: {} must hold images (*.jpg); got none".format(images))

    def __len__(self) -> int:
        return len(self._datapoints)

    def _datapoint(self, k: int) -> List[np.ndarray]:
        image, edges = self._datapoints[k]
        return [image.copy(), edges.copy()]


def _read(reader: FileReader, image_file: str, truth_file: str) -> List[np.ndarray]:
    image = reader.read(image_file)
    edges = _read_edges(truth_file)
    if image.shape[0] > image.shape[1]:
        image, edges = np.ascontiguousarray(image.transpose(1, 0, 2)), np.ascontiguousarray(edges.T)
    if image.shape[:2] != (_HEIGHT, _WIDTH) or edges.shape != (_HEIGHT, _WIDTH):
        raise ValueError("BSDS500: {} and its edges must be {}x{}, or transposed; got {} and {}".format(
            image_file, _HEIGHT, _WIDTH, image.shape, edges.shape))
    return [image, edges]


def _read_edges(file: str) -> np.ndarray:
    annotations = read_mat(file, ["groundTruth"])["groundTruth"].reshape(-1)
    boundaries = [annotation["Boundaries"][0, 0] for annotation in annotations]
    return np.mean([boundary != 0 for boundary in boundaries], axis=0, dtype="float32")
