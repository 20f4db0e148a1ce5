"""HorovodTrainer and BytePSTrainer over a stand-in of these packages, in this process and in two."""
import importlib
import json
import multiprocessing
import os
import re
import sys
import types

import horovod_stand_in
import numpy as np
import pytest
from told import messages
from tower_runs import OPTIMIZERS, Model, assert_equal_values, batches, run, run_in_new_graph

from tensorpack import DictRestore, QueueInput, SimpleTrainer
from tensorpack.callbacks.base import Callback
from tensorpack.compat import tfv1 as tf
from tensorpack.dataflow import DataFromList
from tensorpack.tfutils.sesscreate import NewSessionCreator, ReuseSessionCreator, SessionCreatorAdapter
from tensorpack.tfutils.sessinit import JustCurrentSession
from tensorpack.train.trainers import BytePSTrainer, HorovodTrainer

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRIPT = os.path.join(ROOT, "tests", "scripts", "horovod_training.py")


@pytest.fixture
def stand_in(monkeypatch, tmp_path):
    """A function that installs the stand-in as a package; returns its module, of one process unless told otherwise."""

    def install(package="horovod", rank=0, size=1, **kwargs):
        horovod_stand_in.install(tmp_path, package, **kwargs)
        monkeypatch.syspath_prepend(str(tmp_path))
        for name, value in dict(RANK=rank, SIZE=size, DIRECTORY=tmp_path).items():
            monkeypatch.setenv("STAND_IN_" + name, str(value))
        return importlib.import_module(package + ".tensorflow")

    before = set(sys.modules)
    yield install
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in ("horovod", "byteps"):
            del sys.modules[name]


@pytest.fixture
def byteps_environment(monkeypatch):
    for name, value in dict(ROLE="worker", WORKER_ID=0, NUM_WORKER=1).items():
        monkeypatch.setenv("DMLC_" + name, str(value))


class MakesVariable(Callback):
    def _setup_graph(self):
        tf.get_variable("of_callback", [], trainable=False)
        tf.get_variable("local", [], trainable=False, collections=[tf.GraphKeys.LOCAL_VARIABLES])


# ---- one process ------------------------------------------------------------------------------------------------------

def test_queue_runners_start_with_the_variables_of_the_chief(stand_in):
    class Pipeline(Callback):
        def _setup_graph(self):
            number = tf.py_func(lambda: hvd.RUNS["broadcast_global_variables"], [], tf.int64)
            number.set_shape([])
            self.number = tf.train.batch([number], 1)[0]

        def _before_train(self):
            self.first = self.trainer.sess.run(self.number)

    hvd, pipeline = stand_in(), Pipeline()
    run(HorovodTrainer(), Model(OPTIMIZERS["sgd"]), batches(4), 4, [pipeline])
    assert pipeline.first >= 1  # 2 if the thread of the queue runner comes late, after the callbacks' broadcast


@pytest.mark.parametrize("every_epoch, num_broadcasts", [(True, 4), (False, 2)])
def test_the_calls_of_one_process(stand_in, log_records, every_epoch, num_broadcasts):
    hvd = stand_in()
    trainer = HorovodTrainer()
    assert trainer.hvd is hvd and trainer.is_chief and trainer.BROADCAST_EVERY_EPOCH is True and trainer.mpi_enabled() is True
    assert (trainer._rank, trainer._local_rank, trainer._average, trainer._compression) == (0, 0, True, None)
    assert hvd.CALLS == ["init"]
    trainer.BROADCAST_EVERY_EPOCH = every_epoch
    final = run(trainer, Model(OPTIMIZERS["sgd"]), batches(4), 4, [MakesVariable()], epochs=2)
    assert hvd.CALLS[1:] == [("broadcast_global_variables", 0, [
        "global_step", "table", "hidden/W", "hidden/b", "out/W", "out/b", "of_callback"])]
    assert hvd.RUNS == {"broadcast_global_variables": num_broadcasts}
    assert trainer.train_op is trainer.graph.get_operation_by_name("train_op") and trainer.towers[0].ns_name == ""
    assert "Broadcasting 7 variables ..." in messages(log_records, "INFO")
    expected = run_in_new_graph(SimpleTrainer, Model(OPTIMIZERS["sgd"]), batches(4), 4)
    del final.saved["of_callback"]
    assert_equal_values(final.saved, expected.saved)


