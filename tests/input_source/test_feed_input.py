import numpy as np
import pytest
from input_runner import NUMBER, Source, counting, running

from tensorpack.callbacks.base import CallbackFactory
from tensorpack.compat import tfv1 as tf
from tensorpack.dataflow.base import DataFlow, DataFlowReentrantGuard
from tensorpack.dataflow.raw import DataFromList
from tensorpack.input_source import FeedInput, remap_input_source


def test_each_run_feeds_one_datapoint():
    with running(FeedInput(counting())) as run:
        assert [run.step() for _ in range(3)] == [[0], [1], [2]]


def test_placeholders_have_the_names_of_the_inputs_and_are_the_same_for_each_tower():
    source = FeedInput(counting())
    source.setup(NUMBER)
    first, second = source.get_input_tensors(), source.get_input_tensors()
    assert first[0].name == "x:0" and first[0] is second[0]


def test_dataflow_is_reset_once_when_the_callbacks_are_set_up():
    ds = counting()
    source = FeedInput(ds)
    callbacks = source.setup(NUMBER)
    assert [str(cb) for cb in callbacks] == ["CallbackFactory", "_FeedCallback", "CallbackFactory"]
    assert ds.resets == 0
    with running(FeedInput(ds)):
        assert ds.resets == 1
    assert isinstance(callbacks[2], CallbackFactory)


def test_finite_dataflow_is_repeated():
    with running(FeedInput(DataFromList([[1], [2]], shuffle=False))) as run:
        assert [run.step()[0] for _ in range(5)] == [1, 2, 1, 2, 1]


def test_reset_state_starts_over():
    source = FeedInput(counting())
    with running(source) as run:
        assert [run.step()[0] for _ in range(3)] == [0, 1, 2]
        source.reset_state()
        assert run.step() == [0]


class OneIterationAtATime(DataFlow):
    """Its guard is entered by `iter`, not by the first `next`."""

    def __init__(self):
        self.guard = DataFlowReentrantGuard()

    def __iter__(self):
        self.guard.__enter__()
        return self.numbers()

    def numbers(self):
        try:
            for n in range(10):
                yield [n]
        finally:
            self.guard.__exit__(None, None, None)


@pytest.mark.parametrize("infinite", [True, False])
def test_reset_state_ends_the_open_iteration_first(infinite):
    source = FeedInput(OneIterationAtATime(), infinite=infinite)
    with running(source) as run:
        assert run.step() == [0]
        source.reset_state()
        assert run.step() == [0]


def test_end_of_a_finite_dataflow_says_how_many_there_were():
    with running(FeedInput(DataFromList([[1], [2]], shuffle=False), infinite=False)) as run:
        run.step(), run.step()
        with pytest.raises(StopIteration, match="ended after 2 datapoints.*infinite=True"):
            run.step()


def test_empty_dataflow_raises():
    with running(FeedInput(DataFromList([]))) as run:
        with pytest.raises(ValueError, match="empty"):
            run.step()


def test_error_of_the_dataflow_is_raised_as_it_is():
    error = OSError("disk is gone")

    def failing():
        yield [1]
        raise error

    with running(FeedInput(Source(failing))) as run:
        run.step()
        with pytest.raises(OSError) as info:
            run.step()
        assert info.value is error


def test_datapoint_that_does_not_fit_is_refused_with_its_position():
    with running(FeedInput(DataFromList([[1], [2.5]], shuffle=False))) as run:
        assert run.step() == [1]
        with pytest.raises(TypeError, match=r"FeedInput: datapoint 1 .*input 'x'.*int32 \(\); got float 2.5"):
            run.step()


def test_datapoints_may_be_dicts_and_hold_strings():
    signature = [tf.TensorSpec([None], "string", "words"), tf.TensorSpec([2], "float32", "numbers")]
    ds = DataFromList([{"numbers": np.array([0.5, 2]), "words": ["a", "ü"], "more": None}])
    with running(FeedInput(ds), signature) as run:
        assert run.step() == [[b"a", "ü".encode()], [0.5, 2.0]]


def test_feeds_work_in_a_session_of_tensorflow_too():
    source = FeedInput(counting())
    callbacks = source.setup(NUMBER)
    x = tf.identity(source.get_input_tensors()[0])
    for cb in callbacks:
        cb.setup_graph(None)
    from tensorpack.callbacks.hooks import CallbackToHook

    with tf.train.MonitoredSession(hooks=[CallbackToHook(cb) for cb in callbacks]) as sess:
        assert [sess.run(x) for _ in range(3)] == [0, 1, 2]


def test_remapped_feed_leaves_other_inputs_to_the_caller():
    signature = [tf.TensorSpec([], "int32", "y"), tf.TensorSpec([], "int32", "x")]
    source = remap_input_source(FeedInput(counting()), ["x"])
    with running(source, signature) as run:
        y = run.inputs[0]
        assert run.hooked.run(run.tensors, feed_dict={y: 7}) == [7, 0]
        source.reset_state()
        assert run.hooked.run(run.tensors, feed_dict={y: 8}) == [8, 0]
