"""Plain data as bytes and back: what arrives, of which type, and what is refused."""
import collections
import pickle
import struct

import numpy as np
import pytest

from tensorpack.utils._wire.codec import DamagedError, Encoder, NotPlainError, PickleRefusedError, decode
from tensorpack.utils._wire.dtypes import text_to_dtype

try:
    import ml_dtypes
except ImportError:
    ml_dtypes = None

ALIGNED = np.dtype([("a", "u1"), ("b", "<f8"), ("c", "<i2", (2, 3))], align=True)
NESTED = np.dtype([("position", [("x", "<f4"), ("y", ">f4")]), (("the title", "name"), "U5")])
DTYPES = ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float32", "float64",
          "longdouble", "complex64", "complex128", "clongdouble", ">i4", ">f8", "S7", "U3", "S0", "V5", "datetime64[ns]",
          "datetime64[D]",
          "datetime64", "timedelta64[25us]", ALIGNED, NESTED]


def round_trip(value, **options):
    kind, got = decode(Encoder(**options).encode(value, kind=3), **options)
    assert kind == 3
    return got


def random_array(shape, dtype):
    dtype = np.dtype(dtype)
    data = np.random.RandomState(0).randint(0, 2, int(np.prod(shape)) * dtype.itemsize).astype("uint8").tobytes()
    return np.ndarray(shape, dtype, bytearray(data))


def same(one, other):
    """Equal, of the same types throughout."""
    assert type(one) is type(other)
    if isinstance(one, (list, tuple)):
        assert len(one) == len(other)
        for a, b in zip(one, other):
            same(a, b)
    elif isinstance(one, dict):
        same(list(one), list(other))
        same(list(one.values()), list(other.values()))
    elif isinstance(one, (np.ndarray, np.generic)):
        assert one.dtype == other.dtype and one.shape == other.shape
        assert one.tobytes() == other.tobytes()
    elif one != one:
        assert other != other
    else:
        assert one == other


PLAIN = [
    None, True, False, 0, -1, 2**63, 2**64 - 1, 2**64, -2**63, -2**63 - 1, 10**100, -10**100, 1.5, float("inf"), float("nan"),
        1j,
    complex(float("inf"), -2), "", "text", "Grüße \U0001f40d", "\udcff lone", b"", b"\x00\xff", [], (), {}, [[]], ((),), [()],
    ([],), [{}],
    [1, "a"], (1, "a"), {"x": (1, [2, (3,)])}, {1: 2, None: 3, (1, (2, "x")): 4, b"k": 5, 1.5: 6, False: 7}, [[1, 2], (3, 4),
    {"a": ()}],
    "x" * 100000, b"y" * 100000, list(range(5000)), np.float32(2.5), np.int8(-3), np.bool_(True), np.str_("ab"),
    np.bytes_(b"cd"),
    np.complex64(1j), np.datetime64("2020-02-29"), np.timedelta64(3, "s"), np.longdouble(1) / 3,
    np.array([(1, 2.5)], [("a", "i4"), ("b", "f8")])[0]]


@pytest.mark.parametrize("value", PLAIN, ids=lambda value: repr(value)[:40])
def test_plain_values_come_back_as_they_were(value):
    same(round_trip(value), value)
    same(round_trip([value, (value,)]), [value, (value,)])


@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (5,), (2, 3), (40, 50, 20)], ids=str)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_arrays_of_each_dtype_come_back(dtype, shape):
    array = random_array(shape, dtype)
    got = round_trip([array])[0]
    same(got, array)
    assert got.flags.writeable and got.flags.aligned and got.flags.c_contiguous


@pytest.mark.skipif(ml_dtypes is None, reason="needs ml_dtypes")
@pytest.mark.parametrize("name", ["bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3b11fnuz", "int4"])
def test_dtypes_of_ml_dtypes_come_back(name):
    dtype = np.dtype(getattr(ml_dtypes, name))
    for value in (np.arange(7).astype(dtype), np.zeros((200, 200), dtype), np.ones((), dtype)[()],
                  np.zeros(3, [("a", dtype), ("b", "i4")])):
        same(round_trip([value])[0], value)