def test_the_session_has_the_gpu_of_this_process_and_its_share_of_threads(stand_in):
    hvd = stand_in()
    hvd.local_rank, hvd.local_size = (lambda: 3), (lambda: 2)
    given = tf.ConfigProto(log_device_placement=False, intra_op_parallelism_threads=1)
    creator = NewSessionCreator(config=given)
    run_with(HorovodTrainer(), creator)
    assert creator.config.gpu_options.visible_device_list == "3"
    assert creator.config.inter_op_parallelism_threads == max(multiprocessing.cpu_count() // 2, 1)
    assert creator.config.intra_op_parallelism_threads == 1
    assert given.gpu_options.visible_device_list == ""


def run_with(trainer, creator):
    model = Model(OPTIMIZERS["sgd"])
    trainer.setup_graph(model.get_input_signature(), QueueInput(DataFromList(batches(1))), model.build_graph,
                        model.get_optimizer)
    trainer.setup_callbacks([], [])
    trainer.initialize(creator, JustCurrentSession())
    trainer.sess.close()


@pytest.mark.parametrize("make", [
    lambda: ReuseSessionCreator(tf.Session()), lambda: SessionCreatorAdapter(NewSessionCreator(), lambda sess: sess)],
    ids=["reuse", "adapter"])
def test_another_session_creator_is_refused(stand_in, make):
    stand_in()
    with pytest.raises(ValueError, match="HorovodTrainer.initialize: session_creator must be a NewSessionCreator"):
        run_with(HorovodTrainer(), make())


def test_mpi_is_not_enabled_where_horovod_cannot_tell(stand_in):
    del stand_in().mpi_enabled
    assert HorovodTrainer().mpi_enabled() is False


def test_pyarrow_that_was_imported_before_is_warned_of(stand_in, log_records, monkeypatch):
    stand_in()
    monkeypatch.setitem(sys.modules, "pyarrow", types.ModuleType("pyarrow"))
    HorovodTrainer()
    assert len([m for m in messages(log_records, "WARNING") if "pyarrow" in m]) == 1


@pytest.mark.parametrize("make, package", [(HorovodTrainer, "horovod"), (BytePSTrainer, "byteps")])
def test_a_missing_package_is_an_error_with_the_line_to_install_it(monkeypatch, make, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match="{} needs .*pip install {}".format(make.__name__, package)):
        make()


# ---- the graph of one of two processes ----------------------------------------------------------------------------------

@pytest.mark.parametrize("version, arguments, average, options", [
    ("0.28.1", {}, True, {}), ("0.28.1", {"average": False}, False, {}),
    ("0.28.1", {"compression": "fp16"}, True, {"compression": "fp16"}),
    ("0.15.0", {"compression": "fp16"}, True, {"compression": "fp16"}),
    ("0.14.1", {"compression": "fp16"}, True, {})], ids=str)
def test_each_gradient_is_reduced(stand_in, log_records, version, arguments, average, options):
    hvd = stand_in(rank=1, size=2, version=version)
    trainer = HorovodTrainer(**arguments)
    assert not trainer.is_chief
    variables = [tf.get_variable(name, [2]) for name in "ab"]
    pairs = trainer.allreduce([(tf.identity(v, name="grad_" + v.op.name), v) for v in variables])
    assert hvd.CALLS == ["init"] + [("allreduce", "grad_{}:0".format(name), average, options) for name in "ab"]
    assert [variable for _, variable in pairs] == variables
    assert all(gradient.op.name.startswith("AllReduce/") for gradient, _ in pairs)
    ignored = "compression" in arguments and not options
    assert len([m for m in messages(log_records, "WARNING") if "0.15" in m]) == ignored


def test_one_process_keeps_its_gradients(stand_in):
    hvd = stand_in()
    grads = [(tf.zeros([2]), tf.get_variable("v", [2]))]
    assert HorovodTrainer().allreduce(grads) is grads and hvd.CALLS == ["init"]


# ---- BytePS -------------------------------------------------------------------------------------------------------------

def test_byteps_is_the_same_with_another_module(stand_in, byteps_environment):
    bps = stand_in("byteps")
    trainer = BytePSTrainer(average=False)
    assert trainer.hvd is bps and bps.allreduce is bps.push_pull
    assert trainer.mpi_enabled() is False and trainer._average is False and trainer._compression is None
    final = run(trainer, Model(OPTIMIZERS["sgd"]), batches(4), 4)  # BROADCAST_EVERY_EPOCH is there
    assert bps.RUNS == {"broadcast_global_variables": 3}
    expected = run_in_new_graph(SimpleTrainer, Model(OPTIMIZERS["sgd"]), batches(4), 4)
    assert_equal_values(final.saved, expected.saved)


@pytest.mark.parametrize("change, message", [
    ({"DMLC_ROLE": None}, "DMLC_ROLE must be 'worker'.*got None"), ({"DMLC_ROLE": "server"}, "got 'server'"),
    ({"DMLC_WORKER_ID": None}, "DMLC_WORKER_ID"), ({"DMLC_NUM_WORKER": None}, "DMLC_NUM_WORKER")], ids=str)
def test_byteps_needs_its_environment(stand_in, byteps_environment, monkeypatch, change, message):
    bps = stand_in("byteps")
    for name, value in change.items():
        if value is None:
            monkeypatch.delenv(name)
        else:
            monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=message):
        BytePSTrainer()
    assert bps.CALLS == []


