"""TensorFlow tools of the library: towers, scopes, sessions and their initialisation, summaries, exports."""
from __future__ import annotations

from .._exports import tell_near_names
from . import gradproc, optimizer, sesscreate, sessinit, summary, tower, varreplace
from .argscope import argscope, enable_argscope_for_function, enable_argscope_for_module, get_arg_scope
from .common import (
    collect_env_info,
    get_default_sess_config,
    get_global_step_value,
    get_global_step_var,
    get_tf_version_tuple,
)
from .sessinit import (
    ChainInit,
    DictRestore,
    JustCurrentSession,
    SaverRestore,
    SaverRestoreRelaxed,
    SessionInit,
    SmartInit,
    get_model_loader,
)
from .tower import TowerContext, get_current_tower_context

__all__ = [
    "ChainInit",
    "DictRestore",
    "JustCurrentSession",
    "SaverRestore",
    "SaverRestoreRelaxed",
    "SessionInit",
    "SmartInit",
    "TowerContext",
    "argscope",
    "collect_env_info",
    "enable_argscope_for_function",
    "enable_argscope_for_module",
    "get_arg_scope",
    "get_current_tower_context",
    "get_default_sess_config",
    "get_global_step_value",
    "get_global_step_var",
    "get_model_loader",
    "get_tf_version_tuple",
    "gradproc",
    "optimizer",
    "sesscreate",
    "sessinit",
    "summary",
    "tower",
    "varreplace",
]

tell_near_names(__name__)
