"""`tensorflow.contrib.layers.python`."""
