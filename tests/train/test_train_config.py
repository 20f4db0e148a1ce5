"""TrainConfig and launch_train_with_config: what they accept and what they say about the rest."""
import json
import os
import re

import numpy as np
import pytest

from tensorpack import (
    AutoResumeTrainConfig,
    BatchData,
    Callback,
    Callbacks,
    DataFromGenerator,
    DataFromList,
    FeedInput,
    JSONWriter,
    ModelDesc,
    ModelDescBase,
    ModelSaver,
    MultiProcessMapAndBatchData,
    PeriodicTrigger,
    QueueInput,
    RepeatedData,
    SimpleTrainer,
    SmartInit,
    StopTraining,
    SyncMultiGPUTrainerReplicated,
    TensorInput,
    TrainConfig,
    Trainer,
    l2_regularizer,
    launch_train_with_config,
    logger,
    regularize_cost,
    regularize_cost_from_collection,
    tfv1,
)
from tensorpack.callbacks._checks.of_keras import HERE as HERE_OF_KERAS
from tensorpack.callbacks._checks.of_keras import instead_of_keras
from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils.summary import add_moving_summary
from tensorpack.train.interface import apply_default_prefetch


def test_defaults(linear_model, linear_data):
    config = TrainConfig(model=linear_model(), dataflow=linear_data(5))
    assert (config.steps_per_epoch, config.starting_epoch, config.max_epoch) == (5, 1, 99999)
    assert [str(cb) for cb in config.extra_callbacks] == [
        "MovingAverageSummary", "ProgressBar", "MergeAllSummaries_RunWithOp", "RunUpdateOps"]
    assert config.callbacks == [] and config.data is None
    assert TrainConfig(model=linear_model(), data=QueueInput(linear_data(7))).steps_per_epoch == 7


@pytest.mark.parametrize("kwargs, error, words", [
    (lambda d: dict(dataflow=d, data=FeedInput(d)), ValueError, "exclude each other"),
    (lambda d: dict(dataflow=FeedInput(d)), TypeError, "dataflow must be a DataFlow.*given as data="),
    (lambda d: dict(data=d), TypeError, "data must be an InputSource.*given as dataflow="),
    (lambda d: dict(data=[[1, 2]] * 9), TypeError, "data must be an InputSource; got list of 9.*DataFromList"),
    (lambda d: dict(dataflow=d, session_config={"gpu": 1}), TypeError, "session_config must be a tf.ConfigProto; got .*gpu"),
    (lambda d: dict(dataflow=d, model=object()), TypeError, "model must be a ModelDescBase"),
    (lambda d: dict(dataflow=d, callbacks={}), TypeError, "callbacks must be a list"),
    (lambda d: dict(dataflow=d, callbacks=ModelSaver()), TypeError, r"callbacks must be a list.*; write callbacks=\[it\]"),
    (lambda d: dict(dataflow=d, callbacks=[1]), TypeError, "each element of callbacks"),
    (lambda d: dict(dataflow=d, extra_callbacks=()), TypeError, "extra_callbacks must be a list"),
    (lambda d: dict(dataflow=d, monitors=()), TypeError, "monitors must be a list"),
    (lambda d: dict(dataflow=d, session_init="model-10"), TypeError, "session_init must be a SessionInit.*SmartInit"),
    (lambda d: dict(dataflow=d, session_creator=1, session_config=2), ValueError, "session_creator and session_config"),
    (lambda d: dict(), ValueError, "steps_per_epoch must be given"),
    (lambda d: dict(dataflow=d, steps_per_epoch="ten"), ValueError, "steps_per_epoch must be an integer; got 'ten'"),
    (lambda d: dict(dataflow=d, max_epoch=float("inf")), OverflowError, "max_epoch must be an integer; got inf"),
    (lambda d: dict(dataflow=d, steps_per_epoch=-1), ValueError, "steps_per_epoch must not be negative; got -1"),
    (lambda d: dict(dataflow=d, max_epoch=-1), ValueError, "max_epoch must not be negative; got -1"),
    (lambda d: dict(dataflow=d, starting_epoch=-1), ValueError, "starting_epoch must not be negative; got -1"),
    (lambda d: dict(dataflow=DataFromList([])), ValueError, "must have a datapoint; got DataFromList, whose length is 0"),
    (lambda d: dict(dataflow=d, callbacks=[ModelSaver]), TypeError, r"the class ModelSaver; write ModelSaver\("),
    (lambda d: dict(dataflow=d, monitors=[JSONWriter]), TypeError, r"the class JSONWriter; write JSONWriter\("),
    (lambda d: dict(dataflow=d, model=ModelDesc), TypeError, r"a ModelDescBase; got the class ModelDesc; write ModelDesc\("),
    (lambda d: dict(dataflow=d, data=ModelDesc()), TypeError, "second argument is an InputSource; got the model ModelDesc"),
], ids=["both", "input-as-dataflow", "dataflow-as-input", "list-as-input", "session-config", "model", "dict", "not-in-a-list",
        "callback", "extra", "monitors", "init", "creator", "none", "ten", "infinite", "steps", "epochs", "start", "empty",
        "class-callback", "class-monitor", "class-model", "model-as-input"])
