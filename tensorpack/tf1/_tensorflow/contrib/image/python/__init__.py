"""`tf.contrib.image.python`."""
