"""Promises that every DataFlow keeps, checked over a catalogue of minimal instances. A new flow needs a line here."""
import inspect
import pickle
from itertools import islice
from typing import Any, Callable, NamedTuple

import numpy as np
import pytest

from tensorpack import dataflow
from tensorpack.dataflow import (
    BatchData,
    BatchDataByShape,
    CacheData,
    ConcatData,
    DataFlow,
    DataFromGenerator,
    DataFromIterable,
    DataFromList,
    DataFromQueue,
    FakeData,
    FixedSizeData,
    JoinData,
    LocallyShuffleData,
    MapData,
    MapDataComponent,
    PrintData,
    ProxyDataFlow,
    RandomChooseData,
    RandomMixData,
    RepeatedData,
    RepeatedDataPoint,
    SelectComponent,
    TestDataSpeed,
    dataset,
)
from tensorpack.utils import fix_rng_seed

TAKEN = 40  # of an infinite flow


class Line(NamedTuple):
    make: Callable[[], Any]
    finite: bool = True
    random: bool = False  # depends on the random stream
    steady: bool = True  # all passes hold the same datapoints, in any order
    source: bool = False  # wraps no other flow


class Ticker:
    """A queue that never runs dry."""

    def __init__(self):
        self.count = 0

    def get(self):
        self.count += 1
        return [self.count]


def numbers():
    return DataFromList([[k, k * 10] for k in range(12)], shuffle=False)


def more_numbers():
    return DataFromList([[k, k * 10] for k in range(100, 108)], shuffle=False)


def generate():
    yield from ([k] for k in range(5))


def double(x):
    return x * 2


def write_mnist(directory, prefix="train", count=6):
    import gzip
    import struct

    images = (np.arange(count * 28 * 28) % 251).astype("uint8")
    for name, header, content in [
        ("images-idx3", struct.pack(">4I", 2051, count, 28, 28), images),
        ("labels-idx1", struct.pack(">2I", 2049, count), np.arange(count, dtype="uint8")),
    ]:
        with gzip.open(str(directory / "{}-{}-ubyte.gz".format(prefix, name)), "wb") as f:
            f.write(header + content.tobytes())


@pytest.fixture(scope="module", autouse=True)
def mnist_dir(tmp_path_factory):
    directory = tmp_path_factory.mktemp("mnist")
    write_mnist(directory)
    _MNIST_DIR.append(str(directory))


_MNIST_DIR = []

CATALOGUE = {
    "BatchData": Line(lambda: BatchData(numbers(), 4)),
    "BatchDataByShape": Line(lambda: BatchDataByShape(FakeData([[2]], size=12), 4, 0), random=True, steady=False),
    "CacheData": Line(lambda: CacheData(numbers(), shuffle=True)),
    "ConcatData": Line(lambda: ConcatData([numbers(), more_numbers()])),
    "DataFromGenerator": Line(lambda: DataFromGenerator(generate), source=True),
    "DataFromIterable": Line(lambda: DataFromIterable([[1], [2], [3]]), source=True),
    "DataFromList": Line(lambda: DataFromList([[k] for k in range(20)]), random=True, source=True),
    "DataFromQueue": Line(lambda: DataFromQueue(Ticker()), finite=False, source=True),
    "Digits": Line(lambda: dataset.Digits("test"), random=True, source=True),
    "FakeData": Line(lambda: FakeData([[2, 3]], size=5), random=True, steady=False, source=True),
    "FashionMnist": Line(lambda: dataset.FashionMnist("train", dir=_MNIST_DIR[0]), random=True, source=True),
    "FixedSizeData": Line(lambda: FixedSizeData(numbers(), 5), steady=False),
    "JoinData": Line(lambda: JoinData([numbers(), numbers()])),
    "LocallyShuffleData": Line(lambda: LocallyShuffleData(numbers(), 10), finite=False, random=True),
    "MapData": Line(lambda: MapData(numbers(), double)),
    "MapDataComponent": Line(lambda: MapDataComponent(numbers(), double, 1)),
    "Mnist": Line(lambda: dataset.Mnist("train", dir=_MNIST_DIR[0]), random=True, source=True),
    "PrintData": Line(lambda: PrintData(numbers())),
    "ProxyDataFlow": Line(lambda: ProxyDataFlow(numbers())),
    "RandomChooseData": Line(lambda: RandomChooseData([numbers(), more_numbers()]), random=True, steady=False),
    "RandomMixData": Line(lambda: RandomMixData([numbers(), more_numbers()]), random=True),
    "RepeatedData": Line(lambda: RepeatedData(numbers(), 2)),
    "RepeatedDataPoint": Line(lambda: RepeatedDataPoint(numbers(), 2)),
    "SelectComponent": Line(lambda: SelectComponent(numbers(), [1])),
    "TestDataSpeed": Line(lambda: TestDataSpeed(numbers(), size=3)),
}



