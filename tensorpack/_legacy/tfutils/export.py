"""`ModelExport`, which wrote a SavedModel."""
from __future__ import annotations

import os
from typing import Any, Optional, Sequence

from ...predict.config import PredictConfig
from ...tfutils.export import ModelExporter
from ...tfutils.sessinit import SmartInit


class ModelExport:
    """Writes a model for TensorFlow Serving.

    Args:
        model: a ModelDesc.
        input_names, output_names: of tensors.
    """

    def __init__(self, model: Any, input_names: Sequence[str], output_names: Sequence[str]):
        self.model = model
        self.input_names = list(input_names)
        self.output_names = list(output_names)

    def export(self, checkpoint: str, export_path: str, version: int = 1, tags: Optional[Sequence[str]] = None,
               signature_name: str = "prediction_pipeline") -> None:
        """Write the SavedModel `<export_path>/<version>`, with the variables of a checkpoint."""
        config = PredictConfig(model=self.model, session_init=SmartInit(checkpoint), input_names=self.input_names,
                               output_names=self.output_names)
        ModelExporter(config).export_serving(os.path.join(export_path, str(version)), tags, signature_name)
