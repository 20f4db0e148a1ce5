"""Checkpoints: their files, what happens to them when a run restarts, dies or cannot write, and the best ones."""
import itertools
import json
import os
import re
import signal
import time

import numpy as np
import pytest
from saved_files import BIG, FullDiskFor, saved_value
from small_training import Call, PutEachEpoch, messages, strict_json, train, train_in_new_graph

from tensorpack.callbacks._resume import read_entries, starting_epoch_after
from tensorpack.callbacks.base import Callback, StopTraining
from tensorpack.callbacks.monitor import JSONWriter
from tensorpack.callbacks.saver import MaxSaver, MinSaver, ModelSaver
from tensorpack.callbacks.trigger import PeriodicTrigger
from tensorpack.compat import new_checkpoint_reader
from tensorpack.compat import tfv1 as tf


def files(directory):
    return sorted(name for name in os.listdir(directory) if name != "log.log")


def checkpoints(directory):
    return sorted(int(name[len("model-"):-len(".index")]) for name in os.listdir(directory)
                  if re.match(r"model-\d+\.index$", name))


def listed(directory):
    state = tf.train.get_checkpoint_state(directory)
    return [os.path.basename(path) for path in state.all_model_checkpoint_paths]


# ---- ModelSaver -------------------------------------------------------------------------------------------------------

def test_files_and_names(log_dir):
    train([ModelSaver()])
    names = files(log_dir)
    graphs = [name for name in names if name.startswith("graph-")]
    assert len(graphs) == 1 and re.match(r"graph-\d{4}-\d{6}\.meta$", graphs[0])
    assert [n for n in names if n not in graphs] == [
        "checkpoint", "model-4.data-00000-of-00001", "model-4.index", "model-8.data-00000-of-00001", "model-8.index",
        "resume.json"]
    with open(os.path.join(log_dir, "checkpoint")) as f:
        assert f.read() == ('model_checkpoint_path: "model-8"\nall_model_checkpoint_paths: "model-4"\n'
                            'all_model_checkpoint_paths: "model-8"\n')
    reader = new_checkpoint_reader(os.path.join(log_dir, "model-8"))
    assert sorted(reader.get_variable_to_shape_map()) == ["global_step", "v"]
    assert reader.get_tensor("global_step") == 8 and saved_value(log_dir, "model-4") == 4


def test_the_graph_file_has_the_graph_and_its_collections(log_dir):
    train([ModelSaver()], epochs=0)
    (name,) = [name for name in files(log_dir) if name.endswith(".meta")]
    with tf.Graph().as_default() as graph:
        tf.train.import_meta_graph(os.path.join(log_dir, name))
        assert [v.op.name for v in tf.global_variables()] == ["v", "global_step"]
        assert graph.get_operation_by_name("ModelSaver/save/SaveV2")
    assert len(tf.get_collection(tf.GraphKeys.SAVERS)) == 1


def test_two_graph_files_of_one_second_do_not_collide(log_dir):
    for _ in range(3):
        train_in_new_graph([ModelSaver()], epochs=0)
    assert len([name for name in files(log_dir) if name.endswith(".meta")]) == 3


def test_checkpoints_of_another_training_that_will_be_replaced_are_told(log_dir, log_records):
    def told():
        return ["model-8" in r.getMessage() for r in log_records if "checkpoints of an earlier training" in r.getMessage()]

    train_in_new_graph([ModelSaver(), ModelSaver()])
    assert told() == []
    train_in_new_graph([ModelSaver()])
    assert told() == [True]


def test_the_best_weights_of_another_training_that_will_be_replaced_are_told(log_dir, log_records):
    for count in 0, 1:
        train_in_new_graph([PutEachEpoch("error", {1: 0.5}), MinSaver("error")])
        told = [r.getMessage() for r in log_records if "is of an earlier training" in r.getMessage()]
        assert len(told) == count and all(os.path.join(log_dir, "min-error") in message for message in told)


