"""Several towers on as many CPU devices train like one tower on the joined batch."""
import time

import numpy as np
import pytest
import tower_runs
from tower_runs import (
    KINDS,
    OPTIMIZERS,
    SYNC_TRAINERS,
    TRAINERS,
    Model,
    assert_equal_values,
    batches,
    in_parts,
    replicated,
    run,
    run_in_new_graph,
)

from tensorpack import (
    BatchNorm,
    Callback,
    DataFlow,
    FeedInput,
    FullyConnected,
    InferenceRunner,
    MergeAllSummaries,
    ModelDesc,
    ModelSaver,
    MonitorBase,
    MovingAverageSummary,
    QueueInput,
    RunUpdateOps,
    ScalarStats,
    SimpleTrainer,
    SmartInit,
    TrainConfig,
    launch_train_with_config,
    regularize_cost_from_collection,
)
from tensorpack.compat import tfv1 as tf
from tensorpack.dataflow.common import BatchData
from tensorpack.dataflow.raw import DataFromList
from tensorpack.models.regularize import l2_regularizer
from tensorpack.tfutils.gradproc import GlobalNormClip, SummaryGradient
from tensorpack.tfutils.optimizer import AccumGradOptimizer, LossScaleOptimizer, apply_grad_processors
from tensorpack.tfutils.summary import add_moving_summary
from tensorpack.train.trainers import AsyncMultiGPUTrainer, SyncMultiGPUTrainerParameterServer, SyncMultiGPUTrainerReplicated

STEPS = 20
_expected = {}


def expected_values(optimizer):
    """What SimpleTrainer makes of 20 joined batches."""
    if optimizer not in _expected:
        _expected[optimizer] = run_in_new_graph(SimpleTrainer, Model(OPTIMIZERS[optimizer]), batches(STEPS), STEPS).saved
    return _expected[optimizer]


@pytest.mark.parametrize("trainer,optimizer", [
    ("ps-gpu", "adam"), ("ps-gpu", "momentum"), ("ps-gpu", "sgd"), ("ps-cpu", "adam"),
    ("replicated-gpu", "adam"), ("replicated-gpu", "momentum"), ("replicated-gpu", "sgd"), ("replicated-cpu", "adam"),
    ("replicated-collective", "momentum")])
def test_two_towers_are_one_tower_on_the_joined_batch(trainer, optimizer):
    """Same names, same values: slots, Adam's powers, rows of lookups, weight decay."""
    final = run(SYNC_TRAINERS[trainer](2), Model(OPTIMIZERS[optimizer]), in_parts(batches(STEPS), 2), STEPS)
    assert_equal_values(final.saved, expected_values(optimizer))


def test_eight_towers_in_two_groups_are_one_tower_on_the_joined_batch():
    final = run(replicated(8, mode="hierarchical"), Model(OPTIMIZERS["momentum"]), in_parts(batches(STEPS), 8), STEPS)
    assert_equal_values(final.saved, expected_values("momentum"))


@pytest.mark.parametrize("trainer", ["ps-gpu", "replicated-gpu"])
def test_resource_variables_train_alike(trainer):
    class ResourceModel(Model):
        use_resource = True

    model = ResourceModel(OPTIMIZERS["adam"])
    final = run(SYNC_TRAINERS[trainer](2), model, in_parts(batches(STEPS), 2), STEPS)
    assert_equal_values(final.saved, expected_values("adam"))


@pytest.mark.parametrize("trainer", KINDS)
def test_one_tower_is_a_simple_trainer_with_a_name_scope(trainer):
    final = run(TRAINERS[trainer](1), Model(OPTIMIZERS["adam"]), batches(STEPS), STEPS)
    assert_equal_values(final.saved, expected_values("adam"))
    assert tf.get_default_graph().get_tensor_by_name("tower0/cost:0") is not None


