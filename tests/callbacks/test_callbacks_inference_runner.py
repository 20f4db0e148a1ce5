"""`InferenceRunner` inside trainings of a small model: what it builds, runs, reports, and how it fails."""
import os
import re

import numpy as np
import pytest
from small_training import Call, events, messages, strict_json, train

from tensorpack.callbacks.base import StopTraining
from tensorpack.callbacks.inference import BinaryClassificationStats, ClassificationError, Inferencer, ScalarStats
from tensorpack.callbacks.inference_runner import DataParallelInferenceRunner, InferenceRunner, InferenceRunnerBase
from tensorpack.callbacks.monitor import JSONWriter, TFEventWriter
from tensorpack.callbacks.saver import MinSaver, ModelSaver
from tensorpack.callbacks.trigger import PeriodicTrigger
from tensorpack.compat import new_checkpoint_reader
from tensorpack.compat import tfv1 as tf
from tensorpack.dataflow.base import DataFlow
from tensorpack.dataflow.raw import DataFromGenerator, DataFromList
from tensorpack.graph_builder.model_desc import ModelDesc
from tensorpack.input_source.input_source import FeedInput, QueueInput
from tensorpack.input_source.input_source_base import remap_input_source
from tensorpack.tfutils.summary import add_moving_summary
from tensorpack.tfutils.tower import TowerFunc, get_current_tower_context
from tensorpack.train.config import DEFAULT_CALLBACKS, TrainConfig
from tensorpack.train.interface import launch_train_with_config
from tensorpack.train.trainers import SimpleTrainer


class Model(ModelDesc):
    """cost = mean((w * x)^2); in training x is halved at first, so that the two kinds of towers differ."""

    only_in_inference = False

    def inputs(self):
        return [tf.TensorSpec([None], tf.float32, "x"), tf.TensorSpec([None], tf.int32, "label")]

    def build_graph(self, x, label):
        w = tf.get_variable("w", [], initializer=tf.ones_initializer())
        if self.only_in_inference and not self.training:
            tf.get_variable("extra", [])
        prediction = tf.multiply(w, x / 2 if self.training else x, name="prediction")
        cost = tf.reduce_mean(tf.square(prediction), name="cost")
        tf.cast(tf.not_equal(label, 0), tf.float32, name="incorrect_vector")
        add_moving_summary(cost, tf.reduce_mean(x, name="mean_x"))
        tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, tf.no_op(name="update"))
        return cost

    def optimizer(self):
        return tf.train.GradientDescentOptimizer(0.01)


def batch(value, label=0, size=2):
    return [np.full(size, value, "float32"), np.full(size, label, "int32")]


def flow(*values):
    return DataFromList([batch(value) for value in values], shuffle=False)


def launch(callbacks, steps=4, epochs=1, monitors=(), model=None, extra_callbacks=(), trainer=None):
    trainer = trainer or SimpleTrainer()
    launch_train_with_config(TrainConfig(
        dataflow=flow(1), model=model or Model(), callbacks=list(callbacks), monitors=list(monitors), steps_per_epoch=steps,
        max_epoch=epochs, extra_callbacks=list(extra_callbacks)), trainer)
    return trainer


def mean_of_x(input, epochs=1, **kwargs):
    """The mean over the pass of each epoch of the mean of x over each datapoint."""
    trainer = launch([InferenceRunner(input, ScalarStats("mean_x", prefix=""), **kwargs)], epochs=epochs)
    return [value for _, value in trainer.monitors.get_history("mean_x")]


class Values(Inferencer):
    """Keeps what it fetches, and the order of its calls."""

    def __init__(self, *names):
        self.names, self.values, self.calls = list(names), [], []

    def _get_fetches(self):
        return self.names

    def _on_fetches(self, results):
        self.values.append([float(np.mean(x)) for x in results])
        self.calls.append("fetches")

    def _setup_graph(self):
        self.calls.append("setup_graph")

    def _before_inference(self):
        self.calls.append("before")

    def _after_inference(self):
        self.calls.append("after")

    def _never(self, *args):
        raise AssertionError("must not be called")

    _before_train = _after_train = _trigger_step = _before_run = _after_run = _after_epoch = _never


