"""Classes of differences that are meant, each with the words of `docs/notes/compatibility.md` that give its reason."""

from __future__ import annotations

import json
import os
import re
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Set

from .encoding import Difference, is_failure
from .sides import BENCHMARKS

_NOTES = os.path.join(os.path.dirname(BENCHMARKS), "docs", "notes", "compatibility.md")

Covers = Callable[[Dict[str, Any], Difference], bool]


class Class(NamedTuple):
    """What `covers` says of a program and a difference is meant; `words` stand in compatibility.md."""

    name: str
    words: str
    covers: Covers


def class_of(program: Dict[str, Any], difference: Difference) -> Optional[str]:
    """The name of the first class that covers a difference, or None."""
    return next((each.name for each in CLASSES if each.covers(program, difference)), None)


def check_table() -> None:
    """Raise ValueError unless all classes stand in the notes."""
    with open(_NOTES, encoding="utf-8") as f:
        notes = " ".join(f.read().split())
    for each in CLASSES:
        if each.words not in notes:
            raise ValueError("{}: must have the words {!r} for the class {!r}".format(_NOTES, each.words, each.name))


def _fails_there(program: Dict[str, Any], difference: Difference) -> bool:
    return is_failure(difference.original) and not is_failure(difference.ours)


def _both_fail(program: Dict[str, Any], difference: Difference) -> bool:
    """An error here, where the object is made or the graph is built, and one when it is used there."""
    return is_failure(difference.ours) and '"error"' in json.dumps(difference.original)


def _refused(*words: str) -> Covers:
    """Our error has one of these words."""
    return lambda program, difference: is_failure(difference.ours) and any(word in difference.ours["text"] for word in words)


def _names(program: Any) -> Set[str]:
    """All values of the key `name` in a program."""
    if isinstance(program, dict):
        return {str(program.get("name"))}.union(*map(_names, program.values()))
    return set().union(*map(_names, program)) if isinstance(program, list) else set()


def _has(*names: str, path: str = "", kind: str = "") -> Covers:
    """The program has one of these names, and the difference is at such a path."""
    return lambda program, difference: (
        (not names or bool(_names(program).intersection(names)))
        and (re.search(path, difference.path) is not None)
        and kind in ("", program["kind"])
    )


def _off_by(limit: float, share: float = 1.0) -> Covers:
    """Both have numbers that differ by no more than this."""
    return lambda program, difference: (
        all(isinstance(side, (int, float)) for side in (difference.original, difference.ours))
        and (abs(difference.original - difference.ours) <= limit)
    )


def _all(*covers: Covers) -> Covers:
    return lambda program, difference: all(each(program, difference) for each in covers)


def _seen(*kinds: str) -> Covers:
    """The difference is in what these kinds of programs give."""
    return lambda program, difference: program["kind"] in kinds


_TRAININGS = ("training", "towers", "resuming")
_ROUNDED = (
    "Saturation",
    "Contrast",
    "MinMaxNormalize",
    "MeanVarianceNormalize",
    "Brightness",
    "BrightnessScale",
    "Lighting",
    "Hue",
    "GaussianBlur",
    "Gamma",
    "GaussianNoise",
)

