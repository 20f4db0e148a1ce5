"""`python -m tensorpack.launch -n 4 script.py ...`: local workers for a CollectiveTrainer, each with its `TF_CONFIG`.

It needs no TensorFlow, and a POSIX system. Workers end with it, whatever ends it.
"""
from __future__ import annotations

import argparse
import json
import os
import random
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any, Dict, List, Optional, Sequence

__all__ = ["launch", "main"]

_POLL_SECONDS = 0.05
# Other workers need some time to see that one is missing, and to run the `after_train` of their callbacks.
_GRACE_SECONDS = 30.0
_PROGRESS_SECONDS = 10.0
_MAX_LINE = 1 << 16
_MAX_READ = 1 << 20  # at least what a pipe holds
# Below the ports that systems give to clients, so that nobody takes one between our look and the worker's bind.
_PORTS = range(20000, 30000)


def main(argv: Optional[Sequence[str]] = None) -> int:
    """The command line; returns the exit status."""
    # Abbreviations would let it find its own options among those of the script.
    parser = argparse.ArgumentParser(
        prog="python -m tensorpack.launch", allow_abbrev=False,
        description="Start several workers of a training on this machine. The exit status is that of the first one that fails.")
    parser.add_argument("-n", "--num-workers", type=int, required=True, help="how many workers")
    parser.add_argument("--gpus", action="store_true",
                        help="give each worker one GPU: the k-th of CUDA_VISIBLE_DEVICES, or number k")
    parser.add_argument("--grace", type=float, default=_GRACE_SECONDS, metavar="SECONDS",
                        help="how long the others may take to end when one has failed, or after Ctrl-C (default: %(default)g)")
    parser.add_argument("-m", dest="module", action="store_true", help="`script` is a module, as of python -m")
    parser.add_argument("script", help="what each worker runs")
    parser.add_argument("args", nargs=argparse.REMAINDER, help="its arguments")
    args = parser.parse_args(argv)
    if args.num_workers < 1:
        parser.error("-n must be positive; got {}".format(args.num_workers))
    gpus = _gpus() if args.gpus else None
    if gpus is not None and len(gpus) < args.num_workers:
        parser.error("--gpus needs a GPU for each of {} workers; found {}".format(args.num_workers, len(gpus)))
    command = [sys.executable, "-u"] + (["-m"] if args.module else []) + [args.script] + args.args
    return launch(command, args.num_workers, gpus=gpus, grace=args.grace)


def _gpus() -> List[str]:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [gpu.strip() for gpu in visible.split(",") if gpu.strip()]
    from .utils.gpu import get_num_gpu  # may have to ask TensorFlow

    return [str(k) for k in range(get_num_gpu())]


def launch(command: Sequence[str], num_workers: int, *, gpus: Optional[Sequence[str]] = None,
           grace: float = _GRACE_SECONDS) -> int:
    """Run a command as several workers of a cluster on this machine; to be called in the main thread.

    Lines that worker k writes get the prefix `[k] `. When a worker fails, the others have `grace` seconds to end by
    themselves; then they are terminated, and killed. Ctrl-C, SIGTERM and SIGHUP are passed on, a second one kills. What a
    worker has started ends with it, unless it has left the worker's process group. Workers share a key, see
    `CollectiveTrainer`: that of the environment, or a new one.

    Args:
        command: program and arguments.
        num_workers: how many.
        gpus: `CUDA_VISIBLE_DEVICES` of each worker.
        grace: seconds.

    Returns:
        0 if all workers ended with 0, else the exit status of the first that did not: 128 + n if signal n killed it, or if
        signal n came before.
    """
    workers: List[_Worker] = []
    with _Stop() as stop, _KeyFile() as key, _Guard() as guard:
        output = _Output()
        try:
            for rank, variables in enumerate(_environments(num_workers, gpus, key)):
                workers.append(_Worker(rank, command, variables, output))
                guard.watch(workers)
            output.start()
            return _supervise(workers, stop, guard, output, grace)
        finally:
            for worker in workers:
                worker.kill()
            output.finish(stop)


class _KeyFile:
    """Path of a key for the workers: that of the environment, or a new one, which is removed at the end."""

    def __enter__(self) -> str:
        from .utils._wire.keys import KEY_VARIABLE, make_key

        self._directory: Optional[str] = None
        given = os.environ.get(KEY_VARIABLE)
        if given:
            return given
        self._directory = tempfile.mkdtemp(prefix="tensorpack-launch-")
        path = os.path.join(self._directory, "key")
        make_key(path)
        return path

    def __exit__(self, *exc_info: Any) -> None:
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)


