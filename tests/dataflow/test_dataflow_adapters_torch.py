"""Flows as datasets of PyTorch: tensors on our memory, parts for workers and ranks, a training on digits."""
import gc
import itertools
import pickle

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.utils.data import DataLoader, get_worker_info

from tensorpack.dataflow import (
    BatchData,
    DataFromGenerator,
    DataFromList,
    FixedSizeData,
    LocallyShuffleData,
    MapData,
    MapDataComponent,
    MultiProcessMapDataZMQ,
    MultiProcessRunnerZMQ,
    RandomMixData,
    RepeatedData,
    dataset,
)
from tensorpack.dataflow.adapters import as_torch
from tensorpack.dataflow.adapters._passes import dealt
from tensorpack.utils import fix_rng_seed, get_rng

SIZE = 23


@pytest.fixture(autouse=True)
def loaders_end():
    """Workers live as long as the loader, to which the traceback of an expected error refers."""
    yield
    gc.collect()


def add_half(dp):
    return [np.array(dp[0]), dp[0] + 0.5]


def numbers(shuffle=True, size=SIZE):
    return MapData(DataFromList([[k] for k in range(size)], shuffle=shuffle), add_half)


def values(loader):
    return [int(value) for dp in loader for value in np.atleast_1d(dp[0])]


def loader(df, num_workers, **kwargs):
    options = {name: kwargs.pop(name) for name in ("size", "rank", "equal") if name in kwargs}
    return DataLoader(as_torch(df, **options), batch_size=None, num_workers=num_workers, **kwargs)


# ---- values ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "dtype", ["uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64", "bool", "complex64"])
def test_tensors_lie_on_the_memory_of_the_arrays(dtype):
    array = np.arange(6).reshape(2, 3).astype(dtype)
    tensor = next(iter(as_torch(DataFromList([[array]], shuffle=False))))[0]
    assert tensor.data_ptr() == array.ctypes.data and tensor.shape == (2, 3)
    assert tensor.numpy().dtype == dtype and (tensor.numpy() == array).all()


def frozen(array):
    array.flags.writeable = False
    return array


@pytest.mark.parametrize("array", [
    frozen(np.arange(6)), np.arange(6)[::-1], np.arange(6).astype(">i8"), np.arange(12)[::2],
    np.asfortranarray(np.ones((3, 2))),
    np.zeros((0, 3)), np.array(3.0),
], ids=["read-only", "backwards", "big-endian", "strided", "fortran", "empty", "scalar"])
def test_arrays_of_all_layouts_become_tensors_that_may_be_written_to(array):
    expected = array.tolist()
    tensor = next(iter(as_torch(DataFromList([(array,)], shuffle=False))))[0]
    assert tensor.tolist() == expected
    tensor += 1
    if not array.flags.writeable:
        assert array.tolist() == expected


def test_the_structure_of_a_datapoint_stays():
    dp = {"list": [np.float32(1), 2, "text"], "tuple": (np.int64(3), b"bytes"), "names": np.array(["a"]), "none": None}
    got = next(iter(as_torch(DataFromList([dp], shuffle=False))))
    assert got["list"][1:] == [2, "text"] and got["list"][0].dtype == torch.float32 and got["list"][0].shape == ()
    assert type(got["tuple"]) is tuple and got["tuple"][0].dtype == torch.int64 and got["tuple"][1] == b"bytes"
    assert got["names"].tolist() == ["a"] and got["none"] is None


def test_a_dtype_that_pytorch_lacks_is_named():
    df = DataFromList([[np.zeros(2, "clongdouble")]], shuffle=False)
    with pytest.raises(TypeError, match="as_torch: arrays must be of a dtype that PyTorch has; got c(omplex256|longdouble)"):
        next(iter(as_torch(df)))


def images():
    for k in range(48):
        yield [np.full((64, 64, 3), k, "uint8"), k]


