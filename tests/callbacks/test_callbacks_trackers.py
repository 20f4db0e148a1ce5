"""WandbMonitor and MLflowMonitor with the real packages: offline files of W&B, and a store and a server of MLflow."""
import glob
import importlib.util
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.request

import pytest
from small_training import messages

from tensorpack.callbacks._monitors.sender import BackgroundSender

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPT = os.path.join(HERE, "tracked_training.py")
needs_wandb = pytest.mark.skipif(importlib.util.find_spec("wandb") is None, reason="wandb is not installed")
needs_mlflow = pytest.mark.skipif(importlib.util.find_spec("mlflow") is None, reason="mlflow is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")  # of what mlflow uses of other packages


@pytest.fixture
def train(run_program, tmp_path):
    def run(max_epoch, monitor, *how, status=0):
        ended, output = run_program(SCRIPT, tmp_path / "log", max_epoch, monitor, *how, folder=tmp_path, timeout=240,
                                    WANDB_MODE="offline", WANDB_SILENT="true", MLFLOW_HTTP_REQUEST_MAX_RETRIES="1")
        assert ended == status, output[-3000:]
        return output

    return run


def records(path):
    """The records in a `.wandb` file: protocol buffers in a log of blocks of 32 KiB, as LevelDB writes them."""
    from wandb.proto.wandb_internal_pb2 import Record

    with open(path, "rb") as f:
        content = f.read()
    position, parts, found = 7, b"", []
    while position + 7 <= len(content):
        if 32768 - position % 32768 < 7:  # the rest of a block is empty
            position += 32768 - position % 32768
            continue
        _, length, kind = struct.unpack_from("<IHB", content, position)
        if kind == 0:
            break
        parts += content[position + 7:position + 7 + length]
        position += 7 + length
        if kind in (1, 4):  # whole, or the last part
            found.append(Record.FromString(parts))
            parts = b""
    return found


def history(found):
    """[{name: value}] of all rows that were logged."""
    rows = []
    for record in found:
        if record.WhichOneof("record_type") == "history":
            rows.append({item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in record.history.item})
    return rows


def runs_of_wandb(tmp_path):
    paths = glob.glob(str(tmp_path / "wandb" / "offline-run-*" / "*.wandb"))
    return [records(path) for path in sorted(paths, key=os.path.getmtime)]


@needs_wandb
def test_wandb_gets_scalars_pictures_and_checkpoints_and_goes_on_after_kill_9(train, tmp_path):
    train(3, "wandb=" + str(tmp_path), "kill", status=-signal.SIGKILL)
    (tmp_path / "log" / ".sending-of-a-killed-run").mkdir()
    with open(str(tmp_path / "log" / "wandb.json")) as f:
        identity = json.load(f)["id"]
    train(3, "wandb=" + str(tmp_path))
    first, second = runs_of_wandb(tmp_path)
    # that of the first may be empty: W&B writes some seconds later, and what it has not written is lost with the process
    assert {os.path.basename(path) for path in glob.glob(str(tmp_path / "wandb" / "offline-run-*" / "*.wandb"))} == {
        "run-{}.wandb".format(identity)}
    run = next(record.run for record in second if record.WhichOneof("record_type") == "run")
    assert (run.run_id, run.project) == (identity, "digits")
    config = {item.key or item.nested_key[0]: json.loads(item.value_json) for item in run.config.update}
    assert (config["rate"], config["depth"]) == (0.1, 3)
    costs = [{row["global_step"]: row["cost"] for row in history(found) if "cost" in row} for found in (first, second)]
    assert sorted(costs[1])[-1] == 15
    with open(str(tmp_path / "log" / "stats.json")) as f:
        wanted = {record["global_step"]: record["cost"] for record in json.load(f)}
    sent = {step: cost for found in costs for step, cost in found.items()}
    assert sent == pytest.approx({step: wanted[step] for step in sent})
    rows = history(second)
    (picture,) = [row for row in rows if row.get("picture/_type") == "image-file" and row["global_step"] == 15]
    assert (picture["picture/width"], picture["picture/height"]) == (6, 6)
    (numbers,) = [row for row in rows if row.get("numbers/_type") == "histogram" and row["global_step"] == 15]
    assert sum(numbers["numbers/values"]) == 20
    assert "model-15" in [alias for record in second for alias in record.artifact.aliases]
    assert not glob.glob(str(tmp_path / "log" / ".sending-*"))


