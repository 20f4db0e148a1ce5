"""What to add to TensorFlow's errors about values: what they mean for a model, and what was fed."""
from __future__ import annotations

import re
from typing import Any, Iterable, List, Tuple

import numpy as np

from ...compat import tfv1 as tf
from ...utils._text.spec import describe

_LABEL = re.compile(r"label value of (-?\d+) which is outside the valid range of \[0, (\d+)\)")
_OUT_OF_BOUND = re.compile(r"assertion failed: \[`(?:labels|predictions)` out of bound\]")
_INDEX = re.compile(r"(?:indices|segment_ids)(?:\[[^]]*\])? = (-?\d+) is (?:not in|out of range) \[0, (\d+)\)")
_SIZES = re.compile(r"logits and labels must be broadcastable: logits_size=\[(\d+),(\d+)\] labels_size=\[(\d+),(\d+)\]")


def explain_bad_values(error: tf.errors.OpError, fed: Iterable[Tuple[Any, Any]] = ()) -> None:
    """Append to the message of the error what its values mean, and the range of what was fed.

    Args:
        fed: the (tensor, value) pairs of the run that has failed.
    """
    lines = ["{}\n".format(words) for words in [_meaning(error.message), _fed(fed)] if words and words not in error.message]
    if lines:
        error._message = "{}\n\n{}".format(error.message.rstrip("\n"), "".join(lines).rstrip("\n"))


def _meaning(message: str) -> str:
    label = _LABEL.search(message)
    if label:
        number, classes = int(label.group(1)), int(label.group(2))
        return ("The label {} is none of the classes: the last layer has {} outputs, so labels must be 0 to {}; {}. PrintData "
                "around the DataFlow shows the range of the labels.".format(
                    number, classes, classes - 1, "give the model more classes, or count the labels from 0" if number > 0
                    else "leave out datapoints without a class, or mask them in the cost"))
    if _OUT_OF_BOUND.search(message):
        return "A label is none of the classes: labels must be 0 to num_classes - 1."
    index = _INDEX.search(message)
    if index:
        size = int(index.group(2))
        return ("The index {} is outside of a table of {} rows, whose indices are 0 to {}: is the vocabulary larger, or are "
                "the labels counted from 1?".format(index.group(1), size, size - 1))
    sizes = _SIZES.search(message)
    if sizes:
        rows, classes, label_rows, label_classes = map(int, sizes.groups())
        if (label_rows, label_classes) == (1, rows):
            return ("The labels seem to be numbers of classes, one for each row; this loss takes probabilities of all {0} "
                    "classes: use tf.nn.sparse_softmax_cross_entropy_with_logits, or give it tf.one_hot(label, {0}).".format(
                        classes))
        if rows == label_rows:
            return "The last layer has {} outputs, and the labels have {} classes: both must be the same.".format(
                classes, label_classes)
    return ""


def _fed(fed: Iterable[Tuple[Any, Any]]) -> str:
    words: List[str] = []
    for tensor, value in fed:
        value = np.asarray(value)
        between = " from {} to {}".format(value.min(), value.max()) if value.size and value.dtype.kind in "biuf" else ""
        words.append("{} is {}{}".format(getattr(tensor, "name", tensor), describe(value), between))
    return "Fed: {}.".format("; ".join(words)) if words else ""
