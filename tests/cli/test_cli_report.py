"""tensorpack-report: the page of a run, from what the run left."""
import json
import math
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import urllib.error
import urllib.request

import pytest
from run_folders import epochs, log_of, make_run

from tensorpack._cli._report.history import read_history
from tensorpack._cli._report.log import Mark, read_logs
from tensorpack._cli._report.run import read_runs
from tensorpack._cli.report import main
from tensorpack.utils._curves.arrange import best_of, charts_of, direction, settings_of, smooth, thinned

pytest.importorskip("bokeh")


def report(tmp_path, *arguments):
    path = tmp_path / "out" / "report.html"
    assert main([*map(str, arguments), "--output", str(path)]) == 0
    return path.read_text(encoding="utf-8")


def words(page):
    """The page without what Bokeh brings: scripts and styles."""
    return re.sub(r"<(script|style)\b.*?</\1>", "", page, flags=re.S)


def refused(capsys, *arguments):
    assert main([*map(str, arguments)]) == 1
    return capsys.readouterr().err


@pytest.mark.parametrize("names, titles", [
    (["train_error", "validation_error"], {"error": {"training": "train_error", "validation": "validation_error"}}),
    (["cost", "validation_cost"], {"cost": {"training": "cost", "validation": "validation_cost"}}),
    (["val/mAP", "train/mAP"], {"mAP": {"training": "train/mAP", "validation": "val/mAP"}}),
    (["loss_val", "loss_train"], {"loss": {"training": "loss_train", "validation": "loss_val"}}),
    (["val_x", "test_x"], {"x": {"validation": "test_x", "val_x": "val_x"}}),
    (["train", "val"], {"train": {"": "train"}, "val": {"": "val"}}),
    ([], {})])
def test_statistics_of_training_stand_beside_those_of_validation(names, titles):
    assert {chart.title: chart.names for chart in charts_of(names)} == titles


@pytest.mark.parametrize("name, which", [
    ("validation_error", "minimum"), ("total_cost", "minimum"), ("accuracy", "maximum"), ("val/mAP", "maximum"),
    ("bbox_AP50", "maximum"),
    ("queue_size", None), ("error_accuracy", None), ("kept", "maximum")])
def test_which_value_is_the_best(name, which):
    assert direction(name, {"kept": "maximum"}) == which


def test_the_first_of_the_best_values_counts():
    values = [3, math.nan, 1, 1, 5]
    assert (best_of(values, "minimum"), best_of(values, "maximum"), best_of(values, None)) == (2, 4, None)
    assert best_of([math.nan], "minimum") is None


def test_smoothing_starts_with_the_first_value_and_passes_over_gaps():
    assert smooth([2.0, 2.0, 2.0], 0.9) == pytest.approx([2.0, 2.0, 2.0])
    assert smooth([1.0, 5.0], 0) == [1.0, 5.0]
    result = smooth([math.nan, 4.0, math.nan, 8.0], 0.5)
    assert math.isnan(result[0]) and math.isnan(result[2]) and result[1:4:2] == pytest.approx([4, 20 / 3])


@pytest.mark.parametrize("count, most", [(0, 5), (5, 5), (6, 5), (10000, 2000)])
def test_long_curves_are_thinned_and_keep_their_ends(count, most):
    rows = thinned(count, most)
    assert len(rows) == min(count, most) == len(set(rows))
    assert not rows or (rows[0], rows[-1]) == (0, count - 1)


def test_hyper_parameters_are_known_by_the_log_or_by_name():
    assert settings_of(["learning_rate", "tower/lr", "alpha", "error"], {"alpha"}) == ["alpha", "learning_rate", "tower/lr"]