@pytest.mark.parametrize("trainer", KINDS)
def test_powers_of_adam_move_once_a_step_and_have_root_names(trainer):
    final = run(TRAINERS[trainer](3), Model(OPTIMIZERS["adam"]), in_parts(batches(4), 2), 4)
    powers = {name: value for name, value in dict(final.saved, **final.local).items() if "beta" in name}
    assert {name for name in final.saved if "beta" in name} == {"beta1_power", "beta2_power"}
    for name, value in powers.items():
        np.testing.assert_allclose(value, (0.9 if "beta1" in name else 0.999) ** 5, rtol=1e-5, err_msg=name)
    assert len(powers) == (6 if trainer.startswith("replicated") else 2)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_async_towers_learn(optimizer):
    """The order of updates is up to chance, so only that the error falls is certain."""
    final = run(TRAINERS["async"](2), Model(OPTIMIZERS[optimizer]), in_parts(batches(STEPS), 2), STEPS)
    assert sorted(final.saved) == sorted(expected_values(optimizer))
    assert all(np.isfinite(value).all() for value in final.saved.values())
    x, key, y = batches(1, size=200)[0]
    assert _error(final.saved, x, key, y) < 0.8 * _error(_initial_values(), x, key, y)


def _error(values, x, key, y):
    hidden = np.tanh(np.concatenate([x, values["table"][key]], 1).dot(values["hidden/W"]) + values["hidden/b"])
    return np.mean((hidden.dot(values["out/W"])[:, 0] + values["out/b"] - y) ** 2)


def _initial_values():
    final = run_in_new_graph(SimpleTrainer, Model(OPTIMIZERS["sgd"]), batches(1), 0)
    return final.saved


@pytest.mark.parametrize("scale,expected", [(True, 1.0), (False, 2.0)], ids=["scaled", "unscaled"])
def test_async_gradients_are_scaled_by_the_number_of_towers(scale, expected):
    class Slope(ModelDesc):
        def inputs(self):
            return [tf.TensorSpec((None,), tf.float32, "x")]

        def build_graph(self, x):
            table = tf.get_variable("table", [2], initializer=tf.zeros_initializer())
            return tf.reduce_mean(x) * tf.get_variable("w", [], initializer=tf.zeros_initializer()) + tf.gather(table, 1)

        def optimizer(self):
            return tf.train.GradientDescentOptimizer(1.0)

    trainer = AsyncMultiGPUTrainer(2, scale_gradient=scale, device_type="cpu")
    final = run(trainer, Slope(), [[np.ones(3, "float32")]], 3)
    assert final.saved["w"] == -3 * expected
    assert list(final.saved["table"]) == [0, -3 * expected]


def test_summed_gradients_are_not_divided():
    halved = run_in_new_graph(lambda: replicated(2, average=False), Model(lambda: tf.train.GradientDescentOptimizer(0.05)),
                              in_parts(batches(STEPS), 2), STEPS)
    assert_equal_values(halved.saved, expected_values("sgd"))


WRAPPED = {
    "clipped": lambda: apply_grad_processors(tf.train.AdamOptimizer(0.01), [GlobalNormClip(0.01), SummaryGradient()]),
    "accumulated": lambda: AccumGradOptimizer(tf.train.AdamOptimizer(0.01), 3),
    "loss-scaled": lambda: LossScaleOptimizer(tf.train.MomentumOptimizer(0.05, 0.9)),
}


@pytest.mark.parametrize("trainer", ["ps-cpu", "replicated-gpu"])
@pytest.mark.parametrize("wrapper", sorted(WRAPPED))
def test_optimizers_made_of_optimizers_train_alike(wrapper, trainer):
    expected = run_in_new_graph(SimpleTrainer, Model(WRAPPED[wrapper]), batches(10), 10).saved
    final = run(SYNC_TRAINERS[trainer](2), Model(WRAPPED[wrapper]), in_parts(batches(10), 2), 10)
    for name in ("LossScale/good_steps", "LossScale/scale"):  # counted per tower
        expected.pop(name, None), final.saved.pop(name, None)
    assert_equal_values(final.saved, expected)