@needs_mlflow
def test_mlflow_gets_scalars_pictures_and_checkpoints_and_goes_on_after_kill_9(train, tmp_path, monkeypatch):
    from mlflow.tracking import MlflowClient

    monkeypatch.chdir(tmp_path)  # for MLflow 1 artifacts are relative to the directory of whoever asks
    store = "sqlite:///" + str(tmp_path / "store.db")
    train(3, "mlflow=" + store, "kill", status=-signal.SIGKILL)
    client = MlflowClient(tracking_uri=store)
    experiment = client.get_experiment_by_name("digits").experiment_id
    (run,) = client.search_runs([experiment])
    assert run.info.status == "RUNNING"
    train(3, "mlflow=" + store)
    (run,) = client.search_runs([experiment])
    assert run.info.status == "FINISHED" and run.data.params == {"rate": "0.1", "depth": "3"}
    assert run.data.tags["mlflow.runName"] == "first"
    with open(str(tmp_path / "log" / "stats.json")) as f:
        wanted = {record["global_step"]: record["cost"] for record in json.load(f)}
    got = {metric.step: metric.value for metric in client.get_metric_history(run.info.run_id, "cost")}
    assert {5, 15} <= set(got)  # what is not sent yet is lost with a process that is killed
    common = set(got) & set(wanted)
    assert {step: got[step] for step in common} == pytest.approx({step: wanted[step] for step in common})
    assert run.data.metrics["a _b_"] == 3
    assert "images/picture/15.png" in [each.path for each in client.list_artifacts(run.info.run_id, "images/picture")]
    assert len(client.list_artifacts(run.info.run_id, "checkpoints/model-15")) == 2
    assert not glob.glob(str(tmp_path / "log" / ".sending-*"))


@needs_mlflow
@pytest.mark.slow_on(1)
def test_a_training_that_fails_is_a_failed_run(train, tmp_path, monkeypatch):
    from mlflow.tracking import MlflowClient

    monkeypatch.chdir(tmp_path)  # MLflow 1 makes a directory for artifacts where its client is
    store = "sqlite:///" + str(tmp_path / "store.db")
    assert "on purpose" in train(3, "mlflow=" + store, "fail", status=1)
    client = MlflowClient(tracking_uri=store)
    (run,) = client.search_runs([client.get_experiment_by_name("digits").experiment_id])
    assert run.info.status == "FAILED"


def statistics_of(tmp_path):
    with open(str(tmp_path / "log" / "stats.json")) as f:
        return {record["global_step"]: record["cost"] for record in json.load(f)}


def check_forks(output):
    assert output.count("processes ended: 0 0") == 2 and output.count("Training has finished!") == 1
    assert output.count("puts is left out; it was forked") == 2 and "calls failed" not in output


@needs_wandb
@pytest.mark.slow_on(1)
def test_wandb_is_left_alone_by_processes_that_are_forked(train, tmp_path):
    check_forks(train(2, "wandb=" + str(tmp_path), "fork"))
    (found,) = runs_of_wandb(tmp_path)
    costs = {row["global_step"]: row["cost"] for row in history(found) if "cost" in row}
    assert costs == pytest.approx(statistics_of(tmp_path)) and set(costs) == {5, 10}
    assert [record.exit.exit_code for record in found if record.WhichOneof("record_type") == "exit"] == [0]
    assert {alias for record in found for alias in record.artifact.aliases} == {"model-5", "model-10", "latest"}


@needs_mlflow
@pytest.mark.slow_on(1)
def test_mlflow_is_left_alone_by_processes_that_are_forked(train, tmp_path, monkeypatch):
    from mlflow.tracking import MlflowClient

    monkeypatch.chdir(tmp_path)
    store = "sqlite:///" + str(tmp_path / "store.db")
    check_forks(train(2, "mlflow=" + store, "fork"))
    client = MlflowClient(tracking_uri=store)
    (run,) = client.search_runs([client.get_experiment_by_name("digits").experiment_id])
    assert run.info.status == "FINISHED" and "x" not in run.data.metrics
    got = {metric.step: metric.value for metric in client.get_metric_history(run.info.run_id, "cost")}
    assert got == pytest.approx(statistics_of(tmp_path)) and set(got) == {5, 10}
    assert {each.path for each in client.list_artifacts(run.info.run_id, "checkpoints")} == {
        "checkpoints/model-5", "checkpoints/model-10"}


@needs_mlflow
def test_a_server_that_is_away_costs_the_training_nothing(train):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        output = train(2, "mlflow=http://127.0.0.1:{}".format(unused.getsockname()[1]), "quick")
    assert "MLflowMonitor: " in output and ("the training goes on without" in output or "are given up" in output)
    assert "Epoch 2 (global_step 10) finished" in output


