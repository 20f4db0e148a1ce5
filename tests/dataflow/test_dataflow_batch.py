"""Batching: grouping, dtype rules, messages, and memory that is never overwritten while somebody looks at it."""
import gc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tensorpack.dataflow import BatchData, BatchDataByShape, DataFromGenerator, DataFromList, MultiProcessMapAndBatchData


def flow(components):
    """A flow of one-component datapoints."""
    return DataFromList([[c] for c in components], shuffle=False)


def batch_of(*elements):
    return next(iter(BatchData(flow(elements), len(elements))))[0]


class TestGrouping:
    @pytest.mark.parametrize("remainder, sizes", [(False, [2, 2]), (True, [2, 2, 1])], ids=["dropped", "kept"])
    def test_remainder(self, remainder, sizes):
        df = BatchData(flow(range(5)), 2, remainder=remainder)
        for _ in range(2):  # each pass drops or keeps its own tail
            assert [len(batch[0]) for batch in df] == sizes
        assert len(df) == len(sizes)

    def test_exact_multiple_has_no_remainder(self):
        df = BatchData(flow(range(4)), 2, remainder=True)
        assert len(df) == len(list(df)) == 2

    def test_containers(self):
        array = np.ones((2, 3), "uint8")
        for dp, keys in (([array, 7], [0, 1]), ((array, 7), [0, 1]), ({"x": array, "y": 7}, ["x", "y"])):
            batch = next(iter(BatchData(DataFromList([dp, dp], shuffle=False), 2)))
            assert isinstance(batch, dict if isinstance(dp, dict) else list)
            assert batch[keys[0]].shape == (2, 2, 3)
            assert batch[keys[1]].tolist() == [7, 7]

    def test_dict_batches_have_the_keys_of_the_first(self):
        df = DataFromList([{"x": 1}, {"x": 2, "more": 3}], shuffle=False)
        assert list(next(iter(BatchData(df, 2)))) == ["x"]

    def test_use_list_takes_anything(self):
        elements = [np.zeros(2), None, "text"]
        batch = next(iter(BatchData(flow(elements), 3, use_list=True)))
        assert isinstance(batch[0], list)
        assert all(got is element for got, element in zip(batch[0], elements))

    def test_batch_larger_than_the_flow_is_refused_unless_it_may_be_a_remainder(self):
        with pytest.raises(ValueError, match="BatchData: batch_size must not exceed .* 6 for 5 datapoints"):
            BatchData(flow(range(5)), 6)
        assert [batch[0].tolist() for batch in BatchData(flow(range(5)), 6, remainder=True)] == [[0, 1, 2, 3, 4]]
        assert [b for b in BatchData(DataFromGenerator(lambda: iter([[1]])), 6)] == []

    @pytest.mark.parametrize("batch_size", [0, -1])
    def test_batch_size_must_be_positive(self, batch_size):
        with pytest.raises(ValueError, match="BatchData: batch_size must be at least 1"):
            BatchData(flow(range(5)), batch_size)

    def test_static_methods_for_other_users(self):
        batch = BatchData.aggregate_batch([[1, "a"], [2, "b"]])
        assert [component.tolist() for component in batch] == [[1, 2], ["a", "b"]]
        assert BatchData.aggregate_batch([{"x": 1}, {"x": 2}], use_list=True) == {"x": [1, 2]}
        assert BatchData._batch_numpy([1.5, 2.5]).dtype == np.float32

    def test_a_batch_of_nothing_is_refused(self):
        with pytest.raises(ValueError, match="at least one datapoint"):
            BatchData.aggregate_batch([])

    def test_a_subclass_may_aggregate_in_its_own_way(self):
        class Sums(BatchData):
            @staticmethod
            def aggregate_batch(data_holder, use_list=False):
                return [sum(dp[0] for dp in data_holder)]

        assert list(Sums(flow(range(4)), 2)) == [[1], [5]]


