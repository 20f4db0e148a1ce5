"""One contender of `dataflow_memory.py`, in an interpreter of its own, which may be that of a peer.

Usage: _memory_worker.py CONTENDER RECORDS WORKERS EPOCHS [ROOT]. The last line of output is a JSON object: MB of all processes
together (proportional, so that shared pages count once) before workers start, at the peak, and after the first and last epoch;
CPU seconds.
"""
import sys
import threading
import time

import _session
import psutil

BATCH = 1000


def records(count):
    return [{"file": "{:08}.jpg".format(k), "label": k % 1000} for k in range(count)]


def use(record):
    return len(record["file"]) + record["label"]


def tensorpack_plain(count, workers, packed=False):
    from tensorpack.dataflow import BatchData, DataFromList, MapData, MultiProcessRunnerZMQ

    ds = DataFromList(records(count), shuffle=True, packed=packed)
    df = MultiProcessRunnerZMQ(BatchData(MapData(ds, lambda record: [use(record)]), BATCH), workers)
    df.reset_state()
    return iter_passes(df)


def tensorpack_packed(count, workers):
    return tensorpack_plain(count, workers, True)


def iter_passes(df):
    while True:
        yield from df


def pytorch(count, workers):
    import torch

    class Listing(torch.utils.data.Dataset):
        def __init__(self):
            self.records = records(count)

        def __len__(self):
            return len(self.records)

        def __getitem__(self, index):
            return use(self.records[index])

    return iter_passes(torch.utils.data.DataLoader(Listing(), batch_size=BATCH, shuffle=True, num_workers=workers,
                                                   persistent_workers=True))


def grain(count, workers):
    import grain.python as pygrain

    ds = pygrain.MapDataset.source(records(count)).shuffle(seed=0).map(use).repeat(None).to_iter_dataset().batch(BATCH)
    return iter(ds.mp_prefetch(pygrain.MultiprocessingOptions(num_workers=workers)))


class Peak(threading.Thread):
    """Looks at the memory again and again; the contender and its workers together."""

    def __init__(self):
        super().__init__(daemon=True)
        self.peak = 0.0

    def look(self):
        me, total = psutil.Process(), 0
        for process in [me] + me.children(recursive=True):
            try:
                total += process.memory_full_info().pss
            except psutil.Error:
                pass
        self.peak = max(self.peak, total / 1e6)
        return total / 1e6

    def run(self):
        while True:
            self.look()
            time.sleep(0.3)


def measure(make, count, workers, epochs):
    peak = Peak()
    iterator = make(count, workers)
    after = []
    next(iterator)
    peak.start()
    for _ in range(epochs):
        for _ in range(count // BATCH):
            next(iterator)
        after.append(peak.look())
    me = psutil.Process()
    cpu = sum(sum(p.cpu_times()[:2]) for p in [me] + me.children(recursive=True))
    return {"peak": peak.peak, "first": after[0], "last": after[-1], "cpu": cpu}


if __name__ == "__main__":
    contender, count, workers, epochs = sys.argv[1:5]
    sys.path[:] = sys.argv[5:6] + sys.path[1:] + sys.path[:1]  # this folder last: it has an imgaug.py
    _session.lead()
    _session.finish(measure(globals()[contender], int(count), int(workers), int(epochs)))
