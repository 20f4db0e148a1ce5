"""`python -m tensorpack.tf1`: the program runs as Python would run it, and its `tensorflow` is version 1."""
import os
import signal
import subprocess
import sys

import pytest
from program_files import write

from tensorpack.compat import VERSION

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ON_TENSORFLOW_2 = VERSION >= (2, 0)
only_tensorflow_2 = pytest.mark.skipif(not ON_TENSORFLOW_2, reason="on TensorFlow 1.15 the program sees TensorFlow itself")


def test_the_program_is_main(run_tf1):
    program = """
        import os, sys
        import beside
        FLAG = 3
        print([__name__, __file__, sys.argv, sys.path[0] == os.path.abspath("code"), __spec__, __package__, __doc__])
        print(beside.main_flag(), "tensorflow" in sys.argv)
    """
    output = run_tf1({"code/train.py": program, "code/beside.py": "import sys\n\ndef main_flag():\n"
                      "    return sys.modules['__main__'].FLAG\n"}, "code/train.py", "--lr", "0.1", "-m", "--check")
    assert output.splitlines() == [
        "['__main__', 'code/train.py', ['code/train.py', '--lr', '0.1', '-m', '--check'], True, None, None, None]", "3 False"]


def test_a_module_and_a_folder(run_tf1):
    files = {"package/__init__.py": "", "package/train.py": """
                 import sys
                 from . import other
                 print(__name__, __package__, __spec__.name, other.__name__, sys.argv[1:], sys.argv[0] == __file__)
             """, "package/other.py": "", "package/__main__.py": "import sys; print('folder', sys.argv)"}
    assert run_tf1(files, "-m", "package.train", "a") == "__main__ package package.train package.other ['a'] True\n"
    assert run_tf1({}, "package", "b") == "folder ['package', 'b']\n"
    assert run_tf1({}, "-m", "package", "c").startswith("folder ")


