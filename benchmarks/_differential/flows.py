"""Flows: a source, what is put upon it, and two passes."""

from __future__ import annotations

import itertools
from typing import Any, Dict, List

import numpy as np

from .encoding import attempt

_MOST_DATAPOINTS = 60

_ELEMENTS = [
    "int",
    "float",
    "bool",
    "str",
    "bytes",
    "int32",
    "int64",
    "float32",
    "float64",
    "uint8",
    "array",
    "ragged",
    "mixed",
    "list",
    "none",
]
_FUNCTIONS = ["same", "reverse", "double", "drop odd", "drop all", "tuple", "append"]
_COMPONENT_FUNCTIONS = ["same", "negate", "to float32", "drop large", "text"]


def generate(rng: Any) -> Dict[str, Any]:
    return {
        "source": _source(rng),
        "layers": [_layer(rng) for _ in range(rng.choice([0, 1, 1, 2, 2, 3, 4]))],
        "passes": rng.choice([1, 2, 2, 3]),
        "abandoned": rng.choice([0, 0, 0, 1, 2]),
    }


def _source(rng: Any) -> Dict[str, Any]:
    size = rng.choice([0, 1, 2, 3, 5, 7, 8, 12])
    elements = [rng.choice(_ELEMENTS[:11]) for _ in range(rng.choice([1, 1, 2, 3]))]
    if rng.random() < 0.15:
        elements[0] = rng.choice(_ELEMENTS[11:])
    return {
        "name": rng.choice(["DataFromList", "DataFromList", "DataFromGenerator", "DataFromIterable", "FakeData"]),
        "size": size,
        "elements": elements,
        "container": rng.choice(["list", "list", "tuple", "dict"]),
        "shuffle": rng.random() < 0.4,
        "random": rng.random() < 0.5,
        "dtype": rng.choice(["float32", "uint8", "int32", "float64"]),
    }


def _layer(rng: Any) -> Dict[str, Any]:
    number = rng.choice([1, 2, 2, 3, 4, 5])
    options = [
        {"name": "BatchData", "batch_size": number, "remainder": rng.random() < 0.5, "use_list": rng.random() < 0.25},
        {"name": "BatchData", "batch_size": number, "remainder": rng.random() < 0.5, "use_list": False},
        {"name": "BatchDataByShape", "batch_size": number, "idx": rng.choice([0, 0, 1])},
        {"name": "FixedSizeData", "size": rng.choice([1, 3, 4, 9, 20]), "keep_state": rng.random() < 0.5},
        {"name": "RepeatedData", "num": number},
        {"name": "RepeatedDataPoint", "num": number},
        {"name": "MapData", "func": rng.choice(_FUNCTIONS)},
        {"name": "MapDataComponent", "func": rng.choice(_COMPONENT_FUNCTIONS), "index": rng.choice([0, 0, 1])},
        {"name": "SelectComponent", "idxs": [rng.choice([0, 0, 1]) for _ in range(rng.choice([1, 2]))]},
        {"name": "LocallyShuffleData", "buffer_size": rng.choice([1, 2, 4, 10]), "num_reuse": rng.choice([1, 1, 2])},
        {"name": "CacheData", "shuffle": rng.random() < 0.5},
        {"name": "ConcatData", "other": _source(rng)},
        {"name": "JoinData", "other": _source(rng)},
        {"name": "RandomMixData", "other": _source(rng)},
        {"name": "RandomChooseData", "other": _source(rng), "share": rng.choice([None, 0.25, 0.5])},
        {
            "name": "MultiThreadMapData",
            "num_thread": 1,
            "func": rng.choice(_FUNCTIONS),
            "buffer_size": rng.choice([1, 2, 4]),
            "strict": True,
        },
        {"name": "ProxyDataFlow"},
    ]
    return rng.choice(options)


def run(program: Dict[str, Any], folder: str) -> Any:
    made: List[Any] = []
    flow = _built(program, made)
    result: Dict[str, Any] = {"length": attempt(len, flow)}
    flow.reset_state()
    for number, each in enumerate(made):
        if hasattr(each, "rng"):
            each.rng = np.random.RandomState(number)
    if program.get("abandoned"):
        result["abandoned"] = attempt(lambda: list(itertools.islice(iter(flow), program["abandoned"])))
    result["passes"] = [
        attempt(lambda: list(itertools.islice(iter(flow), _MOST_DATAPOINTS))) for _ in range(program.get("passes", 1))
    ]
    return result


