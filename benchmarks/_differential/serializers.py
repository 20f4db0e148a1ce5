"""Serializers of objects and of flows."""

from __future__ import annotations

import os
from typing import Any, Dict

import numpy as np

from .encoding import attempt

_FORMATS = {
    "LMDBSerializer": "data.lmdb",
    "NumpySerializer": "data.npz",
    "TFRecordSerializer": "data.tfrecord",
    "HDF5Serializer": "data.h5",
}
_VALUES = [
    "int",
    "large",
    "float",
    "bool",
    "none",
    "str",
    "bytes",
    "array",
    "scalar",
    "strings",
    "objects",
    "list",
    "tuple",
    "dict",
    "empty",
]


def generate(rng: Any) -> Dict[str, Any]:
    if rng.random() < 0.35:
        return {"name": "dumps", "value": _value(rng, 0), "once": rng.random() < 0.5}
    return {
        "name": rng.choice(sorted(_FORMATS)),
        "size": rng.choice([1, 2, 3, 7]),
        "shuffle": rng.random() < 0.3,
        "datapoint": [_value(rng, 1) for _ in range(rng.choice([1, 2, 3]))],
        "container": rng.choice(["list", "list", "tuple"]),
        "twice": rng.random() < 0.3,
    }


def _value(rng: Any, depth: int) -> Dict[str, Any]:
    kind = rng.choice(_VALUES)
    spec: Dict[str, Any] = {"name": kind}
    if kind in ("array", "scalar"):
        spec["dtype"] = rng.choice(["float32", "float64", "uint8", "int32", "int64", "bool", "float16", "complex64"])
        spec["shape"] = rng.choice([[], [3], [2, 3], [0, 2], [1, 2, 2]])
    if kind in ("list", "tuple", "dict"):
        spec["of"] = [_value(rng, depth + 1) for _ in range(rng.choice([0, 1, 2]))] if depth < 2 else []
    return spec


def run(program: Dict[str, Any], folder: str) -> Any:
    if program["name"] == "dumps":
        from tensorpack.utils import serialize

        value = _made(program.get("value", {"name": "int"}), 0)
        once = program.get("once")
        dump, load = (serialize.dumps_once, serialize.loads_once) if once else (serialize.dumps, serialize.loads)
        return {"value": attempt(lambda: load(dump(value)))}
    return _through_file(program, os.path.join(folder, _FORMATS[program["name"]]))


def _through_file(program: Dict[str, Any], path: str) -> Any:
    from tensorpack import dataflow

    container = tuple if program.get("container") == "tuple" else list
    datapoints = [
        container(_made(spec, index) for spec in program.get("datapoint", ())) for index in range(program.get("size", 1))
    ]
    serializer = getattr(dataflow, program["name"])
    paths = ["component{}".format(k) for k in range(len(program.get("datapoint", ())))]
    more = (paths,) if program["name"] == "HDF5Serializer" else ()
    result: Dict[str, Any] = {"save": attempt(serializer.save, dataflow.DataFromList(datapoints, shuffle=False), path, *more)}
    if "error" in (result["save"] or {}):
        return result

    def load() -> Any:
        if program["name"] == "TFRecordSerializer":
            flow = serializer.load(path, size=len(datapoints))
        elif program["name"] == "HDF5Serializer":
            flow = serializer.load(path, paths, shuffle=False)
        else:
            flow = serializer.load(path, shuffle=program.get("shuffle", False))
        flow.reset_state()
        inner = flow
        while inner is not None:
            if hasattr(inner, "rng"):
                inner.rng = np.random.RandomState(1)
            inner = getattr(inner, "ds", None)
        return [len(flow)] + [list(flow) for _ in range(2 if program.get("twice") else 1)]

    result["load"] = attempt(load)
    return result


def _made(spec: Dict[str, Any], number: int) -> Any:
    kind = spec["name"]
    if kind in ("array", "scalar"):
        values = (np.arange(np.prod(spec.get("shape", [2]), dtype=int)) + number).reshape(spec.get("shape", [2]))
        values = values.astype(spec.get("dtype", "float32"))
        return values if kind == "array" else np.asarray(values).reshape(-1)[:1].sum().astype(values.dtype)
    if kind in ("list", "tuple", "dict"):
        values = [_made(each, number + index) for index, each in enumerate(spec.get("of", ()))]
        if kind == "dict":
            return {"k{}".format(k): value for k, value in enumerate(values)}
        return values if kind == "list" else tuple(values)
    return {
        "int": number,
        "large": 2**40 + number,
        "float": number + 0.25,
        "bool": number % 2 == 0,
        "none": None,
        "str": "text {} \u00e9".format(number),
        "bytes": b"\x00\xff" + bytes([number]),
        "strings": np.array(["a", "bc{}".format(number)]),
        "objects": np.array([None, number], dtype=object),
        "empty": "",
    }[kind]