# ---- two processes --------------------------------------------------------------------------------------------------------

class TwoRanks:
    """What the ranks of each scenario of the script have left."""

    def __init__(self, run_program, directory):
        for package in ("horovod", "byteps"):
            horovod_stand_in.install(os.path.join(directory, "packages"), package)
        path = os.pathsep.join([ROOT, os.path.join(directory, "packages")])
        _, output = run_program(SCRIPT, directory, folder=ROOT, PYTHONPATH=path)
        self.directory = directory
        self.statuses = dict(re.findall(r"^(.*) (\[.*\])$", output, re.M))

    def log(self, scenario, rank):
        with open(os.path.join(self.directory, "{}-{}.log".format(scenario, rank))) as f:
            return f.read()

    def end(self, scenario):
        """Variables and facts of both ranks."""
        assert self.statuses[scenario] == "[0, 0]", self.log(scenario, 0)[-2000:] + self.log(scenario, 1)[-2000:]
        path = os.path.join(self.directory, scenario)
        variables, facts = [], []
        for rank in range(2):
            with np.load("{}-{}.npz".format(path, rank)) as content:
                variables.append(dict(content))
            with open("{}-{}.json".format(path, rank)) as f:
                facts.append(json.load(f))
        return variables, facts


@pytest.fixture(scope="module")
def two_ranks(run_program, tmp_path_factory):
    return TwoRanks(run_program, str(tmp_path_factory.mktemp("horovod")))


def one_process(optimizer, steps, scale=1.0):
    """The variables after training on the joined batches; `scale` is for gradients."""

    class Scaled(Model):
        def build_graph(self, *inputs):
            cost = super().build_graph(*inputs)
            return cost * scale

    restored = {"hidden/W": np.linspace(-1, 1, 20).reshape(5, 4).astype("float32")}
    return run_in_new_graph(SimpleTrainer, Scaled(OPTIMIZERS[optimizer]), batches(8), steps,
                            session_init=DictRestore(restored)).saved


@pytest.mark.parametrize("scenario, optimizer, steps, scale", [
    ("sgd", "sgd", 8, 1), ("first", "momentum", 8, 1), ("resumed", "momentum", 16, 1), ("sum", "adam", 8, 2),
    ("byteps", "sgd", 8, 1)], ids=str)
