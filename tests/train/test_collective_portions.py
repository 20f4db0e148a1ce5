"""How the data of a pass are dealt to the workers of a CollectiveTrainer, and what is refused because it cannot be dealt."""
import collections
import itertools
import json

import numpy as np
import pytest

from tensorpack.callbacks.inference import ScalarStats
from tensorpack.dataflow import (
    BatchData,
    CacheData,
    DataFlow,
    DataFromList,
    FixedSizeData,
    JoinData,
    LocallyShuffleData,
    MapData,
    MapDataComponent,
    MultiProcessMapAndBatchData,
    MultiProcessMapData,
    MultiProcessRunner,
    MultiProcessRunnerZMQ,
    MultiThreadMapData,
    MultiThreadRunner,
    PrintData,
    ProxyDataFlow,
    RandomMixData,
    RepeatedData,
    SelectComponent,
    dataset,
)
from tensorpack.train._distributed.collective import CollectiveTrainer
from tensorpack.train._distributed.inference import CollectiveInferenceRunner, _check_parts, _Share
from tensorpack.train._distributed.portion import Portion, deal, fingerprint


def numbers(size=23, shuffle=False):
    return DataFromList([[k, str(k)] for k in range(size)], shuffle=shuffle)


def same(dp):
    return dp


def strict(ds, num_thread=2):
    return MultiThreadMapData(ds, num_thread, same, buffer_size=7, strict=True)


class Opaque(ProxyDataFlow):
    """What a user has written."""

    def __iter__(self):
        yield from self.ds


class Named(MapData):
    """A map of the user's, which iterates as all maps do."""


# flow -> what is below the portion
FLOWS = {
    "list": (numbers, DataFromList),
    "maps": (lambda: MapDataComponent(MapData(numbers(), same), str, 0), DataFromList),
    "selection": (lambda: SelectComponent(numbers(), [1, 0]), DataFromList),
    "derived map": (lambda: Named(numbers(), same), DataFromList),
    "printed": (lambda: PrintData(numbers(), num=0), DataFromList),
    "batches": (lambda: BatchData(MapData(numbers(), same), 3), DataFromList),
    "batches, all": (lambda: MapData(BatchData(numbers(), 3, remainder=True), same), DataFromList),
    "batches of batches": (lambda: BatchData(BatchData(numbers(), 2), 3, remainder=True), DataFromList),
    "threads": (lambda: strict(numbers()), DataFromList),
    "batches of threads": (lambda: BatchData(strict(MapData(numbers(), same), 1), 4, remainder=True), DataFromList),
    "one thread below": (lambda: Opaque(BatchData(strict(numbers(), 1), 4)), Opaque),
    "unknown": (lambda: BatchData(Opaque(numbers()), 3), Opaque),
    "two flows": (lambda: BatchData(JoinData([numbers(), numbers()]), 3), JoinData),
    "cached": (lambda: MapData(CacheData(BatchData(numbers(), 3)), same), CacheData),
    "sized": (lambda: BatchData(FixedSizeData(numbers(), 10), 3, remainder=True), FixedSizeData),
    "repeated": (lambda: RepeatedData(BatchData(numbers(), 3), 2), RepeatedData),
}


def flat(datapoints):
    return collections.Counter(repr([np.asarray(component).tolist() for component in dp]) for dp in datapoints)


def run_passes(flow, portion, num=2):
    """The datapoints of each pass, and what a worker tells the others about it."""
    flow.reset_state()
    passes = []
    for _ in range(num):
        datapoints = list(itertools.islice(flow, len(flow)))  # as a runner does, which never looks for the end
        tally = portion.take_tally()
        passes.append((datapoints, _Share(len(datapoints), portion.num_results(tally.num_own), tally)))
    return passes


