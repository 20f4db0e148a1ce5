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
    names = sorted(
        re.sub(r"\.\d{4}-\d{6}(-\d+)?$", ".time", name)
        for name in os.listdir(folder)
        if name not in skipped and not name.startswith(("graph-", "events.", "log.log."))
    )
    stats = os.path.join(folder, "stats.json")
    found: Dict[str, Any] = {"files": names, "summaries": summaries_of(folder), "stats": stats_of(stats), "checkpoints": {}}
    for name in names:
        if name.endswith(".index"):
            reader = tf.compat.v1.train.NewCheckpointReader(os.path.join(folder, name[:-6]))
            found["checkpoints"][name] = {
                key: encode(reader.get_tensor(key)) for key in sorted(reader.get_variable_to_shape_map())
            }
    return found


def _last_values(result: Dict[str, Any]) -> Any:
    """Notes the values of all variables at the end of the training."""
    import tensorflow as tf

    from tensorpack.callbacks import Callback

    class LastValues(Callback):
        def _after_train(self) -> None:
            variables = tf.compat.v1.global_variables()
            values = self.trainer.sess.run(variables)
            result["values"] = {v.name: encode(value) for v, value in zip(variables, values)}

    return LastValues()


def _trainer(program: Dict[str, Any]) -> Any:
    from tensorpack import train

    name = program.get("trainer", {}).get("name", "SimpleTrainer")
    if name == "SimpleTrainer":
        return train.SimpleTrainer()
    options = {key: value for key, value in program["trainer"].items() if key not in ("name", "towers")}
    return getattr(train, name)(program["trainer"].get("towers", 2), **options)


def _batch(index: int) -> List[Any]:
    rng = np.random.RandomState(index)
    return [rng.uniform(-1, 1, size=(4, 3)).astype("float32"), rng.randint(0, 2, size=[4]).astype("int32")]


def _data(program: Dict[str, Any]) -> Dict[str, Any]:
    from tensorpack.dataflow import DataFromList, RepeatedData
    from tensorpack.input_source import FeedInput, QueueInput

    flow = RepeatedData(DataFromList([_batch(index) for index in range(program.get("data", 2))], shuffle=False), -1)
    kind = program.get("input", "flow")
    return {"dataflow": flow} if kind == "flow" else {"data": QueueInput(flow) if kind == "queue" else FeedInput(flow)}


def _monitors(program: Dict[str, Any]) -> List[Any]:
    from tensorpack import callbacks

    return [getattr(callbacks, name)() for name in program.get("monitors", ("JSONWriter",))]


def _model(program: Dict[str, Any]) -> Any:
    import tensorflow as tf

    from tensorpack import ModelDesc
    from tensorpack.models import BatchNorm, regularize_cost
    from tensorpack.tfutils.summary import add_activation_summary, add_moving_summary, add_param_summary

    v1 = tf.compat.v1
    spec = program.get("model", {})

    class Model(ModelDesc):
        def inputs(self) -> Any:
            return [tf.TensorSpec([None, 3], tf.float32, "x"), tf.TensorSpec([None], tf.int32, "y")]

        def build_graph(self, x: Any, y: Any) -> Any:
            W = v1.get_variable("fc/W", initializer=weights_for("fc/W", [3, 2]))
            logits = tf.add(tf.matmul(x, W), v1.get_variable("fc/b", initializer=weights_for("fc/b", [2])), name="logits")
            if spec.get("norm"):
                logits = BatchNorm("bn", logits)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(logits=logits, labels=y)
            cost = tf.reduce_mean(losses, name="cost")
            if spec.get("moving"):  # not with the weights' decay, which 0.11 may read before or after their update
                add_moving_summary(cost)
            tf.cast(tf.not_equal(tf.cast(tf.argmax(logits, 1), tf.int32), y), tf.float32, name="incorrect_vector")
            tf.reshape(tf.tile(tf.reduce_mean(x, axis=0) * 0 + 0.5, [4]), [3, 4], name="picture")
            if spec.get("regularize"):
                cost = tf.add(cost, regularize_cost("fc/W", tf.nn.l2_loss, name="decay"), name="total")
            if spec.get("summaries"):
                add_activation_summary(logits)
                add_param_summary((".*/W", ["rms", "histogram"]))
                tf.compat.v1.summary.scalar("loss", losses[0])
            return cost

        def optimizer(self) -> Any:
            rate = v1.get_variable("learning_rate", initializer=0.1, trainable=False)
            name = spec.get("optimizer", "GradientDescent")
            base = getattr(v1.train, name + "Optimizer")

            class Gated(base):  # type: ignore
                """0.11 does not gate: it may update a variable before another gradient has read it."""

                def compute_gradients(self, *args: Any, **kwargs: Any) -> Any:
                    kwargs["gate_gradients"] = v1.train.Optimizer.GATE_GRAPH
                    return super().compute_gradients(*args, **kwargs)

            return Gated(*((rate, 0.9) if name == "Momentum" else (rate,)), name=name)

    return Model()


