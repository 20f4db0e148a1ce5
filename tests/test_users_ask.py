"""What users of the library and of its neighbours asked for most, from the outside: whole trainings, predictions, exports."""
import ast
import glob
import json
import os
import signal
import sys
import threading
import time
import warnings

import numpy as np
import psutil
import pytest
from told import messages

import tensorpack
from tensorpack import (
    AutoResumeTrainConfig,
    AvgPooling,
    BatchData,
    BatchNorm,
    BNReLU,
    Callback,
    ClassificationError,
    Conv2D,
    DataFlow,
    FullyConnected,
    Inferencer,
    InferenceRunner,
    JSONWriter,
    LinearWrap,
    MaxPooling,
    MergeAllSummaries,
    MinSaver,
    ModelDesc,
    ModelSaver,
    OfflinePredictor,
    PeriodicTrigger,
    PredictConfig,
    QueueInput,
    RunUpdateOps,
    SaverRestore,
    ScalarStats,
    SimpleTrainer,
    SmartInit,
    TFEventWriter,
    TrainConfig,
    argscope,
    dataset,
    launch_train_with_config,
    logger,
    regularize_cost,
)
from tensorpack.callbacks.early_stop import EarlyStop
from tensorpack.compat import tfv1 as tf
from tensorpack.tfutils.common import get_global_step_var
from tensorpack.tfutils.export import ModelExporter
from tensorpack.tfutils.sessinit import DictRestore
from tensorpack.tfutils.summary import add_moving_summary

PACKAGE = os.path.dirname(tensorpack.__file__)
ROOT = os.path.dirname(PACKAGE)
SCRIPTS = os.path.join(ROOT, "tests", "scripts")


class OldSpelling(ModelDesc):
    """A small convolutional network for 8x8 digits, written with the argument names of the first versions."""

    num_classes = 10
    head = "linear"

    def inputs(self):
        return [tf.placeholder(tf.float32, (None, 8, 8), "input"), tf.placeholder(tf.int32, (None,), "label")]

    def build_graph(self, image, label):
        image = tf.expand_dims(image * 2 - 1, 3)
        with argscope(Conv2D, kernel_shape=3, nl=BNReLU, out_channel=8, W_init=tf.variance_scaling_initializer(2.)), \
                argscope([MaxPooling, AvgPooling], shape=2):
            logits = (LinearWrap(image)
                      .Conv2D("conv0")
                      .MaxPooling("pool0", stride=2)
                      .Conv2D("conv1", out_channel=16, use_bias=False)
                      .AvgPooling("pool1")
                      .FullyConnected("fc0", out_dim=32, nl=tf.nn.relu, b_init=tf.constant_initializer(.1))
                      .Dropout("dropout", keep_prob=.7)
                      .FullyConnected(self.head, out_dim=self.num_classes, nl=tf.identity)())
        tf.nn.softmax(logits, name="prob")
        wrong = tf.not_equal(tf.argmax(logits, 1, output_type=tf.int32), label)
        tf.cast(wrong, tf.float32, name="incorrect_vector")
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=label), name="loss")
        decay = tf.multiply(1e-5, regularize_cost("fc.*/W", tf.nn.l2_loss), name="decay")
        add_moving_summary(loss, decay)
        return tf.add(loss, decay, name="cost")

    def optimizer(self):
        rate = tf.get_variable("learning_rate", initializer=.02, trainable=False)
        tf.summary.scalar("learning_rate-summary", rate)
        return tf.train.MomentumOptimizer(rate, .9)


def digits(part):
    return BatchData(dataset.Digits(part, shuffle=False), 50, remainder=True)


def train_digits(callbacks=(), model=None, session_init=None, steps=4, epochs=1, **kwargs):
    trainer = SimpleTrainer()
    launch_train_with_config(TrainConfig(
        model=model or OldSpelling(), dataflow=digits("train"), callbacks=list(callbacks), session_init=session_init,
        steps_per_epoch=steps, max_epoch=epochs, **kwargs), trainer)
    return trainer


# ---- rows 1 and 36: runs on today's TensorFlow and numpy ---------------------------------------------------------------

