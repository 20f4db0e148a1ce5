"""`tf.contrib.opt`: optimizers beside those of `tf.train`."""
from __future__ import annotations

from ..._provide import provide

_OWN = "python.training."

__getattr__, __dir__, __all__ = provide(__name__, {
    _OWN + "adamax": ["AdaMaxOptimizer"],
    _OWN + "external_optimizer": ["ExternalOptimizerInterface", "ScipyOptimizerInterface"],
    _OWN + "lars_optimizer": ["LARSOptimizer"],
    _OWN + "lazy_adam_optimizer": ["LazyAdamOptimizer"],
    _OWN + "moving_average_optimizer": ["MovingAverageOptimizer"],
    _OWN + "multitask_optimizer_wrapper": ["MultitaskOptimizerWrapper", "clip_gradients_by_global_norm"],
    _OWN + "nadam_optimizer": ["NadamOptimizer"],
    _OWN + "weight_decay_optimizers": ["AdamWOptimizer", "DecoupledWeightDecayExtension", "MomentumWOptimizer",
                                       "extend_with_decoupled_weight_decay"],
})
