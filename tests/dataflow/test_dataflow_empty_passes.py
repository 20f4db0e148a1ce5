"""Passes without datapoints: nothing to read and all dropped are errors that say so, whatever repeats; what is kept goes on."""
import contextlib
import itertools
import pickle
import threading

import numpy as np
import pytest
from parallel_flows import Count, drop_odd, none
from time_limit import LIMIT, time_limit  # noqa: F401

from tensorpack.dataflow import (
    AugmentImageComponent,
    BatchData,
    BatchDataByShape,
    CacheData,
    ConcatData,
    DataFlow,
    DataFromGenerator,
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
    RandomChooseData,
    RepeatedData,
    RepeatedDataPoint,
    ResumableData,
    imgaug,
    send_dataflow_zmq,
)
from tensorpack.dataflow._flows._told import drop_streak

pytestmark = pytest.mark.usefixtures("time_limit")


@contextlib.contextmanager
def started(df):
    df.reset_state()
    try:
        yield iter(df)
    finally:
        if hasattr(df, "close"):
            df.close()


def messages(records):
    return [record.getMessage() for record in records]


def shaped(size, shapes=1, has_len=False):
    """Arrays of a few shapes; the length is unknown, so that it stops nothing."""
    flow = DataFromList([[np.full(1 + k % shapes, k)] for k in range(size)], shuffle=False)
    return flow if has_len else DataFromGenerator(lambda: iter(flow))


def unread():
    return DataFromGenerator(iter([[np.array([1])], [np.array([2])]]))


REPEATERS = {
    "RepeatedData": lambda ds: RepeatedData(ds, -1),
    "FixedSizeData": lambda ds: FixedSizeData(ds, 5),
    "FixedSizeData without state": lambda ds: FixedSizeData(ds, 5, keep_state=False),
    "LocallyShuffleData": lambda ds: LocallyShuffleData(ds, 2),
    "MultiThreadRunner": lambda ds: MultiThreadRunner(lambda: ds, 4, 1),
    "MultiProcessRunner": lambda ds: MultiProcessRunner(ds, 4, 2),
    "MultiProcessRunnerZMQ": lambda ds: MultiProcessRunnerZMQ(ds, 1, 4),
    "MultiThreadMapData": lambda ds: MultiThreadMapData(ds, 2, list, buffer_size=3),
    "MultiProcessMapDataZMQ": lambda ds: MultiProcessMapData(ds, 2, list, buffer_size=3),
    "MultiProcessMapAndBatchDataZMQ": lambda ds: MultiProcessMapAndBatchData(ds, 1, list, 2),
}
every_repeater = pytest.mark.parametrize("repeat", REPEATERS.values(), ids=REPEATERS)


# ---- all dropped by a flow below, which knows how many

def failing_augmentor():
    return [imgaug.RandomCrop(100)]


DROPPERS = {
    "MapData": (lambda: MapData(Count(3), none), "MapData has read 3 datapoints, and its function returns None for all"),
    "MapDataComponent": (lambda: MapDataComponent(Count(3), none), "MapDataComponent has read 3 datapoints"),
    "through others": (lambda: PrintData(RepeatedDataPoint(BatchData(CacheData(MapData(Count(3), none)), 2), 2)),
                       "MapData has read 3 datapoints"),
    "into buckets": (lambda: BatchDataByShape(MapData(Count(3), none), 2, 0), "MapData has read 3 datapoints"),
    "one after the other": (lambda: ConcatData([MapData(Count(3), none), MapData(Count(2), none)]), "MapData has read 3"),
    "side by side": (lambda: JoinData([MapData(Count(3), none), MapData(Count(3), none)]), "MapData has read 3 datapoints"),
    "chosen": (lambda: RandomChooseData([MapData(Count(3), none)]), "MapData has read 3 datapoints"),
    "repeated below": (lambda: MapData(RepeatedData(Count(3), 4), none), "MapData has read 12 datapoints"),
    "an exhausted map over kept ones": (lambda: MapData(BatchDataByShape(shaped(3), 3, 0), none), "MapData has read 1 data"),
    "less than a batch": (lambda: BatchData(MapData(Count(9), drop_odd), 7), "BatchData has read 5 datapoints, fewer than its"),
    "augmentation": (lambda: AugmentImageComponent(DataFromList([[np.zeros((3, 3, 3), "uint8")]] * 4), failing_augmentor(),
                                                   catch_exceptions=True), "AugmentImageComponent has read 4 datapoints"),
    "resumable": (lambda: ResumableData(MapData(Count(3), none)), "MapData has read 3 datapoints"),
}


