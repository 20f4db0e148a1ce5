"""`tensorflow.contrib.framework.python.framework`."""
from .checkpoint_utils import *  # noqa: F403
from .tensor_util import *  # noqa: F403
