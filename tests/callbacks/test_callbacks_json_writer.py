"""`JSONWriter`: what is in `stats.json`, when it is written, and what a restarted run makes of it."""
import glob
import json
import math
import os

import numpy as np
import pytest
from small_training import Call, PutEachEpoch, fail, messages, strict_json, train, train_in_new_graph

from tensorpack.callbacks._monitors import json_stats
from tensorpack.callbacks._monitors.json_stats import StatsFile, encode, records_to_keep, with_missing
from tensorpack.callbacks.base import StopTraining
from tensorpack.callbacks.monitor import JSONWriter, TFEventWriter
from tensorpack.callbacks.saver import ModelSaver
from tensorpack.callbacks.summary import MergeAllSummaries
from tensorpack.callbacks.trigger import PeriodicTrigger
from tensorpack.compat import tfv1 as tf


def stats(log_dir):
    return strict_json(os.path.join(log_dir, "stats.json"))


def backups(log_dir):
    return sorted(glob.glob(os.path.join(log_dir, "stats.json.*")))


def test_one_object_per_epoch_with_epoch_and_step_last(log_dir):
    train([PutEachEpoch("b", {1: 1, 2: 2}), PutEachEpoch("a", {1: .5, 2: .25})], [JSONWriter()])
    assert stats(log_dir) == [{"b": 1, "a": .5, "epoch_num": 1, "global_step": 4},
                              {"b": 2, "a": .25, "epoch_num": 2, "global_step": 8}]
    assert all(list(record)[-2:] == ["epoch_num", "global_step"] for record in stats(log_dir))


def test_objects_at_all_flush_moments(log_dir):
    train([Call(before_train=lambda cb: cb.trainer.monitors.put_scalar("start", 0),
                trigger_step=lambda cb: cb.trainer.monitors.put_scalar("step", cb.local_step),
                trigger_epoch=lambda cb: cb.trainer.monitors.put_scalar("epoch", 1))], [JSONWriter()], steps=3, epochs=1,
          starting_epoch=1)
    assert stats(log_dir) == [
        {"start": 0, "epoch_num": 0, "global_step": 0},
        {"step": 0, "epoch_num": 1, "global_step": 1},
        {"step": 1, "epoch_num": 1, "global_step": 2},
        {"step": 2, "epoch": 1, "epoch_num": 1, "global_step": 3}]


def test_the_object_of_an_epoch_is_there_when_its_checkpoint_is_and_complete_at_its_end(log_dir):
    seen = []
    train([PutEachEpoch("before", {1: 1, 2: 2}), ModelSaver(), Call(trigger_epoch=lambda cb: seen.append(stats(log_dir)[-1])),
           PutEachEpoch("after", {1: 10})], [JSONWriter()])
    assert seen == [{"before": 1, "epoch_num": 1, "global_step": 4}, {"before": 2, "epoch_num": 2, "global_step": 8}]
    assert stats(log_dir) == [{"before": 1, "after": 10, "epoch_num": 1, "global_step": 4}, seen[1]]
    assert list(stats(log_dir)[0]) == ["before", "after", "epoch_num", "global_step"]


def test_nothing_put_means_no_file(log_dir):
    train([], [JSONWriter()])
    assert not os.path.exists(os.path.join(log_dir, "stats.json"))


TWO_SAVERS = {
    "two savers": lambda: [ModelSaver(), ModelSaver(), PutEachEpoch("late", {1: 1., 2: 2.})],
    "steps and epochs": lambda: [PeriodicTrigger(ModelSaver(), every_k_steps=2, every_k_epochs=1),
                                 PutEachEpoch("late", {1: 1., 2: 2.})],
    "put between": lambda: [ModelSaver(), PutEachEpoch("early", {1: 3., 2: 3.}), ModelSaver(),
                            PutEachEpoch("late", {1: 1., 2: 2.})],
    "put at the end": lambda: [ModelSaver(), PutEachEpoch("late", {1: 1., 2: 2.}),
                               Call(after_train=lambda cb: cb.trainer.monitors.put_scalar("end", 7.))],
}


@pytest.mark.parametrize("case", sorted(TWO_SAVERS))
def test_an_epoch_has_one_object_however_often_checkpoints_are_written(log_dir, case):
    train(TWO_SAVERS[case](), [JSONWriter()])
    found = stats(log_dir)
    assert [(each["epoch_num"], each["global_step"], each["late"]) for each in found] == [(1, 4, 1.), (2, 8, 2.)]
    assert [list(each)[-2:] for each in found] == [["epoch_num", "global_step"]] * 2
    assert found[1].get("end") == (7. if case == "put at the end" else None)


