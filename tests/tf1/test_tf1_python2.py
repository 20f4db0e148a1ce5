"""Files of the program in Python 2, or with its names: translated in memory, said once, never written."""
import os
import subprocess
import sys

import pytest
from program_files import write

from tensorpack.tf1._run.python_2 import NotPython2, translated, with_spaces
from tensorpack.tf1._run.source import parsed

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


PYTHON_2 = """
import numpy as np
print "this is", "Python 2"
def f((a, b), c=0777):
\tif a <> b:
        \treturn c
try:
    raise ValueError, "words"
except ValueError, e:
    error = str(e)
half, floats, arrays = 7 / 2, 7 / 2., (np.array([7, 5]) / 2).tolist()
count = 9
count /= 2
class Box(object):
    value = 9
box = Box()
box.value /= 2
ratio = np.array([3., 4.])
ratio /= 2
pairs = sorted({"a": 1}.iteritems()) + map(None, [1]) + zip("x", "y") + {"k": 2}.keys()
long_number, text, name = 10L, `3`, unicode("x")
total = reduce(lambda x, y: x + y, xrange(4))
exec "made = 5"
order = sorted([3, 1, 2], key=lambda x: x)
is_there = {1: 2}.has_key(1)
kept = '''
\ttab'''
def g():
\tprint >>out, "to a file",
\tprint >>out, "in one line"
class Out(list):
    write = list.append
out = Out()
g()
"""


def test_syntax_and_meaning_of_python_2(run_here, capsys):
    names = run_here(PYTHON_2.replace("map(None, [1])", "map(str, [1])"))
    assert capsys.readouterr().out == "this is Python 2\n"
    assert (names["half"], names["floats"], names["arrays"]) == (3, 3.5, [3, 2])
    assert names["count"] == 4 and names["box"].value == 4 and names["ratio"].tolist() == [1.5, 2.]
    assert names["f"]((1, 2)) == 0o777 and names["error"] == "words"
    assert names["pairs"] == [("a", 1), "1", ("x", "y"), "k"]
    assert (names["long_number"], names["text"], names["name"], names["total"], names["made"]) == (10, "3", "x", 6, 5)
    assert names["is_there"] is True and names["kept"] == "\n\ttab"
    assert "".join(names["out"]) == "to a file in one line\n"


def test_lines_stay_where_they_are(run_here):
    names = run_here("import Queue, StringIO\nfrom itertools import izip, imap\nprint 'x'\ndef f():\n    return 1/0\n")
    assert names["f"].__code__.co_firstlineno == 4


def test_division_of_tensors_and_the_future_import(run_here):
    from tensorpack.compat import tfv1 as tf

    names = run_here("def divide(a, b):\n    print 'x'\n    return a / b\n")
    whole = names["divide"](tf.constant([7, 5]), 2)
    part = names["divide"](tf.constant([7., 5.]), 2)
    with tf.Session() as sess:
        assert sess.run(whole).tolist() == [3, 2] and sess.run(part).tolist() == [3.5, 2.5]
    assert run_here("from __future__ import division, print_function\nexec 'x = 1'\nhalf = 1 / 2\n")["half"] == 0.5


NAMES_OF_PYTHON_2 = [
    ("x = sorted({1: 2}.iteritems())", [(1, 2)]),
    ("x = list({1: 2}.itervalues()) + list({3: 2}.iterkeys())", [2, 3]),
    ("x = {1: 2}.has_key(1)", True),
    ("x = [i for i in xrange(3)]", [0, 1, 2]),
    ("x = unicode(3) + unichr(65)", "3A"),
    ("x = isinstance('a', basestring)", True),
    ("x = reduce(max, [1, 3, 2])", 3),
    ("x = iter([5]).next()", 5),
    ("import numpy as np; x = np.zeros(1, 'uint8').tostring()", b"\0"),
    ("import numpy as np; a = np.zeros(3); a.itemset(1, 4); x = a.tolist()", [0, 4, 0]),
    ("x = 7 / 2", 3.5),
    # the program's own
    ("class D(dict):\n    def iteritems(self): return 'own'\nx = D().iteritems()", "own"),
    ("try:\n    xrange\nexcept NameError:\n    xrange = 'own'\nx = xrange", "own"),
    ("from functools import reduce\nx = reduce.__module__", "_functools"),
    ("class Node(object):\n    next = 'own'\nx = Node().next", "own"),
]


@pytest.mark.parametrize("text, value", NAMES_OF_PYTHON_2)
def test_names_of_python_2_in_a_file_of_python_3(run_here, text, value):
    assert run_here(text)["x"] == value


def test_an_attribute_that_nobody_had_is_missing_as_ever(run_here):
    with pytest.raises(AttributeError, match="'int' object has no attribute 'iteritems'"):
        run_here("(3).iteritems()")


def test_tabs():
    assert with_spaces("if x:\n\ty\n        z = '''\n\tq'''\n") == "if x:\n        y\n        z = '''\n\tq'''\n"


@pytest.mark.parametrize("text, line", [
    ("def f(:\n    pass\n", 1),
    ("x = 1\nprint 'a'\ny = = 2\n", 3),  # Python 2 up to line 3
    ("x = f'{1}'\ny = = 2\n", 2),
    ("if True:\nx = 1\n", 2),
    ("x = (1,\n", 1),
])
def test_what_is_neither_python(text, line):
    with pytest.raises(SyntaxError) as error:
        parsed(text.encode(), "program.py")
    assert error.value.filename == "program.py" and error.value.lineno == line


def test_not_python_2():
    with pytest.raises(NotPython2) as error:
        translated("print 'a'\nx = f(y: int)\n", "program.py")
    assert error.value.line == 2


def test_a_file_in_another_encoding():
    names = parsed(b"# caf\xe9\nx = 1\nprint x\n", "program.py")
    assert names.is_python_2


def test_said_once_and_not_written(run_tf1, tmp_path):
    files = {"program.py": "import helper\nimport Queue, cPickle\nprint 'ran', helper.half(), Queue.Queue().empty()\n",
             "helper.py": "def half():\n    print 'half'\n    return 1 / 2\n",
             "names.py": "x = {}.iteritems()\n"}
    files["program.py"] += "reload(helper)\nimport names, urllib2\nfrom urllib import urlencode, urlopen\n"
    output = run_tf1(files, "program.py")
    assert "half\nran 0 True" in output
    assert output.count("program.py:3: this file is Python 2; it is translated in memory") == 1
    assert output.count("helper.py:2: this file is Python 2") == 1
    assert "names.py:1: this file uses names of Python 2 (iteritems)" in output
    assert {name: (tmp_path / name).read_text() for name in files} == files
    assert sorted(os.listdir(str(tmp_path))) == sorted(files)  # no bytecode either


def test_installed_packages_are_not_translated(tmp_path):
    write(tmp_path, {"site-packages/installed.py": "print 'never'\n", "program.py": "import installed\n"})
    got = subprocess.run([sys.executable, "-m", "tensorpack.tf1", "program.py"], cwd=str(tmp_path), timeout=100,
                         env=dict(os.environ, PYTHONPATH=ROOT + os.pathsep + str(tmp_path / "site-packages")),
                         stderr=subprocess.PIPE, text=True)
    assert got.returncode == 1 and "SyntaxError" in got.stderr
