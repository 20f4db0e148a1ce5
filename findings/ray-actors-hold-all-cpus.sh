#!/bin/sh
# In Ray 2.60, a pool of actors for `map_batches` may take all CPUs of the cluster; then the tasks that read the data never get one,
# and the pass gives no row, without an error. One CPU less, or actors of half a CPU, and it runs. Worker processes have the nice
# value 15 beside that of the driver, so on a machine that is busy they hardly get any time: RAY_worker_niceness=0 in the environment.
# Answered by docs/tutorial/inference.md: the actors there leave a CPU to the tasks that read.
. "$(dirname "$0")/lib/finding.sh"
environment ray "ray[data]==2.60.0" pandas==3.0.3 numpy==2.4.6
observe ray <<'END'
import os
import sys
import tempfile
import threading

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
import ray


class Niceness:
    def __call__(self, batch):
        return dict(batch, nice=[os.nice(0)] * len(batch["id"]))


found = {}


def run(cpus):
    found[cpus] = ray.data.range(100).map_batches(
        Niceness, batch_size=10, num_cpus=cpus, compute=ray.data.ActorPoolStrategy(size=2)).take_all()


with tempfile.TemporaryDirectory(prefix="ray-") as folder:
    ray.init(num_cpus=2, include_dashboard=False, object_store_memory=80 << 20, _temp_dir=folder, log_to_driver=False)
    for cpus in 0.5, 1:
        thread = threading.Thread(target=run, args=[cpus], daemon=True)
        thread.start()
        thread.join(120)
        print("ray {}, 2 CPUs, 2 actors of {}: {}".format(
            ray.__version__, cpus, "no row in two minutes" if cpus not in found else "{} rows".format(len(found[cpus]))))
    print("workers are nicer than the driver by", found[0.5][0]["nice"] - os.nice(0))
    ray.shutdown()
sys.stdout.flush()
os._exit(0)  # a thread still waits
END
expect <<'END'
ray 2.60.0, 2 CPUs, 2 actors of 0.5: 100 rows
ray 2.60.0, 2 CPUs, 2 actors of 1: no row in two minutes
workers are nicer than the driver by 15
END
