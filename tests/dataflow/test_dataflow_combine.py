"""Flows made of several flows."""
from collections import Counter
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tensorpack.dataflow import (
    CacheData,
    ConcatData,
    DataFlow,
    DataFromGenerator,
    DataFromList,
    JoinData,
    MapData,
    RandomChooseData,
    RandomMixData,
    RepeatedData,
)


def flow(*datapoints):
    return DataFromList(list(datapoints), shuffle=False)


def started(df):
    df.reset_state()
    return df


class CountsResets(DataFlow):
    def __init__(self, size=3):
        self.resets = 0
        self._size = size

    def reset_state(self):
        self.resets += 1

    def __iter__(self):
        return iter([[k] for k in range(self._size)])

    def __len__(self):
        return self._size


@pytest.mark.parametrize("make", [ConcatData, JoinData, RandomChooseData, RandomMixData])
def test_each_distinct_flow_is_reset_once(make):
    first, second = CountsResets(), CountsResets()
    started(make([first, second, first]))
    assert (first.resets, second.resets) == (1, 1)


@pytest.mark.parametrize("make", [JoinData, RandomChooseData, RandomMixData])
def test_at_least_one_flow_is_needed(make):
    with pytest.raises(ValueError, match=make.__name__ + ": df_lists must hold at least one DataFlow"):
        make([])


def test_concat():
    df = ConcatData([flow(1, 2), flow(), flow(3)])
    assert list(df) == list(df) == [1, 2, 3]
    assert len(df) == 3


class TestJoinData:
    def test_lists_and_tuples_are_concatenated(self):
        assert list(JoinData([flow([1], [2]), flow((3, 4), (5, 6))])) == [[1, 3, 4], [2, 5, 6]]

    @pytest.mark.parametrize("make, is_told", [
        (lambda: [DataFromList([[1], [2]]), MapData(DataFromList([[3], [4]]), list)], True),
        (lambda: [DataFromList([[1], [2]]), DataFromList([[3], [4]], shuffle=False)], False),
        (lambda: [DataFromList([[1], [2]]), DataFromList([[3], [4], [5]])], False),
        (lambda: [DataFromList([[1], [2]])] * 2, False),
    ], ids=["shuffled", "one", "of other lengths", "the same"])
    def test_flows_of_one_length_that_are_shuffled_each_on_its_own_are_told(self, log_records, make, is_told):
        JoinData(make())
        assert any("does not belong together" in r.getMessage() for r in log_records) == is_told

    def test_dicts_are_merged(self):
        original = {"x": 1, "y": 2}
        assert list(JoinData([flow(original), flow({"z": 3}), flow({})])) == [{"x": 1, "y": 2, "z": 3}]
        assert original == {"x": 1, "y": 2}

    @pytest.mark.parametrize("dicts", [
        [{"x": 1, "y": 2}, {"y": 3}], [{"y": 1}, {"x": 1}, {"y": 1}], [{"y": 1}] * 2,
    ], ids=["two", "not adjacent", "the same"])
    def test_a_key_in_two_flows_is_refused_since_one_component_would_be_lost(self, dicts):
        with pytest.raises(ValueError, match="JoinData: dict datapoints must have different keys.*got 'y' in more than one"):
            list(JoinData([flow(dp) for dp in dicts]))

    def test_the_same_flow_twice(self):
        ds = flow([1], [2])
        assert list(JoinData([ds, ds])) == [[1, 1], [2, 2]]

    def test_stops_at_the_shortest_and_can_start_again(self, log_records):
        cached = CacheData(flow([1], [2], [3]))
        df = started(JoinData([cached, flow([4], [5])]))
        assert list(df) == list(df) == [[1, 4], [2, 5]]
        assert len(df) == 2
        assert "[JoinData] Size check failed" in log_records[0].getMessage()

    def test_unknown_length_is_logged(self, log_records):
        df = JoinData([flow([1]), DataFromGenerator(lambda: iter([[2]]))])
        assert "[JoinData] Size check failed" in log_records[0].getMessage()
        with pytest.raises(NotImplementedError):
            len(df)

    def test_equal_lengths_are_not_worth_a_word(self, log_records):
        JoinData([flow([1]), flow([2])])
        assert log_records == []

    @pytest.mark.parametrize("other", [{"x": 1}, 3], ids=["dict", "int"])
    def test_kinds_of_datapoints_must_agree(self, other):
        with pytest.raises(TypeError, match="JoinData: .*all yield lists or tuples, or all yield dicts; got list of 1"):
            list(JoinData([flow([1]), flow(other)]))


