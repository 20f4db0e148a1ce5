"""Callbacks: everything that happens in a training run besides its steps.

Names are imported when they are first used, so that any module of the library can be the first to be imported.
"""
from __future__ import annotations

from .._exports import attach

__getattr__, __dir__, __all__ = attach(__name__, {
    "base": ["Callback", "CallbackFactory", "ProxyCallback"],
    "concurrency": ["StartProcOrThread"],
    "data_position": ["DataPosition"],
    "early_stop": ["EarlyStop"],
    "graph": ["CheckNumerics", "DumpParamAsImage", "DumpTensor", "DumpTensorAsImage", "DumpTensors", "ProcessTensors",
              "RunOp", "RunUpdateOps"],
    "group": ["Callbacks"],
    "hooks": ["CallbackToHook", "HookToCallback", "TFLocalCLIDebugHook"],
    "inference": ["BinaryClassificationStats", "ClassificationError", "Inferencer", "ScalarStats"],
    "inference_runner": ["DataParallelInferenceRunner", "InferenceRunner", "InferenceRunnerBase"],
    "misc": ["EstimatedTimeLeft", "InjectShell", "SendStat"],
    "monitor": ["CometMLMonitor", "JSONWriter", "MLflowMonitor", "MonitorBase", "Monitors", "ScalarPrinter",
                "SendMonitorData", "TFEventWriter", "WandbMonitor"],
    "non_finite": ["TerminateOnNaN"],
    "param": ["GraphVarParam", "HumanHyperParamSetter", "HyperParam", "HyperParamSetter", "HyperParamSetterWithFunc",
              "ObjAttrParam", "ScheduledHyperParamSetter", "StatMonitorParamSetter"],
    "prof": ["GPUMemoryTracker", "GPUUtilizationTracker", "GraphProfiler", "HostMemoryTracker", "PeakMemoryTracker",
             "ThroughputTracker"],
    "saver": ["MaxSaver", "MinSaver", "ModelSaver"],
    "steps": ["ProgressBar", "SessionRunTimeout", "TensorPrinter"],
    "summary": ["MergeAllSummaries", "MovingAverageSummary", "SimpleMovingAverage"],
    "trigger": ["EnableCallbackIf", "PeriodicCallback", "PeriodicTrigger"],
})