def test_a_clipped_async_step_clips_the_gradients_of_each_tower():
    final = run(TRAINERS["async"](2), Model(WRAPPED["clipped"]), in_parts(batches(4), 2), 4)
    np.testing.assert_allclose(final.saved["beta1_power"], 0.9 ** 5, rtol=1e-5)


@pytest.mark.parametrize("wrapper", ["accumulated", "loss-scaled"])
def test_async_updates_on_a_condition_are_refused(wrapper):
    with pytest.raises(ValueError, match="must update in every step"):
        run(TRAINERS["async"](2), Model(WRAPPED[wrapper]), in_parts(batches(4), 2), 4)


def test_checkpoints_go_from_trainer_to_trainer(tmp_path):
    """Adam, four legs with four trainers, equal to one training in one go."""
    legs = [("ps-gpu", 2), ("replicated-gpu", 4), ("ps-cpu", 1), ("replicated-collective", 2)]
    steps = STEPS // len(legs)
    session_init = None
    for k, (trainer, num) in enumerate(legs):
        with tf.Graph().as_default():
            final = run(SYNC_TRAINERS[trainer](num), Model(OPTIMIZERS["adam"]),
                        in_parts(batches(STEPS)[k * steps:(k + 1) * steps], num), steps,
                        callbacks=[ModelSaver(checkpoint_dir=str(tmp_path / str(k)))], session_init=session_init)
        session_init = SmartInit(str(tmp_path / str(k)))
    assert_equal_values(final.saved, expected_values("adam"))


def test_powers_under_their_former_names_are_restored_in_every_tower():
    stored = {"apply_gradients/beta1_power": np.float32(0.25), "apply_gradients/beta2_power": np.float32(0.5)}
    final = run(replicated(2), Model(OPTIMIZERS["adam"]), in_parts(batches(2), 2), 2, session_init=SmartInit(stored))
    for name in ("beta1_power", "tower1/beta1_power"):
        np.testing.assert_allclose(dict(final.saved, **final.local)[name], 0.25 * 0.9 ** 2, rtol=1e-5)


class Placement(Callback):
    """Which devices of the session compute in a step."""

    def _trigger_epoch(self):
        metadata = tf.RunMetadata()
        self.trainer.sess.run(self.trainer.train_op, options=tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE),
                              run_metadata=metadata)
        self.nodes = {stats.device.rpartition("device:")[2]: [node.node_name for node in stats.node_stats]
                      for stats in metadata.step_stats.dev_stats if "device:CPU" in stats.device}


@pytest.mark.parametrize("trainer", KINDS)
def test_each_tower_computes_on_its_own_device(trainer):
    placement = Placement()
    run(TRAINERS[trainer](3), Model(OPTIMIZERS["sgd"]), in_parts(batches(2), 2), 2, callbacks=[placement])
    for index in range(3):
        (device,) = [device for device, names in placement.nodes.items()
                     if any(name.startswith("tower{}/hidden/".format(index)) for name in names)]
        assert device == "CPU:{}".format(index)


class NormalizedModel(Model):
    """With BatchNorm, a regulariser from the collection, and summaries."""

    def build_graph(self, x, key, y):
        x = BatchNorm("bn", x, momentum=0.5)
        x = FullyConnected("fc", x, 1, kernel_initializer=tower_runs.pattern, kernel_regularizer=l2_regularizer(0.1))
        cost = tf.reduce_mean(tf.square(x[:, 0] - y), name="cost")
        add_moving_summary(cost)
        tf.summary.scalar("plain", cost)
        decay = regularize_cost_from_collection()
        self.regularizers = len(tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES))
        return cost + decay + 0 * tf.reduce_sum(tf.cast(key, tf.float32))


