"""Towers of trainers: predictors while training, gradients, compilation."""
import numpy as np
import pytest

from tensorpack import (
    BatchNorm,
    Callback,
    Dropout,
    FullyConnected,
    ModelDesc,
    QueueInput,
    SimpleTrainer,
    SyncMultiGPUTrainerReplicated,
    TowerTrainer,
    TrainConfig,
    launch_train_with_config,
    tfv1,
)


class Net(ModelDesc):
    """BatchNorm and Dropout, so that training and inference differ."""

    def inputs(self):
        return [tfv1.TensorSpec((None, 3), tfv1.float32, "x"), tfv1.TensorSpec((None,), tfv1.float32, "y")]

    def build_graph(self, x, y):
        x = FullyConnected("fc", x, 8)
        x = Dropout("drop", BatchNorm("bn", x), rate=0.5)
        prediction = tfv1.identity(FullyConnected("out", x, 1)[:, 0], name="prediction")
        return tfv1.reduce_mean(tfv1.square(prediction - y), name="cost")

    def optimizer(self):
        return tfv1.train.GradientDescentOptimizer(0.01)


class Asker(Callback):
    """Asks for predictors at graph setup and uses them after each epoch."""

    def __init__(self, *requests):
        self.requests, self.outputs = requests, []

    def _setup_graph(self):
        self.predictors = [self.trainer.get_predictor(*request) for request in self.requests]

    def _trigger_epoch(self):
        x = np.ones((2, 3), "float32")
        self.outputs.append([predictor(x) for predictor in self.predictors])


def train(linear_data, callbacks, model=None, trainer=None, **kwargs):
    trainer = trainer or SimpleTrainer()
    launch_train_with_config(TrainConfig(
        model=model or Net(), dataflow=linear_data(), callbacks=callbacks, monitors=[], max_epoch=2, **kwargs), trainer)
    return trainer


def test_predictors_share_one_tower_per_device(linear_data):
    asker = Asker((["x"], ["prediction"]), (["x"], ["prediction", "fc/output"]), (["x"], ["prediction"], -1))
    trainer = train(linear_data, [asker])
    assert [handle.ns_name for handle in trainer.towers] == ["", "tower-pred-0", "tower-pred-cpu"]
    assert [handle.is_training for handle in trainer.towers] == [True, False, False]
    for (first,), (second, hidden), (cpu,) in asker.outputs:
        np.testing.assert_array_equal(first, second)
        np.testing.assert_allclose(first, cpu, rtol=1e-6)
        assert first.shape == (2,) and hidden.shape == (2, 8)
        assert first[0] == first[1]  # no dropout in inference


class WithOthers(Net):
    """Outputs which need an input each, none, and other parts of the graph."""

    def build_graph(self, x, y):
        cost = super().build_graph(x, y)
        tfv1.constant(3.0, name="constant")
        queue = tfv1.FIFOQueue(2, [tfv1.float32], shapes=[[]])
        tfv1.add(tfv1.placeholder_with_default(2.0, []), tfv1.cast(queue.size(), tfv1.float32), name="others")
        with tfv1.control_dependencies([y]):
            tfv1.identity(x, name="after_y")
        return cost


def several_towers(*case):
    """The case for a trainer of one tower, and for one of two."""
    return [(SimpleTrainer,) + case, (lambda: SyncMultiGPUTrainerReplicated([0, 1]),) + case]


def one_tower(*cases):
    return [(SimpleTrainer,) + case for case in cases]


@pytest.mark.parametrize("make, inputs, outputs, needed", several_towers(
    ["x"], ["cost"], "'cost', which needs 'y' as well") + several_towers(["x", "y"], ["cost"], None) + one_tower(
    (["x"], ["prediction", "cost:0"], "'cost:0', which needs 'y' as well"),
    ([], ["prediction"], "'prediction', which needs 'x' as well"), (["fc/output"], ["cost"], "'cost', which needs 'y' as well"),
    ([], ["cost"], "'cost', which needs 'x' and 'y' as well"), (["x"], ["after_y"], "'after_y', which needs 'y' as well"),
    (["x"], ["y"], "'y', which needs 'y' as well"),
    (["fc/output"], ["prediction"], None), (["x"], ["prediction", "x"], None),
    ([], ["fc/W", "constant"], None), ([], ["others"], None), (["prediction", "y"], ["cost"], None)))
def test_a_predictor_is_refused_at_once_that_lacks_an_input(linear_data, make, inputs, outputs, needed):
    trainer, model, flow = make(), WithOthers(), QueueInput(linear_data())
    trainer.setup_graph(model.get_input_signature(), flow, model.build_graph, model.get_optimizer)
    for _ in range(2):  # the second one finds the tower of the first
        if needed is None:
            assert len(trainer.get_predictor(inputs, outputs, -1).output_tensors) == len(outputs)
        else:
            with pytest.raises(ValueError, match=type(trainer).__name__ + r"\.get_predictor: .* got " + needed + "; add it"):
                trainer.get_predictor(inputs, outputs, -1)


