"""Flows that read files: keys, order, lengths, several readers of one file, forked and spawned readers, foreign files."""
import multiprocessing
import os
import pickle
import struct
import threading

import numpy as np
import pytest

from tensorpack.dataflow import BatchData, JoinData, common
from tensorpack.dataflow._formats.lmdb import new_database
from tensorpack.dataflow.format import CaffeLMDB, DiskCacheData, HDF5Data, LMDBData, LMDBDataDecoder, SVMLightData
from tensorpack.dataflow.raw import DataFromList
from tensorpack.dataflow.serialize import DiskCacheSerializer, LMDBSerializer
from tensorpack.utils import fix_rng_seed
from tensorpack.utils.serialize import dumps

h5py = pytest.importorskip("h5py")


def started(df):
    df.reset_state()
    return df


def one_pass(df):
    return [dp for dp in df]


def messages(records):
    return [record.getMessage() for record in records]


ENTRIES = {"{:0>8d}".format(k).encode(): b"value %d" % k for k in range(12)}


def write_lmdb(path, entries=ENTRIES, with_keys=False):
    with new_database(str(path)) as database:
        for key, value in entries.items():
            database.put(key, value)
        if with_keys:
            database.put(b"__keys__", dumps(sorted(entries, reverse=True)))
    return str(path)


@pytest.fixture
def lmdb_path(tmp_path):
    return write_lmdb(tmp_path / "a.lmdb")


class TestLMDBData:
    @pytest.mark.parametrize("with_keys", [False, True])
    def test_order_of_keys_without_shuffle(self, tmp_path, log_records, with_keys):
        path = write_lmdb(tmp_path / "a.lmdb", with_keys=with_keys)
        df = started(LMDBData(path, shuffle=False))
        for _ in range(2):
            assert one_pass(df) == [[key, value] for key, value in sorted(ENTRIES.items())]
        assert len(df) == 12
        assert df.keys == (sorted(ENTRIES, reverse=True) if with_keys else None)
        assert messages(log_records)[-1] == "Found 12 entries in {}".format(path)

    @pytest.mark.parametrize("make", [
        lambda path: LMDBData(path),
        lambda path: LMDBData(path, keys=sorted(ENTRIES)),
        lambda path: LMDBData(path, keys=[key.decode() for key in ENTRIES]),
        lambda path: LMDBData(path, keys="{:0>8d}"),
    ], ids=["scan", "bytes", "str", "format string"])
    def test_shuffle_with_keys_of_all_kinds(self, lmdb_path, make):
        df = started(make(lmdb_path))
        first, second = one_pass(df), one_pass(df)
        assert {key: value for key, value in first} == {key: value for key, value in second} == ENTRIES
        assert first != second and len(df) == len(first) == 12
        assert df.keys == sorted(ENTRIES), "passes leave the list of keys as it was"

    def test_a_scan_of_the_database_is_announced(self, lmdb_path, log_records):
        LMDBData(lmdb_path)
        assert any("Traversing the database" in m and "keys=" in m for m in messages(log_records))

    def test_stored_keys_make_a_scan_unnecessary(self, tmp_path, log_records):
        df = started(LMDBData(write_lmdb(tmp_path / "a.lmdb", with_keys=True)))
        assert dict(one_pass(df)) == ENTRIES and len(df) == 12
        assert not any("Traversing" in m for m in messages(log_records))

    def test_some_of_the_keys(self, lmdb_path):
        keys = sorted(ENTRIES)[3:6]
        df = started(LMDBData(lmdb_path, keys=keys))
        assert sorted(key for key, _ in df) == keys
        assert len(df) == 3

    def test_keys_without_shuffle_are_not_used_and_that_is_said(self, lmdb_path, log_records):
        df = started(LMDBData(lmdb_path, shuffle=False, keys=sorted(ENTRIES)[:3]))
        assert len(one_pass(df)) == len(df) == 12
        assert any("keys are used with shuffle=True only" in m for m in messages(log_records))

    def test_a_missing_key_raises(self, lmdb_path):
        with pytest.raises(KeyError, match=r"LMDBData: keys must be in the database .*a.lmdb; got b'nobody'"):
            one_pass(started(LMDBData(lmdb_path, keys=["nobody"])))

    def test_keys_of_other_types_are_refused(self, lmdb_path):
        with pytest.raises(TypeError, match="LMDBData: keys must be str or bytes.*got int 3"):
            LMDBData(lmdb_path, keys=[3])

    def test_a_directory_is_read(self, tmp_path):
        write_lmdb(tmp_path)
        assert dict(one_pass(started(LMDBData(str(tmp_path))))) == ENTRIES

    def test_missing_and_foreign_files(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            LMDBData(str(tmp_path / "none"))
        with pytest.raises(FileNotFoundError):
            LMDBData(str(tmp_path))
        (tmp_path / "text").write_bytes(b"some text " * 1000)
        with pytest.raises(ValueError, match="text must be a database of LMDB"):
            LMDBData(str(tmp_path / "text"))
        assert os.listdir(str(tmp_path)) == ["text"]

    def test_iterating_before_reset_and_twice_at_once(self, lmdb_path):
        df = LMDBData(lmdb_path)
        with pytest.raises(RuntimeError, match=r"LMDBData: call reset_state\(\) first"):
            next(iter(df))
        df.reset_state()
        first = iter(df)
        next(first)
        with pytest.raises(RuntimeError, match="LMDBData: This DataFlow is not reentrant!"):
            next(iter(df))
        first.close()
        assert len(one_pass(df)) == 12

    def test_one_file_serves_several_flows_of_a_process(self, lmdb_path):
        joined = started(JoinData([LMDBData(lmdb_path, shuffle=False), LMDBData(lmdb_path, shuffle=False)]))
        assert [dp[0] for dp in joined] == [dp[2] for dp in joined] == sorted(ENTRIES)

    def test_threads_may_open_one_file_at_once(self, lmdb_path):
        flows, results = [LMDBData(lmdb_path) for _ in range(8)], []
        barrier = threading.Barrier(len(flows))

        def read(df):
            barrier.wait()
            results.append(dict(one_pass(started(df))))

        threads = [threading.Thread(target=read, args=(df,)) for df in flows]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results == [ENTRIES] * 8

    def test_a_file_that_was_replaced_is_read_anew(self, lmdb_path):
        old = started(LMDBData(lmdb_path, shuffle=False))
        next(iter(old))
        os.remove(lmdb_path)
        write_lmdb(lmdb_path, {b"new": b"1"})
        assert one_pass(started(LMDBData(lmdb_path, shuffle=False))) == [[b"new", b"1"]]
        assert one_pass(old) == [[b"new", b"1"]]

    def test_nothing_stays_open(self, lmdb_path):
        df = started(LMDBData(lmdb_path))
        one_pass(df)
        assert lmdb_path in open_files()
        del df
        assert lmdb_path not in open_files()


def open_files():
    directory = "/proc/self/fd"
    return [os.path.realpath(os.path.join(directory, name)) for name in os.listdir(directory)]


def send_values(df, connection):
    connection.send(sorted(value for _, value in df))
    df.reset_state()
    connection.send(sorted(value for _, value in df))


def values_in_child(method, target, df):
    context = multiprocessing.get_context(method)
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=target, args=(df, sender))
    process.start()
    sender.close()
    try:
        return [receiver.recv() for _ in range(2)]
    finally:
        process.join()
        receiver.close()