DTYPES = {
    "bool": ([True, False], "bool", [True, False]),
    "bool and int": ([True, 2], "int32", [1, 2]),
    "int": ([1, 2], "int32", [1, 2]),
    "limits of int32": ([-2**31, 2**31 - 1], "int32", [-2**31, 2**31 - 1]),
    "above int32": ([1, 2**31], "int64", [1, 2**31]),
    "below int32": ([1, -2**31 - 1], "int64", [1, -2**31 - 1]),
    "float": ([1.5, 2.5], "float32", [1.5, 2.5]),
    "int, then float": ([1, 2.5], "float32", [1.0, 2.5]),
    "float, then int": ([2.5, 1], "float32", [2.5, 1.0]),
    "int, then numpy float": ([1, np.float64(2.5)], "float32", [1.0, 2.5]),
    "int, then large numpy int": ([1, np.int64(2**40)], "int64", [1, 2**40]),
    "int, then 0-d array": ([1, np.array(2)], "int32", [1, 2]),
    "numpy int": ([np.int64(1), np.int64(2)], "int64", [1, 2]),
    "numpy uint8, then int": ([np.uint8(1), 255], "uint8", [1, 255]),
    "numpy float, then float": ([np.float32(1), 2.5], "float32", [1.0, 2.5]),
    "numpy float64": ([np.float64(1), np.float64(2)], "float64", [1.0, 2.0]),
    "numpy bool": ([np.bool_(True), False], "bool", [True, False]),
    "str": (["a", "bcd"], "<U3", ["a", "bcd"]),
    "bytes": ([b"a", b"bcd"], "S3", [b"a", b"bcd"]),
    "bytes that end in NUL": ([b"a\0", b"b"], "object", [b"a\0", b"b"]),
    "arrays": ([np.array([1, 2], "int16"), np.array([3, 4], "int16")], "int16", [[1, 2], [3, 4]]),
    "0-d arrays": ([np.array(1.0), np.array(2.0)], "float64", [1.0, 2.0]),
    "arrays, safely castable": ([np.array([1.0], "float32"), np.array([2], "uint8")], "float32", [[1.0], [2.0]]),
    "arrays, float32, then float64": ([np.array([1.0], "float32"), np.array([2.5])], "float32", [[1.0], [2.5]]),
    "arrays, uint8, then float32": ([np.array([1], "uint8"), np.array([2.5], "float32")], "uint8", [[1], [2]]),
    "arrays, int16, then uint8 and int64": ([np.array([1], "int16"), np.array([-2], "int64")], "int16", [[1], [-2]]),
    "arrays, complex": ([np.array([1j], "complex64"), np.array([2j])], "complex64", [[1j], [2j]]),
    "numpy int32, then int64": ([np.int32(1), np.int64(2)], "int32", [1, 2]),
    "numpy int64, then large uint64": ([np.int64(1), np.uint64(2**63 - 1)], "int64", [1, 2**63 - 1]),
    "numpy int, then float": ([np.int64(1), 2.5], "int64", [1, 2]),
    "numpy uint8, then float at the limit": ([np.uint8(1), np.float64(255.9)], "uint8", [1, 255]),
    "empty arrays of two dtypes": ([np.zeros((0,), "uint8"), np.zeros((0,))], "uint8", [[], []]),
    "arrays of str": ([np.array(["a"]), np.array(["bcd"])], "<U3", [["a"], ["bcd"]]),
    "arrays of objects": ([np.array([None], object), np.array([1], object)], "object", [[None], [1]]),
    "dates": ([np.array(["2020-01-01"], "datetime64[D]")] * 2, "datetime64[D]", None),
    "empty arrays": ([np.zeros((0, 3), "uint8")] * 2, "uint8", [[], []]),
}


@pytest.mark.parametrize("elements, dtype, values", DTYPES.values(), ids=DTYPES.keys())
def test_dtype(elements, dtype, values):
    batch = batch_of(*elements)
    assert batch.dtype == np.dtype(dtype)
    assert batch.shape == (2,) + np.shape(elements[0])
    if values is not None:
        assert batch.tolist() == values


def test_a_cast_that_can_lose_something_is_warned_of_once(log_records):
    elements = [np.float16(1), np.float64(2.5), np.float64(3), np.uint8(1)]
    for _ in range(2):
        batch_of(*elements)
    warnings = [record.getMessage() for record in log_records if "float16" in record.getMessage()]
    assert len(warnings) == 1 and "component 0: float64 is cast to float16, the dtype of the first element" in warnings[0]


def test_maps_that_batch_cast_as_well():
    flow = DataFromList([np.float32(1), np.float64(2.5)], shuffle=False)
    batches = MultiProcessMapAndBatchData(flow, 1, _datapoint_of, 2, buffer_size=4)
    batches.reset_state()
    value, = next(iter(batches))
    assert value.dtype in ("float32", "float64") and sorted(value.tolist()) == [1, 2.5]


def _datapoint_of(value):
    return [value]


