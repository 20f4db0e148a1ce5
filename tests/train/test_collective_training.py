"""`CollectiveTrainer` with real workers: processes that are forked by one that has imported TensorFlow, talk over loopback, and
are killed, frozen, interrupted or made to fail."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from forked_programs import ROOT, Program, Server

from tensorpack.launch import _environments, _free_ports

SCRIPTS = os.path.join(ROOT, "tests", "scripts")
RUN = "import sys, collective_training; collective_training.main(sys.argv[1:])"
LIMIT = 120  # seconds for what takes two on a quiet machine
# What the issue promises, and what nobody may need.
SECONDS_AFTER_A_LOSS = 30


class Workers:
    """A training that runs in `size` processes."""

    def __init__(self, start, out, size, options):
        self.out = str(out)
        self.programs = [start(*options, out=self.out, **environ) for environ in _environments(size, None)]
        self.pids = [program.pid for program in self.programs]

    def wait(self, rank, seconds=LIMIT):
        """The exit status of a worker."""
        return self.programs[rank].wait(seconds)

    def statuses(self):
        return [self.wait(rank) for rank in range(len(self.pids))]

    def text(self, rank):
        """What a worker has written so far."""
        return re.sub("\x1b\\[[0-9;]*m", "", self.programs[rank].text())

    def wait_for_text(self, rank, text):
        self.programs[rank].wait_for_text(text, LIMIT)

    def final(self, rank):
        return dict(np.load(os.path.join(self.out, "FINAL-{}.npz".format(rank))))


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("workers") / "server.txt", "collective_training")
    yield server
    server.close()


@pytest.fixture
def start(server, tmp_path_factory):
    """Starts a worker: `start(*options, out=folder, VARIABLE="value")`; kills what still runs at the end of the test."""
    started = []

    def start_worker(*options, out, **variables):
        output = tmp_path_factory.mktemp("worker") / "output.txt"
        started.append(Program(server, ["-c", RUN, "--out", out] + list(options), ROOT, output, CUDA_VISIBLE_DEVICES="",
                               **variables))
        return started[-1]

    yield start_worker
    for program in started:
        program.kill()


@pytest.fixture
def train(start, tmp_path):
    """Starts workers: `train(size, *options)`."""
    def start_workers(size, *options, out=tmp_path):
        os.makedirs(str(out), exist_ok=True)
        return Workers(start, out, size, options)

    return start_workers


# ---- what is computed --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [
    ["--optimizer", "momentum"],
    ["--optimizer", "adam", "--resource", "--bucket-bytes", 40],
    pytest.param(["--optimizer", "sgd", "--bucket-bytes", 1], marks=pytest.mark.slow),
], ids=["momentum", "adam, resource variables, small buckets", "sgd, a bucket for each gradient"])
def test_parameters_depend_on_the_global_batch_only(train, tmp_path, options):
    runs = [train(size, *(options + ["--infer"]), out=tmp_path / str(size)) for size in (1, 2, 3)]
    for workers in runs:
        assert workers.statuses() == [0] * len(workers.pids), workers.text(0)
    alone = runs[0].final(0)
    assert alone["global_step"] == 8
    assert np.abs(alone["hidden/W"] - np.sin(1 + np.arange(20)).reshape(5, 4)).max() > 1e-3, "nothing was trained"
    for workers in runs:
        assert np.isfinite(workers.final(0)["hidden/W"]).all()
    for workers in runs[1:]:
        for rank in range(len(workers.pids)):
            final = workers.final(rank)
            assert sorted(final) == sorted(alone)
            for name in alone:
                np.testing.assert_allclose(final[name], alone[name], rtol=1e-6, atol=1e-6, err_msg=name)
        check_statistics(workers)
        check_streams(workers)
        check_chief(workers)
        check_progress_bars(workers)


def check_statistics(workers):
    """33 samples in 9 batches, the last of one: no number of workers divides that."""
    def read(rank, prefix):
        lines = re.findall(r"^STATISTICS {} (.*)$".format(prefix), workers.text(rank), re.M)
        return [[float(re.sub(r"[^0-9.e-]|np.float\d+", "", word)) for word in line.split()] for line in lines]

    alone = read(0, "alone")
    assert np.shape(alone) == (2, 4) and np.min(alone[0]) > 0
    for rank in range(len(workers.pids)):
        np.testing.assert_allclose(read(rank, "together"), alone, rtol=1e-6)


def check_streams(workers):
    """Under the same seed each worker draws its own random numbers, in DataFlows and in TensorFlow."""
    streams = [re.search(r"^STREAMS (\S+) (\S+)$", workers.text(rank), re.M).groups() for rank in range(len(workers.pids))]
    for kind in zip(*streams):
        assert len(set(kind)) == len(workers.pids), streams


def check_chief(workers):
    """The chief alone writes, one row for each epoch."""
    with open(os.path.join(workers.out, "log", "stats.json")) as f:
        rows = json.load(f)
    assert [row["epoch_num"] for row in rows] == [1, 2] and all("together_cost" in row for row in rows)


def check_progress_bars(workers):
    """Those of the steps and of both inference passes, in each of two epochs, on the chief alone."""
    shown = [len(re.findall(r"100%\|#+\|(\d+)/\1\[", workers.text(rank))) for rank in range(len(workers.pids))]
    assert shown == [6] + [0] * (len(workers.pids) - 1)


# flow for validation -> batches, datapoints and different datapoints that the inferencers of each worker see in a pass
SEEN = {
    "processes": (5, 240, 240), "one process": (6, 300, 300), "threads": (3, 120, 120), "unknown": (9, 33, 33),
    "other process": (9, 33, 33),
}


def test_each_pass_of_an_inference_sees_every_datapoint_once(train):
    workers = train(2, "--passes", *SEEN)
    assert workers.statuses() == [0, 0], workers.text(0)
    for rank in range(2):
        for name, expected in SEEN.items():
            seen = re.findall(r"^SEEN {}: (\d+) (\d+) (\d+)$".format(name), workers.text(rank), re.M)
            assert [tuple(map(int, each)) for each in seen] == [expected] * 2, (rank, name)
    check_logs(workers)


def check_logs(workers):
    """Other workers than the chief say nothing that is not for them."""
    assert "List of Trainable Variables" in workers.text(0) and "'hidden': [None, 5] --> " in workers.text(0)
    for rank in range(1, len(workers.pids)):
        text = workers.text(rank)
        assert "List of Trainable Variables" not in text and " --> " not in text
        assert not [line for line in text.split("\n") if " WRN " in line and "'fork'" not in line]
        assert "This worker has no log directory: it starts where rank 0 does." in text


def test_a_pass_in_which_workers_read_in_another_order_is_refused(train):
    workers = train(2, "--passes", "disorder")
    assert workers.statuses() == [1, 1]
    for rank in range(2):
        assert "SEEN" not in workers.text(rank)
        assert re.search("together all workers must see each datapoint once; got 33 datapoints", workers.text(rank))


# ---- how it ends -------------------------------------------------------------------------------------------------------

LOST = r"rank {}: it is lost"
FAILED = r"rank 1: it has failed \({}"


@pytest.mark.parametrize("setter, expected", [
    ("stat", [1, 1, 0.5, 0.5]), ("human", [1, 10, 20, 30]), ("human in steps", [1, 10, 20, 30]),
])
def test_all_workers_train_with_the_rate_that_the_chief_has_chosen(train, setter, expected):
    """Statistics and the log directory are the chief's; the others went on with the former rate."""
    workers = train(2, "--setter", setter, "--epochs", 4, "--steps", 2)
    assert workers.statuses() == [0, 0], workers.text(1)
    for rank in range(2):
        rows = re.findall(r"RATES (\d+) (\S+) (\S+)$", workers.text(rank), re.M)
        assert [int(step) for step, _, _ in rows] == list(range(1, 9))
        for column in (1, 2):
            assert [float(row[column]) for row in rows] == [value for value in expected for _ in range(2)]
        assert "has done nothing" not in workers.text(rank) and "there is no value of" not in workers.text(rank)


