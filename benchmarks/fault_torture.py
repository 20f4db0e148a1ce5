#!/usr/bin/env python
"""Lets the system fail while a small training runs, again and again, and looks whether anything was lost.

The faults: a limit on the size of files, a full disk, a directory that becomes read-only, operations that fail with EIO, limits
of descriptors and of processes, a clock that jumps, SIGSTOP and SIGCONT of each process, SIGKILL of one of them. Each comes at
a random moment, before or during the training. Wanted: the training goes on to its end, or ends with an error that says what
failed; `stats.json` and `resume.json` are valid; the newest checkpoint is complete and has the weights that a training without
faults has there; and the next run, without the fault, goes on from it to the same weights. Target: all faults pass.

As root, a full disk is a small tmpfs that only this program sees; otherwise that kind is left out, and so are those that need
another user.

Usage: fault_torture.py [--faults N] [--seed N] [--kinds NAME ...] [--again-every N] [--json FILE]
"""
import argparse
import collections
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from _fault_worker import EPOCHS, STEPS
from _harness import ROOT, Row, report, tensorflow_version

sys.path.insert(0, os.path.join(ROOT, "tests"))
from forked_programs import Program, Server  # noqa: E402

LIMIT = 180  # seconds for a training of a few, on a busy machine
KINDS = ["file size", "full disk", "read-only", "errors", "descriptors", "processes", "clock", "stop", "kill"]
_NEED_ROOT = {"full disk", "read-only", "processes"}  # root itself is not bound by permissions and limits
WORKER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_fault_worker.py")


class Case:
    """One fault: the directory, the process, and what is to be done from outside."""

    def __init__(self, server, directory, kind, seed):
        self.kind, self.seed, self.rng = kind, seed, random.Random(-seed)
        self.logdir, self.output = os.path.join(directory, "log"), os.path.join(directory, "output.txt")
        self._server = server
        self._user = 30000 + seed if kind in ("read-only", "processes") else None
        os.makedirs(self.logdir)
        os.chmod(directory, 0o755)
        if kind == "full disk":
            mount("tmpfs", self.logdir, "size={}k".format(self.rng.choice([0, 4, 40, 150, 300, 500]) + self.rng.randint(1, 50)))
        if self._user is not None:
            os.chown(self.logdir, self._user, self._user)

    def start(self, kind):
        """The training, with the fault of this kind."""
        settings = {"kind": kind, "seed": self.seed, "user": self._user}
        return Program(self._server, [WORKER, self.logdir, json.dumps(settings)], os.path.dirname(self.logdir), self.output)

    def run(self):
        """Returns the exit status; an error if the training hangs."""
        program = self.start(self.kind)
        act = {"stop": self._stop, "kill": self._kill, "read-only": self._read_only}.get(self.kind)
        if act is not None:
            program.wait_until(lambda: "@start" in program.text() or self.rng.random() < 0.002, LIMIT)
            time.sleep(self.rng.uniform(0, 1.5))
            act(program)
        status = program.wait(LIMIT)
        program.kill()
        return status

    def _stop(self, program):
        for _ in range(self.rng.randint(1, 4)):
            pid = self.rng.choice(family(program.pid))
            send(pid, signal.SIGSTOP)
            time.sleep(self.rng.uniform(0, 0.7))
            send(pid, signal.SIGCONT)

    def _kill(self, program):
        send(self.rng.choice(family(program.pid)), signal.SIGKILL)

    def _read_only(self, program):
        os.chmod(self.logdir, 0o555)
        if self.rng.random() < 0.5:
            time.sleep(self.rng.uniform(0, 0.5))
            os.chmod(self.logdir, 0o755)

    def end_fault(self):
        if self.kind == "full disk":
            mount("tmpfs", self.logdir, "remount,size=50m")
        os.chmod(self.logdir, 0o755)

    def clean(self):
        if self.kind == "full disk":
            subprocess.run(["umount", "-l", self.logdir], check=True)
        shutil.rmtree(os.path.dirname(self.logdir))


def mount(what, where, options):
    subprocess.run(["mount", "-t", what, "-o", options, what, where], check=True)


def family(pid):
    """The process and its children."""
    try:
        with open("/proc/{}/task/{}/children".format(pid, pid)) as f:
            return [pid] + [int(word) for word in f.read().split()]
    except OSError:
        return [pid]


def send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def check(condition, message):
    if not condition:
        raise AssertionError(message)


def check_end(status, kind, text):
    """The training has reached its end, or said why not."""
    if status == 0:
        check("@end" in text, "status 0, but it did not end")
        return "went on"
    if kind == "kill" and status == -signal.SIGKILL:
        return "killed"
    if status == -signal.SIGABRT and "creation via pthread_create() failed" in text:
        return "TensorFlow aborts, saying that it cannot make a thread"
    lines = text.strip().splitlines()
    last = lines[-1] if lines else ""
    check(status == 1 and "Traceback" in text and ("Error" in text.split("Traceback")[-1]),
          "status {} and no error: {}".format(status, "\n".join(lines[-12:])))
    return "error: " + last[:100]


def _refuse_word(word):
    raise AssertionError("a JSON file has the word " + word)


