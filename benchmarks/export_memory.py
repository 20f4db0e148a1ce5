#!/usr/bin/env python
"""Peak memory of a predictor and of exports of a large embedding, as a multiple of its weights.

Usage: export_memory.py [--megabytes 2300] [--only serving,onnx,predictor]

Each measurement is a process of its own with the engines that it starts; the checkpoint is made once. Target: 2.2.
"""
import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

TARGET = 2.2
COLUMNS = 256


def config_of(megabytes, checkpoint):
    from tensorpack.compat import tfv1 as tf
    from tensorpack.predict import PredictConfig
    from tensorpack.tfutils.sessinit import SmartInit

    def build(word):
        with tf.variable_scope("", use_resource=True):
            table = tf.get_variable("table", [megabytes * 1000000 // (4 * COLUMNS), COLUMNS],
                                    initializer=tf.zeros_initializer())
        tf.identity(tf.nn.embedding_lookup(table, word), name="y")

    return PredictConfig(tower_func=build, input_signature=[tf.TensorSpec([None], tf.int32, "word")], input_names=["word"],
                         output_names=["y"], session_init=SmartInit(checkpoint) if checkpoint else None)


def make_checkpoint(megabytes, prefix):
    from tensorpack.compat import tfv1 as tf
    from tensorpack.predict import OfflinePredictor

    with OfflinePredictor(config_of(megabytes, None)) as predictor, predictor.graph.as_default():
        tf.train.Saver().save(predictor.sess, prefix, write_meta_graph=False)


def work(kind, megabytes, folder):
    """One measurement: prints its peak in bytes."""
    from tensorpack.predict import OfflinePredictor
    from tensorpack.tfutils._export import freeze
    from tensorpack.tfutils.export import ModelExporter

    if megabytes < 2200:  # as if it were too large
        freeze._GRAPH_DEF_LIMIT = megabytes * 900000
    config = config_of(megabytes, os.path.join(folder, "model"))
    if kind == "predictor":
        with OfflinePredictor(config) as predictor:
            predictor([0, 5])
    else:
        getattr(ModelExporter(config), "export_" + kind)(os.path.join(folder, kind))


def measured(kind, megabytes, folder):
    """Largest sum of the private memory of a process and those that it starts, in bytes, and seconds."""
    process = subprocess.Popen([sys.executable, __file__, "--work", kind, "--megabytes", str(megabytes), "--folder", folder])
    peak, start = [0], time.time()

    def watch():
        while process.poll() is None:
            peak[0] = max(peak[0], sum(map(private_bytes, [process.pid] + children(process.pid))))
            time.sleep(.05)

    thread = threading.Thread(target=watch)
    thread.start()
    thread.join()
    if process.returncode:
        raise SystemExit("{} failed with status {}".format(kind, process.returncode))
    return peak[0], time.time() - start


def children(pid):
    try:
        with open("/proc/{0}/task/{0}/children".format(pid)) as f:
            return [int(each) for each in f.read().split()]
    except OSError:
        return []


def private_bytes(pid):
    """Memory without pages of files, which the system takes back when it needs them; what processes share counts once."""
    try:
        with open("/proc/{}/smaps_rollup".format(pid)) as f:
            fields = dict(line.split(":", 1) for line in f.read().splitlines()[1:])
        return int(fields["Pss_Anon"].split()[0]) * 1024
    except (OSError, KeyError):
        return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=2300)
    parser.add_argument("--only", default="predictor,serving,onnx")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work == "checkpoint":
        make_checkpoint(args.megabytes, os.path.join(args.folder, "model"))
    elif args.work:
        work(args.work, args.megabytes, args.folder)
    else:
        with tempfile.TemporaryDirectory() as folder:
            measured("checkpoint", args.megabytes, folder)
            for kind in args.only.split(","):
                peak, seconds = measured(kind, args.megabytes, folder)
                times = peak / (args.megabytes * 1e6)
                print("{:10} {:5.2f} times the weights ({:.2f} GB), target {}: {}; {:.0f} s".format(
                    kind, times, peak / 1e9, TARGET, "met" if times <= TARGET else "missed", seconds), flush=True)


if __name__ == "__main__":
    main()
