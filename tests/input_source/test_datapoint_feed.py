import numpy as np
import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.input_source._feed import DatapointFeed


def feed_of(*components):
    """A feed for inputs of these (dtype, shape)."""
    return DatapointFeed("Test", [tf.TensorSpec(shape, dtype, "in{}".format(position))
                                  for position, (dtype, shape) in enumerate(components)])


def feed_one(dtype, shape, value):
    return feed_of((dtype, shape))([value])[0]


ACCEPTED = [
    ("float64_to_float32", "float32", [None], np.array([0.5, 1e-3]), [0.5, 1e-3]),
    ("float32_to_float64", "float64", [2], np.float32([0.5, 2]), [0.5, 2]),
    ("float32_to_float16", "float16", [2], np.float32([0.5, 2]), [0.5, 2]),
    ("float32_to_bfloat16", "bfloat16", [2], np.float32([0.5, 2]), [0.5, 2]),
    ("uint8_to_float32", "float32", [2], np.uint8([0, 255]), [0, 255]),
    ("uint8_to_int32", "int32", [2], np.uint8([0, 255]), [0, 255]),
    ("int64_to_float32", "float32", [2], np.array([3, -4]), [3, -4]),
    ("int64_that_fits_int32", "int32", [2], np.array([-2 ** 31, 2 ** 31 - 1]), [-2 ** 31, 2 ** 31 - 1]),
    ("int64_that_fits_uint8", "uint8", [2], np.array([0, 255]), [0, 255]),
    ("bool_to_float32", "float32", [2], np.array([True, False]), [1, 0]),
    ("zeros_and_ones_to_bool", "bool", [2], np.uint8([1, 0]), [True, False]),
    ("float_to_complex", "complex64", [1], np.array([1.5]), [1.5]),
    ("big_endian", "float32", [2], np.array([0.5, 2], ">f4"), [0.5, 2]),
    ("python_int_to_int32", "int32", [], 7, 7),
    ("python_int_to_float32", "float32", [], 7, 7),
    ("python_float_to_float32", "float32", [], 1.5, 1.5),
    ("python_bool_to_bool", "bool", [], True, True),
    ("numpy_scalar", "int64", [], np.int32(3), 3),
    ("nested_list", "int32", [None, 2], [[1, 2], [3, 4]], [[1, 2], [3, 4]]),
    ("empty_list_to_integers", "int32", [None], [], []),
    ("object_array_of_numbers", "float32", [None], np.array([1, 2.5], dtype=object), [1, 2.5]),
    ("any_rank", "float32", None, np.ones((2, 3, 4), "float32"), np.ones((2, 3, 4))),
    ("not_contiguous", "float32", [3, 2], np.arange(6, dtype="float32").reshape(2, 3).T, np.arange(6).reshape(2, 3).T),
]


@pytest.mark.parametrize("dtype, shape, value, expected", [a[1:] for a in ACCEPTED], ids=[a[0] for a in ACCEPTED])
def test_value_that_fits_becomes_an_array_of_the_dtype(dtype, shape, value, expected):
    array = feed_one(dtype, shape, value)
    assert isinstance(array, np.ndarray) and array.dtype == tf.as_dtype(dtype).as_numpy_dtype
    assert array.shape == np.shape(expected)
    tolerance = 1e-2 if "16" in dtype else 1e-6
    np.testing.assert_allclose(array.astype("complex128"), np.asarray(expected).astype("complex128"), rtol=tolerance)


REJECTED = [
    ("float_to_int", "int32", [], 1.5, TypeError, ["int32 ()", "float 1.5"]),
    ("whole_float_to_int", "int32", [2], np.float32([1, 2]), TypeError, ["int32 (2)", "float32 (2,)", "astype('int32')"]),
    ("fractions_to_uint8", "uint8", [2], np.float32([0, 0.9]), TypeError, ["(x * 255).astype('uint8')"]),
    ("large_floats_to_uint8", "uint8", [2], np.float32([0, 9]), TypeError, ["such as x.astype('uint8')"]),
    ("300_to_uint8", "uint8", [], 300, ValueError, ["uint8 ()", "int 300", "0 to 255"]),
    ("negative_to_unsigned", "uint32", [2], np.array([1, -1]), ValueError, ["uint32", "-1"]),
    ("int64_too_large_for_int32", "int32", [1], np.array([2 ** 31]), ValueError, ["int32", str(2 ** 31)]),
    ("uint64_too_large_for_int64", "int64", [1], np.array([2 ** 63], "uint64"), ValueError, ["int64", str(2 ** 63)]),
    ("2_to_bool", "bool", [1], np.array([2]), ValueError, ["bool", "0 to 1"]),
    ("float_to_bool", "bool", [], 1.0, TypeError, ["bool"]),
    ("complex_to_float", "float32", [], 1j, TypeError, ["float32", "complex"]),
    ("str_to_float", "float32", [], "abc", TypeError, ["float32", "str 'abc'"]),
    ("None", "float32", [], None, TypeError, ["float32", "None"]),
    ("dict_for_an_array", "float32", [], {"a": 1}, TypeError, ["float32", "dict of 1"]),
    ("huge_int", "int64", [], 2 ** 70, TypeError, ["int64", "int 1180591620717411303424"]),
    ("number_to_string", "string", [], 3, TypeError, ["string ()", "int 3", "str or bytes"]),
    ("string_array_with_None", "string", [None], np.array(["a", None], dtype=object), TypeError,
     ["string (?)", "object (2,)"]),
    ("wrong_rank", "float32", [None, 3], np.zeros(3, "float32"), ValueError, ["float32 (?, 3)", "float32 (3,)"]),
    ("wrong_size", "float32", [None, 3], np.zeros((5, 4), "float32"), ValueError, ["float32 (?, 3)", "float32 (5, 4)"]),
    ("wrong_size_after_conversion", "float32", [2], [1, 2, 3], ValueError, ["float32 (2)", "list of 3"]),
    ("string_of_wrong_shape", "string", [2], ["a"], ValueError, ["string (2)", "list of 1"]),
]


