"""Promises that every DataFlow keeps, checked over a catalogue of minimal instances. A new flow needs a line here."""
import importlib.util
import inspect
import pickle
from itertools import islice
from typing import Any, Callable, NamedTuple

import catalogue_files
import cv2
import dataset_samples
import numpy as np
import pytest

from tensorpack import dataflow
from tensorpack._legacy._tables import TABLE
from tensorpack.dataflow import (
    ArrowData,
    AugmentImageComponent,
    AugmentImageComponents,
    AugmentImageCoordinates,
    BatchData,
    BatchDataByShape,
    CacheData,
    CaffeLMDB,
    ConcatData,
    DataFlow,
    DataFromGenerator,
    DataFromIterable,
    DataFromList,
    DataFromQueue,
    DecodeAndAugment,
    FakeData,
    FixedSizeData,
    HDF5Data,
    HuggingFaceData,
    ImageFromFile,
    JoinData,
    LMDBData,
    LMDBDataDecoder,
    LocallyShuffleData,
    MapData,
    MapDataComponent,
    MultiProcessMapAndBatchDataZMQ,
    MultiProcessMapDataZMQ,
    MultiProcessRunner,
    MultiProcessRunnerZMQ,
    MultiThreadMapData,
    MultiThreadRunner,
    ParquetData,
    PrintData,
    ProxyDataFlow,
    RandomChooseData,
    RandomMixData,
    RepeatedData,
    RepeatedDataPoint,
    ResumableData,
    SelectComponent,
    ShardData,
    SVMLightData,
    TarData,
    TestDataSpeed,
    TFExampleData,
    ZarrData,
    dataset,
    imgaug,
)
from tensorpack.dataflow.format import DiskCacheData
from tensorpack.dataflow.parallel_map import MultiProcessMapDataComponentSharedArray
from tensorpack.utils import fix_rng_seed

TAKEN = 40  # of an infinite flow
PASSES = 8  # of flows so small that two orders are often the same
MODULES = ["common", "dataset", "format", "image", "parallel", "parallel_map", "raw", "remote", "resumable",
           "serialize"]
# functions
NOT_FLOWS = {"check_dataflow", "decode_image", "dump_dataflow_to_process_queue", "look", "send_dataflow_zmq"}
ELSEWHERE = {"RemoteDataZMQ"}  # needs another process that sends; see test_dataflow_remote.py
ELSEWHERE |= {"PlasmaGetData", "PlasmaPutData"}  # cannot be made; see test_dataflow_parallel.py
ELSEWHERE |= set(dataset_samples.MAKERS)  # see test_dataset_promises.py


class Line(NamedTuple):
    make: Callable[[], Any]
    finite: bool = True
    random: bool = False  # depends on the random stream
    steady: bool = True  # all passes hold the same datapoints, in any order
    source: bool = False  # wraps no other flow
    resumes: bool = False  # a pass goes on where the last one was abandoned
    in_worker: bool = False  # the wrapped flow is used in another process only


class Ticker:
    """A queue that never runs dry."""

    def __init__(self):
        self.count = 0

    def get(self):
        self.count += 1
        return [self.count]


def numbers(shuffle=False):
    return DataFromList([[k, k * 10] for k in range(12)], shuffle=shuffle)


def more_numbers():
    return DataFromList([[k, k * 10] for k in range(100, 108)], shuffle=False)


def images():
    image = dataset_samples.pixels(0).reshape(-1, 32, 32, 3)
    return DataFromList([[image[k], np.array([[3.0, 5.0], [k, k]], "float32")] for k in range(4)], shuffle=False)


def as_png(dp):
    return [cv2.imencode(".png", dp[0])[1].tobytes()]


def encoded():
    return MapData(images(), as_png)


def generate():
    yield from ([k] for k in range(5))


def double(x):
    return x * 2


def as_row(x):
    return np.full((3,), x, "float32")


