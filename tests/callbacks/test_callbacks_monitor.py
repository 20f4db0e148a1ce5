"""Monitors: what callbacks put, what arrives, and what is in the files afterwards."""
import decimal
import glob
import json
import math
import os
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
from small_training import Call, PutEachEpoch, events, messages, strict_json, train, train_in_new_graph

from tensorpack.callbacks import monitor
from tensorpack.callbacks._monitors import json_stats
from tensorpack.callbacks._monitors.json_stats import StatsFile, encode, records_to_keep
from tensorpack.callbacks.base import StopTraining
from tensorpack.callbacks.monitor import JSONWriter, MonitorBase, Monitors, ScalarPrinter, SendMonitorData, TFEventWriter
from tensorpack.callbacks.saver import ModelSaver
from tensorpack.callbacks.summary import MergeAllSummaries
from tensorpack.callbacks.trigger import PeriodicTrigger
from tensorpack.compat import tfv1 as tf
from tensorpack.utils import logger


class Recorder(MonitorBase):
    """Keeps all that arrives; like what a user writes for a tracking service."""

    def __init__(self):
        self.scalars, self.images, self.summaries, self.events, self.order = [], [], [], [], []

    def process_scalar(self, name, val):
        self.scalars.append((self.global_step, name, val))
        self.order.append("scalar")

    def process_image(self, name, val):
        self.images.append((name, val.shape))
        self.order.append("image")

    def process_summary(self, summary):
        self.summaries.append(summary)
        self.order.append("summary")

    def process_event(self, evt):
        self.events.append(evt)


def put(function, **kwargs):
    """What a Recorder has after `function(monitors)` was called once, at the end of a training of one epoch."""
    recorder = Recorder()
    train([Call(trigger_epoch=lambda cb: function(cb.trainer.monitors))], [recorder], epochs=1, **kwargs)
    return recorder


# ---- Monitors ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("value, expected", [
    (3, 3), (2.5, 2.5), (True, True), (np.float32(.5), .5), (np.int64(7), 7), (np.bool_(True), True), (np.array(4.), 4.),
    (np.array([4.]), 4.), (np.float16(0.5), 0.5), (np.longdouble(0.5), 0.5), (decimal.Decimal("0.25"), 0.25)], ids=repr)
def test_scalars_arrive_as_python_numbers(value, expected):
    (_, name, arrived), = put(lambda monitors: monitors.put_scalar("x", value)).scalars
    assert name == "x" and arrived == expected and type(arrived) is type(expected)


@pytest.mark.parametrize("value", [np.zeros(3), "3", b"3", None, [1, 2], 1j], ids=repr)
def test_what_is_no_scalar_is_skipped_with_one_warning(value, log_records):
    def put_twice(monitors):
        monitors.put_scalar("odd", value)
        monitors.put_scalar("odd", value)
        monitors.put_scalar("good", 1)

    assert [name for _, name, _ in put(put_twice).scalars] == ["good"]
    assert len([m for m in messages(log_records, "WARNING") if "'odd'" in m]) == 1


def test_a_scalar_arrives_as_scalar_first_and_as_summary_then():
    recorder = put(lambda monitors: monitors.put_scalar("a/b", 1.5))
    assert recorder.order == ["scalar", "summary"]
    assert [(v.tag, v.simple_value) for v in recorder.summaries[0].value] == [("a/b", 1.5)]


@pytest.mark.parametrize("as_bytes", [False, True])
def test_tower_names_and_the_suffix_are_cut_from_scalar_tags_only(as_bytes):
    summary = tf.Summary(value=[
        tf.Summary.Value(tag="tower0/aa-summary", simple_value=1),
        tf.Summary.Value(tag="tower12/x/tower3/bb", simple_value=2),
        tf.Summary.Value(tag="tower0/h-summary", histo=tf.HistogramProto(num=1))])
    recorder = put(lambda monitors: monitors.put_summary(summary.SerializeToString() if as_bytes else summary))
    assert [(name, value) for _, name, value in recorder.scalars] == [("aa", 1.), ("x/bb", 2.)]
    assert [v.tag for v in recorder.summaries[0].value] == ["aa", "x/bb", "tower0/h-summary"]
    if not as_bytes:
        assert summary.value[0].tag == "aa"