@pytest.mark.parametrize("dtype, shape, value, error, words", [r[1:] for r in REJECTED], ids=[r[0] for r in REJECTED])
def test_value_that_does_not_fit_is_refused_with_both_specs(dtype, shape, value, error, words):
    with pytest.raises(error) as info:
        feed_one(dtype, shape, value)
    for word in ["Test: datapoint 0", "component 0 (input 'in0')"] + words:
        assert word in str(info.value)


ONE_HOT = np.eye(3)[[2, 0, 1, 1]]
ADVICE = [
    ("no batch", "uint8", [None, 8, 8, 3], np.zeros((8, 8, 3), "uint8"), "the axis of the batch is missing: put BatchData"),
    ("a label alone", "int32", [None], 7, "the axis of the batch is missing"),
    ("no channels", "float32", [None, 8, 8, 1], np.zeros((5, 8, 8)), r"of one element, is missing: yield x\[..., np.newaxis\]"),
    ("columns of labels", "int32", [None], np.zeros((5, 1), "int32"), r"a last axis of one element: yield x\[..., 0\]"),
    ("a batch of one", "float32", [8, 8], np.zeros((1, 8, 8)), r"a first axis of one element: yield x\[0\]"),
    ("batched twice", "float32", [None, 8, 8], np.zeros((2, 5, 8, 8)), "is it batched twice"),
    ("one-hot floats", "int32", [None], ONE_HOT, r"the labels are one-hot: yield their indices, x.argmax\(axis=-1\)"),
    ("one-hot integers", "int64", [None], ONE_HOT.astype("int32"), "the labels are one-hot"),
    ("one-hot, same dtype", "int32", [4], ONE_HOT.astype("int32"), "the labels are one-hot"),
    ("other sizes", "float32", [None, 8], np.zeros((5, 9)), "resize or batch it in the DataFlow"),
    ("not one-hot", "int32", [None], ONE_HOT + 1, "such as x.astype"),
]


@pytest.mark.parametrize("dtype, shape, value, words", [a[1:] for a in ADVICE], ids=[a[0] for a in ADVICE])
def test_a_shape_that_does_not_fit_is_answered_with_what_to_do(dtype, shape, value, words):
    with pytest.raises((TypeError, ValueError), match=words):
        feed_one(dtype, shape, value)


@pytest.mark.parametrize("inputs, datapoint, words", [
    ([("float32", [None, 8, 8]), ("int32", [None])], [np.arange(5), np.zeros((5, 8, 8), "float32")], "components 0 and 1 seem"),
    ([("float32", [None]), ("int32", [None])], [np.arange(5), np.zeros(5)], "components 0 and 1 seem"),
    ([("int32", []), ("float32", [3]), ("string", [])], ["name", np.zeros(3), 5], "components 0 and 2 seem"),
], ids=["shapes", "dtypes", "of three"])
def test_components_that_would_fit_the_other_way_round_are_named(inputs, datapoint, words):
    with pytest.raises((TypeError, ValueError), match=words + r" to be swapped: yield them in the order of the inputs"):
        feed_of(*inputs)(datapoint)


def test_components_that_fit_nowhere_are_not_called_swapped():
    with pytest.raises(ValueError) as info:
        feed_of(("float32", [None, 8]), ("int32", [None]))([np.zeros((5, 9)), np.arange(5)])
    assert "swapped" not in str(info.value)


def test_ragged_list_is_refused():
    with pytest.raises((TypeError, ValueError), match="input 'in0'.*float32"):
        feed_one("float32", None, [[1, 2], [3]])


STRINGS = [
    ("str", [], "ü", "ü".encode()),
    ("bytes_with_zeros", [], b"a\0\xff\0", b"a\0\xff\0"),
    ("list_of_both", [None], ["ab", b"\xff"], [b"ab", b"\xff"]),
    ("unicode_array", [2], np.array(["a", "bcd"]), [b"a", b"bcd"]),
    ("bytes_array", [None], np.array([b"a", b"bcd"]), [b"a", b"bcd"]),
    ("object_array", [None, 1], np.array([["a"], [b"b"]], dtype=object), [[b"a"], [b"b"]]),
]


