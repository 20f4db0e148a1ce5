import pytest
from input_runner import NUMBER, running

from tensorpack.compat import tfv1 as tf
from tensorpack.input_source import DummyConstantInput, FeedfreeInput, TensorInput
from tensorpack.tfutils.tower import TrainTowerContext


def test_the_function_is_called_for_each_tower_under_the_name_scope():
    source = TensorInput(lambda: [tf.constant(3, name="three")], size=7)
    source.setup(NUMBER)
    first, second = source.get_input_tensors() + source.get_input_tensors()
    assert (first.op.name, second.op.name) == ("TensorInput/three", "TensorInput/three_1")
    assert source.size() == 7 and isinstance(source, FeedfreeInput)


def test_it_runs():
    counter = tf.get_variable("counter", [], "int32", tf.zeros_initializer(), use_resource=True)
    with running(TensorInput(lambda: [counter.assign_add(1)])) as run:
        assert [run.step() for _ in range(3)] == [[1], [2], [3]]


def test_without_a_size_it_is_unknown():
    with pytest.raises(NotImplementedError):
        TensorInput(list).size()


def test_the_function_must_be_one():
    with pytest.raises(ValueError, match="get_tensor_fn must be a function"):
        TensorInput([tf.constant(1)])


@pytest.mark.parametrize("value", [None, [], [1, 2], 5], ids=str)
def test_it_must_return_a_tensor_for_each_input(value):
    source = TensorInput(lambda: value)
    source.setup(NUMBER)
    with pytest.raises(ValueError, match=r"a tensor for each of the inputs \['x'\]; got"):
        source.get_input_tensors()


IMAGES = [tf.TensorSpec([None, 2], "float32", "image"), tf.TensorSpec([None], "int64", "label")]


def test_zeros_are_named_after_input_and_tower(log_records):
    source = DummyConstantInput([[3, 2], [3]])
    assert [r.levelname for r in log_records] == ["INFO"]
    source.setup(IMAGES)
    for index in range(2):
        with TrainTowerContext("tower1" if index else "", index=index, total=2):
            tensors = source.get_input_tensors()
        assert [t.op.name for t in tensors] == ["DummyConstantInput/dummy-image-{}".format(index),
                                                "DummyConstantInput/dummy-label-{}".format(index)]
    with tf.Session() as sess:
        image, label = sess.run(tensors)
    assert (image.shape, image.dtype, label.shape, label.dtype) == ((3, 2), "float32", (3,), "int64")
    assert not image.any() and not label.any()


@pytest.mark.parametrize("shapes", [[[3, 2]], [[3, 4], [3]], [[None, 2], [3]]], ids=str)
def test_shapes_must_fit_the_inputs(shapes):
    with pytest.raises(ValueError, match="shapes must have a fully known shape for each input"):
        DummyConstantInput(shapes).setup(IMAGES)
