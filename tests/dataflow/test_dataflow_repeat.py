"""Flows that repeat, cut, cache and shuffle: what a pass holds, also after an abandoned one."""
from collections import Counter, deque
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tensorpack.dataflow import (
    BatchData,
    CacheData,
    DataFlow,
    DataFromGenerator,
    DataFromIterable,
    DataFromList,
    FixedSizeData,
    LocallyShuffleData,
    RepeatedData,
    RepeatedDataPoint,
)
from tensorpack.dataflow._flows import shuffle
from tensorpack.utils import fix_rng_seed


def numbers(count):
    return DataFromList(list(range(count)), shuffle=False)


def started(df):
    df.reset_state()
    return df


def one_pass(df):
    return [dp for dp in df]


class FailsOnce(DataFlow):
    """Fails in the middle of its first pass."""

    def __init__(self):
        self.failed = False

    def __iter__(self):
        yield 0
        if not self.failed:
            self.failed = True
            raise OSError("disk")
        yield 1

    def __len__(self):
        return 2


class TestRepeatedData:
    @pytest.mark.parametrize("num, expected", [(2, [0, 1, 2, 0, 1, 2]), (1, [0, 1, 2]), (0, []), (-2, [])])
    def test_passes_and_length(self, num, expected):
        df = RepeatedData(numbers(3), num)
        assert one_pass(df) == expected
        assert len(df) == len(expected)

    def test_endless(self):
        df = RepeatedData(numbers(3), -1)
        assert list(islice(iter(df), 7)) == [0, 1, 2, 0, 1, 2, 0]
        with pytest.raises(NotImplementedError):
            len(df)

    def test_an_abandoned_endless_repetition_lets_go_of_its_pass(self):
        open_passes = []

        def one_pass():
            open_passes.append(1)
            try:
                yield from range(3)
            finally:
                open_passes.pop()

        df = RepeatedData(DataFromGenerator(one_pass), -1)
        iterator = iter(df)
        assert list(islice(iterator, 4)) == [0, 1, 2, 0] and open_passes
        iterator.close()
        assert not open_passes

    @pytest.mark.parametrize("make, before", [
        (lambda: numbers(0), []),
        (lambda: DataFromGenerator(iter([1, 2])), [1, 2]),
    ], ids=["empty flow", "exhausted generator"])
    def test_endless_repetition_of_nothing_raises_instead_of_spinning(self, make, before):
        iterator = iter(RepeatedData(make(), -1))
        assert list(islice(iterator, len(before))) == before
        with pytest.raises(ValueError, match="RepeatedData: a DataFlow to repeat must not be empty; .* yielded nothing"):
            next(iterator)

    @pytest.mark.parametrize("wrap", [lambda df: df, lambda df: BatchData(df, 2)], ids=["alone", "in-a-batch"])
    @pytest.mark.parametrize("kind", [DataFromGenerator, DataFromIterable])
    @pytest.mark.parametrize("make", [lambda: ([k] for k in range(4)), lambda: iter([[1], [2], [3], [4]])],
                             ids=["generator", "iterator"])
    def test_what_serves_one_pass_is_told_what_to_give_instead(self, wrap, kind, make):
        with pytest.raises(ValueError, match=r"{} was given a generator object .*; write DataFromGenerator\(f\), where".format(
                kind.__name__)):
            list(islice(RepeatedData(wrap(kind(make())), -1), 5))
        assert len(list(islice(RepeatedData(wrap(DataFromGenerator(make)), -1), 5))) == 5

    @settings(deadline=None, max_examples=40)
    @given(size=st.integers(0, 6), num=st.integers(-3, 5).filter(lambda n: n != -1))
    def test_every_datapoint_comes_num_times(self, size, num):
        df = RepeatedData(numbers(size), num)
        assert Counter(one_pass(df)) == Counter({k: num for k in range(size)} if num > 0 else {})
        assert len(df) == len(one_pass(df))


class TestRepeatedDataPoint:
    def test_repeats_the_same_object(self):
        dp = [1]
        df = RepeatedDataPoint(DataFromList([dp, [2]], shuffle=False), 2)
        got = one_pass(df)
        assert got == [[1], [1], [2], [2]]
        assert got[0] is got[1] is dp
        assert len(df) == 4

    @pytest.mark.parametrize("num", [0, -1])
    def test_num_must_be_positive(self, num):
        with pytest.raises(ValueError, match="RepeatedDataPoint: num must be at least 1"):
            RepeatedDataPoint(numbers(2), num)


