"""The balloons of Matterport's tutorial: one class, polygons of the VGG Image Annotator; a model for data of your own."""
import json
import os

import numpy as np

from tensorpack.utils import logger

from .average_precision import average_precision
from .dataset import DatasetRegistry, DatasetSplit

__all__ = ["BalloonDataset", "register_balloon"]


class BalloonDataset(DatasetSplit):
    """A folder of images with `via_region_data.json`, from version 1 or 2 of the annotator."""

    def __init__(self, basedir, split):
        assert split in ("train", "val"), split
        self._folder = os.path.join(os.path.expanduser(basedir), split)
        assert os.path.isdir(self._folder), "{} must be the folder of images; there is none".format(self._folder)

    def training_roidbs(self):
        entries = self._entries()
        return [dict(file_name=entry["file_name"], **self._objects(entry["regions"])) for entry in entries]

    def inference_roidbs(self):
        return [{"file_name": entry["file_name"], "image_id": entry["image_id"]} for entry in self._entries()]

    def eval_inference_results(self, results, output=None):
        """The average precision at IoU 0.5, 0.75, and the mean over 0.5, 0.55, ..., 0.95, of boxes."""
        if output is not None:
            with open(output, "w") as f:
                json.dump(results, f)
        truth = {entry["image_id"]: self._objects(entry["regions"])["boxes"] for entry in self._entries()}
        detections = [(each["image_id"], each["score"], each["bbox"]) for each in results]
        values = {iou: average_precision(detections, truth, iou) for iou in np.linspace(0.5, 0.95, 10).round(2)}
        statistics = {"mAP(bbox)/IoU=0.5:0.95": float(np.mean(list(values.values()))),
                      "mAP(bbox)/IoU=0.5": values[0.5], "mAP(bbox)/IoU=0.75": values[0.75]}
        for name, value in statistics.items():
            logger.info("%s: %.4f", name, value)
        return statistics

    def _entries(self):
        with open(os.path.join(self._folder, "via_region_data.json")) as f:
            annotations = json.load(f)
        annotations = annotations.get("_via_img_metadata", annotations)
        entries = []
        for image_id, entry in enumerate(annotations.values()):
            regions = entry["regions"]
            entries.append({"file_name": os.path.join(self._folder, entry["filename"]), "image_id": image_id,
                            "regions": list(regions.values()) if isinstance(regions, dict) else regions})
        return entries

    def _objects(self, regions):
        polygons = []
        for region in regions:
            shape = region["shape_attributes"]
            # the annotator counts pixels, whose middle is half a pixel farther
            points = np.stack([shape["all_points_x"], shape["all_points_y"]], axis=1) + 0.5
            if len(points) >= 3:
                polygons.append(points.astype("float32"))
        boxes = [np.concatenate([p.min(axis=0), p.max(axis=0)]) for p in polygons]
        return {"boxes": np.array(boxes, dtype="float32").reshape(-1, 4),
                "class": np.ones(len(boxes), dtype="int32"),
                "is_crowd": np.zeros(len(boxes), dtype="int8"),
                "segmentation": [[p] for p in polygons]}


def register_balloon(basedir):
    """Register `balloon_train` and `balloon_val`, the folders `train` and `val` below `basedir`; no file is read."""
    for split in ("train", "val"):
        name = "balloon_" + split
        DatasetRegistry.register(name, lambda split=split: BalloonDataset(basedir, split))
        DatasetRegistry.register_metadata(name, "class_names", ["BG", "balloon"])
