"""Values of Python 2 programs: text is bytes, whoever gives it; classes, codecs and rounding are as they were."""
import copy
import io
import os
import pickle

import numpy as np
import pytest

from tensorpack.tf1._run.old.text import Text

NAME = Text(b"cat.jpg")
# What is true of a str of Python 2 that a literal of the same text is compared and combined with
OF_TEXT = """
NAME == "cat.jpg" and "cat.jpg" == NAME and NAME == b"cat.jpg" and not NAME != "cat.jpg" and not "cat.jpg" != NAME
NAME < "dog" and "dog" > NAME and NAME <= NAME and "cat.jpg" >= NAME and not NAME > "cat.jpg"
sorted(["dog", NAME, "bat"]) == ["bat", "cat.jpg", "dog"]
hash(NAME) == hash("cat.jpg") == hash(b"cat.jpg")
{"cat.jpg": 3}[NAME] == {NAME: 3}["cat.jpg"] == 3 and NAME in {"cat.jpg"} and NAME in ["cat.jpg"]
"file %s" % NAME == "file {}".format(NAME) == "file cat.jpg" and "%9s|%r" % (NAME, NAME) == "  cat.jpg|'cat.jpg'"
str(NAME) == "cat.jpg" and type(str(NAME)) is str and repr([NAME]) == "['cat.jpg']" and "{:>8}".format(NAME) == " cat.jpg"
isinstance(NAME, str) and isinstance(NAME, bytes)
"a/" + NAME + "x" == "a/cat.jpgx" and os.path.join("a", NAME) == "a/cat.jpg" and NAME * 2 == 2 * NAME == "cat.jpgcat.jpg"
NAME[0] == "c" and NAME[-3:] == "jpg" and [ord(c) for c in NAME][:1] == [99] and "".join(str(c) for c in NAME) == NAME
NAME.split(".") == ["cat", "jpg"] and NAME.endswith((".png", ".jpg")) and "cat" in NAME and "dog" not in NAME
NAME.replace("cat", "dog").upper() == "DOG.JPG" and NAME.partition(".")[2] == "jpg" and NAME.find("j") == 4
NAME.decode("utf-8") == NAME.encode("utf-8") == "cat.jpg" and Text(b", ").join(["a", NAME]) == "a, cat.jpg"
int(Text(b"3")) == 3 and float(Text(b"2.5")) == 2.5 and Text(b"%d.png") % 3 == Text(b"{}.png").format(3) == "3.png"
Text(b"caf\\xc3\\xa9") == u"caf\\xe9" and Text(b"\\xff") == u"\\xff" and repr(Text(b"\\xff")) == "'\\\\xff'"
np.array([NAME, NAME]).dtype.kind == "S" and np.array([NAME], object)[0] == "cat.jpg" and np.array(NAME, object)[()] == NAME
[len(Text(b"a\\0")), len(Text(b"a\\0") + Text(b"\\0")), len(np.array(Text(b"a\\0"), object)[()])] == [2, 3, 2]
np.frombuffer(NAME, "uint8")[0] == 99 and b"" + NAME == bytearray(NAME) == b"cat.jpg"
"""


@pytest.mark.parametrize("statement", OF_TEXT.strip().splitlines())
def test_text_is_bytes_and_a_str(statement):
    assert eval(statement, {"NAME": NAME, "Text": Text, "np": np, "os": os})


