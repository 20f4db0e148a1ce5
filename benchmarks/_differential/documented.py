"""Classes of differences that are meant, each with the words of `docs/notes/compatibility.md` that give its reason."""

from __future__ import annotations

import os
from typing import Any, Dict, List, NamedTuple, Optional

from .covers import (
    Covers,
    all_of,
    both_numbers,
    has,
    has_words,
    later_here,
    of_kind,
    off_by,
    one_has_nothing,
    other_files,
    other_names,
    refused,
    repeated_there,
    within,
)
from .encoding import Difference, is_failure
from .failures import failure_of
from .sides import BENCHMARKS

_NOTES = os.path.join(os.path.dirname(BENCHMARKS), "docs", "notes", "compatibility.md")


class Class(NamedTuple):
    """What `covers` says of a program and a difference is meant; `words` stand in compatibility.md."""

    name: str
    words: str
    covers: Covers


def class_of(program: Dict[str, Any], difference: Difference) -> Optional[str]:
    """The name of the failure in 0.11, or of the first class, that covers a difference, or None."""
    failure = failure_of(program, difference)
    if failure is not None:
        return "fails there: " + failure
    return next((each.name for each in CLASSES if each.covers(program, difference)), None)


def check_table() -> None:
    """Raise ValueError unless all classes stand in the notes."""
    with open(_NOTES, encoding="utf-8") as f:
        notes = " ".join(f.read().split())
    for each in [Class("fails there", "What failed in 0.11 may work", _never)] + CLASSES:
        if each.words not in notes:
            raise ValueError("{}: must have the words {!r} for the class {!r}".format(_NOTES, each.words, each.name))


