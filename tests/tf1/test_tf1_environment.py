"""What numpy, scipy and Python have lost, in the process that `python -m tensorpack.tf1` starts."""
import inspect
import json
import os

import numpy as np
import pytest

from tensorpack.compat import VERSION
from tensorpack.tf1._run.environment import numpy_names, scipy_misc
from tensorpack.tf1._run.environment.scipy_interp2d import interp2d

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GOLDEN = os.path.join(ROOT, "tests", "data", "tf1")  # what scipy 1.1 gave


@pytest.fixture(scope="module")
def golden():
    with np.load(os.path.join(GOLDEN, "scipy_misc.npz")) as arrays:
        return {name: arrays[name] for name in arrays.files}


IMAGES = {
    "resize_tuple": lambda u8, f: scipy_misc.imresize(u8, (12, 10)),
    "resize_fraction": lambda u8, f: scipy_misc.imresize(u8, 0.5),
    "resize_percent": lambda u8, f: scipy_misc.imresize(u8, 200),
    "resize_nearest": lambda u8, f: scipy_misc.imresize(u8, (5, 4), interp="nearest"),
    "resize_bicubic": lambda u8, f: scipy_misc.imresize(u8, (12, 10), interp="bicubic"),
    "resize_float": lambda u8, f: scipy_misc.imresize(f, (9, 8)),
    "resize_float_F": lambda u8, f: scipy_misc.imresize(f, (9, 8), mode="F"),
    "rotate_30": lambda u8, f: scipy_misc.imrotate(u8, 30.0),
    "rotate_nearest": lambda u8, f: scipy_misc.imrotate(u8, -45.0, interp="nearest"),
}


@pytest.mark.parametrize("name", sorted(IMAGES))
def test_images_are_those_of_scipy_1_1(golden, name):
    got = IMAGES[name](golden["u8"], golden["f"])
    assert got.dtype == golden[name].dtype and got.shape == golden[name].shape
    np.testing.assert_allclose(got.astype(float), golden[name].astype(float), atol=2 if got.dtype == np.uint8 else 1e-4)


def test_files_of_images_are_those_of_scipy_1_1(golden, tmp_path):
    path = str(tmp_path / "a.png")
    scipy_misc.imsave(path, golden["u8"])
    np.testing.assert_array_equal(scipy_misc.imread(path), golden["imread"])
    np.testing.assert_allclose(scipy_misc.imread(path, flatten=True), golden["imread_flatten"], atol=1e-3)
    np.testing.assert_array_equal(scipy_misc.imread(path, mode="L"), golden["imread_L"])
    scipy_misc.imsave(path, golden["f"])
    np.testing.assert_array_equal(scipy_misc.imread(path), golden["imsave_float"])


def test_signatures_are_those_of_scipy_1_1():
    with open(os.path.join(GOLDEN, "scipy_misc.json")) as f:
        signatures = json.load(f)
    for name, expected in signatures.items():
        signature = inspect.signature(getattr(scipy_misc, name))
        plain = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()]
        assert str(signature.replace(parameters=plain, return_annotation=inspect.Signature.empty)) == expected, name


@pytest.mark.parametrize("shape", [(2, 3, 4), (4, 3, 2), (2, 4, 3)])
def test_images_of_any_order_of_channels(shape):
    image = scipy_misc.toimage(np.zeros(shape, np.uint8))
    channels = shape.index(3)
    assert image.size == tuple(n for k, n in enumerate(shape) if k != channels)[::-1]


