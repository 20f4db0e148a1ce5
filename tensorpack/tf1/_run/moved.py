"""Modules and names below `tensorflow.python` that are elsewhere in TensorFlow 2."""
from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any, Callable, Dict, List, Optional, Sequence

from .hooks import AfterImport

_INNER = "tensorflow.python."
_NEW_HOMES = {
    # Module -> where it is today
    "ops.losses.loss_reduction": "ops.losses.losses_impl",
    "training.gen_training_ops": "ops.gen_training_ops",
    "training.training_ops": "ops.gen_training_ops",
    "training.distribution_strategy_context": "distribute.distribute_lib",
    "training.tracking.tracking": "trackable.autotrackable",
    "training.tracking.base": "trackable.base",
    "training.tracking.util": "checkpoint.checkpoint",
}
# Module -> modules of today that have what it had; those that TensorFlow loads only when asked are named nowhere else
_SUCCESSORS: Dict[str, Sequence[str]] = {
    "framework.ops": ("framework.tensor", "framework.indexed_slices", "framework.tensor_conversion",
                      "framework.tensor_conversion_registry", "framework.stack"),
    "framework.framework_lib": ("framework.tensor", "framework.indexed_slices"),
    "framework.graph_util": ("framework.convert_to_constants",),
    "framework.graph_util_impl": ("framework.convert_to_constants",),
    "framework.tensor_util": ("ops.shape_util",),
    "eager.tape": ("eager.record",),
    "ops.array_ops": ("ops.array_ops_stack", "ops.gen_array_ops"),
    "ops.control_flow_ops": ("ops.cond", "ops.while_loop", "ops.control_flow_case", "ops.control_flow_assert",
                             "ops.control_flow_switch_case"),
    "ops.functional_ops": ("ops.gen_functional_ops",),
    "ops.gradients_util": ("eager.backprop_util",),
    "ops.math_ops": ("ops.bincount_ops", "ops.special_math_ops", "ops.gen_math_ops"),
    "ops.nn_impl": ("ops.nn_impl_distribute",),
    "ops.random_ops": ("ops.random_crop_ops",),
    "ops.standard_ops": ("ops.cond", "ops.while_loop", "ops.array_ops_stack", "ops.random_crop_ops", "ops.ref_variable"),
    "ops.variable_scope": ("ops.ref_variable", "ops.resource_variables_toggle"),
    "ops.variables": ("ops.ref_variable", "ops.variable_v1"),
    "saved_model.utils_impl": ("saved_model.path_helpers",),
    "training.checkpoint_management": ("checkpoint.checkpoint_management",),
    "util.nest": ("util.nest",),
}
_RENAMED = {"is_sequence": "is_nested"}  # of `util.nest`
# Module -> package of version 1 whose names it has; TensorFlow's own module is there, but needs Keras for them
_OF_PACKAGES = {
    "layers.layers": "layers", "layers.base": "layers.base", "layers.convolutional": "layers.convolutional",
    "layers.core": "layers.core", "layers.normalization": "layers.normalization", "layers.pooling": "layers.pooling",
    "ops.rnn": "nn", "ops.rnn_cell": "nn.rnn_cell", "ops.rnn_cell_impl": "nn.rnn_cell",
    "ops.rnn_cell_wrapper_impl": "nn.rnn_cell",
}


def moved_module(path: str) -> Optional[ModuleType]:
    """The module that `import tensorflow.<path>` gives where TensorFlow 2 has none of that name; else None."""
    if not path.startswith("python."):
        return None
    inner = path[len("python."):]
    if inner in _OF_PACKAGES:
        return _with_names_of(inner)
    if inner in _NEW_HOMES:
        return importlib.import_module(_INNER + _NEW_HOMES[inner])
    return None


def find_moved_names() -> None:
    """Let modules below `tensorflow.python` have the names that are elsewhere today, and those of cells and layers be ours."""
    AfterImport({_INNER + path: _finding(path) for path in _SUCCESSORS}).install()
    for path in _OF_PACKAGES:
        if _INNER + path in sys.modules:  # TensorFlow has loaded its own, and keeps its references to it
            module = _with_names_of(path)
            sys.modules[_INNER + path] = module
            parent, _, name = (_INNER + path).rpartition(".")
            setattr(sys.modules[parent], name, module)


def _finding(path: str) -> Callable[[ModuleType], None]:
    def find_more(module: ModuleType) -> None:
        own = vars(module).get("__getattr__")

        def __getattr__(name: str) -> Any:
            if own is not None:
                try:
                    return own(name)
                except AttributeError:
                    pass
            return _moved_name(path, name)

        vars(module)["__getattr__"] = __getattr__

    return find_more


def _moved_name(path: str, name: str) -> Any:
    if not name.startswith("__"):
        name_today = _RENAMED.get(name, name)
        for successor in _SUCCESSORS[path]:
            module = importlib.import_module(_INNER + successor)
            if name_today in vars(module):
                return vars(module)[name_today]
    raise AttributeError("module {!r} has no attribute {!r}".format(_INNER + path, name))


def _with_names_of(path: str) -> ModuleType:
    return _Names(_INNER + path, _OF_PACKAGES[path], sys.modules.get(_INNER + path))


class _Names(ModuleType):
    """A module with the public names of a package of version 1, and otherwise those of TensorFlow's own."""

    def __init__(self, name: str, package: str, own: Optional[ModuleType]) -> None:
        super().__init__(name)
        vars(self).update(_package=package, _own=own)

    def __getattr__(self, name: str) -> Any:
        if name == "__all__":
            return [each for each in dir(self._find_package()) if not each.startswith("_")]
        if not name.startswith("__"):
            package = self._find_package()
            if name in dir(package):
                return getattr(package, name)
        return getattr(vars(self)["_own"], name)

    def __dir__(self) -> List[str]:
        return dir(self._find_package())

    def _find_package(self) -> Any:
        value: Any = sys.modules["tensorflow"]
        for part in vars(self)["_package"].split("."):
            value = getattr(value, part)
        return value