def test_put_summary_refuses_other_things():
    with pytest.raises(TypeError, match="tf.Summary"):
        put(lambda monitors: monitors.put_summary("text"))


@pytest.mark.parametrize("shape, nhwc, tags", [
    ((4, 5), (1, 4, 5, 1), ["im"]), ((4, 5, 3), (1, 4, 5, 3), ["im"]), ((4, 5, 1), (1, 4, 5, 1), ["im"]),
    ((4, 5, 4), (1, 4, 5, 4), ["im"]), ((4, 5, 7), (4, 5, 7, 1), ["im/0", "im/1", "im/2", "im/3"]),
    ((2, 4, 5, 3), (2, 4, 5, 3), ["im/0", "im/1"]), ((1, 4, 5, 1), (1, 4, 5, 1), ["im"])], ids=str)
def test_images(shape, nhwc, tags):
    pytest.importorskip("cv2")
    recorder = put(lambda monitors: monitors.put_image("im", np.full(shape, 200.)))
    assert recorder.images == [("im", nhwc)] and recorder.order == ["image", "summary"]
    values = recorder.summaries[0].value
    assert [v.tag for v in values] == tags
    assert all(v.image.encoded_image_string.startswith(b"\x89PNG") for v in values)
    assert (values[0].image.height, values[0].image.width) == nhwc[1:3]


@pytest.mark.parametrize("shape", [(3,), (2, 2, 2, 2, 2), (2, 4, 5, 2)], ids=str)
def test_other_shapes_are_no_images(shape):
    with pytest.raises(ValueError, match="put_image.*HxWxC"):
        put(lambda monitors: monitors.put_image("im", np.zeros(shape)))


def test_histogram():
    values = np.arange(100.).reshape(10, 10)
    histogram = put(lambda monitors: monitors.put_histogram("h", values, bins=10)).summaries[0].value[0].histo
    assert (histogram.min, histogram.max, histogram.num, histogram.sum) == (0, 99, 100, values.sum())
    assert histogram.sum_squares == (values ** 2).sum()
    assert list(histogram.bucket) == [10] * 10 and histogram.bucket_limit[-1] == 99


@pytest.mark.parametrize("values", [[], [1, np.nan]], ids=["empty", "nan"])
def test_histogram_of_nothing_is_refused(values):
    with pytest.raises(ValueError, match="put_histogram.*finite"):
        put(lambda monitors: monitors.put_histogram("h", values))


def test_event_gets_step_and_time():
    recorder = put(lambda monitors: monitors.put_event(tf.Event(tagged_run_metadata=tf.Event().tagged_run_metadata)))
    assert recorder.events[0].step == 4 and abs(recorder.events[0].wall_time - time.time()) < 60


def test_history_and_latest_value():
    trainer = train([PutEachEpoch("err", {1: .5, 3: .25})], epochs=3)
    assert trainer.monitors.get_history("err") == [(4, .5), (12, .25)]
    assert trainer.monitors.get_latest("err") == .25
    assert trainer.monitors.get_history("nothing") == []


@pytest.mark.parametrize("names, asked, expected", [
    (["validation_cost", "lr"], "val_cost", "'validation_cost'"), (["lr"], "zzzzz", "there are 'lr'"), ([], "x", "no values")],
    ids=["near name", "all names", "nothing"])
def test_latest_value_of_an_unknown_name_tells_the_known_ones(names, asked, expected):
    def function(monitors):
        monitors.get_history(asked)
        for name in names:
            monitors.put_scalar(name, 1)
        monitors.get_latest(asked)

    with pytest.raises(KeyError, match=expected):
        put(function)


def test_monitors_must_be_monitors():
    with pytest.raises(TypeError, match="MonitorBase"):
        Monitors([PutEachEpoch("x", {})])


def test_a_users_monitor_receives_all_scalars_in_order():
    recorder = Recorder()
    train([Call(before_train=lambda cb: cb.trainer.monitors.put_scalar("start", 0),
                trigger_step=lambda cb: cb.trainer.monitors.put_scalar("step", cb.local_step),
                trigger_epoch=lambda cb: cb.trainer.monitors.put_scalar("epoch", cb.epoch_num),
                after_train=lambda cb: cb.trainer.monitors.put_scalar("end", 1))], [recorder], steps=2, epochs=2)
    assert recorder.scalars == [
        (0, "start", 0), (1, "step", 0), (2, "step", 1), (2, "epoch", 1), (3, "step", 0), (4, "step", 1), (4, "epoch", 2),
        (4, "end", 1)]