@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("name", sorted(FLOWS))
def test_workers_together_have_the_batches_of_one_process(name, size):
    make, below = FLOWS[name]
    alone = make()
    alone.reset_state()
    num_passes = 1 if name == "sized" else 2  # the next pass is another one
    expected = flat(alone)
    parts = []
    for rank in range(size):
        flow, portion = deal(make(), size, rank)
        assert type(portion) is Portion and type(portion.ds) is below
        parts.append(run_passes(flow, portion, num_passes))
    for each in zip(*parts):
        _check_parts("test", [share for _, share in each])
        if name != "threads":  # which may mix them as they like, and batches of them
            assert sum([flat(datapoints) for datapoints, _ in each], collections.Counter()) == expected
        assert max(share.runs for _, share in each) - min(share.runs for _, share in each) <= 1
        numbers_seen = sum([len(datapoints) for datapoints, _ in each])
        assert numbers_seen == sum(expected.values())


def test_the_flow_that_was_given_is_not_changed():
    given = BatchData(strict(MapData(numbers(), same)), 3)
    source = given.ds.ds.ds
    deal(given, 2, 0)
    assert given.ds.ds.ds is source and given.ds._buffer_size == 7


def test_a_buffer_larger_than_the_portion_is_no_news(caplog):
    flow, _ = deal(strict(numbers(8)), 4, 1)
    flow.reset_state()
    assert len(list(flow)) == 2 and not caplog.records


# ---- what is refused before the training ---------------------------------------------------------------------------------

REFUSED = {
    "shuffled list": (lambda: BatchData(numbers(shuffle=True), 2), "DataFromList.*shuffles them; make it with shuffle=False"),
    "shuffled dataset": (lambda: BatchData(dataset.Digits("test"), 9), "Digits.*shuffles them"),
    "shuffled cache": (lambda: CacheData(numbers(), shuffle=True), "CacheData.*shuffles them"),
    "shuffled below a map": (lambda: strict(Opaque(numbers(shuffle=True))), "DataFromList.*shuffles them"),
    "one of several": (lambda: JoinData([numbers(), numbers(shuffle=True)]), "DataFromList.*shuffles them"),
    "shuffled in another process": (lambda: MultiProcessRunnerZMQ(numbers(shuffle=True), 1), "DataFromList.*shuffles them"),
    "shuffled locally": (lambda: LocallyShuffleData(numbers(), 5), "LocallyShuffleData.*at random; shuffle afterwards"),
    "mixed": (lambda: RandomMixData([numbers(), numbers()]), "RandomMixData.*at random"),
    "runner": (lambda: BatchData(MultiProcessRunnerZMQ(numbers(), 2), 3), "MultiProcessRunnerZMQ.*in each of its workers"),
    "other runner": (lambda: MultiProcessRunner(numbers(), 2, 2), "MultiProcessRunner.*in each of its workers"),
    "thread runner": (lambda: MultiThreadRunner(numbers, 2, 2), "MultiThreadRunner.*in each of its workers"),
    "endless map": (lambda: MultiProcessMapData(numbers(), 1, same), "MultiProcessMapData.*never ends.*strict=True"),
    "map and batch": (lambda: MultiProcessMapAndBatchData(numbers(), 1, same, 3), "MapAndBatch.*never ends.*strict=True"),
    "threads below": (lambda: BatchData(Opaque(strict(numbers())), 3), "MultiThreadMapData.*gives first what is done first"),
}


