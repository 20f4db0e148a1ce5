#!/usr/bin/env python
"""What a second actor is worth: PredictBatches in a pool of one and of two of Ray's actors, each with one thread.

The model is a ResNet-50 of 128x128 images in ONNX Runtime, or in TensorFlow where that is missing; the images are made by the
actors, so that what is measured is prediction. Pools take turns, in a new pass over the data each; the time is that in which
all actors are at work. Images per second need a core for each actor. Two more figures tell what there would be on a machine
that nobody else uses: images per second of CPU time of the calls, which falls where actors take something from each other,
and the part of its time that an actor is in a call, which falls where it waits for Ray.

Target: images/s of two actors >= 1.7 x those of one. Two processes without Ray show what the machine allows.
Usage: ray_predict.py [--batches N] [--rounds N] [--json FILE]
"""
import argparse
import multiprocessing
import os
import sys
import tempfile
import time

import numpy as np
from _harness import ROOT, Row, median, report, take_turns, tensorflow_version

SIZE, BATCH = 128, 4
FIGURES = [("images/s", "/s", ">= 1.7"), ("images per second of CPU time", "/s", None), ("time in calls", "%", None)]


def export(folder):
    """The model's file, and the engine for it."""
    from engines import SHAPES, installed_engines, model_of, trained

    from tensorpack.tfutils.export import ModelExporter

    SHAPES["resnet50"] = (SIZE, SIZE, 3)
    exporter = ModelExporter(trained(model_of("resnet50")))
    if "onnxruntime" in installed_engines():
        path = os.path.join(folder, "model.onnx")
        exporter.export_onnx(path)
        return path, "onnxruntime"
    path = os.path.join(folder, "model.pb")
    exporter.export_compact(path)
    return path, "tensorflow"


class Predict:
    """Predicts images that it has; a call returns the times at which it was done, and its CPU time, instead of the results."""

    def __init__(self, path, engine):
        from tensorpack.contrib.ray import PredictBatches

        self._predict = PredictBatches(path, engine, threads=1)
        self._images = np.random.RandomState(0).rand(BATCH, SIZE, SIZE, 3).astype("float32")
        self._predict({"image": self._images})

    def __call__(self, batch):
        start, cpu = time.time(), time.process_time()
        self._predict(dict(batch, image=self._images[:len(batch["id"])]))
        return {"pid": [os.getpid()], "start": [start], "end": [time.time()], "cpu": [time.process_time() - cpu]}


def figures(calls):
    """Those of FIGURES, from the first batch of the last actor to the last of the first: while all were at work."""
    by_actor = {}
    for call in calls:
        by_actor.setdefault(call["pid"], []).append(call)
    begin = max(min(call["end"] for call in own) for own in by_actor.values())
    end = min(max(call["end"] for call in own) for own in by_actor.values())
    inside = [call for call in calls if begin < call["end"] <= end]
    in_calls = sum(call["end"] - max(begin, call["start"]) for call in inside) / (end - begin) / len(by_actor)
    return BATCH * len(inside) / (end - begin), BATCH * len(inside) / sum(call["cpu"] for call in inside), 100 * in_calls


def with_ray(path, engine, num_actors, num_batches):
    import ray

    # A block has one batch, and an actor has one block ahead, so that both end at about the same time.
    found = ray.data.range(num_batches * BATCH, override_num_blocks=num_batches).map_batches(
        Predict, fn_constructor_args=[path, engine], batch_size=BATCH, num_cpus=1,
        compute=ray.data.ActorPoolStrategy(size=num_actors, max_tasks_in_flight_per_actor=2)).take_all()
    if len({row["pid"] for row in found}) != num_actors:
        raise RuntimeError("not every actor has got a batch; let there be more of them, by --batches")
    return figures(found)


def work(path, engine, num_batches, barrier, results):
    predict = Predict(path, engine)
    barrier.wait()
    results.put([predict({"id": np.arange(BATCH)}) for _ in range(num_batches)])


def without_ray(path, engine, num_processes, num_batches):
    """The same by processes that share nothing."""
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(num_processes), context.Queue()
    processes = [context.Process(target=work, args=(path, engine, num_batches // num_processes, barrier, results))
                 for _ in range(num_processes)]
    for process in processes:
        process.start()
    found = sum((results.get(timeout=600) for _ in processes), [])
    for process in processes:
        process.join()
    return figures([{name: value[0] for name, value in each.items()} for each in found])


def measure(path, engine, args):
    turns = {}
    for count in (1, 2):
        turns["{} of Ray's actors".format(count)] = lambda count=count: with_ray(path, engine, count, args.batches)
        turns["{} processes alone".format(count)] = lambda count=count: without_ray(path, engine, count, args.batches)
    return take_turns(turns, args.rounds)


def rows_of(found):
    rows = []
    for i, (what, unit, target) in enumerate(FIGURES):
        for kind in ("of Ray's actors", "processes alone"):
            one, two = [median([each[i] for each in found["{} {}".format(count, kind)]]) for count in (1, 2)]
            rows.append(Row("1 {}: {}".format(kind, what), one, unit))
            rows.append(Row("2 {}: {}".format(kind, what), two, unit, "1", one, target if "Ray" in kind else None))
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batches", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json")
    args = parser.parse_args()
    os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_worker_niceness="0", TF_CPP_MIN_LOG_LEVEL="2",
                      PYTHONPATH=os.pathsep.join([ROOT, os.path.join(ROOT, "benchmarks")]))
    import ray

    from tensorpack import logger

    logger.setLevel("ERROR")
    with tempfile.TemporaryDirectory(prefix="ray-") as folder:
        path, engine = export(folder)
        # a third CPU, which is there in name alone, is for the tasks that read
        ray.init(num_cpus=3, include_dashboard=False, object_store_memory=100 << 20, _temp_dir=folder, log_to_driver=False,
                 logging_level="ERROR")
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars, context.wait_for_min_actors_s = False, 600
        try:
            found = measure(path, engine, args)
        finally:
            ray.shutdown()
    report("Prediction with Ray", rows_of(found), args.json, tensorflow=tensorflow_version(), ray=ray.__version__,
           engine=engine, rounds=args.rounds, batches=args.batches, batch=BATCH,
           load="{:.1f} of {} cores".format(os.getloadavg()[0], os.cpu_count()))


if __name__ == "__main__":
    sys.exit(main())
