"""`tensorflow.contrib.framework.python.framework.checkpoint_utils`."""
from ..._checkpoints import init_from_checkpoint, list_variables, load_checkpoint, load_variable

__all__ = ["init_from_checkpoint", "list_variables", "load_checkpoint", "load_variable"]