def decode_number(key, value):
    return [key, len(value)]


@pytest.fixture(scope="module", autouse=True)
def files(tmp_path_factory):
    root = tmp_path_factory.mktemp("files")
    catalogue_files.write_all(root)
    _FILES.append(str(root))
    yield
    _FILES.clear()


_FILES = []


def path(name):
    return "{}/{}".format(_FILES[0], name)


def augmentors():
    return [imgaug.Flip(horiz=True), imgaug.RandomCrop((30, 30)), imgaug.Brightness(20)]


CATALOGUE = {
    "ArrowData": Line(lambda: ArrowData(path("numbers.arrow")), random=True, source=True),
    "AugmentImageComponent": Line(lambda: AugmentImageComponent(images(), augmentors()), random=True, steady=False),
    "AugmentImageComponents": Line(lambda: AugmentImageComponents(images(), augmentors(), [0], [1]), random=True, steady=False),
    "AugmentImageCoordinates": Line(lambda: AugmentImageCoordinates(images(), augmentors()), random=True, steady=False),
    "BatchData": Line(lambda: BatchData(numbers(), 4)),
    "BatchDataByShape": Line(lambda: BatchDataByShape(FakeData([[2]], size=12), 4, 0), random=True, steady=False),
    "CacheData": Line(lambda: CacheData(numbers(), shuffle=True)),
    "CaffeLMDB": Line(lambda: CaffeLMDB(path("caffe.lmdb")), random=True),
    "ConcatData": Line(lambda: ConcatData([numbers(), more_numbers()])),
    "DataFromGenerator": Line(lambda: DataFromGenerator(generate), source=True),
    "DataFromIterable": Line(lambda: DataFromIterable([[1], [2], [3]]), source=True),
    "DataFromList": Line(lambda: DataFromList([[k] for k in range(20)]), random=True, source=True),
    "DataFromQueue": Line(lambda: DataFromQueue(Ticker()), finite=False, source=True),
    "DecodeAndAugment": Line(lambda: DecodeAndAugment(encoded(), augmentors()), random=True, steady=False),
    "Digits": Line(lambda: dataset.Digits("test"), random=True, source=True),
    "DiskCacheData": Line(lambda: DiskCacheData(path("diskcache")), random=True, source=True),
    "FakeData": Line(lambda: FakeData([[2, 3]], size=5), random=True, steady=False, source=True),
    "FashionMnist": Line(lambda: dataset.FashionMnist("train", dir=path("mnist")), random=True, source=True),
    "FixedSizeData": Line(lambda: FixedSizeData(numbers(), 5), steady=False),
    "HDF5Data": Line(lambda: HDF5Data(path("numbers.h5"), ["x", "y"]), random=True, source=True),
    "HuggingFaceData": Line(lambda: HuggingFaceData(path("hugging_face"), ["x", "y"]), random=True, source=True),
    "ImageFromFile": Line(lambda: ImageFromFile([path("images/{}.png".format(k)) for k in range(6)], shuffle=True),
                          random=True, source=True),
    "JoinData": Line(lambda: JoinData([numbers(), numbers()])),
    "LMDBData": Line(lambda: LMDBData(path("numbers.lmdb")), random=True, source=True),
    "LMDBDataDecoder": Line(lambda: LMDBDataDecoder(LMDBData(path("numbers.lmdb")), decode_number), random=True),
    "LocallyShuffleData": Line(lambda: LocallyShuffleData(numbers(), 10), finite=False, random=True),
    "MapData": Line(lambda: MapData(numbers(), double)),
    "MapDataComponent": Line(lambda: MapDataComponent(numbers(), double, 1)),
    "Mnist": Line(lambda: dataset.Mnist("train", dir=path("mnist")), random=True, source=True),
    "MultiProcessMapAndBatchDataZMQ": Line(lambda: MultiProcessMapAndBatchDataZMQ(numbers(True), 1, double, 4),
                                           finite=False, random=True, resumes=True, in_worker=True),
    "MultiProcessMapDataComponentSharedArray": Line(
        lambda: MultiProcessMapDataComponentSharedArray(numbers(True), 1, as_row, (3,), "float32"),
        finite=False, random=True, resumes=True),
    "MultiProcessMapDataZMQ": Line(lambda: MultiProcessMapDataZMQ(numbers(True), 1, double, buffer_size=4, strict=True),
                                   random=True, resumes=True),
    "MultiProcessRunner": Line(lambda: MultiProcessRunner(numbers(True), 4, 1), random=True, resumes=True, in_worker=True),
    "MultiProcessRunnerZMQ": Line(lambda: MultiProcessRunnerZMQ(numbers(True), 1), random=True, resumes=True, in_worker=True),
    "MultiThreadMapData": Line(lambda: MultiThreadMapData(numbers(True), 1, double, buffer_size=4, strict=True),
                               random=True, resumes=True),
    "MultiThreadRunner": Line(lambda: MultiThreadRunner(lambda: numbers(True), 4, 1), random=True, resumes=True, source=True),
    "ParquetData": Line(lambda: ParquetData(path("numbers.parquet"), ["x", "y"]), random=True, source=True),
    "PrintData": Line(lambda: PrintData(numbers())),
    "ProxyDataFlow": Line(lambda: ProxyDataFlow(numbers())),
    "RandomChooseData": Line(lambda: RandomChooseData([numbers(), more_numbers()]), random=True, steady=False),
    "RandomMixData": Line(lambda: RandomMixData([numbers(), more_numbers()]), random=True),
    "ResumableData": Line(lambda: ResumableData(numbers(True)), random=True),
    "RepeatedData": Line(lambda: RepeatedData(numbers(), 2)),
    "RepeatedDataPoint": Line(lambda: RepeatedDataPoint(numbers(), 2)),
    "SVMLightData": Line(lambda: SVMLightData(path("numbers.svm")), random=True, source=True),
    "SelectComponent": Line(lambda: SelectComponent(numbers(), [1])),
    "ShardData": Line(lambda: ShardData(numbers(), 2, 1)),
    "TFExampleData": Line(lambda: TFExampleData(path("numbers-*.tfrecord"), {"x": (), "y": ()}), random=True, source=True),
    "TarData": Line(lambda: TarData(path("numbers-*.tar"), ["x", "__key__"]), random=True, source=True),
    "TestDataSpeed": Line(lambda: TestDataSpeed(numbers(), size=3)),
    "ZarrData": Line(lambda: ZarrData(path("numbers.zarr"), ["x", "y"]), random=True, source=True),
}
if importlib.util.find_spec("datasets") is None:  # it is for newer Pythons
    ELSEWHERE.add("HuggingFaceData")
    del CATALOGUE["HuggingFaceData"]