def test_the_log_tells_what_the_statistics_do_not(tmp_path):
    folder = make_run(tmp_path / "run", logs=[log_of(1, 3), log_of(3, 6, "train.py --again")])
    log = read_logs(folder)
    assert log.arguments == ["train.py --gpu 0", "train.py --again"]
    assert log.versions == "tensorpack 1, TensorFlow 2"
    assert log.variables[-1].split() == ["fc/W", "[8,", "4]", "32"]
    assert log.seconds[2] == 100 and log.seconds[6] == 4 and log.steps[6] == 120
    assert "compute-bound" in log.verdicts[4][1] and log.verdicts[4][0] == "QueueInput/input_queue"
    assert [mark[:2] for mark in log.marks] == [(3, "stall"), (3, "restart"), (6, "stall")]
    assert log.marks[1] == Mark(3, "restart", "train.py --again")
    assert log.settings == ["learning_rate"] and log.best == {"validation_error": "minimum"}
    assert [level for level, _ in log.messages] == ["WRN", "ERR"] * 2


def test_the_log_of_tensorpack_0_11_has_colours(tmp_path):
    text = re.sub(r"(\[1129 [^\]]*\])", "\x1b[32m\\1\x1b[0m", log_of(1, 6))
    text = re.sub(r" (WRN|ERR) ", " \x1b[5m\x1b[31m\\1\x1b[0m ", text)
    log = read_logs(make_run(tmp_path / "run", logs=[text]))
    plain = read_logs(make_run(tmp_path / "plain", logs=[log_of(1, 6)]))
    assert "\x1b" in text and len(log.seconds) == 6 and vars(log) == vars(plain)


@pytest.mark.parametrize("duration, seconds", [
    ("1 minute 40 seconds", 100), ("1 hour 1 second", 3601), ("3.2 sec", 3.2), ("3.2sec", 3.2), ("2 days 3 minutes", 172980)])
def test_durations_in_logs(tmp_path, duration, seconds):
    text = "[1129 08:48:52 @base.py:229] Epoch 1 (global_step 20) finished, time:{}.\n".format(duration)
    assert read_logs(make_run(tmp_path, logs=[text])).seconds == {1: pytest.approx(seconds)}


def test_logs_of_last_year_are_older(tmp_path):
    folder = make_run(tmp_path, logs=[log_of(5, 6, "third").replace("[1129", "[0103")])
    for name, text in (("log.log.1231-100000", log_of(1, 2, "first")), ("log.log.0102-100000", log_of(3, 4, "second"))):
        (tmp_path / name).write_text(text)
    log = read_logs(folder)
    assert log.arguments == ["first", "second", "third"]
    assert [mark.epoch for mark in log.marks if mark.kind == "restart"] == [3, 5]


def test_a_page_shows_what_a_run_left(tmp_path):
    page = words(report(tmp_path, make_run(tmp_path / "my run", logs=[log_of(1, 3), log_of(3, 6)])))
    for text in ("<title>my run</title>", "best validation_error", "0.08 (epoch 5)", "restart before epoch 3",
                 "stall in epoch 6", "train.py --gpu 0", "TensorFlow 2", "fc/W",
                 "compute-bound in 3 of 6 epochs, data-bound in 3 of 6 epochs",
                 "learning_rate as a table", "Something &lt;b&gt;went&lt;/b&gt; wrong"):
        assert text in page, text


def test_a_page_needs_nothing_from_elsewhere(tmp_path):
    page = report(tmp_path, make_run(tmp_path / "run"))
    assert not re.search(r"<(script|link|img|iframe)[^>]*(src|href)=[\"'](?!data:)", page)
    assert 'name="viewport"' in page and "prefers-color-scheme: dark" in page and '<html lang="en">' in page
    assert len(re.findall('role="img" aria-label="[^"]+"', page)) == page.count("<figure>") == 4


@pytest.mark.parametrize("count, statistics, limit", [(300, 31, 2e6), (10000, 8, 4e6)])
def test_a_page_stays_small(tmp_path, count, statistics, limit):
    records = [dict(record, **{"statistic{}".format(i): i / record["epoch_num"] for i in range(statistics)})
               for record in epochs(count)]
    page = report(tmp_path, make_run(tmp_path / "run", records))
    assert len(page) < limit
    rows = page.count("<tr>", page.index("cost as a table"), page.index("error as a table"))
    assert rows == 301
    assert ("300 of 10000 epochs" in page) == (count == 10000)


