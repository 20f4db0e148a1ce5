#!/usr/bin/env python
"""What a second worker is worth: CollectiveTrainer with 1 and 2 workers on this machine, each on a core of its own.

1. Samples/s of a compute-bound and of a communication-bound model. Target: >= 1.6 x those of one worker, compute-bound. What
   two workers reach that do not talk to each other shows what the machine would allow.
2. Bytes on the wire per step, by the counters of the loopback device, against the lower bound of a ring.
3. Latency and bandwidth of the all-reduce, from the steps of two models that do nothing else; the tutorial on distributed
   training extrapolates from them.
4. The same by Horovod, where it is installed.

Contenders take turns. Everything else on the machine should be quiet, the network of its loopback device, too.
Usage: scaling.py [--rounds N] [--scale X] [--bucket-bytes N] [--json FILE]
"""
import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections import OrderedDict

from _harness import ROOT, Row, median, report, take_turns, tensorflow_version

HERE = os.path.dirname(os.path.abspath(__file__))
SMALL, LARGE = "4096", str(32 << 20)
TRAININGS = ["compute", "communication"]


def command(*worker_args):
    return [os.path.join(HERE, "_scaling_worker.py")] + [str(arg) for arg in worker_args]


def collective(num_workers, args):
    """Figures of each model, by the chief of `num_workers` workers."""
    return finish([[sys.executable, "-m", "tensorpack.launch", "-n", str(num_workers)] + command(
        "--models", *TRAININGS + [SMALL, LARGE], "--scale", args.scale, "--bucket-bytes", args.bucket_bytes)])[0]


def horovod(args):
    return finish([[sys.executable, "-m", "horovod.runner.launch", "--gloo", "-np", "2", sys.executable] + command(
        "--models", *TRAININGS, "--scale", args.scale, "--trainer", "horovod")])[0]


def strangers(args):
    """The sum of two workers that do not know each other, at the same time."""
    both = finish([[sys.executable] + command("--models", *TRAININGS, "--scale", args.scale, "--core", core)
                   for core in range(2)])
    return {name: {"samples": sum(one[name]["samples"] for one in both)} for name in TRAININGS}


def finish(commands):
    """Run commands at the same time; what each wrote to its --out."""
    with tempfile.TemporaryDirectory() as folder:
        runs = []
        for k, one in enumerate(commands):
            with open(os.path.join(folder, "log{}".format(k)), "w") as log:
                runs.append(subprocess.Popen(one + ["--out", os.path.join(folder, "out{}".format(k))], stdin=subprocess.DEVNULL,
                                             stdout=log, stderr=subprocess.STDOUT, env=environment()))
        for k, run in enumerate(runs):
            if run.wait() != 0:
                with open(os.path.join(folder, "log{}".format(k))) as log:
                    sys.exit("{} failed:\n{}".format(" ".join(run.args), log.read()[-5000:]))
        results = []
        for k in range(len(commands)):
            with open(os.path.join(folder, "out{}".format(k))) as f:
                results.append(json.load(f))
        return results


def environment():
    path = os.pathsep.join([ROOT] + [part for part in [os.environ.get("PYTHONPATH")] if part])
    return dict(os.environ, PYTHONPATH=path, TF_CPP_MIN_LOG_LEVEL="1")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of steps")
    parser.add_argument("--bucket-bytes", type=int, default=4 << 20, help="of the CollectiveTrainer")
    parser.add_argument("--json", help="write the figures to this file, too")
    args = parser.parse_args()
    contenders = OrderedDict([("1", lambda: collective(1, args)), ("2", lambda: collective(2, args)),
                              ("strangers", lambda: strangers(args))])
    if importlib.util.find_spec("horovod"):
        contenders["horovod"] = lambda: horovod(args)
    results = take_turns(contenders, args.rounds)

    def figure(contender, model, key):
        return median([result[model][key] for result in results[contender]])

    rows = []
    for model in TRAININGS:
        one = figure("1", model, "samples")
        rows.append(Row("{}-bound, 1 worker".format(model), one, "samples/s"))
        rows.append(Row("{}-bound, 2 workers".format(model), figure("2", model, "samples"), "samples/s", "1 worker", one,
                        ">= 1.6" if model == "compute" else None))
        rows.append(Row("{}-bound, 2 that do not talk".format(model), figure("strangers", model, "samples"), "samples/s",
                        "1 worker", one))
        if "horovod" in results:
            rows.append(Row("{}-bound, 2 of Horovod".format(model), figure("horovod", model, "samples"), "samples/s",
                            "1 worker", one))
    for model in TRAININGS + [LARGE]:
        name = "{}-bound".format(model) if model in TRAININGS else "{} MiB alone".format(int(model) >> 20)
        bound = 2 * figure("2", model, "gradient_bytes") / 1e6  # 2 (n - 1) / n for each of n = 2 workers
        rows.append(Row("{}, 2 workers: on the wire".format(name), figure("2", model, "loopback_bytes") / 1e6, "MB/step",
                        "lower bound of a ring", bound))
    small, large = [figure("2", model, "seconds") - figure("1", model, "seconds") for model in (SMALL, LARGE)]
    rows.append(Row("latency of a message", small / 2 * 1e6, "us"))
    rows.append(Row("bandwidth of the all-reduce", (int(LARGE) - int(SMALL)) / (large - small) / 1e6, "MB/s"))
    report("1 and 2 workers, a core each", rows, args.json, tensorflow=tensorflow_version(), rounds=args.rounds,
           horovod="yes" if "horovod" in results else "not installed")


if __name__ == "__main__":
    main()
