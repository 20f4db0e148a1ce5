#!/usr/bin/env python
"""Write `modules/tf1.md`: the names of TensorFlow 1, numpy, scipy and Python that `tensorpack.tf1` provides.

Usage: make_tf1_names.py [OUTPUT.md]
"""
import importlib
import os
import pkgutil
import sys
import textwrap

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(FOLDER))

ROOT = "tensorpack.tf1._tensorflow"
HEAD = """\
# tensorpack.tf1

The names that [programs of TensorFlow 1](../tutorial/tensorflow-1.md) find on today's TensorFlow, beside all of
`tensorflow.compat.v1`. Made by `docs/make_tf1_names.py`. Their arguments, variables and numbers are those of TensorFlow 1.15.

Not provided: `tf.estimator`, which TensorFlow has lost in 2.16, the networks of `tf.contrib.cudnn_rnn`, and packages of
`tf.contrib` that are not below, such as `learn`, `estimator` and `tpu`; see
[what stays different](../tutorial/tensorflow-1.md#what-stays-different).
"""


def packages(name=ROOT):
    """All packages of the public API below `_tensorflow`, as (path in TensorFlow, names)."""
    module = importlib.import_module(name)
    path = ".".join(["tf"] + name[len(ROOT) + 1:].split(".")) if name != ROOT else "tf"
    below = [info.name for info in pkgutil.iter_modules(module.__path__) if not info.name.startswith("_")] \
        if hasattr(module, "__path__") else []
    names = [each for each in getattr(module, "__all__", []) if not each.startswith("_")]
    found = [(path, sorted(each for each in names if each not in below and each != "python"))]
    for each in below:
        if each != "python":
            found += packages(name + "." + each)
    return [(path, names) for path, names in found if names]


def environment():
    """(where, names) of what numpy, scipy and Python have lost."""
    from tensorpack.tf1._run import lost
    from tensorpack.tf1._run.environment import numpy_names, scipy_misc, standard_library

    yield "numpy", sorted(numpy_names.NAMES)
    yield "scipy.misc", sorted(scipy_misc.__all__)
    yield "scipy.interpolate", ["interp2d"]
    for module, names in standard_library.lost_names():
        yield module.__name__, sorted(names)
    yield "names of Python 2", sorted(lost.BUILTINS)
    yield "methods of dicts, iterators and arrays", sorted(lost.ATTRIBUTES)
    yield "modules of Python 2", sorted(lost.MODULES)


def text():
    found = packages()
    parts = [HEAD, "{} names in {} packages of TensorFlow:\n".format(
        sum(len(names) for _, names in found), len(found))]
    for path, names in found + list(environment()):
        parts.append("## {}\n\n{}\n".format(path, textwrap.fill(
            ", ".join("`{}`".format(name) for name in names), 140, break_long_words=False, break_on_hyphens=False)))
    return "\n".join(parts)


if __name__ == "__main__":
    output = sys.argv[1] if len(sys.argv) > 1 else os.path.join(FOLDER, "modules", "tf1.md")
    with open(output, "w", encoding="utf-8") as f:
        f.write(text())