def test_checkpoints_without_scalars_make_no_objects(log_dir):
    train([PeriodicTrigger(ModelSaver(), every_k_steps=2, every_k_epochs=1)], [JSONWriter()])
    assert not os.path.exists(os.path.join(log_dir, "stats.json"))


def test_nan_and_infinities_are_null_in_the_file_and_themselves_in_the_history(log_dir):
    values = {1: float("nan"), 2: float("inf"), 3: -np.float32("inf"), 4: 1}
    trainer = train([PutEachEpoch("x", values)], [JSONWriter()], epochs=4)
    assert [record["x"] for record in stats(log_dir)] == [None, None, None, 1]
    values = [value for _, value in trainer.monitors.get_history("x")]
    assert math.isnan(values[0]) and values[1:3] == [math.inf, -math.inf]


def test_the_first_nan_of_a_statistic_is_warned_of_with_what_ends_such_a_training(log_dir, log_records):
    train([PutEachEpoch("x", {1: 1, 2: math.nan, 3: math.nan}), PutEachEpoch("y", {3: math.inf})], [JSONWriter()], epochs=3)
    warning, = [record.getMessage() for record in log_records if "NaN" in record.getMessage()]
    assert warning.startswith("Statistic 'x' is NaN at global step 8,") and "TerminateOnNaN(" in warning


def test_names_that_the_format_uses_itself_do_not_disturb_it(log_dir):
    train([PutEachEpoch(name, {1: 77}) for name in ("global_step", "x", "epoch_num")], [JSONWriter()], epochs=1)
    assert list(stats(log_dir)[0].items()) == [("x", 77), ("epoch_num", 1), ("global_step", 4)]


def test_a_non_scalar_given_to_the_writer_is_skipped_with_one_warning(log_dir, log_records):
    writer = JSONWriter()
    values = {"vector": np.zeros(3), "n": np.float32(2)}
    train([Call(trigger_epoch=lambda cb: [writer.process_scalar(*item) for item in values.items()])], [writer])
    assert [record["n"] for record in stats(log_dir)] == [2, 2] and "vector" not in stats(log_dir)[0]
    assert len([m for m in messages(log_records, "WARNING") if "vector" in m]) == 1


def stop(cb):
    cb.trainer.monitors.put_scalar("last", cb.global_step)
    raise StopTraining("enough")


@pytest.mark.parametrize("end, error", [(stop, None), (fail, ValueError)], ids=["StopTraining", "error"])
def test_what_is_pending_when_training_ends_is_written(log_dir, end, error):
    callback = Call(trigger_step=end, after_train=lambda cb: cb.trainer.monitors.put_scalar("after", 9))
    if error is None:
        train([callback], [JSONWriter()])
    else:
        with pytest.raises(error):
            train([callback], [JSONWriter()])
    assert stats(log_dir) == [{"last": 1, "after": 9, "epoch_num": 1, "global_step": 1}]


def test_summaries_of_every_second_step_then_resume_then_another_run(log_dir):
    """Acceptance check 9."""
    def run(epochs, **kwargs):
        with tf.Graph().as_default():
            tf.summary.scalar("x", tf.constant(3.))
            train([MergeAllSummaries(period=2), ModelSaver()], [JSONWriter()], epochs=epochs, **kwargs)

    run(2)
    assert [(r["epoch_num"], r["global_step"]) for r in stats(log_dir)] == [(1, 2), (1, 4), (2, 6), (2, 8)]
    run(4, starting_epoch=3, restore=os.path.join(log_dir, "model-8"))
    assert [r["global_step"] for r in stats(log_dir)] == [2, 4, 6, 8, 10, 12, 14, 16]
    assert [r["epoch_num"] for r in stats(log_dir)] == [1, 1, 2, 2, 3, 3, 4, 4] and not backups(log_dir)
    run(7, starting_epoch=7)
    assert [(r["epoch_num"], r["global_step"]) for r in stats(log_dir)] == [(7, 2), (7, 4)]
    (backup,) = backups(log_dir)
    assert [r["global_step"] for r in strict_json(backup)] == [2, 4, 6, 8, 10, 12, 14, 16]