def test_two_ranks_are_one_with_twice_the_batch(two_ranks, scenario, optimizer, steps, scale):
    variables, facts = two_ranks.end(scenario)
    assert_equal_values(variables[1], variables[0], rtol=0, atol=0)
    assert_equal_values(variables[0], one_process(optimizer, steps, scale), rtol=1e-4, atol=1e-5)
    assert [(f["size"], f["last_step"]) for f in facts] == [(2, steps)] * 2


def test_all_ranks_broadcast_at_the_start_and_after_each_epoch(two_ranks):
    _, facts = two_ranks.end("sgd")
    for fact in facts:
        assert fact["runs"] == {"broadcast_global_variables": 4, "broadcast": 3, "allreduce": 5 * 8 + 2}


def test_only_the_chief_restores_saves_and_validates(two_ranks):
    two_ranks.end("sgd")
    assert "From the dict: loaded 1" in two_ranks.log("sgd", 0) and "From the dict" not in two_ranks.log("sgd", 1)
    assert "Left to the chief: DictRestore." in two_ranks.log("sgd", 1)
    assert "Rank 1 waits for the variables of the chief" in two_ranks.log("sgd", 1)
    assert "Left to the chief: ModelSaver" in two_ranks.log("sgd", 1)
    with open(os.path.join(two_ranks.directory, "sgd", "stats.json")) as f:
        assert [(row["epoch_num"], row["global_step"], "validation_cost" in row) for row in json.load(f)] == [
            (1, 4, True), (2, 8, True)]


def test_all_ranks_resume_at_the_epoch_of_the_chief_which_alone_has_a_log_directory(two_ranks):
    _, facts = two_ranks.end("resumed")
    assert [fact["epochs"] for fact in facts] == [[[3, 8], [4, 12]]] * 2
    assert "Training starts at epoch 3, as on rank 0" in two_ranks.log("resumed", 1)
    with open(os.path.join(two_ranks.directory, "first", "stats.json")) as f:
        assert [row["epoch_num"] for row in json.load(f)] == [1, 2, 3, 4]


@pytest.mark.parametrize("scenario, of_others", [("rate", 0.5), ("rate by BytePS", 0.5), ("rate of chief", 1)])
def test_all_ranks_that_have_the_setter_train_with_the_rate_that_the_chief_has_chosen(two_ranks, scenario, of_others):
    _, facts = two_ranks.end(scenario)
    assert [fact["rates"] for fact in facts] == [[1] * 8 + [0.5] * 8, [1] * 8 + [of_others] * 8]


def test_ranks_draw_different_random_numbers(two_ranks):
    _, facts = two_ranks.end("sgd")
    assert facts[0]["first_draw"] != facts[1]["first_draw"]


def test_ranks_that_mean_to_make_different_numbers_of_steps_end_with_an_error(two_ranks):
    assert two_ranks.statuses["unequal"] == "[1, 1]"
    assert "max_epoch and steps_per_epoch; got 2 and 5 on rank 1, 2 and 4 on rank 0" in two_ranks.log("unequal", 1)


@pytest.mark.parametrize("scenario, steps, stopping", [
    ("stopped by chief", 8, [0]), ("stopped by other", 8, [1]), ("stopped at the start", 0, [1]),
    ("stopped at the end", 8, [0]), ("stopped together", 4, [0, 1])], ids=str)
def test_a_rank_that_stops_between_epochs_stops_all(two_ranks, scenario, steps, stopping):
    variables, facts = two_ranks.end(scenario)
    assert_equal_values(variables[1], variables[0], rtol=0, atol=0)
    assert [fact["last_step"] for fact in facts] == [steps] * 2
    for rank in range(2):
        log = two_ranks.log(scenario, rank)
        assert ("ends here: enough" in log) == (rank in stopping)
        told = rank not in stopping and scenario != "stopped at the end"  # where the other one is done, too
        assert ("ends here: another process has stopped: rank {}".format(stopping[0]) in log) == told
