#!/usr/bin/env python
"""Detect objects in images, evaluate a model on data sets, look at its steps, or export it.

Usage:
  predict.py --load MODEL --predict IMAGE [IMAGE ...] [--config KEY=VALUE ...]
  predict.py --load MODEL --evaluate OUT.json --config DATA.BASEDIR=~/coco
  predict.py --load MODEL --benchmark | --visualize --config DATA.BASEDIR=~/coco
  predict.py --load MODEL --output-pb FILE | --output-serving DIR | --output-onnx FILE | --output-tflite FILE
  predict.py --fake --predict IMAGE                                                   with random weights
The settings must be those of the training.
"""
import argparse
import os
import shutil

import cv2
import numpy as np
import shapes
from config import config as cfg
from config import finalize_configs
from data import get_eval_dataflow, get_train_dataflow, read_image
from dataset import DatasetRegistry, register_balloon, register_coco
from eval import DetectionResult, evaluate_in_processes, predict_dataflow, predict_image, resize_for_prediction, to_results
from exported import is_exported, load_exported
from modeling.generalized_rcnn import ResNetC4Model, ResNetFPNModel
from viz import (
    draw_annotation,
    draw_final_outputs,
    draw_final_outputs_blackwhite,
    draw_predictions,
    draw_proposal_recall,
)

from tensorpack import *
from tensorpack.tfutils.export import ModelExporter
from tensorpack.utils.fs import mkdir_p
from tensorpack.utils.viz import stack_patches

VISUALIZED = 100  # images


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--load", metavar="PATH", help="a checkpoint, an npz file, or an exported model")
    parser.add_argument("--config", metavar="KEY=VALUE", nargs="+", default=[], help="settings, see config.py")
    parser.add_argument("--predict", metavar="IMAGE", nargs="+", help="draw detections to output.png, output-2.png, ...")
    parser.add_argument("--evaluate", metavar="OUT.json", help="write results of each data set of DATA.VAL to OUT.json-NAME")
    parser.add_argument("--benchmark", action="store_true", help="predict all images of the first data set of DATA.VAL")
    parser.add_argument("--visualize", action="store_true", help="draw what the steps of the model say about training images")
    parser.add_argument("--output-pb", metavar="FILE", help="a frozen graph")
    parser.add_argument("--output-serving", metavar="DIR", help="a SavedModel")
    parser.add_argument("--output-onnx", metavar="FILE", help="for ONNX Runtime, OpenVINO and others")
    parser.add_argument("--output-tflite", metavar="FILE", help="for TensorFlow Lite")
    parser.add_argument("--fake", action="store_true", help="a small network; without --load its weights are random")
    args = parser.parse_args()
    exports = [args.output_pb, args.output_serving, args.output_onnx, args.output_tflite]
    if not args.load and not args.fake:
        parser.error("--load PATH is needed")
    if args.evaluate and not args.evaluate.endswith(".json"):
        parser.error("--evaluate takes a file name that ends in .json; got {}".format(args.evaluate))
    if args.visualize and (args.predict or args.evaluate or args.benchmark or any(exports)):
        parser.error("--visualize goes with no other mode")
    if not (args.visualize or args.predict or args.evaluate or args.benchmark or any(exports)):
        parser.error("one of --predict, --evaluate, --benchmark, --visualize or --output-... is needed")
    return args


def predict_config(model, load, outputs=None, inputs=None):
    names = model.get_inference_tensor_names()
    return PredictConfig(model=model, session_init=SmartInit(load), input_names=inputs or names[0],
                         output_names=outputs or names[1])


def predict_files(files, predictor):
    """Write an image for each file: the picture, and what is detected in it."""
    for number, name in enumerate(files, 1):
        img = read_image(name)
        results = predict_image(img, predictor)
        draw = draw_final_outputs_blackwhite if cfg.MODE_MASK else draw_final_outputs
        shown = np.concatenate([img, draw(img, results)], axis=1)
        output = "output.png" if number == 1 else "output-{}.png".format(number)
        cv2.imwrite(output, shown)
        logger.info("%s: %d detections, drawn in %s", name, len(results), output)
        show(shown)


def show(image):
    """Open a window, where there is a display and an OpenCV that can."""
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return
    try:
        cv2.imshow("detections", image)
        cv2.waitKey()
    except cv2.error as e:
        logger.info("No window is opened: %s", str(e).strip().splitlines()[-1])