def rates(workers, rank):
    """Of the variable and of the attribute, in each step."""
    return [(float(a), float(b)) for a, b in re.findall(r"RATES \d+ (\S+) (\S+)$", workers.text(rank), re.M)]


def test_a_setter_that_the_chief_alone_has_holds_nobody_up(train):
    workers = train(2, "--setter", "stat", "--setter-of-chief", "--epochs", 3, "--steps", 2)
    assert workers.statuses() == [0, 0], workers.text(0)
    assert rates(workers, 0) == [(1, 1)] * 4 + [(0.5, 0.5)] * 2
    assert rates(workers, 1) == [(1, 1)] * 6


def test_a_training_that_is_resumed_goes_on_with_what_the_setters_of_the_chief_remember(train):
    for epochs in (2, 4):
        workers = train(2, "--setter", "double", "--save", "--epochs", epochs, "--steps", 2)
        assert workers.statuses() == [0, 0], workers.text(1)
    for rank in range(2):
        assert rates(workers, rank) == [(8, 8)] * 2 + [(16, 16)] * 2


@pytest.mark.parametrize("lost", [1, 0], ids=["worker", "chief"])
def test_when_a_worker_is_killed_the_others_name_it_and_a_restart_resumes(train, lost):
    workers = train(3, "--save", "--event", "kill", "--event-rank", lost, "--at", 6)
    assert workers.wait(lost) == -signal.SIGKILL
    start = time.time()
    for rank in set(range(3)) - {lost}:
        assert workers.wait(rank, SECONDS_AFTER_A_LOSS) == 1, workers.text(rank)
        assert re.search("Rank {} cannot train without the others; ".format(rank) + LOST.format(lost), workers.text(rank))
    print("ended after {:.2f} s".format(time.time() - start))
    again = train(3, "--save")
    assert again.statuses() == [0, 0, 0], again.text(0)
    for rank in range(3):
        assert "Start Epoch 1 " not in again.text(rank) and "ENDED at step 8" in again.text(rank), again.text(rank)
    np.testing.assert_array_equal(again.final(0)["out/W"], again.final(2)["out/W"])