def _built(program: Dict[str, Any], made: List[Any]) -> Any:
    flow = _built_source(program.get("source", {}), made)
    for layer in program.get("layers", ()):
        flow = _on_top(layer, flow, made)
        made.append(flow)
    return flow


def _built_source(source: Dict[str, Any], made: List[Any]) -> Any:
    from tensorpack import dataflow

    name, size = source.get("name", "DataFromList"), source.get("size", 1)
    datapoints = [_datapoint(source, index) for index in range(size)]
    if name == "DataFromList":
        flow: Any = dataflow.DataFromList(datapoints, shuffle=source.get("shuffle", False))
    elif name == "DataFromGenerator":
        flow = dataflow.DataFromGenerator(lambda: iter(datapoints))
    elif name == "DataFromIterable":
        flow = dataflow.DataFromIterable(datapoints)
    else:
        is_random = source.get("random", False)
        flow = dataflow.FakeData(
            [[2, 3], []] if is_random else [[4]], size=size, random=is_random, dtype=source.get("dtype", "float32")
        )
    made.append(flow)
    return flow


def _datapoint(source: Dict[str, Any], index: int) -> Any:
    values = [_element(kind, index + 10 * place) for place, kind in enumerate(source.get("elements", ["int"]))]
    container = source.get("container", "list")
    return tuple(values) if container == "tuple" else dict(enumerate(values)) if container == "dict" else values


def _element(kind: str, number: int) -> Any:
    if kind in ("int", "float", "bool", "str", "bytes"):
        text = "s{}".format(number)
        return {"int": number, "float": number + 0.5, "bool": number % 2 == 0, "str": text, "bytes": text.encode()}[kind]
    if kind == "array":
        return np.arange(6, dtype="float32").reshape(2, 3) + number
    if kind == "ragged":
        return np.arange(number % 3 + 1)
    if kind == "mixed":
        return [number, number + 0.5, np.int32(number), np.float64(number + 0.25), np.float32(number)][number % 5]
    if kind == "list":
        return [number, number + 1]
    return None if kind == "none" else np.dtype(kind).type(number)


def _on_top(layer: Dict[str, Any], flow: Any, made: List[Any]) -> Any:
    from tensorpack import dataflow

    name = layer["name"]
    options = {key: value for key, value in layer.items() if key not in ("name", "func", "other", "share")}
    if "other" in layer:
        other = _built_source(layer["other"], made)
        if name == "RandomChooseData":
            share = layer.get("share")
            return dataflow.RandomChooseData([flow, other] if share is None else [(flow, share), (other, 1 - share)])
        return getattr(dataflow, name)([flow, other])
    if name == "SelectComponent":
        return dataflow.SelectComponent(flow, layer["idxs"])
    if name == "MapData":
        return dataflow.MapData(flow, _FUNCTION[layer["func"]])
    if name == "MapDataComponent":
        return dataflow.MapDataComponent(flow, _COMPONENT_FUNCTION[layer["func"]], **options)
    if name == "MultiThreadMapData":
        return dataflow.MultiThreadMapData(flow, map_func=_FUNCTION[layer["func"]], **options)
    return getattr(dataflow, name)(flow, **options)


def _number_of(dp: Any) -> float:
    first = dp[0]
    return float(first) if np.ndim(first) == 0 and not isinstance(first, (str, bytes)) else 0


_FUNCTION = {
    "same": lambda dp: dp,
    "reverse": lambda dp: dp[::-1],
    "double": lambda dp: [dp[0], dp[0]],
    "drop odd": lambda dp: dp if int(_number_of(dp)) % 2 == 0 else None,
    "drop all": lambda dp: None,
    "tuple": lambda dp: tuple(dp),
    "append": lambda dp: list(dp) + [1],
}
_COMPONENT_FUNCTION = {
    "same": lambda x: x,
    "negate": lambda x: -x,
    "to float32": lambda x: np.float32(x),
    "drop large": lambda x: x if np.max(x) < 6 else None,
    "text": lambda x: str(x),
}