def test_wrong_arguments_are_named(linear_data, kwargs, error, words):
    with pytest.raises(error, match=words):
        TrainConfig(**kwargs(linear_data()))


@pytest.mark.parametrize("make, words", [
    (lambda keras: keras.EarlyStopping(patience=3), r"; Keras' EarlyStopping is here EarlyStop\("),
    (lambda keras: keras.ModelCheckpoint("best.keras"), r"; Keras' ModelCheckpoint is here ModelSaver\(\), .* MinSaver\("),
    (lambda keras: keras.TensorBoard, "the class TensorBoard.*; Keras' TensorBoard is here logger.set_logger_dir"),
    (lambda keras: type("Mine", (keras.LearningRateScheduler,), {})(len), "; Keras' LearningRateScheduler is here Sched"),
    (lambda keras: type("Mine", (keras.Callback,), {})(), "derive from tensorpack's Callback, where on_epoch_end is _trigger_"),
], ids=["early-stop", "checkpoint", "class", "derived", "own"])
@pytest.mark.parametrize("taken_by", [
    lambda data, cb: TrainConfig(dataflow=data, callbacks=[cb]), lambda data, cb: Callbacks([cb]),
    lambda data, cb: PeriodicTrigger(cb, every_k_epochs=1), lambda data, cb: Trainer().register_callback(cb)],
    ids=["config", "group", "proxy", "trainer"])
def test_callbacks_of_keras_are_told_what_does_the_same_here(linear_data, taken_by, make, words):
    import tensorflow
    with pytest.raises(TypeError, match="must be a Callback; got .*" + words):
        taken_by(linear_data(), make(tensorflow.keras.callbacks))


@pytest.mark.parametrize("value", [1, "EarlyStopping", int, type("Callback", (), {})()])
def test_of_what_is_no_callback_of_keras_nothing_is_told(value):
    assert instead_of_keras(value) == ""


def test_what_does_the_same_as_a_callback_of_keras_exists():
    import tensorpack
    for words in HERE_OF_KERAS.values():
        for name in re.findall(r"\b[A-Z]\w*(?=\(| in the place)", words):
            assert hasattr(tensorpack, name), words


@pytest.mark.parametrize("kwargs, words", [
    (dict(steps_per_epoch=0), "with steps_per_epoch=0 nothing is trained"),
    (dict(steps_per_epoch=0.9), "with steps_per_epoch=0 nothing is trained"),
    (dict(starting_epoch=0), "epochs are counted from 1"),
], ids=["no steps", "less than one", "epoch 0"])
def test_odd_numbers_are_warned_of_when_the_configuration_is_made(linear_data, log_records, kwargs, words):
    TrainConfig(dataflow=linear_data(), **kwargs)
    assert words in log_records[-1].getMessage() and log_records[-1].levelname == "WARNING"


@pytest.mark.parametrize("name, value, number", [
    ("steps_per_epoch", 90 / 8, 11), ("steps_per_epoch", np.float32(2.5), 2), ("max_epoch", 1.5, 1),
    ("starting_epoch", 3.7, 3)])
