"""Executes programs with the library that is first on the path: `python -m _differential.runner FOLDER`.

Reads a program as JSON from each line of stdin and writes its result as a line of stdout. Each program has a process of its
own, forked after the imports: no state of one, and no worker that it has left, reaches the next.
"""

from __future__ import annotations

import json
import logging
import os
import random
import shutil
import signal
import sys
import warnings
from typing import Any, Dict

_LIMIT = 40  # seconds for a program; it is for those that wait for ever


def main(folder: str) -> None:
    os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")
    warnings.simplefilter("ignore")
    # what the library and its dependencies print must not come between the results
    results = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    logging.disable(logging.ERROR)
    _import_all()
    for line in sys.stdin:
        results.write(_in_process(json.loads(line), folder) + "\n")
        results.flush()


def _import_all() -> None:
    import cv2  # noqa: F401
    import tensorflow  # noqa: F401

    from tensorpack import callbacks, dataflow, models, predict, tfutils, train  # noqa: F401


def _in_process(program: Dict[str, Any], folder: str) -> str:
    """JSON of the result of a program; an error "hang" or "death" if there is none."""
    path = os.path.join(folder, "result")
    if os.path.exists(path):
        os.remove(path)
    child = os.fork()
    if not child:
        os.setsid()
        signal.alarm(_LIMIT)  # ends the process wherever it waits
        text = json.dumps(executed(program, folder))
        with open(path, "w") as f:
            f.write(text)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    try:
        os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:  # it has left no workers
        pass
    if status == 0:
        with open(path) as f:
            return f.read()
    return json.dumps({"error": "hang" if os.WTERMSIG(status) == signal.SIGALRM else "death", "text": ""})


def executed(program: Dict[str, Any], folder: str) -> Any:
    import numpy as np

    from . import kind_module
    from .encoding import failure

    work = os.path.join(folder, "work")
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    random.seed(program["seed"])
    np.random.seed(program["seed"] % 2**32)
    try:
        return kind_module(program["kind"]).run(program, work)
    except Exception as e:
        return failure(e)


if __name__ == "__main__":
    main(sys.argv[1])
