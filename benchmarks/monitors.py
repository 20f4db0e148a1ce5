#!/usr/bin/env python
"""What monitors cost a training of small steps: JSON, event files, W&B offline, MLflow with a store in SQLite.

In one training the monitors take turns of a few epochs, in which one of them gets the scalars: 20 after an epoch, three more at
every N-th step. Measured are the time of the training's thread, by the clock and its CPU time, and how much of both is spent
inside of the monitor. What threads and processes of the trackers compute is told apart. Before the next turn all is sent.
With `--away` W&B and MLflow are told of a server that is not there, and nothing is waited for.
Target: W&B and MLflow take <= 1 % of the time of the training.

Usage: monitors.py [--steps N] [--rounds N] [--width N] [--every N] [--away] [--json FILE]
"""
import argparse
import os
import shutil
import socket
import tempfile
import time

import psutil
from _harness import Row, median, pin_threads, report, tensorflow_version
from step_overhead import ConstantInput, Model

from tensorpack import *
from tensorpack.callbacks._monitors.tracker import TrackerMonitor
from tensorpack.utils import logger

tf = tfv1

EPOCHS_IN_TURN = 2


def clocks():
    """Seconds by the clock, and of CPU time of this thread."""
    return {"wall": time.perf_counter(), "thread": time.thread_time()}


def cpu_time_of_all():
    """Seconds of this process and all that it has started."""
    total = 0.
    for process in [psutil.Process()] + psutil.Process().children(recursive=True):
        try:
            times = process.cpu_times()
            total += times.user + times.system
        except psutil.Error:  # it has ended
            pass
    return total


class InTurn(MonitorBase):
    """Hands everything on to one of several monitors, and measures how long they keep the training's thread."""

    def __init__(self, monitors):
        self.monitors, self.current = monitors, None
        self.wall = self.thread = 0.

    def _timed(self, method, *args):
        if self.current is not None:
            wall, thread = time.perf_counter(), time.thread_time()
            getattr(self.current, method)(*args)
            self.wall += time.perf_counter() - wall
            self.thread += time.thread_time() - thread

    def _setup_graph(self):
        for monitor in self.monitors:
            monitor.setup_graph(self.trainer)

    def _before_train(self):
        for monitor in self.monitors:
            monitor.before_train()

    def process_scalar(self, name, val):
        self._timed("process_scalar", name, val)

    def process_summary(self, summary):
        self._timed("process_summary", summary)

    def _trigger_step(self):
        self._timed("trigger_step")

    def _trigger_epoch(self):
        self._timed("trigger_epoch")

    def _after_train(self):
        for monitor in self.monitors:
            monitor.after_train()


class Statistics(Callback):
    """Twenty scalars after an epoch, three at every `every`-th step."""

    def __init__(self, every):
        self._every = every

    def _trigger_step(self):
        if self._every and self.local_step % self._every == self._every - 1:
            for k in range(3):
                self.trainer.monitors.put_scalar("step/scalar{}".format(k), self.global_step / 3)

    def _trigger_epoch(self):
        for k in range(20):
            self.trainer.monitors.put_scalar("epoch/scalar{}".format(k), self.epoch_num / 7)


class Turns(Callback):
    """Before the first epoch of a turn: wait for what the last monitor has not sent, and hand over to the next one."""

    def __init__(self, in_turn, names, away):
        self._in_turn, self._names, self._away = in_turn, names, away
        self.results = {name: [] for name in names}

    def _before_epoch(self):
        turn, index = divmod(self.epoch_num - 1, EPOCHS_IN_TURN)
        if index:
            return
        self.end_turn()
        number, position = divmod(turn, len(self._names))
        name = self._names[(position + number) % len(self._names)]  # an order that rotates
        self._name = name
        self._in_turn.current = self._in_turn.monitors[self._names.index(name) - 1] if name != "no monitor" else None
        self._in_turn.wall = self._in_turn.thread = 0.
        self._start_of_all = cpu_time_of_all()
        self._start = clocks()

    def end_turn(self):
        """Called within an epoch's beginning, so that what a monitor does at the end of one is in it."""
        if self.epoch_num > 1:
            figures = {key: now - self._start[key] for key, now in clocks().items()}
            if not self._away:
                wait_until_sent(self._in_turn.current)
            figures.update(all=cpu_time_of_all() - self._start_of_all)
            figures.update(inside_wall=self._in_turn.wall, inside_thread=self._in_turn.thread)
            self.results[self._name].append(figures)


