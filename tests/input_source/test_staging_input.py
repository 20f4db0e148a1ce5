import threading

import pytest
from input_runner import NUMBER, counting, running

from tensorpack.compat import tfv1 as tf
from tensorpack.input_source import FeedfreeInput, FeedInput, QueueInput, StagingInput, TensorInput


@pytest.mark.parametrize("nr_stage", [1, 2, 5])
def test_no_datapoint_is_lost_or_repeated(nr_stage):
    with running(StagingInput(QueueInput(counting()), nr_stage)) as run:
        assert [run.step() for _ in range(12)] == [[i] for i in range(12)]


def test_so_many_datapoints_are_taken_in_advance():
    taken = tf.get_variable("taken", [], "int32", tf.zeros_initializer(), use_resource=True)
    read = taken.read_value()
    with running(StagingInput(TensorInput(lambda: [taken.assign_add(1)]), 3)) as run:
        for step in range(1, 5):
            assert run.step() == [step]
            assert run.sess.run(read) == step + 3


def test_runs_that_use_no_input_take_none():
    other = tf.constant(7)
    with running(StagingInput(QueueInput(counting()))) as run:
        assert run.step() == [0]
        assert [run.hooked.run(other) for _ in range(5)] == [7] * 5
        assert run.step() == [1]


def test_every_run_consumes_from_all_towers():
    source = StagingInput(QueueInput(counting()))
    with running(source, towers=2) as run:
        assert [sorted(run.step()) for _ in range(3)] == [[0, 1], [2, 3], [4, 5]]
        one = [run.hooked.run(run.tensors[0]).tolist() for _ in range(2)]
        assert len(set(one)) == 2 and set(one) <= {6, 7, 8, 9}
        assert sorted(run.step()) == [10, 11]


def test_a_full_area_keeps_no_thread_of_tensorflow():
    """With as many towers as threads there would be none left to take from the areas."""
    with running(StagingInput(QueueInput(counting())), towers=2) as run:
        run.step()
        stage, = [op for op in run.sess.graph.get_operations() if op.name.endswith("stage_all") and "unstage" not in op.name]
        put = threading.Thread(target=run.sess.run, args=(stage,), daemon=True)
        put.start()
        put.join(120)
        assert not put.is_alive()
        run.step()


def test_names_of_the_contract():
    source = StagingInput(QueueInput(counting()))
    callbacks = source.setup(NUMBER)
    for tower in ("", "tower1/"):
        with tf.name_scope(tower or None):
            source.get_input_tensors()
    names = {op.name for op in tf.get_default_graph().get_operations()}
    assert {"StagingInput/StagingArea_put", "StagingInput/StagingArea_get", "tower1/StagingInput/StagingArea_put",
            "tower1/StagingInput/StagingArea_get"} <= names
    assert [type(cb).__name__ for cb in callbacks] == [
        "CallbackFactory", "StartProcOrThread", "RunOp", "CallbackFactory", "StagingCallback"]
    assert source.get_callbacks() == callbacks and len(source._input.get_callbacks()) == 4


def test_references_are_staged_by_value():
    number = tf.get_variable("number", [], "int32", tf.zeros_initializer(), use_resource=False)
    with running(StagingInput(TensorInput(lambda: [tf.assign_add(number, 1)]))) as run:
        assert [run.step() for _ in range(4)] == [[1], [2], [3], [4]]


@pytest.mark.parametrize("make, words", [
    (lambda: FeedInput(counting()), "must be a FeedfreeInput"),
    (lambda: StagingInput(QueueInput(counting())), "no StagingInput"),
    (lambda: counting(), "must be a FeedfreeInput"),
], ids=["feed", "nested", "dataflow"])
def test_what_cannot_be_staged_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        StagingInput(make())


def test_a_stage_is_needed():
    with pytest.raises(ValueError, match="nr_stage must be at least 1; got 0"):
        StagingInput(QueueInput(counting()), 0)


def test_size_and_class():
    source = StagingInput(TensorInput(lambda: [1], size=9))
    assert source.size() == 9 and isinstance(source, FeedfreeInput)


def test_the_device_is_asked_for():
    source = StagingInput(QueueInput(counting()), device="/cpu:1")
    source.setup(NUMBER)
    assert "CPU:1" in source.get_input_tensors()[0].device.upper()
