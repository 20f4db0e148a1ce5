"""Gradient processors as they used to be written and applied."""
from __future__ import annotations

from typing import Any, List

from ...utils._types import wraps
from .._spelling import on_subclass, warn_once


def apply_grad_processors(grads: Any, gradprocs: Any) -> Any:
    """The pairs (gradient, variable) after all processors, in order; of an optimizer, one that applies them."""
    if not isinstance(grads, (list, tuple)):
        from ...tfutils.optimizer import apply_grad_processors as of_optimizer

        return of_optimizer(grads, gradprocs)
    return _processed(grads, gradprocs)


def _processed(grads: Any, gradprocs: Any) -> List[Any]:
    warn_once("apply_grad_processors(grads, gradprocs)", "apply_grad_processors(optimizer, gradprocs)")
    result = list(grads)
    for processor in gradprocs:
        result = processor.process(result)
    return result


def adapt_optimizer(module: Any) -> None:
    """`apply_grad_processors` of a list of pairs."""
    today = module.apply_grad_processors

    @wraps(today)
    def either(opt: Any = None, gradprocs: Any = None, **kwargs: Any) -> Any:
        opt = kwargs.pop("grads", opt)
        # two lists, of pairs and of processors; those who have swapped today's arguments are told by today's function
        is_old = isinstance(opt, (list, tuple)) and isinstance(gradprocs, (list, tuple))
        return _processed(opt, gradprocs) if is_old else today(opt, gradprocs, **kwargs)

    module.apply_grad_processors = either


def adapt_gradproc(module: Any) -> None:
    """A subclass may define `process` itself."""

    def prepare(cls: Any) -> None:
        if "process" in vars(cls) and getattr(cls._process, "__isabstractmethod__", False):
            warn_once("GradientProcessor.process", "GradientProcessor._process")
            cls._process = lambda self, grads: grads

    on_subclass(module.GradientProcessor, prepare)
