"""Queue runners work while a training lasts: all that the graph has, under a coordinator, and their errors are its errors."""
import threading
import time
from contextlib import suppress

import numpy as np
import pytest
from queue_pipelines import Numbers, files_of_numbers, range_input, read_numbers, train

from tensorpack import (
    Callback,
    DataFromList,
    DictRestore,
    InferenceRunner,
    QueueInput,
    ScalarStats,
    SimpleTrainer,
    StagingInput,
    TensorInput,
    Trainer,
)
from tensorpack.callbacks.hooks import HookToCallback
from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils._session.queue_runners import QueueRunners
from tensorpack.tfutils.sesscreate import NewSessionCreator, ReuseSessionCreator, SessionCreatorAdapter
from tensorpack.tfutils.sessinit import JustCurrentSession
from tensorpack.train.trainers import AsyncMultiGPUTrainer, SyncMultiGPUTrainerReplicated


def runner_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("QueueRunnerThread")]


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    assert runner_threads() == []


# ---- all kinds of pipelines


def batches(**kwargs):
    return tf.train.batch([range_input(**kwargs)], 2)


def shuffled_batches():
    return tf.train.shuffle_batch([range_input()], 2, capacity=5, min_after_dequeue=2)


def joined_batches():
    return tf.train.batch_join([[range_input()], [range_input()]], 2)


def chosen_batches():
    number = range_input()
    return tf.train.maybe_batch([number], number > 2, 2)


def slices():
    return tf.train.slice_input_producer([tf.constant([5., 6., 7.])], shuffle=False)[0]


def rows():
    return tf.train.input_producer(tf.constant([[1., 2.], [3., 4.]]), shuffle=False).dequeue()


def own_runner():
    """Two threads for one queue; its values come from a variable, which exists when they start."""
    queue = tf.PaddingFIFOQueue(3, [tf.float32], [[None]])
    count = tf.get_variable("count", [], initializer=tf.zeros_initializer(), trainable=False)
    enqueue = queue.enqueue([tf.fill([2], tf.assign_add(count, 1))])
    tf.train.add_queue_runner(tf.train.QueueRunner(queue, [enqueue] * 2))
    return queue.dequeue()


@pytest.mark.parametrize("pipeline, allowed", [
    (range_input, range(5)), (batches, range(5)), (shuffled_batches, range(5)), (joined_batches, range(5)),
    (chosen_batches, [3, 4]), (slices, [5, 6, 7]), (rows, range(1, 5)), (own_runner, range(1, 100))],
    ids=lambda x: getattr(x, "__name__", ""))
def test_a_training_reads_what_queue_runners_make(pipeline, allowed):
    numbers = train(pipeline, steps=7)
    assert len(numbers) >= 7 and set(numbers) <= set(allowed)


def test_a_program_of_ten_lines_trains(run_code):
    output = run_code("""
        class Model(ModelDesc):
            def inputs(self):
                return [tf.TensorSpec([], tf.int32, "x")]
            def build_graph(self, x):
                return tf.square(tf.get_variable("w", []) * tf.cast(x, tf.float32))
            def optimizer(self):
                return tf.train.GradientDescentOptimizer(0.1)
        data = TensorInput(lambda: [tf.train.range_input_producer(10).dequeue()])
        launch_train_with_config(TrainConfig(model=Model(), data=data, steps_per_epoch=30, max_epoch=2), SimpleTrainer())
    """)
    assert "Epoch 2 (global_step 60) finished" in output and "Training has finished!" in output


def test_files_are_read(tmp_path):
    paths = files_of_numbers(tmp_path, 3, 5)
    assert train(lambda: read_numbers(paths), steps=4) == [3, 5, 3, 5]


def test_the_order_of_one_runner_is_kept():
    assert train(range_input, steps=12) == [0, 1, 2, 3, 4] * 2 + [0, 1]


@pytest.mark.parametrize("make", [
    lambda: SyncMultiGPUTrainerReplicated(2, device_type="cpu"), lambda: AsyncMultiGPUTrainer(2, device_type="cpu")],
    ids=["replicated", "async"])