def test_runs_with_other_statistics_are_laid_over_each_other(tmp_path):
    other = [{"cost": 1.0, "accuracy": 0.5, "epoch_num": 1, "global_step": 7}]
    page = words(report(tmp_path, make_run(tmp_path / "a" / "log"), make_run(tmp_path / "b" / "log", other)))
    assert "<title>a/log, b/log</title>" in page
    assert "a/log: cost" in page and "b/log: cost" in page and "b/log: accuracy" in page and "a/log: accuracy" not in page


@pytest.mark.parametrize("name, shown", [
    ("</script><script>alert(1)</script>", "&lt;script&gt;alert(1)"), ("a}b{c", "a}b{c"), ("half \ud83d", "half ?"),
    ("精度", "精度")])
def test_names_cannot_break_the_page(tmp_path, name, shown):
    page = report(tmp_path, make_run(tmp_path / "run", [{name: 1.0, "epoch_num": 1}], ["x"]))
    assert "<script>alert(1)" not in page and shown in words(page)
    assert "@{raw" in page and "@{raw " + name not in page


@pytest.mark.parametrize("text, count", [
    ('[{"a": 1}, {"a": 2}, {"a": ', 2), ('[{"a": 1}, 7]', 1), ("", 0), ("[", 0), ('{"a": 1}', 0), ("[{}]", None), ("[]", None),
    ('[{"a": NaN}, {"a": Infinity}, {"a": null}, {"a": 3}]', None),
    ('[{"a": "x"}, {"a": true}, {"a": [1]}, {"a": 1e999}]', None)])
def test_damaged_statistics_are_read_as_far_as_they_go(tmp_path, text, count):
    (tmp_path / "stats.json").write_text(text)
    history = read_history(str(tmp_path))
    if count is None:
        assert history.problem is None
        assert {name: series.values for name, series in history.series.items()} == (
            {"a": pytest.approx([math.nan] * 3 + [3], nan_ok=True)} if "NaN" in text else {})
    else:
        assert len(history.epochs) == count and "damaged or half written" in history.problem


def test_records_without_a_moment_are_counted(tmp_path):
    make_run(tmp_path, [{"a": 1.0}, {"a": 2.0}])
    history = read_history(str(tmp_path))
    assert history.epochs == [1, 2] and history.steps == [None, None]


def record(epoch, step, **values):
    return dict(values, epoch_num=epoch, global_step=step)


POSITIONS = {  # (epoch, global step) of records: where they lie
    "epochs": ([(1, 20), (2, 40), (3, 60)], [1, 2, 3]),
    "before the training": ([(0, 0), (1, 20), (2, 40)], [0, 1, 2]),
    "steps": ([(1, 10), (1, 20), (2, 25), (2, 40)], [0.5, 1, 1.25, 2]),
    "an epoch that is not over": ([(1, 20), (2, 40), (3, 45)], [1, 2, 2.25]),
    "other epochs after a restart": ([(1, 20), (2, 40), (3, 120), (4, 160), (4, 200)], [1, 2, 3, 3.5, 4]),
    "a part of a run": ([(7, 10), (7, 20), (8, 30), (8, 40)], [7, 7, 7.5, 8]),
    "steps of no use": ([(1, 20), (2, 20), (3, 10)], [1, 2, 3]),
    "no steps": ([(1, None), (2, 2.5), (3, "x")], [1, 2, 3]),
    "no epochs": ([(None, None), ("7", 20), (-4, 30), (10 ** 30, 10 ** 30)], [1, 2, 3, 4]),
}


@pytest.mark.parametrize("moments, positions", list(POSITIONS.values()), ids=list(POSITIONS))
def test_records_within_an_epoch_lie_before_its_end(tmp_path, moments, positions):
    make_run(tmp_path, [record(epoch, step, a=1.0) for epoch, step in moments])
    assert read_history(str(tmp_path)).series["a"].positions == pytest.approx(positions)


