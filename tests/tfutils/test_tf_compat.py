"""What importing the library does to TensorFlow, and what is promised of all its versions."""
import os

import numpy as np

from tensorpack.compat import tfv1 as tf

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

NOTHING_IS_PATCHED = """
import pkgutil, sys
import tensorflow
def public(module):
    return {name: value for name, value in vars(module).items() if not name.startswith("_")}
watched = [tensorflow, tensorflow.compat.v1] + [
    getattr(tensorflow.compat.v1, name) for name in ("nn", "train", "test", "keras", "losses", "random")]
had_layers = hasattr(tensorflow, "layers")
before = [public(module) for module in watched]
import tensorpack
skipped = []
for found in pkgutil.walk_packages(tensorpack.__path__, "tensorpack.", onerror=skipped.append):
    if not found.name.endswith("__main__"):
        try:
            __import__(found.name)
        except ImportError:
            skipped.append(found.name)  # an optional package
for module, names in zip(watched, before):
    now = public(module)
    changed = [name for name in names if now.get(name) is not names[name]]
    added = [name for name in now if name not in names and type(now[name]).__name__ not in ("module", "LazyLoader")]
    print("CHANGED", module.__name__, changed, "ADDED", [n for n in added if not n.startswith("contrib")])
print("LAYERS", hasattr(tensorflow, "layers") == had_layers, len(skipped) < 40)
"""


def test_importing_all_modules_leaves_the_names_of_tensorflow_alone(run_program):
    status, output = run_program("-c", NOTHING_IS_PATCHED, folder=ROOT)
    lines = [line for line in output.splitlines() if line.startswith(("CHANGED", "LAYERS"))]
    assert status == 0 and len(lines) == 9, output[-3000:]
    assert lines.pop() == "LAYERS True True"
    assert [line for line in lines if " [] ADDED []" not in line] == []


def test_operations_with_seeds_of_their_own_draw_the_same_numbers_on_every_tensorflow():
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(1)
        tf.random.normal([2])  # what came before does not matter
        weights = tf.get_variable("weights", [2], initializer=tf.glorot_uniform_initializer(seed=3))
        drawn = [tf.random.normal([2], seed=7), weights, tf.random.shuffle(tf.range(6), seed=5)]
        sess.run(weights.initializer)
        normal, glorot, order = sess.run(drawn)
    np.testing.assert_allclose(normal, [-0.6573123, -0.21175845], rtol=1e-5)
    np.testing.assert_allclose(glorot, [0.6828824, 0.7377808], rtol=1e-5)
    assert order.tolist() == [2, 5, 4, 1, 3, 0]
