"""`tf.contrib.slim`: layers, variables and argument scopes; losses, metrics, training, evaluation, data and networks."""
from __future__ import annotations

from ..._provide import provide
from ..framework.python.ops.arg_scope import __all__ as _scopes
from ..framework.python.ops.variables import __all__ as _variables
from ..layers import __all__ as _layers

_MODULES = {
    "data_decoder": "python.slim.data.data_decoder",
    "data_provider": "python.slim.data.data_provider",
    "dataset": "python.slim.data.dataset",
    "dataset_data_provider": "python.slim.data.dataset_data_provider",
    "evaluation": "python.slim.evaluation",
    "initializers": ".layers.python.layers.initializers",
    "layers": ".layers.python.layers.layers",
    "learning": "python.slim.learning",
    "losses": ".losses",
    "metrics": ".metrics",
    "model_analyzer": "python.slim.model_analyzer",
    "nets": "nets",
    "parallel_reader": "python.slim.data.parallel_reader",
    "prefetch_queue": "python.slim.data.prefetch_queue",
    "python": "python",
    "queues": "python.slim.queues",
    "regularizers": ".layers.python.layers.regularizers",
    "summaries": "python.slim.summaries",
    "tfexample_decoder": "python.slim.data.tfexample_decoder",
    "utils": ".layers.python.layers.utils",
    "variables": ".framework.python.ops.variables",
}

# slim's own modules come before those of the same name in the packages whose names it repeats
__getattr__, __dir__, __all__ = provide(__name__, {
    ".framework.python.ops.arg_scope": _scopes,
    ".framework.python.ops.variables": _variables,
    ".layers": [name for name in _layers if name not in _MODULES],
}, modules=_MODULES)