def test_a_frozen_worker_is_lost(train):
    workers = train(2, "--event", "freeze", "--heartbeat", 3)
    assert workers.wait(0) == 1
    assert re.search("rank 1: it is lost .nothing was heard of it for 3 seconds", workers.text(0))
    os.kill(workers.pids[1], signal.SIGCONT)
    assert workers.wait(1) == 1 and re.search("Rank 1 cannot train without the others; rank [01]: it", workers.text(1))


@pytest.mark.parametrize("options, expected", [
    (["--event", "fail"], "ArithmeticError: out of ideas"),
    pytest.param(["--event", "exit"], "SystemExit: 7", marks=pytest.mark.slow),
    (["--odd", "nan", "--check-rank", 1], r"InvalidArgumentError: .*N[Aa]N"),
    (["--event", "interrupt"], "interrupted"),
    (["--odd", "data"], None),
    (["--event", "stop"], None),
], ids=["exception in a callback", "exit", "NaN", "Ctrl-C", "end of data", "StopTraining within an epoch"])
def test_when_one_worker_ends_the_other_names_it(train, options, expected):
    workers = train(2, *options)
    one, other = workers.wait(1), workers.wait(0)
    text = workers.text(0)
    if expected is None:
        assert one == 0, workers.text(1)
        beginning = "Rank 0 cannot train without the others" if other else "another worker has stopped"
        assert re.search(beginning + "; rank 1: it(s data have ended| has stopped)", text), text
    else:
        assert other == 1, text
        assert one == {"SystemExit: 7": 7, "interrupted": one}.get(expected, 1) and one != 0
        reason = "rank 1: it was interrupted. Start all workers again" if expected == "interrupted" else FAILED.format(expected)
        assert re.search("Rank 0 cannot train without the others; " + reason, text), text


def test_nan_of_a_worker_is_found_by_the_chief(train):
    workers = train(2, "--odd", "nan", "--check-rank", 0)
    assert workers.statuses() == [1, 1]
    assert "CheckNumerics['" in workers.text(0)
    assert re.search(r"Rank 1 cannot train without the others; rank 0: it has failed \(InvalidArgumentError", workers.text(1))


def test_ctrl_c_ends_a_worker_that_waits_for_a_frozen_one(train):
    workers = train(2, "--event", "freeze", "--event-rank", 0)
    workers.wait_for_text(0, "STEP 3")  # of which the other one may not have got everything
    workers.wait_for_text(1, "STEP 2")
    time.sleep(0.5)
    os.kill(workers.pids[1], signal.SIGINT)
    assert workers.wait(1) == 128 + signal.SIGINT, workers.text(1)
    assert "Rank 1 was interrupted" in workers.text(1)