@pytest.mark.parametrize("trainer", KINDS)
def test_moving_statistics_are_those_of_the_main_tower_only(trainer):
    """Statistics depend on data only, so the order in which towers take data from the queue must be undone."""
    rng = np.random.RandomState(1)
    same = [rng.rand(8, 3).astype("float32"), np.zeros(8, "int32"), rng.rand(8).astype("float32")]
    final = run(TRAINERS[trainer](2), NormalizedModel(OPTIMIZERS["sgd"]), [same], 3)
    np.testing.assert_allclose(final.saved["bn/mean/EMA"], (1 - 0.5 ** 3) * same[0].mean(0), rtol=1e-5)
    assert len(tf.get_collection(tf.GraphKeys.UPDATE_OPS)) == 2
    assert [v.op.name for v in tf.get_collection(tf.GraphKeys.MODEL_VARIABLES)] == ["bn/mean/EMA", "bn/variance/EMA"]
    if trainer.startswith("replicated"):  # equal again since the last sync, at the end of the epoch
        np.testing.assert_array_equal(final.local["tower1/bn/mean/EMA"], final.saved["bn/mean/EMA"])


class Scalars(MonitorBase):
    def __init__(self):
        self.seen = []

    def process_scalar(self, name, value):
        self.seen.append((name, value))


@pytest.mark.parametrize("trainer", ["ps-cpu", "replicated-gpu"])
def test_nothing_is_counted_twice(trainer):
    """Two towers that see the same data: regularisation, summaries, moving averages and statistics as with one."""
    data = batches(1)

    def values(make_trainer):
        monitor = Scalars()
        with tf.Graph().as_default():
            final = run(make_trainer(), NormalizedModel(OPTIMIZERS["momentum"]), data, 5, monitors=[monitor],
                        extra_callbacks=[MovingAverageSummary(), MergeAllSummaries(), RunUpdateOps()])
            sizes = {key: len(tf.get_collection(key)) for key in (
                tf.GraphKeys.SUMMARIES, "MOVING_SUMMARY_OPS", tf.GraphKeys.UPDATE_OPS, tf.GraphKeys.MODEL_VARIABLES)}
        return final.saved, sizes, monitor.seen

    simple_values, simple_sizes, simple_stats = values(SimpleTrainer)
    two_values, two_sizes, two_stats = values(lambda: SYNC_TRAINERS[trainer](2))
    assert two_sizes == simple_sizes
    assert_equal_values(two_values, simple_values)
    assert sorted(name for name, _ in two_stats) == sorted(name for name, _ in simple_stats)
    two_stats, simple_stats = dict(two_stats), dict(simple_stats)
    for name in ("cost", "plain"):
        assert two_stats[name] == pytest.approx(simple_stats[name], rel=1e-4)


def test_collections_of_a_replicated_training():
    run(replicated(2), Model(OPTIMIZERS["momentum"]), in_parts(batches(2), 2), 2)
    names = [v.op.name for v in tf.trainable_variables()]
    assert names[5:] == ["tower1/" + name for name in names[:5]]
    copies = {v.op.name for v in tf.local_variables() if v.op.name.startswith("tower")}
    assert copies == {"tower1/" + name for name in names[:5]} | {"tower1/" + name + "/Momentum" for name in names[:5]}
    assert {v.op.name for v in tf.global_variables()} == set(expected_values("momentum"))
    operations = {op.name: op for op in tf.get_default_graph().get_operations()}
    assert {"train_op", "apply_gradients/apply_grad_0", "apply_gradients/apply_grad_1"} <= set(operations)
    sync = operations["sync_variables/sync_variables_from_main_tower"]
    assert len(_assigns_before(sync)) == len(copies)


def _assigns_before(op):
    """Assignments that a group runs, through the groups for each device."""
    return [each for op in op.control_inputs for each in (_assigns_before(op) if op.type == "NoOp" else [op])]


