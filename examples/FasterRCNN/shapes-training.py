#!/usr/bin/env python
"""Train the small FPN + mask network on the drawn shapes, then draw its curve and its detections: all in one command.

Usage:
  shapes-training.py [--data shapes] [--logdir train_log/shapes] [--epochs 6]
  shapes-training.py --resume ...            go on after an interruption
  shapes-training.py --fake                  a few steps on a few images
The images are drawn to `--data` unless they are there. An epoch is a pass over 2,000 images. At the end there are
`curve.png` and `detections.png` in the log directory.
"""
import argparse
import json
import os
import subprocess
import sys

import cv2
import numpy as np
import shapes

HERE = os.path.dirname(os.path.abspath(__file__))
AP_NAMES = ["bbox)/IoU=0.5:0.95", "bbox)/IoU=0.5", "segm)/IoU=0.5:0.95"]


def settings(data, epochs, steps):
    """Settings of the training: `epochs` of `steps` images, evaluated after every second one."""
    updates = epochs * steps // 2
    return shapes.SMALL_NETWORK + [
        "DATA.BASEDIR=" + data, "TRAIN.STEPS_PER_EPOCH={}".format(steps),
        "TRAIN.OPTIMIZER=adam", "TRAIN.BATCH_SIZE=2", "TRAIN.BASE_LR=0.001", "TRAIN.WARMUP=400",
        "TRAIN.LR_SCHEDULE=[{},{},{}]".format(updates * 3 // 4, updates * 9 // 10, updates),
        "TRAIN.EVAL_PERIOD=2", "TRAIN.CHECKPOINT_PERIOD=1"]


def run(script, *args):
    # operations of so small a network are not worth several threads each; there are enough of them
    environment = dict({"TF_NUM_INTRAOP_THREADS": "1"}, **os.environ)
    subprocess.run([sys.executable, os.path.join(HERE, script)] + list(args), check=True, env=environment)


def draw_curve(logdir):
    """`curve.png`: cost and average precisions over epochs."""
    with open(os.path.join(logdir, "stats.json")) as f:
        records = json.load(f)
    highest = max(record["total_cost"] for record in records)
    series = {"total_cost / {:.1f}".format(highest): [(k, each["total_cost"] / highest) for k, each in enumerate(records)]}
    for name in ("shapes_val-mAP(" + each for each in AP_NAMES):  # not all epochs are evaluated
        series[name] = [(k, each[name]) for k, each in enumerate(records) if name in each]
    canvas = np.full((400, 640, 3), 255, dtype="uint8")
    for number, (name, values) in enumerate(sorted(series.items())):
        color = [(200, 60, 0), (0, 140, 0), (160, 0, 160), (0, 0, 220)][number]
        points = [(60 + int(k * 540 / max(len(records) - 1, 1)), int(360 - 320 * v)) for k, v in values]
        cv2.polylines(canvas, [np.array(points, dtype="int32")], False, color, 2, cv2.LINE_AA)
        cv2.putText(canvas, "{}: {:.3f}".format(name, values[-1][1]), (70, 20 + 16 * number), cv2.FONT_HERSHEY_SIMPLEX, 0.42,
                    color, 1, cv2.LINE_AA)
    for value in (0, 0.2, 0.4, 0.6, 0.8, 1):
        y = int(360 - 320 * value)
        cv2.line(canvas, (60, y), (600, y), (220, 220, 220), 1)
        cv2.putText(canvas, str(value), (25, y + 4), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
    cv2.putText(canvas, "epochs 1 ... {}".format(len(records)), (280, 385), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1)
    cv2.imwrite(os.path.join(logdir, "curve.png"), canvas)


def draw_detections(logdir, words, load, count=12):
    """`detections.png`: pairs of an image and what is found in it."""
    from config import config as cfg
    from config import finalize_configs
    from data import read_image
    from eval import predict_image
    from modeling.generalized_rcnn import ResNetFPNModel
    from viz import draw_final_outputs

    from tensorpack import OfflinePredictor, PredictConfig, SmartInit
    from tensorpack.utils.viz import stack_patches

    cfg.update_args(words + ["TEST.RESULT_SCORE_THRESH=0.5"])
    shapes.register_shapes(cfg.DATA.BASEDIR)
    finalize_configs(is_training=False)
    model = ResNetFPNModel()
    inputs, outputs = model.get_inference_tensor_names()
    files = [each["file_name"] for each in shapes.DatasetRegistry.get("shapes_val").inference_roidbs()[:count]]
    patches = []
    with OfflinePredictor(PredictConfig(model=model, session_init=SmartInit(load), input_names=inputs,
                                        output_names=outputs)) as predictor:
        for name in files:
            image = read_image(name)
            large = cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
            results = [each._replace(box=each.box * 2, mask=cv2.resize(each.mask, large.shape[1::-1]))
                       for each in predict_image(image, predictor)]
            patches.append(np.concatenate([large, draw_final_outputs(large, results)], axis=1))
    rows = -(-len(patches) // 2)
    cv2.imwrite(os.path.join(logdir, "detections.png"), stack_patches(patches, rows, 2, border=4, pad=True))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="shapes")
    parser.add_argument("--logdir", default=os.path.join("train_log", "shapes"))
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--steps", type=int, default=2000, help="images in an epoch")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--fake", action="store_true")
    args = parser.parse_args()
    count = (8, 2) if args.fake else (2000, 200)
    if args.fake:
        args.epochs, args.steps = 2, 8
    if not os.path.isfile(os.path.join(args.data, "annotations", "instances_shapes_val.json")):
        shapes.draw_dataset(args.data, "shapes_train", count[0], seed=0)
        shapes.draw_dataset(args.data, "shapes_val", count[1], seed=1)
    words = settings(args.data, args.epochs, args.steps)
    run("train.py", "--logdir", args.logdir, *(["--resume"] if args.resume else []), "--config", *words)
    draw_curve(args.logdir)
    draw_detections(args.logdir, words, os.path.join(args.logdir, "checkpoint"))


if __name__ == "__main__":
    main()
