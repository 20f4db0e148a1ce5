"""`python -m tensorpack.launch` with real processes; their scripts need no TensorFlow, but the last one."""
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time

import psutil
import pytest

from tensorpack.launch import _Lines, _Stop

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LIMIT = 120  # seconds; what is tested takes less than one on a quiet machine
PRELUDE = """
import json, os, signal, subprocess, sys, time
rank = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
def say(text):
    print(text, flush=True)
def ready(pid):
    say("ready {}".format(pid))
def wait_for(path):
    while not os.path.exists(path):
        time.sleep(0.01)
def sleep_in_child(seconds):
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep({})".format(seconds)])
"""


@pytest.fixture
def script(tmp_path):
    """Writes a script of the given lines; returns its path."""
    def write(code):
        path = tmp_path / "script.py"
        path.write_text(PRELUDE + textwrap.dedent(code))
        return str(path)
    return write


@pytest.fixture
def start():
    """Starts the launcher with the given arguments; what still runs at the end of the test is killed."""
    started = []

    def run(*args, **variables):
        launcher = subprocess.Popen(
            [sys.executable, "-m", "tensorpack.launch"] + list(args), cwd=ROOT, env=dict(os.environ, **variables),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", errors="replace")
        started.append(launcher)
        return launcher

    yield run
    for launcher in started:
        if launcher.poll() is None:
            launcher.send_signal(signal.SIGTERM)
            launcher.send_signal(signal.SIGINT)  # the second one kills the workers
            try:
                launcher.communicate(timeout=LIMIT)
            except subprocess.TimeoutExpired:
                launcher.kill()
        launcher.communicate()


def finish(launcher):
    """(status, lines of stdout, lines of stderr)."""
    out, err = launcher.communicate(timeout=LIMIT)
    return launcher.returncode, out.split("\n")[:-1], err.split("\n")[:-1]


def read_until(launcher, count, pattern=r"\[(\d+)\] ready (\d+)"):
    """The matches in the first `count` lines of stdout that match."""
    found = []
    while len(found) < count:
        line = launcher.stdout.readline()
        assert line, "it ended: " + launcher.stderr.read()
        found += re.findall(pattern, line)
    return found


def wait_until_gone(pids):
    deadline = time.time() + LIMIT
    while any(is_running(pid) for pid in pids):
        assert time.time() < deadline, "still running: {}".format([pid for pid in pids if is_running(pid)])
        time.sleep(0.02)


def is_running(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


# ---- what workers get --------------------------------------------------------------------------------------------------


def test_each_worker_gets_its_task_of_one_cluster(start, script):
    status, out, err = finish(start("-n", "3", script("""
        say("{} {}".format(os.environ["TF_CONFIG"], os.environ["TENSORPACK_WATCHDOG"]))
    """), TENSORPACK_WATCHDOG="elsewhere:1"))
    assert (status, err) == (0, [])
    assert sorted(line[:4] for line in out) == ["[0] ", "[1] ", "[2] "]
    configs = []
    for line in sorted(out):
        text, watchdog = line[4:].rsplit(" ", 1)
        configs.append((json.loads(text), watchdog))
    assert [config["task"] for config, _ in configs] == [{"type": "worker", "index": k} for k in range(3)]
    assert all(config["cluster"] == configs[0][0]["cluster"] and watchdog == configs[0][1] for config, watchdog in configs)
    addresses = configs[0][0]["cluster"]["worker"] + [configs[0][1]]
    assert len(set(addresses)) == 4 and all(re.match(r"127\.0\.0\.1:\d+$", address) for address in addresses)


def test_workers_share_a_key_that_is_gone_afterwards(start, script):
    program = script("""
        path = os.environ["TENSORPACK_KEY"]
        say("{} {:o} {}".format(path, os.stat(path).st_mode & 0o777, open(path).read().strip()))
    """)
    status, out, err = finish(start("-n", "2", program))
    assert (status, err) == (0, [])
    (path, mode, key), other = (line[4:].split() for line in sorted(out))
    assert other == [path, mode, key] and mode == "600" and key.startswith("tensorpack-key-1:")
    assert not os.path.exists(os.path.dirname(path))


def test_a_key_of_the_user_is_handed_on(start, script, tmp_path):
    status, out, _ = finish(start("-n", "1", script("""say(os.environ["TENSORPACK_KEY"])"""), TENSORPACK_KEY="/of/the/user"))
    assert (status, out) == (0, ["[0] /of/the/user"])


@pytest.mark.parametrize("args", [
    ["--lr", "0.1", "-n", "7"], ["--g", "1"], ["--gpus", "--grace", "2"], ["-m"], ["-x", "-1", "--", "-n"],
    ["a b", "", "$HOME"],
], ids=" ".join)
def test_arguments_after_the_script_are_its_own(start, script, args):
    _, out, _ = finish(start("-n", "1", script("say(json.dumps(sys.argv[1:]))"), *args))
    assert json.loads(out[0][4:]) == args


def test_a_module_is_run_like_python_m(start, script, tmp_path):
    script("say(__name__ + ' ' + str(sys.argv[1:]))")
    _, out, _ = finish(start("-n", "1", "-m", "script", "-m", PYTHONPATH=ROOT + os.pathsep + str(tmp_path)))
    assert out == ["[0] __main__ ['-m']"]


@pytest.mark.parametrize("visible, expected", [("5,7,9", ["5", "7"]), ("GPU-a, GPU-b", ["GPU-a", "GPU-b"])])
def test_gpus_gives_each_worker_one(start, script, visible, expected):
    status, out, _ = finish(start("--gpus", "-n", "2", script("say(os.environ['CUDA_VISIBLE_DEVICES'])"),
                                  CUDA_VISIBLE_DEVICES=visible))
    assert status == 0 and sorted(out) == ["[0] " + expected[0], "[1] " + expected[1]]


@pytest.mark.parametrize("args, expected", [
    (["-n", "0", "x.py"], "-n must be positive; got 0"),
    (["-n", "2", "--gpus", "x.py"], "--gpus needs a GPU for each of 2 workers; found 1"),
    (["-n", "2"], "script"),
    (["x.py"], "-n"),
], ids=["no workers", "too few GPUs", "no script", "no number"])
def test_wrong_arguments_are_refused(start, args, expected):
    status, out, err = finish(start(*args, CUDA_VISIBLE_DEVICES="3"))
    assert status == 2 and out == [] and expected in err[-1]


def test_importing_it_needs_neither_tensorflow_nor_numpy():
    code = "import sys, tensorpack.launch; assert not {'tensorflow', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


# ---- output ------------------------------------------------------------------------------------------------------------


def test_output_goes_to_the_same_stream_at_once_without_newline_too(start, script):
    launcher = start("-n", "1", script("""
        print("first")  # not flushed by the script
        print("error", file=sys.stderr)
        time.sleep(0 if len(sys.argv) == 1 else float(sys.argv[1]))
    """), "600")
    assert launcher.stdout.readline() == "[0] first\n"
    assert launcher.stderr.readline() == "[0] error\n"
    status, out, err = finish(start("-n", "1", script("""
        sys.stdout.write("one\\n\\ntwo, no newline")
        sys.stderr.write("three")
    """)))
    assert (status, out, err) == (0, ["[0] one", "[0] ", "[0] two, no newline"], ["[0] three"])


def test_output_that_is_no_text_passes_in_any_locale(tmp_path, script):
    path = script("""
        sys.stdout.buffer.write(b"\\xff\\xfe \\xe2\\x82\\xac\\n")
        say("after it")
    """)
    environ = dict(os.environ, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    run = subprocess.run([sys.executable, "-m", "tensorpack.launch", "-n", "1", path], cwd=ROOT, env=environ,
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=LIMIT)
    assert run.stdout == b"[0] \xff\xfe \xe2\x82\xac\n[0] after it\n"


def test_a_flood_of_output_loses_nothing(start, script):
    status, out, err = finish(start("-n", "2", script("""
        for k in range(20000):
            print("line", k, "of a worker that says a lot")
            print("error", k, file=sys.stderr)
    """)))
    assert status == 0 and len(out) == len(err) == 40000
    for rank in range(2):
        assert [line for line in out if line.startswith("[{}]".format(rank))] == [
            "[{}] line {} of a worker that says a lot".format(rank, k) for k in range(20000)]


def test_workers_go_on_when_nobody_reads_their_output_any_more(start, script, tmp_path):
    launcher = start("-n", "2", script("""
        ready(os.getpid())
        wait_for(sys.argv[1])
        for _ in range(10000):
            print("nobody reads this")
        open(sys.argv[1] + str(rank), "w").close()
    """), str(tmp_path / "closed"))
    read_until(launcher, 2)
    launcher.stdout.close()
    (tmp_path / "closed").touch()
    assert launcher.wait(LIMIT) == 0
    assert (tmp_path / "closed0").exists() and (tmp_path / "closed1").exists()


def test_a_failing_worker_ends_the_others_while_the_output_is_not_read(start, script, tmp_path):
    launcher = start("-n", "2", "--grace", "0.2", script("""
        open(os.path.join(sys.argv[1], str(os.getpid())), "w").close()
        while rank == 0:
            print("more than a pipe holds")
        while len(os.listdir(sys.argv[1])) < 2:
            time.sleep(0.01)
        time.sleep(0.5)  # the pipes are full then
        sys.exit(4)
    """), os.mkdir(str(tmp_path / "pids")) or str(tmp_path / "pids"))
    deadline = time.time() + LIMIT
    while len(os.listdir(str(tmp_path / "pids"))) < 2:
        assert time.time() < deadline
        time.sleep(0.01)
    wait_until_gone(int(pid) for pid in os.listdir(str(tmp_path / "pids")))
    status, _, err = finish(launcher)
    assert status == 4 and "worker 1 has failed with status 4" in err[0]


@pytest.mark.parametrize("chunks, expected", [
    ([b"a\nb\n"], b"> a\n> b\n"),
    ([b"a", b"b\nc"], b"> ab\n> c\n"),
    ([b"\n\n"], b"> \n> \n"),
    ([b"windows\r\n", b"again\r", b"\n"], b"> windows\n> again\n> again\n"),
    ([b"10%\r20%\r100%\ndone"], b"> 100%\n> done\n"),
    ([b"\r10%", b"\r20%", b"\r30%", b"\n"], b"> 10%\n> 30%\n"),
    ([b"\r10%", b"\r20%"], b"> 10%\n> 20%\n"),
    ([b"\r"], b"> \n"),
    ([b"x" * 70000, b"y\n"], b"> " + b"x" * 70000 + b"\n> y\n"),
], ids=["lines", "line in two parts", "empty lines", "\\r\\n", "overwritten", "progress bar", "progress bar at the end",
        "only \\r", "very long"])
def test_lines_get_a_prefix_and_progress_bars_are_thinned(chunks, expected):
    lines = _Lines(b"> ", 1)
    assert b"".join(lines.feed(chunk) for chunk in chunks) + lines.end() == expected


def test_progress_is_shown_again_after_a_while(monkeypatch):
    now = [1000.]
    monkeypatch.setattr("tensorpack.launch.time.monotonic", lambda: now[0])
    lines = _Lines(b"> ", 1)
    assert lines.feed(b"\r1%") == b"> 1%\n"
    now[0] += 11
    assert lines.feed(b"\r2%") == b"> 2%\n"
    now[0] += 9
    assert lines.feed(b"\r3%") == b""


def test_a_flood_of_carriage_returns_takes_no_time_and_no_memory():
    lines = _Lines(b"> ", 1)
    start = time.time()
    for _ in range(50):
        lines.feed(b"\r1" * (1 << 15))
    assert time.time() - start < 100 and len(lines.end()) < 10


# ---- failures ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("death, status, message", [
    ("sys.exit(3)", 3, "worker 1 has failed with status 3"),
    ("raise KeyError('oops')", 1, "worker 1 has failed with status 1"),
    ("os.kill(os.getpid(), signal.SIGKILL)", 137, "worker 1 was killed by SIGKILL"),
    ("os.kill(os.getpid(), signal.SIGRTMIN + 1)", 128 + 35, "worker 1 was killed by signal 35"),
], ids=["status", "exception", "kill -9", "real-time signal"])
def test_the_status_is_that_of_the_first_that_fails_and_the_others_are_ended(start, script, tmp_path, death, status,
                                                                                    message):
    launcher = start("-n", "3", "--grace", "0.2", script("""
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(9))
        ready(os.getpid())
        if rank == 1:
            wait_for(sys.argv[1])
            exec(sys.argv[2])
        time.sleep(600)
    """), str(tmp_path / "go"), death)
    workers = [int(pid) for _, pid in read_until(launcher, 3)]
    (tmp_path / "go").touch()
    got, _, err = finish(launcher)
    assert got == status
    launch_says = [line for line in err if line.startswith("[launch]")]
    assert message in launch_says[0] and "sending SIGTERM to worker 0, 2" in launch_says[1]
    assert len([line for line in launch_says if "has failed" in line or "was killed" in line]) == 1
    if "oops" in death:
        assert err.index("[1] KeyError: 'oops'") < err.index(launch_says[0])
    assert not any(is_running(pid) for pid in workers)


def test_the_others_may_end_by_themselves(start, script, tmp_path):
    status, out, err = finish(start("-n", "2", script("""
        if rank == 0:
            wait_for(sys.argv[1])
            say("saved")
            sys.exit(5)
        open(sys.argv[1], "w").close()
        sys.exit(4)
    """), str(tmp_path / "failed")))
    assert status in (4, 5) and out == ["[0] saved"] and "sending" not in "".join(err)


def test_what_does_not_end_when_asked_is_killed(start, script, tmp_path):
    launcher = start("-n", "2", "--grace", "0.2", script("""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        ready(os.getpid())
        if rank == 0:
            wait_for(sys.argv[1])
            sys.exit(2)
        time.sleep(600)
    """), str(tmp_path / "go"))
    workers = [int(pid) for _, pid in read_until(launcher, 2)]
    (tmp_path / "go").touch()
    status, _, err = finish(launcher)
    assert status == 2 and "sending SIGKILL to worker 1" in err[-1]
    assert not any(is_running(pid) for pid in workers)


@pytest.mark.parametrize("end", ["pass", "sys.exit(1)", "os.kill(os.getpid(), signal.SIGKILL)"],
                         ids=["normally", "failing", "killed"])
def test_what_a_worker_has_started_ends_with_it(start, script, end):
    launcher = start("-n", "2", "--grace", "600", script("""
        ready(sleep_in_child(600).pid)
        if rank == 1:
            time.sleep(600)
        exec(sys.argv[1])
    """), end)
    children = {rank: int(pid) for rank, pid in read_until(launcher, 2)}
    wait_until_gone([children["0"]])
    assert is_running(children["1"]) and launcher.poll() is None
    launcher.send_signal(signal.SIGTERM)
    finish(launcher)
    wait_until_gone(children.values())


def test_a_process_that_has_left_the_group_does_not_hold_up_the_end(start, script):
    launcher = start("-n", "1", script("""
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
        ready(child.pid)
    """))
    (_, child), = read_until(launcher, 1)
    try:
        assert launcher.wait(LIMIT) == 0
    finally:
        os.kill(int(child), signal.SIGKILL)


# ---- signals -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=["Ctrl-C", "SIGTERM", "SIGHUP"])
def test_a_signal_is_passed_on_to_every_worker(start, script, number):
    launcher = start("-n", "2", script("""
        def end(number, _):
            say("got {}".format(number))
            sys.exit(0)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, end)
        ready(os.getpid())
        time.sleep(600)
    """))
    read_until(launcher, 2)
    launcher.send_signal(number)
    status, out, err = finish(launcher)
    assert status == 128 + number
    assert sorted(out) == ["[0] got {}".format(int(number)), "[1] got {}".format(int(number))]
    assert err == ["[launch] sending {} to worker 0, 1".format(number.name)]


def test_a_second_ctrl_c_kills(start, script):
    launcher = start("-n", "2", script("""
        signal.signal(signal.SIGINT, lambda *_: say("still saving"))
        ready(sleep_in_child(600).pid)
        while True:
            time.sleep(600)
    """))
    children = [int(pid) for _, pid in read_until(launcher, 2)]
    launcher.send_signal(signal.SIGINT)
    read_until(launcher, 2, "still saving")
    launcher.send_signal(signal.SIGINT)
    status, _, err = finish(launcher)
    assert status == 130 and "sending SIGKILL to worker 0, 1" in err[-1]
    wait_until_gone(children)


def test_what_ctrl_c_does_not_end_is_terminated(start, script):
    launcher = start("-n", "1", "--grace", "0.2", script("""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        ready(os.getpid())
        time.sleep(600)
    """))
    read_until(launcher, 1)
    launcher.send_signal(signal.SIGINT)
    status, _, err = finish(launcher)
    assert status == 130 and [line.split()[2] for line in err] == ["SIGINT", "SIGTERM"]


def test_an_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with _Stop() as stop:
            for number in (signal.SIGHUP, signal.SIGTERM):  # to this thread: others of the process would take it later
                signal.pthread_kill(threading.get_ident(), number)
            assert stop.take() == [signal.SIGTERM] and stop.take() == []
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)


