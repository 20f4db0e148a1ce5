#!/usr/bin/env python
"""What a second actor is worth: PredictBatches in a pool of one and of two of Ray's actors, each with one thread.

The model is a ResNet-50 of 224x224 images in ONNX Runtime, or in TensorFlow where that is missing; the images are uint8 columns
that lie in Ray's store. Pools take turns, in a new pass over the data each; the time is that in which all actors are at work.
Three more figures tell what there would be on a machine that nobody else uses: images per second of CPU time of the calls,
which falls where actors take something from each other; the part of its time that an actor is in a call, which falls where it
waits for Ray; and what these two make of a core for each actor.

A block is a task of Ray, which an actor has to wait for: with one batch a block there is such a task for each call. `--batch 1
--batches-per-block 1,8` shows what that does to small batches.

Target: images/s of two actors >= 1.7 x those of one, as measured and with a core for each. Two processes without Ray show
what the machine allows.
Usage: ray_predict.py [--model FILE] [--ray-alone] [--batches N] [--batch N] [--batches-per-block N,...] [--rounds N]
    [--json FILE]
FILE is a ResNet-50 of 224x224 images, an .onnx file that ModelExporter wrote; --ray-alone leaves out the processes without Ray.
"""
import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from functools import partial

import numpy as np
from _harness import ROOT, Row, median, report, take_turns, tensorflow_version

SIZE = 224
FIGURES = [("images/s", "/s", ">= 1.7"), ("images per second of CPU time", "/s", None), ("time in calls", "%", None),
           ("images/s with a core for each", "/s", ">= 1.7")]
ALONE = "processes alone"


def export(folder):
    """The model's file, and the engine for it."""
    from engines import installed_engines, model_of, trained

    from tensorpack.tfutils.export import ModelExporter

    exporter = ModelExporter(trained(model_of("resnet50")))
    if "onnxruntime" in installed_engines():
        path = os.path.join(folder, "model.onnx")
        exporter.export_onnx(path, verify=False)
        return path, "onnxruntime"
    path = os.path.join(folder, "model.pb")
    exporter.export_compact(path, verify=False)
    return path, "tensorflow"


def images(count):
    return np.random.RandomState(0).randint(0, 256, (count, SIZE, SIZE, 3)).astype("uint8")


class Predict:
    """Predicts, and adds to each row when its call began and ended, what CPU time it took, and in which process."""

    def __init__(self, path, engine, batch_size):
        from tensorpack.contrib.ray import PredictBatches

        self._predict = PredictBatches(path, engine, threads=1)
        self._predict({"image": images(batch_size)})

    def __call__(self, batch):
        start, cpu = time.time(), time.process_time()
        predicted = self._predict(batch)
        end, cpu, rows = time.time(), time.process_time() - cpu, len(batch["id"])
        call = {"rows": rows, "pid": os.getpid(), "start": start, "end": end, "cpu": cpu}
        del predicted["image"]
        return dict(predicted, **{name: np.full(rows, value) for name, value in call.items()})


def figures(rows):
    """Those of FIGURES, from the first call of the last actor to the end of the first that is done: while all were at work."""
    by_actor = {}
    for row in rows:
        by_actor.setdefault(row["pid"], {})[row["start"]] = row
    actors = [list(calls.values()) for calls in by_actor.values()]
    begin = max(min(call["start"] for call in calls) for calls in actors)
    end = min(max(call["end"] for call in calls) for calls in actors)
    if begin >= end:
        raise RuntimeError("the actors were never at work at the same time; let there be more blocks, by --batches")
    inside = [(call, max(0., min(end, call["end"]) - max(begin, call["start"]))) for calls in actors for call in calls]
    done = sum(call["rows"] * seconds / (call["end"] - call["start"]) for call, seconds in inside)
    in_calls = sum(seconds for _, seconds in inside) / (end - begin) / len(actors)
    of_cpu = sum(call["rows"] for call, _ in inside) / sum(call["cpu"] for call, _ in inside)
    return done / (end - begin), of_cpu, 100 * in_calls, len(actors) * in_calls * of_cpu


def stored(num_batches, batch_size, per_block):
    """The images in Ray's store."""
    import ray

    return ray.data.range(num_batches * batch_size, override_num_blocks=num_batches // per_block).map_batches(
        lambda batch: dict(batch, image=images(len(batch["id"]))), batch_size=None).materialize()