def test_each_tower_has_a_pipeline(make):
    trainer = make()
    train(range_input, steps=5, callbacks=[], trainer=trainer, session_creator=NewSessionCreator())
    assert len(trainer.graph.get_collection(tf.GraphKeys.QUEUE_RUNNERS)) == 2


def test_data_are_staged():
    assert train(StagingInput(TensorInput(lambda: [range_input()]), nr_stage=2), steps=6)[:3] == [0, 1, 2]


def test_an_inference_runner_reads_them_too(log_records):
    results = []

    class Look(Callback):
        def _trigger_epoch(self):
            results.append(self.trainer.monitors.get_latest("seen"))

    source = TensorInput(lambda: [range_input(3)], size=3)
    runner = InferenceRunner(source, ScalarStats("seen", prefix=""))
    train(range_input, steps=2, max_epoch=2, callbacks=[runner, Look()])
    assert results == [1, 1]


def test_those_of_callbacks_start_before_any_before_train():
    class Own(Callback):
        def _setup_graph(self):
            self.number = range_input(3)

        def _before_train(self):
            self.first = self.trainer.sess.run([self.number])

    own = Own()
    train(range_input, callbacks=[own])
    assert own.first == [0]


def test_they_start_when_variables_are_restored():
    class Scaled(Callback):
        def _setup_graph(self):
            factor = tf.get_variable("factor", [], initializer=tf.zeros_initializer(), trainable=False)
            self.numbers = tf.train.batch([(range_input(3) + 1) * factor], 3)

        def _before_train(self):
            self.first = self.trainer.sess.run(self.numbers).tolist()

    scaled = Scaled()
    train(range_input, callbacks=[scaled], session_init=DictRestore({"factor": np.float32(10)}))
    assert scaled.first == [10, 20, 30]


# ---- how they end


@pytest.mark.parametrize("pipeline, total", [
    (lambda: range_input(num_epochs=2), 10), (lambda: batches(num_epochs=2), 10), (lambda: batches(limit=3, num_epochs=1), 2)],
    ids=["epochs", "batches", "incomplete batch"])
def test_the_end_of_the_data_ends_the_training(pipeline, total, log_records):
    assert len(train(pipeline, steps=1000)) == total
    assert any("Training stopped: the data ended" in r.getMessage() for r in log_records)


@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: tf.train.batch([x], 1)], ids=["first queue", "last queue"])
def test_an_error_of_a_runner_is_the_error_of_the_training(wrap, tmp_path, log_records):
    paths = files_of_numbers(tmp_path, 3, 5) + [str(tmp_path / "missing.txt")]

    class Ends(Callback):
        ended = False

        def _after_train(self):
            self.ended = True

    ends = Ends()

    def pipeline():
        path = tf.train.string_input_producer(paths, num_epochs=1, shuffle=False).dequeue()
        return tf.string_to_number(wrap(tf.train.batch([tf.read_file(path)], 1)))

    with pytest.raises(tf.errors.NotFoundError, match="missing.txt"):
        train(pipeline, steps=1000, callbacks=[ends])
    assert ends.ended
    assert not any("the data ended" in r.getMessage() for r in log_records)


def test_an_error_counts_also_when_no_step_waits_for_data(tmp_path):
    """The queue that fails is not the input; the training stops before its steps are done."""
    class Aside(Callback):
        def _setup_graph(self):
            tf.train.batch([read_numbers(files_of_numbers(tmp_path, "no number"))], 2)

        def _trigger_step(self):
            time.sleep(0.01)

    with pytest.raises(tf.errors.InvalidArgumentError, match="no number"):
        train(range_input, steps=100000, callbacks=[Aside()])


def test_an_error_counts_also_when_all_steps_are_done(tmp_path):
    class Aside(Callback):
        def _setup_graph(self):
            queue = tf.FIFOQueue(2, [tf.float32])
            self.go = threading.Event()
            value = tf.py_func(self._fail, [], tf.float32)
            tf.train.add_queue_runner(tf.train.QueueRunner(queue, [queue.enqueue([value])]))

        def _fail(self):
            self.go.wait(30)
            raise ValueError("too late")

        def _after_train(self):
            self.go.set()
            self.trainer.hooked_sess.coord.wait_for_stop(30)

    with pytest.raises((tf.errors.OpError), match="too late"):
        train(range_input, steps=3, callbacks=[Aside()])


