"""Callbacks that run operations or look at tensors."""
import os

import numpy as np
import pytest

from tensorpack.callbacks import graph as graph_module
from tensorpack.callbacks.base import Callback
from tensorpack.callbacks.graph import (
    CheckNumerics,
    DumpParamAsImage,
    DumpTensor,
    DumpTensorAsImage,
    DumpTensors,
    ProcessTensors,
    RunOp,
    RunUpdateOps,
)
from tensorpack.callbacks.monitor import MonitorBase
from tensorpack.compat import tfv1 as tf
from tensorpack.models import Conv2D, FullyConnected, MaxPooling
from tensorpack.utils import logger
from tensorpack.utils.optional import optional_import

cv2 = pytest.importorskip("cv2")


def counter(name="counter"):
    """A variable and the operation that adds one to it."""
    variable = tf.get_variable(name, shape=(), initializer=tf.zeros_initializer(), trainable=False)
    return variable, variable.assign_add(1.).op


class Watch(Callback):
    """Notes the value of a variable at the end of each step and epoch, and before training."""

    def __init__(self, variable):
        self.variable = variable
        self.values = []

    def _note(self):
        self.values.append(float(self.trainer.sess.run(self.variable)))

    _before_train = _trigger_step = _trigger_epoch = _note


# ---- RunOp ----


@pytest.mark.parametrize("options, expected", [
    ({}, [1, 1, 1, 2, 2, 2, 3]),
    ({"run_before": False}, [0, 0, 0, 1, 1, 1, 2]),
    ({"run_as_trigger": False}, [1, 1, 1, 1, 1, 1, 1]),
    ({"run_before": False, "run_as_trigger": False, "run_step": True}, [0, 1, 2, 2, 3, 4, 4]),
    ({"run_step": True}, [1, 2, 3, 4, 5, 6, 7]),
], ids=["default", "not before", "not as trigger", "steps only", "all"])
def test_run_op_runs_when_asked_to(counting_trainer, options, expected):
    variable, add = counter()
    watch = Watch(variable)
    counting_trainer().go([RunOp(add, **options), watch], steps_per_epoch=2)
    assert watch.values == expected


def test_run_op_makes_its_operation_when_the_graph_is_set_up(counting_trainer):
    cb = RunOp(lambda: tf.no_op(name="made"), verbose=True)
    counting_trainer().go([cb])
    assert cb.op.name == "RunOp/made"


@pytest.mark.parametrize("verbose, lines", [(True, 3), (False, 0)])
def test_run_op_logs_each_run_when_asked_to(counting_trainer, log_records, verbose, lines):
    counting_trainer().go([RunOp(tf.no_op(name="the_op"), run_step=True, verbose=verbose)])
    assert len([r for r in log_records if "the_op" in r.getMessage() and r.levelname == "INFO"]) == lines


def test_run_op_runs_on_every_process_and_asks_for_the_same_each_step(counting_trainer):
    cb = RunOp(tf.no_op(), run_step=True)
    cb.setup_graph(counting_trainer())
    assert cb.chief_only is False
    assert cb.before_run(None) is cb.before_run(None) is not None
    assert RunOp(cb.op).before_run(None) is None


def test_run_op_refuses_tensors_at_once_and_from_functions():
    with pytest.raises(TypeError, match="RunOp: op must be a tf.Operation.*tensor.op"):
        RunOp(tf.constant(1.))
    with pytest.raises(TypeError, match="RunOp: op must be a tf.Operation"):
        RunOp(lambda: tf.constant(1.)).setup_graph(None)


# ---- RunUpdateOps ----


@pytest.mark.parametrize("collection", [None, "my_updates"])
def test_run_update_ops_runs_a_collection_with_each_step(counting_trainer, log_records, collection):
    variables = []
    for name in ("a", "b"):
        variable, add = counter(name)
        variables.append(variable)
        tf.add_to_collection(collection or tf.GraphKeys.UPDATE_OPS, add)
    cb, watches = RunUpdateOps(collection), [Watch(v) for v in variables]
    counting_trainer().go([cb] + watches, steps_per_epoch=2, max_epoch=1)
    assert [watch.values for watch in watches] == [[0., 1., 2., 2.]] * 2
    assert cb.op.name == "RunUpdateOps/update_ops" and cb.chief_only is False
    assert any("2 ops" in r.getMessage() for r in log_records)


def test_run_update_ops_of_resource_variables(counting_trainer):
    variable = tf.get_variable("v", initializer=0., trainable=False, use_resource=True)
    tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, variable.assign_add(1.))
    watch = Watch(variable)
    counting_trainer().go([RunUpdateOps(), watch], steps_per_epoch=2, max_epoch=1)
    assert watch.values == [0., 1., 2., 2.]


def test_run_update_ops_without_updates_costs_no_fetch(counting_trainer, log_records):
    cb = RunUpdateOps()
    cb.setup_graph(counting_trainer())
    assert cb.op.name == "RunUpdateOps/empty_update_ops" and cb.before_run(None) is None
    assert not log_records