def _environments(num_workers: int, gpus: Optional[Sequence[str]], key: Optional[str] = None) -> List[Dict[str, str]]:
    addresses = ["127.0.0.1:{}".format(port) for port in _free_ports(num_workers + 1)]
    environments = []
    for rank in range(num_workers):
        config = {"cluster": {"worker": addresses[1:]}, "task": {"type": "worker", "index": rank}}
        environments.append({"TF_CONFIG": json.dumps(config), "TENSORPACK_WATCHDOG": addresses[0]})
        if key is not None:
            from .utils._wire.keys import KEY_VARIABLE

            environments[-1][KEY_VARIABLE] = key
        if gpus is not None:
            environments[-1]["CUDA_VISIBLE_DEVICES"] = gpus[rank]
    return environments


def _free_ports(number: int) -> List[int]:
    ports: List[int] = []
    # a generator of its own: the seed of the caller's must not make two launchers look at the same ports
    for port in random.SystemRandom().sample(_PORTS, len(_PORTS)):
        if len(ports) == number:
            return ports
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
        ports.append(port)
    raise RuntimeError("launch: {} ports from {} to {} must be free; got {}".format(number, _PORTS[0], _PORTS[-1], len(ports)))


def _supervise(workers: List[_Worker], stop: _Stop, guard: _Guard, output: _Output, grace: float) -> int:
    """Wait for the end of all workers, which begins when one of them fails or a signal comes; returns the exit status."""
    status = 0
    deadline: Optional[float] = None
    escalation = [signal.SIGTERM, signal.SIGKILL]
    running = list(workers)
    while running:
        time.sleep(_POLL_SECONDS)
        ended = [worker for worker in running if worker.poll() is not None]
        if ended:
            running = [worker for worker in running if worker not in ended]
            guard.watch(running)
        for worker in ended:
            if worker.code and status == 0:
                status = worker.code if worker.code > 0 else 128 - worker.code
                deadline = time.monotonic() + grace
                others = "; the others have {:g} seconds to end".format(grace) if running else ""
                output.say("worker {} {}{}".format(worker.rank, _describe(worker.code), others))
        for number in stop.take():
            _signal_all(running, signal.SIGKILL if stop.count > 1 else number, output)
            status = status or 128 + number
            deadline = time.monotonic() + grace
        if deadline is not None and time.monotonic() > deadline and escalation:
            _signal_all(running, escalation.pop(0), output)
            deadline = time.monotonic() + grace
    return status


def _signal_all(running: List[_Worker], number: int, output: _Output) -> None:
    if running:
        output.say("sending {} to worker {}".format(_name(number), ", ".join(str(worker.rank) for worker in running)))
    for worker in running:
        worker.signal(number)


def _describe(code: int) -> str:
    return "has failed with status {}".format(code) if code > 0 else "was killed by {}".format(_name(-code))


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return "signal {}".format(number)


class _Stop:
    """Within this context signals that ask for the end are noted instead of obeyed; ignored ones stay ignored."""

    def __init__(self) -> None:
        self.count = 0
        self._pending: List[int] = []
        self._before: Dict[int, Any] = {}

    def __enter__(self) -> _Stop:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *exc_info: Any) -> None:
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def _note(self, number: int, frame: Any) -> None:
        self.count += 1
        self._pending.append(number)

    def take(self) -> List[int]:
        """The signals that came since the last call."""
        taken, self._pending = self._pending, []
        return taken


