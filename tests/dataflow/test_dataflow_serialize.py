"""Saving a flow and reading it again: every format, files of the original and of TensorFlow, failures in the middle."""
import io
import itertools
import os
import shutil
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tensorpack.dataflow import BatchData, DataFlow, DataFromGenerator, DataFromList
from tensorpack.dataflow._formats import lmdb as lmdb_module
from tensorpack.dataflow._formats.tfrecord import read_records, write_record
from tensorpack.dataflow.format import LMDBData
from tensorpack.dataflow.serialize import (
    DiskCacheSerializer,
    HDF5Serializer,
    LMDBSerializer,
    NumpySerializer,
    TFRecordSerializer,
)
from tensorpack.utils.serialize import dumps
from tensorpack.utils.utils import change_env

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GOLDEN = os.path.join(ROOT, "tests", "data", "golden", "serializers")


def started(df):
    df.reset_state()
    return df


def one_pass(df):
    return [dp for dp in df]


def flow(datapoints):
    return DataFromList(datapoints, shuffle=False)


def numbers(count):
    return flow([[k, "name-{}".format(k)] for k in range(count)])


def same(a, b):
    if isinstance(a, np.ndarray):
        return type(b) is np.ndarray and a.dtype == b.dtype and np.array_equal(a, b)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return type(b) is dict and a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    return type(a) is type(b) and a == b


class FailsAfter(DataFlow):
    """Counts its resets; fails after some datapoints."""

    def __init__(self, count):
        self.count = count
        self.resets = 0

    def reset_state(self):
        self.resets += 1

    def __iter__(self):
        for k in range(self.count):
            yield [k]
        raise OSError("the camera is gone")


# name -> (save(df, path), load(path, shuffle)), for flows of any datapoints
ANY_DATAPOINTS = {
    "LMDBSerializer": (LMDBSerializer.save, LMDBSerializer.load),
    "NumpySerializer": (NumpySerializer.save, NumpySerializer.load),
    "TFRecordSerializer": (TFRecordSerializer.save, lambda path, shuffle=None: TFRecordSerializer.load(path)),
    "DiskCacheSerializer": (DiskCacheSerializer.save, DiskCacheSerializer.load),
}
ALL = dict(ANY_DATAPOINTS, HDF5Serializer=(
    lambda df, path: HDF5Serializer.save(df, path, ["x"]),
    lambda path, shuffle=True: HDF5Serializer.load(path, ["x"], shuffle)))


def each(table):
    return pytest.mark.parametrize("save, load", table.values(), ids=table.keys())


IMAGE = np.arange(12, dtype="uint8").reshape(2, 2, 3)
DATAPOINTS = {
    "images and labels": [[IMAGE, 1], [IMAGE + 1, 2]],
    "tuples": [(IMAGE, "a"), (IMAGE, "b")],
    "dicts": [{"image": IMAGE, "boxes": np.zeros((0, 4), "float32")}, {"image": IMAGE, "boxes": np.ones((2, 4), "float32")}],
    "arrays of one shape": [[IMAGE, IMAGE], [IMAGE, IMAGE]],
    "arrays of many shapes": [[np.zeros(k, "int16")] for k in range(4)],
    "nested": [[[1, [2.5, None]], {"a": (b"x", "y")}], [[1, []], {}]],
    "bare arrays": [IMAGE, IMAGE],
    "bare numbers": [1, 2, 3],
    "one": [["only"]],
    "none": [],
}


@each(ALL)
@pytest.mark.parametrize("name", ["saved", "saved.npz"])
def test_a_path_may_be_an_object(tmp_path, save, load, name):
    save(numbers(3) if save is not ALL["HDF5Serializer"][0] else flow([[k] for k in range(3)]), tmp_path / name)
    assert len(one_pass(started(load(tmp_path / name, shuffle=False)))) == 3