@pytest.mark.parametrize("call, words", [
    (lambda: scipy_misc.toimage(np.zeros(3)), "must be of two dimensions"),
    (lambda: scipy_misc.toimage(np.zeros((2, 5, 6))), "3 or 4 channels; got the shape"),
    (lambda: scipy_misc.toimage(np.zeros((2, 2)), mode="RGB"), "mode must be"),
    (lambda: scipy_misc.toimage(np.zeros((2, 2, 3)), mode="L"), "mode must be one of"),
    (lambda: scipy_misc.imresize(np.zeros((2, 2)), 2., interp="best"), "imresize: interp must be one of"),
    (lambda: scipy_misc.bytescale([1.], high=300), "0 <= low <= high <= 255"),
    (lambda: scipy_misc.imfilter(np.zeros((2, 2)), "none"), "ftype must be"),
])
def test_images_of_bad_input(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_lost_names_of_numpy():
    if np.lib.NumpyVersion(np.__version__) >= "2.0.0":
        for name in numpy_names.NAMES:
            numpy_names.lost_value(name)
    with pytest.raises(AttributeError, match="no attribute 'clamp'"):
        numpy_names.lost_value("clamp")


@pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) >= "1.20.0", reason="a numpy that has the names itself")
@pytest.mark.parametrize("name", sorted(numpy_names.NAMES - {"rank", "trapz"} - set(numpy_names._MOVED)))
def test_lost_names_are_numpys_own(name):
    own, ours = getattr(np, name), numpy_names.lost_value(name)
    if inspect.isfunction(own) or inspect.isfunction(ours):
        assert callable(own) and callable(ours)
    else:
        assert own is ours or np.isnan(own) and np.isnan(ours) or own == ours


CALLS = {
    "asscalar": [np.array([3.5])], "alen": [np.zeros((4, 2))], "asfarray": [[1, 2]], "in1d": [[[1, 2], [3, 4]], [1, 4]],
    "msort": [np.array([[3, 1], [2, 5]])], "fastCopyAndTranspose": [np.arange(6).reshape(2, 3)],
    "find_common_type": [[np.float32], [np.int64, np.float64]], "issubclass_": [int, object], "obj2sctype": [np.array([1.])],
    "issubsctype": ["f4", "f4"], "safe_eval": ["[1, 2]"], "row_stack": [[[1, 2], [3, 4]]], "product": [[2, 3]],
    "round_": [2.567, 1], "sometrue": [[0, 1]], "cumproduct": [[1, 2, 3]], "mat": [[[1, 2]]],
}


@pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) >= "1.20.0", reason="a numpy that has the functions itself")
@pytest.mark.parametrize("name", sorted(CALLS))
@pytest.mark.filterwarnings("ignore")  # numpy says that it will lose them
def test_lost_functions_give_what_numpys_own_give(name):
    own, ours = getattr(np, name)(*CALLS[name]), numpy_names.lost_value(name)(*CALLS[name])
    assert own is ours or np.array_equal(own, ours)
    assert type(own) is type(ours)


@pytest.mark.parametrize("kind", ["cubic", "linear"])
@pytest.mark.filterwarnings("ignore:.*No more knots can be added")
def test_interp2d(kind):
    x, y = np.arange(5.), np.arange(4.) * 2
    plane = interp2d(x, y, x[None, :] + y[:, None] / 2, kind=kind)
    np.testing.assert_allclose(plane([0.5, 1.5], [0., 2.]), [[0.5, 1.5], [1.5, 2.5]], atol=1e-9)
    np.testing.assert_allclose(plane(9., 1.), [4.5], atol=1e-9)  # the nearest inside
    assert interp2d(x, y, np.zeros((4, 5)), fill_value=-1)([9., 1.], [0., 9.]).tolist() == [[0, -1], [-1, -1]]
    r = np.random.RandomState(0).rand(2, 60)
    np.testing.assert_allclose(interp2d(r[0], r[1], r[0] + r[1], kind="linear")(0.5, 0.5), [1.0], atol=0.05)
    with pytest.raises(ValueError, match="interp2d: x and y must be within"):
        interp2d(x, y, np.zeros((4, 5)), bounds_error=True)(9., 0.)


@pytest.mark.skipif(VERSION >= (2, 0), reason="only an old scipy has it itself")
@pytest.mark.parametrize("kind", ["cubic", "linear"])
def test_interp2d_is_that_of_scipy(kind):
    from scipy.interpolate import interp2d as own

    rng = np.random.RandomState(0)
    grid = (np.arange(6.)[::-1], np.arange(5.) * 2, rng.rand(5, 6))
    for at in [([0.5, 2.2, 9], [1, 3.3]), (1., 2.), ([3, 1, .2], [5.5])]:
        np.testing.assert_allclose(interp2d(*grid, kind=kind)(*at), own(*grid, kind=kind)(*at), atol=1e-9)


