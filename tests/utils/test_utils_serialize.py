"""Bytes of `dumps` and what `loads` makes of them: its own of either kind, older, damaged and foreign ones."""
import multiprocessing
import pickle
import threading

import numpy as np
import pytest

from tensorpack.utils import compatible_serialize, serialize
from tensorpack.utils.serialize import dumps, dumps_once, loads, loads_once
from tensorpack.utils.utils import change_env

VALUES = {
    "datapoint": [np.arange(6, dtype="float32").reshape(2, 3), 3, "text", b"bytes", 2.5, None, True],
    "dict": {"x": np.ones((2, 2), "uint8"), "y": [1, 2]},
    "dict of ints": {1: 2, 3: 4},
    "numpy scalars": [np.float32(2.5), np.int8(-3), np.bool_(True)],
    "empty list": [],
    "empty dict": {},
    "number": 300,
    "text": "a" * 1000,
}


def same(a, b):
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.dtype == b.dtype and np.array_equal(a, b)
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    return type(a) is type(b) and a == b


@pytest.mark.parametrize("kind", [None, "pickle", "msgpack"])
@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_round_trip_whatever_the_environment_of_the_reader(value, kind):
    with change_env("TENSORPACK_SERIALIZE", kind):
        data = dumps(value)
    assert isinstance(data, bytes)
    for view in (data, bytearray(data), memoryview(data)):
        assert same(loads(view), value)
    with change_env("TENSORPACK_ONCE_SERIALIZE", kind):
        assert same(loads_once(dumps_once(value)), value)


def test_kinds_differ_in_tuples():
    assert loads(dumps((1, (2,)))) == (1, (2,))
    with change_env("TENSORPACK_SERIALIZE", "msgpack"):
        assert loads(dumps((1, (2,)))) == [1, [2]]


@pytest.mark.parametrize("kind", ["pickle", "msgpack"])
def test_loaded_arrays_can_be_written(kind):
    with change_env("TENSORPACK_SERIALIZE", kind):
        array = loads(dumps([np.zeros(3)]))[0]
    array += 1
    assert array.tolist() == [1, 1, 1]


def test_pickles_are_of_a_protocol_that_every_supported_python_reads():
    assert dumps([1])[:2] == b"\x80\x04"
    assert pickle.loads(dumps([1])) == [1]


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_of_other_protocols_are_read(protocol):
    assert loads(pickle.dumps(VALUES["dict of ints"], protocol=protocol)) == VALUES["dict of ints"]


def test_arrays_pickled_by_numpy_2_are_read_by_every_numpy():
    data = (b"\x80\x04\x95\x8d\x00\x00\x00\x00\x00\x00\x00\x8c\x16numpy._core.multiarray\x94\x8c\x0c_reconstruct\x94\x93\x94"
            b"\x8c\x05numpy\x94\x8c\x07ndarray\x94\x93\x94K\x00\x85\x94C\x01b\x94\x87\x94R\x94(K\x01K\x02\x85\x94h\x03"
            b"\x8c\x05dtype\x94\x93\x94\x8c\x02i2\x94\x89\x88\x87\x94R\x94(K\x03\x8c\x01<\x94NNNJ\xff\xff\xff\xff"
            b"J\xff\xff\xff\xffK\x00t\x94b\x89C\x04\x01\x00\x02\x00\x94t\x94b.")
    assert same(loads(data), np.array([1, 2], "int16"))


def test_a_trusted_pickle_of_an_unknown_class_keeps_its_own_error():
    data = b"\x80\x04\x95\x1d\x00\x00\x00\x00\x00\x00\x00\x8c\x0eno_such_module\x94\x8c\x06Nobody\x94\x93\x94."
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        loads(data, allow_pickle=True)


@pytest.mark.parametrize("data", [
    b"", b"\x80\x04", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01", b"hello, world", b"PK\x03\x04zip of something",
    b"\x00" * 64 + b"\xff\xff\xff\xff pyarrow", dumps([1, "text"])[:-5],
], ids=["nothing", "start of a pickle", "jpeg", "text", "zip", "zeros", "truncated pickle"])
def test_foreign_and_damaged_bytes_are_refused(data):
    with pytest.raises(ValueError, match=r"loads: .* must be .*got {} bytes".format(len(data))):
        loads(data)


def test_truncated_msgpack_is_refused():
    with change_env("TENSORPACK_SERIALIZE", "msgpack"):
        data = dumps([1, "some text"])
    with pytest.raises(ValueError, match="a pickle or msgpack.*incomplete"):
        loads(data[:-3])


def test_a_pickle_of_a_future_protocol_says_what_to_do():
    with pytest.raises(ValueError, match="protocol of a pickle must be at most {}.*got 6.*newer Python".format(
            pickle.HIGHEST_PROTOCOL)):
        loads(b"\x80\x06\x95abc.")


@pytest.mark.parametrize("function, variable", [(dumps, "TENSORPACK_SERIALIZE"), (dumps_once, "TENSORPACK_ONCE_SERIALIZE")])
@pytest.mark.parametrize("name", ["pyarrow", "msgpak", ""])
def test_unknown_kinds_are_refused(function, variable, name):
    with change_env(variable, name), pytest.raises(ValueError, match=variable + r" must be one of \['msgpack', 'pickle'\]"):
        function([1])


def test_dumps_once_takes_what_multiprocessing_can_hand_over():
    receiver, sender = multiprocessing.Pipe(duplex=False)
    try:
        with pytest.raises(TypeError):
            dumps([threading.Lock()])
        with loads_once(dumps_once(sender)) as copy:
            copy.send("hello")
        assert receiver.recv() == "hello"
    finally:
        receiver.close()
        sender.close()


def test_the_old_path_gives_the_same_functions():
    assert compatible_serialize.dumps is serialize.dumps
    assert compatible_serialize.loads is serialize.loads