@each(ANY_DATAPOINTS)
@pytest.mark.parametrize("datapoints", DATAPOINTS.values(), ids=DATAPOINTS.keys())
def test_datapoints_come_back_as_they_were_in_each_pass(tmp_path, save, load, datapoints):
    path = str(tmp_path / "saved.npz")
    save(flow(datapoints), path)
    df = started(load(path, shuffle=False))
    for _ in range(2):
        assert same(one_pass(df), datapoints)


@each({name: pair for name, pair in ALL.items() if name != "TFRecordSerializer"})
def test_shuffled_reading_has_a_new_order_in_each_pass_and_a_length(tmp_path, save, load):
    path = str(tmp_path / "saved.npz")
    save(flow([[k] for k in range(30)]), path)
    df = started(load(path))
    first, second = ([int(dp[0]) for dp in df] for _ in range(2))
    assert sorted(first) == sorted(second) == list(range(30))
    assert first != second and len(df) == 30


@each(ALL)
def test_a_failure_in_the_middle_leaves_nothing(tmp_path, save, load):
    df = FailsAfter(3)
    with pytest.raises(OSError, match="camera"):
        save(df, str(tmp_path / "saved.npz"))
    assert df.resets == 1
    assert os.listdir(str(tmp_path)) == []


@each({name: pair for name, pair in ALL.items() if name != "LMDBSerializer"})
def test_existing_files_are_replaced_but_only_by_complete_ones(tmp_path, save, load):
    path = str(tmp_path / "saved.npz")
    save(flow([[k] for k in range(5)]), path)
    with pytest.raises(OSError, match="camera"):
        save(FailsAfter(3), path)
    assert len(one_pass(load(path, shuffle=False))) == 5
    save(flow([[7]]), path)
    assert [dp[0] for dp in load(path, shuffle=False)] == [7]
    assert os.listdir(str(tmp_path)) == ["saved.npz"]


@each(ALL)
def test_only_flows_can_be_saved(tmp_path, save, load):
    with pytest.raises(TypeError, match=r"\.save: df must be a DataFlow; got list of 1.*DataFromList"):
        save([[1]], str(tmp_path / "saved.npz"))
    assert os.listdir(str(tmp_path)) == []


@each(ALL)
def test_a_progress_bar_counts_datapoints(tmp_path, capsys, save, load):
    save(flow([[k] for k in range(5)]), str(tmp_path / "a.npz"))
    save(DataFromGenerator([[k] for k in range(4)].__iter__), str(tmp_path / "b.npz"))
    bars = capsys.readouterr().err
    assert "5/5" in bars and "4/" in bars


class TestGoldenFiles:
    """Written by the original: `[uint8 6x5x3, int, str, float32 4]`."""

    @pytest.fixture
    def expected(self):
        with np.load(os.path.join(GOLDEN, "expected.npz")) as data:
            return list(zip(data["image"], data["label"].tolist(), data["name"].tolist(), data["vector"]))

    @pytest.mark.parametrize("make", [
        lambda: LMDBSerializer.load(os.path.join(GOLDEN, "points.lmdb"), shuffle=False),
        lambda: TFRecordSerializer.load(os.path.join(GOLDEN, "points.tfrecords")),
        lambda: TFRecordSerializer.load(os.path.join(GOLDEN, "points.tfrecords"), size=20),
    ], ids=["lmdb", "tfrecord", "tfrecord with size"])
    def test_are_read(self, make, expected):
        df = started(make())
        for _ in range(2):
            assert same(one_pass(df), [list(dp) for dp in expected])

    def test_hdf5_is_read(self, expected):
        df = HDF5Serializer.load(os.path.join(GOLDEN, "points.h5"), ["image", "label"], shuffle=False)
        assert same(one_pass(df), [[image, np.int64(label)] for image, label, _, _ in expected])

    def test_shuffled_lmdb_is_read(self, expected):
        df = started(LMDBSerializer.load(os.path.join(GOLDEN, "points.lmdb")))
        got = sorted(one_pass(df), key=lambda dp: dp[1])
        assert len(df) == 20 and same(got, [list(dp) for dp in expected])

    def test_the_directory_stays_as_it_was(self, tmp_path, expected):
        path = str(tmp_path / "points.lmdb")
        shutil.copy(os.path.join(GOLDEN, "points.lmdb"), path)
        os.chmod(path, 0o444)
        one_pass(started(LMDBSerializer.load(path)))
        assert os.listdir(str(tmp_path)) == ["points.lmdb"]


