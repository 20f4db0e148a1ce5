"""What a model is (`ModelDesc`) and, for each kind of trainer, how towers become one training operation."""
from .model_desc import ModelDesc, ModelDescBase

__all__ = ["ModelDesc", "ModelDescBase"]