def test_an_error_behind_an_inference_runner_is_not_the_end_of_its_data(tmp_path):
    paths = files_of_numbers(tmp_path, 3, "no number")
    source = TensorInput(lambda: [tf.train.batch([read_numbers(paths)], 1)], size=5)
    with pytest.raises(tf.errors.InvalidArgumentError, match="no number"):
        train(range_input, callbacks=[InferenceRunner(source, ScalarStats("seen", prefix=""))])


def test_a_thread_that_does_not_stop_holds_nothing_up(log_records, monkeypatch):
    """It waits for a queue that nobody fills, of which its own queue knows nothing; the session's end ends it."""
    monkeypatch.setattr("tensorpack.tfutils._session.queue_runners._JOIN_SECONDS", 0.3)

    class Aside(Callback):
        def _setup_graph(self):
            tf.train.batch([tf.FIFOQueue(1, [tf.float32], [[]]).dequeue()], 2)

    assert len(train(range_input, callbacks=[Aside()])) == 10
    assert not [r.getMessage() for r in log_records if r.levelname == "ERROR"]


def test_a_thread_that_never_stops_is_told_of(log_records, monkeypatch):
    monkeypatch.setattr("tensorpack.tfutils._session.queue_runners._JOIN_SECONDS", 0.1)
    end = threading.Event()

    class Sleeps(tf.train.SessionRunHook):
        def after_create_session(self, session, coord):
            self.thread = threading.Thread(target=end.wait, args=(60,), name="Sleeper", daemon=True)
            coord.register_thread(self.thread)
            self.thread.start()

    train(range_input, callbacks=[HookToCallback(Sleeps())])
    end.set()
    told, = [r.getMessage() for r in log_records if r.levelname == "ERROR"]
    assert "The thread Sleeper is still alive" in told


def test_ctrl_c_ends_a_step_that_waits_for_a_runner(run_code):
    output = run_code("""
        import os, signal, threading, time
        from tensorpack import *
        class Model(ModelDesc):
            def inputs(self):
                return [tf.TensorSpec([], tf.float32, "x")]
            def build_graph(self, x):
                return tf.get_variable("w", []) * x
            def optimizer(self):
                return tf.train.GradientDescentOptimizer(0.1)
        def slow():
            if slow.calls == 2:
                threading.Timer(1, os.kill, [os.getpid(), signal.SIGINT]).start()
                time.sleep(4)
            slow.calls += 1
            return np.float32(1)
        slow.calls = 0
        def pipeline():
            number = tf.py_func(slow, [], tf.float32)
            number.set_shape([])
            return [tf.train.batch([number], 1)[0]]
        try:
            data = TensorInput(pipeline)
            launch_train_with_config(TrainConfig(model=Model(), data=data, steps_per_epoch=10), SimpleTrainer())
        except KeyboardInterrupt:
            print("INTERRUPTED")
    """)
    assert "INTERRUPTED" in output


# ---- who else starts them, and trainers of users


def test_runners_that_the_session_creator_has_started_are_not_started_twice():
    coord, started = tf.train.Coordinator(), []

    def start(sess):
        started.extend(tf.train.start_queue_runners(sess, coord=coord))
        return sess

    assert train(range_input, session_creator=SessionCreatorAdapter(NewSessionCreator(), start)) == [0, 1, 2, 3, 4] * 2
    assert started
    coord.request_stop()
    with suppress(tf.errors.CancelledError):  # they have found the session closed
        coord.join(started)