def test_kill_9_of_the_launcher_leaves_no_worker_and_no_child_of_one(start, script):
    launcher = start("-n", "2", script("""
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        ready(os.getpid())
        ready(sleep_in_child(600).pid)
        time.sleep(600)
    """))
    pids = [int(pid) for _, pid in read_until(launcher, 4)]
    pids += [child.pid for child in psutil.Process(launcher.pid).children()]
    assert len(set(pids)) == 5  # with the guard
    launcher.kill()
    wait_until_gone(pids)


# ---- a real training ---------------------------------------------------------------------------------------------------


@pytest.mark.slow_on(1)
def test_the_script_of_the_tutorial_trains_and_goes_on_after_kill_9_of_a_worker(start, tmp_path):
    pytest.importorskip("tensorflow")
    with open(os.path.join(ROOT, "docs", "tutorial", "distributed.md"), encoding="utf-8") as f:
        code = re.search(r"```python\n(.*?)```", f.read(), re.S).group(1)
    assert code.count("max_epoch=3") == 1 and code.count('"train_log/distributed"') == 1
    log_dir = tmp_path / "log"
    code = code.replace('"train_log/distributed"', repr(str(log_dir))).replace("max_epoch=3", "max_epoch=int(sys.argv[1])")
    (tmp_path / "train.py").write_text("import sys\n" + code + "print('ENDED at', trainer.global_step)\n")

    without_keras = {"PYTHONPATH": ROOT, "TF_USE_LEGACY_KERAS": "1"}  # Keras 3 is half of TensorFlow's import
    launcher = start("-n", "2", str(tmp_path / "train.py"), "100000", **without_keras)
    wait_for_checkpoint(launcher, log_dir)
    second, = [child for child in psutil.Process(launcher.pid).children()
               if '"index": 1' in child.environ().get("TF_CONFIG", "")]
    second.kill()
    status, out, err = finish(launcher)
    assert status == 137 and any("worker 1 was killed by SIGKILL" in line for line in err)
    assert any(line.startswith("[0]") and "rank 1: it is lost" in line for line in out + err), "\n".join(out + err)

    epochs = len(json.loads((log_dir / "stats.json").read_text()))
    status, out, err = finish(start("-n", "2", str(tmp_path / "train.py"), str(epochs + 1), **without_keras))
    assert status == 0, "\n".join(err)
    steps = (epochs + 1) * (1500 // 2 // 32)
    assert sorted(line for line in out if "ENDED" in line) == ["[{}] ENDED at {}".format(rank, steps) for rank in range(2)]
    statistics = json.loads((log_dir / "stats.json").read_text())
    assert [entry["epoch_num"] for entry in statistics] == list(range(1, epochs + 2))
    assert 0 <= statistics[-1]["validation_error"] < 0.9


def wait_for_checkpoint(launcher, log_dir):
    deadline = time.time() + 4 * LIMIT
    while not (log_dir / "stats.json").exists() or not (log_dir / "checkpoint").exists():
        assert launcher.poll() is None, launcher.stderr.read()
        assert time.time() < deadline
        time.sleep(0.05)