@pytest.mark.parametrize("options", [
    ["--event", "sleep", "--stuck-seconds", 600, "--steps", 40],
    ["--steps", 100000],
    ["--steps", 100000, "--stuck-seconds", 600],
], ids=["one sleeps, one waits for it in TensorFlow", "anywhere", "anywhere, patient"])
def test_ctrl_c_on_all_is_no_failure(train, options):
    workers = train(2, *options)
    for rank in range(2):
        workers.wait_for_text(rank, "STEP 3")
    if "--event" in options:
        time.sleep(0.2)  # until rank 1 is in the next step
    for pid in workers.pids:
        os.kill(pid, signal.SIGINT)
    for rank in range(2):
        assert workers.wait(rank, SECONDS_AFTER_A_LOSS) in (130, -signal.SIGINT, 1 if sys.version_info < (3, 8) else 130)
        text = workers.text(rank).partition("Start Epoch 1")[2]
        assert len(re.findall(r"Detected Ctrl-C|Rank \d was interrupted", text)) == 1, text
        assert not re.search("Traceback|ERR|is lost|has failed|cannot train without", text), text


@pytest.mark.parametrize("options, steps", [
    (["--event", "sleep"], 8), (["--odd", "all data"], 2), (["--stop-after-epoch"], 4), (["--trainings", 2], 8),
], ids=["slow worker", "end of all data", "stop between epochs", "two trainings"])
def test_normal_ends(train, options, steps):
    workers = train(2, *options)
    assert workers.statuses() == [0, 0], workers.text(0)
    assert all("ENDED at step {}\n".format(steps) in workers.text(rank) for rank in range(2))
    assert "it/s]" in workers.text(0) and "it/s]" not in workers.text(1), "the progress bar is the chief's"


def test_the_chief_may_stop_between_epochs(train):
    workers = train(2, "--event", "stop", "--event-rank", 0, "--at", 4)
    assert workers.statuses() == [0, 0], workers.text(1)
    assert "another worker has stopped; rank 0: it has stopped (enough)" in workers.text(1)


@pytest.mark.parametrize("pipeline", ["good", "broken"])
def test_queue_runners_start_with_the_variables_of_the_chief(train, pipeline):
    workers = train(2, "--pipeline", pipeline, "--steps", 40 if pipeline == "broken" else 2)
    assert workers.statuses() == ([0, 0] if pipeline == "good" else [1, 1]), workers.text(1)
    if pipeline == "good":
        assert all("NUMBER 1.0" in workers.text(rank) for rank in range(2))
    else:
        assert "broken pipeline" in workers.text(1) and re.search(FAILED.format("InvalidArgumentError"), workers.text(0))


# ---- how it begins -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("odd, expected", [
    ("shape", "variable 'hidden/W' is float32 (5, 4) on rank 0, float32 (5, 5) on rank 1"),
    ("layer", "only rank 1 has variable 'more/W' (float32 (4, 4))"),
    ("operation", "only rank 1 has operation 'relu_of_my_own' (Relu)"),
    ("steps", "the same steps_per_epoch and max_epoch; got 4 and 2 on rank 0, 5 and 2 on rank 1"),
])
def test_a_worker_with_another_training_is_refused(train, odd, expected):
    workers = train(2, "--odd", odd)
    assert workers.statuses() == [1, 1]
    for rank in range(2):
        assert expected in workers.text(rank), workers.text(rank)
        assert "STEP 1" not in workers.text(rank)


def test_workers_that_do_not_come_are_named(start, tmp_path):
    worker = start("--start-seconds", 1, out=tmp_path, **_environments(3, None)[0])
    assert worker.wait(LIMIT) == 1
    assert "Rank 0 waits for all of 3 workers; rank 1, 2 did not come in time" in worker.text()


def test_a_worker_goes_on_with_a_warning_when_its_own_name_cannot_be_looked_up(start, tmp_path):
    environ = _environments(2, None)[0]
    config = json.loads(environ["TF_CONFIG"])
    config["cluster"]["worker"][0] = "nobody.invalid:2222"
    environ.update(TF_CONFIG=json.dumps(config), TENSORPACK_WATCHDOG="127.0.0.1:{}".format(_free_ports(1)[0]))
    worker = start("--start-seconds", 1, out=tmp_path, **environ)
    assert worker.wait(LIMIT) == 1
    assert "the name of this worker, nobody.invalid, cannot be looked up here" in worker.text()
    assert "rank 1 did not come in time" in worker.text()