def test_constructor_arguments(tmp_path):
    directory = str(tmp_path / "a" / "b")
    tf.get_variable("other", [], collections=["mine", tf.GraphKeys.GLOBAL_VARIABLES])
    train([ModelSaver(checkpoint_dir=directory, var_collections=["mine", tf.GraphKeys.GLOBAL_STEP, "mine"])], epochs=1)
    reader = new_checkpoint_reader(os.path.join(directory, "model-4"))
    assert sorted(reader.get_variable_to_shape_map()) == ["global_step", "other"]


def test_a_single_collection_key_is_accepted(log_dir):
    train([ModelSaver(var_collections=tf.GraphKeys.GLOBAL_STEP)], epochs=1)
    assert list(new_checkpoint_reader(os.path.join(log_dir, "model-4")).get_variable_to_shape_map()) == ["global_step"]


@pytest.mark.parametrize("make", [ModelSaver, lambda: MinSaver("x"), lambda: MaxSaver("x")], ids=["model", "min", "max"])
def test_without_a_directory_construction_works_and_graph_setup_does_not(make):
    callback = make()
    with pytest.raises(RuntimeError, match="directory.*set_logger_dir"):
        train([callback])


def test_no_variables_is_an_error(log_dir):
    with pytest.raises(ValueError, match="variables to save.*nothing"):
        train([ModelSaver(var_collections="nothing")])


def test_on_error_is_checked():
    with pytest.raises(ValueError, match="'log' or 'raise'"):
        ModelSaver(on_error="ignore")


def test_max_to_keep(log_dir):
    train([ModelSaver(max_to_keep=2)], epochs=5)
    assert checkpoints(log_dir) == [16, 20] and listed(log_dir) == ["model-16", "model-20"]
    assert sorted(read_entries(log_dir)) == ["model-12", "model-16", "model-20"]  # one more: written before the deletion


@pytest.mark.parametrize("number, kept", [(1, [12]), (2, [8, 12])])
def test_old_checkpoints_are_managed_after_a_restart(log_dir, number, kept):
    train_in_new_graph([ModelSaver(max_to_keep=number)], epochs=2)
    train_in_new_graph([ModelSaver(max_to_keep=number)], epochs=3, starting_epoch=3, restore=os.path.join(log_dir, "model-8"))
    assert checkpoints(log_dir) == kept and listed(log_dir) == ["model-{}".format(step) for step in kept]


def test_checkpoints_of_another_run_are_not_deleted(log_dir):
    train_in_new_graph([ModelSaver()], epochs=3)
    train_in_new_graph([ModelSaver(max_to_keep=1)], epochs=1, steps=1)
    assert checkpoints(log_dir) == [1, 4, 8, 12] and listed(log_dir) == ["model-1"]


def test_a_run_that_starts_from_elsewhere_takes_over_no_checkpoints(log_dir, tmp_path):
    directory = str(tmp_path / "other")
    train_in_new_graph([ModelSaver(checkpoint_dir=directory)], epochs=3)
    train_in_new_graph([ModelSaver()], epochs=2)
    train_in_new_graph([ModelSaver(max_to_keep=1)], epochs=1, restore=os.path.join(directory, "model-12"))
    assert checkpoints(log_dir) == [4, 8, 16]


def test_checkpoints_after_the_restored_one_are_left_alone(log_dir):
    train_in_new_graph([ModelSaver()], epochs=3)
    train_in_new_graph([ModelSaver(max_to_keep=1)], epochs=2, steps=1, starting_epoch=2,
                       restore=os.path.join(log_dir, "model-4"))
    assert checkpoints(log_dir) == [5, 8, 12] and listed(log_dir) == ["model-5"]


