"""`tf.contrib.model_pruning`: masks that set the smallest weights to zero while a model is trained."""
from __future__ import annotations

from ..._provide import provide

__getattr__, __dir__, __all__ = provide(__name__, {
    "python.pruning": ["Pruning", "apply_mask", "get_masked_weights", "get_masks", "get_pruning_hparams", "get_thresholds",
                       "get_weight_sparsity", "get_weights"],
})