# ---- started as users do -----------------------------------------------------------------------------------------------


def test_the_launcher_fails_when_a_worker_is_killed(tmp_path):
    command = [sys.executable, "-m", "tensorpack.launch", "-n", "2", os.path.join(SCRIPTS, "collective_training.py"),
               "--out", str(tmp_path), "--event", "kill"]
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=LIMIT, env=dict(os.environ, PYTHONPATH=ROOT, CUDA_VISIBLE_DEVICES=""))
    text = done.stdout.decode(errors="replace")
    assert done.returncode == 128 + signal.SIGKILL, text
    assert re.search(r"\[0\] .*Rank 0 cannot train without the others; rank 1: it is lost", text), text


# ---- on different addresses --------------------------------------------------------------------------------------------


@pytest.fixture
def hosts():
    """Two network namespaces with a cable between them: (name, address, device) of each."""
    if os.geteuid() or shutil.which("ip") is None:
        pytest.skip("network namespaces need root, and the command ip")
    mine = os.getpid()
    found = [("tensorpack-{}-{}".format(mine, k), "10.213.7.{}".format(k + 1), "tp{}-{}".format(mine % 10 ** 6, k))
             for k in range(2)]
    try:
        for name, _, _ in found:
            if subprocess.call(["ip", "netns", "add", name], stderr=subprocess.DEVNULL):
                pytest.skip("network namespaces are not allowed here")
        subprocess.check_call(["ip", "link", "add", found[0][2], "type", "veth", "peer", "name", found[1][2]])
        for name, address, device in found:
            subprocess.check_call(["ip", "link", "set", device, "netns", name])
            for command in (["addr", "add", address + "/24", "dev", device], ["link", "set", device, "up"],
                            ["link", "set", "lo", "up"]):
                subprocess.check_call(["ip", "-n", name] + command)
        yield found
    finally:
        for name, _, _ in found:
            subprocess.call(["ip", "netns", "del", name], stderr=subprocess.DEVNULL)


class Hosts:
    """A training with a worker in each network namespace."""

    def __init__(self, hosts, out, *options):
        workers = ["{}:2222".format(address) for _, address, _ in hosts]
        self.processes, self.logs = [], []
        for rank, (name, _, _) in enumerate(hosts):
            config = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": rank}}
            self.logs.append(str(out / "{}-{}.txt".format(rank, len(options))))
            with open(self.logs[-1], "w") as log:
                self.processes.append(subprocess.Popen(
                    ["ip", "netns", "exec", name, sys.executable, os.path.join(SCRIPTS, "collective_training.py"), "--out",
                     str(out)] + [str(option) for option in options], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    env=dict(os.environ, PYTHONPATH=ROOT, CUDA_VISIBLE_DEVICES="", TF_CONFIG=json.dumps(config))))

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        for process in self.processes:
            process.kill()
            process.wait()

    text = Workers.text
    wait_for_text = Workers.wait_for_text

    def statuses(self, seconds=LIMIT):
        return [process.wait(seconds) for process in self.processes]


@pytest.mark.slow
def test_workers_on_different_hosts(hosts, tmp_path):
    with Hosts(hosts, tmp_path) as training:
        assert training.statuses() == [0, 0], training.text(0)
        assert "ENDED at step 8" in training.text(1)


@pytest.mark.slow
def test_a_cable_that_breaks_ends_the_workers_at_both_ends(hosts, tmp_path):
    with Hosts(hosts, tmp_path, "--steps", 100000, "--heartbeat", 5) as training:
        for rank in range(2):
            training.wait_for_text(rank, "STEP 5")
        subprocess.check_call(["ip", "-n", hosts[0][0], "link", "set", hosts[0][2], "down"])
        assert training.statuses(SECONDS_AFTER_A_LOSS) == [1, 1]
        for rank in range(2):
            expected = r"Rank {} cannot train without the others; rank {}: it is lost".format(rank, 1 - rank)
            assert re.search(expected, training.text(rank)), training.text(rank)
