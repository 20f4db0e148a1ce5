"""One contender of `dataflow_transport.py`, in an interpreter of its own, which may be that of a peer: needs numpy only.

Usage: _transport_worker.py CONTENDER KIND NUM_PROC SECONDS [ROOT]. KIND is "batch", "lone" or a number of bytes. The last
line of output is a JSON object: datapoints per second, bytes of one, CPU seconds per GB, MB of memory per worker. Of "lone" it
is the median of the microseconds that a datapoint takes to the consumer when one is made each 5 ms.
"""
import multiprocessing
import os
import sys
import time

import _session
import numpy as np

BATCH, IMAGE = 32, (224, 224, 3)


def images():
    return [np.random.randint(0, 255, IMAGE, dtype="uint8") for _ in range(BATCH)]


def datapoints(kind):
    """Endless components: images to be batched, or one array again and again."""
    if kind == "lone":
        yield from lone()
    sources = images() if kind == "batch" else [np.zeros(int(kind), "uint8")]
    while True:
        yield from sources


def lone():
    """When each one was made."""
    while True:
        time.sleep(0.005)
        yield np.array([time.perf_counter()])


def tensorpack(kind, num_proc):
    from tensorpack.dataflow.base import DataFlow
    from tensorpack.dataflow.common import BatchData
    from tensorpack.dataflow.parallel import MultiProcessRunnerZMQ

    class Source(DataFlow):
        def __iter__(self):
            for array in datapoints(kind):
                yield [array]

    df = MultiProcessRunnerZMQ(BatchData(Source(), BATCH) if kind == "batch" else Source(), num_proc)
    df.reset_state()
    return (dp[0] for dp in df)


ours = original = tensorpack


def pytorch(kind, num_proc):
    import torch

    class Source(torch.utils.data.IterableDataset):
        def __iter__(self):
            return map(torch.from_numpy, datapoints(kind))

    # prefetch_factor: 50 datapoints may wait for each worker of the others, too
    return iter(torch.utils.data.DataLoader(Source(), batch_size=BATCH if kind == "batch" else None, num_workers=num_proc,
                                            prefetch_factor=50))


def grain(kind, num_proc):
    import grain.python as pygrain

    sources = images() if kind == "batch" else [np.zeros(int(kind), "uint8")]
    ds = pygrain.MapDataset.source(sources).repeat(None).to_iter_dataset()
    if kind == "batch":
        ds = ds.batch(BATCH)
    return iter(ds.mp_prefetch(pygrain.MultiprocessingOptions(num_workers=num_proc, per_worker_buffer_size=50)))


def memcpy(kind, num_proc):
    """The limit of all that copies once, in one process."""
    source = np.stack(images()) if kind == "batch" else np.zeros(int(kind), "uint8")
    target = np.empty_like(source)
    while True:
        np.copyto(target, source)
        yield target


def no_handover(kind, num_proc):
    """The limit: what the workers make when nobody takes it. Yields from shared counters."""
    counters = [multiprocessing.get_context("fork").Value("l", 0, lock=False) for _ in range(num_proc)]
    for counter in counters:
        multiprocessing.get_context("fork").Process(target=produce, args=(kind, counter), daemon=True).start()
    array, seen = np.empty((BATCH,) + IMAGE if kind == "batch" else int(kind), "uint8"), 0
    while True:
        made = sum(counter.value for counter in counters)
        while seen < made:
            seen += 1
            yield array
        time.sleep(0.001)


def produce(kind, counter):
    source = datapoints(kind)
    out = np.empty((BATCH,) + IMAGE, "uint8")
    while True:
        if kind == "batch":
            np.stack([next(source) for _ in range(BATCH)], out=out)
        else:
            next(source)
        counter.value += 1


def processes():
    """(pid, CPU seconds, resident MB) of this session."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/{}/stat".format(name)) as f:
                fields = f.read().rpartition(")")[2].split()
            if int(fields[3]) != os.getpid():
                continue
            with open("/proc/{}/statm".format(name)) as f:
                pages = int(f.read().split()[1])
        except OSError:
            continue
        ticks = os.sysconf("SC_CLK_TCK")
        found.append((int(name), (int(fields[11]) + int(fields[12])) / ticks, pages * os.sysconf("SC_PAGE_SIZE") / 1e6))
    return found


def measure(iterator, seconds):
    end = time.perf_counter() + max(0.5, seconds / 3)
    while time.perf_counter() < end:
        array = next(iterator)
    cpu, count, start = sum(p[1] for p in processes()), 0, time.perf_counter()
    while time.perf_counter() < start + seconds:
        for _ in range(10):
            array = next(iterator)
        count += 10
    took, after = time.perf_counter() - start, processes()
    workers = [megabytes for pid, _, megabytes in after if pid != os.getpid()]
    gigabytes = count * array.nbytes / 1e9
    return {"rate": count / took, "bytes": int(array.nbytes), "cpu_per_gb": (sum(p[1] for p in after) - cpu) / gigabytes,
            "worker_mb": sum(workers) / max(1, len(workers))}


def measure_latency(iterator, seconds):
    took, end = [], time.perf_counter() + max(1, seconds)
    while time.perf_counter() < end:
        made = next(iterator)
        took.append(time.perf_counter() - made[0])
    return {"latency": 1e6 * float(np.median(took[20:]))}


if __name__ == "__main__":
    contender, kind, num_proc, seconds = sys.argv[1:5]
    sys.path[:] = sys.argv[5:6] + sys.path[1:] + sys.path[:1]  # this folder last: it has an imgaug.py
    _session.lead()
    judge = measure_latency if kind == "lone" else measure
    _session.finish(judge(globals()[contender](kind, int(num_proc)), float(seconds)))
