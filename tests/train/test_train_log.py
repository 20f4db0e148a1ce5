"""What a newcomer reads in the log of a training: each warning is worth reading, and a finished training leaves no files."""
import os

import pytest

from tensorpack import (
    AutoResumeTrainConfig,
    Callback,
    FeedInput,
    InferenceRunner,
    ModelSaver,
    PeriodicTrigger,
    ScalarStats,
    SimpleTrainer,
    SmartInit,
    StopTraining,
    TrainConfig,
    l2_regularizer,
    launch_train_with_config,
    logger,
    regularize_cost,
)
from tensorpack.compat import num_gpus
from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils.summary import add_moving_summary
from tensorpack.tfutils.varreplace import freeze_variables
from tensorpack.utils._rng import set_worker_index


def warnings(records):
    return [record.getMessage() for record in records if record.levelname == "WARNING"]


def table(records):
    return next(record.getMessage() for record in records if "List of Trainable Variables" in record.getMessage())


class Frozen:
    """`y = (x W + b) c`, of which W and b are frozen; perhaps W decays, and c has no influence on the cost."""

    decays, forgets = False, False

    def build_graph(self, x, y):
        with freeze_variables():
            weights, bias = tf.get_variable("body/W", [3, 1]), tf.get_variable("body/b", [1])
        scale = tf.get_variable("head/c", [1])
        if self.forgets:
            tf.get_variable("lost", [2])
        cost = tf.reduce_mean(tf.square((tf.matmul(x, weights) + bias)[:, 0] * scale - y))
        if self.decays:
            cost += regularize_cost("body/W", l2_regularizer(1e-4))
        return tf.identity(cost, name="cost")


@pytest.mark.parametrize("is_frozen", [True, False], ids=["frozen", "no-influence"])
def test_a_model_that_is_frozen_as_a_whole_says_so(linear_model, linear_data, is_frozen):
    class Model(linear_model):
        def build_graph(self, x, y):
            if not is_frozen:
                tf.get_variable("lost", [2])
                return tf.reduce_sum(x)
            with freeze_variables():
                return super().build_graph(x, y)

    with pytest.raises(ValueError, match="must depend on a trainable variable; got no gradient for any of ") as info:
        launch_train_with_config(TrainConfig(model=Model(), dataflow=linear_data(2), max_epoch=1), SimpleTrainer())
    assert str(info.value).endswith("; freeze_variables() stops them: build what is to be trained outside of it") == is_frozen


@pytest.mark.parametrize("summarized", [False, True])
def test_only_summaries_that_there_are_have_a_line(linear_model, linear_data, log_dir, log_records, summarized):
    class Model(linear_model):
        def build_graph(self, x, y):
            cost = super().build_graph(x, y)
            if summarized:
                add_moving_summary(cost)
            return cost

    launch_train_with_config(TrainConfig(model=Model(), dataflow=linear_data(2), max_epoch=1), SimpleTrainer())
    lines = [record.getMessage() for record in log_records]
    for words in ("Maintain moving average summary of 1 tensor ", "Summarizing collection 'summaries' of size 1"):
        assert any(line.startswith(words) for line in lines) == summarized
    assert not any("summary of 0 " in line or "of size 0" in line for line in lines)


@pytest.mark.parametrize("decays, forgets", [(False, False), (True, False), (False, True)],
                         ids=["frozen", "weight decay trains it", "another one without gradient"])
def test_frozen_variables_are_no_news(linear_model, linear_data, log_dir, log_records, decays, forgets):
    class Model(Frozen, linear_model):
        pass

    Model.decays, Model.forgets = decays, forgets
    launch_train_with_config(TrainConfig(model=Model(), dataflow=linear_data(2), max_epoch=1), SimpleTrainer())
    rows = {line.split()[0] for line in table(log_records).split("\n") if "/" in line or line.startswith("lost")}
    expected = {"head/c"} | ({"body/W"} if decays else set()) | ({"lost"} if forgets else set())
    frozen = "body/b" if decays else "body/W, body/b"
    numbers = "1 variable with 1 element" if decays else "2 variables with 4 elements"
    assert expected <= rows and not ({"body/W", "body/b"} - expected) & rows
    assert table(log_records).count("Frozen, so not among them: {}: {}".format(numbers, frozen)) == 1
    about_gradients = [text for text in warnings(log_records) if "No gradient" in text]
    assert about_gradients == (["No gradient w.r.t. 1 trainable variable, not updated: lost"] if forgets else [])
    assert any("something else trains 1 variable" in text for text in warnings(log_records)) == decays


def test_a_finished_training_started_again_says_so_and_leaves_no_files(linear_model, linear_data, tmp_path, log_records):
    def train(max_epoch):
        del log_records[:]
        logger.set_logger_dir(str(tmp_path), "k")
        with tf.Graph().as_default():
            launch_train_with_config(AutoResumeTrainConfig(
                model=linear_model(), dataflow=linear_data(3), callbacks=[ModelSaver()], max_epoch=max_epoch), SimpleTrainer())
        return {name for name in os.listdir(str(tmp_path)) if not name.startswith("log.log")}

    nothing = "There is nothing to train: epoch 3 would be the next one, and max_epoch is 2."
    files = train(2)
    assert [record for record in log_records if "No checkpoint is listed in" in record.getMessage()]
    assert any(name.startswith("graph-") for name in files) and any("tfevents" in name for name in files)
    assert nothing not in [record.getMessage() for record in log_records]
    assert train(2) == files
    assert nothing in [record.getMessage() for record in log_records] and not warnings(log_records)
    more = train(3)
    assert len([name for name in more - files if "tfevents" in name or name.startswith("graph-")]) == 2


