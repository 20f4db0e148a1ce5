"""`tf.contrib.losses.python.losses`."""