@every_repeater
def test_all_dropped_is_an_error_that_counts(repeat):
    with started(repeat(MapData(Count(3), none))) as iterator:
        with pytest.raises(ValueError, match="a DataFlow to repeat must not be empty; MapData has read 3 datapoints, an"):
            next(iterator)


@pytest.mark.parametrize("make, text", DROPPERS.values(), ids=DROPPERS)
def test_every_flow_that_can_drop_a_pass_says_so(make, text):
    with started(RepeatedData(make(), -1)) as iterator:
        with pytest.raises(ValueError, match="RepeatedData: a DataFlow to repeat must not be empty; " + text):
            next(iterator)


def test_a_sender_says_it_too(tmp_path):
    address = "ipc://{}".format(tmp_path / "socket")
    errors = []

    def send():
        try:
            send_dataflow_zmq(MapData(Count(3), none), address, bind=True)
        except ValueError as e:
            errors.append(str(e))

    from tensorpack.dataflow import RemoteDataZMQ

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    with started(RemoteDataZMQ(address, bind=False, timeout=LIMIT)) as iterator:
        with pytest.raises(ValueError, match="send_dataflow_zmq: a DataFlow to repeat must not be empty; MapData has read 3"):
            next(iterator)
    sender.join(LIMIT)
    assert len(errors) == 1


def test_a_finite_flow_may_be_empty():
    assert [dp for dp in MapData(Count(3), none)] == []
    assert [dp for dp in RepeatedData(MapData(Count(3), none), 3)] == []


# ---- all dropped by a parallel map that is not strict

MAPS = {
    "TM": lambda ds, func, num, buffer: MultiThreadMapData(ds, num, func, buffer_size=buffer),
    "PM": lambda ds, func, num, buffer: MultiProcessMapData(ds, num, func, buffer_size=buffer),
    "MB": lambda ds, func, num, buffer: MultiProcessMapAndBatchData(ds, num, func, 1, max(buffer, 2)),
}


@pytest.mark.parametrize("size, buffer, num", [(2, 2, 2), (2, 50, 1), (40, 3, 3), (1, 1, 1), (1, 30, 3)])
@pytest.mark.parametrize("name", MAPS)
def test_a_parallel_map_finds_out_that_all_of_a_pass_is_dropped(name, size, buffer, num):
    with started(MAPS[name](Count(size, has_len=False), none, num, buffer)) as iterator:
        with pytest.raises(ValueError, match="at least one datapoint of a pass must not be dropped; map_func returned None for "
                                             "all {} of a pass".format(size)):
            next(iterator)


class FirstPassOnly:
    """Keeps the datapoints of the first pass but for odd ones; the datapoints tell the pass."""

    def __call__(self, dp):
        return dp if dp[0] < 10 and dp[0] % 2 == 0 else None


def growing():
    """Ten datapoints in each pass: 0 .. 9, then 10 .. 19, ..."""
    starts = itertools.count(0, 10)

    def one_pass():
        start = next(starts)
        return ([start + k] for k in range(10))

    return DataFromGenerator(one_pass)


@pytest.mark.parametrize("buffer", [1, 7, 35])
@pytest.mark.parametrize("name", MAPS)
def test_the_error_comes_after_all_results_of_the_passes_before(name, buffer):
    got = []
    with started(MAPS[name](growing(), FirstPassOnly(), 2, buffer)) as iterator:
        with pytest.raises(ValueError, match="None for all 10 of a pass"):
            for dp in iterator:
                got.append(int(np.ravel(dp[0])[0]))
    assert sorted(got) == [0, 2, 4, 6, 8]


def keep_one_of_many(dp):
    return dp if dp[0] == 0 else None