@needs_mlflow
@pytest.mark.slow
@pytest.mark.parametrize("forks", [False, True], ids=["alone", "beside forks"])
def test_mlflow_with_its_server(train, tmp_path, forks):
    from mlflow.tracking import MlflowClient

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = "http://127.0.0.1:{}".format(port)
    commands = os.path.dirname(sys.executable)  # where its own server is as well
    server = subprocess.Popen(
        [os.path.join(commands, "mlflow"), "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
         "--backend-store-uri", "sqlite:///" + str(tmp_path / "store.db"),
         "--default-artifact-root", str(tmp_path / "artifacts")], cwd=str(tmp_path), start_new_session=True,
        env=dict(os.environ, PATH=os.pathsep.join([commands, os.environ.get("PATH", os.defpath)])))
    try:
        end = time.monotonic() + 120
        while True:
            try:
                urllib.request.urlopen(address + "/health", timeout=5).read()
                break
            except OSError:
                assert server.poll() is None and time.monotonic() < end, "the server does not start"
                time.sleep(0.5)
        output = train(2, "mlflow=" + address, *["fork"] * forks)
        if forks:
            check_forks(output)
        client = MlflowClient(tracking_uri=address)
        (run,) = client.search_runs([client.get_experiment_by_name("digits").experiment_id])
        assert [metric.step for metric in client.get_metric_history(run.info.run_id, "cost")] == [5, 10]
        assert run.info.status == "FINISHED" and "x" not in run.data.metrics
        assert run.data.tags["mlflow.runName"] == "first"
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait(30)


@pytest.mark.parametrize("kind, arguments, error, said", [
    ("WandbMonitor", {"config": 3}, TypeError, "config must be a dict"),
    ("WandbMonitor", {"flush_seconds": -1}, ValueError, "flush_seconds must be finite"),
    ("MLflowMonitor", {"config": [("a", 1)]}, TypeError, "config must be a dict"),
    ("MLflowMonitor", {"flush_seconds": float("nan")}, ValueError, "flush_seconds must be finite")])
def test_arguments_that_are_refused(kind, arguments, error, said):
    import tensorpack

    with pytest.raises(error, match="{}: {}".format(kind, said)):
        getattr(tensorpack, kind)(**arguments)


def test_calls_are_made_in_order_and_failures_are_counted(log_records):
    sender, made = BackgroundSender("Monitor", "the service"), []
    for number in range(100):
        sender.put(lambda number=number: made.append(number))
        if number in (3, 50):
            sender.put(lambda: 1 / 0)
    assert sender.close(30)
    assert made == list(range(100))
    assert [text for text in messages(log_records, "WARNING") if "Monitor" in text] == [
        "Monitor: cannot send to the service, and the training goes on without: ZeroDivisionError: division by zero",
        "Monitor: 2 calls failed and 0 were left out."]


def test_a_service_that_does_not_answer_is_given_up(log_records, monkeypatch):
    monkeypatch.setattr("tensorpack.callbacks._monitors.sender._CAPACITY", 5)
    sender, answer = BackgroundSender("Monitor", "the service"), threading.Event()
    begun = threading.Event()
    sender.put(lambda: (begun.set(), answer.wait(60)))
    assert begun.wait(30)
    start = time.monotonic()
    for _ in range(9):
        sender.put(lambda: None)
    assert not sender.close(0.2)
    assert time.monotonic() - start < 20
    answer.set()
    texts = [text for text in messages(log_records, "WARNING") if "Monitor" in text]
    assert len(texts) == 3 and "what comes now is left out" in texts[0]
    assert texts[1].startswith("Monitor: the service has not taken the last 6 calls within 0.2 seconds")
    assert texts[2] == "Monitor: 0 calls failed and 4 were left out."


def test_a_service_that_comes_late_gets_what_is_small(log_records, monkeypatch):
    monkeypatch.setattr("tensorpack.callbacks._monitors.sender._FIRST_PAUSE", 0.05)
    may_open, tries, got = threading.Event(), [], []

    def open_it():
        tries.append(len(got))
        if not may_open.is_set():
            raise OSError("no network")

    sender = BackgroundSender("Monitor", "the service", open_it)
    assert sender.put_item(got.extend, "first")
    end = time.monotonic() + 60
    while len(tries) < 3:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert not sender.put(lambda: got.append("big")) and sender.put_item(got.extend, "second")
    may_open.set()
    while not got:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert sender.put(lambda: got.append("third"))
    assert sender.close(30)
    assert "".join(got) == "firstsecondthird" and set(tries) == {0}
    assert [text for text in messages(log_records, "WARNING") if "Monitor" in text] == [
        "Monitor: cannot send to the service, and the training goes on without; it is tried again: OSError: no network",
        "Monitor: 0 calls failed and 1 were left out."]