def test_a_statistic_has_only_the_epochs_in_which_it_was_taken(tmp_path):
    make_run(tmp_path, [record(epoch, 20 * epoch, cost=1.0, **({"error": epoch / 10} if epoch % 5 == 0 else {}))
                        for epoch in range(1, 11)] + [record(11, 220, cost=None, error=None)])
    history = read_history(str(tmp_path))
    assert history.series["error"].epochs == [5, 10, 11]
    assert history.series["error"].values == pytest.approx([0.5, 1, math.nan], nan_ok=True)
    assert len(history.series["cost"].values) == 11


def curves(tmp_path, name, records):
    """Of each glyph in the picture of a statistic, its name and its finite values."""
    import numpy as np

    from tensorpack._cli._report.charts import Painter

    picture = next(each for each in Painter(read_runs([make_run(tmp_path, records)]), 0.5).pictures() if each.title == name)
    shown = {}
    for glyph in picture.figure.renderers:
        field = glyph.glyph.y
        values = np.asarray(glyph.data_source.data[field if isinstance(field, str) else field["field"]])
        shown[glyph.name] = values[np.isfinite(values)].tolist()
    return shown


@pytest.mark.parametrize("name, values, points", [
    ("queue", [3.0], [3]), ("learning_rate", [0.5], [0.5]), ("queue", [1.0, None, 3.0, 4.0, None, 6.0], [1, 6]),
    ("queue", [1.0, 2.0], None)])
def test_what_no_line_shows_is_a_point(tmp_path, name, values, points):
    records = [record(epoch, 20 * epoch, **{name: value}) for epoch, value in enumerate(values, 1)]
    assert curves(tmp_path, name, records).get("point") == points


def test_huge_values_leave_room_for_differences(tmp_path):
    records = [record(epoch, 20 * epoch, cost=(-1) ** epoch * 1.7e308) for epoch in range(1, 6)]
    shown = curves(tmp_path, "cost", records)
    assert {"raw", "curve", "best"} <= set(shown)
    assert all(abs(value) <= 1e300 for values in shown.values() for value in values)


def test_a_page_of_many_statistics_costs_as_much_for_each_as_one_of_few(tmp_path):
    bokeh = pytest.importorskip("bokeh.model")

    def looks(count):
        """How often Bokeh goes through what belongs to a model."""
        records = [{"statistic{:03d}".format(i): 1.0 for i in range(count)}]
        folder, calls, plain = make_run(tmp_path / str(count), records), [], bokeh.Model.references
        bokeh.Model.references = lambda model: calls.append(model) or plain(model)
        try:
            report(tmp_path, folder)
        finally:
            bokeh.Model.references = plain
        return len(calls)

    few, many = looks(2), looks(8)
    assert many <= 4 * few


def test_a_page_says_what_could_not_be_read(tmp_path):
    folder = make_run(tmp_path / "run")
    (tmp_path / "run" / "stats.json").write_text(json.dumps(epochs(6))[:-30])
    page = words(report(tmp_path, folder))
    assert "damaged or half written; 5 complete records are shown" in page and "error as a table" in page
    os.remove(os.path.join(folder, "log.log"))
    assert "There is no log.log" in report(tmp_path, folder)
    os.remove(os.path.join(folder, "stats.json"))
    assert main([folder]) == 1


@pytest.mark.parametrize("make, said", [
    (lambda p: p / "gone", "a name that does not exist"),
    (lambda p: p / "stats.json", "a file; give the directory it is in"),
    (lambda p: p / "empty", "one with nothing in it"),
    (lambda p: p / "other", "one with notes.txt"),
    (lambda p: p / "all", "one with b, notes, run1, run2; try {0}/run1 {0}/run2")])
def test_a_folder_without_a_run_is_refused(tmp_path, capsys, make, said):
    make_run(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("x")
    for name in ("b", "notes"):
        (tmp_path / "all" / name).mkdir(parents=True)
    make_run(tmp_path / "all" / "run1")
    make_run(tmp_path / "all" / "run2")
    assert said.format(tmp_path / "all") in refused(capsys, make(tmp_path), "--output", tmp_path / "x.html")
    assert not (tmp_path / "x.html").exists()


def test_a_page_is_no_directory(tmp_path, capsys):
    folder = make_run(tmp_path / "run")
    assert "--output: must be a file; got the directory {0}; try {0}/report.html".format(tmp_path) in refused(
        capsys, folder, "--output", tmp_path)


@pytest.mark.parametrize("weight", ["1", "-0.1", "nan", "much"])
def test_a_weight_is_a_number_below_one(tmp_path, capsys, weight):
    with pytest.raises(SystemExit):
        main([str(tmp_path), "--smooth", weight])
    assert "from 0 to below 1" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["65536", "-1", "1.5", "x"])
