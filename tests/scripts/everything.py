"""The names that code has in tests/in_process.py."""
import numpy as np  # noqa: F401

from tensorpack import *  # noqa: F401
from tensorpack.compat import tfv1 as tf  # noqa: F401
