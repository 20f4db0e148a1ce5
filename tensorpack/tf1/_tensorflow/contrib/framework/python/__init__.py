"""`tensorflow.contrib.framework.python`."""