class Unsized(DataFlow):
    """Gives datapoints with these values, and does not know how many; `die_at` raises instead of that datapoint."""

    def __init__(self, *values, die_at=None):
        self.values, self.die_at = values, die_at

    def __iter__(self):
        for number, value in enumerate(self.values):
            if number == self.die_at:
                raise KeyError("the file is gone")
            yield batch(value)


class Sized(Unsized):
    """Says that it has another length than it has."""

    def __init__(self, size, *values, **kwargs):
        super().__init__(*values, **kwargs)
        self.size = size

    def __len__(self):
        return self.size


# ---- a whole training -------------------------------------------------------------------------------------------------

def test_files_statistics_and_events_of_a_training(log_dir):
    """Acceptance checks 1 and 2."""
    validation = DataFromList([batch(1, label=0), batch(2, label=1, size=6)], shuffle=False)
    launch([ModelSaver(), InferenceRunner(validation, [ClassificationError(summary_name="val_err"), ScalarStats("cost")]),
            MinSaver("val_err")],
           epochs=2, extra_callbacks=DEFAULT_CALLBACKS(), monitors=[TFEventWriter(), JSONWriter()])
    names = [re.sub(r"tfevents\..*|\d{4}-\d{6}", "", name) for name in sorted(os.listdir(log_dir)) if name != "resume.json"]
    assert names == [
        "checkpoint", "events.out.", "graph-.meta", "log.log", "min-val_err.data-00000-of-00001", "min-val_err.index",
        "model-4.data-00000-of-00001", "model-4.index", "model-8.data-00000-of-00001", "model-8.index", "stats.json"]
    records = strict_json(os.path.join(log_dir, "stats.json"))
    assert [list(record) for record in records] == [
        ["cost", "mean_x", "val_err", "validation_cost", "epoch_num", "global_step"]] * 2
    assert [(r["epoch_num"], r["global_step"], r["val_err"]) for r in records] == [(1, 4, .75), (2, 8, .75)]
    assert np.allclose([r["mean_x"] for r in records], 1)
    assert records[1]["validation_cost"] < records[0]["validation_cost"]
    found = [(e.WhichOneof("what"), e.step, [v.tag for v in e.summary.value]) for e in events(log_dir)]
    assert found == [("file_version", 0, []), ("graph_def", 0, [])] + [
        ("summary", step, tags) for step in (4, 8) for tags in (["cost", "mean_x"], ["val_err"], ["validation_cost"])]
    assert new_checkpoint_reader(os.path.join(log_dir, "min-val_err")).get_tensor("global_step") == 4


def test_collections_are_those_of_training(log_dir):
    """Acceptance check 4."""
    def collections():
        return {key: [x.name for x in tf.get_collection(key)] for key in (
            tf.GraphKeys.SUMMARIES, tf.GraphKeys.UPDATE_OPS, tf.GraphKeys.GLOBAL_VARIABLES, tf.GraphKeys.LOCAL_VARIABLES,
            tf.GraphKeys.TRAINABLE_VARIABLES, "MOVING_SUMMARY_OPS")}

    launch([InferenceRunner(flow(1), ScalarStats("cost"))])
    found = collections()
    with tf.Graph().as_default():
        launch([])
        assert found == collections()
    assert found[tf.GraphKeys.GLOBAL_VARIABLES] == ["global_step:0", "w:0"]
    assert found[tf.GraphKeys.LOCAL_VARIABLES] == [
        "EMA/{}:0".format(name) for t in ("cost", "mean_x") for name in (t, t + "/biased", t + "/local_step")]
    assert len(found[tf.GraphKeys.SUMMARIES]) == 2 and found[tf.GraphKeys.UPDATE_OPS] == ["update"]