def test_backups_of_one_second_do_not_collide(log_dir):
    for number in range(3):
        train_in_new_graph([PutEachEpoch("n", {5: number})], [JSONWriter()], epochs=5, starting_epoch=5)
    assert stats(log_dir)[0]["n"] == 2
    assert sorted(strict_json(path)[0]["n"] for path in backups(log_dir)) == [0, 1]


def records(*moments):
    return [{"x": 1, "epoch_num": epoch, "global_step": step} for epoch, step in moments]


FOUR_EPOCHS = records((1, 4), (2, 8), (3, 12), (4, 16))


@pytest.mark.parametrize("history, epoch, step, inside, expected", [
    ([], 1, 0, False, 0),
    (FOUR_EPOCHS, 5, 16, False, 4),
    (FOUR_EPOCHS, 5, 0, False, 4),  # the global step is not restored
    (FOUR_EPOCHS, 7, 0, False, None),
    (FOUR_EPOCHS, 7, 16, False, None),
    (FOUR_EPOCHS, 1, 0, False, None),
    (FOUR_EPOCHS, 1, 1000, False, None),  # fine-tuning in a used directory
    (FOUR_EPOCHS, 1, 4, False, None),
    (FOUR_EPOCHS, 6, 20, False, 4),  # killed between the checkpoint and the statistics of epoch 5
    (FOUR_EPOCHS, 4, 12, False, 3),  # killed between the statistics of epoch 4 and its checkpoint
    (FOUR_EPOCHS, 3, 8, False, 2),
    (FOUR_EPOCHS, 3, 0, False, 2),
    (records((1, 4), (2, 6), (2, 7)), 2, 6, True, 2),  # killed after the checkpoint inside epoch 2
    (records((1, 4), (2, 6), (2, 7)), 2, 4, False, 1),
    (records((1, 2), (1, 3)), 1, 2, True, 1),
    (records((1, 2), (1, 3)), 1, 0, False, None),
    (records((0, 0)), 1, 0, False, 1),
    (FOUR_EPOCHS + [{"x": 1}], 9, 0, False, 5),  # an unreadable epoch
], ids=str)
def test_which_records_a_restarted_run_continues(history, epoch, step, inside, expected):
    assert records_to_keep(history, epoch, step, inside) == expected


def write_stats(log_dir, content):
    with open(os.path.join(log_dir, "stats.json"), "w") as f:
        f.write(content if isinstance(content, str) else json.dumps(content))


def test_records_of_work_that_a_crash_has_undone_are_dropped(log_dir, log_records):
    train_in_new_graph([ModelSaver()], [], epochs=2)
    write_stats(log_dir, records((1, 4), (2, 8), (3, 10), (3, 11)))
    train_in_new_graph([PutEachEpoch("x", {3: 3})], [JSONWriter()], epochs=3, starting_epoch=3,
                       restore=os.path.join(log_dir, "model-8"))
    assert [r["global_step"] for r in stats(log_dir)] == [4, 8, 12] and not backups(log_dir)
    assert any("2 of its 4 records" in m for m in messages(log_records, "WARNING"))


def test_a_copy_is_kept_when_epochs_are_dropped_without_a_restored_step(log_dir):
    write_stats(log_dir, FOUR_EPOCHS)
    train([PutEachEpoch("x", {3: 3})], [JSONWriter()], epochs=3, starting_epoch=3)
    assert [r["epoch_num"] for r in stats(log_dir)] == [1, 2, 3]
    assert [strict_json(path) for path in backups(log_dir)] == [FOUR_EPOCHS]


def test_a_checkpoint_inside_an_epoch_keeps_what_was_recorded_before_it(log_dir):
    def die_in_epoch_2(cb):
        cb.trainer.monitors.put_scalar("x", cb.global_step)
        if cb.global_step == 7:
            raise ValueError("crash")

    with pytest.raises(ValueError):
        train_in_new_graph([Call(trigger_step=die_in_epoch_2), PeriodicTrigger(ModelSaver(), every_k_steps=3)],
                           [JSONWriter()])
    assert [r["global_step"] for r in stats(log_dir)] == [1, 2, 3, 4, 5, 6, 7]
    train_in_new_graph([PutEachEpoch("x", {2: 0})], [JSONWriter()], starting_epoch=2, restore=os.path.join(log_dir, "model-6"))
    assert [r["global_step"] for r in stats(log_dir)] == [1, 2, 3, 4, 5, 6, 10]


