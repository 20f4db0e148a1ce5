"""Rewrites of frozen graphs before a conversion: others for operations that a converter or runtime gets wrong.

Each file has one rewrite, a function from a `Rewriting` that changes its graph. Values and names of all tensors that stay are
the same before and after. `ONNX`, `TFLITE` and `OPENCV` list what a target needs.
"""
from __future__ import annotations

from typing import Any, Callable, Sequence

from ....compat import VERSION
from ..frozen_model import FrozenModel
from . import for_opencv
from .band_part import rewrite_band_part
from .choice import rewrite_choice_of_parts, rewrite_choice_of_rows
from .crop_and_resize import rewrite_crop_and_resize
from .integer_division import rewrite_integer_division
from .non_max_suppression import rewrite_non_max_suppression
from .one_hot import rewrite_one_hot, rewrite_unsorted_segments
from .resize import rewrite_resize, rewrite_resize_by_cut_off_factors
from .rewriting import Rewriting

Rewrite = Callable[[Rewriting], None]

ONNX: Sequence[Rewrite] = (
    rewrite_integer_division, rewrite_crop_and_resize, rewrite_resize, rewrite_resize_by_cut_off_factors, rewrite_one_hot,
    rewrite_unsorted_segments, rewrite_band_part)
TFLITE: Sequence[Rewrite] = (rewrite_non_max_suppression, rewrite_resize)
if VERSION >= (2, 0):  # the converter of TF 1.15 does not follow the shapes of what is gathered
    TFLITE = (*TFLITE, rewrite_crop_and_resize, rewrite_choice_of_rows)
else:
    TFLITE = (*TFLITE, rewrite_choice_of_parts)
OPENCV: Sequence[Rewrite] = (
    for_opencv.spread_dilated_kernels, for_opencv.split_by_slices, for_opencv.mirror_by_slices,
    for_opencv.reverse_by_slices, for_opencv.softmax_by_parts, for_opencv.subtract_by_adding, for_opencv.name_outputs,
    for_opencv.keep_biases_apart)


def rewritten(model: FrozenModel, rewrites: Sequence[Rewrite]) -> Any:
    """The GraphDef of a model after rewrites; the same object where there is nothing to rewrite."""
    rewriting = Rewriting(model)
    for rewrite in rewrites:
        rewrite(rewriting)
    if not rewriting.changed:
        return model.graph_def
    rewriting.editor.prune(sorted(rewriting.kept) + model.tables)
    return rewriting.editor.graph_def()
