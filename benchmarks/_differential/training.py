"""Trainings with callbacks and monitors in random orders and periods, on one tower."""

from __future__ import annotations

import os
import re
from typing import Any, Dict, List

import numpy as np

from .encoding import encode, failure
from .graphs import collections_of, stats_of, summaries_of, variables_of, weights_for


def generate(rng: Any) -> Dict[str, Any]:
    return {
        "model": {
            "norm": rng.random() < 0.3,
            "moving": rng.random() < 0.6,
            "regularize": rng.random() < 0.3,
            "optimizer": rng.choice(["GradientDescent", "Momentum", "Adam"]),
            "summaries": rng.random() < 0.4,
        },
        "epochs": rng.choice([1, 2, 3, 5]),
        "steps": rng.choice([1, 2, 3, 5]),
        "callbacks": [_callback(rng) for _ in range(rng.choice([1, 2, 3, 4, 6]))],
        "monitors": rng.sample(["JSONWriter", "TFEventWriter", "ScalarPrinter"], rng.choice([1, 2, 3])),
        "defaults": rng.random() < 0.4,
        "data": rng.choice([2, 3, 50]),
        "input": rng.choice(["flow", "flow", "queue", "feed"]),
    }


def _callback(rng: Any, depth: int = 0) -> Dict[str, Any]:
    number = rng.choice([1, 2, 2, 3])
    options = [
        {"name": "Record"},
        {
            "name": "Put",
            "what": rng.choice(["epoch", "nan", "step", "falling"]),
            "moment": rng.choice(["trigger", "trigger", "trigger_step", "after_train", "before_train"]),
        },
        {"name": "ModelSaver", "max_to_keep": rng.choice([1, 2, 10])},
        {"name": "MinSaver"},
        {"name": "MaxSaver"},
        {
            "name": "ScheduledHyperParamSetter",
            "schedule": rng.choice([[[1, 0.05]], [[2, 0.02], [4, 0.01]], [[1, 0.1], [3, 0.01]]]),
            "interp": rng.choice([None, None, "linear"]),
            "step_based": rng.random() < 0.2,
        },
        {"name": "HyperParamSetterWithFunc"},
        {"name": "StatMonitorParamSetter", "last_k": number, "reverse": rng.random() < 0.3},
        {"name": "InferenceRunner", "infs": rng.sample(["ScalarStats", "ClassificationError"], rng.choice([1, 1, 2]))},
        {"name": "MergeAllSummaries", "period": rng.choice([0, 2])},
        {"name": "MovingAverageSummary"},
        {"name": "RunUpdateOps"},
        {"name": "ProcessTensors"},
        {"name": "DumpTensors"},
        {"name": "DumpTensorAsImage"},
        {
            "name": "RunOp",
            "run_before": rng.random() < 0.5,
            "run_as_trigger": rng.random() < 0.5,
            "run_step": rng.random() < 0.5,
        },
        {"name": "CallbackFactory"},
        {"name": "StopAt", "step": rng.choice([1, 3, 5, 8])},
        {"name": "HumanHyperParamSetter"},
        {"name": "CheckNumerics"},
    ]
    if depth < 2:
        inner = _callback(rng, depth + 1)
        options += 2 * [
            {"name": "PeriodicTrigger", "of": inner, **_period(rng, number)},
            {"name": "PeriodicCallback", "of": inner, **_period(rng, number)},
            {"name": "EnableCallbackIf", "of": inner, "rule": rng.choice(["even steps", "odd epochs", "local 1"])},
        ]
    return rng.choice(options)


def _period(rng: Any, number: int) -> Dict[str, Any]:
    return rng.choice([{"every_k_steps": number}, {"every_k_epochs": number}, {"every_k_steps": number, "every_k_epochs": 2}])


def run(program: Dict[str, Any], folder: str) -> Any:
    result: Dict[str, Any] = {"first": _trained(program, folder, 1)}
    if program.get("resume") and "error" not in result["first"]:
        result["second"] = _trained(program, folder, 2)
    return result


def _trained(program: Dict[str, Any], folder: str, number: int) -> Dict[str, Any]:
    import tensorflow as tf

    from tensorpack import AutoResumeTrainConfig, TrainConfig, launch_train_with_config
    from tensorpack.tfutils.sessinit import SaverRestore
    from tensorpack.utils import logger

    logger.set_logger_dir(os.path.join(folder, "log"), action="k")
    events: List[Any] = []
    result: Dict[str, Any] = {"events": events}
    resume = program.get("resume")
    with tf.Graph().as_default() as graph:
        try:
            more: Dict[str, Any] = {} if program.get("defaults") else {"extra_callbacks": []}
            if resume == "session_init" and number == 2:
                more.update(
                    session_init=SaverRestore(os.path.join(folder, "log", "checkpoint")), starting_epoch=program["epochs"] + 1
                )
            make = AutoResumeTrainConfig if resume == "auto" else TrainConfig
            config = make(
                model=_model(program),
                callbacks=_callbacks(program, events, folder) + [_last_values(result)],
                **_data(program),
                **more,
                monitors=_monitors(program),
                max_epoch=program.get("epochs", 1) * number,
                steps_per_epoch=program.get("steps", 1),
            )
            launch_train_with_config(config, _trainer(program))
        except Exception as e:
            return failure(e)
        result.update(variables=variables_of(graph), collections=collections_of(graph))
    result.update(_files(os.path.join(folder, "log")))
    # a file of events that is made in the same second replaces the one before in 0.11
    first_steps = program.get("epochs", 1) * program.get("steps", 1) * (number - 1)
    result["summaries"] = [each for each in result["summaries"] if each[0] > first_steps]
    return result


def _files(folder: str) -> Dict[str, Any]:
    import tensorflow as tf

    # files of the second kind are only here, and hold what 0.11 forgot
    skipped = ("log.log", "stats.json", "resume.json", "callbacks.json")
    # "stats.json" is compared as such
    names = sorted(
        re.sub(r"\.\d{4}-\d{6}(-\d+)?$", ".time", name)
        for name in os.listdir(folder)
        if name not in skipped and not name.startswith(("graph-", "events.", "log.log."))
    )


def _own(spec: Dict[str, Any], events: List[Any], number: int) -> Any:
    from tensorpack.callbacks import Callback
    from tensorpack.train.base import StopTraining

    def act(self: Any, moment: str) -> None:
        if spec["name"] == "Record":
            events.append([number, moment, self.epoch_num, self.global_step, self.local_step])
        elif spec["name"] == "Put" and moment == spec.get("moment", "trigger"):
            value = {"epoch": self.epoch_num, "nan": float("nan"), "step": self.global_step, "falling": -self.global_step}[
                spec["what"]
            ]
            self.trainer.monitors.put_scalar("put{}".format(number), float(value))
        elif spec["name"] == "StopAt" and moment == "trigger_step" and self.global_step >= spec.get("step", 1):
            raise StopTraining("enough")

    def hook(moment: str) -> Any:
        return lambda self, *args: act(self, moment)

    moments = [
        "before_train",
        "before_epoch",
        "after_epoch",
        "trigger_epoch",
        "trigger",
        "trigger_step",
        "before_run",
        "after_run",
        "after_train",
    ]
    if spec["name"] == "Put":
        moments = [spec.get("moment", "trigger")]
    elif spec["name"] == "StopAt":
        moments = ["trigger_step"]
    kind = type(str(spec["name"]), (Callback,), {"_" + moment: hook(moment) for moment in moments})
    return kind()