class TestLMDBSerializer:
    def test_keys_values_and_their_list(self, tmp_path):
        path = str(tmp_path / "a.lmdb")
        LMDBSerializer.save(numbers(3), path)
        lmdb = pytest.importorskip("lmdb")
        with lmdb.open(path, subdir=False, readonly=True, lock=False) as env, env.begin() as transaction:
            entries = dict(transaction.cursor())
        keys = [b"00000000", b"00000001", b"00000002"]
        assert entries == {**dict(zip(keys, map(dumps, numbers(3)))), b"__keys__": dumps(keys)}

    def test_a_directory_gets_data_mdb(self, tmp_path):
        LMDBSerializer.save(numbers(3), str(tmp_path))
        assert os.listdir(str(tmp_path)) == ["data.mdb"]
        assert len(one_pass(started(LMDBSerializer.load(str(tmp_path))))) == 3

    @pytest.mark.parametrize("name", ["a.lmdb", ""], ids=["file", "directory"])
    def test_an_existing_database_is_refused_and_kept(self, tmp_path, name):
        path = os.path.join(str(tmp_path), name)
        LMDBSerializer.save(numbers(3), path)
        with pytest.raises(FileExistsError, match="the database must not exist; got .*remove it"):
            LMDBSerializer.save(numbers(2), path)
        assert len(LMDBSerializer.load(path)) == 3

    def test_write_frequency_changes_nothing_in_the_result(self, tmp_path):
        for frequency in (1, 3, 7):
            path = str(tmp_path / str(frequency))
            LMDBSerializer.save(numbers(7), path, write_frequency=frequency)
            assert one_pass(started(LMDBSerializer.load(path, shuffle=False))) == one_pass(numbers(7))
        with pytest.raises(ValueError, match="write_frequency must be at least 1; got 0"):
            LMDBSerializer.save(numbers(7), str(tmp_path / "0"), write_frequency=0)

    def test_entries_of_another_kind_are_named(self, tmp_path):
        path = str(tmp_path / "a.lmdb")
        with lmdb_module.new_database(path) as database:
            database.put(b"picture", b"\xff\xd8\xff\xe0JFIF")
        with pytest.raises(ValueError, match=r"LMDBSerializer.load: entry b'picture': loads: .* a pickle or msgpack"):
            one_pass(started(LMDBSerializer.load(path)))

    def test_a_database_of_msgpack_is_read_without_being_told(self, tmp_path):
        path = str(tmp_path / "a.lmdb")
        with change_env("TENSORPACK_SERIALIZE", "msgpack"):
            LMDBSerializer.save(flow([[IMAGE, 1]]), path)
        assert same(one_pass(started(LMDBSerializer.load(path, shuffle=False))), [[IMAGE, 1]])
        assert isinstance(LMDBData(path).keys[0], bytes)

    @settings(deadline=None, max_examples=25)
    @given(sizes=st.lists(st.integers(0, 20000), max_size=60), frequency=st.integers(1, 70))
    def test_the_map_grows_with_the_data(self, sizes, frequency, tmp_path_factory):
        path = str(tmp_path_factory.mktemp("lmdb") / "a.lmdb")
        datapoints = [[b"x" * size] for size in sizes]
        before, lmdb_module._INITIAL_MAP_SIZE = lmdb_module._INITIAL_MAP_SIZE, 1 << 19
        try:
            LMDBSerializer.save(flow(datapoints), path, write_frequency=frequency)
        finally:
            lmdb_module._INITIAL_MAP_SIZE = before
        assert one_pass(started(LMDBSerializer.load(path, shuffle=False))) == datapoints

    def test_growing_is_logged(self, tmp_path, monkeypatch, log_records):
        monkeypatch.setattr(lmdb_module, "_INITIAL_MAP_SIZE", 1 << 20)
        LMDBSerializer.save(flow([[b"x" * 100000]] * 40), str(tmp_path / "a.lmdb"))
        messages = [record.getMessage() for record in log_records]
        assert any("Doubling LMDB map_size to" in message for message in messages)
        assert any("Flushing database" in message for message in messages)