@pytest.mark.parametrize("content", ["[{", "", '{"a": 1}', "[1, 2]", "\x00\x01"], ids=repr)
def test_a_damaged_file_is_set_aside_with_a_warning(log_dir, log_records, content):
    write_stats(log_dir, content)
    assert JSONWriter.load_existing_json() is None and JSONWriter.load_existing_epoch_number() is None
    train([PutEachEpoch("x", {1: 1})], [JSONWriter()], epochs=1)
    assert [r["x"] for r in stats(log_dir)] == [1]
    (backup,) = backups(log_dir)
    with open(backup) as f:
        assert f.read() == content
    assert any("cannot be read" in m for m in messages(log_records, "WARNING"))


def test_a_file_of_the_original_with_bare_nan_is_continued_as_strict_json(log_dir):
    write_stats(log_dir, '[{"x": NaN, "epoch_num": 1, "global_step": 4}]')
    train([PutEachEpoch("x", {2: 1})], [JSONWriter()], epochs=2, starting_epoch=2)
    assert [r["x"] for r in stats(log_dir)] == [None, 1]


def test_loading_what_exists(log_dir, tmp_path):
    assert JSONWriter.load_existing_json() is None and JSONWriter.load_existing_epoch_number() is None
    write_stats(log_dir, FOUR_EPOCHS)
    assert JSONWriter.load_existing_json() == FOUR_EPOCHS and JSONWriter.load_existing_epoch_number() == 4
    assert JSONWriter.load_existing_epoch_number(log_dir) == 4
    assert JSONWriter.load_existing_json(str(tmp_path)) is None
    write_stats(log_dir, "[]")
    assert JSONWriter.load_existing_json() == [] and JSONWriter.load_existing_epoch_number() is None
    write_stats(log_dir, [{"x": 1}])
    assert JSONWriter.load_existing_epoch_number() is None


def test_without_a_log_directory_nothing_is_loaded_or_written(log_records):
    assert JSONWriter.load_existing_json() is None and JSONWriter.load_existing_epoch_number() is None
    for kind in (JSONWriter, TFEventWriter):
        silent = kind()
        train_in_new_graph([PutEachEpoch("x", {1: 1})], [silent, silent], epochs=2)
    warnings = [m for m in messages(log_records, "WARNING") if "no log directory" in m]
    assert [m.split()[0] for m in warnings] == ["JSONWriter"] * 2 + ["TFEventWriter"] * 2


def test_a_write_failure_is_logged_and_made_good_later(log_dir, log_records):
    path = os.path.join(log_dir, "stats.json")

    def block(cb):
        if cb.epoch_num == 1:
            os.mkdir(path)
        elif cb.epoch_num == 2:
            os.rmdir(path)

    train([PutEachEpoch("x", {1: 1, 2: 2}), Call(trigger_epoch=block)], [JSONWriter()])
    assert [r["x"] for r in stats(log_dir)] == [1, 2]
    assert any("cannot write" in m for m in messages(log_records, "ERROR"))


def block_stats(log_dir, epoch):
    """A callback that makes each write of `stats.json` fail from the end of this epoch on."""
    def block(cb):
        path = os.path.join(log_dir, "stats.json")
        if cb.epoch_num == epoch:
            if os.path.exists(path):
                os.rename(path, path + ".so-far")
            os.mkdir(path)
    return Call(trigger_epoch=block)


def unblock_stats(log_dir):
    path = os.path.join(log_dir, "stats.json")
    os.rmdir(path)
    if os.path.exists(path + ".so-far"):
        os.rename(path + ".so-far", path)


def crash_at(step):
    def crash(cb):
        if cb.global_step == step:
            raise ValueError("crash")
    return Call(trigger_step=crash)


REFUSED = {  # makes the ModelSaver, first epoch whose statistics are refused, step of the crash, the checkpoint
    "from the start": (lambda directory: ModelSaver(), 1, 17, "model-16"),
    "after some epochs": (lambda directory: ModelSaver(), 3, 17, "model-16"),
    "older checkpoint": (lambda directory: ModelSaver(), 2, 17, "model-12"),
    "another directory": (lambda directory: ModelSaver(checkpoint_dir=directory), 2, 17, "model-16"),
    "within an epoch": (lambda directory: PeriodicTrigger(ModelSaver(), every_k_steps=7), 2, 15, "model-14"),
}


