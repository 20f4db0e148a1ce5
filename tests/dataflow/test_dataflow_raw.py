"""Flows that make datapoints."""
import queue

import numpy as np
import pytest

from tensorpack.dataflow import BatchData, DataFromGenerator, DataFromIterable, DataFromList, DataFromQueue, FakeData


def started(df):
    df.reset_state()
    return df


def count_to_three():
    yield from ([1], [2], [3])


class TestFakeData:
    def test_shapes_dtypes_and_domains(self):
        df = started(FakeData([[2, 3], (4,)], size=7, dtype=["uint8", "float64"], domain=[(10, 20), (-1, 0)]))
        datapoints = list(df)
        assert len(datapoints) == len(df) == 7
        for first, second in datapoints:
            assert (first.shape, first.dtype, second.shape, second.dtype) == ((2, 3), np.uint8, (4,), np.float64)
            assert first.min() >= 10 and first.max() < 20
            assert second.min() >= -1 and second.max() < 0

    def test_one_dtype_and_one_domain_serve_all_components(self):
        dp = next(iter(started(FakeData([[50], [50]], dtype="int32", domain=(3, 5)))))
        assert isinstance(dp, list)
        for component in dp:
            assert component.dtype == np.int32
            assert set(component) <= {3, 4}

    def test_a_scalar_shape_gives_a_zero_dimensional_array(self):
        dp = next(iter(started(FakeData([[]], dtype="int32", domain=(5, 6)))))
        assert isinstance(dp[0], np.ndarray)
        assert (dp[0].shape, dp[0].dtype, int(dp[0])) == ((), np.int32, 5)

    def test_random_draws_differ(self):
        first, second = list(started(FakeData([[8]], size=2)))
        assert not np.array_equal(first[0], second[0])

    def test_not_random_repeats_the_same_arrays_in_new_lists(self):
        df = started(FakeData([[8]], size=2, random=False))
        first, second = list(df)
        assert first is not second
        assert first[0] is second[0]
        assert not np.array_equal(first[0], next(iter(df))[0]), "drawn once per pass"

    @pytest.mark.parametrize("arguments, message", [
        (dict(domain=[(0, 1)]), "domain.*2 shapes; got 1"),
        (dict(domain=[(0, 1), (0, 1), (0, 1)]), "domain.*2 shapes; got 3"),
        (dict(domain=[(0, 1), (0, 1, 2)]), "pair"),
        (dict(dtype=["uint8"]), "dtype.*2 shapes; got 1"),
    ], ids=["few domains", "many domains", "triple", "few dtypes"])
    def test_wrong_numbers_of_arguments_are_refused(self, arguments, message):
        with pytest.raises(ValueError, match="FakeData: .*" + message):
            FakeData([[1], [2]], **arguments)


class TestDataFromList:
    def test_shuffles_anew_in_each_pass_and_yields_the_objects_themselves(self):
        objects = [[k] for k in range(50)]
        df = started(DataFromList(objects))
        first, second = list(df), list(df)
        assert first != second
        assert sorted(map(id, first)) == sorted(map(id, objects))
        assert objects == [[k] for k in range(50)], "the list itself keeps its order"
        assert len(df) == 50

    def test_takes_arrays(self):
        df = started(DataFromList(np.arange(6).reshape(3, 2)))
        assert sorted(dp.tolist() for dp in df) == [[0, 1], [2, 3], [4, 5]]


def test_queue_is_read_for_ever():
    q = queue.Queue()
    for k in range(3):
        q.put([k])
    df = DataFromQueue(q)
    iterator = iter(df)
    assert [next(iterator) for _ in range(3)] == [[0], [1], [2]]
    with pytest.raises(NotImplementedError):
        len(df)


def test_iterable_has_its_length_from_construction():
    values = [[1], [2]]
    df = DataFromIterable(values)
    values.append([3])
    assert len(df) == 2
    assert [dp for dp in df] == [[1], [2], [3]]


@pytest.mark.parametrize("make", [
    lambda: DataFromIterable(count_to_three()),
    lambda: DataFromIterable(DataFromGenerator(count_to_three)),
    lambda: DataFromGenerator(count_to_three()),
    lambda: DataFromGenerator(count_to_three),
    lambda: DataFromGenerator(DataFromGenerator(count_to_three)),
], ids=["iterable generator", "iterable flow", "generator", "callable", "flow"])
def test_flows_without_length_raise_not_implemented_and_can_be_batched(make):
    with pytest.raises(NotImplementedError):
        len(make())
    assert [batch[0].tolist() for batch in BatchData(make(), 2)] == [[1, 2]]


def test_generator_function_is_called_in_each_pass_and_generator_object_serves_one():
    function, generator = DataFromGenerator(count_to_three), DataFromGenerator(count_to_three())
    assert [dp for dp in function] == [dp for dp in function] == [[1], [2], [3]]
    assert [dp for dp in generator] == [[1], [2], [3]]
    assert [dp for dp in generator] == []


def test_generator_flow_takes_iterables_with_a_length():
    assert list(DataFromGenerator([[1], [2]])) == [[1], [2]]


def test_generator_flow_refuses_what_is_neither_iterable_nor_callable():
    with pytest.raises(TypeError, match="DataFromGenerator: gen must be"):
        DataFromGenerator(3)
