"""From data sets to what is fed to the graph, for training and for evaluation."""
import itertools

import cv2
import numpy as np
from anchors import NoBackground, anchors_of_level, anchors_of_pyramid, label_anchors
from common import RecordFlow, ResizeWithinBounds, boxes_around_corners, corners_of_boxes, segmentation_to_mask
from config import config as cfg
from dataset import DatasetRegistry
from tabulate import tabulate
from termcolor import colored
from utils import np_box_ops

from tensorpack.dataflow import (
    DataFromList,
    MapData,
    MapDataComponent,
    MultiProcessMapData,
    MultiThreadMapData,
    imgaug,
)
from tensorpack.utils import logger
from tensorpack.utils.argtools import log_once

__all__ = ["TrainingInputs", "get_eval_dataflow", "get_train_dataflow", "log_class_counts"]


def log_class_counts(roidbs):
    """Log how many objects there are of each class, crowds excluded."""
    counts = np.zeros(cfg.DATA.NUM_CATEGORY + 1, dtype=int)
    for roidb in roidbs:
        classes = np.asarray(roidb["class"], dtype=int)[np.asarray(roidb["is_crowd"]) == 0]
        counts += np.bincount(classes, minlength=len(counts))[:len(counts)]
    rows = [[cfg.DATA.CLASS_NAMES[k], int(counts[k])] for k in range(1, len(counts))]
    columns = min(3, len(rows))
    cells = list(itertools.chain(*rows)) + [None] * (-len(rows) % columns * 2)
    table = [cells[k:k + columns * 2] for k in range(0, len(cells), columns * 2)]
    table.append(["total", int(counts[1:].sum())] + [None] * (columns * 2 - 2))
    logger.info("Ground-truth boxes:\n" + colored(
        tabulate(table, headers=["class", "#box"] * columns, tablefmt="pipe", stralign="center", numalign="left"), "cyan"))


