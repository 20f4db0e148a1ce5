"""What all kinds with graphs share: equal weights on both sides, and what can be seen of a graph."""

from __future__ import annotations

import os
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
    """Names, shapes and dtypes of the variables, by their collections, in order; not the global step, the first one here."""
    return {
        key: [[v.name, v.shape.as_list(), v.dtype.base_dtype.name] for v in graph.get_collection(key) if not is_step(v.name)]
        for key in ("variables", "trainable_variables", "model_variables", "local_variables")
    }


def collections_of(graph: Any) -> Dict[str, List[str]]:
    """Names of what is in the collections that are not about variables."""
    # a collection that was only asked for is there, and empty
    skipped = re.compile("variables$|_context$|^TENSORPACK|^__|TOWER|^savers$|^saver")
    return {
        # 0.11 makes the summaries of a tensor in the order of a set
        str(key): (sorted if str(key) == "summaries" else list)(
            getattr(item, "name", type(item).__name__) for item in graph.get_collection(key)
        )
        for key in sorted(map(str, graph.get_all_collection_keys()))
        if not skipped.search(str(key)) and graph.get_collection(key)
    }


def values_of(sess: Any, tensors: Sequence[Any], feed: Any = None) -> Any:
    """Encoded values of tensors, with their names."""
    return [[tensor.name, encode(value)] for tensor, value in zip(tensors, sess.run(list(tensors), feed))]


def stats_of(path: str) -> Any:
    """The objects of a stats.json without what is by chance, and without hyper-parameters, which setters put here alone."""
    import json

    if not os.path.exists(path):
        return None
    with open(path) as f:
        records = json.load(f)
    chance = re.compile("^learning_rate$|queue_size|^param-summary")
    records = [{key: value for key, value in record.items() if not chance.search(key)} for record in records]
    return [record for record in records if len(record) > 2] or None


def summaries_of(folder: str) -> Any:
    """Step, tag and value of the summaries in the event files of a folder, sorted."""
    import glob

    import tensorflow as tf

    found = []
    for path in sorted(glob.glob(folder + "/events*")):
        for event in tf.compat.v1.train.summary_iterator(path):
            for value in event.summary.value:
                if value.tag == "learning_rate" or "queue_size" in value.tag:  # as in stats_of
                    continue
                kind = value.WhichOneof("value")
                if value.tag.startswith("param-summary"):  # read while, before or after they are updated
                    kind = None
                number = value.simple_value if kind == "simple_value" else value.histo.num if kind == "histo" else None
                found.append([event.step, value.tag, str(kind), None if number is None else float(number)])
    return sorted(found, key=lambda each: (each[0], each[1], each[2], str(each[3])))