def reset_and_send_values(df, connection):
    df.reset_state()
    send_values(df, connection)


class TestChildren:
    def test_a_forked_child_opens_the_database_itself(self, lmdb_path):
        df = started(LMDBData(lmdb_path))
        one_pass(df)
        values = sorted(ENTRIES.values())
        assert values_in_child("fork", send_values, df) == [values, values]
        assert sorted(value for _, value in df) == values

    def test_a_child_cannot_go_on_with_the_iterator_of_its_parent(self, lmdb_path):
        df = started(LMDBData(lmdb_path, shuffle=False))
        iterator = iter(df)
        next(iterator)
        receiver, sender = multiprocessing.Pipe(duplex=False)
        pid = os.fork()
        if pid == 0:
            try:
                next(iterator)
                sender.send("went on")
            except Exception as e:
                sender.send(str(e))
            finally:
                os._exit(0)
        os.waitpid(pid, 0)
        assert "must be read in the process that began the pass" in receiver.recv()
        assert len([dp for dp in iterator]) == 11
        receiver.close()
        sender.close()

    def test_a_spawned_child_gets_a_flow_that_was_not_reset(self, lmdb_path):
        values = sorted(ENTRIES.values())
        assert values_in_child("spawn", reset_and_send_values, LMDBData(lmdb_path)) == [values, values]


def decode(key, value):
    return None if key == b"00000003" else [int(key), value.decode()]


def test_decoder_takes_key_and_value_and_may_drop(lmdb_path):
    df = started(LMDBDataDecoder(LMDBData(lmdb_path, shuffle=False), decode))
    assert one_pass(df) == [[k, "value {}".format(k)] for k in range(12) if k != 3]
    assert len(df) == 12


def varint(number):
    out = b""
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def datum(image, label, extra=b""):
    """A `caffe.Datum` as protocol buffers write it: channels, height, width, data, label."""
    data = image.transpose(2, 0, 1).tobytes()
    height, width, channels = image.shape
    return (b"\x08" + varint(channels) + b"\x10" + varint(height) + b"\x18" + varint(width) + b"\x22" + varint(len(data)) + data
            + b"\x28" + varint(label & (1 << 64) - 1) + extra)


