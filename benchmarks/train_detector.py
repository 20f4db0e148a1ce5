#!/usr/bin/env python
"""Training and inference of the small Mask R-CNN of `examples/FasterRCNN` in images/s: ours against torchvision's.

Both have the same layers, anchors and numbers of samples and boxes, read the same drawn images, and update after each image.
They run in processes of their own, in turns, on two cores; CPU time is that of all threads and includes reading images, labels
of anchors and masks. In inference the weights are random, so that both give as many boxes as are allowed.
Targets: >= 1.2 x torchvision in both.

Usage: train_detector.py [--torch PYTHON] [--steps N] [--rounds N] [--json FILE]
torchvision runs with one thread and with two, and the better counts.
PYTHON is an interpreter with torchvision, opencv-python and pycocotools; default: this one.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

from _harness import ROOT, Row, median, pin_threads, report, run_worker, tensorflow_version

FOLDER = os.path.join(ROOT, "examples", "FasterRCNN")
PEER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_detector_torch.py")


def worker(folder, steps, warmup):
    """Prints milliseconds and CPU milliseconds of an image in training, in the data pipeline alone, and in inference."""
    os.environ["TF_NUM_INTRAOP_THREADS"] = "1"  # as shapes-training.py does
    sys.path.insert(0, FOLDER)
    import numpy as np
    import shapes
    from config import config as cfg
    from config import finalize_configs
    from data import get_train_dataflow, read_image
    from eval import predict_image
    from modeling.generalized_rcnn import ResNetFPNModel

    from tensorpack import (
        Callback,
        OfflinePredictor,
        PredictConfig,
        QueueInput,
        SimpleTrainer,
        SmartInit,
        TrainConfig,
        launch_train_with_config,
        logger,
    )

    logger.setLevel("WARNING")
    cfg.update_args(shapes.SMALL_NETWORK + ["DATA.BASEDIR=" + folder, "DATA.NUM_WORKERS=0", "TRAIN.BATCH_SIZE=1"])
    shapes.register_shapes(folder)
    finalize_configs(is_training=True)

    class Timer(Callback):
        """The times of the last epoch; the first one is to warm up."""

        def _before_epoch(self):
            self.start, self.cpu = time.perf_counter(), time.process_time()

        def _after_epoch(self):
            self.times = [(time.perf_counter() - self.start) * 1e3 / steps, (time.process_time() - self.cpu) * 1e3 / steps]

    flow = get_train_dataflow()
    timer = Timer()
    launch_train_with_config(
        TrainConfig(model=ResNetFPNModel(), data=QueueInput(flow), callbacks=[timer], monitors=[], steps_per_epoch=steps,
                    max_epoch=2), SimpleTrainer())
    flow.reset_state()
    cpu, count = time.process_time(), 0
    for _ in flow:
        count += 1
    pipeline = (time.process_time() - cpu) * 1e3 / count
    model = ResNetFPNModel()
    inputs, outputs = model.get_inference_tensor_names()
    weights = shapes.random_weights(model)
    names = [each["file_name"] for each in shapes.DatasetRegistry.get("shapes_val").inference_roidbs()]
    with OfflinePredictor(PredictConfig(model=model, session_init=SmartInit(weights), input_names=inputs,
                                        output_names=outputs)) as predictor:
        found = [len(predict_image(read_image(names[k % len(names)]), predictor)) for k in range(warmup)]
        start, cpu = time.perf_counter(), time.process_time()
        for k in range(steps):
            found.append(len(predict_image(read_image(names[k % len(names)]), predictor)))
        predict = [(time.perf_counter() - start) * 1e3 / steps, (time.process_time() - cpu) * 1e3 / steps]
    print(json.dumps({"train": timer.times, "predict": predict, "pipeline": pipeline, "boxes": float(np.mean(found)),
                      "weights": int(sum(value.size for value in weights.values()))}))


def run_torch(python, *args):
    # threads that wait in a loop would count as work
    environment = dict(os.environ, OMP_WAIT_POLICY="PASSIVE")
    run = subprocess.run([python, PEER] + list(args), stdout=subprocess.PIPE, encoding="utf-8", check=True, env=environment)
    return json.loads(run.stdout.strip().splitlines()[-1])


def better(results, key, index):
    """Median figure of the number of threads that is faster."""
    return max(median([1e3 / each[key][index] for each in some]) for some in results)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch", default=sys.executable, help="an interpreter with torchvision")
    parser.add_argument("--steps", type=int, default=60, help="images that are timed")
    parser.add_argument("--warmup", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    args = parser.parse_args()
    pin_threads(2)
    if args.worker:
        return worker(args.worker, args.steps, args.warmup)
    counts = [str(args.steps), str(args.warmup)]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, os.path.join(FOLDER, "shapes.py"), folder, "--train", "100", "--val", "20"], check=True,
                       stdout=subprocess.DEVNULL)
        ours, peer = [], ([], [])
        for _ in range(args.rounds):
            ours.append(run_worker(__file__, "--worker", folder, "--steps", counts[0], "--warmup", counts[1]))
            for threads, results in enumerate(peer, 1):
                results.append(run_torch(args.torch, folder, *counts, str(threads)))
    rows = []
    for what, key in (("training", "train"), ("inference", "predict")):
        for index, kind in enumerate(("images/s", "images/CPU second")):
            rows.append(Row(what, median([1e3 / each[key][index] for each in ours]), kind, "torchvision",
                            better(peer, key, index), ">= 1.2"))
    report("A small Mask R-CNN", rows, args.json, tensorflow=tensorflow_version(),
           data_pipeline="{:.2f} CPU ms/image".format(median([each["pipeline"] for each in ours])),
           boxes="{:.0f}, {:.0f}".format(ours[0]["boxes"], peer[0][0]["boxes"]),
           weights="{:,}, {:,}".format(ours[0]["weights"], peer[0][0]["weights"]))


if __name__ == "__main__":
    main()