class TestFixedSizeData:
    def test_state_is_kept_between_passes(self):
        df = started(FixedSizeData(numbers(5), 3))
        assert [one_pass(df) for _ in range(3)] == [[0, 1, 2], [3, 4, 0], [1, 2, 3]]
        assert len(df) == 3

    def test_state_is_not_kept_when_told_so(self):
        df = started(FixedSizeData(numbers(5), 3, keep_state=False))
        assert [one_pass(df) for _ in range(2)] == [[0, 1, 2], [0, 1, 2]]

    def test_an_abandoned_pass_is_continued(self):
        df = started(FixedSizeData(numbers(5), 3))
        assert list(islice(iter(df), 2)) == [0, 1]
        assert one_pass(df) == [2, 3, 4]

    def test_an_abandoned_pass_is_restarted_when_state_is_not_kept(self):
        df = started(FixedSizeData(started(CacheData(numbers(5))), 3, keep_state=False))
        assert list(islice(iter(df), 2)) == [0, 1]
        assert one_pass(df) == [0, 1, 2]

    @pytest.mark.parametrize("keep_state", [True, False])
    def test_empty_flow_raises(self, keep_state):
        with pytest.raises(ValueError, match="FixedSizeData: a DataFlow to repeat must not be empty"):
            one_pass(started(FixedSizeData(numbers(0), 3, keep_state=keep_state)))

    @pytest.mark.parametrize("keep_state", [True, False])
    def test_size_zero_is_empty(self, keep_state):
        df = started(FixedSizeData(numbers(3), 0, keep_state=keep_state))
        assert (one_pass(df), len(df)) == ([], 0)

    def test_negative_size_is_refused(self):
        with pytest.raises(ValueError, match="FixedSizeData: size must be at least 0; got -1"):
            FixedSizeData(numbers(3), -1)

    def test_an_error_of_the_flow_comes_out_and_the_next_pass_starts_it_again(self):
        df = started(FixedSizeData(FailsOnce(), 2))
        with pytest.raises(OSError, match="disk"):
            one_pass(df)
        assert one_pass(df) == [0, 1]

    @settings(deadline=None, max_examples=40)
    @given(length=st.integers(1, 7), size=st.integers(0, 12), passes=st.integers(1, 4))
    def test_passes_cut_the_repeated_flow_into_pieces(self, length, size, passes):
        df = started(FixedSizeData(numbers(length), size))
        got = [one_pass(df) for _ in range(passes)]
        assert [len(piece) for piece in got] == [size] * passes
        assert sum(got, []) == [k % length for k in range(size * passes)]


class TestCacheData:
    def make(self, shuffle=False, size=4):
        made = []

        def produce():
            for k in range(size):
                made.append([k])
                yield made[-1]

        return started(CacheData(DataFromGenerator(produce), shuffle=shuffle)), made

    def test_later_passes_come_from_memory(self):
        df, made = self.make()
        first, second = one_pass(df), one_pass(df)
        assert first == [[0], [1], [2], [3]]
        assert all(a is b for a, b in zip(first, second))
        assert len(made) == 4
        assert df.buffer == first

    def test_an_abandoned_pass_leaves_no_truncated_cache(self):
        df, made = self.make()
        assert list(islice(iter(df), 2)) == [[0], [1]]
        assert [one_pass(df) for _ in range(2)] == [[[0], [1], [2], [3]]] * 2
        assert len(made) == 2 + 4

    def test_only_passes_from_memory_are_shuffled(self):
        df, _ = self.make(shuffle=True, size=30)
        first, second, third = one_pass(df), one_pass(df), one_pass(df)
        assert first == [[k] for k in range(30)]
        assert sorted(second) == sorted(third) == first
        assert second != first and third != second

    def test_reset_clears_the_cache(self):
        df, made = self.make()
        one_pass(df)
        df.reset_state()
        one_pass(df)
        assert len(made) == 8

    def test_length_is_that_of_the_flow(self):
        assert len(CacheData(numbers(3))) == 3