def test_what_workers_hand_over_in_shared_memory_stays_as_long_as_a_tensor_of_it():
    with MultiProcessRunnerZMQ(BatchData(DataFromGenerator(images), 4), 1) as runner:
        data = as_torch(FixedSizeData(runner, 12))
        passes = [[dp[0][1:] for dp in data] for _ in range(3)]  # views
    for kept in passes:  # after the end of the workers
        assert [tensor[0].unique().tolist() for tensor in kept] == [[4 * k + 1] for k in range(12)]
        assert [tensor[-1].unique().tolist() for tensor in kept] == [[4 * k + 3] for k in range(12)]


# ---- passes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("num_workers", [0, 1, 2])
@pytest.mark.parametrize("shuffle", [False, True])
def test_each_pass_has_each_datapoint_once(num_workers, shuffle):
    data = loader(numbers(shuffle), num_workers)
    passes = [values(data) for _ in range(2)]
    assert [sorted(each) for each in passes] == [list(range(SIZE))] * 2
    assert (passes[0] != passes[1]) == shuffle and len(data) == SIZE
    assert (passes[0] == list(range(SIZE))) != shuffle


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("make", [
    lambda: BatchData(numbers(), 4, remainder=True),
    lambda: BatchData(LocallyShuffleData(numbers(), 5, shuffle_interval=2), 4),
    lambda: MapDataComponent(BatchData(numbers(), 4, remainder=True), np.array),
    lambda: DataFromGenerator(lambda: ([np.array(k)] for k in range(SIZE))),
    lambda: RepeatedData(numbers(), 2),
], ids=["batches", "locally shuffled", "map of batches", "generator", "repeated"])
def test_flows_that_can_be_divided(make, num_workers):
    data = itertools.islice(loader(make(), num_workers), 6) if isinstance(make().__dict__.get("ds"), LocallyShuffleData) \
        else loader(make(), num_workers)
    got = values(data)
    times = 2 if isinstance(make(), RepeatedData) else 1
    assert sorted(got) == sorted(times * list(range(SIZE))) or len(got) == 24 > len(set(got)) > 12


@pytest.mark.parametrize("make", [
    lambda: RandomMixData([numbers()]), lambda: FixedSizeData(numbers(), 5),
], ids=["mix", "fixed size"])
def test_flows_that_cannot_are_refused(make):
    assert values(loader(make(), 1))
    with pytest.raises(ValueError, match="ShardData: the flow must give the same datapoints in the same order"):
        dealt(make(), 2, 1, False)  # what each of two workers does; PyTorch takes seconds to end those that fail


def test_more_workers_than_datapoints():
    assert sorted(values(loader(BatchData(numbers(size=1), 1), 2))) == [0]


def test_workers_that_persist_and_passes_that_are_abandoned():
    data = loader(numbers(), 2, persistent_workers=True)
    next(iter(data))
    passes = [values(data) for _ in range(2)]
    assert [sorted(each) for each in passes] == [list(range(SIZE))] * 2 and passes[0] != passes[1]
    del data


def test_a_seed_of_pytorch_repeats_the_streams_of_workers():
    def run(seed):
        torch.manual_seed(seed)
        return values(loader(numbers(), 2))

    assert run(1) == run(1) != run(2)


def test_streams_of_workers_and_ranks_differ():
    def run(**options):
        torch.manual_seed(1)
        return [dp[0].item() for dp in loader(MapData(DataFromList([[0]] * 8, shuffle=False), Noise()), 2, **options)]

    got = [run(size=2, rank=rank) for rank in range(2)]
    assert len(set(sum(got, []))) == 8
    assert got[0] == run(size=2, rank=0)


class Noise:
    """Draws from a stream of this process."""

    rng = None

    def __call__(self, dp):
        if self.rng is None:
            self.rng = get_rng(self)
        return [np.float64(self.rng.rand())]


def test_a_spawned_worker_gets_its_part():
    got = values(loader(numbers(), 2, multiprocessing_context="spawn"))
    assert sorted(got) == list(range(SIZE))
    assert values(pickle.loads(pickle.dumps(as_torch(numbers(False))))) == list(range(SIZE))


def test_in_this_process_the_seed_of_tensorpack_counts():
    def run():
        fix_rng_seed(3)
        return values(loader(numbers(), 0))

    assert run() == run()