def test_a_service_that_never_opens_is_tried_once_more_at_the_end(log_records):
    tries = []
    sender = BackgroundSender("Monitor", "the service", lambda: tries.append(1) or 1 / 0)
    for _ in range(3):
        sender.put_item(tries.extend, 1)
    start = time.monotonic()
    assert sender.close(60) and time.monotonic() - start < 30
    assert len(tries) in (1, 2)  # the end may come before the first
    texts = [text for text in messages(log_records, "WARNING") if "Monitor" in text]
    assert len(texts) == 2 and texts[1] == "Monitor: 3 calls failed and 0 were left out."


def test_a_checkpoint_that_is_not_taken_leaves_nothing(tmp_path, monkeypatch):
    from tensorpack import logger
    from tensorpack.callbacks._monitors.tracker import TrackerMonitor

    class Refusing:
        put = put_item = staticmethod(lambda *arguments: False)

    class Tracker(TrackerMonitor):
        _open = _send_scalars = _send_image = _send_files = _close = None
        global_step = 7

    monkeypatch.setattr(logger, "LOG_DIR", str(tmp_path))
    (tmp_path / "model-7.index").write_text("x")
    monitor = Tracker()
    monitor._sender = Refusing()
    monitor._put_checkpoint(str(tmp_path / "model-7"))
    assert os.listdir(str(tmp_path)) == ["model-7.index"]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return "sqlite:///" + str(tmp_path_factory.mktemp("mlflow") / "store.db")


@pytest.fixture
def mlflow_monitor(store, tmp_path, monkeypatch):
    """Makes a monitor with a store."""
    from tensorpack import MLflowMonitor

    monkeypatch.chdir(tmp_path)
    return lambda **options: MLflowMonitor(tracking_uri=store, **options)


@needs_mlflow
def test_names_and_values_that_mlflow_refuses(mlflow_monitor, log_records):
    from tensorpack.callbacks._monitors.tracker import ScalarsOfStep

    names = {"cost": "cost", "/a": "a", "b//c": "b/c", "d/../e": "d/e", "": "_", "f/": "f", "g*h:i": "g_h_i", "./k": "k",
             "j" * 300: "j" * 250, "精度": "精度"}
    monitor = mlflow_monitor(config={"a*b": 1, "a?b": 2, "last": 3})
    identity = monitor._open(None)
    monitor._send_config()
    monitor._send_scalars([ScalarsOfStep(3, 1e9, {name: float(value) for value, name in enumerate(names)})])
    data = monitor._client.get_run(identity).data
    assert data.metrics == {name: float(value) for value, name in enumerate(names.values())}
    assert data.params == {"a_b": "1", "last": "3"}
    (text,) = [text for text in messages(log_records, "WARNING") if "MLflowMonitor" in text]
    assert "has not taken the parameter a?b" in text
    monitor._send_config()  # again, as a training that is resumed does


@needs_mlflow
@pytest.mark.parametrize("make_lost", [
    lambda client, identity: "0" * 32, lambda client, identity: client.delete_run(identity) or identity],
    ids=["gone", "deleted"])
def test_a_run_that_is_gone_is_not_gone_on_with(mlflow_monitor, log_records, make_lost):
    monitor = mlflow_monitor()
    identity = monitor._open(None)
    assert monitor._open(identity) == identity
    lost = make_lost(monitor._client, identity)
    assert monitor._open(lost) not in (lost, identity)
    (text,) = [text for text in messages(log_records, "WARNING") if "MLflowMonitor" in text]
    assert "there is no run {} any more; a new one begins".format(lost) in text


@needs_wandb
@pytest.mark.parametrize("count, bins", [(1, 1), (512, 512), (513, 257), (1500, 500)])
def test_wandb_takes_histograms_of_many_bins(count, bins):
    import numpy as np

    from tensorpack import WandbMonitor

    class Run:
        rows = []
        log = rows.append

    monitor, counts, edges = WandbMonitor(), np.arange(count, dtype="float64"), np.linspace(-2, 3, count + 1)
    monitor._run = Run
    Run.rows.clear()
    monitor._send_histogram(5, "weights", counts, edges)
    (row,) = Run.rows
    histogram = row["weights"]
    assert len(histogram.histogram) == bins and sum(histogram.histogram) == counts.sum()
    assert (histogram.bins[0], histogram.bins[-1], len(histogram.bins)) == (-2, 3, bins + 1) and row["global_step"] == 5
