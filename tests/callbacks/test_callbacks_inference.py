"""What inferencers make of the values that are fetched for them."""
import numpy as np
import pytest
from small_training import messages

from tensorpack.callbacks._batch_sizes import inputs_with_batches
from tensorpack.callbacks.inference import BinaryClassificationStats, ClassificationError, Inferencer, ScalarStats
from tensorpack.compat import tfv1 as tf
from tensorpack.utils import argtools


def one_pass(inferencer, datapoints):
    inferencer._before_inference()
    for values in datapoints:
        inferencer.on_fetches(values)
    return inferencer._after_inference()


class FakeMonitors:
    def __init__(self):
        self.put = []

    def put_scalar(self, name, value):
        self.put.append((name, value))


class FakeTrainer:
    def __init__(self):
        self.monitors = FakeMonitors()
        self.epoch_num = 1


def trigger(inferencer, datapoints, trainer):
    inferencer.trainer = trainer
    inferencer.before_epoch()
    for values in datapoints:
        inferencer.on_fetches(values)
    inferencer.trigger_epoch()
    return trainer.monitors.put


@pytest.mark.parametrize("arguments, fetches, expected", [
    (dict(names=["cost", "a/err:0"]), ["cost:0", "a/err:0"], {"validation_cost": 2, "validation_a/err": 20}),
    (dict(names=["cost", "x:1"], prefix="test"), ["cost:0", "x:1"], {"test_cost": 2, "test_x": 20}),
    (dict(names=["cost", "err"], prefix=None), ["cost:0", "err:0"], {"cost": 2, "err": 20}),
    (dict(names=["cost", "err"], prefix=""), ["cost:0", "err:0"], {"cost": 2, "err": 20}),
], ids=str)
def test_scalar_stats(arguments, fetches, expected):
    stats = ScalarStats(**arguments)
    assert stats.get_fetches() == fetches
    assert one_pass(stats, [[np.float32(1), 10], [np.float32(3), 30]]) == expected
    assert one_pass(stats, [[5, 5]]) == dict.fromkeys(expected, 5)  # nothing is left of the pass before


@pytest.mark.parametrize("tensor, statistic, is_told", [
    ("correct", "validation_error", True), ("is_correct:0", "mistakes", True), ("accuracy", "val_err", True),
    ("correct", "validation_accuracy", False), ("incorrect", "validation_error", False), ("wrong", "val_acc", False),
    ("incorrect_vector", "validation_error", False), ("top5", "error", False),
    ("not_correct", "validation_error", False),
])
def test_a_vector_that_sounds_as_if_1_were_right_is_told(log_records, monkeypatch, tensor, statistic, is_told):
    monkeypatch.setattr(argtools, "_LOGGED", set())
    with tf.Graph().as_default():
        ClassificationError(tensor, statistic)._check_fetches([tf.zeros([3])])
    told = [record.getMessage() for record in log_records if record.levelname == "WARNING"]
    assert len(told) == is_told and all("sounds as if 1 were right" in line and statistic in line for line in told)


def test_scalar_stats_of_one_name_given_as_a_string():
    assert one_pass(ScalarStats("cost"), [[1], [2]]) == {"validation_cost": 1.5}


def test_scalar_stats_of_an_empty_pass():
    assert one_pass(ScalarStats("cost"), []) is None


def test_scalar_stats_add_up_in_double_precision():
    value = np.float32(0.1)
    assert one_pass(ScalarStats("x"), [[value]] * 100001)["validation_x"] == pytest.approx(float(value), rel=1e-12)


@pytest.mark.parametrize("inputs, batches", [
    ([[None, 3]], [0]), ([[None, 3], [None]], [0, 1]), ([[None], [4, 2], []], [0]), ([[None], None], [0]),
    ([[4, 3], [4]], []), ([[]], []), ([None], []),
    ([[None, None, 3]], []), ([[None, None, 3], []], []),  # one image of any size
    ([[None, None], [None]], [0, 1]), ([[None, None], [None, None], [None, 2]], [0, 1, 2]),  # sequences that were padded
], ids=str)
def test_inputs_that_have_batches(inputs, batches):
    with tf.Graph().as_default():
        inputs = [tf.placeholder(tf.float32, shape) for shape in inputs]
        assert inputs_with_batches(inputs) == [inputs[i] for i in batches]