@pytest.mark.parametrize("schedule, expected", [
    (lambda saver: saver, {"model-4": 2, "model-8": 3}),
    (lambda saver: PeriodicTrigger(saver, every_k_steps=3), {"model-3": 1, "model-6": 2}),
    (lambda saver: PeriodicTrigger(saver, every_k_steps=4), {"model-4": 2, "model-8": 3}),
    (lambda saver: PeriodicTrigger(saver, every_k_epochs=2, before_train=True), {"model-0": 1, "model-8": 3}),
], ids=["epochs", "inside epochs", "last steps", "before training"])
def test_the_epoch_of_each_checkpoint_is_recorded(log_dir, schedule, expected):
    train([schedule(ModelSaver())])
    assert {name: starting_epoch_after(os.path.join(log_dir, name)) for name in expected} == expected
    assert sorted(read_entries(log_dir)) == sorted(expected)


def test_the_epoch_is_recorded_before_the_checkpoint_becomes_the_newest(log_dir):
    saver, seen = ModelSaver(), []

    def watch(cb):
        original = saver._saver.save

        def save(*args, **kwargs):
            seen.append((starting_epoch_after(os.path.join(log_dir, "model-4")), "checkpoint" in files(log_dir)))
            return original(*args, **kwargs)

        saver._saver.save = save

    train([saver, Call(before_train=watch)], epochs=1)
    assert seen == [(2, False)]


def test_a_checkpoint_is_not_listed_while_it_is_overwritten(log_dir):
    """Its files are not replaced at one moment: a crash in between must leave another newest one."""
    saver, during = ModelSaver(), []

    def save_again(cb):
        original = saver._saver.save
        saver._saver.save = lambda *args, **kwargs: [during.append(listed(log_dir)), original(*args, **kwargs)]
        saver.trigger()
        saver._saver.save = original

    train([saver, Call(trigger_epoch=save_again)])
    assert during == [["model-4"], ["model-4"]]  # the first checkpoint has none before it
    assert listed(log_dir) == ["model-4", "model-8"]
    with open(os.path.join(log_dir, "checkpoint")) as f:
        assert log_dir not in f.read()


def test_what_a_killed_save_left_behind_is_removed(log_dir):
    for name in ("model-4.data-00000-of-00001.tempstate123456", "notes.tempstate123456", ".min-x.tmp-abc",
                 "checkpoint.tmp0123abc", ".resume.json.0123456789ab.tmp", ".stats.json.0123456789ab.tmp"):
        (os.mkdir if name.startswith(".min") else lambda path: open(path, "w").close())(os.path.join(log_dir, name))
    train([ModelSaver(), MinSaver("x")], epochs=0)
    assert [name for name in files(log_dir) if "t" in name and not name.startswith("graph")] == ["notes.tempstate123456"]


def test_a_full_disk_is_logged_and_the_last_good_checkpoint_stays(log_dir, log_records):
    train([FullDiskFor(ModelSaver(), [2])], epochs=2, size=BIG)
    assert checkpoints(log_dir) == [4] and listed(log_dir) == ["model-4"]
    assert not [name for name in files(log_dir) if name.startswith("model-8")]
    assert saved_value(log_dir, "model-4") == 4
    (record,) = [r for r in log_records if r.levelname == "ERROR"]
    assert "model-8" in record.getMessage() and record.exc_info


def test_saving_goes_on_when_there_is_room_again(log_dir):
    train([FullDiskFor(ModelSaver(), [1, 2])], epochs=3, size=BIG)
    assert listed(log_dir) == ["model-12"] and saved_value(log_dir, "model-12") == 12


def test_on_error_raise(log_dir):
    with pytest.raises(RuntimeError, match="cannot save .*model-4"):
        train([FullDiskFor(ModelSaver(on_error="raise"), [1])], size=BIG)


def test_a_directory_that_was_deleted_is_made_again(log_dir, tmp_path):
    directory = str(tmp_path / "elsewhere")
    train([Call(trigger_epoch=lambda cb: os.rename(directory, directory + "-{}".format(cb.epoch_num))),
           ModelSaver(checkpoint_dir=directory)], epochs=1)
    assert checkpoints(directory) == [4]


