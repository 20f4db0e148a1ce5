"""`tf.contrib.slim.python`."""
