"""Flows without an end: which are known to have none, and what those say who keep all datapoints of a flow."""
import itertools
import queue

import pytest
from parallel_flows import Count, double

from tensorpack.dataflow import (
    BatchData,
    BatchDataByShape,
    CacheData,
    ConcatData,
    DataFromGenerator,
    DataFromQueue,
    FixedSizeData,
    HDF5Serializer,
    JoinData,
    LMDBSerializer,
    LocallyShuffleData,
    MapData,
    MultiProcessMapAndBatchData,
    MultiProcessMapData,
    MultiProcessRunner,
    MultiProcessRunnerZMQ,
    MultiThreadMapData,
    MultiThreadRunner,
    NumpySerializer,
    PrintData,
    ProxyDataFlow,
    RandomChooseData,
    RandomMixData,
    RemoteDataZMQ,
    RepeatedData,
    RepeatedDataPoint,
    ResumableData,
    TestDataSpeed,
    TFRecordSerializer,
)
from tensorpack.dataflow.base import never_ends
from tensorpack.dataflow.serialize import DiskCacheSerializer

KNOWN, UNKNOWN = Count(5), Count(5, has_len=False)
ENDLESS = RepeatedData(KNOWN, -1)


class FirstThree(ProxyDataFlow):
    """A user's flow, of which nobody knows whether it ends."""

    def __iter__(self):
        return itertools.islice(iter(self.ds), 3)


FLOWS = [
    (KNOWN, False), (UNKNOWN, False), (RepeatedData(KNOWN, 3), False), (RepeatedData(ENDLESS, 0), False),
    (FixedSizeData(ENDLESS, 3), False), (RandomMixData([KNOWN, KNOWN]), False), (FirstThree(ENDLESS), False),
    (MultiProcessMapData(KNOWN, 1, double, strict=True, buffer_size=2), False), (MultiProcessRunnerZMQ(ENDLESS), True),
    (MultiProcessRunner(KNOWN, 1, 1), False), (MultiThreadRunner(lambda: KNOWN, 1, 1), False),
    (JoinData([KNOWN, ENDLESS]), False), (RandomChooseData([KNOWN, ENDLESS]), False),
    (ENDLESS, True), (RepeatedData(ENDLESS, 2), True), (LocallyShuffleData(KNOWN, 2), True),
    (DataFromQueue(queue.Queue()), True), (MapData(ENDLESS, double), True), (BatchData(ENDLESS, 2), True),
    (BatchDataByShape(ENDLESS, 2, 0), True),
    (CacheData(ENDLESS), True), (PrintData(RepeatedDataPoint(ENDLESS, 2)), True), (TestDataSpeed(ENDLESS), True),
    (ResumableData(ENDLESS), True), (ConcatData([KNOWN, ENDLESS]), True), (JoinData([ENDLESS, ENDLESS]), True),
    (RandomChooseData([ENDLESS, ENDLESS]), True), (RemoteDataZMQ("ipc://nowhere"), True),
    (MultiProcessRunnerZMQ(UNKNOWN), True), (MultiProcessRunner(UNKNOWN, 1, 1), True),
    (MultiThreadRunner(lambda: UNKNOWN, 1, 1), True), (MultiThreadMapData(KNOWN, 1, double), True),
    (MultiProcessMapData(KNOWN, 1, double), True), (MultiProcessMapAndBatchData(KNOWN, 1, double, 2), True),
]


@pytest.mark.parametrize("flow, expected", FLOWS, ids=["{}-{}".format(type(f).__name__, k) for k, (f, _) in enumerate(FLOWS)])
def test_flows_tell_whether_they_are_known_to_never_end(flow, expected):
    assert never_ends(flow) is expected


# ---- saving

SAVERS = {
    "LMDBSerializer": lambda df, path: LMDBSerializer.save(df, path),
    "NumpySerializer": lambda df, path: NumpySerializer.save(df, path),
    "TFRecordSerializer": lambda df, path: TFRecordSerializer.save(df, path),
    "HDF5Serializer": lambda df, path: HDF5Serializer.save(df, path, ["x"]),
    "DiskCacheSerializer": lambda df, path: DiskCacheSerializer.save(df, path),
}
every_saver = pytest.mark.parametrize("name", SAVERS)


