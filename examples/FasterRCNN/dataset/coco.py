"""Data in the format of COCO: reading annotations, and evaluation by `pycocotools`."""
import json
import os
from collections import Counter, defaultdict

import numpy as np

from tensorpack.utils import logger
from tensorpack.utils.optional import optional_import
from tensorpack.utils.timer import timed_operation

from .dataset import DatasetRegistry, DatasetSplit

__all__ = ["COCODetection", "register_coco"]

coco = optional_import("pycocotools.coco", needed_by="COCODetection", pip="pycocotools")
cocoeval = optional_import("pycocotools.cocoeval", needed_by="COCODetection", pip="pycocotools")

# Official ids without object detection annotations.
_UNUSED_IDS = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)
_CLASS_NAMES = """
    person; bicycle; car; motorcycle; airplane; bus; train; truck; boat; traffic light; fire hydrant; stop sign; parking meter;
    bench; bird; cat; dog; horse; sheep; cow; elephant; bear; zebra; giraffe; backpack; umbrella; handbag; tie; suitcase;
    frisbee; skis; snowboard; sports ball; kite; baseball bat; baseball glove; skateboard; surfboard; tennis racket; bottle;
    wine glass; cup; fork; knife; spoon; bowl; banana; apple; sandwich; orange; broccoli; carrot; hot dog; pizza; donut; cake;
    chair; couch; potted plant; bed; dining table; toilet; tv; laptop; mouse; remote; keyboard; cell phone; microwave; oven;
    toaster; sink; refrigerator; book; clock; vase; scissors; teddy bear; hair drier; toothbrush"""
CLASS_NAMES = ["BG"] + [name.strip() for name in " ".join(_CLASS_NAMES.split()).split(";")]

# Splits whose images are in the folder of another one.
_IMAGE_FOLDERS = {"valminusminival2014": "val2014", "minival2014": "val2014", "val2017_100": "val2017"}
_SPLITS = ["train2017", "val2017", "train2014", "val2014", "valminusminival2014", "minival2014", "val2017_100"]
_STATISTICS = ["IoU=0.5:0.95", "IoU=0.5", "IoU=0.75", "small", "medium", "large"]


