"""What a set of stored values does to the variables of a graph: who gets what, what is an error, and what is told."""
from __future__ import annotations

import re
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

import numpy as np

from ...compat import tfv1 as tf
from ...utils import logger
from ...utils._text.counted import counted
from .assigning import Misfit, SessionUpdate, misfit_of
from .matching import is_training_name, known_of_training, likely_of_training, log_difference, match_names
from .names import NamePatterns, nearest_names, nearest_to_pattern, op_name, some
from .variables import WholeVariable, global_variables, joined_parts, weights

_GLOBAL_STEP = "global_step"
_LEARNING_RATE = "learning_rate"
_NAMES_IN_ERROR = 5


class StoredValues(NamedTuple):
    """Named arrays that are read one by one; names are without `:0`."""

    words: str  # where they are, such as "checkpoint /path/model-30"
    shapes: Mapping[str, Sequence[int]]
    get: Callable[[str], Any]
    if_scopes_differ: str  # what to try, for errors


class RestoreOptions(NamedTuple):
    """How to restore; the arguments of `SmartInit` and of what it makes."""

    prefix: Optional[str] = None
    ignore: Sequence[str] = ()
    ignore_mismatch: bool = False
    weights_only: bool = False
    may_miss: NamePatterns = NamePatterns("allow_missing")  # variables that may keep their initial values
    goes_on: bool = False  # whether this is the training that saved the values


class NoMatch(ValueError):
    """No variable of a graph gets a stored value, or none that matters.

    Attributes:
        facts: what there is, without advice.
    """

    def __init__(self, who: str, facts: str, advice: str):
        super().__init__("{}: {}; {}".format(who, facts, advice))
        self.facts = facts


