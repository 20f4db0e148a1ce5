"""Trainers: called with a configuration, their members, and the modules that had them."""
from __future__ import annotations

from .._table import Gone, Ignored, Moved, Old, Part

_CUSTOM = Gone("a subclass of SingleCostTrainer that implements _setup_graph(input, get_cost_fn, get_opt_fn)")
_PREDICTOR = Gone("trainer.get_predictor(input_names, output_names), or the model built in a PredictTowerContext")
_REPLICATED = Gone("CollectiveTrainer, in workers that python -m tensorpack.launch starts")
_MULTI_GPU_BASE = Old("train._multi_tower.MultiTowerTrainer", "the trainers SyncMultiGPUTrainer*")
_FEEDFREE = Old("_legacy.trainers.SimpleFeedfreeTrainer", "SimpleTrainer with QueueInput")
_PREFETCH = "train.interface.apply_default_prefetch"
_OVERRIDE = "graph_builder.utils.override_to_local_variable"
_LAUNCH = "launch_train_with_config(config, trainer)"
_INPUTS = ("BatchQueueInput", "DummyConstantInput", "FeedfreeInput", "QueueInput", "TensorInput", "ZMQInput")

_TOWER_TRAINERS = ("AsyncMultiGPUTrainer", "SyncMultiGPUTrainer", "SyncMultiGPUTrainerParameterServer",
                   "SyncMultiGPUTrainerReplicated")