def test_a_fraction_that_is_cut_is_warned_of(linear_data, log_records, name, value, number):
    assert getattr(TrainConfig(dataflow=linear_data(), **{name: value}), name) == number
    warning, = log_records
    assert "{} should be an integer; got {}".format(name, value) in warning.getMessage()
    assert "which is cut to {}; choose how to round it".format(number) in warning.getMessage()


def test_whole_numbers_of_any_kind_are_no_reason_to_warn(linear_data, log_records):
    config = TrainConfig(dataflow=linear_data(), steps_per_epoch=88 / 8, max_epoch=np.int64(2), starting_epoch=np.float32(1))
    assert (config.steps_per_epoch, config.max_epoch, config.starting_epoch) == (11, 2, 1) and not log_records


@pytest.mark.parametrize("config", [TrainConfig, AutoResumeTrainConfig])
@pytest.mark.parametrize("keyword, words", [
    ("epochs", "did you mean max_epoch"), ("max_epochs", "did you mean max_epoch"), ("callback", "did you mean callbacks"),
    ("steps", r"did you mean steps_per_epoch\?"),
    ("batch_size", r"try dataflow=BatchData\(ds, batch_size\)"), ("learning_rate", r"try the optimizer that .*optimizer\(\)"),
    ("validation_data", r"try callbacks=\[InferenceRunner\("), ("initial_epoch", "try starting_epoch="),
    ("qqq", "it takes dataflow, data, model, callbacks, .*max_epoch$")])
def test_keywords_of_others_are_told_what_is_said_here(linear_data, log_dir, config, keyword, words):
    with pytest.raises(TypeError, match="^{}: got an unexpected keyword argument '{}'; {}".format(
            config.__name__, keyword, words)) as info:
        config(dataflow=linear_data(), **{keyword: 3})
    assert info.value.__suppress_context__


@pytest.mark.parametrize("make, words", [
    (lambda data: ModelSaver(keep=3), "ModelSaver: .*'keep'; did you mean max_to_keep or keep_checkpoint_every_n_hours"),
    (lambda data: QueueInput(data, batch_size=3), "QueueInput: .*'batch_size'; it takes ds, queue"),
    (lambda data: SyncMultiGPUTrainerReplicated(gpu=[0]), "SyncMultiGPUTrainerReplicated: .*'gpu'; did you mean gpus"),
], ids=["callback", "input", "trainer"])
def test_keywords_of_other_constructors_are_told_too(linear_data, make, words):
    with pytest.raises(TypeError, match="^" + words):
        make(linear_data())


def test_arguments_of_launch_that_are_swapped_are_told(linear_model, linear_data):
    config = TrainConfig(model=linear_model(), dataflow=linear_data())
    with pytest.raises(TypeError, match=r"the TrainConfig must come before the trainer; got them swapped; try launch_train"):
        launch_train_with_config(SimpleTrainer(), config)


def test_the_trainer_refuses_negative_numbers_before_it_builds_anything(linear_model):
    trainer = Trainer()
    with pytest.raises(ValueError, match="Trainer: steps_per_epoch must be >= 0; got -1"):
        trainer.train_with_defaults(steps_per_epoch=-1)
    assert trainer.monitors is None


@pytest.mark.parametrize("make_data, words", [
    (lambda d: dict(dataflow=RepeatedData(d, -1)), r"RepeatedData is unknown \(RepeatedData\(num=-1\): an endless DataFlow"),
    (lambda d: dict(dataflow=BatchData(RepeatedData(d, -1), 2)), r"BatchData is unknown \(RepeatedData\(num=-1\): an endless"),
    (lambda d: dict(dataflow=DataFromGenerator(lambda: iter(()))), "DataFromGenerator is unknown"),
    (lambda d: dict(dataflow=MultiProcessMapAndBatchData(d, 1, len, 2)), "MultiProcessMapAndBatchDataZMQ is unknown"),
    (lambda d: dict(data=QueueInput(RepeatedData(d, -1))), r"QueueInput is unknown \(RepeatedData\(num=-1\)"),
    (lambda d: dict(data=TensorInput(list)), "TensorInput is unknown"),
], ids=["repeated", "batched", "generator", "map and batch", "queue", "tensors"])
def test_data_of_unknown_length_need_steps_per_epoch(linear_model, linear_data, make_data, words):
    with pytest.raises(NotImplementedError, match="TrainConfig: steps_per_epoch must be given, .*" + words) as info:
        launch_train_with_config(TrainConfig(model=linear_model(), **make_data(linear_data())), SimpleTrainer())
    assert "such as steps_per_epoch=1000" in str(info.value)
    assert info.value.__cause__ is None and info.value.__suppress_context__


