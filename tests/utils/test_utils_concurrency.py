"""utils.concurrency: threads that stop and pause at once, processes that start and end safely, ordered results."""
import atexit
import gc
import logging
import multiprocessing as mp
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import time

import pytest

from tensorpack.utils.concurrency import (
    DIE,
    LoopThread,
    OrderedContainer,
    OrderedResultGatherProc,
    ShareSessionThread,
    StoppableThread,
    enable_death_signal,
    ensure_proc_terminate,
    is_main_thread,
    mask_sigint,
    start_proc_mask_signal,
    subproc_call,
)

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a feature of the Linux kernel")


def wait_until(condition, timeout=120):
    deadline = time.time() + timeout
    while not condition():
        assert time.time() < deadline, "gave up waiting"
        time.sleep(0.01)


def in_thread(func):
    """The result of func() in a thread."""
    results = []
    t = threading.Thread(target=lambda: results.append(func()))
    t.start()
    t.join()
    return results[0]


class PutThread(StoppableThread):
    def __init__(self, q, evt=None):
        super().__init__(evt)
        self.q = q

    def run(self):
        self.queue_put_stoppable(self.q, "late")


class GetThread(StoppableThread):
    result = "nothing"

    def __init__(self, q):
        super().__init__()
        self.q = q

    def run(self):
        self.result = self.queue_get_stoppable(self.q)


def test_stoppable_thread_is_told_by_its_event():
    evt = threading.Event()
    a, b = StoppableThread(evt), StoppableThread(evt)
    assert not a.daemon and not a.stopped()
    a.stop()
    assert b.stopped() and evt.is_set() and not StoppableThread().stopped()


def test_blocked_put_and_get_end_soon_after_stop():
    full = queue.Queue(1)
    full.put("first")
    threads = [PutThread(full), GetThread(queue.Queue())]
    for t in threads:
        t.start()
    time.sleep(0.2)
    assert all(t.is_alive() for t in threads)
    for t in threads:
        t.stop()
    for t in threads:
        t.join(120)
    assert not any(t.is_alive() for t in threads)
    assert full.get() == "first" and full.empty()
    assert threads[1].result is None


@pytest.mark.parametrize("make_queue", [lambda: queue.Queue(1), lambda: mp.Queue(1)], ids=["thread queue", "process queue"])
def test_put_and_get_go_on_when_the_queue_is_ready(make_queue):
    q = make_queue()
    q.put("first")
    put = PutThread(q)
    put.start()
    time.sleep(0.15)
    assert q.get(timeout=120) == "first"
    put.join()
    get = GetThread(q)
    get.start()
    get.join()
    assert get.result == "late"


@pytest.fixture
def counting_loop():
    """A started LoopThread and the list it appends to."""
    calls = []

    def work():
        calls.append(None)
        time.sleep(0.002)

    thread = LoopThread(work)
    thread.start()
    wait_until(lambda: len(calls) > 2)
    yield thread, calls
    thread.stop()
    thread.join(120)
    assert not thread.is_alive()


def test_loop_thread_pauses_and_resumes(counting_loop):
    thread, calls = counting_loop
    assert thread.daemon
    for _ in range(3):
        thread.pause()
        count = len(calls)
        time.sleep(0.05)
        assert len(calls) == count
        thread.resume()
        wait_until(lambda count=count: len(calls) > count + 1)


def test_paused_loop_thread_can_be_stopped(counting_loop):
    thread, _ = counting_loop
    thread.pause()
    thread.stop()
    thread.join(120)
    assert not thread.is_alive()


def test_pause_waits_for_the_current_call_only():
    entered, leave, finished = threading.Event(), threading.Event(), []

    def work():
        entered.set()
        leave.wait(120)
        finished.append(None)

    thread = LoopThread(work)
    thread.start()
    entered.wait(120)
    threading.Timer(0.1, leave.set).start()
    thread.pause()
    assert finished == [None]
    thread.stop()
    thread.join(120)


def test_busy_loop_thread_is_paused_soon():
    thread = LoopThread(lambda: None)  # never gives the lock away for long
    thread.start()
    start = time.time()
    for _ in range(20):
        thread.pause()
        thread.resume()
    assert time.time() - start < 100
    thread.stop()
    thread.join(120)


def test_loop_thread_may_pause_itself():
    calls = []

    def work():
        calls.append(None)
        thread.pause()

    thread = LoopThread(work)
    thread.start()
    wait_until(lambda: calls)
    time.sleep(0.05)
    assert len(calls) == 1
    thread.stop()
    thread.join(120)


