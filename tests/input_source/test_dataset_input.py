import numpy as np
import pytest
from input_runner import NUMBER, Source, counting, running

from tensorpack.compat import tfv1 as tf
from tensorpack.dataflow.base import DataFlow, DataFlowReentrantGuard
from tensorpack.dataflow.raw import DataFromList
from tensorpack.input_source import FeedfreeInput, TFDatasetInput

PAIR = [tf.TensorSpec([None, 2], "float32", "image"), tf.TensorSpec([None], "int32", "label")]


def pairs():
    return tf.data.Dataset.from_tensor_slices((np.arange(12, dtype="float32").reshape(6, 2), np.arange(6, dtype="int32")))


def test_a_dataset_of_tuples():
    with running(TFDatasetInput(pairs().batch(2)), PAIR) as run:
        assert [t.shape.as_list() for t in run.inputs] == [[None, 2], [None]]
        assert run.step() == [[[0, 1], [2, 3]], [0, 1]]
        assert run.step() == [[[4, 5], [6, 7]], [2, 3]]


def test_a_dataset_of_the_class_of_tensorflow_2():
    tensorflow = pytest.importorskip("tensorflow")
    dataset = tensorflow.compat.v2.data.Dataset.from_tensor_slices(np.arange(6, dtype="int32")).map(lambda x: x + 1).repeat()
    assert not isinstance(dataset, tf.data.Dataset)
    with running(TFDatasetInput(dataset)) as run:
        assert [run.step() for _ in range(8)] == [[k] for k in (1, 2, 3, 4, 5, 6, 1, 2)]


def test_a_dataset_of_dicts_is_taken_by_name():
    dataset = pairs().batch(3).map(lambda image, label: {"label": label, "image": image, "other": label})
    with running(TFDatasetInput(dataset), PAIR) as run:
        assert run.step()[1] == [0, 1, 2]


@pytest.mark.parametrize("dataset", [lambda: tf.data.Dataset.from_tensor_slices(np.arange(5, dtype="int32")),
                                     lambda: tf.data.Dataset.from_tensor_slices((np.arange(5, dtype="int32"),))],
                         ids=["tensor", "tuple"])
def test_one_input(dataset):
    with running(TFDatasetInput(dataset())) as run:
        assert [run.step() for _ in range(3)] == [[0], [1], [2]]


def test_all_towers_share_one_iterator_and_a_reset_begins_anew():
    source = TFDatasetInput(pairs().batch(1))
    source.setup(PAIR)
    labels = [source.get_input_tensors()[1] for _ in range(2)]
    assert isinstance(source, FeedfreeInput)
    with tf.Session() as sess, sess.as_default():
        source.reset_state()
        assert sorted(int(x[0]) for x in sess.run(labels)) == [0, 1]
        source.reset_state()
        assert sorted(int(x[0]) for x in sess.run(labels)) == [0, 1]


class Guarded(DataFlow):
    """Five numbers; one iteration at a time."""

    def reset_state(self):
        self.guard = DataFlowReentrantGuard()

    def __len__(self):
        return 5

    def __iter__(self):
        with self.guard:
            for i in range(5):
                yield {"x": i}


def test_a_dataflow_goes_on_from_the_start_after_a_reset_also_in_the_midst_of_a_pass():
    with running(TFDatasetInput(Guarded())) as run:
        for steps in (2, 5, 1):
            for cb in run.callbacks[:1]:
                cb.before_train()
            assert [run.step() for _ in range(steps)] == [[i] for i in range(steps)]
        assert run.source.size() == 5


def test_a_dataflow_is_converted_like_any_other():
    with running(TFDatasetInput(DataFromList([[np.int64(3)]], shuffle=False))) as run:
        assert run.step() == [3]
        with pytest.raises(tf.errors.OutOfRangeError):
            run.step()
        assert run.failure() is None


@pytest.mark.parametrize("bad, error", [([1.5], TypeError), ([np.arange(3)], ValueError), ([1, 2], ValueError)], ids=str)
def test_a_datapoint_that_does_not_fit_is_kept_as_the_reason(bad, error):
    with running(TFDatasetInput(DataFromList([[1], bad], shuffle=False))) as run:
        assert run.step() == [1]
        with pytest.raises(tf.errors.OutOfRangeError):
            run.step()
        assert isinstance(run.failure(), error)


@pytest.mark.parametrize("dataset, error, words", [
    (lambda: tf.data.Dataset.range(3), TypeError, r"\['int32'\]; got .*int64"),
    (lambda: tf.data.Dataset.from_tensors(np.zeros(3, "int32")), ValueError, r"'x' must have shape \(\); got \(3,\)"),
    (pairs, ValueError, r"a component for each of the inputs \['x'\]"),
], ids=["dtype", "shape", "number"])
def test_what_does_not_fit_the_inputs_is_refused(dataset, error, words):
    with pytest.raises(error, match=words):
        TFDatasetInput(dataset()).setup(NUMBER)


def test_other_things_are_refused():
    with pytest.raises(ValueError, match="must be a tf.data.Dataset or a DataFlow; got int 5"):
        TFDatasetInput(5)
    with pytest.raises(ValueError, match="df must be a DataFlow"):
        TFDatasetInput.dataflow_to_dataset([[1]], [tf.int32])


def test_a_dataflow_as_dataset_without_any_input_source():
    source = Source(lambda: iter([[1, "a"], [2, "b"], [3, "c"]]))
    dataset = TFDatasetInput.dataflow_to_dataset(source, [tf.int64, tf.string])
    assert source.resets == 1
    element = tf.data.make_one_shot_iterator(dataset.batch(2)).get_next()
    with tf.Session() as sess:
        assert [x.tolist() for x in sess.run(element)] == [[1, 2], [b"a", b"b"]]
        assert [x.tolist() for x in sess.run(element)] == [[3], [b"c"]]
        with pytest.raises(tf.errors.OutOfRangeError):
            sess.run(element)


def test_an_endless_dataflow():
    with running(TFDatasetInput(counting(5))) as run:
        assert [run.step() for _ in range(30)] == [[i] for i in range(5, 35)]
