"""Flows whose passes do not have each datapoint once say so, with numbers and what to use instead; others are silent."""
import collections

import numpy as np
import pytest
from parallel_flows import Count, double, to_array

from tensorpack.dataflow import (
    BatchData,
    BatchDataByShape,
    CacheData,
    ConcatData,
    FixedSizeData,
    JoinData,
    LocallyShuffleData,
    MapData,
    MultiProcessMapAndBatchData,
    MultiProcessMapData,
    MultiProcessRunner,
    MultiProcessRunnerZMQ,
    MultiThreadMapData,
    MultiThreadRunner,
    PrintData,
    ProxyDataFlow,
    RandomChooseData,
    RandomMixData,
    RepeatedData,
    RepeatedDataPoint,
    TestDataSpeed,
    TFRecordSerializer,
)
from tensorpack.dataflow._flows._told.each_once import why_not_each_once

DS, UNKNOWN = Count(297), Count(297, has_len=False)

FAITHFUL = [
    DS, BatchData(DS, 100, remainder=True), BatchData(DS, 99), BatchData(UNKNOWN, 1),
    BatchDataByShape(MapData(DS, to_array), 1, 0), MapData(DS, double), MultiProcessMapData(DS, 2, double, strict=True),
    MultiThreadMapData(DS, 2, double, strict=True), MultiProcessRunnerZMQ(DS, 1), MultiProcessRunner(DS, 1, 1),
    MultiThreadRunner(lambda: DS, 1, 1), CacheData(PrintData(DS)), ConcatData([DS, DS]), RandomMixData([DS, DS]),
    JoinData([DS, DS]), RandomChooseData([DS]), RepeatedData(DS, 2), RepeatedDataPoint(DS, 2), FixedSizeData(DS, 297),
    FixedSizeData(DS, 50),  # a part of the data is what was asked for
]
UNFAITHFUL = {
    BatchData(DS, 100):
        "BatchData drops the last 97 of 297 datapoints of a pass, which make no batch of 100; use remainder=True",
    BatchData(UNKNOWN, 100):
        "BatchData drops up to 99 datapoints of a pass, which make no batch of 100; use remainder=True",
    BatchDataByShape(DS, 4, 0):
        "BatchDataByShape keeps up to 3 datapoints of each shape for the next pass; use BatchData(ds, 1)",
    MultiProcessRunnerZMQ(DS, 3):
        "MultiProcessRunnerZMQ runs 3 copies of its flow, so that a pass of 297 datapoints has some of them twice and others "
        "not at all; use MultiProcessMapData with strict=True, or num_proc=1",
    MultiProcessRunner(UNKNOWN, 5, 2):
        "MultiProcessRunner runs 2 copies of its flow, so that a pass of any number of datapoints has some of them twice",
    MultiThreadRunner(lambda: DS, 5, 4):
        "MultiThreadRunner runs 4 copies of its flow, so that a pass of 297 datapoints has some",
    MultiProcessMapData(DS, 2, double, buffer_size=50):
        "MultiProcessMapDataZMQ mixes passes, up to 50 datapoints of the next one with those of this one; use strict=True",
    MultiThreadMapData(DS, 2, double):
        "MultiThreadMapData mixes passes, up to 200 datapoints of the next one",
    MultiProcessMapAndBatchData(DS, 2, double, 10):
        "MultiProcessMapAndBatchDataZMQ has no passes: batches of 10 mix them; use BatchData(MultiProcessMapData(ds, 2, func, "
        "strict=True), 10, remainder=True)",
    LocallyShuffleData(DS, 30): "LocallyShuffleData goes on where it was, 30 datapoints in its buffer; leave it out",
    RandomChooseData([DS, DS]): "RandomChooseData ends with the first of 2 flows that has no more",
    JoinData([DS, Count(5)]): "JoinData has 5 datapoints in a pass, though its flows have 297, 5; join flows of one length",
}


@pytest.mark.parametrize("df", FAITHFUL, ids=["{}-{}".format(type(f).__name__, k) for k, f in enumerate(FAITHFUL)])
def test_flows_of_each_datapoint_once_are_silent(df):
    assert why_not_each_once(df) == []


@pytest.mark.parametrize("df, text", UNFAITHFUL.items(), ids=lambda v: "" if isinstance(v, str) else type(v).__name__)
def test_others_say_why(df, text):
    reasons = why_not_each_once(TestDataSpeed(MapData(df, double)))
    assert len(reasons) == 1 and reasons[0].startswith(text)


class Chosen(ProxyDataFlow):
    """A flow of a user's class."""

    def __iter__(self):
        return iter(self.ds)


def test_all_flows_below_are_asked():
    df = ConcatData([BatchData(DS, 100), Chosen(BatchData(MultiProcessRunnerZMQ(DS, 2), 10))])
    assert [reason.split()[0] for reason in why_not_each_once(df)] == ["BatchData", "BatchData", "MultiProcessRunnerZMQ"]


def test_saving_copies_or_remainders_is_warned_about(tmp_path, log_records):
    with MultiProcessRunnerZMQ(BatchData(Count(10), 4), 2, 3) as df:
        TFRecordSerializer.save(df, str(tmp_path / "file"))
    first, second = [record.getMessage() for record in log_records if record.levelname == "WARNING"]
    assert first.startswith("[TFRecordSerializer.save] A pass should have each datapoint once, or other data are saved: "
                            "MultiProcessRunnerZMQ runs 2 copies of its flow, so that a pass of 2 datapoints")
    assert "BatchData drops the last 2 of 10 datapoints" in second
    del log_records[:]
    TFRecordSerializer.save(BatchData(Count(10), 5), str(tmp_path / "file"))
    assert not log_records


@pytest.mark.parametrize("df", [df for df in FAITHFUL if not isinstance(df, FixedSizeData)], ids=lambda df: type(df).__name__)
def test_what_is_silent_is_right(df):
    df.reset_state()
    for _ in range(2):
        counts = collections.Counter(k for dp in df for k in np.ravel(dp[-1]).tolist())
        assert len(set(counts.values())) == 1 and len(counts) >= 297
    if hasattr(df, "close"):
        df.close()
