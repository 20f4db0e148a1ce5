import re

import pytest

from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils.model_utils import describe_trainable_vars, get_shape_str


def describe(log_records):
    describe_trainable_vars()
    assert len(log_records) == 1
    assert log_records[0].levelname == "INFO"
    return re.sub(r"\x1b\[\d+m", "", log_records[0].getMessage())


def test_table_of_float32_variables_on_one_device(log_records):
    tf.get_variable("conv/W", shape=[3, 3, 1, 2])
    tf.get_variable("b", shape=[])
    tf.get_variable("mean", shape=[5], trainable=False)
    text = describe(log_records)
    assert text.startswith("List of Trainable Variables")
    rows = [line.split(None, 1) for line in text.splitlines()]
    assert ["name", "shape           #elements"] in rows
    assert ["conv/W", "[3, 3, 1, 2]           18"] in rows
    assert ["b", "[]                      1"] in rows
    assert "mean" not in text and "dtype" not in text and "device" not in text
    assert "Number of trainable variables: 2" in text
    assert "(elements): 19" in text
    assert text.endswith("0.00MB")


def test_storage_counts_the_size_of_elements(log_records):
    tf.get_variable("a", shape=[1024, 512], dtype=tf.float64)
    assert describe(log_records).endswith("4.00MB")


def test_columns_appear_when_they_tell_something(log_records):
    with tf.device("/cpu:0"):
        tf.get_variable("a", shape=[2], dtype=tf.float16)
    tf.get_variable("b", shape=[2], use_resource=True)
    text = describe(log_records)
    assert "device" in text and "CPU:0" in text
    assert "dtype" in text and "float16" in text and "float32" in text


@pytest.mark.parametrize("name, listed", [
    ("tower1/W", False), ("tower12/fc/W", False), ("towers/W", True), ("tower_x/W", True)])
def test_only_copies_of_towers_are_left_out(log_records, name, listed):
    tf.get_variable("W", shape=[])
    tf.get_variable(name, shape=[])
    assert (name in describe(log_records)) == listed


def test_variable_of_unknown_shape_is_listed(log_records):
    tf.Variable(tf.placeholder(tf.float32), validate_shape=False, name="odd")
    assert "odd" in describe(log_records)


def test_no_variables_is_a_warning(log_records):
    describe_trainable_vars()
    assert [record.levelname for record in log_records] == ["WARNING"]


def test_shapes_as_text():
    x = tf.placeholder(tf.float32, (None, 8, 8, 6))
    assert get_shape_str(x) == "[?, 8, 8, 6]"
    assert get_shape_str([x, tf.constant(0)]) == get_shape_str((x, tf.constant(0))) == "[?, 8, 8, 6], []"
    assert get_shape_str(tf.get_variable("v", shape=[2], use_resource=True)) == "[2]"


@pytest.mark.parametrize("make, error", [
    (lambda: "x", TypeError), (lambda: [3], TypeError), (lambda: tf.placeholder(tf.float32), ValueError),
], ids=["str", "int", "unknown rank"])
def test_shapes_of_other_things_are_refused(make, error):
    with pytest.raises(error, match="get_shape_str"):
        get_shape_str(make())