# ---- ProcessTensors, DumpTensors ----


def test_process_tensors_gives_the_values_of_each_step(counting_trainer, log_records):
    seen = []
    cb = ProcessTensors(["count:0", "steps_seen:0", "count"], lambda count, variable, op: seen.append((count, op)))
    counting_trainer(use_resource=True).go([cb], steps_per_epoch=3, max_epoch=1)
    assert seen == [(1., None), (2., None), (3., None)]
    assert cb.chief_only is True and cb.before_run(None) is cb.before_run(None)
    told, = [r.getMessage() for r in log_records if "is the name of an operation" in r.getMessage()]
    assert told.endswith("'count' is the name of an operation, whose value is None; its tensor is 'count:0'.")


def test_process_tensors_refuses_what_is_no_function():
    with pytest.raises(TypeError, match="ProcessTensors: fn must be a function"):
        ProcessTensors(["a:0"], None)


def test_dump_tensors_writes_each_step(counting_trainer, log_dir):
    tf.constant([1, 2], name="scope/pair")
    counting_trainer().go([DumpTensors(["count:0", "scope/pair:0", "scope/pair"])], steps_per_epoch=2, max_epoch=1)
    assert sorted(f for f in os.listdir(log_dir) if f.endswith(".npz")) == ["DumpTensor-1.npz", "DumpTensor-2.npz"]
    with np.load(os.path.join(log_dir, "DumpTensor-2.npz")) as data:
        assert sorted(data.keys()) == ["count:0", "scope/pair", "scope/pair:0"]
        assert data["count:0"] == 2. and data["scope/pair:0"].tolist() == data["scope/pair"].tolist() == [1, 2]


def test_dump_tensors_uses_the_directory_of_its_construction(counting_trainer, log_dir, tmp_path):
    cb = DumpTensors(["count:0"])
    logger.set_logger_dir(str(tmp_path / "other"))
    counting_trainer().go([cb], steps_per_epoch=1, max_epoch=1)
    assert "DumpTensor-1.npz" in os.listdir(log_dir)


def test_dump_tensors_refuses_a_bare_string():
    with pytest.raises(TypeError, match=r"DumpTensors: names must be a list or tuple.*try \['a:0'\]"):
        DumpTensors("a:0")


def test_dump_tensors_needs_a_log_directory_only_where_it_runs(counting_trainer):
    cb = DumpTensors(["count:0"])
    with pytest.raises(RuntimeError, match="DumpTensors: .*set_logger_dir"):
        cb.setup_graph(counting_trainer())


def test_old_names_are_the_same_classes():
    assert DumpTensor is DumpTensors and DumpParamAsImage is DumpTensorAsImage


# ---- DumpTensorAsImage ----


class ImageMonitor(MonitorBase):
    def __init__(self):
        self.images = []

    def process_image(self, name, val):
        self.images.append((name, val))


def dump(trainer, value, monitor=None, **kwargs):
    tf.constant(value, dtype=tf.float32, name="some/image")
    callback = DumpTensorAsImage("some/image:0", **kwargs)
    trainer.go([callback], monitors=[monitor or ImageMonitor()], steps_per_epoch=1, max_epoch=1)


def pngs(log_dir):
    return sorted(name for name in os.listdir(log_dir) if name.endswith(".png"))


@pytest.mark.parametrize("shape, files", [
    ((4, 5), ["i-ep001.png"]),
    ((4, 5, 1), ["i-ep001.png"]),
    ((4, 5, 3), ["i-ep001.png"]),
    ((3, 4, 5), ["i-ep001-1.png", "i-ep001-2.png", "i-ep001.png"]),
    ((2, 4, 5, 3), ["i-ep001-1.png", "i-ep001.png"]),
], ids=str)
def test_image_shapes(counting_trainer, log_dir, shape, files):
    dump(counting_trainer(), np.zeros(shape), prefix="i")
    assert pngs(log_dir) == files


def test_pixels_are_scaled_and_clipped_in_the_file_and_for_monitors(counting_trainer, log_dir):
    monitor = ImageMonitor()
    dump(counting_trainer(), [[-1., 0., 0.5], [1., 2., float("inf")]], monitor, prefix="i", scale=100)
    expected = np.array([[0, 0, 50], [100, 200, 255]], dtype="uint8")
    np.testing.assert_array_equal(cv2.imread(os.path.join(log_dir, "i-ep001.png"), cv2.IMREAD_GRAYSCALE), expected)
    (name, images), = monitor.images
    assert name == "i" and images.shape == (1, 2, 3, 1)
    np.testing.assert_array_equal(images[0, :, :, 0], expected)


def test_a_default_prefix_with_slashes_writes_a_file(counting_trainer, log_dir):
    monitor = ImageMonitor()
    dump(counting_trainer(), np.zeros((4, 4)), monitor)
    assert pngs(log_dir) == ["some_image-ep001.png"]
    assert monitor.images[0][0] == "some/image"