def test_a_model_in_the_old_spelling_has_the_old_variables_and_learns(log_dir):
    trainer = train_digits([ModelSaver(), InferenceRunner(digits("test"), [ClassificationError(), ScalarStats("loss")])],
                           steps=29, epochs=4)
    assert [v.name for v in trainer.graph.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES)] == [
        name + ":0" for name in (
            "conv0/W", "conv0/b", "conv0/bn/gamma", "conv0/bn/beta", "conv1/W", "conv1/bn/gamma", "conv1/bn/beta",
            "fc0/W", "fc0/b", "linear/W", "linear/b")]
    errors = [value for _, value in trainer.monitors.get_history("validation_error")]
    assert len(errors) == 4 and errors[-1] < .3


def sources():
    return sorted(glob.glob(os.path.join(PACKAGE, "**", "*.py"), recursive=True))


def dotted(node):
    """`tf.layers.conv2d` of such an expression, "" of others."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id] + parts[::-1]) if isinstance(node, ast.Name) else ""


GONE_FROM_NUMPY = ("bool", "int", "float", "object", "str", "complex", "long", "unicode", "sctypes", "float_", "product",
                   "cast", "in1d", "Inf", "NaN", "asfarray", "alltrue", "cumproduct", "row_stack", "trapz", "string_")


def test_the_library_uses_nothing_that_tensorflow_or_numpy_has_dropped():
    unwanted = {"tf." + x for x in ("layers", "keras", "contrib")} | {"np." + x for x in GONE_FROM_NUMPY}
    found = []
    for path in sources():
        with open(path, encoding="utf-8") as f:
            tree = ast.parse(f.read())
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and (dotted(node) in unwanted or node.attr == "tostring"):
                found.append("{}:{} {}".format(os.path.relpath(path, PACKAGE), node.lineno, dotted(node) or node.attr))
    assert len(sources()) > 100 and found == []


def test_training_predicting_and_exporting_warn_of_nothing_in_the_library(log_dir, tmp_path):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        train_digits([ModelSaver(), InferenceRunner(digits("test"), ClassificationError()), MinSaver("validation_error")])
        config = PredictConfig(model=OldSpelling(), session_init=SmartInit(log_dir), input_names=["input"],
                               output_names=["prob"])
        with OfflinePredictor(config) as predictor:
            predictor(np.zeros((1, 8, 8)))
        ModelExporter(config).export_compact(str(tmp_path / "model.pb"))
        ModelExporter(config).export_serving(str(tmp_path / "serving"))
    assert [str(w.message) for w in caught if w.filename.startswith(PACKAGE)] == []


# ---- row 4: nothing left running ---------------------------------------------------------------------------------------

def processes_of_group(group):
    found = []
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (OSError, psutil.Error):
            pass
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=["INT", "TERM", "KILL"])
def test_a_training_that_is_ended_by_a_signal_leaves_nothing_running(start_program, tmp_path, number):
    program = start_program(os.path.join(SCRIPTS, "users_interrupted.py"), folder=tmp_path)
    try:
        program.wait_for_text("READY")
        assert len(processes_of_group(program.pid)) == 2, program.text()[-3000:]
        program.send_signal(number)
        assert program.wait() != 0
        deadline = time.time() + 60
        while processes_of_group(program.pid) and time.time() < deadline:
            time.sleep(.1)
        assert processes_of_group(program.pid) == []
        text = program.text()
        assert ("CLEANED" in text and "KeyboardInterrupt" in text) == (number == signal.SIGINT)
    finally:
        for left in processes_of_group(program.pid):
            left.kill()


# ---- rows 5 to 7: exports ----------------------------------------------------------------------------------------------

def test_the_command_line_tool_of_tensorflow_shows_and_runs_the_default_signature(run_program, tmp_path):
    tool = os.path.join(os.path.dirname(sys.executable), "saved_model_cli")
    if not os.path.exists(tool):
        pytest.skip("TensorFlow's saved_model_cli is not installed")
    config = PredictConfig(model=OldSpelling(), session_init=None, input_names=["input"], output_names=["prob"])
    ModelExporter(config).export_serving(str(tmp_path / "model"))
    np.save(str(tmp_path / "image.npy"), np.zeros((3, 8, 8), "float32"))
    status, output = run_program(
        tool, "run", "--dir", tmp_path / "model", "--tag_set", "serve", "--signature_def", "serving_default", "--inputs",
        "input={}".format(tmp_path / "image.npy"), "--outdir", tmp_path, folder=tmp_path)
    assert status == 0, output[-3000:]
    probabilities = np.load(str(tmp_path / "prob.npy"))
    assert probabilities.shape == (3, 10) and np.allclose(probabilities.sum(1), 1, atol=1e-5)


# ---- row 8: many predictions -------------------------------------------------------------------------------------------

def test_predictors_side_by_side_give_memory_back_when_closed():
    size = 5 * 10**6  # 20 MB

    def build(x):
        tf.reduce_sum(tf.get_variable("W", [size]) * x, name="y")

    def predictor(value):
        return OfflinePredictor(PredictConfig(
            tower_func=build, input_signature=[tf.TensorSpec((), tf.float32, "x")], input_names=["x"], output_names=["y"],
            session_init=DictRestore({"W": np.full(size, value, "float32")})))

    def open_and_close(times):
        for _ in range(times):
            with predictor(2) as two:
                assert two(1)[0] == pytest.approx(2 * size, rel=1e-3)
        return psutil.Process().memory_info().rss

    with predictor(0) as zero, predictor(1) as one:
        assert zero(2)[0] == 0 and one(2)[0] == pytest.approx(2 * size, rel=1e-3)
        # the allocators settle sooner or later, as many threads as the process may have; what leaks grows in each round
        sizes = [open_and_close(12)]
        growth = []
        while len(growth) < 5 and all(each >= 12 * 20 * 10**6 / 2 for each in growth):
            sizes.append(open_and_close(12))
            growth.append(sizes[-1] - sizes[-2])
        assert growth[-1] < 12 * 20 * 10**6 / 2, sizes
        assert zero(1)[0] == 0


def test_a_real_network_predicts_a_thousand_times_from_eight_threads_in_one_graph():
    config = PredictConfig(model=OldSpelling(), session_init=None, input_names=["input"], output_names=["prob"])
    images = [np.random.RandomState(i).uniform(0, 1, (2, 8, 8)).astype("float32") for i in range(8)]
    with OfflinePredictor(config) as predictor:
        expected = [predictor(image)[0] for image in images]
        number = len(predictor.graph.get_operations())
        wrong = []

        def work(i):
            for k in range(125):
                j = (i + k) % 8
                if not np.allclose(predictor(images[j])[0], expected[j], atol=1e-6):
                    wrong.append((i, k))

        threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == [] and len(predictor.graph.get_operations()) == number
    assert not np.allclose(expected[0], expected[1], atol=1e-3)


# ---- row 9: predictor, validation and training agree --------------------------------------------------------------------

class KeepPrediction(Inferencer):
    """The values of some tensors over a pass, joined."""

    def __init__(self, *names):
        self.names = list(names)

    def _before_inference(self):
        self.values = []

    def _get_fetches(self):
        return self.names

    def _on_fetches(self, results):
        self.values.append(results)


def test_validation_and_both_predictors_give_the_same_values(log_dir):
    points = list(digits("test"))
    names = ["prob", "loss"]

    class Online(Callback):
        def _setup_graph(self):
            self.predictor = self.trainer.get_predictor(["input", "label"], names)

        def _trigger_epoch(self):
            self.values = [self.predictor(*point) for point in points]

    validation, online = KeepPrediction(*names), Online()
    trainer = train_digits([InferenceRunner(digits("test"), [validation, ScalarStats("loss")]), online, ModelSaver()],
                           steps=29, epochs=2)
    with OfflinePredictor(PredictConfig(model=OldSpelling(), session_init=SmartInit(log_dir),
                                        input_names=["input", "label"], output_names=names)) as predictor:
        offline = [predictor(*point) for point in points]
        again = [predictor(*point) for point in points]
    assert len(validation.values) == len(points) == 6
    for a, b, c, d in zip(validation.values, online.values, offline, again):
        for i in range(2):
            np.testing.assert_allclose(a[i], b[i], atol=1e-6)
            np.testing.assert_allclose(a[i], c[i], atol=1e-6)
            np.testing.assert_array_equal(c[i], d[i])  # no dropout
    assert trainer.monitors.get_latest("validation_loss") == pytest.approx(np.mean([x[1] for x in offline]), abs=1e-5)


# ---- row 10: resume exactly --------------------------------------------------------------------------------------------

class Decaying(ModelDesc):
    """A linear model whose learning rate depends on the global step."""

    def inputs(self):
        return [tf.TensorSpec((None, 3), tf.float32, "x")]

    def build_graph(self, x):
        y = BatchNorm("bn", FullyConnected("fc", x, 2, kernel_initializer=tf.ones_initializer()))
        cost = tf.reduce_mean(tf.square(y - x[:, :2]), name="cost")
        tf.summary.scalar("cost-summary", cost)
        return cost

    def optimizer(self):
        rate = tf.train.exponential_decay(.1, get_global_step_var(), 4, .7, staircase=True, name="rate")
        tf.summary.scalar("rate-summary", rate)
        return tf.train.AdamOptimizer(rate)


class Numbers(DataFlow):
    """Four fixed batches."""

    def __len__(self):
        return 4

    def __iter__(self):
        for i in range(4):
            yield [np.random.RandomState(i).rand(8, 3).astype("float32")]


def train_and_resume(directory, max_epoch):
    logger.set_logger_dir(directory, "k")
    with tf.Graph().as_default():
        launch_train_with_config(AutoResumeTrainConfig(
            model=Decaying(), dataflow=Numbers(), max_epoch=max_epoch,
            callbacks=[ModelSaver(), InferenceRunner(Numbers(), ScalarStats("cost"))], monitors=[JSONWriter()],
            extra_callbacks=[MergeAllSummaries(), RunUpdateOps()]), SimpleTrainer())


def statistics(directory):
    with open(os.path.join(directory, "stats.json")) as f:
        return json.load(f)


def test_six_epochs_equal_three_and_three(tmp_path, log_records):
    whole, parts = str(tmp_path / "whole"), str(tmp_path / "parts")
    train_and_resume(whole, 6)
    train_and_resume(parts, 3)
    del log_records[:]
    train_and_resume(parts, 6)
    assert any("model-12" in m and parts in m for m in messages(log_records, "INFO"))
    assert any("Start Epoch 4" in m for m in messages(log_records, "INFO"))
    assert not any("Start Epoch 3" in m for m in messages(log_records, "INFO"))
    expected, found = statistics(whole), statistics(parts)
    assert [list(row) for row in found] == [list(row) for row in expected] and len(expected) == 6
    for row, other in zip(found, expected):
        assert {k: pytest.approx(v, rel=1e-5) for k, v in other.items()} == row
    assert len({row["rate"] for row in expected}) >= 5
    a, b = (tf.train.load_checkpoint(os.path.join(d, "model-24")) for d in (whole, parts))
    assert set(a.get_variable_to_shape_map()) == set(b.get_variable_to_shape_map()) > {"fc/W/Adam", "beta1_power"}
    for name in a.get_variable_to_shape_map():
        np.testing.assert_allclose(a.get_tensor(name), b.get_tensor(name), rtol=1e-5, atol=1e-6, err_msg=name)


# ---- row 12: a model that does not quite fit ---------------------------------------------------------------------------

@pytest.fixture(scope="module")
def trained_digits(tmp_path_factory):
    """The directory of the checkpoint of a training with ten classes."""
    directory = str(tmp_path_factory.mktemp("digits"))
    with tf.Graph().as_default():
        train_digits([ModelSaver(checkpoint_dir=directory)], monitors=[], extra_callbacks=[])
    return directory


def with_head(name, num_classes):
    model = OldSpelling()
    model.head, model.num_classes = name, num_classes
    return model


@pytest.mark.parametrize("model, make, words", [
    (lambda: with_head("other", 12), SaverRestore, "loaded 24, missing 2, unused 2"),
    (lambda: with_head("linear", 12), lambda path: SaverRestore(path, ignore=[
        "linear/W", "linear/b", "linear/W/Momentum", "linear/b/Momentum"]), "loaded 24"),
    (lambda: with_head("linear", 12), lambda path: SmartInit(path, ignore_mismatch=True), "loaded 24"),
], ids=["other name", "ignored", "mismatch"])
def test_another_head_is_trained_on_a_loaded_body(trained_digits, log_records, model, make, words):
    class Body(Callback):
        def _before_train(self):
            self.value = self.trainer.sess.run("conv0/W:0")

    body = Body()
    trainer = train_digits([body], model=model(), session_init=make(trained_digits), monitors=[], epochs=2)
    assert trainer.global_step >= 8
    stored = tf.train.load_checkpoint(trained_digits).get_tensor("conv0/W")
    np.testing.assert_array_equal(body.value, stored)
    lines = [m for m in messages(log_records, "INFO") if "loaded" in m and "missing" in m and "unused" in m]
    assert len(lines) == 1 and words in lines[0], lines


def test_a_head_of_another_shape_is_an_error_when_all_must_fit(trained_digits):
    with pytest.raises(ValueError, match=r"linear/W.*\(32, 12\).*\(32, 10\)"):
        train_digits(model=with_head("linear", 12), session_init=SaverRestore(trained_digits), monitors=[])


# ---- row 31: early stopping on validation, and triggers by steps ---------------------------------------------------------

def test_training_stops_early_on_a_validation_error_that_does_not_fall(log_dir):
    class Stuck(OldSpelling):
        def optimizer(self):
            return tf.train.GradientDescentOptimizer(0.)

    class NoStatistics(Stuck):
        def build_graph(self, image, label):
            with argscope(BatchNorm, ema_update="skip"):
                return super().build_graph(image, label)

    trainer = train_digits(
        [InferenceRunner(digits("test"), ClassificationError()), EarlyStop("validation_error", 2),
         PeriodicTrigger(ModelSaver(), every_k_steps=3)], model=NoStatistics(), epochs=100)
    assert trainer.epoch_num == 3 and trainer.global_step == 12
    assert sorted(os.path.basename(p) for p in glob.glob(os.path.join(log_dir, "model-*.index"))) == [
        "model-12.index", "model-3.index", "model-6.index", "model-9.index"]
    assert [row["epoch_num"] for row in statistics(log_dir) if "validation_error" in row] == [1, 2, 3]


# ---- row 32: images of a validation --------------------------------------------------------------------------------------

def test_two_validations_with_images(log_dir):
    class FirstImage(Inferencer):
        def __init__(self, name):
            self.name = name

        def _before_inference(self):
            self.image = None

        def _get_fetches(self):
            return ["input"]

        def _on_fetches(self, results):
            self.image = results[0][:1, :, :, np.newaxis] if self.image is None else self.image

        def _after_inference(self):
            self.trainer.monitors.put_image(self.name, self.image)

    train_digits([InferenceRunner(digits("test"), [FirstImage("a"), ClassificationError(summary_name="a_error")]),
                  InferenceRunner(QueueInput(digits("test")), [FirstImage("b"), ClassificationError(summary_name="b_error")])],
                 epochs=2, monitors=[TFEventWriter(), JSONWriter()])
    for row in statistics(log_dir):
        assert row["a_error"] == pytest.approx(row["b_error"])
    path, = glob.glob(os.path.join(log_dir, "events.out.tfevents.*"))
    images = [(e.step, v.tag, v.image.height) for e in tf.train.summary_iterator(path)
              for v in e.summary.value if v.WhichOneof("value") == "image"]
    assert images == [(step, tag, 8) for step in (4, 8) for tag in ("a", "b")]


# ---- row 37: graph mode without a word of the user -----------------------------------------------------------------------

def test_a_trainer_with_two_optimizers_runs_without_turning_eager_execution_off(run_program, tmp_path):
    status, output = run_program(os.path.join(SCRIPTS, "users_gan.py"), tmp_path / "log", folder=tmp_path)
    assert status == 0, output[-3000:]
    assert "COUNTS 8 4 12" in output and "AGREE True True" in output
    assert [row["global_step"] for row in statistics(str(tmp_path / "log"))] == [6, 12]
