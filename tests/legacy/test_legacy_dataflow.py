"""DataFlows in their older spellings: the same datapoints as in that of today."""
import io
import os

import numpy as np
import pytest

from tensorpack import dataflow as D
from tensorpack.dataflow import dftools
from tensorpack.utils import fs, serialize

FLOW = D.DataFromList([[k, [k, k]] for k in range(6)], shuffle=False)


def double(dp):
    return [dp[0] * 2]


def first(flow, count):
    flow.reset_state()
    return [dp for _, dp in zip(range(count), flow)]


def shown(flow, capsys):
    list(flow)
    return capsys.readouterr().out


SAME = {
    "RepeatedData": (lambda: D.RepeatedData(FLOW, nr=2), lambda: D.RepeatedData(FLOW, num=2)),
    "RepeatedDataPoint": (lambda: D.RepeatedDataPoint(FLOW, nr=3), lambda: D.RepeatedDataPoint(FLOW, 3)),
    "LocallyShuffleData": (lambda: D.LocallyShuffleData(FLOW, cache_size=1, nr_reuse=2),
                           lambda: D.LocallyShuffleData(FLOW, 1, num_reuse=2)),
    "PrefetchData": (lambda: D.PrefetchData(FLOW, nr_prefetch=2, nr_proc=1), lambda: D.MultiProcessRunner(FLOW, 2, 1)),
    "PrefetchData-positional": (lambda: D.PrefetchData(FLOW, 2), lambda: D.MultiProcessRunner(FLOW, 2, 1)),
    "PrefetchDataZMQ": (lambda: D.PrefetchDataZMQ(FLOW, nr_proc=1, pipedir="/tmp"), lambda: D.MultiProcessRunnerZMQ(FLOW, 1)),
    "BlockParallel": (lambda: D.BlockParallel(FLOW, 3), lambda: D.MultiProcessRunner(FLOW, 3, 1)),
    "PrefetchOnGPUs": (lambda: D.PrefetchOnGPUs(FLOW, [0]), lambda: D.MultiProcessRunnerZMQ(FLOW, 1)),
    "ThreadedMapData": (lambda: D.ThreadedMapData(FLOW, nr_thread=1, map_func=double, buffer_size=2, strict=True),
                        lambda: D.MultiThreadMapData(FLOW, 1, double, buffer_size=2, strict=True)),
    "MultiThreadMapData": (lambda: D.MultiThreadMapData(FLOW, 1, double, 2, True),
                           lambda: D.MultiThreadMapData(FLOW, 1, double, buffer_size=2, strict=True)),
    "MultiProcessMapDataZMQ": (lambda: D.MultiProcessMapDataZMQ(FLOW, 1, double, 2, True),
                               lambda: D.MultiProcessMapDataZMQ(FLOW, 1, double, buffer_size=2, strict=True)),
    "MultiProcessMapDataZMQ-keyword": (
        lambda: D.MultiProcessMapDataZMQ(FLOW, nr_proc=1, map_func=double, buffer_size=2, strict=True),
        lambda: D.MultiProcessMapDataZMQ(FLOW, 1, double, buffer_size=2, strict=True)),
    "MultiThreadPrefetchData": (lambda: D.MultiThreadPrefetchData(lambda: FLOW, nr_prefetch=2, nr_thread=1),
                                lambda: D.MultiThreadRunner(lambda: FLOW, 2, 1)),
    "AugmentImagesTogether": (
        lambda: D.AugmentImagesTogether(pictures(), [D.imgaug.CenterCrop(2)], index=(0, 1)),
        lambda: D.AugmentImageComponents(pictures(), [D.imgaug.CenterCrop(2)], (0, 1))),
}


def pictures():
    images = np.arange(2 * 4 * 4 * 3, dtype="uint8").reshape(2, 4, 4, 3)
    return D.DataFromList([[images[0], images[1]], [images[1], images[0]]], shuffle=False)


@pytest.mark.parametrize("name", sorted(SAME))
def test_old_and_new_spelling_give_the_same(name, warnings):
    old, today = SAME[name]
    count = 2 if "Images" in name else 6
    np.testing.assert_equal(first(old(), count), first(today(), count))
    assert warnings()


def test_old_and_new_keyword_are_not_given_at_once():
    with pytest.raises(TypeError, match="'nr' is the old spelling of 'num'; got both"):
        D.RepeatedData(FLOW, nr=2, num=2)


