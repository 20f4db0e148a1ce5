"""Receives datapoints that another process sends over TCP of this machine; prints seconds and CPU seconds for each as JSON.

Arguments: which datapoints, how many, and the path of a key file, or nothing. It runs with any version of the library.
"""
import json
import multiprocessing
import os
import resource
import socket
import sys
import time

import numpy as np

from tensorpack.dataflow import DataFlow, RemoteDataZMQ, send_dataflow_zmq

DATAPOINTS = {
    "two numbers": [1, 2],
    "text and numbers in a dict": {"name": "image.jpg", "label": 3, "scores": [0.1, 0.2, 0.3]},
    "boxes": [np.zeros((10, 4), "float32"), np.arange(10), "image.jpg"],
    "32 x 32 image": [np.zeros((32, 32, 3), "uint8"), 3],
    "224 x 224 image": [np.zeros((224, 224, 3), "uint8"), 3],
    "batch of 32 images": [np.zeros((32, 224, 224, 3), "uint8"), np.arange(32)],
}


class Same(DataFlow):
    """One datapoint over and over."""

    def __init__(self, dp):
        self._dp = dp

    def __iter__(self):
        while True:
            yield self._dp


def main():
    name, count, options = sys.argv[1], int(sys.argv[2]), {"key": sys.argv[3]} if len(sys.argv) > 3 else {}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = "tcp://127.0.0.1:{}".format(probe.getsockname()[1])
    sender = multiprocessing.get_context("fork").Process(target=send, args=(DATAPOINTS[name], address, options))
    sender.start()
    flow = RemoteDataZMQ(address, **options)
    flow.reset_state()
    iterator = iter(flow)
    for _ in range(count // 10):
        next(iterator)
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(count):
        next(iterator)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    sender.terminate()
    sender.join()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu += (usage.ru_utime + usage.ru_stime) * count / (count + count // 10)
    print(json.dumps({"wall": wall / count, "cpu": cpu / count}))


def send(dp, address, options):
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
        send_dataflow_zmq(Same(dp), address, **options)


if __name__ == "__main__":
    main()