@pytest.mark.parametrize("name", MAPS)
def test_a_map_that_keeps_one_of_each_pass_goes_on(name):
    with started(MAPS[name](Count(30), keep_one_of_many, 2, 10)) as iterator:
        assert [int(np.ravel(next(iterator)[0])[0]) for _ in range(100)] == [0] * 100


# ---- all dropped of what never ends

ENDLESS = {
    "RepeatedData": lambda: RepeatedData(Count(7), -1),
    "LocallyShuffleData": lambda: LocallyShuffleData(Count(7), 5),
    "MultiThreadMapData": lambda: MultiThreadMapData(Count(7), 1, list, buffer_size=3),
    "through others": lambda: BatchData(RepeatedData(Count(7), -1), 3),
}
DROPPING = {
    "MapData": lambda ds: MapData(ds, none),
    "MultiThreadMapData": lambda ds: MultiThreadMapData(ds, 2, none, buffer_size=5),
    "MultiProcessMapDataZMQ": lambda ds: MultiProcessMapData(ds, 1, none, buffer_size=50),
    "MultiProcessMapAndBatchDataZMQ": lambda ds: MultiProcessMapAndBatchData(ds, 2, none, 5),
}


@pytest.mark.parametrize("drop", DROPPING.values(), ids=DROPPING)
@pytest.mark.parametrize("make", ENDLESS.values(), ids=ENDLESS)
def test_dropping_all_that_an_endless_flow_repeats_is_an_error(make, drop):
    with started(drop(make())) as iterator:
        with pytest.raises(ValueError, match=r"at least one datapoint of a pass must not be dropped; .* return(s|ed) None for "
                                             r"the last \d+ datapoints, more than \w+ has in a pass"):
            next(iterator)


def test_an_endless_flow_of_which_little_is_kept_goes_on():
    with started(MapData(RepeatedData(Count(3000), -1), keep_one_of_many)) as iterator:
        assert [next(iterator)[0] for _ in range(4)] == [0] * 4


def test_a_flow_whose_end_is_unknown_warns_ever_more_rarely(monkeypatch, log_records):
    monkeypatch.setattr(drop_streak, "_STEP", 10)
    monkeypatch.setattr(drop_streak, "_FIRST_WARNING", 100)
    df = MapData(DataFromGenerator(lambda: ([k] for k in range(10 ** 5 + 5))), lambda dp: dp if dp[0] == 10 ** 5 else None)
    assert [dp for dp in df] == [[10 ** 5]]
    assert messages(log_records)[:-1] == ["[MapData] its function returns None for the last {} datapoints.".format(10 ** k)
                                          for k in (2, 3, 4, 5)]


def test_a_flow_of_known_end_may_be_filtered_without_a_warning(log_records):
    assert [dp for dp in MapData(Count(30000), none)] == []
    assert messages(log_records) == ["[MapData] its function returned None for 30000 of 30000 datapoints of a pass."]
    assert log_records[0].levelname == "INFO"


# ---- nothing to read

@every_repeater
def test_nothing_to_read_is_an_error(repeat):
    with started(repeat(DataFromGenerator(lambda: iter([])))) as iterator:
        with pytest.raises(ValueError, match="must not be empty; DataFromGenerator yielded nothing in a pass"):
            next(iterator)


@pytest.mark.parametrize("make", [
    lambda: BatchDataByShape(unread(), 4, 0), lambda: MapData(BatchDataByShape(BatchData(unread(), 1), 4, 0), none),
], ids=["buckets", "more"])
def test_buckets_that_get_nothing_more_are_an_error(make):
    with started(RepeatedData(make(), -1)) as iterator:
        with pytest.raises(ValueError, match="must not be empty; .* yielded nothing in a pass"):
            next(iterator)


# ---- kept for later passes

@every_repeater
def test_buckets_fill_over_several_passes(repeat):
    with started(repeat(BatchDataByShape(shaped(3), 4, 0))) as iterator:
        for _ in range(5):
            assert len(np.ravel(next(iterator)[0])) in (4, 8)


@every_repeater
def test_so_they_do_if_the_length_is_known(repeat):
    df = BatchDataByShape(shaped(3, has_len=True), 4, 0)
    assert len(df) == 1 and len(BatchDataByShape(shaped(0, has_len=True), 4, 0)) == 0
    with started(repeat(df)) as iterator:
        assert len(np.ravel(next(iterator)[0])) in (4, 8)