CLASSES: List[Class] = [
    Class("fails there", "What failed in 0.11 may work", _fails_there),
    Class("fails earlier here", "errors come as early as they can be known", _both_fail),
    # flows and files
    Class(
        "dtypes of batches",
        "Python bools make bool arrays, bytes stay bytes",
        _has("BatchData", "BatchDataByShape", kind="flows", path="^/(passes|abandoned)"),
    ),
    Class(
        "passes of LocallyShuffleData", "began with an empty buffer", _has("LocallyShuffleData", kind="flows", path="^/passes")
    ),
    Class(
        "abandoned passes of CacheData", "kept an abandoned pass as the whole", _has("CacheData", kind="flows", path="^/passes")
    ),
    Class(
        "ends of strict maps",
        "strict maps could lose or repeat",
        _has("MultiThreadMapData", kind="flows", path="^/(passes|abandoned)"),
    ),
    Class(
        "flows that swallow all",
        "a function that dropped all datapoints made an endless repetition",
        _all(_seen("flows"), _refused("drop", "swallow", "no datapoint", "fewer than")),
    ),
    Class("lists of NumpySerializer", "lists and tuples as they were saved", _has("NumpySerializer", path="^/load")),
    # augmentors
    Class(
        "rotated points",
        "half a pixel beside that of the points",
        _has("Rotation", "RotationAndCropValid", "Affine", kind="augmentors", path="^/points/1"),
    ),
    Class(
        "rounding of pixels",
        "whole numbers differ by 1 now and then",
        _all(
            _has(*_ROUNDED, kind="augmentors"),
            lambda program, difference: _off_by(6)(program, difference) or difference.path.endswith("/sum"),
        ),
    ),
    Class(
        "all channels of a border",
        "painted (7, 0, 0)",
        _has("Rotation", "Shift", "Affine", kind="augmentors", path="^/(image|points/0|again)"),
    ),
    Class("places of random crops", "never drew the last place of a crop", _has("RandomCropRandomShape", kind="augmentors")),
    Class("shape of JPEGs", "made HxWx3 of HxW and HxWx1", _has("JpegNoise", kind="augmentors")),
    # graphs
    Class("gamma of BatchRenorm", "drew the initial gamma at random", _has("BatchRenorm", kind="layers", path="^/initial")),
    Class("old names in an argscope", "AssertionError | the call wins", _all(_seen("layers"), _fails_there)),
    Class(
        "steps of AccumGradOptimizer",
        "updated at step k and again at k + 1",
        _has("AccumGradOptimizer", kind="gradients", path="^/values"),
    ),
    Class("nothing matches", "a dict or npz that matched nothing left all weights random", _seen("restoring")),
    Class("inputs of exports", "every input was in the signature of an export", _has(path="^/exported", kind="predicting")),
    Class(
        "outputs that need other inputs",
        "every input was in the signature of an export",
        _all(_seen("predicting"), _refused("outputs must depend on the inputs")),
    ),
    # trainings
    Class(
        "NaN in stats.json",
        "which are no JSON",
        _all(
            _seen(*_TRAININGS), lambda program, difference: difference.ours is None and isinstance(difference.original, float)
        ),
    ),
    Class(
        "scalars at the end of a training",
        "was pending when a training stopped",
        _all(
            _has(path="/stats"),
            lambda program, difference: '"StopAt"' in json.dumps(program) or '"after_train"' in json.dumps(program),
        ),
    ),
    Class(
        "queues of a run outside of steps",
        "waited for ever, and did not react",
        _all(_seen(*_TRAININGS), _refused("waits for a")),
    ),
    Class("updates of asynchronous towers", "an operation for each variable", _has("AsyncMultiGPUTrainer", path="train_op")),
    Class(
        "triggers behind EnableCallbackIf",
        "did not ask about `trigger`",
        _all(_has("EnableCallbackIf", "PeriodicCallback"), _has("PeriodicTrigger"), _seen(*_TRAININGS)),
    ),
    Class("weights of MinSaver", "copied the latest checkpoint", _has("MinSaver", "MaxSaver", path="/(files|checkpoints)")),
    Class(
        "powers of Adam",
        "several towers moved Adam's powers",
        _all(_seen("towers"), lambda program, difference: program.get("model", {}).get("optimizer") == "Adam"),
    ),
    Class(
        "parts after a failure",
        "What failed in 0.11 may work",
        _all(_seen("augmentors"), lambda program, difference: difference.original == {"nothing": True}),
    ),
    Class("JoinData of lists and dicts", "took the keys of the dicts", _all(_seen("flows"), _refused("must all yield lists"))),
    Class(
        "abandoned passes of FixedSizeData",
        "went on with an abandoned pass",
        _has("FixedSizeData", kind="flows", path="^/passes"),
    ),
    Class("common keys of JoinData", "lost one of the components", _all(_seen("flows"), _refused("different keys"))),
    Class("later passes of LMDB", "shuffled the order of the pass before", _has("LMDBSerializer", path="^/load/2")),
]