@pytest.mark.parametrize("case", sorted(REFUSED))
def test_statistics_up_to_a_checkpoint_survive_that_their_file_was_refused(log_dir, tmp_path, case):
    make_saver, first_refused, last_step, name = REFUSED[case]
    directory = str(tmp_path / "checkpoints") if case == "another directory" else log_dir
    values = {epoch: epoch * 10. for epoch in range(1, 7)}

    def callbacks():
        return [PutEachEpoch("early", values), make_saver(directory), PutEachEpoch("late", values)]

    with pytest.raises(ValueError, match="crash"):
        train_in_new_graph([block_stats(log_dir, first_refused)] + callbacks() + [crash_at(last_step)], [JSONWriter()],
                           epochs=6)
    unblock_stats(log_dir)
    step = int(name.split("-")[1])
    train_in_new_graph(callbacks(), [JSONWriter()], epochs=6, starting_epoch=step // 4 + 1,
                       restore=os.path.join(directory, name))
    found = stats(log_dir)
    assert [(each["epoch_num"], each["global_step"], each["early"]) for each in found] == [
        (epoch, 4 * epoch + (step % 4 if epoch > step // 4 else 0), 10. * epoch) for epoch in range(1, 7)]
    of_the_checkpoint = step // 4 if step % 4 == 0 else None
    assert [each["epoch_num"] for each in found if "late" not in each] in ([], [of_the_checkpoint])  # put after it
    with open(os.path.join(directory, "resume.json")) as f:
        assert "unwritten" not in f.read()


def test_what_a_checkpoint_carries_is_loaded_with_the_file(log_dir):
    with pytest.raises(ValueError, match="crash"):
        train_in_new_graph([block_stats(log_dir, 2), PutEachEpoch("x", {1: 1., 2: 2., 3: 3.}), ModelSaver(), crash_at(13)],
                           [JSONWriter()], epochs=4)
    unblock_stats(log_dir)
    assert [each["x"] for each in stats(log_dir)] == [1.]
    assert [each["x"] for each in JSONWriter.load_existing_json()] == [1., 2., 3.]
    assert JSONWriter.load_existing_epoch_number() == 3


@pytest.mark.parametrize("written, missing, expected", [
    ([], records((1, 4)), records((1, 4))),
    (records((1, 4)), records((2, 8)), records((1, 4), (2, 8))),
    (records((1, 4), (2, 8)), records((2, 8), (3, 12)), records((1, 4), (2, 8), (3, 12))),
    (records((1, 4), (3, 12)), records((2, 8)), records((1, 4), (2, 8), (3, 12))),
    ([{"a": 1, "epoch_num": 1, "global_step": 4}], [{"b": 2, "epoch_num": 1, "global_step": 4}],
     [{"a": 1, "b": 2, "epoch_num": 1, "global_step": 4}]),
    ([{"x": 1}, {"x": 2}], records((1, 4)), [{"x": 1}, {"x": 2}] + records((1, 4))),
], ids=["no file", "after", "overlap", "between", "one moment", "without moments"])
def test_records_that_a_file_lacks_take_their_places(written, missing, expected):
    found = with_missing(written, missing)
    assert found == expected and [list(each) for each in found] == [list(each) for each in expected]


def test_step_level_records_cost_few_writes_and_none_is_lost(tmp_path, monkeypatch):
    path = str(tmp_path / "stats.json")
    writes = []
    original = json_stats.atomic_write
    monkeypatch.setattr(json_stats, "atomic_write", lambda path: writes.append(path) or original(path))
    file = StatsFile(path)
    for step in range(10000):
        file.append({"cost": 1.0, "epoch_num": 1, "global_step": step})
        file.write(force=False)
    assert 1 <= len(writes) < 20
    file.write()
    assert [r["global_step"] for r in strict_json(path)] == list(range(10000))
    before = len(writes)
    file.write()
    assert len(writes) == before  # nothing new


def test_a_step_level_record_is_written_when_the_pause_is_over(tmp_path, monkeypatch):
    path = str(tmp_path / "stats.json")
    now = [0.]
    monkeypatch.setattr(json_stats.time, "monotonic", lambda: now[0])
    file = StatsFile(path)
    for step, moment in enumerate([100., 100.5, 101.5]):
        now[0] = moment
        file.append({"global_step": step})
        file.write(force=False)
        assert [r["global_step"] for r in strict_json(path)] == [[0], [0], [0, 1, 2]][step]


def test_encoding_is_strict():
    assert encode({"a": float("nan"), "b": -math.inf, "c": 1}) == '{"a": null, "b": null, "c": 1}'