def test_nothing_is_lost_while_buckets_fill():
    with started(RepeatedData(BatchDataByShape(shaped(3), 4, 0), -1)) as iterator:
        got = [int(x) for _ in range(6) for x in np.ravel(next(iterator)[0])]
    assert got == [k % 3 for k in range(24)]


def test_many_passes_without_a_batch_are_warned_about_ever_more_rarely(log_records):
    with started(RepeatedData(BatchDataByShape(shaped(2), 300, 0), -1)) as iterator:
        next(iterator)
    found = [text for text in messages(log_records) if "passes" in text]
    assert [text.split(" passes")[0].split()[-1] for text in found] == ["10", "100"]
    assert "[RepeatedData] BatchDataByShape has yielded nothing for 10 passes: BatchDataByShape keeps 20 datapoints" in found[0]


def test_buckets_without_end_are_warned_about(log_records):
    df = BatchDataByShape(RepeatedData(shaped(1500, shapes=1500), -1), 2, 0)
    with started(df) as iterator:
        next(iterator)
    assert [text for text in messages(log_records) if "keeps 1000 datapoints of 1000 shapes" in text]


def test_a_resumed_flow_goes_over_empty_passes():
    def made():
        return RepeatedData(ResumableData(BatchDataByShape(shaped(3, 2), 4, 0)), -1)

    with started(made()) as iterator:
        expected = [np.ravel(next(iterator)[0]).tolist() for _ in range(7)]
    first = made()
    with started(first) as iterator:
        got = [np.ravel(next(iterator)[0]).tolist() for _ in range(4)]
    state = first.ds.state_dict()
    second = made()
    second.ds.load_state_dict(state)
    with started(second) as iterator:
        assert got + [np.ravel(next(iterator)[0]).tolist() for _ in range(3)] == expected


# ---- flows of classes that are not of the library: nobody knows what they do

class Grouping(ProxyDataFlow):
    """Keeps datapoints until there are enough, over passes."""

    def __init__(self, ds, size):
        super().__init__(ds)
        self.size = size
        self.kept = []

    def __iter__(self):
        for dp in self.ds:
            self.kept.append(dp)
            if len(self.kept) == self.size:
                yield [np.concatenate([dp[0] for dp in self.kept])]
                del self.kept[:]


@every_repeater
def test_a_flow_of_a_users_class_may_keep_everything(repeat):
    with started(repeat(Grouping(shaped(3), 20))) as iterator:
        for _ in range(3):
            next(iterator)


def test_it_is_said_that_it_yields_nothing_and_ends_after_a_thousand_passes(log_records):
    with started(RepeatedData(Grouping(DataFromGenerator(lambda: iter([])), 4), -1)) as iterator:
        with pytest.raises(ValueError, match="must not be empty; Grouping yielded nothing"):
            next(iterator)
    found = [text.split(" passes")[0].split()[-1] for text in messages(log_records)]
    assert found == ["1", "10", "100"]
    assert "Grouping may have kept or dropped what it got; the next pass is tried" in messages(log_records)[0]


def test_the_more_it_reads_the_fewer_passes_it_gets():
    starts = []

    class Filter(ProxyDataFlow):
        def __iter__(self):
            starts.append(0)
            return (dp for dp in self.ds if dp[0] < 0)

    with pytest.raises(ValueError, match="must not be empty; Filter yielded nothing"):
        next(iter(RepeatedData(Filter(Count(20000)), -1)))
    assert len(starts) == 5


class Source(DataFlow):
    """A flow of a user's class that reads from no other one."""

    def __iter__(self):
        return iter([])


def test_a_source_of_a_users_class_that_is_empty_is_an_error_at_once(log_records):
    with pytest.raises(ValueError, match="Source yielded nothing in a pass"):
        next(iter(RepeatedData(Source(), -1)))
    assert not log_records


def test_a_repeated_flow_can_be_pickled_while_it_is_iterated():
    df = RepeatedData(Count(3), -1)
    iterator = iter(df)
    next(iterator)
    assert next(iter(pickle.loads(pickle.dumps(df)))) == [0]
