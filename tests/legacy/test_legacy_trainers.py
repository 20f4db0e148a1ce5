"""Trainers that are called with a configuration, what a configuration used to take, and the members of trainers."""
import numpy as np
import old_programs
import pytest

from tensorpack import (
    AsyncMultiGPUTrainer,
    Callback,
    FakeData,
    JSONWriter,
    ModelDesc,
    QueueInput,
    QueueInputTrainer,
    ScalarPrinter,
    SimpleTrainer,
    SyncMultiGPUTrainer,
    SyncMultiGPUTrainerParameterServer,
    SyncMultiGPUTrainerReplicated,
    TrainConfig,
    launch_train_with_config,
    tfv1,
)
from tensorpack._legacy.callbacks import StatPrinter
from tensorpack.input_source.input_source import FeedInput, StagingInput


class Model(ModelDesc):
    def inputs(self):
        return [tfv1.TensorSpec([None], tfv1.float32, "x")]

    def build_graph(self, x):
        v = tfv1.get_variable("v", initializer=1.0)
        tfv1.identity(x * v, "out")
        return tfv1.reduce_mean(tfv1.square(x * v), name="cost")

    def optimizer(self):
        return tfv1.train.GradientDescentOptimizer(0.1)


def config(**kwargs):
    kwargs.setdefault("dataflow", FakeData([[2]], 100, random=False, dtype="float32"))
    return TrainConfig(model=Model(), **dict(dict(steps_per_epoch=2, max_epoch=1, monitors=[]), **kwargs))


class Read(Callback):
    def _setup_graph(self):
        self.tensors = self.get_tensors_maybe_in_tower(["v:0"])

    def _trigger_epoch(self):
        self.v = self.trainer.sess.run(self.tensors)[0]


class Watch(Callback):
    def _trigger_epoch(self):
        self.epoch = self.epoch_num


@pytest.mark.parametrize("make, towers, scopes", [
    (lambda c: SimpleTrainer(c), 1, [""]),
    (lambda c: SimpleTrainer(config=c), 1, [""]),
    (lambda c: QueueInputTrainer(c, predict_tower=0), 1, [""]),
    (lambda c: SyncMultiGPUTrainer(c), 2, ["tower0", "tower1"]),
    (lambda c: SyncMultiGPUTrainer(c, average_cost=True), 2, ["tower0", "tower1"]),
    (lambda c: SyncMultiGPUTrainerParameterServer(c, "cpu", False), 2, ["tower0", "tower1"]),
    (lambda c: SyncMultiGPUTrainerReplicated(c, gpu_prefetch=False), 2, ["tower0", "tower1"]),
    (lambda c: AsyncMultiGPUTrainer(c, False), 2, ["tower0", "tower1"]),
    (lambda c: AsyncMultiGPUTrainer(c, average_gradient=False), 2, ["tower0", "tower1"]),
], ids=["simple", "keyword", "queue", "sync", "sync-2016", "ps", "replicated", "async", "async-2016"])
def test_a_trainer_with_a_configuration_builds_its_graph_then_trains(make, towers, scopes, log_dir, warnings):
    watch = Watch()
    settings = config(callbacks=[watch])
    settings.nr_tower = towers
    trainer = make(settings)
    assert [tower.ns_name for tower in trainer.towers.training()] == scopes
    assert trainer.config is settings and trainer.model is settings.model and trainer.inputs_desc[0].name == "x"
    more = Watch()
    trainer.register_callback(more)
    trainer.train()
    assert watch.epoch == more.epoch == 1 and trainer.global_step == 2 and trainer.epoch_num == 1
    assert sum("(config).train() is the spelling" in text for text in warnings()) in (1, 2)


@pytest.mark.parametrize("make, kinds", [
    (lambda c: SimpleTrainer(c), [FeedInput]), (lambda c: QueueInputTrainer(c), [QueueInput]),
    (lambda c: SyncMultiGPUTrainerParameterServer(c), [StagingInput, QueueInput]),
    (lambda c: SyncMultiGPUTrainerParameterServer(c, gpu_prefetch=False), [QueueInput])])
