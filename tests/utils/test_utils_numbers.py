"""Which values serve as counts and sizes, and what is said of the others."""
import numpy as np
import pytest

from tensorpack.utils._arguments.numbers import whole_number


class Indexable:
    def __index__(self):
        return 7


@pytest.mark.parametrize("value, expected", [
    (4, 4), (4.0, 4), (48 / 4, 12), (-3.0, -3), (0, 0), (10 ** 30, 10 ** 30), (np.int64(5), 5), (np.uint8(5), 5),
    (np.float32(6), 6), (np.float16(6), 6), (np.longdouble(6), 6), (np.array(8), 8), (np.array(8.0), 8), (Indexable(), 7),
])
def test_whole_numbers_become_python_ints(value, expected):
    number = whole_number("Thing", "size", value)
    assert number == expected and type(number) is int


@pytest.mark.parametrize("value, error, words", [
    (4.5, ValueError, "got 4.5; choose how to round it"),
    (np.float32(0.5), ValueError, "0.5"),
    (float("nan"), ValueError, "got nan"),
    (float("inf"), ValueError, "got inf"),
    (np.longdouble(4.5), ValueError, "4.5"),
    (True, TypeError, "got True"),
    (np.bool_(True), TypeError, "True"),
    ("4", TypeError, r"got '4'; convert it by int\(\)"),
    (None, TypeError, "got None"),
    ([4], TypeError, r"got \[4\]"),
    (np.array([4, 5]), TypeError, r"got int64 \(2,\)"),
    (4j, TypeError, "got 4j"),
])
def test_other_values_are_refused_by_name(value, error, words):
    with pytest.raises(error, match="^Thing: size must be a whole number; .*" + words):
        whole_number("Thing", "size", value)


@pytest.mark.parametrize("value", [0, 0.0, np.int32(-1)])
def test_a_number_below_the_minimum_is_refused(value):
    assert whole_number("Thing", "size", 1, minimum=1) == 1
    with pytest.raises(ValueError, match="^Thing: size must be at least 1; got "):
        whole_number("Thing", "size", value, minimum=1)


def test_an_object_is_named_by_its_class():
    with pytest.raises(ValueError, match="^Indexable: size must be a whole number; got 0.5"):
        whole_number(Indexable(), "size", 0.5)
