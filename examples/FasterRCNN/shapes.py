#!/usr/bin/env python
"""A data set in the format of COCO that is drawn: four classes of shapes on textures, which overlap, and crowds of small ones.

Usage:
  shapes.py DIR [--train 2000] [--val 200]      draw it: DIR/shapes_train, DIR/shapes_val and DIR/annotations
  shapes.py --fake                              draw a few images to ./shapes
It is registered as `shapes_train` and `shapes_val`, with `DATA.BASEDIR=DIR`.
"""
import argparse
import json
import os

import cv2
import numpy as np
from dataset import COCODetection, DatasetRegistry
from utils.np_box_ops import mask_api

CLASS_NAMES = ["BG", "disc", "rectangle", "triangle", "star"]
HEIGHT, WIDTH = 160, 200

# Settings for a network that learns these shapes from nothing on a CPU.
SMALL_NETWORK = [
    "DATA.TRAIN=shapes_train,", "DATA.VAL=shapes_val,", "DATA.NUM_WORKERS=1",
    "BACKBONE.RESNET_NUM_BLOCKS=[1,1,1,1]", "BACKBONE.CHANNELS=[32,64,128,256]", "BACKBONE.NORM=GN", "BACKBONE.FREEZE_AT=0",
    "PREPROC.TRAIN_SHORT_EDGE_SIZE=[160,160]", "PREPROC.TEST_SHORT_EDGE_SIZE=160", "PREPROC.MAX_SIZE=224",
    "RPN.ANCHOR_SIZES=(24,36,56,88,128)", "RPN.BATCH_PER_IM=128", "RPN.TRAIN_PER_LEVEL_NMS_TOPK=128",
    "RPN.TEST_PER_LEVEL_NMS_TOPK=100", "FRCNN.BATCH_PER_IM=64", "FPN.NUM_CHANNEL=64", "FPN.FRCNN_FC_HEAD_DIM=256",
    "FPN.NORM=GN", "MRCNN.HEAD_DIM=64", "TEST.RESULTS_PER_IM=30"]


class ShapesDetection(COCODetection):
    COCO_id_to_category_id = {}  # ids are 1 ... 4 already


def register_shapes(basedir):
    """Register `shapes_train` and `shapes_val`; no file is read."""
    for name in ("shapes_train", "shapes_val"):
        DatasetRegistry.register(name, lambda name=name: ShapesDetection(basedir, name))
        DatasetRegistry.register_metadata(name, "class_names", CLASS_NAMES)


def outline(kind, size, rng):
    """float [n, 2]: the corners of a shape around (0, 0), of about this size, turned at random."""
    if kind == 1:
        angles = np.arange(24) * (2 * np.pi / 24)
        points = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    elif kind == 2:
        points = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [1, rng.uniform(0.5, 1)]
    elif kind == 3:
        angles = np.pi * 2 / 3 * np.arange(3)
        points = np.stack([np.cos(angles), np.sin(angles)], axis=1) * 1.2
    else:
        angles = np.arange(10) * (2 * np.pi / 10)
        points = np.stack([np.cos(angles), np.sin(angles)], axis=1) * np.where(np.arange(10) % 2, 0.5, 1.2)[:, np.newaxis]
    turn = rng.uniform(0, 2 * np.pi)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return points.dot(rotation) * size / 2


def texture(height, width, rng):
    """float [height, width, 3]: blurs of two sizes, and noise."""
    image = np.zeros((height, width, 3))
    for cells, strength in [(4, 90), (25, 40)]:
        coarse = rng.uniform(-1, 1, (cells, cells, 3)).astype("float32")
        image += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) * strength
    return image + rng.uniform(70, 180, 3) + rng.normal(0, 8, (height, width, 3))


def fill(points, height, width):
    """uint8 [height, width], 1 within the polygon."""
    points = [np.asarray(points, dtype="float64").reshape(-1).tolist()]
    return mask_api.decode(mask_api.merge(mask_api.frPyObjects(points, height, width)))


def draw_shape(image, mask, rng):
    """Paint a colour, with a pattern of its own, where the mask is."""
    color = rng.uniform(0, 255, 3)
    pattern = rng.normal(0, 10, image.shape[:2] + (1,))
    np.copyto(image, color + pattern, where=mask[:, :, np.newaxis] > 0)


def draw_image(rng, height=HEIGHT, width=WIDTH):
    """(image, uint8 BGR; a list of (class, mask of what is seen, polygon or None, is crowd))."""
    image, objects = texture(height, width, rng), []
    if rng.rand() < 0.15:
        objects.append(draw_crowd(image, rng))
    for _ in range(rng.randint(1, 6)):
        kind, size = rng.randint(1, len(CLASS_NAMES)), rng.uniform(22, 80)
        points = outline(kind, size, rng) + [rng.uniform(0, width), rng.uniform(0, height)]
        mask = fill(points, height, width)
        if mask.sum() < 60:  # too little of it is in the image
            continue
        draw_shape(image, mask, rng)
        # what is below is hidden, and its polygon does not tell that
        objects = [(k, m * (1 - mask), None if (m * mask).any() else p, crowd) for k, m, p, crowd in objects]
        objects.append((kind, mask, points, False))
    objects = [each for each in objects if each[1].sum() >= 40]
    return np.clip(image, 0, 255).astype("uint8"), objects