class TestNumpySerializer:
    @pytest.mark.parametrize("name", ["saved", "saved.npz"])
    def test_the_suffix_may_be_left_out(self, tmp_path, name):
        NumpySerializer.save(numbers(3), str(tmp_path / name))
        assert os.listdir(str(tmp_path)) == ["saved.npz"]
        assert one_pass(NumpySerializer.load(str(tmp_path / name), shuffle=False)) == one_pass(numbers(3))

    @pytest.mark.parametrize("name", ["lost", "lost.npz"])
    def test_a_file_that_is_missing_is_named_as_it_would_be_called(self, tmp_path, name):
        with pytest.raises(FileNotFoundError) as e:
            NumpySerializer.load(str(tmp_path / name))
        assert repr(str(tmp_path / "lost.npz")) in str(e.value)

    def test_a_directory_of_the_name_without_suffix_is_no_file(self, tmp_path):
        (tmp_path / "saved").mkdir()
        NumpySerializer.save(numbers(3), str(tmp_path / "saved"))
        assert one_pass(NumpySerializer.load(str(tmp_path / "saved"), shuffle=False)) == one_pass(numbers(3))

    def test_the_file_is_an_array_of_objects(self, tmp_path):
        NumpySerializer.save(numbers(3), str(tmp_path / "a.npz"))
        with np.load(str(tmp_path / "a.npz"), allow_pickle=True) as data:
            assert data.files == ["buffer"]
            assert data["buffer"].shape == (3,) and list(data["buffer"]) == one_pass(numbers(3))

    @pytest.mark.parametrize("datapoints", [[[IMAGE, 1], [IMAGE, 2]], [[IMAGE, IMAGE]] * 3], ids=["two kinds", "one shape"])
    def test_files_whose_structure_was_lost_when_saved_can_be_batched(self, tmp_path, datapoints):
        shape_within = IMAGE.shape if datapoints[0][1] is IMAGE else ()
        buffer = np.empty((len(datapoints), 2) + shape_within, object)
        for k, j in itertools.product(range(len(datapoints)), range(2)):
            buffer[k, j] = datapoints[k][j]
        np.savez(str(tmp_path / "old.npz"), buffer=buffer)
        df = NumpySerializer.load(str(tmp_path / "old.npz"), shuffle=False)
        image = next(iter(BatchData(df, 2)))[0]
        assert image.dtype != object and image.tolist() == [IMAGE.tolist()] * 2

    def test_another_file_is_refused(self, tmp_path):
        np.savez(str(tmp_path / "a.npz"), weights=np.zeros(3))
        with pytest.raises(ValueError, match=r"must hold an array `buffer`; got \['weights'\]"):
            NumpySerializer.load(str(tmp_path / "a.npz"))