def wait_until_sent(monitor):
    if isinstance(monitor, TrackerMonitor):
        sender = monitor._sender
        while sender._calls or sender._since is not None:
            time.sleep(0.01)
    time.sleep(0.3)  # for processes of the tracker


def no_server():
    """The address of a port of this machine at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return "http://127.0.0.1:{}".format(free.getsockname()[1])


def train(folder, width, steps, rounds, every, away):
    os.environ.update(WANDB_SILENT="true", WANDB_CONSOLE="off", MLFLOW_TRACKING_URI="")
    uri, mode = "sqlite:///{}/mlflow.db".format(folder), "offline"
    if away:
        uri, mode = no_server(), "online"
        os.environ.update(WANDB_BASE_URL=no_server(), WANDB_API_KEY="0" * 40)
    names = ["no monitor", "JSONWriter", "TFEventWriter", "WandbMonitor", "MLflowMonitor"]
    in_turn = InTurn([
        JSONWriter(), TFEventWriter(), WandbMonitor("benchmark", mode=mode, dir=folder, flush_seconds=1),
        MLflowMonitor("benchmark", tracking_uri=uri, flush_seconds=1)])
    turns = Turns(in_turn, names, away)
    model, trainer = Model(width), SimpleTrainer()
    trainer.setup_graph(model.get_input_signature(), ConstantInput(), model.build_graph, model.get_optimizer)
    num_turns = (rounds + 1) * len(names)  # the first round is for warming up
    trainer.train_with_defaults(
        callbacks=[turns, Statistics(every)], extra_callbacks=[RunUpdateOps()], monitors=[in_turn], steps_per_epoch=steps,
        max_epoch=num_turns * EPOCHS_IN_TURN + 1)  # the last epoch ends the last turn
    return {name: results[1:rounds + 1] for name, results in turns.results.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--every", type=int, default=10, help="steps; 0: no scalars but after an epoch")
    parser.add_argument("--away", action="store_true", help="W&B and MLflow have no server")
    parser.add_argument("--json")
    args = parser.parse_args()
    pin_threads(2)
    logger.setLevel("WARNING")
    folder = tempfile.mkdtemp(prefix="monitors-")
    try:
        logger.set_logger_dir(os.path.join(folder, "log"))
        results = train(folder, args.width, args.steps, args.rounds, args.every, args.away)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    rows, num_steps = [], args.steps * EPOCHS_IN_TURN
    plain = {key: median([figures[key] for figures in results["no monitor"]]) for key in ("wall", "thread", "all")}
    for name, runs in results.items():
        tracker = name in ("WandbMonitor", "MLflowMonitor")
        for key, what in (("wall", "a step by the clock"), ("thread", "a step, CPU time of the thread"),
                          ("all", "a step, CPU time of all")):
            rows.append(Row("{}: {}".format(name, what), 1e6 * median([figures[key] for figures in runs]) / num_steps, "us",
                            "no monitor", 1e6 * plain[key] / num_steps, "<= 1.01" if tracker and key != "all" else None))
        for key, total, what in (("inside_wall", "wall", "the monitor by the clock"),
                                 ("inside_thread", "thread", "the monitor, CPU time of the thread")):
            rows.append(Row("{}: in {}".format(name, what), 1e6 * median([figures[key] for figures in runs]) / num_steps, "us",
                            "no monitor", 1e6 * plain[total] / num_steps, "<= 0.01" if tracker else None))
    report("Overhead of monitors", rows, args.json, tensorflow=tensorflow_version(), steps=args.steps, rounds=args.rounds,
           every=args.every, away=args.away)


if __name__ == "__main__":
    main()
