"""The log of layer shapes: one line for each layer of a graph, nested layers indented below the one that calls them.

Models are built again to validate, predict and export; a line that was logged before is not logged again for that, nor by other
workers of a training than the first.
"""
from __future__ import annotations

import re
from contextlib import contextmanager
from typing import Any, Callable, Iterator, List, Set

from ..tfutils._graph_state import graph_state
from ..tfutils.tower import get_current_tower_context
from ..utils import logger
from ..utils._rng import is_first_worker

__all__ = ["disable_layer_logging", "log_shapes"]

_TOWER_PREFIX = re.compile("tower[0-9]+/")
_enabled = True
_lines: Set[str] = set()  # logged by this process, for any graph


class _OpenLayer:
    """A layer whose body is being built."""

    def __init__(self, scope: str, inputs: Any):
        self.scope = scope
        self.inputs = inputs
        self.announced = False


class _GraphLog:
    """What has been logged in one graph, and which layers are being built in it, outermost first."""

    def __init__(self) -> None:
        self.logged: Set[str] = set()
        self.open: List[_OpenLayer] = []


def disable_layer_logging() -> None:
    """Log no shapes of layers in this process from now on."""
    global _enabled
    _enabled = False


@contextmanager
def log_shapes(scope_name: str, inputs: Any) -> Iterator[Callable[[Any], None]]:
    """Log the layer that is built inside, once for each graph and scope name (without its `towerN/`).

    In inference, where models are built again and again, a line that any graph has had is not repeated.

    Yields a function to call with the layer's outputs. Nothing is logged for a layer that raises.
    """
    log = graph_state("layer_shapes", _GraphLog)
    scope = _TOWER_PREFIX.sub("", scope_name)
    if not _enabled or scope in log.logged or not is_first_worker():
        yield lambda outputs: None
        return
    _announce(log.open)
    layer = _OpenLayer(scope, inputs)
    log.open.append(layer)
    results: List[Any] = []
    try:
        yield results.append
    finally:
        log.open.remove(layer)
    if results:
        log.logged.add(scope)
        _report(layer, results[0], depth=len(log.open))


def _announce(open_layers: List[_OpenLayer]) -> None:
    for depth, layer in enumerate(open_layers):
        if not layer.announced:
            layer.announced = True
            _log("{}'{}' input: {}".format("  " * depth, layer.scope, shape_text(layer.inputs)))


def _report(layer: _OpenLayer, outputs: Any, depth: int) -> None:
    indent = "  " * depth
    if layer.announced:
        _log("{}'{}' output: {}".format(indent, layer.scope, shape_text(outputs)))
    else:
        _log("{}'{}': {} --> {}".format(indent, layer.scope, shape_text(layer.inputs), shape_text(outputs)))


def _log(line: str) -> None:
    context = get_current_tower_context()
    if line in _lines and context is not None and not context.is_training:
        return
    _lines.add(line)
    logger.info("%s", line)


def shape_text(value: Any) -> str:
    """The static shape of a tensor, such as `[None, 28, 28, 3]`; those of a list of tensors, comma-separated."""
    if isinstance(value, (list, tuple)):
        return ", ".join(shape_text(each) for each in value)
    shape = getattr(value, "shape", None)
    if shape is None:
        return type(value).__name__
    return "[?]" if shape.ndims is None else str(shape.as_list())