@pytest.mark.parametrize("make", [ModelSaver, lambda **kwargs: MinSaver("x", **kwargs)], ids=["model", "min"])
def test_a_directory_that_cannot_be_made_is_an_error_before_training(tmp_path, make):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="cannot be made"):
        train([make(checkpoint_dir=str(tmp_path / "file" / "below"))])


def test_a_directory_that_cannot_be_made_again_is_logged(tmp_path, log_records):
    directory = str(tmp_path / "elsewhere")

    def replace_by_file(cb):
        os.rename(directory, directory + "-moved")
        open(directory, "w").close()

    train([Call(trigger_epoch=replace_by_file), ModelSaver(checkpoint_dir=directory)], epochs=1)
    assert len(messages(log_records, "ERROR")) == 1


KILLED_RUN = """
import os, sys, threading, time
sys.path.insert(0, {folder!r})
from small_training import PutEachEpoch, train
from tensorpack.callbacks.monitor import JSONWriter
from tensorpack.callbacks.saver import MinSaver, ModelSaver
from tensorpack.train._resume import find_checkpoint, find_starting_epoch
from tensorpack.utils import logger
logger.set_logger_dir({log_dir!r}, "k")
path = find_checkpoint({log_dir!r}) if len(sys.argv) > 1 else None
epoch = 1 if path is None else find_starting_epoch(path)[0]
print("starts at", epoch, path)
values = {{n: 1.0 / n for n in range(1, 10000)}}
train([ModelSaver(max_to_keep=3), PutEachEpoch("x", values), MinSaver("x")], [JSONWriter()], steps=5,
      epochs=int(sys.argv[2]) if len(sys.argv) > 2 else 10000, starting_epoch=epoch, restore=path, size=20000)
print("finished")
"""


def test_after_kill_9_at_any_moment_the_run_goes_on_without_a_gap(start_program, run_program, tmp_path):
    log_dir = str(tmp_path / "log")
    script = KILLED_RUN.format(folder=os.path.dirname(__file__), log_dir=log_dir)
    arguments = []
    for delay in (0.15, 0.61):
        program = start_program("-c", script, *arguments, folder=tmp_path)
        program.wait_until(lambda program=program: program.text().count("Start Epoch") >= 3)
        time.sleep(delay)
        program.kill()
        assert program.returncode == -signal.SIGKILL, program.text()[-3000:]
        strict_json(os.path.join(log_dir, "stats.json"))
        arguments = ["resume"]
    newest = max(record["epoch_num"] for record in strict_json(os.path.join(log_dir, "stats.json")))
    _, output = run_program("-c", script, "resume", newest + 3, folder=tmp_path)
    assert "finished" in output, output
    records = strict_json(os.path.join(log_dir, "stats.json"))
    epochs = [record["epoch_num"] for record in records]
    # the moment between a checkpoint and the statistics of its epoch costs one record, and no other moment costs any
    assert epochs == sorted(set(epochs)) and len(epochs) >= newest + 3 - 2
    assert all(record["global_step"] == 5 * record["epoch_num"] for record in records)
    assert saved_value(log_dir, "model-{}".format(5 * (newest + 3))) == 5 * (newest + 3)
    # 3, and for each kill perhaps one that was complete but not listed yet, or no longer listed but not yet deleted
    assert len(checkpoints(log_dir)) <= 5
    assert not [name for name in os.listdir(log_dir) if "tempstate" in name or name.startswith(".min")]


# ---- MinSaver, MaxSaver -----------------------------------------------------------------------------------------------

VALUES = {1: .5, 2: .2, 3: .4, 4: .3}


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
@pytest.mark.parametrize("make, best", [(lambda: MinSaver("val/err"), 2), (lambda: MaxSaver("val/err"), 1)],
                         ids=["min", "max"])