ERRORS = {
    "shapes": ([np.zeros((3, 4)), np.zeros((3, 5))], ValueError,
               r"batch 0, component 0: .*same shape; got \(3, 4\) and \(3, 5\) \(element 1\).*resize.*use_list=True"),
    "ranks": ([np.zeros(3), np.zeros((3, 1))], ValueError, r"same shape; got \(3,\) and \(3, 1\)"),
    "scalar and array": ([1, np.zeros(3)], TypeError, r"numbers like the first, int 1; got float64 \(3,\)"),
    "array and scalar": ([np.zeros(3), 1], ValueError, r"same shape; got \(3,\) and \(\)"),
    "array and list": ([np.zeros(3), [0, 0, 0]], TypeError, "arrays like the first, .*got list of 3"),
    "too large": ([np.int32(1), np.int64(2**40)], ValueError, r"int32; got int64 with values from \S+ to \S+ \(element 1\)"),
    "numpy uint8 overflow": ([np.uint8(1), 256], ValueError, "uint8; got int64 with values from 256"),
    "uint64 into int64": ([np.int64(1), np.uint64(2**63)], ValueError, "int64; got uint64 with values from"),
    "negative into unsigned": ([np.uint8(1), np.float32(-1)], ValueError, "uint8; got float32 with values from -1"),
    "NaN into integers": ([np.int32(1), np.float32("nan")], ValueError, "int32; got float32 with values from nan"),
    "number into bool": ([np.bool_(True), np.int64(2)], TypeError, "kind of the first, bool; got int64"),
    "python number into bool": ([np.bool_(True), 2], TypeError, "kind of the first, bool; got int64"),
    "complex into real": ([np.float32(1), np.complex64(2j)], TypeError, "kind of the first, float32; got complex64"),
    "text into numbers": ([np.zeros(1), np.array(["1"])], TypeError, "kind of the first, float64; got <U1"),
    "numbers into text": ([np.array(["1"]), np.zeros(1)], TypeError, "kind of the first, <U1; got float64"),
    "objects into numbers": ([np.zeros(1), np.array([None])], TypeError, "kind of the first, float64; got object"),
    "more than 64 bits": ([1, 2**64], ValueError, "integers must fit into int64; got values from 1 to 18446744073709551616"),
    "list": ([[1], [2]], TypeError, r"component 0: Unsupported type to batch: list of 1.*use_list=True"),
    "None": ([None, None], TypeError, "component 0: Unsupported type to batch: None"),
    "str and bytes": (["a", b"b"], TypeError, "must be str like the first; got bytes b'b'"),
    "bytes and str": ([b"a", "b"], TypeError, "must be bytes like the first; got str 'b'"),
    "int and str": ([1, "b"], TypeError, "numbers like the first, int 1; got str 'b'"),
    "int and None": ([1, None], TypeError, "numbers like the first, int 1; got None"),
}


@pytest.mark.parametrize("elements, error, message", ERRORS.values(), ids=ERRORS.keys())
def test_what_does_not_fit_raises_and_names_the_component(elements, error, message):
    with pytest.raises(error, match=r"BatchData\(batch_size=2\): batch 0, component 0: "):
        batch_of(*elements)
    with pytest.raises(error, match=message):
        batch_of(*elements)


