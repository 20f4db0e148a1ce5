"""Which stored value belongs to which graph variable, and how to say what did not fit. Names only, no TensorFlow."""
from __future__ import annotations

import re
from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from ...utils import logger
from .names import op_name

_TRAINING_SUFFIX = ("/Adam", "/Adam_1", "/Momentum", "/Adadelta", "/Adadelta_1", "/RMSProp", "/RMSProp_1", "/Adagrad",
                    "/AccumGrad")
_TRAINING_PREFIX = ("AccumGrad", "apply_gradients", "EMA/")

# Adam's power accumulators, and the scopes where trainers of earlier releases left them.
_ADAM_POWER = re.compile(r"(^|/)beta[12]_power(_\d+)?$")
_FORMER_SCOPES = ("apply_gradients/", "async_apply_gradients/", "AccumGradOptimizer/cond/")

# Names of one top-level scope are listed up to this many; a group of more is abbreviated.
_GROUP_LIMIT = 6


def is_training_name(name: str) -> bool:
    """Whether the variable (with or without `:0`) matters in training only: a slot, a moving summary, an accumulator."""
    name = op_name(name)
    return name.endswith(_TRAINING_SUFFIX) or name.startswith(_TRAINING_PREFIX) or "/EMA/" in name


def get_savename_from_varname(varname: str, varname_prefix: Optional[str] = None,
                              savename_prefix: Optional[str] = None) -> str:
    """The name under which a graph variable is stored: without the scope `varname_prefix`, within `savename_prefix`."""
    if varname_prefix:
        scope = varname_prefix.rstrip("/") + "/"
        if varname.startswith(scope):
            varname = varname[len(scope):]
    return savename_prefix + "/" + varname if savename_prefix else varname


class Matching(NamedTuple):
    """Result of `match_names`; all names are without `:0`."""

    pairs: List[Tuple[str, str]]  # (graph variable, stored name), in graph order
    missing: List[str]  # graph variables without a stored value, in graph order
    unused: List[str]  # stored names that no variable takes, sorted; ignored ones included
    ignored: List[str]  # graph variables that were left out because of `ignore`


def match_names(variables: Sequence[str], stored: Iterable[str], prefix: Optional[str] = None,
                ignore: Iterable[str] = ()) -> Matching:
    """Match graph variables with stored values by exact name.

    Args:
        variables: names of graph variables.
        stored: names of stored values.
        prefix: variables in this scope are looked up without it.
        ignore: stored names that are not used.

    Raises:
        ValueError: two variables map to one stored name.
    """
    available = {op_name(name) for name in stored}
    refused = {op_name(name) for name in ignore}
    taken: Dict[str, str] = {}
    wanted = [(op_name(name), get_savename_from_varname(op_name(name), prefix)) for name in variables]
    for variable, key in wanted:
        if key in available and key not in refused:
            if key in taken:
                raise ValueError("prefix={!r}: each stored value must go to one variable; both {!r} and {!r} want {!r}; "
                                 "rename one of them".format(prefix, taken[key], variable, key))
            taken[key] = variable
    found: List[Tuple[str, str]] = []
    missing: List[str] = []
    ignored: List[str] = []
    for variable, key in wanted:
        former = None if key in available else _former_name(key, available - set(taken) - refused)
        if key in refused:
            ignored.append(variable)
        elif key in available:
            found.append((variable, key))
        elif former:
            found.append((variable, former))
        else:
            missing.append(variable)
    return Matching(found, missing, sorted(available - {key for _, key in found}), ignored)


def _former_name(key: str, available: Iterable[str]) -> Optional[str]:
    if not _ADAM_POWER.search(key):
        return None
    return next((scope + key for scope in _FORMER_SCOPES if scope + key in available), None)


def grouped(names: Sequence[str]) -> str:
    """The names joined by commas; of a top-level scope with many of them only the number and the first three are told."""
    groups: Dict[str, List[str]] = {}
    for name in names:
        groups.setdefault(name.split("/")[0], []).append(name)
    parts = []
    for scope, members in groups.items():
        if len(members) <= _GROUP_LIMIT:
            parts.extend(members)
        else:
            parts.append("{}/* ({} variables: {}, ...)".format(scope, len(members), ", ".join(members[:3])))
    return ", ".join(parts)


class MismatchLogger:
    """Collects names that exist on one side only and logs them as one warning.

    Args:
        exists: words for the side that has the names.
        nonexists: words for the side that lacks them.
    """

    def __init__(self, exists: str, nonexists: str):
        self._exists = exists
        self._nonexists = nonexists
        self._names: List[str] = []

    def add(self, name: str) -> None:
        """Note a variable name, with or without `:0`."""
        self._names.append(op_name(name))

    def log(self) -> None:
        """Log the names as one warning, if there are any."""
        if self._names:
            logger.warning("The following variables are in the %s, but not found in the %s: %s",
                           self._exists, self._nonexists, grouped(self._names))


def log_matching(matching: Matching, source: str, loaded: int, quiet_training: bool) -> None:
    """Log one line "loaded n, missing k, unused m" and a warning per side that names what the other side lacks.

    Args:
        matching: what was matched.
        source: words for where values come from, such as "checkpoint /path/model-30".
        loaded: how many variables were assigned; matched ones may have been skipped.
        quiet_training: leave out names that matter in training only (`is_training_name`).
    """
    def relevant(names: Sequence[str]) -> List[str]:
        return [name for name in names if not (quiet_training and is_training_name(name))]

    missing, unused = relevant(matching.missing), relevant(matching.unused)
    for name in matching.ignored:
        logger.info("Variable %s is ignored when loading the %s.", name, source)
    for names, exists, nonexists in [(missing, "graph", source), (unused, source, "graph")]:
        mismatch = MismatchLogger(exists, nonexists)
        for name in names:
            mismatch.add(name)
        mismatch.log()
    logger.info("From the %s: loaded %d, missing %d, unused %d variables%s.", source, loaded, len(missing), len(unused),
                "; missing ones keep their initial values" if missing else "")
