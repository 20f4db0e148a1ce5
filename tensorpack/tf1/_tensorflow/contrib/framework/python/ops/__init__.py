"""`tensorflow.contrib.framework.python.ops`; the name `arg_scope` is the function, as there."""
from .arg_scope import *  # noqa: F403
from .variables import *  # noqa: F403