@pytest.mark.parametrize("kwargs, trainer, error, words", [
    (dict(), Trainer, TypeError, "must be a SingleCostTrainer"),
    (dict(model=None), SimpleTrainer, ValueError, "must have model="),
    (dict(dataflow=None, steps_per_epoch=3), SimpleTrainer, ValueError, "must have dataflow= or data="),
], ids=["trainer", "model", "data"])
def test_launch_names_what_is_missing(linear_model, linear_data, kwargs, trainer, error, words):
    config = TrainConfig(**dict(dict(model=linear_model(), dataflow=linear_data()), **kwargs))
    with pytest.raises(error, match=words):
        launch_train_with_config(config, trainer())


def test_launch_refuses_something_else_than_a_config():
    with pytest.raises(TypeError, match="must be a TrainConfig"):
        launch_train_with_config({}, SimpleTrainer())


def test_default_prefetch(linear_data):
    class Derived(SimpleTrainer):
        pass

    queue = QueueInput(linear_data())
    assert apply_default_prefetch(queue, Derived()) is queue
    assert type(apply_default_prefetch(linear_data(), SimpleTrainer())) is FeedInput
    assert type(apply_default_prefetch(linear_data(), Derived())) is QueueInput


def build_graph_returning(make):
    def build_graph(self, x, y):
        w = tfv1.get_variable("W", [3])
        return make(tfv1.reduce_sum(x * w, 1) - y)
    return build_graph


@pytest.mark.parametrize("make, error, words", [
    (lambda d: None, TypeError, "must return the cost.*got None.*return cost"),
    (lambda d: tfv1.to_int32(tfv1.reduce_sum(d), name="count"), TypeError,
     r"a cost of floats, which has a gradient; got int32 \(\), the tensor '.*count:0'; is it a count of mistakes\?"),
    (lambda d: d, ValueError, r"cost of shape \(\).*got .* of shape .*reduce_mean"),
    (lambda d: tfv1.constant(1.), ValueError, "cost must depend on a trainable variable.*W"),
], ids=["nothing", "integer", "vector", "constant"])
def test_a_cost_that_cannot_be_minimised_is_explained(linear_model, linear_data, make, error, words):
    model = type("Model", (linear_model,), {"build_graph": build_graph_returning(make)})()
    with pytest.raises(error, match=words):
        launch_train_with_config(TrainConfig(model=model, dataflow=linear_data()), SimpleTrainer())


def test_a_model_without_variables_is_explained(linear_model, linear_data):
    model = type("Model", (linear_model,), {"build_graph": lambda self, x, y: tfv1.reduce_sum(x)})()
    with pytest.raises(ValueError, match="must have trainable variables"):
        launch_train_with_config(TrainConfig(model=model, dataflow=linear_data()), SimpleTrainer())


def test_variables_without_gradient_are_listed(linear_model, linear_data, log_records):
    def build_graph(self, x, y):
        tfv1.get_variable("unused", [3])
        return linear_model.build_graph(self, x, y)

    model = type("Model", (linear_model,), {"build_graph": build_graph})()
    launch_train_with_config(TrainConfig(model=model, dataflow=linear_data(), monitors=[], max_epoch=1), SimpleTrainer())
    assert any("not updated: unused" in r.getMessage() for r in log_records if r.levelname == "WARNING")


def test_regularization_losses_that_nothing_uses_are_listed(linear_model, linear_data, log_records):
    def build_graph(self, x, y):
        cost = linear_model.build_graph(self, x, y)
        tfv1.add_to_collection(tfv1.GraphKeys.REGULARIZATION_LOSSES, tfv1.reduce_sum(x, name="forgotten"))
        return cost

    model = type("Model", (linear_model,), {"build_graph": build_graph})()
    launch_train_with_config(TrainConfig(model=model, dataflow=linear_data(), monitors=[], max_epoch=1), SimpleTrainer())
    assert any("forgotten" in r.getMessage() for r in log_records if r.levelname == "WARNING")


