"""Gradient processors, optimizers, scopes and variables by other names."""
from __future__ import annotations

from typing import Dict

from .._table import Name, Old, Part

_COMMON = "_legacy.tfutils.common."
_APPLY = Old("_legacy.tfutils.gradients.apply_grad_processors", "tfutils.optimizer.apply_grad_processors(optimizer, gradprocs)")
_CLEAR = Old(_COMMON + "clear_collection", "del tf.get_collection_ref(key)[:]")
_SCOPE = Old(_COMMON + "get_name_scope_name", "tf.get_default_graph().get_name_scope()")
_PROCESSORS = ("CheckGradient", "GlobalNormClip", "GradientProcessor", "MapGradient", "ScaleGradient", "SummaryGradient")
_COLLECTIONS = {name: "tfutils.collection." + name for name in ("backup_collection", "freeze_collection", "restore_collection")}
_STAR: Dict[str, Name] = {
    **{name: "tfutils.gradproc." + name for name in _PROCESSORS},
    **_COLLECTIONS,
    "apply_grad_processors": "tfutils.optimizer.apply_grad_processors",
    "clear_collection": _CLEAR,
    "collection": Old("tfutils.collection", "import tensorpack.tfutils.collection", loud=False),
    "get_name_scope_name": _SCOPE,
    "scope_utils": Old("tfutils.scope_utils", "import tensorpack.tfutils.scope_utils", loud=False),
}

PART = Part(
    names={
        "tfutils.collection.clear_collection": _CLEAR,
        "tfutils.gradproc.apply_grad_processors": _APPLY,
        "tfutils.varreplace.freeze_get_variable": Old(_COMMON + "freeze_get_variable", "varreplace.freeze_variables()"),
        "tfutils.varreplace.remap_get_variable": "tfutils.varreplace.remap_variables",
        "tfutils.varreplace.replace_get_variable": "tfutils.varreplace.custom_getter_scope",
    },
    star={
        "": _STAR,
        "tfutils": _STAR,
        "tfutils.common": {**_COLLECTIONS, "clear_collection": _CLEAR, "get_name_scope_name": _SCOPE},
        "tfutils.scope_utils": {"get_name_scope_name": _SCOPE},
    },
    keywords={
        "tfutils.gradproc.ScaleGradient": {"log": "verbose"},
        "tfutils.scope_utils.under_name_scope": {"name": "name_scope"},
    },
    adapters={
        "models.regularize": "tfutils.regularize.adapt_regularize",
        "tfutils.gradproc": "tfutils.gradients.adapt_gradproc",
        "tfutils.optimizer": "tfutils.gradients.adapt_optimizer",
    },
    behaviours={
        "GradientProcessor.process": "GradientProcessor._process",
        "apply_grad_processors(grads)": "apply_grad_processors(optimizer, gradprocs)",
        "regularize_cost('...:0')": "the same without ':0'",
        "regularize_cost outside of a tower": "with TowerContext('', is_training=True):",
    },
)
