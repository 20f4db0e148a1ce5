"""Which curves stand in one picture, how they are smoothed, and which moment is the best: names and numbers only."""
from __future__ import annotations

import math
import re
from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence, Set

# Words before the name of a statistic, or after it, that say of which data it is.
_PARTS = {"train": "training", "training": "training", "val": "validation", "valid": "validation", "validation": "validation",
          "test": "validation", "eval": "validation"}
_LOWER_IS_BETTER = re.compile(r"(^|[^a-z])(error|err|loss|cost|cross_entropy|entropy|perplexity|mse|rmse|mae|wer|cer)", re.I)
_HIGHER_IS_BETTER = re.compile(
    r"(^|[^a-z])(accuracy|acc|precision|recall|f1|auc|ap\d*|map|iou|score|psnr|ssim|bleu)([^a-z]|$)", re.I)
_SETTINGS = re.compile(r"(^|[/_])(learning_rate|lr|momentum|weight_decay|keep_prob|dropout_rate)$")
_MAX_POINTS = 2000  # of a curve: no screen has more columns

# Told apart by those who do not see all colours (Okabe and Ito, 2008), without yellow, which is faint on white.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")


class Chart(NamedTuple):
    """Statistics that belong into one picture: {part of the data or "": name of the statistic}."""

    title: str
    names: Dict[str, str]


def charts_of(names: Iterable[str]) -> List[Chart]:
    """The pictures for these statistics: a statistic of training stands beside that of validation.

    >>> charts_of(["cost", "train_error", "validation_cost", "validation_error"])
    [Chart(title='cost', names={'training': 'cost', 'validation': 'validation_cost'}), \
Chart(title='error', names={'training': 'train_error', 'validation': 'validation_error'})]
    """
    groups: Dict[str, Dict[str, str]] = {}
    for name in sorted(names):
        title, part = _split(name)
        group = groups.setdefault(title, {})
        if part in group:  # `val_error` beside `test_error`
            part = name
        group[part] = name
    return [Chart(title, _named(group)) for title, group in sorted(groups.items())]


def _split(name: str) -> Sequence[str]:
    """What a statistic measures, and of which data: ("error", "validation") of "validation_error"."""
    words = re.split(r"[_/]", name)
    for word, rest in (words[0], name[len(words[0]) + 1:]), (words[-1], name[:-len(words[-1]) - 1]):
        if rest and word.lower() in _PARTS:
            return rest, _PARTS[word.lower()]
    return name, ""


def _named(group: Dict[str, str]) -> Dict[str, str]:
    """A statistic without a word is that of training, where there is one of validation beside it."""
    if "" in group and "validation" in group and "training" not in group:
        group["training"] = group.pop("")
    return {part: group[part] for part in sorted(group)}


def settings_of(names: Iterable[str], known: Set[str]) -> List[str]:
    """Those of the names that are hyper-parameters: known to have been set, or called like one."""
    return sorted(name for name in names if name in known or _SETTINGS.search(name))


def smooth(values: Sequence[float], weight: float) -> List[float]:
    """Exponential moving averages, free of the influence of their beginning; NaN where there is no value.

    Args:
        weight: of the average so far, from 0 (no smoothing) up to but not including 1.

    >>> smooth([4., 8., float("nan"), 8.], 0.5)
    [4.0, 6.666666666666667, nan, 7.428571428571429]
    """
    result, total, norm = [], 0., 0.
    for value in values:
        if math.isnan(value):
            result.append(value)
            continue
        total, norm = weight * total + (1 - weight) * value, weight * norm + (1 - weight)
        result.append(total / norm)
    return result


def direction(name: str, kept: Dict[str, str]) -> Optional[str]:
    """"maximum" or "minimum", whichever is the best of a statistic, or None where nobody can tell.

    Args:
        kept: the directions of those whose best model was kept.
    """
    if name in kept:
        return kept[name]
    is_lower, is_higher = bool(_LOWER_IS_BETTER.search(name)), bool(_HIGHER_IS_BETTER.search(name))
    return None if is_lower == is_higher else "minimum" if is_lower else "maximum"


def best_of(values: Sequence[float], which: Optional[str]) -> Optional[int]:
    """Where the first of the best values is, or None."""
    finite = [i for i, value in enumerate(values) if not math.isnan(value)]
    if which is None or not finite:
        return None
    return (min if which == "minimum" else max)(finite, key=lambda i: values[i])


def thinned(count: int, most: int = _MAX_POINTS) -> List[int]:
    """At most this many of `count` positions, evenly spaced, with the first and the last one.

    >>> thinned(5), thinned(9, 3)
    ([0, 1, 2, 3, 4], [0, 4, 8])
    """
    if count <= most:
        return list(range(count))
    return [i * (count - 1) // (most - 1) for i in range(most)]


def scale_of(values: Sequence[float]) -> str:
    """The scale on which a hyper-parameter is drawn: "log" where its values are far apart, else "linear".

    >>> scale_of([1e-1, 1e-3]), scale_of([0.9, 0.5]), scale_of([float("nan")])
    ('log', 'linear', 'linear')
    """
    finite = finite_of(values)
    return "log" if finite and min(finite) > 0 and max(finite) >= 10 * min(finite) else "linear"


def finite_of(values: Sequence[float]) -> List[float]:
    """The values without those that are not finite."""
    return [value for value in values if math.isfinite(value)]


def isolated_of(values: Sequence[float]) -> List[int]:
    """Where finite values are that no line shows, since those beside them are missing.

    >>> isolated_of([1., float("nan"), 3., 4., float("nan"), 6.]), isolated_of([1.])
    ([0, 5], [0])
    """
    is_finite = [False] + [math.isfinite(value) for value in values] + [False]
    return [i for i in range(len(values)) if is_finite[i:i + 3] == [False, True, False]]


def in_words(values: Sequence[float], best: Optional[str] = None) -> str:
    """What happened to a statistic, for those who do not see its curve.

    Args:
        values: one of them finite, at least.
        best: which is the best, in words.

    >>> in_words([2., float("nan"), 0.5], "0.5 in epoch 3")
    'from 2 to 0.5, best 0.5 in epoch 3'
    """
    finite = finite_of(values)
    return "from {:.5g} to {:.5g}".format(finite[0], finite[-1]) + (", best {}".format(best) if best else "")