def test_the_input_that_a_dataflow_becomes(make, kinds, monkeypatch):
    seen = []
    from tensorpack.train.tower import SingleCostTrainer

    setup_input = SingleCostTrainer._setup_input
    monkeypatch.setattr(SingleCostTrainer, "_setup_input",
                        lambda self, signature, input: seen.append(input) or setup_input(self, signature, input))
    settings = config()
    settings.tower = [0, 1] if StagingInput in kinds else [0]
    make(settings)
    while hasattr(seen[-1], "_input"):
        seen.append(seen[-1]._input)
    assert [type(source) for source in seen] == kinds


def test_a_queue_of_the_user_is_used():
    queue = tfv1.FIFOQueue(10, [tfv1.float32])
    QueueInputTrainer(config(), queue)
    kinds = {op.type for op in queue.queue_ref.consumers()}
    assert {"QueueDequeueV2", "QueueEnqueueV2"} <= kinds


def test_no_tower_is_one_on_the_cpu(warnings, log_dir):
    settings = config()
    settings.nr_tower = 0
    trainer = SyncMultiGPUTrainerReplicated(settings)
    trainer.train()
    assert trainer.devices == [0] and any("has no tower (nr_tower=0)" in text for text in warnings())


def test_towers_that_the_trainer_does_not_train_are_told(warnings, log_dir):
    launch_train_with_config(config(nr_tower=3), SimpleTrainer())
    assert any("TrainConfig has 3 towers" in text and "SimpleTrainer trains 1" in text for text in warnings())


def test_setup_then_the_loop(log_dir):
    trainer = QueueInputTrainer(config())
    trainer.setup()
    assert trainer.sess is not None and trainer.hooked_sess is not None
    trainer.main_loop()
    assert trainer.global_step == 2


def test_what_is_assigned_to_the_configuration_counts(log_dir):
    settings = config()
    settings.dataflow, settings.data = None, settings.dataflow
    settings.callbacks = (Watch(), StatPrinter())
    settings.max_epoch = 2
    trainer = QueueInputTrainer(settings)
    settings.session_init = old = __import__("tensorpack").DictRestore({"v": np.float32(5)})
    trainer.train()
    assert settings.session_init is old and trainer.epoch_num == 2
    assert [type(cb) for cb in settings.callbacks] == [Watch]


def test_a_subclass_with_a_constructor_and_a_step_of_its_own(log_dir):
    class Mine(QueueInputTrainer):
        def __init__(self, config):
            super().__init__(config)
            self.steps = 0

        def run_step(self):
            self.steps += 1
            self.hooked_sess.run(self.train_op)

    trainer = Mine(config())
    trainer.train()
    assert trainer.steps == 2


def test_a_trainer_of_users_may_have_a_config_of_another_kind(log_dir):
    class Mine(SimpleTrainer):
        def __init__(self, config):
            super().__init__()
            self.config, self.model = config, "mine"

    trainer = Mine(config={"of": "my own"})
    assert trainer.config == {"of": "my own"} and trainer.model == "mine"
    with pytest.raises(AttributeError, match="made and started without a TrainConfig"):
        SimpleTrainer().config  # noqa: B018


@pytest.mark.parametrize("kwargs, attribute, value", [
    (dict(nr_tower=2), "tower", [0, 1]), (dict(tower=3), "tower", [3]), (dict(tower=[1, 2]), "nr_tower", 2),
    (dict(predict_tower=1), "predict_tower", [1]), (dict(step_per_epoch=7), "steps_per_epoch", 7), ({}, "tower", [0])])
def test_keywords_of_the_configuration(kwargs, attribute, value):
    arguments = dict(dataset=FakeData([[2]], 10), **kwargs)
    assert getattr(TrainConfig(**arguments), attribute) == value


