"""Datapoints that a function drops: the log tells at the end of a pass how many of how many."""
import logging

import numpy as np
import pytest

from tensorpack.dataflow import (
    AugmentImageComponent,
    BatchData,
    DataFromList,
    LMDBDataDecoder,
    MapData,
    MapDataComponent,
    MultiProcessMapAndBatchDataZMQ,
    MultiProcessMapDataZMQ,
    MultiThreadMapData,
    RepeatedData,
    imgaug,
)
from tensorpack.dataflow._flows._told import drop_count
from tensorpack.utils import logger


def numbers(size=10):
    return DataFromList([[k] for k in range(size)], shuffle=False)


def few(dp):
    return None if dp[0] % 3 == 0 else dp


def few_of_keys(key, value):
    return few([value])


class Fails(imgaug.ImageAugmentor):
    def get_transform(self, img):
        raise RuntimeError("no")


def told(records):
    return [record.getMessage() for record in records if "datapoints of" in record.getMessage()]


SERIAL = {
    "MapData": lambda: MapData(numbers(), few),
    "MapDataComponent": lambda: MapDataComponent(numbers(), lambda k: None if k % 3 == 0 else k),
    "LMDBDataDecoder": lambda: LMDBDataDecoder(MapData(numbers(), lambda dp: [b"key", dp[0]]), few_of_keys),
}


@pytest.mark.parametrize("name", SERIAL)
def test_each_pass_tells(name, log_records, monkeypatch):
    monkeypatch.setattr(drop_count, "_INTERVAL", 0)
    df = SERIAL[name]()
    df.reset_state()
    for number in (1, 2):
        assert len(list(df.__iter__())) == 6
        assert told(log_records) == [
            "[{}] its function returned None for 4 of 10 datapoints of a pass.".format(type(df).__name__)] * number
    assert {record.levelno for record in log_records} == {logging.INFO}


def test_short_passes_are_told_of_together(log_records, monkeypatch):
    df = RepeatedData(MapData(numbers(), few), 5)
    df.reset_state()
    assert len(list(df.__iter__())) == 30
    assert len(told(log_records)) == 1
    monkeypatch.setattr(drop_count.time, "monotonic", lambda: 1e9)
    assert len(list(df.__iter__())) == 30
    assert told(log_records)[1] == "[MapData] its function returned None for 20 of 50 datapoints of the last 5 passes."


def test_nothing_dropped_and_nothing_told(log_records):
    df = MapData(numbers(), lambda dp: dp)
    df.reset_state()
    list(df.__iter__())
    assert log_records == []


def test_augmentors_that_fail_are_told_of_by_their_errors(log_records):
    df = AugmentImageComponent(DataFromList([[np.zeros((4, 4, 3), "uint8")]] * 3, shuffle=False), [Fails()],
                               catch_exceptions=True)
    df.reset_state()
    assert list(df.__iter__()) == [] and told(log_records) == []
    assert [record.getMessage() for record in log_records] == ["Got {} augmentation errors.".format(k) for k in (1, 2, 3)]


PARALLEL = {
    "threads": lambda: MultiThreadMapData(numbers(), 2, few, buffer_size=4),
    "processes": lambda: MultiProcessMapDataZMQ(numbers(), 2, few, buffer_size=4),
}


@pytest.mark.parametrize("name", PARALLEL)
def test_parallel_maps_tell_of_each_pass(name, log_records, monkeypatch):
    monkeypatch.setattr(drop_count, "_INTERVAL", 0)
    df = PARALLEL[name]()
    df.reset_state()
    datapoints = df.__iter__()
    for _ in range(30):
        next(datapoints)
    datapoints.close()
    text = "[{}] map_func returned None for 4 of 10 datapoints of a pass.".format(type(df).__name__)
    assert len(told(log_records)) >= 3 and set(told(log_records)) == {text}


def test_batches_from_processes_tell_where_the_flow_is_read(tmp_path):
    handler = logging.FileHandler(str(tmp_path / "log"))
    logger._logger.addHandler(handler)
    try:
        with MultiProcessMapAndBatchDataZMQ(numbers(), 2, few, 3, buffer_size=6, start_method="fork") as df:
            df.reset_state()
            batches = df.__iter__()
            for _ in range(20):
                assert len(next(batches)[0]) == 3
            batches.close()
    finally:
        logger._logger.removeHandler(handler)
        handler.close()
    assert "map_func returned None for 4 of 10 datapoints of a pass" in (tmp_path / "log").read_text()


def test_batches_of_what_is_left(log_records):
    df = BatchData(MapData(numbers(), few), 3)
    df.reset_state()
    assert [batch.tolist() for batch, in df] == [[1, 2, 4], [5, 7, 8]]
    assert len(told(log_records)) == 1
