"""Stopped at any datapoint and restored in a new pipeline, a flow goes on with exactly what it would have given."""
import functools
import json
import pickle
import random
import threading
from itertools import islice

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tensorpack.dataflow import (
    AugmentImageComponent,
    BatchData,
    BatchDataByShape,
    CacheData,
    ConcatData,
    DataFlow,
    DataFlowTerminated,
    DataFromGenerator,
    DataFromList,
    DataFromQueue,
    FakeData,
    FixedSizeData,
    JoinData,
    LocallyShuffleData,
    MapData,
    MapDataComponent,
    MultiProcessMapDataZMQ,
    MultiProcessRunner,
    MultiProcessRunnerZMQ,
    MultiThreadMapData,
    MultiThreadRunner,
    ProxyDataFlow,
    RandomChooseData,
    RandomMixData,
    RemoteDataZMQ,
    RepeatedData,
    RepeatedDataPoint,
    RNGDataFlow,
    dataset,
    imgaug,
)
from tensorpack.dataflow._random_states import find_generators, from_json, get_state, set_state, to_json
from tensorpack.dataflow.resumable import ResumableData
from tensorpack.utils.concurrency import StoppableThread


def numbers(size=7, shuffle=True, first=0):
    return DataFromList([[k] for k in range(first, first + size)], shuffle=shuffle)


class Generators(RNGDataFlow):
    """Draws from one generator of each kind."""

    def reset_state(self):
        super().reset_state()
        self.modern = {"pcg": np.random.Generator(np.random.PCG64()), "sfc": [np.random.Generator(np.random.SFC64())]}
        self.philox = np.random.Generator(np.random.Philox())
        self.python = random.Random()

    def __iter__(self):
        for _ in range(5):
            yield [self.rng.normal(), self.rng.randint(1 << 30), self.modern["pcg"].normal(),
                   int(self.modern["pcg"].integers(9, dtype="uint32")), self.modern["sfc"][0].random(), self.philox.random(),
                   self.python.gauss(0, 1), self.python.random()]


class Noise:
    def __init__(self):
        self.rng = np.random.RandomState()

    def method(self, dp):
        return [dp[0], self.rng.rand()]

    __call__ = method


def add(dp, noise, scale=1):
    return [dp[0], noise.rng.rand() * scale]


GLOBAL_RNG = np.random.RandomState()


def add_global(dp):
    return [dp[0], GLOBAL_RNG.rand()]


def with_closure():
    noise = Noise()
    return MapData(numbers(), lambda dp: [dp[0], noise.rng.rand()])


def images():
    return DataFromList([[np.full((12, 12, 3), 20 * k, "uint8"), k] for k in range(5)], shuffle=True)


def augmented():
    augmentors = [imgaug.RandomApplyAug(imgaug.GaussianNoise(20), 0.5), imgaug.RandomCrop(8), imgaug.Flip(horiz=True),
                  imgaug.RandomChooseAug([(imgaug.Brightness(20), 0.5), (imgaug.Contrast((0.5, 1.5)), 0.5)])]
    return BatchData(AugmentImageComponent(images(), augmentors), 2)


def sometimes_dropped():
    noise = Noise()
    # a pass of which all is dropped is an error, so one datapoint stays
    return MapData(numbers(9), lambda dp: dp if noise.rng.rand() < 0.7 or dp[0] == 0 else None)


class Kept(ProxyDataFlow):
    """Counts over all passes, which nobody can see from outside."""

    def __init__(self, ds):
        super().__init__(ds)
        self.next = 0

    def __iter__(self):
        for dp in self.ds:
            self.next += 1
            yield [dp[0], self.next]


def by_shape():
    return BatchDataByShape(MapData(numbers(7), lambda dp: [np.zeros((1 + dp[0] % 3,)) + dp[0]]), 2, 0)