@pytest.mark.parametrize("sizes, tags", [
    ([(4, 4), (4, 4)], ["i"]),
    ([(4, 4), (2, 8, 3)], ["i/0", "i/1"]),
], ids=["same size", "different sizes"])
def test_map_func_may_return_a_list(counting_trainer, log_dir, sizes, tags):
    monitor = ImageMonitor()
    dump(counting_trainer(), [1.], monitor, prefix="i", map_func=lambda v: [np.ones(size) * v[0] for size in sizes])
    assert pngs(log_dir) == ["i-ep001-1.png", "i-ep001.png"]
    assert [name for name, _ in monitor.images] == tags
    assert all(images.min() == 255 for _, images in monitor.images)


def test_an_image_per_trigger(counting_trainer, log_dir):
    tf.zeros((4, 4), name="zeros")
    counting_trainer().go([DumpTensorAsImage("zeros")], monitors=[ImageMonitor()], steps_per_epoch=1, max_epoch=2)
    assert pngs(log_dir) == ["zeros-ep001.png", "zeros-ep002.png"]


def test_no_image_is_an_error_that_shows_the_shape(counting_trainer, log_dir):
    with pytest.raises(ValueError, match=r"some/image:0.*got shape \(2, 3, 4, 5\); try a map_func"):
        dump(counting_trainer(), np.zeros((2, 3, 4, 5)))


def test_a_file_that_cannot_be_written_is_logged(counting_trainer, log_dir, log_records):
    os.mkdir(os.path.join(log_dir, "i-ep001.png"))
    dump(counting_trainer(), np.zeros((4, 4)), prefix="i")
    assert any(r.levelname == "ERROR" and "i-ep001.png" in r.getMessage() for r in log_records)


def test_images_need_a_log_directory(counting_trainer):
    with pytest.raises(RuntimeError, match="DumpTensorAsImage: .*set_logger_dir"):
        dump(counting_trainer(), np.zeros((4, 4)))


def test_without_opencv_the_constructor_says_what_to_install(monkeypatch):
    monkeypatch.setattr(graph_module, "cv2", optional_import("no_such_cv2", needed_by="DumpTensorAsImage",
                                                             pip="opencv-python-headless"))
    with pytest.raises(ImportError, match="DumpTensorAsImage needs .*pip install opencv-python-headless"):
        DumpTensorAsImage("a:0")


# ---- CheckNumerics ----


def poison(names, value, use_resource=False):
    """Trainable variables a, b, c, an integer one, and the operation that spoils those named."""
    variables = {n: tf.get_variable("scope/" + n, initializer=[1., 2.], use_resource=use_resource) for n in "cab"}
    tf.get_variable("whole", initializer=1, use_resource=use_resource)
    return tf.group(*[variables[n].assign([1., value], read_value=False) for n in names])


class At(Callback):
    """Runs an operation after a step."""

    def __init__(self, step, op):
        self.step, self.op = step, op

    def _before_train(self):
        if self.step == 0:
            self.op.run()

    def _trigger_step(self):
        if self.global_step == self.step:
            self.op.run()


@pytest.mark.parametrize("use_resource", [False, True], ids=["ref", "resource"])
@pytest.mark.parametrize("value", [float("nan"), float("-inf")], ids=str)
@pytest.mark.parametrize("options, spoilt_after, found_at", [
    ({}, 0, 0),
    ({}, 1, 2),
    ({"run_as_trigger": False, "run_step": True}, 1, 1),
], ids=["before training", "at the trigger", "in the step"])
def test_check_numerics_names_the_first_spoilt_variable(
        counting_trainer, options, spoilt_after, found_at, value, use_resource):
    trainer = counting_trainer()
    spoil = poison("ba", value, use_resource)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"CheckNumerics\['scope/a'\]"):
        trainer.go([At(spoilt_after, spoil), CheckNumerics(**options)], steps_per_epoch=2)
    assert trainer.global_step == found_at


def test_check_numerics_leaves_sound_variables_alone(counting_trainer):
    poison("a", 3.)
    cb = CheckNumerics(run_step=True)
    counting_trainer().go([cb])
    assert cb.chief_only is True


def test_check_numerics_without_variables(counting_trainer):
    counting_trainer().go([CheckNumerics()])


def test_check_numerics_finds_what_the_cost_does_not_show():
    """On a CPU, max pooling makes the lowest number of NaN, and relu makes 0 of that."""
    images = np.random.RandomState(0).rand(2, 4, 4, 1).astype("float32")
    images[0, 0, 0, 0] = np.nan
    with tf.Graph().as_default(), tf.device("/cpu:0"), tf.Session() as sess:
        x = Conv2D("conv", tf.constant(images), 2, 3)
        x = tf.nn.relu(MaxPooling("pool", x, 2))
        cost = tf.reduce_mean(FullyConnected("fc", x, 1) ** 2)
        step, check = tf.train.GradientDescentOptimizer(0.1).minimize(cost), CheckNumerics._make_check()
        sess.run(tf.global_variables_initializer())
        sess.run(check)
        assert np.isfinite([sess.run([cost, step])[0] for _ in range(3)]).all()
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"CheckNumerics\['conv/W'\]"):
            sess.run(check)