@pytest.mark.parametrize("last_epoch", [2, 4])
def test_the_weights_of_the_best_epoch_are_saved_in_any_order_of_callbacks(log_dir, order, make, best, last_epoch):
    callbacks = [ModelSaver(), PutEachEpoch("val/err", VALUES), make()]
    train([callbacks[i] for i in order], epochs=last_epoch)
    name = "min-val-err" if best == 2 else "max-val-err"
    assert [n for n in files(log_dir) if name in n] == [name + ".data-00000-of-00001", name + ".index"]
    assert saved_value(log_dir, name) == 4 * best
    assert new_checkpoint_reader(os.path.join(log_dir, name)).get_tensor("global_step") == 4 * best
    assert name not in " ".join(listed(log_dir))


def test_saving_the_best_is_logged(log_dir, log_records):
    train([PutEachEpoch("err", {1: 1 / 3.}), MinSaver("err")], epochs=1)
    assert any("global_step=4" in m and "err=0.33333" in m for m in messages(log_records, "INFO"))


def test_a_statistic_that_never_comes_is_reported_with_near_names_and_at_the_end(log_dir, log_records):
    train([PutEachEpoch("val_err", VALUES), MinSaver("val_eror")], epochs=4)
    warnings = [m for m in messages(log_records, "WARNING") if "val_eror" in m]
    assert len(warnings) == 2 and "near names are 'val_err'" in warnings[0] and "has done nothing" in warnings[1]


def test_no_model_saver_is_needed(log_dir):
    train([MinSaver("err"), PutEachEpoch("err", VALUES)], epochs=4)
    assert saved_value(log_dir, "min-err") == 8 and not os.path.exists(os.path.join(log_dir, "checkpoint"))


def test_the_variables_of_the_model_saver_are_saved(log_dir):
    saver = ModelSaver(var_collections="global_step")
    train([MinSaver("err"), PutEachEpoch("err", VALUES), PeriodicTrigger(saver, every_k_epochs=3)])
    assert list(new_checkpoint_reader(os.path.join(log_dir, "min-err")).get_variable_to_shape_map()) == ["global_step"]


def test_a_model_saver_in_the_run_means_no_second_set_of_save_operations(log_dir):
    train([MinSaver("err"), ModelSaver()], epochs=0)
    assert len([op for op in tf.get_default_graph().get_operations() if op.type == "SaveV2"]) == 1
    assert len(tf.get_collection(tf.GraphKeys.SAVERS)) == 1


@pytest.mark.parametrize("arguments, name", [
    (dict(filename="best"), "best"), (dict(filename="a/b"), "a-b"), (dict(reverse=True), "max-err"), (dict(), "min-err")],
    ids=str)
def test_names(log_dir, tmp_path, arguments, name):
    directory = str(tmp_path / "best")
    train([PutEachEpoch("err", {1: 1}), MinSaver("err", checkpoint_dir=directory, **arguments)], epochs=1)
    assert sorted(os.listdir(directory)) == [name + ".data-00000-of-00001", name + ".index", "resume.json"]
    assert read_entries(directory)[name] == {
        "epoch_num": 1, "epoch_finished": True, "global_step": 4, "values": {"4": 1}}


def test_values_that_are_not_finite_are_no_candidates(log_dir):
    nan, inf = float("nan"), float("inf")
    train([PutEachEpoch("err", {1: nan, 2: -inf, 3: .5, 4: nan, 5: .4}), MinSaver("err")], epochs=5)
    assert saved_value(log_dir, "min-err") == 20


def test_only_a_strictly_better_value_is_saved(log_dir):
    train([PutEachEpoch("err", {1: .5, 2: .5}), MinSaver("err")])
    assert saved_value(log_dir, "min-err") == 4


def test_step_4_is_not_taken_for_step_14(log_dir):
    train([ModelSaver(), PutEachEpoch("err", {2: .1}), MinSaver("err")], steps=7)
    assert saved_value(log_dir, "min-err") == 14