@pytest.mark.parametrize("use_resource", [False, True])
@pytest.mark.parametrize("is_added", [False, True])
def test_the_regularizer_of_a_variable_is_told_if_nothing_uses_it(
        linear_model, linear_data, log_records, use_resource, is_added):
    def build_graph(self, x, y):
        with tfv1.variable_scope("r", regularizer=l2_regularizer(0.1), use_resource=use_resource):
            tfv1.get_variable("w", [3])
        cost = linear_model.build_graph(self, x, y)
        return cost + regularize_cost_from_collection() if is_added else cost

    model = type("Model", (linear_model,), {"build_graph": build_graph})()
    launch_train_with_config(TrainConfig(model=model, dataflow=linear_data(), monitors=[], max_epoch=1), SimpleTrainer())
    assert any("r/w/Regularizer" in r.getMessage() for r in log_records if r.levelname == "WARNING") != is_added


@pytest.mark.parametrize("from_collection", [False, True])
@pytest.mark.parametrize("is_added", [False, True])
def test_a_cost_of_regularization_that_is_not_added_is_told(linear_model, linear_data, log_records, from_collection, is_added):
    def build_graph(self, x, y):
        cost = linear_model.build_graph(self, x, y)
        tfv1.add_to_collection(tfv1.GraphKeys.REGULARIZATION_LOSSES, tfv1.nn.l2_loss(tfv1.trainable_variables()[0]))
        decay = regularize_cost_from_collection("decay") if from_collection else regularize_cost("W", tfv1.nn.l2_loss, "decay")
        return cost + decay + tfv1.add_n(tfv1.losses.get_regularization_losses()) if is_added else cost

    model = type("Model", (linear_model,), {"build_graph": build_graph})()
    launch_train_with_config(TrainConfig(model=model, dataflow=linear_data(), monitors=[], max_epoch=1), SimpleTrainer())
    told = [r.getMessage() for r in log_records if "nothing uses decay:0, which regularize_cost has returned" in r.getMessage()]
    assert len(told) == (not is_added)


@pytest.mark.parametrize("specs, error, words", [
    (lambda: [tfv1.TensorSpec((None,), tfv1.float32)], ValueError, "input 0 has none"),
    (lambda: [tfv1.TensorSpec((None,), tfv1.float32, "x")] * 2, ValueError, r"unique; got \['x'\] more than once"),
    (lambda: [tfv1.TensorSpec((None,), tfv1.float32, "a:b")], ValueError, "a:b"),
    (lambda: tfv1.TensorSpec((None,), tfv1.float32, "x"), TypeError, "must return a list"),
    (lambda: ["x"], TypeError, "each element must be a tf.TensorSpec.*'x' at position 0"),
], ids=["nameless", "duplicate", "colon", "no-list", "no-spec"])
def test_wrong_inputs_of_a_model_are_named(linear_model, linear_data, specs, error, words):
    model = type("Model", (linear_model,), {"inputs": lambda self: specs()})()
    with pytest.raises(error, match=words):
        launch_train_with_config(TrainConfig(model=model, dataflow=linear_data()), SimpleTrainer())


def test_placeholders_made_in_inputs_are_accepted(linear_model):
    class Model(linear_model):
        def inputs(self):
            return [tfv1.placeholder(tfv1.float32, (None, 3), "x"), tfv1.TensorSpec((None,), tfv1.float32, "y")]

    model = Model()
    assert model.get_input_signature() is model.get_input_signature()
    assert model.input_names == ["x", "y"] and model.get_input_signature()[0].shape.as_list() == [None, 3]
    assert tfv1.get_default_graph().get_operations() == []


def test_a_placeholder_of_another_graph_is_refused(linear_model):
    outside = tfv1.placeholder(tfv1.float32, (None,), "x")
    model = type("Model", (linear_model,), {"inputs": lambda self: [outside]})()
    with pytest.raises(TypeError, match="placeholder created inside"):
        model.get_input_signature()