class TestRandomChooseData:
    def test_chooses_by_probability_and_ends_with_the_chosen_flow(self):
        df = started(RandomChooseData([(flow(*"a" * 5000), 0.75), (flow(*"b" * 5000), 0.25)]))
        counts = Counter(df)
        assert counts["a"] == 5000
        assert 0.2 < counts["b"] / 5000 < 0.5
        assert len(list(islice(iter(df), 10))) == 10, "a second pass starts again"

    def test_equal_probabilities(self):
        df = started(RandomChooseData([RepeatedData(flow(k), -1) for k in range(4)]))
        counts = Counter(islice(iter(df), 4000))
        assert min(counts.values()) > 800 and len(counts) == 4

    def test_has_no_length(self):
        with pytest.raises(NotImplementedError):
            len(RandomChooseData([flow(1)]))

    @pytest.mark.parametrize("pairs", [
        [(flow(k), 0.1) for k in range(10)],
        [(flow(k), 0.3333333) for k in range(3)],
        [[flow(0), 0.5], [flow(1), 0.5]],
        [(flow(0), 1.0), (flow(1), 0)],
    ], ids=["ten tenths", "rounded thirds", "lists", "zero"])
    def test_probabilities_that_sum_to_one(self, pairs):
        assert len([dp for dp in started(RandomChooseData(pairs))]) >= 1

    @pytest.mark.parametrize("items, message", [
        ([(flow(0), 0.5), (flow(1), 0.4)], "must sum to 1; got .*sum 0.9"),
        ([(flow(0), 1.5), (flow(1), -0.5)], "must not be negative"),
        ([(flow(0), float("nan"))], "must sum to 1"),
        ([flow(0), (flow(1), 1.0)], "flows only, or pairs"),
        ([(flow(0), 0.5, 0.5)], "flows only, or pairs"),
    ], ids=["sum", "negative", "nan", "mixture", "triple"])
    def test_wrong_probabilities_are_refused(self, items, message):
        with pytest.raises(ValueError, match="RandomChooseData: .*" + message):
            RandomChooseData(items)


class TestRandomMixData:
    @settings(deadline=None, max_examples=40)
    @given(sizes=st.lists(st.integers(0, 5), min_size=1, max_size=5))
    def test_a_pass_holds_each_flow_once_in_its_own_order(self, sizes):
        flows = [flow(*[(owner, k) for k in range(size)]) for owner, size in enumerate(sizes)]
        df = started(RandomMixData(flows))
        for _ in range(2):
            got = [dp for dp in df]
            assert len(got) == len(df) == sum(sizes)
            for owner, size in enumerate(sizes):
                assert [dp for dp in got if dp[0] == owner] == [(owner, k) for k in range(size)]

    def test_mixes_differently_in_each_pass(self):
        df = started(RandomMixData([flow(*range(50)), flow(*range(50, 100))]))
        first, second = list(df), list(df)
        assert first != second
        assert first != sorted(first)

    def test_needs_lengths(self):
        with pytest.raises(NotImplementedError):
            RandomMixData([flow(1), DataFromGenerator(lambda: iter([1]))])

    def test_a_flow_shorter_than_its_length_is_named(self):
        class Short(CountsResets):
            def __len__(self):
                return 5

        with pytest.raises(RuntimeError, match="RandomMixData: .*exact lengths; flow 1, Short, ended before its 5 datapoints"):
            list(started(RandomMixData([flow(1), Short()])))