@pytest.mark.parametrize("method", ["pause", "resume"])
def test_loop_thread_that_is_not_pausable_says_so(method):
    with pytest.raises(RuntimeError, match="LoopThread.{}.*pausable=True".format(method)):
        getattr(LoopThread(lambda: None, pausable=False), method)()


@pytest.fixture
def tf():
    return pytest.importorskip("tensorpack.compat").tfv1


def test_share_session_thread_runs_under_the_session_of_its_creator(tf):
    seen = []
    x = tf.constant(3)

    def work():
        seen.extend([x.eval(), tf.get_default_session(), tf.get_default_graph()])

    inner = threading.Thread(target=work, name="worker", daemon=True)
    thread = ShareSessionThread(inner)
    assert (thread.name, thread.daemon) == ("worker", True)
    with tf.Session() as sess:
        thread.start()
        thread.join()
    assert seen == [3, sess, x.graph]


def test_share_session_thread_by_subclass(tf):
    class Sub(ShareSessionThread):
        def run(self):
            with self.default_sess() as sess:
                self.seen = (sess, tf.get_default_session())

    thread = Sub()
    with tf.Session() as sess:
        thread.start()
        thread.join()
    assert thread.seen == (sess, sess)


def test_share_session_thread_without_a_session_warns_and_runs(tf, log_records):
    seen = []
    thread = ShareSessionThread(threading.Thread(target=lambda: seen.append(tf.get_default_session())))
    thread.start()
    thread.join()
    assert seen == [None]
    assert [r.levelno for r in log_records] == [logging.WARNING]


def test_share_session_thread_needs_something_to_run():
    with pytest.raises(RuntimeError, match="th must be given or run"):
        ShareSessionThread().run()
    with pytest.raises(TypeError, match="th must be a threading.Thread"):
        ShareSessionThread(print)


def test_is_main_thread():
    assert is_main_thread() is True
    assert in_thread(is_main_thread) is False


@pytest.mark.parametrize("fails", [False, True], ids=["normal end", "error"])
def test_mask_sigint_is_always_undone(fails):
    def handler(*args):
        raise AssertionError("not masked")

    before = signal.signal(signal.SIGINT, handler)
    try:
        try:
            with mask_sigint() as masked:
                assert masked is True
                signal.pthread_kill(threading.get_ident(), signal.SIGINT)  # another thread would take it later
                if fails:
                    raise KeyError
        except KeyError:
            assert fails
        assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_mask_sigint_does_nothing_in_other_threads():
    def masked():
        with mask_sigint() as result:
            return result, signal.getsignal(signal.SIGINT)

    assert in_thread(masked) == (False, signal.getsignal(signal.SIGINT))


def report_sigint(q):
    q.put(signal.getsignal(signal.SIGINT) == signal.SIG_IGN)


@pytest.mark.parametrize("num", [1, 3], ids=["one", "list"])
def test_processes_start_with_sigint_ignored(num):
    q = mp.Queue()
    procs = [mp.Process(target=report_sigint, args=(q,)) for _ in range(num)]
    before = signal.getsignal(signal.SIGINT)
    start_proc_mask_signal(procs if num > 1 else procs[0])
    assert [q.get(timeout=60) for _ in procs] == [True] * num
    for p in procs:
        p.join()
    assert signal.getsignal(signal.SIGINT) is before


def test_failed_start_restores_ctrl_c():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises((AttributeError, pickle.PicklingError)):
        start_proc_mask_signal(mp.get_context("spawn").Process(target=lambda: None))
    assert signal.getsignal(signal.SIGINT) is before


def test_threads_can_be_started_too(log_records):
    t = threading.Thread(target=time.time)
    start_proc_mask_signal(t)
    t.join()
    assert log_records == []


def is_running(pid):
    try:
        with open("/proc/{}/stat".format(pid)) as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


EXIT_PROGRAM = """
import multiprocessing as mp, signal, sys, time
from tensorpack.utils import concurrency
concurrency._JOIN_TIMEOUT = 0.5

def child(stubborn):
    if stubborn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(600)

procs = [mp.Process(target=child, args=(stubborn,)) for stubborn in (False, True)]
never_started = mp.Process(target=child, args=(False,))
concurrency.ensure_proc_terminate(procs + [never_started])
for p in procs:
    p.start()
    print("pid {{}}".format(p.pid), flush=True)
time.sleep(0.5)
{end}
"""


@linux_only
@pytest.mark.parametrize("end,status", [("", 0), ("raise KeyError", 1)], ids=["normal end", "error"])
def test_ensure_proc_terminate_ends_processes_at_exit(end, status):
    result = subprocess.run([sys.executable, "-c", EXIT_PROGRAM.format(end=end)], cwd=ROOT, stdout=subprocess.PIPE, timeout=120)
    pids = [int(line.split()[1]) for line in result.stdout.decode().splitlines() if line.startswith("pid")]
    assert len(pids) == 2 and result.returncode == status
    assert not any(is_running(pid) for pid in pids)