def test_error_names_batch_and_dict_key():
    df = DataFromList([{"x": np.zeros(k // 5)} for k in range(6)], shuffle=False)
    with pytest.raises(ValueError, match=r"BatchData\(batch_size=2\): batch 2, component 'x': .* \(0,\) and \(1,\)"):
        list(BatchData(df, 2))


@pytest.mark.parametrize("datapoints, message", [
    ([3, 4], "Data point has to be list/tuple/dict. Got int 3"),
    ([np.zeros(2)] * 2, "Data point has to be list/tuple/dict. Got float64"),
    ([[1, 2], [1]], "as many components as the first, 2; got 1 in datapoint 1"),
    ([[1], [1, 2]], "as many components as the first, 1; got 2 in datapoint 1"),
    ([{"x": 1}, {"y": 1}], "component 'x': .*components of the first; got dict of 1.*as datapoint 1"),
    ([[1], {"y": 1}], "component 0: .*components of the first; got dict of 1"),
], ids=["int", "array", "fewer", "more", "missing key", "list and dict"])
def test_datapoints_that_do_not_match_are_refused(datapoints, message):
    with pytest.raises(ValueError, match=r"batch 0, .*" + message):
        list(BatchData(DataFromList(datapoints, shuffle=False), 2))


SHAPE = (128, 128)  # a batch of two is larger than what comes from the pool


def numbered(count):
    return flow(np.full(SHAPE, k, "float32") for k in range(count))


class TestMemory:
    def test_big_batches_are_aligned_for_tensorflow(self):
        for batch in BatchData(numbered(8), 2):
            assert batch[0].ctypes.data % 64 == 0

    def test_memory_of_dead_batches_is_used_again(self):
        addresses = {batch[0].ctypes.data for batch in BatchData(numbered(64), 2)}
        assert len(addresses) < 8

    @pytest.mark.parametrize("keep", [
        lambda batch: batch,
        lambda batch: batch[1:],
        lambda batch: batch.reshape(-1)[::2][5:],
        lambda batch: memoryview(batch),
        lambda batch: np.asarray(batch).view("uint8")[..., 3],
    ], ids=["batch", "slice", "view of a view", "memoryview", "other dtype"])
    def test_what_is_kept_of_a_batch_is_never_overwritten(self, keep):
        kept, copies = [], []
        for batch in BatchData(numbered(64), 2):
            kept.append(keep(batch[0]))
            copies.append(np.array(kept[-1]))
            del batch
        gc.collect()
        for got, expected in zip(kept, copies):
            np.testing.assert_array_equal(np.asarray(got), expected)


class TestBatchDataByShape:
    def make(self, widths, batch_size=2):
        df = BatchDataByShape(DataFromList([[np.zeros(w), k] for k, w in enumerate(widths)], shuffle=False), batch_size, 0)
        df.reset_state()
        return df

    def test_batches_have_one_shape_and_come_when_full(self):
        df = self.make([1, 2, 1, 3, 2])
        assert [(batch[0].shape, batch[1].tolist()) for batch in df] == [((2, 1), [0, 2]), ((2, 2), [1, 4])]
        assert len(df) == 2

    def test_leftovers_come_in_later_passes_until_reset(self):
        df = self.make([1, 1, 1])
        assert [batch[1].tolist() for batch in df] == [[0, 1]]
        assert [batch[1].tolist() for batch in df] == [[2, 0], [1, 2]]
        next(iter(df))
        df.reset_state()
        assert [batch[1].tolist() for batch in df] == [[0, 1]]

    def test_an_abandoned_pass_does_not_jam_the_bucket(self):
        df = self.make([1, 1, 1, 1])
        next(iter(df))
        assert [batch[1].tolist() for batch in df] == [[0, 1], [2, 3]]

    def test_component_by_key(self):
        df = BatchDataByShape(DataFromList([{"x": np.zeros(3)}] * 2, shuffle=False), 2, "x")
        df.reset_state()
        assert next(iter(df))["x"].shape == (2, 3)

    def test_component_must_be_an_array(self):
        df = BatchDataByShape(DataFromList([[1], [2]]), 2, 0)
        df.reset_state()
        with pytest.raises(TypeError, match=r"BatchDataByShape\(idx=0\): .*must be an array; got int"):
            next(iter(df))


@settings(deadline=None, max_examples=60)
@given(values=st.lists(st.integers(-2**63, 2**63 - 1), min_size=1, max_size=20), batch_size=st.integers(1, 25),
       remainder=st.booleans())
def test_batches_hold_exactly_the_datapoints_in_order(values, batch_size, remainder):
    if not remainder and batch_size > len(values):
        return
    df = BatchData(flow(values), batch_size, remainder=remainder)
    batches = [batch[0].tolist() for batch in df]
    kept = len(values) if remainder else len(values) // batch_size * batch_size
    assert [value for batch in batches for value in batch] == values[:kept]
    assert len(batches) == len(df)
    assert all(len(batch) == batch_size for batch in batches[:-1])


@settings(deadline=None, max_examples=60)
@given(values=st.lists(st.one_of(st.booleans(), st.integers(-2**24, 2**24), st.floats(width=32, allow_nan=False)), min_size=1,
                       max_size=8))
def test_numbers_keep_their_values_whatever_comes_first(values):
    assert BatchData._batch_numpy(values).tolist() == values


@settings(deadline=None, max_examples=60)
@given(values=st.lists(st.binary(max_size=6), min_size=1, max_size=5))
def test_bytes_keep_their_values(values):
    assert BatchData._batch_numpy(values).tolist() == values