class Enough(Exception):
    """Ends what would not end."""


def ends_after(df, count):
    """The flow, which raises after a number of datapoints."""

    def note(dp, seen=[0]):  # noqa: B006
        seen[0] += 1
        if seen[0] > count:
            raise Enough()
        return dp

    return MapData(df, note)


def messages(records):
    return [record.getMessage() for record in records if "FixedSizeData" in record.getMessage()]


@every_saver
@pytest.mark.parametrize("make, why", [
    (lambda: RepeatedData(KNOWN, -1), "RepeatedData never ends"),
    (lambda: MultiThreadMapData(KNOWN, 1, double, buffer_size=3), "MultiThreadMapData never ends"),
    (lambda: BatchData(LocallyShuffleData(KNOWN, 2), 2, use_list=True), "LocallyShuffleData never ends"),
    (lambda: DataFromGenerator(itertools.repeat([0])), "the length of MapData is not known"),
], ids=["repeated", "not strict", "shuffled", "unknown"])
def test_saving_what_may_never_end_warns_at_once_and_says_what_to_do(tmp_path, log_records, name, make, why):
    df = ends_after(make(), 3)
    with pytest.raises(Enough):
        SAVERS[name](df, str(tmp_path / "file"))
    assert messages(log_records) == ["[{}.save] keeps all that comes, and goes on until the disk or the memory is full if "
                                     "there is no end: {}; use FixedSizeData(df, size).".format(name, why)]


def test_a_runner_around_a_flow_of_unknown_length_is_warned_about(tmp_path, log_records):
    with MultiProcessRunnerZMQ(UNKNOWN, 1, 3) as df:
        with pytest.raises(Enough):
            LMDBSerializer.save(ends_after(df, 20), str(tmp_path / "file"))
    assert "MultiProcessRunnerZMQ never ends" in messages(log_records)[0]


def test_saving_warns_again_at_growing_sizes(tmp_path, log_records):
    with pytest.raises(Enough):
        TFRecordSerializer.save(ends_after(ENDLESS, 15000), str(tmp_path / "file"))
    assert [text.split("] ")[1][:26] for text in messages(log_records)] == [
        "keeps all that comes, and ", "has kept 1000 datapoints, ", "has kept 10000 datapoints,"]


class Longer(Count):
    """Goes on beyond its length."""

    def __iter__(self):
        return iter([[k] for k in range(3000)])


def test_a_flow_that_is_much_longer_than_its_length_is_warned_about(tmp_path, log_records):
    TFRecordSerializer.save(Longer(1100), str(tmp_path / "file"))
    assert len(messages(log_records)) == 1 and "has kept 2201 datapoints" in messages(log_records)[0]
    assert "the length of Longer is 1100" in messages(log_records)[0]


@every_saver
@pytest.mark.parametrize("df", [KNOWN, FixedSizeData(ENDLESS, 7)], ids=["finite", "cut"])
def test_finite_flows_are_saved_without_a_word(tmp_path, log_records, name, df):
    SAVERS[name](df, str(tmp_path / "file"))
    assert not messages(log_records)


def test_the_cache_of_an_endless_flow_warns(log_records):
    df = CacheData(ends_after(ENDLESS, 1500))
    df.reset_state()
    with pytest.raises(Enough):
        for _ in df:
            pass
    assert [text.split(", and")[0] for text in messages(log_records)] == [
        "[CacheData] keeps all that comes", "[CacheData] has kept 1000 datapoints"]
    assert "RepeatedData never ends" in messages(log_records)[0]


def test_the_cache_of_a_flow_of_unknown_length_does_not(log_records):
    df = CacheData(UNKNOWN)
    df.reset_state()
    assert len([dp for dp in df]) == 5
    assert not log_records
