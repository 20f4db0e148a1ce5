"""Processes that die: a killed worker is an error at once, and a dead consumer takes its workers along, however it dies."""
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from parallel_flows import Count, Noting, Sleeping, Suicide

from tensorpack.dataflow.parallel import MultiProcessRunner, MultiProcessRunnerZMQ
from tensorpack.dataflow.parallel_map import MultiProcessMapDataZMQ
from tensorpack.dataflow.raw import DataFromList

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LIMIT = 120  # seconds; the promise is one, on a machine that is not loaded

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc")

RUNNERS = {
    "R": lambda ds, num=1: MultiProcessRunner(ds, 5, num),
    "Z": lambda ds, num=1: MultiProcessRunnerZMQ(ds, num, hwm=5),
}


@pytest.fixture(params=sorted(RUNNERS))
def runner(request):
    return RUNNERS[request.param]


def is_alive(pid):
    try:
        with open("/proc/{}/stat".format(pid)) as f:
            return f.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def expect_death(df, pid, sig):
    start = time.time()
    text = r"pid {}\) was killed by signal {} \({}\)".format(pid, sig.name, int(sig))
    with pytest.raises(RuntimeError, match=text):
        for _ in range(1000):
            for _ in df:
                pass
    assert time.time() - start < LIMIT
    with pytest.raises(RuntimeError, match=text):  # and again
        next(iter(df))
    assert not multiprocessing.active_children()


# ---- a dead worker

@pytest.mark.parametrize("at,sig", [(-1, signal.SIGKILL), (0, signal.SIGKILL), (3, signal.SIGKILL), (3, signal.SIGUSR1)],
                         ids=lambda v: getattr(v, "name", None))
def test_good_datapoints_before_a_death_arrive(runner, at, sig):
    df = runner(Suicide(at, sig))
    df.reset_state()
    got = []
    with pytest.raises(RuntimeError, match=sig.name):
        for dp in df:
            got.append(dp[0])
    assert got == list(range(max(at, 0)))


@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGTERM], ids=lambda s: s.name)
def test_a_worker_killed_while_it_is_idle(runner, sig):
    df = runner(Count(1000), num=2)
    df.reset_state()
    next(iter(df))
    time.sleep(0.1)
    process = df._workers.processes[1]
    os.kill(process.pid, sig)
    expect_death(df, process.pid, sig)


def test_a_worker_killed_while_it_makes_a_datapoint(runner):
    df = runner(Sleeping())
    df.reset_state()
    iterator = iter(df)
    _, pid = next(iterator)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(RuntimeError, match="SIGKILL"):
        next(iterator)