@pytest.mark.parametrize("device, expected", [(0, "/device:GPU:0"), (1, "/device:GPU:1"), (-1, "/device:CPU:0")])
def test_the_tower_has_its_name_device_and_the_variables_of_training(device, expected):
    """Acceptance check 6, for one tower."""
    trainer = launch([InferenceRunner(flow(1), ScalarStats("cost"), device=device)])
    tower = trainer.towers["InferenceTower"]
    assert not tower.is_training and tower.vs_name == ""
    assert [(t.ns_name, t.vs_name) for t in trainer.towers] == [("", ""), ("InferenceTower", "")]
    operation = trainer.graph.get_operation_by_name("InferenceTower/prediction")
    assert operation.device == expected
    assert trainer.graph.get_operation_by_name("w/read") in [x.op for x in operation.inputs] or \
        operation.inputs[0].op.type in ("ReadVariableOp", "Identity")


# ---- passes -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("make", [
    lambda: flow(1, 2, 6), lambda: Unsized(1, 2, 6),
    lambda: DataFromGenerator(lambda: iter([batch(1), batch(2), batch(6)])),
    lambda: FeedInput(flow(1, 2, 6), infinite=False), lambda: FeedInput(flow(1, 2, 6)),
    lambda: Sized(3, 1, 2, 6, 100),
    lambda: FeedInput(Unsized(1, 2, 6), infinite=False), lambda: QueueInput(flow(1, 2, 6)),
    lambda: remap_input_source(FeedInput(flow(1, 2, 6)), ["x", "label"]),
], ids=["DataFlow", "no length", "generator", "finite feed", "infinite feed", "shorter length", "feed without length", "queue",
        "remapped"])
def test_each_pass_sees_the_data_once_from_the_beginning(make):
    assert mean_of_x(make(), epochs=3) == [3, 3, 3]


def test_a_pass_without_known_length_is_announced(log_records):
    mean_of_x(Unsized(1))
    assert any("Unsized" in m and "unknown" in m for m in messages(log_records, "WARNING"))


def test_the_number_of_iterations_is_logged(log_records):
    mean_of_x(flow(1, 2))
    assert any("2 iterations" in m for m in messages(log_records, "INFO"))


def test_inferencers_are_called_in_this_order_and_see_tensors_variables_and_inputs():
    inferencer = Values("prediction", "x:0", "w")
    launch([InferenceRunner(flow(4, 8), inferencer)], steps=0, epochs=2)
    assert inferencer.calls == ["setup_graph"] + ["before", "fetches", "fetches", "after"] * 2
    assert inferencer.values == [[4, 4, 1], [8, 8, 1]] * 2


def test_the_global_step_stands_still_and_callbacks_of_the_training_do_not_run():
    class Counts(Call):
        runs = 0

        def _before_run(self, ctx):
            self.runs += 1

    counts, runs = Counts(), []

    class Hook(tf.train.SessionRunHook):
        def before_run(self, run_context):
            runs.append(counts.global_step)

    runner = InferenceRunner(flow(1, 2, 3), ScalarStats("cost"))
    runner.register_hook(Hook())
    trainer = launch([counts, runner], epochs=2)
    assert counts.runs == 8 and trainer.global_step == 8 and runs == [4] * 3 + [8] * 3


def test_statistics_equal_those_of_a_predictor_on_the_same_data():
    data = [batch(value) for value in (1, 2, 5)]
    differences = []

    class Compare(Call):
        def _setup_graph(self):
            self.predictor = self.trainer.get_predictor(["x"], ["cost"])

        def _trigger_epoch(self):
            expected = np.mean([self.predictor(point[0])[0] for point in data])
            differences.append(expected - self.trainer.monitors.get_latest("validation_cost"))

    launch([InferenceRunner(DataFromList(data, shuffle=False), ScalarStats("cost")), Compare()], epochs=3)
    assert np.allclose(differences, [0, 0, 0], atol=1e-6)


def test_it_can_be_triggered_by_steps_and_before_training():
    runner = InferenceRunner(flow(1), ScalarStats("mean_x"))
    trainer = launch([PeriodicTrigger(runner, every_k_steps=3, before_train=True)], epochs=2)
    assert [step for step, _ in trainer.monitors.get_history("validation_mean_x")] == [0, 3, 6]