def read_image(file_name):
    """uint8 [height, width, 3], BGR."""
    image = cv2.imread(file_name, cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError("{} must be an image that OpenCV reads; there is none".format(file_name))
    return image


class TrainingInputs:
    """From a dict of a data set to the dict of what is fed to the graph; None for an image that nothing can be learned from.

    The keys are `image`, `anchor_labels` and `anchor_boxes` (with FPN `anchor_labels_lvl2` and so on), `gt_boxes`,
    `gt_labels`, and with masks `gt_masks_packed`, whose bits are columns.
    """

    def __init__(self, cfg):
        self.cfg = cfg.to_dict()  # which, unlike the tree, can go to other processes as it is
        self.augmentor = imgaug.AugmentorList([
            ResizeWithinBounds(cfg.PREPROC.TRAIN_SHORT_EDGE_SIZE, cfg.PREPROC.MAX_SIZE), imgaug.Flip(horiz=True)])
        self._is_here = False

    def __call__(self, roidb):
        self._arrive()
        image = read_image(roidb["file_name"]).astype("float32")
        height, width = image.shape[:2]
        boxes = np.array(roidb["boxes"], dtype="float32").reshape(-1, 4)
        self._check(roidb, boxes)
        scale = np.array([1, 1] if cfg.DATA.ABSOLUTE_COORD else [width, height], dtype="float32")
        transform = self.augmentor.get_transform(image)
        image = transform.apply_image(image)
        boxes = boxes_around_corners(transform.apply_coords(corners_of_boxes(boxes) * scale))
        is_crowd = np.asarray(roidb["is_crowd"], dtype=bool)
        try:
            result = self.anchor_inputs(image, boxes, is_crowd)
        except NoBackground as e:
            log_once("{} is left out: {}".format(roidb["file_name"], e), "warn")
            return None
        result["image"] = image
        result["gt_boxes"] = boxes[~is_crowd]
        result["gt_labels"] = np.asarray(roidb["class"], dtype="int32")[~is_crowd]
        if cfg.MODE_MASK:
            objects = [segmentation for segmentation, crowd in zip(roidb["segmentation"], is_crowd) if not crowd]
            result["gt_masks_packed"] = pack_masks(objects, transform, scale, (height, width), image.shape[:2])
        return result

    def _arrive(self):
        """In a process that was spawned, the configuration has its defaults."""
        if not self._is_here:
            cfg.freeze(False)
            cfg.from_dict(self.cfg)
            cfg.freeze()
            self.augmentor.reset_state()
            self._is_here = True

    def __getstate__(self):
        return dict(self.__dict__, _is_here=False)

    def _check(self, roidb, boxes):
        who = roidb["file_name"]
        classes = np.asarray(roidb["class"], dtype=int)
        if len(boxes) and (np_box_ops.area(boxes) <= 0).any():
            raise ValueError("{}: boxes must have an area; got {}".format(who, boxes[np_box_ops.area(boxes) <= 0].tolist()))
        if len(classes) and not 1 <= classes.min() <= classes.max() <= cfg.DATA.NUM_CATEGORY:
            raise ValueError("{}: classes must be in 1 ... {}; got {}".format(who, cfg.DATA.NUM_CATEGORY, sorted(set(classes))))

    def anchor_inputs(self, image, boxes, is_crowd):
        """{name: array} of labels and boxes of anchors.

        Raises:
            NoBackground
        """
        fields = anchors_of_pyramid() if cfg.MODE_FPN else [anchors_of_level()]
        rng = self.augmentor.rng
        labelled = label_anchors(fields, image.shape[0], image.shape[1], boxes, is_crowd, rng)
        suffixes = ["_lvl{}".format(k) for k in range(2, 2 + len(fields))] if cfg.MODE_FPN else [""]
        result = {}
        for suffix, (labels, targets) in zip(suffixes, labelled):
            result["anchor_labels" + suffix] = labels
            result["anchor_boxes" + suffix] = targets
        return result


def pack_masks(segmentations, transform, scale, old_shape, new_shape):
    """uint8 [k, height, width / 8, rounded up]: the masks of transformed objects, eight columns in a byte, the first one in
    the highest bit."""
    height, width = new_shape[0], -(-new_shape[1] // 8) * 8
    masks = np.zeros((len(segmentations), height, width), dtype="uint8")
    for mask, segmentation in zip(masks, segmentations):
        if isinstance(segmentation, list):
            polygons = [transform.apply_coords(np.asarray(p, dtype="float32") * scale) for p in segmentation]
            mask[:] = segmentation_to_mask(polygons, height, width)
        else:
            mask[:, :new_shape[1]] = transform.apply_segmentation(segmentation_to_mask(segmentation, *old_shape))
    return np.packbits(masks, axis=-1)


def get_train_dataflow():
    """Passes over shuffled images, each a dict by the names of inputs; images that nothing can be learned from are left out.

    Raises:
        ValueError: there are no images, or none with an object.
    """
    roidbs = list(itertools.chain.from_iterable(DatasetRegistry.get(name).training_roidbs() for name in cfg.DATA.TRAIN))
    log_class_counts(roidbs)
    if not roidbs:
        raise ValueError("DATA.TRAIN={} must have images; got none".format(cfg.DATA.TRAIN))
    kept = roidbs
    if cfg.DATA.FILTER_EMPTY_ANNOTATIONS:
        kept = [roidb for roidb in roidbs if (np.asarray(roidb["is_crowd"]) == 0).any()]
    logger.info("%d of %d images have no object that is not a crowd and are left out; %d remain.", len(roidbs) - len(kept),
                len(roidbs), len(kept))
    if not kept:
        raise ValueError("DATA.TRAIN={} must have annotated objects; got {} images without; "
                         "DATA.FILTER_EMPTY_ANNOTATIONS=False trains on such".format(cfg.DATA.TRAIN, len(roidbs)))
    flow, preprocess = DataFromList(kept, shuffle=True), TrainingInputs(cfg)
    workers = cfg.DATA.NUM_WORKERS
    if workers == 0:
        return MapData(flow, preprocess)
    if cfg.TRAINER == "replicated":
        # a process that was forked while TensorFlow's threads run may hang
        return MultiProcessMapData(flow, workers, preprocess, buffer_size=workers * 20, start_method="spawn")
    # MPI and TensorFlow's servers do not like processes beside them
    return MultiThreadMapData(flow, workers, preprocess, buffer_size=workers * 10)


def get_eval_dataflow(name, shard=0, num_shards=1):
    """[image, uint8 BGR; image id] of a part of a data set, in order; the last part has what is left over."""
    roidbs = DatasetRegistry.get(name).inference_roidbs()
    size = len(roidbs) // num_shards
    end = len(roidbs) if shard == num_shards - 1 else (shard + 1) * size
    return MapDataComponent(RecordFlow(roidbs[shard * size:end], ["file_name", "image_id"]), read_image, 0)