PART = Part(
    names={
        "train.base.MaintainStepCounter": Old("_legacy.callbacks.MaintainStepCounter", "nothing: trainers count their steps"),
        "train.base.MultiPredictorTowerTrainer": _CUSTOM,
        "train.base.launch_train": Old("_legacy.trainer_members.launch_train", "Trainer.train"),
        "train.distributed.DistributedReplicatedTrainer": _REPLICATED,
        "train.distributed.OverrideToLocalVariable": _OVERRIDE,
        "train.feedfree.FeedfreeTrainerBase": _CUSTOM,
        "train.feedfree.SimpleFeedfreeTrainer": _FEEDFREE,
        "train.feedfree.SingleCostFeedfreeTrainer": _CUSTOM,
        "train.multigpu.MultiGPUTrainer": _CUSTOM,
        "train.multigpu.MultiGPUTrainerBase": _MULTI_GPU_BASE,
        "train.multigpu.LeastLoadedDeviceSetter": "graph_builder.utils.LeastLoadedDeviceSetter",
        "train.multigpu.apply_prefetch_policy": _PREFETCH,
        "train.predict.PredictorFactory": _PREDICTOR,
        "train.queue.QueueInputTrainerBase": _CUSTOM,
        "train.trainer.EnqueueThread": "input_source.input_source.EnqueueThread",
        "train.queue.EnqueueThread": "input_source.input_source.EnqueueThread",
        "train.trainer.FeedlessTrainer": _CUSTOM,
        "train.trainer.MultiPredictorTowerTrainer": _CUSTOM,
        "train.trainer.PredictorFactory": _PREDICTOR,
        "train.trainer.SingleCostFeedlessTrainer": _CUSTOM,
        "train.trainer.start_train": Old("_legacy.trainers.start_train", "launch_train_with_config(config, SimpleTrainer())"),
        "train.utility.LeastLoadedDeviceSetter": "graph_builder.utils.LeastLoadedDeviceSetter",
        "train.utility.OverrideToLocalVariable": _OVERRIDE,
        "train.utility.override_to_local_variable": _OVERRIDE,
        "trainv1.multigpu.MultiGPUTrainerBase": _MULTI_GPU_BASE,
        "trainv1.multigpu.apply_prefetch_policy": _PREFETCH,
    },
    star={
        "": {
            "DistributedReplicatedTrainer": _REPLICATED,
            "FeedfreeTrainerBase": _CUSTOM,
            "MultiGPUTrainerBase": _MULTI_GPU_BASE,
            "MultiPredictorTowerTrainer": _CUSTOM,
            "PredictorFactory": _PREDICTOR,
            "SimpleFeedfreeTrainer": _FEEDFREE,
            "SingleCostFeedfreeTrainer": _CUSTOM,
            "apply_default_prefetch": _PREFETCH,
            "trainv1": "train",
        },
        "train": {
            "DistributedReplicatedTrainer": _REPLICATED,
            "FeedfreeTrainerBase": _CUSTOM,
            "InputData": "input_source.input_source_base.InputSource",
            "InputSource": "input_source.input_source_base.InputSource",
            "LeastLoadedDeviceSetter": "graph_builder.utils.LeastLoadedDeviceSetter",
            "MultiGPUTrainerBase": _MULTI_GPU_BASE,
            "MultiPredictorTowerTrainer": _CUSTOM,
            "PredictorFactory": _PREDICTOR,
            "SimpleFeedfreeTrainer": _FEEDFREE,
            "SingleCostFeedfreeTrainer": _CUSTOM,
            "StagingInputWrapper": Old("_legacy.input_source.StagingInputWrapper", "StagingInput(input, nr_stage)"),
            "apply_default_prefetch": _PREFETCH,
            **{name: "input_source.input_source." + name for name in _INPUTS},
        },
    },
    keywords={
        "train.interface.apply_default_prefetch": {"towers": Ignored("the trainer knows its GPUs")},
    },
    modules={
        "train.distributed": Moved("train.trainers"),
        "train.feedfree": Moved("train.trainers"),
        "train.multigpu": Moved("train.trainers"),
        "train.predict": Moved("", "trainer.get_predictor"),
        "train.queue": Moved("train.trainers"),
        "train.simple": Moved("train.trainers"),
        "train.trainer": Moved("train.base train.trainers"),
        "trainv1": Moved("train"),
        "trainv1.base": Moved("train.base"),
        "trainv1.config": Moved("train.config"),
        "trainv1.distributed": Moved("train.trainers"),
        "trainv1.interface": Moved("train.interface"),
        "trainv1.multigpu": Moved("train.trainers"),
        "trainv1.simple": Moved("train.trainers"),
        "trainv1.utility": Moved("train.utility"),
        "trainv2": Moved("train"),
        "trainv2.base": Moved("train.base train.tower"),
        "trainv2.interface": Moved("train.interface"),
        "trainv2.trainers": Moved("train.trainers"),
    },
    adapters={
        "train.base": "trainer_members.adapt_trainer_base",
        "train.interface": "trainers.adapt_interface",
        "train.tower": "trainer_members.adapt_tower_trainer",
        "train.trainers": "trainers.adapt_trainers",
    },
    behaviours={
        "SomeTrainer(config).train()": "launch_train_with_config(config, SomeTrainer(...))",
        "Trainer(config)": _LAUNCH,
        **{"{}(config)".format(name): _LAUNCH for name in _TOWER_TRAINERS},
        "DistributedTrainerReplicated(config)": "not provided: " + _REPLICATED.instead,
        **{"{}(towers)".format(name): "gpus" for name in _TOWER_TRAINERS},
        "DistributedTrainerReplicated(towers)": "not provided: " + _REPLICATED.instead,
        **{"{}({})".format(name, keyword): today for name in ("AsyncMultiGPUTrainer", "SyncMultiGPUTrainer")
           for keyword, today in (("input_queue", "QueueInput(dataflow, queue) as data="), ("predict_tower", "device="))},
        "AsyncMultiGPUTrainer(average_gradient)": "scale_gradient",
        "SyncMultiGPUTrainer(average_cost)": "without effect: the cost of each tower is a statistic",
        "SyncMultiGPUTrainerParameterServer(gpu_prefetch)": "StagingInput(input), or data= another FeedfreeInput",
        "SyncMultiGPUTrainerReplicated(gpu_prefetch)": "StagingInput(input), or data= another FeedfreeInput",
        "SyncMultiGPUTrainerReplicated(use_nccl)": "mode",
        "Trainer.get_predictors": "[get_predictor(inputs, outputs, k) for k in range(n)]",
        "Trainer.get_predict_funcs": "[get_predictor(inputs, outputs, k) for k in range(n)]",
        "Trainer.get_predict_func": "get_predictor",
        "SimpleTrainer.get_predict_func": "get_predictor",
        "Trainer.add_summary": "monitors.put_summary",
        "Trainer.add_scalar_summary": "monitors.put_scalar",
        "Trainer.write_scalar_summary": "monitors.put_scalar",
        "Trainer.register_monitor": "TrainConfig(monitors=DEFAULT_MONITORS() + [...])",
        "Trainer.config": "what you have given to the TrainConfig",
        "Trainer._setup": "not provided: " + _CUSTOM.instead,
        "Trainer.get_extra_fetches": "not provided: Callback._before_run, which returns what to fetch",
        "Trainer.process_grads": "not provided: apply_grad_processors(opt, [...]) in ModelDesc.optimizer",
        "TowerTrainer.set_tower_func": "trainer.tower_func = f",
        "TowerTrainer.inputs_desc": "input_signature",
        "trainer.config": "what you have given to the TrainConfig",
        "trainer.stat_holder": "trainer.monitors",
        "trainer.summary_writer": "trainer.monitors",
    },
)
