"""The linter for users' flows, and what `packed` lists do."""
import os
import pickle

import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tensorpack.dataflow import (
    BatchData,
    CacheData,
    ConcatData,
    DataFlow,
    DataFromGenerator,
    DataFromList,
    FakeData,
    FixedSizeData,
    JoinData,
    LocallyShuffleData,
    MapData,
    RandomChooseData,
    RandomMixData,
    RepeatedData,
    RNGDataFlow,
)
from tensorpack.dataflow.common import check_dataflow


class Flow(DataFlow):
    """Yields what it is given; has a length if one is given."""

    def __init__(self, *datapoints, length=None):
        self.datapoints = datapoints
        self.length = length

    def __len__(self):
        if self.length is None:
            raise NotImplementedError
        if isinstance(self.length, Exception):
            raise self.length
        return self.length

    def __iter__(self):
        return iter(self.datapoints)


class Overwrites(DataFlow):
    def __init__(self, buffer):
        self.buffer = buffer

    def __iter__(self):
        for k in range(3):
            if isinstance(self.buffer, np.ndarray):
                self.buffer[:] = k
                yield [self.buffer]
            else:
                self.buffer["x"] = k
                yield self.buffer


class OnePass(DataFlow):
    """Its iterator is made too early."""

    def __init__(self):
        self.numbers = iter([[1], [2]])

    def __iter__(self):
        return self.numbers


class Fails(DataFlow):
    def __init__(self, where):
        self.where = where

    def reset_state(self):
        if self.where == "reset":
            raise OSError("no disk")

    def __iter__(self):
        yield [1]
        if self.where == "iteration":
            raise OSError("no disk")


class FailsInSecondPass(DataFlow):
    def __init__(self):
        self.passes = 0

    def __iter__(self):
        self.passes += 1
        if self.passes > 1:
            raise OSError("the file is closed")
        yield [1]


class WithoutReset(RNGDataFlow):
    def reset_state(self):
        pass

    def __iter__(self):
        yield [self.rng.rand()]


class Holds(Flow):
    def __init__(self, attribute):
        super().__init__([1])
        self.attribute = attribute


GOOD = {
    "own flow": lambda: Flow([1, "a"], [2, "b"]),
    "with a length": lambda: Flow([1], [2], length=2),
    "dicts": lambda: Flow({"x": np.zeros(2)}, {"x": np.ones(3)}),
    "empty, and says so": lambda: Flow(length=0),
    "longer than what is looked at": lambda: Flow(*[[k] for k in range(600)], length=7),
    "NaN": lambda: Flow([float("nan")], [np.array([np.nan])[0].item()]),
    "endless": lambda: RepeatedData(Flow([1]), -1),
    "batches": lambda: BatchData(FakeData([[3, 3], []], size=10, dtype=["uint8", "int64"]), 5),
    "cache": lambda: CacheData(DataFromList([[k] for k in range(7)]), shuffle=True),
    "local shuffle": lambda: LocallyShuffleData(FakeData([[3]], size=20), 5),
    "choice": lambda: RandomChooseData([FakeData([[2]], size=9), FakeData([[2]], size=9)]),
    "mixture": lambda: RandomMixData([FakeData([[2]], size=9), FakeData([[2]], size=9)]),
    "the same object again": lambda: FixedSizeData(Flow([1]), 3),
}


@pytest.mark.parametrize("make", GOOD.values(), ids=GOOD.keys())
def test_good_flows_pass(make):
    assert check_dataflow(make()) is None