BASE = np.arange(40 * 50 * 60).reshape(40, 50, 60)


@pytest.mark.parametrize("array", [
    np.asfortranarray(BASE), BASE[::2, ::-1, ::3], BASE.transpose(1, 0, 2), BASE[:3, :2, 0].T, np.broadcast_to(np.float32(2),
        (300, 200)),
    BASE[:2, :2, 0][::-1]], ids=["Fortran", "steps", "transposed", "small Fortran", "broadcast", "small, reversed"])
def test_arrays_of_any_layout(array):
    got = round_trip([array])[0]
    np.testing.assert_array_equal(got, array)
    assert got.dtype == array.dtype and got.flags.writeable
    assert got.flags.f_contiguous if array.flags.f_contiguous else got.flags.c_contiguous


def test_a_read_only_array_and_one_of_a_file(tmp_path):
    on_disk = np.memmap(str(tmp_path / "x"), "int32", "w+", shape=(100, 100))
    on_disk[:] = 7
    frozen = np.ones(5)
    frozen.flags.writeable = False
    got = round_trip([on_disk, frozen])
    same(got, [np.full((100, 100), 7, "int32"), np.ones(5)])
    assert all(array.flags.writeable for array in got)


def test_big_arrays_are_aligned_and_in_their_order():
    value = {"a": [np.full((100, 100), k) for k in range(5)], "b": (np.arange(3), np.zeros((64, 999), "f4"))}
    got = round_trip(value)
    same(got, value)
    assert got["a"][2].__array_interface__["data"][0] % 64 == 0 or got["a"][2].nbytes < 65536


def test_big_arrays_apart():
    value = [np.full((100, 100), 1), (2, np.asfortranarray(np.ones((200, 300)))), np.arange(5)] + [np.zeros((70, 70),
        "f8")] * 70
    first, *arrays = Encoder().encode_parts(value, 9)
    assert len(arrays) == 64
    kind, got = decode(first, arrays=arrays)
    assert kind == 9
    same(got, value)
    for wrong in (None, arrays[:-1], arrays + [b""], arrays[::-1], [arrays[0][:-1]] + arrays[1:]):
        with pytest.raises(DamagedError):
            decode(first, arrays=wrong)
    with pytest.raises(DamagedError):
        decode(Encoder().encode(value), arrays=[])


def test_an_encoder_serves_again_after_an_error():
    encoder = Encoder()
    with pytest.raises(NotPlainError):
        encoder.encode([np.zeros(100000), (1, object())])
    same(decode(encoder.encode([1, np.ones(3)]))[1], [1, np.ones(3)])


class Own:
    pass


class OwnList(list):
    pass


Pair = collections.namedtuple("Pair", "a b")
ODD = [
    ([1, Own()], "component 1 must be plain data; got .*Own$"), ({"x": set()}, "component 'x' must be plain data; got set"),
    ([OwnList()], "component 0 .*OwnList"), ([Pair(1, 2)], "component 0 .*Pair"), ((1, [{"k": 1, "o": Own()}]),
    r"component 1, at \[1\]\[0\]\['o'\], must be"),
    ([collections.OrderedDict()], "component 0 .*OrderedDict"), ([np.array([None, 1])],
    "component 0 .* ndarray of dtype object"),
    ([np.zeros(2, [("a", "O")])], "component 0 must"), ([np.ma.zeros(3)], "component 0 .*MaskedArray"), ([{Own: 1}],
    r"component 0, at \[0\]\[.*Own.*got type"),
    (Own(), "a datapoint must be plain data"), (len, "builtin_function"), ({1: {frozenset(): 2}}, "frozenset")]


@pytest.mark.parametrize("value, expected", ODD, ids=lambda value: str(value)[:30])
def test_other_types_are_named_with_their_place(value, expected):
    with pytest.raises(NotPlainError, match=expected):
        Encoder().encode(value)