class Handles(Callback):
    def _setup_graph(self):
        self.predictors = [self.trainer.get_predictor(["x", "key"], ["prediction"], device) for device in (0, 1)]
        self.handles = [(handle.ns_name, handle.vs_name) for handle in self.trainer.towers]

    def _trigger_epoch(self):
        """Move the weights of the second tower, before they are made equal again."""
        x, key, _ = batches(1)[0]
        first = self.predictors[0](x, key)[0]
        np.testing.assert_allclose(first, self.predictors[1](x, key)[0], rtol=1e-5)
        for variable in tf.local_variables():
            if variable.op.name == "tower1/out/W":
                variable.load(np.zeros([4, 1], "float32"), self.trainer.sess)
        self.differ = not np.allclose(first, self.predictors[1](x, key)[0])


@pytest.mark.parametrize("trainer,scopes", [("ps-gpu", ["", ""]), ("replicated-gpu", ["", "tower1"])], ids=["ps", "replicated"])
def test_predictors_read_the_variables_of_the_tower_on_their_device(trainer, scopes):
    handles = Handles()
    runner = InferenceRunner(BatchData(DataFromList([[x[0] for x in batches(1)[0]]] * 4, shuffle=False), 2),
                             ScalarStats("cost"), device=1)
    run(SYNC_TRAINERS[trainer](2), Model(OPTIMIZERS["sgd"]), in_parts(batches(2), 2), 2, callbacks=[runner, handles])
    assert handles.handles == [("tower0", scopes[0]), ("tower1", scopes[1]), ("InferenceTower", scopes[1]),
                               ("tower-pred-0", scopes[0]), ("tower-pred-1", scopes[1])]
    assert handles.differ == (trainer == "replicated-gpu")
    reads = tf.get_default_graph().get_operation_by_name("InferenceTower/out/MatMul").inputs[1].op.name
    assert reads.startswith("tower1/out/W" if scopes[1] else "out/W")


class TowersApart(Callback):
    """Whether the towers' weights differ after something has changed the first one's."""

    def __init__(self):
        self.apart = []

    def _before_train(self):
        self.weights = [v for v in tf.global_variables() + tf.local_variables() if v.op.name.endswith("out/W")]

    def _after_epoch(self):
        self.weights[0].load(np.full([4, 1], 0.5, "float32"), self.trainer.sess)

    def _trigger_epoch(self):
        first, second = self.trainer.sess.run(self.weights)
        self.apart.append(not np.array_equal(first, second))


@pytest.mark.parametrize("every_epoch", [True, False])
def test_towers_are_made_equal_before_other_callbacks_of_an_epoch_see_them(every_epoch):
    trainer, apart = replicated(2), TowersApart()
    trainer.BROADCAST_EVERY_EPOCH = every_epoch
    run(trainer, Model(OPTIMIZERS["sgd"]), in_parts(batches(4), 2), 4, callbacks=[apart], epochs=2)
    assert apart.apart == [not every_epoch] * 2


def test_order_of_callbacks():
    trainer = replicated(2)
    run(trainer, Model(OPTIMIZERS["sgd"]), in_parts(batches(2), 2), 2)
    names = [str(cb) for cb in trainer._callbacks.cbs]
    assert names.index("RunOp") < names.index("MaintainStepCounter") < names.index("Final")


def test_an_input_that_is_fed_serves_one_tower_only():
    model = Model(OPTIMIZERS["sgd"])
    config = TrainConfig(model=model, data=FeedInput(DataFromList(batches(2), shuffle=False)), steps_per_epoch=2, max_epoch=1,
                         monitors=[])
    with pytest.raises(TypeError, match="FeedfreeInput.*try QueueInput"):
        launch_train_with_config(config, SyncMultiGPUTrainerParameterServer(2, device_type="cpu"))
    launch_train_with_config(config, SyncMultiGPUTrainerParameterServer(1, device_type="cpu"))


