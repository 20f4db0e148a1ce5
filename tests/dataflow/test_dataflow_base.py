"""The life of a DataFlow: abstract methods, legacy names, reset, reentrancy."""
import copy
import pickle
import threading

import numpy as np
import pytest

from tensorpack.dataflow import (
    BatchDataByShape,
    CacheData,
    DataFlow,
    DataFlowTerminated,
    DataFromList,
    FakeData,
    FixedSizeData,
    LocallyShuffleData,
    ProxyDataFlow,
    RandomChooseData,
    RandomMixData,
    RNGDataFlow,
)
from tensorpack.dataflow.base import DataFlowMeta, DataFlowReentrantGuard
from tensorpack.utils import fix_rng_seed


class Counting(DataFlow):
    def __init__(self, size):
        self._size = size
        self.resets = 0

    def reset_state(self):
        self.resets += 1

    def __iter__(self):
        return iter([[k] for k in range(self._size)])

    def __len__(self):
        return self._size


class Endless(DataFlow):
    def __iter__(self):
        while True:
            yield [1]


class Legacy(DataFlow):
    def get_data(self):
        yield ["legacy"]

    def size(self):
        return 1


class LegacyProxy(ProxyDataFlow):
    def get_data(self):
        for dp in self.ds.get_data():
            yield dp * 2


class UserShuffle(RNGDataFlow):
    def __iter__(self):
        order = list(range(5))
        self.rng.shuffle(order)
        return iter(order)

    def __len__(self):
        return 5


class UserDiamond(ProxyDataFlow, RNGDataFlow):
    def reset_state(self):
        ProxyDataFlow.reset_state(self)
        RNGDataFlow.reset_state(self)

    def __iter__(self):
        for dp in self.ds:
            yield [dp[0], self.rng.randint(10)]


def test_a_flow_without_iter_cannot_be_made():
    with pytest.raises(TypeError, match="__iter__"):
        DataFlow()


def test_a_flow_without_length_refuses_len_list_and_bool_but_can_be_iterated():
    for use in (len, list, bool):
        with pytest.raises(NotImplementedError, match="Endless"):
            use(Endless())
    assert next(iter(Endless())) == [1]


def test_a_flow_of_length_zero_is_falsy():
    assert not Counting(0)


def test_legacy_classes_define_get_data_and_size():
    assert isinstance(Legacy, DataFlowMeta)
    assert list(Legacy()) == [["legacy"]]
    assert len(Legacy()) == 1
    assert list(LegacyProxy(Legacy())) == [["legacy", "legacy"]]


def test_legacy_callers_use_get_data_and_size():
    df = Counting(3)
    assert list(df.get_data()) == [[0], [1], [2]]
    assert df.size() == 3


def test_proxy_forwards_reset_length_and_iteration():
    inner = Counting(2)
    df = ProxyDataFlow(inner)
    df.reset_state()
    assert (df.ds, inner.resets, len(df), list(df)) == (inner, 1, 2, [[0], [1]])


def test_diamond_of_proxy_and_rng_flow_works_by_hand():
    df = UserDiamond(Counting(3))
    df.reset_state()
    assert [dp[0] for dp in df] == [0, 1, 2]
    assert df.ds.resets == 1
    assert isinstance(df.rng, np.random.RandomState)


def test_terminated_passes_except_exception():
    assert issubclass(DataFlowTerminated, BaseException)
    assert not issubclass(DataFlowTerminated, Exception)


NEEDS_RESET = {
    "user flow with self.rng": lambda: UserShuffle(),
    "DataFromList": lambda: DataFromList([1, 2]),
    "FakeData": lambda: FakeData([[2]]),
    "FakeData, not random": lambda: FakeData([[2]], random=False),
    "BatchDataByShape": lambda: BatchDataByShape(Counting(2), 1, 0),
    "FixedSizeData": lambda: FixedSizeData(Counting(2), 1),
    "FixedSizeData, restarted": lambda: FixedSizeData(Counting(2), 1, keep_state=False),
    "CacheData": lambda: CacheData(Counting(2)),
    "LocallyShuffleData": lambda: LocallyShuffleData(Counting(2), 1),
    "RandomChooseData": lambda: RandomChooseData([Counting(2)]),
    "RandomMixData": lambda: RandomMixData([Counting(2)]),
}


@pytest.mark.parametrize("make", NEEDS_RESET.values(), ids=NEEDS_RESET.keys())
def test_iterating_before_reset_names_the_class_and_the_remedy(make):
    df = make()
    with pytest.raises(RuntimeError, match=type(df).__name__ + r": call reset_state\(\) first") as info:
        next(iter(df))
    assert "`_" not in str(info.value), "nobody needs our private names"


def test_a_list_that_is_not_shuffled_needs_no_reset():
    assert list(DataFromList([3, 1, 2], shuffle=False)) == [3, 1, 2]


def test_rng_is_a_class_attribute_none_and_is_absent_before_reset():
    assert RNGDataFlow.rng is None
    df = UserShuffle()
    assert not hasattr(df, "rng")
    assert getattr(df, "rng", None) is None
    df.rng = "set by the user"
    assert df.rng == "set by the user"


@pytest.mark.parametrize("duplicate", [copy.copy, lambda df: pickle.loads(pickle.dumps(df))], ids=["copy", "pickle"])
def test_a_flow_that_was_not_reset_can_be_duplicated(duplicate):
    df = duplicate(UserShuffle())
    df.reset_state()
    assert sorted(df) == [0, 1, 2, 3, 4]


def test_objects_and_resets_get_different_streams_which_a_seed_repeats():
    def draw():
        fix_rng_seed(7)
        first, second = DataFromList(list(range(50))), DataFromList(list(range(50)))
        orders = []
        for df in (first, second, first):
            df.reset_state()
            orders.append(list(df))
        return orders

    orders = draw()
    assert orders[0] != orders[1]
    assert orders[0] != orders[2]
    assert draw() == orders


def test_guard_refuses_a_second_entry_and_can_be_entered_again_later():
    guard = DataFlowReentrantGuard()
    with guard:
        with pytest.raises(threading.ThreadError, match="This DataFlow is not reentrant!"):
            with guard:
                pass
    with guard:
        pass


GUARDED = {
    "BatchDataByShape": lambda: BatchDataByShape(FakeData([[2]], size=4), 1, 0),
    "FixedSizeData": lambda: FixedSizeData(Counting(4), 3),
    "CacheData": lambda: CacheData(Counting(4)),
    "LocallyShuffleData": lambda: LocallyShuffleData(Counting(4), 2),
}


@pytest.mark.parametrize("make", GUARDED.values(), ids=GUARDED.keys())
def test_nested_iteration_names_the_class_and_the_remedy_and_ends_with_the_first_iterator(make):
    df = make()
    df.reset_state()
    first = iter(df)
    next(first)
    with pytest.raises(RuntimeError, match=type(df).__name__ + r": This DataFlow is not reentrant!.*close\(\)"):
        next(iter(df))
    first.close()
    next(iter(df))


@pytest.mark.parametrize("make", GUARDED.values(), ids=GUARDED.keys())
def test_serial_flows_tolerate_a_second_reset(make):
    df = make()
    df.reset_state()
    unfinished = iter(df)
    next(unfinished)
    df.reset_state()
    next(iter(df))
