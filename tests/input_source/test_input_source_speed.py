import pytest

from tensorpack.input_source._speed import Progress, SpeedReport, verdict


@pytest.mark.parametrize("sizes, words", [
    (49 * 1000, ["98% full", "compute-bound"]),
    (26 * 1000, ["52% full", "compute-bound"]),
    (24 * 1000, ["48% full", "data-bound", "TestDataSpeed"]),
    (0, ["0% full", "data-bound"]),
    (70 * 1000, ["100% full", "compute-bound"]),
], ids=["full", "more_than_half", "less_than_half", "empty", "never_above_100%"])
def test_verdict_depends_on_how_full_the_queue_is(sizes, words):
    text = verdict(Progress(1000, 1.0, 100, 5), Progress(11000, 51.0, 1100, 5 + sizes), 50)
    for word in words + ["5 ms"]:
        assert word in text


def test_progress_adds_up():
    assert Progress().plus(10, 0.5, 7).plus(10, 0.25, 9) == Progress(20, 0.75, 2, 16)


def logged(log_records):
    return [r.getMessage() for r in log_records if "bound" in r.getMessage()]


def test_report_waits_for_enough_datapoints_and_counts_from_the_last_report(log_records):
    progress = Progress(199, 1.0, 20, 0)
    report = SpeedReport("QueueInput/input_queue", 50, lambda: progress)
    report.log()
    assert logged(log_records) == []
    progress = Progress(200, 1.0, 20, 20 * 50)
    report.log()
    assert "QueueInput/input_queue was 100% full" in logged(log_records)[0]
    progress = Progress(300, 1.0, 30, 20 * 50)
    report.log()
    assert len(logged(log_records)) == 1
    progress = Progress(400, 1.0, 40, 20 * 50)
    report.log()
    assert "0% full" in logged(log_records)[1]


def test_unbounded_queue_gets_no_report(log_records):
    SpeedReport("q", -1, lambda: Progress(1000, 1.0, 100, 1000)).log()
    assert logged(log_records) == []