RUNS = [[1., np.array([3, 3])], [7., np.array([1, 1])]]  # cost, lengths of the inputs
UNKNOWN = [[1., np.array([3, 2])], [7., np.array([1, 1])]]


@pytest.mark.parametrize("by_size, runs, expected, num_warnings", [
    (False, RUNS, 4, 1), (True, RUNS, 2.5, 0),
    (False, RUNS[:1], 1, 0), (True, RUNS[:1] * 2, 1, 0),
    (False, [each[:1] for each in RUNS], 4, 0), (False, UNKNOWN, 4, 0),
    (True, [[float("nan"), np.array([0])], [7., np.array([2])]], 7, 0),
], ids=str)
def test_scalar_stats_of_batches_that_differ(by_size, runs, expected, num_warnings, log_records, monkeypatch):
    monkeypatch.setattr(argtools, "_LOGGED", set())
    stats = ScalarStats("cost", by_size=by_size)
    for _ in range(2):
        assert one_pass(stats, runs) == {"validation_cost": expected}
    texts = messages(log_records, "WARNING")
    assert len(texts) == num_warnings
    assert all("batches of 3 and of 1 samples count the same in validation_cost; with by_size=True" in text for text in texts)


@pytest.mark.parametrize("runs", [UNKNOWN, [[1., np.array([0])]], [[1.]]], ids=str)
def test_scalar_stats_by_sizes_that_are_not_known(runs):
    with pytest.raises(ValueError, match=r"by_size=True.*the same number of samples"):
        one_pass(ScalarStats("cost", by_size=True), runs)


def test_scalar_stats_refuse_two_outputs_of_one_operation():
    with pytest.raises(ValueError, match="ScalarStats.*different operations"):
        ScalarStats(["a:0", "a:1"])


@pytest.mark.parametrize("batches, expected", [
    ([[0, 1, 1, 0], [1]], 3 / 5.), ([[True, False]], .5), ([np.array([0.5, 0.5])], .5), ([[]], 0), ([], 0)], ids=str)
def test_classification_error_weighs_samples_not_batches(batches, expected):
    error = ClassificationError()
    assert error.get_fetches() == ["incorrect_vector:0"]
    assert one_pass(error, [[batch] for batch in batches]) == {"validation_error": expected}


def test_classification_error_is_exact_for_float32():
    batches = [[np.ones(1000, "float32")] for _ in range(3)] + [[np.zeros(7000, "float32")]]
    assert one_pass(ClassificationError("wrong", "err"), batches) == {"err": 0.3}


@pytest.mark.parametrize("value, advice", [(np.float32(1), "do not reduce"), (np.zeros((2, 2)), "; reduce scores.*in_top_k")],
                         ids=["scalar", "matrix"])
def test_classification_error_needs_a_vector(value, advice):
    with pytest.raises(ValueError, match="ClassificationError.*'wrong' must be a vector.*" + advice):
        one_pass(ClassificationError("wrong"), [[value]])


def test_binary_classification_stats():
    stats = BinaryClassificationStats("p", "l", prefix="test")
    assert stats.get_fetches() == ["p:0", "l:0"]
    found = one_pass(stats, [[[1, 1, 0], [1, 0, 1]], [[1], [1]]])
    assert found == {"test_precision": 2 / 3., "test_recall": 2 / 3.}
    assert one_pass(BinaryClassificationStats("p", "l"), []) == {"val_precision": 0, "val_recall": 0}


@pytest.mark.parametrize("pred, label, message", [
    ([0.73, 0.1], [1, 0], "tensor 'p' must hold 0 and 1 only; got 0.73 among 2 values.*threshold"),
    ([1, 0], [2, 0], "tensor 'net/l:1' must hold 0 and 1 only; got 2"),
    ([-1, 1], [1, 0], "tensor 'p' must hold 0 and 1 only; got -1"),
    ([np.nan, 1], [1, 0], "tensor 'p' must hold 0 and 1 only; got nan"),
    (np.float32(0.5), np.float32(1), "tensor 'p' must hold 0 and 1 only; got 0.5"),
    (np.ones([3, 1]), np.ones(3), r"'p' and 'net/l:1' must have the same shape; got \(3, 1\) and \(3,\)"),
], ids=["probability", "class", "signs", "nan", "scalar", "shapes"])
def test_binary_classification_stats_refuse_what_they_cannot_count(pred, label, message):
    with pytest.raises(ValueError, match="BinaryClassificationStats: .*" + message):
        one_pass(BinaryClassificationStats("p", "net/l:1"), [[np.asarray(pred), np.asarray(label)]])


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "float32", "bfloat16"])
def test_binary_classification_stats_take_0_and_1_of_all_dtypes(dtype):
    with tf.Session() as sess:
        pred, label = sess.run([tf.cast([1, 1, 0], dtype), tf.cast([1, 0, 1], dtype)])
    assert one_pass(BinaryClassificationStats("p", "l"), [[pred, label]]) == {"val_precision": 0.5, "val_recall": 0.5}