def flows_where(condition):
    chosen = {name: line for name, line in CATALOGUE.items() if condition(line)}
    return pytest.mark.parametrize("line", chosen.values(), ids=chosen.keys())


every_flow = flows_where(lambda line: True)


def plain(value):
    """Without arrays and dicts, so that it can be compared."""
    if isinstance(value, dict):
        return [[key, plain(value[key])] for key in sorted(value)]
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, np.ndarray):
        return [value.shape, value.dtype.str, value.tobytes()]
    return value.tolist() if isinstance(value, np.generic) else value


def started(line):
    df = made(line)
    df.reset_state()
    return df


def made(line):
    """A new flow, whose workers end with the test even if it fails."""
    df = line.make()
    if hasattr(df, "close"):
        _CLOSERS.append(df.close)
    return df


_CLOSERS = []


@pytest.fixture(autouse=True)
def no_worker_is_left():
    yield
    while _CLOSERS:
        _CLOSERS.pop()()


def wrapped(df):
    """The first flow within a flow."""
    return df.ds if hasattr(df, "ds") else df.df_lists[0]


def one_pass(df, line):
    return [plain(dp) for dp in (df if line.finite else islice(iter(df), TAKEN))]


def test_every_public_flow_has_a_line():
    modules = [dataflow] + [importlib.import_module("tensorpack.dataflow." + name) for name in MODULES]
    names = [(module, name) for module in modules for name in set(module.__all__) - set(TABLE.star.get(module.__name__, ()))]
    values = {getattr(module, name) for module, name in names
              if inspect.isroutine(getattr(module, name)) or inspect.isclass(getattr(module, name))}
    flows = {value.__name__ for value in values
             if inspect.isfunction(value) or issubclass(value, DataFlow) and not inspect.isabstract(value)}
    assert flows - NOT_FLOWS - ELSEWHERE == set(CATALOGUE)


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
    if line.finite and line.steady and not line.resumes:
        assert sorted(again) == sorted(one_pass(started(line), line))


