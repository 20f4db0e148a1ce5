"""`tf.contrib.image`: rotated, translated, projected and warped images."""
from __future__ import annotations

from ..._provide import provide

__getattr__, __dir__, __all__ = provide(__name__, {
    "python.ops.image_ops": ["angles_to_projective_transforms", "compose_transforms", "flat_transforms_to_matrices",
                             "matrices_to_flat_transforms", "rotate", "transform", "translate",
                             "translations_to_projective_transforms"],
    "python.ops.dense_image_warp": ["dense_image_warp"],
})
