"""`tf.contrib.metrics.python`."""
