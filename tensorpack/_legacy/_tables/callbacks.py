"""Callbacks."""
from __future__ import annotations

from typing import Dict

from .._table import Gone, Ignored, Moved, Name, Old, Part

_STAT_PRINTER = Old("_legacy.callbacks.StatPrinter", "nothing, or ScalarPrinter(whitelist=) among the monitors")
_STAT_HOLDER = Gone("JSONWriter() and ScalarPrinter() among the monitors; trainer.monitors has the history")
_COUNTER = Old("_legacy.callbacks.MaintainStepCounter", "nothing: trainers count their steps")
_NON_DECREASING = Gone("StatMonitorParamSetter(param, stat, func, threshold, last_k)")
_RUN_HOOKS = Old("_legacy.callbacks.PeriodicRunHooks", "PeriodicCallback(callback, every_k_steps=k)")
_PERIODIC_SAVER = Old("_legacy.callbacks.PeriodicSaver", "PeriodicTrigger(ModelSaver(), every_k_epochs=k)")
_TRAIN_TYPE = Old("_legacy.callbacks.TrainCallbackType", "nothing: callbacks have no types")
_TEST_TYPE = Old("_legacy.callbacks.TestCallbackType", "nothing: callbacks have no types")
_VALIDATION = Gone("InferenceRunner(dataflow, ClassificationError('incorrect_vector'))")
_TRIGGERABLE = "callbacks.base.Callback"
_TENSOR_PRINTER = "callbacks.steps.TensorPrinter"

_STAR: Dict[str, Name] = {
    "MaintainStepCounter": _COUNTER,
    "NonDecreasingStatMonitorParamSetter": _NON_DECREASING,
    "PeriodicRunHooks": _RUN_HOOKS,
    "StatHolder": _STAT_HOLDER,
    "StatPrinter": _STAT_PRINTER,
    "StepTensorPrinter": _TENSOR_PRINTER,
    "TestCallbackType": _TEST_TYPE,
    "TrainCallbackType": _TRAIN_TYPE,
    "Triggerable": _TRIGGERABLE,
}

PART = Part(
    names={
        "callbacks.base.PeriodicCallback": "callbacks.trigger.PeriodicCallback",
        "callbacks.base.TestCallback": "callbacks.base.Callback",
        "callbacks.base.TestCallbackType": _TEST_TYPE,
        "callbacks.base.TrainCallback": "callbacks.base.Callback",
        "callbacks.base.TrainCallbackType": _TRAIN_TYPE,
        "callbacks.base.Triggerable": _TRIGGERABLE,
        "callbacks.common.PeriodicSaver": _PERIODIC_SAVER,
        "callbacks.param.NonDecreasingStatMonitorParamSetter": _NON_DECREASING,
        "callbacks.stat.StatHolder": _STAT_HOLDER,
        "callbacks.stat.StatPrinter": _STAT_PRINTER,
        "callbacks.stats.DumpTensor": "callbacks.graph.DumpTensor",
        "callbacks.stats.StatHolder": _STAT_HOLDER,
        "callbacks.stats.StatPrinter": _STAT_PRINTER,
        "callbacks.steps.StepTensorPrinter": _TENSOR_PRINTER,
        "callbacks.summary.StatHolder": _STAT_HOLDER,
        "callbacks.summary.StatPrinter": _STAT_PRINTER,
        "callbacks.trigger.PeriodicRunHooks": _RUN_HOOKS,
        "callbacks.validation_callback.ValidationCallback": _VALIDATION,
        "callbacks.validation_callback.ValidationError": _VALIDATION,
        "callbacks.validation_callback.ValidationStatPrinter": _VALIDATION,
    },
    star={"": _STAR, "callbacks": _STAR},
    keywords={
        "callbacks.base.CallbackFactory": {"trigger_epoch": "trigger"},
        "callbacks.concurrency.StartProcOrThread": {"procs_threads": "startable"},
        "callbacks.graph.RunOp": {"run_epoch": "run_as_trigger", "setup_func": "op"},
        "callbacks.misc.SendStat": {"stats": "names"},
        "callbacks.param.HumanHyperParamSetter": {"var_name": "param"},
        "callbacks.param.HyperParamSetter": {"shape": Ignored("a variable knows its shape"), "var_name": "param"},
        "callbacks.param.ScheduledHyperParamSetter": {"var_name": "param"},
        "callbacks.param.StatMonitorParamSetter": {"min_non_decreasing": Gone(
            "StatMonitorParamSetter(param, stat, func, threshold, last_k), which asks for the change in last_k epochs")},
        "callbacks.saver.ModelSaver": {"keep_freq": "keep_checkpoint_every_n_hours", "keep_recent": "max_to_keep"},
        "callbacks.summary.MovingAverageSummary": {"decay": Ignored("add_moving_summary(decay=) sets it")},
        "callbacks.trigger.PeriodicCallback": {"cb": "callback", "period": "every_k_epochs"},
    },
    modules={
        "callbacks.common": Moved("callbacks.saver"),
        "callbacks.dispatcher": Moved("", "nothing: it was internal to the runners of inference"),
        "callbacks.dump": Moved("callbacks.graph"),
        "callbacks.stat": Moved("callbacks.misc"),
        "callbacks.validation_callback": Moved("", "tensorpack.callbacks.inference_runner"),
    },
    adapters={
        "callbacks.base": "callback_hooks.adapt_base",
        "callbacks.group": "callback_hooks.adapt_group",
        "callbacks.param": "callback_hooks.adapt_param",
        "callbacks.trigger": "callback_hooks.adapt_trigger",
    },
    behaviours={
        "Callback._extra_fetches": "Callback._before_run, which returns what to fetch, and Callback._after_run",
        "Callback.extra_fetches": "Callback._before_run, which returns what to fetch",
        "Callbacks._extra_fetches": "Callback._before_run, which returns what to fetch, and Callback._after_run",
        "Callbacks.append": "a list of callbacks",
        "HyperParamSetter._get_current_value": "HyperParamSetter._get_value_to_set",
        "PeriodicCallback(cb, k) positional": "PeriodicCallback(callback, every_k_steps=k), or every_k_epochs=k",
    },
)