def with_ray(path, engine, num_actors, num_batches, batch_size, per_block):
    import ray

    # An actor has one block ahead and no more, so that all actors end at about the same time.
    rows = stored(num_batches, batch_size, per_block).map_batches(
        Predict, fn_constructor_args=[path, engine, batch_size], batch_size=batch_size, num_cpus=1,
        compute=ray.data.ActorPoolStrategy(size=num_actors, max_tasks_in_flight_per_actor=2)).take_all()
    if sorted(row["id"] for row in rows) != list(range(num_batches * batch_size)):
        raise RuntimeError("rows are lost or doubled")
    if len({row["pid"] for row in rows}) != num_actors:
        raise RuntimeError("not every actor has got a block; let there be more of them, by --batches")
    return figures(rows)


def work(path, engine, num_batches, batch_size, barrier, results):
    predict = Predict(path, engine, batch_size)
    batch = {"id": np.arange(batch_size), "image": images(batch_size)}
    barrier.wait()
    calls = [predict(dict(batch)) for _ in range(num_batches)]
    results.put([{name: call[name][0] for name in ("rows", "pid", "start", "end", "cpu")} for call in calls])


def without_ray(path, engine, num_processes, num_batches, batch_size):
    """The same by processes that share nothing."""
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(num_processes), context.Queue()
    processes = [context.Process(target=work, args=(path, engine, num_batches // num_processes, batch_size, barrier,
                                                            results)) for _ in range(num_processes)]
    for process in processes:
        process.start()
    found = sum((results.get(timeout=600) for _ in processes), [])
    for process in processes:
        process.join()
    return figures(found)


def kinds(per_block):
    return {"of Ray's actors, {} batches a block".format(size): size for size in per_block}


def shown(name, function):
    """A turn that tells its figures to whoever waits."""
    def turn():
        found = function()
        print(name, *["{:.1f} {}".format(value, unit) for value, (_, unit, _) in zip(found, FIGURES)], file=sys.stderr)
        return found

    return turn


def measure(path, engine, args):
    turns = {}
    for count in (1, 2):
        for kind, size in kinds(args.per_block).items():
            turns["{} {}".format(count, kind)] = partial(with_ray, path, engine, count, args.batches, args.batch, size)
        if not args.ray_alone:
            turns["{} {}".format(count, ALONE)] = partial(without_ray, path, engine, count, args.batches, args.batch)
    return take_turns({name: shown(name, function) for name, function in turns.items()}, args.rounds)


def rows_of(found):
    rows = []
    for i, (what, unit, target) in enumerate(FIGURES):
        for kind in [name[2:] for name in found if name.startswith("1 ")]:
            one, two = [median([each[i] for each in found["{} {}".format(count, kind)]]) for count in (1, 2)]
            rows.append(Row("1 {}: {}".format(kind, what), one, unit))
            rows.append(Row("2 {}: {}".format(kind, what), two, unit, "1", one, None if kind == ALONE else target))
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batches", type=int, default=24)
    parser.add_argument("--batch", type=int, default=4, help="images in a batch")
    parser.add_argument("--batches-per-block", dest="per_block", default=[6], metavar="N,...",
                        type=lambda text: [int(size) for size in text.split(",")])
    parser.add_argument("--model", help="an .onnx file")
    parser.add_argument("--ray-alone", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json")
    args = parser.parse_args()
    os.environ.update(RAY_USAGE_STATS_ENABLED="0", RAY_worker_niceness="0", TF_CPP_MIN_LOG_LEVEL="2",
                      PYTHONPATH=os.pathsep.join([ROOT, os.path.join(ROOT, "benchmarks")]))
    import ray

    from tensorpack import logger

    logger.setLevel("ERROR")
    with tempfile.TemporaryDirectory(prefix="ray-") as folder:
        path, engine = (os.path.abspath(args.model), "onnxruntime") if args.model else export(folder)
        # a third CPU, which is there in name alone, is for the tasks that read
        ray.init(num_cpus=3, include_dashboard=False, object_store_memory=200 << 20, _temp_dir=folder, log_to_driver=False,
                 logging_level="ERROR")
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars, context.wait_for_min_actors_s = False, 600
        try:
            found = measure(path, engine, args)
        finally:
            ray.shutdown()
    report("Prediction with Ray", rows_of(found), args.json, tensorflow=tensorflow_version(),
           ray=ray.__version__, engine=engine, rounds=args.rounds, batches=args.batches, batch=args.batch,
           load="{:.1f} of {} cores".format(os.getloadavg()[0], os.cpu_count()))


if __name__ == "__main__":
    sys.exit(main())