def test_a_configuration_that_contradicts_itself():
    with pytest.raises(TypeError, match="nr_tower and tower exclude each other"):
        config(nr_tower=1, tower=[0])
    with pytest.raises(TypeError, match="unexpected"):
        config(nonsense=1)
    with pytest.raises(TypeError, match="multiple values"):
        TrainConfig(FakeData([[2]], 10), dataflow=FakeData([[2]], 10))
    with pytest.raises(TypeError, match="'dataset' is the old spelling of 'dataflow'; got both"):
        config(dataset=FakeData([[2]], 10))


def test_what_a_configuration_takes_by_position_and_as_callbacks():
    flow, watch = FakeData([[2]], 10), Watch()
    settings = TrainConfig(flow, None, Model(), (watch, StatPrinter()))
    assert settings.dataflow is flow and settings.callbacks == [watch]
    callbacks = [watch]
    assert TrainConfig(flow, callbacks=callbacks).callbacks is callbacks


def test_no_default_callbacks_are_warned_of(warnings):
    assert TrainConfig(FakeData([[2]], 10), extra_callbacks=[]).extra_callbacks == []
    assert any("Before tensorpack 0.8.1" in text for text in warnings())


def test_an_optimizer_of_the_configuration(log_dir):
    without_optimizer = type("NoOptimizer", (ModelDesc,), {"inputs": Model.inputs, "build_graph": Model.build_graph})
    for cls, expected in ((without_optimizer, 1.0 - 2 * 0.5), (Model, 1.0 - 2 * 0.1)):
        with tfv1.Graph().as_default():
            watch = Read()
            settings = TrainConfig(model=cls(), dataflow=FakeData([[1]], 10, random=False, dtype="float32"), monitors=[],
                                   optimizer=tfv1.train.GradientDescentOptimizer(0.5), callbacks=[watch], steps_per_epoch=1,
                                   max_epoch=1)
            data = settings.dataflow
            settings.dataflow = type("Ones", (type(data),), {"__iter__": lambda self: iter([[np.ones(1, "float32")]] * 10)})(
                [[1]], 10)
            QueueInputTrainer(settings).train()
            np.testing.assert_allclose(watch.v, expected, rtol=1e-6)


def test_set_tower_and_the_default_callbacks():
    settings = config()
    settings.set_tower(nr_tower=2)
    assert settings.tower == [0, 1]
    assert len(TrainConfig.DEFAULT_EXTRA_CALLBACKS()) == 4 and len(TrainConfig.DEFAULT_MONITORS()) == 3


class Members(Callback):
    def _setup_graph(self):
        self.predictors = self.trainer.get_predictors(["x"], ["out"], 2)
        self.predictors.append(self.trainer.get_predict_func(["x"], ["out"]))
        self.predictors.append(self.trainer.get_predictor(["x"], ["out"], tower=0))

    def _trigger_epoch(self):
        trainer = self.trainer
        trainer.add_scalar_summary("a", 1)
        trainer.write_scalar_summary("b", 2)
        trainer.add_summary(tfv1.Summary(value=[tfv1.Summary.Value(tag="c", simple_value=3)]))
        trainer.summary_writer.add_summary(tfv1.Summary(value=[tfv1.Summary.Value(tag="d", simple_value=4)]), 7)
        trainer.monitors.put("e", 5)
        trainer.stat_holder.add_stat("f", 6, 0, 0)
        self.values = [trainer.stat_holder.get_stat_now(name) for name in "abcdef"]
        self.history = trainer.stat_holder.get_stat_history("a")
        self.answers = [predictor(np.ones(1, "float32"))[0] for predictor in self.predictors]