@pytest.mark.parametrize("end, status", [("sys.exit(7)", 7), ("sys.exit('words')", 1), ("raise ValueError('x')", 1), ("", 0),
                                         ("os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM)])
def test_the_exit_status_is_the_programs(tmp_path, end, status):
    write(tmp_path, {"end.py": "import os, signal, sys\n" + end})
    got = subprocess.run([sys.executable, "-m", "tensorpack.tf1", "end.py"], cwd=str(tmp_path), timeout=100,
                         env=dict(os.environ, PYTHONPATH=ROOT), stderr=subprocess.PIPE)
    assert got.returncode == status, got.stderr


def test_ctrl_c_ends_it(start_program, tmp_path):
    write(tmp_path, {"wait.py": "import time\nprint('ready', flush=True)\ntime.sleep(100)\n"})
    program = start_program("-m", "tensorpack.tf1", "wait.py", folder=tmp_path)
    program.wait_for_text("ready")
    program.send_signal(signal.SIGINT)
    assert program.wait(60) != 0
    assert program.text().strip().endswith("KeyboardInterrupt")


IMPORTS = """
    import importlib
    import tensorflow
    import tensorflow as tf
    import tensorflow.compat.v1 as tf1
    from tensorflow.compat import v1
    from tensorflow.python.framework import ops, dtypes
    from tensorflow.python.framework.ops import Tensor, IndexedSlices, convert_to_tensor_or_indexed_slices
    from tensorflow.python.ops import array_ops, control_flow_ops, variable_scope
    from tensorflow.python.ops.control_flow_ops import cond
    from tensorflow.python.training import moving_averages, training_ops
    from tensorflow.python.client import device_lib, timeline
    from tensorflow.core.framework.attr_value_pb2 import AttrValue
    from tensorflow.examples.tutorials.mnist import input_data
    import tensorflow.contrib
    import tensorflow.contrib as contrib
    import tensorflow.contrib.tensorboard as never_used
    import tensorflow.contrib.copy_graph

    assert tensorflow is tf is importlib.import_module("tensorflow")
    assert tf.__version__.startswith("1.15")
    assert tf.contrib is contrib
    assert Tensor is tf.Tensor and IndexedSlices is tf.IndexedSlices
    assert cond is control_flow_ops.cond is tf.cond and array_ops.stack is tf.stack
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    assert isinstance(x, ops.Tensor) and x.shape[1].value == 3 and not tf.executing_eagerly()
    w = tf.get_variable("w", [3], initializer=tf.ones_initializer())
    assert "ref" in w.dtype.name and tf.global_variables() == [w]
    assert training_ops.apply_gradient_descent(w, 0.1, [1.] * 3).name
    y = tf.Print(tf.cond(tf.reduce_sum(x) > 0, lambda: x * w, lambda: x), [x])
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        print(sess.run(y, {x: [[1, 2, 3]]}))
    assert tf.compat.v1.placeholder is v1.placeholder
    assert tf1.Session is tf.Session
"""


def test_every_spelling_of_imports(run_tf1):
    assert "[[1. 2. 3.]]" in run_tf1({"program.py": IMPORTS}, "program.py")


@only_tensorflow_2
def test_packages_of_today_get_todays_tensorflow(run_tf1):
    output = run_tf1({"program.py": """
        import tensorflow as tf
        from tensorpack import *
        import tensorpack.compat
        assert tfv1 is tf and tensorpack.compat.VERSION >= (2, 0)
        assert tensorpack.compat.tensorflow is not tf and tf.compat.v1 is tf and tf.compat.v2 is not tf
        from tensorboard.compat import tf as of_tensorboard
        assert of_tensorboard.__version__ == tensorpack.compat.tensorflow.__version__ != tf.__version__
        x = FullyConnected("fc", tf.ones([2, 3]), 4)
        print(x.shape, isinstance(x, tf.Tensor))
    """}, "program.py")
    assert "(2, 4) True" in output


def test_a_training_of_tensorpack(run_tf1):
    output = run_tf1({"model.py": """
        import tensorflow as tf
        from tensorpack import *

        class Model(ModelDesc):
            def inputs(self):
                return [tf.placeholder(tf.float32, [None, 4], "x"), tf.placeholder(tf.float32, [None], "y")]

            def build_graph(self, x, y):
                out = tf.squeeze(FullyConnected("fc", x, 1), 1)
                cost = tf.reduce_mean(tf.square(out - y), name="cost")
                tf.summary.scalar("cost", cost)
                return cost

            def optimizer(self):
                return tf.train.GradientDescentOptimizer(0.1)
    """, "train.py": """
        import numpy as np
        from model import *

        if __name__ == "__main__":
            flow = MultiProcessRunnerZMQ(FakeData([[8, 4], [8]], size=20), 1)
            launch_train_with_config(TrainConfig(model=Model(), dataflow=flow, steps_per_epoch=5, max_epoch=2), SimpleTrainer())
            print("trained")
    """}, "train.py")
    assert "trained" in output


SPAWNING = """
    import multiprocessing as mp
    print "main file of", __name__

    def work(queue):
        import tensorflow as tf
        from beside import answer
        queue.put((3 / 2, tf.__version__[:4], hasattr(tf, "placeholder"), answer()))

    if __name__ == "__main__":
        context = mp.get_context("{}")
        queue = context.Queue()
        worker = context.Process(target=work, args=(queue,))
        worker.start()
        print queue.get(timeout=150)
        worker.join()
"""


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_processes_of_the_program_are_as_it_is(run_tf1, method):
    output = run_tf1({"program.py": SPAWNING.format(method), "beside.py": "def answer():\n    return 5 / 2\n\nprint 'py2'\n"},
                     "program.py")
    assert "(1, '1.15', True, 2)" in output
    assert ("main file of __mp_main__" in output) == (method == "spawn")


def test_nothing_is_loaded_or_patched_unless_asked_for(tmp_path):
    code = """if True:
        import builtins, importlib.machinery, multiprocessing.spawn, sys
        def state():
            loader = importlib.machinery.SourceFileLoader
            ours = [finder for finder in sys.meta_path if type(finder).__module__.startswith("tensorpack.tf1")]
            return (ours, builtins.__import__, sorted(vars(builtins)), loader.get_code, loader.create_module, sys.excepthook,
                    multiprocessing.spawn.get_preparation_data)
        before = state()
        import tensorpack
        assert state() == before and not [name for name in sys.modules if name.startswith("tensorpack.tf1")]
        from tensorpack import tf1 as tf
        assert "tensorflow" not in sys.modules
        import numpy, tensorflow
        names, before = dir(numpy), state()
        tf.placeholder, tf.nn.relu
        assert state() == before and dir(numpy) == names
        assert not [name for name in sys.modules if name.startswith("tensorpack.tf1._run")]
        print(tensorflow.__version__, "fine")
    """
    output = subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=str(tmp_path), timeout=200,
                            env=dict(os.environ, PYTHONPATH=ROOT), stdout=subprocess.PIPE, text=True)
    assert output.returncode == 0 and "fine" in output.stdout