def _callbacks(program: Dict[str, Any], events: List[Any], folder: str) -> List[Any]:
    return [_built(spec, events, folder, number) for number, spec in enumerate(program.get("callbacks", ()))]


def _built(spec: Dict[str, Any], events: List[Any], folder: str, number: int) -> Any:
    from tensorpack import callbacks

    name = spec["name"]
    options = {key: value for key, value in spec.items() if key not in ("name", "of", "rule", "what", "moment", "infs", "step")}
    if "of" in spec:
        inner = _built(spec["of"], events, folder, number)
        if name == "EnableCallbackIf":
            return callbacks.EnableCallbackIf(inner, _RULES[spec["rule"]])
        return getattr(callbacks, name)(inner, **options)
    if name in ("Record", "Put", "StopAt"):
        return _own(spec, events, number)
    if name in ("MinSaver", "MaxSaver"):
        return getattr(callbacks, name)("put{}".format(max(number - 1, 0)), filename="best{}".format(number))
    if name == "ScheduledHyperParamSetter":
        return callbacks.ScheduledHyperParamSetter("learning_rate", [tuple(p) for p in options.pop("schedule")], **options)
    if name == "HyperParamSetterWithFunc":
        return callbacks.HyperParamSetterWithFunc("learning_rate", lambda epoch, value: value * 0.9)
    if name == "HumanHyperParamSetter":
        with open(os.path.join(folder, "log", "hyper.txt"), "w") as f:
            f.write("learning_rate:0.03\n")
        return callbacks.HumanHyperParamSetter("learning_rate")
    if name == "StatMonitorParamSetter":
        return callbacks.StatMonitorParamSetter("learning_rate", "put0", lambda value: value * 0.5, threshold=0.01, **options)
    if name == "InferenceRunner":
        return _inference_runner(spec)
    if name == "ProcessTensors":
        return callbacks.ProcessTensors(["cost:0"], lambda cost: events.append(["cost", round(float(cost), 4)]))
    if name == "DumpTensors":
        return callbacks.DumpTensors(["cost:0"])
    if name == "DumpTensorAsImage":
        return callbacks.DumpTensorAsImage("picture", prefix="picture{}".format(number))
    if name == "RunOp":
        return callbacks.RunOp(_count_op, **options)
    if name == "CallbackFactory":
        return callbacks.CallbackFactory(trigger=lambda self: events.append([number, "factory", self.epoch_num]))
    return getattr(callbacks, name)(**options)


def _count_op() -> Any:
    import tensorflow as tf

    counter = tf.compat.v1.get_variable("runs", initializer=0, trainable=False)
    return tf.compat.v1.assign_add(counter, 1).op


_RULES = {
    "even steps": lambda self: self.global_step % 2 == 0,
    "odd epochs": lambda self: self.epoch_num % 2 == 1,
    "local 1": lambda self: self.local_step == 1,
}


def _inference_runner(spec: Dict[str, Any]) -> Any:
    from tensorpack import callbacks
    from tensorpack.dataflow import DataFromList

    kinds = {
        "ScalarStats": lambda: callbacks.ScalarStats("cost"),
        "ClassificationError": lambda: callbacks.ClassificationError("incorrect_vector", "error"),
    }
    return callbacks.InferenceRunner(
        DataFromList([_batch(100), _batch(101)], shuffle=False), [kinds[each]() for each in spec["infs"]]
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
