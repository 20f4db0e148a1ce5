"""The reader of pickles that makes plain data: what it makes is what `pickle` makes, and it makes nothing else."""
import collections
import datetime
import pickle
import pickletools

import numpy as np
import pytest

from tensorpack.utils._plain.bounds import check_bounds
from tensorpack.utils._plain.unpickler import NotPlain, load_plain
from tensorpack.utils.serialize import load_pickle, loads

RECORD = np.dtype([("a", "i4"), ("b", ">f8", (2,)), ("c", "S3")])
SHARED = np.arange(3)
NOTED = np.empty(3, dtype=object)
NOTED[:] = [np.zeros(2, "f4"), "text", [1, np.float32(2)]]
PLAIN = {
    "nothing": None, "numbers": [True, 1, -2 ** 70, 1.5, 2 + 3j], "texts": ["", "é", b"", b"\xff\x00", bytearray(b"ab")],
    "nested": {"a": [(1, (2, [3]))], 5: {"b": None}}, "sets": [{1, 2}, frozenset([(3, "x")])],
    "ordered": collections.OrderedDict([("z", 1), ("a", np.ones(2))]),
    "times": [datetime.date(2020, 1, 2), datetime.datetime(2020, 1, 2, 3, 4, 5, 6), datetime.time(1, 2),
              datetime.timedelta(3, 4, 5), datetime.datetime(2020, 1, 2, tzinfo=datetime.timezone.utc)],
    "datapoint": [np.arange(90, dtype="u1").reshape(6, 5, 3), 3, "label", np.linspace(0, 1, 4, dtype="f4")],
    "a tuple of arrays": (np.zeros((2, 0, 3)), np.array(7), np.asfortranarray(np.arange(6).reshape(2, 3))),
    "scalars": [np.float32(2.5), np.int8(-3), np.bool_(True), np.complex64(1j), np.str_("ab"), np.bytes_(b"x"),
                np.datetime64("2020-01-02", "D"), np.float64("nan")],
    "dtypes": [np.dtype("f4"), np.dtype(">i2"), RECORD, {"dtype": np.dtype("U5")}],
    "records": np.array([(1, [2, 3], b"abc")], RECORD), "a record": np.array([(1, [2, 3], b"abc")], RECORD)[0],
    "records with gaps": np.zeros(2, np.dtype({"names": ["x", "y"], "formats": ["u1", "f4"], "offsets": [0, 8],
                                               "itemsize": 16})),
    "aligned records": np.zeros(2, np.dtype([("x", "u1"), ("y", "f8")], align=True)),
    "records of records": np.zeros(2, np.dtype([("x", RECORD), ("y", "f8")])),
    "objects": NOTED, "objects in records": np.array([(1, "text"), (2, None)], np.dtype([("a", "i4"), ("b", "O")])),
    "objects of two dimensions": np.array([[None, 1], ["a", 2.5]], dtype=object),
    "objects in Fortran's order": np.asfortranarray(np.array([[None, 1, "x"], ["a", 2.5, 3]], dtype=object)),
    "an object": NOTED[2:].reshape(()),
    "shared": [SHARED, {"again": SHARED}],
}
for _name in ("b1", "i1", "u2", "i4", ">i8", "f2", ">f4", "f8", "c8", "c16", "S4", "U3", ">U2", "M8[ns]", ">M8[25s]", "m8[D]",
              "m8", "V5", "S0"):
    PLAIN["array of " + _name] = np.zeros((2, 3), _name)


def same(a, b):
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return (a.dtype, a.shape, a.flags.f_contiguous, a.flags.writeable) == (
            b.dtype, b.shape, b.flags.f_contiguous, b.flags.writeable) and all(
                map(same, a.ravel().tolist(), b.ravel().tolist()))
    if isinstance(a, np.generic):
        return a.dtype == b.dtype and a.tobytes() == b.tobytes()
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    return a == b or a != a and b != b


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("value", PLAIN.values(), ids=PLAIN.keys())
def test_plain_data_are_what_pickle_makes_of_them(value, protocol):
    data = pickle.dumps(value, protocol)
    for view in (data, bytearray(data), memoryview(data)):
        assert same(load_plain(view), pickle.loads(data))


def test_a_custom_dtype_comes_back():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    value = [np.ones(3, ml_dtypes.bfloat16), ml_dtypes.float8_e4m3fn(2), np.dtype(ml_dtypes.bfloat16)]
    assert same(load_plain(pickle.dumps(value)), value)


def test_what_was_one_array_stays_one():
    first, second = load_plain(pickle.dumps(PLAIN["shared"]))
    assert first is second["again"]
    holder = [1]
    holder.append((holder, np.ones(2)))
    loaded = load_plain(pickle.dumps(holder))
    assert loaded[1][0] is loaded and loaded[1][1].tolist() == [1, 1]
    objects = np.empty(1, dtype=object)
    objects[0] = [objects]
    loaded = load_plain(pickle.dumps(objects))
    assert loaded[0][0] is loaded