def _never(program: Dict[str, Any], difference: Difference) -> bool:
    return False


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
    # flows and files
    Class(
        "dtypes of batches",
        "Python bools make bool arrays, bytes stay bytes",
        all_of(
            has("BatchData", "BatchDataByShape", kind="flows", path="^/(passes|abandoned)"),
            has_words('"(bool|bytes|str|int|float|mixed)"'),
        ),
    ),
    Class(
        "passes of LocallyShuffleData", "began with an empty buffer", has("LocallyShuffleData", kind="flows", path="^/passes")
    ),
    Class(
        "abandoned passes of CacheData", "kept an abandoned pass as the whole", has("CacheData", kind="flows", path="^/passes")
    ),
    Class(
        "ends of strict maps",
        "strict maps could lose or repeat",
        has("MultiThreadMapData", kind="flows", path="^/(passes|abandoned)"),
    ),
    Class(
        "errors of strict maps",
        "filled their buffer in `reset_state`",
        all_of(has("MultiThreadMapData", kind="flows"), later_here),
    ),
    Class(
        "unequal shapes",
        "made arrays of objects, or `None`, of unequal shapes",
        all_of(of_kind("flows"), refused("all elements must have the same shape")),
    ),
    Class(
        "flows that swallow all",
        "a function that dropped all datapoints made an endless repetition",
        all_of(of_kind("flows"), refused("drop", "swallow", "no datapoint", "fewer than")),
    ),
    Class("lists of NumpySerializer", "lists and tuples as they were saved", has("NumpySerializer", path="^/load")),
    # augmentors
    Class(
        "rotated points",
        "half a pixel beside that of the points",
        has("Rotation", "RotationAndCropValid", "Affine", kind="augmentors", path="^/points/1"),
    ),
    Class(
        "rounding of pixels",
        "whole numbers differ by 1 now and then",
        all_of(
            has(*_ROUNDED, kind="augmentors"),
            has(path="^/(image|points/0|again)/(values/\\d+|sum)$"),
            lambda program, difference: off_by(6)(program, difference) or difference.path.endswith("/sum"),
        ),
    ),
    Class(
        "all channels of a border",
        "painted (7, 0, 0)",
        all_of(
            has("Rotation", "Shift", "Affine", kind="augmentors", path="^/(image|points/0|again)/(values/\\d+|sum)$"),
            has_words('"border_value": 9'),
        ),
    ),
    Class("places of random crops", "never drew the last place of a crop", has("RandomCropRandomShape", kind="augmentors")),
    Class(
        "shape of JPEGs",
        "made HxWx3 of HxW and HxWx1",
        all_of(has("JpegNoise", kind="augmentors"), has_words('"channels": (0|1|null)')),
    ),
    # graphs
    Class(
        "old names in an argscope",
        "AssertionError | the call wins",
        all_of(
            of_kind("layers"),
            has_words('"argscopes": \\[{'),
            lambda program, difference: is_failure(difference.original) and difference.original["error"] == "AssertionError",
        ),
    ),
    Class(
        "sums of gradients that cancel",
        "gradients of normalised inputs are differences of much larger numbers",
        all_of(
            has("BatchNorm", "BatchRenorm", "LayerNorm", kind="layers", path="^/gradients/\\d+/dict/[23]/1(/\\d+)?$"),
            within(2e-3),
        ),
    ),
    Class("gamma of BatchRenorm", "drew the initial gamma at random", has("BatchRenorm", kind="layers", path="^/initial")),
    Class(
        "calls of a layer that is called again",
        "added its averages to MODEL_VARIABLES for each call",
        all_of(has(kind="layers", path="^/variables/model_variables$"), has_words('"again": true'), repeated_there),
    ),
    Class(
        "order of the updates of a layer that is called again",
        "were moved twice in a step, in any order",
        all_of(has("BatchRenorm", kind="layers", path="^/after"), has_words('"again": true'), both_numbers),
    ),
    Class(
        "slices in CheckGradient and PrintGradient",
        "made sparse gradients dense",
        all_of(has("CheckGradient", "PrintGradient", kind="gradients", path="^/values"), has_words('"lookup": true')),
    ),
    Class(
        "steps of AccumGradOptimizer",
        "updated at step k and again at k + 1",
        has("AccumGradOptimizer", kind="gradients", path="^/values"),
    ),
    Class(
        "nothing matches",
        "a dict or npz that matched nothing left all weights random",
        all_of(has(kind="restoring", path="^/load$"), refused("at least one variable of the graph must be")),
    ),
    Class(
        "inputs of exports",
        "every input was in the signature of an export",
        has(path="^/exported/dict/0/1/dict/0/1/(0|3/dict)$", kind="predicting"),
    ),
    Class(
        "outputs that need other inputs",
        "every input was in the signature of an export",
        all_of(of_kind("predicting"), refused("outputs must depend on the inputs")),
    ),
    # trainings
    Class(
        "NaN in stats.json",
        "which are no JSON",
        all_of(
            of_kind(*_TRAININGS), lambda program, difference: difference.ours is None and isinstance(difference.original, float)
        ),
    ),
    Class(
        "scalars at the end of a training",
        "was pending when a training stopped",
        all_of(
            has_words('"StopAt"|"after_train"'), lambda *both: has(path="/stats")(*both) or other_files(r"stats\.json")(*both)
        ),
    ),
    Class(
        "hyper-parameters in stats.json",
        "its setter puts it after each epoch",
        all_of(of_kind(*_TRAININGS), has_words("ParamSetter"), other_files(r"stats\.json")),
    ),
    Class(
        "hyper-parameters after a resume",
        "applied twice to a hyper-parameter when a training was resumed",
        all_of(has("HyperParamSetterWithFunc", "StatMonitorParamSetter", kind="resuming", path="^/second/"), both_numbers),
    ),
    Class(
        "epochs that stats.json does not have",
        "the last epoch in `stats.json`, which may be none of the checkpoint's",
        all_of(
            has(kind="resuming", path="^/second/"),
            has_words('"moment": "before_train"'),
            lambda program, difference: not has_words('"moment": "trigger|"Put", "what": "[a-z]*"}')(program, difference),
        ),
    ),
    Class(
        "checkpoints of the run before",
        "did not count those of the run that it went on with",
        all_of(
            has("ModelSaver", kind="resuming", path="^/second/(files|checkpoints/model-\\d+.index)$"),
            lambda *both: both[1].ours == {"nothing": True} or other_files(removed=r"model-\d+\.")(*both),
        ),
    ),
    Class(
        "points of steps that are passed over",
        "a point that fell on another step was left out",
        all_of(
            has("PeriodicCallback", "EnableCallbackIf"), has_words('"step_based": true'), of_kind(*_TRAININGS), both_numbers
        ),
    ),
    Class(
        "queues of a run outside of steps",
        "waited for ever, and did not react",
        all_of(of_kind(*_TRAININGS), refused("waits for a")),
    ),
    Class("updates of asynchronous towers", "an operation for each variable", has("AsyncMultiGPUTrainer", path="train_op")),
    Class(
        "triggers behind EnableCallbackIf",
        "did not ask about `trigger`",
        all_of(
            has("EnableCallbackIf", "PeriodicCallback"),
            has("PeriodicTrigger"),
            of_kind(*_TRAININGS),
            lambda *both: both_numbers(*both) or has(path="/(events(/.*)?|files|stats|summaries|checkpoints/[^/]*)$")(*both),
        ),
    ),
    Class(
        "weights of MinSaver",
        "copied the latest checkpoint",
        all_of(
            has("MinSaver", "MaxSaver"),
            lambda *both: has(path="/checkpoints/best")(*both) or other_files("best", "best")(*both),
        ),
    ),
    Class(
        "powers of Adam",
        "several towers moved Adam's powers",
        all_of(
            of_kind("towers"),
            has_words('"optimizer": "Adam"'),
            lambda *both: (
                both_numbers(*both) or has(path="/beta[12]_power(:0)?$")(*both) or other_names("beta[12]_power")(*both)
            ),
        ),
    ),
    Class(
        "parts after a failure",
        "What failed in 0.11 may work",
        all_of(
            lambda *both: (
                has(path="^/(state|points|again)$", kind="augmentors")(*both)
                or has(path="^/exported$", kind="predicting")(*both)
                or has(path="^/(values|more)$", kind="restoring")(*both)
            ),
            one_has_nothing,
        ),
    ),
    Class(
        "JoinData of lists and dicts", "took the keys of the dicts", all_of(of_kind("flows"), refused("must all yield lists"))
    ),
    Class(
        "abandoned passes of FixedSizeData",
        "went on with an abandoned pass",
        has("FixedSizeData", kind="flows", path="^/passes"),
    ),
    Class("common keys of JoinData", "lost one of the components", all_of(of_kind("flows"), refused("different keys"))),
    Class("later passes of LMDB", "shuffled the order of the pass before", has("LMDBSerializer", path="^/load/2")),
]
