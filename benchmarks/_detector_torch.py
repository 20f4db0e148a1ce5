"""The network of `examples/FasterRCNN/shapes.py` in torchvision: the same layers, anchors, samples and numbers of boxes.

Usage: _detector_torch.py FOLDER STEPS WARMUP THREADS. FOLDER is drawn by `shapes.py`. The result is a JSON object:
milliseconds and CPU milliseconds an image in training and in inference, and the number of weights.
"""
import collections
import json
import os
import sys
import time

import cv2
import numpy as np
import torch
from pycocotools.coco import COCO
from torch import nn
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.rpn import AnchorGenerator, RPNHead
from torchvision.ops import MultiScaleRoIAlign

CHANNELS, FPN, CLASSES = (32, 64, 128, 256), 64, 5


def group_norm(channels):
    return nn.GroupNorm(32, channels)


class Bottleneck(nn.Module):
    def __init__(self, before, width, stride):
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(before, width, 1, bias=False), group_norm(width), nn.ReLU(True),
            nn.Conv2d(width, width, 3, stride, 1, bias=False), group_norm(width), nn.ReLU(True),
            nn.Conv2d(width, width * 4, 1, bias=False), group_norm(width * 4))
        self.shortcut = nn.Sequential(nn.Conv2d(before, width * 4, 1, stride, bias=False), group_norm(width * 4))

    def forward(self, x):
        return torch.relu(self.residual(x) + self.shortcut(x))


def make_body():
    layers = collections.OrderedDict(stem=nn.Sequential(
        nn.Conv2d(3, CHANNELS[0], 7, 2, 3, bias=False), group_norm(CHANNELS[0]), nn.ReLU(True), nn.MaxPool2d(3, 2, 1)))
    before = CHANNELS[0]
    for k, width in enumerate(CHANNELS):
        layers["group{}".format(k)] = Bottleneck(before, width, 1 if k == 0 else 2)
        before = width * 4
    return nn.Sequential(layers)


def make_model():
    backbone = BackboneWithFPN(make_body(), {"group{}".format(k): str(k) for k in range(4)}, [c * 4 for c in CHANNELS], FPN,
                               norm_layer=group_norm)
    levels = ["0", "1", "2", "3"]
    return MaskRCNN(
        backbone, min_size=160, max_size=224,
        rpn_anchor_generator=AnchorGenerator(tuple((size,) for size in (24, 36, 56, 88, 128)), ((0.5, 1.0, 2.0),) * 5),
        rpn_head=RPNHead(FPN, 3), rpn_pre_nms_top_n_train=128, rpn_post_nms_top_n_train=128, rpn_pre_nms_top_n_test=100,
        rpn_post_nms_top_n_test=100, rpn_batch_size_per_image=128, box_roi_pool=MultiScaleRoIAlign(levels, 7, 2),
        box_head=TwoMLPHead(FPN * 49, 256), box_predictor=FastRCNNPredictor(256, CLASSES), box_batch_size_per_image=64,
        box_detections_per_img=30, mask_roi_pool=MultiScaleRoIAlign(levels, 14, 2), mask_head=MaskRCNNHeads(FPN, (FPN,) * 4, 1),
        mask_predictor=MaskRCNNPredictor(FPN, FPN, CLASSES))


class Images:
    """Images with their targets, flipped at random; crowds are left out."""

    def __init__(self, folder, split):
        self.coco = COCO(os.path.join(folder, "annotations", "instances_{}.json".format(split)))
        self.folder, self.rng = os.path.join(folder, split), np.random.RandomState(0)
        self.images = [each for each in self.coco.imgs.values() if self.coco.getAnnIds(each["id"], iscrowd=False)]

    def read(self, number):
        image = cv2.imread(os.path.join(self.folder, self.images[number % len(self.images)]["file_name"]))
        return torch.from_numpy(image.transpose(2, 0, 1).astype("float32") / 255)

    def with_target(self, number):
        image = self.read(number)
        objects = self.coco.loadAnns(self.coco.getAnnIds(self.images[number % len(self.images)]["id"], iscrowd=False))
        masks = torch.from_numpy(np.stack([self.coco.annToMask(each) for each in objects]))
        boxes = torch.tensor([each["bbox"] for each in objects])
        boxes[:, 2:] += boxes[:, :2]
        if self.rng.rand() < 0.5:
            image, masks = image.flip(2), masks.flip(2)
            boxes = torch.stack([image.shape[2] - boxes[:, 2], boxes[:, 1], image.shape[2] - boxes[:, 0], boxes[:, 3]], 1)
        labels = torch.tensor([each["category_id"] for each in objects])
        return image, {"boxes": boxes, "labels": labels, "masks": masks}


def timed(function, count, warmup):
    """(milliseconds, CPU milliseconds) of a call, which is given a number."""
    for k in range(warmup):
        function(k)
    start, cpu = time.perf_counter(), time.process_time()
    for k in range(count):
        function(k)
    return (time.perf_counter() - start) * 1e3 / count, (time.process_time() - cpu) * 1e3 / count


def main():
    folder, steps, warmup, threads = sys.argv[1], *map(int, sys.argv[2:5])
    torch.set_num_threads(threads)
    model, train, val = make_model(), Images(folder, "shapes_train"), Images(folder, "shapes_val")
    optimizer = torch.optim.SGD(model.parameters(), 1e-4, momentum=0.9, weight_decay=1e-4)
    found = []

    def train_step(number):
        image, target = train.with_target(number)
        loss = sum(model([image], [target]).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    def predict(number):
        with torch.inference_mode():
            result = model([val.read(number)])[0]
        found.append(len((result["masks"] >= 0.5).numpy()))

    training = timed(train_step, steps, warmup)
    model.eval()
    inference = timed(predict, steps, warmup)
    print(json.dumps({"train": training, "predict": inference, "boxes": float(np.mean(found)),
                      "weights": sum(each.numel() for each in model.parameters())}))


if __name__ == "__main__":
    main()