class Restoration:
    """The stored values that the GLOBAL variables of a graph take.

    Args:
        who: the class to name in errors.

    Raises:
        NoMatch: nothing matches, or nothing but counters and optimizer state, and that is not allowed.
    """

    def __init__(self, who: str, stored: StoredValues, options: RestoreOptions, graph: tf.Graph):
        self._stored = stored
        self._options = options
        self.variables = global_variables(graph)
        self._weights = set(weights(graph))
        self._wanted = self._weights if options.weights_only else set(self.variables)
        self._matching = match_names(list(self.variables), stored.shapes, options.prefix, options.ignore,
                                     may_share=options.ignore_mismatch)
        self.pairs = [pair for pair in self._matching.pairs if pair[0] in self._wanted]
        if self._nothing_matches() and not options.ignore_mismatch and not self._all_may_miss():
            raise NoMatch(who, self._no_match(), "compare the names; {} if they differ by a scope, or pass allow_missing=True "
                          "to go on".format(stored.if_scopes_differ))

    @property
    def unused(self) -> List[str]:
        """The stored names that no variable takes, sorted."""
        return self._matching.unused

    def left(self, names: Sequence[str]) -> List[str]:
        """Those of the variables that keep their values although nobody has allowed it."""
        settled = {name for name, _ in self.pairs}.union(self._matching.ignored).difference(self.misfits(names))
        return [name for name in names if name not in settled and name not in self._options.may_miss]

    def misfits(self, names: Sequence[str]) -> Dict[str, str]:
        """Those of the variables whose values are left out because they do not fit, and why."""
        unfit = self._unfit(names) if self._options.ignore_mismatch else {}
        return {name: words.partition(": ")[2] for name, words in unfit.items()}

    def _unfit(self, names: Iterable[str]) -> Dict[str, str]:
        chosen = set(names)
        pairs = [(name, key) for name, key in self.pairs if name in chosen]
        errors = {name: misfit_of(self._value(key, self.variables[name]), self.variables[name]) for name, key in pairs}
        return {name: str(error) for name, error in errors.items() if error is not None}

    def run(self, sess: tf.Session) -> None:
        """Assign the values in this session.

        Raises:
            Misfit: values do not fit; it names all of them.
        """
        self._tell_learning_rate(sess)
        variables = [variable for whole in self.variables.values() for variable in whole.parts]
        update = SessionUpdate(sess, variables, ignore_mismatch=self._options.ignore_mismatch)
        try:
            loaded = update.assign(self._values())
        except Misfit as e:
            raise Misfit.like(e, self._all_unfit()) from None
        self._log(loaded)

    def _all_unfit(self) -> str:
        unfit = self._unfit(self.variables)
        shown = [unfit[name] for name in sorted(unfit)[:_NAMES_IN_ERROR]]
        more = len(unfit) - len(shown)
        return "{} of {} values in the {} do not fit: {}{}".format(
            len(unfit), len(self.pairs), self._stored.words, "; ".join(shown), "; and {} more".format(more) if more else "")

    def _values(self) -> Iterator[Tuple[WholeVariable, Any]]:
        for name, key in self.pairs:
            whole = self.variables[name]
            yield whole, self._value(key, whole)

    def _value(self, key: str, whole: WholeVariable) -> Any:
        parts = self._matching.parts.get(key)
        if parts is None:
            return self._stored.get(key)
        return joined_parts([np.asarray(self._stored.get(part)) for part in parts], whole.shape)

    def _nothing_matches(self) -> bool:
        """Whether no value goes to a variable, or only what matters in training, while values of a model are left over."""
        of_training = known_of_training(self._stored.shapes)
        ignored = set(map(op_name, self._options.ignore))
        return all(key in of_training for _, key in self.pairs) and (
            not self.pairs or any(name not in of_training and name not in ignored for name in self.unused))

    def _all_may_miss(self) -> bool:
        return bool(self._wanted) and all(name in self._options.may_miss for name in self._wanted)

    def _no_match(self) -> str:
        # weights before counters and slots
        wanted = sorted(self._wanted, key=lambda name: (is_training_name(name) or "/" not in name, name))
        stored = sorted(self._stored.shapes)
        matched = [name for name, _ in self.pairs]
        near = [(name, nearest_names(name, stored, 1)) for name in wanted[:3] if name not in matched]
        text = "at least one {} of the graph must be in the {}; got no match{}; the graph has {}: {}; the {} has {}: {}{}"
        return text.format(
            "trainable or model variable" if self._options.weights_only else "variable", self._stored.words,
            " but " + some(matched, 3) if matched else "", counted(len(wanted), "variable"), some(wanted, 3),
            self._stored.words.split(" ")[0], len(stored), some(stored, 3),
            "".join("; nearest to {!r} is {!r}".format(name, found[0]) for name, found in near if found))

    # ---- what is told

    def _is_for_training(self) -> bool:
        return _GLOBAL_STEP in self.variables

    def _tell_learning_rate(self, sess: tf.Session) -> None:
        """A training that begins with a stored rate, not with the one in the script, surprises."""
        if not self._is_for_training():
            return
        for name, key in self.pairs:
            if name.rpartition("/")[2] == _LEARNING_RATE and self.variables[name].shape.ndims == 0:
                stored = self._value(key, self.variables[name])
                before = _value_before(sess, self.variables[name])
                if before is None or not np.isclose(stored, before, rtol=1e-6, atol=0):
                    source = self._stored.words + ("" if before is None else " and overwrites {:.7g}".format(before))
                    if self._options.goes_on:
                        logger.info("The learning rate %s comes from the %s, as the training goes on where it was; a "
                                    "HyperParamSetter in the callbacks may still change it.", stored, source)
                    else:
                        self._tell_where_from(name, stored, source)

    def _tell_where_from(self, name: str, rate: Any, source: str) -> None:
        if self._options.weights_only:
            logger.warning("The learning rate %s comes from the %s, in spite of weights_only=True: variable %s is trainable, "
                           "as weights are; make it with trainable=False.", rate, source, name)
        else:
            logger.info("The learning rate %s comes from the %s; to load the weights alone, for a new training, pass "
                        "weights_only=True.", rate, source)

    def _log(self, loaded: int) -> None:
        options, matching, words = self._options, self._matching, self._stored.words
        wanted = [name for name in matching.missing if name in self._wanted]
        of_training = self._of_training_in_graph()
        missing = [name for name in wanted if name not in of_training]
        no_news = self._no_news_in_file()
        unused = [name for name in matching.unused if name not in no_news and name not in matching.ignored]
        for name in matching.ignored:
            logger.info("Variable %s is ignored when loading the %s.", name, words)
        self._warn_of_ignored_nothing()
        self._warn_of_unknown_prefix()
        allowed = [name for name in missing if name in options.may_miss]
        if allowed:
            logger.info("Not in the %s, as allowed: %s.", words, some(allowed, 10))
        log_difference([name for name in missing if name not in allowed], "graph", words)
        log_difference(unused, words, "graph")
        self._log_of_training([name for name in wanted if name in of_training])
        if options.weights_only:
            self._log_left_out()
        unfit = len(self.pairs) - loaded
        logger.info("From the %s: loaded %d, missing %d, unused %d variables%s%s.", words, loaded, len(missing), len(unused),
                    "; left as they are, since values do not fit: {}".format(unfit) if unfit else "",
                    "; missing ones keep their initial values" if missing else "")

    def _warn_of_ignored_nothing(self) -> None:
        """What was meant to be ignored, but is neither in the file nor in the graph, is loaded under its right name."""
        stored = sorted(map(op_name, self._stored.shapes))
        known = set(stored).union(self._matching.parts, self.variables)
        for name in sorted(set(map(op_name, self._options.ignore)).difference(known)):
            near = nearest_to_pattern(name, stored, 4)
            logger.warning("ignore=[%r] ignores nothing: the %s has no such name%s; ignore takes whole names, neither scopes "
                           "nor patterns.", name, self._stored.words,
                           "; did you mean {}?".format(some(near, 3)) if near else "")

    def _warn_of_unknown_prefix(self) -> None:
        """Then each variable is looked up under its own name, which may be there as well."""
        scope = (self._options.prefix or "").rstrip("/")
        if scope and not any(name.startswith(scope + "/") for name in self.variables):
            scopes = {name[:slash.start()] for name in self.variables for slash in re.finditer("/", name)}
            near = nearest_names(scope, scopes, 3) or sorted(each for each in scopes if "/" not in each)
            logger.warning("prefix=%r changes nothing: no variable of the graph is in a scope of that name; %s.",
                           self._options.prefix, "did you mean {}?".format(some(near, 3)) if near else "there is no scope")

    def _log_of_training(self, missing: Sequence[str]) -> None:
        new, former = self._slots(missing), self._slots(self._matching.unused)
        if new and former and self._options.goes_on:
            logger.warning("The optimizer seems to be another one, whose state begins anew: not in the %s: %s, such as %s; not "
                           "in the graph: %s, such as %s.", self._stored.words, counted(len(new), "variable"), some(new, 3),
                           counted(len(former), "variable"), some(former, 3))
        elif missing:
            logger.info("Not in the %s, and only training needs them: %s, such as %s.", self._stored.words,
                        counted(len(missing), "variable"), some(missing, 3))

    def _slots(self, names: Sequence[str]) -> List[str]:
        """Those that belong to a variable which is loaded."""
        loaded = {name for name, _ in self.pairs}
        return [name for name in names if is_training_name(name) and name.rpartition("/")[0] in loaded]

    def _of_training_in_graph(self) -> Set[str]:
        """Variables that are no news if they are missing, as training makes them anew. One that goes on needs nearly all."""
        slots = set(filter(is_training_name, self.variables))
        return slots if self._options.goes_on else slots.union(known_of_training(self.variables).difference(self._weights))

    def _no_news_in_file(self) -> Set[str]:
        if not self._is_for_training():
            return likely_of_training(self._stored.shapes)
        if self._options.goes_on:
            return set(filter(is_training_name, self._stored.shapes))
        return known_of_training(self._stored.shapes)

    def _log_left_out(self) -> None:
        left_out = [pair for pair in self._matching.pairs if pair[0] not in self._wanted]
        of_training = likely_of_training(self._stored.shapes)
        strange = [name for name, key in left_out if key not in of_training]
        if strange:
            logger.warning("weights_only=True leaves out what is neither a trainable nor a model variable; it looks as if the "
                           "model needed these: %s; add them to tf.GraphKeys.MODEL_VARIABLES.", some(strange, 10))
        logger.info("Left out of the %s, since only training needs it: %s.", self._stored.words,
                    counted(len(left_out) - len(strange), "variable"))


def _value_before(sess: tf.Session, whole: WholeVariable) -> Optional[float]:
    try:
        return float(sess.run(whole.parts[0]))
    except tf.errors.FailedPreconditionError:  # it has no value yet
        return None
