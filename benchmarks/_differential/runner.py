"""Executes programs with the library that is first on the path: `python -m _differential.runner FOLDER`.

Reads a program as JSON from each line of stdin and writes `@` and its result as a line of stdout.
"""

from __future__ import annotations

import json
import logging
import os
import random
import shutil
import sys
import warnings
from typing import Any, Dict


def main(folder: str) -> None:
    os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")
    warnings.simplefilter("ignore")
    # what the library and its dependencies print must not come between the results
    results = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    logging.disable(logging.ERROR)
    for line in sys.stdin:
        results.write("@" + json.dumps(executed(json.loads(line), folder)) + "\n")
        results.flush()


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