@every_flow
def test_length_is_a_number_or_unknown(line):
    try:
        length = len(made(line))
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
        return [one_pass(df, line) for _ in range(PASSES)]

    assert run(42) == run(42)
    if line.random:
        assert run(42) != run(43)


@flows_where(lambda line: line.random)
def test_reset_gives_a_new_stream(line):
    df = started(line)
    first = [one_pass(df, line) for _ in range(PASSES)]
    if hasattr(df, "close"):
        df.close()
    df.reset_state()
    assert [one_pass(df, line) for _ in range(PASSES)] != first


@every_flow
def test_pickles_before_reset(line):
    df = pickle.loads(pickle.dumps(made(line)))
    df.reset_state()
    got, expected = one_pass(df, line), one_pass(started(line), line)
    assert len(got) == len(expected) or not line.steady
    if line.finite and line.steady:
        assert sorted(got) == sorted(expected)


def run_pass(dp):
    """What a worker does with a datapoint that holds a flow."""
    name, df = dp
    df.reset_state()
    return [name, one_pass(df, CATALOGUE[name])]


def test_every_flow_works_in_a_spawned_process():
    flows = DataFromList([[name, made(line)] for name, line in CATALOGUE.items()], shuffle=False)
    with MultiProcessMapDataZMQ(flows, 1, run_pass, buffer_size=4, strict=True, start_method="spawn") as df:
        df.reset_state()
        passes = {name: got for name, got in df}
    assert set(passes) == set(CATALOGUE)
    for name, line in CATALOGUE.items():
        expected = one_pass(started(line), line)
        assert len(passes[name]) == len(expected) or not line.steady, name
        if line.finite and line.steady:
            assert sorted(passes[name]) == sorted(expected), name


@every_flow
def test_repr_is_one_line_that_names_class_and_parts(line):
    df = made(line)
    before = repr(df)
    df.reset_state()
    assert repr(df) == before
    assert before.startswith(type(df).__name__ + "(") and before.endswith(")")
    assert "\n" not in before and len(before) < 800
    assert " at 0x" not in before or isinstance(df, DataFromQueue)
    if not line.source:
        assert repr(wrapped(df))[:150] in before  # long ones are cut


@flows_where(lambda line: not line.source)
def test_wrapped_flows_are_reset(line):
    df = made(line)
    inner, resets = wrapped(df), []
    reset = inner.reset_state
    inner.reset_state = lambda: (resets.append(1), reset())
    df.reset_state()
    next(iter(df))
    assert resets == ([] if line.in_worker else [1])


@pytest.mark.parametrize("name", sorted(set(CATALOGUE) & set(dataset.__all__)))
def test_changing_a_datapoint_in_place_does_not_change_the_dataset(name):
    df = CATALOGUE[name].make()
    df.shuffle = False
    image = next(iter(df))[0]
    expected = image.copy()
    image += 1
    np.testing.assert_array_equal(next(iter(df))[0], expected)