def test_members_of_trainers(log_dir, warnings):
    members = Members()
    trainer = QueueInputTrainer(config(callbacks=[members]))
    trainer.register_monitor(JSONWriter())
    trainer.train()
    assert members.values == [1, 2, 3, 4, 5, 6] and members.history == [1] and len(members.answers) == 4
    assert any(isinstance(monitor, JSONWriter) for monitor in trainer.monitors._monitors)
    texts = warnings()
    for part in ("get_predictors", "get_predict_func", "tower=", "add_scalar_summary", "add_summary", "summary_writer", "put()",
                 "stat_holder", "register_monitor"):
        assert sum(part in text for text in texts) >= 1, part


def test_the_towers_that_predict(log_dir, monkeypatch):
    settings = config(predict_tower=[-1, 0], callbacks=[Members()])
    trainer = QueueInputTrainer(settings)
    trainer.train()
    assert [tower.ns_name for tower in trainer.towers.inference()] == ["tower-pred-cpu", "tower-pred-0"]


def test_a_tower_function_is_set_by_its_old_method():
    from tensorpack import TowerTrainer
    from tensorpack.tfutils.tower import TowerFunc

    trainer = TowerTrainer()
    trainer.set_tower_func(TowerFunc(lambda x: x, [tfv1.TensorSpec([], tfv1.float32, "x")]))
    assert trainer.tower_func.input_signature[0].name == "x"


def test_setup_graph_by_its_old_keyword():
    model = Model()
    SimpleTrainer().setup_graph(inputs_desc=model.get_input_signature(), input=QueueInput(FakeData([[2]], 10)),
                                get_cost_fn=model.build_graph, get_opt_fn=model.get_optimizer)


def test_trainers_of_later_releases_by_their_old_keywords():
    assert AsyncMultiGPUTrainer(towers=[0, 1], average_gradient=True).devices == [0, 1]
    assert SyncMultiGPUTrainer(towers=2).devices == [0, 1]
    assert SyncMultiGPUTrainerReplicated([0, 1], use_nccl=False)._builder.mode == "cpu"


def test_the_oldest_ways_to_train(log_dir):
    from tensorpack.train.feedfree import SimpleFeedfreeTrainer
    from tensorpack.train.trainer import start_train

    start_train(config())
    with pytest.raises(ValueError, match="must have data=, an InputSource"):
        SimpleFeedfreeTrainer(config())
    with tfv1.Graph().as_default():
        source = QueueInput(FakeData([[2]], 100, random=False, dtype="float32"))
        SimpleFeedfreeTrainer(config(dataflow=None, data=source)).train()


@pytest.mark.parametrize("name", ["FeedfreeTrainerBase", "SingleCostFeedfreeTrainer", "MultiPredictorTowerTrainer",
                                  "PredictorFactory", "DistributedReplicatedTrainer"])
def test_bases_that_are_gone_say_so_when_they_are_used(name):
    import tensorpack

    base = getattr(tensorpack, name)
    with pytest.raises(NotImplementedError, match="instead: "):
        type("Mine", (base,), {})


def test_a_trainer_that_sets_up_its_graph_itself_is_refused():
    from tensorpack import Trainer

    class Mine(Trainer):
        def __init__(self, config):
            super().__init__(config)

        def _setup(self):
            raise AssertionError("nobody calls it")

    with pytest.raises(NotImplementedError, match="instead: a subclass of SingleCostTrainer that implements _setup_graph"):
        Mine(config())


def test_distributed_training_with_a_configuration_is_refused():
    from tensorpack import DistributedTrainerReplicated

    with pytest.raises(NotImplementedError, match="CollectiveTrainer"):
        DistributedTrainerReplicated(config(), None)


def test_only_some_statistics_are_printed(log_dir, log_records):
    program = old_programs.ERA_B.replace("callbacks=[Watch()]", "callbacks=[Watch(), StatPrinter(['cost'])]")
    old_programs.run(program)
    lines = [record.getMessage() for record in log_records if record.filename == "monitor.py"]
    assert lines and all(line.startswith("cost: ") for line in lines)


def test_scalar_printers_stay_as_they_are():
    printer = ScalarPrinter(whitelist=["a"])
    assert config(monitors=[printer]).monitors == [printer]
