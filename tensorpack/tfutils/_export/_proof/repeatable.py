"""Which outputs can be computed twice: those that draw no random numbers and change nothing."""
from __future__ import annotations

import re
from typing import Dict, Optional, Sequence

from .... import compat
from ....compat import tfv1 as tf
from ...dependency import ancestors
from ..graph_functions import types_in_functions

_RANDOM = re.compile(r".*(Random|Multinomial|TruncatedNormal)")
_CHANGING = re.compile(
    r"Assign|(Resource)?StridedSliceAssign|Scatter(Add|Sub|Mul|Div|Min|Max|Update)$|ScatterNd(Add|Sub|Update)$|"
    r"Resource(Apply|Scatter|Sparse|CountUpTo)|(Sparse)?Apply|CountUpTo|.*(Enqueue|Dequeue)|Iterator|Stage|Unstage|"
    r"Reader(Read|Restore)|Stack(Push|Pop)|LookupTable(Insert|Import|Remove)|.*PyFunc|TemporaryVariable|DestroyTemporaryVariable")


def unrepeatable(inputs: Sequence[tf.Tensor], outputs: Sequence[tf.Tensor]) -> Dict[int, str]:
    """{number of an output: the name of an operation} where a second run may give something else."""
    found = {}
    for number, output in enumerate(outputs):
        names = sorted(op.name for op in ancestors([output], inputs) if _differs_each_time(op))
        if names:
            found[number] = names[0]
    return found


def _differs_each_time(op: tf.Operation) -> bool:
    return any(map(_is_unrepeatable_type, [op.type] + types_in_functions(op)))


def _is_unrepeatable_type(op_type: str) -> bool:
    if _CHANGING.match(op_type):
        return True
    definition: Optional[object] = compat.op_definition(op_type) if _RANDOM.match(op_type) else None
    return definition is not None and bool(getattr(definition, "is_stateful", False))
