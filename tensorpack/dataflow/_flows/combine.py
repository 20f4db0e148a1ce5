"""Flows that join several flows into one: one after the other, side by side, or at random."""
from __future__ import annotations

import math
from itertools import chain
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple, Union

import numpy as np

from ...utils import logger
from ...utils._text.spec import describe
from ..base import DataFlow, RNGDataFlow, known_length, never_ends, require_flow_like, reset_each_once, shuffles
from .below import flows_below


def _flows(flows: Sequence[Any], owner: DataFlow, allow_pairs: bool = False) -> List[Any]:
    """The flows as a list; each may be the first of a pair."""
    who = type(owner).__name__
    if isinstance(flows, DataFlow):
        raise TypeError("{}: df_lists must be a list of flows; got one {}; write [flow, other_flow]".format(
            who, type(flows).__name__))
    flows = list(flows)
    for item in flows:
        is_pair = allow_pairs and isinstance(item, (tuple, list)) and len(item) > 0
        require_flow_like(who, "each of df_lists", item[0] if is_pair else item)
    return flows


def _nonempty(flows: Sequence[Any], owner: DataFlow, allow_pairs: bool = False) -> List[Any]:
    flows = _flows(flows, owner, allow_pairs)
    if not flows:
        raise ValueError("{}: df_lists must hold at least one DataFlow; got an empty list".format(type(owner).__name__))
    return flows


class RandomChooseData(RNGDataFlow):
    """Takes each datapoint from a flow chosen at random; the pass ends when the chosen one is exhausted. No length.

    Args:
        df_lists: list of flows, chosen with equal probability, or of pairs `(flow, probability)` that sum to 1.
    """

    def __init__(self, df_lists: Sequence[Union[DataFlow, Tuple[DataFlow, float]]]):
        self.df_lists = _nonempty(df_lists, self, allow_pairs=True)
        pairs = [item for item in self.df_lists if isinstance(item, (tuple, list))]
        if pairs and (len(pairs) < len(self.df_lists) or any(len(pair) != 2 for pair in pairs)):
            raise ValueError("RandomChooseData: df_lists must hold flows only, or pairs (flow, probability) only; "
                             "got {}".format(describe(self.df_lists)))
        if pairs:
            self._flows = [flow for flow, _ in pairs]
            self._probabilities = self._normalized([probability for _, probability in pairs])
        else:
            self._flows = self.df_lists
            self._probabilities = np.full(len(self._flows), 1.0 / len(self._flows))

    @staticmethod
    def _normalized(probabilities: Sequence[float]) -> np.ndarray:
        total = math.fsum(probabilities)
        if min(probabilities) < 0 or not abs(total - 1) < 1e-6:
            raise ValueError("RandomChooseData: probabilities must not be negative and must sum to 1; got {}, sum {}".format(
                list(probabilities), total))
        return np.asarray(probabilities, dtype="float64") / total

    def reset_state(self) -> None:
        super().reset_state()
        reset_each_once(self._flows)

    def __iter__(self) -> Iterator[Any]:
        rng = self.rng
        iterators = [iter(flow) for flow in self._flows]
        while True:
            chosen = iterators[rng.choice(len(iterators), p=self._probabilities)]
            try:
                dp = next(chosen)
            except StopIteration:
                return
            yield dp

    def _never_ends(self) -> bool:
        return all(never_ends(flow) for flow in self._flows)

    def _not_each_once(self) -> Optional[str]:
        if len(self._flows) == 1:
            return None
        return "ends with the first of {} flows that has no more, whatever the others have left; use RandomMixData".format(
            len(self._flows))


class RandomMixData(RNGDataFlow):
    """Mixes all datapoints of several flows in random order, each flow in its own order. `len` is the sum.

    Args:
        df_lists: flows with exact lengths.

    Raises:
        NotImplementedError: a flow has no length.
        RuntimeError: during iteration, when a flow ends before its length is reached.
    """

    def __init__(self, df_lists: Sequence[DataFlow]):
        self.df_lists = _nonempty(df_lists, self)
        self.sizes = [len(flow) for flow in self.df_lists]

    def reset_state(self) -> None:
        super().reset_state()
        reset_each_once(self.df_lists)

    def __len__(self) -> int:
        return sum(self.sizes)

    def __iter__(self) -> Iterator[Any]:
        ends = np.cumsum(self.sizes)
        owners = np.searchsorted(ends, self.rng.permutation(len(self)), side="right").tolist()
        iterators = [iter(flow) for flow in self.df_lists]
        for owner in owners:
            try:
                dp = next(iterators[owner])
            except StopIteration:
                raise RuntimeError(
                    "RandomMixData: flows must have exact lengths; flow {}, {}, ended before its {} datapoints; wrap it with "
                    "FixedSizeData".format(owner, type(self.df_lists[owner]).__name__, self.sizes[owner])) from None
            yield dp


