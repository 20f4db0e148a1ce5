"""Bad input of `python -m tensorpack.tf1`: a sentence with the program's own file and line above its own traceback."""
import pytest

from tensorpack.compat import VERSION

only_tensorflow_2 = pytest.mark.skipif(VERSION < (2, 0), reason="on TensorFlow 1.15 the program sees TensorFlow itself")

# (program, place, words of the sentence, last line of the traceback)
ERRORS = {
    "own error": ("def f():\n    raise ValueError('words')\nf()\n", None, None, "ValueError: words"),
    "neither Python": ("x = 1\ny = = 2\n", "program.py:2", "neither Python 3 nor Python 2", "SyntaxError: invalid syntax"),
    "Python 2 with a mistake": ("print 'a'\ny = = 2\n", "program.py:2", "neither Python 3 nor Python 2", "SyntaxError: "),
    "missing package": ("import numpy\nimport no_such_package.inner\n", "program.py:2",
                        "needs the package no_such_package, which is not installed", "ModuleNotFoundError: "),
    "in a file beside it": ("import beside\nbeside.f()\n", "beside.py:2", "needs the package no_such_package",
                            "ModuleNotFoundError: "),
    "error with a cause": ("try:\n    1 / 0\nexcept Exception as e:\n    raise KeyError('k') from e\n", None, None,
                           "KeyError: 'k'"),
}
# Programs of Python 2, which the line `exec ''` makes of them: (what fails, words of the sentence, last line)
ERRORS_OF_PYTHON_2 = {
    "order of types": ("sorted([3, None])", "give sort, min or max a `key=`", "TypeError: "),
    "bytes to a text file": ("f = open('x', 'w')\ntry:\n    f.write(bytearray('a', 'ascii'))\nfinally:\n    f.close()",
                             "open it with 'wb'", "TypeError: "),
    "text to a binary file": ("f = open('x', 'wb')\ntry:\n    f.write('a')\nfinally:\n    f.close()",
                              "open a file for text with 'w'", "TypeError: "),
    "StringIO of bytes": ("import StringIO\nStringIO.StringIO(b'a')", "io.BytesIO", "TypeError: "),
    "pattern": ("import re\nmatch = re.match\nmatch('a', b'a')", "give `str(value)`", "TypeError: "),
    "codec in a name": ("name = 'hex'\n'a'.encode(name)", "codecs.encode(value.encode(), name)", "LookupError: "),
    "JSON": ("import json\ndumps = json.dumps\ndumps({'a': b'a'})", "give `str(value)`", "TypeError: "),
    "encoding of a file": ("open(__file__.replace('program.py', 'data')).read()", "open it with 'rb'", "UnicodeDecodeError: "),
}
ERRORS_OF_TENSORFLOW_2 = {
    "estimator": ("import tensorflow as tf\n\ntf.estimator.Estimator(None)\n", "program.py:3", "TensorFlow has lost it in 2.16",
                  "NotProvided: "),
    "module of estimator": ("import tensorflow.estimator\n", "program.py:1",
                            "tf.estimator is not provided; TensorFlow has lost it",
                            "ModuleNotFoundError: "),
    "name that is nowhere": ("import tensorflow as tf\n\ntf.no_such_name(1)\n", "program.py:3",
                             "tf.no_such_name is not provided", "NotProvided: "),
    "name of TensorFlow 0": ("import tensorflow as tf\ntf.scalar_summary('a', 1)\n", "program.py:2", "tf.summary.scalar",
                             "NotProvided: "),
    "name of a package": ("import tensorflow.contrib.tensor_forest as forest\ndef f():\n    forest.build()\nf()\n",
                          "program.py:3", "tf.contrib.tensor_forest.build is not provided", "NotProvided: "),
    "imported name": ("from tensorflow.contrib.boosted_trees.python import layer\nprint('imported')\nlayer(3)\n",
                      "program.py:3", "tf.contrib.boosted_trees.python.layer is not provided", "NotProvided: "),
    "base class": ("from tensorflow.contrib.no_package import Base\nclass A(Base):\n    pass\n", "program.py:2",
                   "tf.contrib.no_package.Base is not provided", "NotProvided: "),
    "module that is nowhere": ("import tensorflow.no_such_module\n", "program.py:1", "no TensorFlow 1 has the module",
                               "ModuleNotFoundError: "),
    "eager call": ("import tensorflow as tf\nw = tf.get_variable('w', [2])\nx = w + tf.placeholder(tf.float32, [2])\n\n"
                   "print(x.numpy())\n", "program.py:5", "session.run", "AttributeError: "),
    "TensorFlow 2": ("import tensorflow as tf\nx = tf.constant([1.])\nwith tf.GradientTape() as tape:\n    y = x * x\n"
                     "print(tape.gradient(y, x).numpy())\n", "program.py:5",
                     "written for TensorFlow 2 (GradientTape in line 3)", "Error: "),
}