@pytest.fixture
def second_of_two(monkeypatch):
    config = {"cluster": {"worker": ["localhost:1", "localhost:2"]}, "task": {"type": "worker", "index": 1}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_differs_between_workers_is_refused(name, second_of_two):
    make, message = REFUSED[name]
    with pytest.raises(ValueError, match="CollectiveInferenceRunner: the flow must give the same datapoints.*" + message):
        CollectiveInferenceRunner(make(), ScalarStats("cost"))


def test_a_map_that_may_mix_is_refused_for_training_only(monkeypatch):
    config = {"cluster": {"worker": ["localhost:1", "localhost:2"]}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    trainer = CollectiveTrainer()
    assert len(trainer.shard(numbers())) == 11
    for make in (lambda: strict(numbers()), REFUSED["shuffled list"][0]):
        with pytest.raises(ValueError, match="CollectiveTrainer.shard: the flow must give the same datapoints"):
            trainer.shard(make())
    CollectiveInferenceRunner(strict(numbers()), ScalarStats("cost"))


def test_alone_everything_goes(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert len(CollectiveTrainer().shard(numbers(shuffle=True))) == 23
    CollectiveInferenceRunner(BatchData(numbers(shuffle=True), 5), ScalarStats("cost"))


class ShuffledAlike(DataFlow):
    """A flow of the user's whose attribute says little about what it does."""

    shuffle = True

    def __len__(self):
        return 7

    def __iter__(self):
        for k in np.random.RandomState(0).permutation(7):
            yield [k]


def test_flows_of_users_are_left_to_the_check_of_each_pass(second_of_two):
    CollectiveInferenceRunner(BatchData(ShuffledAlike(), 2), ScalarStats("cost"))


# ---- what is found after a pass ------------------------------------------------------------------------------------------


class Made(DataFlow):
    """Gives what it was made with, and says that it has `length`."""

    def __init__(self, datapoints, length=None):
        self.datapoints, self.length = datapoints, len(datapoints) if length is None else length

    def __len__(self):
        return self.length

    def __iter__(self):
        yield from self.datapoints


def drop_fives(dp):
    return None if dp[0] % 5 == 0 else dp


def shares(make_flow):
    """Those of two workers, whose flow is `make_flow(rank)`."""
    found = []
    for rank in range(2):
        flow, portion = deal(make_flow(rank), 2, rank)
        flow.reset_state()
        datapoints = list(itertools.islice(flow, len(flow)))
        tally = portion.take_tally()
        found.append(_Share(len(datapoints), portion.num_results(tally.num_own) if tally else 0, tally))
    return found


TEN = [[np.full([2], k, "float32"), k] for k in range(10)]


@pytest.mark.parametrize("make_flow, message", [
    (lambda rank: Made(TEN if rank else TEN[::-1]), "see each datapoint once; got 10 datapoints, in another order"),
    (lambda rank: Made([[x + rank, k] for x, k in TEN]), "see each datapoint once; got 10 datapoints, .*other contents"),
    (lambda rank: Made(TEN[:10 - rank]), "see each datapoint once; got 9 and 10 datapoints on different workers"),
    (lambda rank: BatchData(Made(TEN, 8), 2), "a pass must be all of the flow; got one that goes on, on rank 0"),
    (lambda rank: BatchData(MapData(Made([[k] for k in range(40)], 40), drop_fives), 4),
     "must come through the maps of the flow; got [0-9] on rank 0, of 5"),
], ids=["order", "contents", "count", "length", "dropped"])
def test_a_pass_that_is_not_whole_is_found(make_flow, message):
    with pytest.raises(RuntimeError, match="test: .*" + message):
        _check_parts("test", shares(make_flow))


DIFFERENT = [
    [1, 2], [2, 1], [[1], 2], (1, 2), [1, 2.0], [1, True], ["1", 2], [b"1", 2], [None, 2], {"a": 1, "b": 2}, {"a": 2, "b": 1},
    [np.int32(1), 2], [np.int64(1), 2], [np.array([1, 2])], [np.array([[1, 2]])], [np.array([1., 2.])],
    [np.array(["a", b"a"], dtype=object)], [np.array(["b", b"a"], dtype=object)], [np.array("a")], [bytearray(b"1"), 2], [],
    [float("nan")], [1 + 2j], ["\udc80"],
]


def test_fingerprints():
    assert len({fingerprint(dp) for dp in DIFFERENT}) == len(DIFFERENT)
    for dp in DIFFERENT:
        assert fingerprint(dp) == fingerprint(dp) < 1 << 64
    big = np.arange(24).reshape(4, 6)
    assert fingerprint([big[:, ::2]]) == fingerprint([big[:, ::2].copy()]) != fingerprint([big[:, 1::2]])
    assert fingerprint([object()]) == fingerprint([object()])