def test_the_session_of_a_monitored_session_is_used_as_it_is():
    numbers, source = [], TensorInput(lambda: [range_input()])
    trainer = Trainer()
    source.setup(Numbers().inputs())
    number, = source.get_input_tensors()
    trainer.train_op = number.op
    tf.train.get_or_create_global_step()

    class Fetch(Callback):
        def _before_run(self, ctx):
            return [number]

        def _after_run(self, ctx, values):
            numbers.append(values.results[0])

    trainer.setup_callbacks([Fetch()], [])
    monitored = tf.train.MonitoredSession()
    trainer.initialize(ReuseSessionCreator(monitored._tf_sess()), JustCurrentSession())
    trainer.main_loop(10, 1, 1)
    with suppress(tf.errors.CancelledError):  # its threads have found the session closed, as after any training
        monitored.close()
    assert numbers == [0, 1, 2, 3, 4] * 2


def test_a_callback_may_still_start_them():
    class Old(Callback):
        def _before_train(self):
            self.coord = tf.train.Coordinator()
            self.threads = tf.train.start_queue_runners(self.trainer.sess, coord=self.coord)

        def _after_train(self):
            self.coord.request_stop()
            self.coord.join(self.threads)

    old = Old()
    assert train(range_input, callbacks=[old]) == [0, 1, 2, 3, 4] * 2
    assert old.threads == []


class WithMonitoredSession(SimpleTrainer):
    def initialize_hooks(self):
        self.hooked_sess = tf.train.MonitoredSession(ReuseSessionCreator(self.sess), hooks=self._callbacks.get_hooks())


class WithOwnStart(SimpleTrainer):
    def initialize(self, session_creator, session_init):
        with self.graph.as_default():
            self.sess = session_creator.create_session()
            self.initialize_hooks()


class WithOwnLoop(SimpleTrainer):
    def main_loop(self, steps_per_epoch, starting_epoch, max_epoch):
        with self.sess.as_default():
            self._callbacks.before_train()
            for _ in range(steps_per_epoch):
                self.run_step()
        self.hooked_sess.close()


@pytest.mark.parametrize("trainer", [WithMonitoredSession, WithOwnStart, WithOwnLoop])
def test_trainers_of_users(trainer):
    assert train(range_input, trainer=trainer()) == [0, 1, 2, 3, 4] * 2


def test_an_error_reaches_the_caller_of_a_trainer_with_a_monitored_session(tmp_path):
    paths = files_of_numbers(tmp_path, 3, "no number")
    with pytest.raises(tf.errors.InvalidArgumentError, match="no number"):
        train(lambda: tf.train.batch([read_numbers(paths)], 1), trainer=WithMonitoredSession(), steps=1000)


# ---- the coordinator


def test_a_hook_gets_the_coordinator():
    class Stops(tf.train.SessionRunHook):
        def after_create_session(self, session, coord):
            self.coord, self.steps = coord, 0
            self.thread = threading.Thread(target=coord.wait_for_stop)
            coord.register_thread(self.thread)
            self.thread.start()

        def after_run(self, run_context, run_values):
            self.steps += 1
            if self.steps == 3:
                self.coord.request_stop()

    hook = Stops()
    assert len(train(range_input, callbacks=[HookToCallback(hook)])) == 3
    assert not hook.thread.is_alive()


def test_an_error_that_a_thread_reports_is_the_error_of_the_training():
    class Reports(tf.train.SessionRunHook):
        def after_create_session(self, session, coord):
            tf.train.LooperThread.loop(coord, 0.01, self.fail)

        def fail(self):
            raise ValueError("of a thread of a hook")

    with pytest.raises(ValueError, match="of a thread of a hook"):
        train(QueueInput(DataFromList([[np.float32(1)]])), steps=10 ** 7, callbacks=[HookToCallback(Reports())])


def test_a_step_function_runs_with_and_without_hooks():
    class Steps(SimpleTrainer):
        def run_step(self):
            self.hooked_sess.run_step_fn(self.step)

        def step(self, context):
            self.sess.run([]), context.session.run([])
            context.run_with_hooks(self.train_op)
            if self.global_step == 4:
                context.request_stop()

    with pytest.raises(StopIteration):
        train(range_input, trainer=Steps())


def test_threads_end_when_nobody_holds_them():
    with tf.Session() as sess:
        range_input()
        sess.run(tf.local_variables_initializer())
        runners = QueueRunners(sess)
        runners.start()
        threads = runner_threads()
        assert threads
        del runners
        for thread in threads:
            thread.join(120)