def test_a_monitor_is_set_up_under_no_name_scope_on_every_process():
    class Adds(MonitorBase):
        def _setup_graph(self):
            self.op = tf.no_op(name="mine")

    adds = Adds()
    train([], [adds], epochs=1)
    assert adds.op.name == "mine" and adds.chief_only is False


# ---- JSONWriter -------------------------------------------------------------------------------------------------------

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


def fail(cb):
    cb.trainer.monitors.put_scalar("last", cb.global_step)
    raise ValueError("broken")


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


# ---- TFEventWriter ----------------------------------------------------------------------------------------------------

def summarize(*names):
    for name in names:
        tf.summary.scalar(name, tf.constant(2.))


def kinds(found):
    return [(e.WhichOneof("what"), e.step) for e in found]


def test_event_file_order(log_dir):
    """Acceptance check 2."""
    summarize("a", "b-summary")
    train([PutEachEpoch("val", {1: .5, 2: .25}), MergeAllSummaries()], [TFEventWriter()])
    found = events(log_dir)
    assert kinds(found) == [("file_version", 0), ("graph_def", 0)] + [("summary", step) for step in (4, 4, 8, 8)]
    values = [[(v.tag, v.simple_value) for v in e.summary.value] for e in found[2:]]
    assert values == [[("a", 2.), ("b", 2.)], [("val", .5)], [("a", 2.), ("b", 2.)], [("val", .25)]]
    assert "v" in [node.name for node in tf.GraphDef.FromString(found[1].graph_def).node]


def test_images_histograms_and_events_are_in_the_file(log_dir):
    pytest.importorskip("cv2")

    def put_all(cb):
        cb.trainer.monitors.put_image("im", np.zeros((4, 5)))
        cb.trainer.monitors.put_histogram("h", [1., 2.])
        cb.trainer.monitors.put_event(tf.Event(log_message=None, summary=tf.Summary(value=[tf.Summary.Value(tag="mine")])))

    train([Call(trigger_epoch=put_all)], [TFEventWriter()], epochs=1)
    assert [(e.step, v.tag, v.WhichOneof("value")) for e in events(log_dir) for v in e.summary.value] == [
        (4, "im", "image"), (4, "h", "histo"), (4, "mine", None)]


def test_each_epoch_is_on_disk_when_the_next_one_begins(log_dir):
    seen = []

    def look(cb):
        if cb.epoch_num == 2:
            seen.extend(v.simple_value for e in events(log_dir) for v in e.summary.value)

    train([PutEachEpoch("x", {1: 1}), Call(trigger_step=look)], [TFEventWriter(flush_secs=1000)], steps=1)
    assert seen == [1]


def test_a_crash_loses_no_event(log_dir):
    with pytest.raises(ValueError):
        train([Call(trigger_step=fail)], [TFEventWriter(flush_secs=1000)])
    assert [(e.step, v.simple_value) for e in events(log_dir) for v in e.summary.value] == [(1, 1)]


def test_files_are_split_by_epoch_and_keep_everything_within_one_second(log_dir):
    train([PutEachEpoch("x", {1: 1, 2: 2, 3: 3})], [TFEventWriter(split_files=True)], epochs=3)
    assert len(glob.glob(os.path.join(log_dir, "events.out.tfevents.*"))) >= 3
    assert sorted(v.simple_value for e in events(log_dir) for v in e.summary.value) == [1, 2, 3]


def test_runs_within_one_second_do_not_overwrite_each_others_file(log_dir):
    for number in range(3):
        train_in_new_graph([PutEachEpoch("x", {1: number})], [TFEventWriter()], epochs=1)
    assert sorted(v.simple_value for e in events(log_dir) for v in e.summary.value) == [0, 1, 2]


def test_another_directory_must_exist(tmp_path):
    with pytest.raises(ValueError, match="existing directory"):
        TFEventWriter(str(tmp_path / "missing"))
    train([PutEachEpoch("x", {1: 1})], [TFEventWriter(str(tmp_path))], epochs=1)
    assert len(events(str(tmp_path))) == 3


