"""The first operation of a graph whose output differs between two runtimes, found by bisection."""
from __future__ import annotations

import time
from typing import Callable, Dict, List, Optional, Set

from ..graph_def import GraphEditor, input_op, is_control

_SOURCES = ("Const", "Placeholder", "PlaceholderV2", "PlaceholderWithDefault")
# Each trial converts and runs a part of the model, which takes seconds where it is large.
_MOST_TRIALS = 60
_MOST_SECONDS = 60.


def first_differing(editor: GraphEditor, output: str, differs: Callable[[str], Optional[bool]]) -> str:
    """The name of an operation whose output differs although none of its inputs does, as far as can be told.

    Args:
        editor: the graph.
        output: name of an operation whose output differs.
        differs: whether the output of an operation does; None if that cannot be found out.
    """
    search = _Search(editor, differs)
    worst = output
    while True:
        earlier = search.earlier_than(worst)
        if earlier is None:
            return worst
        worst = earlier


class _Search:
    def __init__(self, editor: GraphEditor, differs: Callable[[str], Optional[bool]]):
        self._editor = editor
        self._differs = differs
        self._known: Dict[str, Optional[bool]] = {}
        self._end = time.monotonic() + _MOST_SECONDS
        self._order = [node.name for node in editor.in_order()]
        self._fed = _depending_on_inputs(editor, self._order)

    def earlier_than(self, name: str) -> Optional[str]:
        """An operation that differs among those that `name` needs."""
        needed = self._editor.needed([name]) - {name}
        candidates = [each for each in self._order if each in needed and each in self._fed]
        while candidates:  # by halves; what does not differ says only that its own ancestors need not be looked at
            middle = len(candidates) // 2
            if self.is_different(candidates[middle]):
                return candidates[middle]
            candidates = candidates[middle + 1:]
        return next((each for each in self._direct_inputs(name) if self.is_different(each)), None)

    def is_different(self, name: str) -> bool:
        if name not in self._known:
            is_over = len(self._known) >= _MOST_TRIALS or time.monotonic() > self._end
            self._known[name] = None if is_over else self._differs(name)
        return bool(self._known[name])

    def _direct_inputs(self, name: str) -> List[str]:
        """Operations whose outputs `name` takes, through those that cannot be tried."""
        found: List[str] = []
        seen: Set[str] = set()
        todo = [name]
        while todo:
            for each in self._editor.nodes[todo.pop()].input:
                op = input_op(each)
                if op in self._fed and op not in seen and not is_control(each):
                    seen.add(op)
                    self.is_different(op)
                    (todo if self._known[op] is None else found).append(op)
        return found


def _depending_on_inputs(editor: GraphEditor, order: List[str]) -> Set[str]:
    """Operations, without the inputs themselves, whose values inputs decide."""
    reached = {name for name in order if editor.nodes[name].op in _SOURCES and editor.nodes[name].op != "Const"}
    sources = set(reached)
    for name in order:
        if any(input_op(each) in reached for each in editor.nodes[name].input):
            reached.add(name)
    return reached - sources
