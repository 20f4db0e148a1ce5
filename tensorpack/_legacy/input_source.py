"""Input sources: arguments of older releases."""
from __future__ import annotations

import functools
from types import ModuleType
from typing import Any, Callable, Optional, Sequence

from ..compat import tfv1
from ..utils._text.keywords import telling
from ._spelling import warn_once


def StagingInputWrapper(input: Any, devices: Optional[Sequence[Any]] = None, nr_stage: int = 5) -> Any:
    """A StagingInput; the devices are those of the towers."""
    from ..input_source.input_source import StagingInput  # to which this belongs

    return StagingInput(input, nr_stage)


def adapt_staging(module: ModuleType) -> None:
    cls: Any = module.__dict__["StagingInput"]
    init = cls.__init__

    @functools.wraps(init)
    def __init__(self: Any, input: Any, *args: Any, **kwargs: Any) -> None:
        towers = [kwargs.pop(name) for name in ("towers", "devices") if name in kwargs]
        if args and isinstance(args[0], (list, tuple)):
            towers, args = [args[0]], args[1:]
        if towers:
            warn_once("StagingInput(input, towers)", "StagingInput(input, nr_stage): it knows the towers")
        init(self, input, *args, **kwargs)

    cls.__init__ = telling(__init__)


def adapt_zmq(module: ModuleType) -> None:
    cls: Any = module.__dict__["ZMQInput"]
    cls.__init__ = _with_high_water_mark(cls.__init__)


def _with_high_water_mark(init: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(init)
    def __init__(self: Any, end_point: str, hwm: Optional[int] = None, **kwargs: Any) -> None:
        if hwm is None:
            warn_once("ZMQInput(endpoint)", "ZMQInput(end_point, hwm)")
        init(self, end_point, 50 if hwm is None else hwm, **kwargs)

    return telling(__init__)


def backport_tensor_spec() -> Any:
    """`tf.TensorSpec`."""
    return tfv1.TensorSpec