def check_files(logdir, truth):
    """What is on disk is valid; returns the step of the newest checkpoint, or None."""
    from tensorpack.compat import new_checkpoint_reader
    from tensorpack.compat import tfv1 as tf

    for name in ("stats.json", "resume.json"):
        path = os.path.join(logdir, name)
        if os.path.exists(path):
            with open(path) as f:
                content = json.load(f, parse_constant=_refuse_word)
            if name == "stats.json":
                epochs = [record["epoch_num"] for record in content]
                check(epochs == list(range(1, len(epochs) + 1)), "stats.json has the epochs {}".format(epochs))
    newest = tf.train.latest_checkpoint(logdir)
    if newest is None:
        check(not [name for name in os.listdir(logdir) if name == "checkpoint"], "the list of checkpoints cannot be read")
        return None
    reader = new_checkpoint_reader(newest)
    for name in reader.get_variable_to_shape_map():
        value = reader.get_tensor(name)
        check(name != "ballast" or value.sum() == 20000, "ballast is damaged")
    step = int(reader.get_tensor("global_step"))
    check(step % STEPS == 0 and newest.endswith("model-{}".format(step)), "{} has the step {}".format(newest, step))
    check(truth is None or reader.get_tensor("fc/W").tolist() == truth[step], "other weights at step {}".format(step))
    return step


def weights_by_step(server, directory):
    """The weights at the end of each epoch of a training without faults."""
    from tensorpack.compat import new_checkpoint_reader

    truth = {}
    case = Case(server, os.path.join(directory, "truth"), "all kept", 0)
    status = case.run()
    with open(case.output) as f:
        check(status == 0, "the training without faults fails:\n" + f.read()[-3000:])
    for name in os.listdir(case.logdir):
        if name.startswith("model-") and name.endswith(".index"):
            reader = new_checkpoint_reader(os.path.join(case.logdir, name[:-6]))
            truth[int(reader.get_tensor("global_step"))] = reader.get_tensor("fc/W").tolist()
    return truth


def one(server, directory, kind, seed, truth, is_started_again):
    """What came of one fault; raises AssertionError where something is wrong."""
    case = Case(server, os.path.join(directory, str(seed)), kind, seed)
    try:
        status = case.run()
        with open(case.output, errors="replace") as f:
            text = f.read()
        outcome = check_end(status, kind, text)
        step = check_files(case.logdir, truth)
        case.end_fault()
        if not is_started_again:
            return outcome
        again = case.start("none")
        status = again.wait(LIMIT)
        rest = again.text()[len(text):]
        check(status == 0 and "@end" in rest or "has been reached" in rest, "the next run fails: " + rest[-1500:])
        check("@start {}".format(step or 0) in rest or step == STEPS * EPOCHS,
              "the next run does not start at step {}: {}".format(step, rest[-1500:]))
        check(check_files(case.logdir, truth) == STEPS * EPOCHS, "the next run did not reach the end")
    except BaseException:
        case.end_fault()
        shutil.copy(case.output, os.path.join(tempfile.gettempdir(), "fault-torture-{}.txt".format(seed)))
        raise
    finally:
        case.clean()
    return outcome


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--again-every", type=int, default=1, help="start the training again after each so-many-th fault")
    parser.add_argument("--json")
    args = parser.parse_args()
    is_root = os.getuid() == 0
    if is_root and "FAULT_TORTURE_ALONE" not in os.environ:  # mounts are for this program and its children alone
        os.execvpe("unshare", ["unshare", "-m", sys.executable] + sys.argv, dict(os.environ, FAULT_TORTURE_ALONE="1"))
    kinds = [kind for kind in args.kinds if is_root or kind not in _NEED_ROOT]
    directory = tempfile.mkdtemp(prefix="fault-torture-")
    os.chmod(directory, 0o755)
    os.environ["TENSORPACK_EAGER_IMPORT"] = "1"
    server = Server(os.path.join(directory, "server.txt"), "tensorflow", "tensorpack")
    outcomes, passed = collections.Counter(), 0
    try:
        truth = weights_by_step(server, directory)
        for number in range(args.faults):
            kind, start = kinds[number % len(kinds)], time.time()
            try:
                outcome = one(server, directory, kind, args.seed + number, truth, number % args.again_every == 0)
                passed += 1
                outcomes[kind, outcome.split(":")[0]] += 1
            except AssertionError as e:
                outcome = "FAILED: {}".format(e)
                outcomes[kind, "failed"] += 1
            print("{:3d} {:11s} {:4.1f} s  {}".format(number, kind, time.time() - start, outcome), flush=True)
    finally:
        server.close()
        shutil.rmtree(directory, ignore_errors=True)
    for (kind, outcome), count in sorted(outcomes.items()):
        print("{:12s} {:10s} {}".format(kind, outcome, count))
    report("Faults of the system", [Row("faults after which all was well", passed, "faults", "all", args.faults, ">= 1")],
           args.json, tensorflow=tensorflow_version(), kinds=kinds)
    if passed < args.faults:
        sys.exit("outputs of those that failed: {}".format(os.path.join(tempfile.gettempdir(), "fault-torture-*.txt")))


if __name__ == "__main__":
    main()
