"""Callbacks of Keras that are given where callbacks of this library belong: what does the same here."""
from __future__ import annotations

from typing import Any

_MODULES = ("keras.", "tf_keras.", "tensorflow.")  # where Keras has lived

# The words are those of the table in docs/notes/migration.md.
HERE = {
    "BackupAndRestore": "AutoResumeTrainConfig in the place of TrainConfig",
    "CSVLogger": "logger.set_logger_dir(path): stats.json is written there by default",
    "EarlyStopping": 'EarlyStop("validation_loss", patience)',
    "History": "trainer.monitors.get_history(name), or stats.json in the log directory",
    "LambdaCallback": "CallbackFactory(trigger=lambda callback: ...)",
    "LearningRateScheduler": 'ScheduledHyperParamSetter("learning_rate", [(epoch, value), ...])',
    "ModelCheckpoint": 'ModelSaver(), and for the best one MinSaver("validation_error") after it',
    "ProgbarLogger": "ProgressBar(), which is there by default",
    "ReduceLROnPlateau": 'StatMonitorParamSetter("learning_rate", "validation_loss", lambda x: x * 0.1, 0, last_k=11)',
    "TensorBoard": "logger.set_logger_dir(path): event files are written there by default",
    "TerminateOnNaN": "TerminateOnNaN(name_of_the_cost)",
}


def instead_of_keras(value: Any) -> str:
    """Words to append to the error about a value that is no callback: what does here what this callback of Keras does.

    Without words unless it is an instance, or the class, of a callback of Keras or of one derived from it.
    """
    cls = value if isinstance(value, type) else type(value)
    names = [base.__name__ for base in cls.__mro__ if base.__module__.startswith(_MODULES)]
    if "Callback" not in names:
        return ""
    for name in names:
        if name in HERE:
            return "; Keras' {} is here {}".format(name, HERE[name])
    return ("; a callback of Keras does not know this training: derive from tensorpack's Callback, where on_epoch_end is "
            "_trigger_epoch and on_batch_end _trigger_step")