@pytest.mark.parametrize("shape, value, expected", [s[1:] for s in STRINGS], ids=[s[0] for s in STRINGS])
def test_strings_reach_tensorflow_unchanged(shape, value, expected):
    array = feed_one("string", shape, value)
    x = tf.placeholder(tf.string, shape)
    with tf.Session() as sess:
        got = sess.run(tf.identity(x), feed_dict={x: array})
    assert np.asarray(got, dtype=object).tolist() == expected


@pytest.mark.parametrize("dtype", ["float32", "uint8", "int64", "bool", "float16", "complex64"])
def test_array_that_fits_is_not_copied(dtype):
    array = np.zeros((4, 5), dtype)
    assert feed_one(dtype, [None, 5], array) is array


def test_converted_array_is_aligned_so_that_tensorflow_does_not_copy_it_again():
    array = feed_one("float32", [None, 256, 256], np.ones((2, 256, 256)))
    assert array.ctypes.data % 64 == 0
    assert (array == 1).all()


@pytest.mark.parametrize("make", [list, tuple], ids=["list", "tuple"])
def test_components_are_taken_by_position(make):
    feed = feed_of(("int32", []), ("float32", []))
    assert [float(x) for x in feed(make([1, 2.5]))] == [1, 2.5]


def test_dict_is_taken_by_input_name_and_other_keys_are_ignored():
    feed = feed_of(("int32", []), ("float32", []))
    assert [float(x) for x in feed({"in1": 2.5, "extra": None, "in0": 1})] == [1, 2.5]


DATAPOINTS = [
    ("too_few", [1], ValueError, ["must have 2 components", "['in0', 'in1']", "got 1", "list of 1: [int 1]"]),
    ("too_many", (1, 2, 3), ValueError, ["must have 2 components", "got 3"]),
    ("missing_key", {"in0": 1, "x": 2}, KeyError, ["['in1']", "['in0', 'x']"]),
    ("bare_array", np.zeros(2, "float32"), TypeError, ["list or tuple", "float32 (2,)"]),
    ("None", None, TypeError, ["list or tuple", "None"]),
]


@pytest.mark.parametrize("datapoint, error, words", [d[1:] for d in DATAPOINTS], ids=[d[0] for d in DATAPOINTS])
def test_datapoint_of_wrong_form_is_refused(datapoint, error, words):
    with pytest.raises(error) as info:
        feed_of(("int32", []), ("float32", []))(datapoint)
    for word in ["Test: datapoint 0"] + words:
        assert word in str(info.value)


def test_error_names_the_datapoint_and_the_component():
    feed = feed_of(("int32", []), ("float32", [2]))
    feed([1, [1, 2]])
    feed([1, [1, 2]])
    with pytest.raises(ValueError, match=r"datapoint 2 .*component 1 \(input 'in1'\)"):
        feed([1, [1, 2, 3]])
    assert feed.count == 3


@pytest.mark.parametrize("dtype, shape, good, others", [
    ("float32", [None, 2], np.ones((3, 2), "float32"), [
        (np.ones((3, 2), "float64"), None), (np.ones((3, 2), ">f4"), None), (np.ones((4, 2), "float32"), None),
        ([[1, 2]] * 3, None), (np.ones((3, 2), object), None), (np.ones((3, 3), "float32"), ValueError),
        (np.ones((2, 3, 2), "float32"), ValueError), (np.full((3, 2), "1"), TypeError)]),
    ("uint8", [2], np.uint8([1, 2]), [
        (np.int64([1, 2]), None), (np.int64([1, 300]), ValueError), (np.int8([1, -1]), ValueError)]),
    ("string", [2], np.array(["a", "b"], object), [
        (np.array([1, 2], object), TypeError), (np.array(["a"], object), ValueError)]),
], ids=["float32", "uint8", "string"])
def test_each_datapoint_is_checked_whatever_came_before(dtype, shape, good, others):
    feed = feed_of((dtype, shape), (dtype, shape))
    for value, error in others:
        feed([good, good])
        if error is None:
            first, second = feed([good, value])
            assert second.dtype == first.dtype == good.dtype and second.shape == np.shape(value)
            continue
        for bad in ([good, value], [value, good], [value, value]):
            with pytest.raises(error):
                feed(bad)


def test_the_form_of_each_datapoint_is_checked_whatever_came_before():
    good = [np.zeros(2, "float32"), np.zeros(3, "uint8")]
    feed = feed_of(("float32", [None]), ("uint8", [None]))
    for bad in (good[:1], good + good[:1], [], good[::-1], [good[0], good[1] / 2], [good[0], np.zeros((3, 1), "uint8")],
                {"in0": good[0]}, good[0]):
        assert feed(good)[1] is feed(tuple(good))[1] is good[1]
        with pytest.raises((TypeError, ValueError, KeyError), match="Test: datapoint {} of".format(feed.count)):
            feed(bad)
    assert feed({"in1": good[1], "in0": good[0]})[0] is good[0]
    assert feed([good[0], [1, 2]])[1].tolist() == [1, 2]
