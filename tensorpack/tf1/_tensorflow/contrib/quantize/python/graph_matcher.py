"""Find operations by their types and those of their inputs: `tf.contrib.quantize.python.graph_matcher`.

A pattern matches an operation together with the operations that its inputs come from.
"""
from __future__ import annotations

import abc
import itertools
from typing import Any, Dict, Iterable, Iterator, Optional, Sequence, Tuple, Union

__all__ = ["GraphMatcher", "MatchResult", "OneofPattern", "OpTypePattern", "Pattern"]


class Pattern(abc.ABC):
    """What an operation may match."""

    name: Optional[str] = None

    @abc.abstractmethod
    def match(self, op: Any, tensor: Any) -> Optional[MatchResult]:
        """The match of an operation and that of its outputs by which it was reached (None for the first), or None."""


class OpTypePattern(Pattern):
    """Operations of a type, whose inputs match.

    Args:
        op_type: such as `Conv2D`, several as `Conv2D|MatMul`, or `*` for any.
        name: by which a match gives the operation.
        inputs: pattern or type of each input; none to take any inputs.
        ordered_inputs: False if they may come in any order.

    Raises:
        ValueError: more than 8 inputs.
    """

    def __init__(self, op_type: str, name: Optional[str] = None, inputs: Optional[Sequence[Union[Pattern, str]]] = None,
                 ordered_inputs: bool = True):
        inputs = inputs or []
        if len(inputs) > 8:
            raise ValueError("OpTypePattern: inputs must be 8 at most; got {}".format(len(inputs)))
        self._types = None if op_type == "*" else op_type.split("|")
        self._name = name
        self._inputs = [each if isinstance(each, Pattern) else OpTypePattern(each) for each in inputs]
        self._ordered_inputs = ordered_inputs

    @property
    def name(self) -> Optional[str]:  # type: ignore[override]  # read only, as in TensorFlow
        return self._name

    def match(self, op: Any, tensor: Any) -> Optional[MatchResult]:
        if self._types is not None and op.type not in self._types:
            return None
        if self._inputs and len(op.inputs) != len(self._inputs):
            return None
        orders: Iterable[Sequence[Pattern]] = [self._inputs] if self._ordered_inputs else itertools.permutations(self._inputs)
        for patterns in orders:
            result = MatchResult()
            result.add(self, op, tensor)
            if all(_match_into(result, pattern, each) for pattern, each in zip(patterns, op.inputs)):
                return result
        return None


def _match_into(result: MatchResult, pattern: Pattern, tensor: Any) -> bool:
    found = pattern.match(tensor.op, tensor)
    if found is not None:
        result.merge_from(found)
    return found is not None


class OneofPattern(Pattern):
    """The first of several patterns that matches."""

    def __init__(self, sub_patterns: Sequence[Pattern]):
        self._sub_patterns = sub_patterns

    def match(self, op: Any, tensor: Any) -> Optional[MatchResult]:
        matches = (pattern.match(op, tensor) for pattern in self._sub_patterns)
        return next((match for match in matches if match is not None), None)


class MatchResult:
    """The operation and tensor that each pattern has matched."""

    def __init__(self) -> None:
        self._found: Dict[Pattern, Tuple[Any, Any]] = {}
        self._by_name: Dict[str, Pattern] = {}

    def add(self, pattern: Pattern, op: Any, tensor: Any) -> None:
        """Note what a pattern has matched.

        Raises:
            ValueError: another pattern has its name.
        """
        self._found[pattern] = op, tensor
        if pattern.name is not None:
            if pattern.name in self._by_name:
                raise ValueError("MatchResult: name {} is already bound to another pattern".format(pattern.name))
            self._by_name[pattern.name] = pattern

    def _get(self, pattern_or_name: Union[Pattern, str]) -> Tuple[Any, Any]:
        if not isinstance(pattern_or_name, (Pattern, str)):
            raise ValueError("MatchResult: pattern_or_name must be a Pattern or str; got {!r}".format(pattern_or_name))
        pattern = self._by_name.get(pattern_or_name) if isinstance(pattern_or_name, str) else pattern_or_name
        return (None, None) if pattern is None else self._found.get(pattern, (None, None))

    def get_op(self, pattern_or_name: Union[Pattern, str]) -> Any:
        """The operation that a pattern has matched, or None."""
        return self._get(pattern_or_name)[0]

    def get_tensor(self, pattern_or_name: Union[Pattern, str]) -> Any:
        """The output of the operation by which it was reached, or None."""
        return self._get(pattern_or_name)[1]

    def merge_from(self, other_match_result: MatchResult) -> None:
        """Add all of another match."""
        self._found.update(other_match_result._found)
        self._by_name.update(other_match_result._by_name)


class GraphMatcher:
    """Finds the operations that match a pattern."""

    def __init__(self, pattern: Pattern):
        self._pattern = pattern

    def match_op(self, op: Any) -> Optional[MatchResult]:
        """The match of this operation, or None."""
        return self._pattern.match(op, None)

    def match_ops(self, ops: Iterable[Any]) -> Iterator[MatchResult]:
        """The matches among these operations."""
        return (match for match in map(self.match_op, ops) if match is not None)

    def match_graph(self, graph: Any) -> Iterator[MatchResult]:
        """The matches among all operations of a graph."""
        return self.match_ops(graph.get_operations())
