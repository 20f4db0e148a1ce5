"""Shows what the datapoints of a flow look like."""
from __future__ import annotations

from typing import Any, Iterator, List, Optional, Tuple

import numpy as np

from ...utils import logger
from ...utils._arguments.numbers import whole_number
from ...utils._text.colour import colored
from ..base import DataFlow, ProxyDataFlow

_PRINTED_BY_VALUE: Tuple[type, ...] = (bool, int, float, str, bytes, np.generic)


class PrintData(ProxyDataFlow):
    """Passes datapoints through unchanged and prints type, dtype, shape and range of the components of the first ones.

    `reset_state()` starts the count again.

    Args:
        ds: the flow to look at.
        num: how many datapoints to print.
        name: a name to show in the heading.
        max_depth: how many levels of nested lists and tuples to show.
        max_list: how many elements of a nested list or tuple to show.
    """

    _hands_on = True

    def __init__(self, ds: DataFlow, num: int = 1, name: Optional[str] = None, max_depth: int = 3, max_list: int = 3):
        super().__init__(ds)
        self.num = whole_number(self, "num", num, minimum=0)
        self.name = name
        self.max_depth = whole_number(self, "max_depth", max_depth, minimum=0)
        self.max_list = whole_number(self, "max_list", max_list, minimum=0)
        self._printed = 0

    def reset_state(self) -> None:
        super().reset_state()
        self._printed = 0

    def __iter__(self) -> Iterator[Any]:
        for dp in self.ds:
            if self._printed < self.num:
                self._show(dp)
            yield dp

    def _show(self, dp: Any) -> None:
        if self._printed == 0:
            of = "" if self.name is None else " ({})".format(self.name)
            logger.info(colored("Contents of DataFlow{}:".format(of), "cyan"))
        self._printed += 1
        count = "datapoint {}/{}".format(self._printed, self.num)
        if not isinstance(dp, (list, tuple, dict)):
            print(colored("{} is no list, tuple or dict, but {}".format(count, _summary(dp)), "cyan"))
            return
        print(colored("{} with {} components consists of".format(count, len(dp)), "cyan"))
        for name, component in dp.items() if isinstance(dp, dict) else enumerate(dp):
            print("\n".join(describe_component(name, component, 1, self.max_depth, self.max_list)))


def describe_component(name: Any, component: Any, depth: int, max_depth: int, max_list: int) -> List[str]:
    """Lines about a component and, for lists and tuples, about its elements, each level indented further."""
    indent = "  " * depth
    lines = ["{}{}: {}".format(indent, name, _summary(component))]
    if not isinstance(component, (list, tuple)):
        return lines
    if depth >= max_depth:
        return lines + [indent + "  ..."]
    for index, element in enumerate(component[:max_list]):
        lines += describe_component(index, element, depth + 1, max_depth, max_list)
    if len(component) > max_list:
        lines.append(indent + "  ...")
    return lines


def _summary(component: Any) -> str:
    text = type(component).__name__
    if isinstance(component, np.ndarray):
        text += ":{} of shape {}".format(component.dtype, component.shape)
        if component.size and component.dtype.kind in "biuf":
            text += " in range [{}, {}]".format(component.min(), component.max())
    elif isinstance(component, (list, tuple)):
        text += " of len {}".format(len(component))
    elif isinstance(component, _PRINTED_BY_VALUE):
        text += " with value {}".format(component)
    return text