def test_ensure_proc_terminate_does_not_keep_the_process_object(monkeypatch):
    registered = []
    monkeypatch.setattr(atexit, "register", lambda *args: registered.append(args))
    ensure_proc_terminate(mp.Process(target=os.getpid))
    gc.collect()
    (function, reference, pid), = registered
    assert reference() is None
    function(reference, pid)


@pytest.mark.parametrize("proc", [1, [threading.Thread()], None], ids=["number", "thread", "none"])
def test_ensure_proc_terminate_takes_processes_only(proc):
    with pytest.raises(TypeError, match="must be a multiprocessing.Process"):
        ensure_proc_terminate(proc)


ORPHAN_PROGRAM = """
import multiprocessing as mp, time
from tensorpack.utils.concurrency import enable_death_signal

def child():
    enable_death_signal()
    print("pid", mp.current_process().pid, flush=True)
    time.sleep(600)

if __name__ == "__main__":
    mp.get_context({method!r}).Process(target=child).start()
    time.sleep(600)
"""


@linux_only
@pytest.mark.parametrize("method,hang_up", [("fork", signal.SIG_DFL), ("spawn", signal.SIG_DFL), ("fork", signal.SIG_IGN)],
                         ids=["fork", "spawn", "under nohup"])
def test_death_signal_ends_a_child_whose_parent_is_killed(tmp_path, method, hang_up):
    script = tmp_path / "orphan.py"
    script.write_text(ORPHAN_PROGRAM.format(method=method))
    proc = subprocess.Popen([sys.executable, str(script)], env=dict(os.environ, PYTHONPATH=ROOT), stdout=subprocess.PIPE,
                            preexec_fn=lambda: signal.signal(signal.SIGHUP, hang_up))
    pid = int(proc.stdout.readline().split()[1])
    assert is_running(pid)
    proc.kill()
    proc.wait()
    proc.stdout.close()
    wait_until(lambda: not is_running(pid))


@linux_only
def test_death_signal_leaves_a_child_with_a_living_parent_alone():
    p = mp.Process(target=enable_death_signal)
    p.start()
    p.join(60)
    assert p.exitcode == 0


COMMANDS = [
    ("output", "echo out; echo err >&2", b"out\nerr\n", 0, False),
    ("failure", "echo out; exit 3", b"out\n", 3, True),
    ("not found", "no_such_command_here 2>/dev/null", b"", 127, True),
]


@pytest.mark.parametrize("cmd,output,status,warns", [c[1:] for c in COMMANDS], ids=[c[0] for c in COMMANDS])
def test_subproc_call(log_records, cmd, output, status, warns):
    assert subproc_call(cmd) == (output, status)
    assert subproc_call(cmd, timeout=120) == (output, status)
    assert [r.levelno for r in log_records] == [logging.WARNING] * (2 if warns else 0)


def test_subproc_call_kills_all_of_a_command_after_the_timeout(log_records):
    start = time.time()
    output, status = subproc_call("echo $$; sleep 600 | sleep 601", timeout=0.5)
    assert status == -1 and time.time() - start < 100
    assert not is_running(int(output))
    assert [r.levelno for r in log_records] == [logging.WARNING]


def test_subproc_call_that_cannot_run(log_records):
    assert subproc_call(None) == ("", -2)
    assert [r.levelno for r in log_records] == [logging.WARNING]


def test_ordered_container():
    c = OrderedContainer(start=5)
    c.put(6, "b")
    assert not c.has_next()
    with pytest.raises(RuntimeError, match="rank 5 must have been put"):
        c.get()
    c.put(5, "a")
    assert (c.has_next(), c.get(), c.get(), c.has_next()) == (True, (5, "a"), (6, "b"), False)
    c.put(8, "d")
    for rank in (5, 8):
        with pytest.raises(ValueError, match="got {} again".format(rank)):
            c.put(rank, "x")


def test_ordered_result_gather_proc_orders_and_ends():
    q = mp.Queue()
    gather = OrderedResultGatherProc(q, nr_producer=2, start=1)
    gather.start()
    for item in [(2, "b"), (DIE, "first"), (1, "a"), (3, "c"), (DIE, "second")]:
        q.put(item)
    results = [gather.get() for _ in range(5)]
    gather.join(60)
    assert gather.exitcode == 0
    assert results == [(DIE, "first"), (1, "a"), (2, "b"), (3, "c"), (DIE, "second")]


def test_die_is_the_same_object_after_pickling():
    assert pickle.loads(pickle.dumps(DIE)) is DIE