class TestHDF5Serializer:
    def test_each_component_is_a_dataset(self, tmp_path):
        path = str(tmp_path / "a.h5")
        datapoints = [[IMAGE, 1, True, b"ab"], [IMAGE, 2, False, b"c"]]
        HDF5Serializer.save(flow(datapoints), path, ["image", "deep/label", "flag", "name"])
        h5py = pytest.importorskip("h5py")
        with h5py.File(path, "r") as f:
            assert f["image"].dtype == np.uint8 and f["image"].shape == (2, 2, 2, 3)
            assert f["deep/label"][...].tolist() == [1, 2]
            assert f["flag"].dtype == np.bool_ and f["name"][...].tolist() == [b"ab", b"c"]
        got = one_pass(HDF5Serializer.load(path, ["deep/label", "image"], shuffle=False))
        assert same(got, [[np.int64(1), IMAGE], [np.int64(2), IMAGE]])

    @pytest.mark.parametrize("datapoints, error, message", [
        ([[1, 2]], ValueError, "lists of 1 components.*got datapoint 0, list of 2"),
        ([[1], [1, 2]], ValueError, "got datapoint 1, list of 2"),
        ([{"x": 1}], ValueError, "got datapoint 0, dict of 1"),
        ([[np.zeros(2)], [np.zeros(3)]], ValueError, r"one shape in all datapoints; got \(2,\) and \(3,\) for 'x'.*LMDB"),
        ([["text"]], TypeError, "numbers, bools or bytes; got str 'text' for 'x'"),
        ([[None]], TypeError, "got None for 'x'"),
    ], ids=["components", "later components", "dict", "shapes", "str", "object"])
    def test_what_does_not_fit_is_refused(self, tmp_path, datapoints, error, message):
        with pytest.raises(error, match="HDF5Serializer.save: .*" + message):
            HDF5Serializer.save(flow(datapoints), str(tmp_path / "a.h5"), ["x"])
        assert os.listdir(str(tmp_path)) == []


class TestDiskCacheSerializer:
    @pytest.mark.parametrize("make", [
        lambda path: path.write_text("not mine"), lambda path: (path.mkdir(), (path / "thesis.tex").write_text("not mine")),
    ], ids=["file", "other directory"])
    def test_other_files_are_never_replaced(self, tmp_path, make):
        make(tmp_path / "a")
        with pytest.raises(FileExistsError, match="path must be a new directory, an empty one or one of diskcache"):
            DiskCacheSerializer.save(numbers(2), str(tmp_path / "a"))
        assert (tmp_path / "a").is_file() or os.listdir(str(tmp_path / "a")) == ["thesis.tex"]

    def test_a_datapoint_that_is_missing_is_named(self, tmp_path):
        path = str(tmp_path / "a")
        DiskCacheSerializer.save(numbers(4), path)
        with pytest.importorskip("diskcache").Cache(path) as cache:
            cache[9] = cache.pop(2)
        df = DiskCacheSerializer.load(path, shuffle=False)
        df.reset_state()
        with pytest.raises(ValueError, match="DiskCacheData: the keys must be the numbers from 0 to 3; .* has no 2"):
            list(df)

    def test_a_missing_directory_is_not_created_by_reading(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="DiskCacheData: path must be a directory of diskcache"):
            DiskCacheSerializer.load(str(tmp_path / "a"))
        assert os.listdir(str(tmp_path)) == []


def shift_register_crc32c(data):
    """The definition, bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(crc):
    """As TFRecord files store it."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def stored_checksums(data):
    """The two checksums of a record: of its length, and of its data."""
    f = io.BytesIO()
    write_record(f, data)
    return tuple(struct.unpack("<I", f.getvalue()[start:start + 4])[0] for start in (8, 12 + len(data)))