def test_an_optimizer_of_another_kind_is_refused(linear_model, linear_data):
    with pytest.raises(TypeError, match="must return a tf.train.Optimizer"):
        launch_train_with_config(TrainConfig(model=linear_model(lambda: "sgd"), dataflow=linear_data()), SimpleTrainer())


@pytest.mark.parametrize("make, words", [
    (lambda: tfv1.train.AdamOptimizer("0.01"), "must be numbers; got '0.01', a str, for learning_rate; write 0.01"),
    (lambda: tfv1.train.GradientDescentOptimizer("1e-1"), "got '1e-1', a str, for learning_rate; write 0.1, or float"),
    (lambda: tfv1.train.MomentumOptimizer(0.1, "0.9"), "got '0.9', a str, for momentum"),
], ids=["adam", "sgd", "momentum"])
def test_an_optimizer_with_text_for_a_number_is_refused(make, words, linear_model, linear_data):
    with pytest.raises(TypeError, match=words):
        launch_train_with_config(TrainConfig(model=linear_model(make), dataflow=linear_data()), SimpleTrainer())


def test_one_model_can_be_trained_in_two_graphs(linear_model, linear_data):
    """The optimizer is made once for each graph: it holds variables of one."""
    model = linear_model(lambda: tfv1.train.GradientDescentOptimizer(
        tfv1.get_variable("learning_rate", initializer=0.1, trainable=False)))
    for _ in range(2):
        with tfv1.Graph().as_default():
            config = TrainConfig(model=model, dataflow=linear_data(), monitors=[], max_epoch=1)
            launch_train_with_config(config, SimpleTrainer())
            assert model.get_optimizer() is model.get_optimizer()


def test_abstract_methods_say_what_to_override():
    for call in (lambda: ModelDescBase().get_input_signature(), lambda: ModelDescBase().build_graph(),
                 lambda: ModelDesc().get_optimizer()):
        with pytest.raises(NotImplementedError, match="override"):
            call()


def test_a_missing_optimizer_is_shown_how_to_write():
    with pytest.raises(NotImplementedError, match=r"^Model: override optimizer\(\), for example with `return tf.train.Adam"):
        type("Model", (ModelDesc,), {})().get_optimizer()


@pytest.mark.parametrize("method, slip", [("inputs", "input"), ("build_graph", "bulid_graph"), ("optimizer", "get_optimiser")])
def test_a_method_under_a_name_with_a_slip_is_named(method, slip):
    members = {"inputs": lambda self: [tf.TensorSpec([None], tf.float32, "x")], slip: lambda self, *args: None}
    members.pop(method, None)
    model = type("Model", (ModelDesc,), members)()
    call = {"inputs": model.get_input_signature, "build_graph": lambda: model.build_graph(None),
            "optimizer": model.get_optimizer}[method]
    with pytest.raises(NotImplementedError, match=r"^Model: override {}\(\), for example .*is {}\(\) a slip for it\?$".format(
            method, slip)):
        call()


def test_training_property_outside_of_a_tower_is_explained():
    with pytest.raises(RuntimeError, match="only known inside a TowerContext"):
        ModelDesc().training  # noqa: B018


def test_session_init_is_applied_before_training(linear_model, linear_data):
    import numpy as np

    from tensorpack import Callback

    class Look(Callback):
        def _before_train(self):
            self.seen = self.trainer.sess.run("W:0")
            raise StopTraining("seen")

    look, value = Look(), np.arange(3, dtype="float32").reshape(3, 1)
    launch_train_with_config(TrainConfig(
        model=linear_model(), dataflow=linear_data(), callbacks=[look], monitors=[],
        session_init=SmartInit({"W": value})), SimpleTrainer())
    np.testing.assert_array_equal(look.seen, value)


@pytest.fixture
def trained_with_three(linear_model, linear_data, tmp_path):
    """The log directory of a training of a model with a variable of three elements."""
    logger.set_logger_dir(str(tmp_path / "log"), "k")
    yield resumable(linear_model, linear_data, 3)
    logger.set_logger_dir(str(tmp_path / "elsewhere"), "k")


