"""The random generators that a flow draws from: where they are, and their states as JSON and back.

They are found by walking over what the flow refers to; the path that leads to a generator is its name.
"""
from __future__ import annotations

import base64
import functools
import random
import types
from typing import Any, Dict, Iterator, List, Tuple

import numpy as np

from .base import DataFlow
from .imgaug.base import ImageAugmentor

# Longer containers are taken for data.
_MAX_ELEMENTS = 100
# How many objects that are neither flows nor augmentors may lie between one of these and what it refers to.
_MAX_DEPTH = 6
_GENERATORS = (np.random.RandomState, np.random.Generator, random.Random)
_ATOMS = (str, bytes, int, float, complex, bool, type(None), np.ndarray, np.generic, type, types.ModuleType)
_FOREIGN = ("tensorflow", "threading", "multiprocessing", "logging")  # packages whose objects are not entered


def walk(root: Any, name: str) -> Iterator[Tuple[str, Any]]:
    """All objects that `root` refers to, it included, each once and with its path, in an order that depends on them only."""
    seen: Dict[int, Any] = {}
    waiting: List[Tuple[str, Any, int]] = [(name, root, 0)]
    while waiting:
        path, obj, depth = waiting.pop()
        if isinstance(obj, _ATOMS) or id(obj) in seen:
            continue
        seen[id(obj)] = obj  # kept, so that its id stays its own
        yield path, obj
        depth = 0 if isinstance(obj, (DataFlow, ImageAugmentor)) else depth + 1
        if depth <= _MAX_DEPTH and not isinstance(obj, _GENERATORS):
            children = [(path + suffix, child, depth) for suffix, child in _children(obj)]
            waiting.extend(reversed(children))


def _children(obj: Any) -> List[Tuple[str, Any]]:
    if isinstance(obj, dict):
        return [("[{!r}]".format(key), value) for key, value in obj.items()] if len(obj) <= _MAX_ELEMENTS else []
    if isinstance(obj, (list, tuple)):
        return [("[{}]".format(k), value) for k, value in enumerate(obj)] if len(obj) <= _MAX_ELEMENTS else []
    if isinstance(obj, types.FunctionType):
        return _of_function(obj)
    if isinstance(obj, functools.partial):
        return [(".func", obj.func), (".args", obj.args), (".keywords", obj.keywords)]
    if type(obj).__module__.split(".")[0] in _FOREIGN:
        return []
    # of a method, also of a generator's own: MapData(df, rng.permutation)
    found = [("." + key, getattr(obj, key)) for key in ("__self__", "__func__") if hasattr(obj, key)]
    return found + [("." + key, value) for key, value in list(getattr(obj, "__dict__", {}).items())]


def _of_function(function: types.FunctionType) -> List[Tuple[str, Any]]:
    """What it holds, and those of the global variables it names that are random."""
    found = [(".__defaults__", function.__defaults__), (".__kwdefaults__", function.__kwdefaults__)]
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        try:
            found.append(("." + name, cell.cell_contents))
        except ValueError:
            pass  # not assigned yet
    used = [("." + name, function.__globals__.get(name)) for name in function.__code__.co_names]
    return found + [(path, value) for path, value in used if isinstance(value, _GENERATORS + (DataFlow, ImageAugmentor))]


def find_generators(root: Any, name: str) -> Dict[str, Any]:
    """Path -> generator, of all that `root` refers to."""
    return {path: obj for path, obj in walk(root, name) if isinstance(obj, _GENERATORS)}


def get_state(generator: Any) -> Any:
    """A copy of the state of a generator."""
    if isinstance(generator, np.random.RandomState):
        return generator.get_state(legacy=False)
    if isinstance(generator, np.random.Generator):
        return generator.bit_generator.state
    return generator.getstate()


def set_state(generator: Any, state: Any) -> None:
    """Give a generator a state that `get_state` gave for one of its kind.

    Raises:
        ValueError, TypeError, KeyError: it is the state of another kind of generator.
    """
    if isinstance(generator, np.random.RandomState):
        generator.set_state(state)
    elif isinstance(generator, np.random.Generator):
        generator.bit_generator.state = state
    else:
        generator.setstate(state)


def to_json(state: Any) -> Any:
    """A state in terms of JSON: arrays and tuples become objects that say so, numbers stay exact."""
    if isinstance(state, dict):
        return {key: to_json(value) for key, value in state.items()}
    if isinstance(state, np.ndarray):
        portable = state.astype(state.dtype.newbyteorder("<"))
        return {"array": portable.dtype.str, "base64": base64.b64encode(portable.tobytes()).decode()}
    if isinstance(state, tuple):
        return {"tuple": [to_json(value) for value in state]}
    return state.item() if isinstance(state, np.generic) else state


def from_json(value: Any) -> Any:
    """The inverse of `to_json`."""
    if not isinstance(value, dict):
        return value
    if set(value) == {"array", "base64"}:
        dtype = np.dtype(value["array"])
        return np.frombuffer(base64.b64decode(value["base64"]), dtype=dtype).astype(dtype.newbyteorder("="))
    if set(value) == {"tuple"}:
        return tuple(from_json(element) for element in value["tuple"])
    return {key: from_json(element) for key, element in value.items()}
