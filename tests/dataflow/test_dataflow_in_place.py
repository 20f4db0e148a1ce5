"""Functions that change the arrays which their flow keeps from pass to pass."""
import numpy as np
import pytest

from tensorpack.dataflow import (
    AugmentImageComponent,
    BatchData,
    CacheData,
    DataFromGenerator,
    DataFromList,
    FixedSizeData,
    MapData,
    MapDataComponent,
    MultiThreadMapData,
    imgaug,
)
from tensorpack.utils import argtools


@pytest.fixture(autouse=True)
def _nothing_was_logged_yet(monkeypatch):
    monkeypatch.setattr(argtools, "_LOGGED", set())


def scale(x):
    x /= 255
    return x


def scale_first(dp):
    dp[0] /= 255
    return dp


def scale_image(dp):
    dp["image"] /= 255
    return dp


def arrays():
    return [[np.full((2, 2), 255, "float32"), 1] for _ in range(4)]


def take(ds):
    ds.reset_state()
    for _ in range(2):
        for _ in ds:
            pass


def told(log_records):
    return [each.getMessage() for each in log_records if "its function changes the array" in each.getMessage()]


@pytest.mark.parametrize("make, who, keeper", [
    (lambda: MapDataComponent(DataFromList(arrays()), scale), "MapDataComponent", "DataFromList"),
    (lambda: MapData(DataFromList(arrays()), scale_first), "MapData", "DataFromList"),
    (lambda: MapData(DataFromList([{"image": np.ones(3)}]), scale_image), "MapData", "DataFromList"),
    (lambda: MapDataComponent(FixedSizeData(DataFromList(arrays()), 3), scale), "MapDataComponent", "DataFromList"),
    (lambda: MapDataComponent(CacheData(DataFromGenerator(lambda: iter(arrays()))), scale), "MapDataComponent", "CacheData"),
    (lambda: MultiThreadMapData(DataFromList(arrays()), 2, scale_first, buffer_size=2, strict=True), "MultiThreadMapData",
     "DataFromList")], ids=["component", "datapoint", "dict", "through", "cache", "threads"])
def test_it_is_told_once(log_records, make, who, keeper):
    ds = make()
    take(ds)
    getattr(ds, "close", lambda: None)()
    message, = told(log_records)
    assert message.startswith(who + ": ") and "and {} keeps that array".format(keeper) in message


@pytest.mark.parametrize("make", [
    lambda: MapDataComponent(DataFromList(arrays()), lambda x: x / 255),
    lambda: MapDataComponent(DataFromList(arrays(), packed=True), scale),
    lambda: MapDataComponent(DataFromGenerator(lambda: iter(arrays())), scale),
    lambda: MapDataComponent(BatchData(DataFromList(arrays()), 2), scale),
    lambda: MapDataComponent(AugmentImageComponent(DataFromList(arrays()), [imgaug.Flip(horiz=True)]), scale),
    lambda: MapDataComponent(DataFromList(arrays()), lambda label: label + 1, 1)],
    ids=["new array", "packed", "generator", "batch", "augmented", "number"])
def test_what_changes_nothing_that_is_kept(log_records, make):
    take(make())
    assert not told(log_records)
