#!/bin/sh
# The format of COCO says that annotations have ids, not that they begin with 1. COCOeval takes the id of what a detection matches for the
# flag that it matches anything: a found box with id 0 counts as a false detection, so that perfect detections of a file numbered from
# 0 have an average precision below 1, without a warning. The box counts right with each other id.
# Answered by examples/FasterRCNN, which numbers a copy of the annotations from 1 for the evaluation.
. "$(dirname "$0")/lib/finding.sh"
environment python pycocotools==2.0.11 numpy==2.2.6
observe python <<'END'
import contextlib
import importlib.metadata
import io

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

print("pycocotools", importlib.metadata.version("pycocotools"))
boxes = [0, 0, 10, 10], [20, 20, 10, 10]


def precision(first):
    truth = COCO()
    truth.dataset = {"info": {}, "images": [{"id": 1, "height": 50, "width": 50}], "categories": [{"id": 1, "name": "box"}],
                     "annotations": [{"id": first + k, "image_id": 1, "category_id": 1, "bbox": box, "area": 100, "iscrowd": 0}
                                     for k, box in enumerate(boxes)]}
    truth.createIndex()
    found = truth.loadRes([{"image_id": 1, "category_id": 1, "bbox": box, "score": .9 - .1 * k} for k, box in enumerate(boxes)])
    evaluation = COCOeval(truth, found, "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return evaluation.stats[0]


for first in 1, 100, 0:
    with contextlib.redirect_stdout(io.StringIO()):
        result = precision(first)
    print("all boxes found, annotations numbered from {}: average precision {:.2f}".format(first, result))
END
expect <<'END'
pycocotools 2.0.11
all boxes found, annotations numbered from 1: average precision 1.00
all boxes found, annotations numbered from 100: average precision 1.00
all boxes found, annotations numbered from 0: average precision 0.25
END