def test_predictors_see_the_weights_change(linear_data):
    asker = Asker((["x"], ["prediction"]))
    train(linear_data, [asker])
    assert abs(asker.outputs[0][0][0] - asker.outputs[1][0][0]).max() > 0


def test_a_predictor_works_from_before_train_on(linear_data):
    class Early(Asker):
        def _before_train(self):
            self.early = self.predictors[0](np.ones((1, 3), "float32"))

    early = Early((["x"], ["prediction"]))
    train(linear_data, [early])
    assert early.early[0].shape == (1,)


def test_a_tower_asked_for_again_works_after_the_graph_is_final_and_a_new_one_does_not(linear_data):
    class Late(Asker):
        def _before_train(self):
            self.late = self.trainer.get_predictor(["x"], ["fc/output"])(np.ones((1, 3), "float32"))
            with pytest.raises(RuntimeError, match="before the graph is final"):
                self.trainer.get_predictor(["x"], ["prediction"], 1)

    late = Late((["x"], ["prediction"]))
    train(linear_data, [late])
    assert late.late[0].shape == (1, 8)


def test_a_typo_in_a_name_is_a_key_error(linear_data):
    with pytest.raises(KeyError, match="predicton"):
        train(linear_data, [Asker((["x"], ["predicton"]))])


def test_predictors_belong_to_their_trainer(linear_data):
    """Predictors of an earlier trainer are not re-bound to the session of a later one."""
    first = Asker((["x"], ["prediction"]))
    trainer = train(linear_data, [first])
    second = Asker((["x"], ["prediction"]))
    other = train(linear_data, [second])
    assert first.predictors[0].sess is trainer.sess and second.predictors[0].sess is other.sess
    assert trainer.sess is not other.sess


def test_tower_func_is_set_once_and_checked():
    trainer = TowerTrainer()
    assert trainer.towers is None
    with pytest.raises(RuntimeError, match="set tower_func first"):
        trainer.get_predictor(["x"], ["y"])
    with pytest.raises(TypeError, match="must be a TowerFunc"):
        trainer.tower_func = lambda x: x


def test_an_input_in_use_elsewhere_is_refused(linear_data, linear_model):
    from tensorpack import FeedInput
    source = FeedInput(linear_data())
    launch_train_with_config(TrainConfig(model=linear_model(), data=source, monitors=[], max_epoch=1), SimpleTrainer())
    with pytest.raises(RuntimeError, match="set up already"):
        launch_train_with_config(TrainConfig(model=linear_model(), data=source, monitors=[], max_epoch=1), SimpleTrainer())


def test_update_ops_run_with_every_step(linear_data):
    values = []

    class Watch(Callback):
        def _trigger_step(self):
            values.append(self.trainer.sess.run("bn/mean/EMA:0").copy())

    train(linear_data, [Watch()])
    assert len(values) == 16 and all(abs(a - b).max() > 0 for a, b in zip(values, values[1:]))


class Product(ModelDesc):
    """Two variables whose gradients depend on each other's values; between them one without gradient."""

    def inputs(self):  # XLA needs static shapes
        return [tfv1.TensorSpec((4, 3), tfv1.float32, "x"), tfv1.TensorSpec((4,), tfv1.float32, "y")]

    def build_graph(self, x, y):
        first = tfv1.get_variable("first", [3], initializer=tfv1.ones_initializer())
        tfv1.get_variable("unused", [3], initializer=tfv1.ones_initializer())
        last = tfv1.get_variable("last", [3], initializer=tfv1.ones_initializer())
        return tfv1.reduce_mean(tfv1.square(tfv1.reduce_sum(x * first * last * last, 1) - y))

    def optimizer(self):
        return tfv1.train.GradientDescentOptimizer(0.1)


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "xla"])
def test_gradients_are_those_of_the_weights_before_the_step(linear_data, compiled):
    """No variable is updated before every gradient that needs its old value, and each gradient goes to its own variable."""
    class Watch(Callback):
        def _trigger_epoch(self):
            self.weights = self.trainer.sess.run(tfv1.trainable_variables())

    trainer, watch = SimpleTrainer(), Watch()
    trainer.XLA_COMPILE = compiled
    train(linear_data, [watch], model=Product(), trainer=trainer)

    first, last = np.ones(3), np.ones(3)
    for x, y in list(linear_data()) * 2:
        error = (x * first * last * last).sum(1) - y
        first, last = (first - 0.1 * (2 * error[:, None] * x * last * last).mean(0),
                       last - 0.1 * (2 * error[:, None] * x * first * 2 * last).mean(0))
    for got, expected in zip(watch.weights, [first, np.ones(3), last]):
        np.testing.assert_allclose(got, expected, rtol=1e-4)
