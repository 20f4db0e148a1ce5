"""How an export is made smaller, by weights of fewer bits or by integers throughout, and what its arguments may be."""
from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional

from ....dataflow.base import DataFlow, require_dataflow
from ....utils._arguments.numbers import whole_number
from .._proof.examples import Example
from .calibration import Inputs, calibration_examples

WEIGHTS = ("float16", "int8")


class Smaller(NamedTuple):
    """One way to make a file smaller.

    Attributes:
        who: the export to name in errors.
        argument: the argument that gives the flow.
        weights: `"float16"` or `"int8"`.
        flow: with it, activations are integers as well, of the ranges that they have for its datapoints.
        num_samples: how many of its rows to look at.
        integer_only: whether inputs and outputs are integers, too, and nothing else may be in the file.
    """

    who: str
    argument: str
    weights: str
    flow: Optional[DataFlow]
    num_samples: int
    integer_only: bool = False

    def examples(self, inputs: Inputs) -> List[Example]:
        """What the flow gives; nothing without one."""
        if self.flow is None:
            return []
        return calibration_examples("{}: {}".format(self.who, self.argument), self.flow, self.num_samples, inputs)

    def description(self, examples: List[Example]) -> Dict[str, Any]:
        """What the JSON beside the file says."""
        described: Dict[str, Any] = {"weights": self.weights, "activations": "float32" if self.flow is None else "int8"}
        return described if self.flow is None else dict(described, samples=len(examples))

    def nothing(self, why: str) -> ValueError:
        """The error for a model that stays what it is."""
        return ValueError("{}: the model must have weights to store as {}; got none: {}; leave {} out".format(
            self.who, self.weights, why, "weights" if self.flow is None else self.argument))


def smaller(who: str, argument: str, weights: Any, flow: Any, num_samples: Any, integer_only: Any = False
            ) -> Optional[Smaller]:
    """The way that the arguments of an export ask for; None if they ask for none.

    Raises:
        TypeError, ValueError: an argument is wrong, or two do not go together.
    """
    num_samples = whole_number(who, "num_samples", num_samples, minimum=1)
    if weights not in (None,) + WEIGHTS:
        raise ValueError("{}: weights must be None, {}; got {!r}".format(who, " or ".join(map(repr, WEIGHTS)), weights))
    if flow is None:
        if integer_only:
            raise ValueError("{}: integer_only must come with data from which ranges are measured; got none; pass {}=, a "
                             "DataFlow".format(who, argument))
        return None if weights is None else Smaller(who, argument, weights, None, num_samples)
    require_dataflow(who, argument, flow)
    if weights not in (None, "int8"):
        raise ValueError("{}: with {} the weights are int8, as all else; got weights={!r}; leave one of the two out".format(
            who, argument, weights))
    return Smaller(who, argument, "int8", flow, num_samples, bool(integer_only))
