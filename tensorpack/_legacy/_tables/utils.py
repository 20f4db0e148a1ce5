"""Utilities, and reinforcement learning."""
from __future__ import annotations

from typing import Dict

from .._table import Gone, Ignored, Moved, Name, Old, Part

_MODULES = ("argtools", "concurrency", "debug", "develop", "fs", "loadcaffe", "serialize", "stats", "timer", "viz")
_GONE_MODULES = ("discretize", "globvars", "lut", "rect", "stat")
_CONSTANTS = {
    "EXTRA_SAVE_VARS_KEY": "the string 'EXTRA_SAVE_VARIABLES'",
    "GLOBAL_STEP_INCR_VAR_NAME": "the string 'global_step_incr:0'",
    "GLOBAL_STEP_OP_NAME": "the string 'global_step'",
    "GLOBAL_STEP_VAR_NAME": "the string 'global_step:0'",
    "INPUTS_KEY": "the string 'INPUTS_METAINFO'",
    "INPUT_VARS_KEY": "the string 'INPUT_VARIABLES'",
    "LOCAL_STEP_OP_NAME": "the string 'local_step'",
    "LOCAL_STEP_VAR_NAME": "the string 'local_step:0'",
    "MOVING_SUMMARY_VARS_KEY": "the collection tensorpack.utils.naming.MOVING_SUMMARY_OPS_KEY",
    "PREDICT_TOWER": "the string 'towerp'",
    "PREDICT_TOWER_FREEZE_KEYS": "what PredictTowerContext does",
    "SUMMARY_BACKUP_KEYS": "freeze_collection([tf.GraphKeys.SUMMARIES, MOVING_SUMMARY_OPS_KEY])",
    "TOWER_FREEZE_KEYS": "what TowerContext does",
    "TRAIN_TOWER_FREEZE_KEYS": "what TrainTowerContext does",
}
_NOT_AT_THE_TOP = ("PREDICT_TOWER_FREEZE_KEYS", "TRAIN_TOWER_FREEZE_KEYS")
_CONSTANT_NAMES = {name: Old("_legacy.utils.naming." + name, today) for name, today in _CONSTANTS.items()}

_DEPENDENCY = Old("utils.develop", "tensorpack.utils.develop")
_NUM_GPU = Old("utils.gpu.get_num_gpu", loud=False)
_GPUS = Old("_legacy.utils.gpu.get_gpus", "os.environ['CUDA_VISIBLE_DEVICES'].split(',')")
_MATPLOTLIB = "matplotlib, and cv2.imdecode of what savefig writes"
_STACK = Old("_legacy.utils.viz.stack_images", "numpy.concatenate, after numpy.pad")
_BUILD_PATCHES = Old("_legacy.utils.viz.build_patch_list", "tensorpack.utils.viz.gen_stack_patches")
_ZMQ_OPS = Gone("the package zmq_ops, with ZMQInput and send_dataflow_zmq(format='zmq_op')")

# what star imports of `tensorpack.utils`, and so of `tensorpack`, gave
_STAR: Dict[str, Name] = {
    **{name: Old("utils." + name, "import tensorpack.utils." + name, loud=False) for name in _MODULES},
    **{name: Old("utils." + name, "import tensorpack.utils." + name, loud=False) for name in _GONE_MODULES},
    **{name: value for name, value in _CONSTANT_NAMES.items() if name not in _NOT_AT_THE_TOP},
    "GLOBAL_STEP_INCR_OP_NAME": "utils.naming.GLOBAL_STEP_INCR_OP_NAME",
    "MOVING_SUMMARY_OPS_KEY": "utils.naming.MOVING_SUMMARY_OPS_KEY",
    "building_rtfd": "utils.develop.building_rtfd",
    "change_gpu": Old("utils.gpu.change_gpu", loud=False),
    "dependency": _DEPENDENCY,
    "get_dataset_path": "utils.fs.get_dataset_path",
    "get_gpus": _GPUS,
    "get_nr_gpu": _NUM_GPU,
    "get_tqdm_kwargs": Old("utils.utils.get_tqdm_kwargs", loud=False),
    "map_arg": "utils.argtools.map_arg",
    "memoized": "utils.argtools.memoized",
}