class TestChecksum:
    @pytest.mark.parametrize("data, expected", [
        (b"", 0), (b"123456789", 0xE3069283), (b"\0" * 32, 0x8A9136AA), (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
    ], ids=["nothing", "check value", "zeros", "ones", "ascending"])
    def test_published_values(self, data, expected):
        assert stored_checksums(data)[1] == masked(expected)

    @settings(deadline=None, max_examples=60)
    @given(size=st.integers(0, 6000), seed=st.integers(0, 2**32 - 1))
    def test_is_the_shift_register_for_all_sizes(self, size, seed):
        data = np.random.RandomState(seed).bytes(size)
        assert stored_checksums(data) == tuple(
            masked(shift_register_crc32c(part)) for part in (struct.pack("<Q", size), data))


class TestTFRecord:
    RECORDS = [b"", b"a", b"some record", bytes(range(256)) * 20]

    def write(self, path, records):
        with open(path, "wb") as f:
            for record in records:
                write_record(f, record)

    def test_tensorflow_reads_what_is_written(self, tmp_path):
        tf = pytest.importorskip("tensorpack.compat").tfv1
        path = str(tmp_path / "a")
        TFRecordSerializer.save(numbers(20), path)
        assert list(tf.io.tf_record_iterator(path)) == [dumps(dp) for dp in numbers(20)]
        self.write(path, self.RECORDS)
        assert list(tf.io.tf_record_iterator(path)) == self.RECORDS

    def test_what_tensorflow_writes_is_read(self, tmp_path):
        tf = pytest.importorskip("tensorpack.compat").tfv1
        path = str(tmp_path / "a")
        with tf.io.TFRecordWriter(path) as writer:
            for record in self.RECORDS:
                writer.write(record)
        assert list(read_records(path)) == self.RECORDS
        self.write(str(tmp_path / "b"), self.RECORDS)
        assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()

    def test_the_layout(self, tmp_path):
        self.write(str(tmp_path / "a"), [b"abc"])
        length = struct.pack("<Q", 3)
        checksums = [struct.pack("<I", masked(shift_register_crc32c(part))) for part in (length, b"abc")]
        assert (tmp_path / "a").read_bytes() == length + checksums[0] + b"abc" + checksums[1]

    def test_damage_anywhere_is_found(self, tmp_path):
        self.write(str(tmp_path / "a"), [b"first", b"second"])
        content = (tmp_path / "a").read_bytes()
        for k in range(len(content)):
            (tmp_path / "a").write_bytes(content[:k] + bytes([content[k] ^ 4]) + content[k + 1:])
            with pytest.raises(ValueError, match="must be a complete, uncompressed TFRecord file; got a damaged record"):
                list(read_records(str(tmp_path / "a")))

    def test_a_cut_is_found_and_the_records_before_it_are_delivered(self, tmp_path):
        self.write(str(tmp_path / "a"), [b"first", b"second"])
        content = (tmp_path / "a").read_bytes()
        boundary = 8 + 4 + 5 + 4
        for k in set(range(1, len(content))) - {boundary}:
            (tmp_path / "a").write_bytes(content[:k])
            got = []
            with pytest.raises(ValueError, match="damaged record {}".format(int(k > boundary))):
                got.extend(read_records(str(tmp_path / "a")))
        (tmp_path / "a").write_bytes(content[:boundary])
        assert list(read_records(str(tmp_path / "a"))) == [b"first"]

    def test_other_files_are_refused(self, tmp_path):
        (tmp_path / "a").write_bytes(zlib.compress(b"compressed" * 100))
        with pytest.raises(ValueError, match="complete, uncompressed TFRecord file"):
            one_pass(TFRecordSerializer.load(str(tmp_path / "a")))

    def test_records_of_another_kind_are_named(self, tmp_path):
        self.write(str(tmp_path / "a"), [dumps([1]), b"tf.train.Example"])
        with pytest.raises(ValueError, match="TFRecordSerializer.load: record 1 of .*a pickle or msgpack"):
            one_pass(TFRecordSerializer.load(str(tmp_path / "a")))

    def test_length_is_the_size_that_is_given(self, tmp_path):
        TFRecordSerializer.save(numbers(4), str(tmp_path / "a"))
        with pytest.raises(NotImplementedError):
            len(TFRecordSerializer.load(str(tmp_path / "a")))
        df = started(TFRecordSerializer.load(str(tmp_path / "a"), size=4))
        assert len(df) == 4
        assert [one_pass(df) for _ in range(2)] == [one_pass(numbers(4))] * 2

    @pytest.mark.parametrize("size, has, second", [(4, None, [0, 1]), (3, "more", [3, 0]), (9, "4", [1, 2])])
    def test_a_wrong_size_is_told_in_the_first_pass(self, size, has, second, tmp_path, log_records):
        path = str(tmp_path / "a")
        TFRecordSerializer.save(DataFromList([[k] for k in range(4)], shuffle=False), path)
        df = started(TFRecordSerializer.load(path, size=size))
        passes, told = [], []
        for _ in range(3):
            passes.append([dp[0] for dp in df])
            told.append([r.getMessage() for r in log_records if r.levelname == "WARNING"])
        assert passes[0] == [k % 4 for k in range(size)] and passes[1][:2] == second, "they are those of FixedSizeData"
        assert told[0] == told[2] and len(told[0]) == (has is not None)
        if has is not None:
            assert told[0][0].startswith("[TFRecordSerializer.load] size must be the number of datapoints in the file; got "
                                         "size={} for {}, which has {}. ".format(size, path, has))

    def test_damage_behind_the_size_is_no_error_of_the_first_pass(self, tmp_path):
        self.write(str(tmp_path / "a"), [dumps([0]), dumps([1])])
        with open(str(tmp_path / "a"), "ab") as f:
            f.write(b"rubbish")
        df = started(TFRecordSerializer.load(str(tmp_path / "a"), size=2))
        assert [dp for dp in df] == [[0], [1]]
        with pytest.raises(ValueError, match="damaged record 2"):
            list(df.__iter__())


WITHOUT_PACKAGES = """
import sys
for name in ("lmdb", "h5py", "diskcache", "sklearn", "sklearn.datasets", "msgpack", "tensorflow", "cv2", "google.protobuf",
             "pyarrow", "pyarrow.parquet", "pyarrow.ipc", "zarr", "datasets"):
    sys.modules[name] = None
from tensorpack.dataflow.format import *
from tensorpack.dataflow.image import *
from tensorpack.dataflow.raw import DataFromList
from tensorpack.dataflow.serialize import *
from tensorpack.utils.loadcaffe import load_caffe
from tensorpack.utils.serialize import loads
for name in ("cache.db", "a.png"):
    open(name, "w").close()
df = DataFromList([[1]], shuffle=False)
for use in (
        lambda: LMDBData(sys.argv[1]), lambda: CaffeLMDB(sys.argv[1]), lambda: LMDBSerializer.save(df, "a.lmdb"),
        lambda: LMDBSerializer.load(sys.argv[1]), lambda: HDF5Data("a", ["x"]), lambda: HDF5Serializer.save(df, "a", ["x"]),
        lambda: SVMLightData("a"), lambda: DiskCacheSerializer.save(df, "b"),
        lambda: next(iter(ImageFromFile(["a.png"]))), lambda: loads(b"\\x91\\x01"),
        lambda: load_caffe("cache.db", "cache.db"), lambda: ParquetData("cache.db"), lambda: ArrowData("cache.db"),
        lambda: ParquetSerializer.save(df, "a", ["x"]), lambda: ZarrData("cache.db"),
        lambda: ZarrSerializer.save(df, "a", ["x"]), lambda: HuggingFaceData("cache.db"),
        lambda: TFExampleSerializer.save(df, "a", ["x"])):
    try:
        use()
        print("NO ERROR")
    except ImportError as e:
        print(e)
TFRecordSerializer.save(df, "a.tfrecords")
print([dp for dp in TFRecordSerializer.load("a.tfrecords")])
"""


def test_missing_packages_are_named_when_they_are_needed(tmp_path):
    run = subprocess.run([sys.executable, "-c", WITHOUT_PACKAGES, os.path.join(GOLDEN, "points.lmdb")], cwd=str(tmp_path),
                         env=dict(os.environ, PYTHONPATH=ROOT), stdin=subprocess.DEVNULL, capture_output=True,
                         text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    lines = [line for line in run.stdout.splitlines() if "needs the package" in line or "NO ERROR" in line]
    expected = ["LMDB", "LMDB", "LMDB", "LMDB", "HDF5Data", "HDF5Serializer", "SVMLightData", "DiskCacheSerializer",
                "ImageFromFile", "msgpack", "load_caffe", "ParquetData", "ArrowData", "Parquet",
                "ZarrData", "ZarrSerializer", "HuggingFaceData", "TFExampleSerializer"]
    assert len(lines) == len(expected)
    for line, name in zip(lines, expected):
        assert name in line and "pip install" in line, line
    assert "[[1]]" in run.stdout
    assert sorted(os.listdir(str(tmp_path))) == ["a.png", "a.tfrecords", "cache.db"]