def test_another_tower_function():
    def build(x, label):
        assert not get_current_tower_context().is_training
        tf.reduce_max(x * tf.get_variable("w", []), name="largest")

    function = TowerFunc(build, Model().get_input_signature())
    trainer = launch([InferenceRunner(flow(3), ScalarStats("largest"), tower_func=function, tower_name="other")], steps=0)
    assert trainer.monitors.get_latest("validation_largest") == 3
    assert trainer.graph.get_operation_by_name("other/largest")


def test_a_queue_is_named_after_the_runner():
    source = QueueInput(flow(1))
    mean_of_x(source)
    assert source.queue.name == "InferenceRunner/QueueInput/input_queue"


# ---- several runners --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("make", [flow, lambda *values: QueueInput(flow(*values))], ids=["feed", "queue"])
def test_three_runners_each_see_their_own_data(log_records, make):
    trainer = launch([InferenceRunner(make(1, 3), ScalarStats("mean_x", prefix="a")),
                      InferenceRunner(make(10, 30), ScalarStats("mean_x", prefix="b")),
                      InferenceRunner(make(5), ScalarStats("mean_x", prefix="c"))], epochs=2)
    for prefix, value in (("a", 2), ("b", 20), ("c", 5)):
        assert trainer.monitors.get_history(prefix + "_mean_x") == [(4, value), (8, value)]
    assert [t.ns_name for t in trainer.towers] == ["", "InferenceTower", "InferenceTower_1", "InferenceTower_2"]
    assert any("'InferenceTower_1'" in m for m in messages(log_records, "INFO"))


def test_a_repeated_name_that_was_chosen_is_an_error():
    with pytest.raises(ValueError, match="tower_name.*'mine'.*its own"):
        launch([InferenceRunner(flow(1), ScalarStats("cost"), tower_name="mine"),
                InferenceRunner(flow(2), ScalarStats("cost"), tower_name="mine")])


def test_one_statistic_from_two_runners_is_warned_of_once(log_records):
    launch([InferenceRunner(flow(1), ScalarStats("cost")), InferenceRunner(flow(2), ScalarStats("cost"))], epochs=3)
    assert len([m for m in messages(log_records, "WARNING") if "'validation_cost'" in m and "prefix=" in m]) == 1


# ---- failures ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("make, parts", [
    (lambda: Sized(5, 1, 2, 3), ("Sized", "5", "3")), (lambda: Sized(2), ("Sized", "2", "0")),
    (lambda: FeedInput(Sized(5, 1, 2), infinite=False), ("Sized", "5", "2"))], ids=["3 of 5", "0 of 2", "feed"])
def test_data_that_end_before_their_length_are_an_error_with_both_numbers(log_records, make, parts):
    with pytest.raises(RuntimeError) as caught:
        mean_of_x(make())
    assert all(part in str(caught.value) for part in parts) and "__len__" in str(caught.value)
    assert any("ended after" in m for m in messages(log_records, "ERROR"))


def test_a_generator_that_is_used_up_is_an_error_at_the_second_pass():
    once = iter([batch(1)])
    with pytest.raises(RuntimeError, match="DataFromGenerator.* ended after 0 iterations.*at least one.*serves a single pass"):
        mean_of_x(DataFromGenerator(once), epochs=2)


def test_an_input_without_data_is_an_error():
    with pytest.raises(ValueError, match="must have data.*Sized.* of size 0"):
        InferenceRunner(Sized(0), ScalarStats("cost"))


@pytest.mark.parametrize("make", [
    lambda: QueueInput(Unsized(1)), lambda: FeedInput(Unsized(1)),
    lambda: remap_input_source(QueueInput(Unsized(1)), ["x"])], ids=["queue", "infinite feed", "remapped"])
def test_a_pass_that_would_never_end_is_refused(make):
    with pytest.raises(ValueError, match="never ends.*__len__"):
        InferenceRunner(make(), ScalarStats("cost"))


@pytest.mark.parametrize("make", [lambda df: df, QueueInput], ids=["feed", "queue"])
def test_an_error_of_the_data_ends_training_as_that_error(make):
    with pytest.raises(KeyError, match="the file is gone"):
        mean_of_x(make(Sized(3, 1, 2, 3, die_at=1)))