class _Guard:
    """A shell that kills the workers when this process is killed and cannot do it itself: then its input ends."""

    _SCRIPT = "while read -r line; do groups=$line; done; for group in $groups; do kill -s KILL -- $group; done"

    def __enter__(self) -> _Guard:
        self._shell = subprocess.Popen(["/bin/sh", "-c", "groups=; " + self._SCRIPT], stdin=subprocess.PIPE, bufsize=0,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        self._input: Any = self._shell.stdin
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self.watch([])
        self._input.close()
        self._shell.wait()

    def watch(self, workers: Sequence[_Worker]) -> None:
        """From now on it watches these workers, and no others."""
        line = " ".join("-{}".format(worker.pid) for worker in workers) + "\n"
        try:
            self._input.write(line.encode())
        except OSError:
            pass  # somebody has killed it; we can do without


class _Worker:
    """A process in a session of its own, so that Ctrl-C comes from us alone, and all that it starts can be ended with it."""

    def __init__(self, rank: int, command: Sequence[str], variables: Dict[str, str], output: _Output):
        self.rank = rank
        self.code: Optional[int] = None
        self._process = subprocess.Popen(
            list(command), env=dict(os.environ, **variables), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, bufsize=0, start_new_session=True)
        self.pid = self._process.pid
        prefix = "[{}] ".format(rank).encode()
        output.add(self._process.stdout, _Lines(prefix, 1))
        output.add(self._process.stderr, _Lines(prefix, 2))

    def poll(self) -> Optional[int]:
        """The return code once the process has ended; what it has started is ended then."""
        if self.code is None:
            self.code = self._process.poll()
            if self.code is not None:
                self._kill_group()
        return self.code

    def signal(self, number: int) -> None:
        """Send a signal to the process; SIGKILL to all that it has started as well."""
        if number == signal.SIGKILL:
            self._kill_group()
        else:
            self._process.send_signal(number)

    def kill(self) -> None:
        """Kill it if it still runs, and wait for its end."""
        if self.code is None:
            self._kill_group()
            self.code = self._process.wait()

    def _kill_group(self) -> None:
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # the latter on macOS, for one that has ended
            pass


class _Output:
    """A thread that copies what the workers write to our own output, with our messages in between.

    Only this thread writes: if nobody reads our output for a while, signals and failing workers are still attended to.
    """

    def __init__(self) -> None:
        self._pipes = selectors.DefaultSelector()
        self._messages: List[str] = []
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="LaunchOutput", daemon=True)

    def add(self, pipe: Any, lines: _Lines) -> None:
        """Copy from this pipe; to be called before `start`."""
        self._pipes.register(pipe, selectors.EVENT_READ, lines)

    def start(self) -> None:
        """Begin to copy."""
        self._thread.start()

    def say(self, message: str) -> None:
        """A message of our own to stderr, after all that the workers have written so far."""
        with self._lock:
            self._messages.append("[launch] {}\n".format(message))

    def finish(self, stop: _Stop) -> None:
        """To be called when the workers have ended: copy what is left, without waiting for more."""
        self._closing.set()
        if not self._thread.ident:
            return
        count = stop.count
        while self._thread.is_alive() and stop.count == count:
            self._thread.join(_POLL_SECONDS)

    def _run(self) -> None:
        closing = False
        while not closing:
            closing = self._closing.is_set()
            with self._lock:
                messages, self._messages = self._messages, []
            for key, _ in self._pipes.select(0 if closing else _POLL_SECONDS):
                data = os.read(key.fd, _MAX_READ)
                if not data:
                    self._close(key.fileobj)
                _write(key.data.to, key.data.feed(data) if data else key.data.end())
            _write(2, "".join(messages).encode("utf-8", "replace"))
        for key in list(self._pipes.get_map().values()):
            _write(key.data.to, key.data.end())
            self._close(key.fileobj)
        self._pipes.close()

    def _close(self, pipe: Any) -> None:
        self._pipes.unregister(pipe)
        pipe.close()


def _write(to: int, data: bytes) -> None:
    try:
        while data:
            data = data[os.write(to, data):]
    except OSError:
        pass  # nobody reads it any more, or the disk is full: no reason to end a training


class _Lines:
    """Puts a prefix before each line of a stream.

    Of what is overwritten by carriage returns, as progress bars are, it shows the last state, and others now and then.

    Args:
        prefix: the prefix.
        to: descriptor to which the lines go.
    """

    def __init__(self, prefix: bytes, to: int):
        self.to = to
        self._prefix = prefix
        self._rest = b""  # the line that has not ended yet
        self._shown = float("-inf")

    def feed(self, data: bytes) -> bytes:
        """What to write when these bytes have come."""
        lines = (self._rest + data).split(b"\n")
        self._rest = _last_state(lines.pop())
        is_progress = b"\r" in data.rpartition(b"\n")[2] and self._rest.strip()
        if is_progress and time.monotonic() > self._shown + _PROGRESS_SECONDS:
            self._shown = time.monotonic()
            lines.append(self._rest)
        elif len(self._rest) > _MAX_LINE:
            lines.append(self._rest)
            self._rest = b""
        return b"".join(self._prefixed(line) for line in lines)

    def end(self) -> bytes:
        """What to write when no more bytes come."""
        rest, self._rest = self._rest, b""
        return self._prefixed(rest) if rest else b""

    def _prefixed(self, line: bytes) -> bytes:
        return self._prefix + _last_state(line).rstrip(b"\r") + b"\n"


def _last_state(line: bytes) -> bytes:
    """What is seen of a line after its carriage returns, with those at its end, which a newline may follow."""
    return line[line.rstrip(b"\r").rfind(b"\r") + 1:]


if __name__ == "__main__":
    sys.exit(main())
