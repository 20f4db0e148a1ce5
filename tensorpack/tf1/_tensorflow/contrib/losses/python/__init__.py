"""`tf.contrib.losses.python`."""