def resumable(linear_model, linear_data, size):
    """Returns a function that trains, or goes on, with a variable of this many elements."""
    def build_graph(self, x, y):
        head = tfv1.get_variable("head", [self.size])
        return linear_model.build_graph(self, x, y) + tfv1.reduce_sum(head)

    def train(size=size, max_epoch=1, **kwargs):
        model = type("Model", (linear_model,), {"build_graph": build_graph, "size": size})()
        with tfv1.Graph().as_default():
            launch_train_with_config(AutoResumeTrainConfig(
                model=model, dataflow=linear_data(), callbacks=[ModelSaver()], monitors=[], max_epoch=max_epoch, **kwargs),
                SimpleTrainer())

    train()
    return train


def test_a_model_that_does_not_fit_the_earlier_training_is_told_of_with_the_checkpoint(trained_with_three):
    with pytest.raises(ValueError) as info:
        trained_with_three(4, 2)
    message = str(info.value)
    assert message.startswith("AutoResumeTrainConfig: ") and "head" in message and "use a new log directory" in message
    assert logger.get_logger_dir() in message and "always_resume=False" in message


def test_what_that_error_advises_works(trained_with_three):
    path = AutoResumeTrainConfig.get_sessinit_resume().path
    trained_with_three(4, 2, always_resume=False, session_init=SmartInit(path, ignore_mismatch=True))


class OtherNames(ModelDesc):
    """With no variable of the linear model."""

    def inputs(self):
        return [tfv1.TensorSpec([None, 3], tfv1.float32, "x"), tfv1.TensorSpec([None], tfv1.float32, "y")]

    def build_graph(self, x, y):
        return tfv1.reduce_sum(tfv1.reduce_mean(x) * tfv1.get_variable("other/weights", [2]), name="cost")

    def optimizer(self):
        return tfv1.train.GradientDescentOptimizer(0.1)


def go_on(model, linear_data, **kwargs):
    with tfv1.Graph().as_default():
        launch_train_with_config(AutoResumeTrainConfig(
            model=model, dataflow=linear_data(), callbacks=[ModelSaver()], monitors=[], max_epoch=2, **kwargs), SimpleTrainer())


def test_a_model_of_other_names_is_told_of_in_the_same_words_and_they_are_true(trained_with_three, linear_data):
    with pytest.raises(ValueError, match="^AutoResumeTrainConfig: the model must be the one of the earlier training") as info:
        go_on(OtherNames(), linear_data)
    message = str(info.value)
    assert "got no match but 'global_step'" in message and "'other/weights'" in message and "use a new log" in message
    assert "nearest to 'global_step'" not in message and "allow_missing" not in message
    path = AutoResumeTrainConfig.get_sessinit_resume().path
    go_on(OtherNames(), linear_data, always_resume=False, session_init=SmartInit(path, ignore_mismatch=True))


def test_going_on_with_another_optimizer_is_warned_of(linear_model, linear_data, log_dir, log_records):
    def model(optimizer):
        return type("Model", (linear_model,), {"optimizer": lambda self: optimizer(0.1)})()

    def warnings():
        return [r.getMessage() for r in log_records if r.levelname == "WARNING" and "optimizer" in r.getMessage()]

    go_on(model(tfv1.train.AdamOptimizer), linear_data)
    go_on(model(lambda rate: tfv1.train.AdamOptimizer(rate)), linear_data)
    assert not warnings()
    go_on(model(lambda rate: tfv1.train.MomentumOptimizer(rate, 0.9)), linear_data)
    (words,) = warnings()
    assert "seems to be another one, whose state begins anew" in words and "/Momentum'" in words and "/Adam" in words


def test_another_layer_or_summary_is_no_other_optimizer(linear_model, linear_data, log_dir, log_records):
    def model(name):
        def build_graph(self, x, y):
            cost = linear_model.build_graph(self, x, y) + tfv1.reduce_sum(tfv1.get_variable(name, [2]))
            add_moving_summary(tfv1.identity(cost, name=name + "_cost"))
            return cost

        return type("Model", (linear_model,), {
            "build_graph": build_graph, "optimizer": lambda self: tfv1.train.AdamOptimizer(0.1)})()

    go_on(model("one"), linear_data)
    go_on(model("two"), linear_data)
    texts = [r.getMessage() for r in log_records]
    assert any("two" in text and "not found in the checkpoint" in text for text in texts)
    assert not any("another one" in text for text in texts)


