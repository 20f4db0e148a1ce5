"""`ProxyOptimizer`: the base of optimizers that change what another optimizer does."""
from __future__ import annotations

from typing import Any, List, Tuple

from ...compat import tfv1 as tf
from ...utils._text.keywords import KeywordsTold
from ...utils._text.spec import shown

__all__ = ["ProxyOptimizer"]


class ProxyOptimizer(KeywordsTold, tf.train.Optimizer):
    """An optimizer that leaves everything to another one; a subclass overrides what it changes.

    Args:
        opt: a `tf.train.Optimizer`.
        name: of this optimizer; names of variables and operations are those of `opt`.
    """

    def __init__(self, opt: tf.train.Optimizer, name: str = "ProxyOptimizer"):
        if not isinstance(opt, tf.train.Optimizer):
            raise TypeError("{}(opt): must be a tf.train.Optimizer (tf.compat.v1.train.*); got {}".format(
                type(self).__name__, shown(opt)))
        super().__init__(False, name)
        self._opt = opt

    def compute_gradients(self, *args: Any, **kwargs: Any) -> List[Tuple[Any, Any]]:
        """As of the inner optimizer."""
        return self._opt.compute_gradients(*args, **kwargs)

    def apply_gradients(self, *args: Any, **kwargs: Any) -> Any:
        """As of the inner optimizer."""
        return self._opt.apply_gradients(*args, **kwargs)

    def get_slot(self, *args: Any, **kwargs: Any) -> Any:
        """As of the inner optimizer."""
        return self._opt.get_slot(*args, **kwargs)

    def get_slot_names(self, *args: Any, **kwargs: Any) -> List[str]:
        """As of the inner optimizer."""
        return self._opt.get_slot_names(*args, **kwargs)

    def variables(self) -> List[Any]:
        """The variables that the optimizers made in the default graph: those of the inner one, then any of this one's own."""
        return self._opt.variables() + super().variables()
