"""`python -m tensorpack.tf1 --check`: what a program uses, without running it."""
import ast
import json

import pytest
from program_files import write

from tensorpack.compat import VERSION
from tensorpack.tf1._run.check.names import names_in
from tensorpack.tf1._run.check.old_spellings import old_uses
from tensorpack.tf1._run.check.report import known_spellings
from tensorpack.tf1._run.check.verdicts import verdict_on_spelling

ON_TENSORFLOW_2 = VERSION >= (2, 0)

ALIASES = [
    ("import tensorflow as tf\ntf.get_variable", {"tensorflow.get_variable"}),
    ("import tensorflow\ntensorflow.nn.relu(1)", {"tensorflow.nn.relu"}),
    ("import tensorflow.contrib.slim as slim\nslim.conv2d", {"tensorflow.contrib.slim", "tensorflow.contrib.slim.conv2d"}),
    ("from tensorflow.contrib import slim\nslim.conv2d", {"tensorflow.contrib", "tensorflow.contrib.slim",
                                                         "tensorflow.contrib.slim.conv2d"}),
    ("from tensorflow.contrib import layers as L\nL.fully_connected", {"tensorflow.contrib", "tensorflow.contrib.layers",
                                                                     "tensorflow.contrib.layers.fully_connected"}),
    ("import tensorflow as tf\nslim = tf.contrib.slim\nnet = slim.repeat(slim.conv2d)",
     {"tensorflow.contrib.slim", "tensorflow.contrib.slim.repeat", "tensorflow.contrib.slim.conv2d"}),
    ("import tensorflow.compat.v1 as tf\ntf.layers.dense", {"tensorflow.layers.dense"}),
    ("from tensorpack import tfv1 as tf\ntf.layers.dense", {"tensorflow.layers.dense"}),
    ("from tensorpack.compat import tfv1\ntfv1.layers.dense", {"tensorpack.compat", "tensorflow.layers.dense"}),
    ("from tensorpack import tf1 as tf\ntf.layers.dense", {"tensorflow.layers.dense"}),
    ("from model import *\ntf.layers.dense(np.float)", {"tensorflow.layers.dense", "numpy.float"}),
    ("import numpy as np, scipy.misc\nnp.float, scipy.misc.imread", {"numpy.float", "scipy.misc", "scipy.misc.imread"}),
    ("from tensorpack.utils.stat import StatCounter", {"tensorpack.utils.stat", "tensorpack.utils.stat.StatCounter"}),
    ("tf = 3\ntf.real", set()),
    ("from . import tensorflow\ntensorflow.x", set()),
]


@pytest.mark.parametrize("text, names", ALIASES)
def test_names_are_found_under_every_alias(text, names):
    assert {use.name for use in names_in(ast.parse(text)).uses} == names


def test_lines_and_packages():
    found = names_in(ast.parse("import one.two\ntry:\n    import three\nexcept ImportError:\n    pass\n\n"
                               "import tensorflow as tf\nx = 1\ny = tf.nn.relu(tf.abs(x))\n"))
    assert [(use.name, use.line) for use in found.uses] == [("tensorflow.abs", 9), ("tensorflow.nn.relu", 9)]
    assert [(use.name, use.line) for use in found.imported] == [("one.two", 1)]


OLD = """
from tensorpack import *
class Model(ModelDesc):
    def _get_inputs(self):
        return [InputDesc(tf.float32, (None,), "x")]
    def _build_graph(self, inputs):
        with argscope(Conv2D, nl=tf.nn.relu):
            Conv2D("a", x, 3, W_init=None)
config = TrainConfig(nr_tower=2)
"""


def test_old_spellings_of_tensorpack():
    uses = old_uses(ast.parse(OLD), known_spellings())
    assert [("ModelDesc._get_inputs", 4), ("from tensorpack import * -> InputDesc", 5)] == uses[:2]
    assert {("Conv2D(nl)", 7), ("Conv2D(W_init)", 8), ("TrainConfig(nr_tower)", 9)} <= set(uses)
    assert old_uses(ast.parse(OLD.replace("tensorpack", "other")), known_spellings()) == []
    verdict = verdict_on_spelling("ModelDesc._get_inputs")
    assert verdict.status == "provided" and verdict.note == "old spelling; today: ModelDesc.inputs"