def test_the_epoch_to_go_on_with_is_the_checkpoints_and_not_the_last_one_in_stats_json(linear_model, linear_data, log_dir):
    class PutBefore(Callback):
        def _before_train(self):
            self.trainer.monitors.put_scalar("before", 1.)

    def config():
        return AutoResumeTrainConfig(
            model=linear_model(), dataflow=linear_data(), callbacks=[ModelSaver(), PutBefore()], extra_callbacks=[],
            monitors=[JSONWriter()], max_epoch=3)

    launch_train_with_config(config(), SimpleTrainer())
    with open(os.path.join(logger.get_logger_dir(), "stats.json")) as f:
        assert [entry["epoch_num"] for entry in json.load(f)] == [0]
    assert config().starting_epoch == 4


@pytest.mark.parametrize("action, had_checkpoints", [
    ("d", True), ("d", False), ("b", True), ("n", True), ("n", False), ("k", False)])
def test_checkpoints_that_were_put_away_are_the_reason_why_a_training_does_not_go_on(
        tmp_path, log_records, action, had_checkpoints):
    directory = tmp_path / "log"
    directory.mkdir()
    (directory / ("checkpoint" if had_checkpoints else "stats.json")).write_text("")
    logger.set_logger_dir(str(directory), action)
    AutoResumeTrainConfig(steps_per_epoch=1, monitors=[])
    line, = [r for r in log_records if "No checkpoint is listed" in r.getMessage()]
    assert (line.levelname == "WARNING") == had_checkpoints
    end = " were {} by set_logger_dir(action='{}'); with action='k' a training goes on from them."
    assert line.getMessage().endswith(end.format("removed" if action == "d" else "put away", action)) == had_checkpoints


def test_a_saver_that_was_made_before_the_log_directory_was_set_has_its_checkpoints_there(
        linear_model, linear_data, tmp_path, log_records, monkeypatch):
    def config(max_epoch):
        monkeypatch.setattr(logger, "LOG_DIR", None)
        callbacks = [ModelSaver()]
        logger.set_logger_dir(str(tmp_path / "log"), "k")
        return AutoResumeTrainConfig(model=linear_model(), dataflow=linear_data(), callbacks=callbacks, monitors=[],
                                     max_epoch=max_epoch)

    launch_train_with_config(config(1), SimpleTrainer())
    assert config(2).starting_epoch == 2
    assert not any("No log directory is set" in r.getMessage() for r in log_records)


def test_only_the_last_action_on_a_log_directory_counts(tmp_path, log_records):
    (tmp_path / "checkpoint").write_text("")
    for _ in range(2):
        logger.set_logger_dir(str(tmp_path), "d")
        AutoResumeTrainConfig(steps_per_epoch=1, monitors=[])
    levels = [r.levelname for r in log_records if "No checkpoint is listed" in r.getMessage()]
    assert levels == ["WARNING", "INFO"]


@pytest.mark.parametrize("callbacks, is_told", [([], True), ([PeriodicTrigger(ModelSaver(), every_k_epochs=2)], False)])
def test_a_training_that_leaves_nothing_to_go_on_from_is_told(log_dir, log_records, callbacks, is_told):
    AutoResumeTrainConfig(steps_per_epoch=1, monitors=[], callbacks=callbacks)
    assert any("there is no ModelSaver" in r.getMessage() for r in log_records) == is_told


@pytest.mark.parametrize("given", [False, True], ids=["scratch", "session_init"])
def test_without_a_checkpoint_the_log_says_what_the_training_starts_with(tmp_path, log_records, given):
    logger.set_logger_dir(str(tmp_path / "log"), "k")
    kwargs = dict(session_init=SmartInit({})) if given else {}
    AutoResumeTrainConfig(steps_per_epoch=1, monitors=[], **kwargs)
    line, = [r.getMessage() for r in log_records if "No checkpoint is listed" in r.getMessage()]
    assert line.endswith("the training starts with the given session_init." if given else "the training starts from scratch.")
