"""What a model is (`ModelDesc`) and, for each kind of trainer, how towers become one training operation."""
from .model_desc import ModelDesc, ModelDescBase  # noqa: F401, kept for scripts that import them from here
from .training import DataParallelBuilder
from .utils import LeastLoadedDeviceSetter, allreduce_grads

__all__ = ["DataParallelBuilder", "LeastLoadedDeviceSetter", "allreduce_grads"]