@pytest.mark.parametrize("value", [2, -1, np.nan, np.inf], ids=str)
def test_classification_error_warns_once_of_what_is_no_share(value, log_records):
    error = ClassificationError("wrong")
    for _ in range(2):
        found = one_pass(error, [[np.array([0, value, 1])]] * 2)["validation_error"]
        np.testing.assert_array_equal(found, (value + 1) / 3)
    (warning,) = messages(log_records, "WARNING")
    assert "ClassificationError: tensor 'wrong' has the value {} among 3".format(value) in warning


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_added_in_double_precision(dtype):
    """What TensorFlow gives for these dtypes, above what they can count."""
    with tf.Session() as sess:
        ones, half = sess.run([tf.cast(np.ones(5000), dtype), tf.cast(0.5, dtype)])
    assert one_pass(ClassificationError(), [[ones], [0 * ones]]) == {"validation_error": 0.5}
    assert one_pass(BinaryClassificationStats("p", "l"), [[ones, ones], [ones, 0 * ones]]) == {
        "val_precision": 0.5, "val_recall": 1}
    assert one_pass(ScalarStats("x"), [[half]] * 5000) == {"validation_x": 0.5}


class Returns(Inferencer):
    def __init__(self, result):
        self.result = result

    def _get_fetches(self):
        return []

    def _on_fetches(self, results):
        pass

    def _after_inference(self):
        return self.result


@pytest.mark.parametrize("result, put, warned", [
    ({"a": np.float32(.5), "b": 2}, [("a", .5), ("b", 2.)], 0), (None, [], 0), ({}, [], 0),
    ({"bad": np.zeros(3), "good": 1}, [("good", 1.)], 1), ({"bad": "text"}, [], 1), ({"bad": None}, [], 1)], ids=str)
def test_statistics_are_put_as_floats_and_others_skipped(result, put, warned, log_records):
    assert trigger(Returns(result), [], FakeTrainer()) == put
    found = messages(log_records, "WARNING")
    assert len(found) == warned and all("'bad' must be a scalar" in m for m in found)


def test_a_vector_is_no_scalar_for_scalar_stats(log_records):
    put = trigger(ScalarStats(["x", "y"]), [[np.zeros(3), 1], [np.zeros(2), 2]], FakeTrainer())
    assert put == [("validation_y", 1.5)]
    assert "'validation_x' must be a scalar; got float64 (3,)" in messages(log_records, "WARNING")[0]


def test_two_inferencers_with_one_name_are_warned_of_once(log_records):
    trainer, first, second = FakeTrainer(), Returns({"err": 1}), Returns({"err": 2})
    for _ in range(3):
        trigger(first, [], trainer)
        trigger(second, [], trainer)
        trainer.epoch_num += 1
    found = messages(log_records, "WARNING")
    assert len(found) == 1 and "'err'" in found[0] and "prefix=" in found[0]
    assert len(trainer.monitors.put) == 6


def test_one_inferencer_twice_in_an_epoch_or_two_in_different_epochs_are_fine(log_records):
    trainer, first, second = FakeTrainer(), Returns({"err": 1}), Returns({"err": 2})
    trigger(first, [], trainer)
    trigger(first, [], trainer)
    trainer.epoch_num = 2
    trigger(second, [], trainer)
    trigger(first, [], FakeTrainer())
    assert not messages(log_records, "WARNING")


def test_fetches_must_be_a_list_of_names():
    class Wrong(Returns):
        def _get_fetches(self):
            return "cost"

    with pytest.raises(TypeError, match="must be a list of names"):
        Wrong(None).get_fetches()


@pytest.mark.parametrize("call", [lambda inf: inf.get_fetches(), lambda inf: inf.on_fetches([])], ids=["fetches", "results"])
def test_what_must_be_overridden(call):
    with pytest.raises(NotImplementedError, match="Inferencer: override _"):
        call(Inferencer())
