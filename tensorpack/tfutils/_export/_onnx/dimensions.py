"""Names for the dimensions of an ONNX model whose size is open, which tf2onnx calls `unk__<number>`."""
from __future__ import annotations

import copy
from typing import Any, Dict, Iterator, List, Optional, Tuple

from ....utils.optional import optional_import

shape_inference = optional_import("onnx.shape_inference", needed_by="ModelExporter.export_onnx",
                                  pip="tf2onnx (or tensorpack[onnx])")

_BATCH = "batch"


def name_dimensions(converted: Any) -> None:
    """Call open dimensions of inputs and outputs `<tensor>_<index>`, and the batch `batch`.

    The batch is the first dimension of the input, if one input only has an open one, and that of the outputs that follow it.
    """
    graph = converted.graph
    del graph.value_info[:]  # what is between inputs and outputs has such names as well, and nobody needs it
    names = {(tensor.name, index): "{}_{}".format(tensor.name.partition(":")[0], index)
             for tensor in list(graph.input) + list(graph.output) for index, _ in _open_dimensions(tensor)}
    batched = [tensor.name for tensor in graph.input if (tensor.name, 0) in names]
    if len(batched) == 1:
        for name in batched + _outputs_with(converted, batched[0]):
            names[name, 0] = _BATCH
    for tensor in list(graph.input) + list(graph.output):
        for index, dimension in _open_dimensions(tensor):
            dimension.dim_param = names[tensor.name, index]


def _open_dimensions(tensor: Any) -> Iterator[Tuple[int, Any]]:
    for index, dimension in enumerate(tensor.type.tensor_type.shape.dim):
        if not dimension.HasField("dim_value"):
            yield index, dimension


def _outputs_with(converted: Any, input_name: str) -> List[str]:
    """The outputs whose first dimension is as large as that of an input, whatever that is."""
    sizes = 2, 3
    found = [_first_dimensions(converted, input_name, size) for size in sizes]
    return [name for name in found[0] if all(dimensions[name] == size for dimensions, size in zip(found, sizes))]


def _first_dimensions(converted: Any, input_name: str, size: int) -> Dict[str, Optional[int]]:
    """Output -> its first dimension, as far as ONNX can tell, where that of an input has this size."""
    tried = copy.deepcopy(converted)
    for tensor in tried.graph.input:
        if tensor.name == input_name:
            tensor.type.tensor_type.shape.dim[0].dim_value = size
    for tensor in tried.graph.output:
        for _, dimension in _open_dimensions(tensor):
            dimension.Clear()
    inferred = shape_inference.infer_shapes(tried, data_prop=True)
    return {tensor.name: dict(enumerate(_values(tensor))).get(0) for tensor in inferred.graph.output}


def _values(tensor: Any) -> List[Optional[int]]:
    return [dimension.dim_value if dimension.HasField("dim_value") else None
            for dimension in tensor.type.tensor_type.shape.dim]
