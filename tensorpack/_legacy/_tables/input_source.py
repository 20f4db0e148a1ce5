"""Input sources and builders of graphs."""
from __future__ import annotations

from .._table import Gone, Ignored, Moved, Old, Part

_WRAPPER = Old("_legacy.input_source.StagingInputWrapper", "StagingInput(input, nr_stage)")
_PARALLEL_FEED = Gone("QueueInput(dataflow), which serves any number of towers")
_BASE = "input_source.input_source_base."
_TRAINING = "graph_builder.training."
_OVERRIDE = "graph_builder.utils.override_to_local_variable"
_DISTRIBUTED = Gone("CollectiveTrainer, in workers that python -m tensorpack.launch starts")
_PREDICT = Gone("trainer.get_predictor(input_names, output_names), or the model built in a PredictTowerContext")
_INPUTS = ("BatchQueueInput", "DummyConstantInput", "FeedInput", "FeedfreeInput", "PlaceholderInput", "QueueInput",
           "TFDatasetInput", "TensorInput", "ZMQInput")
_GRADIENTS = Old("graph_builder.utils.aggregate_grads_colocate")

PART = Part(
    names={
        "compat.backport_tensor_spec": Old("_legacy.input_source.backport_tensor_spec", "tf.TensorSpec"),
        "graph_builder._utils.get_sublist_by_names": _BASE + "get_sublist_by_names",
        "graph_builder._utils.get_tensors_inputs": _BASE + "get_tensors_inputs",
        "graph_builder.input_source.DataParallelFeedInput": _PARALLEL_FEED,
        "graph_builder.input_source.StagingInputWrapper": _WRAPPER,
        "graph_builder.training.SimpleBuilder": Gone("SimpleTrainer"),
        "graph_builder.utils.OverrideToLocalVariable": _OVERRIDE,
        "graph_builder.utils.aggregate_grads": _GRADIENTS,
        "graph_builder.utils.average_grads": _GRADIENTS,
        "input_source.input_source.DataParallelFeedInput": _PARALLEL_FEED,
        "input_source.input_source.StagingInputWrapper": _WRAPPER,
        "train.input_data.InputData": _BASE + "InputSource",
        "train.input_source.StagingInputWrapper": _WRAPPER,
    },
    star={
        "": {
            "DataParallelFeedInput": _PARALLEL_FEED,
            "InputData": _BASE + "InputSource",
            "LeastLoadedDeviceSetter": "graph_builder.utils.LeastLoadedDeviceSetter",
            "StagingInputWrapper": _WRAPPER,
        },
        "input_source": {"StagingInputWrapper": _WRAPPER},
        "graph_builder": {
            "AsyncMultiGPUBuilder": _TRAINING + "AsyncMultiGPUBuilder",
            "DataParallelFeedInput": _PARALLEL_FEED,
            "DistributedParameterServerBuilder": _DISTRIBUTED,
            "DistributedReplicatedBuilder": _DISTRIBUTED,
            "GraphBuilder": _TRAINING + "GraphBuilder",
            "InputSource": _BASE + "InputSource",
            "OverrideCachingDevice": Gone("tf.variable_scope(caching_device=...)"),
            "OverrideToLocalVariable": _OVERRIDE,
            "PredictorFactory": _PREDICT,
            "SimplePredictBuilder": _PREDICT,
            "StagingInputWrapper": _WRAPPER,
            "SyncMultiGPUParameterServerBuilder": _TRAINING + "SyncMultiGPUParameterServerBuilder",
            "SyncMultiGPUReplicatedBuilder": _TRAINING + "SyncMultiGPUReplicatedBuilder",
            "aggregate_grads": _GRADIENTS,
            "average_grads": _GRADIENTS,
            "override_to_local_variable": _OVERRIDE,
            "remap_input_source": _BASE + "remap_input_source",
            **{name: "input_source.input_source." + name for name in _INPUTS},
        },
    },
    keywords={
        "input_source.input_source.PlaceholderInput": {"prefix": Ignored("placeholders have the names of the inputs")},
        "input_source.input_source.ZMQInput": {"endpoint": "end_point"},
    },
    modules={
        "graph_builder._utils": Moved("input_source.input_source_base"),
        "graph_builder.input_source": Moved("input_source.input_source"),
        "graph_builder.input_source_base": Moved("input_source.input_source_base"),
        "train.input_data": Moved("input_source.input_source"),
        "train.input_source": Moved("input_source.input_source input_source.input_source_base"),
    },
    adapters={
        "graph_builder._all_reduce": "graph_builder.adapt_all_reduce",
        "graph_builder.training": "graph_builder.adapt_training",
        "input_source._staging": "input_source.adapt_staging",
        "input_source._zmq": "input_source.adapt_zmq",
    },
    behaviours={
        "StagingInput(devices)": "without effect: it knows the towers",
        "StagingInput(towers)": "without effect: it knows the towers",
        "SyncMultiGPUReplicatedBuilder(use_nccl)": "mode",
        "FeedInput.next_feed": "not provided: the callbacks of the input source feed",
        "InputSource.next_feed": "not provided: the callbacks of the input source feed",
        "InputSource.setup_training": "not provided: InputSource.setup(signature), then its get_callbacks()",
        "QueueInput.setup_training": "not provided: InputSource.setup(signature), then its get_callbacks()",
    },
)