_SHIPPED = Gone("the copy that the program ships, as those that used it do")
_EXPERIENCE = ("NaiveActioner", "NaiveSimulator", "SimulatorMaster", "SimulatorProcess", "SimulatorProcessBase",
               "SimulatorProcessDF", "SimulatorProcessSharedWeight", "SimulatorProcessStateExchange",
               "TransitionExperience", "WeightSync")
_ENVIRONMENTS = "environments of the package gymnasium, read by a DataFlow"

PART = Part(
    names={
        **{"utils.naming." + name: value for name, value in _CONSTANT_NAMES.items()},
        "utils.concurrency.ensure_procs_terminate": "utils.concurrency.ensure_proc_terminate",
        "utils.gpu.get_nr_gpu": _NUM_GPU,
        "utils.gpu.get_gpus": _GPUS,
        "utils.loadcaffe.get_processor": "utils.loadcaffe.get_caffe_pb",
        "utils.logger.MyFormatter": Gone("a logging.Formatter of your own"),
        "utils.logger.disable_logger": Old("_legacy.utils.logger.disable_logger", "logger.setLevel(logging.CRITICAL)"),
        "utils.logger.get_time_str": Old("_legacy.utils.logger.get_time_str", "datetime.now().strftime('%m%d-%H%M%S')"),
        "utils.logger.getlogger": Old("_legacy.utils.logger.getlogger", "logging.getLogger('tensorpack')"),
        "utils.logger.warn_dependency": Old("_legacy.utils.logger.warn_dependency", "logger.warning"),
        "utils.serialize.NonPicklableWrapper": Gone("an object with __reduce__, or data made in reset_state()"),
        "utils.serialize.dump_tensor_protos": _ZMQ_OPS,
        "utils.serialize.dumps_for_tfop": _ZMQ_OPS,
        "utils.serialize.dumps_msgpack": Old("_legacy.utils.serialize.dumps_msgpack",
                                             "tensorpack.utils.serialize.MsgpackSerializer.dumps"),
        "utils.serialize.dumps_pyarrow": Gone("tensorpack.utils.serialize.dumps, since pyarrow has given up its serializer"),
        "utils.serialize.loads_msgpack": Old("_legacy.utils.serialize.loads_msgpack",
                                             "tensorpack.utils.serialize.MsgpackSerializer.loads"),
        "utils.serialize.loads_pyarrow": Gone("data written again with the old versions and TENSORPACK_SERIALIZE=pickle, since "
                                              "pyarrow has given up its serializer"),
        "utils.serialize.to_tensor_proto": _ZMQ_OPS,
        "utils.utils.building_rtfd": "utils.develop.building_rtfd",
        "utils.utils.deprecated": "utils.develop.deprecated",
        "utils.utils.get_dataset_dir": "utils.fs.get_dataset_path",
        "utils.utils.get_dataset_path": "utils.fs.get_dataset_path",
        "utils.utils.get_gpus": _GPUS,
        "utils.utils.get_nr_gpu": _NUM_GPU,
        "utils.utils.get_op_var_name": "tfutils.common.get_op_tensor_name",
        "utils.utils.log_deprecated": "utils.develop.log_deprecated",
        "utils.utils.map_arg": "utils.argtools.map_arg",
        "utils.utils.memoized": "utils.argtools.memoized",
        "utils.utils.timed_operation": "utils.timer.timed_operation",
        "utils.viz.build_patch_list": _BUILD_PATCHES,
        "utils.viz.minnone": Old("_legacy.utils.viz.minnone", "min"),
        "utils.viz.pyplot2img": Old("_legacy.utils.viz.pyplot2img", _MATPLOTLIB),
        "utils.viz.pyplot_viz": Old("_legacy.utils.viz.pyplot_viz", _MATPLOTLIB),
        "utils.viz.stack_images": _STACK,
        **{"RL.simulator." + name: _SHIPPED for name in _EXPERIENCE},
        "RL.ExpReplay": _SHIPPED,
        "RL.atari.AtariPlayer": _SHIPPED,
        "RL.expreplay.ExpReplay": _SHIPPED,
        "user_ops.zmq_recv.dump_tensor_protos": _ZMQ_OPS,
        "user_ops.zmq_recv.dumps_for_tfop": _ZMQ_OPS,
        "user_ops.zmq_recv.to_tensor_proto": _ZMQ_OPS,
        "user_ops.zmq_recv.zmq_recv": _ZMQ_OPS,
    },
    star={
        "": _STAR,
        "utils": _STAR,
        "utils.gpu": {"get_gpus": _GPUS, "get_nr_gpu": _NUM_GPU},
        "utils.serialize": {
            "NonPicklableWrapper": Gone("an object with __reduce__, or data made in reset_state()"),
            **{name: _ZMQ_OPS for name in ("dump_tensor_protos", "dumps_for_tfop", "to_tensor_proto")},
        },
        "utils.utils": {
            "building_rtfd": "utils.develop.building_rtfd",
            "get_dataset_path": "utils.fs.get_dataset_path",
            "get_tqdm_kwargs": Old("utils.utils.get_tqdm_kwargs", loud=False),
            "map_arg": "utils.argtools.map_arg",
            "memoized": "utils.argtools.memoized",
        },
        "utils.viz": {
            "build_patch_list": _BUILD_PATCHES,
            "pyplot2img": Old("_legacy.utils.viz.pyplot2img", _MATPLOTLIB),
            "pyplot_viz": Old("_legacy.utils.viz.pyplot_viz", _MATPLOTLIB),
            "stack_images": _STACK,
        },
    },
    keywords={
        "utils.viz.dump_dataflow_images": {
            "exit_after": Ignored("it returns when the images are written; end the program yourself"),
            "max_count": "number",
        },
        "utils.argtools.get_data_format": {"tfmode": "keras_mode"},
    },
    modules={
        "RL": Moved("_legacy.RL.envbase _legacy.RL.common _legacy.RL.history _legacy.RL.gymenv", _ENVIRONMENTS),
        "RL.atari": Moved("", _ENVIRONMENTS),
        "RL.common": Moved("_legacy.RL.common", _ENVIRONMENTS),
        "RL.envbase": Moved("_legacy.RL.envbase", _ENVIRONMENTS),
        "RL.expreplay": Moved("", _ENVIRONMENTS),
        "RL.gymenv": Moved("_legacy.RL.gymenv", _ENVIRONMENTS),
        "RL.history": Moved("_legacy.RL.history", _ENVIRONMENTS),
        "RL.simulator": Moved("", _ENVIRONMENTS),
        "user_ops": Moved("", "the package zmq_ops"),
        "user_ops.common": Moved("", "the package zmq_ops"),
        "user_ops.zmq_recv": Moved("", "the package zmq_ops"),
        "utils.dependency": Moved("utils.develop"),
        "utils.discretize": Moved("_legacy.utils.discretize", "numpy.digitize"),
        "utils.globvars": Moved("_legacy.utils.globvars", "a module of your own"),
        "utils.lut": Moved("_legacy.utils.lut", "a list and a dict"),
        "utils.rect": Moved("_legacy.utils.rect", "numpy arrays of boxes"),
        "utils.stat": Moved("utils.stats"),
    },
    adapters={
        "utils.develop": "utils.develop.adapt_develop",
        "utils.logger": "utils.logger.adapt_logger",
        "utils.stats": "utils.stats.adapt_stats",
    },
    behaviours={
        "TENSORPACK_DOC_BUILDING": "DOC_BUILDING",
        "RatioCounter.feed(cnt)": "count",
        "RatioCounter.feed(tot)": "total",
        "auto_set_dir(overwrite)": "auto_set_dir('d')",
        "auto_set_dir(overwrite_setting)": "auto_set_dir('d')",
        "logger.LOG_FILE": "os.path.join(logger.get_logger_dir(), 'log.log')",
    },
)
