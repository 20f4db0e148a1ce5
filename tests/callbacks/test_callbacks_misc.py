"""Callbacks for the person who watches: remaining time, commands, and a shell."""
import os
import pty
import select
import sys
import time

import pytest
from small_training import Call, PutEachEpoch, messages, train

from tensorpack.callbacks import misc, stats
from tensorpack.callbacks.graph import DumpParamAsImage
from tensorpack.callbacks.misc import EstimatedTimeLeft, InjectShell, SendStat
from tensorpack.callbacks.trigger import PeriodicTrigger

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


# ---- EstimatedTimeLeft ------------------------------------------------------------------------------------------------

class Clock:
    """A clock that goes on when told to, in place of the module `time`."""

    now = 0.0

    def monotonic(self):
        return self.now


@pytest.mark.parametrize("kwargs, expected", [
    ({}, ["30 seconds", "1 minute 50 seconds", "10 seconds"]),  # the median of two is their mean
    (dict(median=False), ["30 seconds", "1 minute 50 seconds", "40 seconds"]),
    (dict(last_k_epochs=1), ["30 seconds", "3 minutes 20 seconds", "10 seconds"])], ids=str)
def test_the_remaining_time_is_logged_while_there_is_one(monkeypatch, log_records, kwargs, expected):
    clock = Clock()
    monkeypatch.setattr(misc, "time", clock)
    durations = {1: 10, 2: 100, 3: 10, 4: 10}

    def pass_time(cb):
        clock.now += durations[cb.epoch_num]

    train([Call(trigger_epoch=pass_time), EstimatedTimeLeft(**kwargs)], epochs=4)
    logged = [m for m in messages(log_records, "INFO") if m.startswith("Estimated Time Left: ")]
    assert logged == ["Estimated Time Left: " + text for text in expected]


def test_the_remaining_time_when_it_is_triggered_rarely_and_the_training_starts_late(monkeypatch, log_records):
    clock = Clock()
    monkeypatch.setattr(misc, "time", clock)

    def pass_time(cb):
        clock.now += 10

    train([Call(trigger_epoch=pass_time), PeriodicTrigger(EstimatedTimeLeft(), every_k_epochs=3)], starting_epoch=4, epochs=7)
    assert [m for m in messages(log_records, "INFO") if "Time Left" in m] == ["Estimated Time Left: 10 seconds"]


@pytest.mark.parametrize("last_k", [0, 2.5])
def test_some_epochs_must_count(last_k):
    with pytest.raises(ValueError, match="last_k_epochs"):
        EstimatedTimeLeft(last_k)


# ---- SendStat ---------------------------------------------------------------------------------------------------------

def test_a_command_gets_the_latest_values_at_each_trigger(tmp_path):
    out = tmp_path / "out"
    train([PutEachEpoch("val-error", {1: .5, 2: .25}), PutEachEpoch("a/b", {1: 3}),
           SendStat("echo {val-error:.3f} {a/b} {{}} >> " + str(out), ["val-error", "a/b"])])
    assert out.read_text().split("\n") == ["0.500 3 {}", "0.250 3 {}", ""]


def test_a_command_that_fails_is_logged(log_records):
    train([PutEachEpoch("x", {1: 1, 2: 2}), SendStat("exit {x}", "x")])
    assert len([m for m in messages(log_records, "ERROR") if "exit" in m and "failed" in m]) == 2


def test_a_statistic_without_value_is_an_error_with_near_names():
    with pytest.raises(KeyError, match="val_error.*val-error"):
        train([PutEachEpoch("val-error", {1: .5}), SendStat("echo {val_error}", ["val_error"])])


@pytest.mark.parametrize("command, names", [("echo {y}", ["x"]), ("echo {x:s}", ["x"]), ("echo", [])], ids=repr)
def test_wrong_commands(command, names):
    with pytest.raises(ValueError, match="SendStat: "):
        SendStat(command, names)


# ---- InjectShell ------------------------------------------------------------------------------------------------------

SCRIPT = """
import sys
sys.path.insert(0, {here!r})
from small_training import Call, train
from tensorpack.callbacks.misc import InjectShell
open("wanted", "w").close()
train([InjectShell("wanted", {shell!r})], epochs={epochs})
print("THE END")
"""


@pytest.fixture
def in_terminal(start_program, tmp_path):
    """`in_terminal(answers)`: what a training in a pseudo-terminal prints, whose user types `answers`, one for each prompt."""
    def run(answers, shell="pdb", epochs=1):
        (tmp_path / "script.py").write_text(SCRIPT.format(here=HERE, shell=shell, epochs=epochs))
        master, slave = pty.openpty()
        program = start_program("script.py", folder=tmp_path, terminal=os.ttyname(slave), TERM="dumb")
        try:
            return _talk(program, master, answers)
        finally:
            program.kill()
            os.close(slave)
            os.close(master)

    return run


def _talk(program, master, answers):
    output, answers, prompts = "", list(answers), 0
    deadline = time.time() + 300
    while time.time() < deadline and "THE END" not in output:
        if select.select([master], [], [], 0.2)[0]:
            output += os.read(master, 65536).decode("utf-8", "replace")
        elif program.poll() is not None:
            break
        if output.count("(Pdb) ") > prompts and answers:
            prompts += 1
            os.write(master, (answers.pop(0) + "\n").encode())
    return output


def test_a_shell_opens_in_a_terminal_and_training_goes_on_after_it(in_terminal, tmp_path):
    output = in_terminal(["print('found', trainer.epoch_num, self)", "c", "c"], epochs=2)
    assert "found 1 InjectShell" in output and output.count("(Pdb) ") == 3 and "THE END" in output
    assert not (tmp_path / "wanted").exists()


def test_quitting_the_shell_ends_training_normally_and_without_ipython_there_is_pdb(in_terminal):
    try:
        import IPython  # noqa: F401
        shell = "pdb"
    except ImportError:
        shell = "ipython"
    output = in_terminal(["q"], shell=shell, epochs=5)
    assert "Training ends here: " in output and "THE END" in output and "Start Epoch 2" not in output
    assert ("IPython is not installed" in output) == (shell == "ipython")


@pytest.mark.parametrize("shell", ["ipython", "pdb"])
def test_without_a_terminal_training_goes_on_and_says_so_once(tmp_path, monkeypatch, log_records, shell):
    monkeypatch.setattr("sys.stdin", open(os.devnull))
    path = tmp_path / "wanted"
    path.write_text("")
    try:
        trainer = train([InjectShell(str(path), shell)], epochs=3)
    finally:
        sys.stdin.close()
    assert trainer.epoch_num == 3 and not path.exists()
    assert len([m for m in messages(log_records, "WARNING") if "there is no terminal" in m]) == 1
    assert any(str(path) in m and shell in m for m in messages(log_records, "INFO"))


def test_without_the_file_nothing_happens(tmp_path, log_records):
    train([InjectShell(str(tmp_path / "wanted"))])
    assert not messages(log_records, "WARNING")


def test_an_unknown_shell():
    with pytest.raises(ValueError, match="shell must be 'ipython' or 'pdb'; got 'bash'"):
        InjectShell(shell="bash")


def test_the_former_module_has_the_same_callbacks():
    assert (stats.DumpParamAsImage, stats.InjectShell, stats.SendStat) == (DumpParamAsImage, InjectShell, SendStat)