def test_a_variable_of_one_tower_only_is_an_error(log_records):
    class Uneven(Model):
        def build_graph(self, x, key, y):
            cost = super().build_graph(x, key, y)
            scope = tf.get_default_graph().get_name_scope()
            return cost * tf.get_variable("extra", [], initializer=tf.ones_initializer()) if scope == "tower1" else cost

    with pytest.raises(ValueError, match=r"same variables.*\[5, 6\]"):
        run(replicated(2), Uneven(OPTIMIZERS["sgd"]), in_parts(batches(2), 2), 2)
    assert any("Tower 1" in r.getMessage() and "extra" in r.getMessage() for r in log_records if r.levelname == "ERROR")


@pytest.mark.parametrize("batch_size,words", [(4, "The effective batch size is 2 x 4 = 8"),
                                              (None, "The effective batch size is 2 times that of the input")])
def test_the_log_tells_the_effective_batch_size(batch_size, words, log_records):
    class Sized(Model):
        pass

    Sized.batch_size = batch_size
    run(replicated(2), Sized(OPTIMIZERS["sgd"]), in_parts(batches(2), 2), 2)
    (line,) = [r.getMessage() for r in log_records if "A step takes" in r.getMessage()]
    assert words in line and "averaged over towers" in line and "/cpu:0, /cpu:1" in line
    assert "x ({}, 3)".format(batch_size or "?") in line


@pytest.mark.parametrize("callbacks,warns", [([], True), ([RunUpdateOps()], False)], ids=["forgotten", "run"])
def test_update_operations_that_nothing_runs_are_a_warning(callbacks, warns, log_records):
    run(replicated(2), NormalizedModel(OPTIMIZERS["sgd"]), in_parts(batches(2), 2), 2, extra_callbacks=callbacks)
    warned = [r.getMessage() for r in log_records if r.levelname == "WARNING" and "UPDATE_OPS" in r.getMessage()]
    assert bool(warned) == warns


def test_updates_that_the_training_operation_depends_on_are_no_warning(log_records):
    class Chained(SimpleTrainer):
        def _setup_graph(self, *args):
            callbacks = super()._setup_graph(*args)
            self.train_op = tf.group(self.train_op, *tf.get_collection(tf.GraphKeys.UPDATE_OPS))
            return callbacks

    run(Chained(), NormalizedModel(OPTIMIZERS["sgd"]), batches(2), 2, extra_callbacks=[])
    assert not [r for r in log_records if "UPDATE_OPS" in r.getMessage()]


def test_only_nccl_needs_gpus(log_records):
    trainer = SyncMultiGPUTrainerReplicated(2, mode="nccl", device_type="cpu")
    final = run(trainer, Model(OPTIMIZERS["sgd"]), in_parts(batches(STEPS), 2), STEPS)
    assert_equal_values(final.saved, expected_values("sgd"))
    assert any("needs GPUs" in r.getMessage() for r in log_records if r.levelname == "WARNING")


class SlowOnce(DataFlow):
    """The eighth datapoint takes its time."""

    def __init__(self, datapoints):
        self.datapoints = datapoints

    def __iter__(self):
        for k, datapoint in enumerate(self.datapoints):
            if k == 7:
                self.take_a_nap()
            yield datapoint

    def take_a_nap(self):
        time.sleep(1.5)


def test_a_step_that_hangs_is_reported_with_what_all_threads_do(log_records):
    class Slow(Callback):
        """May take its time."""

        def _trigger_epoch(self):
            time.sleep(0.8)

    model = Model(OPTIMIZERS["sgd"])
    queue = tf.FIFOQueue(1, [spec.dtype for spec in model.inputs()])  # so that the nap is not over before the first step
    trainer, data = replicated(2), QueueInput(SlowOnce(in_parts(batches(10), 2)), queue=queue)
    trainer.STALL_SECONDS = 0.3
    launch_train_with_config(TrainConfig(model=model, data=data, steps_per_epoch=4, max_epoch=1,
                                         callbacks=[Slow()], monitors=[]), trainer)
    warned = [r.getMessage() for r in log_records if r.levelname == "WARNING" and "has been running for" in r.getMessage()]
    assert any("take_a_nap" in line and "run_step" in line for line in warned)
    assert not any("_trigger_epoch" in line for line in warned)