def test_a_full_disk_does_not_end_training(tmp_path):
    script = textwrap.dedent("""
        import resource, sys
        sys.path.insert(0, {folder!r})
        from small_training import PutEachEpoch, train
        from tensorpack.callbacks.monitor import JSONWriter, TFEventWriter
        from tensorpack.utils import logger
        logger.set_logger_dir({log_dir!r})
        resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
        train([PutEachEpoch("x" * 300, dict.fromkeys(range(60), 1.))], [TFEventWriter(), JSONWriter()], epochs=60)
        print("trained")
    """).format(folder=os.path.dirname(__file__), log_dir=str(tmp_path))
    process = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
                             text=True)
    assert process.returncode == 0 and "trained" in process.stdout, process.stdout
    assert "JSONWriter: cannot write" in process.stdout
    assert len(strict_json(str(tmp_path / "stats.json"))) > 3  # the last version that did fit


# ---- ScalarPrinter, SendMonitorData -----------------------------------------------------------------------------------

@pytest.mark.parametrize("kwargs, expected", [
    ({}, ["start: 1", "a: 2", "b: 2", "e: 0.33333", "end: 5"]),
    (dict(enable_step=True), ["start: 1", "a: 1", "b: 1", "a: 2", "b: 2", "e: 0.33333", "end: 5"]),
    (dict(enable_step=True, enable_epoch=False), ["start: 1", "a: 1", "b: 1", "a: 2", "b: 2", "e: 0.33333", "end: 5"]),
    (dict(enable_epoch=False), ["start: 1"]),
    (dict(whitelist=["^a$", "en"]), ["a: 2", "end: 5"]),
    (dict(blacklist=["a"]), ["b: 2", "e: 0.33333", "end: 5"]),
    (dict(whitelist=["a|b"], blacklist=["b", "start"]), ["a: 2"]),
    (dict(whitelist=[]), []),
], ids=str)
def test_scalar_printer(log_records, kwargs, expected):
    train([Call(before_train=lambda cb: cb.trainer.monitors.put_scalar("start", 1),
                trigger_step=lambda cb: [cb.trainer.monitors.put_scalar(name, cb.local_step + 1) for name in "ba"],
                trigger_epoch=lambda cb: cb.trainer.monitors.put_scalar("e", 1 / 3.),
                after_train=lambda cb: cb.trainer.monitors.put_scalar("end", 5))],
          [ScalarPrinter(**kwargs)], steps=2, epochs=1)
    printed = [m for m in messages(log_records, "INFO") if m.split(":")[0] in ("start", "a", "b", "e", "end")]
    assert printed == expected


def test_send_monitor_data_runs_the_command_when_all_values_are_new(tmp_path):
    out = str(tmp_path / "out")
    command = "echo 'cost {cost:.2f} err {val/error-top1} {{kept}}' >> " + out
    train([Call(trigger_step=lambda cb: cb.trainer.monitors.put_scalar("cost", cb.global_step)),
           PutEachEpoch("val/error-top1", {1: .5, 3: .25})], [SendMonitorData(command, ["cost", "val/error-top1"])],
          steps=2, epochs=3)
    with open(out) as f:
        assert f.read().splitlines() == ["cost 2.00 err 0.5 {kept}", "cost 6.00 err 0.25 {kept}"]


@pytest.mark.parametrize("name", ["a.b", "a[0]", "a:0", "a!r", "tower/x", "0"])
def test_send_monitor_data_takes_any_name(tmp_path, name):
    out = str(tmp_path / "out")
    train([PutEachEpoch(name, {1: 1.5})], [SendMonitorData("echo {" + name + ":.3f} > " + out, [name])], epochs=1)
    with open(out) as f:
        assert f.read() == "1.500\n"


def test_send_monitor_data_logs_a_failing_command(log_records):
    train([PutEachEpoch("x", {1: 1})], [SendMonitorData("exit 3 # {x}", ["x"])], epochs=1)
    assert any("exit 3" in m and "failed" in m for m in messages(log_records, "ERROR"))


@pytest.mark.parametrize("command, names", [("echo {y}", ["x"]), ("echo {x", ["x"]), ("echo {", ["x"]), ("echo", [])])
def test_send_monitor_data_refuses_a_wrong_command(command, names):
    with pytest.raises(ValueError, match="SendMonitorData.*names"):
        SendMonitorData(command, names)


def test_public_names():
    assert sorted(monitor.__all__) == monitor.__all__
    assert logger.get_logger_dir() is None