def test_copies_of_text_are_text():
    copies = [pickle.loads(pickle.dumps(NAME, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    assert {type(each) for each in copies + [copy.copy(NAME), copy.deepcopy(NAME)]} == {Text}
    assert set(copies) == {"cat.jpg"}


# Each is Python 2: `x` of the first is the second
MEANINGS = {
    "call gives bytes": ("x = binary.read() == 'cat\\ndog\\n'", True),
    "call in a lookup": ("x = {'cat\\n': 3}.get(binary.readline(), 'none')", 3),
    "call in a format": ("x = 'is %s' % binary.read(3)", "is cat"),
    "lines of a binary file": ("x = [line.strip() for line in binary] == ['cat', 'dog']", True),
    "lines in a loop": ("x = []\nfor line in binary:\n    x.append('%s' % line.strip())", ["cat", "dog"]),
    "list of lines": ("lines = binary.readlines()\nx = lines[0] == 'cat\\n', [str(each) for each in lines]",
                      (True, ["cat\n", "dog\n"])),
    "attribute": ("class A(object):\n    s = value\nx = A.s == 'bytes', 'bytes' != A().s, '%s %s' % (A.s, 1), str(A.s)",
                  (True, False, "bytes 1", "bytes")),
    "literal": ("x = b'cat' == 'cat', {b'cat': 1}['cat'], 'c' in b'cat', b'cat'[0]", (True, 1, True, "c")),
    "in": ("x = value in 'some bytes', 'bytes' in [value], 'bytes' not in {value: 1}, 'by' in value, value in ('bytes',)",
           (True, True, False, True, True)),
    "join": ("import os\nx = ','.join([b'a', 'b']), os.path.join('a', b'b'), os.path.join(b'a', 'b')", ("a,b", "a/b", "a/b")),
    "methods of a str": (
        "x = ['some bytes'.endswith(value), 'bytes.jpg'.replace(value, 'x'), '1bytes2'.split(value), '1bytes2'.find(value), "
        "'1bytes'.rstrip(value), 'bytesbytes'.count(value), "
        "'bytes'.startswith(('x', value)), '1bytes2'.partition(value)[0], 'a b'.split()]",
        [True, "x.jpg", ["1", "2"], 1, "1", 2, True, "1", ["a", "b"]]),
    "patterns": ("import re\nx = re.sub('y', 'i', value), re.match('b', value).group(), re.findall('[a-d]', value), "
                 "re.compile('t.').search(value).group()", ("bites", "b", ["b"], "te")),
    "paths": ("import os, fnmatch\nx = os.path.relpath(value, 'dir'), os.path.relpath('dir', value), "
              "os.path.abspath(value) == os.path.join(os.getcwd(), value), fnmatch.fnmatch(value, 'b*')",
              ("../bytes", "../dir", True, True)),
    "json": ("import json\nx = json.dumps([value, {value: (value, 1)}], sort_keys=True), json.loads(json.dumps(value))",
             ('["bytes", {"bytes": ["bytes", 1]}]', "bytes")),
    "imported functions": (
        "from os.path import join, relpath as rel\nfrom re import match\nfrom json import dumps\nfrom os import listdir\n"
        "x = join('a', value), join(value, 'a'), rel(value, 'dir'), match('b', value).group(), dumps({value: [value]}), "
        "all(type(each) is str for each in listdir(b'.'))",
        ("a/bytes", "bytes/a", "../bytes", "b", '{"bytes": ["bytes"]}', True)),
    "own function of such a name": (
        "from os.path import join\ndef join(a, b): return a, type(b) is bytes\nx = join('a', value)", ("a", True)),
    "names of arguments": (
        "def f(a, bytes=1): return a, bytes\nx = f(2, **{value: 3}), f(**dict(a=4)), dict(b=1, **{value: 2})",
        ((2, 3), (4, 1), {"b": 1, "bytes": 2})),
    "written as text": ("import io\nf = io.StringIO()\nf.write(value)\nf.writelines(['|'])\nx = f.getvalue()", "bytes|"),
    "written as bytes": ("import io\nf = io.BytesIO()\nf.write(value)\nx = f.getvalue() == 'bytes'", True),
    "attributes by name": ("class A(object):\n    bytes = 3\nsetattr(A, value, 4)\n"
                           "x = getattr(A, value), hasattr(A(), value), getattr(A, 'b', 5)", (4, True, 5)),
    "methods of the same names": (
        "import numpy as np\nclass A(object):\n    def find(self, *args, **named): return args, named\n"
        "x = A().find(value, b=1)[1], [3, 4].index(4), [b'a', 'b'].count('b'), np.split(np.arange(2), 2)[1].tolist()",
        ({"b": 1}, 1, 1, [1])),
    "array of bytes": ("import numpy as np\nx = np.array([b'cat'])[0] == 'cat'", True),
    "encode hex": ("x = 'abc'.encode('hex'), '616263'.decode('hex') == 'abc', 'ff00'.decode('hex')",
                   ("616263", True, b"\xff\0")),
    "other codecs": ("x = 'abc'.encode('base64'), 'abc'.encode('rot13'), 'abc'.encode('zlib').decode('zlib') == 'abc'",
                     ("YWJj\n", "nop", True)),
    "text that is decoded": ("x = 'cat'.decode('utf-8'), b'cat'.decode('utf-8'), u'cat'.encode('utf-8') == 'cat'",
                             ("cat", "cat", True)),
    "round": ("x = [round(2.5), round(-0.5), round(0.125, 2), round(25, -1), round(3), round(1e300)]",
              [3.0, -1.0, 0.13, 30.0, 3.0, 1e300]),
    "own round": ("def round(value): return 'own'\nx = round(1)", "own"),
    "sorted with a function": ("x = sorted([1, 3, 2], cmp=lambda a, b: b - a), sorted('ab', lambda a, b: cmp(b, a))",
                               ([3, 2, 1], ["b", "a"])),
    "sort with a function": ("x = [1, 3, 2]\nx.sort(lambda a, b: b - a)", [3, 2, 1]),
    "__cmp__": ("class A(object):\n    def __init__(self, n): self.n = n\n    def __cmp__(self, other): "
                "return cmp(self.n, other.n)\nx = A(1) == A(1), A(1) < A(2), A(1) != A(1), max(A(1), A(3)).n, len({A(1): 1})",
                (True, True, False, 3, 1)),
    "__getslice__": ("class A(object):\n    def __len__(self): return 9\n    def __getitem__(self, i): return i\n"
                     "    def __getslice__(self, i, j): return 'slice', i, j\nimport sys\na = A()\n"
                     "x = a[1:2], a[:-1] , a[3], a[2:][2] == sys.maxint", (("slice", 1, 2), ("slice", 0, 8), 3, True)),
    "__div__": ("class A(object):\n    def __div__(self, other): return 'div', other\nx = A() / 2", ("div", 2)),
}


@pytest.mark.parametrize("name", sorted(MEANINGS))
def test_what_python_2_meant(run_here, name):
    program, expected = MEANINGS[name]
    names = run_here("exec ''\n" + program + "\n", value=b"bytes", binary=io.BytesIO(b"cat\ndog\n"))
    assert names["x"] == expected


PROGRAM = """
    import tensorflow as tf
    import numpy as np
    import helper
    name, names = tf.constant('cat.jpg'), tf.constant(['cat', 'dog'])
    fed = tf.placeholder(tf.string, [])

    def function(one, several):
        print 'in the graph', one == 'cat.jpg', list(several) == ['cat', 'dog'], 'say %s' % one
        return one + '.png'

    with tf.Session() as sess:
        got, (several, pair) = sess.run([name, (names, {'key': fed})], {fed: 'fed'})
        print [got == 'cat.jpg', {'cat.jpg': 3}.get(got), (several == 'cat').tolist(), several[1] in ('dog',), pair]
        print 'file %s' % got, got, list(several), name.eval() == 'cat.jpg', sess.make_callable(name)() == 'cat.jpg'
        print sess.run(tf.py_func(function, [name, names], tf.string))
        print sess.run(tf.identity(fed), {fed: got}), sess.run(tf.decode_raw(got, tf.uint8))[:2].tolist()
        print len(sess.run(tf.identity(fed), {fed: sess.run(tf.constant(b'a\\0\\0'))})), helper.is_cat(sess.run(name))
    with tf.train.MonitoredSession() as sess:
        print sess.run(name) == 'cat.jpg'
    make = tf.train.Example(features=tf.train.Features(feature={
        'name': tf.train.Feature(bytes_list=tf.train.BytesList(value=['abc', b'd'])),
        'helped': helper.feature('abc'), 'n': tf.train.Feature(int64_list=tf.train.Int64List(value=[3]))}))
    make.features.feature['more'].bytes_list.value.append('cat')
    make.features.feature['more'].bytes_list.value.extend(['dog'])
    with tf.python_io.TFRecordWriter('a.tfrecord') as writer:
        writer.write(make.SerializeToString())
    for record in tf.python_io.tf_record_iterator('a.tfrecord'):
        example = tf.train.Example()
        example.ParseFromString(record)
        feature = example.features.feature
        print feature['name'].bytes_list.value[0] == 'abc', list(feature['more'].bytes_list.value) == ['cat', 'dog']
        print [str(each) for each in feature['more'].bytes_list.value], feature['n'].int64_list.value[0], 'name' in feature
        print feature['helped'].bytes_list.value[0] == 'abc'
"""
HELPER_FILE = """
    import tensorflow as tf

    def is_cat(name):
        return name == 'cat.jpg'

    def feature(value):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
"""
PRINTED = """
    [True, 3, [True, False], True, {'key': array('fed', dtype=object)}]
    file cat.jpg cat.jpg ['cat', 'dog'] True True
    in the graph True True say cat.jpg
    cat.jpg.png
    cat.jpg [99, 97]
    3 True
    True
    True True
    ['cat', 'dog'] 3 True
    True
"""


SAVING = """
    import tensorflow as tf

    tf.Variable(1.0)
    tf.train.create_global_step()
    saver = tf.train.Saver()
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        print saver.save(sess, 'saved/model', global_step=3), saver.save(sess, './here'), tf.train.latest_checkpoint('saved')
    with tf.train.MonitoredTrainingSession(checkpoint_dir='monitored') as sess:
        pass
    print tf.train.latest_checkpoint('monitored')
"""


def test_savers_take_relative_paths(run_tf1, tmp_path):
    (tmp_path / "saved").mkdir()
    output = run_tf1({"program.py": SAVING}, "program.py")
    assert "saved/model-3 ./here saved/model-3" in output and "monitored/model.ckpt-0" in output


def test_tensorflow_gives_text(run_tf1):
    output = run_tf1({"program.py": PROGRAM, "helper.py": HELPER_FILE}, "program.py")
    for line in PRINTED.strip().splitlines():
        assert line.strip() in output.splitlines(), output


PICKLES = """
    import cPickle, pickle, StringIO
    import cPickle as pkl
    import numpy as np
    from helper import load
    import tables

    with open('data_batch_1', 'rb') as f:
        batch = cPickle.load(f)
    print sorted(batch.keys()), batch['labels'], batch['data'].tolist(), batch['name'] == 'caf\\xc3\\xa9'
    with open('data_batch_1') as f:
        print pickle.load(f)['labels'], pickle.loads(open('data_batch_1', 'rb').read())['labels']
        print load('data_batch_1')['labels']
    print pkl.Unpickler(open('data_batch_1', 'rb')).load()['labels']
    print np.load('array.npy', allow_pickle=True)[0]['labels'], tables.read()
    with open('out.pkl', 'w') as f:
        pickle.dump([1], f)
        cPickle.Pickler(f, 2).dump({'a': 2})
    with open('out.pkl') as f:
        print pickle.load(f), pickle.load(f)
"""


def python_2_pickle():
    """A pickle as Python 2 writes it, with strings of bytes, of {'labels': [1, 2], 'data': an array, 'name': UTF-8}."""
    def string(content):
        return b"U" + bytes(bytearray([len(content)])) + content

    array = (b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85" + string(b"b") + b"\x87R(K\1K\2K\2\x86"
             + b"cnumpy\ndtype\n" + string(b"u1") + b"K\0K\1\x87R(K\3" + string(b"|") + b"NNN"
             + b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89"
             + string(bytes(bytearray([0, 255, 128, 200]))) + b"tb")
    return (b"\x80\2}(" + string(b"labels") + b"](K\1K\2e" + string(b"data") + array + string(b"name")
            + string(b"caf\xc3\xa9") + b"u.")


def python_2_array():
    """An .npy file with an array of one such dict."""
    head = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
    head += b" " * (53 - len(head) % 64 + 64) + b"\n"
    inner = python_2_pickle()[2:-1]
    content = (b"\x80\2cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\1b\x87R(K\1K\1\x85"
               b"cnumpy\ndtype\nU\2O8K\0K\1\x87R(K\3U\1|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb\x89]" + inner + b"atb.")
    return b"\x93NUMPY\1\0" + bytes(bytearray([len(head), 0])) + head + content


def test_pickles_of_python_2(run_tf1):
    helper = "import pickle\n\ndef load(path):\n    with open(path, 'rb') as f:\n        return pickle.load(f)\n"
    output = run_tf1({"program.py": PICKLES, "helper.py": helper, "data_batch_1": python_2_pickle(),
                      "array.npy": python_2_array(),
                      "tables.py": "import pickle\n\ndef read():\n    return pickle.loads(pickle.dumps('x'))\n"}, "program.py")
    assert output.splitlines()[-6:] == [
        "['data', 'labels', 'name'] [1, 2] [[0, 255], [128, 200]] True",
        "[1, 2] [1, 2]", "[1, 2]", "[1, 2]", "[1, 2] x", "[1] {'a': 2}"]


def test_c_pickle_in_a_file_that_is_python_3_too(run_tf1):
    program = "import cPickle\nwith open('data_batch_1', 'rb') as f:\n    print(sorted(cPickle.load(f)))\n"
    output = run_tf1({"program.py": program, "data_batch_1": python_2_pickle()}, "program.py")
    assert output.splitlines()[-1] == "['data', 'labels', 'name']"


def test_a_program_of_python_3_is_as_ever(run_tf1):
    output = run_tf1({"data_batch_1": python_2_pickle(), "program.py": """
        import pickle
        import numpy as np
        import tensorflow as tf
        with tf.Session() as sess:
            got = sess.run(tf.constant("cat.jpg"))
        print(type(got), got == "cat.jpg", round(2.5), b"a"[0], pickle.load.__module__, np.load.__name__)
        for call in (lambda: tf.train.BytesList(value=["abc"]), lambda: pickle.load(open("data_batch_1", "rb"))):
            try:
                call()
            except (TypeError, UnicodeDecodeError) as e:
                print("is", type(e).__name__)
    """}, "program.py")
    assert [line for line in output.splitlines() if "is" in line.split()[:1] or "<class" in line] == [
        "<class 'bytes'> False 2 97 _pickle load", "is TypeError", "is UnicodeDecodeError"], output
