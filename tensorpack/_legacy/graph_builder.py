"""Builders of graphs: arguments of older releases."""
from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from ._spelling import warn_once


def adapt_all_reduce(module: ModuleType) -> None:
    """`allreduce_grads(all_grads)` averaged."""
    allreduce_grads = module.__dict__["allreduce_grads"]

    @functools.wraps(allreduce_grads)
    def wrapper(all_grads: Any, average: bool = True, *args: Any, **kwargs: Any) -> Any:
        return allreduce_grads(all_grads, average, *args, **kwargs)

    module.__dict__["allreduce_grads"] = wrapper


def adapt_training(module: ModuleType) -> None:
    cls: Any = module.__dict__["SyncMultiGPUReplicatedBuilder"]
    init = cls.__init__

    @functools.wraps(init)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> None:
        if "use_nccl" in kwargs:
            warn_once("SyncMultiGPUReplicatedBuilder(use_nccl=)", "SyncMultiGPUReplicatedBuilder(mode=)")
            kwargs["mode"] = "nccl" if kwargs.pop("use_nccl") else "cpu"
        init(self, *args, **kwargs)

    cls.__init__ = wrapper
