"""Which stored value belongs to which graph variable, and how to say what did not fit. Names only, no TensorFlow."""
from __future__ import annotations

import re
from typing import Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from ...utils import logger
from .names import op_name

# The part of a partitioned variable, or of one of its slots, where each part was stored as a variable of its own.
_PART = re.compile(r"(.+)/part_(\d+)(/.+)?$")

_TRAINING_SUFFIX = ("/Adam", "/Adam_1", "/Momentum", "/Adadelta", "/Adadelta_1", "/RMSProp", "/RMSProp_1", "/Adagrad",
                    "/AccumGrad")
_TRAINING_PREFIX = ("AccumGrad", "apply_gradients", "EMA/")

# Adam's power accumulators, and the scopes where trainers of earlier releases left them.
_ADAM_POWER = re.compile(r"(^|/)beta[12]_power(_\d+)?$")
_FORMER_SCOPES = ("apply_gradients/", "async_apply_gradients/", "AccumGradOptimizer/cond/")

_COUNTERS = ("global_step", "learning_rate")

# Names of one top-level scope are listed up to this many; a group of more is abbreviated.
_GROUP_LIMIT = 6


def is_training_name(name: str) -> bool:
    """Whether the variable (with or without `:0`) matters in training only: a slot, a moving summary, an accumulator."""
    name = op_name(name)
    return name.endswith(_TRAINING_SUFFIX) or name.startswith(_TRAINING_PREFIX) or "/EMA/" in name


def known_of_training(names: Iterable[str]) -> Set[str]:
    """Those of the stored names that matter in training only: what `is_training_name` knows, Adam's powers, the global step,
    the learning rate, and slots of any optimizer, which are variables below another one."""
    names = set(names)
    return {name for name in names if is_training_name(name) or _ADAM_POWER.search(name) or name in _COUNTERS
            or name.rpartition("/")[0] in names}


def likely_of_training(shapes: Mapping[str, Sequence[int]]) -> Set[str]:
    """`known_of_training`, and all single numbers outside of scopes, which are hyper-parameters and counters of somebody."""
    return known_of_training(shapes).union(name for name, shape in shapes.items() if "/" not in name and not len(shape))


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

    pairs: List[Tuple[str, str]]  # (graph variable, stored name or a key of `parts`), in graph order
    missing: List[str]  # graph variables without a stored value, in graph order
    unused: List[str]  # stored names that no variable takes, sorted; ignored ones included
    ignored: List[str]  # graph variables that were left out because of `ignore`
    parts: Mapping[str, List[str]]  # {name of a partitioned variable: stored names of its parts in order}


def match_names(variables: Sequence[str], stored: Iterable[str], prefix: Optional[str] = None,
                ignore: Iterable[str] = (), may_share: bool = False) -> Matching:
    """Match graph variables with stored values by exact name; a variable may also be stored in parts, `<name>/part_0`, ...

    Args:
        variables: names of graph variables.
        stored: names of stored values.
        prefix: variables in this scope are looked up without it.
        ignore: stored names that are not used.
        may_share: let variables in the scope `prefix`, and their namesakes outside of it, take the same values.

    Raises:
        ValueError: two variables map to one stored name, and may not.
    """
    names = [op_name(name) for name in stored]
    parts = stored_parts(names)
    available = set(names).union(parts)
    refused = {op_name(name) for name in ignore}
    taken: Dict[str, str] = {}
    wanted = [(op_name(name), get_savename_from_varname(op_name(name), prefix)) for name in variables]
    for variable, key in wanted:
        if key in available and key not in refused:
            if key in taken and not may_share:
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
    used = {name for _, key in found for name in parts.get(key, [key])}
    unused = sorted(set(names) - used)
    return Matching(found, missing, unused, ignored, {key: parts[key] for _, key in found if key in parts})


def stored_parts(names: Iterable[str]) -> Dict[str, List[str]]:
    """{name of the whole: names of its parts in order}, for wholes that are not among the names themselves."""
    names = set(names)
    numbered: Dict[str, Dict[int, str]] = {}
    for name in names:
        match = _PART.match(name)
        if match:
            numbered.setdefault(match.group(1) + (match.group(3) or ""), {})[int(match.group(2))] = name
    return {whole: [parts[i] for i in range(len(parts))] for whole, parts in numbered.items()
            if whole not in names and sorted(parts) == list(range(len(parts)))}


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


def log_difference(names: Sequence[str], exists: str, nonexists: str) -> None:
    """A warning with names that one side has and the other lacks, if there are any."""
    mismatch = MismatchLogger(exists, nonexists)
    for name in names:
        mismatch.add(name)
    mismatch.log()