def check(output, place, words, last):
    lines = output.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("Traceback") or "SyntaxError" in line
                 or line.startswith("  File"))
    sentence = lines[first - 1] if first else ""
    if place is None:
        assert "[tensorpack.tf1]" not in output
    else:
        assert sentence.startswith("[tensorpack.tf1] ") and place in sentence and words in sentence, output
    assert last in lines[-1], output
    trace = "\n".join(lines[first:-1])
    assert "tensorpack/tf1" not in trace and "runpy" not in trace and "importlib" not in trace, output


@pytest.mark.parametrize("name", sorted(ERRORS))
def test_an_error_of_the_program(run_tf1, name):
    program, place, words, last = ERRORS[name]
    files = {"program.py": program.encode(), "beside.py": "def f():\n    import no_such_package\n"}
    check(run_tf1(files, "program.py", status=1), place, words, last)


@pytest.mark.parametrize("name", sorted(ERRORS_OF_PYTHON_2))
def test_a_value_of_python_2(run_tf1, name):
    program, words, last = ERRORS_OF_PYTHON_2[name]
    output = run_tf1({"program.py": ("exec ''\n" + program + "\n").encode(), "data": b"\xff\xfe\xfd"}, "program.py", status=1)
    lines = output.splitlines()
    sentence = next(line for line in lines if line.startswith("[tensorpack.tf1] program.py") and "translated" not in line)
    assert words in sentence and last in lines[-1], output
    assert "tensorpack/tf1" not in output.split("Traceback")[1], output


def test_a_python_3_program_gets_no_advice_on_python_2(run_tf1):
    assert "[tensorpack.tf1]" not in run_tf1({"program.py": "sorted([3, None])\n"}, "program.py", status=1)
    assert "`key=`" in run_tf1({"program.py": "sorted([xrange(1)[0], None])\n"}, "program.py", status=1)


@only_tensorflow_2
@pytest.mark.parametrize("name", sorted(ERRORS_OF_TENSORFLOW_2))
def test_a_name_or_a_program_of_another_tensorflow(run_tf1, name):
    program, place, words, last = ERRORS_OF_TENSORFLOW_2[name]
    check(run_tf1({"program.py": program.encode()}, "program.py", status=1), place, words, last)


@only_tensorflow_2
def test_what_is_not_used_does_not_matter(run_tf1):
    output = run_tf1({"program.py": """
        import tensorflow as tf
        import tensorflow.contrib.learn
        from tensorflow.contrib.tensor_forest.python import tensor_forest
        from tensorflow.contrib import boosted_trees, no_package
        learn = tf.contrib.learn
        try:
            from tensorflow.contrib.no_package import name
        except ImportError:
            name = "without"
        print(name, hasattr(tf, "no_such_name"), hasattr(tf.contrib, "no_package2"), tensor_forest)
    """}, "program.py")
    assert "without False False <tf.contrib.tensor_forest.python.tensor_forest, which is not provided>" in output


@pytest.mark.parametrize("arguments, words", [
    (["train.py"], "error: train.py: no such file; programs in that folder: other.py, program.py"),
    (["no/train.py"], "error: no/train.py: no such file; there is no folder no either"),
    (["folder"], "error: folder: must have a file __main__.py"),
    (["-m", "no_such_module"], "error: no module named no_such_module"),
    (["-m", "no_such_package.inner"], "error: no module named no_such_package"),
    (["--no-such-option"], "error: --no-such-option: no such option"),
    (["-m"], "error: -m: must be followed by the name of a module"),
    ([], "usage: python -m tensorpack.tf1"),
])
def test_a_program_that_is_not_there(run_tf1, arguments, words):
    output = run_tf1({"program.py": "", "other.py": "", "folder/x.py": ""}, *arguments, status=2)
    assert words in output and "Traceback" not in output


def test_help(run_tf1):
    assert "--check" in run_tf1({}, "--help")