BAD = {
    "numbers": (lambda: Flow(1, 2), ["lists, tuples or dicts; got int 1 as datapoint 0"]),
    "arrays": (lambda: Flow(np.zeros(2)), [r"lists, tuples or dicts; got float64 \(2,\) as datapoint 0"]),
    "another count of components": (lambda: Flow([1], [1, 2]), ["the same components.*{0: 'int', 1: 'int'} as datapoint 1"]),
    "other keys": (lambda: Flow({"x": 1}, {"y": 1}), ["the same components.*{'x': 'int'} as the first.*{'y': 'int'}"]),
    "another dtype": (lambda: Flow([np.zeros(2, "uint8")], [np.zeros(2)]), ["'uint8 ndarray'.*'float64 ndarray'"]),
    "None now and then": (lambda: Flow([1], [1], [None]), ["'NoneType'} as datapoint 2"]),
    "overwritten array": (lambda: Overwrites(np.zeros(3)), ["must not change.*; 0 did.*yield new arrays"]),
    "overwritten dict": (lambda: Overwrites({}), ["must not change.*; 0 did"]),
    "length too large": (lambda: Flow([1], [2], length=3), [r"len\(\) must be .*got 3, but the first pass yielded 2"]),
    "length too small": (lambda: Flow([1], [2], length=1), [r"len\(\) must be .*got 1, but the first pass yielded 2"]),
    "no datapoints": (lambda: Flow(), ["a pass must yield datapoints; the first one yielded none"]),
    "length raises": (lambda: Flow([1], length=TypeError("no")), [r"len\(\) must not fail; it raised TypeError: no"]),
    "generator": (lambda: DataFromGenerator(iter([[1]])), ["the second one yielded none; make its iterator in __iter__"]),
    "iterator made early": (OnePass, ["the second one yielded none"]),
    "reset raises": (lambda: Fails("reset"), [r"reset_state\(\) must not fail; it raised OSError: no disk"]),
    "iteration raises": (lambda: Fails("iteration"), ["the first pass must not fail; it raised OSError: no disk"]),
    "second pass raises": (FailsInSecondPass, ["the second pass must not fail; it raised OSError: the file is closed"]),
    "reset is not forwarded": (WithoutReset, [r"first pass must not fail; .*call reset_state\(\) first"]),
    "unpicklable": (lambda: Holds({"func": lambda: 3}), [r"df must be picklable.*got df.attribute\['func'\] = <function"]),
    "unpicklable datapoint": (lambda: Flow([1, lambda: 3]), [r"datapoint must be picklable.*datapoint\[1\] = <function"]),
    "several": (lambda: Flow([1], [1.5], length=5), ["got 2 broken", "the same components", "got 5, but"]),
}


@pytest.mark.parametrize("make, findings", BAD.values(), ids=BAD.keys())
def test_findings_are_listed(make, findings):
    df = make()
    with pytest.raises(ValueError, match="check_dataflow: {} must keep the promises".format(type(df).__name__)) as e:
        check_dataflow(df)
    for finding in findings:
        assert e.match(finding)


def test_what_the_flow_raised_is_the_cause():
    with pytest.raises(ValueError) as e:
        check_dataflow(Fails("iteration"))
    assert isinstance(e.value.__cause__, OSError)


def test_pickling_can_be_left_out():
    df = Holds(lambda: 3)
    check_dataflow(df, picklable=False)
    with pytest.raises(ValueError, match="picklable"):
        check_dataflow(df)


def test_only_so_many_datapoints_are_taken():
    taken = []

    def watch(dp):
        taken.append(dp)
        return dp

    check_dataflow(MapData(RepeatedData(Flow([1]), -1), watch), size=10, picklable=False)
    assert len(taken) == 2 * 11


def test_what_is_no_flow_is_refused():
    with pytest.raises(TypeError, match="check_dataflow: df must be a DataFlow; got list of 1"):
        check_dataflow([[1]])


