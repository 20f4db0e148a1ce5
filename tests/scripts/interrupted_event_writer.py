"""A training that Ctrl-C interrupts while the main thread wakes the one that writes events."""
import glob
import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import numpy as np
from interrupted_waking import Interrupting

from tensorpack import (
    Callback,
    DataFromList,
    ModelDesc,
    QueueInput,
    SimpleTrainer,
    TFEventWriter,
    TrainConfig,
    launch_train_with_config,
    logger,
    tfv1,
)


class Model(ModelDesc):
    def inputs(self):
        return [tfv1.TensorSpec((2,), tfv1.float32, "x")]

    def build_graph(self, x):
        weights = tfv1.get_variable("W", [2])
        return tfv1.reduce_sum(weights * x, name="cost")

    def optimizer(self):
        return tfv1.train.GradientDescentOptimizer(0.1)


class Interrupt(Callback):
    def __init__(self, writer):
        self._writer = writer

    def _trigger_step(self):
        if self.local_step != 5:
            return
        events = self._writer._writer.event_writer._event_queue
        condition = getattr(events, "_not_empty", None) or events.not_empty
        while not condition._waiters:
            time.sleep(0.01)
        condition._waiters[0] = Interrupting(condition._waiters[0])
        print("INTERRUPTED", flush=True)
        self.trainer.monitors.put_scalar("number", 1.0)
        time.sleep(60)


def written():
    (path,) = glob.glob(os.path.join(logger.get_logger_dir(), "events.*"))
    return [value.tag for event in tfv1.train.summary_iterator(path) for value in event.summary.value]


logger.set_logger_dir(tempfile.mkdtemp(), action="d")
writer = TFEventWriter()
try:
    launch_train_with_config(
        TrainConfig(model=Model(), data=QueueInput(DataFromList([[np.ones(2, "float32")]] * 9)), steps_per_epoch=9,
                    callbacks=[Interrupt(writer)], monitors=[writer], extra_callbacks=[], max_epoch=1000),
        SimpleTrainer())
finally:
    print("EVENTS ARE WRITTEN" if "number" in written() else written(), flush=True)
