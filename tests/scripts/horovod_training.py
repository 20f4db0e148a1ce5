"""Trainings by HorovodTrainer and BytePSTrainer in several processes; run by tests/train/test_train_horovod.py.

Usage: horovod_training.py OUT [SCENARIO]. One scenario is run as this process's rank, by the real Horovod under horovodrun;
without one all of them are, each by two forked processes over the stand-in. A rank writes OUT/<scenario>-<rank>.npz and .json.
"""
import importlib
import json
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "train"))
from tower_runs import OPTIMIZERS, Final, Model, batches  # noqa: E402

from tensorpack import *  # noqa: E402

STEPS, EPOCHS = 4, 2
INITIAL = {"hidden/W": np.linspace(-1, 1, 20).reshape(5, 4).astype("float32")}  # what the chief restores

# Each: trainer, optimizer, last epoch, arguments of the trainer
SCENARIOS = {
    "sgd": ("HorovodTrainer", "sgd", EPOCHS, {}),
    "first": ("HorovodTrainer", "momentum", EPOCHS, {}),
    "resumed": ("HorovodTrainer", "momentum", 2 * EPOCHS, {}),
    "sum": ("HorovodTrainer", "adam", EPOCHS, {"average": False}),
    "byteps": ("BytePSTrainer", "sgd", EPOCHS, {}),
    "unequal": ("HorovodTrainer", "sgd", EPOCHS, {}),
    "stopped by chief": ("HorovodTrainer", "sgd", 5, {}),
    "stopped by other": ("BytePSTrainer", "sgd", 5, {}),
    "stopped at the start": ("HorovodTrainer", "sgd", EPOCHS, {}),
    "stopped at the end": ("HorovodTrainer", "sgd", EPOCHS, {}),
    "stopped together": ("HorovodTrainer", "sgd", EPOCHS, {}),
    "rate": ("HorovodTrainer", "sgd", 2 * EPOCHS, {}),
    "rate of chief": ("HorovodTrainer", "sgd", 2 * EPOCHS, {}),
    "rate by BytePS": ("BytePSTrainer", "sgd", 2 * EPOCHS, {}),
}
STOPS = {"stopped by chief": (2, [0]), "stopped by other": (2, [1]), "stopped at the start": (0, [1]),
         "stopped at the end": (EPOCHS, [0]), "stopped together": (1, [0, 1])}  # after which epoch, on which ranks


class Epochs(Callback):
    _chief_only = False

    def __init__(self):
        self.seen = []

    def _before_epoch(self):
        self.seen.append([self.epoch_num, self.global_step])


class Rate(Callback):
    """An attribute for a setter, noted in each epoch; the chief has a statistic that gets worse."""

    _chief_only = False

    def __init__(self):
        self.rate, self.seen = 1., []

    def _trigger_step(self):
        self.seen.append(self.rate)

    def _trigger_epoch(self):
        if self.trainer.is_chief:
            self.trainer.monitors.put_scalar("worse", self.epoch_num)

    def setters(self):
        param = ObjAttrParam(self, "rate", "a rate of " + "long " * 300 + "name")  # more than fits into one message
        return [StatMonitorParamSetter(param, "worse", lambda x: x / 2, threshold=0, last_k=2)]


class Stop(Callback):
    """Raises StopTraining after an epoch, or before the first one."""

    _chief_only = False

    def __init__(self, epoch):
        self.epoch = epoch

    def _before_train(self):
        self.raise_after(0)

    def _trigger_epoch(self):
        self.raise_after(self.epoch_num)

    def raise_after(self, epoch):
        if epoch == self.epoch:
            raise StopTraining("enough")


def train(out, scenario):
    name, optimizer, max_epoch, arguments = SCENARIOS[scenario]
    trainer = getattr(sys.modules["tensorpack"], name)(**arguments)
    rank, size = trainer.hvd.rank(), trainer.hvd.size()
    if trainer.is_chief:
        folder = "first" if scenario == "resumed" else scenario
        logger.set_logger_dir(os.path.join(out, folder), "k")
    steps = STEPS + (rank if scenario == "unequal" else 0)
    mine = [[component[rank::size] for component in datapoint] for datapoint in batches(STEPS * EPOCHS)]
    epochs, final, rate = Epochs(), Final().set_chief_only(False), Rate()
    last_epoch, ranks = STOPS.get(scenario, (None, []))
    others = [Stop(last_epoch)] if rank in ranks else []
    if scenario.startswith("rate"):
        others = [rate] + (rate.setters() if trainer.is_chief or scenario != "rate of chief" else [])
    validation = InferenceRunner(DataFromList(batches(2), shuffle=False), ScalarStats("cost"))
    launch_train_with_config(AutoResumeTrainConfig(
        always_resume=False, model=Model(OPTIMIZERS[optimizer]), data=QueueInput(DataFromList(mine, shuffle=False)),
        steps_per_epoch=steps, max_epoch=max_epoch, callbacks=[ModelSaver(), validation, epochs, final] + others,
        **({"session_init": DictRestore(INITIAL)} if scenario != "resumed" else {})), trainer)
    np.savez(os.path.join(out, "{}-{}.npz".format(scenario, rank)), **final.saved)
    with open(os.path.join(out, "{}-{}.json".format(scenario, rank)), "w") as f:
        json.dump({"epochs": epochs.seen, "size": size, "first_draw": float(get_rng().rand()), "last_step": trainer.global_step,
                   "rates": rate.seen, "runs": getattr(trainer.hvd, "RUNS", None)}, f)


def run_rank(out, scenario, rank):
    directory = os.path.join(out, "exchange-" + scenario)
    os.makedirs(directory, exist_ok=True)
    os.environ.update(STAND_IN_RANK=str(rank), STAND_IN_SIZE="2", STAND_IN_DIRECTORY=directory, DMLC_ROLE="worker",
                      DMLC_WORKER_ID=str(rank), DMLC_NUM_WORKER="2")
    log = os.open(os.path.join(out, "{}-{}.log".format(scenario, rank)), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    try:
        train(out, scenario)
    finally:
        package = "byteps" if SCENARIOS[scenario][0] == "BytePSTrainer" else "horovod"
        importlib.import_module(package + ".tensorflow").shutdown()


def run_all(out):
    for scenario in SCENARIOS:
        children = []
        for rank in range(2):
            child = os.fork()
            if not child:
                status = 1
                try:
                    run_rank(out, scenario, rank)
                    status = 0
                except BaseException:
                    sys.excepthook(*sys.exc_info())
                finally:
                    sys.stderr.flush()
                    os._exit(status)
            children.append(child)
        print(scenario, [os.waitpid(child, 0)[1] >> 8 for child in children], flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        train(sys.argv[1], sys.argv[2])
    else:
        run_all(sys.argv[1])
