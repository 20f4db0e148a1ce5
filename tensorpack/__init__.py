"""tensorpack: fast training, inference and data loading for graph-mode TensorFlow.

This file is the table of contents of `from tensorpack import *`. Nothing is imported before it is used, so that
`import tensorpack` and everything about data stays free of TensorFlow.
"""
import importlib.util
import sys
import warnings
from multiprocessing import current_process

from ._exports import attach
from ._legacy import install
from .libinfo import __version__ as __version__

_WITHOUT_TENSORFLOW = {
    "dataflow.base": ("DataFlow", "DataFlowTerminated", "ProxyDataFlow", "RNGDataFlow"),
    "dataflow.common": (
        "BatchData", "BatchDataByShape", "CacheData", "ConcatData", "FixedSizeData", "JoinData", "LocallyShuffleData",
        "MapData", "MapDataComponent", "PrintData", "RandomChooseData", "RandomMixData", "RepeatedData",
        "RepeatedDataPoint", "SelectComponent", "ShardData", "TestDataSpeed", "check_dataflow"),
    "dataflow.format": (
        "ArrowData", "CaffeLMDB", "HDF5Data", "HuggingFaceData", "LMDBData", "LMDBDataDecoder", "ParquetData", "SVMLightData",
        "TFExampleData", "TarData", "ZarrData"),
    "dataflow.image": ("AugmentImageComponent", "AugmentImageComponents", "AugmentImageCoordinates", "DecodeAndAugment",
                       "ImageFromFile", "decode_image"),
    "dataflow.parallel": (
        "MultiProcessPrefetchData", "MultiProcessRunner", "MultiProcessRunnerZMQ", "MultiThreadPrefetchData",
        "MultiThreadRunner", "PrefetchData", "PrefetchDataZMQ"),
    "dataflow.parallel_map": (
        "MultiProcessMapAndBatchData", "MultiProcessMapAndBatchDataZMQ", "MultiProcessMapData",
        "MultiProcessMapDataZMQ", "MultiThreadMapData"),
    "dataflow.raw": ("DataFromGenerator", "DataFromIterable", "DataFromList", "DataFromQueue", "FakeData"),
    "dataflow.remote": ("RemoteDataZMQ", "send_dataflow_zmq"),
    "dataflow.resumable": ("ResumableData",),
    "dataflow.serialize": (
        "ArrowSerializer", "HDF5Serializer", "LMDBSerializer", "NumpySerializer", "ParquetSerializer", "TFExampleSerializer",
        "TFRecordSerializer", "TarSerializer", "ZarrSerializer"),
    "utils.utils": (
        "change_env", "execute_only_once", "fix_rng_seed", "get_rng", "get_tqdm", "humanize_time_delta"),
}
_MODULES_WITHOUT_TENSORFLOW = {
    "dataflow": "dataflow",
    "dataset": "dataflow.dataset",
    "imgaug": "dataflow.imgaug",
    "libinfo": "libinfo",
    "logger": "utils.logger",
    "utils": "utils",
}
_WITH_TENSORFLOW = {
    "callbacks.base": ("Callback", "CallbackFactory", "ProxyCallback"),
    "callbacks.concurrency": ("StartProcOrThread",),
    "callbacks.data_position": ("DataPosition",),
    "callbacks.early_stop": ("EarlyStop",),
    "callbacks.graph": (
        "CheckNumerics", "DumpParamAsImage", "DumpTensor", "DumpTensorAsImage", "DumpTensors", "ProcessTensors", "RunOp",
        "RunUpdateOps"),
    "callbacks.group": ("Callbacks",),
    "callbacks.hooks": ("CallbackToHook", "HookToCallback", "TFLocalCLIDebugHook"),
    "callbacks.inference": ("BinaryClassificationStats", "ClassificationError", "Inferencer", "ScalarStats"),
    "callbacks.inference_runner": ("DataParallelInferenceRunner", "InferenceRunner", "InferenceRunnerBase"),
    "callbacks.misc": ("EstimatedTimeLeft", "InjectShell", "SendStat"),
    "callbacks.monitor": (
        "CometMLMonitor", "JSONWriter", "MLflowMonitor", "MonitorBase", "Monitors", "ScalarPrinter", "SendMonitorData",
        "TFEventWriter", "WandbMonitor"),
    "callbacks.non_finite": ("TerminateOnNaN",),
    "callbacks.param": (
        "GraphVarParam", "HumanHyperParamSetter", "HyperParam", "HyperParamSetter", "HyperParamSetterWithFunc",
        "ObjAttrParam", "ScheduledHyperParamSetter", "StatMonitorParamSetter"),
    "callbacks.prof": (
        "GPUMemoryTracker", "GPUUtilizationTracker", "GraphProfiler", "HostMemoryTracker", "PeakMemoryTracker",
        "ThroughputTracker"),
    "callbacks.saver": ("MaxSaver", "MinSaver", "ModelSaver"),
    "callbacks.steps": ("ProgressBar", "SessionRunTimeout", "TensorPrinter"),
    "callbacks.summary": ("MergeAllSummaries", "MovingAverageSummary", "SimpleMovingAverage"),
    "callbacks.trigger": ("EnableCallbackIf", "PeriodicCallback", "PeriodicTrigger"),
    "compat": ("tfv1",),
    "graph_builder.model_desc": ("ModelDesc", "ModelDescBase"),
    "input_source.input_source": (
        "BatchQueueInput", "DummyConstantInput", "FeedInput", "FeedfreeInput", "PlaceholderInput", "QueueInput",
        "StagingInput", "TFDatasetInput", "TensorInput", "ZMQInput"),
    "input_source.input_source_base": ("InputSource", "remap_input_source"),
    "models": (
        "AvgPooling", "BNReLU", "BatchNorm", "BatchRenorm", "ConcatWith", "Conv2D", "Conv2DTranspose", "Deconv2D",
        "Dropout", "FixedUnPooling", "FullyConnected", "GlobalAvgPooling", "InstanceNorm", "LayerNorm", "LinearWrap",
        "MaxPooling", "Maxout", "PReLU", "VariableHolder", "disable_layer_logging", "l1_regularizer", "l2_regularizer",
        "layer_register", "regularize_cost", "regularize_cost_from_collection", "rename_tflayer_get_variable"),
    "predict.base": ("OfflinePredictor", "OnlinePredictor", "PredictorBase"),
    "predict.concurrency": ("MultiThreadAsyncPredictor",),
    "predict.config": ("PredictConfig",),
    "predict.dataset": ("DatasetPredictorBase", "MultiProcessDatasetPredictor", "SimpleDatasetPredictor"),
    "predict.exported": ("ExportedPredictor",),
    "predict.feedfree": ("FeedfreePredictor",),
    "predict.multigpu": ("DataParallelOfflinePredictor", "MultiTowerOfflinePredictor"),
    "tfutils.argscope": ("argscope", "enable_argscope_for_function", "enable_argscope_for_module", "get_arg_scope"),
    "tfutils.common": (
        "collect_env_info", "get_default_sess_config", "get_global_step_value", "get_global_step_var",
        "get_tf_version_tuple"),
    "tfutils.sessinit": (
        "ChainInit", "DictRestore", "JustCurrentSession", "SaverRestore", "SaverRestoreRelaxed", "SessionInit", "SmartInit",
        "get_model_loader"),
    "tfutils.tower": ("TowerContext", "get_current_tower_context"),
    "train.base": ("StopTraining", "Trainer"),
    "train.config": ("AutoResumeTrainConfig", "DEFAULT_CALLBACKS", "DEFAULT_MONITORS", "TrainConfig"),
    "train.interface": ("launch_train_with_config",),
    "train.tower": ("SingleCostTrainer", "TowerTrainer"),
    "train.trainers": (
        "AsyncMultiGPUTrainer", "BytePSTrainer", "CollectiveInferenceRunner", "CollectiveTrainer",
        "DistributedTrainerParameterServer", "DistributedTrainerReplicated", "HorovodTrainer", "NoOpTrainer",
        "QueueInputTrainer", "SimpleTrainer", "SyncMultiGPUTrainer", "SyncMultiGPUTrainerParameterServer",
        "SyncMultiGPUTrainerReplicated"),
}
_MODULES_WITH_TENSORFLOW = {
    "callbacks": "callbacks",
    "compat": "compat",
    "gradproc": "tfutils.gradproc",
    "graph_builder": "graph_builder",
    "input_source": "input_source",
    "models": "models",
    "optimizer": "tfutils.optimizer",
    "predict": "predict",
    "sesscreate": "tfutils.sesscreate",
    "sessinit": "tfutils.sessinit",
    "summary": "tfutils.summary",
    "tfutils": "tfutils",
    "tower": "tfutils.tower",
    "train": "train",
    "varreplace": "tfutils.varreplace",
}


