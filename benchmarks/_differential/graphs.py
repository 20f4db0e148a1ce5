"""What all kinds with graphs share: equal weights on both sides, and what can be seen of a graph."""

from __future__ import annotations

import re
import zlib
from typing import Any, Dict, List, Sequence

import numpy as np

from .encoding import encode


def weights_for(name: str, shape: Sequence[int], scale: float = 0.5) -> np.ndarray:
    """Numbers that depend on the name and shape alone."""
    rng = np.random.RandomState(zlib.crc32(name.encode()) % 2**32)
    return (rng.uniform(-1, 1, size=tuple(shape)) * scale).astype("float32")


def set_weights(sess: Any, variables: Sequence[Any]) -> None:
    """Give each trainable variable numbers that depend on its name alone."""
    for variable in variables:
        variable.load(
            weights_for(variable.op.name, variable.shape.as_list()).astype(variable.dtype.base_dtype.as_numpy_dtype), sess
        )


def is_step(name: str) -> bool:
    return name == "global_step:0"


def variables_of(graph: Any) -> Any:
    """Names, shapes and dtypes of the variables, by their collections, in order; but the global step, which here is the first."""
    return {
        key: [[v.name, v.shape.as_list(), v.dtype.base_dtype.name] for v in graph.get_collection(key) if not is_step(v.name)]
        for key in ("variables", "trainable_variables", "model_variables", "local_variables")
    }


def collections_of(graph: Any) -> Dict[str, List[str]]:
    """Names of what is in the collections that are not about variables."""
    # a collection that was only asked for is there, and empty
    skipped = re.compile("variables$|_context$|^TENSORPACK|^__|TOWER|^savers$|^saver")
    return {
        str(key): [getattr(item, "name", type(item).__name__) for item in graph.get_collection(key)]
        for key in sorted(map(str, graph.get_all_collection_keys()))
        if not skipped.search(str(key)) and graph.get_collection(key)
    }


def values_of(sess: Any, tensors: Sequence[Any], feed: Any = None) -> Any:
    """Encoded values of tensors, with their names."""
    return [[tensor.name, encode(value)] for tensor, value in zip(tensors, sess.run(list(tensors), feed))]


def summaries_of(folder: str) -> Any:
    """Step, tag and value of the summaries in the event files of a folder, sorted."""
    import glob

    import tensorflow as tf

    found = []
    for path in sorted(glob.glob(folder + "/events*")):
        for event in tf.compat.v1.train.summary_iterator(path):
            for value in event.summary.value:
                kind = value.WhichOneof("value")
                number = value.simple_value if kind == "simple_value" else value.histo.num if kind == "histo" else None
                found.append([event.step, value.tag, str(kind), None if number is None else float(number)])
    return sorted(found, key=lambda each: (each[0], each[1], each[2], str(each[3])))