def test_two_loaders_with_workers_at_once():
    df = as_torch(numbers())
    first, second = [iter(DataLoader(df, batch_size=None, num_workers=1)) for _ in range(2)]
    got = [int(dp[0]) for pair in zip(first, second) for dp in pair]
    assert sorted(got) == sorted(2 * list(range(SIZE)))


def test_iterated_twice_at_once_in_one_process():
    data = as_torch(numbers())
    first = iter(data)
    next(first)
    with pytest.raises(RuntimeError, match="as_torch: This DataFlow is not reentrant!.*an earlier iteration is still open"):
        next(iter(data))
    assert len(values(first)) == SIZE - 1
    assert len(values(data)) == SIZE


def test_an_error_of_the_flow_comes_out_of_a_worker():
    def fail(dp):
        raise KeyError("no such image")

    with pytest.raises(KeyError, match="no such image"):
        values(loader(MapData(numbers(), fail), 1))


def test_workers_within_workers_are_refused():
    with pytest.raises(RuntimeError, match="as_torch: the flow must have no workers of its own within those of a DataLoader"):
        values(loader(MultiProcessMapDataZMQ(numbers(), 1, add_half, buffer_size=3, strict=True), 1))


def test_length():
    assert len(as_torch(BatchData(numbers(), 4))) == 5
    assert len(as_torch(BatchData(numbers(), 4), size=2, rank=0)) == 2
    data = as_torch(DataFromGenerator(lambda: iter([[1]])))
    with pytest.raises(TypeError, match="as_torch: .*the length of this DataFlow is not known"):
        len(data)
    assert list(data) == [[1]]


# ---- ranks -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("equal", [True, False])
def test_ranks_have_different_datapoints(num_workers, equal):
    make = [lambda: numbers(), lambda: BatchData(numbers(), 2, remainder=True)]
    for each in make:
        loaders = [loader(each(), num_workers, size=3, rank=rank, equal=equal) for rank in range(3)]
        got = [values(data) for data in loaders]
        assert {len(part) for part in got} == ({7} if equal else {7, 8})
        assert sorted(sum(got, []))[:21] == list(range(21)) or equal
        assert len(set(sum(got, []))) == (21 if equal else SIZE)
        steps = {sum(1 for _ in data) for data in loaders}
        assert len(steps) == 1 or not equal


@pytest.mark.parametrize("options, message", [
    ({"size": 2}, "size and rank must be given together"), ({"size": 2, "rank": 2}, "rank must be less than size; got 2 and 2"),
    ({"size": SIZE + 1, "rank": 0}, "there must be a datapoint for each of 24 readers; got 23"),
], ids=["one", "rank", "more ranks than datapoints"])
def test_wrong_ranks(options, message):
    with pytest.raises(ValueError, match=message):
        as_torch(numbers(), **options)


def test_the_rank_is_that_of_torch_distributed(tmp_path):
    torch.distributed.init_process_group("gloo", init_method="file://{}/store".format(tmp_path), world_size=1, rank=0)
    try:
        assert sorted(values(as_torch(numbers()))) == list(range(SIZE))
    finally:
        torch.distributed.destroy_process_group()


def test_other_things_are_no_flows():
    with pytest.raises(TypeError, match="as_torch: df must be a DataFlow; got list"):
        as_torch([1, 2])


# ---- training ----------------------------------------------------------------------------------------------------------


def digits(name, batch_size):
    return BatchData(MapDataComponent(dataset.Digits(name), lambda image: image.astype("float32")), batch_size, remainder=True)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_training_on_digits(num_workers):
    torch.manual_seed(0)
    fix_rng_seed(0)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    train = loader(digits("train", 50), num_workers, persistent_workers=num_workers > 0)
    for _ in range(6):
        for image, label in train:
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(image), label.long()).backward()
            optimizer.step()
    test = [(model(image).argmax(1) == label).numpy() for image, label in as_torch(digits("test", 100))]
    assert np.concatenate(test).mean() > 0.85 and len(np.concatenate(test)) == len(dataset.Digits("test"))
    assert get_worker_info() is None