def test_a_worker_killed_in_the_middle_of_a_message(runner, monkeypatch):
    from tensorpack.dataflow._parallel.transport.channel import Channel

    send = Channel._send_bytes

    def send_half(self, data, rights=()):
        if os.getpid() != consumer and len(data) > 5000:
            send(self, data[:len(data) // 2], rights)
            os.kill(os.getpid(), signal.SIGKILL)
        send(self, data, rights)

    consumer = os.getpid()
    monkeypatch.setattr(Channel, "_send_bytes", send_half)
    df = runner(DataFromList([[1], [2], ["x" * 9000]], shuffle=False))
    df.reset_state()
    iterator = iter(df)
    assert [next(iterator), next(iterator)] == [[1], [2]]
    with pytest.raises(RuntimeError, match="SIGKILL"):
        next(iterator)


def test_a_worker_killed_at_its_start(runner):
    for delay in (0, 0.002, 0.01):
        df = runner(Count(10))
        df.reset_state()
        time.sleep(delay)
        pid = df._workers.processes[0].pid
        os.kill(pid, signal.SIGKILL)
        expect_death(df, pid, signal.SIGKILL)


def test_a_worker_killed_at_random_moments_never_hangs_nor_spoils_data(tmp_path):
    for delay in np.linspace(0, 0.03, 15):
        df = MultiProcessRunnerZMQ(Noting(str(tmp_path / "made"), (60, 1000)), 2, hwm=3)
        df.reset_state()
        iterator, victim = iter(df), df._workers.processes[0].pid
        end = time.time() + delay
        with pytest.raises(RuntimeError, match="SIGKILL"):
            while True:
                array = next(iterator)[0]
                assert (array == array[0, 0]).all()
                if time.time() > end and victim:
                    os.kill(victim, signal.SIGKILL)
                    victim = None


def test_a_map_whose_idle_worker_is_killed():
    for strict in (False, True):
        df = MultiProcessMapDataZMQ(Count(1000), 2, list, buffer_size=10, strict=strict)
        df.reset_state()
        next(iter(df))
        pid = df._procs[0].pid
        os.kill(pid, signal.SIGKILL)
        expect_death(df, pid, signal.SIGKILL)


# ---- a dead consumer

CONSUMER = """
import os, signal, sys, threading, time
sys.path[:0] = [{root!r}, {tests!r}]
from parallel_flows import Count, Sleeping, double
from tensorpack.dataflow.parallel import MultiProcessRunner, MultiProcessRunnerZMQ
from tensorpack.dataflow.parallel_map import MultiProcessMapAndBatchDataZMQ, MultiProcessMapDataZMQ

FLOWS = dict(
    R=lambda: MultiProcessRunner(Count(100), 5, 2),
    Z=lambda: MultiProcessRunnerZMQ(Count(100), 2, hwm=5),
    Zspawn=lambda: MultiProcessRunnerZMQ(Count(100), 2, hwm=5, start_method="spawn"),
    Zforkserver=lambda: MultiProcessRunnerZMQ(Count(100), 2, hwm=5, start_method="forkserver"),
    Zsleeping=lambda: MultiProcessRunnerZMQ(Sleeping(), 1),
    Zthread=lambda: MultiProcessRunnerZMQ(Sleeping(), 1),
    ZZ=lambda: MultiProcessRunnerZMQ(MultiProcessRunnerZMQ(Count(100), 2, hwm=5), 2, hwm=5),
    PM=lambda: MultiProcessMapDataZMQ(Count(100), 2, double, buffer_size=10),
    MB=lambda: MultiProcessMapAndBatchDataZMQ(Count(100), 2, double, 5, 20),
)

if __name__ == "__main__":
    names, end = sys.argv[1].split(","), sys.argv[2]
    flows, iterators = [], []
    for name in names:
        df = FLOWS[name]()
        if name == "Zthread":
            thread = threading.Thread(target=df.reset_state)
            thread.start()
            thread.join()
        else:
            df.reset_state()
        iterator = iter(df)
        for _ in range(1 if name in ("Zsleeping", "Zthread") else 8):
            next(iterator)
        flows.append(df)
        iterators.append(iterator)
    print("ready", flush=True)
    sys.stdin.readline()
    if end == "return":
        sys.exit(0)
    if end == "raise":
        raise ValueError("the consumer failed")
    if end == "os._exit":
        os._exit(7)
    if end == "SIGINT":
        for _ in iterators[0]:
            pass
        while True:  # a pass may be over before the signal comes
            for _ in flows[0]:
                pass
    time.sleep(1000)
"""


def session_of(pid):
    """Live processes of a session."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open("/proc/{}/stat".format(name)) as f:
                    fields = f.read().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == pid and fields[0] != "Z":
                found.append(int(name))
    return found


def end_consumer(tmp_path, names, end):
    """Start a consumer of several flows, let it end; (exit status, output, processes that are left)."""
    script = tmp_path / "consumer.py"
    script.write_text(CONSUMER.format(root=ROOT, tests=os.path.dirname(os.path.abspath(__file__))))
    with subprocess.Popen([sys.executable, str(script), ",".join(names), end], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, start_new_session=True, cwd=str(tmp_path)) as process:
        lines = []
        while not lines or lines[-1] != b"ready\n":
            lines.append(process.stdout.readline())
            assert lines[-1], b"".join(lines).decode()
        assert len(session_of(process.pid)) > len(names)
        process.stdin.write(b"go\n")
        process.stdin.flush()
        if end.startswith("SIG"):
            time.sleep(0.1)
            if end == "SIGINT":  # Ctrl-C reaches the whole group
                os.killpg(process.pid, signal.SIGINT)
            else:
                os.kill(process.pid, getattr(signal, end))
        try:
            status = process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        deadline = time.time() + LIMIT
        while session_of(process.pid) and time.time() < deadline:
            time.sleep(0.05)
        left = session_of(process.pid)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        return status, b"".join(lines[:-1]).decode() + process.stdout.read().decode(), left


FORKED = ("R", "Z", "Zsleeping", "Zthread", "ZZ", "PM", "MB")
CASES = [(FORKED, end) for end in ("SIGKILL", "SIGTERM", "return", "raise", "os._exit")]
CASES += [(("Zspawn", "Zforkserver"), end) for end in ("SIGKILL", "return")]
CASES += [(names, "SIGINT") for names in (("Zsleeping",), ("ZZ",), ("MB", "PM"))]
STATUS = {"return": 0, "raise": 1, "os._exit": 7, "SIGINT": -signal.SIGINT, "SIGTERM": -signal.SIGTERM,
          "SIGKILL": -signal.SIGKILL}


@pytest.mark.parametrize("names,end", CASES, ids=["{} {}".format("+".join(names), end) for names, end in CASES])
def test_no_worker_outlives_its_consumer(tmp_path, names, end):
    status, output, left = end_consumer(tmp_path, names, end)
    assert not left
    assert status == STATUS[end] or (end == "SIGINT" and status == 1), output
    tracebacks = len(re.findall("Traceback", output))
    assert tracebacks == (1 if end in ("raise", "SIGINT") else 0), output
    assert "Exception ignored" not in output and "leaked" not in output
    if end == "raise":
        assert "ValueError: the consumer failed" in output


def test_a_fork_of_the_consumer_may_not_use_its_workers():
    with MultiProcessRunnerZMQ(Count(5)) as df:
        df.reset_state()
        next(iter(df))
        pid = os.fork()
        if pid == 0:
            try:
                next(iter(df))
                os._exit(1)
            except RuntimeError as e:
                os._exit(0 if "process that has called reset_state()" in str(e) else 2)
            finally:
                os._exit(3)
        assert os.waitpid(pid, 0)[1] == 0
        assert [dp[0] for dp in df] == [1, 2, 3, 4, 0]