class TestCaffe:
    IMAGES = [np.random.RandomState(k).randint(0, 256, (4, 50, 3)).astype("uint8") for k in range(3)]

    def test_images_and_labels(self, tmp_path, log_records):
        labels = [7, 300, -1]
        path = write_lmdb(tmp_path / "caffe", {b"%d" % k: datum(self.IMAGES[k], labels[k]) for k in range(3)})
        df = started(CaffeLMDB(path, shuffle=False))
        for (image, label), expected, expected_label in zip(df, self.IMAGES, labels):
            np.testing.assert_array_equal(image, expected)
            assert image.dtype == np.uint8 and image.flags.writeable and type(label) is int and label == expected_label
        assert len(df) == 3 and len(one_pass(df)) == 3
        assert any("uncompressed" in m for m in messages(log_records))

    def test_fields_that_are_not_used_are_passed_over(self, tmp_path):
        extra = b"\x35" + struct.pack("<f", 1.5) + b"\x38\x00" + b"\x41" + b"\0" * 8  # float_data, encoded, a fixed64
        path = write_lmdb(tmp_path / "caffe", {b"0": datum(self.IMAGES[0], 1, extra)})
        assert one_pass(started(CaffeLMDB(path)))[0][1] == 1

    def test_unreadable_records_are_dropped_with_one_warning_each(self, tmp_path, log_records):
        good = datum(self.IMAGES[0], 1)
        wrong_shape = datum(self.IMAGES[0][:, :, :1], 1).replace(b"\x08\x01", b"\x08\x09")
        entries = {b"0": good, b"1": b"\xff\xff", b"2": good[:-20], b"3": wrong_shape}
        df = started(CaffeLMDB(write_lmdb(tmp_path / "caffe", entries)))
        for _ in range(2):
            assert len(one_pass(df)) == 1
        for key in (b"1", b"2", b"3"):
            assert sum("Cannot read key {}".format(key) in m for m in messages(log_records)) == 1

    def test_nothing_readable_raises(self, tmp_path):
        df = started(CaffeLMDB(write_lmdb(tmp_path / "caffe")))
        with pytest.raises(ValueError, match="CaffeLMDB: .*got 12 entries and could read none"):
            one_pass(df)

    def test_an_empty_database_is_an_empty_flow(self, tmp_path):
        assert one_pass(started(CaffeLMDB(write_lmdb(tmp_path / "caffe", {})))) == []


class TestHDF5Data:
    @pytest.fixture
    def path(self, tmp_path):
        path = str(tmp_path / "a.h5")
        with h5py.File(path, "w") as f:
            f["x"] = np.arange(24, dtype="float32").reshape(12, 2)
            f["group/y"] = np.arange(12)
            f["short"] = np.arange(3)
        return path

    def test_elements_side_by_side(self, path, log_records):
        df = HDF5Data(path, ["x", "group/y"], shuffle=False)
        assert [(x.tolist(), int(y)) for x, y in df] == [([2.0 * k, 2.0 * k + 1], k) for k in range(12)]
        assert len(df) == 12 and df.dps[0].dtype == np.float32
        assert "Loading {} to memory...".format(path) in messages(log_records)

    def test_the_file_is_not_kept_open(self, path):
        df = HDF5Data(path, ["x"])
        assert path not in open_files()
        os.remove(path)
        assert len(one_pass(started(df))) == 12

    @pytest.mark.parametrize("data_paths, error, message", [
        (["x", "z"], KeyError, r"datasets of .*a.h5; got 'z'; there are \['group', 'short', 'x'\]"),
        (["x", "short"], ValueError, r"equal lengths; got \{'x': 12, 'short': 3\}"),
        ([], ValueError, r"list of at least one name; got \[\]"),
        ("x", ValueError, r"list of names; got the string 'x'; write \['x'\]"),
    ], ids=["missing", "lengths", "none", "str"])
    def test_what_does_not_fit_is_refused(self, path, data_paths, error, message):
        with pytest.raises(error, match="HDF5Data: .*" + message):
            HDF5Data(path, data_paths)


def test_svmlight_rows_are_dense(tmp_path):
    pytest.importorskip("sklearn")
    (tmp_path / "a").write_text("1 1:0.5 3:2\n-1 2:1.5\n")
    df = SVMLightData(str(tmp_path / "a"), shuffle=False)
    assert [(x.tolist(), float(y)) for x, y in df] == [([0.5, 0, 2], 1.0), ([0, 1.5, 0], -1.0)]
    assert (df.X.dtype, df.X.shape, df.y.tolist(), len(df)) == (np.float64, (2, 3), [1, -1], 2)
    assert next(iter(BatchData(df, 2)))[0].shape == (2, 3)


