"""utils.timer: what is logged, and the arithmetic of a stop watch."""
import os
import re
import subprocess
import sys
import time

import pytest

from tensorpack.utils import timer
from tensorpack.utils.timer import IterSpeedCounter, Timer, timed_operation

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def messages(records):
    return [r.getMessage() for r in records]


def test_timed_operation_logs_the_end(log_records):
    with timed_operation("loading data"):
        time.sleep(0.02)
    (line,) = messages(log_records)
    seconds = re.match(r"^Loading data finished, time:(\d+\.\d{4}) sec\.$", line).group(1)
    assert 0.02 <= float(seconds) < 100


def test_timed_operation_logs_the_start_on_request(log_records):
    with timed_operation("loading data", log_start=True):
        assert messages(log_records) == ["Start loading data ..."]
    assert len(log_records) == 2


def test_timed_operation_is_silent_about_failures(log_records):
    with pytest.raises(KeyError):
        with timed_operation("loading data"):
            raise KeyError
    assert log_records == []


def test_total_timer_reports_when_the_program_exits():
    code = ("from tensorpack.utils.timer import total_timer\n"
            "for _ in range(3):\n    with total_timer('work'):\n        pass\n"
            "with total_timer('other'):\n    pass\n"
            "print('END')")
    out = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT).decode()
    assert re.search(r"END\n.*Total Time: work -> \d+\.\d\d sec, 3 times, \S+ sec/time\n.*Total Time: other -> .* 1 times", out)
    assert out.count("Total Time: work") == 1


def test_print_total_timer(log_records, monkeypatch):
    monkeypatch.setattr(timer, "_TOTAL_TIMES", {})
    timer.print_total_timer()
    assert log_records == []
    with timer.total_timer("x"):
        time.sleep(0.02)
    timer.print_total_timer()
    assert re.match(r"^Total Time: x -> \d+\.\d\d sec, 1 times, \d+\.\d+ sec/time$", messages(log_records)[0])


def test_iter_speed_counter_logs_every_n_calls(log_records):
    counter = IterSpeedCounter(2)
    for _ in range(5):
        counter()
    assert len(log_records) == 2
    assert re.match(r"^IterSpeed: .* 4 times", messages(log_records)[1])
    counter.reset()
    counter()
    assert len(log_records) == 2
    named = IterSpeedCounter(1, name="load")
    named()
    assert messages(log_records)[2].startswith("load: ")


def test_iter_speed_counter_needs_a_positive_number():
    with pytest.raises(ValueError, match="print_every must be positive; got 0"):
        IterSpeedCounter(0)


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test sets: `clock[0] = seconds`."""
    now = [100.0]
    monkeypatch.setattr(timer, "perf_counter", lambda: now[0])
    return now


def test_timer_excludes_pauses(clock):
    t = Timer()
    clock[0] += 2
    assert t.seconds() == 2 and not t.is_paused()
    t.pause()
    clock[0] += 10
    assert t.seconds() == 2 and t.is_paused()
    t.resume()
    clock[0] += 3
    assert t.seconds() == 5
    t.pause()
    t.reset()
    assert t.seconds() == 0 and not t.is_paused()


def test_timer_refuses_double_pause_and_resume():
    t = Timer()
    with pytest.raises(RuntimeError, match="must be paused"):
        t.resume()
    t.pause()
    with pytest.raises(RuntimeError, match="must be running"):
        t.pause()