class OldSource(D.RNGDataFlow):
    def size(self):
        return 3

    def get_data(self):
        for k in range(3):
            yield [k]


class OldProxy(D.ProxyDataFlow):
    def get_data(self):
        for dp in self.ds.get_data():
            yield [dp[0] + 10]


class NewBelowOld(OldProxy):
    def __iter__(self):
        for dp in super().get_data():
            yield [dp[0] + 100]


class OldBelowNew(NewBelowOld):
    def get_data(self):
        for dp in super().get_data():
            yield [dp[0] + 1000]

    def size(self):
        return 7


class OldOverLibrary(D.MapData):
    def __init__(self, ds):
        super().__init__(ds, lambda dp: [dp[0] + 10])

    def get_data(self):
        for dp in super().get_data():
            yield [dp[0] + 100]

    def size(self):
        return super().size() + 1


class OldTwice(OldOverLibrary):
    def get_data(self):
        for dp in super().get_data():
            yield [dp[0] + 1000]


@pytest.mark.parametrize("flow, numbers, length", [
    (OldSource(), [0, 1, 2], 3), (OldProxy(OldSource()), [10, 11, 12], 3),
    (OldProxy(D.DataFromList([[5]], shuffle=False)), [15], 1),
    (D.MapData(OldProxy(OldSource()), lambda dp: dp), [10, 11, 12], 3),
    (OldOverLibrary(OldSource()), [110, 111, 112], 4), (OldTwice(OldSource()), [1110, 1111, 1112], 4),
    (NewBelowOld(OldSource()), [110, 111, 112], 3), (OldBelowNew(OldSource()), [1110, 1111, 1112], 7)],
    ids=["source", "proxy", "over-today", "under-today", "over-library", "twice", "new-below-old", "old-below-new"])
def test_old_and_new_hooks_mix(flow, numbers, length):
    flow.reset_state()
    assert [dp[0] for dp in flow] == [dp[0] for dp in flow.get_data()] == numbers
    assert len(flow) == flow.size() == length


def test_batches_by_the_old_hook():
    class Static(D.BatchData):
        @staticmethod
        def _aggregate_batch(data_holder, use_list=False):
            return super(Static, Static)._aggregate_batch(data_holder, use_list)[:1]

    class Method(D.BatchData):
        def _aggregate_batch(self, data_holder, use_list=False):
            return [len(data_holder), self.batch_size]

    class New(Static):
        @staticmethod
        def aggregate_batch(data_holder, use_list=False):
            return ["new"]

    flow = D.DataFromList([[k, 0] for k in range(6)], shuffle=False)
    np.testing.assert_equal(list(Static(flow, 3)), [[[0, 1, 2]], [[3, 4, 5]]])
    assert list(Method(flow, 3)) == [[3, 3]] * 2
    assert list(New(flow, 3)) == [["new"]] * 2
    np.testing.assert_equal(D.BatchData._aggregate_batch([[1], [2]]), [[1, 2]])


def test_a_generator_with_a_size(warnings):
    assert len(D.DataFromGenerator(lambda: iter(FLOW), 17)) == len(D.DataFromGenerator(FLOW, size=17)) == 17
    assert len(D.DataFromGenerator(FLOW)) == 6
    assert len([text for text in warnings() if "DataFromGenerator" in text]) == 1


def test_names_in_print_data_and_the_start_of_a_test_of_speed(capsys):
    by_name, by_label, by_position = (D.PrintData(FLOW, **kwargs) for kwargs in (
        {"name": "a"}, {"label": "a"}, {"num": 1, "name": "a"}))
    assert shown(by_name, capsys).split("1/1")[1] == shown(by_label, capsys).split("1/1")[1]
    assert by_label.name == by_position.name == "a"
    D.TestDataSpeed(FLOW, 3).start_test()


