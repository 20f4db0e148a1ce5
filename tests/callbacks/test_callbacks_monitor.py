"""Monitors: what callbacks put, what arrives, and what is in the files afterwards."""
import decimal
import glob
import os
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
from small_training import Call, PutEachEpoch, events, fail, messages, strict_json, train, train_in_new_graph

from tensorpack.callbacks import monitor
from tensorpack.callbacks.base import Callback
from tensorpack.callbacks.monitor import MonitorBase, Monitors, ScalarPrinter, SendMonitorData, TFEventWriter
from tensorpack.callbacks.summary import MergeAllSummaries
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


@pytest.mark.parametrize("name, value, is_told", [
    ("Summary/x", 7., True), ("Summary/x", 4., False), ("y", 7., False)])
def test_a_name_of_a_summary_and_of_a_callback_is_told_once(log_records, name, value, is_told):
    class Summary(Callback):
        def _setup_graph(self):
            tf.summary.scalar("x", tf.constant(4.))

    train([Summary(), PutEachEpoch(name, {k: value for k in (1, 2, 3)}), MergeAllSummaries()], [ScalarPrinter()], epochs=3)
    told = [m for m in messages(log_records, "WARNING") if "give one of them another name" in m]
    assert len(told) == is_told
    assert all("is a summary of the graph, with 4 at global step 4, and put by a callback, with 7" in m for m in told)


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


@pytest.mark.parametrize("image, is_told", [
    (np.full((4, 4, 3), 0.5), True), (np.full((4, 4), 200.), False), (np.zeros((4, 4)), False),
    (np.eye(4, dtype="uint8"), False),
], ids=["fractions", "pixels", "black", "integers"])
def test_an_image_of_fractions_is_told(log_records, image, is_told):
    put(lambda monitors: [monitors.put_image("im", image) for _ in range(2)])
    told = [m for m in messages(log_records, "WARNING") if "multiply it by 255" in m]
    assert len(told) == is_told


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
    # no forked program, whose output is a file as well; without Keras 3, half of TensorFlow's import
    process = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
                             env=dict(os.environ, TF_USE_LEGACY_KERAS="1"), text=True)
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


@pytest.mark.parametrize("kwargs, told", [
    (dict(whitelist=["costs"]), {1: "whitelist=): 'costs' is found in the name of no statistic so far; did you mean 'cost'?"}),
    (dict(whitelist="nothing alike", enable_epoch=False), {1: "there are 'cost'."}),
    (dict(whitelist=["^cost$", "val-eror"]), {6: "did you mean 'val-error'?"}),
    (dict(whitelist=["cost", "error"]), {}),
    (dict(whitelist=[]), {}),
    (dict(blacklist=["val-eror"]), {6: "blacklist=): 'val-eror' is found"}),
    (dict(blacklist=["of_another_training", "val-error"]), {}),
    ({}, {}),
], ids=str)
def test_scalar_printer_tells_patterns_of_no_statistic(log_records, kwargs, told):
    """A callback may put its statistic in some epochs only, here the third."""
    warned = {}

    def look(cb):
        texts = [text for text in messages(log_records, "WARNING") if text.startswith("ScalarPrinter(")]
        warned.update({cb.epoch_num: texts[len(warned):]} if texts[len(warned):] else {})

    train([Call(trigger_epoch=lambda cb: cb.trainer.monitors.put_scalar("cost", 1), before_epoch=look, after_train=look),
           PutEachEpoch("val-error", {3: .5})], [ScalarPrinter(**kwargs)], steps=1, epochs=6)
    assert {epoch - (epoch < 6): len(texts) for epoch, texts in warned.items()} == {epoch: 1 for epoch in told}
    assert all(text in "".join(sum(warned.values(), [])) for text in told.values())


@pytest.mark.parametrize("failing", [dict(trigger_step=fail), dict(trigger_epoch=lambda cb: cb.epoch_num < 2 or fail(cb))])
def test_a_training_that_fails_says_nothing_of_what_was_still_to_come(log_records, failing):
    with pytest.raises(ValueError, match="broken"):
        train([PutEachEpoch("cost", {1: 1., 2: 1.}), Call(**failing)], [ScalarPrinter(whitelist=["cost", "later"])], epochs=9)
    assert not [text for text in messages(log_records, "WARNING") if text.startswith("ScalarPrinter(")]


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


def test_the_name_of_a_scalar_is_text():
    with pytest.raises(TypeError, match="Monitors: name must be a str; got 3"):
        Monitors([]).put_scalar(3, 1.0)
