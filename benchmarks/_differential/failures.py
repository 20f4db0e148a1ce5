"""What failed in 0.11 and works here, failure by failure: the kind of program, what it must have, and the error."""

from __future__ import annotations

import re
from typing import Any, Dict, List, NamedTuple, Optional, Set

from .encoding import Difference, is_failure


class Failure(NamedTuple):
    """An error of 0.11: its type and the beginning of its words (a regex), in programs with one of `names` if there are any."""

    name: str
    kind: str
    error: str
    words: str
    names: Set[str] = set()


def failure_of(program: Dict[str, Any], difference: Difference) -> Optional[str]:
    """What fails in 0.11 alone by an error that the table has, or None."""
    there, here = difference.original, difference.ours
    if not is_failure(there) or is_failure(here):
        return None
    return next((each.name for each in FAILURES if _is(each, program, there)), None)


def names_in(program: Any) -> Set[str]:
    """All values of the key `name` in a program."""
    if isinstance(program, dict):
        return {str(program.get("name"))}.union(*map(names_in, program.values()))
    return set().union(*map(names_in, program)) if isinstance(program, list) else set()


def _is(each: Failure, program: Dict[str, Any], error: Dict[str, Any]) -> bool:
    kind = "training" if program["kind"] in ("towers", "resuming") else program["kind"]
    return (
        each.kind == kind
        and each.error == error["error"]
        and re.match(each.words, error["text"]) is not None
        and (not each.names or bool(each.names & names_in(program)))
    )


FAILURES: List[Failure] = [
    Failure("an empty flow in RandomMixData", "flows", "ValueError", "zero-size array to reduction", {"RandomMixData"}),
    Failure("an empty flow in RandomMixData", "flows", "AssertionError", "\\d+!=\\d+$", {"RandomMixData"}),
    Failure("FakeData of Python numbers", "flows", "AttributeError", "'float' object has no attribute 'astype'", {"FakeData"}),
    Failure("length of a generator", "flows", "TypeError", "object of type 'function' has no len", {"DataFromGenerator"}),
    Failure("an empty pass of BatchDataByShape", "flows", "AssertionError", "$", {"BatchDataByShape"}),
    Failure("an empty flow to repeat", "flows", "hang", "$", {"RepeatedData", "LocallyShuffleData"}),
    Failure("errors in the threads of a map", "flows", "hang", "$", {"MultiThreadMapData"}),
    Failure("a small buffer of LocallyShuffleData", "flows", "ZeroDivisionError", "integer division", {"LocallyShuffleData"}),
    Failure("strict maps that drop", "flows", "AssertionError", r"\[MultiThreadMapData\] Map function", {"MultiThreadMapData"}),
    Failure("strict maps of a short flow", "flows", "IndexError", "list index out of range", {"MultiThreadMapData"}),
    Failure(
        "strict maps of a short flow", "flows", "RuntimeError", r"\[MultiThreadMapData\] buffer_size", {"MultiThreadMapData"}
    ),
    Failure("Grayscale(keepshape)", "augmentors", "AssertionError", "keepdims must be True", {"Grayscale"}),
    Failure(
        "RandomCropRandomShape of small images", "augmentors", "AssertionError", "-?\\d+, -?\\d+$", {"RandomCropRandomShape"}
    ),
    Failure("angles that are arrays", "augmentors", "TypeError", "Argument 'angle'", {"Affine", "Rotation"}),
    Failure("RandomPaste on as large a background", "augmentors", "AssertionError", "$", {"RandomPaste"}),
    Failure("RandomCutout", "augmentors", "TypeError", "only integer scalar arrays", {"RandomCutout"}),
    Failure("colours of other channels", "augmentors", "error", r"(?s).*color"),
    Failure("points behind an augmentor of the image", "augmentors", "NotImplementedError", ".*apply_coords"),
    Failure(
        "AccumGradOptimizer of slices", "gradients", "AssertionError", "AccumGradOptimizer does not", {"AccumGradOptimizer"}
    ),
    Failure(
        "processors of slices",
        "gradients",
        "TypeError",
        "unsupported operand .*'IndexedSlices'",
        {"MapGradient", "ScaleGradient"},
    ),
    Failure("Maxout", "layers", "TypeError", "Value passed to parameter 'shape'", {"Maxout"}),
    Failure("BatchRenorm of 2-D inputs", "layers", "ValueError", "squeeze_dims.*batchrenorm", {"BatchRenorm"}),
    Failure("gradients of dilated convolutions", "layers", "InvalidArgumentError", "Current libxsmm.*dilation", {"Conv2D"}),
    Failure("convolutions of groups with a bias", "layers", "UnimplementedError", "Fused conv.*grouped", {"Conv2D"}),
    Failure("a checkpoint of other shapes", "restoring", "InvalidArgumentError", "(?s)Restoring from.*shapes of both tensors"),
    Failure("a checkpoint of other dtypes", "restoring", "InvalidArgumentError", "(?s)Restoring from.*expected dtype"),
    Failure("a checkpoint of other dtypes, relaxed", "restoring", "AssertionError", "Variable .* has dtype"),
    Failure("TFRecordSerializer on Python 3.7", "serializers", "RuntimeError", "generator raised StopIteration"),
    Failure("inputs that no output needs", "predicting", "KeyError", '"The following input nodes were not found'),
    Failure("DumpTensorAsImage in towers", "training", "KeyError", "\"The name 'picture:0' refers", {"DumpTensorAsImage"}),
    Failure("resuming without stats.json", "training", "AssertionError", "Found SessionInit=True, Found Last Epoch=False"),
    Failure("resuming without a checkpoint", "training", "AssertionError", "Found SessionInit=False, Found Last Epoch=True"),
    Failure(
        "MinSaver without a checkpoint",
        "training",
        "RuntimeError",
        r"\[M..Saver\] Cannot find a checkpoint",
        {"MinSaver", "MaxSaver"},
    ),
]