class COCODetection(DatasetSplit):
    """`annotations/instances_<split>.json` and the images of `<split>/` below `basedir`.

    Attributes:
        COCO_id_to_category_id: from ids in the file to classes 1 ... C; ids that are not in it stay. For data of your own with
            ids 1 ... C, use a subclass where it is {}.

    Raises:
        AssertionError: there is no such folder or annotation file, or the first image is missing.
    """

    COCO_id_to_category_id = {official: k for k, official in enumerate(
        (each for each in range(1, 91) if each not in _UNUSED_IDS), 1) if official != k}

    def __init__(self, basedir, split):
        basedir = os.path.expanduser(basedir)
        self._images = os.path.join(basedir, _IMAGE_FOLDERS.get(split, split))
        annotations = os.path.join(basedir, "annotations", "instances_{}.json".format(split))
        assert os.path.isdir(self._images), "{} must be the folder of images; DATA.BASEDIR={}".format(self._images, basedir)
        assert os.path.isfile(annotations), "{} must be the file of annotations; there is none".format(annotations)
        self.split = split
        self.annotation_file = annotations
        self.coco = coco.COCO(annotations)
        logger.info("%d images are in %s.", len(self.coco.imgs), annotations)

    def training_roidbs(self):
        from config import config as cfg

        with timed_operation("Reading annotations of {}".format(self.split), log_start=False):
            dropped = Counter()
            reader = _AnnotationReader(self, cfg.MODE_MASK, dropped)
            roidbs = [dict(self._entry(image), **reader.read(image)) for image in self._all_images()]
        for reason, count in sorted(dropped.items()):
            logger.warning("%s: %d annotations were left out: %s.", self.split, count, reason)
        return roidbs

    def inference_roidbs(self):
        return [self._entry(image) for image in self._all_images()]

    def _all_images(self):
        images = [self.coco.imgs[k] for k in sorted(self.coco.imgs)]
        if images:
            first = self._entry(images[0])["file_name"]
            assert os.path.isfile(first), "{} must be an image; there is no such file".format(first)
        return images

    def _entry(self, image):
        return {"file_name": os.path.join(self._images, image["file_name"]), "image_id": image["id"]}

    def eval_inference_results(self, results, output=None):
        """The average precisions `mAP(bbox)/IoU=0.5:0.95` and so on, also of `segm` with masks; {} without results."""
        if not results:
            logger.warning("%s: nothing was detected, and nothing is evaluated.", self.split)
            return {}
        to_official = {v: k for k, v in self.COCO_id_to_category_id.items()}
        for each in results:
            each["category_id"] = to_official.get(each["category_id"], each["category_id"])
            x1, y1, x2, y2 = each["bbox"]
            each["bbox"] = [round(float(x), 3) for x in (x1, y1, x2 - x1, y2 - y1)]
        if output is not None:
            with open(output, "w") as f:
                json.dump(results, f)
        statistics = self._evaluate(results, "bbox")
        if "segmentation" in results[0]:
            statistics.update(self._evaluate(results, "segm"))
        return statistics

    def statistics_names(self, with_masks):
        return ["mAP({})/{}".format(kind, name) for kind in (["bbox", "segm"] if with_masks else ["bbox"])
                for name in _STATISTICS]

    def _numbered_from_one(self):
        """A copy for COCOeval, which takes what matches an annotation with id 0 for a false detection."""
        truth = coco.COCO()
        annotations = self.coco.dataset.get("annotations", [])
        truth.dataset = dict(self.coco.dataset, annotations=[dict(each, id=k) for k, each in enumerate(annotations, 1)])
        truth.createIndex()
        return truth

    def _evaluate(self, results, kind):
        truth = self._numbered_from_one()
        # loadRes changes what it is given
        evaluation = cocoeval.COCOeval(truth, truth.loadRes([dict(each) for each in results]), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
        return {"mAP({})/{}".format(kind, name): float(value) for name, value in zip(_STATISTICS, evaluation.stats)}


class _AnnotationReader:
    """Makes the arrays of one image from its annotations; counts in `dropped` what is left out, by reason."""

    def __init__(self, split, with_masks, dropped):
        self._coco = split.coco
        self._classes = split.COCO_id_to_category_id
        self._with_masks = with_masks
        self._dropped = dropped
        # annotations of minival have ids twice
        self._ids_are_unique = "minival" not in split.split
        self._by_image = defaultdict(list)
        for each in self._coco.dataset.get("annotations", []):
            self._by_image[each["image_id"]].append(each)

    def read(self, image):
        annotations = self._by_image[image["id"]]
        ids = [each["id"] for each in annotations]
        if self._ids_are_unique and len(set(ids)) != len(ids):
            raise ValueError("annotation ids must be unique within an image; got {} for image {}".format(ids, image["id"]))
        found = [each for each in (self._read_one(image, a) for a in annotations) if each is not None]
        roidb = {
            "boxes": np.array([each[0] for each in found], dtype="float32").reshape(-1, 4),
            "class": np.array([each[1] for each in found], dtype="int32"),
            "is_crowd": np.array([each[2] for each in found], dtype="int8"),
        }
        if self._with_masks:
            roidb["segmentation"] = [each[3] for each in found]
        return roidb

    def _read_one(self, image, annotation):
        """(box, class, is_crowd, segmentation), or None."""
        if annotation.get("ignore", 0) == 1:
            return None
        if annotation["category_id"] not in self._coco.cats:
            return self._drop("the file has no such category: {}".format(annotation["category_id"]))
        x, y, w, h = (float(v) for v in annotation["bbox"])
        box = np.clip([x, y, x + w, y + h], 0, [image["width"], image["height"]] * 2)
        area = annotation["area"] if "area" in annotation else w * h
        if not (area > 1 and w > 0 and h > 0 and box[2] > box[0] and box[3] > box[1]):
            return self._drop("they have no area inside of the image")
        is_crowd = annotation.get("iscrowd", 0)
        segmentation = None
        if self._with_masks and not is_crowd:
            segmentation = self._segmentation(annotation.get("segmentation"))
            if segmentation is None:
                return self._drop("they have no polygon of three points, nor RLE")
        category = annotation["category_id"]
        return box, self._classes.get(category, category), is_crowd, segmentation

    def _segmentation(self, segmentation):
        """A list of polygons [n, 2], or an RLE; None if there is neither."""
        if isinstance(segmentation, dict):
            return segmentation
        polygons = [p for p in segmentation or [] if len(p) >= 6 and len(p) % 2 == 0]
        if segmentation and len(polygons) < len(segmentation):
            self._drop("some of their polygons have fewer than three points (the others are used)")
        return [np.asarray(p, dtype="float32").reshape(-1, 2) for p in polygons] or None

    def _drop(self, reason):
        self._dropped[reason] += 1


def register_coco(basedir):
    """Register `coco_train2017`, `coco_val2017` and the others; no file is read.

    Args:
        basedir: has `annotations/` and a folder for each split; `~` is expanded.
    """
    for split in _SPLITS:
        name = "coco_" + split
        DatasetRegistry.register(name, lambda split=split: COCODetection(basedir, split))
        DatasetRegistry.register_metadata(name, "class_names", CLASS_NAMES)