@pytest.mark.parametrize("value", [[1, OwnList([2])], {"x": {1, 2}}, [Pair(1, (2, np.arange(3)))], [np.array([None, "a"])]],
    ids=str)
def test_other_types_come_back_where_pickles_are_allowed_on_both_sides(value):
    encoder = Encoder(allow_pickle=True)
    message = encoder.encode(value)
    got = decode(message, allow_pickle=True)[1]
    np.testing.assert_equal(got, value)
    with pytest.raises(PickleRefusedError):
        decode(message)
    (kind, where), = encoder.pickled.items()
    assert where.startswith("component ") and kind


def test_what_is_too_deep_or_holds_itself_is_refused():
    endless = []
    endless.append(endless)
    with pytest.raises(ValueError, match="recursion"):
        Encoder().encode(endless)


class Evil:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self._path = path

    def __reduce__(self):
        return open, (self._path, "w")


def test_nothing_runs_when_foreign_bytes_are_read(tmp_path):
    path = str(tmp_path / "mark")
    message = Encoder(allow_pickle=True).encode([Evil(path)])
    for data in (message, pickle.dumps(Evil(path))):
        with pytest.raises((PickleRefusedError, DamagedError)):
            decode(data)
    assert not (tmp_path / "mark").exists()


MESSAGE = Encoder().encode([1, (2, "x"), {"a": np.arange(5.0)}, np.arange(9000), np.zeros((), NESTED)])


@pytest.mark.parametrize("message, reason", [
    (b"", "another program"), (b"GET / HTTP/1.1\r\n\r\n", "another program"), (MESSAGE[:3], "another program"), (MESSAGE[:10],
        "cut off"),
    (MESSAGE[:50], "cut off"), (MESSAGE[:-1], "cut off"), (MESSAGE + b"x", "longer"), (MESSAGE[:4] + b"\2" + MESSAGE[5:],
    "has version 2; here it is 1"),
    (pickle.dumps([1]), "another program")], ids=lambda value: repr(value)[:20])
def test_foreign_and_cut_off_messages_say_what_is_wrong(message, reason):
    with pytest.raises(DamagedError, match=reason):
        decode(message)


def test_every_cut_and_many_changes_are_errors_of_one_kind():
    for end in range(0, 400):
        with pytest.raises(DamagedError):
            decode(MESSAGE[:end])
    random = np.random.RandomState(0)
    for _ in range(3000):
        changed = bytearray(MESSAGE)
        for position in random.randint(0, 400, random.randint(1, 5)):
            changed[position] = random.randint(256)
        try:
            decode(bytes(changed))
        except (DamagedError, PickleRefusedError):
            pass


def extension(code, data):
    stream = b"\xc8" + struct.pack(">HB", len(data), code) + data
    return struct.pack("<4sBBBxQ", b"\xc1TPD", 1, 0, 0, len(stream)) + stream


@pytest.mark.parametrize("dtype", ["O", "|O", "object", "<O8", "datetime64", "f8,O", "{}",
    '{"fields": [["a", "O", 0]], "size": 8, "aligned": false}',
                                   '{"element": "|O", "shape": [2]}', "<M8[evil]", "float999", "__import__", '{"fields": 3}',
                                   "[" * 5000])
def test_dtypes_of_objects_and_nonsense_are_refused(dtype):
    with pytest.raises(ValueError):
        text_to_dtype(dtype)
    text = dtype.encode()
    with pytest.raises(DamagedError):
        decode(extension(4, b"\0" * 16 + text + struct.pack("<QHBB", 2, len(text), 1, 0)))


@pytest.mark.parametrize("shape", [(2**62, 2**62), (2**40,), (2**63, 0), (1,) * 100], ids=str)
def test_shapes_beyond_the_data_take_no_memory(shape):
    data = b"<f8" + struct.pack("<{}Q".format(len(shape)), *shape) + struct.pack("<HBB", 3, len(shape), 0)
    for code in (4, 5):
        with pytest.raises(DamagedError):
            decode(extension(code, data))