def _without_tensorflow():
    names = [name for names in _WITH_TENSORFLOW.values() for name in names] + list(_MODULES_WITH_TENSORFLOW)
    message = "tensorpack.{} needs TensorFlow >= 1.15 (pip install tensorflow)"
    return attach(__name__, _WITHOUT_TENSORFLOW, _MODULES_WITHOUT_TENSORFLOW, {n: message.format(n) for n in names})


def _with_tensorflow():
    return attach(__name__, dict(_WITHOUT_TENSORFLOW, **_WITH_TENSORFLOW),
                  dict(_MODULES_WITHOUT_TENSORFLOW, **_MODULES_WITH_TENSORFLOW))


def _let_star_import_tell(module):
    """Without TensorFlow, the first star import warns of what it leaves out: a NameError later would not say why."""
    names, find = module.__dict__.pop("__all__"), module.__getattr__

    def __getattr__(name):
        if name != "__all__":
            return find(name)
        module.__all__ = names
        if current_process().name == "MainProcess":  # a worker that imports the program again need not repeat it
            warnings.warn("TensorFlow is not installed: `from tensorpack import *` leaves out all that needs it, such as "
                          "ModelDesc, TrainConfig and tfv1 (pip install tensorflow). For data alone, "
                          "`from tensorpack.dataflow import *` has all there is.", stacklevel=2)
        return names

    module.__getattr__ = __getattr__


# find_spec does not import TensorFlow: a broken one shows its own traceback when it is first needed.
_has_tensorflow = importlib.util.find_spec("tensorflow") is not None
__getattr__, __dir__, __all__ = (
    _with_tensorflow() if _has_tensorflow else _without_tensorflow())

install(sys.modules[__name__])
if not _has_tensorflow:
    _let_star_import_tell(sys.modules[__name__])