@pytest.mark.parametrize("keys", ["kept", "old-unpadded"])
def test_databases_are_written_and_read(tmp_path, keys):
    pytest.importorskip("lmdb")
    path = str(tmp_path / "a.lmdb")
    dftools.dump_dataflow_to_lmdb(FLOW, path)
    with pytest.raises(AssertionError, match="no database at"):
        dftools.dump_dataflow_to_lmdb(FLOW, path)
    flows = [D.LMDBDataPoint(path, shuffle=False), D.LMDBDataPoint(D.LMDBData(path, shuffle=False)),
             D.LMDBSerializer.load(path, shuffle=False), D.LMDBDataPoint(D.LMDBData(lmdb_dir=path, shuffle=False)),
             D.LMDBDataDecoder(path, lambda key, value: serialize.loads(value), shuffle=False),
             D.LMDBDataDecoder(lmdb_dir=path, decoder=lambda key, value: serialize.loads(value), shuffle=False)]
    for flow in flows:
        assert first(flow, 10) == first(FLOW, 10)
    database = D.LMDBData(path, shuffle=False)
    database.open_lmdb()
    assert len(list(database)) == 6


def test_strings_of_msgpack_are_announced(warnings):
    entries = D.DataFromList([[b"0", serialize.dumps_msgpack(["name", np.arange(3)])]], shuffle=False)
    (text, array), = D.LMDBDataPoint(entries)
    assert text == "name" and array.tolist() == [0, 1, 2]
    assert any("releases before 0.8.1 gave as bytes" in each for each in warnings())


def test_records_and_pictures_are_written(tmp_path):
    pytest.importorskip("cv2")
    path = str(tmp_path / "a.tfrecord")
    dftools.dump_dataflow_to_tfrecord(FLOW, path)
    assert first(D.TFRecordData(path, 4), 10) == first(FLOW, 4) and len(D.TFRecordData(path, size=4)) == 4
    folder = str(tmp_path / "pictures")
    dftools.dump_dataset_images(pictures(), folder, max_count=1, index=1)
    assert os.listdir(folder) == ["001.jpg"]
    dftools.dump_dataflow_images(pictures(), folder)
    assert sorted(os.listdir(folder)) == ["001.jpg", "002.jpg"]


def test_a_process_fills_a_queue():
    queue, process = dftools.dataflow_to_process_queue(FLOW, 10, 1)
    process.start()
    try:
        assert [queue.get(timeout=60) for _ in range(6)] == list(enumerate(FLOW))
    finally:
        process.join(60)


@pytest.mark.parametrize("use, words", [
    (lambda: D.TFFuncMapper(FLOW), "TFDatasetInput"),
    (lambda: D.dataset.VisualQA("a", "b"), "a DataFlow of your own"),
    (lambda: D.dataset.ILSVRC12("/nowhere", "train", include_bb=True), "get_training_bbox"),
    (lambda: serialize.loads_pyarrow(b""), "pyarrow has given up its serializer"),
    (lambda: type("Mine", (D.TFFuncMapper,), {}), "TFDatasetInput")],
    ids=["function", "visual", "boxes", "pyarrow", "subclass"])
def test_what_is_not_provided_says_what_to_do(use, words):
    with pytest.raises((NotImplementedError, TypeError), match="not provided; instead: .*" + words):
        use()


def test_files_of_both_kinds_are_read(tmp_path):
    value = [np.arange(3), "text"]
    for dumped in (serialize.dumps(value), serialize.dumps_msgpack(value)):
        np.testing.assert_equal(serialize.loads(dumped), value)
    np.testing.assert_equal(serialize.loads_msgpack(serialize.dumps_msgpack(value)), value)
    assert fs.get_dataset_path  # a module by its name, as star imports gave it


def test_gone_modules_have_their_names():
    from tensorpack.dataflow.dataset.cifar10 import Cifar10
    from tensorpack.dataflow.dftools import dump_dataflow_to_lmdb
    from tensorpack.dataflow.prefetch import MultiThreadMapData, PrefetchData, ThreadedMapData

    assert (Cifar10, PrefetchData, ThreadedMapData) == (D.dataset.Cifar10, D.MultiProcessRunner, MultiThreadMapData)
    assert dump_dataflow_to_lmdb is dftools.dump_dataflow_to_lmdb


def test_files_of_mnist_by_their_names(tmp_path):
    from tensorpack.dataflow.dataset import mnist

    assert mnist._read32(io.BytesIO(b"\x00\x00\x08\x03")) == 2051
    path = tmp_path / "other.gz"
    path.write_bytes(b"content")
    by_name, by_address = (mnist.maybe_download(name, str(tmp_path)) for name in ("other.gz", mnist.SOURCE_URL + "other.gz"))
    assert by_name == by_address == str(path)