PIPELINES = {
    "list": numbers,
    "in order": lambda: numbers(shuffle=False),
    "fake": lambda: FakeData([[2]], size=4),
    "batch": lambda: BatchData(numbers(), 2, remainder=True),
    "batch-drop": lambda: BatchData(numbers(), 2),
    "digits": lambda: BatchData(dataset.Digits("test"), 100),
    "augmented": augmented,
    "generators": Generators,
    "closure": with_closure,
    "method": lambda: MapData(numbers(), Noise().method),
    "callable": lambda: MapData(numbers(), Noise()),
    "method-of-a-generator": lambda: MapDataComponent(DataFromList([[np.arange(5)]] * 3, shuffle=False),
                                                      np.random.RandomState().permutation),
    "partial": lambda: MapData(numbers(), functools.partial(add, noise=Noise(), scale=2)),
    "global": lambda: MapData(numbers(), add_global),
    "generator-function": lambda: DataFromGenerator(functools.partial(generate, Noise())),
    "join": lambda: JoinData([numbers(4), numbers(6, first=10)]),
    "same-flow-twice": lambda: JoinData([numbers(5)] * 2),
    "concat": lambda: ConcatData([numbers(3), numbers(2, first=10)]),
    "mix": lambda: RandomMixData([numbers(3), numbers(4, first=10)]),
    "choose": lambda: RandomChooseData([(numbers(5), 0.3), (numbers(4, first=10), 0.7)]),
    "repeated": lambda: RepeatedData(numbers(3), 2),
    "endless": lambda: RepeatedData(numbers(3), -1),
    "repeated-datapoint": lambda: RepeatedDataPoint(numbers(3), 2),
    "dropping": sometimes_dropped,
    "cache": lambda: CacheData(augmented(), shuffle=True),
    "fixed-size": lambda: FixedSizeData(numbers(5), 3),
    "fixed-size-restarted": lambda: FixedSizeData(numbers(5), 3, keep_state=False),
    "locally-shuffled": lambda: LocallyShuffleData(numbers(8), 4, num_reuse=2),
    "locally-shuffled-cut": lambda: FixedSizeData(LocallyShuffleData(numbers(8), 4), 5, keep_state=False),
    "by-shape": by_shape,
}


def generate(noise):
    for k in range(4):
        yield [k, noise.rng.rand()]


def with_numbers_of(source, dp):
    return dp + [source.random()]


def plain(dp):
    return [x.tolist() if isinstance(x, np.ndarray) else x for x in dp]


def started(make, **kwargs):
    df = ResumableData(make(), **kwargs)
    df.reset_state()
    return df


def endless(df):
    """Pass after pass, as a trainer reads it."""
    return map(plain, iter(RepeatedData(df, -1)))


def through_json(state):
    return json.loads(json.dumps(state, allow_nan=False))


@pytest.mark.parametrize("name", sorted(PIPELINES))
@settings(deadline=None, max_examples=6)
@given(stop=st.integers(0, 25), more=st.integers(0, 12))
def test_stopped_anywhere_and_restored_it_gives_what_it_would_have_given(name, stop, more):
    make = PIPELINES[name]
    df = started(make)
    uninterrupted = endless(df)
    list(islice(uninterrupted, stop))
    state = through_json(df.state_dict())
    expected = list(islice(uninterrupted, 30))

    resumed = ResumableData(make())
    resumed.load_state_dict(state)
    resumed.reset_state()
    assert resumed.state_dict() == state
    iterator = endless(resumed)
    got = list(islice(iterator, more))

    again = started(make)  # stopped a second time; loaded after it was reset
    again.load_state_dict(through_json(resumed.state_dict()))
    got += list(islice(endless(again), 30 - more))
    assert got == expected
    assert again.state_dict()["position"] == stop + 30


@settings(deadline=None, max_examples=40)
@given(name=st.sampled_from(["list", "augmented", "endless", "cache", "locally-shuffled", "dropping"]),
       ahead=st.integers(0, 60), steps=st.lists(st.integers(0, 9), min_size=1, max_size=6))
def test_a_consumer_that_reads_ahead_tells_what_it_has_used(name, ahead, steps):
    df = started(PIPELINES[name])
    datapoints = endless(df)
    seen, used = [], 0
    for step in steps:
        used += step
        seen += list(islice(datapoints, max(0, used + ahead - len(seen))))
        state = through_json(df.state_dict(position=used))
        assert state["position"] == used
    seen += list(islice(datapoints, 20))
    resumed = started(PIPELINES[name])
    resumed.load_state_dict(state)
    assert list(islice(endless(resumed), len(seen) - used)) == seen[used:]


@pytest.mark.parametrize("name", ["list", "fixed-size", "cache", "endless", "join"])
@settings(deadline=None, max_examples=15)
@given(cuts=st.lists(st.integers(1, 5), max_size=5), rest=st.integers(1, 9))
@example(cuts=[1, 2, 1], rest=1)
def test_passes_that_were_abandoned_are_abandoned_again(name, cuts, rest):
    df = started(PIPELINES[name])
    for size in cuts:
        list(islice(iter(df), size))
    last = endless(df)
    list(islice(last, rest))
    resumed = started(PIPELINES[name])
    resumed.load_state_dict(through_json(df.state_dict()))
    assert list(islice(endless(resumed), 15)) == list(islice(last, 15))


def test_a_pass_that_is_resumed_has_the_rest_of_its_datapoints():
    df = started(numbers)
    first = [dp[0] for dp in islice(iter(df), 3)]
    state = df.state_dict()
    resumed = started(numbers)
    resumed.load_state_dict(state)
    assert sorted(first + [dp[0] for dp in resumed]) == list(range(7))
    assert sorted(dp[0] for dp in resumed) == list(range(7))
    assert len(resumed) == 7


