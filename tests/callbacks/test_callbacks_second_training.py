"""The same monitors in one training after another, and in two at once."""
import importlib.util
import os
import threading

import pytest
from small_training import Call, PutEachEpoch, events, fail, messages, strict_json, train_in_new_graph

from tensorpack.callbacks._monitors.tracker import TrackerMonitor
from tensorpack.callbacks.monitor import JSONWriter, MonitorBase, ScalarPrinter, SendMonitorData, TFEventWriter
from tensorpack.utils import logger


class Runs(TrackerMonitor):
    """A service in memory: `opened` has [identity, steps and values, whether it failed] of each run."""

    _service, _identity_file = "the service", "runs.json"

    def __init__(self, **options):
        super().__init__(**options)
        self.opened, self.may_open = [], threading.Event()
        self.may_open.set()

    def _open(self, identity):
        waits = self.may_open
        assert waits.wait(60)
        self._run = [identity or "run{}".format(len(self.opened)), [], None]
        self.opened.append(self._run)
        return self._run[0]

    def _send_scalars(self, steps):
        self._run[1].extend((step, scalars["x"]) for step, _, scalars in steps)

    _send_image = _send_histogram = _send_files = None

    def _close(self, failed):
        self._run[2] = failed


def put(first, epochs=2):
    return [PutEachEpoch("x", {epoch: first + epoch / 8. for epoch in range(1, epochs + 1)})]


def train(monitors, first, *callbacks, epochs=2, **kwargs):
    train_in_new_graph(put(first, epochs) + list(callbacks), monitors, steps=2, epochs=epochs, **kwargs)


@pytest.fixture
def set_dir(tmp_path):
    before = logger.get_logger_dir()

    def set_it(name):
        logger.set_logger_dir(str(tmp_path / name), "k")
        return str(tmp_path / name)

    yield set_it
    if before is None:
        logger.LOG_DIR = None


def statistics(folder, name="stats.json"):
    return [(each["epoch_num"], each["x"]) for each in strict_json(os.path.join(folder, name))]


def event_values(folder):
    return [(event.step, value.simple_value) for event in events(folder) for value in event.summary.value]


def make_monitors():
    return [JSONWriter(), TFEventWriter(), ScalarPrinter()]


@pytest.mark.parametrize("how", ["ends", "fails"])
def test_each_training_writes_to_the_log_directory_that_is_set(set_dir, log_records, how):
    folder = set_dir("first")
    monitors = make_monitors()
    if how == "ends":
        train(monitors, 1)
    else:
        with pytest.raises(ValueError, match="broken"):
            train(monitors, 1, Call(trigger_epoch=lambda cb: fail(cb) if cb.epoch_num == 2 else None))
    other = set_dir("second")
    train(monitors, 5)
    assert (statistics(folder), statistics(other)) == ([(1, 1.125), (2, 1.25)], [(1, 5.125), (2, 5.25)])
    assert event_values(folder)[:2] == [(2, 1.125), (4, 1.25)] and event_values(other) == [(2, 5.125), (4, 5.25)]
    assert [text for text in messages(log_records, "INFO") if text.startswith("x: ")] == [
        "x: 1.125", "x: 1.25", "x: 5.125", "x: 5.25"]


def test_two_trainings_of_one_epoch_in_one_log_directory_are_two_files(set_dir):
    folder, monitors = set_dir("log"), make_monitors()
    for first in (1, 5, 7):
        train(monitors, first, epochs=1)
    others = sorted(name for name in os.listdir(folder) if name.startswith("stats.json."))
    assert sorted(statistics(folder, name)[0][1] for name in others) == [1.125, 5.125] and len(others) == 2
    assert statistics(folder) == [(1, 7.125)]
    assert sorted(event_values(folder)) == [(2, 1.125), (2, 5.125), (2, 7.125)]


def test_a_training_goes_on_with_the_files_of_the_one_before(set_dir):
    folder, monitors = set_dir("log"), make_monitors()
    train(monitors, 1)
    train(monitors, 5, starting_epoch=3, epochs=4)
    assert statistics(folder) == [(1, 1.125), (2, 1.25), (3, 5.375), (4, 5.5)]


def test_what_one_training_has_not_printed_is_none_of_the_next(set_dir, log_records, tmp_path):
    set_dir("log")
    file = tmp_path / "sent.txt"
    monitors = [ScalarPrinter(enable_step=False, enable_epoch=False),
                SendMonitorData("echo {x} {y} >> " + str(file), ["x", "y"])]
    train(monitors, 1)
    del log_records[:]
    train(monitors, 5, PutEachEpoch("y", {1: 3.}), epochs=1)
    assert file.read_text() == "5.125 3.0\n"
    assert not [text for text in messages(log_records, "INFO") if text.startswith("x: ")]
    train(monitors, 7)
    assert [text for text in messages(log_records, "WARNING") if "there is no value of 'y'" in text]