class TestPackedList:
    def test_has_the_same_datapoints(self):
        datapoints = [[k, "name", np.full(3, k)] for k in range(9)]
        df = DataFromList(datapoints, shuffle=False, packed=True)
        assert [str(dp) for dp in df] == [str(dp) for dp in datapoints]
        assert len(df) == 9 and df.lst[-1][0] == 8 and [dp[0] for dp in df.lst[2:5]] == [2, 3, 4]
        with pytest.raises(IndexError):
            df.lst[9]
        check_dataflow(DataFromList(datapoints, packed=True))

    def test_datapoints_are_copies(self):
        df = DataFromList([[1]], shuffle=False, packed=True)
        next(iter(df))[0] = 2
        assert list(df) == [[1]]

    def test_an_empty_list(self):
        assert list(DataFromList([], packed=True, shuffle=False)) == []

    def test_pickles(self):
        df = pickle.loads(pickle.dumps(DataFromList([[1], [2]], shuffle=False, packed=True)))
        assert list(df) == [[1], [2]]

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
    def test_a_forked_reader_does_not_copy_it(self):
        datapoints = [{"file": "images/{:08}.jpg".format(k), "label": k} for k in range(200000)]
        packed, plain = (DataFromList(datapoints, shuffle=False, packed=p) for p in (True, False))
        used_by_packed, used_by_plain = memory_of_reader(packed), memory_of_reader(plain)
        assert used_by_packed < used_by_plain / 4
        assert used_by_plain > 8e6, "otherwise this test measures nothing"


def memory_of_reader(df):
    """Bytes that belong to a forked process alone after it has read everything."""
    readable, writeable = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            before = psutil.Process().memory_full_info().uss
            for _ in df:
                pass
            os.write(writeable, str(psutil.Process().memory_full_info().uss - before).encode())
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    used = int(os.read(readable, 100))
    os.close(readable)
    os.close(writeable)
    return used


def numbers(start, count):
    return DataFromList([[k] for k in range(start, start + count)], shuffle=False)


def started(df):
    df.reset_state()
    return df


class TestCombinedFlows:
    """Nothing is lost and nothing comes twice, for all sizes."""

    SIZES = st.lists(st.integers(0, 9), min_size=1, max_size=5)

    def parts(self, sizes):
        return [numbers(1000 * k, size) for k, size in enumerate(sizes)]

    @settings(deadline=None, max_examples=40)
    @given(SIZES)
    def test_concatenation_is_all_in_order(self, sizes):
        df = started(ConcatData(self.parts(sizes)))
        assert [dp for dp in df] == [dp for part in self.parts(sizes) for dp in part]
        assert len(df) == sum(sizes)

    @settings(deadline=None, max_examples=40)
    @given(SIZES)
    def test_mixture_is_all_and_each_part_in_order(self, sizes):
        df = started(RandomMixData(self.parts(sizes)))
        for _ in range(2):
            got = [dp[0] for dp in df]
            assert sorted(got) == [dp[0] for part in self.parts(sizes) for dp in part]
            for k in range(len(sizes)):
                part = [n for n in got if n // 1000 == k]
                assert part == sorted(part)

    @settings(deadline=None, max_examples=40)
    @given(SIZES)
    def test_join_ends_with_the_shortest(self, sizes):
        df = started(JoinData(self.parts(sizes)))
        assert [dp for dp in df] == [[1000 * k + n for k in range(len(sizes))] for n in range(min(sizes))]
        assert len(df) == min(sizes)

    @settings(deadline=None, max_examples=40)
    @given(size=st.integers(1, 9), buffer_size=st.integers(1, 12), num_reuse=st.integers(1, 3), taken=st.lists(
        st.integers(0, 30), min_size=1, max_size=4))
    def test_local_shuffle_loses_nothing_in_abandoned_iterations(self, size, buffer_size, num_reuse, taken):
        df = started(LocallyShuffleData(numbers(0, size), buffer_size, num_reuse))
        got = []
        for count in taken:
            iterator = iter(df)
            got += [next(iterator)[0] for _ in range(count)]
            iterator.close()
        pushed = len(got) + len(df._buffer)
        left = [dp[0] for dp in df._buffer]
        assert sorted(got + left) == sorted((k // num_reuse) % size for k in range(pushed))

    @settings(deadline=None, max_examples=40)
    @given(size=st.integers(1, 9), taken=st.lists(st.integers(0, 12), min_size=1, max_size=5))
    def test_cache_gives_whole_passes_whatever_was_abandoned_before(self, size, taken):
        df = started(CacheData(numbers(0, size), shuffle=True))
        for count in taken:
            iterator = iter(df)
            for _ in zip(range(count), iterator):
                pass
            iterator.close()
            assert sorted(dp[0] for dp in df) == list(range(size))
