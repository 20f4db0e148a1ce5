"""tensorpack-report: the page of a run, from what the run left."""
import json
import math
import os
import re
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


@pytest.mark.parametrize("count, limit", [(300, 2e6), (10000, 4e6)])
def test_a_page_stays_small(tmp_path, count, limit):
    records = [dict(record, **{"statistic{}".format(i): i / record["epoch_num"] for i in range(8)}) for record in epochs(count)]
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


def test_names_cannot_break_the_page(tmp_path):
    name = "</script><script>alert(1)</script>"
    page = report(tmp_path, make_run(tmp_path / "run", [{name: 1.0, "epoch_num": 1}], ["x"]))
    assert "<script>alert(1)" not in page and "&lt;script&gt;alert(1)" in page


@pytest.mark.parametrize("text, count", [
    ('[{"a": 1}, {"a": 2}, {"a": ', 2), ('[{"a": 1}, 7]', 1), ("", 0), ("[", 0), ('{"a": 1}', 0), ("[{}]", None), ("[]", None),
    ('[{"a": NaN}, {"a": Infinity}, {"a": null}, {"a": 3}]', None),
    ('[{"a": "x"}, {"a": true}, {"a": [1]}, {"a": 1e999}]', None)])
def test_damaged_statistics_are_read_as_far_as_they_go(tmp_path, text, count):
    (tmp_path / "stats.json").write_text(text)
    history = read_history(str(tmp_path))
    if count is None:
        assert history.problem is None
        assert history.series == ({"a": pytest.approx([math.nan] * 3 + [3], nan_ok=True)} if "NaN" in text else {})
    else:
        assert len(history.epochs) == count and "damaged or half written" in history.problem


def test_records_without_a_moment_are_counted(tmp_path):
    make_run(tmp_path, [{"a": 1.0}, {"a": 2.0}])
    history = read_history(str(tmp_path))
    assert history.epochs == [1, 2] and history.steps == [None, None]


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
    (lambda p: p / "other", "one with notes.txt")])
def test_a_folder_without_a_run_is_refused(tmp_path, capsys, make, said):
    make_run(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("x")
    assert said in refused(capsys, make(tmp_path), "--output", tmp_path / "x.html")
    assert not (tmp_path / "x.html").exists()


@pytest.mark.parametrize("weight", ["1", "-0.1", "nan", "much"])
def test_a_weight_is_a_number_below_one(tmp_path, capsys, weight):
    with pytest.raises(SystemExit):
        main([str(tmp_path), "--smooth", weight])
    assert "from 0 to below 1" in capsys.readouterr().err


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


def test_a_running_training_is_followed(tmp_path):
    from tensorpack._cli._report.page import make_page
    from tensorpack._cli._report.serve import ReportServer

    folder = make_run(tmp_path / "run")
    with ReportServer(0, [folder], lambda: make_page(read_runs([folder]), 0.5, "run", 10)) as server:
        assert server.server_address[0] == "127.0.0.1"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            def get(path=""):
                with urllib.request.urlopen(server.address + path, timeout=30) as answer:
                    return answer.read().decode("utf-8")

            first = get()
            assert '<meta http-equiv="refresh" content="10">' in first and get() == first
            make_run(tmp_path / "run", epochs(9))
            assert words(get()).count("<td>9</td>") > words(first).count("<td>9</td>")
            with pytest.raises(urllib.error.HTTPError):
                get("elsewhere")
            os.remove(os.path.join(folder, "stats.json"))
            os.remove(os.path.join(folder, "log.log"))
            with pytest.raises(urllib.error.HTTPError) as e:
                get()
            assert e.value.code == 503 and b"must be the log directory" in e.value.read()
        finally:
            server.shutdown()
            thread.join(30)