PROGRAMS = {
    "good/train.py": """
        import tensorflow as tf
        import numpy as np
        import helper
        from scipy.misc import imresize
        from tensorpack.tfutils.summary import add_moving_summary
        slim = tf.contrib.slim
        FLAGS = tf.app.flags.FLAGS

        def build(x):
            raise RuntimeError("must not run")
            x = slim.conv2d(x, 3, 3)
            x = tf.layers.dense(x, FLAGS.size)
            return tf.nn.relu(x).astype(np.float)

        open("made", "w")
    """,
    "good/helper.py": "print 'Python 2', {}.iteritems()\n",
    "bad/train.py": """
        import tensorflow as tf
        import no_such_package
        from tensorpack.models import LeakyReLU
        forest = tf.contrib.tensor_forest
        forest.build()
        tf.scalar_summary("x", 1)
        tf.no_such_name
        tf.keras.layers.Dense(3)
    """,
    "bad/old.py": """
        class Pair(object):
            def __cmp__(self, other):
                return 0

            def __nonzero__(self):
                return True

            __bool__ = __nonzero__

            def __getslice__(self, i, j):
                return "abc".encode("hex"), "abc".encode("utf-8")
    """,
    "bad/translated.py": "print 'abc'.decode('hex')\nclass A:\n    def __cmp__(self, other): return 0\n",
    "bad/trains.py": "import tensorflow as tf\ntf.estimator.Estimator(None)\nfrom tensorflow.estimator import RunConfig\n",
    "bad/broken.py": "x = 1\ny = = 2\n",
}


@pytest.mark.skipif(not ON_TENSORFLOW_2, reason="TensorFlow 1.15 has the names itself")
def test_a_folder_in_which_all_is_provided(run_tf1, tmp_path):
    output = run_tf1(PROGRAMS, "--check", "good", "--json", "report.json")
    assert not (tmp_path / "made").exists()
    rows = {line.split("  ")[0]: line for line in output.splitlines()}
    for name, place in [("tf.contrib.slim.conv2d", "good/train.py:11"), ("tf.layers.dense", "good/train.py:12"),
                        ("numpy.float", "good/train.py:13"), ("scipy.misc.imresize", "good/train.py:4"),
                        ("Python 2", "good/helper.py:1")]:
        assert place in rows[name] and "provided" in rows[name], output
    assert "tf.nn.relu" not in rows  # as ever
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["all_provided"] and sorted(report["files"]) == ["good/helper.py", "good/train.py"]
    names = {row["name"]: row for row in report["names"]}
    assert names["tf.nn.relu"] == {"name": "tf.nn.relu", "status": "provided", "note": "", "lost": False,
                                   "places": ["good/train.py:13"]}


@pytest.mark.skipif(not ON_TENSORFLOW_2, reason="TensorFlow 1.15 has the names itself")
def test_what_is_missing_and_what_differs(run_tf1):
    output = run_tf1(PROGRAMS, "--check", "bad", status=1)
    rows = {line.split("  ")[0]: line for line in output.splitlines()}
    for name, place, status, words in [
            ("no_such_package", "bad/train.py:2", "missing", "pip install no_such_package"),
            ("tf.contrib.tensor_forest.build", "bad/train.py:5", "missing", "TensorFlow 1.15"),
            ("tf.scalar_summary", "bad/train.py:6", "missing", "tf.summary.scalar"),
            ("tf.no_such_name", "bad/train.py:7", "missing", "TensorFlow 1.15"),
            ("tf.keras.layers.Dense", "bad/train.py:8", "differs", "Keras"),
            ("tf.estimator", "bad/trains.py:2", "missing", "TensorFlow has lost it in 2.16"),
            ("Python 2: __getslice__", "bad/old.py:10", "differs", "today __getitem__"),
            ("Python 2: .encode('hex')", "bad/old.py:11", "differs", "codecs.encode(value, 'hex')"),
            ("Python 2: .decode('hex')", "bad/translated.py:1", "provided", "codecs.decode(value, 'hex')"),
            ("syntax", "bad/broken.py:2", "missing", "neither Python 3 nor Python 2")]:
        assert place in rows[name] and status in rows[name] and words in rows[name], output
    cmp_rows = [line for line in output.splitlines() if line.startswith("Python 2: __cmp__ ")]
    assert ["bad/old.py:2" in cmp_rows[0] and "differs" in cmp_rows[0], "bad/translated.py:3" in cmp_rows[1]] == [True, True]
    assert "__nonzero__" not in output and "utf-8" not in output
    assert output.index("missing") < output.index("differs")


@pytest.mark.parametrize("arguments", [["no_such_folder"], ["empty"]])
def test_nothing_to_check(run_tf1, arguments):
    assert "must be a Python file or a folder with some" in run_tf1({"empty/notes.txt": ""}, "--check", *arguments, status=2)


def test_usage(run_tf1, tmp_path):
    assert "usage: python -m tensorpack.tf1 --check" in run_tf1({}, "--check", status=2)
    write(tmp_path, {"one.py": "import tensorflow as tf\ntf.get_variable\n"})
    assert "1 file(s), 1 names: 1 as ever" in run_tf1({}, "--check", "one.py")