class TestLocallyShuffleData:
    @pytest.mark.parametrize("buffer_size", [1, 2, 3, 10])
    def test_order_within_a_window_and_no_loss(self, buffer_size):
        df = started(LocallyShuffleData(numbers(1000), buffer_size))
        got = list(islice(iter(df), 500))
        assert len(set(got)) == 500
        assert set(got) | set(df._buffer) == set(range(500 + buffer_size))

    def test_shuffles(self):
        df = started(LocallyShuffleData(numbers(1000), 30))
        got = list(islice(iter(df), 500))
        assert got != sorted(got)

    def test_nothing_comes_before_the_buffer_is_full_and_the_flow_never_ends(self):
        pulled = []

        def produce():
            for k in range(5):
                pulled.append(k)
                yield k

        df = started(LocallyShuffleData(DataFromGenerator(produce), 12))
        iterator = iter(df)
        next(iterator)
        assert len(pulled) == 13
        assert len(list(islice(iterator, 100))) == 100

    @pytest.mark.parametrize("buffer_size", [300, 3000])
    def test_a_shuffle_takes_as_many_operations_as_there_are_datapoints(self, buffer_size, monkeypatch):
        steps = [0]

        class CountingDeque(deque):
            def __getitem__(self, index):
                steps[0] += min(index, len(self) - index) // 64 + 1  # blocks of 64 that it goes through
                return super().__getitem__(index)

        monkeypatch.setattr(shuffle, "deque", CountingDeque)
        df = started(LocallyShuffleData(numbers(10 ** 6), buffer_size))
        assert len(list(islice(iter(df), 3 * buffer_size))) == 3 * buffer_size
        assert steps[0] <= 12 * buffer_size

    def test_long_interval_keeps_the_order(self):
        df = started(LocallyShuffleData(numbers(100), 10, shuffle_interval=1000))
        assert list(islice(iter(df), 50)) == list(range(50))

    def test_num_reuse_repeats_datapoints_and_multiplies_the_length(self):
        df = started(LocallyShuffleData(numbers(1000), 6, num_reuse=3, shuffle_interval=1))
        got = Counter(list(islice(iter(df), 600))) + Counter(df._buffer) + Counter(df._waiting)
        assert got == Counter({k: 3 for k in range(len(got))})
        assert len(df) == 3000

    @settings(deadline=None, max_examples=40)
    @given(buffer_size=st.integers(1, 8), num_reuse=st.integers(1, 3), pieces=st.lists(st.integers(0, 9), max_size=8))
    def test_abandoned_iterations_lose_nothing(self, buffer_size, num_reuse, pieces):
        df = started(LocallyShuffleData(numbers(10000), buffer_size, num_reuse))
        got = Counter()
        for piece in pieces:
            got.update(islice(iter(df), piece))
        got += Counter(df._buffer) + Counter(df._waiting)
        assert got == Counter({k: num_reuse for k in range(len(got))})

    @pytest.mark.parametrize("arguments", [
        dict(buffer_size=0), dict(buffer_size=5, num_reuse=0), dict(buffer_size=5, shuffle_interval=0),
    ], ids=["buffer_size", "num_reuse", "shuffle_interval"])
    def test_numbers_must_be_positive(self, arguments, request):
        name = request.node.callspec.id
        with pytest.raises(ValueError, match="LocallyShuffleData: {} must be at least 1; got 0".format(name)):
            LocallyShuffleData(numbers(5), **arguments)

    def test_empty_flow_raises(self):
        with pytest.raises(ValueError, match="LocallyShuffleData: a DataFlow to repeat must not be empty"):
            next(iter(started(LocallyShuffleData(numbers(0), 5))))

    def test_an_error_of_the_flow_does_not_end_the_stream(self):
        df = started(LocallyShuffleData(FailsOnce(), 1))
        with pytest.raises(OSError, match="disk"):
            next(iter(df))
        assert set(islice(iter(df), 20)) == {0, 1}

    def test_seed_fixes_the_order(self):
        def order():
            fix_rng_seed(3)
            return list(islice(iter(started(LocallyShuffleData(numbers(100), 20))), 50))

        assert order() == order()
