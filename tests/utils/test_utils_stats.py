"""utils.stats: counters against numpy, and what they say when they are empty."""
import numpy as np
import pytest

from tensorpack.utils.stats import Accuracy, BinaryStatistics, OnlineMoments, RatioCounter, StatCounter


def test_stat_counter():
    c = StatCounter()
    for v in (3, 1.5, -2):
        c.feed(v)
    assert (c.count, c.sum, c.max, c.min) == (3, 2.5, 3, -2)
    assert c.average == pytest.approx(2.5 / 3)
    assert c.samples() == [3, 1.5, -2]
    c.reset()
    assert (c.count, c.samples()) == (0, [])


def test_half_precision_is_added_in_higher_precision():
    c = StatCounter()
    for _ in range(3):
        c.feed(np.float16(60000))
    assert (c.sum, c.average) == (pytest.approx(180000, rel=1e-3), pytest.approx(60000, rel=1e-3))


@pytest.mark.parametrize("name", ["average", "sum", "max", "min"])
def test_empty_stat_counter_says_so(name):
    with pytest.raises(RuntimeError, match="StatCounter.*got none.*feed"):
        getattr(StatCounter(), name)


def test_samples_are_a_copy():
    c = StatCounter()
    c.feed(1)
    c.samples().append(2)
    assert c.count == 1


@pytest.mark.parametrize("cls", [RatioCounter, Accuracy])
def test_ratio_counter(cls):
    c = cls()
    assert c.ratio == 0
    c.feed(1)
    c.feed(2, 7)
    assert (c.count, c.total, c.ratio) == (3, 8, 3 / 8)
    c.reset()
    assert (c.count, c.total, c.ratio) == (0, 0, 0)


def test_accuracy_is_its_ratio():
    c = Accuracy()
    c.feed(1, 4)
    assert c.accuracy == 0.25


@pytest.mark.parametrize("dtype", [bool, "int32", "float32", "uint8"])
def test_binary_statistics(dtype):
    s = BinaryStatistics()
    s.feed(np.array([[1, 1, 0], [0, 1, 0]], dtype), np.array([[1, 0, 0], [1, 1, 0]], dtype))
    s.feed(np.array(1, dtype), np.array(1, dtype))
    assert (s.nr_pos, s.nr_neg, s.nr_pred_pos, s.nr_pred_neg, s.corr_pos, s.corr_neg) == (4, 3, 4, 3, 3, 2)
    assert (s.precision, s.recall, s.false_positive, s.false_negative) == (0.75, 0.75, 0.25, 0.25)
    s.reset()
    assert (s.precision, s.recall, s.false_positive, s.false_negative) == (0, 0, 0, 0)


@pytest.mark.parametrize("value", [0.73, 2, -1, np.nan, np.float16(0.5)], ids=repr)
def test_binary_statistics_refuse_what_is_neither_0_nor_1(value):
    s = BinaryStatistics()
    for pred, label, name in (([1, value], [0, 1], "pred"), ([1, 0], [value, 1], "label")):
        with pytest.raises(ValueError, match="BinaryStatistics.feed: {} must hold 0 and 1 only; got {}".format(name, value)):
            s.feed(pred, label)
    assert s.nr_pos == s.nr_neg == 0


UNDEFINED = [
    ("no positive label", [1, 0], [0, 0], (0, 0, 1, 0)),
    ("no positive prediction", [0, 0], [1, 0], (0, 0, 0, 1)),
]


@pytest.mark.parametrize("pred,label,expected", [u[1:] for u in UNDEFINED], ids=[u[0] for u in UNDEFINED])
def test_binary_statistics_are_zero_where_undefined(pred, label, expected):
    s = BinaryStatistics()
    s.feed(pred, label)
    assert (s.precision, s.recall, s.false_positive, s.false_negative) == expected


def test_binary_statistics_needs_equal_shapes():
    with pytest.raises(ValueError, match=r"same shape.*\(2,\) and \(3,\)"):
        BinaryStatistics().feed(np.zeros(2), np.zeros(3))


@pytest.mark.parametrize("shape", [(), (3, 2)], ids=["scalar", "array"])
@pytest.mark.parametrize("dtype", ["float64", "uint8"])
def test_online_moments_agree_with_numpy(shape, dtype):
    data = (np.random.RandomState(0).rand(20, *shape) * 200).astype(dtype)
    m = OnlineMoments()
    for x in data:
        m.feed(x)
    np.testing.assert_allclose(m.mean, data.mean(axis=0))
    np.testing.assert_allclose(m.variance, data.var(axis=0, ddof=1))
    np.testing.assert_allclose(m.std, data.std(axis=0, ddof=1))


def test_online_moments_are_stable_far_from_zero():
    m = OnlineMoments()
    for x in (1e9 + 1, 1e9 + 2, 1e9 + 3):
        m.feed(x)
    assert m.variance == pytest.approx(1)


def test_online_moments_do_not_change_what_they_are_fed():
    x = np.ones(3)
    m = OnlineMoments()
    m.feed(x)
    m.feed(x * 2)
    assert (x == 1).all()


@pytest.mark.parametrize("num,name", [(0, "mean"), (0, "variance"), (0, "std"), (1, "variance"), (1, "std")])
def test_online_moments_need_enough_values(num, name):
    m = OnlineMoments()
    for _ in range(num):
        m.feed(3)
    with pytest.raises(RuntimeError, match=r"OnlineMoments.{}.*got {}".format(name, num)):
        getattr(m, name)