def test_a_tracker_has_a_run_for_each_training(set_dir):
    folders, tracker = [set_dir("first")], Runs()
    train([tracker], 1)
    folders.append(set_dir("second"))
    train([tracker], 5)
    assert tracker.opened == [["run0", [(2, 1.125), (4, 1.25)], False], ["run1", [(2, 5.125), (4, 5.25)], False]]
    assert [strict_json(os.path.join(folder, "runs.json"))["id"] for folder in folders] == ["run0", "run1"]
    train([tracker], 7, starting_epoch=3, epochs=3)
    assert tracker.opened[2:] == [["run1", [(2, 7.375)], False]]


def test_a_training_after_one_that_failed_has_not_failed(set_dir):
    set_dir("log")
    tracker = Runs()
    try:
        train([tracker], 1, Call(trigger_epoch=fail))
    except ValueError:
        train([tracker], 5)
    with pytest.raises(ValueError):
        train([tracker], 5, Call(trigger_epoch=fail))
    assert [failed for _, _, failed in tracker.opened] == [True, False, True]


def test_a_service_that_opens_too_late_leaves_the_next_run_alone(set_dir):
    folder, tracker = set_dir("log"), Runs(flush_seconds=0.1)
    may_open, tracker.may_open = tracker.may_open, threading.Event()
    train([tracker], 1)  # is given up
    late, tracker.may_open, tracker._flush_seconds = tracker.may_open, may_open, 60

    def open_the_first(cb):
        assert wait_until(lambda: tracker.opened)
        late.set()
        assert wait_until(lambda: len(tracker.opened) == 2)

    train([tracker], 5, Call(trigger_epoch=open_the_first))
    assert tracker.opened == [["run0", [(2, 5.125), (4, 5.25)], False], ["run1", [], None]]
    assert strict_json(os.path.join(folder, "runs.json"))["id"] == "run0"


def wait_until(condition):
    event = threading.Event()
    for _ in range(6000):
        if condition():
            return True
        event.wait(0.01)
    return False


@pytest.mark.parametrize("make", [JSONWriter, TFEventWriter, ScalarPrinter, Runs, MonitorBase])
def test_a_training_within_another_one_needs_monitors_of_its_own(set_dir, make):
    folder, monitor, told = set_dir("log"), make(), []

    def train_another(cb):
        with pytest.raises(RuntimeError, match="must belong to one training at a time") as e:
            train([monitor], 9)
        told.append(str(e.value))

    train([monitor], 1, Call(trigger_epoch=lambda cb: told or train_another(cb)))
    assert told == ["{0}: must belong to one training at a time; got a second one while the first has not ended; make another "
                    "{0} for it".format(make.__name__)]
    if make is JSONWriter:
        assert statistics(folder) == [(1, 1.125), (2, 1.25)]
    if make is Runs:
        assert monitor.opened == [["run0", [(2, 1.125), (4, 1.25)], False]]
    train([monitor], 1)  # it is free again


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_an_exception_in_a_process_that_a_callback_forks_is_not_the_end_of_the_training(set_dir):
    folder, here, ends, tracker = set_dir("log"), os.getpid(), [], Runs()
    reader, writer = os.pipe()

    def fork(cb):
        if cb.epoch_num == 1:
            child = os.fork()
            if child == 0:
                raise ArithmeticError("of the child")
            ends.append(os.waitpid(child, 0)[1])

    def tell(cb):
        os.write(writer, "{}\n".format(os.getpid()).encode())

    try:
        train([JSONWriter(), tracker], 1, Call(trigger_epoch=fork, after_train=tell))
    except ArithmeticError:
        os._exit(0)
    finally:
        if os.getpid() != here:
            os._exit(1)
    os.close(writer)
    with os.fdopen(reader) as f:
        assert f.read() == "{}\n".format(here)
    assert ends == [0] and statistics(folder) == [(1, 1.125), (2, 1.25)]
    assert tracker.opened == [["run0", [(2, 1.125), (4, 1.25)], False]]


@pytest.mark.skipif(importlib.util.find_spec("wandb") is None, reason="wandb is not installed")
def test_a_run_of_another_wandb_monitor_is_not_taken_for_the_own(run_code):
    output = run_code("""
        first, second = WandbMonitor("one", mode="offline"), WandbMonitor("two", mode="offline")
        identity = first._open(None)
        try:
            other = second._open(None)
        except RuntimeError as e:
            assert "the run of another WandbMonitor has not ended" in str(e)
            first._close(False)
            other = second._open(None)
        assert other != identity and second._run.project == "two"
        second._close(False)
        print("two runs")
    """, WANDB_SILENT="true", WANDB_CONSOLE="off")
    assert "two runs" in output