def flows_where(condition):
    chosen = {name: line for name, line in CATALOGUE.items() if condition(line)}
    return pytest.mark.parametrize("line", chosen.values(), ids=chosen.keys())


every_flow = flows_where(lambda line: True)


def plain(value):
    """Without arrays, so that it can be compared."""
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value.tolist() if hasattr(value, "tolist") else value


def started(line):
    df = line.make()
    df.reset_state()
    return df


def one_pass(df, line):
    return [plain(dp) for dp in (df if line.finite else islice(iter(df), TAKEN))]


def test_every_public_flow_has_a_line():
    named = {name: getattr(package, name) for package in (dataflow, dataset) for name in package.__all__}
    flows = {name for name, value in named.items()
             if inspect.isfunction(value)
             or inspect.isclass(value) and issubclass(value, DataFlow) and not inspect.isabstract(value)}
    assert flows == set(CATALOGUE)


@every_flow
def test_a_second_pass_works(line):
    df = started(line)
    first, second = one_pass(df, line), one_pass(df, line)
    assert first and second
    if line.finite and line.steady:
        assert sorted(first) == sorted(second)


@every_flow
def test_a_pass_may_be_abandoned(line):
    df = started(line)
    iterator = iter(df)
    next(iterator)
    del iterator
    again = one_pass(df, line)
    assert again
    if line.finite and line.steady:
        assert sorted(again) == sorted(one_pass(started(line), line))


@every_flow
def test_length_is_a_number_or_unknown(line):
    try:
        length = len(line.make())
    except NotImplementedError:
        return
    assert length > 0
    if line.finite:
        assert len(one_pass(started(line), line)) == length


@every_flow
def test_a_seed_makes_the_flow_repeatable(line):
    def run(seed):
        fix_rng_seed(seed)
        df = started(line)
        return [one_pass(df, line) for _ in range(2)]

    assert run(42) == run(42)
    if line.random:
        assert run(42) != run(43)


@flows_where(lambda line: line.random)
def test_reset_gives_a_new_stream(line):
    df = started(line)
    first = one_pass(df, line)
    df.reset_state()
    assert one_pass(df, line) != first


@every_flow
def test_pickles_before_reset(line):
    df = pickle.loads(pickle.dumps(line.make()))
    df.reset_state()
    got, expected = one_pass(df, line), one_pass(started(line), line)
    assert len(got) == len(expected) or not line.steady
    if line.finite and line.steady:
        assert sorted(got) == sorted(expected)


@every_flow
def test_repr_is_one_line_that_names_class_and_parts(line):
    df = line.make()
    before = repr(df)
    df.reset_state()
    assert repr(df) == before
    assert before.startswith(type(df).__name__ + "(") and before.endswith(")")
    assert "\n" not in before and len(before) < 600
    assert " at 0x" not in before or isinstance(df, DataFromQueue)
    if not line.source:
        assert "DataFromList" in before or "FakeData" in before


@flows_where(lambda line: not line.source)
def test_wrapped_flows_are_reset(line):
    df = line.make()
    inner = getattr(df, "ds", None) or df.df_lists[0]
    resets = []
    reset = inner.reset_state
    inner.reset_state = lambda: (resets.append(1), reset())
    df.reset_state()
    assert resets == [1]


@pytest.mark.parametrize("name", dataset.__all__)
def test_changing_a_datapoint_in_place_does_not_change_the_dataset(name):
    df = CATALOGUE[name].make()
    df.shuffle = False
    image = next(iter(df))[0]
    expected = image.copy()
    image += 1
    np.testing.assert_array_equal(next(iter(df))[0], expected)