def draw_crowd(image, rng):
    """Many small shapes of one class side by side, annotated as one object."""
    height, width = image.shape[:2]
    kind, middle = rng.randint(1, len(CLASS_NAMES)), [rng.uniform(30, width - 30), rng.uniform(30, height - 30)]
    crowd = np.zeros((height, width), dtype="uint8")
    for _ in range(12):
        mask = fill(outline(kind, 14, rng) + middle + rng.uniform(-25, 25, 2), height, width)
        draw_shape(image, mask, rng)
        crowd |= mask
    return kind, crowd, None, True


def to_annotation(kind, mask, points, is_crowd):
    """A polygon where the shape is seen as a whole, otherwise an RLE."""
    rle = mask_api.encode(np.asfortranarray(mask))
    annotation = {"category_id": int(kind), "iscrowd": int(is_crowd), "area": float(mask_api.area(rle)),
                  "bbox": [float(v) for v in mask_api.toBbox(rle)]}
    if points is not None:
        annotation["segmentation"] = [[round(float(v), 2) for v in np.reshape(points, -1)]]
    else:
        annotation["segmentation"] = {"size": list(mask.shape), "counts": rle["counts"].decode("ascii")}
    return annotation


def draw_dataset(basedir, split, count, seed):
    """Write `count` images to `basedir`/`split`, and their annotations beside."""
    basedir = os.path.expanduser(basedir)
    for folder in (split, "annotations"):
        os.makedirs(os.path.join(basedir, folder), exist_ok=True)
    rng = np.random.RandomState(seed)
    images, annotations = [], []
    for image_id in range(1, count + 1):
        image, objects = draw_image(rng)
        name = "{:06d}.png".format(image_id)
        cv2.imwrite(os.path.join(basedir, split, name), image)
        images.append({"id": image_id, "file_name": name, "height": image.shape[0], "width": image.shape[1]})
        for each in objects:
            annotations.append(dict(to_annotation(*each), id=len(annotations) + 1, image_id=image_id))
    categories = [{"id": k, "name": name} for k, name in enumerate(CLASS_NAMES) if k > 0]
    with open(os.path.join(basedir, "annotations", "instances_{}.json".format(split)), "w") as f:
        json.dump({"info": {}, "images": images, "annotations": annotations, "categories": categories}, f)


def fake_settings(logdir):
    """Draw a few images beside the log directory; the settings for a few steps on them."""
    basedir = logdir.rstrip("/\\") + "-shapes"
    draw_dataset(basedir, "shapes_train", 8, seed=0)
    draw_dataset(basedir, "shapes_val", 2, seed=1)
    return SMALL_NETWORK + ["DATA.BASEDIR=" + basedir, "DATA.NUM_WORKERS=0", "FPN.NUM_CHANNEL=32",
                            "FPN.FRCNN_FC_HEAD_DIM=32", "MRCNN.HEAD_DIM=16", "RPN.TRAIN_PER_LEVEL_NMS_TOPK=32",
                            "TRAIN.WARMUP=2", "TRAIN.STEPS_PER_EPOCH=4", "TRAIN.LR_SCHEDULE=[1]", "TRAIN.EVAL_PERIOD=2",
                            "TRAIN.CHECKPOINT_PERIOD=1", "TEST.RESULT_SCORE_THRESH=0.01"]


def random_weights(model):
    """{name: array} of the variables of a model, as training would begin with them."""
    from tensorpack import TowerContext
    from tensorpack import tfv1 as tf

    with tf.Graph().as_default():
        inputs = [tf.placeholder(spec.dtype, spec.shape, spec.name) for spec in model.get_input_signature()]
        with TowerContext("", is_training=False):
            model.build_graph(*inputs)
        variables = tf.global_variables()
        with tf.Session() as sess:
            sess.run(tf.global_variables_initializer())
            return dict(zip([v.op.name for v in variables], sess.run(variables)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", default="shapes")
    parser.add_argument("--train", type=int, default=2000, help="number of images")
    parser.add_argument("--val", type=int, default=200)
    parser.add_argument("--fake", action="store_true")
    args = parser.parse_args()
    if args.fake:
        args.train, args.val = 8, 2
    draw_dataset(args.folder, "shapes_train", args.train, seed=0)
    draw_dataset(args.folder, "shapes_val", args.val, seed=1)
    print("{} and {} images are in {}".format(args.train, args.val, args.folder))


if __name__ == "__main__":
    main()
