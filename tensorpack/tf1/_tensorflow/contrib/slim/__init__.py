"""`tf.contrib.slim`: layers, variables and argument scopes, with losses, metrics, training loop, evaluation, data and networks."""
from __future__ import annotations

from ..._provide import provide
from ..framework import __all__ as _of_framework
from ..layers import __all__ as _of_layers

_OWN = "python.slim."

__getattr__, __dir__, __all__ = provide(__name__, {
    ".framework": [name for name in _of_framework if name != "python"],
    ".layers": [name for name in _of_layers if name != "python"],
}, modules={
    "data_decoder": _OWN + "data.data_decoder",
    "data_provider": _OWN + "data.data_provider",
    "dataset": _OWN + "data.dataset",
    "dataset_data_provider": _OWN + "data.dataset_data_provider",
    "evaluation": _OWN + "evaluation",
    "initializers": ".layers.python.layers.initializers",
    "layers": ".layers.python.layers.layers",
    "learning": _OWN + "learning",
    "losses": ".losses",
    "metrics": ".metrics",
    "model_analyzer": _OWN + "model_analyzer",
    "parallel_reader": _OWN + "data.parallel_reader",
    "prefetch_queue": _OWN + "data.prefetch_queue",
    "queues": _OWN + "queues",
    "regularizers": ".layers.python.layers.regularizers",
    "summaries": _OWN + "summaries",
    "tfexample_decoder": _OWN + "data.tfexample_decoder",
    "utils": ".layers.python.layers.utils",
    "variables": ".framework.python.ops.variables",
})