class ConcatData(DataFlow):
    """Yields the datapoints of several flows, one flow after the other. `len` is the sum.

    Args:
        df_lists: list of flows.
    """

    def __init__(self, df_lists: Sequence[DataFlow]):
        self.df_lists = _flows(df_lists, self)

    def reset_state(self) -> None:
        reset_each_once(self.df_lists)

    def __len__(self) -> int:
        return sum(len(flow) for flow in self.df_lists)

    def __iter__(self) -> Iterator[Any]:
        for flow in self.df_lists:
            yield from flow

    def _never_ends(self) -> bool:
        return any(never_ends(flow) for flow in self.df_lists)


class JoinData(DataFlow):
    """Joins the datapoints of several flows side by side; a pass ends with the shortest. `len` is the minimum.

    Lists and tuples are concatenated into one list; dicts are merged. Different or unknown lengths are logged at construction.

    Args:
        df_lists: list of flows, all with list or tuple datapoints, or all with dicts. A flow may appear twice and is then
            iterated twice.

    Raises:
        TypeError: during iteration, the datapoints are of different kinds.
        ValueError: during iteration, two flows have a key in common.
    """

    def __init__(self, df_lists: Sequence[DataFlow]):
        self.df_lists = _nonempty(df_lists, self)
        lengths = [known_length(flow) for flow in self.df_lists]
        if None in lengths or len(set(lengths)) > 1:
            logger.warning("[JoinData] Size check failed for the list of dataflow to be joined! Lengths: %s", lengths)
        else:  # of one length: they are likely to be the parts of the same datapoints
            flows = {id(flow): flow for flow in self.df_lists}.values()
            shuffled = [flow for flow in flows if any(map(shuffles, flows_below(flow)))]
            if len(shuffled) > 1:
                logger.warning("[JoinData] %s are shuffled, each on its own, so that what is joined does not belong together. "
                               "To keep pairs, make these flows with shuffle=False and shuffle what is joined.",
                               " and ".join(map(repr, shuffled)))

    def reset_state(self) -> None:
        reset_each_once(self.df_lists)

    def __len__(self) -> int:
        return min(len(flow) for flow in self.df_lists)

    def __iter__(self) -> Iterator[Any]:
        for datapoints in zip(*self.df_lists):
            if all(isinstance(dp, dict) for dp in datapoints):
                yield _merged(datapoints)
            elif all(isinstance(dp, (list, tuple)) for dp in datapoints):
                yield list(chain.from_iterable(datapoints))
            else:
                raise TypeError("JoinData: the flows must all yield lists or tuples, or all yield dicts; got {}".format(
                    ", ".join(describe(dp) for dp in datapoints)))

    def _never_ends(self) -> bool:
        return all(never_ends(flow) for flow in self.df_lists)

    def _not_each_once(self) -> Optional[str]:
        lengths = [length for length in map(known_length, self.df_lists) if length is not None]
        if len(lengths) < len(self.df_lists) or len(set(lengths)) == 1:
            return None
        return "has {} datapoints in a pass, though its flows have {}; join flows of one length".format(
            min(lengths), ", ".join(map(str, lengths)))


def _merged(datapoints: Sequence[Dict[Any, Any]]) -> Dict[Any, Any]:
    merged: Dict[Any, Any] = {}
    for dp in datapoints:
        merged.update(dp)
    if len(merged) < sum(map(len, datapoints)):
        keys = [key for key in merged if sum(key in dp for dp in datapoints) > 1]
        raise ValueError("JoinData: dict datapoints must have different keys, else a component is lost; got {} in more "
                         "than one of them; rename or remove it before, by MapData".format(", ".join(map(repr, keys))))
    return merged
