"""What a person sees who trains on a terminal: tables instead of lines, progress bars between them, the time that is left.

The terminal is a real one, and so are the trainings."""
import math
import os
import re
import sys

import pytest
from small_training import Call, PutEachEpoch, messages, train_in_new_graph
from terminal import Terminal

from tensorpack.callbacks._epoch_times import EpochTimes, TimeLeft
from tensorpack.callbacks._monitors.table import Best, Entry, lay_out, shorten
from tensorpack.callbacks.early_stop import EarlyStop
from tensorpack.callbacks.misc import EstimatedTimeLeft
from tensorpack.callbacks.monitor import JSONWriter, ScalarPrinter
from tensorpack.callbacks.saver import MaxSaver, ModelSaver
from tensorpack.callbacks.steps import ProgressBar
from tensorpack.callbacks.trigger import PeriodicTrigger
from tensorpack.utils import logger

LINE = re.compile(r"^\[\d{4} \d\d:\d\d:\d\d @\w+\.py:\d+\] ")


@pytest.fixture(autouse=True)
def a_terminal_that_can_do_more_than_lines(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture
def log_dir(tmp_path):
    logger.set_logger_dir(str(tmp_path), "k")
    return tmp_path


def statistics():
    return [PutEachEpoch("val-error", {1: .5, 2: .25, 3: .375}), PutEachEpoch("rate", {1: 3e-3, 2: 3e-3, 3: 1e-3}),
            PutEachEpoch("accuracy", {1: .5, 2: .75, 3: float("nan")})]


def block(screen, epoch):
    """The lines of the table of an epoch, without the first one, by the first word."""
    start = next(i for i, line in enumerate(screen) if re.search(r"\] Epoch {}( of \d+)?:$".format(epoch), line))
    lines = []
    for line in screen[start + 1:]:
        if not line.startswith("  "):
            break
        lines.append(line)
    return lines


def cells(lines):
    return {line.split()[0]: line.split()[1:] for line in lines if line.strip()}


# ---- The table of an epoch ----


@pytest.mark.parametrize("columns", [80, 200])
def test_a_terminal_shows_a_table_and_the_log_file_has_the_lines(log_dir, columns):
    with Terminal(columns) as terminal:
        train_in_new_graph(statistics() + [EstimatedTimeLeft()], [ScalarPrinter()], epochs=3)
    screen = terminal.screen()
    assert all(len(line) < columns for epoch in (1, 2, 3) for line in block(screen, epoch))
    words = " ".join(block(screen, 3)).split()
    assert words[words.index("val-error"):][:4] == ["val-error", "0.375", "+0.12", "0.25"]
    assert words[words.index("accuracy"):][:4] == ["accuracy", "nan", "!", "0.75"]
    assert "*" not in words and " ".join(block(screen, 2)).split().count("*") == 2
    assert [len(re.findall(r"Time left: .* second.*\(± .*\)", " ".join(block(screen, k)))) for k in (1, 2, 3)] == [0, 1, 0]
    if columns == 200:
        assert "val-error" in block(screen, 3)[1] and "accuracy" in block(screen, 3)[1]
    assert not [line for line in screen if re.search(r"\] (val-error|rate|accuracy|Estimated Time Left): ", line)]

    lines = [LINE.sub("", line) for line in (log_dir / "log.log").read_text().splitlines()]
    assert [line for line in lines if re.match("(val-error|rate|accuracy): ", line)][-3:] == [
        "accuracy: nan", "rate: 0.001", "val-error: 0.375"]
    left = [line for line in lines if line.startswith("Estimated Time Left: ")]
    assert len(left) == 2 and not any("±" in line for line in left)
    assert not any(line.startswith(("Epoch 3 of", "  ")) for line in lines)


@pytest.mark.parametrize("how", ["table=False", "TERM=dumb", "a file", "no last epoch"])
def test_where_there_is_no_table_the_lines_are_shown(log_dir, monkeypatch, how):
    if how == "TERM=dumb":
        monkeypatch.setenv("TERM", "dumb")
    max_epoch = 10 ** 7 if how == "no last epoch" else 2
    callbacks = [PutEachEpoch("val-error", {1: .5, 2: .25}), EstimatedTimeLeft(), EarlyStop("val-error", 1, mode="max")]
    with open(str(log_dir / "output"), "w") as output, Terminal(80) as terminal:
        if how == "a file":
            logger._console.setStream(output)
        train_in_new_graph(callbacks, [ScalarPrinter(table=how != "table=False")], epochs=max_epoch)
    shown = (log_dir / "output").read_text().splitlines() if how == "a file" else terminal.screen()
    shown = [LINE.sub("", re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in shown]
    if how == "no last epoch":
        assert cells(block(terminal.screen(), 1))["val-error"] == ["0.5", "*", "0.5", "(1)"]
        assert [line for line in shown if line.startswith("Epoch 1:")] and not [line for line in shown if "Time left" in line]
    else:
        assert [line for line in shown if line.startswith("val-error")] == ["val-error: 0.5", "val-error: 0.25"]
        assert not [line for line in shown if line.startswith("Epoch 1 of")]
    assert len([line for line in shown if line.startswith("Estimated Time Left: ")]) == min(2, max_epoch - 1)


def test_lines_of_other_moments_are_shown_as_ever(log_dir):
    with Terminal(80) as terminal:
        train_in_new_graph([Call(before_train=lambda cb: cb.trainer.monitors.put_scalar("start", 1),
                                 trigger_step=lambda cb: cb.trainer.monitors.put_scalar("cost", cb.local_step),
                                 after_train=lambda cb: cb.trainer.monitors.put_scalar("end", 5))],
                           [ScalarPrinter(enable_step=True)], steps=3, epochs=1)
    lines = [LINE.sub("", line) for line in terminal.screen()]
    assert [line for line in lines if re.match("(start|cost|end): ", line)] == ["start: 1", "cost: 0", "cost: 1", "end: 5"]
    assert cells(block(terminal.screen(), 1))["cost"] == ["2", "*", "2", "(1)"]


def test_the_table_follows_the_size_of_the_terminal(log_dir):
    names = ["statistic-{:02d}".format(i) for i in range(30)]
    puts = [PutEachEpoch(name, dict.fromkeys(range(1, 4), 1.)) for name in names]
    with Terminal(200) as terminal:
        sizes = {1: (60, 50), 2: (200, 12)}
        train_in_new_graph(puts + [Call(trigger_epoch=lambda cb: terminal.resize(*sizes.get(cb.epoch_num, (100, 50))))],
                           [ScalarPrinter()], epochs=3)
    tables = [block(terminal.screen(), epoch) for epoch in (1, 2, 3)]
    assert [max(map(len, table)) < columns for table, columns in zip(tables, (60, 200, 100))] == [True] * 3
    assert all(name in " ".join(table) for name in names for table in tables)
    assert len(tables[0]) > len(tables[1]) <= 8


@pytest.mark.parametrize("tell, best", [
    ([], {"val-error": "0.25", "accuracy": "0.75"}),
    ([EarlyStop("rate", 9, mode="max")], {"val-error": "0.25", "accuracy": "0.75", "rate": "0.003"}),
    ([PeriodicTrigger(MaxSaver("val-error"), every_k_epochs=2)], {"val-error": "0.5", "accuracy": "0.75"}),
], ids=["names", "a callback", "a callback against the name"])
def test_names_and_callbacks_tell_which_end_is_better(log_dir, tell, best):
    with Terminal(80) as terminal:
        train_in_new_graph(statistics() + tell, [ScalarPrinter()], epochs=3)
    shown = cells(block(terminal.screen(), 3)[1:])
    assert {name: row[-2] for name, row in shown.items() if row[-1].startswith("(")} == best


def test_the_best_values_and_the_last_ones_survive_a_resume(log_dir):
    train_in_new_graph(statistics()[:1] + [ModelSaver()], [JSONWriter(), ScalarPrinter()], epochs=2)
    with Terminal(80) as terminal:
        train_in_new_graph(statistics()[:1], [JSONWriter(), ScalarPrinter()], epochs=3, starting_epoch=3,
                           restore=str(log_dir / "model-8"))
    assert cells(block(terminal.screen(), 3))["val-error"] == ["0.375", "+0.12", "0.25", "(2)"]


def test_another_training_in_the_same_directory_has_no_best_values_yet(log_dir):
    train_in_new_graph(statistics()[:1], [JSONWriter()], epochs=2)
    with Terminal(80) as terminal:
        train_in_new_graph([PutEachEpoch("val-error", {1: .75})], [JSONWriter(), ScalarPrinter()], epochs=1)
    assert cells(block(terminal.screen(), 1))["val-error"] == ["0.75", "*", "0.75", "(1)"]


def test_a_terminal_without_the_characters_gets_others(log_dir):
    with Terminal(80, encoding="ascii") as terminal:
        train_in_new_graph(statistics()[:1] + [PutEachEpoch("größe", {2: 1.})], [ScalarPrinter()], epochs=3)
    assert "(+/- " in terminal.text() and "gr??e" in " ".join(block(terminal.screen(), 2))


# ---- Bars and lines ----


def test_a_line_within_an_epoch_leaves_the_bar_whole(log_dir, monkeypatch):
    monkeypatch.setenv("TENSORPACK_PROGRESS_REFRESH", "0")
    with Terminal(80) as terminal:
        train_in_new_graph([ProgressBar(), Call(trigger_step=lambda cb: logger.info("step %d", cb.local_step))] + statistics(),
                           [ScalarPrinter()], steps=4, epochs=2)
    screen = [line for line in terminal.screen() if line and not line.startswith("  ")]
    screen = screen[next(i for i, line in enumerate(screen) if "Start Epoch 1" in line):]
    bars = [line for line in screen if "%|" in line]
    assert [re.match(r"100%\|#+\|4/4\[[^\]]*\]$", line) is not None for line in bars] == [True, True], bars
    assert [LINE.sub("", line) for line in screen if "] step " in line] == ["step {}".format(k) for k in (0, 1, 2, 3)] * 2
    assert all(LINE.match(line) or line in bars for line in screen), screen


def test_a_line_to_a_file_does_not_touch_the_bar(log_dir, monkeypatch, capsys):
    """A terminal for the log, and a file for the bars, as with 2> file."""
    monkeypatch.setenv("TENSORPACK_PROGRESS_REFRESH", "100")
    with Terminal(80):
        with open(str(log_dir / "stderr"), "w") as file:
            monkeypatch.setattr(sys, "stderr", file)
            train_in_new_graph([ProgressBar(), Call(trigger_step=lambda cb: logger.info("step"))], steps=4, epochs=1)
            monkeypatch.undo()
    assert (log_dir / "stderr").read_text().count("%|") == 2  # at the ends


@pytest.mark.skipif(not hasattr(os, "register_at_fork"), reason="no fork")
def test_a_line_of_a_forked_process_does_not_draw_the_bar_again(log_dir, monkeypatch):
    monkeypatch.setenv("TENSORPACK_PROGRESS_REFRESH", "100")

    def log_in_fork(cb):
        pid = os.fork()
        if pid == 0:
            logger.info("hello")
            os._exit(0)
        os.waitpid(pid, 0)

    with Terminal(80) as terminal:
        train_in_new_graph([ProgressBar(), Call(trigger_step=log_in_fork)], steps=3, epochs=1)
    assert terminal.text().count("hello") == 3
    assert terminal.text().count("%|") == 2  # at the ends


# ---- The layout ----

ENTRIES = [
    Entry("cross_entropy", .2314567, .25, Best(.2314567, 3), True), Entry("val_error", .03367, .03, Best(.03, 2)),
    Entry("learning_rate", 3e-3, 3e-3), Entry("bad", float("-inf"), 2.), Entry("count", 12, None)]


def test_the_layout_of_80_columns():
    assert lay_out(ENTRIES, 80, 20) == [
        "                   value     change  best (epoch)",
        "  bad               -inf !",
        "  count               12",
        "  cross_entropy  0.23146 *   -0.019    0.2315 (3)",
        "  learning_rate    0.003          =",
        "  val_error      0.03367    +0.0037      0.03 (2)"]


def test_what_does_not_fit_is_left_out_step_by_step():
    heads = [lay_out(ENTRIES, 80, rows)[0].split() for rows in (5, 3, 2)]
    assert heads == [["value", "change", "best", "(epoch)"], ["value", "change"] * 2, ["value"] * 2]
    assert lay_out(ENTRIES, 80, 2)[-1] == "  1 more are not shown; ScalarPrinter(whitelist=...) chooses"
    shown = "".join(lay_out(ENTRIES, 80, 2))
    assert "learning_rate" not in shown and all(name in shown for name in ("bad", "cross_entropy", "val_error"))


@pytest.mark.parametrize("width", [30, 40, 57, 80, 132, 200, 500])
@pytest.mark.parametrize("names", [
    ["param-summary/conv{}/W-rms".format(i) for i in range(300)] + ["val_error"], ["x" * 300, "y" * 90],
    ["精度/训练" * 9, "a\nb\x1b[31m"], ["a"]], ids=["300", "long", "wide letters", "short"])
def test_a_table_stays_inside_of_the_terminal(width, names):
    entries = [Entry(name, 1 / 3, 1e-9, Best(1 / 3, 100) if "error" in name else None) for name in names]
    lines = lay_out(entries, width, 20)
    assert len(lines) <= 22
    for line in lines:
        assert sum(2 if ord(letter) > 0x2fff else 1 for letter in line) < width and line.isprintable()
    if "val_error" in names:
        shown = sum(len(re.findall(r"\S+(?= +0\.33333)", line)) for line in lines)
        assert "val_error" in " ".join(lines) and lines[-1].split()[0] == str(301 - shown)


@pytest.mark.parametrize("text, width, expected", [
    ("cost", 4, "cost"), ("tower-regularisation-cost", 12, "tower..-cost"), ("abcdef", 2, ".."), ("精度精度", 6, "精..度")])
def test_names_are_shortened_in_the_middle(text, width, expected):
    assert shorten(text, width) == expected


# ---- The time that is left ----


@pytest.mark.parametrize("seconds, options, epochs, expected", [
    ([10], {}, 3, TimeLeft(30, None)),
    ([10, 10, 10], {}, 3, TimeLeft(30, 0)),
    ([10, 12], {}, 2, TimeLeft(22, 1.4826 * 2)),
    ([10, 12], dict(median=False), 2, TimeLeft(22, math.sqrt(2) * 2)),
    ([10, 100, 10, 10], {}, 3, TimeLeft(30, 0)),  # one odd epoch
    ([100, 10, 12], dict(last_k=2), 2, TimeLeft(22, 1.4826 * 2)),
    ([10], {}, 0, None), ([], {}, 5, None)])
def test_the_time_left_and_its_spread(seconds, options, epochs, expected):
    times, now = EpochTimes(**options), 100.
    times.start(3, now)
    for epoch, duration in enumerate(seconds, 4):
        now += duration
        times.note(epoch, now)
        times.note(epoch, now + 5)  # the same epoch again
    left = times.left(epochs)
    assert left == expected if expected is None or expected.spread is None else left == pytest.approx(expected)


@pytest.mark.parametrize("seconds, spread, text", [
    (0.0123, None, "0.012 second"), (59.7, .04, "1 minute (± 0.04 second)"), (61, 0, "1 minute 1 second (± 0 second)"),
    (3599, 59.9, "59 minutes 59 seconds (± 1 minute)"), (3599.8, 100, "1 hour (± 2 minutes)"),
    (3789, 240, "1 hour 3 minutes (± 4 minutes)"),
    (90000, 86399, "1 day 1 hour (± 1 day)"), (1e7, 1, "115 days 18 hours (± 1 second)")])
def test_the_time_left_in_words(seconds, spread, text):
    assert str(TimeLeft(seconds, spread)) == text


def test_the_time_left_is_on_the_console_where_there_is_no_table(log_dir, log_records):
    with Terminal(80) as terminal:
        train_in_new_graph([EstimatedTimeLeft()], [], epochs=3)
    assert len([line for line in terminal.screen() if "Estimated Time Left: " in line]) == 2
    assert len([m for m in messages(log_records, "INFO") if m.startswith("Estimated Time Left: ")]) == 2