@pytest.mark.parametrize("index", [0, 1])
def test_other_workers_than_the_first_need_no_log_directory(linear_model, linear_data, log_records, index):
    set_worker_index(index)
    config = AutoResumeTrainConfig(model=linear_model(), dataflow=linear_data(), max_epoch=1)
    launch_train_with_config(config, SimpleTrainer())
    about_it = [line for line in warnings(log_records) if "log directory" in line]
    assert len(about_it) == 3 * (1 - index)
    goes_on = "This worker has no log directory: it starts where rank 0 does."
    assert (goes_on in [record.getMessage() for record in log_records]) == (index == 1)


@pytest.mark.parametrize("summarize", [None, add_moving_summary, lambda cost: tf.summary.scalar("cost_of_batch", cost)],
                         ids=["no summary", "moving summary", "tf.summary"])
def test_a_model_without_summaries_is_told_how_to_show_its_cost(linear_model, linear_data, log_dir, log_records, summarize):
    class Model(linear_model):
        def build_graph(self, *inputs):
            cost = super().build_graph(*inputs)
            if summarize is not None:
                summarize(cost)
            return cost

    launch_train_with_config(TrainConfig(model=Model(), dataflow=linear_data(2), max_epoch=1), SimpleTrainer())
    told = [record.levelname for record in log_records if "summary.add_moving_summary(cost)" in record.getMessage()]
    assert told == (["INFO"] if summarize is None else [])


def lines(records):
    return [record.getMessage() for record in records]


@pytest.mark.parametrize("callbacks, is_told", [
    (lambda: [], True), (lambda: [ModelSaver()], False), (lambda: [PeriodicTrigger(ModelSaver(), every_k_epochs=2)], False),
], ids=["nothing", "saver", "periodic"])
def test_a_training_that_saves_nothing_says_so_once(linear_model, linear_data, log_dir, log_records, callbacks, is_told):
    launch_train_with_config(TrainConfig(
        model=linear_model(), dataflow=linear_data(2), callbacks=callbacks(), max_epoch=2), SimpleTrainer())
    told = [record.levelname for record in log_records if "This training saves no model" in record.getMessage()]
    assert told == (["INFO"] if is_told else [])


class StopAtOnce(Callback):
    def _trigger_epoch(self):
        raise StopTraining()


@pytest.mark.parametrize("by_config", [True, False], ids=["config", "train_with_defaults"])
@pytest.mark.parametrize("max_epoch", [None, 3])
def test_a_training_without_a_last_epoch_says_so_once(linear_model, linear_data, log_dir, log_records, by_config, max_epoch):
    given = {} if max_epoch is None else {"max_epoch": max_epoch}
    if by_config:
        launch_train_with_config(TrainConfig(
            model=linear_model(), dataflow=linear_data(2), callbacks=[StopAtOnce()], **given), SimpleTrainer())
    else:
        trainer, model = SimpleTrainer(), linear_model()
        trainer.setup_graph(model.get_input_signature(), FeedInput(linear_data(2)), model.build_graph, model.get_optimizer)
        trainer.train_with_defaults(callbacks=[StopAtOnce()], steps_per_epoch=2, **given)
    told = [line for line in lines(log_records) if "max_epoch is not given" in line]
    assert len(told) == (max_epoch is None)


def test_a_resumed_training_is_not_told_to_load_the_weights_alone(linear_model, linear_data, tmp_path, log_records):
    def train(rate, resume):
        class Model(linear_model):
            def optimizer(self):
                return tf.train.GradientDescentOptimizer(tf.get_variable("learning_rate", initializer=rate, trainable=False))

        logger.set_logger_dir(str(tmp_path), "k")
        with tf.Graph().as_default():
            make = AutoResumeTrainConfig if resume else TrainConfig
            given = {} if resume else {"session_init": SmartInit(str(tmp_path))}
            launch_train_with_config(make(
                model=Model(), dataflow=linear_data(2), callbacks=[ModelSaver()], max_epoch=3, **given), SimpleTrainer())
        return [line for line in lines(log_records) if "weights_only=True" in line]

    assert train(0.1, True) == []
    assert train(0.01, True) == []
    assert len(train(0.01, False)) == 1


@pytest.mark.skipif(num_gpus() > 0, reason="it is about machines without a GPU")
def test_the_log_does_not_speak_of_gpus_that_are_not_there(linear_model, linear_data, log_dir, log_records):
    class Predicts(Callback):
        def _setup_graph(self):
            self.predict = self.trainer.get_predictor(["x"], ["prediction"])

    launch_train_with_config(TrainConfig(
        model=linear_model(), dataflow=linear_data(2), max_epoch=1,
        callbacks=[InferenceRunner(linear_data(2), ScalarStats("cost")), Predicts()]), SimpleTrainer())
    assert not [line for line in lines(log_records) if "gpu" in line.lower()]
    assert [line for line in lines(log_records) if "on the CPU" in line]
