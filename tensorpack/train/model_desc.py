"""Kept for scripts that import the model description from here; it lives in `graph_builder.model_desc`."""
from ..graph_builder.model_desc import ModelDesc, ModelDescBase

__all__ = ["ModelDesc", "ModelDescBase"]