def test_a_value_whose_weights_are_gone_is_warned_of_and_does_not_become_the_best(log_dir, log_records):
    def put_inside(cb):
        if cb.global_step == 2:
            cb.trainer.monitors.put_scalar("err", .1)

    train([Call(trigger_step=put_inside), PutEachEpoch("err", {2: .3}), MinSaver("err")])
    assert saved_value(log_dir, "min-err") == 8
    assert len([m for m in messages(log_records, "WARNING") if "0.1" in m and "global_step 2" in m]) == 1


def test_triggered_by_steps_before_the_statistic_is_put(log_dir):
    values = {2: .5, 4: .1, 6: .3}

    def put(cb):
        if cb.global_step in values:
            cb.trainer.monitors.put_scalar("err", values[cb.global_step])

    train([PeriodicTrigger(MinSaver("err"), every_k_steps=2), Call(trigger_step=put)], steps=6, epochs=1)
    assert saved_value(log_dir, "min-err") == 4


def test_the_last_epoch_counts_when_training_is_stopped(log_dir):
    class Stop(Callback):
        def _trigger(self):
            raise StopTraining("now")

    train([MinSaver("err"), PutEachEpoch("err", {1: 1}), Stop()])
    assert saved_value(log_dir, "min-err") == 4


def test_a_full_disk_keeps_the_best_so_far(log_dir, log_records):
    train([PutEachEpoch("err", {1: .5, 2: .3, 3: .4}), FullDiskFor(MinSaver("err"), [2])], epochs=3, size=BIG)
    assert saved_value(log_dir, "min-err") == 12  # better than that of epoch 1, which stayed the best on disk in between
    assert len(messages(log_records, "ERROR")) == 1
    assert not [name for name in os.listdir(log_dir) if name.startswith(".")]


def run_with_statistics(epochs, values, **kwargs):
    train_in_new_graph([ModelSaver(), PutEachEpoch("err", values), MinSaver("err")], [JSONWriter()], epochs=epochs, **kwargs)


@pytest.mark.parametrize("value, expected", [(.3, 8), (.1, 12)], ids=["worse", "better"])
def test_the_best_value_survives_a_restart(log_dir, value, expected):
    run_with_statistics(2, VALUES)
    run_with_statistics(3, {3: value}, starting_epoch=3, restore=os.path.join(log_dir, "model-8"))
    assert saved_value(log_dir, "min-err") == expected


def test_the_best_value_is_that_of_the_files_not_the_best_ever_seen(log_dir):
    """A value between those of two triggers was never saved, it must not keep others from being saved."""
    def run(epochs, values, **kwargs):
        train_in_new_graph([ModelSaver(), PutEachEpoch("err", values), PeriodicTrigger(MinSaver("err"), every_k_epochs=2)],
                           [JSONWriter()], epochs=epochs, **kwargs)

    run(3, {1: .5, 2: .4, 3: .1})
    run(4, {4: .2}, starting_epoch=4, restore=os.path.join(log_dir, "model-12"))
    assert saved_value(log_dir, "min-err") == 16


@pytest.mark.parametrize("restart", [
    dict(), dict(starting_epoch=9, restore="model-8")], ids=["from scratch", "at an unrelated epoch"])
def test_the_best_value_of_another_run_does_not_count(log_dir, restart):
    run_with_statistics(2, VALUES)
    if "restore" in restart:
        restart = dict(restart, restore=os.path.join(log_dir, restart["restore"]))
    first = restart.get("starting_epoch", 1)
    run_with_statistics(first, {first: 100}, steps=1, **restart)
    assert saved_value(log_dir, "min-err") == (9 if "restore" in restart else 1)


