#!/usr/bin/env python
"""Export a detector in all formats, run each file in all programs that read it, and compare what they detect.

Usage:
  compare-exports.py --load MODEL [--images 20] [--config KEY=VALUE ...]
  compare-exports.py --fake                                              two images, with random weights
The settings must be those of the training. The table has the worst differences to the network in TensorFlow, on images of the
first data set of DATA.VAL. It ends with status 1 if a file runs and detects something else.
"""
import argparse
import os
import sys
import tempfile
from functools import partial

import numpy as np
import shapes
from config import config as cfg
from config import finalize_configs
from data import get_eval_dataflow
from dataset import register_balloon, register_coco
from eval import resize_for_prediction
from exported import load_exported
from modeling.generalized_rcnn import ResNetC4Model, ResNetFPNModel
from predict import export_example, predict_config
from tabulate import tabulate

from tensorpack import OfflinePredictor
from tensorpack.tfutils.export import ModelExporter
from tensorpack.utils import logger

MOST_PIXELS, MOST_SCORE = 1e-4, 1e-5  # that boxes and scores may differ by
# (what is exported, by which function, what runs it)
EXPORTS = [
    ("model.pb", partial(ModelExporter.export_compact, optimize=False), ["tensorflow"]),
    ("saved", ModelExporter.export_serving, ["tensorflow", "openvino"]),
    ("model.onnx", ModelExporter.export_onnx, ["onnxruntime", "openvino"]),
    ("model.tflite", ModelExporter.export_tflite, ["litert"]),
]


def difference(expected, found):
    """(pixels, score, mask) that detections of images differ by at most; None if there are others, or in another order."""
    worst = np.zeros(3)
    for wanted, got in zip(expected, found):
        if len(wanted[0]) != len(got[0]) or (wanted[2] != got[2]).any():
            return None
        pairs = list(zip(wanted[:2] + wanted[3:], got[:2] + got[3:]))
        values = [abs(a - b).max() if len(a) else 0. for a, b in pairs]
        worst = np.maximum(worst, (values + [0.])[:3])
    return worst


def first_line(error):
    return "{}: {}".format(type(error).__name__, " ".join(str(error).split())[:400])


def compare(path, engine, model, images, expected):
    """A row of the table, and whether it is wrong."""
    name = os.path.basename(path)
    try:
        predictor = load_exported(path, model, engine)
        worst = difference(expected, [predictor(image) for image in images])
    except Exception as e:
        return [name, engine, first_line(e)], False
    if worst is None:
        return [name, engine, "detects something else"], True
    return [name, engine, "same, in the same order"] + worst.tolist(), worst[0] > MOST_PIXELS or worst[1] > MOST_SCORE


def compare_all(config, model, images, folder):
    """Rows of the table, and whether any is wrong."""
    with OfflinePredictor(config) as predictor:
        expected = [predictor(image) for image in images]
    logger.info("%d detections in %d images", sum(len(each[0]) for each in expected), len(images))
    rows, failed = [], False
    for name, export, engines in EXPORTS:
        path = os.path.join(folder, name)
        try:
            export(ModelExporter(config), path, example=export_example(None))
        except Exception as e:
            rows.append([name, "", first_line(e)])
            continue
        for engine in engines:
            row, is_wrong = compare(path, engine, model, images, expected)
            logger.info("%s in %s: %s", *row[:3])
            rows.append(row)
            failed = failed or is_wrong
    return rows, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--load", metavar="PATH", help="a checkpoint or an npz file")
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument("--config", metavar="KEY=VALUE", nargs="+", default=[], help="settings, see config.py")
    parser.add_argument("--fake", action="store_true")
    args = parser.parse_args()
    if args.fake:
        args.config, args.images = shapes.fake_settings("train_log/exports") + args.config, 2
    elif not args.load:
        parser.error("--load PATH is needed")
    cfg.update_args(args.config)
    for register in (register_coco, register_balloon, shapes.register_shapes):
        register(cfg.DATA.BASEDIR)
    finalize_configs(is_training=False)
    model = ResNetFPNModel() if cfg.MODE_FPN else ResNetC4Model()
    flow = get_eval_dataflow(cfg.DATA.VAL[0])
    flow.reset_state()
    images = [resize_for_prediction(image).astype("float32") for image, _ in list(flow)[:args.images]]
    with tempfile.TemporaryDirectory() as folder:
        rows, failed = compare_all(predict_config(model, args.load or shapes.random_weights(model)), model, images, folder)
    print(tabulate(rows, headers=["file", "run by", "detections", "pixels", "score", "mask"], tablefmt="pipe"))
    sys.exit(failed)


if __name__ == "__main__":
    main()
