import pytest
from input_runner import counting, running

from tensorpack.compat import tfv1 as tf
from tensorpack.dataflow.raw import DataFromList
from tensorpack.input_source import BatchQueueInput, QueueInput

NUMBERS = [tf.TensorSpec([None], "int32", "x")]


def test_each_step_takes_a_batch_in_order():
    with running(BatchQueueInput(counting(), 4), NUMBERS) as run:
        assert run.inputs[0].shape.as_list() == [4]
        assert [run.step() for _ in range(3)] == [[[0, 1, 2, 3]], [[4, 5, 6, 7]], [[8, 9, 10, 11]]]


def test_names_and_capacity_of_the_contract():
    source = BatchQueueInput(counting(), 4)
    source.setup(NUMBERS)
    graph = tf.get_default_graph()
    placeholder = graph.get_tensor_by_name("x-nobatch:0")
    assert placeholder.op.type == "Placeholder" and placeholder.shape.as_list() == []
    queue = graph.get_operation_by_name("BatchQueueInput/input_queue")
    assert queue.get_attr("capacity") == 3000
    assert source.get_input_tensors()[0].op.name == "BatchQueueInput/input_deque"
    assert isinstance(source, QueueInput)


def test_its_size_is_the_number_of_full_batches():
    assert BatchQueueInput(DataFromList([[i] for i in range(11)]), 4).size() == 2


def test_components_of_several_dimensions_and_a_queue_of_the_users():
    signature = [tf.TensorSpec([2, 3], "float32", "image"), tf.TensorSpec([None], "int64", "label")]
    queue = tf.RandomShuffleQueue(20, 0, [tf.float32, tf.int64], shapes=[[3], []])
    data = DataFromList([[[i, i, i], i] for i in range(4)])
    with running(BatchQueueInput(data, 2, queue=queue), signature) as run:
        images, labels = run.step()
        assert [[label] * 3 for label in labels] == images


def test_the_queue_is_emptied_by_refill():
    with running(BatchQueueInput(counting(), 2), NUMBERS) as run:
        run.step()
        source = run.source
        source.refill_queue()
        assert run.step() == [[0, 1]]


@pytest.mark.parametrize("shape", [[], None, [3], [None, None], [5]], ids=str)
def test_inputs_that_cannot_be_batched_are_refused(shape):
    with pytest.raises(ValueError, match=r"batch_size=4.*got 'x' of shape"):
        BatchQueueInput(counting(), 4).setup([tf.TensorSpec(shape, "int32", "x")])


def test_the_batch_size_must_be_positive():
    with pytest.raises(ValueError, match="batch_size must be at least 1; got 0"):
        BatchQueueInput(counting(), 0)
