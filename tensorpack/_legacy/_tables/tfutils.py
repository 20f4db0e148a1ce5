"""The other tools around TensorFlow."""
from __future__ import annotations

from typing import Dict

from .._table import Gone, Moved, Name, Old, Part

_COMMON = "_legacy.tfutils.common."
_LOCAL_STEP = Gone("trainer.local_step")
_DESCRIBE = "tfutils.model_utils.describe_trainable_vars"
_SLIM = Old(_COMMON + "apply_slim_collections", "cost + regularize_cost_from_collection(), and the callback RunUpdateOps")
_DISTRIBUTIONS = "tensorflow_probability.distributions"
_TOWER_FUNC = "tfutils.tower.TowerFunc"
_LOOKUPS: Dict[str, Name] = {
    "get_global_step": "tfutils.common.get_global_step_value",
    "get_local_step_var": _LOCAL_STEP,
    "get_op_or_tensor_by_name": Old("tfutils.common.get_op_or_tensor_by_name", loud=False),
    "get_op_tensor_name": Old("tfutils.common.get_op_tensor_name", loud=False),
    "get_op_var_name": "tfutils.common.get_op_tensor_name",
    "get_tensors_by_names": Old("tfutils.common.get_tensors_by_names", loud=False),
    "get_vars_by_names": "tfutils.common.get_tensors_by_names",
}
_MODULES = ("distributed", "distributions", "model_utils", "modelutils", "varmanip")
_STAR: Dict[str, Name] = {
    **_LOOKUPS,
    **{name: Old("tfutils." + name, "import tensorpack.tfutils." + name, loud=False) for name in _MODULES},
    "TowerFuncWrapper": _TOWER_FUNC,
}
_KERAS = {"inputs_desc": "input_signature", "model": "get_model", "targets_desc": "target_signature"}

PART = Part(
    names={
        "tfutils.argscope.argscope_mapper": "tfutils.argscope.enable_argscope_for_function",
        "tfutils.common.get_tf_version_number": Old(_COMMON + "get_tf_version_number", "get_tf_version_tuple()"),
        "tfutils.common.is_tf2": Old(_COMMON + "is_tf2", "tensorpack.compat.is_tfv2()"),
        "tfutils.export.ModelExport": Old(
            "_legacy.tfutils.export.ModelExport", "ModelExporter(PredictConfig(...)).export_serving(path)"),
        "tfutils.model_utils.apply_slim_collections": _SLIM,
        "tfutils.model_utils.describe_model": _DESCRIBE,
        "tfutils.modelutils.apply_slim_collections": _SLIM,
        "tfutils.modelutils.describe_model": _DESCRIBE,
    },
    star={"": _STAR, "tfutils": _STAR, "tfutils.common": _LOOKUPS},
    keywords={
        "contrib.keras.KerasModel": _KERAS,
        "contrib.keras.setup_keras_trainer": _KERAS,
        "tfutils._tower.handle.TowerTensorHandle": {"inputs_desc": "input_signature"},
    },
    modules={
        "tfutils.distributions": Moved("_legacy.tfutils.distributions", _DISTRIBUTIONS),
        "tfutils.modelutils": Moved("tfutils.model_utils"),
    },
    adapters={
        "tfutils.sesscreate": "tfutils.common.adapt_sesscreate",
        "tfutils.tower": "tfutils.tower.adapt_tower",
    },
    behaviours={
        "NewSessionCreator(graph)": "with graph.as_default():",
        "TENSORPACK_COMPATIBLE_SERIALIZE": "TENSORPACK_SERIALIZE, pickle or msgpack; files of either kind are read",
        "TENSORPACK_TRAIN_API": "without effect: trainers of both kinds are there",
        "TowerContext(index)": "TrainTowerContext(name, index=, total=)",
        "TowerContext(name)": "TowerContext(name, is_training)",
        "TowerContext.is_main_tower": "is_main_training_tower",
        "TowerFunc.inputs_desc": "input_signature",
        "logger.LOG_DIR": "logger.get_logger_dir()",
    },
)
