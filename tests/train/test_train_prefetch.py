"""How `launch_train_with_config` puts data before the towers: fed, queued, and staged on each of several devices."""
import logging

import numpy as np
import pytest
from tower_runs import KINDS, OPTIMIZERS, TRAINERS, Model

from tensorpack import (
    BatchData,
    BatchQueueInput,
    DataFromList,
    FeedInput,
    InferenceRunner,
    QueueInput,
    ScalarStats,
    SimpleTrainer,
    StagingInput,
    SyncMultiGPUTrainerReplicated,
    TensorInput,
    TrainConfig,
    launch_train_with_config,
    remap_input_source,
)
from tensorpack.compat import tfv1 as tf
from tensorpack.train.interface import apply_default_prefetch
from tensorpack.utils import logger


def flow():
    return DataFromList([[np.float32([0.1 * k, 1, -1]), k % 6, 0.5] for k in range(24)], shuffle=False)


def batches():
    return BatchData(flow(), 4)


def two_towers():
    return SyncMultiGPUTrainerReplicated(2, device_type="cpu")


def one_tower():
    return SyncMultiGPUTrainerReplicated(1, device_type="cpu")


class Derived(SimpleTrainer):
    pass


@pytest.fixture
def said():
    """Messages of the log."""
    messages = []

    class Handler(logging.Handler):
        def emit(self, record):
            messages.append(record.getMessage())

    handler = Handler()
    logger._logger.addHandler(handler)
    yield messages
    logger._logger.removeHandler(handler)


@pytest.mark.parametrize("make_input, make_trainer, expected", [
    (batches, SimpleTrainer, [FeedInput]),
    (batches, Derived, [QueueInput]),
    (batches, one_tower, [QueueInput]),
    (batches, two_towers, [StagingInput, QueueInput]),
    (lambda: QueueInput(batches()), SimpleTrainer, [QueueInput]),
    (lambda: QueueInput(batches()), one_tower, [QueueInput]),
    (lambda: QueueInput(batches()), two_towers, [StagingInput, QueueInput]),
    (lambda: BatchQueueInput(flow(), 4), two_towers, [StagingInput, BatchQueueInput]),
    (lambda: StagingInput(QueueInput(batches())), two_towers, [StagingInput, QueueInput]),
    (lambda: TensorInput(lambda: []), two_towers, [TensorInput]),
    (lambda: FeedInput(batches()), two_towers, [FeedInput]),
], ids=["flow-simple", "flow-derived", "flow-1", "flow-2", "queue-simple", "queue-1", "queue-2", "batch-queue-2", "staged-2",
        "tensors-2", "feed-2"])
def test_the_default_input_of_a_trainer(said, make_input, make_trainer, expected):
    trainer, given = make_trainer(), make_input()
    said.clear()
    result = apply_default_prefetch(given, trainer)
    assert [type(source) for source in [result] + ([result._input] if type(result) is StagingInput else [])] == expected
    assert (result is given) == (type(given) is expected[0])
    added = [kind.__name__ for kind in expected if kind is not type(given) and kind is not FeedInput and result is not given]
    assert len([m for m in said if "Automatically" in m]) == len(added)
    assert all(any("applying " + name in m for m in said) for name in added)


def test_a_remapped_queue_is_staged(said):
    remapped = remap_input_source(QueueInput(batches()), ["y", "x"])
    staged = apply_default_prefetch(remapped, two_towers())
    assert type(staged) is StagingInput and staged._input is remapped
    assert any("StagingInput on the RemappedQueueInput" in message for message in said)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("make_input", [batches, lambda: BatchQueueInput(flow(), 4)], ids=["flow", "batch-queue"])
def test_two_towers_train_on_staged_data_with_validation_between(kind, make_input):
    model = Model(lambda: tf.train.GradientDescentOptimizer(0.01))
    data = make_input()
    kwargs = dict(data=data) if isinstance(data, BatchQueueInput) else dict(dataflow=data)
    trainer = TRAINERS[kind](2)
    runner = InferenceRunner(BatchData(flow(), 6), [ScalarStats("cost")])
    config = TrainConfig(model=model, callbacks=[runner], monitors=[], extra_callbacks=[], steps_per_epoch=6, max_epoch=3,
                         **kwargs)
    launch_train_with_config(config, trainer)
    names = {op.name for op in trainer.graph.get_operations()}
    assert {"tower{}/StagingInput/StagingArea_{}".format(k, end) for k in range(2) for end in ("put", "get")} <= names
    first, _, last = [value for _, value in trainer.monitors.get_history("validation_cost")]
    assert last < first and trainer.global_step == 18


def test_an_error_of_the_data_ends_a_training_with_staged_inputs():
    class Broken(BatchData):
        def __iter__(self):
            for k, datapoint in enumerate(super().__iter__()):
                if k == 4:
                    raise RuntimeError("the disk of the data is gone")
                yield datapoint

    config = TrainConfig(model=Model(OPTIMIZERS["sgd"]), dataflow=Broken(flow(), 4), monitors=[], extra_callbacks=[],
                         steps_per_epoch=100, max_epoch=1)
    with pytest.raises(RuntimeError, match="the disk of the data is gone"):
        launch_train_with_config(config, two_towers())


def test_the_graph_of_one_tower_has_no_staging_area():
    config = TrainConfig(model=Model(OPTIMIZERS["sgd"]), dataflow=batches(), monitors=[], extra_callbacks=[], max_epoch=1,
                         steps_per_epoch=1)
    launch_train_with_config(config, SimpleTrainer())
    assert not [op for op in tf.get_default_graph().get_operations() if "Stag" in op.name]