def test_a_state_of_the_end_of_a_pass_begins_the_next_one():
    df = started(numbers)
    assert len([dp for dp in df]) == 7
    resumed = started(numbers)
    resumed.load_state_dict(df.state_dict())
    assert [dp for dp in resumed] == [dp for dp in df]


def test_nothing_before_the_pass_is_made_again():
    made = []
    df = started(lambda: MapData(numbers(10), lambda dp: made.append(dp[0]) or dp))
    list(islice(endless(df), 34))
    resumed = started(lambda: MapData(numbers(10), lambda dp: made.append(dp[0]) or dp))
    resumed.load_state_dict(df.state_dict())
    del made[:]
    next(iter(resumed))
    assert len(made) == 5


def test_what_is_kept_between_passes_by_a_flow_of_the_user_needs_the_way_from_the_first_pass():
    def make():
        return Kept(numbers(4))

    def go_on(from_first_pass):
        df, resumed = [started(make, from_first_pass=from_first_pass) for _ in range(2)]
        datapoints = endless(df)
        list(islice(datapoints, 10))
        resumed.load_state_dict(df.state_dict())
        return list(islice(endless(resumed), 6)), list(islice(datapoints, 6))

    got, expected = go_on(from_first_pass=True)
    assert got == expected
    got, expected = go_on(from_first_pass=False)
    assert [dp[0] for dp in got] == [dp[0] for dp in expected] and got != expected


def test_a_state_is_small_and_few_are_kept_however_many_passes_there_are():
    df = started(lambda: numbers(1))
    list(islice(endless(df), 500))
    assert len(df._starts) <= 40
    state = df.state_dict(position=137)
    assert len(json.dumps(state)) < 5000
    expected = list(islice(endless(df), 5))
    state["position"] = 500
    resumed = started(lambda: numbers(1))
    resumed.load_state_dict(state)
    assert list(islice(endless(resumed), 5)) == expected


def test_a_greater_position_skips_more():
    df = started(numbers)
    state = df.state_dict()
    expected = list(islice(endless(df), 30))
    state["position"] = 17
    resumed = started(numbers)
    resumed.load_state_dict(state)
    assert list(islice(endless(resumed), 13)) == expected[17:]


def test_another_thread_may_ask_while_it_is_iterated():
    df = started(lambda: numbers(3))
    stop, errors = threading.Event(), []

    def ask():
        try:
            while not stop.is_set():
                df.state_dict(position=df.state_dict()["position"])
        except Exception as e:
            errors.append(e)

    thread = threading.Thread(target=ask)
    thread.start()
    list(islice(endless(df), 3000))
    stop.set()
    thread.join()
    assert not errors


def test_reset_begins_anew_unless_a_state_is_waiting():
    df = started(numbers)
    list(islice(endless(df), 9))
    state = df.state_dict()
    df.reset_state()
    assert df.state_dict()["position"] == 0
    df.load_state_dict(state)
    df.reset_state()
    assert df.state_dict() == state


def test_it_can_be_pickled_before_reset_and_says_when_reset_is_missing():
    df = pickle.loads(pickle.dumps(ResumableData(numbers())))
    assert repr(df) == "ResumableData(ds={!r})".format(df.ds)
    with pytest.raises(RuntimeError, match=r"call reset_state\(\) first"):
        df.state_dict()
    with pytest.raises(RuntimeError, match=r"call reset_state\(\) first"):
        next(iter(df))


@pytest.mark.parametrize("position", [-1, 3, 14], ids=["negative", "dropped", "not handed out"])
def test_positions_must_be_of_datapoints_that_may_still_be_asked_for(position):
    df = started(numbers)
    list(islice(endless(df), 13))
    df.state_dict(position=8)
    with pytest.raises(ValueError, match="position must be between 7, .* and 13, the datapoints handed out; got {}".format(
            position)):
        df.state_dict(position=position)