def test_strings_of_python_2():
    data = (b"\x80\x02]q\x01(U\x02abcnumpy\ndtype\nU\x02f4K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xff"
            b"K\x00tbe.")
    assert load_plain(data) == ["ab", np.dtype("f4")]
    assert load_plain(data, "bytes") == [b"ab", np.dtype("f4")]
    array = (b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01K\x02\x85"
             b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x02\x07\xfftb.")
    for encoding in ("bytes", "latin1"):
        assert load_plain(array, encoding).tolist() == [7, 255]


class Local:
    def __init__(self):
        self.a = 1


Point = collections.namedtuple("Point", "x y")


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("value, name", [
    (Local(), "Local"), (Point(1, 2), "Point"), ([1, {"f": len}], "len"), (Local, "Local"), (np.float32, "float32"),
    (np.ndarray, "ndarray"), (dict, "dict"), (OSError("x"), "OSError"), (range(3), "range"), (np.random.RandomState(0), "rand"),
    (collections.defaultdict(list), "defaultdict"), (np.array([1, Local()], dtype=object), "Local"), (set, "set"),
    ({(1, frozenset): 2}, "frozenset"), ({datetime.date}, "date"), (np.ma.zeros(2), "numpy.ma"),
])
def test_other_things_are_named(value, name, protocol):
    data = pickle.dumps(value, protocol)
    with pytest.raises(NotPlain, match=name):
        load_plain(data)
    with pytest.raises(ValueError, match=r"loads: the bytes must hold plain data and numpy arrays; got one that refers to "
                       r".*{}.*, which can run code.*pass allow_pickle=True".format(name)):
        loads(data)


# Pickles that use what is in the list in other ways than pickle does.
MISUSES = {
    "attribute of a maker": b"\x80\x02c_codecs\nencode\n}X\x01\x00\x00\x00aK\x01sb.",
    "slot of a maker": b"\x80\x02c_codecs\nencode\nN}X\x0c\x00\x00\x00__defaults__)s\x86b.",
    "attribute of dtype": b"\x80\x02cnumpy\ndtype\nN}X\x0c\x00\x00\x00__setstate__Ns\x86b.",
    "attribute of the array's maker": b"\x80\x02cnumpy.core.multiarray\n_reconstruct\nN}X\x08\x00\x00\x00completeNs\x86b.",
    "attribute of ndarray": b"\x80\x02cnumpy\nndarray\nN}X\x04\x00\x00\x00nameNs\x86b.",
    "attribute of set": b"\x80\x02c__builtin__\nset\nN}X\x03\x00\x00\x00addNs\x86b.",
    "ndarray called": b"\x80\x02cnumpy\nndarray\nK\x02\x85R.",
    "an array without content": b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R.",
    "another encoding": b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x05\x00\x00\x00rot13\x86R.",
    "a dtype out of code": b"\x80\x02cnumpy\ndtype\nX\x05\x00\x00\x00i4,f4K\x00K\x01\x87R.",
    "bytearray of a size": b"\x80\x02c__builtin__\nbytearray\nK\x05\x85R.",
    "persistent": b"\x80\x02Pabc\n.",
    "an extension": b"\x80\x02\x82\x01.",
    "dotted": b"\x80\x04\x8c\x05numpy\x8c\x0bndarray.max\x93.",
}


@pytest.mark.parametrize("data", MISUSES.values(), ids=MISUSES.keys())
def test_the_list_cannot_be_misused(data):
    for _ in range(2):  # the first has changed nothing
        with pytest.raises(ValueError):
            load_plain(data)
    assert same(load_plain(pickle.dumps(PLAIN["datapoint"], 2)), PLAIN["datapoint"])


@pytest.mark.parametrize("old, new", [
    (b"u1", b"O8"), (b"u1", b"u2"), (b"u1", b"x1"), (b"u1", b"V0"), (b"K\x06K\x05K\x03", b"K\x06K\x05K\x04"),
    (b"K\x06K\x05K\x03", b"K\x06K\x05N\x30"), (b"K\x06K\x05K\x03", b"M\xff\xff0]]"),
], ids=["objects", "wider", "no dtype", "nothing", "longer", "no number", "no shape"])
def test_an_array_that_lies_about_its_bytes(old, new):
    data = pickletools.optimize(pickle.dumps(np.arange(90, dtype="u1").reshape(6, 5, 3), 3))
    assert data.count(old) == 1
    with pytest.raises(ValueError):
        load_plain(data.replace(old, new))


@pytest.mark.parametrize("data, reason", [
    (b"\x80\x02]r\x40\x01\x00\x00.", "remembered under the number 320"),
    (b"\x80\x02]p320\n.", "remembered under the number 320"),
    (b"I" + b"1" * 5000 + b"\n.", "5000 digits"), (b"\x80\x04B\xff\x00\x00\x00ab.", "ends early"), (b"\x80\x04", "ends early"),
    (b"", "ends early"), (b"\x80\x04\xff.", "byte 2 is no instruction"),
])
def test_a_pickle_that_asks_for_more_than_it_holds(data, reason):
    with pytest.raises(ValueError, match=reason):
        check_bounds(data)
    with pytest.raises(ValueError, match=reason):
        load_plain(data)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_what_pickle_writes_is_within_the_bounds(protocol):
    check_bounds(pickle.dumps([[str(k), k * 1.5, k ** 20, b"%d" % k] for k in range(2000)], protocol))


def test_a_deep_pickle_is_an_error():
    with pytest.raises(ValueError):
        load_plain(b"\x80\x04cnumpy\ndtype\n" + b"]" * 100000 + b"a" * 99999 + b"\x86.")


def test_a_file_of_a_pickle(tmp_path):
    path = str(tmp_path / "a.pkl")
    for value in ({"model": {"w": np.ones(2)}}, Point(1, 2)):
        with open(path, "wb") as f:
            pickle.dump(value, f)
        if isinstance(value, dict):
            assert same(load_pickle(path), value)
        else:
            with pytest.raises(ValueError, match=r"load_pickle: .*a\.pkl must hold plain data.*Point.*allow_pickle=True"):
                load_pickle(path)
        assert same(load_pickle(path, allow_pickle=True), value)
    with open(path, "wb") as f:
        f.write(pickle.dumps([1, "abc"])[:-3])
    with pytest.raises(ValueError, match=r"load_pickle: .*a\.pkl must be a complete pickle; got \d+ bytes"):
        load_pickle(path)
