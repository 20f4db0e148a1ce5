import importlib
import types

from tensorpack import tfutils
from tensorpack._legacy._tables import TABLE

EXPORTS = [
    "ChainInit", "DictRestore", "JustCurrentSession", "SaverRestore", "SaverRestoreRelaxed", "SessionInit", "SmartInit",
    "TowerContext", "argscope", "collect_env_info", "enable_argscope_for_function", "enable_argscope_for_module",
    "get_arg_scope", "get_current_tower_context", "get_default_sess_config", "get_global_step_value",
    "get_global_step_var", "get_model_loader", "get_tf_version_tuple", "gradproc", "optimizer", "sesscreate",
    "sessinit", "summary", "tower", "varreplace",
]


def test_star_import_binds_the_exports():
    namespace = {}
    exec("from tensorpack.tfutils import *", namespace)
    assert sorted(set(namespace) - {"__builtins__"}) == sorted(tfutils.__all__)
    assert sorted(set(tfutils.__all__) - set(TABLE.star["tensorpack.tfutils"])) == EXPORTS


def test_exported_submodules_are_modules():
    for name in ("gradproc", "optimizer", "sesscreate", "sessinit", "summary", "tower", "varreplace"):
        assert isinstance(getattr(tfutils, name), types.ModuleType)


def test_argscope_is_the_function_also_after_its_module_was_imported():
    module = importlib.import_module("tensorpack.tfutils.argscope")
    assert isinstance(module, types.ModuleType)
    assert tfutils.argscope is module.argscope