REFUSED = {
    "MultiProcessRunner": lambda: MultiProcessRunner(numbers(), 2, 1),
    "MultiProcessRunnerZMQ": lambda: BatchData(MultiProcessRunnerZMQ(numbers(), 2), 2),
    "MultiProcessMapDataZMQ": lambda: MultiProcessMapDataZMQ(numbers(), 1, plain),
    "MultiThreadMapData": lambda: JoinData([numbers(), MultiThreadMapData(numbers(), 1, plain, buffer_size=2)]),
    "MultiThreadRunner": lambda: MultiThreadRunner(numbers, 2, 1),
    "SystemRandom": lambda: MapData(numbers(), functools.partial(with_numbers_of, random.SystemRandom())),
    "RemoteDataZMQ": lambda: RandomChooseData([(RemoteDataZMQ("tcp://127.0.0.1:1"), 0.5), (numbers(), 0.5)]),
    "DataFromQueue": lambda: DataFromQueue(None),
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_flows_of_workers_threads_and_others_are_refused_by_name(name):
    with pytest.raises(ValueError, match=r"in this process; got {} \(ds.*use MapData and BatchData".format(name)):
        ResumableData(REFUSED[name]())


def test_what_is_no_flow_is_refused():
    with pytest.raises(ValueError, match="ds must be a DataFlow; got list of 2"):
        ResumableData([1, 2])


@pytest.mark.parametrize("other", [
    lambda: numbers(shuffle=False), Generators, lambda: JoinData([numbers(), numbers()])],
    ids=["same", "more generators", "two flows"])
@pytest.mark.parametrize("reset_first", [True, False])
def test_the_state_of_a_flow_with_other_generators_is_refused(other, reset_first):
    state = started(numbers).state_dict()
    df = ResumableData(other())
    if reset_first:
        df.reset_state()
    if isinstance(df.ds, DataFromList):
        df.load_state_dict(state)
        return
    with pytest.raises(ValueError, match="must have the same random generators .* not in both"):
        df.load_state_dict(state)
        df.reset_state()
        next(iter(df))


@pytest.mark.parametrize("state", [
    None, {}, [1], {"format": 2}, {"format": 1, "position": 2, "start": 3, "cuts": [], "generators": {}},
    {"format": 1, "position": 2, "start": 0, "cuts": None, "generators": {}},
    {"format": 1, "position": 2, "start": 0, "cuts": [], "generators": {"ds.rng": {"array": "<u4", "base64": 7}}},
], ids=repr)
def test_what_is_no_state_is_refused(state):
    with pytest.raises(ValueError, match="state must be what state_dict"):
        started(numbers).load_state_dict(state)


def test_a_state_of_another_kind_of_generator_is_refused():
    class Source(DataFlow):
        def __init__(self, generator):
            self.generator = generator

        def __iter__(self):
            yield [self.generator.normal()]

    state = started(lambda: Source(np.random.RandomState(1))).state_dict()
    with pytest.raises(ValueError, match="ds.generator is not in both"):
        started(lambda: Source(np.random.Generator(np.random.PCG64()))).load_state_dict(state)


def test_a_flow_that_is_empty_now_is_an_error_and_no_endless_loop():
    df = started(numbers)
    list(islice(endless(df), 3))
    resumed = started(lambda: numbers(0))
    resumed.load_state_dict(df.state_dict())
    with pytest.raises(ValueError, match="must give the datapoints that it gave before"):
        next(iter(resumed))


def test_a_thread_that_is_told_to_stop_does_not_make_all_datapoints_again():
    df = started(lambda: numbers(3))
    state = df.state_dict()
    state["position"] = 10 ** 12
    df.load_state_dict(state)
    ends = []

    class Thread(StoppableThread):
        def run(self):
            with pytest.raises(DataFlowTerminated) as info:
                next(iter(df))
            ends.append(info.type)

    thread = Thread()
    thread.start()
    thread.stop()
    thread.join(120)
    assert ends == [DataFlowTerminated]


@pytest.mark.parametrize("make", [
    lambda: np.random.RandomState(3), lambda: random.Random(3),
    lambda: np.random.Generator(np.random.MT19937(3)), lambda: np.random.Generator(np.random.PCG64(3)),
    lambda: np.random.Generator(np.random.Philox(3)), lambda: np.random.Generator(np.random.SFC64(3)),
], ids=["RandomState", "Random", "MT19937", "PCG64", "Philox", "SFC64"])
def test_states_pass_through_json_exactly(make):
    generator, other = make(), make()
    draws = [getattr(generator, name) for name in ("normal", "normalvariate", "random", "random_sample") if
             hasattr(generator, name)]
    for _ in range(3):  # an odd number: one normal number is kept back
        draws[0](0, 1)
    state = through_json(to_json(get_state(generator)))
    set_state(other, from_json(state))
    assert through_json(to_json(get_state(other))) == state
    for _ in range(700):
        assert other.normalvariate(0, 1) == generator.normalvariate(0, 1) if isinstance(other, random.Random) \
            else other.normal() == generator.normal()


def test_large_containers_and_modules_are_not_searched():
    df = DataFromList([[k, np.random.RandomState(k % 3)] for k in range(5000)], shuffle=False)
    df.module = np
    df.reset_state()
    assert list(find_generators(df, "ds")) == ["ds.rng"]
