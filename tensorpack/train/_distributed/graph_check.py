"""Whether all workers are about to train the same thing: their graphs are compared before they wait for each other."""
from __future__ import annotations

import hashlib
import json
from typing import Any, Dict, List, Sequence

from ... import compat
from ...tfutils.dependency import dependency_of_targets

__all__ = ["compare_graphs", "describe_graph", "describe_variables", "digest", "in_common"]

_MAX_SHOWN = 3  # differences that an error names


def describe_graph(train_op: Any, variables: Sequence[Any], reduced: Sequence[Any], device: str) -> Dict[str, Any]:
    """What must be equal on all workers, as JSON: the variables of the model, the gradients, what a step computes.

    Attributes of operations are left out: seeds, and constants such as the part of the data, may differ.

    Args:
        variables: global variables of the model and its optimizer.
        reduced: gradients that are averaged over the workers.
        device: type of the device where they are.
    """
    operations = {op.name: op.type for op in train_op.graph.get_operations() if dependency_of_targets((train_op,), op)}
    return {
        "TensorFlow": ".".join(str(part) for part in compat.VERSION),
        "device": {"of the gradients": device},
        "variable": describe_variables(variables),
        "gradient": {grad.op.name: _spec(getattr(grad, "values", grad)) for grad in reduced},
        "operation": operations,
    }


def describe_variables(variables: Sequence[Any]) -> Dict[str, str]:
    """Name -> dtype and shape."""
    return {variable.op.name: _spec(variable) for variable in variables}


def digest(description: Any) -> str:
    """Short text that differs between different descriptions."""
    return hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()


def in_common(descriptions: List[Dict[str, str]]) -> List[str]:
    """Sorted names of what all workers have, and describe alike."""
    return sorted(name for name, _ in set.intersection(*[set(description.items()) for description in descriptions]))


def _spec(x: Any) -> str:
    shape = "(...)" if x.shape.ndims is None else str(tuple(x.shape.as_list()))
    return "{} {}".format(x.dtype.base_dtype.name, shape)


def compare_graphs(descriptions: List[Dict[str, Any]]) -> None:
    """Raise ValueError, which names what differs, unless the descriptions of all workers are equal to that of rank 0."""
    chief = descriptions[0]
    for rank, other in enumerate(descriptions):
        if other["TensorFlow"] != chief["TensorFlow"]:
            raise ValueError("all workers must have the same TensorFlow; got {} on rank 0, {} on rank {}".format(
                chief["TensorFlow"], other["TensorFlow"], rank))
        for what in ("device", "variable", "gradient", "operation"):
            differences = _differences(what, chief[what], other[what], rank)
            if differences:
                more = len(differences) - _MAX_SHOWN
                raise ValueError("all workers must train the same graph; rank {} has another one than rank 0: {}{}; start them "
                                 "with the same script and arguments, and build nothing that depends on the rank".format(
                                     rank, "; ".join(differences[:_MAX_SHOWN]),
                                     "; and {} more differences".format(more) if more > 0 else ""))


def _differences(what: str, chief: Dict[str, str], other: Dict[str, str], rank: int) -> List[str]:
    found = ["only rank 0 has {} '{}' ({})".format(what, name, chief[name]) for name in chief if name not in other]
    found += ["only rank {} has {} '{}' ({})".format(rank, what, name, other[name]) for name in other if name not in chief]
    found += ["{} '{}' is {} on rank 0, {} on rank {}".format(what, name, chief[name], other[name], rank)
              for name in chief if name in other and chief[name] != other[name]]
    return found