PROGRAM = """
    import collections, inspect, itertools, os, time
    import numpy as np
    import scipy
    import scipy.misc
    from scipy.misc import imread, imresize, imsave
    from scipy.interpolate import interp2d
    import tensorflow as tf
    from tensorflow.examples.tutorials.mnist import input_data

    flags = tf.app.flags
    flags.DEFINE_integer("batch", 4, "size of a batch")
    flags.DEFINE_string(flag_name="name", default_value="none", docstring="old keywords")
    FLAGS = flags.FLAGS

    a = np.zeros([2, 2], dtype=np.float)
    assert a.dtype == np.float64 and np.zeros(1, np.bool).dtype == bool and np.int is int and np.object is object
    assert np.asscalar(np.array([3])) == 3 and np.row_stack([a, a]).shape == (4, 2) and np.Inf == np.PINF
    assert np.fromstring(b"\\x01\\x02", dtype=np.uint8).tolist() == [1, 2] and a.tostring() == bytes(32)
    assert np.fromstring("1 2", sep=" ").tolist() == [1., 2.] and np.lib.pad(a, 1, "constant").shape == (4, 4)
    assert not hasattr(np, "clamp") and not hasattr(np.lib, "clamp")
    assert issubclass(dict, collections.Mapping) and collections.MutableSequence
    assert inspect.getargspec(lambda x: x).args == ["x"]
    assert isinstance(time.clock(), float) and list(itertools.izip([1], [2])) == [(1, 2)]
    image = np.arange(27).reshape(3, 3, 3).astype(np.uint8)
    imsave("a.png", image)
    assert (imread("a.png") == image).all() and imresize(image, 200).shape == (6, 6, 3) and scipy.misc.imrotate(image, 0.).any()
    assert interp2d([0, 1], [0, 1], [[0, 1], [1, 2]])(0.5, 0.5)[0] == 1
    assert input_data.read_data_sets("none", fake_data=True).train.num_examples == 10000

    def main(argv):
        print(FLAGS.batch, FLAGS.name, argv[1:], os.path.basename(argv[0]))

    if __name__ == "__main__":
        tf.app.run()
"""


def test_a_program_of_2017_finds_its_environment(run_tf1):
    output = run_tf1({"program.py": PROGRAM}, "program.py", "--batch=8", "rest", "--name", "given")
    assert "8 given ['rest'] program.py" in output


MNIST = os.path.join(os.path.dirname(os.path.realpath(os.path.join(ROOT, ".venv"))), os.pardir, "shared", "data", "mnist_data")


@pytest.mark.skipif(not os.path.isdir(MNIST), reason="no MNIST beside the checkout")
def test_mnist_of_the_tutorials():
    from tensorpack.tf1._tensorflow.examples.tutorials.mnist import input_data

    data = input_data.read_data_sets(MNIST, one_hot=True, seed=3)
    assert data.train.images.shape == (55000, 784) and data.train.images.dtype == np.float32
    assert data.validation.labels.shape == (5000, 10) and data.test.num_examples == 10000
    sums = []
    for _ in range(3):
        images, labels = data.train.next_batch(30000)
        total = round(float(images[:100].astype(float).sum()), 2)
        sums.append((data.train.epochs_completed, total, labels[:9].argmax(1).tolist()))
    assert sums == SUMS_OF_TENSORFLOW_1_15


# What `tensorflow.examples` of 1.15 gives for the same calls
SUMS_OF_TENSORFLOW_1_15 = [(0, 10240.95, [4, 6, 9, 7, 9, 6, 2, 3, 4]),
                           (1, 10334.6, [3, 7, 8, 4, 9, 9, 6, 0, 3]),
                           (1, 9546.88, [2, 6, 6, 9, 1, 4, 0, 5, 8])]