def test_data_of_a_wrong_shape_are_an_error_that_names_the_input():
    with pytest.raises(ValueError, match="'x'"):
        mean_of_x(DataFromList([[np.zeros((2, 2), "float32"), np.zeros(2, "int32")]]))


def test_a_variable_that_exists_in_inference_only_is_an_error():
    model = Model()
    model.only_in_inference = True
    with pytest.raises(ValueError, match="extra"):
        launch([InferenceRunner(flow(1), ScalarStats("cost"))], model=model)


def test_an_unknown_tensor_is_an_error_that_names_the_inferencer():
    with pytest.raises(KeyError, match="ScalarStats.*no_such_tensor"):
        launch([InferenceRunner(flow(1), ScalarStats("no_such_tensor"))])


def test_a_trainer_without_towers_is_an_error():
    with pytest.raises(RuntimeError, match="TowerTrainer"):
        train([InferenceRunner(flow(1), ScalarStats("cost"))])


def test_without_inferencers_the_data_are_passed():
    seen = []

    class Seen(DataFlow):
        def __len__(self):
            return 2

        def __iter__(self):
            for dp in flow(1, 2):
                seen.append(dp)
                yield dp

    launch([InferenceRunner(Seen(), [])])
    assert len(seen) == 2


@pytest.mark.parametrize("make, error, message", [
    (lambda: InferenceRunner(3, ScalarStats("x")), TypeError, "InputSource"),
    (lambda: InferenceRunner(flow(1), [ModelSaver()]), TypeError, "Inferencer"),
    (lambda: InferenceRunner(flow(1), ScalarStats("x"), tower_func=len), TypeError, "TowerFunc"),
    (lambda: InferenceRunnerBase(flow(1), ScalarStats("x")), TypeError, "InputSource"),
    (lambda: InferenceRunner(flow(1), ScalarStats("x")).register_hook(ModelSaver()), TypeError, "SessionRunHook"),
], ids=["input", "no Inferencer", "tower_func", "base", "hook"])
def test_wrong_arguments(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_an_input_that_is_used_elsewhere_is_an_error():
    source = FeedInput(flow(1))
    with pytest.raises(RuntimeError, match="set up once"):
        launch([InferenceRunner(source, ScalarStats("cost")), InferenceRunner(source, ScalarStats("cost", prefix="b"))])


@pytest.mark.parametrize("error", [StopTraining, ValueError])
def test_an_exception_in_an_inferencer_ends_training_like_in_any_callback(error, log_dir):
    """Acceptance check 8."""
    class Raises(Values):
        def _after_inference(self):
            raise error("enough")

    seen = []
    callbacks = [Call(trigger_epoch=lambda cb: seen.append("before")), InferenceRunner(flow(1), Raises("cost")),
                 Call(trigger_epoch=lambda cb: seen.append("behind"), after_train=lambda cb: seen.append("after_train"))]
    if error is StopTraining:
        launch(callbacks, epochs=3)
    else:
        with pytest.raises(ValueError, match="enough"):
            launch(callbacks, epochs=3)
    assert seen == ["before", "after_train"]


class NotForEver(Inferencer):
    def _get_fetches(self):
        return ["mean_x"]

    def _before_inference(self):
        self.left = 1500

    def _on_fetches(self, results):
        self.left -= 1
        if not self.left:
            raise StopTraining("enough")


def test_a_pass_of_unknown_size_that_goes_on_and_on_is_told(log_records):
    def for_ever():
        while True:
            yield batch(1)

    launch([InferenceRunner(DataFromGenerator(for_ever), NotForEver())])
    warning, = [text for text in messages(log_records, "WARNING") if "have not ended" in text]
    assert warning.startswith("[InferenceRunner] 1000 datapoints are done") and "FixedSizeData(flow, size)" in warning


@pytest.mark.parametrize("size", [999, 1200])
def test_it_is_told_in_the_first_pass_alone(log_records, size):
    def generate():
        for _ in range(size):
            yield batch(1)

    launch([InferenceRunner(DataFromGenerator(generate), ScalarStats("mean_x"))], epochs=3)
    found = [text for text in messages(log_records, "WARNING") if "have not ended" in text]
    assert len(found) == (size > 1000)


class Shapes(Model):
    """Tensors of known and unknown shapes."""

    def build_graph(self, x, label):
        tf.identity(tf.one_hot(label, 3), name="prob")
        tf.identity(tf.one_hot(label, 3)[:, :2], name="narrow")
        tf.placeholder_with_default(tf.ones([2]), None, name="unknown")
        tf.reshape(tf.reduce_mean(x), [1, 1], name="single")
        return super().build_graph(x, label)


@pytest.mark.parametrize("inferencer, message", [
    (ClassificationError("cost"), r"ClassificationError: tensor 'cost' must be a vector.*got the shape \(\); do not reduce it"),
    (ClassificationError("prob"), r"ClassificationError: tensor 'prob' must be a vector.*3\)?\]?\)?; reduce.*in_top_k.*argmax"),
    (ScalarStats("incorrect_vector"), "ScalarStats: tensor 'incorrect_vector' must be a scalar.*use ClassificationError"),
    (ScalarStats(["cost", "prob"]), "ScalarStats: tensor 'prob' must be a scalar"),
    (BinaryClassificationStats("prob", "narrow"), "BinaryClassificationStats.*must have the same shape"),
], ids=["scalar", "matrix", "vector", "second", "binary"])
def test_tensors_of_wrong_shapes_are_refused_before_the_training(inferencer, message):
    epochs = []
    with pytest.raises(ValueError, match=message):
        launch([Call(before_train=epochs.append), InferenceRunner(flow(1), inferencer)], model=Shapes())
    assert epochs == []


def test_shapes_that_may_fit_are_taken():
    trainer = launch([InferenceRunner(flow(1, 1), [
        ClassificationError("unknown"), ScalarStats("single", prefix=""), BinaryClassificationStats("prob", "prob")])],
        model=Shapes())
    assert [trainer.monitors.get_latest(name) for name in ("validation_error", "single", "val_recall")] == [1, 1, 1]


class Keeping(Model):
    """Keeps tensors of its first call, which is that of the training tower."""

    def __init__(self, keep):
        self.keep, self.kept = keep, None

    def build_graph(self, x, label):
        if self.kept is None:
            self.kept = {"prediction": tf.get_variable("w", [], initializer=tf.ones_initializer()) * x, "input": x}
        if self.keep == "all":
            return tf.reduce_mean(self.kept["prediction"] + tf.cast(label, tf.float32), name="cost")
        tf.add(x, self.kept["input"], name="mixed")
        return tf.reduce_mean(tf.get_variable("v", [], initializer=tf.ones_initializer()) * x, name="cost")


def data_parallel(*args):
    return DataParallelInferenceRunner(*args, [0], device_type="cpu")


@pytest.mark.parametrize("keep, fetched", [("all", ScalarStats("cost")), ("input", Values("label", "mixed"))])
@pytest.mark.parametrize("source, runner", [
    (QueueInput, InferenceRunner), (QueueInput, data_parallel), (FeedInput, data_parallel)])
def test_a_validation_never_takes_data_of_the_training(keep, fetched, source, runner):
    with pytest.raises(ValueError, match="must fetch what is computed from the data of the validation; got '(cost|mixed)', "
                                         "which needs 'x' of the training tower.*keep none in self"):
        launch_train_with_config(TrainConfig(
            data=source(flow(1)), model=Keeping(keep), callbacks=[runner(flow(2), fetched)], steps_per_epoch=2, max_epoch=1),
            SimpleTrainer())


def test_what_is_kept_of_a_placeholder_that_is_fed_in_both_has_the_data_of_the_validation():
    trainer = launch([InferenceRunner(flow(3, 5), ScalarStats("cost"))], model=Keeping("all"), steps=1)
    assert trainer.monitors.get_latest("validation_cost") > 3


def test_a_model_that_keeps_something_is_taken_where_nothing_fetched_needs_it():
    trainer = launch([InferenceRunner(flow(2), ScalarStats("cost"))], model=Keeping("input"))
    assert trainer.monitors.get_latest("validation_cost") < 2