@pytest.mark.parametrize("moved", [[], ["data-00000-of-00001"]], ids=["all files are missing", "the index is missing"])
def test_a_replacement_of_the_best_files_that_was_interrupted_is_finished(log_dir, moved):
    run_with_statistics(2, VALUES)
    scratch = os.path.join(log_dir, ".min-err.tmp-0123456789ab")
    os.mkdir(scratch)
    for suffix in {"data-00000-of-00001", "index"} - set(moved):
        os.rename(os.path.join(log_dir, "min-err." + suffix), os.path.join(scratch, "min-err." + suffix))
    run_with_statistics(3, {3: .3}, starting_epoch=3, restore=os.path.join(log_dir, "model-8"))
    assert saved_value(log_dir, "min-err") == 8
    assert not [name for name in os.listdir(log_dir) if name.startswith(".")]


def test_an_interrupted_save_that_was_not_complete_leaves_the_files_before(log_dir):
    run_with_statistics(2, VALUES)
    os.mkdir(os.path.join(log_dir, ".min-err.tmp-0123456789ab"))
    open(os.path.join(log_dir, ".min-err.tmp-0123456789ab", "min-err.index"), "w").close()
    run_with_statistics(3, {3: .3}, starting_epoch=3, restore=os.path.join(log_dir, "model-8"))
    assert saved_value(log_dir, "min-err") == 8
    assert not [name for name in os.listdir(log_dir) if name.startswith(".")]


@pytest.mark.parametrize("value, expected", [(.3, 8), (.1, 12)], ids=["worse", "better"])
def test_the_best_value_survives_a_kill_before_the_statistics_were_written(log_dir, value, expected):
    run_with_statistics(2, VALUES)
    path = os.path.join(log_dir, "stats.json")
    records = strict_json(path)
    del records[1]["err"]
    with open(path, "w") as f:
        json.dump(records, f)
    run_with_statistics(3, {3: value}, starting_epoch=3, restore=os.path.join(log_dir, "model-8"))
    assert saved_value(log_dir, "min-err") == expected


@pytest.mark.parametrize("first", [1, 2])
def test_a_best_model_that_could_not_be_saved_is_saved_at_the_restart(log_dir, first):
    """As after a kill while it was saved: its weights are those of the newest checkpoint."""
    values = {first: .5, 2: .2}
    train_in_new_graph([ModelSaver(), PutEachEpoch("err", values), FullDiskFor(MinSaver("err"), [2])], [JSONWriter()], size=BIG)
    assert os.path.exists(os.path.join(log_dir, "min-err.index")) == (first == 1)
    run_with_statistics(3, {3: .3}, starting_epoch=3, restore=os.path.join(log_dir, "model-8"), size=BIG)
    assert saved_value(log_dir, "min-err") == 8


def test_a_damaged_best_file_falls_back_on_the_best_of_the_history(log_dir):
    run_with_statistics(2, VALUES)
    with open(os.path.join(log_dir, "min-err.index"), "wb") as f:
        f.write(b"damaged")
    run_with_statistics(3, {3: .3}, starting_epoch=3, restore=os.path.join(log_dir, "model-8"))
    with open(os.path.join(log_dir, "min-err.index"), "rb") as f:
        assert f.read() == b"damaged"


def test_a_better_checkpoint_never_has_the_data_of_another_index(log_dir, monkeypatch):
    """Killed while the files are replaced: either the index is missing, or it belongs to the data."""
    states = []
    original = tf.gfile.Rename

    def rename(source, target, overwrite=False):
        states.append(sorted(n for n in os.listdir(log_dir) if n.startswith("min-err")))
        return original(source, target, overwrite=overwrite)

    monkeypatch.setattr(tf.gfile, "Rename", rename)
    train([PutEachEpoch("err", {1: .5, 2: .3}), MinSaver("err")])
    assert states == [[], ["min-err.data-00000-of-00001"]] + [["min-err.data-00000-of-00001"]] * 2
    assert np.isclose(saved_value(log_dir, "min-err"), 8)
