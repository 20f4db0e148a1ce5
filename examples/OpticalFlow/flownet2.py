#!/usr/bin/env python
"""The optical flow between images by FlowNet2, FlowNet2-S or FlowNet2-C, with trained weights.

Usage:
  flownet2.py --model flownet2 --load flownet2.npz --images A.png B.png [C.png ...] [--gt FILE.flo]
  flownet2.py --model flownet2 --load flownet2.npz --sintel_path DIR
"""
import argparse
import os
import sys

import cv2
import numpy as np
from flow_data import crop, crop_size, read_flow, read_images, sintel
from flownet_models import FlowNet2, FlowNet2C, FlowNet2S
from helper import Flow

from tensorpack import OfflinePredictor, PredictConfig, SmartInit
from tensorpack.utils.utils import get_tqdm
from tensorpack.utils.viz import stack_patches

MODELS = {"flownet2": FlowNet2, "flownet2-s": FlowNet2S, "flownet2-c": FlowNet2C}


def planes(image):
    """[H, W, C] -> [1, C, H, W] float32."""
    return image.transpose(2, 0, 1)[np.newaxis].astype("float32")


def predictor(model, path, height, width, with_error=False):
    """A function of left and right image (and true flow) to the flow (and its error)."""
    return OfflinePredictor(PredictConfig(
        model=MODELS[model](height, width), session_init=SmartInit(path),
        input_names=["left", "right"] + ["gt_flow"] * with_error, output_names=["prediction"] + ["epe"] * with_error))


def show(picture):
    """In a window until a key is pressed, where there are windows."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return
    try:
        cv2.imshow("flow", picture)
        cv2.waitKey()
    except cv2.error:  # this OpenCV is built without windows
        pass


def apply(model, path, image_paths, truth_path=None, write_flows=False):
    """Write `flow_output000.png` and so on into the current directory: both images, the flow, the true flow."""
    images = read_images(image_paths)
    height, width = crop_size(images[0], image_paths[0])
    truth = [] if truth_path is None else [crop(read_flow(truth_path, images[0]), height, width)]
    images = [crop(image, height, width) for image in images]
    with predictor(model, path, height, width) as predict:
        for k, (left, right) in enumerate(zip(images, images[1:])):
            flow = predict(planes(left), planes(right))[0][0].transpose(1, 2, 0)
            coloured = [Flow().visualize(each) * 255 for each in [flow] + truth]
            picture = stack_patches([left, right] + coloured, 2, 2).astype("uint8")
            name = "flow_output{:03d}".format(k)
            cv2.imwrite(name + ".png", picture)
            if write_flows:
                Flow.write(name + ".flo", flow)
            print("{} -> {}: {}.png, mean speed {:.2f} pixels".format(
                image_paths[k], image_paths[k + 1], name, np.hypot(flow[..., 0], flow[..., 1]).mean()))
            show(picture)


def evaluate(model, path, folder):
    """Print the mean error over the pairs of MPI Sintel."""
    frames = sintel(folder)
    frames.reset_state()
    errors, size = [], None
    predict = None
    for left, right, truth in get_tqdm(frames):
        if size is None:
            size = left.shape
            height, width = crop_size(left, folder)
            predict = predictor(model, path, height, width, with_error=True)
        if left.shape != size:
            raise ValueError("{}: all images must be of one size, {}x{}; got {}x{}".format(
                folder, size[1], size[0], left.shape[1], left.shape[0]))
        errors.append(predict(*[planes(crop(each, height, width)) for each in (left, right, truth)])[1])
    predict.close()
    print("average endpoint error (AEE): {:f}".format(np.mean(errors)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=sorted(MODELS), required=True)
    parser.add_argument("--load", metavar="NPZ", required=True, help="the weights")
    parser.add_argument("--images", metavar="IMAGE", nargs="+", help="two or more of one size, in the order of time")
    parser.add_argument("--gt", metavar="FLO", help="the true flow between the first two, to be shown beside")
    parser.add_argument("--flo", action="store_true", help="write flow_output000.flo and so on as well")
    parser.add_argument("--sintel_path", metavar="DIR", help="the folder `training` of MPI Sintel, to be evaluated on")
    args = parser.parse_args()
    if args.sintel_path:
        return evaluate(args.model, args.load, args.sintel_path)
    if args.images is None or len(args.images) < 2:
        parser.error("--images needs two or more images, or --sintel_path a folder; got {}".format(args.images or "none"))
    apply(args.model, args.load, args.images, args.gt, args.flo)


if __name__ == "__main__":
    main()