def evaluate(predictor, config, output):
    """Evaluate each data set of DATA.VAL, by the predictor, or with several GPUs in several processes."""
    for name in cfg.DATA.VAL:
        logger.info("Evaluating %s ...", name)
        if config is not None and cfg.TRAIN.NUM_GPUS > 1:
            records = evaluate_in_processes(config, name, cfg.TRAIN.NUM_GPUS)
        else:
            records = predict_dataflow(get_eval_dataflow(name), predictor)
        statistics = DatasetRegistry.get(name).eval_inference_results(records, "{}-{}".format(output, name))
        for key, value in statistics.items():
            logger.info("%s %s: %.4f", name, key, value)


def benchmark(predictor):
    predict_dataflow(get_eval_dataflow(cfg.DATA.VAL[0]), predictor)


def visualize(model, load, folder="output"):
    """Write images in four parts: objects, the best proposals for each, what the head says about these, and detections."""
    proposals = "generate_{}_proposals/".format("fpn" if cfg.MODE_FPN else "rpn")
    outputs = [proposals + "boxes", proposals + "scores", "fastrcnn_all_scores"] + model.get_inference_tensor_names()[1]
    config = predict_config(model, load, outputs, inputs=["image", "gt_boxes", "gt_labels"])
    flow = get_train_dataflow()
    flow.reset_state()
    shutil.rmtree(folder, ignore_errors=True)
    mkdir_p(folder)
    with OfflinePredictor(config) as predictor, get_tqdm(total=VISUALIZED) as bar:
        for number, dp in zip(range(VISUALIZED), flow):
            boxes, scores, all_scores, *final = predictor(dp["image"], dp["gt_boxes"], dp["gt_labels"])
            parts = draw_steps(dp, boxes, scores, all_scores, final)
            cv2.imwrite(os.path.join(folder, "{:03d}.png".format(number)), stack_patches(parts, 2, 2))
            bar.update()


def draw_steps(dp, boxes, scores, all_scores, final):
    image = dp["image"]
    proposals, chosen = draw_proposal_recall(image, boxes, scores, dp["gt_boxes"])
    results = [DetectionResult(*each[:3], mask=None) for each in to_results(final[:3], image.shape[:2], image.shape[:2])]
    return [draw_annotation(image, dp["gt_boxes"], dp["gt_labels"]), proposals,
            draw_predictions(image, boxes[chosen], all_scores[chosen]), draw_final_outputs(image, results)]


def export(config, args):
    exporter, example = ModelExporter(config), export_example(args.predict)
    if args.output_pb:
        exporter.export_compact(args.output_pb, optimize=False, example=example)
    elif args.output_serving:
        exporter.export_serving(args.output_serving, example=example)
    if args.output_onnx:
        exporter.export_onnx(args.output_onnx, example=example)
    if args.output_tflite:
        exporter.export_tflite(args.output_tflite, example=example)


def export_example(paths):
    """What an export is compared on: the first image to predict, else noise of the size that images have here.

    In tiny images, as an export draws them, the first difference is the order of proposals: their scores are too close.
    """
    if paths:
        image = read_image(paths[0])
    else:
        size = cfg.PREPROC.TEST_SHORT_EDGE_SIZE
        image = np.random.RandomState(0).randint(0, 256, (size, size * 4 // 3, 3)).astype("uint8")
    return [resize_for_prediction(image)]


def main():
    args = parse_args()
    if args.fake:
        args.config = shapes.fake_settings("train_log/fake") + args.config
    cfg.update_args(args.config)
    register_coco(cfg.DATA.BASEDIR)
    register_balloon(cfg.DATA.BASEDIR)
    shapes.register_shapes(cfg.DATA.BASEDIR)
    finalize_configs(is_training=False)
    if args.predict or args.visualize:
        cfg.TEST.RESULT_SCORE_THRESH = cfg.TEST.RESULT_SCORE_THRESH_VIS

    model = ResNetFPNModel() if cfg.MODE_FPN else ResNetC4Model()
    load = args.load or shapes.random_weights(model)
    if args.visualize:
        return visualize(model, load)
    predictor, config = None, None
    if is_exported(load):
        predictor = load_exported(load, model)
    else:
        config = predict_config(model, load)
        export(config, args)
        if args.predict or args.evaluate or args.benchmark:
            predictor = OfflinePredictor(config)
    if args.predict:
        predict_files(args.predict, predictor)
    elif args.evaluate:
        evaluate(predictor, config, args.evaluate)
    elif args.benchmark:
        benchmark(predictor)


if __name__ == "__main__":
    main()