def test_a_port_is_one(tmp_path, capsys, port):
    with pytest.raises(SystemExit):
        main([str(tmp_path), "--serve=" + port])
    assert "must be a port, from 0 to 65535" in capsys.readouterr().err


def test_images_of_the_event_files_are_shown(tmp_path):
    tf = pytest.importorskip("tensorpack.compat").tfv1
    cv2 = pytest.importorskip("cv2")
    import numpy as np

    folder = make_run(tmp_path / "run")
    with tf.Graph().as_default():
        writer = tf.summary.FileWriter(folder)
        for step, colour in (1, 0), (7, 200):
            content = cv2.imencode(".png", np.full([4, 4, 3], colour, "uint8"))[1].tobytes()
            image = tf.Summary.Image(height=4, width=4, colorspace=3, encoded_image_string=content)
            writer.add_summary(tf.Summary(value=[tf.Summary.Value(tag="samples", image=image)]), step)
        writer.close()
    (run,) = read_runs([folder])
    assert [(image.tag, image.step, image.kind, image.content) for image in run.images] == [("samples", 7, "png", content)]
    page = report(tmp_path, folder)
    assert 'alt="samples, step 7" src="data:image/png;base64,' in page
    (path,) = (tmp_path / "run").glob("events.*")
    path.write_bytes(path.read_bytes()[:-20])
    (run,) = read_runs([folder])
    assert [image.step for image in run.images] == [1]


def test_a_running_training_is_followed(tmp_path, capfd):
    from tensorpack._cli._report.page import make_page
    from tensorpack._cli._report.serve import ReportServer

    folder = make_run(tmp_path / "run")
    with ReportServer(0, [folder], lambda: make_page(read_runs([folder]), 0.5, "run"), 10) as server:
        assert server.server_address[0] == "127.0.0.1"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            def get(path=""):
                with urllib.request.urlopen(server.address + path, timeout=30) as answer:
                    assert answer.headers["Refresh"] == "10"
                    return answer.read().decode("utf-8")

            first = get()
            assert get() == first
            make_run(tmp_path / "run", epochs(9))
            assert words(get()).count("<td>9<") > words(first).count("<td>9<")
            with pytest.raises(urllib.error.HTTPError):
                get("elsewhere")
            os.remove(os.path.join(folder, "stats.json"))
            os.remove(os.path.join(folder, "log.log"))
            with pytest.raises(urllib.error.HTTPError) as e:
                get()
            assert e.value.code == 503 and b"must be the log directory" in e.value.read()
            assert e.value.headers["Refresh"] == "10"  # it may come back
            make_run(tmp_path / "run")
            (tmp_path / "run" / "stats.json.tmp").symlink_to("renamed-by-now")
            assert "error as a table" in get()
            with socket.create_connection(server.server_address, 30) as leaves:
                leaves.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                leaves.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert get()
        finally:
            server.shutdown()
            thread.join(30)
    assert "Traceback" not in capfd.readouterr().err


def test_a_training_that_has_not_written_yet_is_waited_for(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    command = [sys.executable, "-c", "from tensorpack._cli.report import main; main()", str(folder), "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8") as process:
        try:
            address = process.stdout.readline().split(" ")[0]
            with pytest.raises(urllib.error.HTTPError) as e:
                urllib.request.urlopen(address, timeout=60)
            assert e.value.code == 503 and b"nothing in it" in e.value.read() and e.value.headers["Refresh"] == "10"
            make_run(folder)
            with urllib.request.urlopen(address, timeout=60) as answer:
                assert "error as a table" in answer.read().decode("utf-8")
        finally:
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
    assert "got one with nothing in it; it is followed" in errors and process.returncode == 0