class TestCatalogue:
    """The promises that all flows make, as in test_dataflow_catalogue.py."""

    @pytest.fixture(params=["lmdb", "decoder", "serializer", "caffe", "hdf5", "svmlight", "diskcache"])
    def make(self, request, tmp_path):
        path = tmp_path / "data"
        if request.param in ("lmdb", "decoder"):
            write_lmdb(path)
            return lambda: LMDBDataDecoder(LMDBData(str(path)), as_list) if request.param == "decoder" else LMDBData(str(path))
        if request.param == "caffe":
            write_lmdb(path, {b"%d" % k: datum(np.zeros((2, 2, 1), "uint8"), k) for k in range(12)})
            return lambda: CaffeLMDB(str(path))
        if request.param == "hdf5":
            with h5py.File(str(path), "w") as f:
                f["x"] = np.arange(12)
            return lambda: HDF5Data(str(path), ["x"])
        if request.param == "svmlight":
            pytest.importorskip("sklearn")
            path.write_text("".join("{} 1:{}\n".format(k, k) for k in range(12)))
            return lambda: SVMLightData(str(path))
        numbers = DataFromList([[k] for k in range(12)], shuffle=False)
        if request.param == "serializer":
            LMDBSerializer.save(numbers, str(path))
            return lambda: LMDBSerializer.load(str(path))
        DiskCacheSerializer.save(numbers, str(path))
        return lambda: DiskCacheData(str(path))

    def test_promises(self, make):
        common.check_dataflow(make())

    def test_a_pass_may_be_abandoned(self, make):
        df = started(make())
        next(iter(df))
        assert len(one_pass(df)) == 12

    def test_a_seed_repeats_the_order_and_passes_differ(self, make):
        def run():
            fix_rng_seed(5)
            df = started(make())
            return [str(one_pass(df)) for _ in range(2)]

        first, second = run()
        assert first != second
        assert run() == [first, second]

    def test_pickles_and_names_itself(self, make):
        df = make()
        assert len(one_pass(started(pickle.loads(pickle.dumps(df))))) == 12
        assert repr(df).startswith(type(df).__name__ + "(") and "\n" not in repr(df) and " at 0x" not in repr(df)


def as_list(key, value):
    return [key, value]


class TestDamagedFiles:
    def test_hdf5(self, tmp_path):
        h5py = pytest.importorskip("h5py")
        path = str(tmp_path / "a.h5")
        with h5py.File(path, "w") as f:
            f["x"], f["one"] = np.arange(1000), 3
        with pytest.raises(ValueError, match=r"HDF5Data: .*a\.h5 must be a complete HDF5 file; .*'one' is no list"):
            HDF5Data(path, ["one"])
        with open(path, "r+b") as f:
            f.truncate(1000)
        with pytest.raises(ValueError, match=r"HDF5Data: .*a\.h5 must be a complete HDF5 file"):
            HDF5Data(path, ["x"])
        with pytest.raises(FileNotFoundError):
            HDF5Data(str(tmp_path / "none.h5"), ["x"])

    @pytest.mark.parametrize("text", ["words\n", "1 99999999999999999999:1\n", "1 1:1 1:x\n"])
    def test_svmlight(self, tmp_path, text):
        pytest.importorskip("sklearn.datasets")
        (tmp_path / "a").write_text(text)
        with pytest.raises(ValueError, match="SVMLightData: .*a must be a complete SVMLight file"):
            SVMLightData(str(tmp_path / "a"))

    def test_an_lmdb_that_is_cut_off(self, tmp_path):
        path = str(tmp_path / "a.lmdb")
        LMDBSerializer.save(DataFromList([[np.zeros(10000)]] * 5, shuffle=False), path)
        size = os.path.getsize(path)
        with open(path, "r+b") as f:
            f.truncate(size - 4096)
        with pytest.raises(ValueError, match=r"a\.lmdb must be complete; got {} bytes of {}".format(size - 4096, size)):
            LMDBSerializer.load(path)

    @pytest.mark.parametrize("keys", [3, "keys", {b"a": 1}, [1]])
    def test_keys_of_an_lmdb_that_are_none(self, tmp_path, keys):
        lmdb = pytest.importorskip("lmdb")
        path = str(tmp_path / "a.lmdb")
        with lmdb.open(path, subdir=False, map_size=1 << 20) as environment, environment.begin(write=True) as transaction:
            transaction.put(b"__keys__", pickle.dumps(keys))
        with pytest.raises(ValueError, match="entry b'__keys__' of .* must be a list of keys"):
            LMDBData(path)
