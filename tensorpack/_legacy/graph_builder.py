"""Builders of graphs: arguments of older releases."""
from __future__ import annotations

import functools
from types import ModuleType
from typing import Any, Callable, Optional

from ._spelling import warn_once


def adapt_all_reduce(module: ModuleType) -> None:
    """`allreduce_grads(all_grads)` averaged."""
    allreduce_grads = module.__dict__["allreduce_grads"]

    @functools.wraps(allreduce_grads)
    def wrapper(all_grads: Any, average: bool = True, *args: Any, **kwargs: Any) -> Any:
        return allreduce_grads(all_grads, average, *args, **kwargs)

    module.__dict__["allreduce_grads"] = wrapper


def adapt_training(module: ModuleType) -> None:
    parameter_server: Any = module.__dict__["SyncMultiGPUParameterServerBuilder"]
    parameter_server.__init__ = _with_default_device(parameter_server.__init__)
    replicated: Any = module.__dict__["SyncMultiGPUReplicatedBuilder"]
    replicated.__init__ = _with_use_nccl(replicated.__init__)
    for cls in (parameter_server, replicated, module.__dict__["AsyncMultiGPUBuilder"]):
        cls.build = _with_function(cls.build)


def _with_default_device(init: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(init)
    def wrapper(self: Any, towers: Any, ps_device: Optional[str] = None, **kwargs: Any) -> None:
        init(self, towers, ps_device or ("gpu" if len(towers) <= 2 else "cpu"), **kwargs)

    return wrapper


def _with_use_nccl(init: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(init)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> None:
        if "use_nccl" in kwargs:
            warn_once("SyncMultiGPUReplicatedBuilder(use_nccl=)", "SyncMultiGPUReplicatedBuilder(mode=)")
            kwargs["mode"] = "nccl" if kwargs.pop("use_nccl") else "cpu"
        init(self, *args, **kwargs)

    return wrapper


def _with_function(build: Callable[..., Any]) -> Callable[..., Any]:
    """`build(get_grad_fn, get_opt_fn)` also calls the function for each tower."""

    @functools.wraps(build)
    def wrapper(self: Any, grad_list: Any, get_opt_fn: Any) -> Any:
        if callable(grad_list):
            name = type(self).__name__
            warn_once(name + ".build(get_grad_fn, get_opt_fn)", name + ".build(call_for_each_tower(get_grad_fn), get_opt_fn)")
            grad_list = self.call_for_each_tower(grad_list)
        return build(self, grad_list, get_opt_fn)

    return wrapper
