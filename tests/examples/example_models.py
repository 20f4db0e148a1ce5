"""Models of the examples, built without a session, and what their trainings leave behind."""
import json
import os
import runpy
import sys

import numpy as np
from example_runner import EXAMPLES

from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils.tower import TowerContext


def example_globals(monkeypatch, script):
    """The global names of a script below `examples`, whose main function is not run."""
    path = os.path.join(EXAMPLES, *script.split("/"))
    monkeypatch.setattr(sys, "path", [os.path.dirname(path)] + sys.path)
    known = set(sys.modules)
    try:
        return runpy.run_path(path, run_name="example")
    finally:
        for name in set(sys.modules) - known:
            if (getattr(sys.modules[name], "__file__", None) or "").startswith(EXAMPLES + os.sep):
                del sys.modules[name]


def trainable_sizes(model):
    """{name: number of elements} of the trainable variables of a model; nothing is run."""
    with tf.Graph().as_default():
        with TowerContext("", is_training=False):
            model.build_graph(*[tf.placeholder(spec.dtype, spec.shape, spec.name) for spec in model.get_input_signature()])
        return {v.op.name: v.shape.num_elements() for v in tf.trainable_variables()}


def last_statistics(logdir):
    """The last record of `stats.json`; all of its values must be finite."""
    with open(os.path.join(str(logdir), "stats.json")) as f:
        record = json.load(f)[-1]
    assert all(np.isfinite(value) for value in record.values()), record
    return record
