"""`tensorflow.contrib.layers.python.layers`."""
from .embedding_ops import *  # noqa: F403
from .encoders import *  # noqa: F403
from .initializers import *  # noqa: F403
from .layers import *  # noqa: F403
from .normalization import *  # noqa: F403
from .optimizers import *  # noqa: F403
from .regularizers import *  # noqa: F403
from .summaries import *  # noqa: F403
