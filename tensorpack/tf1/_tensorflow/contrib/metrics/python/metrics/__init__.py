"""`tf.contrib.metrics.python.metrics`."""
